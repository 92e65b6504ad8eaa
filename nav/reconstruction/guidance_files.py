"""Seeds, boxes and label maps from files of other programs, as guidance of a reconstruction."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from nav.core.errors import InputError
from nav.core.textfile import read_json
from nav.exchange.structure_names import guess_role, plain
from nav.reconstruction.guidance import LABEL_SIGMA, ROLES, SEEDED, Box, GuideLabel, Seed
from nav.reconstruction.labelmap import LabelMask, read_labels
from nav.reconstruction.labelmap_check import LEAST_INSIDE, compare_with_scan
from nav.reconstruction.labelnumbers import Numbering
from nav.reconstruction.volume import Array, Volume
from nav.registration.markupsfile import LPS_FROM_SYSTEM, MM_PER_UNIT
from nav.registration.pointfile import load_points

NUMBERED = re.compile(r"[-_ ]*\d+$")
SIDES = re.compile(r"\b(left|right|l|r|links|rechts)\b")
SMALLEST_BOX = 20.0  # mm, of a side: C2 does not fit into a smaller one
TISSUE = -400.0  # HU: soft structures have a mean above it


def read_seeds(path: Path) -> tuple[Seed, ...]:
    """Read points of 3D Slicer's Markups, .fcsv or a table, each named after its structure.

    A trailing number counts points of one structure: "artery left 1", "C2-1".

    Parameters
    ----------
    path : Path
        Of the file.

    Returns
    -------
    tuple of Seed
        Model frame, mm.

    Raises
    ------
    InputError
        The file cannot be read, a point's name is not that of a structure that takes seeds, or a
        bone has several.
    """
    seeds, unknown = [], []
    for label, position in load_points(path).items():
        name = seeded_name(label)
        if name is None:
            unknown.append(label)
            continue
        x, y, z = (float(v) for v in position)
        seeds.append(Seed(name, (x, y, z)))
    if unknown:
        raise InputError(
            f"{path}: point {', '.join(unknown[:6])}: no structure that takes a seed; expected "
            f"{', '.join(SEEDED)}, followed by a number where there are several"
        )
    bones = [seed.name for seed in seeds if ROLES[seed.name] == "bone"]
    twice = next((name for name in bones if bones.count(name) > 1), None)
    if twice is not None:
        raise InputError(f"{path}: has several points in {twice}; a bone takes one")
    return tuple(seeds)


def seeded_name(label: str) -> str | None:
    """Return the structure after which a point is named.

    Parameters
    ----------
    label : str
        Of the point, possibly with a trailing number.

    Returns
    -------
    str or None
        One of SEEDED; None where there is none.
    """
    for text in (label, NUMBERED.sub("", label.strip())):
        name = guide_name(text)
        if name in SEEDED:
            return name
    return None


def guide_name(text: str) -> str | None:
    """Return the structure that a name in other words means.

    Parameters
    ----------
    text : str
        Name in another program.

    Returns
    -------
    str or None
        One of ROLES; None for another structure.
    """
    guess = guess_role(text)
    if guess.name in ROLES and guess.role == ROLES[guess.name]:
        return guess.name
    words = plain(text)
    if words in ("occiput", "skull base", "occipital bone"):
        return "occiput"
    if guess.role in ("cord", "dura", "skin"):
        return str(guess.role)
    side = SIDES.findall(words)
    if guess.role == "artery" and len(side) == 1 and "carotid" not in words:
        rest = SIDES.sub("", words).replace("arterie", "").replace("artery", "").strip()
        if not rest:
            return f"vertebral artery {'left' if side[0].startswith('l') else 'right'}"
    return None


def read_box(given: str) -> Box:
    """Return the box of six numbers (two corners, LPS, mm) or of a Markups ROI.

    Parameters
    ----------
    given : str
        The numbers, separated by blanks, commas or semicolons, or the path of a file.

    Returns
    -------
    Box
        Model frame, mm.

    Raises
    ------
    InputError
        Neither, or a box that is too small for a bone.
    """
    words = re.split(r"[\s,;]+", given.strip())
    try:
        numbers = [float(word) for word in words]
    except ValueError:
        box = _read_roi(Path(given))
    else:
        if len(numbers) != 6 or not np.isfinite(numbers).all():
            raise InputError(
                f"--box {given}: expected 6 numbers, two corners x y z x y z (LPS, mm), or a file"
            )
        low, high = np.minimum(numbers[:3], numbers[3:]), np.maximum(numbers[:3], numbers[3:])
        centre, half = (low + high) / 2.0, (high - low) / 2.0
        box = Box(_point(centre), _point(half))
    if min(box.half) < SMALLEST_BOX / 2.0:
        raise InputError(
            f"--box {given}: is {2 * min(box.half):.1f} mm wide at its narrowest; expected "
            f"{SMALLEST_BOX:g} mm and more, round the middle of C2"
        )
    return box


def _read_roi(path: Path) -> Box:
    data = read_json(path)
    markups = data.get("markups") if isinstance(data, dict) else None
    rois = [
        m
        for m in (markups if isinstance(markups, list) else [])
        if isinstance(m, dict) and str(m.get("type", "")).upper() == "ROI"
    ]
    if len(rois) != 1:
        raise InputError(f"{path}: has {len(rois)} boxes; expected one ROI of 3D Slicer's Markups")
    roi = rois[0]
    signs = LPS_FROM_SYSTEM.get(str(roi.get("coordinateSystem", "LPS")).upper())
    if signs is None:
        raise InputError(f"{path}: coordinateSystem: expected LPS or RAS")
    unit = roi.get("coordinateUnits", "mm")
    code = unit[0] if isinstance(unit, list) and unit else unit
    factor = MM_PER_UNIT.get(str(code).strip().lower())
    if factor is None:
        raise InputError(f"{path}: coordinateUnits: expected mm, got {code!s:.20}")
    centre = _numbers(path, roi, "center", 3) * signs * factor
    size = _numbers(path, roi, "size", 3) * factor
    axes = np.eye(3)
    if "orientation" in roi:  # columns are its axes in the file's system
        axes = (_numbers(path, roi, "orientation", 9).reshape(3, 3) * np.array(signs)[:, None]).T
    elif "RAS" in str(roi.get("coordinateSystem", "LPS")).upper():
        axes = np.diag(np.array(signs, float))
    if np.abs(axes @ axes.T - np.eye(3)).max() > 1e-3 or (size <= 0).any():
        raise InputError(f"{path}: its ROI has no size, or axes that are not perpendicular")
    return Box(
        _point(centre), _point(size / 2.0), (_point(axes[0]), _point(axes[1]), _point(axes[2]))
    )


def _numbers(path: Path, roi: dict[str, object], name: str, count: int) -> Array:
    found = roi.get(name)
    numbers = found if isinstance(found, list) else []
    good = [isinstance(v, int | float) and not isinstance(v, bool) for v in numbers]
    if len(numbers) != count or not all(good) or not np.isfinite(np.array(numbers, float)).all():
        raise InputError(f"{path}: ROI: {name}: expected {count} finite numbers")
    return np.array(numbers, float)


def _point(values: Array) -> tuple[float, float, float]:
    x, y, z = (float(v) for v in values)
    return x, y, z


def read_guide_labels(
    path: Path, numbering: Numbering | None, volume: Volume, sigma: float = LABEL_SIGMA
) -> tuple[tuple[GuideLabel, ...], tuple[str, ...]]:
    """Read the neck's structures of a label map, checked against the scan.

    Parameters
    ----------
    path : Path
        As `nav.reconstruction.labelmap.read_labels` takes it.
    numbering : mapping or str, optional
        Names by number, for files that do not name labels.
    volume : Volume
        The scan.
    sigma : float
        One standard deviation of the labels' own error, mm.

    Returns
    -------
    labels : tuple of GuideLabel
        Structures that are used.
    left_out : tuple of str
        Names of labels that are not reconstructed.

    Raises
    ------
    InputError
        Not a label map, no structure of the neck, several labels for one structure, or not aligned
        with the scan.
    """
    read = read_labels(path, numbering)
    found: dict[str, list[LabelMask]] = {}
    left_out = [*read.skipped, *(f"{name} (empty)" for name in read.empty)]
    for own, mask in read.masks.items():
        name = guide_name(own)
        if name is None:
            left_out.append(own)
        else:
            found.setdefault(name, []).append(mask)
    check_on_scan(path, list(read.masks.values()), volume)
    if not found:
        raise InputError(
            f"{path}: has no structure of the neck ({', '.join(left_out[:6])}); expected "
            f"{', '.join(ROLES)}"
        )
    for name, masks in found.items():
        if len(masks) > 1:
            owns = ", ".join(mask.name for mask in masks)
            raise InputError(f"{path}: {owns} would all be {name}; leave one in the file")
    return tuple(GuideLabel(name, masks[0], sigma) for name, masks in found.items()), tuple(
        left_out
    )


def check_on_scan(path: Path, masks: Sequence[LabelMask], volume: Volume) -> None:
    """Refuse a label map that is not aligned with the scan.

    Where it has bones, the Hounsfield units within these decide; otherwise whether all of it lies
    within the scan, in the body.

    Parameters
    ----------
    path : Path
        Of the label map, for the message.
    masks : sequence of LabelMask
        Its labels.
    volume : Volume
        The scan, HU.

    Raises
    ------
    InputError
        It lies elsewhere: where, and by how much it would have to be shifted.
    """
    bones = [mask for mask in masks if guess_role(mask.name).role == "bone" or _is_bone(mask.name)]
    found = compare_with_scan(bones or masks, volume)
    fits = found.agrees if bones else found.inside >= LEAST_INSIDE and found.hounsfield > TISSUE
    if fits:
        return
    what = "bones" if bones else "labels"
    grey = "" if np.isnan(found.hounsfield) else f", their mean is {found.hounsfield:.0f} HU"
    shift = ""
    if found.shift is not None and bones:
        way = "higher" if found.shift > 0 else "lower"
        shift = f"; they would fit {abs(found.shift):.0f} mm {way}"
    raise InputError(
        f"{path}: is not where the scan is: {100.0 * found.inside:.0f} % of the voxels of its "
        f"{what} lie within it{grey}{shift}; was it made from another scan?"
    )


def _is_bone(name: str) -> bool:
    """Return whether a name is that of a bone elsewhere: a vertebra, rib, hip and the like."""
    return bool(re.search(r"\b(vertebrae?|rib|hip|sacrum|scapula|humerus|femur)\b", plain(name)))
