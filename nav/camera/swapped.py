"""Recognise cameras in each other's place: --camera numbers or folders exchanged."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import cv2
import numpy as np
from scipy.optimize import least_squares
from scipy.spatial.transform import RigidTransform, Rotation

from nav.camera.rig import Camera, Rig
from nav.core.frames import Array
from nav.core.notice import Notice

LIMIT_PX = 3.0  # a rig in its right order fits its markers to a fraction of a pixel
BETTER = 0.25  # of the residual at most is left by the right order


@dataclass(frozen=True)
class Observation:
    """Corners of one tool in one camera's image.

    Parameters
    ----------
    camera : str
        Its name.
    points : ndarray, shape (n, 3)
        Tool frame, mm.
    pixels : ndarray, shape (n, 2)
        In px.
    """

    camera: str
    points: Array
    pixels: Array


def find_swap(
    rig: Rig, residual: Callable[[Rig], float], limit: float = LIMIT_PX, better: float = BETTER
) -> Notice | None:
    """Find two cameras that are swapped.

    Parameters
    ----------
    rig : Rig
        As the file says.
    residual : callable
        Joint reprojection rms, px, of the same few frames with another order of the rig's
        cameras; nan where it is not known. `joint_residual` is one.
    limit : float
        A rig that fits better than this is in order, px.
    better : float
        Share of the residual that at most is left with two cameras exchanged, to be believed.

    Returns
    -------
    Notice or None
        Names them; None where none are.
    """
    given = residual(rig)
    if not given > limit:  # nan too: nothing is known
        return None
    pairs = list(combinations(rig.names, 2))
    found = [(residual(exchanged(rig, *pair)), pair) for pair in pairs]
    known = [entry for entry in found if not math.isnan(entry[0])]
    if not known:
        return None
    least, (one, other) = min(known)
    if least > limit or least > better * given:
        return None
    facts = {"one": one, "other": other, "swapped_px": least, "given_px": given}
    return Notice("cameras_swapped", facts)


def exchanged(rig: Rig, one: str, other: str) -> Rig:
    """Return the rig with two cameras under each other's name.

    Parameters
    ----------
    rig : Rig
        The cameras.
    one, other : str
        Names of two of them.

    Returns
    -------
    Rig
    """
    names = {one: other, other: one}
    renamed = {names.get(c.name, c.name): c for c in rig.cameras}
    return Rig(tuple(replace(renamed[name], name=name) for name in rig.names))


def joint_residual(rig: Rig, frames: Sequence[Sequence[Observation]]) -> float:
    """Compute the rms distance of corners from where the best common pose has them.

    Parameters
    ----------
    rig : Rig
        The cameras.
    frames : sequence of sequences of Observation
        One sequence for each tool and frame set. Those with fewer than two cameras say nothing of
        the rig and are left out.

    Returns
    -------
    float
        px per axis; nan if no frame is left.
    """
    squares, count = 0.0, 0
    for observations in frames:
        if len({o.camera for o in observations}) >= 2:
            squares += _least_squares(rig, observations)
            count += 2 * sum(len(o.pixels) for o in observations)
    return math.sqrt(squares / count) if count else math.nan


def _starts(rig: Rig, observations: Sequence[Observation]) -> list[RigidTransform]:
    """Return rig_from_tool as each camera alone sees it; a flat tool has two similar poses."""
    starts = []
    for seen in observations:
        camera = rig[seen.camera]
        _, rotations, translations, _ = cv2.solvePnPGeneric(
            np.ascontiguousarray(seen.points, float),
            np.ascontiguousarray(seen.pixels, float),
            camera.matrix,
            camera.distortion,
            flags=cv2.SOLVEPNP_IPPE if _flat(seen.points) else cv2.SOLVEPNP_SQPNP,
        )
        for rotation, translation in zip(rotations, translations, strict=True):
            camera_from_tool = RigidTransform.from_components(
                np.ravel(translation), Rotation.from_rotvec(np.ravel(rotation))
            )
            starts.append(camera.camera_from_rig.inv() * camera_from_tool)
    return starts


def _flat(points: Array) -> bool:
    spread = np.linalg.svd(points - points.mean(axis=0), compute_uv=False)
    return bool(spread[2] < 1e-3 * spread[0])


def _least_squares(rig: Rig, observations: Sequence[Observation], tries: int = 2) -> float:
    """Return the sum of squares, px^2, at the best common pose."""
    seen = [(rig[o.camera], o) for o in observations]

    def residuals(step: Array, start: RigidTransform) -> Array:
        turned = Rotation.from_rotvec(step[3:]) * start.rotation
        pose = RigidTransform.from_components(start.translation + step[:3], turned)
        return np.concatenate([_off(camera, pose, o).ravel() for camera, o in seen])

    def cost(start: RigidTransform) -> float:
        return float(np.sum(residuals(np.zeros(6), start) ** 2))

    scale = [1.0, 1.0, 1.0, 0.01, 0.01, 0.01]  # mm and rad that move a corner alike
    fits = [
        least_squares(residuals, np.zeros(6), x_scale=scale, max_nfev=50, args=(start,))
        for start in sorted(_starts(rig, observations), key=cost)[:tries]
    ]
    return min(2.0 * float(fit.cost) for fit in fits)


def _off(camera: Camera, rig_from_tool: RigidTransform, seen: Observation) -> Array:
    return camera.project(rig_from_tool.apply(seen.points)) - seen.pixels
