"""In-camera sharpening undone: the unsharp mask is inverted before anything is fitted.

A camera that sharpens adds to its grey levels u some of what a blur takes from them, y = S u =
u + a (u - G u), G a Gaussian of `width` px. For no frequency is S below 1 or above 1 + a, so that
it can be undone nearly without loss: u = (y + a G u) / (1 + a), repeated. The noise, which was
sharpened with the rest, is as it was. Halos beyond a marker's white zone need no model of what is
there.

Where a halo was clipped to black or white, y is not known. There u is held to what the marker is
expected to look like; such pixels say nothing themselves, but their neighbours are right.
"""

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from nav.core.frames import Array
from nav.core.frameset import Picture

BLACK, WHITE = 1.0, 254.0  # grey levels from which a pixel may have been clipped
UNKNOWN = 0.0  # stands for a clipped pixel in what `Unsharpened` makes
LEFT, MORE_SWEEPS = 1e-3, 3  # of the way, after all sweeps; sweeps from a solution nearby
MARGIN = 30  # px around markers: the fit may go so far, and the filter reaches beyond
FREQUENCIES = 64  # per side, for the mean of a logarithm
SAME = 0.003  # relative change of amount or width that no grey level shows
STEP_BLUR = 0.8  # px, sd of the edge whose halo is reported


