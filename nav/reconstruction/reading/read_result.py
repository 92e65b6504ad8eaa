"""Result of reading a scan: the volume, what was irregular about the scan, and its series."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from nav.reconstruction.volume import Volume

Kind = Literal["dicom", "nifti", "nrrd", "mha"]

FindingCode = Literal[
    "bits_reinterpreted",
    "damaged_files",
    "different_duplicates",
    "identical_duplicates",
    "inverted_grey",
    "lateral_offsets",
    "layout_corrected",
    "localisers_left_out",
    "lossy",
    "missing_slices",
    "no_rescale",
    "no_soft_tissue",
    "not_finite",
    "oblique",
    "orientation_varies",
    "other_files",
    "other_slices",
    "outside_set_to_air",
    "order_contradicts",
    "orientation_contradicts",
    "qform_disagrees",
    "rescale_filled",
    "rounded_positions",
    "series_chosen",
    "several_volumes",
    "sheared",
    "shifted_values",
    "slices_apart",
    "tilt",
    "tilt_contradicts",
    "unclear_values",
    "uneven_steps",
    "unit_assumed",
    "unit_converted",
    "coarse_values",
    "clipped_values",
]


@dataclass(frozen=True)
class Finding:
    """Something about a scan that its user should know.

    Parameters
    ----------
    code : FindingCode
        What it is about.
    facts : mapping
        Numbers and words of which the sentence is made, see `sentence`. Never of a patient.
    """

    code: FindingCode
    facts: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Make the facts read-only."""
        object.__setattr__(self, "facts", MappingProxyType(dict(self.facts)))


@dataclass(frozen=True)
class SeriesInfo:
    """One series, or one of the volumes of a series, as a row of a table.

    Parameters
    ----------
    name : str
        The series number; followed by ``.1``, ``.2`` where one number has several volumes. What
        `read_volume` takes as `series`.
    modality : str
        "CT" for computed tomography.
    slices : int
        Different positions.
    size : tuple of int
        Columns, rows.
    spacing : tuple of float
        Between columns, rows, and the median between slices, mm; 0 where unknown.
    extent : float
        From the first to the last slice along their normal, mm.
    kernel : str
        The convolution kernel; empty where unknown.
    thickness, kvp : float, optional
        Slice thickness, mm; tube voltage, kV.
    contrast : bool
        Whether the headers name a contrast agent.
    problem : str, optional
        Why it cannot be read as a CT volume, as a code; see `describe_problem`.
    patient : int
        1, 2, ...: equal for series of one patient of the folder; 0 where unknown.
    """

    name: str
    modality: str
    slices: int
    size: tuple[int, int]
    spacing: tuple[float, float, float]
    extent: float
    kernel: str = ""
    thickness: float | None = None
    kvp: float | None = None
    contrast: bool = False
    problem: str | None = None
    patient: int = 0

    @property
    def suitable(self) -> bool:
        """Return whether it can be read as a CT volume."""
        return self.problem is None


@dataclass(frozen=True)
class UnmeasuredInterval:
    """A part of the volume where no slice was measured: its values are interpolated.

    Parameters
    ----------
    axis : int
        Of the volume across which the slices were stacked: 0, 1, 2 for x, y, z; usually 2.
    low, high : float
        From the centre of the first voxel along that axis, mm.
    """

    axis: int
    low: float
    high: float


@dataclass(frozen=True)
class ReadResult:
    """A volume that was read, and what is known about it.

    Parameters
    ----------
    volume : Volume
        Hounsfield units, int16.
    findings : tuple of Finding
        What was irregular, corrected or assumed.
    kind : {"dicom", "nifti", "nrrd", "mha"}
        Format of the source.
    series : SeriesInfo
        Without anything that identifies a patient; spacing before resampling.
    unmeasured : tuple of UnmeasuredInterval
        Where slices are missing or farther apart than they are thick.
    """

    volume: Volume
    findings: tuple[Finding, ...]
    kind: Kind
    series: SeriesInfo
    unmeasured: tuple[UnmeasuredInterval, ...] = ()

    def measured_planes(self, axis: int = 2) -> NDArray[np.bool_]:
        """Return which planes of voxels across an axis were measured.

        Parameters
        ----------
        axis : int
            0, 1, 2 for x, y, z.

        Returns
        -------
        ndarray of bool, shape (n,)
            False within an unmeasured interval.
        """
        count = self.volume.values.shape[2 - axis]
        places = np.arange(count) * self.volume.spacing[axis]
        measured = np.ones(count, bool)
        for interval in self.unmeasured:
            if interval.axis == axis:
                measured &= ~((places > interval.low) & (places < interval.high))
        return measured
