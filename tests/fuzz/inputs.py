"""Small right files for every reader, from which the damaged ones are made."""

import csv
import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pyvista
from scipy.spatial.transform import RigidTransform, Rotation

from calibration.board import save_board
from calibration.printing.board_sheets import boards_for
from calibration.printing.paper import paper_named
from nav.camera.rig import write_rig
from nav.core.files import write_toml
from nav.core.frames import Pose, rigid
from nav.lab.lab_file import LAB_FORMAT, LabFile
from nav.lab.lab_template import lab_text
from nav.record.pose_rows import COLUMNS, UPPER, pose_columns
from nav.record.session_export.export_format import ExportOptions, export_format
from nav.record.session_export.session_content import SessionContent
from nav.registration.points import register_points
from nav.registration.registration_result import write_registration
from nav.tracking.tool import write_tool
from phantoms.anatomy.parameters import AnatomyParameters
from phantoms.kit.export_kit import write_kit_toml, write_parts
from phantoms.kit.part import Part
from phantoms.kit.solid import box, mesh_of
from phantoms.twin.simulated_tools import needle_tool, reference_tool
from tests.fuzz.exchanged import make_neck
from tests.fuzz.scans import make_labels, make_scans
from tests.record.pose_sessions import frames_of, write_pictures, write_pose_session
from tests.synthetic import small_rig
from tests.synthetic_stylus import Hand, simulate_stylus

FIDUCIALS = {
    "D1": (40.0, 0.0, 0.0),
    "D2": (0.0, 45.0, 5.0),
    "D3": (-40.0, 0.0, 10.0),
    "D4": (0.0, -45.0, 30.0),
    "D5": (25.0, 30.0, 20.0),
    "V1": (20.0, 20.0, 45.0),
}
MESHES = {
    "bone.ply": "bone",
    "cord.stl": "cord",
    "artery.obj": "artery",
    "dura.vtp": "dura",
    "text.ply": "bone",
    "text.stl": "support",
}
PICTURES = 3
SESSIONS = Path(__file__).parents[1] / "record" / "session_versions"
SIZE = (288, 240)


def make_inputs(folder: Path) -> None:
    """Write one right file of each kind into a folder."""
    rig, needle, reference = small_rig(2), needle_tool(), reference_tool()
    write_rig(folder / "rig.toml", rig)
    write_rig(folder / "one.toml", small_rig(1))
    write_tool(folder / "needle.toml", needle)
    write_tool(folder / "reference.toml", reference)
    for name, board in boards_for(paper_named("a4")).items():
        save_board(folder / f"{name}.toml", board)
    _case(folder)
    _points(folder)
    _poses(folder)
    _metaio_sequence(folder)
    _recorded_elsewhere(folder)
    (folder / "replayed").mkdir()
    shutil.copy(SESSIONS / "1-pictures" / "session.mcap", folder / "replayed")
    _pictures(folder)
    touched = np.array([FIDUCIALS[n] for n in FIDUCIALS]) + 0.1
    model = np.array(list(FIDUCIALS.values()))
    registration = register_points(model, touched, fle=0.25)
    write_registration(folder / "registration.toml", registration)
    mesh = mesh_of(box((0.0, 0.0, 0.0), (10.0, 20.0, 3.0)))
    parts = (
        Part(
            "brick",
            "A brick",
            mesh,
            rigid([0.1, 0.2, 0.3], [4.0, 5.0, 6.0]),
            "PLA",
            (0.9, 0.8, 0.7),
            "Flat.",
            1,
        ),
    )
    for kit in (folder, folder / "kit"):
        write_parts(kit, parts)
        write_kit_toml(kit / "kit.toml", "neck", "dry", AnatomyParameters(), parts, 7)
    _lab(folder)
    make_scans(folder)
    make_labels(folder)
    make_neck(folder)
    (folder / "kit.toml").rename(folder / "recipe.toml")
    write_kit_toml(folder / "kit.toml", "neck", "dry", AnatomyParameters(), parts, 7)


def _case(folder: Path) -> None:
    for number, name in enumerate(MESHES):
        mesh = pyvista.Sphere(
            radius=5.0, center=(12.0 * number, 0.0, 0.0), theta_resolution=8, phi_resolution=8
        )
        mesh.clear_data()
        mesh.save(folder / name, binary=not name.startswith("text"))
    structures = [
        {"name": name.partition(".")[0] + suffix, "role": role, "mesh": name, "sigma": 0.4}
        for name, role in MESHES.items()
        for suffix in [name.rpartition(".")[2]]
    ]
    for entry in structures:
        if entry["role"] in ("artery", "cord"):
            entry |= {"caution": 5.0, "danger": 2.0}
    write_toml(
        folder / "case.toml",
        {
            "format": "c1c2nav/case/1",
            "name": "fuzzed",
            "structure": structures,
            "fiducial": [
                {"label": k, "position": v, "use": "check" if k == "V1" else "register"}
                for k, v in FIDUCIALS.items()
            ],
            "plan": [{"name": "left", "entry": [60.0, 0.0, 0.0], "target": [0.0, 0.0, 0.0]}],
        },
    )


