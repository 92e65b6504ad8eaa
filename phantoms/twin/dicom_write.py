"""Slices as a DICOM series, as exported by an archive: one file per slice, in no order."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from phantoms.twin.scan_gantry import Series

INTERCEPT, BITS = -1024, 12
MAKER = "c1c2nav simulated"
KVP, FILLER = "120", "ANONYMOUS"
NAMES = {"soft": "Br36", "sharp": "Br64"}  # of kernels


def write_series(folder: Path, series: Series, seed: int) -> list[Path]:
    """Write a series into an existing folder.

    The header contains no patient: names are made up, dates and numbers left out. Files are named
    and numbered at random.

    Parameters
    ----------
    folder : Path
        The folder.
    series : Series
        The slices.
    seed : int
        Of names, order and unique identifiers.

    Returns
    -------
    list of Path
        The files, from the lowest slice.
    """
    rng = np.random.default_rng([seed, 12])
    uids = [_uid(seed, kind) for kind in ("study", "series", "frame")]
    count = len(series.values)
    suffix = ("", ".dcm")[int(rng.integers(2))]
    names = rng.choice(2**32, count, replace=False)
    paths = [folder / f"{name:08X}{suffix}" for name in names.tolist()]
    for k in rng.permutation(count).tolist():
        dataset = _dataset(series, k, uids, _uid(seed, str(k)))
        dataset.save_as(paths[k], enforce_file_format=True)
    return paths


def _uid(seed: int, what: str) -> str:
    from pydicom.uid import generate_uid

    return str(generate_uid(entropy_srcs=[MAKER, str(seed), what]))


def _dataset(series: Series, k: int, uids: list[str], uid: str) -> Any:
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import UID, CTImageStorage, ExplicitVRLittleEndian

    scan = series.parameters
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = CTImageStorage
    meta.MediaStorageSOPInstanceUID = UID(uid)
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    d = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    d.SpecificCharacterSet = "ISO_IR 100"
    d.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    d.SOPClassUID, d.SOPInstanceUID = CTImageStorage, UID(uid)
    d.StudyInstanceUID, d.SeriesInstanceUID, d.FrameOfReferenceUID = (UID(one) for one in uids)
    d.StudyDate = d.StudyTime = d.AccessionNumber = d.ReferringPhysicianName = ""
    d.PatientName, d.PatientID = FILLER, FILLER
    d.PatientBirthDate = d.PatientSex = d.StudyID = ""
    d.Modality, d.Manufacturer, d.ManufacturerModelName = "CT", MAKER, "twin"
    d.SeriesDescription = "neck, simulated"
    d.BodyPartExamined, d.PatientPosition = "NECK", "HFS"
    d.PositionReferenceIndicator = ""
    d.KVP, d.ConvolutionKernel = KVP, NAMES.get(scan.kernel.name, scan.kernel.name)
    if scan.contrast.phase != "none":
        d.ContrastBolusAgent = "simulated"
    d.SliceThickness = _decimal(scan.kernel.slice_mm)
    d.SpacingBetweenSlices = _decimal(series.step)
    d.GantryDetectorTilt = _decimal(series.tilt_deg)
    d.ReconstructionDiameter = _decimal(series.spacing[0] * series.values.shape[2])
    d.SeriesNumber, d.AcquisitionNumber, d.InstanceNumber = "2", "1", str(k + 1)
    d.ImagePositionPatient = [_decimal(value) for value in series.positions[k]]
    way = [*series.along_row, *series.along_column]
    d.ImageOrientationPatient = [_decimal(value) for value in way]
    d.SliceLocation = _decimal(series.positions[k][2])
    across, down = series.spacing
    d.PixelSpacing = [_decimal(down), _decimal(across)]
    d.SamplesPerPixel, d.PhotometricInterpretation = 1, "MONOCHROME2"
    d.Rows, d.Columns = series.values.shape[1:]
    d.BitsAllocated, d.BitsStored, d.HighBit, d.PixelRepresentation = 16, BITS, BITS - 1, 0
    d.RescaleIntercept, d.RescaleSlope, d.RescaleType = str(INTERCEPT), "1", "HU"
    d.WindowCenter, d.WindowWidth = "60", "400"
    stored = series.values[k].astype(np.int32) - INTERCEPT
    d.PixelData = np.clip(stored, 0, 2**BITS - 1).astype("<u2").tobytes()
    return d


def _decimal(value: float) -> str:
    """Format a number in the 16 characters of a decimal string."""
    text = f"{value + 0.0:.10g}"
    return text if len(text) <= 16 else f"{value:.8g}"
