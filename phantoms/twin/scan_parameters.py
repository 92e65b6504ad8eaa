"""What one simulated scan is drawn with: scanner, patient's tissue, joints, field of view.

Lengths are mm, angles degrees, CT numbers HU. Everything that a scan shows follows from an anatomy,
a `ScanParameters` and nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

SIDES = ("left", "right")
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
    cortex_hu : of compact bone, HU, where it is thick enough to be resolved.
    cortex_mm : median thickness, mm. cortex_variation : its relative change over a surface, 0 to 1;
        the thickness lies between 1 - variation and 1 + variation times the median.
    trabecular_hu : mean of the spongy bone, HU. texture_hu : sd of its texture, HU.
    texture_mm : (x, y, z) size of the texture's grains, mm.
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
    name : as written to a DICOM header. sd_mm : mm. enhancement : 0 and above.
    slice_mm : nominal thickness, mm. slice_edge_mm : sd, mm.
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
    phase : 'none' or 'arterial'. artery_hu : of the left and right artery where they enter from
    below, HU; blood without contrast is 45. decay_hu_per_mm : lost on the way up, HU a mm.
    state : of the left and right artery. occluded_from : share of an occluded artery's course, from
    below, after which it is occluded; 0 is all of it. plexus_hu : veins round the artery on C1 and
    in the canal, HU; 0 where there are none. plaques : calcified places in the arteries' walls.
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
    joint : one of JOINTS. angle_deg : where round the joint. size_mm : how far it stands out.
    bridges : share of the gap at the margin that both lips together close, 0 to below 1.
    """

    joint: str
    angle_deg: float
    size_mm: float
    bridges: float


@dataclass(frozen=True)
class View:
    """Field of view and how the patient lies in it.

    Parameters
    ----------
    low_mm, high_mm : heights between which slices lie, from the origin of the anatomy, mm.
    side_mm : of the square field of view, mm. centre_mm : its middle (x, y), mm.
    rotation_deg : of the patient in the scanner about x, y and z, degrees. couch : is it seen?
    shift_mm : of the patient in the scanner, mm.
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
    """What is wrong with the projections.

    Parameters
    ----------
    noise_hu : sd of the noise in the middle of the neck at C2, HU.
    shoulders : 0 to 1, how much of the shoulders the lowest rays pass.
    metal : fillings of teeth. hardening : bone's beam hardening that is not corrected: its line
        integral b is lowered by 0.02 hardening b^2. cupping_hu : in the middle, HU.
    scale, offset_hu : of the calibration of CT numbers: shown = scale * (true + 1000) - 1000
    + offset.
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
    """All that a scan is drawn with; see the parts.

    Parameters
    ----------
    spacing_mm : of the voxels, x, y, z. joints_mm : smallest distance of the bones in each joint,
    by JOINTS' names; one that is not named stays as the anatomy has it.
    fused : names of joints that bone has grown through. osteophytes : at the joints' margins.
    seed : of noise and texture. hard : of which set it was drawn.
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
