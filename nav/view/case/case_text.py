"""Words of the case's window."""

from __future__ import annotations

from nav.core.frames import Array
from nav.view.case.greys import GreyWindow, preset_name
from nav.view.case.loading import UNSURE, ViewedCase
from nav.view.case.planes import NORMAL_LETTERS, Plane
from nav.view.case.probe import Reading

NO_SCAN = "no scan in this case: surfaces only"
NO_REMARKS = "The reconstruction has no remarks."


def directed(axis: int, value: float) -> str:
    """Format a coordinate with the patient's side, as in "L 12.3".

    Parameters
    ----------
    axis : int
        Of LPS: 0, 1 or 2.
    value : float
        mm.

    Returns
    -------
    str
        Without a unit.
    """
    negative, positive = NORMAL_LETTERS[axis]
    return f"{positive if value >= 0 else negative} {abs(value):.1f}"


def position(point: Array) -> str:
    """Format a point in LPS, with the patient's sides.

    Parameters
    ----------
    point : ndarray, shape (3,)
        Model frame, mm.

    Returns
    -------
    str
        In one line.
    """
    numbers = ", ".join(f"{value:.1f}" for value in point)
    sides = " ".join(directed(axis, float(value)) for axis, value in enumerate(point))
    return f"LPS {numbers} mm  ({sides})"


def reading_parts(reading: Reading, has_scan: bool) -> tuple[str, str, str]:
    """Format a reading.

    Parameters
    ----------
    reading : Reading
        At a point.
    has_scan : bool
        Whether the case has a scan.

    Returns
    -------
    position, units, surface : str
        Position, Hounsfield units, and nearest surface with its sigma.
    """
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
    """Format a standard deviation with two significant digits.

    Parameters
    ----------
    sigma : float
        mm.

    Returns
    -------
    str
        With its unit.
    """
    return f"{sigma:.2f} mm" if sigma < 1.0 else f"{sigma:.1f} mm"


def short_name(name: str) -> str:
    """Return a structure's name as it is written in a slice: VA, as radiology has it.

    Parameters
    ----------
    name : str
        Of the structure.

    Returns
    -------
    str
        The same for all but vertebral arteries.
    """
    return name.replace("vertebral artery", "VA")


def slice_title(plane: Plane, cross: Array) -> str:
    """Return a slice's name and position.

    Parameters
    ----------
    plane : Plane
        Of the slice.
    cross : ndarray, shape (3,)
        Model frame, mm.

    Returns
    -------
    str
        Such as "axial  S 12.3 mm".
    """
    return f"{plane.name}  {directed(plane.normal, float(cross[plane.normal]))} mm"


def window_text(window: GreyWindow) -> str:
    """Format window and level as radiology writes them.

    Parameters
    ----------
    window : GreyWindow
        HU.

    Returns
    -------
    str
        With the preset's name, if it is one.
    """
    name = preset_name(window)
    numbers = f"W {window.width:.0f}  L {window.level:.0f}"
    return f"{numbers}  ({name})" if name else numbers


def shortcomings(viewed: ViewedCase) -> tuple[str, ...]:
    """Return everything that keeps a case from being complete, a sentence each.

    Parameters
    ----------
    viewed : ViewedCase
        The case.

    Returns
    -------
    tuple of str
        With the case's own warnings.
    """
    found = [f"not in this case: {', '.join(viewed.lacking)}"] if viewed.lacking else []
    if viewed.volume is None:
        found.append(NO_SCAN)
    return (*found, *viewed.case.warnings)


def sources(viewed: ViewedCase) -> dict[str, str]:
    """Return what each structure was made from, where the case states it.

    Parameters
    ----------
    viewed : ViewedCase
        The case.

    Returns
    -------
    dict of str to str
        By structure.
    """
    return {} if viewed.reconstruction is None else dict(viewed.reconstruction.made_from)


def findings(viewed: ViewedCase) -> tuple[str, ...]:
    """Return the reconstruction's findings about its scan, and which surfaces are uncertain.

    Parameters
    ----------
    viewed : ViewedCase
        The case.

    Returns
    -------
    tuple of str
        A sentence each.
    """
    said = () if viewed.reconstruction is None else tuple(viewed.reconstruction.findings)
    shares = viewed.unsure_shares
    if not shares:
        return said
    listed = ", ".join(f"{name} {100 * share:.0f} %" for name, share in shares.items())
    return (*said, f"share of a surface with sigma above {UNSURE:g} mm: {listed}")
