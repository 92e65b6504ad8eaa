"""Predict a tool's next pose from its motion: where the fit begins, never to smooth it."""

from collections import deque
from dataclasses import dataclass, field

import cv2
import numpy as np

from nav.core.frames import Array
from nav.tracking.fit.marker_views import moved_about

FORGET = 0.5  # s without being seen, after which a tool may be anywhere
AT_ONCE = 0.15  # s between two poses that may be of one movement though the tool was searched for
FASTEST = np.array([2000.0, 30.0])  # mm/s, rad/s: faster than a hand moves a tool
TREND = 0.7  # of the last change of velocity, expected to go on
# sd of a velocity: of a hand not seen moving yet; how fast it then changes (mm/s, rad/s; per s)
UNKNOWN = np.array([100.0] * 3 + [1.0] * 3)
CHANGE = np.array([150.0] * 3 + [3.0] * 3)
SOON = 0.1  # s: a velocity that changed by more than a hand's does meanwhile may change so again
EXTENDED = 1.5  # frame sets from the middle of the last interval to the next pose: extrapolation
LEAST = np.array([4.0] * 3 + [0.07] * 3)


@dataclass
class Motion:
    """The last poses of a tool.

    Parameters
    ----------
    middle : ndarray, shape (3,)
        The point whose path is followed, tool frame, mm.
    seen : deque of (float, ndarray of shape (4, 4))
        Times (s) and rig_from_tool.
    ways : deque of (ndarray of shape (6,), float)
        Mean velocities from one pose to the next, mm/s and rad/s, and the middle time, s.
    """

    middle: Array
    seen: deque[tuple[float, Array]] = field(default_factory=lambda: deque(maxlen=3))
    ways: deque[tuple[Array, float]] = field(default_factory=lambda: deque(maxlen=2))

    def copy(self) -> "Motion":
        """Return an independent copy."""
        return Motion(self.middle, deque(self.seen, maxlen=3), deque(self.ways, maxlen=2))

    def see(self, time: float, pose: Array) -> None:
        """Remember rig_from_tool (4, 4) at a time, s; time that goes back begins anew."""
        if self.seen and not 0.0 < time - self.seen[-1][0] < FORGET:
            self.forget()
        if self.seen:
            last, before = self.seen[-1]
            self.ways.append((self._change(before, pose) / (time - last), (last + time) / 2))
        self.seen.append((time, pose))

    def forget(self) -> None:
        """Forget all poses, as where the tool was says nothing of where it goes."""
        self.seen.clear()
        self.ways.clear()

    def continues(self, time: float, pose: Array) -> bool:
        """Return whether a pose that was searched for may be the next one of the same movement."""
        if not self.seen or not 0.0 < time - self.seen[-1][0] < AT_ONCE:
            return False
        last, before = self.seen[-1]
        velocity = self._change(before, pose).reshape(2, 3) / (time - last)
        return bool((np.linalg.norm(velocity, axis=1) < FASTEST).all())

    def expects(self, time: float) -> bool:
        """Return whether the tool was seen recently enough to look for it where it should be."""
        return bool(self.seen) and 0.0 < time - self.seen[-1][0] < FORGET

    @property
    def knows_velocity(self) -> bool:
        """Whether it was seen moving."""
        return bool(self.ways)

    def predict(self, time: float) -> Array:
        """Return rig_from_tool (4, 4) expected at a time, s."""
        last, pose = self.seen[-1]
        velocity = self.velocity((last + time) / 2, TREND)
        return moved_about(pose, velocity * (time - last), self._pivot(pose))

    def velocity(self, time: float, trend: float = 1.0) -> Array:
        """Return the velocity about the middle at a time.

        Parameters
        ----------
        time : float
            In s.
        trend : float
            Share of the last change of velocity that is expected to go on.

        Returns
        -------
        ndarray, shape (6,)
            mm/s and rad/s; zeros where it is not known.
        """
        if not self.ways:
            return np.zeros(6)
        now, between = self.ways[-1]
        if len(self.ways) < 2:
            return now
        before, earlier = self.ways[-2]
        return now + trend * (now - before) * (time - between) / (between - earlier)

    def acceleration(self, time: float, pose: Array) -> Array:
        """Return the acceleration by a pose and the two before it.

        A hand's changes little from one frame set to the next.

        Parameters
        ----------
        time : float
            Of the pose, s.
        pose : ndarray, shape (4, 4)
            rig_from_tool.

        Returns
        -------
        ndarray, shape (6,)
            mm/s^2 and rad/s^2; zeros where there are no such poses.
        """
        if not self.ways or not self.expects(time):
            return np.zeros(6)
        (t0, _), (t1, last) = self.seen[-2], self.seen[-1]
        before, _ = self.ways[-1]
        return 2.0 * (self._change(last, pose) / (time - t1) - before) / (time - t0)

    def velocity_sd(self, time: float) -> Array:
        """Return (6,) the standard deviation of `velocity` at a time, mm/s and rad/s."""
        if not self.ways:
            return UNKNOWN
        _, between = self.ways[-1]
        gap = abs(time - between)
        share = 1.0 if len(self.ways) < 2 else 0.3  # the trend accounts for most of the change
        return np.hypot(LEAST + share * CHANGE * gap, EXTENDED * self._beyond_hand())

    @property
    def steady(self) -> bool:
        """Whether the last poses are those of a movement, not of a jump or a stop."""
        return bool(self.ways) and not self._beyond_hand().any()

    def _beyond_hand(self) -> Array:
        """Return (6,) how much more the velocity changed than a hand's: jump, stop, wrong pose.

        From a single velocity it cannot be told whether it was one.
        """
        now, _ = self.ways[-1]
        change = now - self.ways[-2][0] if len(self.ways) > 1 else now
        size = np.linalg.norm(change.reshape(2, 3), axis=1)
        usual = np.linalg.norm((SOON * CHANGE).reshape(2, 3), axis=1)
        return np.repeat(np.maximum(size - usual, 0.0), 3)

    def _change(self, first: Array, second: Array) -> Array:
        """Return (6,) mm and rad from one pose to another."""
        turn, _ = cv2.Rodrigues(second[:3, :3] @ first[:3, :3].T)
        return np.concatenate([self._pivot(second) - self._pivot(first), turn.ravel()])

    def _pivot(self, pose: Array) -> Array:
        return pose[:3, :3] @ self.middle + pose[:3, 3]
