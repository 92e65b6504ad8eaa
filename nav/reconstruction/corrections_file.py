"""corrections.toml: the guidance and brush strokes of a reconstruction, to be repeated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field

from nav.core.errors import InputError
from nav.core.files import FileModel, Positive, PublicFile, Vector3, load_toml
from nav.exchange.case_segments import Segment, Segmentation
from nav.exchange.segnrrd import write_seg_nrrd
from nav.exchange.voxelise import Block, VoxelGrid
from nav.reconstruction.bone_edits import mask_on_grid
from nav.reconstruction.guidance import (
    PAINTED,
    ROLES,
    SEEDED,
    Box,
    GuideLabel,
    Point,
    ReconstructionGuidance,
    Seed,
    Stroke,
)
from nav.reconstruction.labelmap import LabelMask, read_labels
from nav.reconstruction.volume import Array, Volume

FORMAT = "c1c2nav/corrections/1"
LARGEST_BRUSH = 20.0  # mm
MOST_POINTS, MOST_STROKES = 5000, 2000
PERPENDICULAR = 1e-3


class BoxTable(FileModel):
    """[box]: a box in which C2 is searched.

    Attributes
    ----------
    centre : tuple of float
        Model frame, mm.
    half : tuple of float
        Half of its sizes along its own axes, mm.
    axes : tuple of tuple of float
        Unit vectors of its own axes, model frame.
    """

    centre: Vector3
    half: tuple[Positive, Positive, Positive]
    axes: tuple[Vector3, Vector3, Vector3]


class SeedTable(FileModel):
    """[[seed]]: a point within a structure.

    Attributes
    ----------
    structure : str
        One of SEEDED.
    position : tuple of float
        Model frame, mm.
    """

    structure: Literal[SEEDED]  # type: ignore[valid-type]
    position: Vector3


class StrokeTable(FileModel):
    """[[stroke]]: what lies within `radius` of a line is added, or erased.

    Attributes
    ----------
    structure : str
        One of PAINTED.
    mode : {"add", "erase"}
        What the stroke does.
    radius : float
        Of the brush, mm.
    points : tuple of tuple of float
        Of the line, model frame, mm.
    """

    structure: Literal[PAINTED]  # type: ignore[valid-type]
    mode: Literal["add", "erase"]
    radius: Annotated[float, Field(strict=True, gt=0, le=LARGEST_BRUSH)]
    points: Annotated[tuple[Vector3, ...], Field(min_length=1, max_length=MOST_POINTS)]


class LabelTable(FileModel):
    """[[label]]: a segment of `labels`.

    Attributes
    ----------
    structure : str
        One of ROLES.
    sigma : float
        Standard deviation of the labels' own error, mm.
    cut : bool
        Whether the border of the label map cuts it.
    """

    structure: Literal[tuple(ROLES)]  # type: ignore[valid-type]
    sigma: Positive
    cut: bool = False


class CorrectionsFile(PublicFile):
    """Contents of corrections.toml.

    Attributes
    ----------
    format : str
        FORMAT.
    labels : str, optional
        File of the label map, relative to this file.
    keep_labels : bool
        Whether labels of bones are kept as they are, not refined.
    box : BoxTable, optional
        In which C2 is searched.
    seed : tuple of SeedTable
        Points within structures.
    stroke : tuple of StrokeTable
        Of the brush, in order.
    label : tuple of LabelTable
        Segments of the label map that are used.
    """

    format: Literal["c1c2nav/corrections/1"]
    labels: str | None = None
    keep_labels: bool = False
    box: BoxTable | None = None
    seed: Annotated[tuple[SeedTable, ...], Field(max_length=MOST_STROKES)] = ()
    stroke: Annotated[tuple[StrokeTable, ...], Field(max_length=MOST_STROKES)] = ()
    label: tuple[LabelTable, ...] = ()


def load_corrections(path: Path) -> ReconstructionGuidance:
    """Read corrections.toml, and the label map beside it where it names one.

    Parameters
    ----------
    path : Path
        Of the file.

    Returns
    -------
    ReconstructionGuidance
        Seeds, box, labels and strokes.

    Raises
    ------
    InputError
        The file is missing, or breaks the format.
    """
    table = load_toml(path, CorrectionsFile)
    box = None
    if table.box is not None:
        axes = np.array(table.box.axes)
        if np.abs(axes @ axes.T - np.eye(3)).max() > PERPENDICULAR:
            raise InputError(f"{path}: box: axes: expected three perpendicular unit vectors")
        box = Box(table.box.centre, table.box.half, table.box.axes)
    labels: tuple[GuideLabel, ...] = ()
    if table.label:
        if table.labels is None:
            raise InputError(f"{path}: labels: is missing; expected the label map's file")
        masks = read_labels(path.parent / table.labels).masks
        missing = [entry.structure for entry in table.label if entry.structure not in masks]
        if missing:
            raise InputError(f"{path}: label: {table.labels} has no {', '.join(missing)}")
        labels = tuple(
            GuideLabel(
                entry.structure,
                replace(masks[entry.structure], touches_border=entry.cut),
                entry.sigma,
            )
            for entry in table.label
        )
    return ReconstructionGuidance(
        tuple(Seed(seed.structure, seed.position) for seed in table.seed),
        box,
        labels,
        table.keep_labels,
        tuple(Stroke(s.structure, s.mode == "erase", s.radius, s.points) for s in table.stroke),
    )


def corrections_table(guidance: ReconstructionGuidance, labels: str | None) -> dict[str, Any]:
    """Return the contents of corrections.toml, except for its provenance.

    Parameters
    ----------
    guidance : ReconstructionGuidance
        To be written.
    labels : str or None
        File of the label map beside it.

    Returns
    -------
    dict
        Tables of the file.
    """
    box = guidance.box
    return {
        "format": FORMAT,
        "labels": labels if guidance.labels else None,
        "keep_labels": guidance.keep_labels if guidance.labels else None,
        "box": None
        if box is None
        else {
            "centre": _rounded(box.centre),
            "half": _rounded(box.half),
            "axes": [list(axis) for axis in box.axes],
        },
        "seed": [
            {"structure": seed.name, "position": _rounded(seed.position)} for seed in guidance.seeds
        ],
        "label": [
            {"structure": label.name, "sigma": label.sigma, "cut": label.mask.touches_border}
            for label in guidance.labels
        ],
        "stroke": [
            {
                "structure": stroke.structure,
                "mode": "erase" if stroke.erase else "add",
                "radius": stroke.radius,
                "points": [_rounded(point) for point in stroke.points],
            }
            for stroke in guidance.strokes
        ],
    }


def _rounded(point: Point) -> list[float]:
    return [round(float(v), 4) for v in point]


def write_labels(path: Path, labels: Sequence[GuideLabel]) -> None:
    """Write labels as `.seg.nrrd`, under the names of the case, on the grid of the first.

    Parameters
    ----------
    path : Path
        File to write.
    labels : sequence of GuideLabel
        At least one.
    """
    matrix = labels[0].mask.model_from_voxel
    grid, first = _grid_of([label.mask for label in labels], matrix)
    segments = []
    for label in labels:
        values = mask_on_grid(grid, _whole(grid), label.mask)
        segments.append(Segment(label.name, label.role, Block((0, 0, 0), values)))
    nz, ny, nx = grid.values.shape
    write_seg_nrrd(path, Segmentation(VoxelGrid((nx, ny, nz), first), tuple(segments), None))


def _grid_of(masks: Sequence[LabelMask], matrix: Array) -> tuple[Volume, Array]:
    inverse = np.linalg.inv(matrix)
    corners = []
    for mask in masks:
        size = np.array(mask.values.shape[::-1]) - 1.0
        ends = np.array(np.meshgrid(*((0.0, n) for n in size))).reshape(3, -1).T
        points = ends @ mask.model_from_voxel[:3, :3].T + mask.model_from_voxel[:3, 3]
        corners.append(points @ inverse[:3, :3].T + inverse[:3, 3])
    index = np.vstack(corners)
    low, high = np.floor(index.min(axis=0) + 1e-6), np.ceil(index.max(axis=0) - 1e-6)
    moved = matrix.copy()
    moved[:3, 3] += matrix[:3, :3] @ low
    nx, ny, nz = (high - low).astype(int) + 1
    return Volume(np.zeros((nz, ny, nx), np.int16), moved), moved


def _whole(grid: Volume) -> tuple[slice, slice, slice]:
    z, y, x = (slice(0, n) for n in grid.values.shape)
    return z, y, x
