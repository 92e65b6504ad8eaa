"""How C1 sits on C2, and where both lie in the model frame."""

from __future__ import annotations

import numpy as np
from scipy.optimize import brentq
from scipy.spatial.transform import RigidTransform, Rotation

from phantoms.anatomy import c1, c2
from phantoms.anatomy.parameters import AnatomyParameters
from phantoms.anatomy.sdf import Array

ORIGIN_IN_FRONT = 5.0  # mm, of the spinolaminar line


def bone_poses(p: AnatomyParameters) -> tuple[RigidTransform, RigidTransform]:
    """model_from_c1 and model_from_c2.

    C1 rests on C2's joints with `joint_gap`, its anterior arch `dens_gap` in front of the dens,
    and nods until the window is `window_height` high. The model's origin is the middle of the
    window, ORIGIN_IN_FRONT of the spinolaminar line.

    Raises
    ------
    ValueError
        No nodding within 20 degrees of C2 opens or closes the window that far.
    """
    turn = Rotation.from_euler("x", p.c2_tilt, degrees=True)

    def window(tilt: float) -> tuple[Array, Array]:
        upper = _c1_on_c2(p, turn, tilt).apply(c1.window_edge(p))
        return np.asarray(upper), np.asarray(turn.apply(c2.window_edge(p)))

    def excess(tilt: float) -> float:
        upper, lower = window(tilt)
        return float(upper[2] - lower[2]) - p.window_height

    if excess(-10.0) * excess(40.0) > 0.0:
        raise ValueError(f"window_height {p.window_height}: C1 cannot nod that far on C2")
    tilt = float(brentq(excess, -10.0, 40.0, xtol=1e-10))
    upper, lower = window(tilt)
    atlas = _c1_on_c2(p, turn, tilt)
    line = atlas.translation[1] / 2  # spinolaminar line, half way from C2's (0) to C1's origin
    shift = RigidTransform.from_translation(
        -np.array([0.0, line - ORIGIN_IN_FRONT, (upper[2] + lower[2]) / 2])
    )
    return shift * atlas, shift * RigidTransform.from_rotation(turn)


def _c1_on_c2(p: AnatomyParameters, turn: Rotation, tilt: float) -> RigidTransform:
    """C1 on C2, in C2's place turned as in the model; `tilt` in degrees, anterior end up."""
    nod = Rotation.from_euler("x", -tilt, degrees=True)
    # Heights first: the facets' planes are joint_gap apart, seen from C2's.
    top, _ = c2.upper_facet(p)
    facet, down = c1.lower_facet(p)
    n = nod.apply(down)
    # Arch against the dens: y as a linear function of z along the dens's front.
    front_low, front_high = (turn.apply(c2.dens_front(p, h)) for h in (6.0, 14.0))
    slope = (front_high[1] - front_low[1]) / (front_high[2] - front_low[2])
    arch, resting = nod.apply(c1.arch_back(p)), nod.apply(facet)
    # Unknown (y, z) of C1's origin: n . (top - resting - t) = joint_gap, and
    # arch_y + y = front_y(arch_z + z) - dens_gap.
    system = np.array([[-n[1], -n[2]], [1.0, -slope]])
    known = np.array(
        [
            p.joint_gap - n @ (turn.apply(top) - resting),
            front_low[1] + slope * (arch[2] - front_low[2]) - arch[1] - p.dens_gap,
        ]
    )
    y, z = np.linalg.solve(system, known)
    return RigidTransform.from_components((0.0, y, z), nod)
