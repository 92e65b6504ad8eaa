"""Libraries that read images warn on the terminal; what matters is found by our own checks."""

from __future__ import annotations

import ctypes
import logging
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import gdcm  # type: ignore[import-untyped]
from pydicom import config


@contextmanager
def quiet_libraries() -> Iterator[None]:
    """Silence pydicom and GDCM while a scan is read; as before afterwards.

    Reading is tolerant too: values that break DICOM's rules are taken as they are, since our own
    checks decide whether they can be used.
    """
    logger = logging.getLogger("pydicom")
    level, validation = logger.level, config.settings.reading_validation_mode
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logger.setLevel(logging.CRITICAL + 1)
        config.settings.reading_validation_mode = config.IGNORE
        for off in (gdcm.Trace.DebugOff, gdcm.Trace.WarningOff, gdcm.Trace.ErrorOff):
            off()
        try:
            yield
        finally:
            logger.setLevel(level)
            config.settings.reading_validation_mode = validation


@contextmanager
def without_output(*streams: int) -> Iterator[None]:
    """Let nothing reach standard streams: libjpeg prints there whatever one asks.

    For the moment of reading only, since it holds for all threads.

    Parameters
    ----------
    streams : int
        File descriptors: 1 the output, 2 the errors.
    """
    _flush()
    kept = []
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        for stream in streams:
            kept.append((stream, os.dup(stream)))
            os.dup2(nowhere, stream)
        os.close(nowhere)
    except OSError:  # a stream that is closed needs no silence
        pass
    try:
        yield
    finally:
        _flush()
        for stream, copy in kept:
            os.dup2(copy, stream)
            os.close(copy)


def _flush() -> None:
    """Flush what Python and the C library still hold for the standard streams."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):
            stream.flush()
    with suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL(None).fflush(None)
