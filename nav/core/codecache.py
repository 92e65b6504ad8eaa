"""Numba's cache of compiled code on disk, made safe, and shared by copies of the same sources.

Numba loads whatever a file in its cache holds, machine code included; a flipped bit would crash the
program or, worse, make its numbers wrong. So a digest of each file is kept beside it, and what is
damaged is compiled again.

Numba keeps code by where its source file lies. In a folder that serves one state of the sources
only, their paths within the packages are enough: a second copy compiles nothing anew.
"""

import hashlib
import logging
import os
import pickle
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numba
from numba.core import caching

DIGEST_SUFFIX = ".sha256"
# what unpickling a damaged file may raise
DAMAGE = (
    *(OSError, EOFError, ValueError, TypeError, KeyError, IndexError, AttributeError),
    *(ImportError, MemoryError, RecursionError, pickle.UnpicklingError),
)
log = logging.getLogger(__name__)
_numba_config: Any = numba.config  # its settings are made when it is imported


class CheckedCacheFile(caching.IndexDataCacheFile):
    """Numba's index and data files of one function, with a digest beside each.

    A cache that cannot be read or written is no error: it only costs the time to compile.
    """

    def save(self, key: Any, data: Any) -> None:
        """Add a compiled function to the cache; a failure is only logged.

        Its file is named after the key. Numba numbers them, so that processes that compile one
        function for different types at the same time would give both the same number, and one of
        them later the other's code.
        """
        try:
            digest = hashlib.sha256(repr(key).encode()).hexdigest()[:16]
            name = f"{self._index_name.removesuffix('.nbi')}.{digest}.nbc"
            self._save_data(name, (key, data))
            self._save_index({**self._load_index(), key: name})
        except DAMAGE as error:
            log.info("compiled code is not kept: %s", error)

    def load(self, key: Any) -> Any:
        """Return a compiled function, or None where it is missing, damaged or another one."""
        try:
            name = self._load_index().get(key)
            if name is None:
                return None
            made_for, data = self._load_data(name)
        except DAMAGE as error:
            log.info("compiled code is not read: %s", error)
            return None
        return data if made_for == key else None

    def _load_index(self) -> Any:
        if not _is_whole(self._index_path):
            return {}
        try:
            return super()._load_index()
        except DAMAGE:
            return {}

    def _save_index(self, overloads: Any) -> None:
        super()._save_index(overloads)
        _sign(self._index_path)

    def _load_data(self, name: str) -> Any:
        path = self._data_path(name)
        if not _is_whole(path):
            raise OSError(f"{path}: damaged")
        return super()._load_data(name)

    def _save_data(self, name: str, data: Any) -> None:
        super()._save_data(name, data)
        _sign(self._data_path(name))


def _digest(path: str) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def _is_whole(path: str) -> bool:
    """Return whether a file is as it was written; a file that does not exist counts as such."""
    try:
        return _digest(path) == Path(path + DIGEST_SUFFIX).read_text(encoding="ascii").strip()
    except FileNotFoundError:
        return not os.path.exists(path)
    except (OSError, ValueError):
        return False


def _sign(path: str) -> None:
    beside = f"{path}{DIGEST_SUFFIX}.tmp.{os.getpid()}"
    try:
        Path(beside).write_text(_digest(path), encoding="ascii")
        os.replace(beside, path + DIGEST_SUFFIX)
    finally:
        with suppress(OSError):
            os.unlink(beside)


class SharedLocator(caching._CacheLocator):
    """Where code is kept in a folder that serves one state of the sources.

    Parameters
    ----------
    py_func : callable
        The function.
    path : Path
        Its source file.
    place : Path
        Folder of its compiled code.
    """

    packages: tuple[Path, ...] = ()  # whose code is shared

    def __init__(self, py_func: Any, path: Path, place: Path) -> None:
        self._py_file, self._lineno = str(path), py_func.__code__.co_firstlineno
        self.place = place

    def get_cache_path(self) -> str:
        """Return the folder."""
        return str(self.place)

    def get_source_stamp(self) -> str:
        """Return a digest of the source file."""
        return _digest(self._py_file)

    def get_disambiguator(self) -> str:
        """Return what distinguishes functions of one name in one file."""
        return str(self._lineno)

    @classmethod
    def from_function(cls, py_func: Any, py_file: str) -> "SharedLocator | None":
        """Return the place of a function; None for Numba's own choice."""
        path = Path(py_file).resolve()
        for package in cls.packages:
            if path.is_relative_to(package) and path.is_file():
                within = path.relative_to(package.parent).parent
                found = cls(py_func, path, Path(_numba_config.CACHE_DIR) / within)
                with suppress(OSError):
                    found.ensure_cache_path()
                    return found
        return None


def share_cached_code(packages: Iterable[Path]) -> None:
    """Make copies of packages share compiled code, for functions compiled from then on.

    Parameters
    ----------
    packages : iterable of Path
        Their folders. Numba's cache folder must serve one state of their sources only.
    """
    SharedLocator.packages = tuple(package.resolve() for package in packages)
    implementation: Any = caching.CompileResultCacheImpl
    implementation._locator_classes = [SharedLocator, *implementation._locator_classes]


def check_cached_code() -> None:
    """Make Numba keep and load compiled code with digests, for functions compiled from then on."""
    module: Any = caching
    module.IndexDataCacheFile = CheckedCacheFile
