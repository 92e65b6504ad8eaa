"""Picture files: which they are, their order, and reading them as 8-bit grey."""

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from nav.camera.frameset import Picture
from nav.camera.names import natural_order

PICTURE_SUFFIXES = frozenset(
    (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".pgm", ".ppm", ".pnm", ".webp")
)
VIDEO_SUFFIXES = frozenset(
    (".avi", ".mp4", ".m4v", ".mkv", ".mov", ".webm", ".mpg", ".wmv", ".ogv", ".mjpg", ".mjpeg")
)


def is_picture(path: Path) -> bool:
    """Whether a file counts as a picture: by its suffix; hidden files do not."""
    return _visible_file(path, PICTURE_SUFFIXES)


def is_video(path: Path) -> bool:
    """Whether a file counts as a video: by its suffix; hidden files do not."""
    return _visible_file(path, VIDEO_SUFFIXES)


def _visible_file(path: Path, suffixes: frozenset[str]) -> bool:
    named = path.suffix.lower() in suffixes and not path.name.startswith(".")
    return named and path.is_file()


def pictures_in(folder: Path) -> list[Path]:
    """The pictures of a folder in natural order of their names; empty where it is no folder."""
    if not folder.is_dir():
        return []
    names = natural_order((p.name for p in folder.iterdir() if is_picture(p)), str(folder))
    return [folder / name for name in names]


def read_picture(path: Path) -> Picture | None:
    """A picture file as grey (height, width) uint8; None if it is damaged or no picture.

    Colour is converted, transparency ignored, EXIF orientation followed. 16-bit pictures are
    taken to use their whole range: 65535 becomes 255.
    """
    try:
        data = Path(path).read_bytes()
    except OSError:
        return None
    if not _complete(data):
        return None
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_ANYDEPTH)
    except cv2.error:
        return None
    return None if image is None else to_grey(image)


def to_grey(image: NDArray[np.generic]) -> Picture | None:
    """A decoded picture as grey (height, width) uint8; None if its kind is not known.

    image : (h, w), (h, w, 1), (h, w, 3) BGR or (h, w, 4) BGRA; uint8 or uint16.
    """
    if image.dtype == np.uint16:
        image = np.asarray((image.astype(np.uint32) * 2 + 257) // 514).astype(np.uint8)
    if image.dtype != np.uint8:
        return None
    pixels = np.ascontiguousarray(image, np.uint8)
    if pixels.ndim == 3 and pixels.shape[2] in (3, 4):
        code = cv2.COLOR_BGR2GRAY if pixels.shape[2] == 3 else cv2.COLOR_BGRA2GRAY
        return np.asarray(cv2.cvtColor(pixels, code), np.uint8)
    if pixels.ndim == 2 or pixels.shape[2] == 1:
        return pixels.reshape(pixels.shape[:2])
    return None


def _complete(data: bytes) -> bool:
    """Whether the file has its end: decoders fill the rest of a cut one with plain grey."""
    if data.startswith(b"\xff\xd8"):  # JPEG: an end mark after the last start of a scan
        return data.rfind(b"\xff\xd9") > data.rfind(b"\xff\xda")
    if data.startswith(b"\x89PNG"):
        return b"IEND" in data[-1024:]
    return bool(data)
