"""What captures so far are worth, by the limits that the verdict has."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from calibration.cameras.rig_verdict import (
    CELLS,
    COVERED,
    ENOUGH_VIEWS,
    FEW_VIEWS,
    HARDLY_COVERED,
    HARDLY_TILTED,
    TILTED,
    tilts,
)
from calibration.live.board_view import Cell, Look
from nav.frames import Array

# a little more than the verdict asks: some pictures may not fit, and be left out
SPARE = 1.1
TOGETHER, FEW_TOGETHER = 6, 2  # instants that a camera shares with another
NEAR_AND_FAR = 1.2  # largest to smallest board in the picture
Capture = Mapping[int, Look]  # by camera


@dataclass(frozen=True)
class CameraProgress:
    """One camera's captures.

    cells : covered. covered : share of the picture. tilt : rad end to end, in that direction in
    which it is less. lean : (n, 2) rad of all boards. near, far : their `Look.square`.
    widest : the largest board's share of the picture's width. together : captures that another
    camera has as well.
    """

    views: int
    cells: frozenset[Cell]
    covered: float
    tilt: float
    lean: Array
    near: float
    far: float
    widest: float
    together: int

    @property
    def reach(self) -> float:
        """Largest to smallest board."""
        return float(np.exp(self.near - self.far))


@dataclass(frozen=True)
class Progress:
    """All cameras' captures.

    tied : whether common captures lead from each camera to each other. least : views a camera.
    """

    cameras: tuple[CameraProgress, ...]
    captures: int
    together: int
    tied: bool
    least: int = ENOUGH_VIEWS

    @property
    def usable(self) -> bool:
        """Whether a calibration may be tried."""
        several = len(self.cameras) > 1
        return self.tied and all(
            c.views >= FEW_VIEWS
            and c.covered >= HARDLY_COVERED
            and c.tilt >= HARDLY_TILTED
            and (not several or c.together >= FEW_TOGETHER)
            for c in self.cameras
        )

    @property
    def done(self) -> bool:
        """Whether there is enough for a good one."""
        return self.tied and all(self.enough(k) for k in range(len(self.cameras)))

    def enough(self, camera: int) -> bool:
        """Whether one camera's captures suffice for a good calibration."""
        own = self.cameras[camera]
        return (
            own.views >= self.least
            and own.covered >= COVERED
            and own.tilt >= SPARE * TILTED
            and own.reach >= NEAR_AND_FAR
            and (len(self.cameras) == 1 or own.together >= TOGETHER)
        )


def progress_of(taken: Sequence[Capture], cameras: int, least: int = ENOUGH_VIEWS) -> Progress:
    """What some captures are worth for a number of cameras. least : views a camera."""
    several = [set(capture) for capture in taken if len(capture) > 1]
    return Progress(
        tuple(_camera(taken, k) for k in range(cameras)),
        len(taken),
        len(several),
        _tied(several, cameras),
        least,
    )


def _camera(taken: Sequence[Capture], camera: int) -> CameraProgress:
    looks = [capture[camera] for capture in taken if camera in capture]
    cells = frozenset[Cell]().union(*(look.cells for look in looks))
    squares = [look.square for look in looks]
    return CameraProgress(
        len(looks),
        cells,
        len(cells) / float(np.prod(CELLS)),
        tilts(np.array([look.normal for look in looks]).reshape(-1, 3)) if looks else 0.0,
        np.array([look.lean for look in looks]).reshape(-1, 2),
        max(squares, default=0.0),
        min(squares, default=0.0),
        max((look.width for look in looks), default=0.0),
        sum(camera in capture and len(capture) > 1 for capture in taken),
    )


def _tied(several: Sequence[set[int]], cameras: int) -> bool:
    reached, grown = {0}, True
    while grown:
        joined = reached.union(*(s for s in several if s & reached))
        grown, reached = len(joined) > len(reached), joined
    return len(reached) == cameras
