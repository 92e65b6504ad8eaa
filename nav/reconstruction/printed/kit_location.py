"""Search for a kit in a scan, in any position and orientation.

The kit's density on a coarse grid (walls, infill, gel, air) is correlated with the scan's at every
position and in orientations spread evenly over all rotations [1]_. The best poses are refined:
points of surfaces in air move to the nearest edges between air and material that face the same
way, in steps of shrinking reach. The pose that the edges support best is chosen.

References
----------
.. [1] Alexa, Super-Fibonacci spirals: fast, low-discrepancy sampling of SO(3), CVPR 2022.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.fft import irfftn, next_fast_len, rfftn
from scipy.spatial.transform import RigidTransform, Rotation

from nav.core.compiled import njit
from nav.reconstruction.grey_surface import Mesh
from nav.reconstruction.printed.air_edges import AirEdges
from nav.reconstruction.printed.kit import PrintedKit
from nav.reconstruction.sampling import coarser
from nav.reconstruction.volume import Array, Volume

CELL = 13.0  # mm, of the comparison by density
LATTICE, FINE = 12.0, 4.0  # mm, cells of the kit's density; samples in a cell
ATTITUDES = 2400  # about 18 degrees from each other
SPIRAL = 1.533751168755204288118041  # of the super-Fibonacci spiral
AIR, MATERIAL = -900.0, 0.0  # HU, density 0 and 1
WALL, INFILL = 1.4, 0.25  # mm; density inside, usual
MARGIN = 20.0  # mm of air round the kit that belong to the template
TRIED = 60  # candidates that are refined
APART_MM, APART_RAD = 10.0, np.radians(12.0)
POINTS = 1500  # of the kit's surface in air


@dataclass(frozen=True)
class LocatedKit:
    """Pose of a kit in a scan.

    Parameters
    ----------
    scan_from_model : RigidTransform
        The best pose.
    supported : float
        Share of the surface in air that is in the scan and has an edge there.
    in_view : float
        Share of that surface that is in the scan.
    rival : float
        `supported` of the best pose that clearly differs, reduced where less than half of the
        surface is in the scan.
    """

    scan_from_model: RigidTransform
    supported: float
    in_view: float
    rival: float


def locate_kit(
    volume: Volume, kit: PrintedKit, tell: Callable[[float], None] | None = None
) -> LocatedKit:
    """Find a kit's pose in a scan.

    Parameters
    ----------
    volume : Volume
        The scan, HU.
    kit : PrintedKit
        What was printed.
    tell : callable, optional
        Called with the fraction that is done.

    Returns
    -------
    LocatedKit
        The best pose in any case; the caller must judge its support.
    """
    tell = tell or (lambda share: None)
    points, normals = surface_in_air(kit)
    poses = _by_density(volume, kit, lambda share: tell(0.7 * share))
    edges = AirEdges(volume)
    found: list[tuple[float, float, RigidTransform]] = []
    for number, pose in enumerate(poses):
        refined = edges.refined(points, normals, pose)
        supported, in_view = edges.support(points, normals, refined)
        found.append((supported * min(1.0, in_view / 0.5), in_view, refined))
        tell(0.7 + 0.3 * (number + 1) / len(poses))
    found.sort(key=lambda f: -f[0])
    best = found[0]
    supported, in_view = edges.support(points, normals, best[2])
    others = [f[0] for f in found if _apart(f[2], best[2])]
    return LocatedKit(best[2], supported, in_view, max(others, default=0.0))


def surface_in_air(kit: PrintedKit) -> tuple[Array, Array]:
    """Sample the parts' surfaces evenly where they adjoin air.

    Parameters
    ----------
    kit : PrintedKit
        What was printed.

    Returns
    -------
    points : ndarray, shape (n, 3)
        Model frame, mm.
    normals : ndarray, shape (n, 3)
        Unit vectors, outwards.
    """
    meshes = [part.placed for part in kit.parts]
    gel = [
        Mesh(s.surface.vertices, np.asarray(s.surface.triangles, np.int32))
        for s in kit.case.of_role("skin")
    ]
    rng = np.random.default_rng(7)
    areas = [_areas(mesh) for mesh in meshes]
    total = sum(float(a.sum()) for a in areas)
    spots, ways = [], []
    for mesh, area in zip(meshes, areas, strict=True):
        count = max(1, round(4 * POINTS * float(area.sum()) / total))
        chosen = rng.choice(len(area), count, p=area / area.sum())
        a, b, c = (mesh.vertices[mesh.triangles[chosen, k]] for k in range(3))
        u, v = np.sort(rng.random((2, count)), axis=0)[:, :, None]
        spots.append(a * u + b * (v - u) + c * (1.0 - v))
        across = np.cross(b - a, c - a)
        ways.append(across / np.linalg.norm(across, axis=1)[:, None])
    points, normals = np.vstack(spots), np.vstack(ways)
    outside = points + 2.0 * normals
    free = np.ones(len(points), bool)
    for mesh in [*meshes, *gel]:
        free &= signed_distance(mesh, outside) > 1.0
    chosen = np.flatnonzero(free)
    chosen = chosen[np.linspace(0, len(chosen) - 1, min(POINTS, len(chosen))).astype(int)]
    return points[chosen], normals[chosen]


def spread_rotations(count: int) -> Rotation:
    """Return rotations spread evenly over all of SO(3) [1]_.

    Parameters
    ----------
    count : int
        How many.

    Returns
    -------
    scipy.spatial.transform.Rotation
        Of length `count`.

    References
    ----------
    .. [1] Alexa, Super-Fibonacci spirals: fast, low-discrepancy sampling of SO(3), CVPR 2022.
    """
    s = np.arange(count) + 0.5
    t = s / count
    r, big = np.sqrt(t), np.sqrt(1.0 - t)
    alpha, beta = 2 * np.pi * s / np.sqrt(2.0), 2 * np.pi * s / SPIRAL
    quaternions = [r * np.sin(alpha), r * np.cos(alpha), big * np.sin(beta), big * np.cos(beta)]
    return Rotation.from_quat(np.column_stack(quaternions))


def _by_density(
    volume: Volume, kit: PrintedKit, tell: Callable[[float], None]
) -> list[RigidTransform]:
    """Return the poses whose density is most like the scan's, best first."""
    fine = coarser(volume, 2.5)
    density = np.clip((np.asarray(fine.values, np.float32) - AIR) / (MATERIAL - AIR), 0.0, 1.0)
    cells = coarser(Volume(density, fine.model_from_voxel), CELL)
    lattice, weight, middle = _kit_density(kit)
    steps = cells.spacing
    axes = cells.model_from_voxel[:3, :3] / steps
    reach = int(np.ceil(np.linalg.norm(lattice, axis=1).max() / steps.min())) + 1
    shape = [next_fast_len(n + reach, real=True) for n in cells.values.shape]
    spectrum = rfftn(cells.values, shape)
    size = np.array(cells.values.shape)
    turns = spread_rotations(ATTITUDES)
    matrices = turns.as_matrix()
    scores, places = np.empty(ATTITUDES), np.empty((ATTITUDES, 3))
    for number, matrix in enumerate(matrices):
        kernel = np.zeros(shape, np.float32)
        _splat(kernel, (lattice @ matrix.T @ axes) / steps, weight)
        score = irfftn(spectrum * np.conj(rfftn(kernel)), shape).ravel()
        flat = int(score.argmax())
        index = np.array(np.unravel_index(flat, shape))
        wrapped = np.where(index > size, index - np.array(shape), index)
        scores[number] = score[flat]
        places[number] = cells.to_model(wrapped[::-1][None])[0]
        if number % 100 == 0:
            tell(number / ATTITUDES)
    kept: list[int] = []
    for one in np.argsort(-scores):
        same_turn = np.einsum(
            "ij,kij->k", matrices[one], matrices[np.array(kept, int)]
        ) > 1.0 + 2.0 * np.cos(APART_RAD)
        near = np.linalg.norm(places[kept] - places[one], axis=1) < APART_MM
        if not (same_turn & near).any():
            kept.append(int(one))
        if len(kept) == TRIED:
            break
    return [
        RigidTransform.from_components(places[k] - matrices[k] @ middle, turns[k]) for k in kept
    ]


