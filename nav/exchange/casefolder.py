"""Write an imported case as a folder: case.toml and meshes with their sigma."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import tomli_w

from nav.core.files import plain_values, provenance
from nav.core.outputs import written_together
from nav.exchange.filenames import file_stems
from nav.exchange.importer import ImportedCase
from nav.exchange.meshes import ply_bytes
from nav.model.case import CASE_FORMAT

CASE = "case.toml"
DIGITS = 3


def write_imported(found: ImportedCase, folder: Path) -> Path:
    """Write a case folder; all files appear together, or none.

    Parameters
    ----------
    found : ImportedCase
        The case, with where it is from.
    folder : Path
        To write to.

    Returns
    -------
    Path
        Of case.toml.

    Raises
    ------
    InputError
        The folder cannot be written, or holds other files of these names.
    """
    structures = found.case.structures
    meshes = [f"meshes/{stem}.ply" for stem in file_stems([s.name for s in structures])]
    outputs = [*(folder / mesh for mesh in meshes), folder / CASE]
    with written_together(*outputs) as beside:
        for temporary, structure in zip(beside, structures, strict=False):
            temporary.write_bytes(ply_bytes(structure))
        made = provenance()
        if found.inputs:
            made["input"] = [{"file": name, "sha256": digest} for name, digest in found.inputs]
        table = plain_values({**_table(found, meshes), **made})
        beside[-1].write_text(tomli_w.dumps(table), encoding="utf-8")
    return folder / CASE


def _table(found: ImportedCase, meshes: list[str]) -> dict[str, Any]:
    case = found.case
    table: dict[str, Any] = {"format": CASE_FORMAT, "name": case.name}
    table["structure"] = [
        {
            "name": s.name,
            "role": s.role,
            "mesh": mesh,
            "sigma": round(s.sigma, DIGITS),
            "caution": s.caution,
            "danger": s.danger,
        }
        for s, mesh in zip(case.structures, meshes, strict=True)
    ]
    if case.fiducials:
        table["fiducial"] = [
            {"label": f.label, "position": f.position, "use": f.use} for f in case.fiducials
        ]
    if case.plans:
        table["plan"] = [{"name": p.name, "entry": p.entry, "target": p.target} for p in case.plans]
    if found.kind is not None and found.spacing is not None:
        table["reconstruction"] = {
            "source": found.kind,
            "spacing": [round(s, 4) for s in found.spacing],
            "remarks": list(found.remarks),
            "made_from": found.made_from,
        }
    return table
