"""A mesh whose triangles were slid through each other is mended there, and only there."""

import numpy as np
import pytest

from nav.openthreed import import_open3d
from phantoms.anatomy.crossing import FEW, crosses_itself, suspect_pairs, uncrossed
from phantoms.anatomy.mesh import Mesh, mesh_solid
from phantoms.anatomy.sdf import ellipsoid


@pytest.fixture(scope="module")
def rough():
    """A flat lens, about 2 mm thick."""
    return mesh_solid(ellipsoid((0, 0, 0), (9, 9, 2)), (-12, -12, -5), (12, 12, 5), 1.0)


def pushed(mesh, depth):
    """Vertices near the lens's middle on one side, pushed through the other one."""
    vertices = mesh.vertices.copy()
    near = (np.linalg.norm(vertices[:, :2], axis=1) < 2.0) & (vertices[:, 2] > 0)
    vertices[near, 2] -= depth
    return Mesh(vertices, mesh.triangles)


def test_what_crosses_nowhere_stays_as_it_is(rough):
    even = pushed(rough, 0.5)
    assert not crosses_itself(even)
    assert np.array_equal(uncrossed(rough, even).vertices, even.vertices)


@pytest.mark.parametrize("depth", [4.5, 6.0, 40.0])
def test_what_crosses_is_put_back_and_the_rest_stays(rough, depth):
    even = pushed(rough, depth)
    far = np.linalg.norm(even.vertices[:, :2], axis=1) > 7.0
    even.vertices[far] *= 1.01
    assert crosses_itself(even)
    mended = uncrossed(rough, even)
    assert not crosses_itself(mended)
    assert np.array_equal(mended.triangles, even.triangles)
    assert np.array_equal(mended.vertices[far], even.vertices[far])


def test_what_crosses_in_the_rough_one_too_cannot_be_mended(rough):
    folded = pushed(rough, 6.0)
    assert uncrossed(folded, folded) is None


@pytest.mark.parametrize("depth", [0.0, 4.5, 40.0])
def test_the_pairs_found_in_parts_are_those_of_the_whole(rough, depth):
    mesh = pushed(rough, depth)
    assert len(mesh.triangles) > 4 * FEW
    o3d = import_open3d()
    whole = o3d.geometry.TriangleMesh(
        o3d.utility.Vector3dVector(mesh.vertices), o3d.utility.Vector3iVector(mesh.triangles)
    ).get_self_intersecting_triangles()
    found = suspect_pairs(mesh)
    assert found == sorted(map(tuple, np.asarray(whole).tolist()))
    assert bool(found) == (depth > 0.0)


def test_a_mesh_without_triangles_has_no_pairs():
    assert suspect_pairs(Mesh(np.zeros((0, 3)), np.zeros((0, 3), np.int32))) == []
