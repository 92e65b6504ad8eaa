"""Progress of the captures, measured by the limits of the verdict."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from calibration.cameras.rig_verdict import (
    CELLS,
    COVERED,
    ENOUGH_VIEWS,
    FEW_VIEWS,
    HARDLY_COVERED,
    HARDLY_TILTED,
    TILTED,
    tilts,
)
from calibration.live.board_view import Cell, Look
from nav.core.frames import Array

# a little more than the verdict requires: some images may not fit, and be left out
SPARE = 1.1
TOGETHER, FEW_TOGETHER = 6, 2  # instants that a camera shares with another
NEAR_AND_FAR = 1.2  # largest to smallest board in the picture
Capture = Mapping[int, Look]  # by camera


@dataclass(frozen=True)
class CameraProgress:
    """One camera's captures.

    Attributes
    ----------
    views : int
        How many there are.
    cells : frozenset of (int, int)
        Cells covered.
    covered : float
        Share of the image.
    tilt : float
        From end to end, in the direction in which it is smaller, rad.
    lean : ndarray, shape (n, 2)
        Tilts of all boards, rad.
    near, far : float
        Largest and smallest `Look.square`.
    widest : float
        The largest board's share of the image's width.
    together : int
        Captures that another camera has as well.
    """

    views: int
    cells: frozenset[Cell]
    covered: float
    tilt: float
    lean: Array
    near: float
    far: float
    widest: float
    together: int

    @property
    def reach(self) -> float:
        """Largest to smallest board."""
        return float(np.exp(self.near - self.far))


@dataclass(frozen=True)
class Progress:
    """All cameras' captures.

    Attributes
    ----------
    cameras : tuple of CameraProgress
        Of each camera.
    captures : int
        How many there are.
    together : int
        Captures by several cameras at once.
    tied : bool
        Whether common captures connect each camera to each other.
    least : int
        Views required per camera.
    """

    cameras: tuple[CameraProgress, ...]
    captures: int
    together: int
    tied: bool
    least: int = ENOUGH_VIEWS

    @property
    def usable(self) -> bool:
        """Whether a calibration may be tried."""
        several = len(self.cameras) > 1
        return self.tied and all(
            c.views >= FEW_VIEWS
            and c.covered >= HARDLY_COVERED
            and c.tilt >= HARDLY_TILTED
            and (not several or c.together >= FEW_TOGETHER)
            for c in self.cameras
        )

    @property
    def done(self) -> bool:
        """Whether there is enough for a good one."""
        return self.tied and all(self.enough(k) for k in range(len(self.cameras)))

    def enough(self, camera: int) -> bool:
        """Return whether one camera's captures suffice for a good calibration."""
        own = self.cameras[camera]
        return (
            own.views >= self.least
            and own.covered >= COVERED
            and own.tilt >= SPARE * TILTED
            and own.reach >= NEAR_AND_FAR
            and (len(self.cameras) == 1 or own.together >= TOGETHER)
        )


def progress_of(taken: Sequence[Capture], cameras: int, least: int = ENOUGH_VIEWS) -> Progress:
    """Measure the progress of some captures.

    Parameters
    ----------
    taken : sequence of Capture
        The captures.
    cameras : int
        Number of cameras.
    least : int, optional
        Views required per camera.

    Returns
    -------
    Progress
        Of all cameras.
    """
    several = [set(capture) for capture in taken if len(capture) > 1]
    return Progress(
        tuple(_camera(taken, k) for k in range(cameras)),
        len(taken),
        len(several),
        _tied(several, cameras),
        least,
    )


def _camera(taken: Sequence[Capture], camera: int) -> CameraProgress:
    looks = [capture[camera] for capture in taken if camera in capture]
    cells = frozenset[Cell]().union(*(look.cells for look in looks))
    squares = [look.square for look in looks]
    return CameraProgress(
        len(looks),
        cells,
        len(cells) / float(np.prod(CELLS)),
        tilts(np.array([look.normal for look in looks]).reshape(-1, 3)) if looks else 0.0,
        np.array([look.lean for look in looks]).reshape(-1, 2),
        max(squares, default=0.0),
        min(squares, default=0.0),
        max((look.width for look in looks), default=0.0),
        sum(camera in capture and len(capture) > 1 for capture in taken),
    )


def _tied(several: Sequence[set[int]], cameras: int) -> bool:
    reached, grown = {0}, True
    while grown:
        joined = reached.union(*(s for s in several if s & reached))
        grown, reached = len(joined) > len(reached), joined
    return len(reached) == cameras
