"""The vertebral arteries: found by contrast on their way through the foramina, fitted as tubes.

The fitted bones say where the foramina are. Where there is contrast, the cheapest way through
voxels as bright as the lumen joins them, wherever it runs between C2 and the dura, so that an
artery that enters the canal below C1 is followed as well. Bright tubes that leave the found one are
branches. Where there is no contrast no artery is made up.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from nav.reconstruction.chain import Chain
from nav.reconstruction.prior import SIDES, STATIONS, ShapePrior
from nav.reconstruction.sampling import as_field, cropped, smoothed
from nav.reconstruction.tube import Tube, fit_tube, resampled_line
from nav.reconstruction.volume import Array, Volume

ArteryState = Literal["seen", "partly seen", "not seen", "not in this scan"]

LOWER = ("C4", "C3", "C2low")  # stations that the way passes
AROUND = 2.4  # mm round a station, in which its lumen is looked for
AT_SEED = 1.8  # mm round a seed, likewise
BEYOND_SEEDS = 6.0  # mm above the highest seed, or under the lowest, where stations count
LEAST_SHARE = 0.6  # of the contrast at the seeds, that a station beyond them has
LEAST_CONTRAST = 60.0  # HU over soft tissue, below which a lumen is not seen
BOX = 14.0  # mm round the stations, in which a way is looked for
SMOOTH = 0.5  # mm, of the grey values that the way follows
WIDTH = 0.22  # of the contrast, by which a lumen's grey values may differ
MOST_COST = 60.0
INSIDE_BONE = 0.3  # mm under a bone's surface, where no way runs
LUMEN_END = 0.45  # of the contrast: below it a section is not filled
TOP_REACH = 7.0  # mm round the upper end's usual place
BELOW_C4 = 14.0  # mm, how far the artery is followed downwards
SHORTEST = 8.0  # mm, of a way that counts as seen
BRANCH_VOLUME, BRANCH_LENGTH = 25.0, 9.0  # mm^3, mm: a smaller bright remainder is no branch
BRANCH_GAP = 1.0  # mm outside the tube, where a remainder begins
END_GAP = 6.0  # mm from the trunk's end, where a remainder is no branch but goes on
TOUCHES = 2.5  # mm, at which a remainder touches the tube


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
    volume : HU. bone_distance : (nz, ny, nx) signed distance to the nearest fitted bone, mm.
    soft : HU of soft tissue. blur : sd of the scan's point spread, mm. seeds : by side, points
        (n, 3) within the lumen, mm, which its way passes in order of their height.
    given : sides that are known from elsewhere and not looked for.
    """
    found: list[Artery] = []
    for side in SIDES:
        if side not in given:
            own = (seeds or {}).get(side)
            found += _one_side(volume, prior, chain, bone_distance, soft, blur, side, own)
    return tuple(found)


def lumen_mask(volume: Volume, arteries: tuple[Artery, ...], margin: float) -> NDArray[np.bool_]:
    """Return the voxels (nz, ny, nx) within `margin` mm of any found artery's wall or inside it."""
    mask = np.zeros(volume.values.shape, bool)
    for artery in arteries:
        if artery.tube is not None:
            _fill_tube(volume, artery.tube, margin, mask)
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
    part, distance = _cut_out(volume, bone_distance, low, high)
    cost = _cost(part, distance, lumen, soft)
    line = _way(part, cost, stations, lumen, soft)
    if line is None:
        return [Artery(name, side, "not seen", None, contrast)]
    field = as_field(part)
    tube, whole = _filled_part(fit_tube(field, line, soft, blur), soft)
    if tube is None:
        return [Artery(name, side, "not seen", None, contrast)]
    state: ArteryState = "seen" if whole else "partly seen"
    trunk = Artery(name, side, state, tube, contrast)
    pieces = _remainders(part, distance, trunk, soft)
    trunk = _extended(part, cost, trunk, pieces, soft, blur)
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


