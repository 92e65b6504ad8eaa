"""An anatomy as a case folder: case.toml and meshes."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import tomli_w

from nav import __version__
from nav.errors import InputError
from phantoms.anatomy.standard import Anatomy, AnatomyStructure

SURFACE_SIGMA = 0.3  # mm, error of a printed surface
# Caution and danger, mm; dura, bone and skin have none.
LIMITS = {"artery": (5.0, 3.0), "cord": (2.0, 1.0)}


def write_case(anatomy: Anatomy, directory: Path) -> Path:
    """Write DIRECTORY/case.toml and DIRECTORY/meshes/*.ply; case.toml comes last, whole.

    Returns
    -------
    Path
        Of case.toml.

    Raises
    ------
    InputError
        The folder cannot be written.
    """
    case = directory / "case.toml"
    try:
        (directory / "meshes").mkdir(parents=True, exist_ok=True)
        for structure in anatomy.structures:
            _replace(directory / mesh_file(structure), ply_bytes(structure))
        _replace(case, tomli_w.dumps(case_table(anatomy)).encode())
    except OSError as error:
        raise InputError(f"{directory}: cannot write the case: {error.strerror}") from error
    return case


def case_table(anatomy: Anatomy) -> dict[str, Any]:
    """What case.toml holds."""
    return {
        "format": "c1c2nav/case/1",
        "name": anatomy.name,
        "made_by": f"c1c2nav {__version__}",
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "structure": [_structure_table(structure) for structure in anatomy.structures],
        "fiducial": [
            {"label": f.label, "position": list(f.position), "use": f.use}
            for f in anatomy.fiducials
        ],
        "plan": [
            {"name": plan.name, "entry": list(plan.entry), "target": list(plan.target)}
            for plan in anatomy.plans
        ],
    }


def mesh_file(structure: AnatomyStructure) -> str:
    """Path of its mesh, relative to the case."""
    return f"meshes/{structure.name.replace(' ', '_')}.ply"


def ply_bytes(structure: AnatomyStructure) -> bytes:
    """Binary PLY; the vertices are single precision already, so nothing is lost."""
    header = (
        "ply\nformat binary_little_endian 1.0\ncomment millimetres, model frame LPS\n"
        f"element vertex {len(structure.vertices)}\n"
        "property float x\nproperty float y\nproperty float z\n"
        f"element face {len(structure.triangles)}\n"
        "property list uchar int vertex_indices\nend_header\n"
    )
    faces = np.empty(len(structure.triangles), [("count", "u1"), ("corners", "<i4", 3)])
    faces["count"] = 3
    faces["corners"] = structure.triangles
    return header.encode() + structure.vertices.astype("<f4").tobytes() + faces.tobytes()


def _structure_table(structure: AnatomyStructure) -> dict[str, Any]:
    table: dict[str, Any] = {
        "name": structure.name,
        "role": structure.role,
        "mesh": mesh_file(structure),
        "sigma": SURFACE_SIGMA,
    }
    if structure.role in LIMITS:
        table["caution"], table["danger"] = LIMITS[structure.role]
    return table


def _replace(path: Path, content: bytes) -> None:
    """Write beside, then rename: a reader sees the old file or the whole new one."""
    beside = path.with_name(path.name + ".part")
    try:
        beside.write_bytes(content)
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)
