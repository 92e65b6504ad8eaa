"""Decimation of a closed surface, which stays closed."""

from __future__ import annotations

from itertools import product

import numpy as np

from nav.model.closed import count_open_edges
from nav.reconstruction.grey_surface import Mesh, without_fins

# where collapsing edges pinches a surface, a little less reduction does not
SHARES = (1.0, 0.96, 0.92, 0.85, 0.7, 0.5)
AGGRESSIONS = (7.0, 4.0)


def decimated(mesh: Mesh, reduction: float) -> Mesh:
    """Return a closed surface with fewer triangles, by quadric error metrics [1]_.

    Parameters
    ----------
    mesh : Mesh
        Closed surface.
    reduction : float
        Share of the triangles to remove. Where the result would not be closed, fewer are removed;
        as a last resort none.

    Returns
    -------
    Mesh
        Closed surface.

    References
    ----------
    .. [1] Garland and Heckbert, SIGGRAPH 1997.
    """
    import fast_simplification

    if reduction <= 0.0:
        return mesh
    # centred, because of single precision
    middle = mesh.vertices.mean(axis=0)
    centred = (mesh.vertices - middle).astype(np.float32)
    for share, aggression in product(SHARES, AGGRESSIONS):
        vertices, triangles = fast_simplification.simplify(
            centred, mesh.triangles, reduction * share, agg=aggression
        )
        kept, triangles = without_fins(triangles.astype(np.int32))
        if len(triangles) and count_open_edges(triangles) == 0:
            return Mesh(np.asarray(vertices, float)[kept] + middle, triangles)
    return mesh
