"""Write an anatomy as a case folder: case.toml and meshes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nav.core.files import write_toml, written_whole
from nav.model.case import CASE_FORMAT, DEFAULT_LIMITS
from nav.model.mesh_bytes import binary_ply
from phantoms.anatomy.standard_neck import Anatomy, AnatomyStructure

# mm, one sd of a surface's own error. Printed: mean deviations of 0.26 to 0.30 in the reviews
# (PMC9156585, 10.1186/s41205-024-00210-5). Tubes, cord, film and gel are put in by hand: assumed.
SIGMA = {"bone": 0.3, "support": 0.3, "artery": 0.8, "cord": 0.5, "dura": 0.5, "skin": 1.0}


def write_case(anatomy: Anatomy, directory: Path) -> Path:
    """Write DIRECTORY/case.toml and DIRECTORY/meshes/*.ply.

    case.toml is written last and atomically.

    Parameters
    ----------
    anatomy : Anatomy
        The case to write.
    directory : Path
        Folder of the case.

    Returns
    -------
    Path
        Of case.toml.

    Raises
    ------
    InputError
        The folder cannot be written.
    """
    for structure in anatomy.structures:
        with written_whole(directory / mesh_file(structure)) as beside:
            beside.write_bytes(ply_bytes(structure))
    case = directory / "case.toml"
    write_toml(case, case_table(anatomy))
    return case


def case_table(anatomy: Anatomy) -> dict[str, Any]:
    """Return the content of case.toml, without its provenance.

    Parameters
    ----------
    anatomy : Anatomy
        The case.

    Returns
    -------
    dict
        Format, name, structures, fiducials and plans, ready to be written as TOML.
    """
    return {
        "format": CASE_FORMAT,
        "name": anatomy.name,
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
    """Return the path of a structure's mesh, relative to the case folder.

    Parameters
    ----------
    structure : AnatomyStructure
        Its name becomes the file's, with underscores in place of spaces.

    Returns
    -------
    str
        Such as "meshes/cord.ply".
    """
    return f"meshes/{structure.name.replace(' ', '_')}.ply"


def ply_bytes(structure: AnatomyStructure) -> bytes:
    """Encode a structure's surface as binary PLY.

    The vertices are single precision already, so nothing is lost.

    Parameters
    ----------
    structure : AnatomyStructure
        Surface in the model frame, mm.

    Returns
    -------
    bytes
        The whole file, little endian.
    """
    return binary_ply(structure.vertices, structure.triangles)


def _structure_table(structure: AnatomyStructure) -> dict[str, Any]:
    table: dict[str, Any] = {
        "name": structure.name,
        "role": structure.role,
        "mesh": mesh_file(structure),
        "sigma": SIGMA[structure.role],
    }
    if structure.role in DEFAULT_LIMITS:
        table["caution"], table["danger"] = DEFAULT_LIMITS[structure.role]
    return table
