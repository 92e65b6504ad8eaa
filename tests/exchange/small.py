"""A small case of simple solids, as a neck has them: bones, cord in dura, arteries, skin."""

from pathlib import Path

import numpy as np
import pyvista
import tomli_w
from numpy.typing import ArrayLike

from nav.model.surface import Surface


def rod(centre: list[float], radius: float, height: float) -> pyvista.PolyData:
    """A closed rod along z."""
    made = pyvista.Cylinder(
        center=centre, direction=(0, 0, 1), radius=radius, height=height, resolution=64
    )
    return made.triangulate().clean()


def ball(centre: list[float], radius: float) -> pyvista.PolyData:
    """A closed ball."""
    return pyvista.Sphere(radius=radius, center=centre, theta_resolution=40, phi_resolution=40)


SHAPES = {  # name: role, solid; mm, LPS
    "vertebral artery left": ("artery", rod([22.3, -8.1, 0.2], 2.4, 50.0)),
    "vertebral artery right": ("artery", rod([-21.9, -7.7, 0.1], 2.1, 50.0)),
    "cord": ("cord", rod([0.4, 0.3, 0.0], 4.3, 55.0)),
    "dura": ("dura", rod([0.3, 0.2, 0.0], 8.1, 55.0)),
    "C1": ("bone", ball([0.2, -20.0, 14.3], 9.4)),
    "C2": ("bone", ball([-0.4, -21.0, -9.6], 10.2)),
    "skin": ("skin", rod([0.0, 0.0, 0.0], 47.0, 56.0)),
}
FIDUCIALS = {
    "D1": ([47.0, 0.0, 10.0], "register"),
    "D2": ([-47.0, 0.0, -10.0], "register"),
    "D3": ([0.0, 47.0, 5.0], "register"),
    "V1": ([0.0, -47.0, 0.0], "check"),
}
ENTRY, TARGET = [46.5, 6.0, 3.0], [3.0, 6.0, 2.0]


def volume_of(vertices: ArrayLike, triangles: ArrayLike) -> float:
    """Of a closed surface, mm^3."""
    a, b, c = (np.asarray(vertices)[np.asarray(triangles)[:, k]] for k in range(3))
    return abs(float(np.einsum("ij,ij->", a, np.cross(b, c)) / 6.0))


def surface(name: str) -> Surface:
    """A shape as the program holds it."""
    mesh = SHAPES[name][1]
    return Surface(mesh.points, mesh.faces.reshape(-1, 4)[:, 1:])


def true_volume(name: str) -> float:
    """Of a shape's mesh, mm^3."""
    made = surface(name)
    return volume_of(made.vertices, made.triangles)


def write_case(folder: Path) -> Path:
    """Write the case as a folder; the path of case.toml."""
    (folder / "meshes").mkdir(parents=True)
    structures = []
    for name, (role, mesh) in SHAPES.items():
        file = f"meshes/{name.replace(' ', '_')}.ply"
        mesh.save(folder / file)
        structures.append({"name": name, "role": role, "mesh": file, "sigma": 0.3})
    table = {
        "format": "c1c2nav/case/1",
        "name": "small neck",
        "structure": structures,
        "fiducial": [{"label": k, "position": p, "use": use} for k, (p, use) in FIDUCIALS.items()],
        "plan": [{"name": "left", "entry": ENTRY, "target": TARGET}],
    }
    path = folder / "case.toml"
    path.write_text(tomli_w.dumps(table))
    return path