@dataclass(frozen=True)
class Sharpening:
    """The unsharp mask of a camera.

    Parameters
    ----------
    amount : float
        Weight a of the difference from the blurred image.
    width : float
        Standard deviation of the blur, px.
    """

    amount: float = 0.0
    width: float = 1.5

    def apply(self, plain: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return grey levels after sharpening, not clipped."""
        return plain + self.amount * (plain - blurred(plain, self.width))

    def like(self, other: "Sharpening") -> bool:
        """Return whether another does the same as far as grey levels show."""
        return (
            abs(self.amount - other.amount) < SAME * (self.amount + other.amount) / 2
            and abs(self.width - other.width) < SAME * self.width
        ) or self == other

    @property
    def halo(self) -> float:
        """Overshoot of a black and white edge on either side, as a share of its contrast."""
        x = np.linspace(0.0, 4.0 * (self.width + STEP_BLUR), 200)
        sharp, soft = STEP_BLUR, np.hypot(STEP_BLUR, self.width)
        edge = (1.0 + self.amount) * ndtr(x / sharp) - self.amount * ndtr(x / soft)
        return float(max(edge.max() - 1.0, 0.0))

    @property
    def log_gain(self) -> float:
        """Mean logarithm of S over all frequencies: by that it raises the noise's logarithm."""
        return _log_gain(self.amount, self.width)


PLAIN = Sharpening()


@lru_cache(maxsize=256)
def _log_gain(amount: float, width: float) -> float:
    if amount == 0.0:
        return 0.0
    line = np.zeros(FREQUENCIES)
    kernel = cv2.getGaussianKernel(_size(width), width).ravel()
    for place, weight in enumerate(kernel):
        line[(place - len(kernel) // 2) % FREQUENCIES] += weight
    along = np.fft.fft(line).real
    return float(np.log(1.0 + amount - amount * np.outer(along, along)).mean())


def _size(width: float) -> int:
    return int(np.ceil(4.0 * width)) * 2 + 1


def blurred(grey: NDArray[np.float32], width: float) -> NDArray[np.float32]:
    """Apply a Gaussian blur to grey levels.

    Parameters
    ----------
    grey : ndarray, shape (height, width), float32
        Grey levels.
    width : float
        Standard deviation, px.

    Returns
    -------
    ndarray, shape (height, width), float32
    """
    size = _size(width)
    return cv2.GaussianBlur(grey, (size, size), width, borderType=cv2.BORDER_REPLICATE)


def unsharpened(picture: Picture, sharpening: Sharpening) -> Picture:
    """Undo the sharpening of a whole image, as far as it was not clipped.

    Parameters
    ----------
    picture : ndarray, shape (height, width), uint8
        As the camera gave it.
    sharpening : Sharpening
        Of the camera.

    Returns
    -------
    ndarray, shape (height, width), uint8
    """
    if sharpening.amount == 0.0:
        return picture
    grey = picture.astype(np.float32)
    return np.clip(np.rint(_undo(grey, grey, sharpening)), 0, 255).astype(np.uint8)


def _undo(
    grey: NDArray[np.float32],
    start: NDArray[np.float32],
    sharpening: Sharpening,
    sweeps: int | None = None,
    fixed: NDArray[np.bool_] | None = None,
) -> NDArray[np.float32]:
    """Solve y = S u for u, but where it is held, by u = (y + a G u) / (1 + a) from a start."""
    amount, plain = sharpening.amount, start.copy()
    # eigenvalues of a G / (1 + a) lie between 0 and its share: with over-relaxation, half as far
    share = amount / (1.0 + amount)
    over = 2.0 / (2.0 - share)
    if sweeps is None:
        sweeps = int(np.ceil(np.log(LEFT) / np.log(share / (2.0 - share))))
    for _ in range(sweeps):
        soft = blurred(plain, sharpening.width)
        change = (grey + amount * soft) * np.float32(1.0 / (1.0 + amount)) - plain
        if fixed is not None:
            change[fixed] = 0.0
        plain += np.float32(over) * change
    return plain


class Unsharpened:
    """An image with its sharpening undone where a tool's markers are.

    Parameters
    ----------
    picture : ndarray, shape (height, width), uint8
        As the camera gave it.
    corners : ndarray, shape (n, 2)
        Of the markers, px.
    sharpening : Sharpening
        Of the camera.

    Attributes
    ----------
    picture : ndarray, shape (height, width), uint8
        With the sharpening undone; UNKNOWN where clipped.
    clipped_at : ndarray, shape (m, 2), int
        Rows and columns of clipped pixels.
    """

    def __init__(self, picture: Picture, corners: Array, sharpening: Sharpening) -> None:
        """Undo the sharpening around the markers."""
        height, width = picture.shape
        low = np.clip(np.floor(corners.min(axis=0)) - MARGIN, 0, (width - 1, height - 1))
        high = np.clip(np.ceil(corners.max(axis=0)) + MARGIN, low + 1, (width, height))
        self.part = slice(int(low[1]), int(high[1])), slice(int(low[0]), int(high[0]))
        self.sharpening, self.picture = sharpening, picture.copy()
        self.grey = picture[self.part].astype(np.float32)
        self.clipped = (self.grey <= BLACK) | (self.grey >= WHITE)
        rows, columns = np.nonzero(self.clipped)
        self.clipped_at = np.column_stack([rows + self.part[0].start, columns + self.part[1].start])
        self.bright = self.grey[rows, columns] >= WHITE
        self.plain = _undo(self.grey, self.grey, sharpening)
        self.fixed = np.zeros(self.grey.shape, np.bool_)
        self._write()

    def hold(self, expected: Array, known: NDArray[np.bool_]) -> float:
        """Set clipped pixels to what is expected there.

        Parameters
        ----------
        expected : ndarray, shape (m,)
            Grey levels without sharpening at `clipped_at`.
        known : ndarray, shape (m,), bool
            Where they are known.

        Returns
        -------
        float
            Rms of the change, grey levels.
        """
        rows = self.clipped_at[known, 0] - self.part[0].start
        columns = self.clipped_at[known, 1] - self.part[1].start
        if not len(rows):
            return 0.0
        before = self.plain[rows, columns]
        self.plain[rows, columns] = expected[known]
        self.fixed[:] = False
        self.fixed[rows, columns] = True
        self.plain = _undo(self.grey, self.plain, self.sharpening, MORE_SWEEPS, self.fixed)
        self._write()
        return float(np.sqrt(np.mean((expected[known] - before) ** 2)))

    def _write(self) -> None:
        grey = np.clip(np.rint(self.plain), 1, 255).astype(np.uint8)
        grey[self.clipped] = int(UNKNOWN)
        self.picture[self.part] = grey
