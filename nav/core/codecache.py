"""Numba's cache of compiled code on disk, made safe: what is damaged is compiled again.

Numba loads whatever a file in its cache holds, machine code included; a flipped bit would crash the
program or, worse, make its numbers wrong. So a digest of each file is kept beside it.
"""

import hashlib
import logging
import os
import pickle
from contextlib import suppress
from pathlib import Path
from typing import Any

from numba.core import caching

DIGEST_SUFFIX = ".sha256"
# what unpickling a damaged file may raise
DAMAGE = (
    *(OSError, EOFError, ValueError, TypeError, KeyError, IndexError, AttributeError),
    *(ImportError, MemoryError, RecursionError, pickle.UnpicklingError),
)
log = logging.getLogger(__name__)


class CheckedCacheFile(caching.IndexDataCacheFile):
    """Numba's index and data files of one function, with a digest beside each.

    A cache that cannot be read or written is no error: it only costs the time to compile.
    """

    def save(self, key: Any, data: Any) -> None:
        """Add a compiled function to the cache; a failure is only logged."""
        try:
            super().save(key, data)
        except DAMAGE as error:
            log.info("compiled code is not kept: %s", error)

    def load(self, key: Any) -> Any:
        """Return a compiled function, or None where it is missing or damaged."""
        try:
            return super().load(key)
        except DAMAGE as error:
            log.info("compiled code is not read: %s", error)
            return None

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


def check_cached_code() -> None:
    """Make Numba keep and load compiled code with digests, for functions compiled from then on."""
    module: Any = caching
    module.IndexDataCacheFile = CheckedCacheFile
