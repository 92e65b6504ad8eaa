"""Why a tool has no pose, or a doubtful one: codes and facts, for the person at the bench."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np

from nav.core.errors import Lost, lost_by
from nav.core.frames import Array, Pose
from nav.core.frameset import Frame, FrameSet, Picture
from nav.core.notice import Notice
from nav.tracking.detect.marker_view import MarkerView
from nav.tracking.fit.camera_model import CameraModel
from nav.tracking.fit.tool_shape import Shape
from nav.tracking.follow.contradiction import CameraSupport, Contradiction, fits_each_camera
from nav.tracking.follow.freshness import Freshness
from nav.tracking.follow.pose_candidate import PoseCandidate
from nav.tracking.tool import UNCHECKED_SCALE_SD, Tool

EDGE = 10.0  # px: nearer to the image's edge a marker counts as outside
INSIDE = 0.7  # of the corners that must be in the picture
OBLIQUE = 0.2  # cosine: 78 degrees
SMALL = 12.0  # px: a marker's longest side, below which it is often not found
DARK = 0.35  # of the brightness a moment ago
SMOOTH, CONTRAST = 0.3, 0.4  # of the sharpness, and of the contrast, a moment ago
WORTH_SAYING = 0.05  # px of disagreement below which there is no warning
DISAGREE = 0.3  # px by which a camera's markers are turned as a whole
DISAGREE_PAIR = (
    0.15  # px, the same of two cameras together: each takes about half of what one has moved
)
GROWN = 0.03  # px at the tool by which one camera alone sees everything larger or smaller
SAME_PLACE = 3.0  # px: a detected marker further from the pose's is another one
MOST_NAMED = 4  # markers with the camera that sees them
LEGIBLE = 2  # markers read, from which it is not the light that hides a tool


def why_lost(
    cameras: Sequence[CameraModel],
    tool: Tool,
    shape: Shape,
    frames: FrameSet,
    last: Array | None,
    before: Mapping[str, Frame],
    detected: Sequence[MarkerView] = (),
) -> Lost:
    """Return why no marker of a tool was found.

    Parameters
    ----------
    cameras : sequence of CameraModel
        The cameras.
    tool : Tool
        The tool.
    shape : Shape
        Of the tool.
    frames : FrameSet
        The images.
    last : ndarray, shape (4, 4), or None
        rig_from_tool where it was seen last.
    before : mapping of str to Frame
        The images then, by camera.
    detected : sequence of MarkerView
        Markers that a search of the whole images found.

    Returns
    -------
    Lost
        The reason.
    """
    if not frames.frames:
        return lost_by([*frames.missing.values()] or [Notice("no_pictures")])
    if apart := _cameras_apart(tool, detected):
        return lost_by([apart])
    read = [view for view in detected if view.decoded and view.refined]
    if len({view.marker.id for view in read}) >= LEGIBLE:
        seen_by = tuple(dict.fromkeys(view.camera.name for view in read))
        ids = _sorted(view.marker.id for view in read)
        return Lost("markers_misplaced", {"ids": ids, "tool": tool.name, "cameras": seen_by})
    present = [model for model in cameras if model.camera.name in frames.frames]
    if last is None:
        names = tuple(model.camera.name for model in present)
        return Lost("no_marker_seen", {"tool": tool.name, "cameras": names})
    cameras_by_code: dict[str, list[str]] = {}
    for model in present:
        name = model.camera.name
        why = _why_not_seen(model, shape, last, frames.frames[name], before.get(name))
        cameras_by_code.setdefault(why, []).append(name)
    return lost_by([Notice(code, {"cameras": who}) for code, who in cameras_by_code.items()])


OUT, HIDDEN = "out_of_view", "hidden"


def _why_not_seen(
    model: CameraModel, shape: Shape, last: Array, now: Frame, before: Frame | None
) -> str:
    points = shape.corners.reshape(-1, 3) @ last[:3, :3].T + last[:3, 3]
    if (model.camera.from_rig(points)[:, 2] <= 1.0).any():
        return OUT
    pixels, size = model.camera.project(points), np.array(model.camera.size)
    inside = ((pixels > EDGE) & (pixels < size - EDGE)).all(axis=1)
    if inside.mean() < INSIDE:
        return OUT
    centres = shape.centres @ last[:3, :3].T + last[:3, 3]
    towards = model.place - centres
    facing = np.einsum("ni,ni->n", shape.normals @ last[:3, :3].T, towards)
    if (facing / np.linalg.norm(towards, axis=1)).max() < OBLIQUE:
        return "too_oblique"
    if before is not None and before.image.shape == now.image.shape:
        low = np.clip(pixels.min(axis=0).astype(int), 0, size - 2)
        high = np.maximum(np.clip(pixels.max(axis=0).astype(int) + 1, 0, size), low + 2)
        part = (slice(low[1], high[1]), slice(low[0], high[0]))
        changed = _changed(before.image[part], now.image[part])
        if changed != HIDDEN:
            return changed
    quads = pixels.reshape(-1, 4, 2)
    small = np.linalg.norm(quads - np.roll(quads, 1, axis=1), axis=2).max() < SMALL
    return "small_or_hidden" if small else HIDDEN


def _changed(before: Picture, now: Picture) -> str:
    if now.mean() < DARK * before.mean():
        return "too_dark"
    sharp = [float(cv2.Laplacian(cv2.GaussianBlur(p, (0, 0), 1.5), cv2.CV_32F).std()) for p in
             (before, now)]  # fmt: skip
    if sharp[1] < SMOOTH * sharp[0] and now.std() > CONTRAST * before.std():
        return "too_blurred"
    return HIDDEN


@dataclass(frozen=True)
class Doubts:
    """What speaks against a pose though it is not refused.

    Parameters
    ----------
    supports : sequence of CameraSupport
        Support of each camera for it.
    fresh : Freshness
        Cameras that repeat images or stopped.
    old_parts : tuple of str
        Cameras whose images repeat parts of earlier ones.
    """

    supports: Sequence[CameraSupport] = ()
    fresh: Freshness = field(default_factory=Freshness)
    old_parts: tuple[str, ...] = ()


NO_DOUBTS = Doubts()


def contradicted(tool: Tool, against: Contradiction) -> Lost:
    """Return why a pose that some views agree on is refused.

    Parameters
    ----------
    tool : Tool
        The tool.
    against : Contradiction
        What speaks against the pose.

    Returns
    -------
    Lost
        The reason.
    """
    ids = _sorted(against.ids)
    facts = {"ids": ids, "tool": tool.name, "cameras": against.cameras}
    if against.twice:
        return Lost("markers_at_two_places", facts)
    if against.denied and against.confirming:
        return Lost("cameras_contradict", {**facts, "others": against.confirming})
    return Lost("markers_elsewhere", facts)


def _sorted(ids: Iterable[int]) -> tuple[int, ...]:
    return tuple(sorted(set(ids)))


def _doubts(found: PoseCandidate, doubts: Doubts) -> list[Notice]:
    """Return what speaks against a pose."""
    cameras = found.fit_result.marker_views.cameras
    said = []
    for support in doubts.supports:
        name = cameras[support.camera].camera.name
        if support.silent:
            facts = {"camera": name, "expected": support.expected}
            said.append(Notice("camera_confirms_none", facts))
        if support.elsewhere:
            ids = _sorted(support.elsewhere)
            said.append(Notice("seen_elsewhere", {"ids": ids, "camera": name}))
    if doubts.fresh.repeated:
        said.append(Notice("picture_repeats", {"cameras": doubts.fresh.repeated}))
    if doubts.old_parts:
        said.append(Notice("parts_repeat", {"cameras": doubts.old_parts}))
    said += [Notice("camera_stopped", {"camera": name}) for name in doubts.fresh.stopped]
    return said


def why_apart(tool: Tool, detected: Sequence[MarkerView]) -> Lost:
    """Return why markers lie far from where a pose has them: the cameras' fault, or the tool's.

    Parameters
    ----------
    tool : Tool
        The tool.
    detected : sequence of MarkerView
        Its markers.

    Returns
    -------
    Lost
        The reason.
    """
    return lost_by([_cameras_apart(tool, detected) or Notice("not_this_tool")])


def _cameras_apart(tool: Tool, detected: Sequence[MarkerView]) -> Notice | None:
    """Return which cameras have the tool at different places; None if none do."""
    cameras = fits_each_camera(detected)
    return Notice("cameras_apart", {"cameras": cameras, "tool": tool.name}) if cameras else None


def why_loose(tool: Tool, found: PoseCandidate) -> Notice:
    """Return why what is seen does not determine the tool's pose.

    Parameters
    ----------
    tool : Tool
        The tool.
    found : PoseCandidate
        Its uncertain pose.

    Returns
    -------
    Notice
        The reason.
    """
    if found.misaligned:
        return Notice("misaligned")
    marker_views, used = found.fit_result.marker_views, np.flatnonzero(found.consensus.used)
    seen = sorted(
        {
            (
                tool.markers[marker_views.marker[k]].id,
                marker_views.cameras[marker_views.camera[k]].camera.name,
            )
            for k in used
        }
    )
    ids = {marker for marker, _ in seen}
    if not found.consensus.fits and len(ids) >= LEGIBLE:
        return Notice("markers_disagree", {"ids": _sorted(ids), "tool": tool.name})
    each = [
        Notice("marker_by_camera", {"marker": marker, "camera": camera})
        for marker, camera in seen[:MOST_NAMED]
    ]
    return Notice("too_few_markers", {"seen": each})


def pose_warnings(
    tool: Tool, found: PoseCandidate, detected: Sequence[MarkerView], doubts: Doubts = NO_DOUBTS
) -> tuple[Notice, ...]:
    """Return the warnings about a pose.

    Parameters
    ----------
    tool : Tool
        The tool.
    found : PoseCandidate
        Its pose.
    detected : sequence of MarkerView
        Markers that a search of the whole images found.
    doubts : Doubts
        What else speaks against it.

    Returns
    -------
    tuple of Notice
        Each once; empty if there is nothing.
    """
    said = []
    if not found.consensus.fits:
        off = _beyond_noise(found)
        if off > WORTH_SAYING:
            said.append(_geometry_doubtful(off, tool, found))
        said += _cameras(found)
    said += [*_size(tool, found), *_doubts(found, doubts)]
    marker_views, fit_result = found.fit_result.marker_views, found.fit_result
    for k in np.flatnonzero(fit_result.quality.good & ~found.consensus.used):
        marker, camera = (
            tool.markers[marker_views.marker[k]].id,
            marker_views.cameras[marker_views.camera[k]].camera,
        )
        said.append(_left_out(marker, camera.name))
    said += [
        _left_out(view.marker.id, view.camera.name)
        for view in detected
        if _elsewhere(view, tool, found)
    ]
    return tuple(dict.fromkeys(said))


def _left_out(marker: int, camera: str) -> Notice:
    return Notice("marker_left_out", {"marker": marker, "camera": camera})


def _beyond_noise(found: PoseCandidate) -> float:
    """Return the rms of the corners' residuals that noise does not explain, px per axis."""
    used = found.consensus.used
    off = (found.residuals[used] ** 2).mean(axis=1) - found.corner_variance[used]
    return float(np.sqrt(max(np.median(off), 0.0)))


