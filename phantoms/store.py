"""Cache of meshes, kept in the user's cache while sources and numbers stay the same."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable, Mapping
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nav.core.cache import user_cache
from phantoms.anatomy.mesh import Mesh

Arrays = dict[str, NDArray[Any]]
HERE = Path(__file__).parent
LIBRARIES = ("numpy", "scipy", "vtk", "manifold3d")  # whose releases may change a mesh's bits
KEPT = 60  # newest results; one is about 3 MB


def stored_meshes(key: str, make: Callable[[], Mapping[str, Mesh]]) -> dict[str, Mesh]:
    """Return meshes by name: from the cache, or made and put there; bit-identical either way.

    A cache that cannot be read or written is ignored.

    Parameters
    ----------
    key : str
        Everything that they are made from.
    make : callable
        Makes them.

    Returns
    -------
    dict of str to Mesh
        By name.
    """
    stored = stored_arrays(key, lambda: arrays_of(make()))
    try:
        return meshes_of(stored)
    except KeyError:  # a part of the file is gone
        return dict(make())


def arrays_of(meshes: Mapping[str, Mesh]) -> Arrays:
    """Return all that meshes by name consist of, to be stored; `meshes_of` is the inverse.

    Parameters
    ----------
    meshes : mapping of str to Mesh
        By name.

    Returns
    -------
    dict of str to ndarray
        "names", and "v0", "t0" and so on: vertices and triangles in the order of the names.
    """
    arrays: Arrays = {"names": np.array(list(meshes))}
    for i, mesh in enumerate(meshes.values()):
        arrays |= {f"v{i}": mesh.vertices, f"t{i}": mesh.triangles}
    return arrays


def meshes_of(stored: Mapping[str, NDArray[Any]]) -> dict[str, Mesh]:
    """Return the meshes by name from the arrays of `arrays_of`.

    Parameters
    ----------
    stored : mapping of str to ndarray
        May hold other arrays, too.

    Returns
    -------
    dict of str to Mesh
        By name.

    Raises
    ------
    KeyError
        An array is missing.
    """
    names = [str(name) for name in stored["names"]]
    return {name: Mesh(stored[f"v{i}"], stored[f"t{i}"]) for i, name in enumerate(names)}


def stored_arrays(key: str, make: Callable[[], Arrays]) -> Arrays:
    """Return arrays by name: from the cache, or made and put there, as by `stored_meshes`.

    Parameters
    ----------
    key : str
        Everything that they are made from.
    make : callable
        Makes them.

    Returns
    -------
    dict of str to ndarray
        By name.
    """
    path = user_cache() / "phantoms" / f"{_digest(key)}.npz"
    found = _read(path)
    if found is not None:
        return found
    made = make()
    _write(path, made)
    return made


def _digest(key: str) -> str:
    return hashlib.sha256(f"{_sources()}\n{key}".encode()).hexdigest()[:32]


@cache
def _sources() -> str:
    """Digest what decides a mesh besides the key: our sources, the libraries' releases."""
    total = hashlib.sha256()
    for folder in ("anatomy", "kit"):
        for file in sorted((HERE / folder).glob("*.py")):
            total.update(file.name.encode() + file.read_bytes())
    for library in LIBRARIES:
        total.update(f"{library} {version(library)}".encode())
    return total.hexdigest()


def _read(path: Path) -> Arrays | None:
    try:
        with np.load(path, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
        path.touch()  # the newest are kept
    except Exception:  # damaged files raise any exception; the meshes are then made again
        return None
    return arrays


def _write(path: Path, arrays: Arrays) -> None:
    beside = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, beside = tempfile.mkstemp(suffix=".part", dir=path.parent)
        with os.fdopen(handle, "wb") as file:
            np.savez(file, allow_pickle=False, **arrays)
        os.replace(beside, path)
        stored = sorted(path.parent.glob("*.npz"), key=lambda p: p.stat().st_mtime)
        for old in stored[:-KEPT]:
            old.unlink(missing_ok=True)
    except OSError:
        if beside is not None:
            Path(beside).unlink(missing_ok=True)
