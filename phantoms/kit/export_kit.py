"""kit.toml: every part of a kit, the file it is in, and where it stands in the phantom."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal

import numpy as np
from scipy.spatial.transform import RigidTransform

from nav.core.errors import InputError
from nav.core.files import load_toml, sha256, transform_table, write_toml
from nav.reconstruction.printed.kitfile import KIT_FORMAT, KitFile, PartTable
from phantoms.anatomy.described import check_ranges
from phantoms.anatomy.mesh import Array, signed_volume
from phantoms.anatomy.parameters import AnatomyParameters, ArteryParameters
from phantoms.kit.part import Part
from phantoms.kit.part_export import Placed, plates, write_3mf, write_stl

Kind = Literal["dry", "wet"]


@dataclass(frozen=True)
class KitPart:
    """A part as kit.toml describes it.

    Attributes
    ----------
    name : str
        Stem of its files.
    title : str
        For people.
    stl, three_mf : Path
        Its files.
    sha256 : str
        Of the STL as it was written.
    size : ndarray, shape (3,)
        mm.
    volume : float
        Of one, mm^3.
    count : int
        How many are printed.
    material : str
        Of the print.
    colour : tuple of 3 float
        sRGB, 0 to 1.
    printing : str
        Whether it needs support, and where.
    model_from_part : RigidTransform or None
        Its pose in the assembled phantom; None for what is not part of the phantom.
    """

    name: str
    title: str
    stl: Path
    three_mf: Path
    sha256: str
    size: Array
    volume: float
    count: int
    material: str
    colour: tuple[float, float, float]
    printing: str
    model_from_part: RigidTransform | None

    @property
    def unchanged(self) -> bool:
        """Whether its STL is there, as it was written."""
        return self.stl.is_file() and sha256(self.stl) == self.sha256


@dataclass(frozen=True)
class WrittenKit:
    """A kit as kit.toml describes it.

    Attributes
    ----------
    name : str
        Of the kit.
    kind : str
        "dry" or "wet".
    seed : int or None
        Of a random neck.
    parameters : AnatomyParameters
        The neck.
    parts : tuple of KitPart
        What is printed.
    files : tuple of str
        All that the folder held when it was written.
    """

    name: str
    kind: str
    seed: int | None
    parameters: AnatomyParameters
    parts: tuple[KitPart, ...]
    files: tuple[str, ...]

    def part(self, name: str) -> KitPart:
        """Return the part of a name.

        Raises
        ------
        KeyError
            There is no part of that name.
        """
        for part in self.parts:
            if part.name == name:
                return part
        raise KeyError(name)


def write_parts(folder: Path, parts: Sequence[Part]) -> None:
    """Write a file of each part into FOLDER/stl and FOLDER/3mf, and plates of all into FOLDER/3mf.

    Parameters
    ----------
    folder : Path
        Of the kit.
    parts : sequence of Part
        To be printed.

    Raises
    ------
    InputError
        A file that cannot be written, a mesh that is not closed, a part larger than the bed.
    """
    for part in parts:
        write_stl(folder / _stl(part), part.mesh)
        write_3mf(folder / _three_mf(part), [Placed(part)])
    for number, plate in enumerate(plates(parts), start=1):
        write_3mf(folder / _plate(number), plate)


def write_kit_toml(
    path: Path,
    name: str,
    kind: Kind,
    parameters: AnatomyParameters,
    parts: Sequence[Part],
    seed: int | None = None,
) -> None:
    """Write kit.toml beside what `write_parts` wrote; last, since it lists the folder's files.

    Parameters
    ----------
    path : Path
        Of kit.toml.
    name : str
        Of the kit.
    kind : Kind
        "dry" or "wet".
    parameters : AnatomyParameters
        The neck.
    parts : sequence of Part
        As given to `write_parts`.
    seed : int, optional
        Of a random neck.

    Raises
    ------
    InputError
        A part's file is missing, or kit.toml cannot be written.
    """
    folder = path.parent
    document = {
        "format": KIT_FORMAT,
        "name": name,
        "kind": kind,
        "seed": seed,
        "parameters": asdict(parameters),
        "part": [_part_table(folder, part) for part in parts],
        "plates": [_plate(number + 1) for number in range(len(plates(parts)))],
        "files": _files(folder, path.name),
    }
    write_toml(path, document)


def load_kit(path: Path) -> WrittenKit:
    """Load a kit.toml.

    Parameters
    ----------
    path : Path
        Of kit.toml.

    Returns
    -------
    WrittenKit
        The files of its parts are not opened.

    Raises
    ------
    InputError
        What violates the format: file, field, what was expected.
    """
    table = load_toml(path, KitFile)
    try:
        parameters = _parameters(table.parameters)
        check_ranges(parameters)
    except InputError as error:
        raise InputError(f"{path}: parameters: {error}") from None
    parts = tuple(_kit_part(Path(path).parent, part) for part in table.part)
    return WrittenKit(table.name, table.kind, table.seed, parameters, parts, table.files)


def _stl(part: Part) -> str:
    return f"stl/{part.name}.stl"


def _three_mf(part: Part) -> str:
    return f"3mf/{part.name}.3mf"


def _plate(number: int) -> str:
    return f"3mf/plate-{number}.3mf"


def _files(folder: Path, own: str) -> list[str]:
    found = (entry for entry in folder.rglob("*") if entry.is_file())
    return sorted({own, *(entry.relative_to(folder).as_posix() for entry in found)})


def _part_table(folder: Path, part: Part) -> dict[str, Any]:
    stl = folder / _stl(part)
    if not stl.is_file():
        raise InputError(f"{stl}: no such file; a kit's parts are written before its kit.toml")
    placed = part.model_from_part
    return {
        "name": part.name,
        "title": part.title,
        "stl": _stl(part),
        "3mf": _three_mf(part),
        "sha256": sha256(stl),
        "size": np.ptp(part.mesh.vertices, axis=0).round(3),
        "volume": round(signed_volume(part.mesh), 1),
        "count": part.count,
        "material": part.material,
        "colour": part.colour,
        "printing": part.printing,
        "model_from_part": None if placed is None else transform_table(placed),
    }


def _kit_part(folder: Path, table: PartTable) -> KitPart:
    placed = table.model_from_part
    return KitPart(
        table.name,
        table.title,
        folder / table.stl,
        folder / table.three_mf,
        table.sha256,
        np.array(table.size),
        table.volume,
        table.count,
        table.material,
        table.colour,
        table.printing,
        None if placed is None else placed.rigid(),
    )


def _parameters(table: dict[str, Any]) -> AnatomyParameters:
    values = dict(table)
    for side in ("artery_left", "artery_right"):
        values[side] = _made(ArteryParameters, values.get(side, {}), f"{side}.")
    return _made(AnatomyParameters, values, "")


def _made(kind: type, table: Any, prefix: str) -> Any:
    if not isinstance(table, dict):
        raise InputError(f"{prefix[:-1]}: expected a table, got {table!r}")
    known = {member.name for member in fields(kind)}
    strange = sorted(set(table) - known)
    if strange:
        raise InputError(f"{prefix}{strange[0]}: unknown key; remove it or check the spelling")
    missing = sorted(known - set(table))
    if missing:
        raise InputError(f"{prefix}{missing[0]}: is missing; expected every number of the neck")
    return kind(**{k: tuple(v) if isinstance(v, list) else v for k, v in table.items()})
