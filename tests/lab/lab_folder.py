"""A folder with all that a lab.toml names, from simulated bodies and a small case of boxes."""

from pathlib import Path
from typing import Any

import numpy as np
import tomli_w

from nav.camera.rig import write_rig
from nav.core.frames import Pose, rigid
from nav.core.tracked_frame import TrackedFrame, TrackedTool
from nav.lab.lab_file import LAB_FORMAT
from nav.record.pose_table import PosesWriter
from nav.tracking.tool import write_tool
from phantoms.twin.simulated_tools import needle_tool, reference_tool
from tests.solids import box_mesh
from tests.synthetic import small_rig

CASE = """format = "c1c2nav/case/1"
name = "boxes"
[[structure]]
name = "vertebral artery left"
role = "artery"
mesh = "artery.ply"
sigma = 0.3
[[structure]]
name = "cord"
role = "cord"
mesh = "cord.ply"
sigma = 0.3
[[fiducial]]
label = "D1"
position = [40.0, 0.0, 0.0]
use = "register"
[[fiducial]]
label = "V1"
position = [0.0, 40.0, 0.0]
use = "check"
"""
LEFT = "vertebral artery left"


def write_lab_folder(folder: Path) -> Path:
    """Write rig, tools and case, and a lab.toml that names them; return the lab.toml."""
    write_rig(folder / "rig.toml", small_rig(2))
    write_tool(folder / "needle.toml", needle_tool())
    write_tool(folder / "reference.toml", reference_tool())
    case = folder / "case"
    case.mkdir()
    box_mesh([10.0, 0.0, 0.0], [14.0, 4.0, 40.0]).save(case / "artery.ply")
    box_mesh([-6.0, 0.0, 0.0], [4.0, 10.0, 40.0]).save(case / "cord.ply")
    (case / "case.toml").write_text(CASE)
    return write_lab(folder)


def lab_data(**changes: Any) -> dict[str, Any]:
    """The entries of a lab.toml that is well; changes of None leave an entry out."""
    data = {
        "format": LAB_FORMAT,
        "rig": "rig.toml",
        "tools": ["needle.toml", "reference.toml"],
        "case": "case/case.toml",
        "cameras": dict(zip(small_rig(2).names, (0, 2), strict=True)),
    }
    return {key: value for key, value in (data | changes).items() if value is not None}


def write_lab(folder: Path, **changes: Any) -> Path:
    """Write lab.toml anew, with changed entries."""
    path = folder / "lab.toml"
    path.write_text(tomli_w.dumps(lab_data(**changes)))
    return path


def write_poses(path: Path) -> None:
    """Write a poses.csv of a needle and a reference body that rest."""
    shown = Pose(rigid([0.3, -0.2, 0.1], [20.0, 30.0, 600.0]), np.eye(6) * 1e-6)
    tools = dict.fromkeys(("needle", "reference"), TrackedTool(shown, (1, 2), 0.02))
    with path.open("w", newline="") as file:
        writer = PosesWriter(file, (needle_tool(), reference_tool()), "reference")
        for number in range(3):
            writer.write(TrackedFrame(number, number / 30.0, tools))
