"""Kinds of faults: what is wrong with the files or the pictures, drawn at random."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.spatial.transform import RigidTransform, Rotation

from nav.camera.rig import Camera, Rig
from nav.core.frames import Array
from nav.core.frameset import Frame
from nav.tracking.tool import Marker, Tool
from tests.bench.faults.recordings import Recording

Fault = Callable[[Recording, np.random.Generator], Recording]


def _random_turn(rng: np.random.Generator, least: float, most: float) -> Rotation:
    """A rotation about a random axis; its angle in degrees is uniform on a logarithmic scale."""
    angle = np.radians(np.exp(rng.uniform(np.log(least), np.log(most))))
    axis = rng.normal(size=3)
    return Rotation.from_rotvec(angle * axis / np.linalg.norm(axis))


def _with_camera(recording: Recording, camera: Camera) -> Recording:
    cameras = [camera if c.name == camera.name else c for c in recording.rig.cameras]
    return replace(recording, rig=Rig(tuple(cameras)))


def _moved_camera(recording: Recording, motion: RigidTransform) -> Recording:
    right = recording.rig.cameras[-1]
    return _with_camera(recording, replace(right, camera_from_rig=motion * right.camera_from_rig))


def camera_turned_slightly(recording: Recording, rng: np.random.Generator) -> Recording:
    """0.02 to 1 degree."""
    return _moved_camera(recording, RigidTransform.from_rotation(_random_turn(rng, 0.02, 1.0)))


def camera_turned(recording: Recording, rng: np.random.Generator) -> Recording:
    """1 to 25 degrees."""
    return _moved_camera(recording, RigidTransform.from_rotation(_random_turn(rng, 1.0, 25.0)))


def camera_moved(recording: Recording, rng: np.random.Generator) -> Recording:
    """0.3 to 300 mm."""
    way = rng.normal(size=3)
    way *= np.exp(rng.uniform(np.log(0.3), np.log(300.0))) / np.linalg.norm(way)
    return _moved_camera(recording, RigidTransform.from_translation(way))


def transform_inverted(recording: Recording, rng: np.random.Generator) -> Recording:
    """rig_from_camera where camera_from_rig is expected."""
    right = recording.rig.cameras[-1]
    return _with_camera(recording, replace(right, camera_from_rig=right.camera_from_rig.inv()))


def cameras_exchanged(recording: Recording, rng: np.random.Generator) -> Recording:
    """The pictures of the two cameras under each other's name."""
    left, right = (c.name for c in recording.rig.cameras)
    frames = []
    for shot in recording.frames:
        a, b = shot.frames[left], shot.frames[right]
        frames.append(
            replace(
                shot,
                frames={left: Frame(left, a.time, b.image), right: Frame(right, b.time, a.image)},
            )
        )
    return replace(recording, frames=frames)


def baseline_scaled(recording: Recording, rng: np.random.Generator) -> Recording:
    """0.3 to 10 % too long or too short."""
    factor = 1.0 + rng.choice([-1, 1]) * np.exp(rng.uniform(np.log(0.003), np.log(0.1)))
    left, right = recording.rig.cameras
    between = right.camera_from_rig * left.camera_from_rig.inv()
    longer = RigidTransform.from_components(factor * between.translation, between.rotation)
    return _with_camera(recording, replace(right, camera_from_rig=longer * left.camera_from_rig))


def _with_focal(camera: Camera, factor: float, shift: float) -> Camera:
    matrix = camera.matrix.copy()
    matrix[0, 0] *= factor
    matrix[1, 1] *= factor
    matrix[0, 2] += shift
    return replace(camera, matrix=matrix)


def focal_both(recording: Recording, rng: np.random.Generator) -> Recording:
    """Both focal lengths off alike, by 0.3 to 10 %."""
    factor = 1.0 + rng.choice([-1, 1]) * np.exp(rng.uniform(np.log(0.003), np.log(0.1)))
    cameras = tuple(_with_focal(c, factor, 0.0) for c in recording.rig.cameras)
    return replace(recording, rig=Rig(cameras))


def focal_one(recording: Recording, rng: np.random.Generator) -> Recording:
    """One focal length off by 0.3 to 10 %."""
    factor = 1.0 + rng.choice([-1, 1]) * np.exp(rng.uniform(np.log(0.003), np.log(0.1)))
    return _with_camera(recording, _with_focal(recording.rig.cameras[-1], factor, 0.0))


