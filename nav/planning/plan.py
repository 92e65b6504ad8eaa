"""Plan a lateral C1-C2 puncture: from a case's anatomy to the best paths of both sides."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np

from nav.core.errors import InputError
from nav.core.frames import Array
from nav.guidance.bending import DIAMETER
from nav.model.case import Case, Plan, Structure
from nav.model.distance_grid import Box
from nav.planning.anomalies import arteries_in_gap, sides_without_artery
from nav.planning.exact import ExactClearances
from nav.planning.gap import Gap, find_gap
from nav.planning.needle_deviation import Deviations, ErrorModel, Needle, deviations_of
from nav.planning.obstacles import Limits, Obstacles, Sac, distance_field, obstacles_of
from nav.planning.path_candidates import (
    SIDES,
    Candidates,
    SearchSettings,
    Space,
    find_targets,
    side_candidates,
    skin_of,
    target_space,
)
from nav.planning.path_search import SAMPLES, SideSearch
from nav.planning.plan_result import ArteryInGap, PlannedPath, SidePlan, SkinRisk, TrajectoryPlan
from nav.planning.screening import Judge

SPACING = 1.0  # mm between nodes of the distance grid
MARGIN = 8.0  # mm around all paths: as far as errors move a shaft


@dataclass(frozen=True)
class PlanSettings:
    """What a plan is made for.

    Parameters
    ----------
    needle : Needle
        Gauge, bevel and length.
    limits : Limits
        Least clearances, mm, and largest probabilities.
    errors : ErrorModel
        Of tip, angle, bending and registration.
    search : SearchSettings
        Sides and candidates.
    registered : ndarray, shape (6, 6), optional
        Covariance of a registration that was done, mm and rad; else that of the case's fiducials is
        predicted.
    seed : int
        Of the search's random numbers.
    """

    needle: Needle = field(default_factory=Needle)
    limits: Limits = field(default_factory=Limits)
    errors: ErrorModel = field(default_factory=ErrorModel)
    search: SearchSettings = field(default_factory=SearchSettings)
    registered: Array | None = None
    seed: int = 0


@dataclass(frozen=True, eq=False)
class PlanningGround:
    """All that any path of a case is judged by.

    Parameters
    ----------
    settings : PlanSettings
        What the plan is made for.
    gap : Gap
        The gap between C1 and C2.
    skin : Structure
        The structure that the needle enters.
    space : Space
        Where a tip may end.
    candidates : tuple of Candidates
        The paths of each side.
    obstacles : Obstacles
        With their distances.
    deviations : Deviations
        Errors of case and needle.
    exact : ExactClearances
        Of the obstacles.
    in_gap : tuple of ArteryInGap
        Arteries that run in the gap.
    without : tuple of str
        Sides on which the case has no artery.
    has_cord : bool
        Whether the case has a cord.
    """

    settings: PlanSettings
    gap: Gap
    skin: Structure
    space: Space
    candidates: tuple[Candidates, ...]
    obstacles: Obstacles
    deviations: Deviations
    exact: ExactClearances
    in_gap: tuple[ArteryInGap, ...]
    without: tuple[str, ...]
    has_cord: bool

    @property
    def radius(self) -> float:
        """Radius of the needle, mm."""
        return DIAMETER[self.settings.needle.gauge] / 2.0

    def search_of(self, side: str) -> SideSearch:
        """Return the search of a side, "left" or "right", which also judges single paths of it."""
        unknown = (("artery",) if side in self.without else ()) + (
            () if self.has_cord else ("cord",)
        )
        judge = Judge(
            self.gap,
            self.space,
            self.obstacles,
            self.deviations,
            self.settings.search,
            side,
            self.radius,
        )
        rng = np.random.default_rng([self.settings.seed, list(SIDES).index(side)])
        return SideSearch(judge, self.skin, self.exact, self.in_gap, unknown, rng)


def planning_ground(
    case: Case,
    settings: PlanSettings | None = None,
    lines: Sequence[Plan] = (),
    progress: Callable[[str], None] | None = None,
    margin: float = MARGIN,
) -> PlanningGround:
    """Measure a case for planning: the gap, the targets, distances to all obstacles.

    Parameters
    ----------
    case : Case
        With bones named C1 and C2, dura or cord, and skin.
    settings : PlanSettings, optional
        Needle, limits, errors, angles.
    lines : sequence of Plan, optional
        Further lines, around which distances are computed as well.
    progress : callable, optional
        Called with each step's name.
    margin : float
        Around all candidates and lines, in which distances are known, mm.

    Returns
    -------
    PlanningGround
        Gap, targets, candidates, obstacles and errors.

    Raises
    ------
    InputError
        The case lacks a structure that the gap, the canal or the entry is found from.
    """
    settings = settings or PlanSettings()
    report = progress or (lambda _: None)
    report("the gap between C1 and C2")
    gap = find_gap(case)
    skin, radius = skin_of(case), DIAMETER[settings.needle.gauge] / 2.0
    space = target_space(case, gap, radius)
    try:
        targets = find_targets(space)
    except InputError as error:
        raise InputError(f"{case.name}: {error}") from None
    candidates = tuple(
        side_candidates(gap, skin, targets, side, settings.search) for side in settings.search.sides
    )
    report("distances")
    in_gap = arteries_in_gap(case, gap)
    obstacles = distance_field(
        obstacles_of(case, settings.limits, [a.structure for a in in_gap]),
        settings.limits,
        _box(candidates, lines, margin),
        Sac.around(space.dura, targets) if space.dura is not None else None,
    )
    return PlanningGround(
        settings,
        gap,
        skin,
        space,
        candidates,
        obstacles,
        deviations_of(case, settings.errors, settings.needle, settings.registered),
        ExactClearances(obstacles),
        tuple(in_gap),
        tuple(sides_without_artery(case, gap)),
        bool(case.of_role("cord")),
    )


def plan_trajectories(
    case: Case,
    settings: PlanSettings | None = None,
    lines: Sequence[Plan] = (),
    progress: Callable[[str], None] | None = None,
) -> TrajectoryPlan:
    """Plan straight paths from the skin through the C1-C2 gap to behind the cord.

    Parameters
    ----------
    case : Case
        With bones named C1 and C2, dura or cord, and skin. Its own plans are ignored.
    settings : PlanSettings, optional
        Needle, limits, errors, angles.
    lines : sequence of Plan, optional
        Further lines to be judged the same way, such as those set by hand.
    progress : callable, optional
        Called with each step's name.

    Returns
    -------
    TrajectoryPlan
        For each side the best paths that differ, or why there is none.

    Raises
    ------
    InputError
        The case lacks a structure that the gap, the canal or the entry is found from.
    """
    report = progress or (lambda _: None)
    started = time.perf_counter()
    ground = planning_ground(case, settings, lines, report)
    report("paths")

    def run(one: Candidates) -> tuple[SidePlan, SkinRisk]:
        return ground.search_of(one.side).run(one)

    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(run, ground.candidates))
    judged: list[PlannedPath] = []
    for line in lines:
        search = ground.search_of(side_of(line, ground.gap))
        judged.append(search.judged(line.entry, line.target, SAMPLES, line.name))
    return TrajectoryPlan(
        case.name,
        ground.gap,
        ground.settings.limits,
        ground.deviations,
        ground.obstacles,
        tuple(side for side, _ in found),
        tuple(risk for _, risk in found),
        tuple(judged),
        time.perf_counter() - started,
    )


def side_of(line: Plan, gap: Gap) -> str:
    """Return the side that a line enters from.

    Parameters
    ----------
    line : Plan
        Entry and target, model frame.
    gap : Gap
        Its lateral axis decides.

    Returns
    -------
    str
        "left" or "right".
    """
    return "left" if (line.entry - line.target) @ gap.left > 0.0 else "right"


def _box(candidates: Sequence[Candidates], lines: Sequence[Plan], margin: float) -> Box:
    points = [c.entries for c in candidates] + [c.targets for c in candidates]
    points += [np.array([line.entry, line.target]) for line in lines]
    return Box.around(np.concatenate(points), margin, SPACING)
