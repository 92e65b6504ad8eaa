"""Structures of a case as segments of one grid, with the colours and codes that programs show."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nav.core.errors import InputError
from nav.core.frames import Array
from nav.exchange.voxelise import Block, VoxelGrid, extended, grid_over, voxelise
from nav.model.case import Case, CaseFile, Structure
from nav.reconstruction.reading import read_volume
from nav.reconstruction.volume import Volume

Colour = tuple[float, float, float]
COLOURS: dict[str, Colour] = {  # as the window draws them
    "bone": (0.902, 0.863, 0.765),
    "cord": (0.941, 0.816, 0.282),
    "dura": (0.373, 0.624, 0.867),
    "artery": (0.816, 0.220, 0.235),
    "skin": (0.851, 0.647, 0.541),
    "support": (0.6, 0.6, 0.6),
    "other": (0.565, 0.933, 0.565),
}


@dataclass(frozen=True)
class Code:
    """A coded term.

    Parameters
    ----------
    value : str
        The code.
    meaning : str
        In words.
    scheme : str
        Coding scheme: "SCT" is SNOMED CT.
    """

    value: str
    meaning: str
    scheme: str = "SCT"


STRUCTURE_CATEGORY = Code("123037004", "Anatomical Structure")
OBJECT_CATEGORY = Code("260787004", "Physical object")
CODES = {
    "bone": Code("272673000", "Bone"),
    "cord": Code("2748008", "Spinal cord"),
    "dura": Code("18545000", "Dura mater"),
    "artery": Code("51114001", "Artery"),
    "skin": Code("39937001", "Skin"),
    "support": Code("260787004", "Physical object"),
    "other": Code("85756007", "Tissue"),
}
NAMED_CODES = (
    (re.compile(r"\bc1\b"), "bone", Code("14806007", "C1 vertebra")),
    (re.compile(r"\bc2\b"), "bone", Code("39976000", "C2 vertebra")),
    (re.compile(r"\bc3\b"), "bone", Code("113205007", "C3 vertebra")),
    (re.compile(r"\bc4\b"), "bone", Code("5329002", "C4 vertebra")),
    (re.compile(r"\bc5\b"), "bone", Code("36978003", "C5 vertebra")),
    (re.compile(r"\boccip"), "bone", Code("31640002", "Occipital bone")),
    (re.compile(r"\bvertebral artery\b"), "artery", Code("85234005", "Vertebral artery")),
)


@dataclass(frozen=True)
class Segment:
    """A structure as voxels of a grid.

    Parameters
    ----------
    name : str
        Of the structure.
    role : str
        Decides colour and codes.
    block : Block
        The voxels inside.
    """

    name: str
    role: str
    block: Block

    @property
    def colour(self) -> Colour:
        """Red, green, blue, 0 to 1."""
        return COLOURS.get(self.role, COLOURS["other"])

    @property
    def category(self) -> Code:
        """Coded category: anatomical structure or physical object."""
        return OBJECT_CATEGORY if self.role == "support" else STRUCTURE_CATEGORY

    @property
    def code(self) -> Code:
        """Coded type, by the structure's name or else by its role."""
        named = (c for p, role, c in NAMED_CODES if role == self.role and p.search(self._lower))
        return next(named, CODES.get(self.role, CODES["other"]))

    @property
    def _lower(self) -> str:
        return self.name.lower().replace("_", " ")


@dataclass(frozen=True)
class Segmentation:
    """All structures of a case on one grid, and the scan on it where the case has one.

    Parameters
    ----------
    grid : VoxelGrid
        The grid of all blocks.
    segments : tuple of Segment
        In the case's order; they may overlap.
    volume : Volume or None
        The scan on the same grid.
    """

    grid: VoxelGrid
    segments: tuple[Segment, ...]
    volume: Volume | None


