"""From a read scan to closed surfaces with their own error: the steps in a row."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from nav.errors import InputError, Lost
from nav.reconstruction.arteries import Artery, find_arteries, lumen_mask
from nav.reconstruction.bone_labels import (
    bone_distances,
    cut_off,
    grey_levels,
    label_bones,
    nearest_of,
)
from nav.reconstruction.canal import reconstruct_canal
from nav.reconstruction.chain import Chain, Support, fit_chain, mean_chain, supports
from nav.reconstruction.grey_surface import Mesh, bone_surface, without_fins
from nav.reconstruction.locate import propose_places
from nav.reconstruction.markers import find_markers
from nav.reconstruction.neck_region import crop_to_neck, neck_region
from nav.reconstruction.prior import BONES, ShapePrior, load_prior
from nav.reconstruction.reading import ReadResult
from nav.reconstruction.refine import RefinedSurface, refine_surfaces
from nav.reconstruction.result import ReconstructedSurface, Reconstruction, Remark, Role
from nav.reconstruction.sampling import as_field, coarser, cropped, smoothed
from nav.reconstruction.skin import skin_surface
from nav.reconstruction.tube import tube_mesh
from nav.reconstruction.volume import Volume

Tell = Callable[[str, float], None]

STEPS = ("locate", "fit", "levels", "arteries", "labels", "surfaces", "refine", "canal", "skin")
PLACES = 6  # proposals that are fitted
SURE = 0.93  # of a fit's support, above which no other proposal is tried
COARSE, COARSE_BLUR = 1.0, 0.7  # mm, of the volume that proposals are fitted to
COARSE_REACHES = (8.0, 8.0, 8.0, 6.0, 6.0, 6.0, 5.0, 5.0, 4.0, 4.0)  # mm
FINE_REACHES = (4.0, 4.0, 3.0, 3.0, 3.0, 2.0, 2.0, 2.0)
NEEDED = ("C1", "C2")
FOUND = 0.8  # share of a bone's vertices in view that have an edge: it is there
LEAST_VIEW = 0.25  # share of a bone in view, below which it is not made
WHOLE = 0.985
MARGIN = 14.0  # mm round the bones
LUMEN_MARGIN = 0.5  # mm round an artery's wall, that bone is not looked for in
LEAST_SPREAD, VOXEL_SPREAD = 0.3, 0.45  # mm, and of the voxel: the point spread's sd
FORAMEN_REACH = 7.0  # mm from C1's foramen, beyond which an artery does not pass it
CAP_SIGMA = 5.0  # mm, where the scan's border closes a surface
LEAST_CUT = 0.02  # share of the neck's height over which the field of view cuts the skin
LEAST_GAP_AREA = 3.0  # mm^2 of a fused or unresolved joint that is said


@dataclass(frozen=True)
class LocatedNeck:
    """A fitted chain and what of it the scan holds."""

    chain: Chain
    supports: dict[str, Support]

    def has(self, name: str) -> bool:
        """Return whether the scan holds enough of a bone."""
        found = self.supports[name]
        return found.in_view >= LEAST_VIEW and found.matched >= FOUND


def reconstruct(read: ReadResult, tell: Tell | None = None) -> Reconstruction:
    """Reconstruct the upper cervical spine of a scan.

    Parameters
    ----------
    read : the scan. tell : is told each step's name (one of STEPS) and the share of it that is
        done.

    Raises
    ------
    InputError
        The scan does not show C1 and C2.
    """
    clock = _Clock(tell or (lambda step, share: None))
    prior, volume = load_prior(), read.volume
    neck = locate_neck(volume, prior, clock)
    chain = neck.chain
    names = [name for name in BONES if neck.has(name)]
    corners = np.vstack([chain.vertices(prior, name) for name in names])
    near = cropped(volume, corners.min(axis=0) - MARGIN, corners.max(axis=0) + MARGIN)
    clock.step("levels")
    distances = bone_distances(near, prior, chain)
    distance = nearest_of(near, distances)
    levels = grey_levels(near, distance)
    clock.step("arteries")
    spread = point_spread(near)
    arteries = find_arteries(near, prior, chain, distance, levels.soft, spread)
    clock.step("labels")
    excluded = lumen_mask(near, arteries, LUMEN_MARGIN)
    # a bone that is hardly in view takes its own voxels, too: else its neighbour would
    labels = label_bones(near, distances, BONES, excluded)
    clock.step("surfaces")
    meshes = {name: bone_surface(near, labels, name) for name in names}
    rough = {name: mesh for name, mesh in meshes.items() if mesh is not None}
    clock.step("refine")
    refined = refine_surfaces(near, rough, labels.levels, list(rough))
    clock.step("canal")
    surfaces = [
        _bone(name, surface, near, cut_off(near, distances, name, surface.vertices))
        for name, surface in refined.items()
    ]
    soft, remarks = _canal(volume, prior, chain)
    surfaces += soft
    clock.step("skin")
    skin, said = _skin(volume, prior, chain)
    neck_volume = crop_to_neck(volume, prior, chain).volume
    region = neck_region(prior, chain)
    # the gap between the arches of C1 and C2, where a needle goes
    gap = region.head_from_model.inv().apply(np.zeros(3))
    markers = find_markers(volume, region, gap)
    surfaces += [_vessel(artery) for artery in arteries if artery.tube is not None]
    surfaces += skin
    surfaces = [_clean(surface) for surface in surfaces]
    remarks = [
        *_bone_remarks(neck),
        *_gap_remarks(refined),
        *_artery_remarks(arteries, prior, chain),
        *remarks,
        *said,
        *_gaps_of_scan(read),
    ]
    return Reconstruction(
        tuple(surfaces), neck_volume, chain, tuple(remarks), read, dict(clock.finished()), markers
    )


def locate_neck(volume: Volume, prior: ShapePrior, clock: _Clock | None = None) -> LocatedNeck:
    """Find the chain of bones in a scan and fit it.

    Raises
    ------
    InputError
        The scan does not show C1 and C2: what it shows of them.
    """
    clock = clock or _Clock(lambda step, share: None)
    clock.step("locate")
    places = propose_places(volume, prior, PLACES, clock.share)
    clock.step("fit")
    coarse = as_field(smoothed(coarser(volume, COARSE), COARSE_BLUR))
    best: tuple[float, Chain] | None = None
    for number, place in enumerate(places):
        chain = fit_chain(prior, coarse, mean_chain(prior, place.pose), COARSE_REACHES)
        score = _score(supports(prior, coarse, chain))
        if best is None or score > best[0]:
            best = (score, chain)
        clock.share((number + 1) / (len(places) + 2))
        if score > SURE:
            break
    if best is None:
        raise InputError("the scan shows no bone; expected a CT of the neck with C1 and C2")
    field = as_field(volume)
    chain = fit_chain(prior, field, best[1], FINE_REACHES)
    neck = LocatedNeck(chain, supports(prior, field, chain))
    missing = [name for name in NEEDED if not neck.has(name)]
    if missing:
        raise InputError(_not_covered(neck, missing))
    return neck


def point_spread(volume: Volume) -> float:
    """Return the usual sd of the point spread of a scan of such voxels, mm."""
    voxel = float(np.prod(volume.spacing) ** (1.0 / 3.0))
    return float(np.hypot(LEAST_SPREAD, VOXEL_SPREAD * voxel))


class _Clock:
    """Tells which step is on, and keeps how long each took."""

    def __init__(self, tell: Tell) -> None:
        self.tell, self.name, self.start = tell, "", time.perf_counter()
        self.seconds: dict[str, float] = {}

    def step(self, name: str) -> None:
        now = time.perf_counter()
        if self.name:
            self.seconds[self.name] = now - self.start
        self.name, self.start = name, now
        self.tell(name, 0.0)

    def share(self, share: float) -> None:
        self.tell(self.name, share)

    def finished(self) -> dict[str, float]:
        self.step("")
        return self.seconds


def _score(found: dict[str, Support]) -> float:
    """Return how well a fit is supported: shares of edges found, of what is in view."""
    names = ("C1", "C2", "C3", "C4")
    return float(np.mean([found[n].matched * min(found[n].in_view, 1.0) for n in names]))


def _not_covered(neck: LocatedNeck, missing: list[str]) -> str:
    shown = [name for name in BONES if neck.has(name)]
    what = f"only {', '.join(shown)} were found" if shown else "no vertebra of the neck was found"
    return (
        f"the scan does not show {' and '.join(missing)}: {what}; expected a CT from the skull's "
        "base to C4"
    )


def _bone(
    name: str, surface: RefinedSurface, volume: Volume, cut: NDArray[np.bool_]
) -> ReconstructedSurface:
    closed = _at_border(volume, surface.vertices) | cut
    sigma = np.where(closed, CAP_SIGMA, surface.sigma)
    return ReconstructedSurface(
        name, "bone", surface.vertices, surface.triangles, sigma, "grey values"
    )


def _at_border(volume: Volume, vertices: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which vertices the scan's border makes, not the bone."""
    index, last = volume.to_voxel(vertices), np.array(volume.values.shape[::-1]) - 1
    return np.asarray(((index < 0.7) | (index > last - 0.7)).any(axis=1))


