"""Images that show the board where an earlier one already showed it: they add no information.

Counted as views, they would make the result look too good: each repeats the same errors of lens and
board, and one left out is predicted by its twin.
"""

from collections.abc import Mapping
from typing import Final

import numpy as np

from calibration.cameras.board_detection import Seen

SAME_PLACE: Final = 0.5  # px, rms: no hand holds a board twice in the same place to less than this
SHARED: Final = 0.8  # of the corners of either


def find_repeats(seen: Mapping[tuple[int, int], Seen]) -> dict[int, int]:
    """Find instants that repeat an earlier one in every camera that saw them.

    Parameters
    ----------
    seen : mapping of (int, int) to Seen
        Corners by camera and instant.

    Returns
    -------
    dict of int to int
        The earlier instant by the repeating one.
    """
    of: dict[int, dict[int, Seen]] = {}
    for (camera, instant), one in seen.items():
        of.setdefault(instant, {})[camera] = one
    repeats: dict[int, int] = {}
    kept: list[int] = []
    for instant in sorted(of):
        for earlier in kept:
            if set(of[instant]) <= set(of[earlier]) and all(
                _same(one, of[earlier][camera]) for camera, one in of[instant].items()
            ):
                repeats[instant] = earlier
                break
        else:
            kept.append(instant)
    return repeats


def _same(one: Seen, other: Seen) -> bool:
    common, first, second = np.intersect1d(one.ids, other.ids, return_indices=True)
    if len(common) < SHARED * max(len(one.ids), len(other.ids)):
        return False
    off = one.pixels[first] - other.pixels[second]
    return float(np.sqrt((off**2).sum(axis=1).mean())) < SAME_PLACE
