"""Whether a camera mixes earlier images into its newest: temporal noise reduction, video coding.

Noise is new in every image. Of three images in a row the first and the last then differ as much as
neighbours do, whatever a camera does to each of them alone: fixed patterns, sharpening, compression
of single images. Where a share a of the image before is kept, noise is partly the same, and the
first and the last differ by 1 + a as much, squared. What is seen of a marker that moves is then
shown late, and at two places.

That is measured all over the image, where hardly anything moves: the cameras of a rig stand still.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nav.core.compiled import njit
from nav.core.frames import Array
from nav.core.frameset import Frame, Picture

BLOCK = 8  # px, side of the blocks that are compared; JPEG's
MOST_BLOCKS = 24  # along each direction
DARKEST, BRIGHTEST = 2, 253  # grey levels: others may be clipped, and have no noise
LEAST_CHANGE = 1.0  # grey levels^2, summed over a block: less is no noise
LIVE = 0.7  # of the blocks that must have noise
FEWEST_BLOCKS = 60
QUIET = 0.5  # quantile of the change among blocks, above which something may move
KEPT = 3  # images that are remembered
FIRST_LOOKS, LOOK_AGAIN = 8, 15  # looks one after the other; frame sets from one to the next then
# Mean excess from which a camera mixes, after so many looks: about half and a fifth of the image
# before, uncompressed. Without mixing it was at most 0.015 (JPEG 20 to 90, flicker, steps of the
# exposure, filters within images), and 0.04 where the whole camera swayed by 0.3 px
MIXED_SOON, MIXED = 0.09, 0.045
SOON, SURE = 3, 8


@dataclass(frozen=True)
class ImageHistory:
    """The last images of one camera, and whether they are mixed.

    Parameters
    ----------
    frames : tuple of Frame
        The newest, at most KEPT, the last one last; each differs from the one before.
    excess : float
        Sum over all looks of the mean excess.
    looks : int
        How many there were.
    wait : int
        Images until the next look.
    mixed : bool
        Whether it was found that images are mixed; stays.
    """

    frames: tuple[Frame, ...] = ()
    excess: float = 0.0
    looks: int = 0
    wait: int = 0
    mixed: bool = False

    def after(self, frame: Frame) -> "ImageHistory":
        """Return the history with one more image, which does not repeat the one before.

        Parameters
        ----------
        frame : Frame
            The image.

        Returns
        -------
        ImageHistory
        """
        frames = (*self.frames[1 - KEPT :], frame)
        same = all(each.image.shape == frame.image.shape for each in frames)
        if len(frames) < KEPT or not same or self.wait > 0:
            return ImageHistory(frames, self.excess, self.looks, self.wait - 1, self.mixed)
        found = mixing_excess([each.image for each in frames])
        looks = self.looks if found is None else self.looks + 1
        excess = self.excess + (found or 0.0)
        soon = looks >= SOON and excess > MIXED_SOON * looks
        mixed = self.mixed or soon or (looks >= SURE and excess > MIXED * looks)
        wait = 0 if looks < FIRST_LOOKS and found is not None else LOOK_AGAIN
        return ImageHistory(frames, excess, looks, wait, mixed)


def mixing_excess(pictures: Sequence[Picture]) -> float | None:
    """Return by how much more images two apart differ than neighbours do.

    Parameters
    ----------
    pictures : sequence of ndarray, shape (height, width), uint8
        Three images in a row.

    Returns
    -------
    float or None
        Mean over blocks of (far - near) / (far + 2 near), both squared differences: 0 where every
        image has noise of its own, a / (3 + a) where a share a of the image before is kept. None
        where too little noise is seen.
    """
    first, middle, last = pictures
    excess, change = _blocks(first, middle, last)
    live = change > LEAST_CHANGE
    if live.sum() < max(FEWEST_BLOCKS, LIVE * len(change)):
        return None
    quiet = live & (change <= np.quantile(change[live], QUIET))
    return float(excess[quiet].mean())


def _blocks(first: Picture, middle: Picture, last: Picture) -> tuple[Array, Array]:
    """Return excess and change, (n,), of blocks spread over three images; none clipped."""
    height, width = first.shape
    rows, columns = (
        BLOCK * np.unique(np.linspace(0, size // BLOCK - 1, MOST_BLOCKS).astype(np.int64))
        for size in (height, width)
    )
    found = _block_changes(first, middle, last, rows, columns)
    return found[0], found[1]


@njit(nogil=True, cache=True)
def _block_changes(first, middle, last, rows, columns):
    """Compare blocks without each row's mean (bands of light) and without gain (exposure)."""
    excess, change, count = (
        np.empty(len(rows) * len(columns)),
        np.empty(len(rows) * len(columns)),
        0,
    )
    early, late, pattern = np.empty(BLOCK**2), np.empty(BLOCK**2), np.empty(BLOCK**2)
    for top in rows:
        for side in columns:
            low, high = 255.0, 0.0
            for v in range(BLOCK):
                mean_early = mean_late = mean_pattern = 0.0
                for u in range(BLOCK):
                    a = float(first[top + v, side + u])
                    b = float(middle[top + v, side + u])
                    c = float(last[top + v, side + u])
                    low, high = min(low, a, b, c), max(high, a, b, c)
                    k = BLOCK * v + u
                    early[k], late[k], pattern[k] = b - a, c - b, a + b + c
                    mean_early += early[k] / BLOCK
                    mean_late += late[k] / BLOCK
                    mean_pattern += pattern[k] / BLOCK
                for u in range(BLOCK):
                    early[BLOCK * v + u] -= mean_early
                    late[BLOCK * v + u] -= mean_late
                    pattern[BLOCK * v + u] -= mean_pattern
            if low < DARKEST or high > BRIGHTEST:
                continue
            size = (pattern * pattern).sum() + 1e-9
            early -= (early * pattern).sum() / size * pattern
            late -= (late * pattern).sum() / size * pattern
            near = ((early * early).sum() + (late * late).sum()) / 2.0
            far = ((early + late) ** 2).sum()
            change[count] = 2.0 * near + far  # the same whichever of the three is the odd one
            excess[count] = (far - near) / max(change[count], 1e-9)
            count += 1
    return excess[:count], change[:count]
