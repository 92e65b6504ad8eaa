"""The vertebral arteries: found by contrast on their way through the foramina, fitted as tubes.

The fitted bones say where the foramina are. Where there is contrast, the cheapest way through
voxels as bright as the lumen joins them, wherever it runs between C2 and the dura, so that an
artery that enters the canal below C1 is followed as well. Bright tubes that leave the found one are
branches. Where there is no contrast no artery is made up.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from nav.reconstruction.artery_routes import (
    BELOW_C4,
    LOWER,
    cheapest_route,
    cut_out,
    travel_cost,
)
from nav.reconstruction.chain import Chain
from nav.reconstruction.lumen_profile import LumenProfile, lumen_profile, unlike, with_doubt
from nav.reconstruction.prior import SIDES, STATIONS, ShapePrior
from nav.reconstruction.sampling import Field, as_field
from nav.reconstruction.tube import SECTION, Tube, fit_tube
from nav.reconstruction.vessel_branches import branch_line, bright_pieces, fill_tube
from nav.reconstruction.volume import Array, Volume

ArteryState = Literal["seen", "partly seen", "not seen", "not in this scan"]

AROUND = 2.4  # mm round a station, in which its lumen is looked for
AT_SEED = 1.8  # mm round a seed, likewise
BEYOND_SEEDS = 6.0  # mm above the highest seed, or under the lowest, where stations count
LEAST_SHARE = 0.6  # of the contrast at the seeds, that a station beyond them has
LEAST_CONTRAST = 60.0  # HU over soft tissue, below which a lumen is not seen
BOX = 14.0  # mm round the stations, in which a way is looked for
LUMEN_END = 0.45  # of the contrast: below it a section is not filled
MOST_UNLIKE = 3.0  # mm of a route that does not hold lumen, beyond which another is looked for
SHORTEST = 8.0  # mm, of a way that counts as seen
BRANCH_VOLUME, BRANCH_LENGTH = 25.0, 9.0  # mm^3, mm: a smaller bright remainder is no branch
END_GAP = 6.0  # mm from the trunk's end, where a remainder is no branch but goes on


@dataclass(frozen=True)
class Artery:
    """One vessel as found.

    Parameters
    ----------
    name : as "vertebral artery left". side : "left" or "right". state : how much of it is seen.
    tube : None where it is not. contrast : HU over soft tissue. in_canal_below_c1 : whether it
        runs into the canal between C1 and C2. of : the vessel that it leaves, "" for a trunk.
    """

    name: str
    side: str
    state: ArteryState
    tube: Tube | None
    contrast: float
    of: str = ""


def find_arteries(
    volume: Volume,
    prior: ShapePrior,
    chain: Chain,
    bone_distance: NDArray[np.float32],
    soft: float,
    blur: float = 0.45,
    seeds: Mapping[str, Array] | None = None,
    given: Collection[str] = (),
) -> tuple[Artery, ...]:
    """Find both vertebral arteries and their branches.

    Parameters
    ----------
    volume : Volume
        HU.
    prior : ShapePrior
        Where the arteries run by the bones.
    chain : Chain
        The fitted bones.
    bone_distance : ndarray, shape (nz, ny, nx)
        Signed distance to the nearest fitted bone, mm.
    soft : float
        HU of soft tissue.
    blur : float
        Standard deviation of the scan's point spread, mm.
    seeds : mapping, optional
        By side, points (n, 3) within the lumen, mm, which its way passes in order of their height.
    given : collection of str
        Sides that are known from elsewhere and not looked for.

    Returns
    -------
    tuple of Artery
        Of each side that was looked for its trunk, then its branches; without a tube where it was
        not seen.
    """
    found: list[Artery] = []
    for side in SIDES:
        if side not in given:
            own = (seeds or {}).get(side)
            found += _one_side(volume, prior, chain, bone_distance, soft, blur, side, own)
    return tuple(found)


def lumen_mask(volume: Volume, arteries: tuple[Artery, ...], margin: float) -> NDArray[np.bool_]:
    """Return the voxels near any found artery.

    Parameters
    ----------
    volume : Volume
        The grid.
    arteries : tuple of Artery
        Those without a tube do not count.
    margin : float
        Outside of the wall, mm.

    Returns
    -------
    ndarray of bool, shape (nz, ny, nx)
        Within `margin` of a wall, or inside it.
    """
    mask = np.zeros(volume.values.shape, bool)
    for artery in arteries:
        if artery.tube is not None:
            fill_tube(volume, artery.tube, margin, mask)
    return mask


def _one_side(
    volume: Volume,
    prior: ShapePrior,
    chain: Chain,
    bone_distance: NDArray[np.float32],
    soft: float,
    blur: float,
    side: str,
    seeds: Array | None = None,
) -> list[Artery]:
    name = f"vertebral artery {side}"
    stations = {s: chain.station(prior, side, s) for s in STATIONS}
    levels = {s: _lumen_at(volume, bone_distance, p) for s, p in stations.items()}
    seen = {s: level for s, level in levels.items() if np.isfinite(level)}
    usual = [seen[s] for s in ("C4", "C3", "C2low") if s in seen]
    if seeds is not None:
        at_seeds = [_lumen_at(volume, bone_distance, p, AT_SEED) for p in seeds]
        usual = [level for level in at_seeds if np.isfinite(level)]
    if not usual:
        return [Artery(name, side, "not in this scan", None, 0.0)]
    contrast = float(np.median(usual)) - soft
    if contrast < LEAST_CONTRAST:
        return [Artery(name, side, "not seen", None, contrast)]
    lumen = soft + contrast
    if seeds is not None:
        stations = _seeded(stations, levels, seeds, soft + LEAST_SHARE * contrast)
    points = np.array(list(stations.values()))
    low, high = points.min(axis=0) - BOX, points.max(axis=0) + BOX
    low[2] -= BELOW_C4
    part, distance = cut_out(volume, bone_distance, low, high)
    field = as_field(part)
    tube, whole, profile = _followed(part, distance, field, stations, lumen, soft, blur)
    if tube is None:
        return [Artery(name, side, "not seen", None, contrast)]
    state: ArteryState = "seen" if whole else "partly seen"
    trunk = Artery(name, side, state, tube, contrast)
    cost = travel_cost(part, distance, lumen, soft)
    pieces = bright_pieces(part, distance, tube, soft)
    trunk = _extended(part, cost, trunk, pieces, soft, blur)
    assert trunk.tube is not None
    doubtful = unlike(field, trunk.tube, profile, soft)
    trunk = replace(trunk, tube=with_doubt(trunk.tube, doubtful))
    return [trunk, *_branches(part, distance, cost, trunk, soft, blur)]


def _seeded(
    stations: dict[str, Array], levels: dict[str, float], seeds: Array, least: float
) -> dict[str, Array]:
    """Return seeds in the place of the usual stations; beyond them those that are as bright."""
    ordered = seeds[np.argsort(seeds[:, 2], kind="stable")]
    low, high = ordered[0, 2] - BEYOND_SEEDS, ordered[-1, 2] + BEYOND_SEEDS
    below = {
        s: stations[s] for s in LOWER if stations[s][2] < low and levels.get(s, -np.inf) >= least
    }
    above = {
        s: stations[s]
        for s in reversed(LOWER)
        if stations[s][2] > high and levels.get(s, -np.inf) >= least
    }
    above = dict(sorted(above.items(), key=lambda item: float(item[1][2])))
    own = {f"seed {k}": point for k, point in enumerate(ordered)}
    return {**below, **own, **above, "pierce": stations["pierce"]}


def _lumen_at(
    volume: Volume, bone_distance: NDArray[np.float32], point: Array, around: float = AROUND
) -> float:
    """Return the brightest usual value round a point outside bone, HU; NaN outside the scan."""
    values, distance = _ball(volume, bone_distance, point, around)
    free = values[distance > 0.6]
    if len(free) < 8:
        return float("nan")
    return float(np.median(np.sort(free)[-max(6, len(free) // 3) :]))


def _ball(
    volume: Volume, other: NDArray[np.float32], point: Array, radius: float
) -> tuple[Array, Array]:
    """Return grey values and another field's within a ball."""
    size = np.array(volume.values.shape[::-1])
    centre = volume.to_voxel(point[None])[0]
    reach = radius / volume.spacing
    first = np.clip(np.floor(centre - reach).astype(int), 0, size)
    last = np.clip(np.ceil(centre + reach).astype(int) + 1, 0, size)
    if (last <= first).any():
        return np.zeros(0), np.zeros(0)
    x, y, z = (np.arange(a, b) for a, b in zip(first, last, strict=True))
    grid = np.stack(np.meshgrid(x, y, z, indexing="ij"), axis=-1).reshape(-1, 3)
    near = np.linalg.norm((grid - centre) * volume.spacing, axis=1) <= radius
    i, j, k = grid[near].T
    return volume.values[k, j, i].astype(float), other[k, j, i].astype(float)


