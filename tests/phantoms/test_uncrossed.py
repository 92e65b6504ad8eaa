"""A mesh whose triangles were slid through each other is mended there, and only there."""

import numpy as np
import pytest

from phantoms.anatomy.crossing import crosses_itself, uncrossed
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
