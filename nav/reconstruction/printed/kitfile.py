"""kit.toml: the tables of its parts, as `nav phantom build` writes them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from nav.files import FileModel, Positive, PublicFile, TransformTable, Vector3

KIT_FORMAT = "c1c2nav/kit/1"
Text = Annotated[str, Field(min_length=1)]


class PartTable(FileModel):
    """[[part]] of kit.toml."""

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
    """kit.toml."""

    format: Literal["c1c2nav/kit/1"]
    name: Text
    kind: Literal["dry", "wet"]
    seed: Annotated[int, Field(strict=True, ge=0)] | None = None
    parameters: dict[str, Any]
    part: Annotated[tuple[PartTable, ...], Field(min_length=1)]
    plates: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
