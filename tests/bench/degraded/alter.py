"""What cameras, drivers and networks do to pictures: each a function of one picture.

Here in NumPy and OpenCV alone, without any of the product's code.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
Alter = Callable[[Picture], Picture]


@dataclass(frozen=True)
class Degradation:
    """name : as the table has it. geometry : whether edges stay where they were."""

    name: str
    alter: Alter
    geometry: bool = True


def _grey(picture: NDArray[np.floating]) -> Picture:
    return np.clip(np.rint(picture), 0, 255).astype(np.uint8)


def unsharp(picture: Picture, amount: float, width: float) -> Picture:
    """Sharpen by an unsharp mask, clipped as cameras clip."""
    grey = picture.astype(np.float32)
    return _grey(grey + amount * (grey - cv2.GaussianBlur(grey, (0, 0), width)))


def laplacian(picture: Picture, amount: float) -> Picture:
    """Sharpen by the 3 x 3 kernel of simple signal processors."""
    kernel = np.array([[0, -1, 0], [-1, 4, -1], [0, -1, 0]], np.float32) * amount
    grey = picture.astype(np.float32)
    return _grey(grey + cv2.filter2D(grey, -1, kernel))


def brighter(picture: Picture, gain: float) -> Picture:
    """Expose longer: halos are clipped."""
    return _grey(picture.astype(np.float32) * gain - 10.0)


def jpeg(picture: Picture, quality: int) -> Picture:
    """Compress and decompress."""
    coded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return np.asarray(cv2.imdecode(coded, cv2.IMREAD_GRAYSCALE), np.uint8)


def median(picture: Picture) -> Picture:
    """Take noise out by a median filter of 3 x 3."""
    return np.asarray(cv2.medianBlur(picture, 3), np.uint8)


def mosaic(picture: Picture) -> Picture:
    """See through a Bayer filter, slightly coloured light, and interpolate."""
    height, width = picture.shape[0] // 2 * 2, picture.shape[1] // 2 * 2
    raw = picture[:height, :width].astype(np.float32)
    raw[0::2, 0::2] *= 0.8
    raw[1::2, 1::2] *= 0.9
    colour = cv2.cvtColor(_grey(raw), cv2.COLOR_BayerBG2BGR).astype(np.float32)
    colour *= np.array([0.9, 1.0, 0.8], np.float32) ** -1.0
    whole = picture.copy()
    whole[:height, :width] = cv2.cvtColor(_grey(colour), cv2.COLOR_BGR2GRAY)
    return whole


def vignette(picture: Picture) -> Picture:
    """Darken towards the corners, to half there."""
    height, width = picture.shape
    v, u = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    return _grey(picture * (1.0 - 0.25 * (u * u + v * v)))


def bands(picture: Picture, periods: float) -> Picture:
    """Flicker of lamps under a rolling shutter: rows brighter and darker by 15 %."""
    rows = 1.0 + 0.15 * np.sin(2 * np.pi * periods * np.arange(picture.shape[0]) / len(picture))
    return _grey(picture * rows[:, None])


def enlarged(picture: Picture, how: int, factor: float = 2.0) -> Picture:
    """Enlarge a smaller picture to this size."""
    height, width = picture.shape
    size = round(width / factor), round(height / factor)
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(small, (width, height), interpolation=how), np.uint8)


def doubled(picture: Picture) -> Picture:
    """Show each second row twice."""
    return np.ascontiguousarray(np.repeat(picture[::2], 2, axis=0)[: len(picture)])


def interlaced(picture: Picture, shift: int = 4) -> Picture:
    """Let each second row lag behind by so many px."""
    result = picture.copy()
    result[1::2] = np.roll(picture[1::2], shift, axis=1)
    return result


def two_tone(picture: Picture) -> Picture:
    """Black and white only."""
    level = cv2.threshold(picture, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)[0]
    return np.where(picture > level, 255, 0).astype(np.uint8)


def _same(picture: Picture) -> Picture:
    return picture


def _then(first: Alter, second: Alter) -> Alter:
    return lambda picture: second(first(picture))


def degradations() -> list[Degradation]:
    """All that are measured; the first changes nothing."""
    sharp = [
        Degradation(f"unsharp {a:g}, sd {w:g} px", partial(unsharp, amount=a, width=w))
        for a in (0.5, 1.0)
        for w in (0.8, 1.5, 3.0)
    ]
    return [
        Degradation("none", _same),
        *sharp,
        Degradation("unsharp 2, sd 1.5 px", partial(unsharp, amount=2.0, width=1.5)),
        Degradation(
            "brighter, unsharp 1, sd 1.5 px",
            _then(partial(brighter, gain=1.15), partial(unsharp, amount=1.0, width=1.5)),
        ),
        Degradation("sharpened 3 x 3, 0.25", partial(laplacian, amount=0.25)),
        Degradation(
            "unsharp 0.5, sd 1.5 px, JPEG 75",
            _then(partial(unsharp, amount=0.5, width=1.5), partial(jpeg, quality=75)),
        ),
        Degradation("median 3 x 3", median),
        *(Degradation(f"JPEG {q}", partial(jpeg, quality=q)) for q in (95, 75, 50, 30)),
        Degradation("demosaiced", mosaic),
        Degradation("vignetting", vignette),
        *(Degradation(f"flicker, {n} bands", partial(bands, periods=n)) for n in (3, 10)),
        Degradation("2 x nearest", partial(enlarged, how=cv2.INTER_NEAREST), False),
        Degradation("2 x bilinear", partial(enlarged, how=cv2.INTER_LINEAR), False),
        Degradation("2 x cubic", partial(enlarged, how=cv2.INTER_CUBIC), False),
        Degradation("1.5 x bilinear", partial(enlarged, how=cv2.INTER_LINEAR, factor=1.5), False),
        Degradation("rows doubled", doubled, False),
        Degradation("interlaced, 4 px", interlaced, False),
        Degradation("black and white", two_tone, False),
    ]
