"""The words of the case's window."""

from __future__ import annotations

from nav.frames import Array
from nav.view.case.greys import GreyWindow, preset_name
from nav.view.case.loading import UNSURE, ViewedCase
from nav.view.case.planes import NORMAL_LETTERS, Plane
from nav.view.case.probe import Reading

NO_SCAN = "no scan in this case: surfaces only"
NO_REMARKS = "The reconstruction has no remarks."


def directed(axis: int, value: float) -> str:
    """Return a coordinate with the patient's side, as in "L 12.3"."""
    negative, positive = NORMAL_LETTERS[axis]
    return f"{positive if value >= 0 else negative} {abs(value):.1f}"


def position(point: Array) -> str:
    """Return a model point in LPS, with the patient's sides."""
    numbers = ", ".join(f"{value:.1f}" for value in point)
    sides = " ".join(directed(axis, float(value)) for axis, value in enumerate(point))
    return f"LPS {numbers} mm  ({sides})"


def reading_parts(reading: Reading, has_scan: bool) -> tuple[str, str, str]:
    """Return a reading as position, Hounsfield units, and nearest surface with its sigma."""
    if reading.hounsfield is not None:
        units = f"{reading.hounsfield:.0f} HU"
    else:
        units = "outside the scan" if has_scan else "no scan"
    if not reading.structure:
        return position(reading.point), units, "no structure shown"
    away = f"{abs(reading.distance):.1f} mm {'inside' if reading.distance < 0 else 'outside'}"
    return (
        position(reading.point),
        units,
        f"{reading.structure}: {away}, sigma {sigma_text(reading.sigma)} there",
    )


def sigma_text(sigma: float) -> str:
    """Return a standard deviation with two significant digits, mm."""
    return f"{sigma:.2f} mm" if sigma < 1.0 else f"{sigma:.1f} mm"


def short_name(name: str) -> str:
    """Return a structure's name as it stands in a slice: VA, as radiology has it."""
    return name.replace("vertebral artery", "VA")


def slice_title(plane: Plane, cross: Array) -> str:
    """Return a slice's name and place."""
    return f"{plane.name}  {directed(plane.normal, float(cross[plane.normal]))} mm"


def window_text(window: GreyWindow) -> str:
    """Return window and level as radiology writes them."""
    name = preset_name(window)
    numbers = f"W {window.width:.0f}  L {window.level:.0f}"
    return f"{numbers}  ({name})" if name else numbers


def shortcomings(viewed: ViewedCase) -> tuple[str, ...]:
    """Return everything that keeps a case from being complete, a sentence each."""
    found = [f"not in this case: {', '.join(viewed.lacking)}"] if viewed.lacking else []
    if viewed.volume is None:
        found.append(NO_SCAN)
    return (*found, *viewed.case.warnings)


def sources(viewed: ViewedCase) -> dict[str, str]:
    """Return what each structure was made from, where the case says."""
    return {} if viewed.reconstruction is None else dict(viewed.reconstruction.made_from)


def findings(viewed: ViewedCase) -> tuple[str, ...]:
    """Return what the reconstruction says of its scan, and where surfaces are badly known."""
    said = () if viewed.reconstruction is None else tuple(viewed.reconstruction.findings)
    shares = viewed.unsure_shares
    if not shares:
        return said
    listed = ", ".join(f"{name} {100 * share:.0f} %" for name, share in shares.items())
    return (*said, f"share of a surface with sigma above {UNSURE:g} mm: {listed}")
