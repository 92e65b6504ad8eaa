"""Silence OpenCV and FFmpeg, which write to the terminal; our messages replace theirs."""

import os
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Lock

import cv2

FROM_DECODERS = re.compile(r".*JPEG|Premature|Invalid|Inconsistent|Unsupported|Unknown|libpng")
MOST_CAUGHT = 65536  # bytes of messages
_catching = Lock()


def quiet_opencv() -> None:
    """Silence OpenCV's and FFmpeg's own messages, unless OPENCV_LOG_LEVEL asks for them.

    FFmpeg reads its level once, when the process opens its first video: call this before.
    """
    if "OPENCV_LOG_LEVEL" in os.environ:
        return
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # AV_LOG_QUIET


@contextmanager
def messages_caught() -> Iterator[list[str]]:
    """Catch the lines that libraries write to standard error, for the moment of one call.

    It holds for all threads. libjpeg says in no other way that data are damaged.

    Yields
    ------
    list of str
        Filled at the end; empty where there is no standard error.
    """
    lines: list[str] = []
    with _catching, tempfile.TemporaryFile() as file:
        kept = None
        with suppress(OSError, ValueError, AttributeError):
            sys.stderr.flush()
        with suppress(OSError):
            kept = os.dup(2)
            os.dup2(file.fileno(), 2)
        try:
            yield lines
        finally:
            if kept is not None:
                os.dup2(kept, 2)
                os.close(kept)
            file.seek(0)
            caught = file.read(MOST_CAUGHT).decode(errors="replace").splitlines()
            lines += filter(FROM_DECODERS.match, caught)
            for line in caught:  # of another thread
                if not FROM_DECODERS.match(line):
                    print(line, file=sys.stderr)
