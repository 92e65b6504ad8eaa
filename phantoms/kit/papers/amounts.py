"""Amounts that a kit takes: gel, silicone, tubes, film, filament."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from manifold3d import Manifold
from numpy.typing import NDArray

from phantoms.anatomy.mesh import Mesh, signed_volume
from phantoms.anatomy.parameters import SIDES
from phantoms.anatomy.standard_neck import Anatomy, AnatomyStructure
from phantoms.kit.loft import Upright
from phantoms.kit.part import Part
from phantoms.kit.solid import placed, solid_of, without
from phantoms.kit.tubes import WIRE, Tube, tubes

FILM_OVERLAP = 8.0  # mm, of the film's seam
FILM_ENDS = 20.0  # mm, of film beyond the gel at each end, for end plates and ties
SHELL = 1.35  # mm, three walls of a 0.45 line
INFILL = 0.2
THIN_WIRE = 0.8  # mm, for a bore that WIRE does not go into
WIRE_OUT = 40.0  # mm, that a wire is longer than its tube
DENSITY = {"PLA": 1.24, "PETG": 1.27, "TPU": 1.21, "resin": 1.18}  # g/ml


@dataclass(frozen=True)
class Filling:
    """What is poured, and what keeps it apart.

    Attributes
    ----------
    gel, cord, csf : float
        Of the gel block, the cord cast in silicone, the water round it, ml.
    film : tuple of 2 float
        Girth with the seam and length of the dura's film, mm.
    """

    gel: float
    cord: float
    csf: float
    film: tuple[float, float]


@dataclass(frozen=True)
class Amounts:
    """What a kit takes.

    Attributes
    ----------
    tubes : tuple of Tube
        To buy for the arteries.
    filling : Filling or None
        Of a kit with gel.
    """

    tubes: tuple[Tube, ...]
    filling: Filling | None


def amounts(anatomy: Anatomy, parts: Sequence[Part], gel_block: Mesh | None) -> Amounts:
    """Determine the amounts for an anatomy's kit.

    Parameters
    ----------
    anatomy : Anatomy
        The phantom's case.
    parts : sequence of Part
        Those that the gel flows round, such as the bone column.
    gel_block : Mesh or None
        The neck as it stands on the base, model frame, mm; None for a kit that is not filled.

    Returns
    -------
    Amounts
        Filling is None without a gel block.

    Raises
    ------
    InputError
        An artery for which no tube exists.
    """
    filled = None if gel_block is None else _filling(anatomy, parts, gel_block)
    return Amounts(tubes(anatomy), filled)


def _filling(anatomy: Anatomy, parts: Sequence[Part], gel_block: Mesh) -> Filling:
    cord, dura = (_mesh(anatomy.structure(name)) for name in ("cord", "dura"))
    arteries = [_mesh(s) for s in anatomy.structures if s.role == "artery"]
    inside = [solid_of(mesh) for mesh in (dura, *arteries)]
    inside += [
        placed(solid_of(part.mesh), part.model_from_part)
        for part in parts
        if part.model_from_part is not None
    ]
    return Filling(
        gel=poured_volume(solid_of(gel_block), inside),
        cord=signed_volume(cord) / 1000.0,
        csf=(signed_volume(dura) - signed_volume(cord)) / 1000.0,
        film=_film(dura, gel_block),
    )


def poured_volume(block: Manifold, inside: Sequence[Manifold]) -> float:
    """Return the volume of a block less what stands in it.

    Parameters
    ----------
    block : Manifold
        mm.
    inside : sequence of Manifold
        In the same frame, mm.

    Returns
    -------
    float
        ml.
    """
    return float(without(block, inside).volume()) / 1000.0


def tube_size(tube: Tube) -> str:
    """Format inner by outer diameter of the nearest tube that is sold.

    Parameters
    ----------
    tube : Tube
        Of an artery.

    Returns
    -------
    str
        Such as "3 x 5 mm".
    """
    return f"{tube.inner:g} x {round(tube.outer)} mm"


def wire_thickness(tube: Tube) -> float:
    """Return the thickness of the wire that goes into a tube.

    Parameters
    ----------
    tube : Tube
        Of an artery.

    Returns
    -------
    float
        mm.
    """
    return WIRE if tube.inner >= 2.0 else THIN_WIRE


def bore_volume(tube: Tube) -> float:
    """Return the volume of a tube's bore beside its wire.

    Parameters
    ----------
    tube : Tube
        Of an artery.

    Returns
    -------
    float
        ml.
    """
    area = np.pi / 4 * (tube.inner**2 - wire_thickness(tube) ** 2)
    return float(area * tube.length / 1000.0)


def branching(needs: Amounts) -> bool:
    """Return whether a vessel begins or ends at another one.

    Parameters
    ----------
    needs : Amounts
        What the kit takes.

    Returns
    -------
    bool
        True where there are more tubes than sides.
    """
    return len(needs.tubes) > len(SIDES)


def wires(found: Sequence[Tube]) -> tuple[tuple[float, float, bool], ...]:
    """List the wires to buy, from which the tubes' wires are cut.

    Parameters
    ----------
    found : sequence of Tube
        Of all arteries.

    Returns
    -------
    tuple of tuple of (float, float, bool)
        Thickness and length, mm; whether it is for thin bores.
    """
    rows = []
    for thickness in (WIRE, THIN_WIRE):
        held = [tube for tube in found if wire_thickness(tube) == thickness]
        if held:
            length = sum(tube.length + WIRE_OUT for tube in held)
            rows.append((thickness, length, thickness == THIN_WIRE))
    return tuple(rows)


def filament_grams(part: Part) -> float:
    """Estimate what one print weighs: walls of three lines, a fifth of the rest; no support.

    Parameters
    ----------
    part : Part
        Of which one is printed.

    Returns
    -------
    float
        g.
    """
    solid = solid_of(part.mesh)
    volume = solid.volume()
    walls = min(volume, solid.surface_area() * SHELL)
    density = next((d for name, d in DENSITY.items() if name in part.material), DENSITY["PLA"])
    return density * (walls + INFILL * (volume - walls)) / 1000.0


def size_text(part: Part) -> str:
    """Format width x depth x height of a part on the bed.

    Parameters
    ----------
    part : Part
        With its mesh.

    Returns
    -------
    str
        mm, without the unit.
    """
    return " x ".join(f"{v:.1f}" for v in np.ptp(part.mesh.vertices, axis=0))


def round_to(value: float, step: float) -> float:
    """Round up to a multiple of a step.

    Parameters
    ----------
    value, step : float
        In the same unit; the step is positive.

    Returns
    -------
    float
        At least `value`, up to rounding errors.
    """
    return float(np.ceil(value / step - 1e-9) * step)


def _film(dura: Mesh, gel_block: Mesh) -> tuple[float, float]:
    sac = Upright(solid_of(dura))
    outlines = [sac.section(float(z)) for z in sac.heights(sac.low, sac.high)]
    girth = max(_girth(max(shape.to_polygons(), key=len)) for shape in outlines)
    length = float(np.ptp(gel_block.vertices[:, 2]))
    return girth + FILM_OVERLAP, length + 2 * FILM_ENDS


def _girth(corners: NDArray[np.float64]) -> float:
    return float(np.linalg.norm(np.roll(corners, -1, axis=0) - corners, axis=1).sum())


def _mesh(structure: AnatomyStructure) -> Mesh:
    return Mesh(structure.vertices, structure.triangles)