def segment_case(
    case: Case,
    volume: Volume | None,
    spacing: float,
    progress: Callable[[str], None] | None = None,
) -> Segmentation:
    """Voxelise the structures of a case: a voxel belongs to a structure if its centre is inside.

    Parameters
    ----------
    case : Case
        Closed surfaces.
    volume : Volume, optional
        The scan of the case: its grid is taken, longer by whole voxels where structures reach
        beyond it.
    spacing : float
        Of the grid's voxels where there is no volume, mm.
    progress : callable, optional
        Called with each structure's name.

    Returns
    -------
    Segmentation
        All structures; the scan is padded with air.

    Raises
    ------
    InputError
        The grid would be too large, or a structure is too thin for it.
    """
    points = np.concatenate([_bounds(s) for s in case.structures])
    if volume is None:
        grid = grid_over(points.min(axis=0), points.max(axis=0), spacing)
    else:
        nz, ny, nx = volume.values.shape
        own = VoxelGrid((nx, ny, nz), volume.model_from_voxel)
        grid, before = extended(own, _corners(points))
        volume = _padded(volume, grid, before)
    segments = []
    for structure in case.structures:
        if progress is not None:
            progress(structure.name)
        block = voxelise(structure.surface, grid)
        if not block.values.any():
            raise InputError(
                f"structure {structure.name}: is thinner than the voxels of "
                f"{grid.spacing.max():.2g} mm; give a finer --spacing"
            )
        segments.append(Segment(structure.name, structure.role, block))
    return Segmentation(grid, tuple(segments), volume)


def read_case_volume(path: Path, table: CaseFile) -> Volume | None:
    """Return the scan that a case was made from, cropped, or None where it has none.

    Parameters
    ----------
    path : Path
        Of the case.toml.
    table : CaseFile
        Its contents.

    Returns
    -------
    Volume or None
        HU.

    Raises
    ------
    InputError
        It is named but missing or damaged.
    """
    if table.reconstruction is None or table.reconstruction.volume is None:
        return None
    return read_volume(path.parent / table.reconstruction.volume).volume


def layers(segments: Sequence[Segment]) -> list[int]:
    """Return a layer for each segment, such that none overlaps another one of its layer.

    Parameters
    ----------
    segments : sequence of Segment
        On one grid.

    Returns
    -------
    list of int
        Numbers of layers from 0, in the order of the segments; each gets the lowest that is free.
    """
    placed: list[list[Segment]] = []
    result = []
    for segment in segments:
        free = (
            k
            for k, others in enumerate(placed)
            if not any(_overlap(segment.block, other.block) for other in others)
        )
        layer = next(free, len(placed))
        if layer == len(placed):
            placed.append([])
        placed[layer].append(segment)
        result.append(layer)
    return result


def _overlap(a: Block, b: Block) -> bool:
    low = [max(p.start, q.start) for p, q in zip(a.window, b.window, strict=True)]
    high = [min(p.stop, q.stop) for p, q in zip(a.window, b.window, strict=True)]
    if any(start >= stop for start, stop in zip(low, high, strict=True)):
        return False
    parts = []
    for block in (a, b):
        begins = [w.start for w in block.window]
        cut = tuple(
            slice(start - begin, stop - begin)
            for start, stop, begin in zip(low, high, begins, strict=True)
        )
        parts.append(block.values[cut])
    return bool((parts[0] & parts[1]).any())


def _bounds(structure: Structure) -> Array:
    vertices = structure.surface.vertices
    return np.array([vertices.min(axis=0), vertices.max(axis=0)])


def _corners(points: Array) -> Array:
    """Return the eight corners of the bounding box of points (n, 3)."""
    low, high = points.min(axis=0), points.max(axis=0)
    return np.stack(np.meshgrid(*np.stack([low, high], axis=1)), axis=-1).reshape(-1, 3)


def _padded(volume: Volume, grid: VoxelGrid, before: tuple[int, int, int]) -> Volume:
    """Return the volume on a longer grid, with air where it has no values."""
    after = [
        total - own - first
        for total, own, first in zip(grid.size, volume.values.shape[::-1], before, strict=True)
    ]
    width = list(zip(before, after, strict=True))[::-1]
    values: Any = np.pad(volume.values, width, constant_values=-1024)
    return Volume(values, grid.model_from_voxel)
