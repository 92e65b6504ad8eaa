"""Evidence against a pose: cameras that do not confirm it, markers that are seen elsewhere.

A subset of the views that agrees with itself proves little: with a wrong rig or a wrong tool file
each camera by itself may agree perfectly. So it is checked for each camera what it should see by
the pose and does not, and for each decoded marker whether it lies where the pose has it.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nav.camera.rig import Camera
from nav.core.frames import Array
from nav.tracking.detect.marker_view import MarkerView
from nav.tracking.fit.corner_pose import PoseFit, fit_pose
from nav.tracking.follow.pose_candidate import PoseCandidate
from nav.tracking.tool import Tool

CLEAR_COSINE = 0.4  # 66 degrees: more oblique markers often fail to look like themselves
CLEAR_CELL = 1.6  # px: cells seen smaller often fail to
MARGIN = 2.0  # px inside the image's edge, so that blur does not cut a marker
# of a marker's size, a cell of it, and px: a decoded marker further off lies elsewhere, or turned
ELSEWHERE, ELSEWHERE_PIXELS = 1 / 8, 2.0
FAR = 1 / 3  # of a marker's size, and the same px: not a bent tool or a rig that is a little wrong
RIVAL = 0.5  # of the markers that confirm a pose: so many elsewhere make another place as likely
FITS_ALONE = 1.0  # px, rms of corners by one camera alone
FEWEST = 2  # markers elsewhere that may not be chance misreadings


@dataclass(frozen=True)
class CameraSupport:
    """One camera's support for a tool's pose.

    Parameters
    ----------
    camera : int
        Its index in the rig.
    expected : int
        How many markers it should see clearly by the pose; 0 where it confirms half of all.
    missing : int
        How many of these it does not confirm; 0 where it confirms half of all.
    confirmed : int
        How many of the markers that face it by the pose look like themselves there.
    elsewhere : tuple of int
        Ids decoded in its image where the pose does not have them.
    far : tuple of int
        Those of them that are far off.
    """

    camera: int
    expected: int
    missing: int
    confirmed: int
    elsewhere: tuple[int, ...] = ()
    far: tuple[int, ...] = ()

    @property
    def silent(self) -> bool:
        """Whether it should see markers and confirms none."""
        return self.expected > 0 and self.confirmed == 0

    @property
    def doubtful(self) -> bool:
        """Whether more is missing there than confirmed."""
        return self.missing > self.confirmed

    @property
    def denies(self) -> bool:
        """Whether it finds the tool's markers, and none where the pose has them."""
        return self.confirmed == 0 and len(self.far) > 0


@dataclass(frozen=True)
class Contradiction:
    """Why a pose is not accepted though markers fit it.

    Parameters
    ----------
    cameras : tuple of str
        Names of the cameras that see markers elsewhere.
    confirming : tuple of str
        Names of those that confirm the pose.
    ids : tuple of int
        Markers seen elsewhere.
    twice : bool
        Whether those elsewhere are also seen where the pose has them: there are two of them.
    denied : bool
        Whether the cameras that see markers elsewhere confirm nothing.
    """

    cameras: tuple[str, ...]
    confirming: tuple[str, ...]
    ids: tuple[int, ...]
    twice: bool
    denied: bool


def camera_supports(
    candidate: PoseCandidate, detected: Sequence[MarkerView] = ()
) -> tuple[CameraSupport, ...]:
    """Return the support of each camera with an image for a pose.

    Parameters
    ----------
    candidate : PoseCandidate
        The pose with the views that it was fitted to.
    detected : sequence of MarkerView
        Markers that a search of whole images found.

    Returns
    -------
    tuple of CameraSupport
        One for each camera that faces a marker or has one decoded elsewhere.
    """
    views = candidate.fit_result.marker_views
    confirmed = _confirmed(candidate)
    clear: NDArray[np.bool_] | None = None
    away = elsewhere(candidate, detected)
    supports = []
    for index, camera_model in enumerate(views.cameras):
        own = views.camera == index
        own_away = [pair for pair in away if pair[0].camera.name == camera_model.camera.name]
        ids = tuple(view.marker.id for view, _ in own_away)
        far_ids = tuple(view.marker.id for view, far in own_away if far)
        count, sure = int(own.sum()), int((own & confirmed).sum())
        if not count and not ids:
            continue
        expected = missing = 0
        if count > 2 * sure:  # else it cannot be doubtful
            clear = _clearly_visible(candidate) if clear is None else clear
            expected = int((own & clear).sum())
            missing = int((own & clear & ~confirmed).sum())
        supports.append(CameraSupport(index, expected, missing, sure, ids, far_ids))
    return tuple(supports)


def elsewhere(
    candidate: PoseCandidate, detected: Sequence[MarkerView]
) -> list[tuple[MarkerView, bool]]:
    """Return the decoded markers that do not lie where a pose has them.

    Only those count that were read cell by cell and whose pixels look like them: chance seldom does
    both.

    Parameters
    ----------
    candidate : PoseCandidate
        The pose.
    detected : sequence of MarkerView
        Markers that a search of whole images found.

    Returns
    -------
    list of (MarkerView, bool)
        The marker, and whether it is far off.
    """
    away = []
    for view in detected:
        if not (view.decoded and view.refined):
            continue
        projected = _projected(view.camera, candidate.matrix, view.marker.corners)
        size = float(np.linalg.norm(view.corners[2] - view.corners[0])) / np.sqrt(2.0)
        offset = np.inf if projected is None else float(np.abs(projected - view.corners).max())
        if offset > ELSEWHERE * size + ELSEWHERE_PIXELS:
            away.append((view, offset > FAR * size + ELSEWHERE_PIXELS))
    return away


