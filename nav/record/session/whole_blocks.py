"""A file that grows by whole blocks only: a full disk leaves it as it was after the last one."""

import os
from contextlib import suppress
from pathlib import Path

try:
    import fcntl
except ImportError:  # not on Windows: there a file that is open for writing cannot be removed
    fcntl = None  # type: ignore[assignment]

from nav.core.errors import InputError


class WholeBlocks:
    """Collect what is written, and append it to a new file when flushed; held by a lock.

    Parameters
    ----------
    path : Path
        Must not exist.

    Raises
    ------
    InputError
        It exists, or cannot be created.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.closed = False
        flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_BINARY", 0)
        try:
            self._fd = os.open(path, flags, 0o666)
        except FileExistsError:
            raise InputError(
                f"{path}: exists; a session is never overwritten: give another folder"
            ) from None
        except OSError as error:
            raise InputError(f"{path}: cannot be written: {error.strerror or error}") from None
        if fcntl is not None:
            with suppress(OSError):  # a file system without locks
                fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self.whole = 0  # bytes in the file
        self._pending = bytearray()

    @property
    def pending(self) -> int:
        """How many bytes wait for `flush`, of which a failed one has lost none."""
        return len(self._pending)

    def write(self, data: bytes) -> int:
        """Collect bytes for the next flush."""
        self._pending += data
        return len(data)

    def tell(self) -> int:
        """Return the offset at which the next byte will stand."""
        return self.whole + len(self._pending)

    def flush(self) -> None:
        """Append what was collected.

        Raises
        ------
        OSError
            The disk is full or gone; the file is as before, and the next flush tries again.
        """
        if not self._pending:
            return
        view, done = memoryview(self._pending), 0
        try:
            while done < len(view):
                done += os.write(self._fd, view[done:])
        except OSError:
            with suppress(OSError):
                os.ftruncate(self._fd, self.whole)
                os.lseek(self._fd, self.whole, os.SEEK_SET)
            raise
        finally:
            view.release()
        self.whole += done
        self._pending.clear()

    def sync(self) -> None:
        """Wait until what was flushed is on the disk.

        Raises
        ------
        OSError
            The disk is full or gone.
        """
        os.fsync(self._fd)

    def close(self) -> None:
        """Flush and close; the lock is released.

        Raises
        ------
        OSError
            What was left could not be written.
        """
        if self.closed:
            return
        try:
            self.flush()
        finally:
            self._pending.clear()
            os.close(self._fd)
            self.closed = True


def is_being_written(path: Path) -> bool:
    """Return whether a program holds a file for writing; False where that cannot be told.

    Parameters
    ----------
    path : Path
        A file made by `WholeBlocks`.

    Returns
    -------
    bool
    """
    if fcntl is None:
        return False
    try:
        fd = os.open(path, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(fd)
    return False
