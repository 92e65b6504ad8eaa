"""Small scans and label maps in every format that is read, for `make_inputs`."""

import gzip
import io
import struct
from pathlib import Path

import numpy as np
import pydicom
import SimpleITK as sitk
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.uid import UID, generate_uid

from tests.reconstruction.dicom_writer import (
    make_series,
    scene_for,
    transcode,
    write_enhanced,
    write_series,
)

SPACING, ORIGIN = (2.0, 2.0, 3.0), (-14.0, -12.0, 5.0)
NAMES = {1: "C1", 2: "C2", 3: "spinal cord"}
# slices of one series, each stored in another way; None: as one that an old program left
SYNTAXES: tuple[str | None, ...] = (
    "1.2.840.10008.1.2.1", "1.2.840.10008.1.2", "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99",
    "1.2.840.10008.1.2.5", "1.2.840.10008.1.2.4.70", "1.2.840.10008.1.2.4.80",
    "1.2.840.10008.1.2.4.90", None,
)  # fmt: skip
BIG_ENDIAN = "1.2.840.10008.1.2.2"
TABLE = (
    '<?xml version="1.0"?><CaretExtension><VolumeInformation Index="0"><LabelTable>'
    '<Label Key="1" Red="1"><![CDATA[C1]]></Label><Label Key="2"><![CDATA[C2]]></Label>'
    '<Label Key="3"><![CDATA[spinal cord]]></Label>'
    "</LabelTable></VolumeInformation></CaretExtension>"
)


def scan_values() -> NDArray[np.int16]:
    """A block of tissue with bone in it, in air, shape (9, 12, 14), HU."""
    rng = np.random.default_rng(5)
    values = np.full((9, 12, 14), -1000, np.int16)
    values[1:-1, 2:-2, 2:-2] = 40
    values[3:6, 4:8, 4:9] = 700
    return values + rng.integers(-8, 9, values.shape, np.int16)


def label_values() -> NDArray[np.uint8]:
    """Two vertebrae and a cord, shape (14, 12, 14)."""
    values = np.zeros((14, 12, 14), np.uint8)
    values[8:12, 6:10, 3:11] = 1
    values[3:7, 6:10, 3:11] = 2
    values[1:13, 2:5, 5:9] = 3
    return values