def _cut_out(
    volume: Volume, distance: NDArray[np.float32], low: Array, high: Array
) -> tuple[Volume, NDArray[np.float32]]:
    part = cropped(volume, low, high)
    same = cropped(Volume(distance, volume.model_from_voxel), low, high)
    return part, np.asarray(same.values, np.float32)


def _cost(
    part: Volume, distance: NDArray[np.float32], lumen: float, soft: float
) -> NDArray[np.float32]:
    """Return the cost of a step through each voxel: 1 in the lumen, much elsewhere."""
    hu = np.asarray(smoothed(part, SMOOTH).values, np.float32)
    off = (hu - lumen) / (WIDTH * (lumen - soft))
    # brighter than the lumen is less wrong than darker, as contrast decays and calcium shines
    cost = 1.0 + np.where(off < 0.0, off**2, 0.6 * off**2)
    cost += np.clip(1.2 - distance, 0.0, 1.5) * 4.0
    cost[distance < -INSIDE_BONE] = MOST_COST
    return np.minimum(cost, MOST_COST)


def _way(
    part: Volume, cost: NDArray[np.float32], stations: dict[str, Array], lumen: float, soft: float
) -> Array | None:
    """Return the cheapest way from below C4 up to the dura (n, 3), mm."""
    ends = [point for name, point in stations.items() if name in LOWER or name.startswith("seed")]
    bottom = ends[0] - [0.0, 0.0, BELOW_C4]
    points = [p for p in (bottom, *ends) if _inside(part, p)]
    if len(points) < 2:
        return None
    top = _upper_end(part, stations["pierce"], lumen, soft)
    if top is not None:
        points.append(top)
    snapped = [_snapped(part, cost, p, 3.0) for p in points]
    ways = [_cheapest(part, cost, a, b) for a, b in pairwise(snapped)]
    return np.vstack([ways[0], *(w[1:] for w in ways[1:])])


def _upper_end(part: Volume, usual: Array, lumen: float, soft: float) -> Array | None:
    """Return where the lumen is, near its usual upper end; None where nothing is filled."""
    hu = np.asarray(smoothed(part, SMOOTH).values, np.float32)
    filled = np.abs(hu - lumen) < 0.4 * (lumen - soft)
    index = np.argwhere(filled)[:, ::-1]
    if not len(index):
        return None
    off = np.linalg.norm(part.to_model(index) - usual, axis=1)
    near = off < TOP_REACH
    if near.sum() < 10:
        return None
    i, j, k = index[near].T
    score = np.abs(hu[k, j, i] - lumen) / (lumen - soft) + off[near] / TOP_REACH
    return part.to_model(index[near][np.argmin(score)][None])[0]


def _inside(part: Volume, point: Array) -> bool:
    index = part.to_voxel(point[None])[0]
    return bool((index >= 0).all() and (index <= np.array(part.values.shape[::-1]) - 1).all())


def _snapped(
    part: Volume, cost: NDArray[np.float32], point: Array, reach: float
) -> tuple[int, int, int]:
    """Return the cheapest voxel (z, y, x) near a point."""
    centre = part.to_voxel(point[None])[0]
    size = np.array(part.values.shape[::-1])
    span = np.ceil(reach / part.spacing).astype(int)
    first = np.clip(np.rint(centre).astype(int) - span, 0, size - 1)
    last = np.clip(np.rint(centre).astype(int) + span + 1, first + 1, size)
    x, y, z = (slice(a, b) for a, b in zip(first, last, strict=True))
    window = ndimage.uniform_filter(cost, 3)[z, y, x]
    grid = np.stack(np.meshgrid(*(np.arange(s.start, s.stop) for s in (z, y, x)), indexing="ij"))
    off = (grid[::-1] - centre[:, None, None, None]) * part.spacing[:, None, None, None]
    away = np.sqrt((off**2).sum(axis=0))
    best = np.unravel_index(
        int(np.argmin(window + 2.0 * away + np.where(away > reach, 1e3, 0))), window.shape
    )
    return (int(best[0] + z.start), int(best[1] + y.start), int(best[2] + x.start))


