"""A small reconstructed case in a folder: spheres and boxes whose contours have closed forms."""

from pathlib import Path

import numpy as np
import pyvista
import SimpleITK as sitk

from nav.reconstruction.case_files import ply_bytes
from nav.reconstruction.reconstruction_result import ReconstructedSurface, Role
from tests.solids import box_mesh

GRADIENT = np.array([3.0, -2.0, 5.0])  # HU per mm
RADIUS = 12.0  # mm, of C1
CENTRE = np.array([4.0, -3.0, 10.0])  # of C1, mm


def hounsfield(points: np.ndarray) -> np.ndarray:
    """The scan's value at model points (..., 3): linear, so that interpolation is exact."""
    return points @ GRADIENT + 40.0


def _surface(name: str, role: Role, mesh: pyvista.PolyData, sigma: float) -> ReconstructedSurface:
    mesh = mesh.triangulate().clean()
    points, faces = np.asarray(mesh.points, float), mesh.faces.reshape(-1, 4)[:, 1:]
    # surer above than below
    local = sigma * np.where(points[:, 2] > CENTRE[2], 1.0, 4.0)
    return ReconstructedSurface(name, role, points, faces.astype(np.int32), local, "grey values")


def write_case(
    folder: Path,
    *,
    scan: bool = True,
    remarks: tuple[str, ...] = (),
    turn: float = 0.0,
    chain: bool = True,
) -> Path:
    """Write case.toml with meshes and a scan whose grid is turned about S by an angle, degrees.

    Its chain of fitted bones is empty: it is for windows, and no step can begin with it.
    """
    (folder / "meshes").mkdir(parents=True)
    sphere = pyvista.Icosphere(radius=RADIUS, center=CENTRE, nsub=4)
    cord = box_mesh(np.add(CENTRE, [-3.0, 14.0, -30.0]), np.add(CENTRE, [3.0, 19.0, 30.0]))
    artery = box_mesh(np.add(CENTRE, [18.0, -2.0, -25.0]), np.add(CENTRE, [21.0, 1.0, 25.0]))
    skin = box_mesh([-38.0, -38.0, -38.0], [38.0, 38.0, 38.0])
    surfaces = (
        _surface("C1", "bone", sphere, 0.1),
        _surface("cord", "cord", cord, 0.2),
        _surface("vertebral artery left", "artery", artery, 0.3),
        _surface("skin", "skin", skin, 0.5),
    )
    lines = ['format = "c1c2nav/case/1"', 'name = "small case"']
    for s in surfaces:
        file = f"meshes/{s.name.replace(' ', '_')}.ply"
        (folder / file).write_bytes(ply_bytes(s))
        lines += ["[[structure]]", f'name = "{s.name}"', f'role = "{s.role}"', f'mesh = "{file}"']
        lines += [f"sigma = {float(s.sigma.min())}"]
    lines += ['[[fiducial]]\nlabel = "D1"\nposition = [10.0, 20.0, 10.0]\nuse = "register"']
    lines += ['[[plan]]\nname = "lateral"\nentry = [36.0, 6.0, 10.0]\ntarget = [4.0, 15.0, 10.0]']
    if scan:
        _write_scan(folder / "volume.nii.gz", turn)
        quoted = ", ".join(f'"{remark}"' for remark in remarks)
        lines += ['[reconstruction]\nsource = "nifti"\nvolume = "volume.nii.gz"']
        lines += [f"spacing = [1.0, 1.0, 2.0]\nremarks = [{quoted}]"]
        lines += ['findings = ["a small scan"]\n[reconstruction.made_from]\nC1 = "grey values"']
    if scan and chain:
        lines += ["[reconstruction.chain]\nweights = []\npose = {}"]
    path = folder / "case.toml"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def _write_scan(path: Path, turn: float) -> None:
    a = np.radians(turn)
    axes = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1.0]])
    spacing, counts = np.array([1.0, 1.0, 2.0]), np.array([81, 81, 41])
    origin = -axes @ (spacing * (counts - 1) / 2.0)
    index = np.stack(np.meshgrid(*(np.arange(n) for n in counts), indexing="ij"), axis=-1)
    points = (index * spacing) @ axes.T + origin
    image = sitk.GetImageFromArray(np.rint(hounsfield(points)).astype(np.int16).transpose(2, 1, 0))
    image.SetSpacing(spacing.tolist())
    image.SetDirection(axes.ravel().tolist())
    image.SetOrigin(origin.tolist())
    sitk.WriteImage(image, str(path))
