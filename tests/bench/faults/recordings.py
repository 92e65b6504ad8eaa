"""Short recordings of a hand with ground truth, drawn once and given wrong files afterwards."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.spatial.transform import RigidTransform, Rotation

from nav.camera.rig import Rig
from nav.core.frames import Array
from nav.core.frameset import Frame, FrameSet
from nav.tracking.tool import Tool
from phantoms.twin.sensor import Optics
from phantoms.twin.simulated_bodies import Placed
from phantoms.twin.simulated_camera import SimulatedCamera
from phantoms.twin.simulated_motion import body_velocity
from phantoms.twin.simulated_tools import needle_body, needle_tool, reference_body, reference_tool
from tests.synthetic import DISTANCE, small_rig

FRAMES = 8
RATE = 30.0  # frame sets per second
SIZE, FOCAL = (960, 600), 1000.0  # px: markers of 14 mm are 23 px wide
SPEED = 60.0  # mm/s, rms
OPTICS = Optics(blur=0.8, noise=2.0, exposure=0.002)


@dataclass(frozen=True)
class Recording:
    """A recording with its ground truth.

    tips : (3,) mm, true place of the needle's tip in the reference frame, by frame.
    """

    rig: Rig
    tools: Mapping[str, Tool]
    frames: Sequence[FrameSet]
    tips: Sequence[Array]


def record(
    seed: int,
    second_print: bool = False,
    knocked: tuple[int, RigidTransform] | None = None,
    frames: int = FRAMES,
) -> Recording:
    """Draw one recording.

    Parameters
    ----------
    seed : int
        Of hand, places and noise.
    second_print : bool
        Whether another print of the needle's markers is in view, held by the same hand.
    knocked : (int, RigidTransform), optional
        From this frame on the last camera is moved by this transform, in its own frame (mm, rad).
    frames : int
        Number of frame sets.
    """
    rng = np.random.default_rng([seed, 5])
    rig = small_rig(2, size=SIZE, focal=FOCAL)
    needle, reference = needle_tool(), reference_tool()
    depth = np.sqrt(DISTANCE**2 - 175.0**2)
    facing = Rotation.from_euler("x", np.pi)
    reference_pose = RigidTransform.from_components(
        np.array([-75.0, 0.0, depth]) + rng.uniform(-12, 12, 3),
        Rotation.from_rotvec(rng.normal(0.0, 0.15, 3)) * facing,
    )
    hand = _hand(np.array([60.0, 0.0, depth]), rng)
    beside = np.array([rng.uniform(-10, 50), rng.choice([-1, 1]) * rng.uniform(60, 80), 0.0])
    turned = Rotation.from_rotvec(rng.normal(0.0, 0.4, 3))
    seeds = rng.spawn(2)
    usual = [SimulatedCamera(c, OPTICS, g) for c, g in zip(rig.cameras, seeds, strict=True)]
    moved = usual
    if knocked is not None:
        last = rig.cameras[-1]
        last = replace(last, camera_from_rig=knocked[1] * last.camera_from_rig)
        moved = [usual[0], SimulatedCamera(last, OPTICS, seeds[1])]
    shots, truth = [], []
    assert needle.tip is not None
    for number in range(frames):
        time = number / RATE
        pose = hand(time)
        velocity = body_velocity(hand(time - 5e-4), hand(time + 5e-4), 1e-3)
        placed = [
            Placed(reference_body(reference), reference_pose),
            Placed(needle_body(needle), pose, velocity),
        ]
        if second_print:
            other = RigidTransform.from_components(
                pose.translation + beside, pose.rotation * turned
            )
            placed.append(Placed(needle_body(needle), other, velocity))
        cameras = moved if knocked is not None and number >= knocked[0] else usual
        shots.append(
            FrameSet(
                number,
                time,
                {c.camera.name: Frame(c.camera.name, time, c.picture(placed)) for c in cameras},
            )
        )
        truth.append(np.asarray((reference_pose.inv() * pose).apply(needle.tip.position)))
    # prints that nobody measured, as most files are of
    tools = {tool.name: replace(tool, scale_sd=None) for tool in (needle, reference)}
    return Recording(rig, tools, shots, truth)


def _hand(centre: Array, rng: np.random.Generator) -> Callable[[float], RigidTransform]:
    """rig_from_needle by time, s: sums of slow sines about a place, any face to the cameras."""
    phases, rates = rng.uniform(0, 2 * np.pi, 6), rng.uniform(2.0, 5.0, 6)
    reach = SPEED * np.sqrt(2.0 / 3.0) / rates[:3]
    lying = Rotation.from_rotvec([0.0, 0.0, rng.uniform(-0.6, 0.6)]) * Rotation.from_rotvec(
        [0.0, np.pi / 2 + rng.uniform(-0.5, 0.5), 0.0]
    )
    rolled = Rotation.from_rotvec([0.0, 0.0, rng.uniform(0, 2 * np.pi)])
    start = centre + rng.uniform(-15.0, 15.0, 3)

    def place(time: float) -> RigidTransform:
        wave = np.sin(phases + rates * time)
        turn = Rotation.from_rotvec(0.15 * wave[3:])
        at = start + reach * wave[:3]
        return RigidTransform.from_components(at, turn * lying * rolled)

    return place
