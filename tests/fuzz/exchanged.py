"""A small neck with its scan, and what other programs would save of it, for `make_inputs`."""

import gzip
from collections.abc import Mapping
from pathlib import Path
from shutil import copyfile, copytree

import numpy as np
import pyvista

from nav.core.files import write_toml
from nav.exchange.case_export import export_case
from nav.exchange.meshes import ply_bytes
from nav.model.case import Structure
from nav.model.local_sigma import LocalSigma
from nav.model.surface import Surface
from nav.registration.markupsline import line_json
from phantoms.anatomy.mesh import Mesh
from phantoms.store import _write, arrays_of
from tests.fuzz.archive_damage import zipped
from tests.fuzz.scans import nifti

SHAPES: dict[str, tuple[str, tuple[float, float, float], float, float]] = {
    # name: role, centre, radius, height (0: a ball), mm
    "vertebral artery left": ("artery", (22.0, -8.0, 0.0), 3.0, 40.0),
    "vertebral artery right": ("artery", (-22.0, -8.0, 0.0), 3.0, 40.0),
    "cord": ("cord", (0.4, 0.3, 0.0), 4.3, 44.0),
    "dura": ("dura", (0.3, 0.2, 0.0), 8.1, 44.0),
    "C1": ("bone", (0.2, -20.0, 11.0), 8.0, 0.0),
    "C2": ("bone", (-0.4, -21.0, -9.0), 8.0, 0.0),
    "skin": ("skin", (0.0, 0.0, 0.0), 40.0, 46.0),
}
ENDINGS = ("stl", "obj", "ply", "vtp", "vtk", "vtk", "stl")
FIDUCIALS = {"D1": (40.0, 0.0, 9.0), "D2": (-40.0, 0.0, -9.0), "D3": (0.0, 40.0, 5.0)}
ENTRY, TARGET = [39.5, 6.0, 3.0], [3.0, 6.0, 2.0]
STEP = 4.0  # mm, of the scan
SCENE = """<MRML version="Slicer 5" userTags="">
<LinearTransform id="T1" name="Up" references="transform:T2;"
 matrixTransformToParent="1 0 0 5 0 1 0 0 0 0 1 2 0 0 0 1"></LinearTransform>
<LinearTransform id="T2" name="Still"
 matrixTransformToParent="1 0 0 0 0 1 0 0 0 0 1 0 0 0 0 1"></LinearTransform>
{nodes}
</MRML>
"""


def make_neck(folder: Path) -> None:
    """Write folder/neck (a reconstructed case), folder/planned, and what is exported of it."""
    neck, meshes = folder / "neck", {}
    (neck / "meshes").mkdir(parents=True)
    structures = []
    for name, (role, centre, radius, height) in SHAPES.items():
        mesh = _solid(centre, radius, height)
        meshes[name] = mesh
        surface = _with_sigma(mesh)
        file = f"meshes/{name.replace(' ', '_')}.ply"
        (neck / file).write_bytes(ply_bytes(Structure(name, role, surface, None, None, 0.4)))
        structures.append({"name": name, "role": role, "mesh": file, "sigma": 0.4})
    low = np.array([-42.0, -42.0, -24.0])
    points = low + STEP * np.argwhere(np.ones((22, 22, 13)))
    inside = (np.hypot(points[:, 0], points[:, 1]) < 40.0).reshape(22, 22, 13)
    values = np.where(inside, 40, -1000).astype(np.int16)
    made = bytearray(nifti(np.ascontiguousarray(values.transpose(2, 1, 0))))
    rows = [[-STEP, 0, 0, -low[0]], [0, -STEP, 0, -low[1]], [0, 0, STEP, low[2]]]  # RAS
    made[280:328] = np.array(rows, "<f4").tobytes()
    (neck / "volume.nii.gz").write_bytes(gzip.compress(bytes(made), mtime=0))
    table = {
        "format": "c1c2nav/case/1",
        "name": "neck",
        "structure": structures,
        "fiducial": [{"label": k, "position": p, "use": "register"} for k, p in FIDUCIALS.items()],
        "plan": [{"name": "left", "entry": ENTRY, "target": TARGET}],
        "reconstruction": {
            "source": "nifti",
            "volume": "volume.nii.gz",
            "spacing": [STEP] * 3,
            "findings": ["unit_assumed"],
            "remarks": ["no artery on the left"],
            "made_from": {"C1": "grey values"},
        },
    }
    write_toml(neck / "case.toml", table)
    _planned(folder / "planned", table)
    copytree(neck / "meshes", folder / "planned" / "meshes")
    copyfile(neck / "volume.nii.gz", folder / "planned" / "volume.nii.gz")
    _stored(folder / "stored.npz", meshes)
    exported = folder / "exported"
    export_case(neck, exported, ("dicom-seg", "mrk.json"))
    _models(folder, meshes, exported)
    line = line_json("left", np.array(ENTRY), np.array(TARGET))
    (folder / "line.mrk.json").write_text(line)
    write_toml(
        folder / "errors.toml",
        {"format": "c1c2nav/errors/1", "tip_mm": 0.3, "angle_deg": 1.0, "fle_mm": 0.25},
    )


