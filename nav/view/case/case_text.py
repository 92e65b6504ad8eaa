"""Words of the case's window."""

from __future__ import annotations

from nav.core.frames import Array
from nav.core.notice import Notice
from nav.text.catalogue import label, sentence
from nav.view.case.greys import GreyWindow, preset_name
from nav.view.case.loading import UNSURE, ViewedCase
from nav.view.case.planes import NORMAL_LETTERS, Plane
from nav.view.case.probe import Reading

PLANE_LABELS = {"axial": "plane_axial", "sagittal": "plane_sagittal", "coronal": "plane_coronal"}
PRESET_LABELS = {
    "bone": "greys_bone",
    "soft tissue": "greys_soft_tissue",
    "artery": "greys_artery",
}


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
        units = label("case_outside_scan" if has_scan else "case_units_unknown")
    if not reading.structure:
        return position(reading.point), units, label("case_nothing_shown")
    where = "case_point_inside" if reading.distance < 0 else "case_point_outside"
    facts = {"structure": reading.structure, "distance_mm": abs(reading.distance)}
    nearest = Notice(where, {**facts, "sigma": sigma_text(reading.sigma)})
    return position(reading.point), units, sentence(nearest)


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
    place = directed(plane.normal, float(cross[plane.normal]))
    return f"{label(PLANE_LABELS[plane.name])}  {place} mm"


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
    return f"{numbers}  ({preset_label(name)})" if name else numbers


def preset_label(name: str) -> str:
    """Return a preset of grey values as people call it.

    Parameters
    ----------
    name : str
        Of PRESETS.

    Returns
    -------
    str
        In the chosen language.
    """
    return label(PRESET_LABELS[name])


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
    lacks = Notice("case_lacks", {"names": tuple(viewed.lacking)})
    found = [sentence(lacks)] if viewed.lacking else []
    if viewed.volume is None:
        found.append(label("case_no_scan"))
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
    listed = tuple(f"{name} {100 * share:.0f} %" for name, share in shares.items())
    unsure = Notice("case_unsure_shares", {"limit_mm": UNSURE, "shares": listed})
    return (*said, sentence(unsure))
