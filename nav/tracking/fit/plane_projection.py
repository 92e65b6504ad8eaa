"""How markers' planes lie before their cameras, and how they move with the tool; compiled."""

import numpy as np

from nav.core.compiled import njit
from nav.tracking.fit.pixel_moments import GEOMETRY

MOTION = 6  # of the tool: (tx, ty, tz, rx, ry, rz) about its pivot, mm and rad


@njit(nogil=True, cache=True)
def project_planes(poses, pivot, rotations, translations, planes, count):
    """Compute how markers' planes lie before their cameras, and how they move with the tool.

    Parameters
    ----------
    poses : ndarray, shape (n, 4, 4)
        rig_from_tool.
    pivot : ndarray, shape (3,)
        Rig frame, mm.
    rotations, translations : ndarray, shape (n, 3, 3) and (n, 3)
        camera_from_rig, mm.
    planes : ndarray, shape (n, 3, 3)
        In the tool frame, mm; columns: one cell along x, one along y, where cell (0, 0) begins.
    count : int
        Cells along a side of a marker.

    Returns
    -------
    homographies : ndarray, shape (n, 3, 3)
        From rays to cells.
    flow : ndarray, shape (n, GEOMETRY, MOTION)
        By motion about the pivot.
    """
    half = count / 2.0
    plane = np.empty((len(poses), 3, 3))
    flow = np.empty((len(poses), GEOMETRY, MOTION))
    in_rig, moved, turned = np.empty((3, 3)), np.empty((3, 3)), np.empty((3, 3))
    for k in range(len(poses)):
        _product(poses[k, :3, :3], planes[k], in_rig)
        in_rig[:, 2] += poses[k, :3, 3]
        _product(rotations[k], in_rig, turned)
        turned[:, 2] += translations[k]
        inverse = np.linalg.inv(turned)
        plane[k] = inverse
        in_rig[:, 2] -= pivot
        for axis in range(3):
            # where a translation moves the plane's origin
            moved[:] = 0.0
            for a in range(3):
                moved[a, 2] = rotations[k, a, axis]
            _flow_of(inverse, moved, half, flow[k, :, axis])
            # unit vector x in_rig, column by column
            after, last = (axis + 1) % 3, (axis + 2) % 3
            for a in range(3):
                for b in range(3):
                    moved[a, b] = rotations[k, a, last] * in_rig[after, b]
                    moved[a, b] -= rotations[k, a, after] * in_rig[last, b]
            _flow_of(inverse, moved, half, flow[k, :, 3 + axis])
    return plane, flow


@njit(nogil=True, cache=True)
def _product(first, second, result):
    for a in range(3):
        for b in range(3):
            result[a, b] = first[a, 0] * second[0, b]
            result[a, b] += first[a, 1] * second[1, b] + first[a, 2] * second[2, b]


@njit(nogil=True, cache=True)
def _flow_of(plane, moved, half, flow):
    """Compute the flow of the cells about their middle when the plane's frame moves by `moved`."""
    change = np.empty((3, 3))
    _product(plane, moved, change)
    # from cells to coordinates of -1 to 1 about the middle
    for a in range(3):
        change[a, 2] += half * (change[a, 0] + change[a, 1])
    for b in range(3):
        last = change[2, b] if b == 2 else half * change[2, b]
        for a in range(2):
            own = change[a, b] if b == 2 else half * change[a, b]
            change[a, b] = own / half - last
        change[2, b] = last
    flow[0] = -half * change[0, 2]
    flow[1] = half * (change[2, 2] - change[0, 0])
    flow[2] = -half * change[0, 1]
    flow[3] = -half * change[1, 2]
    flow[4] = -half * change[1, 0]
    flow[5] = half * (change[2, 2] - change[1, 1])
    flow[6] = half * change[2, 0]
    flow[7] = half * change[2, 1]
