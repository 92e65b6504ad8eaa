"""Meshes once made, kept in the user's cache for as long as sources and numbers stay the same."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable, Mapping
from functools import cache
from importlib.metadata import version
from pathlib import Path

import numpy as np

from nav.cache import user_cache
from phantoms.anatomy.mesh import Mesh

HERE = Path(__file__).parent
LIBRARIES = ("numpy", "scipy", "vtk", "manifold3d")  # whose releases may change a mesh's bits
KEPT = 60  # newest results; one is about 3 MB


def stored_meshes(key: str, make: Callable[[], Mapping[str, Mesh]]) -> dict[str, Mesh]:
    """Meshes by name: from the cache, or made and put there; the same bits either way.

    key : everything that they are made from, as text. A cache that cannot be read or written is
    as good as none.
    """
    path = user_cache() / "phantoms" / f"{_digest(key)}.npz"
    found = _read(path)
    if found is not None:
        return found
    made = dict(make())
    _write(path, made)
    return made


def _digest(key: str) -> str:
    return hashlib.sha256(f"{_sources()}\n{key}".encode()).hexdigest()[:32]


@cache
def _sources() -> str:
    """Digest of what decides a mesh besides the key: our sources, the libraries' releases."""
    total = hashlib.sha256()
    for folder in ("anatomy", "kit"):
        for file in sorted((HERE / folder).glob("*.py")):
            total.update(file.name.encode() + file.read_bytes())
    for library in LIBRARIES:
        total.update(f"{library} {version(library)}".encode())
    return total.hexdigest()


def _read(path: Path) -> dict[str, Mesh] | None:
    try:
        with np.load(path, allow_pickle=False) as stored:
            names = [str(name) for name in stored["names"]]
            meshes = {name: Mesh(stored[f"v{i}"], stored[f"t{i}"]) for i, name in enumerate(names)}
        path.touch()  # the newest are kept
    except Exception:  # damaged ones raise anything; the meshes are then made anew
        return None
    return meshes


def _write(path: Path, meshes: Mapping[str, Mesh]) -> None:
    arrays: dict[str, np.ndarray] = {"names": np.array(list(meshes))}
    for i, mesh in enumerate(meshes.values()):
        arrays |= {f"v{i}": mesh.vertices, f"t{i}": mesh.triangles}
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