def _kit_density(kit: PrintedKit) -> tuple[Array, Array, Array]:
    """Return points (n, 3) about the kit's middle, their density less the mean, and the middle."""
    meshes = [part.placed for part in kit.parts]
    gel = [
        Mesh(s.surface.vertices, np.asarray(s.surface.triangles, np.int32))
        for s in kit.case.of_role("skin")
    ]
    corners = np.vstack([mesh.vertices for mesh in (*meshes, *gel)])
    low, high = corners.min(axis=0) - MARGIN, corners.max(axis=0) + MARGIN
    ticks = [np.arange(a, b, FINE) for a, b in zip(low, high, strict=True)]
    fine = np.stack(np.meshgrid(*ticks, indexing="ij"), axis=-1).reshape(-1, 3)
    density = np.zeros(len(fine))
    for mesh in gel:
        density[signed_distance(mesh, fine) < 0.0] = 1.0
    for mesh in meshes:
        near = ((fine > mesh.vertices.min(axis=0)) & (fine < mesh.vertices.max(axis=0))).all(axis=1)
        index = np.flatnonzero(near)
        depth = -signed_distance(mesh, fine[index])
        density[index[depth > 0.0]] = INFILL
        density[index[(depth > 0.0) & (depth < WALL)]] = 1.0
    # means over the lattice's cells
    cell = np.floor((fine - low) / LATTICE).astype(int)
    _, which, count = np.unique(cell, axis=0, return_inverse=True, return_counts=True)
    which = which.ravel()
    mean = np.bincount(which, density) / count
    middles = np.column_stack([np.bincount(which, fine[:, k]) / count for k in range(3)])
    middle = 0.5 * (low + high)
    weight = mean - mean.mean()
    return middles - middle, weight / np.linalg.norm(weight), middle


