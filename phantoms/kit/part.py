"""A part of the kit: what is printed, or bought and drawn, and its place."""

from __future__ import annotations

from dataclasses import dataclass

from scipy.spatial.transform import RigidTransform

from phantoms.anatomy.mesh import Mesh

BED = (200.0, 200.0, 200.0)  # mm, a printer's build volume, which every part fits into
LEAST_WALL = 1.2  # mm, three lines of a 0.4 nozzle
SLIDING = 0.3  # mm, all round, between parts that are pushed together


@dataclass(frozen=True)
class Part:
    """A printed part.

    Parameters
    ----------
    name : str
        Stem of its files.
    title : str
        For people.
    mesh : Mesh
        In the part's own frame as it lies on the bed, z up from 0, mm.
    model_from_part : RigidTransform or None
        Its pose in the assembled phantom; None for what is not part of the phantom (needle carrier,
        test block).
    material : str
        Of the print.
    colour : tuple of 3 float
        Of the print, sRGB, 0 to 1.
    printing : str
        Whether it needs support, and where.
    count : int, optional
        How many are printed.
    """

    name: str
    title: str
    mesh: Mesh
    model_from_part: RigidTransform | None
    material: str
    colour: tuple[float, float, float]
    printing: str
    count: int = 1