def centre_shifted(recording: Recording, rng: np.random.Generator) -> Recording:
    """One principal point off by 0.5 to 60 px."""
    shift = rng.choice([-1, 1]) * np.exp(rng.uniform(np.log(0.5), np.log(60.0)))
    return _with_camera(recording, _with_focal(recording.rig.cameras[-1], 1.0, shift))


def _with_tool(recording: Recording, tool: Tool) -> Recording:
    return replace(recording, tools={**recording.tools, tool.name: tool})


def _mapped(tool: Tool, change: Callable[[Array], Array]) -> Tool:
    tip = tool.tip
    if tip is not None:
        position = change(tip.position[None])[0]
        axis = None if tip.axis is None else change(tip.axis[None])[0]
        if axis is not None:
            axis = axis / np.linalg.norm(axis)
        tip = replace(tip, position=position, axis=axis)
    markers = tuple(Marker(m.id, change(m.corners)) for m in tool.markers)
    return replace(tool, markers=markers, tip=tip)


def needle_scaled(recording: Recording, rng: np.random.Generator) -> Recording:
    """The needle's file times 0.1, 10, 25.4, 1/25.4, or 0.9 to 1.1."""
    factor = rng.choice([0.1, 10.0, 25.4, 1 / 25.4, *(1.0 + rng.uniform(-0.1, 0.1, 4))])
    return _with_tool(recording, _mapped(recording.tools["needle"], lambda p: factor * p))


def reference_scaled(recording: Recording, rng: np.random.Generator) -> Recording:
    """The reference's file times 0.9 to 1.1, or 10."""
    factor = rng.choice([10.0, *(1.0 + rng.uniform(-0.1, 0.1, 4))])
    return _with_tool(recording, _mapped(recording.tools["reference"], lambda p: factor * p))


def both_scaled(recording: Recording, rng: np.random.Generator) -> Recording:
    """Both tools' files times the same 0.95 to 1.05, as a sheet printed at another scale."""
    factor = 1.0 + rng.uniform(-0.05, 0.05)
    changed = _with_tool(recording, _mapped(recording.tools["needle"], lambda p: factor * p))
    return _with_tool(changed, _mapped(recording.tools["reference"], lambda p: factor * p))


def of_size(tool: Tool, scale: float, with_tip: bool) -> Tool:
    """The file of a tool that was printed larger than it says by this factor.

    with_tip : whether the tip was calibrated with it by one camera, so that it is off alike.
    """
    changed = _mapped(tool, lambda p: p / scale)
    return changed if with_tip else replace(changed, tip=tool.tip)


def first_cameras(recording: Recording, count: int) -> Recording:
    """The recording as its first cameras have it."""
    rig = Rig(recording.rig.cameras[:count])
    frames = [
        replace(shot, frames={name: shot.frames[name] for name in rig.names})
        for shot in recording.frames
    ]
    return replace(recording, rig=rig, frames=frames)


def _printed(
    recording: Recording, scales: Sequence[float], with_tip: bool, scale_sd: float | None = None
) -> Recording:
    """One camera, and needle and reference printed at scales that nobody checked."""
    seen = first_cameras(recording, 1)
    one_print = "sheet" if scales[0] == scales[1] else None
    tools = {
        name: replace(
            of_size(recording.tools[name], scale, with_tip),
            scale_sd=scale_sd,
            print_name=one_print,
        )
        for name, scale in zip(("needle", "reference"), scales, strict=True)
    }
    return replace(seen, tools=tools)


def _scale(rng: np.random.Generator) -> float:
    """0.3 to 6 % larger or smaller."""
    return float(1.0 + rng.choice([-1, 1]) * np.exp(rng.uniform(np.log(0.003), np.log(0.06))))


def both_printed_alike(recording: Recording, rng: np.random.Generator) -> Recording:
    """Both tools of one print, its files say, at another scale; the tip may be, too."""
    scale = _scale(rng)
    return _printed(recording, (scale, scale), bool(rng.integers(2)))


def needle_printed(recording: Recording, rng: np.random.Generator) -> Recording:
    """The needle's markers at another scale; its tip may be, too."""
    return _printed(recording, (_scale(rng), 1.0), bool(rng.integers(2)))