def _cheapest(
    part: Volume,
    cost: NDArray[np.float32],
    start: tuple[int, int, int],
    end: tuple[int, int, int],
) -> Array:
    from skimage.graph import MCP_Geometric

    search = MCP_Geometric(cost, sampling=tuple(part.spacing[::-1]))
    search.find_costs([start], [end])
    return part.to_model(np.array(search.traceback(end))[:, ::-1])


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


def _remainders(
    part: Volume, distance: NDArray[np.float32], trunk: Artery, soft: float
) -> list[tuple[NDArray[np.bool_], NDArray[np.bool_]]]:
    """Return bright pieces that touch the trunk's tube from outside, each with where it does."""
    assert trunk.tube is not None
    hu = np.asarray(smoothed(part, 0.35).values, np.float32)
    taken, touching = np.zeros(hu.shape, bool), np.zeros(hu.shape, bool)
    _fill_tube(part, trunk.tube, BRANCH_GAP, taken)
    _fill_tube(part, trunk.tube, TOUCHES, touching)
    usual = float(np.median(trunk.tube.lumen))
    bright = (hu > soft + 0.6 * (usual - soft)) & (hu < usual + 0.5 * (usual - soft))
    bright &= ~taken & (distance > 0.8)
    pieces, count = ndimage.label(ndimage.binary_opening(bright), np.ones((3, 3, 3)))
    least = BRANCH_VOLUME / float(np.prod(part.spacing))
    found = []
    for number in range(1, count + 1):
        piece = pieces == number
        if piece.sum() >= least and (piece & touching).any():
            found.append((piece, piece & touching))
    return found


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
        more = _branch_line(part, cost, piece, contact)
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
    for piece, contact in _remainders(part, distance, trunk, soft):
        line = _branch_line(part, cost, piece, contact)
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


def _branch_line(
    part: Volume,
    cost: NDArray[np.float32],
    piece: NDArray[np.bool_],
    contact: NDArray[np.bool_],
) -> Array | None:
    """Return the line through a piece from where it touches the trunk to its farthest end."""
    from skimage.graph import MCP_Geometric

    price = np.where(piece, np.maximum(cost, 1.0), -1.0)  # elsewhere closed
    starts = np.argwhere(contact)
    sampling = tuple(part.spacing[::-1])
    reach, _ = MCP_Geometric(price, sampling=sampling).find_costs([tuple(starts[0])])
    far = np.unravel_index(
        int(np.argmax(np.where(np.isfinite(reach) & piece, reach, -1))), piece.shape
    )
    search = MCP_Geometric(price, sampling=sampling)
    back, _ = search.find_costs([tuple(int(k) for k in far)])
    reached = [tuple(s) for s in starts if np.isfinite(back[tuple(s)])]
    if not reached:
        return None
    end = max(reached, key=lambda s: back[s])
    line = part.to_model(np.array(search.traceback(end))[:, ::-1])
    return line if len(line) > 4 else None


def _fill_tube(volume: Volume, tube: Tube, margin: float, mask: NDArray[np.bool_]) -> None:
    """Set the voxels within a tube widened by a margin."""
    size = np.array(mask.shape[::-1])
    line = resampled_line(tube.centres, 0.4, 0.0)
    radii = np.interp(np.linspace(0, 1, len(line)), np.linspace(0, 1, len(tube.radii)), tube.radii)
    for centre, radius in zip(volume.to_voxel(line), radii + margin, strict=True):
        reach = radius / volume.spacing
        first = np.clip(np.floor(centre - reach).astype(int), 0, size)
        last = np.clip(np.ceil(centre + reach).astype(int) + 1, 0, size)
        if (last <= first).any():
            continue
        x, y, z = (
            (np.arange(a, b) - c) * s
            for a, b, c, s in zip(first, last, centre, volume.spacing, strict=True)
        )
        near = z[:, None, None] ** 2 + y[:, None] ** 2 + x**2 <= radius**2
        mask[first[2] : last[2], first[1] : last[1], first[0] : last[0]] |= near
