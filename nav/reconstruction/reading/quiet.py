"""Libraries that read images warn on the terminal; what matters is found by our own checks."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import gdcm  # type: ignore[import-untyped]
import SimpleITK as sitk
from pydicom import config


@contextmanager
def quiet_libraries() -> Iterator[None]:
    """Silence pydicom, GDCM and ITK while a scan is read; as before afterwards.

    Reading is tolerant too: values that break DICOM's rules are taken as they are, since our own
    checks decide whether they can be used.
    """
    logger = logging.getLogger("pydicom")
    level, validation = logger.level, config.settings.reading_validation_mode
    itk_warned = sitk.ProcessObject.GetGlobalWarningDisplay()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logger.setLevel(logging.CRITICAL + 1)
        config.settings.reading_validation_mode = config.IGNORE
        sitk.ProcessObject.SetGlobalWarningDisplay(False)
        for off in (gdcm.Trace.DebugOff, gdcm.Trace.WarningOff, gdcm.Trace.ErrorOff):
            off()
        try:
            yield
        finally:
            logger.setLevel(level)
            config.settings.reading_validation_mode = validation
            sitk.ProcessObject.SetGlobalWarningDisplay(itk_warned)
