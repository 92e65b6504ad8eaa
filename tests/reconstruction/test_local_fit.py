"""A model near a bone follows the bone's edge, also where marrow is as dark as soft tissue."""

import numpy as np
import pytest

from nav.reconstruction.grey_surface import iso_surface
from nav.reconstruction.local_fit import deformed
from nav.reconstruction.sampling import as_field, smoothed
from nav.reconstruction.volume import Volume

SIZE, RADIUS = 0.6, 9.0  # mm


def ball(marrow: float, centre: tuple[float, float, float] = (0.0, 0.0, 0.0)) -> Volume:
    """A shell of 1 mm round marrow, HU."""
    at = SIZE * (np.arange(50) - 24.5)
    z, y, x = np.meshgrid(at, at, at, indexing="ij")
    r = np.sqrt((x - centre[0]) ** 2 + (y - centre[1]) ** 2 + (z - centre[2]) ** 2)
    outer, inner = (np.clip((edge - r) / SIZE + 0.5, 0.0, 1.0) for edge in (RADIUS, RADIUS - 1.0))
    values = 50.0 + (900.0 - 50.0) * outer + (marrow - 900.0) * inner
    model_from_voxel = np.diag([SIZE, SIZE, SIZE, 1.0])
    model_from_voxel[:3, 3] = at[0]
    return smoothed(Volume(values.astype(np.float32), model_from_voxel), 0.5)


def model(radius: float) -> tuple[np.ndarray, np.ndarray]:
    """A closed surface round the origin."""
    at = 1.2 * (np.arange(26) - 12.5)
    z, y, x = np.meshgrid(at, at, at, indexing="ij")
    grey = (radius - np.sqrt(x**2 + y**2 + z**2)).astype(np.float32)
    model_from_voxel = np.diag([1.2, 1.2, 1.2, 1.0])
    model_from_voxel[:3, 3] = at[0]
    whole = (slice(0, 26), slice(0, 26), slice(0, 26))
    mesh = iso_surface(grey, 0.0, Volume(grey, model_from_voxel), whole)
    return mesh.vertices, mesh.triangles


@pytest.mark.parametrize("marrow", [30.0, 300.0])
@pytest.mark.parametrize("off", [-0.9, 0.9])
def test_model_follows_the_outer_edge(marrow: float, off: float) -> None:
    vertices, triangles = model(RADIUS + off)
    found = deformed(as_field(ball(marrow)), vertices, triangles)
    radius = np.linalg.norm(found, axis=1)
    assert np.abs(radius.mean() - RADIUS) < 0.25
    assert radius.std() < 0.1


def test_model_stays_where_there_is_no_edge() -> None:
    vertices, triangles = model(RADIUS)
    empty = Volume(np.full((50, 50, 50), 50.0, np.float32), ball(300.0).model_from_voxel)
    assert deformed(as_field(empty), vertices, triangles) == pytest.approx(vertices, abs=1e-9)


def test_model_stays_outside_of_the_scan() -> None:
    vertices, triangles = model(RADIUS)
    far = vertices + 500.0
    assert deformed(as_field(ball(300.0)), far, triangles) == pytest.approx(far, abs=1e-9)
