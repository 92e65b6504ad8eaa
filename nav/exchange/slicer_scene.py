"""Read scenes of 3D Slicer (.mrml with files, .mrb): models, markups, segmentations in place."""

from __future__ import annotations

import stat
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from urllib.parse import unquote
from xml.etree import ElementTree

import numpy as np

from nav.core.errors import InputError
from nav.core.frames import Array
from nav.core.textfile import MEGABYTE, read_bytes
from nav.exchange.import_sources import (
    MODEL_SUFFIXES,
    POINT_SUFFIXES,
    SourceFile,
    Sources,
    has_suffix,
)
from nav.exchange.imported_shapes import FLIP
from nav.model.meshdata import MOST_COORDINATE

MOST_SCENE_BYTES = 64 * MEGABYTE
MOST_PACKED_BYTES = 4096 * MEGABYTE  # of a .mrb's files, unpacked
MOST_PACKED_FILES = 5000
# unpacked size that is always accepted, and the largest ratio to the packed size beyond it: models
# become ten times smaller, label maps are compressed already
ALWAYS_UNPACKED, MOST_RATIO = 64 * MEGABYTE, 100
LONGEST_NAME, LONGEST_PATH = 255, 3000  # bytes, characters; systems refuse longer ones
LONGEST_SHOWN = 60
MOST_NESTED = 32  # transforms above each other
MOST_SCALE = 1e4  # of transforms together: micrometres or metres to millimetres, and more
HARDEN = "harden the transform in Slicer (Data module) and save again"


@contextmanager
def opened_scene(path: Path) -> Iterator[Sources]:
    """Yield the contents of a scene; the files of a .mrb exist meanwhile.

    Parameters
    ----------
    path : Path
        A .mrml or .mrb.

    Yields
    ------
    Sources
        Files of models, points and segmentations with their transforms.

    Raises
    ------
    InputError
        It is not a scene, or damaged.
    """
    if path.suffix.lower() != ".mrb":
        yield read_scene(path)
        return
    with TemporaryDirectory(prefix="c1c2nav-scene-") as folder:
        yield read_scene(_unpacked(path, Path(folder)), path)


def _unpacked(path: Path, folder: Path) -> Path:
    """Unpack a .mrb and return the path of its scene."""
    try:
        with zipfile.ZipFile(path) as packed:
            entries = [e for e in packed.infolist() if not e.is_dir()]
            size = sum(e.file_size for e in entries)
            packed_size = path.stat().st_size
            if size > max(ALWAYS_UNPACKED, MOST_RATIO * packed_size):
                raise InputError(
                    f"{path}: unpacks to {size / MEGABYTE:.0f} MB, {size / packed_size:.0f} times "
                    "its own size; no scene does: is it damaged?"
                )
            if len(entries) > MOST_PACKED_FILES or size > MOST_PACKED_BYTES:
                raise InputError(
                    f"{path}: unpacks to {len(entries)} files of {size / MEGABYTE:.0f} MB, more "
                    "than a scene of one neck; save the models alone"
                )
            for entry in entries:
                parts = PurePosixPath(entry.filename.replace("\\", "/")).parts
                if ".." in parts or entry.filename.startswith("/") or ":" in entry.filename:
                    raise InputError(f"{path}: has a file outside of it: {entry.filename!r:.60}")
                if stat.S_ISLNK(entry.external_attr >> 16):
                    raise InputError(f"{path}: has a link in it: {entry.filename!r:.60}")
                packed.extract(entry, folder)
    except InputError:
        raise
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except OSError as error:
        what = f"cannot be unpacked: {error.strerror or error}"
        raise InputError(f"{path}: {what}") from None
    except Exception:  # damaged ones raise anything
        raise InputError(f"{path}: is damaged, or not a .mrb: it cannot be unpacked") from None
    scenes = sorted(folder.rglob("*.mrml"), key=lambda p: len(p.parts))
    if not scenes:
        raise InputError(f"{path}: has no scene (.mrml) in it")
    return scenes[0]