def _geometry_doubtful(off: float, tool: Tool, found: PoseCandidate) -> Notice:
    """Return by how much corners are off, and the tip (one sd) because of it."""
    if tool.tip is None:
        return Notice("geometry_doubtful", {"corners_px": off})
    systematic = Pose(found.pose.transform, found.systematic + found.pose.covariance)
    at_tip = float(np.sqrt(np.trace(systematic.apply(tool.tip.position)[1])))
    return Notice("geometry_doubtful_at_tip", {"corners_px": off, "tip_mm": at_tip})


def _size(tool: Tool, found: PoseCandidate) -> list[Notice]:
    """Return what is wrong with the tool's printed size, or that nobody checked it."""
    seen, size = found.consensus.size, found.size
    if seen.wrong:
        small, tenths = seen.change < 0.0, abs(seen.change) < 0.02
        percent = round(100.0 * abs(seen.change), 1 if tenths else 0)
        return [
            Notice(
                "printed_smaller" if small else "printed_larger",
                {"tool": tool.name, "percent": percent},
            )
        ]
    if size.checked:
        return []
    marker_views = found.fit_result.marker_views
    used = np.unique(marker_views.camera[found.consensus.used])
    facts = {
        "tool": tool.name,
        "cameras": tuple(marker_views.cameras[k].camera.name for k in used),
        "percent": 100.0 * size.sd,
        "off_mm": size.sd * float(np.linalg.norm(size.motion[:3])),
    }
    code = "size_seen_otherwise" if size.sd > UNCHECKED_SCALE_SD else "size_not_checked"
    return [Notice(code, facts)]


