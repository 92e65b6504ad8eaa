"""Elements that are needed to decode the pixels of a DICOM file."""

from typing import Any

from nav.reconstruction.reading.headers import HEADER_TAGS

PIXEL_TAGS: list[Any] = [
    *(tag for tag in HEADER_TAGS if "Functional" not in tag), "PixelData", "FloatPixelData",
    "DoubleFloatPixelData", "ExtendedOffsetTable", "ExtendedOffsetTableLengths",
    "PlanarConfiguration",
]  # fmt: skip
