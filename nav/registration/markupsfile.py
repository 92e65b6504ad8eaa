"""Points of 3D Slicer's Markups (.mrk.json), in any of its coordinate systems and units."""

from pathlib import Path
from typing import Any

import numpy as np

from nav.core.errors import InputError
from nav.core.frames import Array
from nav.core.textfile import printable, read_json
from nav.registration.labelled import LabelledPoint

LPS_FROM_SYSTEM = {"LPS": (1, 1, 1), "RAS": (-1, -1, 1), "0": (-1, -1, 1), "1": (1, 1, 1)}
# coordinateUnits: UCUM codes, and the words of its coded form ["mm", "UCUM", "millimeter"]
MM_PER_UNIT = {
    **dict.fromkeys(("mm", "millimeter", "millimetre", "millimeters"), 1.0),
    **dict.fromkeys(("cm", "centimeter", "centimetre", "centimeters"), 10.0),
    **dict.fromkeys(("m", "meter", "metre", "meters"), 1000.0),
    **dict.fromkeys(("um", "µm", "μm", "micrometer", "micrometre"), 1e-3),
    **dict.fromkeys(("in", "inch", "inches", "[in_i]", "[in_us]"), 25.4),
}


def read_markups(path: Path) -> list[LabelledPoint]:
    """Read the control points of a Markups file with one list of points.

    Points that Slicer holds as not placed (`positionStatus`) have that status and no position.

    Parameters
    ----------
    path : Path
        The file (.mrk.json).

    Returns
    -------
    list of LabelledPoint
        In the order of the file; LPS, mm.

    Raises
    ------
    InputError
        Not Markups, more than one list, a coordinate system or unit that is not known, a label that
        is not text, a position that is not three finite numbers.
    """
    data = read_json(path)
    markups = data.get("markups") if isinstance(data, dict) else None
    if not isinstance(markups, list) or not all(isinstance(m, dict) for m in markups):
        raise _no_markups(path)
    lists = [m for m in markups if m.get("controlPoints")] or markups[:1]
    if len(lists) != 1:
        if not lists:
            raise _no_markups(path)
        names = ", ".join(str(m.get("name") or m.get("type")) for m in lists)
        raise InputError(
            f"{path}: has {len(lists)} lists of points ({names:.60}); save the one that is meant"
        )
    controls = lists[0].get("controlPoints")
    if not isinstance(controls, list) or not all(isinstance(c, dict) for c in controls):
        raise _no_markups(path)
    lps_mm = _lps_from_system(path, lists[0]) * _mm_per_unit(path, lists[0])
    return [_point(path, k, control, lps_mm) for k, control in enumerate(controls, start=1)]


def _no_markups(path: Path) -> InputError:
    return InputError(f"{path}: not Slicer Markups; expected markups with controlPoints")


def _lps_from_system(path: Path, markup: dict[str, Any]) -> Array:
    system = markup.get("coordinateSystem", "LPS")
    signs = LPS_FROM_SYSTEM.get(str(system).upper())
    if signs is None or isinstance(system, bool | float):
        raise InputError(f"{path}: coordinateSystem: expected LPS or RAS, got {system!s:.40}")
    return np.array(signs, float)


def _mm_per_unit(path: Path, markup: dict[str, Any]) -> float:
    unit = markup.get("coordinateUnits", "mm")
    code = unit[0] if isinstance(unit, list) and unit else unit
    factor = MM_PER_UNIT.get(code.strip().lower()) if isinstance(code, str) else None
    if factor is None:
        raise InputError(
            f"{path}: coordinateUnits: expected mm (or um, cm, m, in), got {unit!s:.40}"
        )
    return factor


def _point(path: Path, number: int, control: dict[str, Any], lps_mm: Array) -> LabelledPoint:
    label = control.get("label", "")
    if not isinstance(label, str):
        raise InputError(f"{path}: control point {number}: its label is not a text")
    label = label.strip()
    place = f"control point {number}"
    status = str(control.get("positionStatus", "defined")).lower()
    if "position" not in control:
        status = "no position" if status == "defined" else status
    if status != "defined":
        return LabelledPoint(label, np.full(3, np.nan), f"{printable(status):.40}", place)
    return LabelledPoint(label, _position(path, label or place, control, lps_mm), status, place)


def _position(path: Path, label: str, control: dict[str, Any], lps_mm: Array) -> Array:
    found = control["position"]
    numbers = found if isinstance(found, list) else []
    is_number = [isinstance(n, int | float) and not isinstance(n, bool) for n in numbers]
    if len(numbers) != 3 or not all(is_number) or not np.isfinite(np.array(numbers, float)).all():
        raise InputError(f"{path}: point {label}: expected 3 finite numbers, got {found!s:.60}")
    return np.array(numbers, float) * lps_mm
