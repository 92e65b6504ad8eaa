"""Skin of the upper neck: from the mastoid processes to below C4, model frame.

Each half is a height field over y and z: with all its relief, a mould that is split at x = 0 opens
sideways. That is why the furrow of the nape is flat.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.interpolate import CubicSpline

from phantoms.anatomy.bone_poses import BonePoses
from phantoms.anatomy.mesh import Mesh, mesh_rings
from phantoms.anatomy.parameters import AnatomyParameters
from phantoms.anatomy.sdf import Array

NECK_BOTTOM, NECK_TOP = -62.0, 46.0  # mm, cut off flat
RING_SPACING = 3.0  # mm
CORNERS = 96
# The classical entry is 10 below and 10 behind the mastoid's tip (Rossitti and Balbo): there the
# straight needle comes in, at z = 0 and y about 2.
MASTOID = np.array([-8.0, 10.0])  # mm, y and z of its tip
# The nape's distance behind the spinolaminar line, chosen; it grows with the neck's size.
NAPE, NAPE_SHARE = 20.0, 28.0 / 115.0

# Against the section at z = 0: half width as its share, back and front in mm backwards; chosen to
# look like a neck: narrowest at C3, the head above, the shoulders' beginning below.
_HEIGHTS = (-62.0, -42.0, -20.0, -10.0, 0.0, 12.0, 26.0, 46.0)
_WIDTH = (1.07, 1.0, 0.965, 0.975, 1.0, 1.05, 1.11, 1.15)
_BACK = (6.5, 1.6, -1.2, -1.2, 0.0, 4.0, 10.5, 15.5)
_FRONT = (1.5, 0.5, 0.0, 0.0, 0.0, 0.0, -0.5, -1.0)


def skin_mesh(p: AnatomyParameters) -> Mesh:
    """Mesh the neck's skin, closed flat at both ends; it does not depend on the posture.

    Parameters
    ----------
    p : AnatomyParameters
        The neck.

    Returns
    -------
    Mesh
        Model frame, mm.
    """
    z = np.linspace(NECK_BOTTOM, NECK_TOP, round((NECK_TOP - NECK_BOTTOM) / RING_SPACING) + 1)
    rings = [np.column_stack([outline(p, h), np.full(CORNERS, h)]) for h in z]
    return mesh_rings(np.array(rings))


def outline(p: AnatomyParameters, z: float, corners: int = CORNERS) -> Array:
    """Return the section of the skin at a height.

    Counter-clockwise seen from above, starting at the front's middle; left and right are mirror
    images.

    Parameters
    ----------
    p : AnatomyParameters
        The neck.
    z : float
        Height in the model frame, mm.
    corners : int, optional
        Number of points, even.

    Returns
    -------
    ndarray, shape (corners, 2)
        x and y in the model frame, mm, evenly spaced.
    """
    front, back = _ends(p, z)
    y = 0.5 * (front + back) + 0.5 * (back - front) * np.sin(np.linspace(-0.5, 0.5, 801) * np.pi)
    half = np.column_stack([skin_x(p, y, z), y])
    half[[0, -1], 0] = 0.0
    at = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(half, axis=0), axis=1))])
    even = np.linspace(0.0, at[-1], corners // 2 + 1)
    left = np.column_stack([np.interp(even, at, half[:, k]) for k in range(2)])
    return np.concatenate([left, left[-2:0:-1] * (-1.0, 1.0)])


def skin_x(p: AnatomyParameters, y: ArrayLike, z: ArrayLike = 0.0) -> Array:
    """Return the half width of the neck; 0 in front of it and behind it.

    Parameters
    ----------
    p : AnatomyParameters
        The neck.
    y, z : array_like
        Model frame, mm; broadcast against each other.

    Returns
    -------
    ndarray
        x of the left side's skin, mm, of the shape of y and z.
    """
    y, z = np.asarray(y, float), np.asarray(z, float)
    front, back = _ends(p, z)
    u = np.clip((2.0 * y - front - back) / (back - front), -1.0, 1.0)
    # The back is flatter than an ellipse's.
    exponent = np.where(u > 0.0, 2.45, 2.1)
    oval = (1.0 - np.abs(u) ** exponent) ** (1.0 / exponent)
    relief = _mastoid(y, z) + _muscles(y, z)
    return p.neck_width / 2.0 * _along(_WIDTH, z) * oval + relief * (1.0 - u**2) ** 0.75


def skin_middle(p: AnatomyParameters) -> float:
    """Return y of the neck's axis at z = 0: the spine lies in its back half.

    Parameters
    ----------
    p : AnatomyParameters
        The neck.

    Returns
    -------
    float
        Model frame, mm.
    """
    front, back = _ends(p, 0.0)
    return float(front + back) / 2.0


def landmarks(p: AnatomyParameters, poses: BonePoses) -> dict[str, Array]:
    """Return the points of the skin that can be palpated.

    Parameters
    ----------
    p : AnatomyParameters
        The neck.
    poses : BonePoses
        Where its bones lie.

    Returns
    -------
    dict of str to ndarray, shape (3,)
        The mastoids' tips, and the skin straight behind the spinous process of C2, by name; model
        frame, mm.
    """
    y, z = MASTOID
    x = float(skin_x(p, y, z))
    spine = poses.c2.apply(np.array([0.0, p.c2_spinous_length, -7.0]))
    return {
        "mastoid tip left": np.array([x, y, z]),
        "mastoid tip right": np.array([-x, y, z]),
        "spinous process C2": np.array([0.0, float(_ends(p, spine[2])[1]), spine[2]]),
    }


def _ends(p: AnatomyParameters, z: ArrayLike) -> tuple[Array, Array]:
    """Return y of the front and of the back."""
    nape = NAPE + NAPE_SHARE * p.neck_ap
    return nape - p.neck_ap + _along(_FRONT, z), nape + _along(_BACK, z)


def _along(values: tuple[float, ...], z: ArrayLike) -> Array:
    line = CubicSpline(_HEIGHTS, values, bc_type="natural")
    return np.asarray(line(np.clip(z, NECK_BOTTOM, NECK_TOP)))


def _mastoid(y: Array, z: Array) -> Array:
    """Return the mastoid process's relief: a knob with a blunt tip, wider and flatter upwards."""
    tip_y, tip_z = MASTOID
    above = z - tip_z
    height = (
        1.0 / (1.0 + np.exp(-(above + 0.5) / 1.8)) * np.exp(-((np.maximum(above, 0) / 26) ** 2))
    )
    wide = 7.0 + 0.12 * np.maximum(above, 0.0)
    return 6.6 * height * np.exp(-(((y - tip_y + 0.1 * above) / wide) ** 2))


def _muscles(y: Array, z: Array) -> Array:
    """Return the relief of sternocleidomastoid, the hollow behind it, and trapezius.

    Sternocleidomastoid runs from the mastoid down and forwards.
    """
    down = np.clip((MASTOID[1] - z) / 72.0, 0.0, 1.0)
    along = MASTOID[0] - 1.0 - 34.0 * down
    fades_in = 1.0 / (1.0 + np.exp((z + 1.0) / 4.0))
    strap = 4.2 * fades_in * np.exp(-(((y - along) / (8.0 + 3.0 * down)) ** 2))
    hollow = -2.4 * down * np.exp(-(((y - along - 22.0) / 9.0) ** 2))
    trapezius = 2.4 * np.clip((30.0 - z) / 60.0, 0.0, 1.0) * np.exp(-(((y - 34.0) / 10.0) ** 2))
    return strap + hollow + trapezius
