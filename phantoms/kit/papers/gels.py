"""Gels to pour: ingredients, preparation, shelf life."""

from __future__ import annotations

from dataclasses import dataclass

LOSSES = 1.10  # share of the block's volume that is made: some stays in the pot
SORBATE = 0.002  # potassium sorbate, w/w, assumed: what food is preserved with


@dataclass(frozen=True)
class Gel:
    """A recipe.

    Attributes
    ----------
    name : str
        Of the gel.
    use : str
        What it is good for.
    solids : tuple of tuple of (str, float, str)
        What is stirred into water: name, share of the whole's weight, where that comes from.
    density : float
        g/ml.
    heat, pour : int
        Temperature at which it is made, and below which it is poured, degrees C.
    set : str
        How it sets.
    steps : tuple of str
        How it is made.
    """

    name: str
    use: str
    solids: tuple[tuple[str, float, str], ...]
    density: float
    heat: int
    pour: int
    set: str
    steps: tuple[str, ...]

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
_BLOOM = (
    "Weigh the water. Stir the gelatine into the cold third of it, and let it swell for 15 min.",
    "Warm the rest to 60 °C with the sorbate. Take it off the heat and stir in the swollen "
    "gelatine until it is clear. Never boil it: it then sets weaker.",
)
_REST = (
    "Let it stand warm (45 °C) for 30 minutes and skim off the foam. A vacuum chamber is better.",
    "Pour below 40 °C, slowly, down one wall of the mould.",
    "Let it set for 12 hours at 4 °C.",
)

GELS = (
    Gel(
        "Gelatine",
        "The standard: cuts and holds like muscle.",
        (
            ("gelatine powder, 250 bloom", 0.09, "8 to 10 % as muscle, assumed; brain-like "
             "insertion force, 10.1007/s10439-015-1523-0"),
            _KEEPS,
        ),
        1.03,
        60,
        40,
        "12 h at 4 °C",
        (*_BLOOM, *_REST),
    ),
    Gel(
        "Gelatine with psyllium",
        "The same, with speckle for ultrasound. It is no longer clear.",
        (
            ("gelatine powder, 250 bloom", 0.09, "as above"),
            ("psyllium husk, ground fine", 0.015, "10.1371/journal.pone.0191664; share assumed"),
            _KEEPS,
        ),
        1.03,
        60,
        40,
        "12 h at 4 °C",
        (
            *_BLOOM,
            "Dust in the psyllium while you whisk, in five portions, against lumps.",
            _REST[0],
            "Stir once more and pour below 40 °C, when it begins to thicken: the husk then stays "
            "afloat.",
            _REST[2],
        ),
    ),
    Gel(
        "Agar",
        "Sets at room temperature and can be melted and poured again. It cracks rather than "
        "stretches, and needle tracks stay open.",
        (("agar powder", 0.015, "1 to 2 %, brittle above 3 %, assumed; used round a printed "
          "spine: West, Reg Anesth Pain Med 2014;39"), _KEEPS),
        1.0,
        95,
        50,
        "2 h at 20 °C",
        (
            "Stir the agar and the sorbate into the cold water.",
            "Boil for 2 minutes, stirring, until it is clear.",
            "Let it cool to 50 °C, stirring now and then. It sets at about 38 °C, so do not wait.",
            "Pour at 45 to 50 °C, not above: PLA softens at 55 °C.",
            "Let it set for 2 hours.",
        ),
    ),
)  # fmt: skip

SAFETY = (
    "Hot gel scalds. Wear gloves and eye protection, and carry small pots.",
    "PLA softens at about 55 °C. Pour gelatine below 40 °C and agar below 50 °C. Gel wax and "
    "ballistic gel melt above 100 °C: never pour them into this mould.",
    "Gelatine is food for germs. Use clean pots, wear gloves, and throw the block away when it "
    "smells, clouds or grows spots. Nothing here is to be eaten, or to touch a patient.",
    "Needles: point them away from the other hand, never recap, and put them into a sharps box.",
)

SHELF_LIFE = (
    ("Gelatine, wrapped in film, 4 °C", "about 10 days with sorbate, 4 days without", "assumed"),
    ("Gelatine at 20 °C", "6 hours; it softens above 25 °C and melts at about 30 °C", "assumed"),
    ("Agar, wrapped in film, 4 °C", "about 2 weeks; it weeps water and shrinks", "assumed"),
    ("Needle tracks", "turn the aim by a few mm after each puncture; about 20 per side", "assumed"),
    ("Film of the dura", "a new sleeve with every block: it leaks where it was pierced", "chosen"),
)