def _solid(centre: tuple[float, float, float], radius: float, height: float) -> pyvista.PolyData:
    if height:
        rod = pyvista.Cylinder(
            center=centre, direction=(0, 0, 1), radius=radius, height=height, resolution=12
        )
        return rod.triangulate().clean()
    return pyvista.Sphere(radius=radius, center=centre, theta_resolution=10, phi_resolution=10)


def _with_sigma(mesh: pyvista.PolyData) -> Surface:
    points = np.asarray(mesh.points, float)
    sigma = LocalSigma(points, np.linspace(0.1, 0.5, len(points)))
    return Surface(points, mesh.faces.reshape(-1, 4)[:, 1:], sigma)


def _planned(folder: Path, table: Mapping[str, object]) -> None:
    """A plan as `nav plan` leaves it, as far as it is read again."""
    folder.mkdir()
    plans = [
        {"name": "left C1-C2 plan 1", "entry": [39.0, 8.0, 3.0], "target": TARGET},
        {"name": "left", "entry": ENTRY, "target": TARGET},
    ]
    write_toml(folder / "case.toml", {**table, "plan": plans})
    write_toml(folder / "plan.toml", {"format": "c1c2nav/plan/1", "case": "neck", "seed": 0})
    (folder / "summary.json").write_text('{\n "made_by": "c1c2nav 0",\n "side": []\n}\n')


def _stored(path: Path, meshes: dict[str, pyvista.PolyData]) -> None:
    found = {
        name: Mesh(np.asarray(m.points, float), m.faces.reshape(-1, 4)[:, 1:].astype(np.int32))
        for name, m in meshes.items()
    }
    _write(path, arrays_of(found))


def _models(folder: Path, meshes: dict[str, pyvista.PolyData], exported: Path) -> None:
    """Models with points as a folder, as a scene, and as a packed scene with labels."""
    models, nodes = folder / "models", []
    models.mkdir()
    for k, ((name, mesh), ending) in enumerate(zip(meshes.items(), ENDINGS, strict=True)):
        path = models / f"{name.replace(' ', '_')}.{ending}"
        plain = mesh.copy()
        plain.clear_data()
        plain.save(path, binary=name != "C1")
        nodes.append(
            f'<ModelStorage id="S{k}" fileName="{path.name}" coordinateSystem="LPS"/>'
            f'<Model id="M{k}" name="{name}" references="storage:S{k};transform:T1;"/>'
        )
    for path in exported.glob("*.mrk.json"):
        (models / path.name).write_bytes(path.read_bytes())
    nodes.append(
        '<MarkupsFiducialStorage id="F1" fileName="fiducials.mrk.json"/>'
        '<MarkupsFiducial id="F2" name="F" references="storage:F1;transform:T1;"/>'
    )
    (folder / "scene").mkdir()
    text = SCENE.format(nodes="\n".join(nodes)).replace('fileName="', 'fileName="../models/')
    (folder / "scene" / "neck.mrml").write_text(text)
    labels = folder / "labels"
    packed = SCENE.format(
        nodes='<SegmentationStorage id="S" fileName="s.seg.nrrd"/>'
        '<Segmentation id="G" name="G" references="storage:S;transform:T1;"/>'
    )
    content = [
        ("neck/neck.mrml", packed.encode()),
        ("neck/s.seg.nrrd", (labels / "named.seg.nrrd").read_bytes()),
    ]
    (folder / "neck.mrb").write_bytes(zipped(content))
    model = b'<?xml version="1.0"?><model><metadata name="Application">c1c2nav</metadata></model>'
    (folder / "kit.3mf").write_bytes(zipped([("3D/3dmodel.model", model)]))
