"""What is true of a simulated scan."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import RigidTransform

from nav.frames import Array
from phantoms.twin.ct_fill import Grid
from phantoms.twin.ct_section import Closed, Surface, distance
from phantoms.twin.scan_anatomy import ScanAnatomy, artery_side, moved_surface
from phantoms.twin.scan_parameters import ArteryState, ScanParameters
from phantoms.twin.scan_soft import BLOOD
from phantoms.twin.scan_vessels import artery_hu, occluded_above, plaques

Seen = Literal["whole", "cut", "no"]
ENHANCED = 60.0  # HU over blood, from which an artery counts as filled with contrast
MEASURED = (-52.0, 26.0)  # mm, heights of the anatomy's frame beyond which surfaces are sketched


@dataclass(frozen=True)
class TrueStructure:
    """A closed surface as it lies in the scan.

    Parameters
    ----------
    name, role : as in a case. vertices : (n, 3), scan frame (LPS), mm. triangles : (m, 3).
    seen : does it lie in the field of view: whole, cut or not?
    """

    name: str
    role: str
    vertices: Array
    triangles: NDArray[np.int32]
    seen: Seen


@dataclass(frozen=True)
class TrueArtery:
    """An artery's state. enhanced : does any of it hold contrast? hu : its contents (from, to) in
    the scan's field of view before blur and noise, HU; occluded_above_mm : height in the anatomy's
    frame over which it holds none, None where it is open."""

    name: str
    state: ArteryState
    enhanced: bool
    hu: tuple[float, float]
    occluded_above_mm: float | None


@dataclass(frozen=True)
class TrueJoint:
    """width_mm : smallest distance of its two surfaces. fused : has bone grown through it?
    middle : (3,), scan frame, mm."""

    name: str
    upper: str
    lower: str
    middle: Array
    width_mm: float
    fused: bool


@dataclass(frozen=True)
class ScanTruth:
    """Everything that is true of a scan, in the scan's frame.

    Parameters
    ----------
    plaques : (3,) middles of calcified places in the arteries' walls, mm.
    measured_mm : heights of the anatomy's frame between which cord, dura, arteries and occiput are
    the anatomy's own; beyond they are sketched. scan_from_anatomy : carries those to the scan.
    """

    structures: tuple[TrueStructure, ...]
    arteries: tuple[TrueArtery, ...]
    joints: tuple[TrueJoint, ...]
    plaques: tuple[Array, ...]
    measured_mm: tuple[float, float]
    scan_from_anatomy: RigidTransform

    def structure(self, name: str) -> TrueStructure:
        """The structure of that name; KeyError where there is none."""
        for s in self.structures:
            if s.name == name:
                return s
        raise KeyError(name)


def scan_truth(found: ScanAnatomy, outside: Surface, scan: ScanParameters, grid: Grid) -> ScanTruth:
    """What is true of a scan of these surfaces on this grid.

    outside : the skin, anatomy's frame.
    """
    turn = found.scan_from_anatomy
    structures = []
    for s in [*found.structures, outside]:
        lies = moved_surface(s, turn)
        seen = in_view(lies, grid)
        structures.append(TrueStructure(s.name, s.role, lies.vertices, lies.triangles, seen))
    return ScanTruth(
        tuple(structures),
        tuple(_artery(s, found, scan, grid) for s in found.structures if s.role == "artery"),
        tuple(
            TrueJoint(
                j.name,
                j.upper,
                j.lower,
                turn.apply(j.middle),
                found.joint_widths[j.name],
                j.name in scan.fused,
            )
            for j in found.joints
        ),
        tuple(turn.apply(plaque.middle) for plaque in plaques(found, scan)),
        MEASURED,
        turn,
    )


def in_view(s: Closed, grid: Grid) -> Seen:
    """Does a surface lie within the voxels' box?"""
    low = grid.origin - 0.5 * grid.spacing
    high = low + grid.spacing * np.asarray(grid.size)
    seen = seen_of(np.all((s.vertices >= low) & (s.vertices <= high), axis=1))
    if seen == "no":
        # its surface may lie all round the box
        corners = np.array(np.meshgrid(*np.column_stack([low, high]))).reshape(3, -1).T
        if distance(s, np.vstack([corners, 0.5 * (low + high)])).min() < 0.0:
            return "cut"
    return seen


def seen_of(inside: NDArray[np.bool_]) -> Seen:
    """Of a surface's vertices, (n,): which lie within the field of view?"""
    if inside.all():
        return "whole"
    return "cut" if inside.any() else "no"


def _artery(s: Surface, found: ScanAnatomy, scan: ScanParameters, grid: Grid) -> TrueArtery:
    side = artery_side(s.name)
    state = scan.contrast.state[side] if side is not None else "normal"
    low = grid.origin - 0.5 * grid.spacing
    high = low + grid.spacing * np.asarray(grid.size)
    lies = found.scan_from_anatomy.apply(s.vertices)
    seen = np.all((lies >= low) & (lies <= high), axis=1)
    hu = artery_hu(s.name, s.vertices[seen] if seen.any() else s.vertices, scan)
    return TrueArtery(
        s.name,
        state,
        bool(hu.max() > BLOOD + ENHANCED),
        (float(hu.min()), float(hu.max())),
        occluded_above(scan) if state == "occluded" else None,
    )
