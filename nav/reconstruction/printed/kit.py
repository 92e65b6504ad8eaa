"""A kit as it was designed: its assembled parts, its case, and the cones of its divots."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import RigidTransform

from nav.core.errors import InputError
from nav.core.files import load_toml, sha256
from nav.core.textfile import MEGABYTE, read_bytes
from nav.model.case import Case, load_case
from nav.model.meshdata import MeshError, merge_equal, triangulate
from nav.model.stlfile import read_stl
from nav.reconstruction.grey_surface import Mesh
from nav.reconstruction.printed.kitfile import KitFile, PartTable
from nav.reconstruction.volume import Array

MOST_PART_BYTES = 256 * MEGABYTE  # five million triangles
TOOLS = ("mould_", "sac_core")  # parts that are in the phantom only while it is made
BONES_PART = "column"  # the part that contains the bones
APEX_WITHIN = 0.02  # mm, from a divot's position in the case to a vertex of a part
NEEDED_BONES = ("C1", "C2")


@dataclass(frozen=True)
class KitPart:
    """A printed part of the assembled phantom.

    Parameters
    ----------
    name, title : str
        In files, and for people.
    mesh : Mesh
        Closed, in the part's frame as it lies on the bed, mm.
    model_from_part : RigidTransform
        Its place in the assembled phantom.
    colour : tuple of float
        sRGB, 0 to 1.
    """

    name: str
    title: str
    mesh: Mesh
    model_from_part: RigidTransform
    colour: tuple[float, float, float]

    @property
    def placed(self) -> Mesh:
        """Return the mesh at its place in the assembled phantom, model frame, mm."""
        return Mesh(self.model_from_part.apply(self.mesh.vertices), self.mesh.triangles)


@dataclass(frozen=True)
class KitDivot:
    """A divot's cone.

    Parameters
    ----------
    label, use : str
        Of the fiducial in the case.
    apex : ndarray, shape (3,)
        Model frame, mm.
    axis : ndarray, shape (3,)
        Unit vector, outwards, model frame.
    depth : float
        Along the axis, mm.
    holder : str
        Name of the part that has it.
    """

    label: str
    use: str
    apex: Array
    axis: Array
    depth: float
    holder: str


@dataclass(frozen=True)
class PrintedKit:
    """What was printed.

    Parameters
    ----------
    path : Path
        Of kit.toml.
    name : str
        Of the kit.
    kind : {"dry", "wet"}
        Without gel, or with it.
    parts : tuple of KitPart
        Of the assembled phantom.
    divots : tuple of KitDivot
        The case's fiducials that are the apex of a cone in a part.
    case : Case
        As designed.
    """

    path: Path
    name: str
    kind: Literal["dry", "wet"]
    parts: tuple[KitPart, ...]
    divots: tuple[KitDivot, ...]
    case: Case

    def part(self, name: str) -> KitPart:
        """Return the part of a name.

        Parameters
        ----------
        name : str
            Of the part.

        Returns
        -------
        KitPart
            The part.

        Raises
        ------
        KeyError
            There is none.
        """
        for part in self.parts:
            if part.name == name:
                return part
        raise KeyError(name)


def read_kit(path: Path) -> PrintedKit:
    """Read a kit: kit.toml, the STL files of its assembled parts, and the case beside it.

    Parameters
    ----------
    path : Path
        kit.toml, or the folder that holds it.

    Returns
    -------
    PrintedKit
        Its parts, divots and case.

    Raises
    ------
    InputError
        A file is missing, breaks its format or is not the one that kit.toml names; a bone or the
        divots are missing.
    """
    file = Path(path) / "kit.toml" if Path(path).is_dir() else Path(path)
    table = load_toml(file, KitFile)
    case_file = file.parent / "case.toml"
    if not case_file.is_file():
        raise InputError(f"{file}: expected the kit's case.toml beside it; build the kit again")
    case = load_case(case_file)
    missing = [n for n in NEEDED_BONES if n not in {s.name for s in case.of_role("bone")}]
    if missing:
        raise InputError(f"{case_file}: structure: there is no bone {missing[0]}; see {file}")
    parts = tuple(_part(file, entry) for entry in table.part if _stands(entry))
    if BONES_PART not in {part.name for part in parts}:
        raise InputError(
            f'{file}: part: there is no "{BONES_PART}", which the bones are printed on'
        )
    divots = _divots(parts, case)
    if len(divots) < 3:
        raise InputError(f"{file}: only {len(divots)} of its divots are in its parts; expected 3")
    return PrintedKit(file, table.name, table.kind, parts, divots, case)


def _stands(entry: PartTable) -> bool:
    return entry.model_from_part is not None and not entry.name.startswith(TOOLS)


def _part(file: Path, entry: PartTable) -> KitPart:
    path = file.parent / entry.stl
    content = read_bytes(path, MOST_PART_BYTES)
    if sha256(path) != entry.sha256:
        raise InputError(
            f"{path}: is not the file that {file.name} names (its SHA-256 differs); build the kit "
            "again, or take the kit.toml that belongs to it"
        )
    try:
        data = read_stl(content)
        vertices, triangles = merge_equal(data.vertices, triangulate(data))
    except MeshError as error:
        raise InputError(f"{path}: {error}") from None
    assert entry.model_from_part is not None
    mesh = Mesh(vertices, triangles.astype(np.int32))
    return KitPart(entry.name, entry.title, mesh, entry.model_from_part.rigid(), entry.colour)


def _divots(parts: Sequence[KitPart], case: Case) -> tuple[KitDivot, ...]:
    """Return the case's fiducials that are the apex of a cone in a part."""
    found = []
    for fiducial in case.fiducials:
        for part in parts:
            mesh = part.placed
            away = np.linalg.norm(mesh.vertices - fiducial.position, axis=1)
            nearest = int(away.argmin())
            if away[nearest] <= APEX_WITHIN:
                axis, depth = _cone(mesh.vertices, mesh.triangles, nearest)
                apex = mesh.vertices[nearest]
                found.append(KitDivot(fiducial.label, fiducial.use, apex, axis, depth, part.name))
                break
    return tuple(found)


def _cone(vertices: Array, triangles: NDArray[np.int32], apex: int) -> tuple[Array, float]:
    """Return the axis, outwards, and the depth of the cone that ends in a vertex."""
    own = triangles[(triangles == apex).any(axis=1)]
    a, b, c = (vertices[own[:, k]] for k in range(3))
    axis = np.cross(b - a, c - a)
    axis = axis / np.maximum(np.linalg.norm(axis, axis=1), 1e-12)[:, None]
    angle = np.array([_corner(vertices, tri, apex) for tri in own])
    mean = (angle[:, None] * axis).sum(axis=0)
    mean /= np.linalg.norm(mean)
    rim = vertices[own[own != apex]] - vertices[apex]
    return mean, float((rim @ mean).max())


def _corner(vertices: Array, triangle: NDArray[np.int32], apex: int) -> float:
    """Return a triangle's angle at a vertex, rad."""
    p, q = (vertices[k] - vertices[apex] for k in triangle if k != apex)
    length = max(float(np.linalg.norm(p) * np.linalg.norm(q)), 1e-12)
    return float(np.arccos(np.clip(p @ q / length, -1.0, 1.0)))
