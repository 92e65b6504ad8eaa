"""Where a body is at any time: still, a straight sweep, or a hand's."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike
from scipy.spatial.transform import RigidTransform, Rotation

from tests.bench.scenes.shapes import Floats


class Motion(Protocol):
    """rig_from_body as a function of time."""

    def at(self, times: ArrayLike) -> Floats:
        """Matrices (n, 3, 4) of rig_from_body at times (n,), s."""
        ...


def _joined(rotation: Rotation, position: Floats) -> Floats:
    return np.concatenate([rotation.as_matrix(), position[..., None]], axis=-1)


@dataclass(frozen=True)
class Still:
    """A body at rest."""

    rig_from_body: RigidTransform

    def at(self, times: ArrayLike) -> Floats:
        """See Motion."""
        matrix = self.rig_from_body.as_matrix()[:3]
        return np.tile(matrix, (np.size(times), 1, 1))


@dataclass(frozen=True)
class Sweep:
    """Constant velocity, mm/s, of the body's point `centre`, and constant angular velocity, rad/s.

    rig_from_body : at `time`, s. velocity, spin : (3,), rig frame. centre : (3,), body frame, mm.
    """

    rig_from_body: RigidTransform
    time: float
    velocity: Floats
    spin: Floats
    centre: Floats

    def at(self, times: ArrayLike) -> Floats:
        """See Motion."""
        since = np.asarray(times, float) - self.time
        turn = Rotation.from_rotvec(since[:, None] * self.spin) * self.rig_from_body.rotation
        middle = self.rig_from_body.apply(self.centre) + since[:, None] * self.velocity
        return _joined(turn, middle - turn.apply(self.centre))


class Hand:
    """A hand that wanders smoothly about a place: sums of slow sines, position and direction.

    The rms speed of the body's point `centre` (mm/s) and the rms turning rate (rad/s) are as given.
    """

    WAVES = 4
    SLOWEST, FASTEST = 0.25, 1.6  # Hz, of voluntary hand motion, assumed

    def __init__(
        self,
        rig_from_body: RigidTransform,
        centre: Floats,
        speed: float,
        turning: float,
        rng: np.random.Generator,
    ) -> None:
        self.start, self.centre = rig_from_body, centre
        ratio = self.FASTEST / self.SLOWEST
        self.rates = 2 * np.pi * self.SLOWEST * ratio ** rng.uniform(0, 1, (self.WAVES, 6))
        self.phases = rng.uniform(0, 2 * np.pi, (self.WAVES, 6))
        # equal speed in each wave: the slow ones reach further
        weights = rng.uniform(0.5, 1.0, (self.WAVES, 6)) / self.rates
        each = np.sqrt(((weights * self.rates) ** 2).sum(axis=0) / 2)
        rms = np.repeat([speed, turning], 3) / np.sqrt(3)
        self.weights = weights * rms / each

    def at(self, times: ArrayLike) -> Floats:
        """See Motion."""
        angle = np.asarray(times, float)[:, None, None] * self.rates + self.phases
        wave = (self.weights * np.sin(angle)).sum(axis=1)
        turn = Rotation.from_rotvec(wave[:, 3:]) * self.start.rotation
        middle = self.start.apply(self.centre) + wave[:, :3]
        return _joined(turn, middle - turn.apply(self.centre))