def _lab(folder: Path) -> None:
    """A lab.toml with an entry of every kind."""
    limits = {"caution": 6.0, "danger": 3.0}
    data = {
        "format": LAB_FORMAT,
        "rig": "rig.toml",
        "tools": ["needle.toml", "reference.toml"],
        "case": "case.toml",
        "registration": "registration.toml",
        "language": "de",
        "cameras": {name: number for number, name in enumerate(small_rig(2).names)},
        "recording": {"pictures": "lossless"},
        "limits": {"fle": 0.3, "role": {"artery": limits}, "structure": {"cordstl": limits}},
        "links": {"igtl_server": 18944, "polaris": "0.0.0.0:8765", "lsl": True},
    }
    (folder / "lab.toml").write_text(lab_text(LabFile.model_validate(data)))


def _points(folder: Path) -> None:
    rows = [f"{label},{x + 0.1},{y},{z}" for label, (x, y, z) in FIDUCIALS.items()]
    (folder / "touched.csv").write_text("label,x,y,z\n" + "\n".join(rows) + "\n")
    points = [
        {
            "id": str(i),
            "label": label,
            "position": list(position),
            "orientation": [-1.0, 0, 0, 0, -1.0, 0, 0, 0, 1.0],
            "positionStatus": "defined",
        }
        for i, (label, position) in enumerate(FIDUCIALS.items())
    ]
    markup = {
        "type": "Fiducial",
        "coordinateSystem": "LPS",
        "coordinateUnits": "mm",
        "controlPoints": points,
    }
    (folder / "touched.mrk.json").write_text(json.dumps({"@schema": "x", "markups": [markup]}))
    head = "# Markups fiducial file version = 4.11\n# CoordinateSystem = LPS\n"
    columns = "# columns = id,x,y,z,ow,ox,oy,oz,vis,sel,lock,label,desc,associatedNodeID\n"
    body = "".join(
        f"{i},{x},{y},{z},0,0,0,1,1,1,0,{label},,\n"
        for i, (label, (x, y, z)) in enumerate(FIDUCIALS.items())
    )
    (folder / "touched.fcsv").write_text(head + columns + body)


def _poses(folder: Path) -> None:
    rng, needle = np.random.default_rng(3), needle_tool()
    assert needle.tip is not None
    with (folder / "poses.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for number in range(40):
            turn = Rotation.from_rotvec(rng.normal(0.0, 0.4, 3))
            place = np.array([10.0, 20.0, 500.0]) - turn.apply(needle.tip.position)
            pose = Pose(rigid(turn.as_rotvec(), place + rng.normal(0.0, 0.05, 3)), np.eye(6) * 1e-3)
            upper = [f"{pose.covariance[i, j]:.6g}" for i, j in UPPER]
            row = [number, f"{number / 30:.4f}", "needle", "tracked", *pose_columns(pose, needle)]
            writer.writerow([*row, 8, 0.1, "", *upper, *["0"] * 6, ""])


def _metaio_sequence(folder: Path) -> None:
    divots = np.add(list(FIDUCIALS.values()), [0.1, 0.0, 0.0])
    series = simulate_stylus(np.random.default_rng(5), divots, Hand(), 2.5).series
    lines = ["ObjectType = Image", "NDims = 3", f"DimSize = 2 2 {len(series)}"]
    for number, time in enumerate(series.times):
        pose = np.eye(4)
        pose[:3, :3], pose[:3, 3] = series.rotations[number], series.translations[number]
        for name, matrix in (("Stylus", pose), ("Reference", np.eye(4))):
            key = f"Seq_Frame{number:04d}_{name}ToTrackerTransform"
            numbers = " ".join(f"{n:.9g}" for n in matrix.ravel())
            lines += [f"{key} = {numbers}", f"{key}Status = OK"]
        lines.append(f"Seq_Frame{number:04d}_Timestamp = {time:.6f}")
    head = "\n".join([*lines, "ElementDataFile = LOCAL", ""])
    (folder / "poses.igs.mha").write_bytes(head.encode() + bytes(range(20)))


def _recorded_elsewhere(folder: Path) -> None:
    """A session, and what it is exported as and read back from."""
    random = np.random.default_rng(6)

    def place(number: int) -> RigidTransform | None:
        if number % 5 == 0:
            return None
        return rigid(random.normal(0.0, 1.0, 3), random.normal(0.0, 100.0, 3))

    motion = [(place(number), place(number)) for number in range(8)]
    session = write_pose_session(folder / "session", frames_of(motion), ["start"])
    write_pictures(folder / "jpegs", False)
    write_pictures(folder / "lossless", True)
    content = SessionContent(session)
    for name in ("poses.seq.nrrd", "transcript.xml"):
        export_format(Path(name)).export(content, folder / name, ExportOptions())


def _pictures(folder: Path) -> None:
    rng = np.random.default_rng(4)
    times = ["camera,frame,time"]
    for name in ("left", "right"):
        (folder / "seen" / name).mkdir(parents=True)
        for number, suffix in enumerate(("png", "jpg", "tif")):
            image = rng.integers(0, 255, SIZE[::-1], np.uint8)
            cv2.imwrite(str(folder / "seen" / name / f"{number}.{suffix}"), image)
            times.append(f"{name},{number},{number / 30:.4f}")
    (folder / "seen" / "times.csv").write_text("\n".join(times) + "\n")
    (folder / "film").mkdir()
    for name, code in (("film.mp4", "mp4v"), ("film.avi", "MJPG")):
        writer = cv2.VideoWriter(
            str(folder / "film" / name), cv2.VideoWriter.fourcc(*code), 30.0, SIZE
        )
        for _ in range(PICTURES):
            writer.write(rng.integers(0, 255, (*SIZE[::-1], 3), np.uint8))
        writer.release()