def _followed(
    part: Volume,
    distance: NDArray[np.float32],
    field: Field,
    stations: dict[str, Array],
    lumen: float,
    soft: float,
    blur: float,
) -> tuple[Tube | None, bool, LumenProfile]:
    """Return the vessel's filled part, whether that is nearly all, and its lumen's grey values.

    Where the route leaves what the rest of the vessel holds (contrast decays on its way, so that a
    short cut through bone or a vein may be as cheap), it is looked for again by the lumen's own
    grey values at each height; the better one counts.
    """
    level: float | NDArray[np.float32] = lumen
    best: tuple[Tube | None, bool, LumenProfile] = (None, False, LumenProfile(lumen, 0.0))
    good = -np.inf
    for _ in range(2):
        line = cheapest_route(part, travel_cost(part, distance, level, soft), stations, lumen, soft)
        if line is None:
            break
        tube, whole = _filled_part(fit_tube(field, line, soft, blur), soft)
        if tube is None:
            break
        profile = lumen_profile(field, tube, soft)
        wrong = unlike(field, tube, profile, soft)
        # as long as it is, less twice what is not lumen
        share = float(len(wrong) - 2 * wrong.sum())
        if share > good:
            good, best = share, (tube, whole, profile)
        if wrong.sum() * SECTION < MOST_UNLIKE:
            break
        level = profile.on_grid(part)
    return best


