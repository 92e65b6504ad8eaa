"""All trackers on the same pictures, in turn, and how far each was off."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.spatial.transform import RigidTransform

from nav.core.frames import Array, point_jacobian
from nav.tracking.tool import Tool
from tests.bench.tracking.bound import pose_bound
from tests.bench.tracking.crew import OURS, Look, Member
from tests.bench.tracking.estimators import Corners, joint, of_tool, pnp, triangulated
from tests.bench.tracking.pictures import Shot, Stage, spread

ONE = "best camera"  # of each frame set, chosen by the truth: no real program could do better
THREE = "triangulated"
ALL = "all corners"
ITSELF = "itself"


@dataclass
class Record:
    """What one tracker found in a case, by frame set.

    corners : (n, 2) errors of all corners that it found, px. tips : way of getting a pose ->
    error (3,) of the tip for each frame set, mm, None where there is none. squares : the tip's
    normalised squared errors, where a covariance was given, and whether they came with a warning.
    modes : 'follow' or 'acquire'.
    """

    seconds: list[float] = field(default_factory=list)
    memory_mb: float = 0.0
    corners: list[Array] = field(default_factory=list)
    tips: dict[str, list[Array | None]] = field(default_factory=dict)
    squares: list[float] = field(default_factory=list)
    warned: list[bool] = field(default_factory=list)
    modes: list[str] = field(default_factory=list)
    missing: str = ""


def measured(
    stage: Stage,
    shots: Sequence[Shot],
    members: Sequence[Member],
    exact: bool,
    every: int = 1,
    always: int = 2,
) -> dict[str, Record]:
    """What each tracker (by label) found in the shots, each frame set shown to all in turn.

    exact : whether the corners' true places are where the files say. every : all but the first
    `always` members see each so many-th frame set only.
    """
    records = {member.label: Record(missing=member.missing) for member in members}
    ready = []
    for member in members:
        if not member.missing:
            records[member.label].missing = member.setup(stage.rig, stage.tools, stage.tool)
            if not records[member.label].missing:
                ready.append(member)
    for shot in shots:
        truth = shot.truth[stage.tool.name]
        # nobody is always the first to see new pictures
        some = ready if shot.frames.number % every == 0 else ready[:always]
        first = shot.frames.number % len(some)
        for member in some[first:] + some[:first]:
            look = member.look(shot.frames, stage.tool)
            record = records[member.label]
            record.seconds.append(look.seconds)
            record.memory_mb = look.memory_mb
            record.modes.append(look.mode)
            if exact:
                record.corners += _corner_errors(stage, look.corners, truth)
            _add_tips(record, stage, look, truth, member.name == OURS)
    return records


def bounds(stage: Stage, shots: Sequence[Shot], count: int) -> list[float]:
    """Least possible tip variance (trace, mm^2) in some of the shots, where it is known."""
    if stage.sight is None or stage.tool.tip is None:
        return []
    found = []
    for shot in spread(list(shots), count):
        truth = shot.truth[stage.tool.name]
        pictures = {name: frame.image for name, frame in shot.frames.frames.items()}
        least = pose_bound(stage.rig, stage.tool, truth.as_matrix(), pictures, stage.sight)
        if least is not None:
            jacobian = point_jacobian(truth.apply(stage.tool.tip.position))[0]
            found.append(float(np.trace(jacobian @ least @ jacobian.T)))
    return found


def _add_tips(record: Record, stage: Stage, look: Look, truth: RigidTransform, ours: bool) -> None:
    assert stage.tool.tip is not None
    position = stage.tool.tip.position
    for way, pose in _poses(stage, look, truth, ours):
        error = None if pose is None else _tip_error(pose, position, truth)
        record.tips.setdefault(way, []).append(error)
        if error is not None and look.covariance is not None:
            jacobian = point_jacobian(truth.apply(position) + error)[0]
            covariance = jacobian @ look.covariance @ jacobian.T
            record.squares.append(float(error @ np.linalg.solve(covariance, error)))
            record.warned.append(bool(look.warning))


def _poses(
    stage: Stage, look: Look, truth: RigidTransform, ours: bool
) -> Iterator[tuple[str, Array | None]]:
    """Each way from what a tracker found to rig_from_tool."""
    if ours:
        yield ITSELF, look.pose
        return
    rig, tool = stage.rig, stage.tool
    if look.camera_poses is not None:
        own = {
            name: rig[name].camera_from_rig.inv().as_matrix() @ pose
            for name, pose in look.camera_poses.items()
        }
        yield ITSELF, _nearest(own, tool, truth)
        return
    yield ONE, _nearest(pnp(rig, tool, look.corners), tool, truth)
    if len(rig.cameras) > 1:
        yield THREE, triangulated(rig, tool, look.corners)
    yield ALL, joint(rig, tool, look.corners)


def _nearest(poses: Mapping[str, Array], tool: Tool, truth: RigidTransform) -> Array | None:
    assert tool.tip is not None
    position = tool.tip.position
    return min(
        poses.values(),
        key=lambda pose: float(np.linalg.norm(_tip_error(pose, position, truth))),
        default=None,
    )


def _tip_error(pose: Array, tip: Array, truth: RigidTransform) -> Array:
    return np.asarray(pose[:3, :3] @ tip + pose[:3, 3] - truth.apply(tip))


def _corner_errors(stage: Stage, corners: Corners, truth: RigidTransform) -> list[Array]:
    errors = []
    for name, quads in of_tool(corners, stage.tool).items():
        camera = stage.rig[name]
        for marker_id, quad in quads.items():
            true = camera.project(truth.apply(stage.tool.by_id[marker_id].corners))
            errors.append(quad - true)
    return errors
