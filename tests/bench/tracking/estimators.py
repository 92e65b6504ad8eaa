"""A tool's pose from corners that some detector found, the usual ways, each done with care.

Each takes corners as {camera name: {marker id: (4, 2) pixels}} and gives rig_from_tool (4, 4), mm,
or None. A marker without which all others fit far better is left out: a misread id should not
decide the comparison.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares
from scipy.spatial.transform import Rotation

from nav.camera.rig import Camera, Rig
from nav.core.frames import Array
from nav.tracking.tool import Tool

Corners = Mapping[str, Mapping[int, NDArray[np.float64]]]
FINE = 1.0  # px, or mm of triangulated points: smaller residuals are nobody's fault
BETTER = 2.0  # times smaller are the residuals without a marker that is misread
MOST_LEFT_OUT = 2


@dataclass(frozen=True)
class Fit:
    """rig_from_tool (4, 4) and the rms residual of each marker that it was made of."""

    pose: Array
    residuals: dict[int, float]


def of_tool(corners: Corners, tool: Tool) -> Corners:
    """Only the markers of a tool, only cameras that see any."""
    own = {
        name: {i: quad for i, quad in quads.items() if i in tool.by_id}
        for name, quads in corners.items()
    }
    return {name: quads for name, quads in own.items() if quads}


def pnp(rig: Rig, tool: Tool, corners: Corners) -> dict[str, Array]:
    """One pose from each camera alone: the best of SQPNP's (and IPPE's) refined candidates."""
    poses = {}
    for name, quads in of_tool(corners, tool).items():
        pose = _trimmed(quads, partial(_pnp, rig[name], tool))
        if pose is not None:
            poses[name] = pose
    return poses


def triangulated(rig: Rig, tool: Tool, corners: Corners) -> Array | None:
    """Corners seen by at least two cameras triangulated, the tool fitted to them (Kabsch)."""
    own = of_tool(corners, tool)
    points = {
        i: _points(rig, {name: quads[i] for name, quads in own.items() if i in quads})
        for i in {i for quads in own.values() for i in quads}
        if sum(i in quads for quads in own.values()) >= 2
    }
    return _trimmed(points, partial(_kabsch, tool)) if points else None


def joint(rig: Rig, tool: Tool, corners: Corners) -> Array | None:
    """The least-squares pose over all corners of all cameras, large residuals weighing less."""
    own = of_tool(corners, tool)
    starts = list(pnp(rig, tool, corners).values())
    three = triangulated(rig, tool, corners)
    if three is not None:
        starts.append(three)
    seen = [(rig[name], *_stacked(tool, quads)) for name, quads in own.items()]

    def residuals(pose: Array) -> Array:
        return np.concatenate(
            [(camera.project(_moved(pose, p)) - pixels).ravel() for camera, p, pixels in seen]
        )

    if not starts:
        return None
    # residuals of a wrong start are huge; the median judges what most corners say
    start = min(starts, key=lambda pose: float(np.median(np.abs(residuals(pose)))))
    scale = max(0.05, 3.0 * float(np.median(np.abs(residuals(start)))))
    fitted = least_squares(
        lambda step: residuals(start @ _step(step)),
        np.zeros(6),
        x_scale=[1, 1, 1, 0.01, 0.01, 0.01],
        loss="soft_l1",
        f_scale=scale,
    )
    return start @ _step(fitted.x)


def _trimmed(
    quads: Mapping[int, Array], fit: Callable[[Mapping[int, Array]], Fit | None]
) -> Array | None:
    """The pose fitted to all markers, or to all but one or two that spoil it."""
    best = fit(quads)
    for _ in range(MOST_LEFT_OUT):
        if best is None or len(quads) < 3 or _rms(best.residuals) < FINE:
            break
        others = [{i: quad for i, quad in quads.items() if i != out} for out in quads]
        fits = [(found, some) for some in others if (found := fit(some)) is not None]
        if not fits:
            break
        without, some = min(fits, key=lambda each: _rms(each[0].residuals))
        if _rms(without.residuals) > _rms(best.residuals) / BETTER:
            break
        best, quads = without, some
    return None if best is None else best.pose


def _pnp(camera: Camera, tool: Tool, quads: Mapping[int, Array]) -> Fit | None:
    points, pixels = _stacked(tool, quads)
    lens = camera.matrix, camera.distortion
    # a start without the lens: SQPNP takes ideal coordinates
    ideal = np.ascontiguousarray(camera.undistort(pixels)[:, None])
    methods = [cv2.SOLVEPNP_SQPNP]
    if np.linalg.matrix_rank(points - points.mean(axis=0), tol=0.1) == 2:
        methods.append(cv2.SOLVEPNP_IPPE)
    best: Fit | None = None
    for method in methods:
        _, turns, moves, _ = cv2.solvePnPGeneric(points, ideal, np.eye(3), None, flags=method)
        for turn, move in zip(turns, moves, strict=True):
            turn, move = cv2.solvePnPRefineLM(points, pixels, *lens, turn.copy(), move.copy())
            if not np.isfinite(turn).all() or float(move[2, 0]) <= 0:
                continue
            found, _ = cv2.projectPoints(points, turn, move, *lens)
            off = np.linalg.norm(np.reshape(found, (-1, 2)) - pixels, axis=1).reshape(-1, 4)
            residuals = dict(zip(quads, np.sqrt((off**2).mean(axis=1)).tolist(), strict=True))
            pose = camera.camera_from_rig.inv().as_matrix() @ _matrix(turn.ravel(), move.ravel())
            if best is None or _rms(residuals) < _rms(best.residuals):
                best = Fit(pose, residuals)
    return best


def _kabsch(tool: Tool, points: Mapping[int, Array]) -> Fit | None:
    model = np.concatenate([tool.by_id[i].corners for i in points])
    found = np.concatenate(list(points.values()))
    turn, _ = Rotation.align_vectors(found - found.mean(axis=0), model - model.mean(axis=0))
    move = found.mean(axis=0) - turn.apply(model.mean(axis=0))
    off = np.linalg.norm(turn.apply(model) + move - found, axis=1).reshape(-1, 4)
    residuals = dict(zip(points, np.sqrt((off**2).mean(axis=1)).tolist(), strict=True))
    return Fit(_matrix(turn.as_rotvec(), move), residuals)


def _points(rig: Rig, quads: Mapping[str, Array]) -> Array:
    """A marker's corners (4, 3), rig frame, from two or more cameras: linear triangulation."""
    rows = []
    for name, quad in quads.items():
        camera = rig[name]
        rig_in = np.column_stack([camera.rotation, camera.translation])
        x, y = camera.undistort(quad).T[:, :, None]
        rows += [x * rig_in[2] - rig_in[0], y * rig_in[2] - rig_in[1]]
    _, _, right = np.linalg.svd(np.stack(rows, axis=1))
    return np.asarray(right[:, 3, :3] / right[:, 3, 3:])


def _stacked(tool: Tool, quads: Mapping[int, Array]) -> tuple[Array, Array]:
    points = np.concatenate([tool.by_id[i].corners for i in quads])
    return points, np.concatenate([np.asarray(quad, float) for quad in quads.values()])


def _rms(residuals: Mapping[int, float]) -> float:
    return float(np.sqrt(np.mean(np.square(list(residuals.values())))))


def _moved(pose: Array, points: Array) -> Array:
    return points @ pose[:3, :3].T + pose[:3, 3]


def _matrix(rotation_vector: Array, translation: Array) -> Array:
    result = np.eye(4)
    result[:3, :3] = Rotation.from_rotvec(rotation_vector).as_matrix()
    result[:3, 3] = translation
    return result


def _step(step: Array) -> Array:
    return _matrix(step[3:], step[:3])
