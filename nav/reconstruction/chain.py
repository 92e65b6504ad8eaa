"""Chain of bones fitted to a CT: poses of all bones and their common shape, jointly.

An active shape model [1]_ over several bones at once. Along each vertex's normal the strongest step
from bone to what is softer is searched; poses and mode weights then follow by Gauss-Newton with
the joints' and the modes' prior, in steps of shrinking reach. A bone that the scan does not hold
follows its neighbours by the prior alone, and its support says so.

References
----------
.. [1] Cootes et al., Active shape models, CVIU 61(1), 1995.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import RigidTransform, Rotation

from nav.reconstruction.prior import BONES, ROOT, ShapePrior
from nav.reconstruction.sampling import Field
from nav.reconstruction.volume import Array

STEP = 0.5  # mm, between samples of a profile
SIDE = 1.5  # mm, over which grey values are averaged on either side of an edge
LEAST_CONTRAST = 70.0  # HU, from bone to outside, below which there is no edge
FULL_CONTRAST = 350.0  # HU, above which a steeper edge is not better
DISTANCE_COST = 0.6  # of full contrast, for an edge at the end of the reach
MATCHED = 1.5  # mm: closer edges support a bone
EDGE_SD = 1.0  # mm, of a vertex from its edge
INDEPENDENT = 12.0  # number of vertices with correlated errors, which count as one
ROOT_TURN = np.radians(25.0)  # sd of the patient's rotation in the scanner


@dataclass(frozen=True)
class Support:
    """How well the scan supports a bone.

    Parameters
    ----------
    in_view : float
        Share of its vertices within the scan.
    matched : float
        Share of those with an edge within MATCHED mm.
    distance : float
        Rms of these edges' distances, mm.
    """

    in_view: float
    matched: float
    distance: float


@dataclass(frozen=True)
class Chain:
    """Poses and shape of all bones.

    Parameters
    ----------
    poses : dict of str to RigidTransform
        model_from_bone by name.
    weights : ndarray, shape (k,)
        Of the shape modes, in standard deviations.
    """

    poses: dict[str, RigidTransform]
    weights: Array

    def vertices(self, prior: ShapePrior, name: str) -> Array:
        """Return a bone's vertices.

        Parameters
        ----------
        prior : ShapePrior
            Of the bones.
        name : str
            Of the bone.

        Returns
        -------
        ndarray, shape (n, 3)
            Model frame, mm.
        """
        return np.asarray(self.poses[name].apply(prior.bone(name).shaped(self.weights)), float)

    def station(self, prior: ShapePrior, side: str, name: str) -> Array:
        """Return a point on an artery's usual course.

        Parameters
        ----------
        prior : ShapePrior
            Of the bones.
        side : {"left", "right"}
            Of the artery.
        name : str
            One of STATIONS.

        Returns
        -------
        ndarray, shape (3,)
            Model frame, mm.
        """
        station = prior.stations[side][name]
        shaped = prior.bone(station.bone).shaped(self.weights)[station.vertices].mean(axis=0)
        return np.asarray(self.poses[station.bone].apply(shaped + station.offset), float)


def mean_chain(prior: ShapePrior, model_from_root: RigidTransform) -> Chain:
    """Return the mean shape at a pose of the root bone (C2).

    Parameters
    ----------
    prior : ShapePrior
        Of the bones.
    model_from_root : RigidTransform
        Pose of C2.

    Returns
    -------
    Chain
        With mean joints and mode weights of 0.
    """
    poses = {ROOT: model_from_root}
    for joint in prior.joints:
        poses[joint.child] = poses[joint.parent] * joint.parent_from_child
    return Chain(poses, np.zeros(prior.count))


def vertex_normals(vertices: Array, triangles: NDArray[np.int32]) -> Array:
    """Return the normals at vertices, mean of the adjacent triangles' weighted by area.

    Parameters
    ----------
    vertices : ndarray, shape (n, 3)
        mm.
    triangles : ndarray, shape (m, 3)
        Counter-clockwise from outside.

    Returns
    -------
    ndarray, shape (n, 3)
        Unit vectors, outwards.
    """
    a, b, c = (vertices[triangles[:, k]] for k in range(3))
    across = np.cross(b - a, c - a)
    normals = np.zeros_like(vertices)
    for k in range(3):
        for axis in range(3):
            normals[:, axis] += np.bincount(
                triangles[:, k], weights=across[:, axis], minlength=len(vertices)
            )
    return normals / np.maximum(np.linalg.norm(normals, axis=1), 1e-12)[:, None]


def find_edges(field: Field, points: Array, normals: Array, reach: float) -> tuple[Array, Array]:
    """Find the strongest step down along each normal.

    Parameters
    ----------
    field : Field
        CT, HU.
    points, normals : ndarray, shape (n, 3)
        Vertices, model frame, mm, and unit normals, outwards.
    reach : float
        Of the search to either side, mm.

    Returns
    -------
    offset : ndarray, shape (n,)
        Along the normal, mm; NaN where there is no edge or the profile leaves the scan.
    contrast : ndarray, shape (n,)
        Of the step, HU; 0 where there is none.
    """
    side = round(SIDE / STEP)
    count = 2 * round(reach / STEP) + 1
    at = STEP * (np.arange(count + 2 * side + 1) - (count + 2 * side) / 2)
    profile = field.at(points[:, None] + at[:, None] * normals[:, None]).astype(float)
    inside_view = np.isfinite(profile[:, side : side + count + 1]).all(axis=1)
    profile = np.where(np.isfinite(profile), profile, 0.0)
    total = np.concatenate([np.zeros((len(points), 1)), np.cumsum(profile, axis=1)], axis=1)
    # the edge lies between samples side - 1 + k and side + k
    first = np.arange(count) + 1
    inner = (total[:, first + side] - total[:, first]) / side
    outer = (total[:, first + 2 * side] - total[:, first + side]) / side
    offsets = at[first + side] - STEP / 2
    contrast = inner - outer
    score = np.minimum(contrast, FULL_CONTRAST) / FULL_CONTRAST
    score = score - DISTANCE_COST * (offsets / max(reach, STEP)) ** 2
    score = np.where(contrast >= LEAST_CONTRAST, score, -np.inf)
    best = np.argmax(score, axis=1)
    rows = np.arange(len(points))
    found = np.isfinite(score[rows, best]) & inside_view
    offset = np.where(found, offsets[best], np.nan)
    return offset, np.where(found, contrast[rows, best], 0.0)


def fit_chain(
    prior: ShapePrior,
    field: Field,
    start: Chain,
    reaches: Sequence[float],
    names: Sequence[str] = BONES,
) -> Chain:
    """Fit poses and shape from a start that is off by less than the first reach.

    Parameters
    ----------
    prior : ShapePrior
        Of the bones.
    field : Field
        CT, HU.
    start : Chain
        Initial poses and shape.
    reaches : sequence of float
        Of each iteration's search, mm.
    names : sequence of str
        Bones whose edges are searched; all others follow the prior.

    Returns
    -------
    Chain
        As fitted.
    """
    chain = start
    for reach in reaches:
        chain = _step(prior, field, chain, reach, names)
    return chain


def supports(prior: ShapePrior, field: Field, chain: Chain) -> dict[str, Support]:
    """Return how well the scan supports each bone of a fitted chain.

    Parameters
    ----------
    prior : ShapePrior
        Of the bones.
    field : Field
        CT, HU.
    chain : Chain
        As fitted.

    Returns
    -------
    dict of str to Support
        By bone.
    """
    found = {}
    for name in BONES:
        vertices = chain.vertices(prior, name)
        normals = vertex_normals(vertices, prior.bone(name).triangles)
        seen = np.isfinite(field.at(vertices))
        offset, _ = find_edges(field, vertices, normals, 3.0)
        near = np.abs(np.where(np.isfinite(offset), offset, np.inf)) <= MATCHED
        matched = float(near[seen].mean()) if seen.any() else 0.0
        rms = float(np.sqrt((offset[near & seen] ** 2).mean())) if (near & seen).any() else np.inf
        found[name] = Support(float(seen.mean()), matched, rms)
    return found


def _step(
    prior: ShapePrior, field: Field, chain: Chain, reach: float, names: Sequence[str]
) -> Chain:
    place = {name: slice(6 * i, 6 * i + 6) for i, name in enumerate(BONES)}
    shape = slice(6 * len(BONES), 6 * len(BONES) + prior.count)
    normal = np.zeros((shape.stop, shape.stop))
    right = np.zeros(shape.stop)
    sd = max(EDGE_SD, reach / 4.0)
    for name in names:
        _add_edges(prior, field, chain, reach, sd, name, (place[name], shape), normal, right)
    _add_joints(prior, chain, place, normal, right)
    index = np.arange(shape.start, shape.stop)
    normal[index, index] += 1.0
    right[shape] -= chain.weights
    move = np.linalg.solve(normal, right)
    poses = {}
    for name, pose in chain.poses.items():
        by = move[place[name]]
        turn = Rotation.from_rotvec(by[3:])
        poses[name] = RigidTransform.from_components(
            pose.translation + by[:3], turn * pose.rotation
        )
    return Chain(poses, chain.weights + move[shape])


def _add_edges(
    prior: ShapePrior,
    field: Field,
    chain: Chain,
    reach: float,
    sd: float,
    name: str,
    places: tuple[slice, slice],
    normal: Array,
    right: Array,
) -> None:
    """Add one bone's edges to the normal equations."""
    bone, pose = prior.bone(name), chain.poses[name]
    vertices = chain.vertices(prior, name)
    normals = vertex_normals(vertices, bone.triangles)
    offset, contrast = find_edges(field, vertices, normals, reach)
    found = np.isfinite(offset)
    if not found.any():
        return
    weight = np.clip(contrast[found] / FULL_CONTRAST, 0.0, 1.0)
    weight *= (1.0 - (offset[found] / (reach + STEP)) ** 2) ** 2 / (INDEPENDENT * sd**2)
    n, arm = normals[found], vertices[found] - pose.translation
    turned = np.einsum("ij,knj->kni", pose.rotation.as_matrix(), bone.modes[:, found])
    by_shape = np.einsum("kni,ni->nk", turned, n)
    rows = np.hstack([n, np.cross(arm, n), by_shape])
    own = np.r_[
        np.arange(places[0].start, places[0].stop), np.arange(places[1].start, places[1].stop)
    ]
    normal[np.ix_(own, own)] += rows.T @ (weight[:, None] * rows)
    right[own] += rows.T @ (weight * offset[found])


