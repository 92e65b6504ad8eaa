"""Write fiducials of a case as points of 3D Slicer's Markups (.mrk.json)."""

import json
from collections.abc import Sequence

import nav
from nav.model.case import Fiducial
from nav.registration.markupsline import SCHEMA


def fiducials_json(fiducials: Sequence[Fiducial]) -> str:
    """Return points as a document of Slicer's Markups; `description` states their use.

    Parameters
    ----------
    fiducials : sequence of Fiducial
        Model frame, mm.

    Returns
    -------
    str
        JSON, LPS, mm.
    """
    points = [
        {
            "id": str(k),
            "label": fiducial.label,
            "description": fiducial.use,
            "position": [round(float(v), 4) for v in fiducial.position],
            "positionStatus": "defined",
            "visibility": True,
            "selected": True,
            "locked": True,
        }
        for k, fiducial in enumerate(fiducials, start=1)
    ]
    markup = {
        "type": "Fiducial",
        "coordinateSystem": "LPS",
        "coordinateUnits": "mm",
        "locked": True,
        "labelFormat": "%N-%d",
        "controlPoints": points,
    }
    document = {"@schema": SCHEMA, "made_by": f"c1c2nav {nav.__version__}", "markups": [markup]}
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"
