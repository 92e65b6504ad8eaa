"""Pictures of a session: JPEG as ROS 2 and its viewers know it, or lossless, bit for bit."""

import struct
import zlib
from dataclasses import dataclass

import cv2
import numpy as np
import zstandard

from nav.camera.camera_jpeg import decode_grey
from nav.core.frameset import Picture
from nav.record.ros_messages import (
    BILLION,
    COMPRESSED_IMAGE,
    DEFINITIONS,
    ENCAPSULATION,
    compressed_image,
)

QUALITY = 95  # of JPEG; moves a tip by 0.002 to 0.004 mm rms
LEVEL = 1  # of zstd: higher ones cost time and save nothing on noise
MOST_PIXELS = 1 << 28
LOSSLESS_HEAD = struct.Struct("<4sIII")  # sign, width, height, CRC-32 of the pixels
LOSSLESS_SIGN = b"LDZ1"  # left difference, zstd

JPEG_ENCODING, JPEG_SCHEMA_ENCODING = "cdr", "ros2msg"
JPEG_SCHEMA, JPEG_SCHEMA_TEXT = COMPRESSED_IMAGE, DEFINITIONS[COMPRESSED_IMAGE].encode()
LOSSLESS_ENCODING, LOSSLESS_SCHEMA = "c1c2nav-ldz1", "c1c2nav.LosslessPicture"


class PictureError(ValueError):
    """A recorded picture that is damaged, and how."""


@dataclass(frozen=True)
class JpegPicture:
    """A JPEG with what stands beside it.

    Parameters
    ----------
    camera : str
        Its name.
    stamp : int
        When it was taken, ns, UTC.
    jpeg : bytes
        The file.
    """

    camera: str
    stamp: int
    jpeg: bytes


def encode_jpeg(image: Picture, quality: int = QUALITY) -> bytes:
    """Compress a picture as JPEG.

    Parameters
    ----------
    image : ndarray, shape (h, w) or (h, w, 3), uint8
        Grey levels, or colours as OpenCV has them.
    quality : int
        1 to 100.

    Returns
    -------
    bytes
        A JPEG file.

    Raises
    ------
    PictureError
        JPEG has no such size.
    """
    try:
        done, data = cv2.imencode(".jpg", image, (cv2.IMWRITE_JPEG_QUALITY, quality))
    except cv2.error:
        done = False
    if not done:
        raise PictureError(f"JPEG has no pictures of {image.shape[1]} x {image.shape[0]}")
    return data.tobytes()


def jpeg_message(camera: str, stamp: int, jpeg: bytes) -> bytes:
    """Return a JPEG as a message sensor_msgs/msg/CompressedImage, CDR.

    Parameters
    ----------
    camera : str
        Its name.
    stamp : int
        When it was taken, ns, UTC.
    jpeg : bytes
        The file.

    Returns
    -------
    bytes
        `read_jpeg_message` reads it.
    """
    return compressed_image(stamp, camera, "jpeg", jpeg)


def read_jpeg_message(data: bytes) -> JpegPicture:
    """Read what `jpeg_message` wrote.

    Parameters
    ----------
    data : bytes
        CDR, little endian.

    Returns
    -------
    JpegPicture

    Raises
    ------
    PictureError
        It is not as written.
    """
    if data[:4] != ENCAPSULATION:
        raise PictureError("is not little-endian CDR")
    body, at = memoryview(data)[4:], 8
    try:
        seconds, rest = struct.unpack_from("<iI", body)
        texts = []
        for _ in range(2):
            at += -at % 4
            (length,) = struct.unpack_from("<I", body, at)
            text, at = bytes(body[at + 4 : at + 4 + length]), at + 4 + length
            texts.append(text.rstrip(b"\x00").decode())
        at += -at % 4
        (length,) = struct.unpack_from("<I", body, at)
    except (struct.error, UnicodeDecodeError):
        raise PictureError("is cut off") from None
    jpeg = bytes(body[at + 4 :])
    if len(jpeg) != length:
        raise PictureError("is cut off")
    return JpegPicture(texts[0], seconds * BILLION + rest, jpeg)


def decode_jpeg(jpeg: bytes) -> Picture:
    """Return the picture of a JPEG.

    Parameters
    ----------
    jpeg : bytes
        The file.

    Returns
    -------
    ndarray, shape (h, w), uint8
        Grey levels.

    Raises
    ------
    PictureError
        It cannot be read.
    """
    image = decode_grey(jpeg)
    if image is None:
        raise PictureError("is not a JPEG that can be read")
    return image


def encode_lossless(image: Picture) -> bytes:
    """Compress a picture so that every bit comes back: differences along its rows, then zstd.

    Parameters
    ----------
    image : ndarray, shape (h, w), uint8
        Grey levels; at least one pixel.

    Returns
    -------
    bytes
        `decode_lossless` reads it.
    """
    image = np.ascontiguousarray(image)
    height, width = image.shape
    differences = image.copy()
    np.subtract(image[:, 1:], image[:, :-1], out=differences[:, 1:])
    head = LOSSLESS_HEAD.pack(LOSSLESS_SIGN, width, height, zlib.crc32(image.data))
    return head + zstandard.ZstdCompressor(LEVEL).compress(differences.data)


def decode_lossless(data: bytes) -> Picture:
    """Return the picture that `encode_lossless` wrote.

    Parameters
    ----------
    data : bytes
        The message.

    Returns
    -------
    ndarray, shape (h, w), uint8
        Grey levels, all as they were.

    Raises
    ------
    PictureError
        It is not as written.
    """
    if len(data) < LOSSLESS_HEAD.size:
        raise PictureError("is cut off")
    sign, width, height, checksum = LOSSLESS_HEAD.unpack_from(data)
    size = width * height
    if sign != LOSSLESS_SIGN or not 0 < size <= MOST_PIXELS:
        raise PictureError("is not a lossless picture of c1c2nav")
    packed = memoryview(data)[LOSSLESS_HEAD.size :]
    try:
        if zstandard.get_frame_parameters(packed).content_size != size:
            raise PictureError("has another size than it says")
        pixels = zstandard.ZstdDecompressor().decompress(packed)
    except zstandard.ZstdError:
        raise PictureError("is damaged") from None
    image = np.frombuffer(pixels, np.uint8).reshape(height, width)
    image = np.cumsum(image, axis=1, dtype=np.uint8)
    if zlib.crc32(image.data) != checksum:
        raise PictureError("is damaged: another checksum")
    return image