def find_contradiction(
    tool: Tool, candidate: PoseCandidate, supports: Sequence[CameraSupport]
) -> Contradiction | None:
    """Return why a pose is contradicted as much as it is supported.

    A camera that finds the tool's markers, but none of them where the pose has them, is enough: the
    others may agree among themselves and still be wrong.

    Parameters
    ----------
    tool : Tool
        The tool.
    candidate : PoseCandidate
        Its pose.
    supports : sequence of CameraSupport
        Support of each camera for it.

    Returns
    -------
    Contradiction or None
        None where it is not contradicted.
    """
    cameras = candidate.fit_result.marker_views.cameras
    denying = [support for support in supports if support.denies]
    rivals = denying or [
        support
        for support in supports
        if len(support.far) >= max(FEWEST, RIVAL * support.confirmed)
    ]
    if not rivals:
        away = sum(len(support.far) for support in supports)
        if away < max(FEWEST, RIVAL * sum(support.confirmed for support in supports)):
            return None
        rivals = [support for support in supports if support.far]
    ids = sorted({marker for support in rivals for marker in support.far})
    at_pose = _confirmed_ids(tool, candidate)
    there = [(cameras[s.camera].camera.name, marker) for s in rivals for marker in s.far]
    both = sum(pair in at_pose or count > 1 for pair, count in Counter(there).items())
    return Contradiction(
        tuple(cameras[support.camera].camera.name for support in rivals),
        tuple(cameras[support.camera].camera.name for support in supports if support.confirmed),
        tuple(ids),
        2 * both > len(set(there)),
        bool(denying),
    )


def fits_each_camera(views: Sequence[MarkerView]) -> tuple[str, ...]:
    """Return the cameras by each of which alone a tool's markers fit together.

    Where they do not fit together in all cameras at once, the extrinsics are wrong, not the tool.

    Parameters
    ----------
    views : sequence of MarkerView
        The tool's markers in all cameras.

    Returns
    -------
    tuple of str
        Names; empty where there are fewer than two.
    """
    fitting = []
    for name in dict.fromkeys(view.camera.name for view in views):
        own = [view for view in views if view.camera.name == name and view.decoded and view.refined]
        try:
            fit = fit_pose(own) if len(own) >= FEWEST else None
        except np.linalg.LinAlgError:
            continue
        if isinstance(fit, PoseFit) and len(fit.used) == len(own) and fit.rms_px < FITS_ALONE:
            fitting.append(name)
    return tuple(fitting) if len(fitting) > 1 else ()


def _confirmed_ids(tool: Tool, candidate: PoseCandidate) -> set[tuple[str, int]]:
    """Return camera and id of every marker that looks like itself where the pose has it."""
    views = candidate.fit_result.marker_views
    return {
        (views.cameras[views.camera[k]].camera.name, tool.markers[views.marker[k]].id)
        for k in np.flatnonzero(_confirmed(candidate))
    }


def _confirmed(candidate: PoseCandidate) -> NDArray[np.bool_]:
    """Return (n,) views that look like their markers, within a cell of where the pose has them."""
    size = candidate.fit_result.projection.scale * candidate.fit_result.marker_views.shape.count
    offset = np.abs(candidate.residuals).max(axis=1)
    return np.asarray(candidate.sure & (offset < ELSEWHERE * size + ELSEWHERE_PIXELS), bool)


def _clearly_visible(candidate: PoseCandidate) -> NDArray[np.bool_]:
    """Return (n,) views that any camera in focus should recognise: frontal, large and whole."""
    views = candidate.fit_result.marker_views
    rotation, translation = candidate.matrix[:3, :3], candidate.matrix[:3, 3]
    centres = views.shape.centres[views.marker] @ rotation.T + translation
    normals = views.shape.normals[views.marker] @ rotation.T
    places = np.stack([camera_model.place for camera_model in views.cameras])[views.camera]
    towards = places - centres
    cosine = np.einsum("ni,ni->n", normals, towards) / np.linalg.norm(towards, axis=1)
    corners, sizes = candidate.projected, views.sizes[views.camera]
    inside = (corners > MARGIN).all(axis=(1, 2))
    inside &= (corners < sizes[:, None] - 1 - MARGIN).all(axis=(1, 2))
    large = candidate.fit_result.projection.scale > CLEAR_CELL
    return np.asarray((cosine > CLEAR_COSINE) & large & inside, bool)


def _projected(camera: Camera, pose: Array, corners: Array) -> Array | None:
    """Project corners (4, 2), px, of a marker by a pose; None where it is not before the camera."""
    points = corners @ pose[:3, :3].T + pose[:3, 3]
    if (camera.from_rig(points)[:, 2] <= 1.0).any():
        return None
    return camera.project(points)
