"""Refinement of a bone's surface below the voxel, with a standard deviation at each vertex.

The unrefined surface lies where the grey values pass a threshold. Along its normals a model of a
thin, blurred cortex estimates where the bone really ends [1]_, with what uncertainty, and how wide
the gap to the next bone is. These offsets are combined along the surface, and the vertices moved,
but never so far that surfaces meet.

References
----------
.. [1] Treece et al., High resolution cortical bone thickness measurement from clinical CT data,
   Medical Image Analysis 14, 2010.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse.csgraph import connected_components

from nav.reconstruction.bone_labels import LAST, Levels
from nav.reconstruction.decimate import decimated
from nav.reconstruction.grey_surface import Mesh
from nav.reconstruction.mesh_fields import adjacency, taubin_smoothed, vertex_areas
from nav.reconstruction.scan_model import ScanModel, estimate_scan
from nav.reconstruction.surface_fit import SurfaceFit, combine, fit_surface
from nav.reconstruction.surface_probe import Probe, grey_values, probe_surface
from nav.reconstruction.surface_safety import APART, kept_apart, moved, untangled
from nav.reconstruction.surface_sigma import unresolved, vertex_sigma
from nav.reconstruction.volume import Array, Volume

SMOOTHING = 3  # Taubin steps, against the voxels' facets
REDUCTION = 0.7  # of the triangles at most, where voxels are small
LEAST_DENSITY = 1.8  # vertices per mm^2, fewest that stay
MOST_INWARDS = 0.4  # of the bone's thickness, largest move of a vertex
MOST_MOVED = 1.5  # mm
LEAST_UNRESOLVED = 3.0  # mm^2


@dataclass(frozen=True)
class UnresolvedGap:
    """Where two surfaces are fused, or their gap is too narrow for the scan.

    Parameters
    ----------
    neighbour : int
        Number among the other surfaces, -1 for the bone itself.
    place : ndarray, shape (3,)
        Model frame, mm.
    area : float
        mm^2.
    gap : float
        Median of its estimates, mm.
    """

    neighbour: int
    place: Array
    area: float
    gap: float


@dataclass(frozen=True)
class RefinedSurface:
    """A closed surface with its uncertainty.

    Parameters
    ----------
    vertices : ndarray, shape (n, 3)
        Model frame, mm.
    triangles : ndarray of int32, shape (m, 3)
        Counter-clockwise from outside.
    sigma : ndarray, shape (n,)
        Standard deviation along the normal, mm.
    gap : ndarray, shape (n,)
        To the next surface along the normal, mm; NaN where none is near.
    cortex : ndarray, shape (n,)
        Thickness of the cortex, mm.
    unresolved : tuple of UnresolvedGap
        Gaps that the scan does not show.
    """

    vertices: Array
    triangles: NDArray[np.int32]
    sigma: Array
    gap: Array
    cortex: Array
    unresolved: tuple[UnresolvedGap, ...]


@dataclass(frozen=True)
class SurfaceFits:
    """Fits of several surfaces, by name.

    Parameters
    ----------
    probes : dict of str to Probe
        Surfaces and their profiles.
    fits : dict of str to SurfaceFit
        Of the profiles.
    offsets : dict of str to ndarray, shape (n,)
        How far each vertex moves along its normal, mm.
    scan : ScanModel
        How the scan shows bone.
    """

    probes: dict[str, Probe]
    fits: dict[str, SurfaceFit]
    offsets: dict[str, Array]
    scan: ScanModel


@dataclass(frozen=True)
class ProbedSurfaces:
    """Prepared surfaces and their profiles.

    Parameters
    ----------
    probes : dict of str to Probe
        By name.
    count : int
        Of all surfaces, also those that are only neighbours.
    """

    probes: dict[str, Probe]
    count: int


def refine_surfaces(
    volume: Volume, meshes: Mapping[str, Mesh], levels: Levels, names: Sequence[str]
) -> dict[str, RefinedSurface]:
    """Refine the named surfaces among all that are present.

    Parameters
    ----------
    volume : Volume
        HU, round the bones.
    meshes : mapping of str to Mesh
        Closed surfaces of all bones that are in it, also those that are only neighbours, model
        frame, mm.
    levels : Levels
        The scan's rough grey values.
    names : sequence of str
        Which to refine.

    Returns
    -------
    dict of str to RefinedSurface
        By name.
    """
    probed = probe_surfaces(volume, meshes, names)
    return refine_probed(probed, learn_scan(volume, probed, levels), volume)


def fit_surfaces(
    volume: Volume, meshes: Mapping[str, Mesh], levels: Levels, names: Sequence[str]
) -> SurfaceFits:
    """Fit the named surfaces' profiles, from which `refine_surfaces` moves their vertices.

    Parameters
    ----------
    volume : Volume
        HU, round the bones.
    meshes : mapping of str to Mesh
        Closed surfaces of all bones that are in it, also those that are only neighbours, model
        frame, mm.
    levels : Levels
        The scan's rough grey values.
    names : sequence of str
        Which to fit.

    Returns
    -------
    SurfaceFits
        Of the named surfaces.
    """
    probed = probe_surfaces(volume, meshes, names)
    return _fit_probed(probed, learn_scan(volume, probed, levels), {})


def probe_surfaces(
    volume: Volume, meshes: Mapping[str, Mesh], names: Sequence[str]
) -> ProbedSurfaces:
    """Prepare surfaces and probe the named ones along their normals.

    Parameters
    ----------
    volume : Volume
        HU, round the bones.
    meshes : mapping of str to Mesh
        Closed surfaces of all bones that are in it, also those that are only neighbours, model
        frame, mm.
    names : sequence of str
        Which to probe.

    Returns
    -------
    ProbedSurfaces
        Of the named surfaces.
    """
    grey = grey_values(volume)
    ready = {name: prepared(mesh) for name, mesh in meshes.items()}
    probes = {
        name: probe_surface(grey, ready[name], [m for n, m in ready.items() if n != name])
        for name in names
    }
    return ProbedSurfaces(probes, len(ready))


def learn_scan(volume: Volume, probed: ProbedSurfaces, levels: Levels) -> ScanModel:
    """Learn how a scan shows bone.

    Parameters
    ----------
    volume : Volume
        HU, round the bones.
    probed : ProbedSurfaces
        Of the bones.
    levels : Levels
        The scan's rough grey values.

    Returns
    -------
    ScanModel
        Of the scan.
    """
    return estimate_scan(_telling(probed.probes), levels, volume.spacing)


def refine_probed(
    probed: ProbedSurfaces,
    scan: ScanModel,
    volume: Volume,
    held: Mapping[str, NDArray[np.bool_]] | None = None,
) -> dict[str, RefinedSurface]:
    """Refine surfaces with a known scan model.

    Parameters
    ----------
    probed : ProbedSurfaces
        Of the bones.
    scan : ScanModel
        How the scan shows bone.
    volume : Volume
        HU, round the bones.
    held : mapping of str to ndarray of bool, shape (n,), optional
        By name, vertices that stay where they are.

    Returns
    -------
    dict of str to RefinedSurface
        By name.
    """
    found = _fit_probed(probed, scan, held or {})
    voxel = float(volume.spacing.mean())
    return {
        name: _refined(probe, found.fits[name], found.offsets[name], scan, voxel)
        for name, probe in probed.probes.items()
    }


def _fit_probed(
    probed: ProbedSurfaces, scan: ScanModel, held: Mapping[str, NDArray[np.bool_]]
) -> SurfaceFits:
    fits, offsets, probes = {}, {}, probed.probes
    for name, probe in probes.items():
        fits[name], offsets[name] = _fitted(probe, scan, [None] * (probed.count - 1))
        if name in held:
            offsets[name] = np.where(held[name], 0.0, offsets[name])
    offsets = kept_apart(probes, offsets)
    offsets = {name: untangled(probe, offsets[name]) for name, probe in probes.items()}
    return SurfaceFits(probes, fits, offsets, scan)


def _telling(probes: Mapping[str, Probe]) -> list[Probe]:
    """Return the surfaces from which the scan model is learnt: not those cut in the marrow."""
    whole = [probe for name, probe in probes.items() if name not in LAST]
    return whole or list(probes.values())


def prepared(mesh: Mesh) -> Mesh:
    """Smooth the voxels' facets of a surface and reduce its triangles to as many as it needs.

    Parameters
    ----------
    mesh : Mesh
        Closed surface, mm.

    Returns
    -------
    Mesh
        Closed surface.
    """
    vertices = taubin_smoothed(mesh.vertices, mesh.triangles, SMOOTHING)
    area = float(vertex_areas(vertices, mesh.triangles).sum())
    reduction = min(REDUCTION, 1.0 - LEAST_DENSITY * area / len(vertices))
    return decimated(Mesh(vertices, mesh.triangles), reduction)


def _fitted(
    probe: Probe, scan: ScanModel, levels: Sequence[float | None]
) -> tuple[SurfaceFit, Array]:
    """Return the fit of a surface's profiles, and how far its vertices may move by it (n,), mm."""
    fit = fit_surface(probe, scan, levels)
    offset = combine(probe, fit.offset, fit.sd, scan.correlation)
    offset = np.clip(offset, *_limits(probe, fit))
    return fit, untangled(probe, offset)


