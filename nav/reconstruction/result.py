"""What a reconstruction gives: surfaces with their own error, and what a user must know of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from nav.reconstruction.bone_labels import Levels
from nav.reconstruction.chain import Chain
from nav.reconstruction.guidance import NOTHING, Guidance
from nav.reconstruction.markers import FoundMarker
from nav.reconstruction.reading import ReadResult
from nav.reconstruction.scan_model import ScanModel
from nav.reconstruction.volume import Array, Volume

if TYPE_CHECKING:
    from nav.reconstruction.stages import Made

Role = Literal["bone", "cord", "dura", "artery", "skin", "support", "other"]

RemarkCode = Literal[
    "artery_absent",
    "artery_branch",
    "artery_leaves_foramina",
    "artery_not_seen",
    "artery_partly_seen",
    "artery_wall_unseen",
    "bone_cut",
    "bone_missing",
    "canal_from_prior",
    "canal_missing",
    "gap_unresolved",
    "interpolated",
    "markers_left",
    "print_divot_missing",
    "print_moved",
    "print_part_missing",
    "print_unseen",
    "label_taken",
    "painted",
    "painted_apart",
    "placed_by",
    "skin_cut",
    "skin_missing",
]


@dataclass(frozen=True)
class Remark:
    """Something about a reconstruction that its user should know.

    Parameters
    ----------
    code : RemarkCode
    facts : mapping
        Numbers and words that the sentence is made of, see `nav.reconstruction.text`.
    """

    code: RemarkCode
    facts: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Make the facts read-only."""
        object.__setattr__(self, "facts", MappingProxyType(dict(self.facts)))


@dataclass(frozen=True)
class ReconstructedSurface:
    """A closed surface, facing outwards.

    Parameters
    ----------
    name, role : as in a case. vertices : (n, 3), model frame, mm. triangles : (m, 3) int32.
    sigma : ndarray, shape (n,)
        One standard deviation of the surface's own error along the normal, mm.
    source : str
        What it was made from, in words.
    """

    name: str
    role: Role
    vertices: Array
    triangles: NDArray[np.int32]
    sigma: Array
    source: str


@dataclass(frozen=True)
class Learnt:
    """What was learnt of a scan's grey values: usual ones, and how it shows bone."""

    levels: Levels
    scan: ScanModel


@dataclass(frozen=True)
class Reconstruction:
    """A scan's surfaces.

    Parameters
    ----------
    surfaces : in the order of a case. volume : HU, cropped to the neck. chain : the fitted bones.
    remarks : what is missing, cut or unsure. read : how the scan was read.
    seconds : time of each step. markers : balls on the skin, to be touched. guidance : what was
    said about the scan. made : what each step made, which a later run takes over as far as the
    guidance is the same. learnt : of grey values.
    """

    surfaces: tuple[ReconstructedSurface, ...]
    volume: Volume
    chain: Chain
    remarks: tuple[Remark, ...]
    read: ReadResult
    seconds: Mapping[str, float]
    markers: tuple[FoundMarker, ...] = ()
    guidance: Guidance = NOTHING
    made: Made = field(default_factory=dict)
    learnt: Learnt | None = None

    def surface(self, name: str) -> ReconstructedSurface | None:
        """Return the surface of a name; None where there is none."""
        return next((s for s in self.surfaces if s.name == name), None)
