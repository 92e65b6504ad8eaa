"""The simulated hand: touches divots by feel and steers to the target by what the screen shows."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import RigidTransform, Rotation

from nav.core.errors import Lost
from nav.core.frames import Array
from nav.live.messages import Command, Stage
from nav.live.session import TOUCH_FRAMES, State
from nav.model.case import Plan
from phantoms.twin.seating import Bevel, seated_tip
from phantoms.twin.simulated_tools import TUOHY_17G
from phantoms.twin.world import World

TRAVEL = 250.0  # mm/s, through the air
# mm/s^2 and rad/s: how fast an unhurried hand changes velocity and turns the needle (assumed)
ACCELERATION, TURN = 2500.0, 2.5
PASSED = 4.0  # mm from a waypoint, at which the hand continues to the next
ADVANCE = 22.0  # mm/s, in tissue
FINAL = 4.0  # mm/s, in the last millimetres
CLOSE = 4.0  # mm before the target where the hand slows down
START = 12.0  # mm before the skin where the needle is lined up
ARRIVED = 0.2  # mm along the plan, as displayed
LINED_UP = (0.5, np.radians(0.7))  # mm off axis and angle, as displayed
TREMOR = (0.04, np.radians(0.05))  # sd mm and rad per frame, correlated
PERSISTENCE = 0.8  # of the tremor from frame to frame
STEER = 0.35  # share of a displayed error that the hand corrects per frame
HOLD_FRAMES = 14
BEVEL: Bevel = "tuohy"
TILT = np.radians(25.0)  # of the shaft against a divot's axis, at most
LEAVE = 20.0  # mm along its axis that the tip is drawn out of a divot, and comes from
OVER = np.array([0.0, 130.0, -30.0])  # mm, model frame: the way from one side to the other
FROM_BELOW = np.array([0.0, -0.5, 0.87])  # heading there: the cameras see the carrier's sides


@dataclass(frozen=True)
class Grip:
    """Where the hand holds the needle, model frame.

    Attributes
    ----------
    tip : ndarray, shape (3,)
        In mm.
    heading : ndarray, shape (3,)
        Unit vector.
    roll : float
        In rad.
    """

    tip: Array
    heading: Array
    roll: float


class Hand:
    """Moves the needle, frame by frame.

    Divots are felt: the tip comes to rest according to `seated_tip`, drawn once per touch.
    Everything after registration is steered by the displayed tip and heading alone, two frames
    late.

    Parameters
    ----------
    world : World
        The room.
    plan : Plan
        Model frame of the world.
    seating : float
        Scatter that friction leaves, mm.
    rng : numpy.random.Generator
        For tremor and seating.
    interval : float
        Time between frames, s.
    axes : mapping of str to ndarray, shape (3,), optional
        A divot's outward axis by label, model frame; the world's without.
    model_from_case : RigidTransform, optional
        From the frame that the screen shows; the same frame without.
    """

    def __init__(
        self,
        world: World,
        plan: Plan,
        seating: float,
        rng: np.random.Generator,
        interval: float,
        axes: Mapping[str, Array] | None = None,
        model_from_case: RigidTransform | None = None,
    ) -> None:
        self.world, self.plan, self.seating, self.rng = world, plan, seating, rng
        self.interval = interval
        self.roll = float(rng.uniform(-0.3, 0.3))
        outside = plan.entry - plan.direction * 60.0 + np.array([0.0, 20.0, 0.0])
        self.grip = Grip(outside, plan.direction, self.roll)
        self.tremor = np.zeros(6)
        self.divots = {f.label: np.asarray(f.position) for f in world.anatomy.fiducials}
        self.axes = world.divot_axes if axes is None else axes
        same = RigidTransform.identity()
        self.model_from_case = same if model_from_case is None else model_from_case
        self.touching: str | None = None  # the divot's label
        self.way: list[tuple[Array, Array]] = []  # remaining tips and headings
        self.velocity = np.zeros(3)  # mm/s, on the way
        self.held = 0
        self.inserting = False
        self.arrived_frames = 0
        self.finished = False

    def act(self, state: State | None) -> Command | None:
        """Move on by one frame after what the screen showed; return the pressed key, or None."""
        self.tremor = PERSISTENCE * self.tremor + np.sqrt(1 - PERSISTENCE**2) * (
            self.rng.normal(size=6) * np.repeat(TREMOR, 3)
        )
        if state is None:
            return None
        if state.stage is Stage.NAVIGATE:
            self._steer(state)
            return None
        return self._touch(state)

    def rig_from_needle(self) -> RigidTransform:
        """Return the needle's true pose now."""
        tip = self.world.needle.tip
        assert tip is not None
        assert tip.axis is not None
        z = self.grip.heading
        # towards the head, so that it does not spin as the needle goes over the neck
        x = np.array([0.0, 0.0, 1.0]) - z[2] * z
        x /= np.linalg.norm(x)
        level = Rotation.from_matrix(np.column_stack([x, np.cross(z, x), z]))
        straight, _ = Rotation.align_vectors([[0.0, 0.0, 1.0]], [tip.axis])
        wobble = Rotation.from_rotvec(self.tremor[3:])
        rotation = wobble * level * Rotation.from_rotvec([0.0, 0.0, self.grip.roll]) * straight
        position = self.grip.tip + self._loose() * self.tremor[:3]
        model_from_needle = RigidTransform.from_components(
            position - rotation.apply(tip.position), rotation
        )
        return self.world.rig_from_model * model_from_needle

    def _loose(self) -> float:
        # in a divot the tip rests: only the hand's angle trembles
        return 0.3 if self.held else 1.0

    def _touch(self, state: State) -> Command | None:
        if state.next_fiducial is None:
            return None
        if self.touching != state.next_fiducial:
            self._set_out(state.next_fiducial)
        if self.way:
            self._travel(*self.way[0], slow=len(self.way) == 1)
            return None
        self.held += 1
        # once the tip rests; and again if the touch was not taken
        return Command("capture") if self.held % (TOUCH_FRAMES + 6) == 2 else None

    def _set_out(self, label: str) -> None:
        """Set the path to a divot: out of the last one, over to the other side, and in."""
        axis = np.asarray(self.axes[label], float)
        heading = self._heading(label)
        seat = seated_tip(
            self.divots[label], axis, heading, BEVEL, TUOHY_17G, self.rng, self.seating
        )
        self.way = self._out()
        if self.touching is not None and self._side(label) != self._side(self.touching):
            self.way.append((OVER, FROM_BELOW))
        self.way += [(seat + LEAVE * axis, heading), (seat, heading)]
        self.touching, self.held = label, 0

    def _out(self) -> list[tuple[Array, Array]]:
        if self.touching is None:
            return []
        axis = np.asarray(self.axes[self.touching], float)
        return [(self.grip.tip + LEAVE * axis, self.grip.heading)]

    def _side(self, label: str) -> float:
        """Return 1 where a divot is reached from the left, -1 from the right."""
        return -1.0 if self.axes[label][0] < -0.1 else 1.0

    def _heading(self, label: str) -> Array:
        """Return the heading into a divot, at most TILT off its axis, that the cameras see best.

        They see the carrier well where they look across the shaft, not along it.
        """
        inwards = -np.asarray(self.axes[label], float)
        across = np.cross(inwards, np.eye(3)[np.argmin(np.abs(inwards))])
        across /= np.linalg.norm(across)
        ways = [inwards]
        for turn in np.linspace(0.0, 2.0 * np.pi, 24, endpoint=False):
            hinge = Rotation.from_rotvec(turn * inwards).apply(across)
            ways.append(Rotation.from_rotvec(TILT * hinge).apply(inwards))
        eyes = np.array([c.camera_from_rig.inv().translation for c in self.world.rig.cameras])
        looks = self.world.rig_from_model.inv().apply(eyes) - self.divots[label]
        looks /= np.linalg.norm(looks, axis=1)[:, None]
        along = np.abs(np.array(ways) @ looks.T).max(axis=1)
        return ways[int(np.argmin(along))]

    def _travel(self, goal: Array, heading: Array, slow: bool = True) -> None:
        """Move for a frame towards a tip and heading; `slow` down at the end, as hands do.

        Waypoints are passed closely, without a stop.
        """
        off = goal - self.grip.tip
        distance = float(np.linalg.norm(off))
        left = float(np.arccos(np.clip(heading @ self.grip.heading, -1.0, 1.0)))
        speed = min(TRAVEL, 40.0 + 8.0 * distance) if slow else TRAVEL
        speed = min(speed, TURN * distance / max(left, 1e-9))
        wanted = speed * off / max(distance, 1e-9)
        change, most = wanted - self.velocity, ACCELERATION * self.interval
        self.velocity = self.velocity + change * min(
            1.0, most / max(float(np.linalg.norm(change)), 1e-9)
        )
        step = float(np.linalg.norm(self.velocity)) * self.interval
        there = step >= distance if slow else distance <= max(PASSED, step)
        share = 1.0 if distance == 0.0 else min(1.0, step / distance)
        turned = self.grip.heading + share * (heading - self.grip.heading)
        tip = goal if there and slow else self.grip.tip + self.velocity * self.interval
        self.grip = Grip(tip, turned / np.linalg.norm(turned), self.roll)
        if there and self.way:
            self.way.pop(0)
            if slow:
                self.velocity = np.zeros(3)

    def _steer(self, state: State) -> None:
        self.held = 0
        if self.touching is not None:
            self.way, self.touching = self._out(), None
        if self.way:
            self._travel(*self.way[0], slow=False)
            return
        shown, deviation = state.guidance.model_tip, state.guidance.plan
        if isinstance(shown, Lost) or isinstance(deviation, Lost) or shown.heading is None:
            return  # nothing shown: hold still
        plan = self.plan
        tip = self.model_from_case.apply(shown.position)
        turn = plan.direction - self.model_from_case.rotation.apply(shown.heading)
        remaining = deviation.remaining
        to_skin = float((plan.entry - tip) @ plan.direction)
        if not self.inserting:
            start = plan.entry - plan.direction * START
            off = start - tip
            if np.linalg.norm(off) > 15.0:
                self._travel(self.grip.tip + off, self.grip.heading + turn)
                return
            angle = deviation.angle if deviation.angle is not None else 0.0
            lined_up = deviation.off_axis < LINED_UP[0] and angle < LINED_UP[1]
            self.inserting = lined_up and abs(to_skin - START) < 2.0
            self._nudge(STEER * off, STEER * turn)
            return
        across = plan.target - tip
        across = across - (across @ plan.direction) * plan.direction
        if remaining <= ARRIVED or self.arrived_frames:
            self.arrived_frames += 1
            self.finished = self.arrived_frames >= HOLD_FRAMES
            return
        speed = FINAL if remaining < CLOSE else ADVANCE
        step = min(speed * self.interval, max(remaining, 0.0) * 0.5)
        # tissue holds the shaft: corrections are small
        self._nudge(plan.direction * step + 0.1 * across, 0.1 * turn)

    def _nudge(self, move: Array, turn: Array) -> None:
        heading = self.grip.heading + turn
        self.grip = Grip(self.grip.tip + move, heading / np.linalg.norm(heading), self.roll)
