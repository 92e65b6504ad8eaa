"""How much information successive poses add to the ones before them."""

import numpy as np
from numpy.typing import NDArray

from nav.core.frames import Array

NOTHING = 1e-6  # of the expected variance: less is rounding
SURE = 2.0  # standard deviations by which a correlation must differ from zero


def repetition(residuals: Array, kept: NDArray[np.bool_]) -> float:
    """Count the poses that together tell as much as one independent pose: 1 or more.

    1 + 2 (rho_1 + rho_2 + ...), where rho_l is the autocorrelation of the residuals at a lag of l
    poses, averaged over the three axes, summed up to the first that may be due to chance (below 2 /
    sqrt(3 n)). By that ratio the variance of a mean of correlated numbers exceeds that of
    independent ones.

    Parameters
    ----------
    residuals : ndarray, shape (n, 3)
        Whitened, in the order of time.
    kept : ndarray of bool, shape (n,)
        Poses that count; others have no weight, but keep their place in time.

    Returns
    -------
    float
        The ratio.
    """
    values = np.where(kept[:, None], residuals, 0.0)
    power = float((values**2).sum()) / max(int(kept.sum()), 1)
    if power < NOTHING:
        return 1.0
    total = 1.0
    for lag in range(1, len(values) // 2):
        pairs = int((kept[lag:] & kept[:-lag]).sum())
        if pairs == 0:
            continue
        rho = float((values[lag:] * values[:-lag]).sum()) / pairs / power
        if rho < SURE / np.sqrt(3 * pairs):
            break
        total += 2.0 * min(rho, 1.0)
    return total
