"""Export of parts for slicers: STL, and 3MF with names and colours; plates of parts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import lib3mf
import numpy as np
from numpy.typing import NDArray

from nav.core.errors import InputError
from nav.core.filekinds import STL_START
from nav.core.files import written_whole
from nav.core.textfile import read_bytes
from nav.model.mesh_bytes import DECIMALS_3MF, binary_stl
from nav.model.stlfile import RECORD
from nav.reconstruction.printed.kit import MOST_PART_BYTES
from phantoms.anatomy.mesh import Array, Mesh
from phantoms.kit.part import BED, Part

STL_TITLE = STL_START + b", millimetres"
PLATE_GAP = 8.0  # mm between parts on a plate: room for a brim


@dataclass(frozen=True)
class Placed:
    """A part on a plate.

    Attributes
    ----------
    part : Part
        The part.
    x, y : float
        Shift of its own frame on the plate, mm.
    """

    part: Part
    x: float = 0.0
    y: float = 0.0


def stl_bytes(mesh: Mesh) -> bytes:
    """Encode a mesh as binary STL.

    The vertices are single precision already, so nothing is lost.

    Parameters
    ----------
    mesh : Mesh
        mm.

    Returns
    -------
    bytes
        The whole file.
    """
    return binary_stl(mesh.vertices, mesh.triangles, STL_TITLE)


def write_stl(path: Path, mesh: Mesh) -> None:
    """Write a binary STL atomically; the same mesh gives the same bytes.

    Parameters
    ----------
    path : Path
        Of the file.
    mesh : Mesh
        mm.

    Raises
    ------
    InputError
        The file cannot be written.
    """
    with written_whole(path) as beside:
        beside.write_bytes(stl_bytes(mesh))


def read_stl(path: Path) -> Mesh:
    """Read the mesh of a binary STL; equal corners become one vertex, in the order of first use.

    Parameters
    ----------
    path : Path
        Of the file.

    Returns
    -------
    Mesh
        In the file's units.

    Raises
    ------
    InputError
        Missing, or not a binary STL.
    """
    data = read_bytes(Path(path), MOST_PART_BYTES)
    count = int.from_bytes(data[80:84], "little")
    if len(data) < 84 or len(data) != 84 + count * RECORD.itemsize:
        raise InputError(f"{path}: expected a binary STL, got {len(data)} bytes that are not one")
    corners = np.frombuffer(data, RECORD, count, 84)["corners"].reshape(-1, 3)
    _, first, inverse = np.unique(corners, axis=0, return_index=True, return_inverse=True)
    order = np.argsort(first)
    number = np.empty(len(order), np.int32)
    number[order] = np.arange(len(order), dtype=np.int32)
    vertices = corners[first[order]].astype(float)
    return Mesh(vertices, number[inverse.reshape(-1)].reshape(-1, 3))


def write_3mf(path: Path, placed: Sequence[Placed]) -> None:
    """Write parts as 3MF in millimetres, each with its title, material, colour and place.

    The same parts give the same bytes: the identifiers that the format requires are derived from
    the parts' names instead of random.

    Parameters
    ----------
    path : Path
        Of the file.
    placed : sequence of Placed
        The parts and their shifts.

    Raises
    ------
    InputError
        The file cannot be written, or a mesh is not closed.
    """
    wrapper = lib3mf.get_wrapper()
    model = wrapper.CreateModel()
    model.SetUnit(lib3mf.ModelUnit.MilliMeter)
    model.SetBuildUUID(_identifier("build", path.stem))
    materials = model.AddBaseMaterialGroup()
    objects: dict[str, lib3mf.MeshObject] = {}
    for number, item in enumerate(placed):
        part = item.part
        if part.name not in objects:
            made = _mesh_object(model, part)
            colour = wrapper.FloatRGBAToColor(*part.colour, 1.0)
            material = materials.AddMaterial(part.material, colour)
            made.SetObjectLevelProperty(materials.GetResourceID(), material)
            objects[part.name] = made
        where = wrapper.GetTranslationTransform(item.x, item.y, 0.0)
        built = model.AddBuildItem(objects[part.name], where)
        built.SetUUID(_identifier("item", f"{path.stem} {number}"))
    writer = model.QueryWriter("3mf")
    writer.SetDecimalPrecision(DECIMALS_3MF)
    # To memory: on a full disk its own writing to a file terminates the whole process.
    data = bytes(writer.WriteToBuffer())
    with written_whole(path) as beside:
        beside.write_bytes(data)


def _mesh_object(model: lib3mf.Model, part: Part) -> lib3mf.MeshObject:
    made = model.AddMeshObject()
    made.SetName(part.title)
    made.SetPartNumber(part.name)
    made.SetUUID(_identifier("part", part.name))
    positions = part.mesh.vertices.astype(np.float32)
    corners = part.mesh.triangles.astype(np.uint32)
    made.SetGeometry(_array(lib3mf.Position, positions), _array(lib3mf.Triangle, corners))
    if not made.IsManifoldAndOriented():
        raise InputError(f"{part.name}: expected a closed mesh, got one that is open or twisted")
    return made


def _array(kind: Any, rows: NDArray[np.float32] | NDArray[np.uint32]) -> Any:
    return (kind * len(rows)).from_buffer_copy(np.ascontiguousarray(rows))


def _identifier(kind: str, name: str) -> str:
    return str(uuid5(NAMESPACE_URL, f"c1c2nav/{kind}/{name}"))


def plates(parts: Sequence[Part], bed: tuple[float, float] = BED[:2]) -> list[list[Placed]]:
    """Lay out every part, as often as it is printed, on as few plates as rows allow.

    The deepest come first, in rows from the front left corner; x and y of a plate run from 0.

    Parameters
    ----------
    parts : sequence of Part
        To be printed.
    bed : tuple of 2 float, optional
        Width and depth of the printer's bed, mm.

    Returns
    -------
    list of list of Placed
        The parts of each plate.

    Raises
    ------
    InputError
        A part that is wider or deeper than the bed.
    """
    laid: list[list[Placed]] = []
    x = y = depth = np.inf
    for part in sorted(_copies(parts), key=lambda p: (-_size(p)[1], p.name)):
        width, deep, _ = _size(part)
        if width > bed[0] or deep > bed[1]:
            raise InputError(
                f"{part.name}: is {width:.1f} x {deep:.1f} mm, the bed {bed[0]:g} x {bed[1]:g} mm"
            )
        if x + width > bed[0]:
            x, y, depth = 0.0, y + depth + PLATE_GAP, deep
        if y + deep > bed[1]:
            x, y, depth = 0.0, 0.0, deep
            laid.append([])
        low = part.mesh.vertices.min(axis=0)
        laid[-1].append(Placed(part, float(x - low[0]), float(y - low[1])))
        x += width + PLATE_GAP
    return laid


def _copies(parts: Sequence[Part]) -> list[Part]:
    return [part for part in parts for _ in range(part.count)]


def _size(part: Part) -> Array:
    return np.ptp(part.mesh.vertices, axis=0)
