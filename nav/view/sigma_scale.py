"""Map sigma to a colour: one logarithmic scale, the same in every picture."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

LOWEST, HIGHEST = 0.03, 3.0  # mm; beyond them the colour is that of the end
TICKS = (0.03, 0.1, 0.3, 1.0, 3.0)  # mm
# from certain to uncertain; distinguishable with colour blindness: brightness and blue both change
STOPS: NDArray[np.float64] = np.array(
    [(70, 110, 255), (40, 180, 225), (150, 220, 180), (252, 212, 70), (244, 84, 30)], float
)


def share(sigma: ArrayLike) -> NDArray[np.float64]:
    """Return the positions of standard deviations on the scale.

    Parameters
    ----------
    sigma : array_like, shape (...,)
        mm.

    Returns
    -------
    ndarray, shape (...,)
        0 to 1.
    """
    limited = np.clip(np.asarray(sigma, float), LOWEST, HIGHEST)
    return np.asarray(np.log(limited / LOWEST) / np.log(HIGHEST / LOWEST), float)


def colours(sigma: ArrayLike) -> NDArray[np.uint8]:
    """Return the colours of standard deviations.

    Parameters
    ----------
    sigma : array_like, shape (...,)
        mm.

    Returns
    -------
    ndarray of uint8, shape (..., 3)
        RGB.
    """
    places = np.linspace(0.0, 1.0, len(STOPS))
    at = share(sigma)
    channels = [np.interp(at, places, STOPS[:, k]) for k in range(3)]
    return np.rint(np.stack(channels, axis=-1)).astype(np.uint8)
