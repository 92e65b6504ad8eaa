"""A simulated stylus that is pivoted in divots, with everything known."""

from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import RigidTransform, Rotation

from nav.core.frames import Array
from nav.registration.stylus_contacts import PoseSeries

PHANTOM = np.array(
    [
        [104.3, 5.0, 20.0],
        [104.3, 45.0, 20.0],
        [104.3, 45.0, 0.0],
        [104.3, -5.0, 0.0],
        [-34.3, 45.0, 15.0],
        [-34.3, -5.0, 20.0],
        [-34.3, -5.0, 0.0],
        [-34.3, 40.0, 0.0],
    ]
)
RATE = 20.0  # per second


@dataclass(frozen=True)
class Hand:
    """How a simulated stylus is held and tracked: 1 sd per axis each, mm and rad.

    seat: of the contacts in their divots. wander: of the tip within a contact, slow. bias: of the
    point of pivoting to the point that touches, the same in all contacts. position, rotation: of
    the tracker, from pose to pose. tilt: of the stylus's mean directions. swing: full angle,
    degrees.
    """

    swing: float = 40.0
    seat: float = 0.1
    wander: float = 0.15
    bias: float = 0.0
    position: float = 0.1
    rotation: float = 0.001
    tilt: float = 0.5


@dataclass(frozen=True)
class SimulatedStylus:
    """A recording and what is true of it: the tip (stylus frame), model_from_reference, times."""

    series: PoseSeries
    tip: Array
    model_from_reference: RigidTransform
    contacts: tuple[tuple[float, float], ...]


def simulate_stylus(
    rng: np.random.Generator, divots: Array, hand: Hand, seconds: float = 5.0
) -> SimulatedStylus:
    """Simulate a stylus that is pivoted in each divot in turn, with flights between."""
    tip = np.array([0.0, 0.0, 120.0]) + rng.normal(0.0, 10.0, 3)
    bias = rng.normal(0.0, 1.0, 3) * hand.bias
    model = RigidTransform.from_components(rng.normal(0.0, 50.0, 3), Rotation.random(rng=rng))
    held = Rotation.random(rng=rng)
    rotations: list[Array] = []
    translations: list[Array] = []
    contacts = []
    count = int(seconds * RATE)
    before: tuple[Array, Rotation] | None = None
    for divot in divots:
        mean = Rotation.from_rotvec(rng.normal(0.0, hand.tilt, 3)) * held
        turns = Rotation.from_rotvec(_turning(rng, count, np.radians(hand.swing)))
        at = model.inv().apply(divot) + rng.normal(0.0, 1.0, 3) * hand.seat
        places = at + hand.wander * _wander(rng, count)
        matrices = (turns * mean).as_matrix()
        if before is not None:
            _fly(rotations, translations, before, (at, turns[0] * mean), tip)
        contacts.append((len(rotations) / RATE, (len(rotations) + count - 1) / RATE))
        turned = matrices - matrices.mean(axis=0)
        rotations += list(matrices)
        translations += list(places - matrices @ tip - turned @ bias)
        before = at, turns[-1] * mean
    noise = Rotation.from_rotvec(rng.normal(0.0, 1.0, (len(rotations), 3)) * hand.rotation)
    shift = rng.normal(0.0, 1.0, (len(rotations), 3)) * hand.position
    series = PoseSeries(
        np.arange(len(rotations)) / RATE,
        np.array(rotations) @ noise.as_matrix(),
        np.array(translations) + shift,
    )
    return SimulatedStylus(series, tip, model, tuple(contacts))


def _turning(rng: np.random.Generator, count: int, swing: float) -> Array:
    """Return rotation vectors that tilt to all sides and spin, starting and ending anywhere."""
    time = np.linspace(0.0, 2.0 * np.pi, count)
    phases, rounds = rng.uniform(0.0, 2.0 * np.pi, 3), rng.integers(1, 4, 3)
    return swing / 2 * rng.uniform(0.6, 1.0, 3) * np.sin(np.outer(time, rounds) + phases)


def _wander(rng: np.random.Generator, count: int, memory: float = 1.0) -> Array:
    """Return a first-order autoregressive walk of unit variance, (count, 3)."""
    kept = np.exp(-1.0 / (memory * RATE))
    values = rng.normal(0.0, 1.0, (count, 3))
    for k in range(1, count):
        values[k] = kept * values[k - 1] + np.sqrt(1.0 - kept**2) * values[k]
    return values


def _fly(
    rotations: list[Array],
    translations: list[Array],
    start: tuple[Array, Rotation],
    end: tuple[Array, Rotation],
    tip: Array,
) -> None:
    """Move the tip from one place to another in 0.6 s, in an arc."""
    for share in np.linspace(0.0, 1.0, int(0.6 * RATE) + 2)[1:-1]:
        step = Rotation.from_rotvec(share * (end[1] * start[1].inv()).as_rotvec())
        matrix = (step * start[1]).as_matrix()
        arc = np.array([0.0, 0.0, 40.0]) * np.sin(np.pi * share)
        rotations.append(matrix)
        translations.append((1.0 - share) * start[0] + share * end[0] + arc - matrix @ tip)
