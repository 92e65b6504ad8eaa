"""The user's terminal shows our own lines only; what libraries print goes into a log."""

import faulthandler
import io
import logging
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any, TextIO

from rich.console import Console

from nav.core.cache import owned_folder, user_cache

LOG_NAME = "log.txt"
LOG_BYTES = 1_000_000  # a longer log is started again
OUTPUT, ERRORS = 1, 2  # file descriptors


class Terminal(io.TextIOWrapper):
    """A text stream that never fails the program; `failure` holds the first error, if any.

    A reader that has gone (``nav … | head``) is no failure: the work goes on without it.
    Characters that the terminal's encoding does not have become question marks.
    """

    failure: OSError | None = None

    def write(self, text: str) -> int:
        """Write, or remember why it failed."""
        try:
            return super().write(text)
        except OSError as error:
            self._give_up(error)
            return len(text)

    def flush(self) -> None:
        """Flush, or remember why it failed."""
        try:
            super().flush()
        except OSError as error:
            self._give_up(error)

    def _give_up(self, error: OSError) -> None:
        if not isinstance(error, BrokenPipeError):
            self.failure = self.failure or error
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self.fileno())  # what is still buffered goes there
        os.close(nowhere)


def console() -> Console:
    """Return the console that commands print with.

    Returns
    -------
    Console
        Prints names of the user's as they are. Lines are wrapped on a person's terminal only: a
        program that reads them gets each whole.
    """
    return Console(markup=False, highlight=False, emoji=False, soft_wrap=not sys.stdout.isatty())


def one_line(text: str) -> str:
    """Return a text on one line, without characters that would control a terminal.

    Parameters
    ----------
    text : str
        Any text.

    Returns
    -------
    str
        Line breaks as spaces, characters that cannot be printed as question marks.
    """
    return "".join(c if c.isprintable() else "?" for c in " ".join(text.splitlines()))


def take_terminal() -> tuple[Terminal, Path | None]:
    """Keep the terminal for our own lines, for the rest of the process and its children.

    From then on ``sys.stdout`` is a `Terminal`; anything else that writes to the standard output or
    to ``sys.stderr``, in Python or in a compiled library, writes into the log. With NAV_LOG set,
    which asks for these messages, they stay on the terminal.

    Returns
    -------
    errors : Terminal
        The terminal's error stream.
    log : Path or None
        The log; None where it cannot be written.
    """
    _open_missing()
    out, err = _duplicate(OUTPUT, sys.stdout), _duplicate(ERRORS, sys.stderr)
    log = None
    if not os.environ.get("NAV_LOG"):
        descriptor, log = _open_log()
        for number in (OUTPUT, ERRORS):
            os.dup2(descriptor, number)
        os.close(descriptor)
        raw = os.fdopen(ERRORS, "wb", closefd=False)
        sys.stderr = io.TextIOWrapper(raw, "utf-8", "replace", line_buffering=True)
        with suppress(OSError, ValueError, RuntimeError):
            faulthandler.enable()
    sys.stdout = out
    logging.captureWarnings(True)
    return err, log


def _open_missing() -> None:
    """Open closed standard streams (``>&-``) to nowhere: our next file would take their place."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= ERRORS:
        pass
    os.close(descriptor)


def _duplicate(number: int, stream: TextIO | None) -> Terminal:
    encoding: Any = getattr(stream, "encoding", None) or "utf-8"
    with suppress(OSError, ValueError, AttributeError):
        if stream is not None:
            stream.flush()
    raw = os.fdopen(os.dup(number), "wb")
    return Terminal(raw, encoding=encoding, errors="replace", line_buffering=raw.isatty())


def _open_log() -> tuple[int, Path | None]:
    folder = owned_folder(user_cache())
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0)
    if folder is not None:
        path = folder / LOG_NAME
        with suppress(OSError):
            if path.exists() and path.stat().st_size > LOG_BYTES:
                path.unlink()
            return os.open(path, flags, 0o600), path
    return os.open(os.devnull, os.O_WRONLY), None
