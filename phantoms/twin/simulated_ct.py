"""A simulated CT of a case: its closed surfaces as Hounsfield units on a grid.

Each voxel holds the mean over its volume: rays along x through the voxels' rows meet the surfaces,
and the lengths between are exact, so that edges are as soft as a scanner's and at their true place.
Then a Gaussian blurs like the scanner's point spread, and noise with a similar correlation is
added.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import gaussian_filter

from nav.core.errors import InputError
from nav.core.frames import Array
from nav.model.case import Case
from phantoms.twin.ct_ends import extended
from phantoms.twin.ct_fill import Grid
from phantoms.twin.ct_look import painted
from phantoms.twin.ct_section import Closed, Surface
from phantoms.twin.ct_skin import mastoids, neck_size, whole_skin
from phantoms.twin.ct_write import volume_suffix, write_volume

Look = Literal["patient", "print"]
Hounsfield = NDArray[np.int16]

SPACING = (0.4, 0.4, 0.6)  # mm, x, y, z
SPREAD = 0.35  # mm, sd of the point spread
NOISE = 15.0  # HU, sd
MARGIN = 6.0  # mm of air around
MOST_VOXELS = 200e6


@dataclass(frozen=True)
class CtVolume:
    """A CT volume; axes are those of the model frame: x to the left, y to posterior, z to superior.

    Attributes
    ----------
    values : ndarray of int16, shape (z, y, x)
        HU.
    origin : ndarray, shape (3,)
        Centre of the first voxel, LPS, mm.
    spacing : ndarray, shape (3,)
        Of the voxels, x, y, z, mm.
    """

    values: Hounsfield
    origin: Array
    spacing: Array


def ct_volume(
    structures: Sequence[Closed],
    look: Look = "patient",
    spacing: ArrayLike = SPACING,
    noise: float = NOISE,
    seed: int = 0,
    spread: float = SPREAD,
) -> CtVolume:
    """Simulate a CT of closed surfaces in their frame (LPS).

    Parameters
    ----------
    structures : sequence of Closed
        The case's; one that is missing leaves its surroundings.
    look : str, optional
        'patient', or 'print': the materials of which the kit is printed, cast and poured.
    spacing : array_like, shape (3,), optional
        Of the voxels, x, y, z, mm.
    noise : float, optional
        Standard deviation, HU.
    seed : int, optional
        Of the noise.
    spread : float, optional
        Standard deviation of the point spread, mm.

    Returns
    -------
    CtVolume
        CT numbers.

    Raises
    ------
    InputError
        There are no structures, spacing, noise or spread is out of range, or the volume is too
        large.
    """
    spacing = np.asarray(spacing, float)
    skin = next((s for s in structures if s.role == "skin"), None)
    if look == "patient" and skin is not None:
        structures = as_in_life(structures, skin)
        ends = skin.vertices[:, 2].min(), skin.vertices[:, 2].max()
        grid = _grid(structures, spacing, noise, spread, ends)
    else:
        grid = _grid(structures, spacing, noise, spread)
    values = painted(structures, look, grid)
    sd = spread / grid.spacing[::-1]
    values = gaussian_filter(values, sd, mode="nearest")
    if noise > 0.0:
        values += _noise(values.shape, sd, noise, seed)
    whole = np.clip(np.rint(values), -1024, 3071).astype(np.int16)
    return CtVolume(whole, grid.origin, grid.spacing)


def as_in_life(structures: Sequence[Closed], skin: Closed) -> list[Closed]:
    """Complete structures with what a patient has and the case does not have.

    That is the skin in front, where a base cut it off, the mastoids, and the continuation beyond
    the ends of the case's meshes.

    Parameters
    ----------
    structures : sequence of Closed
        The case's, mm.
    skin : Closed
        The case's skin, mm.

    Returns
    -------
    list of Closed
        All surfaces.
    """
    low, high = skin.vertices[:, 2].min(), skin.vertices[:, 2].max()
    held: list[Closed] = [s for s in structures if s.role not in ("skin", "support")]
    size = neck_size(skin)
    outside = [skin] if size is None else [whole_skin(size), *mastoids(size)]
    return extended([*held, *outside], float(low), float(high))


def write_ct(
    case: Case,
    out: Path,
    look: Look = "patient",
    spacing: ArrayLike = SPACING,
    noise: float = NOISE,
    seed: int = 0,
) -> CtVolume:
    """Simulate a case's CT and write it: NIfTI (.nii, .nii.gz) or MetaImage (.mha), by suffix.

    Parameters
    ----------
    case : Case
        The case.
    out : Path
        File to write.
    look : str, optional
        'patient' or 'print', see `ct_volume`.
    spacing : array_like, shape (3,), optional
        Of the voxels, x, y, z, mm.
    noise : float, optional
        Standard deviation, HU.
    seed : int, optional
        Of the noise.

    Returns
    -------
    CtVolume
        What was written.

    Raises
    ------
    InputError
        As `ct_volume`; or the suffix is unknown, or the file cannot be written.
    """
    volume_suffix(out)  # before the work, not after it
    volume = ct_volume(closed(case), look, spacing, noise, seed)
    write_volume(out, volume.values, volume.origin, volume.spacing)
    return volume


def closed(case: Case) -> tuple[Closed, ...]:
    """Return a case's structures for `ct_volume`.

    Parameters
    ----------
    case : Case
        The case.

    Returns
    -------
    tuple of Closed
        Its structures.
    """
    return tuple(
        Surface(s.name, s.role, s.surface.vertices, s.surface.triangles) for s in case.structures
    )


def axial_picture(
    volume: CtVolume, z: float, level: float = 200.0, width: float = 1400.0, pixel: float = 0.2
) -> NDArray[np.uint8]:
    """Render the slice nearest to a height in radiological view: from below, front up, left right.

    Parameters
    ----------
    volume : CtVolume
        The volume.
    z : float
        The height, mm.
    level, width : float, optional
        Of the window, HU.
    pixel : float, optional
        Size of a pixel, mm.

    Returns
    -------
    ndarray of uint8, shape (rows, columns)
        Grey levels.

    Raises
    ------
    InputError
        z is outside the volume.
    """
    import cv2

    count = len(volume.values)
    index = round(float((z - volume.origin[2]) / volume.spacing[2]))
    if not 0 <= index < count:
        last = volume.origin[2] + (count - 1) * volume.spacing[2]
        raise InputError(
            f"slice: z = {z:g} mm is outside; expected {volume.origin[2]:.1f} to {last:.1f}"
        )
    # x runs to the patient's left, y to the back: rows and columns in their order are the view
    plane = volume.values[index].astype(np.float32)
    size = np.rint(np.array(plane.shape[::-1]) * volume.spacing[:2] / pixel).astype(int)
    plane = cv2.resize(plane, size.tolist(), interpolation=cv2.INTER_CUBIC)
    shown = (plane - (level - width / 2)) * (255.0 / width)
    return np.clip(np.rint(shown), 0, 255).astype(np.uint8)


def _grid(
    structures: Sequence[Closed],
    spacing: Array,
    noise: float,
    spread: float,
    ends: tuple[float, float] | None = None,
) -> Grid:
    """Return the grid between lowest and highest z, `ends` in mm; else with air all around."""
    if not structures:
        raise InputError("ct: the case has no structures; expected closed surfaces")
    if spacing.shape != (3,) or not (np.isfinite(spacing) & (spacing > 0)).all():
        raise InputError(f"ct: spacing: expected three lengths above 0 mm, got {spacing.tolist()}")
    for name, value, unit in (("noise", noise, "HU"), ("spread", spread, "mm")):
        if not (np.isfinite(value) and value >= 0):
            raise InputError(f"ct: {name}: expected 0 {unit} or more, got {value}")
    low = np.min([s.vertices.min(axis=0) for s in structures], axis=0) - MARGIN
    high = np.max([s.vertices.max(axis=0) for s in structures], axis=0) + MARGIN
    size = np.ceil((high - low) / spacing).astype(int)
    if ends is not None:
        # the scan ends within the neck
        low[2], size[2] = ends[0], max(1, int((ends[1] - ends[0]) / spacing[2]))
    if np.prod(size.astype(float)) > MOST_VOXELS:
        raise InputError(
            f"ct: spacing: {' x '.join(map(str, size))} voxels are too many; take larger ones"
        )
    return Grid(low + spacing / 2, spacing, (int(size[0]), int(size[1]), int(size[2])))


def _noise(shape: tuple[int, ...], sd: Array, noise: float, seed: int) -> NDArray[np.float32]:
    rng = np.random.default_rng([seed, 5])
    rough = rng.standard_normal(shape, dtype=np.float32)
    rough = gaussian_filter(rough, 0.7 * sd, mode="wrap")
    return rough * np.float32(noise / rough.std())
