"""Reading of a CT scan from any supported source: a DICOM folder, NIfTI, NRRD, MetaImage."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nav.core.errors import InputError
from nav.reconstruction.reading.assembly import assemble
from nav.reconstruction.reading.dicom import read_dicom
from nav.reconstruction.reading.hounsfield import check_values
from nav.reconstruction.reading.image_file import read_image_file
from nav.reconstruction.reading.nifti import read_nifti
from nav.reconstruction.reading.placement import EXACT, Array, Placement, place
from nav.reconstruction.reading.quiet_readers import quiet_libraries
from nav.reconstruction.reading.read_result import Finding, Kind, ReadResult, SeriesInfo
from nav.reconstruction.reading.regular import AIR

Progress = Callable[[str, float], None]

PACKED = (b"PK\x03\x04", b"Rar!", b"7z\xbc\xaf", b"\xfd7zXZ", b"BZh")
SKEWED_IN_PLANE = 1e-3  # rad between rows and columns: more is not a stack of slices
BELOW_ANY_MR = -200  # values that only a CT produces
LONGEST_START = 4096  # bytes that identify a format


def read_volume(
    source: Path, series: str | None = None, progress: Progress | None = None
) -> ReadResult:
    """Read a CT volume onto a regular grid in the model frame.

    Sheared stacks (gantry tilt), uneven steps and missing slices are resampled from the slices'
    true positions; voxels of regular ones are kept as they are. Each correction is a finding.

    Parameters
    ----------
    source : Path
        Folder of DICOM files, one multi-frame DICOM file, NIfTI (``.nii``, ``.nii.gz``), NRRD or
        MetaImage. The content decides, not the name.
    series : str, optional
        Of a DICOM folder: name in the table of `list_series`. The best one if not given.
    progress : callable, optional
        Called with the name of the current task and the fraction of it that is done.

    Returns
    -------
    ReadResult
        The volume in HU, the findings, and which series it is.

    Raises
    ------
    InputError
        Not a CT volume, damaged, or ambiguous; one line says which and what to do.
    """
    source = Path(source)
    kind = find_kind(source)
    with quiet_libraries():
        if kind == "dicom":
            folder = source.parent if source.name.upper() == "DICOMDIR" else source
            return read_dicom(folder, series, progress)
        if series is not None:
            raise InputError(f"{source}: has no series; these are in DICOM folders")
        return _read_file(source, kind, progress)


def find_kind(source: Path) -> Kind:
    """Determine the format of a file from its first bytes.

    Parameters
    ----------
    source : Path
        File or folder.

    Returns
    -------
    {"dicom", "nifti", "nrrd", "mha"}
        "dicom" for every folder.

    Raises
    ------
    InputError
        It does not exist, cannot be read, or has no format that can be read as a volume.
    """
    try:
        if source.is_dir():
            return "dicom"
        if source.exists() and not source.is_file():
            raise InputError(f"{source}: is a device or pipe, expected a file or folder")
        with source.open("rb") as file:
            start = file.read(LONGEST_START)
    except FileNotFoundError:
        raise InputError(f"{source}: not found") from None
    except OSError as error:
        raise InputError(f"{source}: cannot be read: {error.strerror or error}") from None
    return _kind_of_bytes(source, start)


def _kind_of_bytes(source: Path, start: bytes) -> Kind:
    name = source.name.lower()
    if start[128:132] == b"DICM" or start[:4] in (b"\x08\x00\x00\x00", b"\x08\x00\x05\x00"):
        return "dicom"
    if start[:2] == b"\x02\x00" or start[:2] == b"\x08\x00":
        return "dicom"
    if start.startswith(b"NRRD000"):
        return "nrrd"
    if start[:4] in (
        b"\\\x01\x00\x00",
        b"\x00\x00\x01\\",
        b"\x1c\x02\x00\x00",
        b"\x00\x00\x02\x1c",
    ):
        return "nifti"
    if start[:2] == b"\x1f\x8b":
        if name.endswith((".tar.gz", ".tgz")):
            raise InputError(f"{source}: is a packed archive; unpack it and give the folder")
        return "nifti"
    head = start.lower()
    if (b"ndims" in head and b"=" in head) or b"objecttype" in head:
        return "mha"
    if not start:
        raise InputError(f"{source}: is empty")
    if start.startswith(PACKED) or name.endswith((".zip", ".tar")):
        raise InputError(f"{source}: is a packed archive; unpack it and give the folder")
    raise InputError(
        f"{source}: is not a volume that can be read; expected a DICOM folder, NIfTI, NRRD or MHA"
    )


def _read_file(source: Path, kind: Kind, progress: Progress | None) -> ReadResult:
    def advance(what: str) -> Callable[[float], None]:
        return lambda share: progress(what, share) if progress is not None else None

    if kind == "nifti":
        values, lps_from_voxel, findings = read_nifti(source, advance("reading"))
    else:
        values, lps_from_voxel, findings = read_image_file(source, kind, advance("reading"))
    findings += _checked(source, values)
    np.maximum(values, AIR, out=values)  # nothing is less dense: lower values are padding
    values, placement = as_slices(source, values, lps_from_voxel)
    sheared = placement.drift > EXACT
    steps = np.linalg.norm(lps_from_voxel[:3, :3], axis=0)
    assembled = assemble(values, placement, f"{source}", (), advance("resampling"))
    findings += [
        Finding("sheared", {"degrees": f.facts["degrees"]}) if f.code == "tilt" else f
        for f in assembled.findings
    ]
    nk, nj, ni = values.shape
    if sheared:
        steps = np.array([*placement.pixel, float(np.median(placement.steps))])
    info = SeriesInfo(
        name="",
        modality="CT",
        slices=nk,
        size=(ni, nj),
        spacing=(float(steps[0]), float(steps[1]), float(steps[2])),
        extent=float(np.ptp(placement.heights)),
    )
    return ReadResult(assembled.volume, tuple(findings), kind, info, assembled.unmeasured)


def _checked(source: Path, values: NDArray[np.int16]) -> list[Finding]:
    """Correct shifted values in place; refuse values that cannot be Hounsfield units."""
    check = check_values(values)
    if check.verdict == "shifted":
        np.clip(values, -32768 + max(check.offset, 0), 32767 + min(check.offset, 0), out=values)
        values -= np.int16(check.offset)
        return [Finding("shifted_values", {"offset": check.offset})]
    between = f"values lie from {check.low} to {check.high}"
    if check.verdict == "labels" and (check.low, check.high) == (0, 1):
        raise InputError(
            f"{source}: {between}: a label map, or a scan scaled to that range; expected "
            "Hounsfield units"
        )
    if check.verdict == "labels":
        raise InputError(f"{source}: {between}, few different ones: a label map, not a CT")
    if check.verdict == "inverted":
        raise InputError(
            f"{source}: {between} and are inverted, air is brightest: not Hounsfield units; "
            "export the original CT"
        )
    if check.verdict == "picture":
        raise InputError(
            f"{source}: {between}: an image of 256 grey levels, not Hounsfield units; export the "
            "original CT"
        )
    if check.verdict == "unclear" and check.low < BELOW_ANY_MR:
        return [Finding("unclear_values", {"low": check.low, "high": check.high})]
    if check.verdict == "unclear":
        raise InputError(
            f"{source}: {between}, without air or soft tissue of a CT: not Hounsfield units (an "
            "MR, or a rescaled CT?)"
        )
    return [] if check.has_tissue else [Finding("no_soft_tissue")]


def as_slices(
    source: Path, values: NDArray[np.int16], lps_from_voxel: Array
) -> tuple[NDArray[np.int16], Placement]:
    """Return a volume of any affine matrix as parallel slices with perpendicular rows and columns.

    Parameters
    ----------
    source : Path
        For messages.
    values : ndarray, shape (nk, nj, ni)
        HU, int16.
    lps_from_voxel : ndarray, shape (4, 4)
        Of indices (i, j, k), mm.

    Returns
    -------
    slices : ndarray, shape (n, rows, columns)
        The same values, sorted along the slices' normal.
    placement : Placement
        Of the slices.

    Raises
    ------
    InputError
        No two of its axes are perpendicular.
    """
    steps = lps_from_voxel[:3, :3]
    lengths = np.linalg.norm(steps, axis=0)
    directions = steps / lengths
    skew = {
        stacked: abs(float(directions[:, (stacked + 1) % 3] @ directions[:, (stacked + 2) % 3]))
        for stacked in (2, 0, 1)
    }
    stacked = min(skew, key=lambda axis: skew[axis] if skew[axis] > SKEWED_IN_PLANE else 0.0)
    if skew[stacked] > SKEWED_IN_PLANE:
        raise InputError(f"{source}: no two of its axes are perpendicular; resample it first")
    first, second = (stacked + 1) % 3, (stacked + 2) % 3
    across = directions[:, first]
    normal = np.cross(across, directions[:, second])
    normal /= math.sqrt(normal @ normal)
    axes = np.column_stack([across, np.cross(normal, across), normal])
    order = [2 - stacked, 2 - second, 2 - first]
    slices = values.transpose(order)
    count = slices.shape[0]
    positions = lps_from_voxel[:3, 3] + np.arange(count)[:, None] * steps[:, stacked]
    if steps[:, stacked] @ normal < 0:
        slices, positions = slices[::-1], positions[::-1]
    pixel = (float(lengths[first]), float(lengths[second]))
    return slices, place(axes, pixel, positions)
