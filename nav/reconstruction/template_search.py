"""Search for a neck's bones in a scan: a bone template is correlated with it at every position.

The template is the prior's mean chain: points inside the bones have positive weight, a shell round
them negative weight. It is rotated in steps, and each orientation is compared at all positions at
once by Fourier transforms. The chain fit decides between the proposals.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy.fft import irfftn, next_fast_len, rfftn
from scipy.spatial.transform import RigidTransform, Rotation

from nav.reconstruction.anchors import Anchors, Place
from nav.reconstruction.chain import mean_chain
from nav.reconstruction.prior import load_prior
from nav.reconstruction.sampling import coarser
from nav.reconstruction.volume import Array, Volume

GRID = 4.0  # mm, of the comparison
LATTICE = 2.0  # mm, between the template's points
SHELL = (1.5, 7.0)  # mm outside the bones, of the shell with negative weight
BONE_GRID = 1.2  # mm, of the voxels that are bone or not
BONE = (130.0, 330.0)  # HU, mapped to 0 and 1
BONES_USED = ("C1", "C2", "C3", "C4")
PITCH = np.radians([-36.0, -24.0, -12.0, 0.0, 12.0, 24.0, 36.0])
YAW = np.radians([-18.0, 0.0, 18.0])
ROLL = np.radians([-14.0, 0.0, 14.0])
APART = 12.0  # mm, between proposed places
GUIDED_PEAKS = 40  # of each rotation, before those that contradict the anchors are left out


def propose_places(
    volume: Volume,
    count: int,
    tell: Callable[[float], None] | None = None,
    anchors: Anchors | None = None,
) -> list[Place]:
    """Propose the best places of the chain, best first.

    Parameters
    ----------
    volume : Volume
        HU.
    count : int
        How many are wanted at most.
    tell : callable, optional
        Called with the fraction that is done.
    anchors : Anchors, optional
        Constraints on the chain's place; none if None.

    Returns
    -------
    list of Place
        Apart from each other, best first.
    """
    # evaluated on small voxels: means over large ones hide a thin cortex over fatty marrow
    fine = coarser(volume, BONE_GRID)
    low, high = BONE
    brightness = np.clip((np.asarray(fine.values, np.float32) - low) / (high - low), 0.0, 1.0)
    coarse = coarser(Volume(brightness, fine.model_from_voxel), GRID)
    bone, steps = coarse.values, coarse.spacing
    inside, shell = _template()
    reach = int(np.ceil(np.linalg.norm(np.vstack([inside, shell]), axis=1).max() / steps.min())) + 1
    shape = [next_fast_len(n + 2 * reach, real=True) for n in bone.shape]
    spectrum = rfftn(bone, shape)
    axes = coarse.model_from_voxel[:3, :3] / steps
    found: list[Place] = []
    origins: Array | None = None
    turns = list(product(PITCH, YAW, ROLL))
    for done, (pitch, yaw, roll) in enumerate(turns):
        turn = Rotation.from_euler("zyx", [yaw, roll, pitch])
        kernel = np.zeros(shape, np.float32)
        for points, sign in ((inside, 1.0), (shell, -1.0)):
            _splat(kernel, (turn.apply(points) @ axes) / steps, sign / len(points))
        score = irfftn(spectrum * np.conj(rfftn(kernel)), shape)
        if anchors is not None:
            origins = _origins(score.shape, coarse, reach) if origins is None else origins
            score[~anchors.near(origins, turn).reshape(score.shape)] = -np.inf
        found += _peaks(score, coarse, reach, turn, 6 if anchors is None else GUIDED_PEAKS)
        if tell is not None:
            tell((done + 1) / len(turns))
    return _apart(found, count, anchors)


def _origins(shape: tuple[int, ...], coarse: Volume, reach: int) -> Array:
    """Return the root's positions (n, 3), mm, of all comparisons."""
    index = np.stack(np.meshgrid(*(np.arange(n) for n in shape), indexing="ij"), axis=-1)
    wrapped = np.where(index > np.array(shape) - reach, index - np.array(shape), index)
    return coarse.to_model(wrapped.reshape(-1, 3)[:, ::-1])


def _peaks(score: NDArray, coarse: Volume, reach: int, turn: Rotation, count: int) -> list[Place]:
    """Return the best few places of one orientation; the root may lie slightly outside the scan."""
    best = np.argpartition(score.ravel(), -count)[-count:]
    places = []
    for flat in best[np.isfinite(score.ravel()[best])]:
        index = np.array(np.unravel_index(flat, score.shape))
        size = np.array(score.shape)
        wrapped = np.where(index > size - reach, index - size, index)
        origin = coarse.to_model(wrapped[::-1])
        pose = RigidTransform.from_components(origin, turn)
        places.append(Place(pose, float(score.ravel()[flat])))
    return places


def _apart(found: Sequence[Place], count: int, anchors: Anchors | None) -> list[Place]:
    kept: list[Place] = []
    for place in sorted(found, key=lambda p: -p.score):
        off = [np.linalg.norm(place.pose.translation - other.pose.translation) for other in kept]
        if all(distance > APART for distance in off) and (anchors is None or anchors.holds(place)):
            kept.append(place)
        if len(kept) == count:
            break
    return kept


def _splat(kernel: NDArray[np.float32], points: Array, weight: float) -> None:
    """Add points (n, 3), x, y, z in voxels about the origin, to a periodic grid, linearly."""
    base = np.floor(points).astype(int)
    part = points - base
    for corner in product((0, 1), repeat=3):
        share = np.prod(np.where(corner, part, 1.0 - part), axis=1) * weight
        index = (base + corner) % np.array(kernel.shape[::-1])
        np.add.at(kernel, (index[:, 2], index[:, 1], index[:, 0]), share.astype(np.float32))


@lru_cache(maxsize=1)
def _template() -> tuple[Array, Array]:
    """Return points inside the mean chain's bones and in a shell round them, root frame, mm."""
    import open3d as o3d  # over a second to import

    prior = load_prior()
    chain = mean_chain(prior, RigidTransform.identity())
    scenes, clouds = [], []
    for name in BONES_USED:
        vertices = chain.vertices(prior, name)
        scene = o3d.t.geometry.RaycastingScene()
        scene.add_triangles(
            o3d.core.Tensor(vertices.astype(np.float32)),
            o3d.core.Tensor(prior.bone(name).triangles.astype(np.uint32)),
        )
        scenes.append(scene)
        clouds.append(vertices)
    cloud = np.vstack(clouds)
    low, high = cloud.min(axis=0) - SHELL[1], cloud.max(axis=0) + SHELL[1]
    lattice = np.stack(
        np.meshgrid(
            *(np.arange(a, b, LATTICE) for a, b in zip(low, high, strict=True)), indexing="ij"
        ),
        axis=-1,
    ).reshape(-1, 3)
    query = o3d.core.Tensor(lattice.astype(np.float32))
    distance = np.min([scene.compute_signed_distance(query).numpy() for scene in scenes], axis=0)
    return lattice[distance < 0.0], lattice[(distance > SHELL[0]) & (distance < SHELL[1])]
