"""A part of the kit: what is printed, or bought and drawn, and where it goes."""

from __future__ import annotations

from dataclasses import dataclass

from scipy.spatial.transform import RigidTransform

from phantoms.anatomy.mesh import Mesh

BED = (200.0, 200.0, 200.0)  # mm, a printer's room that every part fits into
LEAST_WALL = 1.2  # mm, three lines of a 0.4 nozzle
SLIDING = 0.3  # mm, all round, between parts that are pushed together


@dataclass(frozen=True)
class Part:
    """A printed part.

    name : stem of its files. title : for people. mesh : in the part's own frame as it lies on the
    bed, z up from 0, mm. model_from_part : where it stands in the assembled phantom; None for what
    is no part of it (needle carrier, test block). material, colour (sRGB, 0 to 1): of the print.
    printing : whether it needs support, and where. count : how many are printed.
    """

    name: str
    title: str
    mesh: Mesh
    model_from_part: RigidTransform | None
    material: str
    colour: tuple[float, float, float]
    printing: str
    count: int = 1
