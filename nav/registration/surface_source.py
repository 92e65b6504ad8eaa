"""Where points touched on bone come from: files of points, scanned clouds, a swab's poses."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nav.core.errors import InputError, Lost
from nav.core.frames import Array
from nav.core.textfile import read_bytes
from nav.core.tracked_frame import TrackedFrame
from nav.model.meshdata import MeshError
from nav.model.meshfile import MOST_MESH_BYTES, READERS, check_positions
from nav.model.plyfile import read_ply_points
from nav.registration.pointfile import load_points
from nav.tracking.tip import tip_in_reference
from nav.tracking.tool import Tool

SWAB_APART = 1.0  # mm: samples of a swab nearer than this tell the same place
MOST_POINTS = 400  # of more, so many are taken, spread evenly
FIRST_VOXEL = 1.0  # mm


@dataclass(frozen=True)
class SurfacePoints:
    """Points touched on bone.

    Parameters
    ----------
    labels : tuple of str
        Names of the n points for people.
    positions : ndarray, shape (n, 3)
        Reference frame, mm.
    covariance : ndarray, shape (n, 3, 3), or None
        Of their random errors, mm^2.
    shared : ndarray, shape (3, 3), or None
        Of the error that all of them share, mm^2.
    origin : str
        What they are and from how many, for people.
    """

    labels: tuple[str, ...]
    positions: Array
    covariance: Array | None
    shared: Array | None
    origin: str


def load_surface_points(path: Path) -> SurfacePoints:
    """Load points touched on bone: a table, Markups, or the vertices of a scanned cloud.

    Parameters
    ----------
    path : Path
        CSV or .mrk.json as `nav.registration.pointfile.load_points` reads it; .ply, .stl, .obj or
        .vtp for a cloud, of which at most MOST_POINTS spread evenly are taken.

    Returns
    -------
    SurfacePoints

    Raises
    ------
    InputError
        The file is missing, of another kind or damaged.
    """
    suffix = path.suffix.lower()
    if suffix not in READERS:
        return _distinct(load_points(path))
    try:
        content = read_bytes(path, MOST_MESH_BYTES)
        with np.errstate(all="ignore"):  # what is not finite is refused below
            cloud = (read_ply_points if suffix == ".ply" else READERS[suffix])(content)
        check_positions(cloud.vertices)
    except MeshError as error:
        raise InputError(f"{path}: {error}") from None
    vertices = cloud.vertices * [-1.0, -1.0, 1.0] if cloud.is_ras else cloud.vertices
    taken = spread_evenly(vertices)
    return SurfacePoints(
        tuple(f"vertex {k}" for k in taken),
        vertices[taken],
        None,
        None,
        f"{len(taken)} of {len(vertices)} scanned points",
    )


def _distinct(points: Mapping[str, Array]) -> SurfacePoints:
    """Return touched points, each number that was copied only once: it is one touch."""
    positions = np.array(list(points.values())).reshape(-1, 3)
    _, first = np.unique(positions.round(3), axis=0, return_index=True)
    kept = np.sort(first)
    labels = tuple(points)
    origin = f"{len(kept)} points"
    if len(kept) < len(labels):
        origin += f" ({len(labels) - len(kept)} copies of others left out)"
    return SurfacePoints(tuple(labels[k] for k in kept), positions[kept], None, None, origin)


def spread_evenly(points: Array, most: int = MOST_POINTS) -> list[int]:
    """Choose at most so many points, one of each cube of a grid that is as fine as that allows.

    Parameters
    ----------
    points : ndarray, shape (n, 3)
        In mm.
    most : int
        How many.

    Returns
    -------
    list of int
        Indices, rising.
    """
    order = np.random.default_rng(0).permutation(len(points))
    low, side = points.min(axis=0, initial=np.inf), FIRST_VOXEL
    while True:
        cube = np.floor((points[order] - low) / side).astype(np.int64)
        _, first = np.unique(cube, axis=0, return_index=True)
        if len(first) <= most:
            return sorted(int(k) for k in order[first])
        side *= max(1.05, np.sqrt(len(first) / most) * 0.98)


def swabbed_points(
    frames: Iterable[TrackedFrame], needle: Tool, reference: str, apart: float = SWAB_APART
) -> SurfacePoints:
    """Take samples of a tip that was drawn over bone.

    Neighbouring frames tell the same place with nearly the same error: a sample is the first frame
    that is farther than a distance from all samples before.

    Parameters
    ----------
    frames : iterable of TrackedFrame
        Of any source of poses.
    needle : Tool
        The tool with the tip.
    reference : str
        Name of the reference body.
    apart : float
        Between samples, mm.

    Returns
    -------
    SurfacePoints
        With the covariances that the poses have.

    Raises
    ------
    InputError
        Needle and reference body are tracked together in no frame.
    """
    kept: list[Array] = []
    random: list[Array] = []
    systematic: list[Array] = []
    names: list[str] = []
    tracked = 0
    for number, frame in enumerate(frames):
        tip = tip_in_reference(frame, needle, reference)
        if isinstance(tip, Lost):
            continue
        tracked += 1
        if kept and np.linalg.norm(np.array(kept) - tip.position, axis=1).min() < apart:
            continue
        kept.append(tip.position)
        random.append(tip.random)
        systematic.append(tip.systematic)
        names.append(f"frame {number}")
    if not kept:
        raise InputError(
            f"in no frame are {needle.name} and {reference} tracked together; expected the tip "
            "drawn over bone"
        )
    taken = spread_evenly(np.array(kept))
    return SurfacePoints(
        tuple(names[k] for k in taken),
        np.array(kept)[taken],
        np.array(random)[taken],
        np.mean(np.array(systematic)[taken], axis=0),
        f"{len(taken)} places at least {apart:g} mm apart, of {tracked} tracked frames",
    )
