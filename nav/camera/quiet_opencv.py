"""Silence OpenCV and FFmpeg, which write to the terminal; our messages replace theirs."""

import os

import cv2


def quiet_opencv() -> None:
    """Silence OpenCV's and FFmpeg's own messages, unless OPENCV_LOG_LEVEL asks for them.

    FFmpeg reads its level once, when the process opens its first video: call this before.
    """
    if "OPENCV_LOG_LEVEL" in os.environ:
        return
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # AV_LOG_QUIET
