"""Write surfaces as mesh files: STL, OBJ, PLY, VTP, and all of a case as one 3MF."""

from __future__ import annotations

import base64
import struct
from collections.abc import Callable, Sequence
from typing import Any
from uuid import NAMESPACE_URL, uuid5
from xml.sax.saxutils import quoteattr

import numpy as np
from numpy.typing import NDArray

from nav.core.errors import InputError
from nav.core.filekinds import OBJ_COMMENT, STL_START, XML_COMMENT
from nav.core.frames import Array
from nav.exchange.case_segments import COLOURS
from nav.model.case import Structure
from nav.model.mesh_bytes import DECIMALS_3MF, binary_ply, binary_stl

SPACE = "SPACE=LPS"  # how 3D Slicer recognises the coordinate system of a mesh


def stl_bytes(structure: Structure) -> bytes:
    """Return a structure as a binary STL.

    Parameters
    ----------
    structure : Structure
        Model frame, mm.

    Returns
    -------
    bytes
        mm, LPS.
    """
    title = STL_START + b", millimetres, " + SPACE.encode()
    return binary_stl(structure.surface.vertices, structure.surface.triangles, title)


def obj_bytes(structure: Structure) -> bytes:
    """Return a structure as an OBJ.

    Parameters
    ----------
    structure : Structure
        Model frame, mm.

    Returns
    -------
    bytes
        mm, LPS.
    """
    lines = [f"{OBJ_COMMENT.decode()}, millimetres", f"# {SPACE}", "o structure"]
    lines += [f"v {x:.6f} {y:.6f} {z:.6f}" for x, y, z in structure.surface.vertices.tolist()]
    faces = (structure.surface.triangles + 1).tolist()
    lines += [f"f {a} {b} {c}" for a, b, c in faces]
    return ("\n".join(lines) + "\n").encode()


def ply_bytes(structure: Structure) -> bytes:
    """Return a structure as a binary PLY, with the property sigma at each vertex.

    Parameters
    ----------
    structure : Structure
        Model frame, mm.

    Returns
    -------
    bytes
        mm, LPS; sigma in mm.
    """
    surface = structure.surface
    sigma = structure.sigma_at(surface.vertices)
    return binary_ply(surface.vertices, surface.triangles, [("sigma", sigma)], [SPACE])


def vtp_bytes(structure: Structure) -> bytes:
    """Return a structure as a VTK polygonal file, with the array sigma at each vertex.

    Parameters
    ----------
    structure : Structure
        Model frame, mm.

    Returns
    -------
    bytes
        mm, LPS; sigma in mm.
    """
    surface = structure.surface
    count = len(surface.triangles)
    points = _array("Points", surface.vertices, "Float64", 3)
    sigma = _array("sigma", structure.sigma_at(surface.vertices), "Float32")
    corners = _array("connectivity", surface.triangles, "Int64")
    offsets = _array("offsets", 3 * np.arange(1, count + 1), "Int64")
    space = np.frombuffer(b"LPS\0", np.uint8)
    text = (
        f'<?xml version="1.0"?>\n{XML_COMMENT.decode()}\n'
        '<VTKFile type="PolyData" version="1.0" byte_order="LittleEndian" header_type="UInt64">\n'
        "<PolyData>\n<FieldData>\n"
        f'<Array type="String" Name="SPACE" NumberOfTuples="1" format="ascii">'
        f"{' '.join(map(str, space))}</Array>\n</FieldData>\n"
        f'<Piece NumberOfPoints="{len(surface.vertices)}" NumberOfVerts="0" NumberOfLines="0" '
        f'NumberOfStrips="0" NumberOfPolys="{count}">\n'
        f'<PointData Scalars="sigma">\n{sigma}</PointData>\n<CellData/>\n'
        f"<Points>\n{points}</Points>\n<Polys>\n{corners}{offsets}</Polys>\n"
        "</Piece>\n</PolyData>\n</VTKFile>\n"
    )
    return text.encode()


def _array(name: str, values: Any, kind: str, components: int = 1) -> str:
    data = np.ascontiguousarray(values).astype(f"<{kind[0].lower()}{int(kind[-2:]) // 8}")
    packed = base64.b64encode(struct.pack("<Q", data.nbytes) + data.tobytes()).decode()
    parts = f' NumberOfComponents="{components}"' if components > 1 else ""
    return (
        f'<DataArray type="{kind}" Name={quoteattr(name)}{parts} format="binary">{packed}'
        "</DataArray>\n"
    )


def threemf_bytes(name: str, structures: Sequence[Structure]) -> bytes:
    """Return a 3MF with every structure as an object, in place, with its name and colour.

    Parameters
    ----------
    name : str
        Title of the document.
    structures : sequence of Structure
        Model frame, mm.

    Returns
    -------
    bytes
        mm, LPS.

    Raises
    ------
    InputError
        A surface's parts face different ways, or touch.
    """
    import lib3mf

    wrapper = lib3mf.get_wrapper()
    model = wrapper.CreateModel()
    model.SetUnit(lib3mf.ModelUnit.MilliMeter)
    model.SetBuildUUID(_identifier("build", name))
    model.GetMetaDataGroup().AddMetaData("", "Application", "c1c2nav", "xs:string", True)
    model.GetMetaDataGroup().AddMetaData("", "Title", name, "xs:string", True)
    materials = model.AddBaseMaterialGroup()
    for structure in structures:
        made = model.AddMeshObject()
        made.SetName(structure.name)
        made.SetUUID(_identifier("structure", structure.name))
        surface = structure.surface
        made.SetGeometry(
            _rows(lib3mf.Position, surface.vertices.astype(np.float32)),
            _rows(lib3mf.Triangle, surface.triangles.astype(np.uint32)),
        )
        if not made.IsManifoldAndOriented():
            raise InputError(f"structure {structure.name}: its triangles face different ways")
        colour = wrapper.FloatRGBAToColor(*COLOURS.get(structure.role, COLOURS["other"]), 1.0)
        material = materials.AddMaterial(structure.name, colour)
        made.SetObjectLevelProperty(materials.GetResourceID(), material)
        item = model.AddBuildItem(made, wrapper.GetIdentityTransform())
        item.SetUUID(_identifier("item", structure.name))
    writer = model.QueryWriter("3mf")
    writer.SetDecimalPrecision(DECIMALS_3MF)
    # into memory: where the disk is full its own writing to a file ends the whole process
    return bytes(writer.WriteToBuffer())


def _rows(kind: Any, rows: NDArray[Any] | Array) -> Any:
    return (kind * len(rows)).from_buffer_copy(np.ascontiguousarray(rows))


def _identifier(kind: str, name: str) -> str:
    return str(uuid5(NAMESPACE_URL, f"c1c2nav/{kind}/{name}"))


WRITERS: dict[str, Callable[[Structure], bytes]] = {
    "stl": stl_bytes,
    "obj": obj_bytes,
    "ply": ply_bytes,
    "vtp": vtp_bytes,
}
