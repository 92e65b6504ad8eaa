"""What planning found, as values; sentences are made of them in `nav.planning.plan_text`."""

from dataclasses import dataclass, field
from typing import Literal

from nav.frames import Array
from nav.planning.gap import Gap
from nav.planning.needle_deviation import Deviations
from nav.planning.obstacles import Limits, Obstacles
from nav.planning.probability import TouchProbability

# safe: paths keep all limits. unknown: so they do, but something that matters is not in the case.
# refused: no path keeps all limits
Verdict = Literal["safe", "unknown", "refused"]


@dataclass(frozen=True)
class Clearance:
    """Wall to wall, between a shaft and one structure.

    distance : mm, negative where the shaft goes through it. limit : mm, that is asked for.
    depth : mm from the skin along the shaft; beyond the path's own depth it is ahead of the tip.
    at, nearest : (3,) on the shaft's axis and on the structure, mm.
    """

    structure: str
    role: str
    distance: float
    limit: float
    depth: float
    at: Array
    nearest: Array

    @property
    def reserve(self) -> float:
        """How much more it is than is asked for, mm."""
        return self.distance - self.limit


@dataclass(frozen=True)
class PlannedPath:
    """A straight path, model frame, mm and rad.

    cranial, dorsal : by which angle the entry lies so from the lateral line through the target.
    incidence : between path and skin's normal. clearances : of every structure, vital ones first.
    cost : what paths are ranked by, see docs/planning.md. problems : limits that it does not keep.
    """

    name: str
    side: str
    entry: Array
    target: Array
    depth: float
    cranial: float
    dorsal: float
    incidence: float
    clearances: tuple[Clearance, ...]
    probability: TouchProbability
    hindered: float
    cost: float
    problems: tuple["Problem", ...] = ()

    @property
    def narrowest(self) -> Clearance:
        """Where least is left of what is asked for."""
        return min(self.clearances, key=lambda c: c.reserve)

    def nearest(self, role: str) -> Clearance | None:
        """The nearest structure of a role; None where the case has none."""
        found = [c for c in self.clearances if c.role == role]
        return min(found, key=lambda c: c.distance, default=None)


@dataclass(frozen=True)
class ArteryInGap:
    """An artery that runs where the needle goes.

    enters : whether it goes through the dura there; else it lies within. at : (3,) its middle in
    the gap, mm. behind_cord : whether that is behind the cord.
    """

    structure: str
    enters: bool
    behind_cord: bool
    at: Array
    side: str


@dataclass(frozen=True)
class Problem:
    """A limit that is not kept.

    kind : clearance, probability, depth, angle, target, artery in gap.
    structure : which, or the role for a probability. value, limit : mm, or a probability.
    """

    kind: str
    structure: str
    value: float
    limit: float


@dataclass(frozen=True)
class Blocking:
    """A structure that alone takes all paths of a side, or the most of them.

    blocked : share of the candidates that come nearer to it than asked for. best : the largest
    clearance to it of a path that keeps every other limit (else of any path), mm; limit.
    depth : of the narrowest place on that path, mm. alone : whether paths would be left without it.
    """

    structure: str
    role: str
    blocked: float
    best: float
    limit: float
    depth: float
    alone: bool


@dataclass(frozen=True)
class SidePlan:
    """What was found for one side.

    paths : the best that differ, best first; of a refused side the least bad one, with problems.
    candidates, kept : number looked at, and of those that keep all limits on the grid.
    blocking : what takes paths away, most first. arteries : those in the gap that matter here.
    unknown : roles of which this side has nothing, so that the risk is not known.
    """

    side: str
    verdict: Verdict
    paths: tuple[PlannedPath, ...]
    candidates: int
    kept: int
    blocking: tuple[Blocking, ...] = ()
    arteries: tuple[ArteryInGap, ...] = ()
    unknown: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class SkinRisk:
    """What entering at a place of the skin means at best: entries (n, 3), mm; arrays (n,).

    probability : of touching artery or cord, of the best path that keeps the clearances; nan where
    none does, and everywhere on a side that is refused. reserve : the largest least reserve of a
    path from there, mm.
    """

    side: str
    entries: Array = field(repr=False)
    probability: Array = field(repr=False)
    reserve: Array = field(repr=False)


@dataclass(frozen=True, eq=False)
class TrajectoryPlan:
    """The plans of a case, both sides, with what they rest on."""

    case: str
    gap: Gap
    limits: Limits
    deviations: Deviations
    obstacles: Obstacles
    sides: tuple[SidePlan, ...]
    skin: tuple[SkinRisk, ...]
    lines: tuple[PlannedPath, ...] = ()
    seconds: float = 0.0

    @property
    def best(self) -> PlannedPath | None:
        """The best path of all sides that are not refused; those without unknown risks first."""
        sides = [s for s in self.sides if s.verdict != "refused"]
        found = [(s.verdict == "unknown", p.cost, p) for s in sides for p in s.paths[:1]]
        return min(found, key=lambda entry: entry[:2])[2] if found else None
