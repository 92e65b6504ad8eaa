"""Dimensions that needles and their hubs share: outer diameters, Luer and NRFit cones."""

from __future__ import annotations

from dataclasses import dataclass

# mm, largest outer diameter of a gauge by ISO 9626
GAUGES = {25: 0.51, 22: 0.72, 20: 0.91, 18: 1.27, 17: 1.47, 16: 1.65, 14: 2.1}
BORE_CLEARANCE = 0.1  # mm, of the diameter: a needle slides, and a split bush still closes on it


@dataclass(frozen=True)
class Cone:
    """A male cone and the female one that takes it; lengths in mm.

    Parameters
    ----------
    name : str
        Of the connector.
    tip : float
        Diameter of the male cone's end.
    taper : float
        Of the diameter, per length.
    length : float
        Of the male cone.
    mouth : float
        Diameter of the female cone's opening.
    depth : float
        Of the female cone.
    source : str
        Of these figures.
    """

    name: str
    tip: float
    taper: float
    length: float
    mouth: float
    depth: float
    source: str

    @property
    def base(self) -> float:
        """Diameter of the male cone's wide end, mm."""
        return self.tip + self.taper * self.length

    @property
    def bottom(self) -> float:
        """Diameter of the female cone's narrow end, mm."""
        return self.mouth - self.taper * self.depth

    @property
    def engaged(self) -> float:
        """How deep nominal male and female go into one another, mm."""
        return (self.mouth - self.tip) / self.taper


LUER = Cone(
    "Luer",
    tip=3.98,
    taper=0.06,
    length=8.0,
    mouth=4.29,
    depth=9.0,
    source="6 % taper, ISO 80369-7 (before: ISO 594-1, of semi-rigid material: tip 3.925 to 4.027,"
    " male at least 7.5 long, mouth 4.270 to 4.315)",
)
# The figures of ISO 80369-6 are not free, and no free source repeats them. Makers say that NRFit is
# a fifth smaller than Luer; taper and kind of seat are the standard's.
NRFIT = Cone(
    "NRFit",
    tip=3.2,
    taper=0.05,
    length=8.0,
    mouth=3.45,
    depth=9.0,
    source="5 % taper, ISO 80369-6; diameters assumed, a fifth below Luer's:"
    " gauge a hub before relying on it",
)
