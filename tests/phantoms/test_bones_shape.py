"""The standard neck's bones are shaped like a mean of real ones (Reed and Jones, UMTRI-2017-1)."""

import numpy as np
import open3d as o3d
import pytest
from scipy.optimize import least_squares
from scipy.spatial.transform import Rotation

from phantoms.anatomy.bone_poses import bone_poses
from phantoms.anatomy.mesh import moved_mesh
from phantoms.anatomy.parameters import AnatomyParameters
from phantoms.anatomy.standard_neck import standard_anatomy
from tests.reference_data import reference_data

P = AnatomyParameters()


@pytest.fixture(scope="module")
def neck():
    return standard_anatomy(P)


@pytest.mark.parametrize(
    ("name", "mean", "far"),
    [("C1", 1.0, 3.0), ("C2", 1.2, 3.0), ("C3", 1.2, 3.0), ("C4", 1.2, 3.0)],
)
def test_surface_distance_to_the_mean_of_38_women(neck, name, mean, far):
    """After the best rigid alignment and one scale: mean of both directions, 95th percentile."""
    path = reference_data("anatomy", "umtri") / f"{name}_mean.obj"
    mesh = moved_mesh(neck.structure(name).mesh, bone_poses(P).of(name).inv())
    distances = aligned_distances(mesh.vertices, mesh.triangles, *loaded(path))
    assert np.mean([d.mean() for d in distances]) <= mean
    assert np.percentile(np.concatenate(distances), 95) <= far


def loaded(path):
    lines = [line.split() for line in path.read_text().splitlines()]
    vertices = np.array([w[1:4] for w in lines if w and w[0] == "v"], float)
    faces = [[int(c.split("/")[0]) - 1 for c in w[1:4]] for w in lines if w and w[0] == "f"]
    # x back, y left, z up is left-handed: read as left, back, up.
    return vertices[:, [1, 0, 2]], np.array(faces)


def aligned_distances(vertices, triangles, other_vertices, other_triangles):
    """Distances (mm, other's scale) from points on one surface to the other, and back."""
    one, other = (
        spread_over(v, t) for v, t in ((vertices, triangles), (other_vertices, other_triangles))
    )
    on_one, on_other = (
        nearest_on(v, t) for v, t in ((vertices, triangles), (other_vertices, other_triangles))
    )
    c, o = one.mean(axis=0), other.mean(axis=0)

    def both(x):
        turn, shift, scale = Rotation.from_rotvec(x[:3]), o + x[3:6], np.exp(x[6])
        there = scale * turn.apply(one - c) + shift
        back = turn.inv().apply(other - shift) / scale + c
        return (
            np.linalg.norm(there - on_other(there), axis=1),
            scale * np.linalg.norm(back - on_one(back), axis=1),
        )

    fit = least_squares(lambda x: np.concatenate(both(x)), np.zeros(7), diff_step=1e-4, max_nfev=12)
    return both(fit.x)


def spread_over(vertices, triangles, count=1000):
    rng = np.random.default_rng(0)
    a, b, c = (vertices[triangles[:, i]] for i in range(3))
    area = np.linalg.norm(np.cross(b - a, c - a), axis=1)
    k = rng.choice(len(triangles), count, p=area / area.sum())
    u, v = rng.random((2, count, 1))
    u = np.sqrt(u)
    return (1 - u) * a[k] + u * (1 - v) * b[k] + u * v * c[k]


def nearest_on(vertices, triangles):
    cast = o3d.t.geometry.RaycastingScene(nthreads=1)
    cast.add_triangles(vertices.astype(np.float32), triangles.astype(np.uint32))

    def nearest(points):
        found = cast.compute_closest_points(o3d.core.Tensor(np.float32(points)))
        return found["points"].numpy()

    return nearest