def read_scene(path: Path, shown: Path | None = None) -> Sources:
    """Return the files that a scene names.

    Parameters
    ----------
    path : Path
        The .mrml file.
    shown : Path, optional
        The name to use in messages.

    Returns
    -------
    Sources
        Files of models, points and segmentations with their transforms, and problems.

    Raises
    ------
    InputError
        It is not a scene.
    """
    shown = shown or path
    content = read_bytes(path, MOST_SCENE_BYTES)
    if b"<!DOCTYPE" in content or b"<!ENTITY" in content:
        raise InputError(f"{shown}: is not a scene of 3D Slicer: it declares entities")
    try:
        root = ElementTree.fromstring(content)
    except ElementTree.ParseError as error:
        raise InputError(f"{shown}: is not a scene of 3D Slicer: {error}") from None
    if root.tag != "MRML":
        raise InputError(f"{shown}: is not a scene of 3D Slicer: begins with {root.tag!r:.30}")
    nodes = {e.get("id", ""): e for e in root.iter() if e.get("id")}
    models: list[SourceFile] = []
    points: list[SourceFile] = []
    segmentations: list[SourceFile] = []
    problems: list[str] = []
    left_out: list[str] = []
    for node in nodes.values():
        kind = str(node.tag)
        is_points = kind.startswith("Markups") and not kind.endswith(("Storage", "Display"))
        if kind not in ("Model", "Segmentation") and not is_points:
            continue
        name = node.get("name", kind)
        file = _file(node, nodes, path)
        if file is None:
            if kind == "Model" and node.get("hideFromEditors", "false") != "true":
                left_out.append(f"model {name} (has no file)")
            continue
        try:
            place = FLIP @ _ras_from_node(node, nodes) @ FLIP
        except ValueError as error:
            problems.append(f"{kind.lower()} {name}: {error}")
            continue
        if not file.is_file():
            problems.append(f"{kind.lower()} {name}: its file {file.name} is not there")
        elif kind == "Segmentation":
            segmentations.append(SourceFile(name, file, place))
        elif is_points:
            if has_suffix(file, POINT_SUFFIXES):
                points.append(SourceFile(name, file, place))
        elif has_suffix(file, MODEL_SUFFIXES):
            models.append(SourceFile(name, file, place, _is_ras(node, nodes)))
        else:
            problems.append(
                f"model {name}: {file.name}: save it as PLY, STL, OBJ, VTP or VTK in Slicer"
            )
    return Sources(
        tuple(models), tuple(points), tuple(segmentations), tuple(problems), tuple(left_out)
    )


def _references(node: ElementTree.Element) -> dict[str, str]:
    """Return ids by role: references="display:ID;storage:ID ID2;"."""
    found = {}
    for part in node.get("references", "").split(";"):
        role, _, ids = part.partition(":")
        if ids.split():
            found[role.strip()] = ids.split()[0]
    for role in ("storage", "transform"):
        own = node.get(f"{role}NodeRef") or node.get(f"{role}NodeID")
        if own and role not in found:
            found[role] = own.split()[0]
    return found


def _storage(
    node: ElementTree.Element, nodes: dict[str, ElementTree.Element]
) -> ElementTree.Element | None:
    return nodes.get(_references(node).get("storage", ""))


def _file(
    node: ElementTree.Element, nodes: dict[str, ElementTree.Element], scene: Path
) -> Path | None:
    storage = _storage(node, nodes)
    name = None if storage is None else storage.get("fileName")
    if not name:
        return None
    if (
        any(len(part.encode()) > LONGEST_NAME for part in name.split("/"))
        or len(name) > LONGEST_PATH
    ):
        return scene.parent / name[:LONGEST_SHOWN]
    plain = scene.parent / name
    return plain if plain.is_file() else scene.parent / unquote(name)


def _is_ras(node: ElementTree.Element, nodes: dict[str, ElementTree.Element]) -> bool:
    """Return what the storage node states; before Slicer 4.11 nothing, which means RAS."""
    storage = _storage(node, nodes)
    system = "" if storage is None else storage.get("coordinateSystem", "")
    return system.strip().upper() not in ("LPS", "1")


def _is_within_room(matrix: Array) -> bool:
    return bool(
        abs(matrix[:3, :3]).max() <= MOST_SCALE and abs(matrix[:3, 3]).max() <= MOST_COORDINATE
    )


def _ras_from_node(node: ElementTree.Element, nodes: dict[str, ElementTree.Element]) -> Array:
    """Return the product of the transforms above a node.

    Raises
    ------
    ValueError
        One is not linear, or they form a cycle.
    """
    result = np.eye(4)
    at = node
    for _ in range(MOST_NESTED):
        above = _references(at).get("transform")
        if above is None:
            return result
        parent = nodes.get(above)
        if parent is None:
            raise ValueError(f"its transform {above} is not in the scene")
        name = parent.get("name", above)
        text = parent.get("matrixTransformToParent")
        if parent.tag != "LinearTransform" or text is None:
            raise ValueError(f"the transform {name} is not linear, or in a file; {HARDEN}")
        try:
            matrix = np.array(text.split(), float).reshape(4, 4)
        except ValueError:
            raise ValueError(f"the transform {name} is not a matrix of 16 numbers") from None
        with np.errstate(all="ignore"):
            undone = np.isfinite(matrix).all() and abs(np.linalg.det(matrix)) >= 1e-9
        if not undone:
            raise ValueError(f"the transform {name} cannot be inverted")
        result = matrix @ result if _is_within_room(matrix) else matrix
        if not _is_within_room(result):
            raise ValueError(
                f"the transform {name} moves it too far; expected millimetres within "
                f"{MOST_COORDINATE:g}"
            )
        at = parent
    raise ValueError(f"its transforms form a cycle; {HARDEN}")
