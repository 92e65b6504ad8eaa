"""A scan with a tilted gantry: its slices are tilted, but follow each other along the table.

Such slices do not form a rectangular grid: each is shifted within its own plane relative to the one
before. A program that stacks them as they come puts landmarks millimetres off.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import fft
from scipy.spatial.transform import RigidTransform, Rotation

from nav.core.errors import InputError
from nav.core.frames import Array
from phantoms.anatomy.standard_neck import Anatomy
from phantoms.twin.scan import Progress, Scan, simulate_scan
from phantoms.twin.scan_parameters import ScanParameters, View
from phantoms.twin.scan_truth import ScanTruth, seen_of

MOST_TILT = 30.0  # degrees


@dataclass(frozen=True)
class Series:
    """Slices as a scanner stores them.

    Parameters
    ----------
    values : ndarray of int16, shape (slices, rows, columns)
        HU.
    positions : ndarray, shape (n, 3)
        Centre of each slice's first voxel, LPS, mm.
    along_row, along_column : ndarray, shape (3,)
        Unit vectors.
    spacing : tuple of 2 floats
        Between columns and rows, mm.
    step : float
        Between slices along the table, mm.
    tilt_deg : float
        Of the gantry, degrees.
    truth : ScanTruth
        In the same frame.
    parameters : ScanParameters
        What the scan was drawn with.
    """

    values: NDArray[np.int16]
    positions: Array
    along_row: Array
    along_column: Array
    spacing: tuple[float, float]
    step: float
    tilt_deg: float
    truth: ScanTruth
    parameters: ScanParameters


def series_of(scan: Scan) -> Series:
    """Convert a scan without tilt to slices.

    Parameters
    ----------
    scan : Scan
        The scan.

    Returns
    -------
    Series
        Its slices.
    """
    v = scan.volume
    positions = v.origin + np.outer(np.arange(len(v.values)), (0.0, 0.0, v.spacing[2]))
    return Series(
        v.values,
        positions,
        np.array([1.0, 0.0, 0.0]),
        np.array([0.0, 1.0, 0.0]),
        (float(v.spacing[0]), float(v.spacing[1])),
        float(v.spacing[2]),
        0.0,
        scan.truth,
        scan.parameters,
    )


def tilted_series(
    anatomy: Anatomy, scan: ScanParameters, tilt_deg: float, progress: Progress | None = None
) -> Series:
    """Simulate a scan whose gantry is tilted.

    `scan.spacing_mm` is the distance of slices along the table.

    Parameters
    ----------
    anatomy : Anatomy
        The anatomy.
    scan : ScanParameters
        What the scan is drawn with.
    tilt_deg : float
        Tilt, degrees; positive: the gantry's top towards the feet.
    progress : callable, optional
        See `simulate_scan`.

    Returns
    -------
    Series
        The slices.

    Raises
    ------
    InputError
        The tilt is beyond 30 degrees; or as `simulate_scan`.
    """
    if not abs(tilt_deg) <= MOST_TILT:
        raise InputError(f"--gantry-tilt: expected -{MOST_TILT:g} to {MOST_TILT:g}, got {tilt_deg}")
    if tilt_deg == 0.0:
        return series_of(simulate_scan(anatomy, scan, progress))
    angle = np.radians(tilt_deg)
    # the patient in the gantry's frame, whose slices are perpendicular to its z
    patient_from_gantry = RigidTransform.from_rotation(Rotation.from_rotvec([angle, 0.0, 0.0]))
    across = scan.spacing_mm[2] * np.cos(angle)
    slope = np.tan(angle)
    x, y, step = scan.spacing_mm
    own = replace(scan, spacing_mm=(x, y, step * float(np.cos(angle))))
    span = scan.view.high_mm - scan.view.low_mm
    own = replace(own, view=_shortened(scan, span * float(np.cos(angle))))
    margin = 0.5 * span * float(np.sin(abs(angle))) + 2.0
    whole = simulate_scan(anatomy, own, progress, patient_from_gantry.inv(), margin)
    v = whole.volume
    count, cut = len(v.values), int(np.ceil(margin / y))
    off = slope * across * (np.arange(count) - 0.5 * (count - 1))
    values = np.array(
        [_shifted(plane, shift / y)[cut:-cut] for plane, shift in zip(v.values, off, strict=True)]
    )
    first = np.array([v.origin[0], v.origin[1] + cut * y, v.origin[2]])
    in_gantry = first + np.column_stack([0.0 * off, off, across * np.arange(count)])
    rotation = patient_from_gantry.rotation
    return Series(
        values,
        patient_from_gantry.apply(in_gantry),
        rotation.apply([1.0, 0.0, 0.0]),
        rotation.apply([0.0, 1.0, 0.0]),
        (float(v.spacing[0]), float(v.spacing[1])),
        step,
        tilt_deg,
        _moved(whole.truth, patient_from_gantry, in_gantry, values.shape, v.spacing),
        scan,
    )


def _shortened(scan: ScanParameters, span: float) -> View:
    middle = 0.5 * (scan.view.low_mm + scan.view.high_mm)
    return replace(scan.view, low_mm=middle - span / 2, high_mm=middle + span / 2)


def _shifted(plane: NDArray[np.int16], rows: float) -> NDArray[np.int16]:
    """Return a slice as sampled so many rows further back, interpolated without loss."""
    f = fft.rfftfreq(2 * len(plane))
    # mirrored, so that its ends meet
    whole = np.concatenate([plane, plane[::-1]]).astype(np.float32)
    spectrum = fft.rfft(whole, axis=0) * np.exp(2j * np.pi * f * rows)[:, None]
    found = fft.irfft(spectrum, len(whole), axis=0)[: len(plane)]
    return np.clip(np.rint(found), -1024, 3071).astype(np.int16)


def _moved(
    truth: ScanTruth,
    patient_from_gantry: RigidTransform,
    first: Array,
    shape: tuple[int, ...],
    spacing: Array,
) -> ScanTruth:
    """Return the truth in the patient's frame, and which surfaces the tilted stack contains."""
    structures = []
    for s in truth.structures:
        at = (s.vertices[:, 2] - first[0, 2]) / spacing[2]
        corner = np.column_stack([np.interp(at, np.arange(shape[0]), first[:, k]) for k in (0, 1)])
        place = (s.vertices[:, :2] - corner) / spacing[:2] + 0.5
        inside = np.all((place >= 0) & (place <= (shape[2], shape[1])), axis=1)
        inside &= (at >= -0.5) & (at <= shape[0] - 0.5)
        vertices = patient_from_gantry.apply(s.vertices).astype(np.float32).astype(float)
        seen = seen_of(inside)
        if seen == "no" and s.role == "skin":
            seen = s.seen  # it surrounds the slices
        structures.append(replace(s, vertices=vertices, seen=seen))
    return replace(
        truth,
        structures=tuple(structures),
        joints=tuple(replace(j, middle=patient_from_gantry.apply(j.middle)) for j in truth.joints),
        plaques=tuple(patient_from_gantry.apply(point) for point in truth.plaques),
        scan_from_anatomy=patient_from_gantry * truth.scan_from_anatomy,
    )
