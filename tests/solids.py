"""Closed surfaces whose distances have a closed form."""

from functools import cache
from pathlib import Path

import numpy as np
import pyvista

from nav.core.frames import Array
from nav.model.case import Structure
from nav.model.surface import Surface


def box_mesh(low: Array | list[float], high: Array | list[float]) -> pyvista.PolyData:
    """Axis-aligned box of 12 triangles between two corners (3,), mm."""
    bounds = np.stack([low, high], axis=1).ravel()
    return pyvista.Box(bounds).triangulate().clean()


def surface_of(mesh: pyvista.PolyData) -> Surface:
    """A mesh as the program holds it."""
    return Surface(mesh.points, mesh.faces.reshape(-1, 4)[:, 1:])


def box(low: Array | list[float], high: Array | list[float]) -> Surface:
    """Axis-aligned box between two corners (3,), mm."""
    return surface_of(box_mesh(low, high))


@cache
def cube() -> Surface:
    """From -10 to 10 mm along each axis."""
    return box([-10.0] * 3, [10.0] * 3)


def structure(
    name: str = "artery",
    role: str = "artery",
    surface: Surface | None = None,
    caution: float | None = 5.0,
    danger: float | None = 3.0,
    sigma: float = 0.0,
) -> Structure:
    """A structure of a case: the cube, if no surface is given."""
    return Structure(name, role, surface or cube(), caution, danger, sigma)


def write_box(path: Path, low: Array | list[float], high: Array | list[float]) -> None:
    """A box as a mesh file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    box_mesh(low, high).save(path)
