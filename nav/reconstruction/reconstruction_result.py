"""Result of a reconstruction: surfaces with their own error, and remarks for the user."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from nav.reconstruction.bone_labels import Levels
from nav.reconstruction.chain import Chain
from nav.reconstruction.guidance import NOTHING, ReconstructionGuidance
from nav.reconstruction.markers import FoundMarker
from nav.reconstruction.reading import ReadResult
from nav.reconstruction.scan_model import ScanModel
from nav.reconstruction.volume import Array, Volume

if TYPE_CHECKING:
    from nav.reconstruction.step_reuse import Made

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
        What it is about.
    facts : mapping
        Numbers and words of the sentence, see `nav.reconstruction.reconstruction_text`.
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
    name : str
        As in a case.
    role : Role
        As in a case.
    vertices : ndarray, shape (n, 3)
        Model frame, mm.
    triangles : ndarray of int32, shape (m, 3)
        Counter-clockwise from outside.
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
    """What was learnt from a scan's grey values.

    Parameters
    ----------
    levels : Levels
        Usual grey values.
    scan : ScanModel
        How the scan shows bone.
    """

    levels: Levels
    scan: ScanModel


@dataclass(frozen=True)
class Reconstruction:
    """Surfaces of a scan.

    Parameters
    ----------
    surfaces : tuple of ReconstructedSurface
        In the order of a case.
    volume : Volume
        HU, cropped to the neck.
    chain : Chain
        The fitted bones.
    remarks : tuple of Remark
        What is missing, cut or uncertain.
    read : ReadResult
        How the scan was read.
    seconds : mapping of str to float
        Time of each step.
    markers : tuple of FoundMarker
        Spherical markers on the skin, to be touched.
    guidance : ReconstructionGuidance
        With which the scan was reconstructed.
    made : mapping
        What each step made, which a later run reuses as far as the guidance is the same.
    learnt : Learnt or None
        From grey values.
    """

    surfaces: tuple[ReconstructedSurface, ...]
    volume: Volume
    chain: Chain
    remarks: tuple[Remark, ...]
    read: ReadResult
    seconds: Mapping[str, float]
    markers: tuple[FoundMarker, ...] = ()
    guidance: ReconstructionGuidance = NOTHING
    made: Made = field(default_factory=dict)
    learnt: Learnt | None = None

    def surface(self, name: str) -> ReconstructedSurface | None:
        """Return the surface of a name.

        Parameters
        ----------
        name : str
            Of the structure.

        Returns
        -------
        ReconstructedSurface or None
            None where there is none.
        """
        return next((s for s in self.surfaces if s.name == name), None)