def reference_printed(recording: Recording, rng: np.random.Generator) -> Recording:
    """The reference's markers at another scale."""
    return _printed(recording, (1.0, _scale(rng)), False)


def printed_and_checked(recording: Recording, rng: np.random.Generator) -> Recording:
    """Each tool's scale off as its file says it may be: 0.05 % (1 sd); the tip may be, too."""
    needle, reference = 1.0 + rng.normal(0.0, 0.0005, 2)
    return _printed(recording, (needle, reference), bool(rng.integers(2)), 0.0005)


def needle_mirrored(recording: Recording, rng: np.random.Generator) -> Recording:
    """One axis of the needle's file with the other sign."""
    sign = np.ones(3)
    sign[rng.integers(3)] = -1.0
    return _with_tool(recording, _mapped(recording.tools["needle"], lambda p: p * sign))


def _with_ids(tool: Tool, ids: Sequence[int]) -> Tool:
    markers = tuple(Marker(i, m.corners) for i, m in zip(ids, tool.markers, strict=True))
    return replace(tool, markers=markers)


def ids_rotated(recording: Recording, rng: np.random.Generator) -> Recording:
    """Every marker of a tool has the id of a later one."""
    tool = recording.tools[str(rng.choice(["needle", "reference"]))]
    ids = np.roll([m.id for m in tool.markers], rng.integers(1, len(tool.markers)))
    return _with_tool(recording, _with_ids(tool, [int(i) for i in ids]))


def ids_exchanged(recording: Recording, rng: np.random.Generator) -> Recording:
    """Two to all ids of a tool exchanged."""
    tool = recording.tools[str(rng.choice(["needle", "reference"]))]
    ids = [m.id for m in tool.markers]
    some = rng.permutation(len(ids))[: rng.integers(2, len(ids) + 1)]
    for a, b in zip(some, np.roll(some, 1), strict=True):
        ids[a] = tool.markers[b].id
    return _with_tool(recording, _with_ids(tool, ids))


def _reordered(tool: Tool, order: Sequence[int], some: Sequence[int]) -> Tool:
    markers = tuple(
        Marker(m.id, m.corners[list(order)]) if k in some else m for k, m in enumerate(tool.markers)
    )
    return replace(tool, markers=markers)