def _add_joints(
    prior: ShapePrior, chain: Chain, place: dict[str, slice], normal: Array, right: Array
) -> None:
    """Add the joints' prior, and that of the root's rotation."""
    for joint in prior.joints:
        parent, child = chain.poses[joint.parent], chain.poses[joint.child]
        back = parent.rotation.inv().as_matrix()
        between = child.translation - parent.translation
        rotation = parent.rotation.inv() * child.rotation * joint.parent_from_child.rotation.inv()
        off = np.concatenate(
            [back @ between - joint.parent_from_child.translation, rotation.as_rotvec()]
        )
        jacobian = np.zeros((6, len(right)))
        cross = np.cross(np.eye(3), between)  # rows: e_k x between
        own, other = place[joint.child], place[joint.parent]
        jacobian[:3, own.start : own.start + 3] = back
        jacobian[3:, own.start + 3 : own.stop] = back
        jacobian[:3, other.start : other.start + 3] = -back
        jacobian[:3, other.start + 3 : other.stop] = -back @ cross.T
        jacobian[3:, other.start + 3 : other.stop] = -back
        weight = 1.0 / joint.sd**2
        normal += jacobian.T @ (weight[:, None] * jacobian)
        right -= jacobian.T @ (weight * off)
    turn = place[ROOT].start + 3 + np.arange(3)
    normal[turn, turn] += ROOT_TURN**-2
    right[turn] -= chain.poses[ROOT].rotation.as_rotvec() / ROOT_TURN**2
