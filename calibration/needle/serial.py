"""How much poses that follow each other tell that the ones before have not told."""

import numpy as np
from numpy.typing import NDArray

from nav.frames import Array

NOTHING = 1e-6  # of the expected variance: less is rounding
SURE = 2.0  # standard deviations by which a correlation must differ from none


def repetition(residuals: Array, kept: NDArray[np.bool_]) -> float:
    """Number of poses that together tell as much as one independent pose: 1 or more.

    1 + 2 (rho_1 + rho_2 + ...), rho_l the autocorrelation of the residuals at a lag of l poses,
    mean of the three axes, summed up to the first that chance may have made (below 2 / sqrt(3 n)).
    By that ratio the variance of a mean of correlated numbers exceeds the one of independent ones.

    Parameters
    ----------
    residuals : array, shape (n, 3)
        Whitened, in the order of time.
    kept : array of bool, shape (n,)
        Others have no weight, but keep their place in time.
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
