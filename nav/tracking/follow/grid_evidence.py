"""Evidence of many images for rows or columns that were interpolated.

Compression hides in a single image what a deinterlacer did. But it does not prefer rows to columns,
so that the mean over several images shows it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

# images, and pixels of markers in all of them, from which the mean is judged. Logarithms of one
# image, also compressed, have an sd of up to 12 by the root of its pixels
ENOUGH, ENOUGH_PIXELS = 12, 60_000
REMEMBERED = 24  # images; then half of them are forgotten
EARLY_WAIT = 2  # frame sets from one image to the next before there are enough
# px that markers are away from where they were in every image that counts: edges that lie the same
# between pixels give the same logarithms again
ELSEWHERE = 1.5
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
        Sum over images of the logarithms of second, third and small third differences, each
        multiplied by the image's pixels.
    pixels : float
        Sum of their pixels.
    looks : int
        How many images.
    places : tuple of pairs of floats
        Where the markers' mean was in them, px.
    between, interpolated : tuple of two ints
        Period 2 along columns or rows where these were found halved; stays once it was found.
    """

    total: tuple[float, float, float] = (0.0, 0.0, 0.0)
    pixels: float = 0.0
    looks: int = 0
    places: tuple[tuple[float, float], ...] = ()
    between: tuple[int, int] = (0, 0)
    interpolated: tuple[int, int] = (0, 0)

    @property
    def enough(self) -> bool:
        """Whether the mean can be judged."""
        return self.looks >= ENOUGH and self.pixels >= ENOUGH_PIXELS

    def is_new(self, place: tuple[float, float]) -> bool:
        """Return whether markers there, px, were not so near in an image that counts."""
        return all(np.hypot(place[0] - x, place[1] - y) > ELSEWHERE for x, y in self.places)

    def after(
        self, logarithms: Sequence[float], pixels: float, place: tuple[float, float]
    ) -> "GridEvidence":
        """Return the evidence with one more image.

        Parameters
        ----------
        logarithms : sequence of three floats
            Of second, third and small third differences: how far they vanish at every second place
            down the rows by along them.
        pixels : float
            Of the markers.
        place : tuple of two floats
            Where their mean is, px; `is_new`.

        Returns
        -------
        GridEvidence
        """
        total, looks = np.add(self.total, np.multiply(logarithms, pixels)), self.looks + 1
        pixels, places = self.pixels + pixels, (*self.places, place)
        if looks > REMEMBERED:
            total, pixels, looks = total / 2.0, pixels / 2.0, looks // 2
            places = places[-looks:]
        between, interpolated = self.between, self.interpolated
        enough = looks >= ENOUGH and pixels >= ENOUGH_PIXELS
        if enough and not any(between) and not any(interpolated):
            for sign, halved in ((1.0, (2, 0)), (-1.0, (0, 2))):
                second, third, small = sign * total / pixels
                if second < HALVED_SECOND:
                    between = halved
                elif second > UNHALVED_SECOND and third < HALVED_THIRD and small < HALVED_SMALL:
                    interpolated = halved
        first, middle, last = (float(each) for each in total)
        return GridEvidence((first, middle, last), pixels, looks, places, between, interpolated)


NO_EVIDENCE = GridEvidence()