@njit(nogil=True, cache=True)
def _splat(kernel, points, weight):
    """Add weights at points (n, 3), x, y, z in voxels about the origin, to a periodic grid."""
    nz, ny, nx = kernel.shape
    for i in range(len(points)):
        x, y, z = points[i]
        x0, y0, z0 = int(np.floor(x)), int(np.floor(y)), int(np.floor(z))
        a, b, c = x - x0, y - y0, z - z0
        for dz in range(2):
            for dy in range(2):
                for dx in range(2):
                    share = (a if dx else 1 - a) * (b if dy else 1 - b) * (c if dz else 1 - c)
                    kernel[(z0 + dz) % nz, (y0 + dy) % ny, (x0 + dx) % nx] += weight[i] * share


def _apart(one: RigidTransform, other: RigidTransform) -> bool:
    turned = (one.rotation * other.rotation.inv()).magnitude()
    moved = np.linalg.norm(one.translation - other.translation)
    return bool(turned > APART_RAD or moved > APART_MM)


def _areas(mesh: Mesh) -> Array:
    a, b, c = (mesh.vertices[mesh.triangles[:, k]] for k in range(3))
    return np.asarray(np.linalg.norm(np.cross(b - a, c - a), axis=1) / 2.0)


def signed_distance(mesh: Mesh, points: Array) -> Array:
    """Return the signed distance of points from a closed surface.

    Parameters
    ----------
    mesh : Mesh
        Closed surface, mm.
    points : ndarray, shape (n, 3)
        In the frame of the surface, mm.

    Returns
    -------
    ndarray, shape (n,)
        mm, negative inside.
    """
    import open3d as o3d  # over a second to import

    scene = o3d.t.geometry.RaycastingScene()
    scene.add_triangles(
        o3d.core.Tensor(mesh.vertices.astype(np.float32)),
        o3d.core.Tensor(np.ascontiguousarray(mesh.triangles).astype(np.uint32)),
    )
    found = scene.compute_signed_distance(o3d.core.Tensor(points.astype(np.float32)))
    return np.asarray(found.numpy(), float)