def nifti(values: NDArray[np.int16] | NDArray[np.uint8], table: str = "") -> bytes:
    """A NIfTI-1 file, with names of labels in an extension if given."""
    text = table.encode()
    size = 16 * ((len(text) + 8 + 15) // 16) if table else 0
    code, bits = (4, 16) if values.dtype == np.int16 else (2, 8)
    head = bytearray(352)
    struct.pack_into("<i", head, 0, 348)
    struct.pack_into("<8h", head, 40, 3, *values.shape[::-1], 1, 1, 1, 1)
    struct.pack_into("<2h", head, 70, code, bits)
    struct.pack_into("<8f", head, 76, 1.0, *SPACING, 0, 0, 0, 0)
    struct.pack_into("<3f", head, 108, 352 + size, 1.0, 0.0)
    struct.pack_into("<B", head, 123, 2)
    struct.pack_into("<2h", head, 252, 0, 1)
    for axis in range(3):
        row = [0.0, 0.0, 0.0, ORIGIN[axis]]
        row[axis] = SPACING[axis]
        struct.pack_into("<4f", head, 280 + 16 * axis, *row)
    head[344:348] = b"n+1\0"
    head[348] = 1 if table else 0
    extension = struct.pack("<2i", size, 4) + text.ljust(size - 8) if table else b""
    return bytes(head) + extension + values.tobytes()


def nifti2(values: NDArray[np.int16]) -> bytes:
    """A NIfTI-2 file."""
    head = bytearray(544)
    struct.pack_into("<i8s2h", head, 0, 540, b"n+2\0\r\n\x1a\n", 4, 16)
    struct.pack_into("<8q", head, 16, 3, *values.shape[::-1], 1, 1, 1, 1)
    struct.pack_into("<8d", head, 104, 1.0, *SPACING, 0, 0, 0, 0)
    struct.pack_into("<q2d", head, 168, 544, 1.0, 0.0)
    struct.pack_into("<2i", head, 344, 1, 0)
    struct.pack_into("<6d", head, 352, 0.0, 0.0, 0.0, *ORIGIN)
    struct.pack_into("<i", head, 500, 2)
    return bytes(head) + values.tobytes()


def make_scans(folder: Path) -> None:
    """Write scans into folder/scans, and a DICOM series into folder/series."""
    place = folder / "scans"
    place.mkdir()
    values = scan_values()
    (place / "ct.nii").write_bytes(nifti(values))
    (place / "two.nii").write_bytes(nifti2(values))
    (place / "ct.nii.gz").write_bytes(gzip.compress(nifti(values), mtime=0))
    image = sitk.GetImageFromArray(values)
    image.SetSpacing(SPACING)
    image.SetOrigin(ORIGIN)
    for name, packed in (
        *(("ct.nrrd", False), ("packed.nrrd", True), ("apart.nhdr", False)),
        *(("ct.mha", False), ("packed.mha", True), ("apart.mhd", True)),
    ):
        sitk.WriteImage(image, str(place / name), packed)
    _series(folder / "series")
    _enhanced(folder / "enhanced.dcm")
    _enhanced(folder / "enhanced-packed.dcm", "1.2.840.10008.1.2.4.90")


def _uid(*words: object) -> UID:
    return generate_uid(entropy_srcs=["fuzz", *map(str, words)])


def _series(folder: Path) -> None:
    series = make_series(3.0 * np.arange(len(SYNTAXES)), rows=20, columns=18, pixel=(3.0, 3.2))

    def change(dataset: Dataset, k: int) -> None:
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = _uid("slice", k)
        dataset.PixelPaddingValue = 0

    written = write_series(
        folder,
        series,
        scene_for(series, balls=1),
        bits=12,
        change=change,
        series_uid=_uid("series"),
    )
    for k, (path, syntax) in enumerate(zip(written, SYNTAXES, strict=True)):
        _store(path, syntax)
        path.rename(folder / f"{k}.dcm")


def _store(path: Path, syntax: str | None) -> None:
    if syntax is not None and UID(syntax).is_encapsulated:
        _compress(path, syntax)
        return
    dataset = pydicom.dcmread(path)
    if syntax == BIG_ENDIAN:
        dataset.PixelData = np.frombuffer(dataset.PixelData, "<u2").astype(">u2").tobytes()
    bare = Dataset()  # does not remember in which way it was stored
    bare.update(dataset)
    if syntax is not None:
        bare.file_meta = dataset.file_meta
        bare.file_meta.TransferSyntaxUID = UID(syntax)
    made = io.BytesIO()
    implicit = syntax is None or UID(syntax).is_implicit_VR
    pydicom.dcmwrite(
        made,
        bare,
        implicit_vr=implicit,
        little_endian=syntax != BIG_ENDIAN,
        enforce_file_format=syntax is not None,
    )
    path.write_bytes(made.getvalue())


def _compress(path: Path, syntax: str) -> None:
    """Compress the pixels, and nothing else: GDCM would add the time, and names made by chance."""
    dataset = pydicom.dcmread(path)
    transcode(path, UID(syntax))
    dataset.PixelData = pydicom.dcmread(path).PixelData
    dataset["PixelData"].is_undefined_length = True
    dataset.file_meta.TransferSyntaxUID = UID(syntax)
    dataset.save_as(path, implicit_vr=False, little_endian=True)


def _enhanced(path: Path, syntax: str | None = None) -> None:
    series = make_series(5.0 * np.arange(5), rows=20, columns=18, pixel=(3.0, 3.2))
    write_enhanced(path, series, scene_for(series, balls=1), range(5))
    dataset = pydicom.dcmread(path)
    dataset.SeriesInstanceUID = _uid("enhanced")
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = _uid("enhanced", 1)
    dataset.save_as(path, implicit_vr=False, little_endian=True)
    if syntax is not None:
        _compress(path, syntax)


def make_labels(folder: Path) -> None:
    """Write label maps into folder/labels, and a folder of masks, folder/masks."""
    place, masks = folder / "labels", folder / "masks"
    place.mkdir()
    masks.mkdir()
    values = label_values()
    (place / "named.nii").write_bytes(nifti(values, TABLE))
    (place / "named.nii.gz").write_bytes(gzip.compress(nifti(values, TABLE), mtime=0))
    image = sitk.GetImageFromArray(values)
    image.SetSpacing(SPACING)
    image.SetOrigin(ORIGIN)
    sitk.WriteImage(image, str(place / "plain.nrrd"), False)
    for number, name in NAMES.items():
        _named(image, number - 1, name, {"Layer": "0", "LabelValue": str(number)})
    sitk.WriteImage(image, str(place / "named.seg.nrrd"), True)
    layers = np.stack([values == number for number in NAMES], axis=-1).astype(np.uint8)
    layered = sitk.GetImageFromArray(layers, isVector=True)
    layered.SetSpacing(SPACING)
    for number, name in NAMES.items():
        _named(layered, number - 1, name, {})
    sitk.WriteImage(layered, str(place / "layers.seg.nrrd"), False)
    for number, name in NAMES.items():
        mask = (values == number).astype(np.uint8)
        (masks / f"{name}.nii.gz").write_bytes(gzip.compress(nifti(mask), mtime=0))


def _named(image: sitk.Image, segment: int, name: str, fields: dict[str, str]) -> None:
    for key, value in {"Name": name, **fields}.items():
        image.SetMetaData(f"Segment{segment}_{key}", value)
