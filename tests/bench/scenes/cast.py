"""The compiled part: rays through each pixel's area and exposure, nearest hit, its light."""

import math

import numpy as np
from numba import njit

SHADE_REACH = 3.0  # mm behind a finger at which half of its shade is left, assumed
SHADE_DEPTH = 0.25  # share of the light that a touching finger takes, assumed


@njit(nogil=True, cache=True, fastmath=True, inline="always")
def _dot(a, x, y, z):
    return a[0] * x + a[1] * y + a[2] * z


@njit(nogil=True, cache=True, fastmath=True)
def _place_face(frame, pose, light, ambient, plane):
    """Face in the camera frame: plane[0:3] / depth, right, its offset, down, its offset, shade."""
    p, x, y = np.empty(3), np.empty(3), np.empty(3)
    for i in range(3):
        row = pose[i]
        p[i] = _dot(row, frame[0, 0], frame[0, 1], frame[0, 2]) + row[3]
        x[i] = _dot(row, frame[1, 0], frame[1, 1], frame[1, 2])
        y[i] = _dot(row, frame[2, 0], frame[2, 1], frame[2, 2])
    # outward normal: down x right
    n0 = y[1] * x[2] - y[2] * x[1]
    n1 = y[2] * x[0] - y[0] * x[2]
    n2 = y[0] * x[1] - y[1] * x[0]
    depth = n0 * p[0] + n1 * p[1] + n2 * p[2]
    if depth >= 0.0:  # the camera sees its back
        plane[0] = plane[1] = plane[2] = 0.0
        return
    plane[0], plane[1], plane[2] = n0 / depth, n1 / depth, n2 / depth
    plane[3], plane[4], plane[5], plane[6] = x[0], x[1], x[2], _dot(p, x[0], x[1], x[2])
    plane[7], plane[8], plane[9], plane[10] = y[0], y[1], y[2], _dot(p, y[0], y[1], y[2])
    plane[11] = ambient + (1.0 - ambient) * max(0.0, n0 * light[0] + n1 * light[1] + n2 * light[2])


@njit(nogil=True, cache=True, fastmath=True)
def _hit_rod(rod, radius, dx, dy, normal):
    """Depth along z at which the ray (dx, dy, 1) meets a rod, or 0; fills the outward normal."""
    length = math.sqrt(dx * dx + dy * dy + 1.0)
    x, y, z = dx / length, dy / length, 1.0 / length
    bx, by, bz = rod[3] - rod[0], rod[4] - rod[1], rod[5] - rod[2]
    bb = bx * bx + by * by + bz * bz
    bd = bx * x + by * y + bz * z
    bo = -(bx * rod[0] + by * rod[1] + bz * rod[2])
    do = -(x * rod[0] + y * rod[1] + z * rod[2])
    oo = rod[0] * rod[0] + rod[1] * rod[1] + rod[2] * rod[2]
    a, b = bb - bd * bd, bb * do - bo * bd
    c = bb * oo - bo * bo - radius * radius * bb
    h = b * b - a * c
    if h < 0.0 or a < 1e-12:
        return 0.0
    t = (-b - math.sqrt(h)) / a
    along = bo + t * bd
    if along <= 0.0 or along >= bb:
        at = 0 if along <= 0.0 else 3
        b = -(x * rod[at] + y * rod[at + 1] + z * rod[at + 2])
        c = rod[at] ** 2 + rod[at + 1] ** 2 + rod[at + 2] ** 2 - radius * radius
        h = b * b - c
        if h <= 0.0:
            return 0.0
        t = -b - math.sqrt(h)
        along = 0.0 if at == 0 else bb
    share = along / bb
    normal[0] = (t * x - rod[0] - share * bx) / radius
    normal[1] = (t * y - rod[1] - share * by) / radius
    normal[2] = (t * z - rod[2] - share * bz) / radius
    return t / length


