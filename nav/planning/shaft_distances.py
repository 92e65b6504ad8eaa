"""Compute exact distances between straight shafts and triangles."""

import numpy as np

from nav.core.compiled import njit
from nav.core.frames import Array
from nav.model.distance_grid import squared_distance


@njit(cache=True, nogil=True)
def _segments(p: Array, d: Array, q: Array, e: Array) -> tuple[float, float]:  # pragma: no cover
    """Return the squared distance of segments p + s d and q + t e, and s: Ericson 5.1.9."""
    a, f, b = 0.0, 0.0, 0.0
    c, g = 0.0, 0.0
    for k in range(3):
        r = p[k] - q[k]
        a += d[k] * d[k]
        f += e[k] * r
        b += d[k] * e[k]
        c += d[k] * r
        g += e[k] * e[k]
    denominator = a * g - b * b
    s = 0.0
    if denominator > 1e-14 * a * g:
        s = min(max((b * f - c * g) / denominator, 0.0), 1.0)
    t = 0.0
    if g > 0.0:
        t = (b * s + f) / g
    if t < 0.0:
        t = 0.0
        s = min(max(-c / a, 0.0), 1.0)
    elif t > 1.0:
        t = 1.0
        s = min(max((b - c) / a, 0.0), 1.0)
    total = 0.0
    for k in range(3):
        v = p[k] + s * d[k] - q[k] - t * e[k]
        total += v * v
    return total, s


@njit(cache=True, nogil=True)
def _pierces(p: Array, d: Array, t: Array) -> bool:  # pragma: no cover - compiled
    """Return whether the segment p + s d goes through a triangle (3, 3)."""
    ax, ay, az = t[1, 0] - t[0, 0], t[1, 1] - t[0, 1], t[1, 2] - t[0, 2]
    bx, by, bz = t[2, 0] - t[0, 0], t[2, 1] - t[0, 1], t[2, 2] - t[0, 2]
    hx, hy, hz = d[1] * bz - d[2] * by, d[2] * bx - d[0] * bz, d[0] * by - d[1] * bx
    a = ax * hx + ay * hy + az * hz
    if abs(a) < 1e-15:
        return False
    rx, ry, rz = p[0] - t[0, 0], p[1] - t[0, 1], p[2] - t[0, 2]
    u = (rx * hx + ry * hy + rz * hz) / a
    if u < 0.0 or u > 1.0:
        return False
    qx, qy, qz = ry * az - rz * ay, rz * ax - rx * az, rx * ay - ry * ax
    v = (d[0] * qx + d[1] * qy + d[2] * qz) / a
    if v < 0.0 or u + v > 1.0:
        return False
    s = (bx * qx + by * qy + bz * qz) / a
    return 0.0 <= s <= 1.0


@njit(cache=True, nogil=True)
def line_distances(
    corners: Array, centres: Array, radii: Array, starts: Array, ends: Array
) -> tuple[Array, Array]:  # pragma: no cover - compiled
    """Return the exact distance of straight lines to triangles, and where on the line it is.

    Parameters
    ----------
    corners : ndarray, shape (m, 3, 3)
        Triangles, mm.
    centres : ndarray, shape (m, 3)
        Of spheres around the triangles; a triangle is skipped where its sphere is further away.
    radii : ndarray, shape (m,)
        Of the spheres, mm.
    starts, ends : ndarray, shape (n, 3)
        Of the lines, mm.

    Returns
    -------
    least : ndarray, shape (n,)
        Distance, mm; 0 where the line goes through a triangle.
    place : ndarray, shape (n,)
        Share of the line: 0 at the start, 1 at the end.
    """
    least, place = np.empty(len(starts)), np.empty(len(starts))
    for n in range(len(starts)):
        p, d = starts[n], ends[n] - starts[n]
        whole = (d * d).sum()
        # the nearest sphere's centre bounds the distance from above
        bound = 1e18
        gaps = np.empty(len(corners))
        for m in range(len(corners)):
            x, y, z = centres[m, 0] - p[0], centres[m, 1] - p[1], centres[m, 2] - p[2]
            s = min(max((x * d[0] + y * d[1] + z * d[2]) / whole, 0.0), 1.0)
            x, y, z = x - s * d[0], y - s * d[1], z - s * d[2]
            gap = np.sqrt(x * x + y * y + z * z)
            gaps[m] = gap - radii[m]
            bound = min(bound, gap + radii[m])
        best, at = 1e18, 0.0
        for m in range(len(corners)):
            if gaps[m] > bound:
                continue
            t = corners[m]
            found = squared_distance(p[0], p[1], p[2], t)
            if found < best:
                best, at = found, 0.0
            found = squared_distance(p[0] + d[0], p[1] + d[1], p[2] + d[2], t)
            if found < best:
                best, at = found, 1.0
            for k in range(3):
                found, s = _segments(p, d, t[k], t[(k + 1) % 3] - t[k])
                if found < best:
                    best, at = found, s
            if gaps[m] <= 0.0 and _pierces(p, d, t):
                best = 0.0
            bound = min(bound, np.sqrt(best))
        least[n], place[n] = np.sqrt(best), at
    return least, place
