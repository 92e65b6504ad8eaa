"""The true geometry of a printed and folded marker body from its corners in many images.

Each frame set's pose and each marker's displacement from its file are unknown; sides keep their
printed length, which fixes the scale. Where two cameras see the body, its size as measured by the
rig is estimated as well, so that a print or a rig that is a little too large does not bend it.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from calibration.tools.adjust import Adjusted, Free
from calibration.tools.body_coverage import directions, towards_camera, turned_by
from calibration.tools.body_frame import (
    aligned,
    corners_by_displacement,
    in_file_frame,
    without_common_motion,
)
from calibration.tools.body_verdict import (
    MarkerCalibration,
    check_fit,
    check_frames,
    check_markers,
    check_turning,
    verdict_in_words,
)
from calibration.tools.body_views import BodyView, by_frame
from calibration.tools.robust_bundle import Solved, sightings_of, solved, with_file_geometry
from calibration.tools.unknowns import Body, Sightings
from nav.camera.rig import Rig
from nav.core.frames import Array
from nav.tracking.tool import Marker, Tool

CLEAR = 0.1  # px: sd of a view's corners above which its residuals in px mean nothing


@dataclass(frozen=True)
class BodyCalibration:
    """A marker body as measured.

    Attributes
    ----------
    tool : Tool
        With the markers where they are, in the frame in which all corners seen lie nearest to the
        file's; without tip, which belongs to the previous geometry.
    markers : tuple of MarkerCalibration
        Of every marker.
    covariance : ndarray, shape (6 s, 6 s)
        Of the displacements of the s markers seen, in the tool's order, mm and rad.
    rms_before, rms : float
        Residuals of the corners with the file's geometry and with this one, px per axis.
    spread : dict of str to float
        By camera, the factor by which residuals exceed the corners' own sd.
    scale : tuple of 2 floats, or None
        True size over printed size minus 1, and its sd, as measured by the rig; None with one
        camera.
    frames, views : int
        How many were used.
    left_out : tuple of (int, str, int)
        Frame, camera and marker of the views that do not fit.
    frames_left_out : tuple of int
        Frame sets most of whose views do not fit.
    turned : float
        Largest rotation between two poses, rad.
    verdict : str
        'good', or 'usable: ' and what would make it better.
    """

    tool: Tool
    markers: tuple[MarkerCalibration, ...]
    covariance: Array
    rms_before: float
    rms: float
    spread: dict[str, float]
    scale: tuple[float, float] | None
    frames: int
    views: int
    left_out: tuple[tuple[int, str, int], ...]
    frames_left_out: tuple[int, ...]
    turned: float
    verdict: str


def body_geometry(
    views: Sequence[BodyView], tool: Tool, rig: Rig, begin: Tool | None = None
) -> BodyCalibration:
    """Estimate the true geometry of a marker body from all images together.

    Bundle adjustment [1]_ on the corners' Mahalanobis distances with Huber weights, covariances
    scaled by each camera's residuals. Displacements have a prior of 0.5 mm and 1 degree (1 sd), so
    that a marker that is hardly seen stays near its file.

    Parameters
    ----------
    views : sequence of BodyView
        Corners in all images; frame sets that show fewer than two markers are not used.
    tool : Tool
        The body by its file: the frame, the markers' sizes, and the reference of the displacements.
    rig : Rig
        The calibrated cameras, taken as exact.
    begin : Tool, optional
        A better initial estimate of the same body.

    Returns
    -------
    BodyCalibration
        The measured body, its uncertainty and a verdict.

    Raises
    ------
    InputError
        Too few frame sets, a tool that was hardly turned, markers that do not form one rigid body,
        or most of them known too poorly (verdict 'repeat'); the message says what to do.

    References
    ----------
    .. [1] Triggs et al., Bundle adjustment: a modern synthesis, 2000.
    """
    views = _with_two_markers(views)
    check_frames(len({view.frame for view in views}))
    poses = np.array([own[0].rig_from_tool for own in by_frame(views).values()])
    check_turning(turned_by(poses[:, :3, :3]))
    ids = _ids_seen(tool, views)
    sightings, nominal = sightings_of(views, rig, ids), _corners(tool, ids)
    by_file = with_file_geometry(sightings, _body(poses, nominal, nominal), rig.cameras)
    start = _body(poses, nominal, nominal if begin is None else _corners(begin, ids))
    found = solved(sightings, start, rig.cameras, Free(scale=_seen_by_two(views)))
    return _calibration(views, tool, rig, sightings, by_file, found)


def _calibration(
    views: Sequence[BodyView],
    tool: Tool,
    rig: Rig,
    sightings: Sightings,
    by_file: Adjusted,
    found: Solved,
) -> BodyCalibration:
    """Assemble the result, if it is reliable."""
    ids, clear = _ids_seen(tool, views), found.kept & _clear(views)
    rms, frames = _rms(found.residuals[clear]), int((~found.out).sum())
    out = found.out[sightings.frame]
    left_out = [_name(view) for view, odd in zip(views, ~found.kept & ~out, strict=True) if odd]
    odd = len(left_out) / len(views)
    check_fit(rms, odd, 1.0 - frames / len(found.out), _spoiled(left_out))
    check_frames(frames)
    body, covariance = in_file_frame(found.adjusted.body), _covariance(found)
    seen = [view for view, keep in zip(views, found.kept, strict=True) if keep]
    markers = _markers(tool, ids, body, covariance, _towards(seen, sightings, found, body, rig))
    check_markers(markers)
    scale, shown = _scale(found), {view.camera for view in seen}
    pairs = zip(rig.names, found.spread.tolist(), strict=True)
    spread = {name: value for name, value in pairs if name in shown}
    return BodyCalibration(
        _as_tool(tool, ids, body),
        markers,
        covariance,
        _rms(by_file.residuals[clear]),
        rms,
        spread,
        scale,
        frames,
        len(seen),
        tuple(left_out),
        tuple(np.array(list(by_frame(views)))[found.out].tolist()),
        turned_by(body.poses[~found.out, :3, :3]),
        verdict_in_words(markers, frames, odd, rms, spread, scale),
    )


def _ids_seen(tool: Tool, views: Sequence[BodyView]) -> list[int]:
    """Return the ids of the markers seen, in the tool's order."""
    seen = {view.marker for view in views}
    return [marker.id for marker in tool.markers if marker.id in seen]