def _cameras(found: PoseCandidate) -> list[Notice]:
    """Name cameras that see everything turned or grown: one has moved or refocused."""
    marker_views, consensus = found.fit_result.marker_views, found.consensus
    turned, grown, index_of = {}, {}, {}
    for index, model in enumerate(marker_views.cameras):
        views = np.flatnonzero(consensus.used & (marker_views.camera == index))
        if not len(views):
            continue
        focal = model.camera.matrix[0, 0]
        from_middle = found.corners[views].reshape(-1, 2) - model.camera.matrix[:2, 2]
        radius = float(np.sqrt((from_middle**2).sum(axis=1).mean()))
        index_of[model.camera.name] = index
        turned[model.camera.name] = float(np.linalg.norm(consensus.turns[index]) * focal)
        grown[model.camera.name] = float(consensus.zooms[index]) * radius
    off = {name: float(np.hypot(turned[name], grown[name])) for name in turned}
    if len(off) < 2:
        return []
    worst = max(off, key=lambda name: off[name])
    alone = off[worst] > 2.0 * max(pixels for name, pixels in off.items() if name != worst)
    if alone and abs(grown[worst]) > max(GROWN, 2.0 * max(turned.values())):
        share = float(consensus.zooms[index_of[worst]])
        code = "camera_sees_larger" if share > 0.0 else "camera_sees_smaller"
        return [Notice(code, {"camera": worst, "percent": 100.0 * abs(share)})]
    pair = len(off) == 2
    if (sum(off.values()) if pair else off[worst]) < (DISAGREE_PAIR if pair else DISAGREE):
        return []
    if not pair and alone:
        return [Notice("camera_disagrees", {"camera": worst, "off_px": off[worst]})]
    return [Notice("cameras_disagree", {"cameras": tuple(off), "off_px": sum(off.values())})]


def _elsewhere(view: MarkerView, tool: Tool, found: PoseCandidate) -> bool:
    """Return whether a marker was detected where the pose does not have it."""
    marker_views = found.fit_result.marker_views
    for k in range(len(marker_views)):
        same = tool.markers[marker_views.marker[k]].id == view.marker.id
        if same and marker_views.cameras[marker_views.camera[k]].camera.name == view.camera.name:
            off = np.abs(found.corners[k] - view.corners).max()
            return bool(off > SAME_PLACE and found.fit_result.quality.good[k])
    return True
