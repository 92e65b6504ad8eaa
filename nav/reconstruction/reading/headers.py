"""Headers of DICOM files: what locating and scaling a slice needs, and nothing about the patient.

Only the listed elements are read at all. UIDs and times serve to group and sort, and stay here; of
the patient's ID only a digest is kept that means nothing after the program has ended.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError

from nav.reconstruction.reading.dicom_elements import TooMuch, read_elements
from nav.reconstruction.reading.header_values import (
    Vector,
    number,
    numbers,
    padding_range,
    positive,
    several,
    short_number,
)
from nav.reconstruction.reading.multiframe import frame_headers
from nav.reconstruction.reading.patients import PATIENT_TAGS, patient_key

HEADER_TAGS: list[Any] = [
    "SOPClassUID", "SOPInstanceUID", "SeriesInstanceUID", "SeriesNumber", "Modality", "ImageType",
    "Rows", "Columns", "NumberOfFrames", "BitsAllocated", "BitsStored", "HighBit",
    "PixelRepresentation", "SamplesPerPixel", "PhotometricInterpretation", "PixelPaddingValue",
    "PixelPaddingRangeLimit", "RescaleSlope", "RescaleIntercept", "RescaleType",
    "ModalityLUTSequence", "ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing",
    "SliceThickness", "GantryDetectorTilt", "ConvolutionKernel", "KVP", "ContrastBolusAgent",
    "ContrastBolusAgentSequence", "AcquisitionNumber", "InstanceNumber",
    "TemporalPositionIdentifier", "AcquisitionTime", "EchoNumbers", "LossyImageCompression",
    "LossyImageCompressionRatio", "EncryptedAttributesSequence",
    "SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence", "FrameOfReferenceUID",
    "SliceLocation",
]  # fmt: skip
MEDIA_DIRECTORY = "1.2.840.10008.1.3.10"
CT_CLASSES = (  # single-frame, enhanced, legacy converted
    "1.2.840.10008.5.1.4.1.1.2",
    "1.2.840.10008.5.1.4.1.1.2.1",
    "1.2.840.10008.5.1.4.1.1.2.2",
)
HOUNSFIELD_TYPES = ("HU", "HU_MOD", "US", "")  # US: not specified
LOSSY_SYNTAXES = {
    "1.2.840.10008.1.2.4.50": "JPEG baseline, 8 bits",
    "1.2.840.10008.1.2.4.51": "JPEG extended, 12 bits",
    "1.2.840.10008.1.2.4.53": "JPEG spectral selection",
    "1.2.840.10008.1.2.4.55": "JPEG full progression",
    "1.2.840.10008.1.2.4.81": "JPEG-LS near-lossless",
    "1.2.840.10008.1.2.4.91": "JPEG 2000 that may be lossy",
    "1.2.840.10008.1.2.4.203": "HTJ2K that may be lossy",
}


class NotDicom(Exception):
    """The file is not a DICOM file."""


class Directory(Exception):
    """The file is a DICOMDIR: a table of contents without an image."""


class Damaged(Exception):
    """The file begins like DICOM but cannot be read; the message says why."""


@dataclass(frozen=True)
class SliceHeader:
    """One slice: a file, or a frame of one.

    Parameters
    ----------
    path : Path
        File of the slice.
    frame : int
        Which of its frames, counted from 0.
    series_uid, instance_uid : str
        To group by and to recognise copies; never shown.
    series_number : str
        For the user; empty where it is unknown or too long, see `short_number`.
    modality : str
        In capitals, "CT" for computed tomography.
    image_type : tuple of str
        Values of ImageType.
    rows, columns : int
        Size of the image, pixels.
    position : tuple of float or None
        ImagePositionPatient, 3 numbers, LPS, mm.
    orientation : tuple of float or None
        ImageOrientationPatient, 6 direction cosines, LPS.
    spacing : tuple of float or None
        PixelSpacing: between rows, between columns, mm.
    slope, intercept : float
        From stored values to HU; 1 and 0 where the file has none.
    rescaled : bool
        Whether slope and intercept are those of the file, not assumed.
    bits_allocated, bits_stored, high_bit : int
        Layout of a stored pixel.
    signed : bool
        Whether stored values have a sign.
    samples : int
        Values per pixel.
    photometric : str
        PhotometricInterpretation.
    padding : tuple of int or None
        Range of stored values that mean "not measured".
    thickness : float or None
        Of the slice, mm.
    tilt : float or None
        GantryDetectorTilt, degrees.
    kernel : str
        Convolution kernel, at most 16 characters; empty where unknown.
    kvp : float or None
        Tube voltage, kV.
    contrast : bool
        Whether the header names a contrast agent.
    order : tuple of float
        Instance number, time of acquisition and frame: the order in which slices were made.
    volume_keys : tuple
        What may distinguish volumes at the same position: temporal position, acquisition, echo,
        kernel, image type.
    transfer_syntax : str
        UID of how the pixels are stored; empty where unknown.
    lossy : str or None
        How the pixels were compressed with loss; None where they were not.
    encrypted : bool
        Whether elements of the header are encrypted.
    nonlinear : bool
        Whether a table maps stored values (ModalityLUTSequence).
    other_quantity : bool
        Whether RescaleType names another quantity than Hounsfield units.
    patient : str
        Digest that distinguishes patients, see `patient_key`; empty where unknown.
    frame_of_reference : str
        UID of the coordinate system of its position; empty where unknown; never shown.
    location : float or None
        SliceLocation, mm; from any origin.
    """

    path: Path
    frame: int
    series_uid: str
    instance_uid: str
    series_number: str
    modality: str
    image_type: tuple[str, ...]
    rows: int
    columns: int
    position: Vector | None
    orientation: Vector | None
    spacing: Vector | None
    slope: float
    intercept: float
    rescaled: bool
    bits_allocated: int
    bits_stored: int
    high_bit: int
    signed: bool
    samples: int
    photometric: str
    padding: tuple[int, int] | None
    thickness: float | None
    tilt: float | None
    kernel: str
    kvp: float | None
    contrast: bool
    order: tuple[float, ...]
    volume_keys: tuple[Any, ...]
    transfer_syntax: str
    lossy: str | None
    encrypted: bool
    nonlinear: bool
    other_quantity: bool
    patient: str = ""
    frame_of_reference: str = ""
    location: float | None = None


def read_headers(path: Path) -> list[SliceHeader]:
    """Read the headers of all slices in a file.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    list of SliceHeader
        One per frame; empty where the file holds no images (reports, structures).

    Raises
    ------
    NotDicom
        The file is not a DICOM file.
    Directory
        The file is a DICOMDIR.
    Damaged
        The file begins like DICOM but cannot be read.
    """
    dataset = _read(path)
    try:
        meta = getattr(dataset, "file_meta", None) or Dataset()
        sop_class = str(dataset.get("SOPClassUID") or meta.get("MediaStorageSOPClassUID", ""))
        if MEDIA_DIRECTORY in (sop_class, str(meta.get("MediaStorageSOPClassUID", ""))):
            raise Directory
        if not dataset.get("Rows") or not dataset.get("Columns"):
            if not re.fullmatch(r"[0-9.]+", sop_class) or sop_class in CT_CLASSES:
                raise Damaged("its header is cut off")
            return []
        syntax = str(meta.get("TransferSyntaxUID", ""))
        frames = frame_headers(dataset)
        return [
            _header(path, dataset, values, frame, syntax) for frame, values in enumerate(frames)
        ]
    except (Directory, Damaged):
        raise
    except Exception as error:  # invalid values raise anything when they are accessed
        raise Damaged(
            f"its header has values that are not valid DICOM ({type(error).__name__})"
        ) from None


def _read(path: Path) -> Dataset:
    with path.open("rb") as file:
        start = file.read(132)
    if len(start) < 8:
        raise NotDicom
    preamble = start[128:132] == b"DICM"
    # without a preamble the first element is of group 0002 or 0008, in either byte order
    if not preamble and start[:2] not in (b"\x02\x00", b"\x08\x00", b"\x00\x08"):
        raise NotDicom
    try:
        dataset = read_elements(path, [*HEADER_TAGS, *PATIENT_TAGS], force=not preamble)
    except InvalidDicomError:
        raise NotDicom from None
    except TooMuch as error:
        raise Damaged(f"has {error}") from None
    except Exception as error:  # damaged files raise anything
        raise Damaged(f"its header cannot be read ({type(error).__name__})") from None
    known = "SOPClassUID" in dataset or "Modality" in dataset or "Rows" in dataset
    if not preamble and not known:
        raise NotDicom
    return dataset


def _header(
    path: Path, dataset: Dataset, frame_values: dict[str, Any], frame: int, syntax: str
) -> SliceHeader:
    def get(keyword: str, default: Any = None) -> Any:
        value = frame_values.get(keyword)
        if value is None:
            value = dataset.get(keyword)
        return default if value is None or value == "" else value

    bits = int(get("BitsAllocated", 16))
    stored = int(get("BitsStored", bits))
    signed = bool(get("PixelRepresentation", 0))
    slope, intercept = number(get("RescaleSlope")), number(get("RescaleIntercept"))
    rescaled = slope is not None and intercept is not None and slope != 0.0
    image_type = tuple(str(part).strip() for part in several(get("ImageType", ())))
    kernels = "/".join(str(part) for part in several(get("ConvolutionKernel", ())))
    kernel = "".join(c for c in kernels if c.isprintable())[:16]
    return SliceHeader(
        path=path,
        frame=frame,
        series_uid=str(get("SeriesInstanceUID", "")),
        instance_uid=f"{get('SOPInstanceUID', '')}/{frame}",
        series_number=short_number(get("SeriesNumber")),
        modality=str(get("Modality", "")).strip().upper(),
        image_type=image_type,
        rows=int(get("Rows")),
        columns=int(get("Columns")),
        position=numbers(get("ImagePositionPatient"), 3),
        orientation=numbers(get("ImageOrientationPatient"), 6),
        spacing=numbers(get("PixelSpacing"), 2),
        slope=slope if rescaled and slope is not None else 1.0,
        intercept=intercept if rescaled and intercept is not None else 0.0,
        rescaled=rescaled,
        bits_allocated=bits,
        bits_stored=stored,
        high_bit=int(get("HighBit", stored - 1)),
        signed=signed,
        samples=int(get("SamplesPerPixel", 1)),
        photometric=str(get("PhotometricInterpretation", "MONOCHROME2")).strip(),
        padding=padding_range(dataset, bits, signed),
        thickness=positive(get("SliceThickness")),
        tilt=number(get("GantryDetectorTilt")),
        kernel=kernel,
        kvp=positive(get("KVP")),
        contrast=bool(get("ContrastBolusAgent") or get("ContrastBolusAgentSequence")),
        order=(
            number(get("InstanceNumber")) or 0.0,
            number(get("AcquisitionTime")) or 0.0,
            float(frame),
        ),
        volume_keys=(
            number(get("TemporalPositionIdentifier")),
            number(get("AcquisitionNumber")),
            number(get("EchoNumbers")),
            kernel,
            image_type,
        ),
        transfer_syntax=syntax,
        lossy=_lossy(dataset, syntax),
        encrypted="EncryptedAttributesSequence" in dataset,
        nonlinear="ModalityLUTSequence" in dataset,
        other_quantity=str(get("RescaleType", "HU")).strip().upper() not in HOUNSFIELD_TYPES,
        patient=patient_key(dataset),
        frame_of_reference=str(get("FrameOfReferenceUID", "")),
        location=number(get("SliceLocation")),
    )


def _lossy(dataset: Dataset, syntax: str) -> str | None:
    """Return how the pixels were compressed with loss; None where they were not.

    The syntaxes of JPEG 2000 with optional loss count only if the header does not say "00".
    """
    declared = str(dataset.get("LossyImageCompression", "")).strip()
    ratio = number(dataset.get("LossyImageCompressionRatio"))
    if syntax in LOSSY_SYNTAXES and not (declared == "00" and syntax.endswith((".91", ".203"))):
        return LOSSY_SYNTAXES[syntax]
    if declared == "01":
        return "compressed with loss earlier" + (f", ratio {ratio:g}" if ratio else "")
    return None
