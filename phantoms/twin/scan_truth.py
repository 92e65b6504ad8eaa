"""Ground truth of a simulated scan."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import RigidTransform

from nav.core.frames import Array
from phantoms.twin.ct_fill import Grid
from phantoms.twin.ct_section import Closed, Surface, distance
from phantoms.twin.scan_anatomy import ScanAnatomy, artery_side, moved_surface
from phantoms.twin.scan_parameters import ArteryState, ScanParameters
from phantoms.twin.scan_soft import BLOOD
from phantoms.twin.scan_vessels import artery_hu, occluded_above, plaques

Seen = Literal["whole", "cut", "no"]
ENHANCED = 60.0  # HU above blood, from which an artery counts as filled with contrast
MEASURED = (-52.0, 26.0)  # mm, heights of the anatomy's frame beyond which surfaces are sketched


@dataclass(frozen=True)
class TrueStructure:
    """A closed surface as it lies in the scan.

    Parameters
    ----------
    name, role : str
        As in a case.
    vertices : ndarray, shape (n, 3)
        Scan frame (LPS), mm.
    triangles : ndarray of int, shape (m, 3)
        Vertex indices.
    seen : str
        Whether it is in the field of view: whole, cut or no.
    """

    name: str
    role: str
    vertices: Array
    triangles: NDArray[np.int32]
    seen: Seen


@dataclass(frozen=True)
class TrueArtery:
    """An artery's state.

    Attributes
    ----------
    name : str
        Name of the artery.
    state : str
        normal, hypoplastic or occluded.
    enhanced : bool
        Whether any of it contains contrast.
    hu : tuple of 2 floats
        Range of its contents in the scan's field of view before blur and noise, HU.
    occluded_above_mm : float or None
        Height in the anatomy's frame above which it contains none; None where it is open.
    """

    name: str
    state: ArteryState
    enhanced: bool
    hu: tuple[float, float]
    occluded_above_mm: float | None


@dataclass(frozen=True)
class TrueJoint:
    """A joint's state.

    Attributes
    ----------
    name : str
        Name of the joint.
    upper, lower : str
        Its two bones.
    middle : ndarray, shape (3,)
        Its centre, scan frame, mm.
    width_mm : float
        Smallest distance of its two surfaces, mm.
    fused : bool
        Whether bone has grown through it.
    """

    name: str
    upper: str
    lower: str
    middle: Array
    width_mm: float
    fused: bool


@dataclass(frozen=True)
class ScanTruth:
    """Ground truth of a scan, in the scan's frame.

    Parameters
    ----------
    structures : tuple of TrueStructure
        Surfaces.
    arteries : tuple of TrueArtery
        States of the arteries.
    joints : tuple of TrueJoint
        States of the joints.
    plaques : tuple of ndarray, shape (3,)
        Centres of calcified places in the arteries' walls, mm.
    measured_mm : tuple of 2 floats
        Heights of the anatomy's frame between which cord, dura, arteries and occiput are the
        anatomy's own; beyond they are sketched.
    scan_from_anatomy : RigidTransform
        From the anatomy's frame to the scan's.
    """

    structures: tuple[TrueStructure, ...]
    arteries: tuple[TrueArtery, ...]
    joints: tuple[TrueJoint, ...]
    plaques: tuple[Array, ...]
    measured_mm: tuple[float, float]
    scan_from_anatomy: RigidTransform

    def structure(self, name: str) -> TrueStructure:
        """Return the structure of that name; raise KeyError where there is none."""
        for s in self.structures:
            if s.name == name:
                return s
        raise KeyError(name)


def scan_truth(found: ScanAnatomy, outside: Surface, scan: ScanParameters, grid: Grid) -> ScanTruth:
    """Compile the ground truth of a scan of these surfaces on this grid.

    Parameters
    ----------
    found : ScanAnatomy
        The surfaces.
    outside : Surface
        The skin, anatomy's frame.
    scan : ScanParameters
        What the scan is drawn with.
    grid : Grid
        The scan's grid.

    Returns
    -------
    ScanTruth
        The ground truth.
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
    """Test whether a surface is within the voxels' box.

    Parameters
    ----------
    s : Closed
        The surface, frame of the grid, mm.
    grid : Grid
        The grid.

    Returns
    -------
    str
        'whole', 'cut' or 'no'.
    """
    low = grid.origin - 0.5 * grid.spacing
    high = low + grid.spacing * np.asarray(grid.size)
    seen = seen_of(np.all((s.vertices >= low) & (s.vertices <= high), axis=1))
    if seen == "no":
        # its surface may enclose the box
        corners = np.array(np.meshgrid(*np.column_stack([low, high]))).reshape(3, -1).T
        if distance(s, np.vstack([corners, 0.5 * (low + high)])).min() < 0.0:
            return "cut"
    return seen


def seen_of(inside: NDArray[np.bool_]) -> Seen:
    """Summarise which of a surface's vertices are in the field of view.

    Parameters
    ----------
    inside : ndarray of bool, shape (n,)
        Whether each vertex is.

    Returns
    -------
    str
        'whole', 'cut' or 'no'.
    """
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
