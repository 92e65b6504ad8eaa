"""Why a tool has no pose, or a doubtful one, in words for the person at the bench."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np

from nav.camera.frameset import Frame, FrameSet, Picture
from nav.frames import Array, Pose
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
MOST_NAMED = 6  # ids
LEGIBLE = 2  # markers read, from which it is not the light that hides a tool


def why_lost(
    cameras: Sequence[CameraModel],
    tool: Tool,
    shape: Shape,
    frames: FrameSet,
    last: Array | None,
    before: Mapping[str, Frame],
    detected: Sequence[MarkerView] = (),
) -> str:
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
    str
        A sentence.
    """
    if not frames.frames:
        return "; ".join(frames.missing.values()) or "no picture from any camera"
    if apart := _cameras_apart(tool, detected):
        return apart
    read = [view for view in detected if view.decoded and view.refined]
    if len({view.marker.id for view in read}) >= LEGIBLE:
        seen_by = dict.fromkeys(view.camera.name for view in read)
        return f"{_markers(view.marker.id for view in read)} of {tool.name} are seen by " + (
            f"{' and '.join(seen_by)}, but do not lie as the tool's file says; {FILES}"
        )
    present = [model for model in cameras if model.camera.name in frames.frames]
    names = ", ".join(model.camera.name for model in present)
    if last is None:
        return f"no marker of {tool.name} seen by {names}: hidden, too oblique, blurred or too dark"
    said: dict[str, list[str]] = {}
    for model in present:
        name = model.camera.name
        why = _why_not_seen(model, shape, last, frames.frames[name], before.get(name))
        said.setdefault(why, []).append(name)
    if set(said) == {OUT}:
        return f"{OUT} {names}"
    return "; ".join(f"{why} {', '.join(who)}" for why, who in said.items())


OUT, HIDDEN = "out of view of camera", "hidden from"


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
        return "too oblique for"
    if before is not None and before.image.shape == now.image.shape:
        low = np.clip(pixels.min(axis=0).astype(int), 0, size - 2)
        high = np.maximum(np.clip(pixels.max(axis=0).astype(int) + 1, 0, size), low + 2)
        part = (slice(low[1], high[1]), slice(low[0], high[0]))
        changed = _changed(before.image[part], now.image[part])
        if changed != HIDDEN:
            return changed
    quads = pixels.reshape(-1, 4, 2)
    small = np.linalg.norm(quads - np.roll(quads, 1, axis=1), axis=2).max() < SMALL
    return f"too small for, or {HIDDEN}" if small else HIDDEN


def _changed(before: Picture, now: Picture) -> str:
    if now.mean() < DARK * before.mean():
        return "too dark for"
    sharp = [float(cv2.Laplacian(cv2.GaussianBlur(p, (0, 0), 1.5), cv2.CV_32F).std()) for p in
             (before, now)]  # fmt: skip
    if sharp[1] < SMOOTH * sharp[0] and now.std() > CONTRAST * before.std():
        return "too blurred for"
    return HIDDEN


FILES = (
    "is it this tool's file (ids, order and first of the corners, scale), and this rig's? A sheet "
    "made by another program or version may have its markers turned"
)
RIG = "has one of them been moved or refocused, is one late or frozen, or is it another rig's file?"


@dataclass(frozen=True)
class Doubts:
    """What speaks against a pose though it is not refused.

    Parameters
    ----------
    supports : sequence of CameraSupport
        What each camera says of it.
    fresh : Freshness
        Cameras that repeat images or stopped.
    """

    supports: Sequence[CameraSupport] = ()
    fresh: Freshness = field(default_factory=Freshness)


NO_DOUBTS = Doubts()