def _canal(
    volume: Volume, prior: ShapePrior, chain: Chain
) -> tuple[list[ReconstructedSurface], list[Remark]]:
    found = reconstruct_canal(volume, prior, chain)
    if isinstance(found, Lost):
        return [], [Remark("canal_missing", {"why": found.reason})]
    surfaces, remarks = [], []
    for name, surface in (("cord", found.cord), ("dura", found.dura)):
        role: Role = "cord" if name == "cord" else "dura"
        surfaces.append(
            ReconstructedSurface(
                name, role, surface.vertices, surface.triangles, surface.sigma, surface.source
            )
        )
        measured = float(surface.measured.mean())
        if measured < 0.5:
            facts = {"name": name, "measured": measured, "sigma": float(np.median(surface.sigma))}
            remarks.append(Remark("canal_from_prior", facts))
    return surfaces, remarks


def _skin(
    volume: Volume, prior: ShapePrior, chain: Chain
) -> tuple[list[ReconstructedSurface], list[Remark]]:
    found = skin_surface(volume, prior, chain)
    if isinstance(found, Lost):
        return [], [Remark("skin_missing", {"why": found.reason.removeprefix("skin: ")})]
    sigma = np.where(found.claimed, found.sigma, CAP_SIGMA)
    surface = ReconstructedSurface(
        "skin", "skin", found.vertices, found.triangles, sigma, "grey values"
    )
    if found.cut_by_view > LEAST_CUT:
        where = f"its sides over {100 * found.cut_by_view:.0f} % of the neck's height"
        return [surface], [Remark("skin_cut", {"where": where})]
    return [surface], []


