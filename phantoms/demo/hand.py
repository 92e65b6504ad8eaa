"""The simulated hand: touches divots by feel and the target by what the screen shows."""

from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import RigidTransform, Rotation

from nav.errors import Lost
from nav.frames import Array
from nav.live.messages import Command, Stage
from nav.live.session import TOUCH_FRAMES, State
from nav.model.case import Plan
from phantoms.twin.world import World

TRAVEL = 150.0  # mm/s, through the air
ADVANCE = 22.0  # mm/s, in tissue
FINAL = 4.0  # mm/s, in the last millimetres
CLOSE = 4.0  # mm before the target where the hand slows down
START = 12.0  # mm before the skin where the needle is lined up
ARRIVED = 0.2  # mm along the plan, as displayed
LINED_UP = (0.5, np.radians(0.7))  # mm off axis and angle, as displayed
TREMOR = (0.04, np.radians(0.05))  # sd mm and rad a frame, correlated
PERSISTENCE = 0.8  # of the tremor from frame to frame
STEER = 0.35  # share of a displayed error that the hand takes back a frame
HOLD_FRAMES = 14


@dataclass(frozen=True)
class Grip:
    """Where the hand holds the needle: tip (3,) and unit heading (3,), model frame; roll, rad."""

    tip: Array
    heading: Array
    roll: float


class Hand:
    """Moves the needle, frame by frame.

    Divots are felt: the tip goes to the true divot, off by the seating error, drawn once a touch.
    Everything after registration is steered by the displayed tip and heading alone, two frames
    late.
    """

    def __init__(
        self, world: World, plan: Plan, seating: float, rng: np.random.Generator, interval: float
    ) -> None:
        self.world, self.plan, self.seating, self.rng = world, plan, seating, rng
        self.interval = interval
        self.roll = float(rng.uniform(-0.3, 0.3))
        outside = plan.entry - plan.direction * 60.0 + np.array([0.0, 20.0, 0.0])
        self.grip = Grip(outside, plan.direction, self.roll)
        self.tremor = np.zeros(6)
        self.divots = {f.label: np.asarray(f.position) for f in world.anatomy.fiducials}
        self.goal: tuple[str, Array] | None = None
        self.held = 0
        self.inserting = False
        self.arrived_frames = 0
        self.finished = False

    def act(self, state: State | None) -> Command | None:
        """Move on by one frame after what the screen showed; the key that is pressed, or None."""
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
        """The needle's true place now."""
        tip = self.world.needle.tip
        assert tip is not None
        assert tip.axis is not None
        z = self.grip.heading
        x = np.cross([0.0, 1.0, 0.0], z)
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
        if self.goal is None or self.goal[0] != state.next_fiducial:
            seat = self.divots[state.next_fiducial] + self.rng.normal(0.0, self.seating, 3)
            self.goal, self.held = (state.next_fiducial, seat), 0
        goal = self.goal[1]
        if np.linalg.norm(goal - self.grip.tip) > 1e-9:
            self._travel(goal, self._from_outside(goal))
            return None
        self.held += 1
        # once the tip rests; and again if the touch was not taken
        return Command("capture") if self.held % (TOUCH_FRAMES + 6) == 2 else None

    def _from_outside(self, goal: Array) -> Array:
        """Heading for a divot: towards the neck's axis, left and behind, shaft never in it."""
        inwards = np.array([-100.0, -0.6 * max(goal[1], 0.0), 0.0])
        return inwards / np.linalg.norm(inwards)

    def _travel(self, goal: Array, heading: Array) -> None:
        way = goal - self.grip.tip
        distance = float(np.linalg.norm(way))
        # slow down at the end, as hands do
        step = min(distance, self.interval * min(TRAVEL, 40.0 + 8.0 * distance))
        share = step / distance if distance > 0 else 1.0
        turned = self.grip.heading + share * (heading - self.grip.heading)
        tip = goal if step >= distance else self.grip.tip + way * share
        self.grip = Grip(tip, turned / np.linalg.norm(turned), self.roll)

    def _steer(self, state: State) -> None:
        self.held = 0
        shown, deviation = state.guidance.model_tip, state.guidance.plan
        if isinstance(shown, Lost) or isinstance(deviation, Lost) or shown.heading is None:
            return  # nothing shown: hold still
        plan = self.plan
        turn = plan.direction - shown.heading
        remaining = deviation.remaining
        to_skin = float((plan.entry - shown.position) @ plan.direction)
        if not self.inserting:
            start = plan.entry - plan.direction * START
            off = start - shown.position
            if np.linalg.norm(off) > 15.0:
                self._travel(self.grip.tip + off, self.grip.heading + turn)
                return
            angle = deviation.angle if deviation.angle is not None else 0.0
            lined_up = deviation.off_axis < LINED_UP[0] and angle < LINED_UP[1]
            self.inserting = lined_up and abs(to_skin - START) < 2.0
            self._nudge(STEER * off, STEER * turn)
            return
        across = plan.target - shown.position
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
