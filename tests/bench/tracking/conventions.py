"""What others call a pixel's place and a marker's first corner, brought to ours.

Ours: the first pixel's centre is (0, 0); corners run clockwise from the pattern's top left, as
seen from the front. Found with pictures whose corners are known; test_conventions.py repeats it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True)
class Convention:
    """`offset` : what to subtract, px. `order` : which of their corners are our c0..c3."""

    offset: float = 0.0
    order: Sequence[int] = (0, 1, 2, 3)

    def ours(self, corners: ArrayLike) -> NDArray[np.float64]:
        """Their corners (4, 2) as ours."""
        return np.asarray(corners, float)[list(self.order)] - self.offset


CONVENTIONS = {
    # the AprilTag library's 0.5 for the first pixel's centre has come along into OpenCV. Its own
    # bias is taken off too, to its favour: 0.43 to 0.49 is found as blur goes from 0.4 to 2 px
    "opencv-apriltag": Convention(offset=0.46),
    "pupil-apriltags": Convention(offset=0.5, order=(1, 0, 3, 2)),
    "pupil-apriltags-decimated": Convention(offset=0.5, order=(1, 0, 3, 2)),
}


def convention(peer: str) -> Convention:
    """Of a peer of worker.py; those not listed have ours."""
    return CONVENTIONS.get(peer, Convention())