def contradicted(tool: Tool, against: Contradiction) -> str:
    """Return why a pose that some views agree on is refused.

    Parameters
    ----------
    tool : Tool
        The tool.
    against : Contradiction
        What speaks against the pose.

    Returns
    -------
    str
        A sentence.
    """
    cameras = " and ".join(against.cameras)
    what = f"{_markers(against.ids)} of {tool.name}"
    if against.twice:
        return (
            f"{what} are seen at two places by {cameras}: take the other print, or picture of it, "
            "out of view"
        )
    if against.denied and against.confirming:
        others = " and ".join(against.confirming)
        return (
            f"{cameras} and {others} see {tool.name} at different places ({_markers(against.ids)}):"
            f" {RIG}"
        )
    return f"{what} are seen by {cameras}, but elsewhere than the pose by the others says: {FILES}"


def _markers(ids: Iterable[int]) -> str:
    known = sorted(set(ids))
    listed = ", ".join(map(str, known[:MOST_NAMED]))
    more = f" and {len(known) - MOST_NAMED} more" if len(known) > MOST_NAMED else ""
    return f"marker{'s' if len(known) > 1 else ''} {listed}{more}"


def _doubts(found: PoseCandidate, doubts: Doubts) -> list[str]:
    """Return what speaks against a pose, a sentence each."""
    cameras = found.fit_result.marker_views.cameras
    said = []
    for support in doubts.supports:
        name = cameras[support.camera].camera.name
        if support.silent:
            said.append(
                f"{name} confirms none of {support.expected} markers that it should see: "
                "covered, or has it moved?"
            )
        if support.elsewhere:
            where = _markers(support.elsewhere)
            said.append(f"{where} seen by {name} elsewhere than the pose says")
    if doubts.fresh.repeated:
        names = " and ".join(doubts.fresh.repeated)
        said.append(f"picture of {names} repeats the one before: frozen or late?")
    said += [f"{name} gives no pictures any more" for name in doubts.fresh.stopped]
    return said


NOT_THIS_TOOL = (
    "markers lie elsewhere on the tool than its file says, by more than a cell; is it this tool's"
    " file, and this rig's?"
)
MISALIGNED = (
    "markers do not fit together as the tool's file and the cameras' say; is it this tool's file,"
    " and this rig's?"
)


DISAGREEING = (
    "do not fit together as the tool's file and the cameras' say, and are too few to tell why: is"
    " it this tool's file, and this rig's?"
)


def why_apart(tool: Tool, detected: Sequence[MarkerView]) -> str:
    """Return why markers lie far from where a pose has them: the cameras' fault, or the tool's.

    Parameters
    ----------
    tool : Tool
        The tool.
    detected : sequence of MarkerView
        Its markers.

    Returns
    -------
    str
        A sentence.
    """
    return _cameras_apart(tool, detected) or NOT_THIS_TOOL


def _cameras_apart(tool: Tool, detected: Sequence[MarkerView]) -> str:
    """Return which cameras have the tool at different places; empty if none do."""
    cameras = fits_each_camera(detected)
    return f"{' and '.join(cameras)} see {tool.name} at different places: {RIG}" if cameras else ""


def why_loose(tool: Tool, found: PoseCandidate) -> str:
    """Return why what is seen does not determine the tool's pose.

    Parameters
    ----------
    tool : Tool
        The tool.
    found : PoseCandidate
        Its uncertain pose.

    Returns
    -------
    str
        A sentence.
    """
    if found.misaligned:
        return MISALIGNED
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
        return f"{_markers(ids)} of {tool.name} {DISAGREEING}"
    what = ", ".join(f"{marker} by {camera}" for marker, camera in seen[:4])
    return f"too few markers: only {what}; turn the tool or show it to another camera"


