"""Images of a needle that moves before cameras with known delays and readouts."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np
from scipy.spatial.transform import RigidTransform, Rotation

from nav.camera.rig import Rig
from nav.core.frames import Array
from nav.core.frameset import Frame, FrameSet
from phantoms.twin.default_rig import AIM, LIVE_SIZE, default_rig, nominal_rig_from_model
from phantoms.twin.sensor import Optics
from phantoms.twin.simulated_bodies import Placed
from phantoms.twin.simulated_camera import SimulatedCamera
from phantoms.twin.simulated_motion import FPS, body_velocity
from phantoms.twin.simulated_tools import (
    NEEDLE_LENGTH,
    needle_body,
    needle_tool,
    reference_body,
    reference_tool,
)

DIVOT = AIM + np.array([-30.0, 0.0, 0.0])  # model frame, mm
LYING = Rotation.from_rotvec([0.0, -np.pi / 2, 0.0])  # shaft along -x, its carrier over the aim
OPTICS = Optics(blur=0.8, noise=1.5, exposure=0.004)
FACING = Rotation.from_rotvec([-np.pi / 2, 0.0, 0.0])  # the reference's z to the cameras
BESIDE = np.array([0.0, 0.0, -70.0])  # model frame, from the divot
STEP = 0.5e-3  # s: of the numerical derivative

NEEDLE_FROM_REFERENCE = RigidTransform.from_components(
    LYING.inv().apply(BESIDE) + np.array([0.0, 0.0, NEEDLE_LENGTH]), LYING.inv() * FACING
)
Motion = Callable[[float], RigidTransform]


def swung(speed: float, seed: int = 0, free: bool = False) -> Motion:
    """rig_from_needle by time: swung about the tip in a divot, the carrier at an rms speed, mm/s.

    Free: the whole needle is moved to and fro by as much instead, without turning.
    """
    rng = np.random.default_rng([seed, 7])
    phases, rates = rng.uniform(0, 2 * np.pi, 3), 2 * np.pi * rng.uniform(0.6, 1.0, 3)
    tip = needle_tool().tip
    assert tip is not None
    amplitude = speed / NEEDLE_LENGTH / np.linalg.norm(rates[:2]) * np.sqrt(2.0)
    rig_from_model = nominal_rig_from_model()

    def at(time: float) -> RigidTransform:
        wave = amplitude * np.sin(phases + rates * time)
        # about the axes across the shaft, and a little about the shaft
        turned = Rotation.from_rotvec([0.5 * wave[2], wave[0], wave[1]])
        if free:
            across = NEEDLE_LENGTH * np.array([0.5 * wave[2], wave[0], wave[1]])
            place = RigidTransform.from_components(
                DIVOT + across - LYING.apply(tip.position), LYING
            )
        else:
            turned = turned * LYING
            place = RigidTransform.from_components(DIVOT - turned.apply(tip.position), turned)
        return rig_from_model * place

    return at


def timed_rig(readouts: Sequence[float], size: tuple[int, int] = LIVE_SIZE) -> Rig:
    """The default rig with readouts, s; its delays are those of the images, not the rig's."""
    cameras = default_rig(size).cameras
    return Rig(
        tuple(replace(each, readout=own) for each, own in zip(cameras, readouts, strict=False))
    )


def recording(
    path: Motion,
    rig: Rig,
    delays: Sequence[float],
    seconds: float,
    seed: int = 0,
    with_reference: bool = False,
) -> Iterator[FrameSet]:
    """Frame sets whose images were taken earlier than their times say, by each camera's delay.

    with_reference: the reference body is on one plate with the needle.
    """
    generators = np.random.default_rng([seed, 8]).spawn(len(rig.cameras))
    cameras = [
        SimulatedCamera(camera, OPTICS, rng)
        for camera, rng in zip(rig.cameras, generators, strict=True)
    ]
    bodies = [(needle_body(needle_tool()), RigidTransform.identity())]
    if with_reference:
        bodies.append((reference_body(reference_tool()), NEEDLE_FROM_REFERENCE))
    for number in range(round(seconds * FPS)):
        time = number / FPS
        frames = {}
        for camera, delay in zip(cameras, delays, strict=True):
            taken = time - delay
            velocity: Array = body_velocity(path(taken - STEP), path(taken + STEP), 2 * STEP)
            placed = [Placed(body, path(taken) * own, velocity) for body, own in bodies]
            image = camera.picture(placed)
            frames[camera.camera.name] = Frame(camera.camera.name, time, image)
        yield FrameSet(number, time, frames)
