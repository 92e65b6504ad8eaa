"""Necks of women and men of any stature: how the standard neck's measures follow."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

from nav.core.errors import InputError
from phantoms.anatomy.parameters import AnatomyParameters

STATURE = {"mean": 1690.0, "female": 1626.0, "male": 1755.0}  # mm, Reed and Jones, UMTRI-2017-1
STATURES = (1400.0, 2100.0)  # mm, that can be asked for
SEX = {"mean": 1.0, "female": 1 / 1.05, "male": 1.05}  # of bones; the same, sagittal plane
WIDTHS = 0.5  # share of that change that widths make, chosen
CORD = 0.17  # share that the cord makes: areas of 69.9 and 74.9 mm2, 10.1162/imag_a_00075
NECK = {"mean": 1.0, "female": 0.96, "male": 1.04}  # 115 and 125 across


def of_size(sex: str = "mean", stature: float | None = None) -> AnatomyParameters:
    """Return the standard neck of a woman, a man, or their mean, at a stature.

    Sagittal measures of bones grow by a factor of 1.10 from women to men at 1626 and 1755 mm [1]_;
    widths change half as much, the cord a sixth, the sac as the canals, gaps not at all.

    Parameters
    ----------
    sex : str, optional
        "mean", "female" or "male".
    stature : float, optional
        mm; the sex's mean by default.

    Returns
    -------
    AnatomyParameters
        The neck.

    Raises
    ------
    InputError
        Another sex, or a stature out of range.

    References
    ----------
    .. [1] Reed and Jones, UMTRI-2017-1.
    """
    if sex not in SEX:
        raise InputError(f"sex: expected {', '.join(SEX)}, got {sex!r}")
    tall = STATURE[sex] if stature is None else stature
    if not STATURES[0] <= tall <= STATURES[1]:
        raise InputError(
            f"stature: expected {STATURES[0]:.0f} to {STATURES[1]:.0f} mm, got {tall:g}"
        )
    return sized(SEX[sex] * tall / STATURE[sex], NECK[sex])


def sized(bones: float, neck: float = 1.0) -> AnatomyParameters:
    """Scale the bones and the neck of the standard neck.

    Parameters
    ----------
    bones : float
        Factor of the bones' sagittal measures; widths, cord and sac follow in part.
    neck : float, optional
        Factor of the neck's width and AP.

    Returns
    -------
    AnatomyParameters
        The neck.
    """
    p = AnatomyParameters()
    window = 10.0 * (bones - 1.0)  # 10 in women, 12 in men, after their size: a little more
    changed: dict[str, Any] = {"window_height": p.window_height * bones + window}
    for name in bone_lengths():
        share = WIDTHS if "width" in name or "lateral" in name else 1.0
        changed[name] = getattr(p, name) * (1.0 + share * (bones - 1.0))
    for name in ("cord_ap", "cord_width", "sac_ap", "sac_width"):
        share = CORD if name.startswith("cord") else 1.0 if name == "sac_ap" else WIDTHS
        factor = 1.0 + share * (bones - 1.0)
        changed[name] = tuple(value * factor for value in getattr(p, name))
    changed |= {name: getattr(p, name) * neck for name in ("neck_width", "neck_ap")}
    return replace(p, **changed)


def bone_lengths() -> list[str]:
    """List the parameters that are lengths of C1 to C4.

    Returns
    -------
    list of str
        Names of fields of AnatomyParameters.
    """
    prefixes = ("c1_", "c2_", "c3_", "c4_", "dens_", "body_height")
    no_length = ("c1_rotation", "c2_tilt", "dens_gap", "c1_foramen_width", "c1_foramen_ap")
    return [
        f.name
        for f in fields(AnatomyParameters)
        if f.name.startswith(prefixes) and f.name not in no_length
    ]