def _refined(
    probe: Probe, fit: SurfaceFit, offset: Array, scan: ScanModel, voxel: float
) -> RefinedSurface:
    return RefinedSurface(
        moved(probe, offset),
        probe.triangles,
        vertex_sigma(probe, fit, scan, voxel),
        fit.gap + fit.offset - offset,
        fit.thickness,
        _unresolved(probe, fit),
    )


def _limits(probe: Probe, fit: SurfaceFit) -> tuple[Array, Array]:
    """Return how far inwards and outwards vertices may move (n,), mm."""
    low = -np.minimum(MOST_INWARDS * probe.thickness, MOST_MOVED)
    high = np.full(len(low), MOST_MOVED)
    near = np.isfinite(probe.gap)
    gap = probe.gap[near]
    middle = np.clip(fit.offset[near] + 0.5 * fit.gap[near], 0.1 * gap, 0.9 * gap)
    high[near] = np.minimum(high[near], middle - APART)
    return low, np.maximum(high, low)


def _unresolved(probe: Probe, fit: SurfaceFit) -> tuple[UnresolvedGap, ...]:
    bad = unresolved(probe, fit)
    if not bad.any():
        return ()
    index = np.flatnonzero(bad)
    graph = adjacency(len(bad), probe.triangles)[index][:, index]
    count, piece = connected_components(graph, directed=False)
    areas = vertex_areas(probe.vertices, probe.triangles)[index]
    found = []
    for k in range(count):
        own = piece == k
        if areas[own].sum() < LEAST_UNRESOLVED:
            continue
        which = np.bincount(probe.neighbour[index[own]] + 1).argmax() - 1
        found.append(
            UnresolvedGap(
                int(which),
                np.average(probe.vertices[index[own]], axis=0, weights=areas[own]),
                float(areas[own].sum()),
                float(np.median(fit.gap[index[own]])),
            )
        )
    return tuple(sorted(found, key=lambda u: -u.area))
