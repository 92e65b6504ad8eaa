"""Suppression of library output: what matters about an image is found by checks of our own."""

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
    """Silence pydicom and GDCM while a scan is read; their settings are restored afterwards.

    Reading is tolerant, too: values that break DICOM's rules are taken as they are, since checks of
    our own decide whether they can be used.

    Yields
    ------
    None
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
    """Discard what is written to standard streams: libjpeg prints there unconditionally.

    For the moment of reading only, since it affects all threads.

    Parameters
    ----------
    *streams : int
        File descriptors: 1 for the output, 2 for the errors.

    Yields
    ------
    None
    """
    _flush()
    kept = []
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        for stream in streams:
            kept.append((stream, os.dup(stream)))
            os.dup2(nowhere, stream)
        os.close(nowhere)
    except OSError:  # a closed stream needs no redirection
        pass
    try:
        yield
    finally:
        _flush()
        for stream, copy in kept:
            os.dup2(copy, stream)
            os.close(copy)


def _flush() -> None:
    """Flush what Python and the C library still buffer for the standard streams."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):
            stream.flush()
    with suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL(None).fflush(None)
