"""What cameras, drivers and networks do to pictures: each a function of one picture.

In NumPy, OpenCV and Pillow alone, without any of the product's code.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from io import BytesIO

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

Picture = NDArray[np.uint8]
Alter = Callable[[Picture], Picture]


@dataclass(frozen=True)
class Degradation:
    """name : as the table has it. geometry : whether edges stay where they were."""

    name: str
    alter: Alter
    geometry: bool = True


def rounded(picture: NDArray[np.floating]) -> Picture:
    """Round and clip as sensors do."""
    return np.clip(np.rint(picture), 0, 255).astype(np.uint8)


def unsharp(picture: Picture, amount: float, width: float) -> Picture:
    """Sharpen by an unsharp mask, clipped as cameras clip."""
    grey = picture.astype(np.float32)
    return rounded(grey + amount * (grey - cv2.GaussianBlur(grey, (0, 0), width)))


def laplacian(picture: Picture, amount: float) -> Picture:
    """Sharpen by the 3 x 3 kernel of simple signal processors."""
    kernel = np.array([[0, -1, 0], [-1, 4, -1], [0, -1, 0]], np.float32) * amount
    grey = picture.astype(np.float32)
    return rounded(grey + cv2.filter2D(grey, -1, kernel))


def along_rows(picture: Picture, amount: float) -> Picture:
    """Sharpen along rows only, as aperture correction of simple cameras does."""
    kernel = np.array([[-amount, 1.0 + 2.0 * amount, -amount]], np.float32)
    return rounded(cv2.filter2D(picture.astype(np.float32), -1, kernel))


def brighter(picture: Picture, gain: float) -> Picture:
    """Expose longer: halos are clipped."""
    return rounded(picture.astype(np.float32) * gain - 10.0)


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
    colour = cv2.cvtColor(rounded(raw), cv2.COLOR_BayerBG2BGR).astype(np.float32)
    colour *= np.array([0.9, 1.0, 0.8], np.float32) ** -1.0
    whole = picture.copy()
    whole[:height, :width] = cv2.cvtColor(rounded(colour), cv2.COLOR_BGR2GRAY)
    return whole


def vignette(picture: Picture) -> Picture:
    """Darken towards the corners, to half there."""
    height, width = picture.shape
    v, u = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    return rounded(picture * (1.0 - 0.25 * (u * u + v * v)))


def bands(picture: Picture, periods: float) -> Picture:
    """Flicker of lamps under a rolling shutter: rows brighter and darker by 15 %."""
    rows = 1.0 + 0.15 * np.sin(2 * np.pi * periods * np.arange(picture.shape[0]) / len(picture))
    return rounded(picture * rows[:, None])


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
    """Black and white only, by one threshold (Otsu's)."""
    level = cv2.threshold(picture, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)[0]
    return np.where(picture > level, 255, 0).astype(np.uint8)


def thresholded(picture: Picture) -> Picture:
    """Threshold by the mean of 31 x 31 px around, as scanners of documents do."""
    way = cv2.ADAPTIVE_THRESH_MEAN_C
    return np.asarray(cv2.adaptiveThreshold(picture, 255, way, cv2.THRESH_BINARY, 31, 4), np.uint8)


def posterised(picture: Picture, levels: int) -> Picture:
    """Keep so many grey levels."""
    step = 256.0 / levels
    return rounded((np.floor(picture / step) + 0.5) * step)


def dithered(picture: Picture, levels: int) -> Picture:
    """Keep so many grey levels, mixed by noise."""
    rng, step = np.random.default_rng(0), 255.0 / (levels - 1)
    return rounded(np.floor(picture / step + rng.random(picture.shape)) * step)


def gamma(picture: Picture, power: float) -> Picture:
    """Bend the curve from light to grey levels."""
    return rounded(255.0 * (picture.astype(np.float32) / 255.0) ** power)


def pillow_unsharp(picture: Picture, amount: float, width: float, least: int = 0) -> Picture:
    """Sharpen by Pillow's unsharp mask, whose blur is one of repeated box filters.

    least : grey levels of difference from the blurred picture below which pixels stay (coring).
    """
    mask = ImageFilter.UnsharpMask(width, round(100 * amount), least)
    return np.array(Image.fromarray(picture).filter(mask), np.uint8)


def pillow_jpeg(picture: Picture, quality: int) -> Picture:
    """Compress and decompress by Pillow."""
    with BytesIO() as file:
        Image.fromarray(picture).save(file, "JPEG", quality=quality)
        return np.array(Image.open(file), np.uint8)


def _same(picture: Picture) -> Picture:
    return picture


def _then(first: Alter, second: Alter) -> Alter:
    return lambda picture: second(first(picture))


UNSHARP = tuple((amount, width) for amount in (0.5, 1.0) for width in (0.8, 1.5, 3.0))
QUALITIES = (95, 90, 70, 50, 30)
WAYS = {"nearest": cv2.INTER_NEAREST, "bilinear": cv2.INTER_LINEAR, "bicubic": cv2.INTER_CUBIC}


def degradations() -> list[Degradation]:
    """All that the twin's pictures get; the first changes nothing."""
    return [
        Degradation("none", _same),
        *(
            Degradation(f"unsharp {a:g}, sd {w:g} px", partial(unsharp, amount=a, width=w))
            for a, w in UNSHARP
        ),
        Degradation("unsharp 2, sd 1.5 px", partial(unsharp, amount=2.0, width=1.5)),
        Degradation(
            "brighter, unsharp 1, sd 1.5 px",
            _then(partial(brighter, gain=1.15), partial(unsharp, amount=1.0, width=1.5)),
        ),
        Degradation("sharpened 3 x 3, 0.25", partial(laplacian, amount=0.25)),
        Degradation("sharpened along rows, 0.5", partial(along_rows, amount=0.5)),
        Degradation(
            "unsharp 0.5, sd 1.5 px, JPEG 75",
            _then(partial(unsharp, amount=0.5, width=1.5), partial(jpeg, quality=75)),
        ),
        Degradation("median 3 x 3", median),
        *(Degradation(f"JPEG {q}", partial(jpeg, quality=q)) for q in QUALITIES),
        Degradation("demosaiced", mosaic),
        Degradation("vignetting", vignette),
        *(Degradation(f"flicker, {n} bands", partial(bands, periods=n)) for n in (3, 10)),
        *(Degradation(f"gamma {p:g}", partial(gamma, power=p)) for p in (0.45, 2.2)),
        *(
            Degradation(f"{f:g} x {name}", partial(enlarged, how=how, factor=f), False)
            for f in (1.5, 2.0)
            for name, how in WAYS.items()
        ),
        Degradation("rows doubled", doubled, False),
        Degradation("interlaced, 4 px", interlaced, False),
        Degradation("interlaced, 1 px", partial(interlaced, shift=1), False),
        Degradation("black and white", two_tone, False),
        Degradation("black and white, locally", thresholded, False),
        *(
            Degradation(f"{n} grey levels", partial(posterised, levels=n), False)
            for n in (3, 4, 6, 8, 16)
        ),
        Degradation("8 grey levels, dithered", partial(dithered, levels=8), False),
    ]


def others_filters() -> list[Degradation]:
    """What the second simulator's pictures get, by Pillow; the first changes nothing."""
    return [
        Degradation("none", _same),
        *(
            Degradation(f"unsharp {a:g}, sd {w:g} px", partial(pillow_unsharp, amount=a, width=w))
            for a, w in UNSHARP
        ),
        Degradation(
            "unsharp 1, sd 1.5 px, cored",
            partial(pillow_unsharp, amount=1.0, width=1.5, least=3),
        ),
        Degradation("median 3 x 3", median),
        *(Degradation(f"JPEG {q}", partial(pillow_jpeg, quality=q)) for q in QUALITIES),
    ]