def warning(
    tool: Tool, found: PoseCandidate, detected: Sequence[MarkerView], doubts: Doubts = NO_DOUBTS
) -> str:
    """Return what a user should know of a pose.

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
    str
        Empty if nothing.
    """
    said = []
    if not found.consensus.fits:
        off = _beyond_noise(found)
        if off > WORTH_SAYING:
            said.append(
                f"geometry doubtful: corners {off:.2f} px off beyond noise" + _tip(tool, found)
            )
        said += _cameras(found)
    said += [*_size(tool, found), *_doubts(found, doubts)]
    marker_views, fit_result = found.fit_result.marker_views, found.fit_result
    for k in np.flatnonzero(fit_result.quality.good & ~found.consensus.used):
        marker, camera = (
            tool.markers[marker_views.marker[k]].id,
            marker_views.cameras[marker_views.camera[k]].camera,
        )
        said.append(f"marker {marker} left out in {camera.name}")
    said += [
        f"marker {view.marker.id} left out in {view.camera.name}"
        for view in detected
        if _elsewhere(view, tool, found)
    ]
    return "; ".join(dict.fromkeys(said))


def _beyond_noise(found: PoseCandidate) -> float:
    """Return the rms of the corners' residuals that noise does not explain, px per axis."""
    used = found.consensus.used
    off = (found.residuals[used] ** 2).mean(axis=1) - found.corner_variance[used]
    return float(np.sqrt(max(np.median(off), 0.0)))


def _tip(tool: Tool, found: PoseCandidate) -> str:
    """Return how far the tip may be off because of it, one sd."""
    if tool.tip is None:
        return ""
    systematic = Pose(found.pose.transform, found.systematic + found.pose.covariance)
    off = float(np.sqrt(np.trace(systematic.apply(tool.tip.position)[1])))
    return f", the tip by about {off:.2f} mm"


def _size(tool: Tool, found: PoseCandidate) -> list[str]:
    """Return what is wrong with the tool's printed size, or that nobody checked it."""
    seen, size = found.consensus.size, found.size
    if seen.wrong:
        small, tenths = seen.change < 0.0, abs(seen.change) < 0.02
        how = "'fit to page'" if small else "at another scale"
        return [
            f"by the cameras {tool.name} is {100.0 * abs(seen.change):.{1 if tenths else 0}f} % "
            f"{'smaller' if small else 'larger'} than its file says: printed {how}, or has a "
            "camera moved, or the rig a wrong scale?"
        ]
    if size.checked:
        return []
    marker_views = found.fit_result.marker_views
    used = np.unique(marker_views.camera[found.consensus.used])
    names = " and ".join(marker_views.cameras[k].camera.name for k in used)
    off = size.sd * float(np.linalg.norm(size.motion[:3]))
    why = (
        f"{tool.name} was seen at another size than its file says"
        if size.sd > UNCHECKED_SCALE_SD
        else f"printed size of {tool.name} not checked"
    )
    return [
        f"{why}, and {names} alone cannot see it: {100.0 * size.sd:.1f} % would be {off:.1f} mm of "
        "distance; check its ruler and write scale_sd into its file"
    ]


def _cameras(found: PoseCandidate) -> list[str]:
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
        return [
            f"camera {worst} sees everything {100.0 * abs(share):.2f} % "
            f"{'larger' if share > 0.0 else 'smaller'}: refocused, zoomed or warmed up?"
        ]
    pair = len(off) == 2
    if (sum(off.values()) if pair else off[worst]) < (DISAGREE_PAIR if pair else DISAGREE):
        return []
    if not pair and alone:
        return [
            f"camera {worst} disagrees with the others by {off[worst]:.1f} px: "
            "moved, refocused or warmed up?"
        ]
    names = " and ".join(off)
    return [
        f"cameras {names} disagree by {sum(off.values()):.1f} px: "
        "has one moved, refocused or warmed up?"
    ]


def _elsewhere(view: MarkerView, tool: Tool, found: PoseCandidate) -> bool:
    """Return whether a marker was detected where the pose does not have it."""
    marker_views = found.fit_result.marker_views
    for k in range(len(marker_views)):
        same = tool.markers[marker_views.marker[k]].id == view.marker.id
        if same and marker_views.cameras[marker_views.camera[k]].camera.name == view.camera.name:
            off = np.abs(found.corners[k] - view.corners).max()
            return bool(off > SAME_PLACE and found.fit_result.quality.good[k])
    return True
