"""A printed phantom as a case folder: case, meshes with sigma, scan, images, deviations."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import tomli_w

from nav.core.files import plain_values, provenance
from nav.core.outputs import written_together
from nav.model.case import CASE_FORMAT, ROLE_ORDER
from nav.reconstruction.case_files import (
    CASE,
    PICTURE,
    VOLUME,
    mesh_file,
    origin_table,
    ply_bytes,
    usual_sigma,
    write_volume,
)
from nav.reconstruction.printed.print_deviation import csv_text
from nav.reconstruction.printed.print_pictures import Sliced, draw_deviation, draw_overview
from nav.reconstruction.printed.reconstruct import PrintedReconstruction
from nav.reconstruction.reconstruction_result import ReconstructedSurface
from nav.reconstruction.volume import Array

DEVIATION, DEVIATION_PICTURE = "deviation.csv", "deviation.png"


def surfaces_of(found: PrintedReconstruction) -> tuple[ReconstructedSurface, ...]:
    """Return the structures' surfaces in the model frame, in the order of a case.

    Parameters
    ----------
    found : PrintedReconstruction
        Of the phantom.

    Returns
    -------
    tuple of ReconstructedSurface
        Model frame, mm.
    """
    made = [
        ReconstructedSurface(
            s.structure.name,
            s.structure.role,  # type: ignore[arg-type]
            found.model_from_scan.apply(s.vertices),
            s.triangles,
            s.sigma,
            "grey values" if s.measured else "the kit",
        )
        for s in found.structures
    ]
    return tuple(sorted(made, key=lambda s: ROLE_ORDER.index(s.role)))


def write_printed_case(found: PrintedReconstruction, folder: Path, name: str) -> Path:
    """Write a case folder; all files appear together, or none.

    Parameters
    ----------
    found : PrintedReconstruction
        Of the phantom.
    folder : Path
        Of the case; created where it does not exist.
    name : str
        Of the case.

    Returns
    -------
    Path
        Of case.toml.

    Raises
    ------
    InputError
        The folder cannot be written, or holds other files of these names.
    """
    surfaces = surfaces_of(found)
    names = [*(mesh_file(s.name) for s in surfaces), VOLUME, PICTURE, DEVIATION_PICTURE, DEVIATION]
    files = [*(folder / n for n in names), folder / CASE]
    with written_together(*files) as beside:
        for temporary, surface in zip(beside, surfaces, strict=False):
            temporary.write_bytes(ply_bytes(surface))
        write_volume(beside[-5], found.volume)
        draw_overview(Sliced(found.volume, surfaces), _between(surfaces), beside[-4])
        draw_deviation(found.maps, beside[-3])
        beside[-2].write_text(csv_text(found.rows), encoding="utf-8")
        table = {**case_table(found, surfaces, name), **provenance([found.kit.path])}
        beside[-1].write_text(tomli_w.dumps(plain_values(table)), encoding="utf-8")
    return folder / CASE


def case_table(
    found: PrintedReconstruction, surfaces: tuple[ReconstructedSurface, ...], name: str
) -> dict[str, Any]:
    """Return the contents of case.toml, except for its provenance.

    Parameters
    ----------
    found : PrintedReconstruction
        Of the phantom.
    surfaces : tuple of ReconstructedSurface
        As `surfaces_of` returns them.
    name : str
        Of the case.

    Returns
    -------
    dict
        Tables of the file.
    """
    designed = {s.name: s for s in found.kit.case.structures}
    return {
        "format": CASE_FORMAT,
        "name": name,
        "structure": [
            {
                "name": s.name,
                "role": s.role,
                "mesh": mesh_file(s.name),
                "caution": designed[s.name].caution,
                "danger": designed[s.name].danger,
                "sigma": usual_sigma(s),
            }
            for s in surfaces
        ],
        "fiducial": [
            {
                "label": d.label,
                "position": d.position.round(4),
                "use": d.use,
                "sigma": round(d.sigma, 4),
            }
            for d in found.divots
        ],
        "plan": [
            {"name": p.name, "entry": p.entry, "target": p.target} for p in found.kit.case.plans
        ],
        "reconstruction": origin_table(found.read, found.remarks, surfaces),
    }


def _between(surfaces: tuple[ReconstructedSurface, ...]) -> Array:
    """Return a point between C1 and C2, beside the midline, so that one lateral mass is cut."""
    bones = {s.name: s.vertices for s in surfaces if s.role == "bone"}
    middle = 0.5 * (bones["C1"].mean(axis=0) + bones["C2"].mean(axis=0))
    return np.asarray(middle, float)
