"""The boundary of a surface that crosses itself, without walls inside on both sides."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nav.core.frames import Array

if TYPE_CHECKING:
    from nav.model.winding import WindingNumber  # loads the compiler

# mm: how far beyond a triangle it is tested for outside; single precision has 1e-5
STEP = 1e-3
FINEST = 0.05  # mm: a triangle that is boundary in part is cut until its edges are that short
MOST_PIECES = 200_000
# where a triangle is tested: its middle, and near its corners
SAMPLES = np.array([[1, 1, 1], [58, 1, 1], [1, 58, 1], [1, 1, 58]]) / [[3], [60], [60], [60]]
RAYS_AT_ONCE = 100_000


def boundary_corners(
    vertices: Array, triangles: NDArray[Any], scene: Any, centre: Array, winding: "WindingNumber"
) -> Array:
    """Return the triangles that separate inside from outside.

    Those that do so in part are cut into pieces of `FINEST`; all others are left as they are.

    Parameters
    ----------
    vertices, triangles : ndarray, shape (n, 3) and (m, 3)
        In mm, facing outwards.
    scene : open3d.t.geometry.RaycastingScene
        Of the same triangles, `centre` subtracted from the vertices.
    centre : ndarray, shape (3,)
        In mm.
    winding : WindingNumber
        Of the surface.

    Returns
    -------
    ndarray, shape (k, 3, 3)
        Corners of the triangles, mm.
    """
    corners = vertices[triangles]
    suspects = _suspects(corners, scene, centre)
    if not suspects.any():
        return corners
    # those beside them may be inner in part
    touched = np.zeros(len(vertices), bool)
    touched[triangles[suspects]] = True
    looked_at = touched[triangles].any(axis=1)
    kept, left = [corners[~looked_at]], corners[looked_at]
    while 0 < len(left) < MOST_PIECES:
        inner = _inner_samples(left, winding)
        edges = np.linalg.norm(np.roll(left, -1, axis=1) - left, axis=2)
        mixed = inner.any(axis=1) & ~inner.all(axis=1)
        is_cut = mixed & (edges.max(axis=1) >= FINEST)
        kept.append(left[~is_cut & ~inner.all(axis=1)])
        order = (edges[is_cut].argmax(axis=1)[:, None] + np.arange(3)) % 3
        a, b, c = np.moveaxis(np.take_along_axis(left[is_cut], order[..., None], axis=1), 1, 0)
        middle = (a + b) / 2.0
        left = np.concatenate([np.stack([a, middle, c], 1), np.stack([middle, b, c], 1)])
    return np.concatenate([*kept, left])


def _inner_samples(corners: Array, winding: "WindingNumber") -> NDArray[np.bool_]:
    """Return (k, 4) whether triangles have the inside on both sides, at each of SAMPLES."""
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    lengths = np.linalg.norm(normals, axis=1, keepdims=True)
    steps = STEP * np.divide(normals, lengths, out=np.zeros_like(normals), where=lengths > 0)
    at = SAMPLES @ corners
    sides = [at + steps[:, None], at - steps[:, None]]
    above, below = (winding.of_many(side.reshape(-1, 3)).reshape(-1, 4) for side in sides)
    return (above != 0) & (below != 0) & (lengths > 0)


def _suspects(corners: Array, scene: Any, centre: Array) -> NDArray[np.bool_]:
    """Find triangles from whose middle a ray outwards crosses the surface; it may graze an edge."""
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    lengths = np.linalg.norm(normals, axis=1, keepdims=True)
    ways = np.divide(normals, lengths, out=np.zeros_like(normals), where=lengths > 0)
    origins = corners.mean(axis=1) - centre + STEP * ways
    crossings = np.zeros(len(corners))
    for start in range(0, len(corners), RAYS_AT_ONCE):
        part = slice(start, start + RAYS_AT_ONCE)
        rays = np.hstack([origins[part], ways[part]]).astype(np.float32)
        hits = scene.list_intersections(rays)
        ray, face = hits["ray_ids"].numpy(), hits["primitive_ids"].numpy()
        signs = np.sign((normals[face] * ways[part][ray]).sum(axis=1))
        crossings[part] = np.bincount(ray, signs, minlength=len(rays))
    return np.rint(crossings) != 0
