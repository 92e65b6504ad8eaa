"""Reading scans: DICOM folders, NIfTI, NRRD and MetaImage become a regular volume in LPS."""

from nav.reconstruction.reading.dicom import list_series
from nav.reconstruction.reading.read import read_volume
from nav.reconstruction.reading.read_result import (
    Finding,
    FindingCode,
    ReadResult,
    SeriesInfo,
    UnmeasuredInterval,
)
from nav.reconstruction.reading.sentences import (
    describe,
    describe_problem,
    describe_series,
    sentence,
)

__all__ = [
    "Finding",
    "FindingCode",
    "ReadResult",
    "SeriesInfo",
    "UnmeasuredInterval",
    "describe",
    "describe_problem",
    "describe_series",
    "list_series",
    "read_volume",
    "sentence",
]
