"""Values and sources of what is measured, and the neck that it is measured on."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from phantoms.anatomy.bone_poses import BonePoses
from phantoms.anatomy.mesh_rays import Gauge
from phantoms.anatomy.parameters import AnatomyParameters
from phantoms.anatomy.standard_neck import Anatomy
from phantoms.anatomy.validate_neck import check_possible

X, Y, Z = np.eye(3)

KAUR17 = "Kaur 2017, 10.16965/ijar.2017.454"
KAUR23 = "Kaur 2023, 10.16965/ijar.2023.143"
UMTRI = "Reed and Jones, UMTRI-2017-1"
CHAN = "Chan, Asian Spine J 2021;15(1)"
SPAN = "scienceopen 890c34bb"
AX52 = "core.ac.uk/works/303973137"
EBR = "Ebraheim, Spine 1998;23:320"
CRUZ = "10.4067/S0717-95022020000100140"
VALOSEK = "Valosek 2024, 10.1162/imag_a_00075"


@dataclass(frozen=True)
class Measured:
    """A quantity as measured on the meshes.

    Parameters
    ----------
    group : str
        Such as "C1" or "dura".
    quantity : str
        What is measured.
    measured : float
        In `unit`.
    published : tuple of float
        One value, or the smallest and largest of several studies; empty where it is chosen by us.
    source : str
        Where it is published.
    unit : str, optional
        "mm" or "degrees".
    """

    group: str
    quantity: str
    measured: float
    published: tuple[float, ...]
    source: str
    unit: str = "mm"

    @property
    def off(self) -> float:
        """Share by which it lies outside what is published; 0 within."""
        if not self.published:
            return 0.0
        low, high = min(self.published), max(self.published)
        if low <= self.measured <= high:
            return 0.0
        return (
            (self.measured - high) / high if self.measured > high else (low - self.measured) / low
        )


@dataclass(frozen=True)
class Neck:
    """An anatomy with a gauge for each structure, in the model's and in the bones' own frames.

    Parameters
    ----------
    anatomy : Anatomy
        The neck.
    """

    anatomy: Anatomy

    @property
    def p(self) -> AnatomyParameters:
        """Its parameters: for places, never for lengths."""
        return self.anatomy.parameters

    @cached_property
    def poses(self) -> BonePoses:
        """Where its bones lie."""
        return check_possible(self.p)

    @cached_property
    def gauges(self) -> dict[str, Gauge]:
        """The gauge of every structure by name, model frame."""
        return {s.name: Gauge.of(s.mesh) for s in self.anatomy.structures}

    def own(self, bone: str) -> Gauge:
        """Return the gauge of a bone in the bone's own frame."""
        s = self.anatomy.structure(bone)
        return Gauge(s.vertices, s.triangles, self.poses.of(bone).inv())
