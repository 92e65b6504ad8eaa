"""Constraints on the place of the chain of bones from seeds, labels and a box."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import RigidTransform, Rotation

from nav.core.errors import InputError
from nav.reconstruction.chain import Chain, mean_chain
from nav.reconstruction.guidance import Box, ReconstructionGuidance, Seed
from nav.reconstruction.prior import ROOT, ShapePrior
from nav.reconstruction.volume import Array

AROUND = 34.0  # mm from a bone's middle, within which its seed may lie: half of C1's width
PROPOSED = 8.0  # mm outside the mean bone, at which a seed may still be in the patient's
FITTED = 4.0  # mm outside the fitted bone, beyond which a seed contradicts it


@dataclass(frozen=True)
class Place:
    """A proposed place of the chain of bones.

    Parameters
    ----------
    pose : RigidTransform
        model_from_bone of the root bone.
    score : float
        Correlation with the template, -1 to 1.
    """

    pose: RigidTransform
    score: float


@dataclass(frozen=True)
class Anchors:
    """What a place of the chain must agree with.

    Parameters
    ----------
    prior : ShapePrior
        Of the bones.
    seeds : sequence of Seed
        Points within bones.
    box : Box or None
        Contains the root bone's middle.
    """

    prior: ShapePrior
    seeds: Sequence[Seed]
    box: Box | None

    def near(self, origins: Array, turn: Rotation) -> NDArray[np.bool_]:
        """Return which places of the root are compatible with seeds and box.

        Parameters
        ----------
        origins : ndarray, shape (n, 3)
            Of the root bone, model frame, mm.
        turn : Rotation
            Of the whole mean chain.

        Returns
        -------
        ndarray of bool, shape (n,)
            False where a seed is too far from its bone's middle, or the root outside the box.
        """
        chain = mean_chain(self.prior, RigidTransform.from_rotation(turn))
        kept = np.ones(len(origins), bool)
        if self.box is not None:
            root = chain.vertices(self.prior, ROOT)
            kept &= self.box.holds(origins + (root.min(axis=0) + root.max(axis=0)) / 2.0)
        for seed in self.seeds:
            vertices = chain.vertices(self.prior, seed.name)
            middle = (vertices.min(axis=0) + vertices.max(axis=0)) / 2.0
            kept &= np.linalg.norm(origins + middle - seed.point, axis=1) < AROUND
        return kept

    def holds(self, place: Place) -> bool:
        """Return whether the mean chain at a place has all seeds in or near their bones.

        Parameters
        ----------
        place : Place
            A proposal.

        Returns
        -------
        bool
            True where all seeds are less than PROPOSED mm outside their bones.
        """
        chain = mean_chain(self.prior, place.pose)
        return all(self.off(chain, seed) < PROPOSED for seed in self.seeds)

    def furthest(self, chain: Chain) -> tuple[float, Seed | None]:
        """Return the seed that lies farthest outside its bone.

        Parameters
        ----------
        chain : Chain
            Of the bones.

        Returns
        -------
        distance : float
            Outside its bone, mm; negative inside; 0 without seeds.
        seed : Seed or None
            The one; None without seeds.
        """
        if not self.seeds:
            return 0.0, None
        return max(((self.off(chain, seed), seed) for seed in self.seeds), key=lambda pair: pair[0])

    def agree(self, chain: Chain) -> bool:
        """Return whether a fitted chain has every seed in its bone, and its root in the box.

        Parameters
        ----------
        chain : Chain
            As fitted.

        Returns
        -------
        bool
            True where it does.
        """
        return self.furthest(chain)[0] <= FITTED and self._in_box(chain)

    def problem(self, chain: Chain) -> str:
        """Return what a fitted chain does not agree with, as a sentence.

        Parameters
        ----------
        chain : Chain
            As fitted.

        Returns
        -------
        str
            Empty where it agrees.
        """
        off, seed = self.furthest(chain)
        if seed is not None and off > FITTED:
            at = ", ".join(f"{v:.0f}" for v in seed.position)
            return (
                f"{seed.name} is given at {at} (LPS, mm), but lies {off:.0f} mm from there "
                "in the bones that fit best; move the point into it, or leave it out"
            )
        if not self._in_box(chain):
            return "the bones that fit best have C2's middle outside of the box; give a larger one"
        return ""

    def _in_box(self, chain: Chain) -> bool:
        if self.box is None:
            return True
        root = chain.vertices(self.prior, ROOT)
        return bool(self.box.holds((root.min(axis=0) + root.max(axis=0)) / 2.0))

    def off(self, chain: Chain, seed: Seed) -> float:
        """Return how far a seed lies outside its bone.

        Parameters
        ----------
        chain : Chain
            Of the bones.
        seed : Seed
            In one of them.

        Returns
        -------
        float
            mm, negative inside.
        """
        import open3d as o3d  # over a second to import

        scene = o3d.t.geometry.RaycastingScene()
        scene.add_triangles(
            o3d.core.Tensor(chain.vertices(self.prior, seed.name).astype(np.float32)),
            o3d.core.Tensor(self.prior.bone(seed.name).triangles.astype(np.uint32)),
        )
        query = o3d.core.Tensor(seed.point[None].astype(np.float32))
        return float(scene.compute_signed_distance(query).numpy()[0])


def anchors_of(prior: ShapePrior, guidance: ReconstructionGuidance) -> Anchors | None:
    """Return the constraints on the chain that a guidance contains.

    A bone's label locates it as a seed does; where both are given, the seed counts.

    Parameters
    ----------
    prior : ShapePrior
        Of the bones.
    guidance : ReconstructionGuidance
        With seeds, labels or a box.

    Returns
    -------
    Anchors or None
        None where there is no constraint.
    """
    seeds = {label.name: label.seed for label in guidance.labels_of("bone")}
    seeds |= {seed.name: seed for seed in guidance.seeds_of("bone")}
    if not seeds and guidance.box is None:
        return None
    return Anchors(prior, tuple(seeds.values()), guidance.box)


def nowhere(anchors: Anchors) -> InputError:
    """Return the error for a scan in which no place satisfies the constraints.

    Parameters
    ----------
    anchors : Anchors
        The constraints.

    Returns
    -------
    InputError
        To be raised.
    """
    hint = [f"{seed.name} at the given place" for seed in anchors.seeds]
    hint += ["C2 in the box"] if anchors.box is not None else []
    return InputError(
        f"no bones were found with {' and '.join(hint)}; is it in the scan's coordinates (LPS, mm)?"
    )
