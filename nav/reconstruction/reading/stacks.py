"""Grouping of slices into volumes: by series, shape, orientation, position and time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from nav.reconstruction.reading.duplicates import without_copies, without_identical_pixels
from nav.reconstruction.reading.headers import SliceHeader
from nav.reconstruction.reading.placement import Placement, place, slice_axes
from nav.reconstruction.reading.read_result import SeriesInfo

PARALLEL = 1e-3  # slices whose direction cosines differ by less are parallel
SAME_PLACE, SAME_SHARE = 0.01, 0.05  # mm along the normal; of the usual step
FAR_APART, FAR_STEPS = 20.0, 5.0  # mm, usual steps: farther parts of a stack are separate volumes
OVERLAP = 0.5  # of the shorter one's length: volumes that overlap more cover the same extent
FEWEST = 3  # fewest slices of a volume


@dataclass(frozen=True)
class Stack:
    """Slices of one volume, or of something that cannot become one.

    Parameters
    ----------
    slices : tuple of SliceHeader
        Sorted along the normal where that is known.
    placement : Placement, optional
        None where there is a problem with the geometry.
    problem : str, optional
        Code of why it cannot be read as a CT volume.
    name : str
        For the user, see `SeriesInfo`.
    volumes : int
        How many volumes the series has at this position.
    identical, different : int
        Slices left out: copies of others, and others at the position of one that is kept.
    localisers, others : int
        Localiser images, and slices of another size or orientation, in the same series.
    orientation_spread : float
        Largest difference of direction cosines from the first slice's.
    patient : int
        See `SeriesInfo`.
    """

    slices: tuple[SliceHeader, ...]
    placement: Placement | None = None
    problem: str | None = None
    name: str = ""
    volumes: int = 1
    identical: int = 0
    different: int = 0
    localisers: int = 0
    others: int = 0
    orientation_spread: float = 0.0
    patient: int = 0

    @property
    def info(self) -> SeriesInfo:
        """Return the stack as a row of the table of series."""
        first = self.slices[0]
        across, along = (first.spacing or (0.0, 0.0))[1], (first.spacing or (0.0, 0.0))[0]
        steps = self.placement.steps if self.placement is not None else np.zeros(0)
        return SeriesInfo(
            name=self.name,
            modality=first.modality,
            slices=len(self.slices),
            size=(first.columns, first.rows),
            spacing=(across, along, float(np.median(steps)) if len(steps) else 0.0),
            extent=float(steps.sum()),
            kernel=first.kernel,
            thickness=first.thickness,
            kvp=first.kvp,
            contrast=first.contrast,
            problem=self.problem,
            patient=self.patient,
        )


def build_stacks(headers: Iterable[SliceHeader]) -> list[Stack]:
    """Group slices into volumes, named after their series' numbers.

    Parameters
    ----------
    headers : iterable of SliceHeader
        Of a folder.

    Returns
    -------
    list of Stack
        By series number.
    """
    stacks: list[Stack] = []
    for slices in _series_of(headers):
        groups = _alike(slices)
        localisers = sum(len(group) for group in groups if _is_localiser(group[0]))
        for group in groups:
            others = len(slices) - len(group) - localisers
            stacks += [
                replace(stack, localisers=localisers, others=others) for stack in _volumes(group)
            ]
    return _named(stacks)


def _series_of(headers: Iterable[SliceHeader]) -> list[list[SliceHeader]]:
    """Group slices by series, each of one patient and in one coordinate system."""
    series: dict[str, list[SliceHeader]] = defaultdict(list)
    for header in headers:
        series[header.series_uid].append(header)
    patients = [part for whole in series.values() for part in _told_apart(whole, _patient)]
    return [part for whole in patients for part in _told_apart(whole, _frame_of_reference)]


def _patient(header: SliceHeader) -> str:
    return header.patient


def _frame_of_reference(header: SliceHeader) -> str:
    return header.frame_of_reference


def _told_apart(
    slices: list[SliceHeader], key: Callable[[SliceHeader], str]
) -> list[list[SliceHeader]]:
    """Split slices by a value; one that differs in every slice was made up by an anonymiser."""
    groups: dict[str, list[SliceHeader]] = defaultdict(list)
    for header in slices:
        groups[key(header)].append(header)
    known = [len(group) for value, group in groups.items() if value]
    if len(known) < 2 or max(known) < FEWEST:
        return [slices]
    return list(groups.values())


def _named(stacks: Sequence[Stack]) -> list[Stack]:
    def series_order(stack: Stack) -> tuple[float, str]:
        text = stack.slices[0].series_number
        return (float(text) if text.isdigit() else np.inf, text)

    ordered = sorted(stacks, key=series_order)  # stable: keeps the order of a series' volumes
    numbers = [stack.slices[0].series_number or "unnumbered" for stack in ordered]
    seen: dict[str, int] = defaultdict(int)
    patients: dict[str, int] = {"": 0}
    named = []
    for stack, number in zip(ordered, numbers, strict=True):
        seen[number] += 1
        name = f"{number}.{seen[number]}" if numbers.count(number) > 1 else number
        patient = patients.setdefault(stack.slices[0].patient, len(patients))
        named.append(replace(stack, name=name, patient=patient))
    return named


def _alike(slices: Sequence[SliceHeader]) -> list[list[SliceHeader]]:
    """Group slices of one shape and orientation."""
    shapes: dict[tuple[object, ...], list[SliceHeader]] = defaultdict(list)
    for header in slices:
        pixel = tuple(round(s, 4) for s in header.spacing) if header.spacing else None
        key = (header.modality, header.rows, header.columns, pixel, _is_localiser(header))
        shapes[key].append(header)
    found: list[list[SliceHeader]] = []
    for alike in shapes.values():
        clusters: list[list[SliceHeader]] = []
        for header in alike:
            for cluster in clusters:
                if _parallel(cluster[0], header):
                    cluster.append(header)
                    break
            else:
                clusters.append([header])
        found += clusters
    return found


def _parallel(a: SliceHeader, b: SliceHeader) -> bool:
    if a.orientation is None or b.orientation is None:
        return a.orientation is b.orientation
    return bool(np.abs(np.subtract(a.orientation, b.orientation)).max() < PARALLEL)


def _is_localiser(header: SliceHeader) -> bool:
    return bool({"LOCALIZER", "SCOUT", "TOPOGRAM"} & {part.upper() for part in header.image_type})


def _volumes(slices: list[SliceHeader]) -> list[Stack]:
    """Split parallel slices of one shape into volumes."""
    slices, copies = without_copies(slices)
    problem = _header_problem(slices)
    first = slices[0]
    axes = slice_axes(first.orientation) if first.orientation else None
    if first.orientation is None or first.spacing is None:
        return [Stack(tuple(slices), problem=problem, identical=copies)]
    if axes is None:
        return [Stack(tuple(slices), problem=problem or "orientation", identical=copies)]
    placed = [s for s in slices if s.position is not None]
    if len(placed) < len(slices):
        return [Stack(tuple(slices), problem=problem or "no_position", identical=copies)]
    spread = max(
        float(np.abs(np.subtract(s.orientation, first.orientation)).max())
        for s in slices
        if s.orientation is not None
    )
    normal = axes[:, 2]
    parts = [part for same in _split_by_keys(slices, normal) for part in _split_far(same, normal)]
    volumes: list[Stack] = []
    for part in parts:
        by_place = _places(part, normal)
        unique, removed = without_identical_pixels(by_place)
        if 2 * sum(len(same) > 1 for same in unique) > len(unique) > 1:
            # phases; slices of air may be identical in several
            removed, different = 0, 0
            most = max(len(same) for same in by_place)
            groups = [[same[k] for same in by_place if len(same) > k] for k in range(most)]
        else:
            groups = [[same[0] for same in unique]]
            different = sum(len(same) - 1 for same in unique)
        volumes += [
            Stack(
                tuple(group),
                place(
                    axes,
                    (first.spacing[1], first.spacing[0]),
                    [s.position for s in group if s.position is not None],
                ),
                problem or _stack_problem(group, different),
                identical=removed,
                different=different,
                orientation_spread=spread,
            )
            for group in groups
        ]
    many = len(volumes)
    volumes[0] = replace(volumes[0], identical=volumes[0].identical + copies)
    return [replace(volume, volumes=many) for volume in volumes]


def _header_problem(slices: Sequence[SliceHeader]) -> str | None:
    first = slices[0]
    if first.modality != "CT":
        return f"not_ct:{first.modality or 'unknown'}"
    if _is_localiser(first):
        return "localiser"
    if first.samples != 1 or not first.photometric.startswith("MONOCHROME"):
        return "colour"
    for code, missing in (
        ("no_orientation", first.orientation is None),
        ("no_position", all(s.position is None for s in slices)),
        ("no_spacing", first.spacing is None or min(first.spacing) <= 0.0),
    ):
        if missing:
            return "encrypted" if first.encrypted else code
    if {"MIP", "MINIP", "PROJECTION", "PROJECTION IMAGE"} & set(first.image_type):
        return "projection"
    if any(s.other_quantity for s in slices):
        return "other_quantity"
    if any(s.nonlinear for s in slices):
        return "nonlinear"
    return None


def _stack_problem(group: Sequence[SliceHeader], different: int) -> str | None:
    if len(group) == 1:
        return "one_place" if different else "single_slice"
    return "too_few" if len(group) < FEWEST else None


def _height(header: SliceHeader, normal: np.ndarray) -> float:
    return float(np.dot(header.position or (0.0, 0.0, 0.0), normal))


def _split_by_keys(slices: list[SliceHeader], normal: np.ndarray) -> list[list[SliceHeader]]:
    """Split by the first header value that distinguishes volumes at the same position."""
    for k in range(len(slices[0].volume_keys)):
        groups: dict[object, list[SliceHeader]] = defaultdict(list)
        for header in slices:
            groups[header.volume_keys[k]].append(header)
        if len(groups) > 1 and _are_volumes(list(groups.values()), normal):
            parts = [part for g in groups.values() for part in _split_by_keys(g, normal)]
            return sorted(parts, key=lambda part: min(s.order for s in part))
    return [slices]


def _are_volumes(groups: list[list[SliceHeader]], normal: np.ndarray) -> bool:
    """Return whether each group has several slices, and all cover about the same extent."""
    if min(map(len, groups)) < FEWEST:
        return False
    ranges = []
    for group in groups:
        heights = [_height(s, normal) for s in group]
        ranges.append((min(heights), max(heights)))
    low, high = max(r[0] for r in ranges), min(r[1] for r in ranges)
    shortest = min(r[1] - r[0] for r in ranges)
    return high - low > OVERLAP * shortest


def _split_far(slices: list[SliceHeader], normal: np.ndarray) -> list[list[SliceHeader]]:
    """Split where nothing was measured over a long distance."""
    ordered = sorted(slices, key=lambda s: (_height(s, normal), s.order))
    steps = np.diff([_height(s, normal) for s in ordered])
    moved = steps[steps > SAME_PLACE]
    if len(moved) == 0:
        return [ordered]
    limit = max(FAR_APART, FAR_STEPS * float(np.median(moved)))
    cuts = [0, *(np.flatnonzero(steps > limit) + 1), len(ordered)]
    return [ordered[a:b] for a, b in pairwise(cuts)]


def _places(ordered: list[SliceHeader], normal: np.ndarray) -> list[list[SliceHeader]]:
    """Group slices at the same height; within each in the order in which they were made."""
    groups: list[list[SliceHeader]] = []
    upwards = sorted(ordered, key=lambda s: _height(s, normal))
    steps = np.diff([_height(s, normal) for s in upwards])
    moved = steps[steps > SAME_PLACE]
    same = max(SAME_PLACE, SAME_SHARE * float(np.median(moved))) if len(moved) else SAME_PLACE
    for header in upwards:
        if groups and _height(header, normal) - _height(groups[-1][0], normal) < same:
            groups[-1].append(header)
        else:
            groups.append([header])
    return [sorted(group, key=lambda s: (s.order, str(s.path))) for group in groups]