def _vessel(artery: Artery) -> ReconstructedSurface:
    assert artery.tube is not None
    mesh, sigma = tube_mesh(artery.tube)
    return ReconstructedSurface(
        artery.name, "artery", mesh.vertices, mesh.triangles, sigma, "contrast"
    )


def _bone_remarks(neck: LocatedNeck) -> list[Remark]:
    remarks = []
    for name in ("C1", "C2", "C3", "C4"):
        in_view = neck.supports[name].in_view
        if not neck.has(name):
            remarks.append(Remark("bone_missing", {"name": name}))
        elif in_view < WHOLE:
            remarks.append(Remark("bone_cut", {"name": name, "in_view": in_view}))
    return remarks


def _gap_remarks(refined: dict[str, RefinedSurface]) -> list[Remark]:
    names, remarks = list(refined), []
    told: set[frozenset[str]] = set()
    for name, surface in refined.items():
        others = [other for other in names if other != name]
        areas: dict[str, float] = {}
        for gap in surface.unresolved:
            if gap.neighbour >= 0:
                other = others[gap.neighbour]
                areas[other] = areas.get(other, 0.0) + gap.area
        for other, area in areas.items():
            pair = frozenset({name, other})
            if area >= LEAST_GAP_AREA and pair not in told:
                told.add(pair)
                remarks.append(
                    Remark("gap_unresolved", {"one": name, "other": other, "area": area})
                )
    return remarks


def _artery_remarks(arteries: tuple[Artery, ...], prior: ShapePrior, chain: Chain) -> list[Remark]:
    remarks = []
    for artery in arteries:
        side, tube = artery.side, artery.tube
        if artery.of and tube is not None:
            facts = {
                "name": artery.name,
                "length": tube.length,
                "radius": float(np.median(tube.radii)),
            }
            remarks.append(Remark("artery_branch", facts))
        elif artery.state == "not in this scan":
            remarks.append(Remark("artery_absent", {"side": side}))
        elif tube is None:
            remarks.append(Remark("artery_not_seen", {"side": side, "contrast": artery.contrast}))
        else:
            if artery.state == "partly seen":
                remarks.append(Remark("artery_partly_seen", {"side": side, "length": tube.length}))
            foramen = chain.station(prior, side, "C1")
            off = float(np.linalg.norm(tube.centres - foramen, axis=1).min())
            ends = tube.centres[[0, -1], 2]
            if off > FORAMEN_REACH and ends.min() < foramen[2] < ends.max():
                remarks.append(Remark("artery_leaves_foramina", {"side": side, "distance": off}))
    return remarks


def _gaps_of_scan(read: ReadResult) -> list[Remark]:
    length = sum(interval.high - interval.low for interval in read.unmeasured)
    return [Remark("interpolated", {"length": length})] if length > 0.0 else []


def _clean(surface: ReconstructedSurface) -> ReconstructedSurface:
    """Return a surface as a case takes it."""
    kept, triangles = without_fins(surface.vertices, surface.triangles)
    return replace(
        surface, vertices=surface.vertices[kept], triangles=triangles, sigma=surface.sigma[kept]
    )


def as_mesh(surface: ReconstructedSurface) -> Mesh:
    """Return a surface's mesh."""
    return Mesh(surface.vertices, surface.triangles)
