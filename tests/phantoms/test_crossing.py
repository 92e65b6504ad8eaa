"""Meshes that cut themselves are told from flat faces that only seem to."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from phantoms.anatomy import crossing
from phantoms.anatomy.crossing import crosses_itself
from phantoms.anatomy.mesh import Mesh

A = [[0, 0, 0], [4, 0, 0], [0, 4, 0]]


def pair(other, one=A):
    vertices = np.array([*one, *other], float)
    return Mesh(vertices, np.array([[0, 1, 2], [3, 4, 5]], np.int32))


@pytest.fixture(autouse=True)
def every_pair_is_suspect(monkeypatch):
    monkeypatch.setattr(crossing, "suspect_pairs", lambda mesh: [(0, 1)])


@pytest.mark.parametrize(
    ("other", "meets"),
    [
        ([[1, 1, -1], [1, 1, 1], [9, 9, 1]], True),  # through it
        ([[9, 9, -1], [9, 9, 1], [12, 9, 1]], False),  # through its plane, beside it
        ([[0, 0, 1], [4, 0, 1], [0, 4, 1]], False),  # above
        ([[1, 1, 0], [1, 1, 5], [2, 1, 5]], True),  # stands on it
        ([[5, 5, 0], [9, 5, 0], [5, 9, 0]], False),  # in its plane, beside it
        ([[1, 1, 0], [9, 1, 0], [1, 9, 0]], True),  # in its plane, over it
        ([[1, 1, 0], [1.5, 1, 0], [1, 1.5, 0]], True),  # in its plane, within it
        ([[1, 1, 1e-12], [9, 1, 1e-12], [1, 9, 2e-12]], False),  # a hair above
    ],
)
def test_pairs_of_triangles(other, meets):
    assert crosses_itself(pair(other)) is meets
    assert crosses_itself(pair(A, other)) is meets


whole = st.integers(-4, 4)
point = st.tuples(whole, whole, whole)


@given(st.lists(point, min_size=3, max_size=3), st.lists(point, min_size=3, max_size=3))
def test_triangles_meet_where_sampling_finds_a_common_point(one, other):
    """A sampled point of one within a hair of the other means that they meet or nearly do."""
    a, b = np.array(one, float), np.array(other, float)
    areas = [np.linalg.norm(np.cross(t[1] - t[0], t[2] - t[0])) for t in (a, b)]
    if min(areas) < 0.5:
        return
    meets = crosses_itself(pair(b, a))
    from phantoms.anatomy.mesh_rays import Gauge

    u = np.array([(i, j) for i in range(21) for j in range(21 - i)]) / 20.0
    samples = b[0] + u[:, :1] * (b[1] - b[0]) + u[:, 1:] * (b[2] - b[0])
    gap = Gauge(a, np.array([[0, 1, 2]], np.int32)).distance(samples).min()
    if gap < 1e-6:
        assert meets or gap > 0.0
    if meets:
        assert gap < 0.5  # between samples