@njit(nogil=True, cache=True, fastmath=True)
def _shade_of_rod(rod, radius, x, y, z):
    """Share of the light that a rod leaves at a point near it."""
    bx, by, bz = rod[3] - rod[0], rod[4] - rod[1], rod[5] - rod[2]
    px, py, pz = x - rod[0], y - rod[1], z - rod[2]
    share = (px * bx + py * by + pz * bz) / (bx * bx + by * by + bz * bz)
    share = min(max(share, 0.0), 1.0)
    px, py, pz = px - share * bx, py - share * by, pz - share * bz
    gap = max(math.sqrt(px * px + py * py + pz * pz) - radius, 0.0) / SHADE_REACH
    return 1.0 - SHADE_DEPTH / (1.0 + gap * gap)


@njit(nogil=True, cache=True, fastmath=True, inline="always")
def _noise(row, column, salt):
    """Two numbers in [0, 1) of their own for every pixel."""
    h = np.uint64(row) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(salt)
    h ^= np.uint64(column) * np.uint64(0xC2B2AE3D27D4EB4F)
    h = (h ^ (h >> np.uint64(31))) * np.uint64(0xBF58476D1CE4E5B9)
    h = (h ^ (h >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    h ^= h >> np.uint64(31)
    return (h >> np.uint64(40)) / 16777216.0, (
        (h >> np.uint64(8)) & np.uint64(0xFFFFFF)
    ) / 16777216.0


@njit(nogil=True, cache=True, fastmath=True)
def cast(
    corners, window, poses, boxes, rod_boxes, soft_boxes, face_body, frames, extents, cut_counts,
    cuts, looks, counts, cells, rod_body, ends, rods, light, ambient, samples, times, part, salt,
    out, cover
):  # fmt: skip
    """Mean light and covered share of every pixel of a window, or of a part of each.

    Parameters
    ----------
    corners : lens.corner_rays of the camera. window : (4,) row0, row1, column0, column1.
    poses : (bodies, rows or 1, k, 3, 4) camera_from_body of each row of the window and each time
        within the exposure. boxes, rod_boxes, soft_boxes : (n, 4) windows outside of which a face,
        a rod or a soft rod's shade is not seen.
    face_body to rods : fields of shapes.Packed. light : (3,) unit vector towards the light, camera
        frame. ambient : share of the light that comes from everywhere.
    samples : (n, 2) in [0, 1): places in the pixel. times : (n,) index of the time of each.
    part : (3,) how often a pixel's side is divided; column and row of the part that is meant.
    salt : integer; shifts each pixel's samples. out, cover : (height, width), filled in.
    """
    row0, row1, column0, column1 = window[0], window[1], window[2], window[3]
    n_faces, n_rods, n_times = len(frames), len(ends), poses.shape[2]
    planes = np.zeros((n_faces, n_times, 12))
    placed = np.zeros((n_rods, n_times, 6))
    row_faces, row_rods = np.empty(n_faces, np.int64), np.empty(n_rods, np.int64)
    near_faces, near_rods = np.empty(n_faces, np.int64), np.empty(n_rods, np.int64)
    row_soft, near_soft = np.empty(n_rods, np.int64), np.empty(n_rods, np.int64)
    normal, rod_normal = np.empty(3), np.empty(3)
    for row in range(row0, row1):
        at = row - row0 if poses.shape[1] > 1 else 0
        if row == row0 or poses.shape[1] > 1:
            for k in range(n_times):
                for f in range(n_faces):
                    _place_face(frames[f], poses[face_body[f], at, k], light, ambient, planes[f, k])
                for r in range(n_rods):
                    pose = poses[rod_body[r], at, k]
                    for e in range(2):
                        x, y, z = ends[r, e, 0], ends[r, e, 1], ends[r, e, 2]
                        for i in range(3):
                            placed[r, k, 3 * e + i] = _dot(pose[i], x, y, z) + pose[i, 3]
        n_row, n_row_rods, n_row_soft = 0, 0, 0
        for f in range(n_faces):
            front = np.any(planes[f, :, 2] != 0.0)
            if front and boxes[f, 0] <= row < boxes[f, 1]:
                row_faces[n_row] = f
                n_row += 1
        for r in range(n_rods):
            if rod_boxes[r, 0] <= row < rod_boxes[r, 1]:
                row_rods[n_row_rods] = r
                n_row_rods += 1
            if soft_boxes[r, 0] <= row < soft_boxes[r, 1]:
                row_soft[n_row_soft] = r
                n_row_soft += 1
        for column in range(column0, column1):
            n_near, n_near_rods, n_near_soft = 0, 0, 0
            for n in range(n_row):
                f = row_faces[n]
                if boxes[f, 2] <= column < boxes[f, 3]:
                    near_faces[n_near] = f
                    n_near += 1
            for n in range(n_row_rods):
                r = row_rods[n]
                if rod_boxes[r, 2] <= column < rod_boxes[r, 3]:
                    near_rods[n_near_rods] = r
                    n_near_rods += 1
            for n in range(n_row_soft):
                r = row_soft[n]
                if soft_boxes[r, 2] <= column < soft_boxes[r, 3]:
                    near_soft[n_near_soft] = r
                    n_near_soft += 1
            if n_near + n_near_rods == 0:
                continue
            shift_u, shift_v = _noise(row, column, salt)
            total, hits = 0.0, 0
            for s in range(len(samples)):
                k = times[s]
                u, v = samples[s, 0] + shift_u, samples[s, 1] + shift_v
                u -= math.floor(u)
                v -= math.floor(v)
                u, v = (u + part[1]) / part[0], (v + part[2]) / part[0]
                # between the corners' exact rays: right to 1e-4 px within a pixel
                w00, w01, w10, w11 = (1 - u) * (1 - v), u * (1 - v), (1 - u) * v, u * v
                dx = w00 * corners[row, column, 0] + w01 * corners[row, column + 1, 0]
                dx += w10 * corners[row + 1, column, 0] + w11 * corners[row + 1, column + 1, 0]
                dy = w00 * corners[row, column, 1] + w01 * corners[row, column + 1, 1]
                dy += w10 * corners[row + 1, column, 1] + w11 * corners[row + 1, column + 1, 1]
                nearest, value = 0.0, 0.0  # nearest: inverse depth
                for n in range(n_near):
                    f = near_faces[n]
                    p = planes[f, k]
                    inverse = p[0] * dx + p[1] * dy + p[2]
                    if inverse <= nearest:
                        continue
                    depth = 1.0 / inverse
                    x = (p[3] * dx + p[4] * dy + p[5]) * depth - p[6]
                    y = (p[7] * dx + p[8] * dy + p[9]) * depth - p[10]
                    e = extents[f]
                    if x < e[0] or y < e[1] or x > e[2] or y > e[3]:
                        continue
                    if cut_counts[f] > 0:
                        outside = False
                        for c in range(cut_counts[f]):
                            if cuts[f, c, 0] * x + cuts[f, c, 1] * y > cuts[f, c, 2]:
                                outside = True
                        if outside:
                            continue
                    nearest, value = inverse, looks[f, 0]
                    if counts[f] > 0:
                        i, j = x / looks[f, 2], y / looks[f, 2]
                        inside = 0.0 <= i < counts[f] and 0.0 <= j < counts[f]
                        if inside and cells[f, int(j), int(i)] == 0:
                            value = looks[f, 1]
                    value *= p[11]
                by_rod = -1
                for n in range(n_near_rods):
                    r = near_rods[n]
                    away = _hit_rod(placed[r, k], rods[r, 0], dx, dy, rod_normal)
                    if away > 0.0 and 1.0 / away > nearest:
                        nearest, by_rod = 1.0 / away, r
                        normal[:] = rod_normal
                if by_rod >= 0:
                    lit = max(0.0, _dot(normal, light[0], light[1], light[2]))
                    value = rods[by_rod, 1] * (ambient + (1.0 - ambient) * lit)
                if nearest > 0.0:
                    hits += 1
                    if by_rod < 0:
                        for n in range(n_near_soft):
                            r = near_soft[n]
                            value *= _shade_of_rod(
                                placed[r, k], rods[r, 0], dx / nearest, dy / nearest, 1.0 / nearest
                            )
                    total += value
            out[row, column] = total / len(samples)
            cover[row, column] = hits / len(samples)
