"""Evidence of many images for rows or columns that were interpolated.

Compression hides in a single image what a deinterlacer did. But it does not prefer rows to columns,
so that the mean over several images shows it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

ENOUGH = 12  # images from which the mean is judged
REMEMBERED = 24  # images; then half of them are forgotten
EARLY_WAIT = 2  # frame sets from one image to the next before there are enough
# Mean logarithm of the difference at its best place by that at others, down the rows by along them,
# below which rows are halved. Means of 40 images: without, also sharpened along rows, smeared and
# compressed to JPEG 30, no less than -0.10, -0.18 and -0.25, the latter two together only where the
# first was -0.10; interpolated along edges at JPEG 50 -0.53, bicubically -0.35 and -0.23, where the
# first was 0.03
HALVED_SECOND, HALVED_THIRD, HALVED_SMALL = -0.2, -0.2, -0.15
UNHALVED_SECOND = -0.07  # of the first, below which the others are a smear's


@dataclass(frozen=True)
class GridEvidence:
    """What several images of one camera say.

    Parameters
    ----------
    total : tuple of three floats
        Sum over images of the logarithms of second, third and small third differences.
    looks : int
        How many images.
    between, interpolated : tuple of two ints
        Period 2 along columns or rows where these were found halved; stays once it was found.
    """

    total: tuple[float, float, float] = (0.0, 0.0, 0.0)
    looks: int = 0
    between: tuple[int, int] = (0, 0)
    interpolated: tuple[int, int] = (0, 0)

    @property
    def enough(self) -> bool:
        """Whether the mean can be judged."""
        return self.looks >= ENOUGH

    def after(self, logarithms: Sequence[float]) -> "GridEvidence":
        """Return the evidence with one more image.

        Parameters
        ----------
        logarithms : sequence of three floats
            Of second, third and small third differences: how far they vanish at every second place
            down the rows by along them.

        Returns
        -------
        GridEvidence
        """
        total, looks = np.add(self.total, logarithms), self.looks + 1
        if looks > REMEMBERED:
            total, looks = total / 2.0, looks // 2
        between, interpolated = self.between, self.interpolated
        if looks >= ENOUGH and not any(between) and not any(interpolated):
            for sign, halved in ((1.0, (2, 0)), (-1.0, (0, 2))):
                second, third, small = sign * total / looks
                if second < HALVED_SECOND:
                    between = halved
                elif second > UNHALVED_SECOND and third < HALVED_THIRD and small < HALVED_SMALL:
                    interpolated = halved
        first, middle, last = (float(each) for each in total)
        return GridEvidence((first, middle, last), looks, between, interpolated)


NO_EVIDENCE = GridEvidence()
