"""Normal random numbers for millions of pixels per second, by table.

16 random bits choose one of 65,536 equally likely parts of the distribution, and are replaced by
its median. The two outermost parts, beyond 4.17 standard deviations, are divided in the same way
once more, so that the tails are covered as well, to 6.2. Before rounding to grey levels the steps
are some ten thousandths of a standard deviation wide, in the tails hundredths.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from nav.core.compiled import njit

PARTS = 1 << 16
PER_WORD = 4  # numbers of 16 bits in a word of 64
_MEDIANS = (np.arange(PARTS) + 0.5) / PARTS
QUANTILES: NDArray[np.float32] = ndtri(_MEDIANS).astype(np.float32)
# of the lowest part, as far as it reaches
TAIL: NDArray[np.float32] = ndtri(_MEDIANS / PARTS).astype(np.float32)


def random_parts(rng: np.random.Generator, count: int) -> NDArray[np.uint16]:
    """Draw which parts of the distribution numbers come from.

    Parameters
    ----------
    rng : numpy.random.Generator
        For the draws.
    count : int
        How many.

    Returns
    -------
    ndarray of uint16, shape (count,)
        The parts.
    """
    words = np.asarray(rng.bit_generator.random_raw(-(-count // PER_WORD)), np.uint64)
    return words.view(np.uint16)[:count]


@njit(nogil=True, cache=True, error_model="numpy")
def normals_of(parts, quantiles, tail, out):
    """Write standard normal numbers into `out`.

    Parameters
    ----------
    parts : ndarray of uint16, shape (n,)
        Parts of the distribution.
    quantiles : ndarray of float32, shape (PARTS,)
        Median of each part.
    tail : ndarray of float32, shape (PARTS,)
        Medians within the lowest part.
    out : ndarray of float32, shape (n,)
        Overwritten.
    """
    outermost = 0
    for i in range(len(parts)):
        out[i] = quantiles[parts[i]]
        outermost += (parts[i] == 0) | (parts[i] == PARTS - 1)
    if outermost:
        _refine_tails(parts, tail, out)


@njit(nogil=True, cache=True, error_model="numpy")
def _refine_tails(parts, tail, out):
    """Choose again within the outermost parts, by bits mixed from the neighbours' parts."""
    count = len(parts)
    for i in range(count):
        if parts[i] == 0 or parts[i] == PARTS - 1:
            mixed = np.uint64(i)
            for k in range(1, 5):
                mixed = (mixed << np.uint64(16)) ^ np.uint64(parts[(i + k) % count])
            # SplitMix's mixing (Steele et al. 2014)
            mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            value = tail[mixed >> np.uint64(48)]
            out[i] = value if parts[i] == 0 else -value