def _name(view: BodyView) -> tuple[int, str, int]:
    return view.frame, view.camera, view.marker


def _with_two_markers(views: Sequence[BodyView]) -> list[BodyView]:
    """Drop frame sets of a single marker: the pose absorbs all its information."""
    frames = by_frame(views).values()
    return [v for own in frames if len({view.marker for view in own}) > 1 for v in own]


def _seen_by_two(views: Sequence[BodyView]) -> bool:
    """Return whether some frame set is of two cameras: one alone does not determine the size."""
    return any(len({view.camera for view in own}) > 1 for own in by_frame(views).values())


def _corners(tool: Tool, ids: Sequence[int]) -> Array:
    return np.array([tool.by_id[marker].corners for marker in ids])


def _body(poses: Array, nominal: Array, start: Array) -> Body:
    """Return the initial unknowns: markers at `start` (m, 4, 3)."""
    turns = np.array([aligned(n, s)[:3, :3] for n, s in zip(nominal, start, strict=True)])
    return Body(poses, nominal, start.mean(axis=1) - nominal.mean(axis=1), turns)


def _clear(views: Sequence[BodyView]) -> NDArray[np.bool_]:
    """Select the views (v,) whose corners are precise enough for residuals in px; all if none."""
    variance = np.array([np.trace(view.covariance) / 8 for view in views])
    clear = np.asarray(variance < CLEAR**2, bool)
    return clear if clear.any() else ~clear


def _rms(residuals: Array) -> float:
    return float(np.sqrt((residuals**2).mean())) if len(residuals) else float("nan")


def _spoiled(left_out: Sequence[tuple[int, str, int]]) -> str:
    """Name the marker that most of the views left out are of."""
    worst = Counter(marker for _, _, marker in left_out).most_common(1)
    return f"most often marker {worst[0][0]}" if worst else "whole frame sets"


def _covariance(found: Solved) -> Array:
    """Return the covariance (6 m, 6 m) of the displacements in the file's frame."""
    body = found.adjusted.body
    still = without_common_motion(body.nominal, body.corners)
    shared = len(still)
    return np.asarray(still @ found.adjusted.covariance[:shared, :shared] @ still.T, float)


def _scale(found: Solved) -> tuple[float, float] | None:
    body, covariance = found.adjusted.body, found.adjusted.covariance
    if len(covariance) == 6 * len(body.nominal):
        return None
    return float(np.expm1(body.scale)), float(np.sqrt(covariance[-1, -1]))


def _towards(
    seen: Sequence[BodyView], sightings: Sightings, found: Solved, body: Body, rig: Rig
) -> dict[int, list[Array]]:
    """Return by marker the directions that it was seen from, tool frame."""
    eyes = {c.name: np.asarray(c.camera_from_rig.inv().translation) for c in rig.cameras}
    towards: dict[int, list[Array]] = {}
    frames, markers = sightings.frame[found.kept], sightings.marker[found.kept]
    centres = body.corners.mean(axis=1)
    for view, frame, marker in zip(seen, frames, markers, strict=True):
        direction = towards_camera(body.poses[frame], centres[marker], eyes[view.camera])
        towards.setdefault(view.marker, []).append(direction)
    return towards


def _markers(
    tool: Tool, ids: Sequence[int], body: Body, covariance: Array, towards: dict[int, list[Array]]
) -> tuple[MarkerCalibration, ...]:
    by_corner = corners_by_displacement(body.corners, body.corners.mean(axis=1))
    found = []
    for marker in tool.markers:
        if marker.id not in towards:
            unknown = np.diag(np.full(6, np.inf))
            found.append(MarkerCalibration(marker.id, np.zeros(6), unknown, 0.0, np.inf, 0, 0))
            continue
        m = ids.index(marker.id)
        own = covariance[6 * m : 6 * m + 6, 6 * m : 6 * m + 6]
        moved = body.corners[m] - body.nominal[m]
        found.append(
            MarkerCalibration(
                marker.id,
                body.displacements[m],
                own,
                float(np.sqrt((moved**2).sum() / 4)),
                float(np.sqrt(np.trace(by_corner[m] @ own @ by_corner[m].T) / 4)),
                len(towards[marker.id]),
                directions(np.array(towards[marker.id])),
            )
        )
    return tuple(found)


def _as_tool(tool: Tool, ids: Sequence[int], body: Body) -> Tool:
    """Return the body with its markers where they are; those not seen stay as they were."""
    corners = dict(zip(ids, body.corners, strict=True))
    markers = tuple(Marker(m.id, corners.get(m.id, m.corners)) for m in tool.markers)
    return replace(tool, markers=markers, tip=None, warnings=())
