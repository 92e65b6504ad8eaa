"""The results of planning, as values; sentences are made of them in `nav.planning.plan_text`."""

from dataclasses import dataclass, field
from typing import Literal

from nav.core.frames import Array
from nav.planning.gap import Gap
from nav.planning.needle_deviation import Deviations
from nav.planning.obstacles import Limits, Obstacles
from nav.planning.probability import TouchProbability

# safe: paths keep all limits. unknown: they do, but something that matters is not in the case.
# refused: no path keeps all limits
Verdict = Literal["safe", "unknown", "refused"]


@dataclass(frozen=True)
class Clearance:
    """Wall-to-wall clearance between a shaft and one structure.

    Parameters
    ----------
    structure : str
        Its name.
    role : str
        Its role.
    distance : float
        mm; negative where the shaft goes through it.
    limit : float
        Required, mm.
    depth : float
        Where it is least, mm from the skin along the shaft; beyond the path's own depth it is ahead
        of the tip.
    at, nearest : ndarray, shape (3,)
        There, on the shaft's axis and on the structure; model frame, mm.
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
        """Clearance beyond the limit, mm; negative where the limit is not kept."""
        return self.distance - self.limit


@dataclass(frozen=True)
class PlannedPath:
    """A straight path, with all that is known of it.

    Parameters
    ----------
    name : str
        For people.
    side : str
        "left" or "right".
    entry, target : ndarray, shape (3,)
        Model frame, mm.
    depth : float
        From the skin to the target, mm.
    cranial, dorsal : float
        Angles by which the entry lies cranial and dorsal of the lateral line through the target,
        rad.
    incidence : float
        Angle between path and the skin's normal, rad.
    clearances : tuple of Clearance
        Of every structure, vital ones first.
    probability : TouchProbability
        Of touching artery or cord.
    hindered : float
        Probability that the tip ends outside of the dura or the shaft meets bone, to first order:
        the needle then has to be placed again.
    cost : float
        What paths are ranked by, see docs/planning.md.
    problems : tuple of Problem
        Limits that it does not keep.
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
        """The clearance with the least reserve."""
        return min(self.clearances, key=lambda c: c.reserve)

    def nearest(self, role: str) -> Clearance | None:
        """Return the smallest clearance to structures of a role; None where the case has none."""
        found = [c for c in self.clearances if c.role == role]
        return min(found, key=lambda c: c.distance, default=None)


@dataclass(frozen=True)
class ArteryInGap:
    """An artery that runs where the needle goes.

    Parameters
    ----------
    structure : str
        Its name.
    enters : bool
        Whether it goes through the dura there; else it lies within.
    behind_cord : bool
        Whether it lies behind the cord.
    at : ndarray, shape (3,)
        Its middle in the gap, model frame, mm.
    side : str
        "left" or "right".
    """

    structure: str
    enters: bool
    behind_cord: bool
    at: Array
    side: str


@dataclass(frozen=True)
class Problem:
    """A limit that is not kept.

    Parameters
    ----------
    kind : str
        clearance, probability, depth, angle, target, artery in gap.
    structure : str
        Its name, or the role for a probability.
    value, limit : float
        mm, rad, or a probability.
    """

    kind: str
    structure: str
    value: float
    limit: float


@dataclass(frozen=True)
class Blocking:
    """A structure that blocks all paths of a side, or most of them.

    Parameters
    ----------
    structure, role : str
        Its name and role.
    blocked : float
        Share of the candidates that come nearer to it than its limit.
    best : float
        The largest clearance to it of a path that keeps every other limit (else of any path), mm.
    limit : float
        Required clearance, mm.
    depth : float
        Of the narrowest place on that path, mm.
    alone : bool
        Whether paths would be left without it.
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
    """The result for one side.

    Parameters
    ----------
    side : str
        "left" or "right".
    verdict : str
        "safe", "unknown" or "refused".
    paths : tuple of PlannedPath
        The best that differ, best first; of a refused side the least bad one, with problems.
    candidates, kept : int
        Number considered, and of those that keep all limits on the grid.
    blocking : tuple of Blocking
        What blocks paths, most first.
    arteries : tuple of ArteryInGap
        Those in the gap that matter here.
    unknown : tuple of str
        Roles of which this side has nothing, so that the risk is not known.
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
    """The lowest risk of entering at each place of the skin.

    Parameters
    ----------
    side : str
        "left" or "right".
    entries : ndarray, shape (n, 3)
        Model frame, mm.
    probability : ndarray, shape (n,)
        Of touching artery or cord, of the best path that keeps the clearances; nan where none does,
        and everywhere on a side that is refused.
    reserve : ndarray, shape (n,)
        The largest least reserve of a path from there, mm.
    """

    side: str
    entries: Array = field(repr=False)
    probability: Array = field(repr=False)
    reserve: Array = field(repr=False)


@dataclass(frozen=True, eq=False)
class TrajectoryPlan:
    """The plans of a case, both sides, with what they are based on.

    Parameters
    ----------
    case : str
        Its name.
    gap : Gap
        The gap between C1 and C2.
    limits : Limits
        As given.
    deviations : Deviations
        The error model.
    obstacles : Obstacles
        With their distances.
    sides : tuple of SidePlan
        Results.
    skin : tuple of SkinRisk
        One for each side.
    lines : tuple of PlannedPath
        Lines set by hand, judged.
    seconds : float
        Time taken.
    """

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
