"""Planned needles: straight from the side into the fluid behind the cord; obstacles near them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np

from phantoms.anatomy.bone_poses import BonePoses
from phantoms.anatomy.mesh import Mesh
from phantoms.anatomy.mesh_rays import Gauge
from phantoms.anatomy.parameters import AnatomyParameters
from phantoms.anatomy.sdf import Array
from phantoms.anatomy.skin_model import skin_x
from phantoms.anatomy.thecal_sac import Sac

NEEDLE_RADIUS = 0.735  # mm, 17G
NARROW = 2.5  # mm from a lamina to the needle's axis, below which the plan is put midway
NEAR_ARTERY = 3.0  # mm from wall to wall: the live window's alarm
NEAR_CORD = 1.1  # mm, below which that alarms on a plan followed exactly: 1.0 for the axis's bound


@dataclass(frozen=True)
class AnatomyPlan:
    """A trajectory.

    Attributes
    ----------
    name : str
        With the obstacles that lie too close to the needle.
    entry, target : tuple of 3 float
        Model frame, mm.
    """

    name: str
    entry: tuple[float, float, float]
    target: tuple[float, float, float]


def lateral_plans(
    p: AnatomyParameters, poses: BonePoses, meshes: Mapping[str, Mesh], arteries: Collection[str]
) -> tuple[AnatomyPlan, ...]:
    """Plan the lateral punctures from the left and from the right.

    Their angles to the coronal plane and in the craniocaudal direction are 0.

    Parameters
    ----------
    p : AnatomyParameters
        The neck.
    poses : BonePoses
        Where its bones lie.
    meshes : mapping of str to Mesh
        Bones, cord and arteries by name, model frame, mm.
    arteries : collection of str
        The arteries' names in `meshes`.

    Returns
    -------
    tuple of AnatomyPlan
        The left one, the right one; model frame, mm.
    """
    height = _height(p, poses, meshes)
    middle, y, z = (float(v) for v in Sac(p, poses).target(height))
    x = float(skin_x(p, y, z))
    near = {
        "ARTERY": ([Gauge.of(meshes[name]) for name in arteries], NEAR_ARTERY),
        "CORD": ([Gauge.of(meshes["cord"])], NEAR_CORD),
    }
    return tuple(
        AnatomyPlan(_said(f"{side} lateral C1-C2", (entry, y, z), (middle, y, z), near),
                    (entry, y, z), (middle, y, z))
        for side, entry in (("left", x), ("right", -x))
    )  # fmt: skip


def way(entry: tuple[float, float, float], target: tuple[float, float, float]) -> Array:
    """Sample a needle's axis evenly from skin to target.

    Parameters
    ----------
    entry, target : tuple of 3 float
        mm.

    Returns
    -------
    ndarray, shape (600, 3)
        Points from `entry` to `target`, mm.
    """
    start, end = np.array(entry), np.array(target)
    return np.asarray(start + np.linspace(0.0, 1.0, 600)[:, None] * (end - start))


def _height(p: AnatomyParameters, poses: BonePoses, bones: Mapping[str, Mesh]) -> float:
    """Return z of the plan: the model's 0, or half way between two laminae that are close."""
    height = 0.0
    upper, lower = (Gauge.of(bones[name]) for name in ("C1", "C2"))
    for _ in range(3):
        middle, y, z = (float(v) for v in Sac(p, poses).target(height))
        x = float(skin_x(p, y, z))
        axes = [way((side * x, y, z), (middle, y, z)) for side in (1.0, -1.0)]
        above, below = (
            min(float(gauge.distance(axis).min()) for axis in axes) for gauge in (upper, lower)
        )
        if height == 0.0 and min(above, below) > NARROW:
            return 0.0
        height += (above - below) / 2
    return height


def _said(
    name: str,
    entry: tuple[float, float, float],
    target: tuple[float, float, float],
    near: Mapping[str, tuple[list[Gauge], float]],
) -> str:
    """Return the plan's name, with what is nearer to a 17G needle on it than it should be."""
    axis, said = way(entry, target), []
    for what, (gauges, limit) in near.items():
        wall = min(float(gauge.signed_distance(axis).min()) for gauge in gauges) - NEEDLE_RADIUS
        if wall < 0.0:
            said.append(f"{what} IN THE WAY")
        elif wall <= limit:
            said.append(f"{what} {wall:.1f} mm OFF")
    return name + (": " + ", ".join(said) if said else "")
