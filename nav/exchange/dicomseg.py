"""Write segmentations as DICOM SEG with the CT series they refer to, without personal data."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

import nav
from nav.exchange.case_segments import Code, Segment, Segmentation
from nav.exchange.voxelise import VoxelGrid

MAKER, PATIENT = "c1c2nav", "ANONYMOUS"
INTERCEPT = -1024
AIR = -1024


def write_dicom(paths: Sequence[Path], seg: Path, found: Segmentation) -> None:
    """Write one CT slice to each path, and the segmentation (binary) that refers to them.

    Identifiers are made from the content, so that the same case gives the same ones; there is no
    patient, date or place in them. Without a scan the slices hold air.

    Parameters
    ----------
    paths : sequence of Path
        One for every slice of the grid, the lowest first.
    seg : Path
        Of the segmentation.
    found : Segmentation
        Its grid, segments and scan.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about values that are left empty on purpose
        slices = _slices(found)
        for path, dataset in zip(paths, slices, strict=True):
            dataset.save_as(path, enforce_file_format=True)
        segmentation = _segmentation(found, slices)
        segmentation.save_as(seg, enforce_file_format=True)


def _slices(found: Segmentation) -> list[Any]:
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import UID, CTImageStorage, ExplicitVRLittleEndian

    grid = found.grid
    digest = _digest(found)
    study, series, frame = (_uid(digest, kind) for kind in ("study", "series", "frame"))
    spacing = grid.spacing
    columns = grid.model_from_voxel[:3, :3] / spacing
    made = []
    for k in range(grid.size[2]):
        meta = FileMetaDataset()
        meta.MediaStorageSOPClassUID = CTImageStorage
        meta.MediaStorageSOPInstanceUID = UID(_uid(digest, f"slice {k}"))
        meta.TransferSyntaxUID = ExplicitVRLittleEndian
        d = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
        d.SpecificCharacterSet = "ISO_IR 192"
        d.ImageType = ["DERIVED", "SECONDARY", "AXIAL"]
        d.SOPClassUID, d.SOPInstanceUID = CTImageStorage, meta.MediaStorageSOPInstanceUID
        d.StudyInstanceUID, d.SeriesInstanceUID = UID(study), UID(series)
        d.FrameOfReferenceUID = UID(frame)
        d.StudyDate = d.StudyTime = d.AccessionNumber = d.ReferringPhysicianName = ""
        d.PatientName, d.PatientID = PATIENT, PATIENT
        d.PatientBirthDate = d.PatientSex = d.StudyID = ""
        d.Modality, d.Manufacturer = "CT", MAKER
        d.ManufacturerModelName, d.SoftwareVersions = MAKER, nav.__version__
        d.SeriesDescription = (
            "case, scan" if found.volume is not None else "case, grid without scan"
        )
        d.PatientIdentityRemoved, d.DeidentificationMethod = "YES", "not copied"
        d.KVP = d.PositionReferenceIndicator = d.PatientPosition = ""
        d.SliceThickness = d.SpacingBetweenSlices = _decimal(spacing[2])
        d.SeriesNumber, d.AcquisitionNumber, d.InstanceNumber = "1", "1", str(k + 1)
        place = grid.model_from_voxel[:3, 3] + k * grid.model_from_voxel[:3, 2]
        d.ImagePositionPatient = [_decimal(v) for v in place]
        d.ImageOrientationPatient = [_decimal(v) for v in (*columns[:, 0], *columns[:, 1])]
        d.PixelSpacing = [_decimal(spacing[1]), _decimal(spacing[0])]
        d.SamplesPerPixel, d.PhotometricInterpretation = 1, "MONOCHROME2"
        d.Rows, d.Columns = grid.size[1], grid.size[0]
        d.BitsAllocated, d.BitsStored, d.HighBit, d.PixelRepresentation = 16, 16, 15, 0
        d.RescaleIntercept, d.RescaleSlope, d.RescaleType = str(INTERCEPT), "1", "HU"
        d.WindowCenter, d.WindowWidth = "300", "1500"
        d.PixelData = _stored(found, k, grid).tobytes()
        made.append(d)
    return made


def _stored(found: Segmentation, k: int, grid: VoxelGrid) -> np.ndarray:
    if found.volume is None:
        return np.full(grid.shape[1:], AIR - INTERCEPT, "<u2")
    values = np.rint(found.volume.values[k]).astype(np.int32)
    return np.clip(values - INTERCEPT, 0, 2**16 - 1).astype("<u2")


def _segmentation(found: Segmentation, slices: list[Any]) -> Any:
    import highdicom as hd
    from pydicom.uid import UID, ExplicitVRLittleEndian

    digest = _digest(found)
    masks = np.zeros((*found.grid.shape, len(found.segments)), np.uint8)
    for k, segment in enumerate(found.segments):
        masks[segment.block.window][..., k] = segment.block.values
    return hd.seg.Segmentation(
        source_images=slices,
        pixel_array=masks,
        segmentation_type=hd.seg.SegmentationTypeValues.BINARY,
        segment_descriptions=[_described(k, s) for k, s in enumerate(found.segments, start=1)],
        series_instance_uid=UID(_uid(digest, "segmentation series")),
        series_number=2,
        sop_instance_uid=UID(_uid(digest, "segmentation")),
        instance_number=1,
        manufacturer=MAKER,
        manufacturer_model_name=MAKER,
        software_versions=nav.__version__,
        device_serial_number="0",
        series_description="case, structures",
        content_label="STRUCTURES",
        omit_empty_frames=True,
        transfer_syntax_uid=ExplicitVRLittleEndian,
    )


def _described(number: int, segment: Segment) -> Any:
    import highdicom as hd

    red, green, blue = (round(255 * c) for c in segment.colour)
    return hd.seg.SegmentDescription(
        segment_number=number,
        segment_label=segment.name[:64],
        segmented_property_category=_coded(segment.category),
        segmented_property_type=_coded(segment.code),
        algorithm_type=hd.seg.SegmentAlgorithmTypeValues.AUTOMATIC,
        algorithm_identification=hd.AlgorithmIdentificationSequence(
            name=f"{MAKER} surfaces",
            family=_coded(Code("123107", "Morphological Operations", "DCM")),
            version=nav.__version__,
        ),
        display_color=hd.color.CIELabColor.from_rgb(red, green, blue),
    )


def _coded(code: Code) -> Any:
    import highdicom as hd

    return hd.sr.CodedConcept(code.value, code.scheme, code.meaning)


def _digest(found: Segmentation) -> str:
    fingerprint = hashlib.sha256(found.grid.model_from_voxel.tobytes())
    if found.volume is not None:
        fingerprint.update(found.volume.values.tobytes())
    for segment in found.segments:
        fingerprint.update(segment.name.encode())
        fingerprint.update(np.packbits(segment.block.values).tobytes())
    return fingerprint.hexdigest()


def _uid(digest: str, what: str) -> str:
    """Return the same identifier for the same content; pydicom's own would be random."""
    number = int.from_bytes(hashlib.sha256(f"{digest} {what}".encode()).digest()[:16], "big")
    return f"2.25.{number}"


def _decimal(value: float) -> str:
    """Return a number in the 16 characters that a decimal string holds."""
    text = f"{value + 0.0:.12g}"
    return text if len(text) <= 16 else f"{value:.8g}"
