"""From light to grey levels: defocus, response, noise, quantisation to eight bits."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from nav.core.compiled import njit
from nav.core.frameset import Picture
from phantoms.twin.noise import QUANTILES, TAIL, normals_of, random_parts

BLACK_LEVEL = 12.0  # grey levels without light, assumed
WHITE_LEVEL = 235.0  # grey levels at albedo 1 in full light, assumed


@dataclass(frozen=True)
class Optics:
    """Effect of lens, exposure and sensor on the light.

    Parameters
    ----------
    blur : float
        Standard deviation of the defocus, px.
    noise : float
        Standard deviation of the read noise, grey levels.
    electrons : float or None
        Signal electrons per grey level (shot noise variance = grey / electrons); None: no shot
        noise.
    exposure : float
        In s.
    gamma : float
        Display gamma, 1 is linear.
    gradient : tuple of 2 floats
        Brightness at the right and lower edges minus that at the left and upper ones, relative to
        the middle.
    """

    blur: float = 1.0
    noise: float = 2.0
    electrons: float | None = None
    exposure: float = 0.008
    gamma: float = 1.0
    gradient: tuple[float, float] = (0.15, -0.1)

    def light(self, size: tuple[int, int]) -> NDArray[np.float32]:
        """Return the illumination over the image, (height, width), 1 in the middle."""
        width, height = size
        x = np.linspace(-0.5, 0.5, width, dtype=np.float32)
        y = np.linspace(-0.5, 0.5, height, dtype=np.float32)[:, None]
        return 1.0 + self.gradient[0] * x + self.gradient[1] * y

    def defocused(self, light: NDArray[np.float32], parts: int = 1) -> NDArray[np.float32]:
        """Return the light after the lens, of pixels divided into parts."""
        if self.blur <= 0:
            return light
        return cv2.GaussianBlur(light, (0, 0), self.blur * parts, borderType=cv2.BORDER_REPLICATE)

    def reach(self) -> int:
        """Return the radius of the blur in pixels."""
        return int(np.ceil(4 * self.blur)) + 1

    def digitise(self, light: NDArray[np.float32], rng: np.random.Generator) -> Picture:
        """Convert light to grey levels with noise, rounded and clipped to 8 bits."""
        parts = random_parts(rng, light.size).reshape(light.shape)
        picture = np.empty(light.shape, np.uint8)
        per_grey = 0.0 if self.electrons is None else 1.0 / self.electrons
        _digitise(light, parts, QUANTILES, TAIL, self.noise**2, per_grey, 1.0 / self.gamma, picture)
        return picture


@njit(nogil=True, cache=True, error_model="numpy")
def _digitise(light, parts, quantiles, tail, read_variance, per_grey, exponent, picture):
    columns = light.shape[1]
    constant = np.sqrt(read_variance)
    normals = np.empty(columns, np.float32)
    for row in range(light.shape[0]):
        normals_of(parts[row], quantiles, tail, normals)
        if exponent == 1.0 and per_grey == 0.0:  # branches in the loop would take most of the time
            for column in range(columns):
                grey = BLACK_LEVEL + (WHITE_LEVEL - BLACK_LEVEL) * max(light[row, column], 0.0)
                grey += constant * normals[column]
                picture[row, column] = min(max(np.rint(grey), 0.0), 255.0)
            continue
        for column in range(columns):
            value = max(light[row, column], 0.0)
            if exponent != 1.0:
                value = value**exponent
            grey = BLACK_LEVEL + (WHITE_LEVEL - BLACK_LEVEL) * value
            grey += np.sqrt(read_variance + per_grey * grey) * normals[column]
            picture[row, column] = min(max(np.rint(grey), 0.0), 255.0)
