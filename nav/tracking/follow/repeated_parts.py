"""Parts of an image that are an earlier image's: torn images, lost slices, skipped blocks.

No sensor gives the same grey levels twice, least of all where an edge moves. So blocks with an edge
that repeat an earlier image, on a marker that moved meanwhile by the pose, were not taken anew.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from nav.core.compiled import njit
from nav.core.frames import Array
from nav.core.frameset import Frame, Picture
from nav.tracking.follow.pixelgrid import boxes_of
from nav.tracking.follow.pose_candidate import PoseCandidate

BLOCK = 8  # px, side of the blocks that are compared, from the image's corner: codecs'
EDGE = 40  # grey levels between a block's darkest and brightest pixel
MOVED = 0.3  # px by which a marker moved, from which its blocks cannot repeat
# blocks of one marker. Of images in which nothing repeats, but that were compressed to JPEG 20 or
# as MPEG-4, or had four grey levels, no more than 3 repeated where markers had moved so far
FEWEST = 5
SAME_TIME = 0.25  # of the time between two images, by which a pose may be of another time


def cameras_with_old_parts(
    candidate: PoseCandidate,
    histories: Sequence[Sequence[Frame]],
    seen: Sequence[tuple[float, Array]],
) -> tuple[str, ...]:
    """Return the cameras whose images repeat parts of earlier ones on markers that moved.

    Parameters
    ----------
    candidate : PoseCandidate
        The tool.
    histories : sequence of sequence of Frame
        The last images of each camera, the newest last; empty where it has no new one.
    seen : sequence of (float, ndarray of shape (4, 4))
        Times (s) and rig_from_tool of the last poses, the newest last.

    Returns
    -------
    tuple of str
        Names of the cameras.
    """
    views, named = candidate.fit_result.marker_views, []
    for index, first, last in views.slices:
        camera, frames = views.cameras[index].camera, histories[index]
        boxes = boxes_of(candidate.projected[first:last], camera.size)
        for older in frames[:-1]:
            if older.image.shape != frames[-1].image.shape:
                continue
            repeated = _repeated_blocks(frames[-1].image, older.image, boxes) >= FEWEST
            if not repeated.any():
                continue
            before = _pose_then(seen, frames[-1].time - older.time)
            if before is None:
                continue
            then, _ = views.project(views.poses(before, np.zeros(6)))
            off = candidate.projected[first:last] - then[first:last]
            moved = np.linalg.norm(off, axis=2).min(axis=1) > MOVED
            if (repeated & moved).any():
                named.append(camera.name)
                break
    return tuple(named)


def _pose_then(seen: Sequence[tuple[float, Array]], ago: float) -> Array | None:
    """Return the pose so many seconds before the newest; None where none is known."""
    now = seen[-1][0]
    for time, pose in seen[:-1]:
        if abs(now - time - ago) < SAME_TIME * ago:
            return pose
    return None


def _repeated_blocks(
    newest: Picture, older: Picture, boxes: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return how many blocks with an edge in each box are the same in both images."""
    return np.asarray(_count(newest, older, boxes), np.int64)


@njit(nogil=True, cache=True)
def _count(newest, older, boxes):
    found = np.zeros(len(boxes), np.int64)
    for k in range(len(boxes)):
        row0, row1, column0, column1 = boxes[k]
        for top in range(-(-row0 // BLOCK) * BLOCK, row1 - BLOCK + 1, BLOCK):
            for side in range(-(-column0 // BLOCK) * BLOCK, column1 - BLOCK + 1, BLOCK):
                low, high, same = 255, 0, True
                for v in range(top, top + BLOCK):
                    for u in range(side, side + BLOCK):
                        if newest[v, u] != older[v, u]:
                            same = False
                            break
                        low, high = min(low, newest[v, u]), max(high, newest[v, u])
                    if not same:
                        break
                found[k] += same and high - low > EDGE
    return found
