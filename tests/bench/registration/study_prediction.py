"""Does `nav study` predict the tracker's random error? The real tracker on drawn images."""

import numpy as np
from rich.console import Console
from rich.table import Table
from scipy.spatial.transform import RigidTransform, Rotation

from nav.accuracy.study.designs import QUANTITIES, Design
from nav.accuracy.study.pose_bound import FACING, PoseErrors, Sharpness, pose_errors
from nav.accuracy.study.setting import _needle_at, design_cameras
from nav.camera.rig import Camera, Rig
from nav.core.errors import Lost
from nav.core.frames import Array, point_jacobian
from nav.tracking.tip import tip_in_reference
from nav.tracking.tool import Tool
from nav.tracking.tracker import Tracker
from phantoms.twin.sensor import BLACK_LEVEL, WHITE_LEVEL, Optics
from phantoms.twin.simulated_bodies import BLACK, WHITE, Placed
from phantoms.twin.simulated_camera import SimulatedCamera
from phantoms.twin.simulated_tools import (
    needle_body,
    needle_tool,
    reference_body,
    reference_tool,
)

HEADING = np.array([-0.9, -0.3, 0.3]) / np.linalg.norm([0.9, 0.3, 0.3])
REFERENCE = np.array([-15.0, 35.0, 90.0])  # mm from the target
AXES = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]])
RATIO = (0.8, 1.35)  # of measured to predicted, within which the prediction is of use
DESIGNS: tuple[tuple[str, dict[str, float]], ...] = (
    ("two cameras, 1920 x 1200", {"count": 2, "width": 1920, "height": 1200, "view": 62}),
    ("two cameras, 1280 x 800", {"count": 2, "width": 1280, "height": 800, "view": 62}),
    ("one camera, 1920 x 1200", {"count": 1, "width": 1920, "height": 1200, "view": 62}),
)


def run(console: Console, quick: bool) -> bool:
    """Print measured and predicted sd of the tip; whether all are alike.

    Parameters
    ----------
    console : Console
        For the table.
    quick : bool
        Fewer frames.

    Returns
    -------
    bool
    """
    frames = 40 if quick else 200
    table = Table(
        "rig", "frames", "measured sd, mm", "told by the tracker", "predicted by the study",
        "measured / predicted", title="random error of the tip, rms of three axes",
    )  # fmt: skip
    good = True
    for name, values in DESIGNS:
        measured, told, predicted, count = _compare(values, frames)
        ratio = measured / predicted
        good &= RATIO[0] <= ratio <= RATIO[1]
        table.add_row(
            name, str(count), f"{measured:.4f}", f"{told:.4f}", f"{predicted:.4f}", f"{ratio:.2f}"
        )
    console.print(table)
    return good


def _compare(values: dict[str, float], frames: int) -> tuple[float, float, float, int]:
    cameras_table = {key: known.default for key, known in QUANTITIES["cameras"].items()}
    design: Design = {"cameras": {**cameras_table, **values}}  # type: ignore[dict-item]
    needle, reference = needle_tool(), reference_tool()
    assert needle.tip is not None
    length = float(np.linalg.norm(needle.tip.position))
    at_needle = _needle_at(np.zeros(3), HEADING, length, AXES[:, 2])
    at_reference = RigidTransform.from_components(REFERENCE, Rotation.from_matrix(AXES))
    aim = (at_needle.translation + at_reference.translation) / 2.0
    cameras = design_cameras(design, aim, AXES)
    optics = Optics(blur=1.0, noise=2.0, exposure=0.0, gradient=(0.0, 0.0))
    bodies = [
        Placed(needle_body(needle), at_needle),
        Placed(reference_body(reference), at_reference),
    ]
    drawn = [
        SimulatedCamera(camera, optics, np.random.default_rng([7, k]))
        for k, camera in enumerate(cameras)
    ]
    tracker = Tracker(Rig(cameras), [needle, reference])
    tips: list[Array] = []
    told: list[Array] = []
    for _ in range(frames):
        seen = tracker.track({room.camera.name: room.picture(bodies) for room in drawn})
        tip = tip_in_reference(seen, needle, reference.name)
        if not isinstance(tip, Lost):
            tips.append(tip.position)
            told.append(tip.random)
    scatter = np.array(tips).std(axis=0, ddof=1)
    by_needle = _predicted(cameras, needle, at_needle, optics)
    by_reference = _predicted(cameras, reference, at_reference, optics)
    assert by_needle is not None
    assert by_reference is not None
    at_tip = point_jacobian(at_needle.apply(needle.tip.position))[0]
    predicted = at_tip @ (by_needle.random + by_reference.random) @ at_tip.T
    return (
        float(np.sqrt((scatter**2).mean())),
        float(np.sqrt(np.trace(np.mean(told, axis=0)) / 3.0)),
        float(np.sqrt(np.trace(predicted) / 3.0)),
        len(tips),
    )


def _predicted(
    cameras: tuple[Camera, ...], tool: Tool, pose: RigidTransform, optics: Optics
) -> PoseErrors | None:
    """Predict by the mean contrast of the markers that face the cameras; the lamp is there."""
    towards = np.mean([-camera.rotation[2] for camera in cameras], axis=0)
    facing = np.array([pose.rotation.apply(marker.normal) @ towards for marker in tool.markers])
    light = float((0.5 + 0.5 * facing[facing > FACING]).mean())
    contrast = light * (WHITE_LEVEL - BLACK_LEVEL) * (WHITE - BLACK)
    return pose_errors(cameras, tool, pose, Sharpness(optics.noise, contrast, optics.blur))