def _filled_part(tube: Tube, soft: float) -> tuple[Tube | None, bool]:
    """Return the longest run of sections that hold contrast, and whether that is nearly all."""
    usual = float(np.median(tube.lumen)) - soft
    filled = (tube.lumen - soft > max(LUMEN_END * usual, LEAST_CONTRAST * 0.7)) & (
        tube.supported > 0.2
    )
    filled = ndimage.binary_closing(np.pad(filled, 12, mode="edge"), iterations=8)[12:-12]
    runs, count = ndimage.label(filled)
    if not count:
        return None, False
    longest = int(np.argmax(np.bincount(runs.ravel())[1:])) + 1
    kept = tube.part(np.asarray(runs == longest))
    if kept.length < SHORTEST:
        return None, False
    return kept, kept.length > tube.length - 5.0


def _extended(
    part: Volume,
    cost: NDArray[np.float32],
    trunk: Artery,
    pieces: list[tuple[NDArray[np.bool_], NDArray[np.bool_]]],
    soft: float,
    blur: float,
) -> Artery:
    """Return the trunk with the pieces that go on beyond its ends."""
    assert trunk.tube is not None
    line, grown = trunk.tube.centres, False
    for piece, contact in pieces:
        more = branch_line(part, cost, piece, contact)
        if more is None:
            continue
        for end in (0, -1):
            if np.linalg.norm(more[-1] - line[end]) < END_GAP:
                line = np.vstack([more, line]) if end == 0 else np.vstack([line, more[::-1]])
                grown = True
                break
    if not grown:
        return trunk
    tube, _ = _filled_part(fit_tube(as_field(part), line, soft, blur), soft)
    return trunk if tube is None else replace(trunk, tube=tube)


def _branches(
    part: Volume,
    distance: NDArray[np.float32],
    cost: NDArray[np.float32],
    trunk: Artery,
    soft: float,
    blur: float,
) -> list[Artery]:
    """Return bright tubes that touch the trunk between its ends and leave it."""
    assert trunk.tube is not None
    found: list[Artery] = []
    for piece, contact in bright_pieces(part, distance, trunk.tube, soft):
        line = branch_line(part, cost, piece, contact)
        if line is None:
            continue
        tube, _ = _filled_part(fit_tube(as_field(part), line, soft, blur, 1.2), soft)
        if tube is None or tube.length < BRANCH_LENGTH or np.median(tube.radii) > 3.5:
            continue
        ends = trunk.tube.centres[[0, -1]]
        if np.linalg.norm(ends - line[-1], axis=1).min() < END_GAP:
            continue
        name = f"branch {len(found) + 1} of {trunk.name}"
        found.append(Artery(name, trunk.side, "seen", tube, trunk.contrast, trunk.name))
    return found
