"""Whatever a library prints or warns while a file is read: on a terminal it would be noise."""

import contextlib
import ctypes
import io
import os
import sys
import tempfile
import warnings
from collections.abc import Iterator

OUTPUT, ERRORS = 1, 2  # file descriptors
UNSEEN = (DeprecationWarning, PendingDeprecationWarning, ImportWarning, ResourceWarning)


class Heard:
    """What was printed and warned."""

    def __init__(self) -> None:
        self.text = ""


@contextlib.contextmanager
def listening() -> Iterator[Heard]:
    """Yield what holds, afterwards, everything that was printed by Python or a compiled library."""
    heard = Heard()
    printed = io.StringIO()
    with tempfile.TemporaryFile() as below, warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        for category in UNSEEN:
            warnings.simplefilter("ignore", category)
        _flush()
        kept = [os.dup(OUTPUT), os.dup(ERRORS)]
        for stream in (OUTPUT, ERRORS):
            os.dup2(below.fileno(), stream)
        try:
            with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
                yield heard
        finally:
            _flush()
            for stream, copy in zip((OUTPUT, ERRORS), kept, strict=True):
                os.dup2(copy, stream)
                os.close(copy)
            below.seek(0)
            lines = [below.read().decode(errors="replace"), printed.getvalue()]
            lines += [f"{w.category.__name__}: {w.message} ({w.filename})" for w in warned]
            heard.text = "\n".join(line for line in lines if line.strip())


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError, AttributeError):
            stream.flush()
    with contextlib.suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL(None).fflush(None)