def corners_counterclockwise(recording: Recording, rng: np.random.Generator) -> Recording:
    """Corners of all or some of a tool's markers in counter-clockwise order."""
    tool = recording.tools[str(rng.choice(["needle", "reference"]))]
    count = len(tool.markers)
    some = list(rng.permutation(count)[: int(rng.choice([count, count // 2, count // 3]))])
    return _with_tool(recording, _reordered(tool, (0, 3, 2, 1), some))


def corners_begin_elsewhere(recording: Recording, rng: np.random.Generator) -> Recording:
    """The first corner of all or some of a tool's markers is another one."""
    tool = recording.tools[str(rng.choice(["needle", "reference"]))]
    count = len(tool.markers)
    some = list(rng.permutation(count)[: int(rng.choice([count, count // 2, count // 3]))])
    order = np.roll(np.arange(4), rng.integers(1, 4))
    return _with_tool(recording, _reordered(tool, [int(i) for i in order], some))


def markers_displaced(recording: Recording, rng: np.random.Generator) -> Recording:
    """One to a third of a tool's markers 0.3 to 30 mm from where they are, as one piece."""
    tool = recording.tools[str(rng.choice(["needle", "reference"]))]
    count = len(tool.markers)
    some = rng.permutation(count)[: int(rng.integers(1, count // 3 + 1))]
    way = rng.normal(size=3)
    way *= np.exp(rng.uniform(np.log(0.3), np.log(30.0))) / np.linalg.norm(way)
    markers = tuple(
        Marker(m.id, m.corners + way) if k in some else m for k, m in enumerate(tool.markers)
    )
    return _with_tool(recording, replace(tool, markers=markers))


def _with_pictures(recording: Recording, name: str, numbers: Sequence[int]) -> Recording:
    """A recording in which one camera shows other frames' pictures, stamped as if they were new."""
    frames = []
    for shot, number in zip(recording.frames, numbers, strict=True):
        image = recording.frames[number].frames[name].image
        frame = Frame(name, shot.frames[name].time, image)
        frames.append(replace(shot, frames={**shot.frames, name: frame}))
    return replace(recording, frames=frames)


def camera_late(recording: Recording, rng: np.random.Generator) -> Recording:
    """One camera is 1 to 5 frames late."""
    late = int(rng.integers(1, 6))
    count = len(recording.frames)
    numbers = [max(k - late, 0) for k in range(count)]
    name = recording.rig.cameras[int(rng.integers(2))].name
    shown = _with_pictures(recording, name, numbers)
    return replace(shown, frames=shown.frames[late:], tips=shown.tips[late:])


def camera_frozen(recording: Recording, rng: np.random.Generator) -> Recording:
    """One camera's picture stays what it was from some frame on."""
    since = int(rng.integers(1, 4))
    name = recording.rig.cameras[int(rng.integers(2))].name
    return _with_pictures(recording, name, [min(k, since) for k in range(len(recording.frames))])


def pictures_shifted(recording: Recording, rng: np.random.Generator) -> Recording:
    """From the fourth frame set on, one camera's pictures lie 1 to 2 px aside, as after warm-up."""
    way = np.array([0, 0])
    while not way.any():
        way = rng.integers(-1, 2, 2) * rng.integers(1, 3)
    name = recording.rig.cameras[int(rng.integers(2))].name
    frames = list(recording.frames)
    for number in range(3, len(frames)):
        shown = frames[number].frames
        image = np.ascontiguousarray(np.roll(shown[name].image, way, axis=(0, 1)))
        moved = Frame(name, shown[name].time, image)
        frames[number] = replace(frames[number], frames={**shown, name: moved})
    return replace(recording, frames=frames)


def both_frozen(recording: Recording, rng: np.random.Generator) -> Recording:
    """All cameras' pictures stay what they were from some frame on."""
    since = int(rng.integers(1, 4))
    for camera in recording.rig.cameras:
        numbers = [min(k, since) for k in range(len(recording.frames))]
        recording = _with_pictures(recording, camera.name, numbers)
    return recording


def nothing(recording: Recording, rng: np.random.Generator) -> Recording:
    """Right files and pictures."""
    return recording


@dataclass(frozen=True)
class Kind:
    """A kind of fault; drawn : which recordings it is applied to."""

    name: str
    fault: Fault
    drawn: str = "usual"


KINDS = (
    Kind("nothing wrong", nothing),
    Kind("camera turned by 0.02 to 1 degree", camera_turned_slightly),
    Kind("camera turned by 1 to 25 degrees", camera_turned),
    Kind("camera moved by 0.3 to 300 mm", camera_moved),
    Kind("a camera's transform inverted", transform_inverted),
    Kind("cameras exchanged", cameras_exchanged),
    Kind("baseline 0.3 to 10 % off", baseline_scaled),
    Kind("both focal lengths 0.3 to 10 % off", focal_both),
    Kind("one focal length 0.3 to 10 % off", focal_one),
    Kind("principal point 0.5 to 60 px off", centre_shifted),
    Kind("camera moved during the run", nothing, "knocked"),
    Kind("pictures shifted by 1 to 3 px during the run", pictures_shifted),
    Kind("needle's file scaled", needle_scaled),
    Kind("reference's file scaled", reference_scaled),
    Kind("both tools' files scaled alike", both_scaled),
    Kind("one camera, both printed 0.3 to 6 % off", both_printed_alike),
    Kind("one camera, needle printed 0.3 to 6 % off", needle_printed),
    Kind("one camera, reference printed 0.3 to 6 % off", reference_printed),
    Kind("one camera, prints checked to 0.05 %", printed_and_checked),
    Kind("needle's file mirrored", needle_mirrored),
    Kind("ids rotated", ids_rotated),
    Kind("ids exchanged", ids_exchanged),
    Kind("corners counter-clockwise", corners_counterclockwise),
    Kind("corners begin elsewhere", corners_begin_elsewhere),
    Kind("up to a third of the markers displaced", markers_displaced),
    Kind("a camera late by 1 to 5 frames", camera_late),
    Kind("a camera frozen", camera_frozen),
    Kind("both cameras frozen", both_frozen),
    Kind("second print in view", nothing, "second print"),
)
