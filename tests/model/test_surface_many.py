"""Many points at once give what one point at a time gives."""

import numpy as np
import pytest

from nav.model.surface import Surface
from tests.solids import box, cube


def overlapping() -> Surface:
    """Two cubes that overlap, as one surface."""
    first, second = cube(), box([0.0, 0.0, 0.0], [25.0, 25.0, 25.0])
    return Surface(
        np.concatenate([first.vertices, second.vertices]),
        np.concatenate([first.triangles, second.triangles + len(first.vertices)]),
    )


@pytest.mark.parametrize("surface", [cube(), overlapping()])
def test_distances_of_many_are_those_of_each(surface):
    points = np.random.default_rng(0).uniform(-20.0, 30.0, (400, 3))
    distances, nearest = surface.distances(points)
    for point, distance, near in zip(points, distances, nearest, strict=True):
        one, _ = surface.distance(point)
        assert distance == pytest.approx(one, abs=1e-6)
        assert np.linalg.norm(point - near) == pytest.approx(abs(distance), abs=1e-4)
    assert (distances < 0.0).any()


def test_hits_of_many_are_those_of_each():
    rng = np.random.default_rng(1)
    origins = rng.uniform(-30.0, 30.0, (200, 3))
    ways = rng.normal(size=(200, 3))
    ways /= np.linalg.norm(ways, axis=1, keepdims=True)
    found = cube().first_hits(origins, ways)
    for origin, way, hit in zip(origins, ways, found, strict=True):
        one = cube().first_hit(origin, way)
        assert hit == (np.inf if one is None else pytest.approx(one, abs=1e-5))
    assert np.isfinite(found).any()
