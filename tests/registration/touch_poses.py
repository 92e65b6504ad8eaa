"""Tables of poses in which a needle touches one place after another."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from scipy.spatial.transform import RigidTransform, Rotation

from nav.core.frames import Array, Pose
from nav.core.tracked_frame import TrackedFrame, TrackedTool
from nav.record.pose_table import open_pose_table
from nav.tracking.tool import Tool

RATE = 30.0
HOLD = 1.5  # s
RIG_FROM_REFERENCE = RigidTransform.from_components(
    [30.0, -20.0, 500.0], Rotation.from_rotvec([0.3, 2.0, 0.4])
)


def write_touch_poses(
    path: Path,
    places: Sequence[Array],
    needle: Tool,
    reference: Tool,
    seed: int = 1,
    noise: float = 0.1,
    tip_error: Array | None = None,
    knocked: tuple[int, Array] | None = None,
) -> None:
    """Write poses.csv in the rig's frame; the tip rests 1.5 s at each place (reference frame, mm).

    `tip_error` is by how much the true tip differs from the tool file's, in the tool's frame;
    `knocked` after how many touches the reference body is knocked, and how far.
    """
    rng = np.random.default_rng(seed)
    assert needle.tip is not None
    true_tip = needle.tip.position + (0.0 if tip_error is None else np.asarray(tip_error))
    writer, number = open_pose_table(path, [needle, reference]), 0
    small = np.diag([noise**2] * 3 + [1e-8] * 3)
    for k, place in enumerate(places):
        away = place + np.array([0.0, 0.0, 30.0])
        turned = Rotation.from_rotvec(rng.normal(0.0, 0.35, 3)) * Rotation.from_rotvec(
            [np.pi, 0, 0]
        )
        way = np.linspace(away, place, 15)
        tips = [*way, *np.tile(place, (round(HOLD * RATE), 1)), *way[::-1]]
        body = RIG_FROM_REFERENCE
        if knocked is not None and k >= knocked[0]:
            body = body * RigidTransform.from_translation(knocked[1])
        for tip in tips:
            # where the phantom is does not change when the reference body is knocked
            seen = tip + rng.normal(0.0, noise, 3)
            pose = RigidTransform.from_components(seen - turned.apply(true_tip), turned)
            tools = {
                needle.name: TrackedTool(Pose(RIG_FROM_REFERENCE * pose, small)),
                reference.name: TrackedTool(Pose(body, 1e-6 * small)),
            }
            writer.write(TrackedFrame(number, number / RATE, tools))
            number += 1
    writer.close()
