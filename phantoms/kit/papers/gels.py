"""Gels to pour: ingredients and temperatures; how they are made is in text/gel.md."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from phantoms.kit.papers.amounts import bore_volume
from phantoms.kit.tubes import Tube

LOSSES = 1.10  # share of the block's volume that is made: some stays in the pot
IODINE = 25.0  # HU per mg/ml of iodine at 120 kV, assumed
VESSEL = 350.0  # HU wanted in an artery; 300 to 450 are usual, 10.3174/ajnr.A1768
STRONG = 300.0  # mg/ml of iodine in contrast agent as it is sold
SORBATE = 0.002  # potassium sorbate, w/w, assumed: what food is preserved with


@dataclass(frozen=True)
class Gel:
    """A recipe.

    Attributes
    ----------
    name : str
        Of the gel.
    solids : tuple of tuple of (str, float, str)
        What is stirred into water: name, share of the whole's weight, where that comes from.
    density : float
        g/ml.
    heat, pour : int
        Temperature at which it is made, and below which it is poured, degrees C.
    set : str
        How it sets.
    """

    name: str
    solids: tuple[tuple[str, float, str], ...]
    density: float
    heat: int
    pour: int
    set: str

    def grams(self, volume: float) -> tuple[tuple[str, float, str], ...]:
        """Return the ingredients for a block, losses included.

        Parameters
        ----------
        volume : float
            Of the block, ml.

        Returns
        -------
        tuple of tuple of (str, float, str)
            Name, g, source of the share; water first.
        """
        mass = volume * LOSSES * self.density
        water = 1.0 - sum(share for _, share, _ in self.solids)
        rows = (("water, boiled and cooled", water, ""), *self.solids)
        return tuple((name, share * mass, source) for name, share, source in rows)


_KEEPS = ("potassium sorbate (keeps mould away)", SORBATE, "assumed")
_GELATINE = "gelatine powder, 250 bloom"

GELS = (
    Gel(
        "Gelatine",
        (
            (_GELATINE, 0.09, "8 to 10 % as muscle, assumed; brain-like insertion force, "
             "10.1007/s10439-015-1523-0"),
            _KEEPS,
        ),
        1.03,
        60,
        40,
        "12 h at 4 °C",
    ),
    Gel(
        "Gelatine with psyllium",
        (
            (_GELATINE, 0.09, "as above"),
            ("psyllium husk, ground fine", 0.015, "10.1371/journal.pone.0191664; share assumed"),
            _KEEPS,
        ),
        1.03,
        60,
        40,
        "12 h at 4 °C",
    ),
    Gel(
        "Agar",
        (("agar powder", 0.015, "1 to 2 %, brittle above 3 %, assumed; used round a printed "
          "spine: West, Reg Anesth Pain Med 2014;39"), _KEEPS),
        1.0,
        95,
        50,
        "2 h at 20 °C",
    ),
)  # fmt: skip


@dataclass(frozen=True)
class Contrast:
    """Contrast agent for the arteries in CT.

    Attributes
    ----------
    sold : float
        Iodine as it is sold, mg/ml.
    water : float
        Parts of water to one part of it.
    vessel, per_iodine : float
        HU in the artery, and per mg/ml of iodine.
    bores : float
        Of all tubes beside their wires, ml.
    """

    sold: float
    water: float
    vessel: float
    per_iodine: float
    bores: float


def contrast(tubes: Sequence[Tube]) -> Contrast:
    """Determine how contrast agent is thinned, and how much the tubes hold.

    Parameters
    ----------
    tubes : sequence of Tube
        Of all arteries.

    Returns
    -------
    Contrast
        For a vessel as bright as in a CT angiogram.
    """
    bores = sum(bore_volume(tube) for tube in tubes)
    return Contrast(STRONG, STRONG * IODINE / VESSEL - 1.0, VESSEL, IODINE, bores)
