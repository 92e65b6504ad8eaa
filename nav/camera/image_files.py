"""Image files: which they are, their order, and reading them as 8-bit grey."""

from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from nav.camera.camera_jpeg import JpegError, parse_camera_jpeg
from nav.camera.jpeg_damage import tells_of_damage
from nav.camera.natural_order import natural_order
from nav.camera.picture_file import JPEG_START, NO_PICTURE, examine
from nav.camera.quiet_opencv import messages_caught
from nav.core.errors import Lost
from nav.core.frameset import Picture

DARK_16_BIT = 1 << 14  # a camera of 14 bits or fewer whose pixels were not shifted up
AS_THE_SENSOR_HAS_IT = cv2.IMREAD_ANYDEPTH | cv2.IMREAD_IGNORE_ORIENTATION
PICTURE_SUFFIXES = frozenset(
    (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".pgm", ".ppm", ".pnm", ".webp")
)
UNREAD_SUFFIXES = frozenset(
    (".heic", ".heif", ".avif", ".gif", ".jp2", ".jxl", ".dng", ".raw", ".nef", ".cr2", ".arw")
)
VIDEO_SUFFIXES = frozenset(
    (".avi", ".mp4", ".m4v", ".mkv", ".mov", ".webm", ".mpg", ".mpeg", ".wmv", ".ogv", ".3gp")
) | frozenset(
    (".mjpg", ".mjpeg", ".h264", ".264", ".h265", ".265", ".hevc", ".ts", ".mts", ".m2ts")
)


def is_picture(path: Path) -> bool:
    """Return whether a file counts as an image.

    Parameters
    ----------
    path : Path
        May not exist.

    Returns
    -------
    bool
        By its suffix; hidden files do not count.
    """
    return _visible_file(path, PICTURE_SUFFIXES)


def unread_pictures(paths: Iterable[Path]) -> str:
    """Name files that are images of kinds that are not read.

    Parameters
    ----------
    paths : iterable of Path
        Files of a folder.

    Returns
    -------
    str
        In words, with what to do; empty if there are none.
    """
    unread = sorted(path.name for path in paths if _visible_file(path, UNREAD_SUFFIXES))
    if not unread:
        return ""
    more = f" and {len(unread) - 1} more" if len(unread) > 1 else ""
    return f"{unread[0]}{more} (of a kind that is not read: save as PNG or JPEG)"


def is_video(path: Path) -> bool:
    """Return whether a file counts as a video.

    Parameters
    ----------
    path : Path
        May not exist.

    Returns
    -------
    bool
        By its suffix; hidden files do not count.
    """
    return _visible_file(path, VIDEO_SUFFIXES)


def _visible_file(path: Path, suffixes: frozenset[str]) -> bool:
    named = path.suffix.lower() in suffixes and not path.name.startswith(".")
    return named and path.is_file()


def pictures_in(folder: Path) -> list[Path]:
    """List the images of a folder in natural order of their names.

    Parameters
    ----------
    folder : Path
        May not exist.

    Returns
    -------
    list of Path
        Empty where it is not a folder.

    Raises
    ------
    InputError
        The order of the names is ambiguous, see `nav.camera.natural_order.natural_order`.
    """
    if not folder.is_dir():
        return []
    names = natural_order((p.name for p in folder.iterdir() if is_picture(p)), str(folder))
    return [folder / name for name in names]


@dataclass(frozen=True)
class Decoded:
    """The image of a file, with what is unusual about it.

    Parameters
    ----------
    image : ndarray, shape (height, width), uint8
        Grey levels.
    turned : str
        How its metadata would turn it, in words; empty if not.
    dark : str
        That it uses little of its 16 bits, in words; empty if not.
    """

    image: Picture
    turned: str = ""
    dark: str = ""


def read_picture(path: Path) -> Picture | Lost:
    """Read an image file as grey levels.

    Colour is converted, transparency ignored. Orientation tags (EXIF, TIFF) are not followed: a
    camera is calibrated as its sensor is read, however it is held. 16-bit images are assumed to use
    their whole range: 65535 becomes 255. A file must hold exactly one image, complete; what follows
    its end does not matter.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    ndarray, shape (height, width), uint8, or Lost
        Lost says why it cannot be used.
    """
    decoded = decode_picture(path)
    return decoded if isinstance(decoded, Lost) else decoded.image


def decode_picture(path: Path) -> Decoded | Lost:
    """Read an image file as `read_picture` does, with what is unusual about the file.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    Decoded or Lost
        Lost says why it cannot be used.
    """
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        return _unusable(f"cannot be read: {error.strerror or error}")
    facts = examine(data)
    if facts.problem:
        return _unusable(facts.problem)
    is_jpeg = data.startswith(JPEG_START)  # others are checked by their structure, in parallel
    catch: AbstractContextManager[list[str]] = messages_caught() if is_jpeg else nullcontext([])
    with catch as messages:
        try:
            image = cv2.imdecode(np.frombuffer(facts.plain(data), np.uint8), AS_THE_SENSOR_HAS_IT)
        except cv2.error:
            image = None
    if image is None:
        return _unusable(NO_PICTURE)
    if any(map(tells_of_damage, messages)) and _is_damaged(data):
        return _unusable("is damaged: a part of its compressed data cannot be read")
    grey = to_grey(image)
    if grey is None:
        return _unusable(f"has {image.dtype} pixels; save it as unsigned 8 or 16 bits")
    dark = ""
    if image.dtype == np.uint16 and 0 < (largest := int(image.max())) < DARK_16_BIT:
        dark = f"16-bit pixels of {largest} at most, which is {largest // 257} of 255 grey levels"
    return Decoded(grey, facts.turned, dark)


def _is_damaged(data: bytes) -> bool:
    """Return whether a JPEG is damaged as the decoder says: some cameras' restart marks are odd."""
    try:
        jpeg = parse_camera_jpeg(data)
    except JpegError:
        return True
    return not jpeg.interval or jpeg.is_damaged()


def _unusable(why: str) -> Lost:
    return Lost("picture_unusable", {"why": why})


def to_grey(image: NDArray[np.generic]) -> Picture | None:
    """Convert a decoded image to 8-bit grey.

    Parameters
    ----------
    image : ndarray, shape (h, w), (h, w, 1), (h, w, 3) BGR or (h, w, 4) BGRA
        uint8 or uint16.

    Returns
    -------
    ndarray, shape (h, w), uint8, or None
        None if its kind is not known.
    """
    if image.dtype == np.uint16:
        image = np.asarray((image.astype(np.uint32) * 2 + 257) // 514).astype(np.uint8)
    if image.dtype != np.uint8:
        return None
    pixels = np.ascontiguousarray(image, np.uint8)
    if pixels.ndim == 3 and pixels.shape[2] in (3, 4):
        code = cv2.COLOR_BGR2GRAY if pixels.shape[2] == 3 else cv2.COLOR_BGRA2GRAY
        return np.asarray(cv2.cvtColor(pixels, code), np.uint8)
    if pixels.ndim == 2 or (pixels.ndim == 3 and pixels.shape[2] == 1):
        return pixels.reshape(pixels.shape[:2])
    return None
