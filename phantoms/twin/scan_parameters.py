"""Parameters of one simulated scan: scanner, patient's tissue, joints, field of view.

Lengths are mm, angles degrees, CT numbers HU. Everything that a scan shows follows from an anatomy,
a `ScanParameters` and nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

ArteryState = Literal["normal", "hypoplastic", "occluded"]

# Joints by name, from above: the two bones, and where between them.
JOINTS = {
    "C0-C1 left": ("occiput", "C1"),
    "C0-C1 right": ("occiput", "C1"),
    "C1-C2 left": ("C1", "C2"),
    "C1-C2 right": ("C1", "C2"),
    "C1-C2 dens": ("C1", "C2"),
    "C2-C3 left": ("C2", "C3"),
    "C2-C3 right": ("C2", "C3"),
    "C3-C4 left": ("C3", "C4"),
    "C3-C4 right": ("C3", "C4"),
    "C4-C5 left": ("C4", "C5"),
    "C4-C5 right": ("C4", "C5"),
}


@dataclass(frozen=True)
class BoneLook:
    """CT numbers of bone.

    Parameters
    ----------
    cortex_hu : float
        Of compact bone, where it is thick enough to be resolved, HU.
    cortex_mm : float
        Median thickness of the cortex, mm.
    cortex_variation : float
        Its relative change over a surface, 0 to 1; the thickness is between 1 - variation and 1 +
        variation times the median.
    trabecular_hu : float
        Mean of the spongy bone, HU.
    texture_hu : float
        Standard deviation of its texture, HU.
    texture_mm : tuple of 3 floats
        Size of the texture's grains, x, y, z, mm.
    """

    cortex_hu: float = 900.0
    cortex_mm: float = 1.1
    cortex_variation: float = 0.35
    trabecular_hu: float = 300.0
    texture_hu: float = 50.0
    texture_mm: tuple[float, float, float] = (1.6, 1.6, 2.6)


@dataclass(frozen=True)
class Kernel:
    """Point spread of the reconstruction.

    The in-plane transfer function is (1 + enhancement u) exp(-u) with u = (2 pi f sd)^2 / 2: a
    Gaussian of that sd without enhancement; edges overshoot where enhancement is above 1. Across
    the slices it is a rectangle of `slice_mm`, its edges softened by a Gaussian of `slice_edge_mm`.

    Parameters
    ----------
    name : str
        As written to a DICOM header.
    sd_mm : float
        In-plane standard deviation, mm.
    enhancement : float
        Edge enhancement, 0 and above.
    slice_mm : float
        Nominal thickness, mm.
    slice_edge_mm : float
        Standard deviation of the slice's edges, mm.
    """

    name: str = "soft"
    sd_mm: float = 0.4
    enhancement: float = 0.0
    slice_mm: float = 0.6
    slice_edge_mm: float = 0.12


@dataclass(frozen=True)
class Contrast:
    """Contrast medium in the vessels.

    Parameters
    ----------
    phase : str
        'none' or 'arterial'.
    artery_hu : tuple of 2 floats
        Of the left and right artery where they enter from below, HU; blood without contrast is 45.
    decay_hu_per_mm : float
        Loss on the way up, HU/mm.
    state : tuple of 2 str
        Of the left and right artery.
    hypoplastic_share : float
        Radius of a hypoplastic artery relative to a normal one.
    occluded_from : float
        Share of an occluded artery's course, from below, after which it is occluded; 0 is all of
        it.
    plexus_hu : float
        Veins around the artery on C1 and in the canal, HU; 0 where there are none.
    plaques : int
        Number of calcified places in the arteries' walls.
    """

    phase: Literal["none", "arterial"] = "arterial"
    artery_hu: tuple[float, float] = (350.0, 350.0)
    decay_hu_per_mm: float = 0.3
    state: tuple[ArteryState, ArteryState] = ("normal", "normal")
    hypoplastic_share: float = 0.55
    occluded_from: float = 0.0
    plexus_hu: float = 0.0
    plaques: int = 0


@dataclass(frozen=True)
class Osteophyte:
    """A lip of bone at a joint's margin, on both bones.

    Parameters
    ----------
    joint : str
        One of `JOINTS`.
    angle_deg : float
        Position around the joint, degrees.
    size_mm : float
        How far it protrudes, mm.
    bridges : float
        Share of the gap at the margin that both lips together close, 0 to below 1.
    """

    joint: str
    angle_deg: float
    size_mm: float
    bridges: float


@dataclass(frozen=True)
class View:
    """Field of view and pose of the patient in it.

    Parameters
    ----------
    low_mm, high_mm : float
        Range of the slices, from the origin of the anatomy, mm.
    side_mm : float
        Side of the square field of view, mm.
    centre_mm : tuple of 2 floats
        Its centre, x and y, mm.
    rotation_deg : tuple of 3 floats
        Of the patient in the scanner about x, y and z, degrees.
    shift_mm : tuple of 3 floats
        Of the patient in the scanner, mm.
    couch : bool
        Whether it is visible.
    """

    low_mm: float = -66.0
    high_mm: float = 42.0
    side_mm: float = 150.0
    centre_mm: tuple[float, float] = (0.0, -5.0)
    rotation_deg: tuple[float, float, float] = (0.0, 0.0, 0.0)
    shift_mm: tuple[float, float, float] = (0.0, 0.0, 0.0)
    couch: bool = False


@dataclass(frozen=True)
class Artefacts:
    """Errors of the projections.

    Parameters
    ----------
    noise_hu : float
        Standard deviation of the noise in the middle of the neck at C2, HU.
    shoulders : float
        How much of the shoulders the lowest rays pass, 0 to 1.
    metal : int
        Number of fillings of teeth.
    hardening : float
        Uncorrected beam hardening of bone: its line integral b is lowered by 0.02 hardening b^2.
    cupping_hu : float
        In the middle, HU.
    scale, offset_hu : float
        Of the calibration of CT numbers: shown = scale * (true + 1000) - 1000 + offset.
    """

    noise_hu: float = 15.0
    shoulders: float = 0.2
    metal: int = 0
    hardening: float = 1.0
    cupping_hu: float = 3.0
    scale: float = 1.0
    offset_hu: float = 0.0


@dataclass(frozen=True)
class ScanParameters:
    """All parameters of a scan; see the parts.

    Parameters
    ----------
    spacing_mm : tuple of 3 floats
        Of the voxels, x, y, z, mm.
    bone : BoneLook
        CT numbers of bone.
    kernel : Kernel
        Point spread.
    contrast : Contrast
        Contrast medium in the vessels.
    view : View
        Field of view and pose.
    artefacts : Artefacts
        Errors of the projections.
    joints_mm : tuple of (str, float)
        Smallest distance of the bones in each joint, mm, by the names of `JOINTS`; one that is not
        named stays as in the anatomy.
    fused : tuple of str
        Names of fused joints.
    osteophytes : tuple of Osteophyte
        At the joints' margins.
    seed : int
        Of noise and texture.
    hard : bool
        Whether it was drawn from the hard set.
    """

    spacing_mm: tuple[float, float, float] = (0.5, 0.5, 0.6)
    bone: BoneLook = field(default_factory=BoneLook)
    kernel: Kernel = field(default_factory=Kernel)
    contrast: Contrast = field(default_factory=Contrast)
    view: View = field(default_factory=View)
    artefacts: Artefacts = field(default_factory=Artefacts)
    joints_mm: tuple[tuple[str, float], ...] = ()
    fused: tuple[str, ...] = ()
    osteophytes: tuple[Osteophyte, ...] = ()
    seed: int = 0
    hard: bool = False
