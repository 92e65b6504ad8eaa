"""Lines of 3D Slicer's Markups (.mrk.json): set by hand there, and written for it."""

import json
from pathlib import Path
from typing import Any

import numpy as np

import nav
from nav.core.errors import InputError
from nav.core.frames import Array
from nav.model.case import Plan
from nav.registration.markupsfile import read_markups

SCHEMA = (
    "https://raw.githubusercontent.com/slicer/slicer/master/Modules/Loadable/Markups/Resources/"
    "Schema/markups-schema-v1.0.3.json#"
)
SHORTEST = 5.0  # mm


def read_line(path: Path, inside: Array) -> Plan:
    """Read a line of two points as a plan, named like its file.

    Points labelled "entry" and "target" are these; else the end that is nearer to `inside` is the
    target.

    Parameters
    ----------
    path : Path
        Markups file, LPS or RAS, any unit that Slicer knows.
    inside : ndarray, shape (3,)
        A point of the canal, model frame, mm.

    Returns
    -------
    Plan
        Model frame (LPS), mm.

    Raises
    ------
    InputError
        Not Markups, not two points that are placed, or both at the same place.
    """
    points = read_markups(path)
    placed = [p for p in points if p.status == "defined"]
    if len(placed) != 2:
        raise InputError(
            f"{path}: expected a line of 2 placed points (entry and target), got {len(placed)}"
        )
    if np.linalg.norm(placed[0].position - placed[1].position) < SHORTEST:
        raise InputError(f"{path}: its two points are less than {SHORTEST:g} mm apart")
    labels = [p.label.lower() for p in placed]
    first_is_entry = "entry" in labels[0] or "target" in labels[1]
    if not first_is_entry and not ("entry" in labels[1] or "target" in labels[0]):
        far = [float(np.linalg.norm(p.position - inside)) for p in placed]
        first_is_entry = far[0] >= far[1]
    entry, target = placed if first_is_entry else placed[::-1]
    name = path.name.removesuffix(".json").removesuffix(".mrk")
    return Plan(name, entry.position, target.position)


def line_json(name: str, entry: Array, target: Array) -> str:
    """Return a line as Slicer's Markups hold it.

    Parameters
    ----------
    name : str
        Of the line; begins its points' labels.
    entry, target : ndarray, shape (3,)
        LPS, mm.

    Returns
    -------
    str
        Content of a .mrk.json file.
    """
    document: dict[str, Any] = {
        "@schema": SCHEMA,
        "made_by": f"c1c2nav {nav.__version__}",
        "markups": [
            {
                "type": "Line",
                "coordinateSystem": "LPS",
                "coordinateUnits": "mm",
                "locked": False,
                "labelFormat": "%N-%d",
                "controlPoints": [
                    {
                        "id": str(k),
                        "label": f"{name} {label}",
                        "position": [round(float(v), 4) for v in point],
                        "positionStatus": "defined",
                        "visibility": True,
                        "selected": True,
                        "locked": False,
                    }
                    for k, (label, point) in enumerate(
                        (("entry", entry), ("target", target)), start=1
                    )
                ],
            }
        ],
    }
    return json.dumps(document, indent=1) + "\n"
