"""What searching on a surface needs, computed once per surface and kept in the user's cache."""

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nav.core.cache import owned_folder, user_cache
from nav.core.frames import Array
from nav.model.distance_grid import Box, distance_and_triangle_grid
from nav.model.surface import Surface
from nav.registration.surface_exact import Facets
from nav.registration.surface_kernels import DistanceField

SPACING = 1.0  # mm, of the field
MARGIN = 14.0  # mm around the surface
APART = 11.0  # mm: between places spread over the surface
MEANS_APART, MEANS_NEAR = 9.0, 10.0  # mm: between places of the points' mean; from the surface
COARSE = 6.0  # mm: residual that costs one half where starts are compared
STRIDE = 2  # nodes of the field per node of the costs
LEAST_SURFACE_SIGMA = 0.05  # mm: no surface is known better
KEPT_FIELDS = 20  # files in the cache
CACHE_VERSION = 1  # of what the files hold


@dataclass(frozen=True)
class PreparedSurface:
    """A surface prepared for searching.

    Parameters
    ----------
    surfaces : tuple of Surface
        Closed, model frame, mm.
    field : DistanceField
        Signed distance to the nearest of them.
    facets : Facets
        Their triangles.
    costs : DistanceField
        What a point costs where starts are compared, from 0 to 1.
    places : ndarray, shape (p, 3)
        Spread evenly over them, mm: where poses are compared.
    means : ndarray, shape (q, 3)
        Where the mean of touched points may be, mm: on the surfaces, and between them.
    """

    surfaces: tuple[Surface, ...]
    field: DistanceField
    facets: Facets
    costs: DistanceField
    places: Array
    means: Array


def prepare_surface(
    surfaces: Sequence[Surface], sigma: Sequence[float] = (), cache: bool = False
) -> PreparedSurface:
    """Compute what searches on some surfaces share.

    Parameters
    ----------
    surfaces : sequence of Surface
        Closed, model frame, mm; they may not overlap by more than their errors.
    sigma : sequence of float
        Of each surface's own error, mm, one standard deviation, where its mesh holds none.
    cache : bool
        Whether the field is kept in the user's cache, or taken from there.

    Returns
    -------
    PreparedSurface
        For any number of registrations to the same surfaces.
    """
    union = _united(surfaces)
    box = Box.around(union.vertices, MARGIN, SPACING)
    values, which = _field(union, box, cache)
    corners = np.ascontiguousarray(union.vertices[union.triangles])
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals = across / np.maximum(np.linalg.norm(across, axis=1), 1e-12)[:, None]
    spread: list[Array] = []
    for number, surface in enumerate(surfaces):
        middles = surface.vertices[surface.triangles].mean(axis=1)
        if surface.sigma is not None:
            own = np.asarray(surface.sigma.at(middles), float)
        else:
            own = np.full(len(middles), sigma[number] if number < len(sigma) else 0.0)
        spread.append(np.maximum(own, LEAST_SURFACE_SIGMA) ** 2)
    field = DistanceField(values, box.origin, box.spacing)
    coarse = np.ascontiguousarray(values[::STRIDE, ::STRIDE, ::STRIDE]) / np.float32(COARSE)
    square = coarse**2
    return PreparedSurface(
        tuple(surfaces),
        field,
        Facets(corners, normals, _neighbours(union.triangles), np.concatenate(spread), which),
        DistanceField(square / (1.0 + square), box.origin, box.spacing * STRIDE),
        _spread(union.vertices, APART),
        _means(field),
    )


def _united(surfaces: Sequence[Surface]) -> Surface:
    first = np.cumsum([0] + [len(surface.vertices) for surface in surfaces])
    return Surface(
        np.vstack([surface.vertices for surface in surfaces]),
        np.vstack([s.triangles + start for s, start in zip(surfaces, first[:-1], strict=True)]),
    )


def _neighbours(triangles: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return the triangles (m, 3) across each edge; the triangle itself where there is none."""
    count = len(triangles)
    edges = np.sort(triangles[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1)
    order = np.lexsort((edges[:, 1], edges[:, 0]))
    found = np.repeat(np.arange(count, dtype=np.int32), 3)
    same = (edges[order[1:]] == edges[order[:-1]]).all(axis=1)
    first, second = order[:-1][same], order[1:][same]
    found[first], found[second] = second // 3, first // 3
    return np.ascontiguousarray(found.reshape(-1, 3))


def _field(union: Surface, box: Box, cache: bool) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    path = _cache_file(union) if cache else None
    if path is not None and path.exists():
        try:
            with np.load(path) as kept:
                values, which = kept["values"], kept["which"]
            if values.shape == which.shape == box.shape:
                os.utime(path)
                return values, which
        except (OSError, ValueError, KeyError, EOFError):
            pass  # damaged: made again
    values, which = distance_and_triangle_grid(union, box)
    values, which = np.ascontiguousarray(values, np.float32), np.ascontiguousarray(which, np.int32)
    if path is not None:
        _keep(path, values, which)
    return values, which


def _cache_file(union: Surface) -> Path | None:
    folder = owned_folder(user_cache() / "fields")
    if folder is None:
        return None
    digest = hashlib.sha256(f"{CACHE_VERSION} {SPACING} {MARGIN}".encode())
    digest.update(np.ascontiguousarray(union.vertices).tobytes())
    digest.update(np.ascontiguousarray(union.triangles).tobytes())
    return folder / f"{digest.hexdigest()[:32]}.npz"


def _keep(path: Path, values: NDArray[np.float32], which: NDArray[np.int32]) -> None:
    part = path.with_suffix(f".{os.getpid()}.part")
    try:
        with part.open("wb") as file:
            np.savez(file, values=values, which=which)
        part.replace(path)
        kept = sorted(path.parent.glob("*.npz"), key=lambda p: p.stat().st_mtime)
        for old in kept[:-KEPT_FIELDS]:
            old.unlink(missing_ok=True)
    except OSError:
        part.unlink(missing_ok=True)  # a full disk: it is only slower next time


def _means(field: DistanceField) -> Array:
    """Return places on a lattice in the surface and near it."""
    step = max(1, round(MEANS_APART / field.spacing))
    some = field.values[step // 2 :: step, step // 2 :: step, step // 2 :: step]
    index = np.argwhere(some <= MEANS_NEAR) * step + step // 2
    return np.ascontiguousarray(field.origin + field.spacing * index)


def _spread(points: Array, apart: float) -> Array:
    """Return points of which none is farther than `apart` from all, each farthest from the rest."""
    chosen = [int(np.argmin(points[:, 0]))]
    distances = np.linalg.norm(points - points[chosen[0]], axis=1)
    while distances.max() > apart:
        chosen.append(int(np.argmax(distances)))
        distances = np.minimum(distances, np.linalg.norm(points - points[chosen[-1]], axis=1))
    return np.ascontiguousarray(points[chosen])
