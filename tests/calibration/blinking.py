"""Images of a blinking light, as cameras with known delays, readouts and exposures see it."""

from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import RigidTransform

from nav.camera.rig import Camera, Rig
from nav.core.frameset import Frame, FrameSet

HEIGHT, WIDTH = 48, 60  # px: every pixel is a block of its own


@dataclass(frozen=True)
class Seen:
    """One camera: all times in s."""

    delay: float = 0.0
    readout: float = 0.0
    exposure: float = 0.008
    period: float = 1 / 30
    phase: float = 0.0
    jitter: float = 0.0  # sd of the images' times
    spot: tuple[float, float] | None = None  # row and column of an LED; None: a sheet it lights
    light: float = 110.0  # grey levels, at the brightest
    ambient: float = 40.0
    noise: float = 2.0
    gamma: float = 1.0


def irregular(seed, seconds, shortest=0.2, longest=0.6):
    """Times at which the light goes on and off in turn."""
    rng = np.random.default_rng([seed, 1])
    return 0.1 + np.cumsum(rng.uniform(shortest, longest, int(seconds / shortest) + 2))


def regular(period, seconds, begin=0.13):
    """The same of a light with a constant period."""
    return begin + period / 2 * np.arange(int(2 * seconds / period) + 2)


def time_on(changes, time):
    """How long the light was on before a time."""
    on, off = changes[0::2], changes[1::2]
    return sum(np.clip(time[..., None] - part, 0, None).sum(axis=-1) * sign
               for part, sign in ((on, 1.0), (off, -1.0)))  # fmt: skip


def shares(seen, changes, taken):
    """Share of each row's exposure during which the light was on."""
    rows = (np.arange(HEIGHT) + 0.5) / HEIGHT - 0.5
    middle = taken + seen.readout * rows
    ends = [time_on(changes, middle + sign * seen.exposure / 2) for sign in (1, -1)]
    return (ends[0] - ends[1]) / seen.exposure


def image(seen, changes, taken, rng):
    """One image, grey levels."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    if seen.spot is None:
        shape = 1.0 - 0.3 * (columns / WIDTH)
    else:
        shape = np.exp(-((rows - seen.spot[0]) ** 2 + (columns - seen.spot[1]) ** 2) / 2 / 2.0**2)
    level = seen.ambient + seen.light * shape * shares(seen, changes, taken)[:, None]
    level = 255.0 * (np.clip(level, 0, None) / 255.0) ** (1 / seen.gamma)
    return np.clip(level + seen.noise * rng.standard_normal(level.shape), 0, 255).astype(np.uint8)


def blinking_rig(count=2):
    """Cameras of the simulated images' size, with nothing known of their times."""
    matrix = np.array([[60.0, 0.0, WIDTH / 2], [0.0, 60.0, HEIGHT / 2], [0.0, 0.0, 1.0]])
    names = ("left", "right", "third")[:count]
    return Rig(
        tuple(
            Camera(name, (WIDTH, HEIGHT), matrix, np.zeros(5), RigidTransform.from_translation(at))
            for name, at in zip(names, 100.0 * np.eye(3), strict=False)
        )
    )


def recorded(cameras, changes, seconds, seed=0):
    """Frame sets of cameras that run freely; times are late by the delays, and jitter."""
    rng = np.random.default_rng([seed, 2])
    names = blinking_rig(len(cameras)).names
    for number in range(int(seconds / max(seen.period for seen in cameras))):
        frames = {}
        for name, seen in zip(names, cameras, strict=True):
            taken = 0.2 + seen.phase + number * seen.period
            stamp = taken + seen.delay + seen.jitter * rng.standard_normal()
            frames[name] = Frame(name, stamp, image(seen, changes, taken, rng))
        yield FrameSet(number, number * cameras[0].period, frames)
