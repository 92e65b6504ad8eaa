"""The closed surfaces as they lie in a scan: joints changed, arteries narrowed, patient turned."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.spatial.transform import RigidTransform, Rotation

from phantoms.anatomy.bone_poses import bone_poses
from phantoms.anatomy.mesh import Mesh
from phantoms.anatomy.parameters import SIDES
from phantoms.anatomy.standard_neck import Anatomy
from phantoms.twin.ct_section import Closed, Surface
from phantoms.twin.scan_extent import extended, united
from phantoms.twin.scan_joints import (
    FUSED_GAP,
    Joint,
    joint_width,
    joints,
    vertex_normals,
    with_joints,
)
from phantoms.twin.scan_parameters import ScanParameters

BEYOND = 4.0  # mm that the head extends above the highest slice
TALLEST = 58.0  # mm, to which the head can extend
# The parts of the extended anatomy by structure.
PARTS = {
    "cord": ("cord", "cord going on", "medulla"),
    "dura": ("dura", "dura going on", "cisterna magna"),
} | {
    f"vertebral artery {side}": (
        f"vertebral artery {side}",
        f"vertebral artery {side} going on",
        f"vertebral artery {side} in the skull",
    )
    for side in SIDES
}  # fmt: skip


@dataclass(frozen=True)
class ScanAnatomy:
    """Contents of a scan.

    Parameters
    ----------
    structures : tuple of Surface
        Bones, cord, dura and arteries, anatomy's frame, mm: what is to be segmented.
    sketched : tuple of Surface
        What else is seen.
    joints : tuple of Joint
        Where the joints are.
    joint_widths : dict of str to float
        Smallest distance of the bones in each joint, mm, by name.
    scan_from_anatomy : RigidTransform
        Pose of the patient.
    """

    structures: tuple[Surface, ...]
    sketched: tuple[Surface, ...]
    joints: tuple[Joint, ...]
    joint_widths: dict[str, float]
    scan_from_anatomy: RigidTransform

    def structure(self, name: str) -> Surface:
        """Return the structure of that name; raise KeyError where there is none."""
        for s in self.structures:
            if s.name == name:
                return s
        raise KeyError(name)


def scan_anatomy(anatomy: Anatomy, scan: ScanParameters) -> ScanAnatomy:
    """Build the surfaces that a scan of an anatomy shows.

    Parameters
    ----------
    anatomy : Anatomy
        The anatomy.
    scan : ScanParameters
        What the scan is drawn with.

    Returns
    -------
    ScanAnatomy
        In the anatomy's frame.
    """
    poses = bone_poses(anatomy.parameters)
    high = min(scan.view.high_mm + BEYOND, TALLEST)
    whole = extended(anatomy, poses, high, scan.seed)
    soft = {s.name: s for s in whole.soft}
    structures: list[Surface] = []
    used: set[str] = set()
    for name, parts in PARTS.items():
        found = [soft[part] for part in parts if part in soft]
        used |= {s.name for s in found}
        if found:
            mesh = Mesh(found[0].vertices, found[0].triangles)
            for s in found[1:]:
                mesh = united(mesh, Mesh(s.vertices, s.triangles))
            structures.append(Surface(name, found[0].role, mesh.vertices, mesh.triangles))
    # other arteries: branches and second limbs
    others = [s for s in whole.soft if s.name not in used]
    structures += [s for s in others if s.role == "artery"]
    structures = [_narrowed(s, scan) for s in structures]
    spared = tuple(Mesh(s.vertices, s.triangles) for s in structures if s.role != "cord")
    bones = {s.name: Mesh(s.vertices, s.triangles) for s in whole.bones}
    places = tuple(j for j in joints(anatomy.parameters, poses, whole.fifth) if j.upper in bones)
    widths = dict(scan.joints_mm) | dict.fromkeys(scan.fused, FUSED_GAP)
    bones = with_joints(bones, places, widths, scan.osteophytes, spared)
    structures += [Surface(name, "bone", m.vertices, m.triangles) for name, m in bones.items()]
    measured = {j.name: joint_width(bones[j.upper], bones[j.lower], j) for j in places}
    return ScanAnatomy(
        tuple(structures),
        tuple(s for s in others if s.role != "artery"),
        places,
        measured,
        scan_from_anatomy(scan),
    )


def scan_from_anatomy(scan: ScanParameters) -> RigidTransform:
    """Compute the pose of the patient: turned about C2's dens, and shifted.

    Parameters
    ----------
    scan : ScanParameters
        What the scan is drawn with.

    Returns
    -------
    RigidTransform
        In mm.
    """
    rotation = Rotation.from_euler("xyz", scan.view.rotation_deg, degrees=True)
    return RigidTransform.from_components(np.asarray(scan.view.shift_mm, float), rotation)


def moved_surface(s: Closed, b_from_a: RigidTransform) -> Surface:
    """Transform a surface to another frame, with its vertices in a file's single precision.

    Parameters
    ----------
    s : Closed
        The surface, frame a.
    b_from_a : RigidTransform
        The transform.

    Returns
    -------
    Surface
        Frame b.
    """
    vertices = b_from_a.apply(s.vertices).astype(np.float32).astype(float)
    return Surface(s.name, s.role, vertices, s.triangles)


def artery_side(name: str) -> int | None:
    """Return the side of an artery.

    Parameters
    ----------
    name : str
        Name of the artery.

    Returns
    -------
    int or None
        0 for left, 1 for right, None otherwise.
    """
    return next((k for k, side in enumerate(SIDES) if side in name.split()), None)


def _narrowed(s: Surface, scan: ScanParameters) -> Surface:
    side = artery_side(s.name)
    if s.role != "artery" or side is None or scan.contrast.state[side] != "hypoplastic":
        return s
    mesh = Mesh(s.vertices, s.triangles)
    lost = (1.0 - scan.contrast.hypoplastic_share) * _radius(mesh)
    return replace(s, vertices=s.vertices - lost * vertex_normals(mesh))


def _radius(tube: Mesh) -> float:
    """Return the radius of a long round tube, mm: twice its volume over its surface."""
    corners = tube.vertices[tube.triangles]
    flat = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    area = 0.5 * np.linalg.norm(flat, axis=1).sum()
    volume = np.einsum("ij,ij->", corners[:, 0], flat) / 6.0
    return float(2.0 * volume / area)
