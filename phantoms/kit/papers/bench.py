"""Bench work in the pictures: formers with the wires that are bent on them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from manifold3d import Manifold
from scipy.spatial.transform import RigidTransform

from phantoms.anatomy.artery_models import vessels
from phantoms.anatomy.bone_poses import bone_poses
from phantoms.anatomy.mesh import Array
from phantoms.anatomy.parameters import AnatomyParameters
from phantoms.kit.papers.step_scenes import Piece
from phantoms.kit.papers.studio import Shown
from phantoms.kit.part import Part
from phantoms.kit.solid import cylinder, mesh_of, united
from phantoms.kit.tubes import CREST, WIRE

COPPER = (0.80, 0.45, 0.22)
GAP = 14.0  # mm, between the two formers
SPAN = 2.0  # mm, a straight piece of wire


def formers(parts: Sequence[Part], p: AnatomyParameters) -> dict[str, Piece]:
    """Place the formers side by side on the bench, each with its wire.

    Parameters
    ----------
    parts : sequence of Part
        Of the kit; those that are not formers are ignored.
    p : AnatomyParameters
        The neck, whose arteries the wires follow.

    Returns
    -------
    dict of str to Piece
        "former:SIDE" and "wire:SIDE"; bench frame, z up, mm.
    """
    found: dict[str, Piece] = {}
    lines = {v.side: v.line for v in reversed(vessels(p, bone_poses(p)))}
    y = 0.0
    for part in parts:
        name, _, side = part.name.rpartition("_")
        if name == "artery_former" and side in lines:
            low, high = part.mesh.vertices.min(axis=0), part.mesh.vertices.max(axis=0)
            place = RigidTransform.from_translation([0.0, y - low[1], 0.0])
            found[f"former:{side}"] = (
                Shown(part.mesh, part.colour, place=place, label=f"{side} former", printed=True),
            )
            wire = _wire(_on_former(lines[side], side, high))
            found[f"wire:{side}"] = (
                Shown(mesh_of(wire), COPPER, place=place, label="copper wire", edges=False),
            )
            y += float(high[1] - low[1]) + GAP
    return found


def _on_former(line: Array, side: str, high: Array) -> Array:
    """Transform a course (n, 3) from the model frame to the frame of its former on the bed.

    high : the former's highest corner there; its plate's middle is at x = y = 0.
    """
    way = 1.0 if side == "left" else -1.0
    turned = np.column_stack([-way * line[:, 2], line[:, 1], way * line[:, 0]])
    middle = (turned.min(axis=0) + turned.max(axis=0)) / 2
    return turned - [middle[0], middle[1], turned[:, 2].max() - high[2] + 0.95 * CREST]


def _wire(line: Array) -> Manifold:
    ways = np.cumsum(np.r_[0.0, np.linalg.norm(np.diff(line, axis=0), axis=1)])
    at = np.linspace(0.0, ways[-1], int(ways[-1] / SPAN) + 1)
    points = np.column_stack([np.interp(at, ways, line[:, k]) for k in range(3)])
    return united([cylinder(a, b, WIRE / 2, corners=16) for a, b in pairwise(points)])
