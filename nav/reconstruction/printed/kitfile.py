"""kit.toml: the tables of its parts, as `nav phantom build` writes them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from nav.core.files import FileModel, Positive, PublicFile, TransformTable, Vector3

KIT_FORMAT = "c1c2nav/kit/1"
Text = Annotated[str, Field(min_length=1)]


class PartTable(FileModel):
    """[[part]] of kit.toml.

    Attributes
    ----------
    name, title : str
        In files, and for people.
    stl, three_mf : str
        Files of the part, relative to kit.toml.
    sha256 : str
        Of the STL file.
    size : tuple of float
        Extents, mm.
    volume : float
        Of one part, mm^3.
    count : int
        How many are printed.
    material : str
        To print with.
    colour : tuple of float
        sRGB, 0 to 1.
    printing : str
        Advice for the print.
    model_from_part : TransformTable, optional
        Place in the assembled phantom; absent for what is not a part of the phantom.
    """

    name: Text
    title: Text
    stl: Text
    three_mf: Annotated[str, Field(min_length=1, alias="3mf")]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    size: Vector3
    volume: Positive
    count: Annotated[int, Field(strict=True, ge=1)]
    material: Text
    colour: Vector3
    printing: str
    model_from_part: TransformTable | None = None


class KitFile(PublicFile):
    """Contents of kit.toml.

    Attributes
    ----------
    format : str
        KIT_FORMAT.
    name : str
        Of the kit.
    kind : {"dry", "wet"}
        Without gel, or with it.
    seed : int, optional
        Of the random neck.
    parameters : dict
        Of the anatomy.
    part : tuple of PartTable
        All printed parts.
    plates : tuple of str
        3MF files of whole plates, relative to kit.toml.
    files : tuple of str
        Files of the kit's folder.
    """

    format: Literal["c1c2nav/kit/1"]
    name: Text
    kind: Literal["dry", "wet"]
    seed: Annotated[int, Field(strict=True, ge=0)] | None = None
    parameters: dict[str, Any]
    part: Annotated[tuple[PartTable, ...], Field(min_length=1)]
    plates: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
