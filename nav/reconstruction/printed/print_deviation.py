"""Deviation of a print from its STL, by part and by bone."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import RigidTransform

from nav.reconstruction.printed.edges import FLOOR, Edges, PoseFit
from nav.reconstruction.printed.fine_pose import FoundPart, column_pose
from nav.reconstruction.printed.structures import FoundStructure
from nav.reconstruction.surface_fit import combine
from nav.reconstruction.volume import Array

UNSEEN_SD = 50.0  # mm
SYSTEMATIC = 0.06  # mm: systematic error of the distance between opposite walls


@dataclass(frozen=True)
class Deviation:
    """A part's deviation from its STL, in its own best pose.

    Parameters
    ----------
    name : str
        Of the part or bone.
    kind : {"part", "bone"}
        Which of them it is.
    seen, count : int
        Vertices that the scan shows, and all.
    mean, sd : float
        Of the signed distance from the STL to the print, outwards, mm.
    p95, most : float
        95th percentile and maximum of the size of that distance, mm.
    scan_sd : float
        Median of the scan's own error in it, mm.
    scale_x, scale_y, scale_z : float
        Printed over designed size, less one, along the axes of the bed, percent.
    scale_sd_x, scale_sd_y, scale_sd_z : float
        Standard deviations of these, percent.
    moved, moved_sd : float
        Distance of the part from its designed position relative to the column, and its sd, mm.
    turned, turned_sd : float
        Rotation of the part from its designed orientation relative to the column, and its sd,
        degrees.
    """

    name: str
    kind: str
    seen: int
    count: int
    mean: float
    sd: float
    p95: float
    most: float
    scan_sd: float
    scale_x: float
    scale_y: float
    scale_z: float
    scale_sd_x: float
    scale_sd_y: float
    scale_sd_z: float
    moved: float
    moved_sd: float
    turned: float
    turned_sd: float


@dataclass(frozen=True)
class DeviationMap:
    """Deviation of a part's surface.

    Parameters
    ----------
    name : str
        Of the part.
    vertices : ndarray, shape (n, 3)
        As designed, model frame, mm.
    triangles : ndarray, shape (m, 3)
        int32.
    deviation : ndarray, shape (n,)
        Signed, outwards, mm; NaN where it is not seen.
    """

    name: str
    vertices: Array
    triangles: NDArray[np.int32]
    deviation: Array


def deviations(
    parts: Sequence[FoundPart], structures: Sequence[FoundStructure]
) -> tuple[list[Deviation], list[DeviationMap]]:
    """Return the deviations of all printed parts and bones.

    Parameters
    ----------
    parts : sequence of FoundPart
        In the scan.
    structures : sequence of FoundStructure
        In the scan; bones with a fitted pose get a row.

    Returns
    -------
    rows : list of Deviation
        Of the table.
    maps : list of DeviationMap
        One per part.
    """
    column = column_pose(parts)
    rows, maps = [], []
    for part in parts:
        field = signed_field(part.edges)
        maps.append(
            DeviationMap(part.part.name, part.design.vertices, part.design.triangles, field)
        )
        rows.append(_row(part.part.name, "part", part.edges, field, part.scan_from_model, column,
                         part.fit, np.ptp(part.part.mesh.vertices, axis=0)))  # fmt: skip
    for s in structures:
        if s.structure.role == "bone" and s.fit is not None:
            field = signed_field(s.edges)
            rows.append(_row(s.structure.name, "bone", s.edges, field, s.scan_from_model, column,
                             s.fit, None))  # fmt: skip
    return rows, maps


def signed_field(edges: Edges) -> Array:
    """Return a surface's smooth signed distance to its edges.

    Parameters
    ----------
    edges : Edges
        Of the surface.

    Returns
    -------
    ndarray, shape (n,)
        Outwards, mm; NaN where it is not seen.
    """
    seen = edges.seen
    if not seen.any():
        return np.full(len(seen), np.nan)
    sd = np.where(seen, np.hypot(np.where(seen, edges.sd, 1.0), FLOOR), UNSEEN_SD)
    found = combine(edges.probe, np.where(seen, edges.offset, 0.0), sd, 1.0)
    return np.where(seen, found, np.nan)


def _row(
    name: str,
    kind: str,
    edges: Edges,
    field: Array,
    pose: RigidTransform,
    column: RigidTransform,
    fit: PoseFit | None,
    size: Array | None,
) -> Deviation:
    seen = field[np.isfinite(field)]
    own = np.hypot(edges.sd[edges.seen], FLOOR)
    sizes = np.abs(seen)
    middle = edges.probe.vertices.mean(axis=0)
    off = pose * column.inv()
    moved = float(np.linalg.norm(off.apply(middle) - middle))
    turned = float(np.degrees(off.rotation.magnitude()))
    scale, scale_sd = np.full(3, np.nan), np.full(3, np.nan)
    moved_sd, turned_sd = np.nan, np.nan
    if fit is not None:
        variance = np.diag(fit.covariance)
        moved_sd = float(np.sqrt(variance[:3].mean()))
        turned_sd = float(np.degrees(np.sqrt(variance[3:6].mean())))
        if size is not None:
            scale = 100.0 * fit.scale
            scale_sd = 100.0 * np.sqrt(variance[6:] + (SYSTEMATIC / (0.5 * size)) ** 2)
    mean, spread, p95, most, scan_sd = [float("nan")] * 5
    if len(seen):
        mean, spread = float(seen.mean()), float(seen.std())
        p95, most = float(np.quantile(sizes, 0.95)), float(sizes.max())
        scan_sd = float(np.median(own))
    x, y, z = (float(v) for v in scale)
    sd_x, sd_y, sd_z = (float(v) for v in scale_sd)
    return Deviation(
        name, kind, len(seen), len(field), mean, spread, p95, most, scan_sd,
        x, y, z, sd_x, sd_y, sd_z, moved, moved_sd, turned, turned_sd,
    )  # fmt: skip


UNITS = {
    "mean": "mm", "sd": "mm", "p95": "mm", "most": "mm", "scan_sd": "mm", "moved": "mm",
    "moved_sd": "mm", "turned": "deg", "turned_sd": "deg", "scale_x": "percent",
    "scale_y": "percent", "scale_z": "percent", "scale_sd_x": "percent",
    "scale_sd_y": "percent", "scale_sd_z": "percent",
}  # fmt: skip


def csv_text(rows: Sequence[Deviation]) -> str:
    """Return the table as CSV.

    Parameters
    ----------
    rows : sequence of Deviation
        Of the table.

    Returns
    -------
    str
        With units in the header; fields that were not measured are empty.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    names = [f.name for f in fields(Deviation)]
    writer.writerow([f"{n}_{UNITS[n]}" if n in UNITS else n for n in names])
    for row in rows:
        values = [getattr(row, n) for n in names]
        writer.writerow([_plain(v) for v in values])
    return text.getvalue()


def _plain(value: object) -> object:
    if isinstance(value, float):
        return "" if np.isnan(value) else f"{value:.4f}"
    return value
