"""Remarks of a reconstruction as sentences, one line each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from nav.reconstruction.reconstruction_result import Remark

Facts = Mapping[str, Any]

SENTENCES: dict[str, Callable[[Facts], str]] = {
    "artery_absent": lambda f: f"vertebral artery {f['side']}: its course is not in this scan",
    "artery_branch": lambda f: (
        f"{f['name']}: {f['length']:.0f} mm long, {2 * f['radius']:.1f} mm wide; "
        "a second limb, a branch or a vein"
    ),
    "artery_leaves_foramina": lambda f: (
        f"vertebral artery {f['side']}: does not pass through C1's foramen; it runs "
        f"{f['distance']:.0f} mm from it, in the gap between C1 and C2"
    ),
    "artery_not_seen": lambda f: (
        f"vertebral artery {f['side']}: not seen (contrast {f['contrast']:.0f} HU over soft "
        "tissue); the case has no such surface, so its distance is not known"
    ),
    "artery_partly_seen": lambda f: (
        f"vertebral artery {f['side']}: seen over {f['length']:.0f} mm only; occluded, without "
        "contrast or cut beyond"
    ),
    "artery_wall_unseen": lambda f: (
        f"vertebral artery {f['side']}: its wall is not told apart over {f['length']:.0f} mm, as "
        f"beside a vein as bright; its sigma is up to {f['sigma']:.1f} mm there"
    ),
    "bone_cut": lambda f: f"{f['name']}: {100 * f['in_view']:.0f} % of it are in the scan",
    "bone_missing": lambda f: f"{f['name']}: not in this scan",
    "canal_from_prior": lambda f: (
        f"{f['name']}: from the bones and the prior; the scan shows {100 * f['measured']:.0f} % of "
        f"it, its sigma is {f['sigma']:.2f} mm"
    ),
    "canal_missing": lambda f: f"cord and dura: {f['why']}",
    "gap_unresolved": lambda f: (
        f"{f['one']} and {f['other']}: fused or unresolved over {f['area']:.0f} mm²"
    ),
    "interpolated": lambda f: (
        f"{f['length']:.1f} mm of the scan were not measured; surfaces there are interpolated"
    ),
    "markers_left": lambda f: (
        f"markers: {f['count']} {'ball' if f['count'] == 1 else 'balls'} on the skin of another "
        f"size or brightness than the {f['taken']} that were taken, or too few; left out"
    ),
    "print_divot_missing": lambda f: (
        f"divot {f['label']}: the scan shows no such cone; it is not among the fiducials"
    ),
    "print_moved": lambda f: (
        f"{f['name']}: {f['moved']:.2f} mm and {f['turned']:.1f}° from its designed position; "
        "printed or glued there"
    ),
    "print_part_missing": lambda f: f"{f['name']}: not seen in the scan",
    "print_unseen": lambda f: (
        f"{f['name']}: the scan shows {100 * f['seen']:.0f} % of it; its designed position is "
        f"used, its sigma is {f['sigma']:.2f} mm"
    ),
    "label_taken": lambda f: (
        f"{f['name']}: "
        + (
            f"from the label map; the error of its labels is taken to be {f['sigma']:.1f} mm"
            if f["kept"]
            else "its voxels are taken from the label map"
        )
    ),
    "painted": lambda f: (
        f"{f['name']}: painted by hand; sigma is at least {f['sigma']:.1f} mm there"
    ),
    "painted_apart": lambda f: (
        f"{f['name']}: a painted piece does not touch the bone and was left out"
    ),
    "placed_by": lambda f: f"search guided: {', '.join(f['what'])}",
    "skin_cut": lambda f: f"skin: the scan cuts it ({f['where']})",
    "skin_missing": lambda f: f"skin: {f['why']}",
}


def sentence(remark: Remark) -> str:
    """Return a remark as a sentence.

    Parameters
    ----------
    remark : Remark
        Of a reconstruction.

    Returns
    -------
    str
        One line, without a full stop.
    """
    return SENTENCES[remark.code](remark.facts)
