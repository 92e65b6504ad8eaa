"""What a fit to pixels is given, what its passes hand on, and what each of them returns."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from nav.core.frames import Array
from nav.core.frameset import Picture
from nav.tracking.fit.accumulate_views import view_equations
from nav.tracking.fit.fit_result import Projection, ViewAppearance
from nav.tracking.fit.kernel_arguments import CameraImage, MarkerPatterns, ViewEquations
from nav.tracking.fit.marker_views import MarkerViews
from nav.tracking.fit.quality import Quality
from nav.tracking.fit.response import Response
from nav.tracking.fit.sharpening import UNKNOWN, Unsharpened


@dataclass(frozen=True)
class CameraInput:
    """One camera's image, and what is known of the camera from earlier ones.

    Parameters
    ----------
    picture : ndarray, shape (height, width), uint8
        As the camera gave it.
    unsharpened : Unsharpened or None
        What to use in place of it.
    response : Response
        From light to grey levels.
    spread : float
        Noise seen before, grey levels; 0 where not known.
    roughness : float
        How far corners are off where pixels are not a sensor's own, one standard deviation, px.
    growth : float
        Factor of the variance, as neighbouring pixels share their errors.
    """

    picture: Picture
    unsharpened: Unsharpened | None
    response: Response
    spread: float
    roughness: float
    growth: float


@dataclass(frozen=True)
class FitInput:
    """What one fit is given: the same in all of its passes.

    Parameters
    ----------
    marker_views : MarkerViews
        The n views to fit to.
    cameras : sequence of CameraInput
        One for each camera of the views.
    before : ViewAppearance
        How the views looked a moment ago, to start from.
    """

    marker_views: MarkerViews
    cameras: Sequence[CameraInput]
    before: ViewAppearance

    @cached_property
    def patterns(self) -> MarkerPatterns:
        """What is printed on the markers."""
        shape, marker = self.marker_views.shape, self.marker_views.marker
        return MarkerPatterns(
            np.ascontiguousarray(shape.changes[marker]),
            shape.count,
            np.ascontiguousarray(shape.zones[marker]),
        )

    @cached_property
    def quality(self) -> Quality:
        """Judge of the views."""
        return Quality(self.marker_views, np.array([each.spread for each in self.cameras]))

    @cached_property
    def clipped(self) -> bool:
        """Whether clipped pixels of unsharpened images follow the fit."""
        plains = [each.unsharpened for each in self.cameras]
        return any(plain is not None and len(plain.clipped_at) > 0 for plain in plains)

    @cached_property
    def response_information(self) -> Array:
        """What is known of the cameras' curves, (cameras, 2, 2)."""
        return np.stack([each.response.information for each in self.cameras])

    @cached_property
    def response_before(self) -> Array:
        """Parameters of the cameras' curves to start from, (cameras, 2)."""
        return np.stack([each.response.parameters for each in self.cameras])

    def camera_image(self, index: int, response: Response) -> CameraImage:
        """Return what compiled functions take of a camera, with the present response curve."""
        each, rays = self.cameras[index], self.marker_views.cameras[index].rays
        if each.unsharpened is None:
            return CameraImage(each.picture, rays.grid, response.table, response.power)
        picture = each.unsharpened.picture
        return CameraImage(picture, rays.grid, response.table, response.power, UNKNOWN)


@dataclass(frozen=True)
class PixelCuts:
    """Which pixels of n views count, and whose blur may change.

    Parameters
    ----------
    cut : ndarray, shape (n,)
        Residual, grey levels, from which a pixel is weighted down; 0: none.
    free : ndarray, shape (n,), bool
        Whether the view's blur may change.
    odd : ndarray, shape (n, cells), int
        Number of pixels beyond the cut in each cell.
    restarted : bool
        Whether pixels cut were once all taken back.
    """

    cut: Array
    free: NDArray[np.bool_]
    odd: NDArray[np.int64]
    restarted: bool


@dataclass(frozen=True)
class FitState:
    """What one pass hands to the next.

    Parameters
    ----------
    pose : ndarray, shape (4, 4)
        rig_from_tool.
    responses : sequence of Response
        Of each camera.
    appearance : ViewAppearance
        Of the n views.
    swing : ndarray, shape (n, 3)
        The last change of the blur, px^2.
    cuts : PixelCuts
        Which pixels count.
    equations : ViewEquations
        Of the pass before: what a view that could not be solved keeps.
    projection : Projection or None
        Of the pass before; None in the first.
    moved : ndarray, shape (n, 8)
        Flow since then.
    way : float
        Px that corners went since they were projected through the lenses.
    ray_per_pixel : ndarray, shape (n, 2, 2), or None
        Derivatives of the rays by the pixel; hardly changed after a step.
    start_corners : ndarray, shape (n, 4, 2), or None
        Corners in the first pass, px.
    """

    pose: Array
    responses: Sequence[Response]
    appearance: ViewAppearance
    swing: Array
    cuts: PixelCuts
    equations: ViewEquations
    projection: Projection | None = None
    moved: Array | None = None
    way: float = np.inf
    ray_per_pixel: Array | None = None
    start_corners: Array | None = None


@dataclass(frozen=True)
class PassResult:
    """What one pass found.

    Parameters
    ----------
    state : FitState
        After its step.
    projection : Projection
        About which it was linearised.
    equations : ViewEquations
        Normal equations of the views.
    offset : ndarray, shape (n, 8)
        Flow off the pose about which it was linearised.
    toward : ndarray, shape (cameras, 2)
        Pull of what was known of the cameras' curves.
    move : float
        Largest move of a corner, px.
    change : float
        Largest change of blur, px, and of response.
    refilled : float
        Change of clipped pixels, grey levels.
    settled : bool
        Whether no blurs were kept and no pixels used that will not be from now on.
    """

    state: FitState
    projection: Projection
    equations: ViewEquations
    offset: Array
    toward: Array
    move: float
    change: float
    refilled: float
    settled: bool


def initial_state(given: FitInput, pose: Array, near: bool) -> FitState:
    """Return the state before the first pass.

    Parameters
    ----------
    given : FitInput
        What is fitted.
    pose : ndarray, shape (4, 4)
        rig_from_tool to start from.
    near : bool
        Whether it is near: then pixels are compared with what was there a moment ago.

    Returns
    -------
    FitState
    """
    count, cells = len(given.marker_views), (given.marker_views.shape.count + 2) ** 2
    before, known = given.before, given.before.brightness
    brightness = known.copy() if near else np.zeros_like(known)
    cut = given.quality.usual_cut * (known[:, 0] > 0.0) if near else np.zeros(count)
    return FitState(
        pose,
        [each.response.copy() for each in given.cameras],
        ViewAppearance(before.blur, brightness, before.offset, before.slack),
        np.zeros_like(before.blur),
        PixelCuts(cut, np.ones(count, np.bool_), np.zeros((count, cells), np.int64), False),
        view_equations(count),
    )
