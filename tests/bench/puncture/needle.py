"""How a simulated needle truly bends: drawn from what others measured, not from our formula.

Epidural needles (Tuohy, Hustead, Crawford) drifted 1.73 to 3.54 mm in 50 mm of porcine tissue
(Kopacz and Allen, Anesth Analg 1995;81:630). The side: towards a Tuohy's opening (Rand and others
2016), which a hand holds within some degrees; and a part to any side, from uneven tissue.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nav.core.frames import Array
from nav.planning.needle_deviation import across_axes

MEASURED = (1.73 / 50.0, 3.54 / 50.0)  # mm of drift a mm of depth
ROLL_SD = np.radians(15.0)  # of the opening about the shaft, assumed
UNEVEN = 0.2  # of the drift, sd per axis to any side, assumed


@dataclass(frozen=True)
class Bend:
    """One needle's bend.

    Parameters
    ----------
    rate : mm of drift a mm of depth. roll : of the opening off its nominal side, rad.
    uneven : (2,) shares of the drift along two axes across the shaft.
    """

    rate: float
    roll: float
    uneven: Array

    def drift(self, depth: float, heading: Array, opening: Array) -> Array:
        """Return how far the tip is off a straight needle's, (3,), mm.

        Parameters
        ----------
        depth : float
            In tissue, along the shaft, mm.
        heading, opening : (3,) ndarray
            Unit vectors: hub to tip, and the nominal side of the opening, across it.
        """
        size = self.rate * max(depth, 0.0)
        side = np.cross(heading, opening)
        turned = np.cos(self.roll) * opening + np.sin(self.roll) * side
        return np.asarray(size * (turned + self.uneven @ across_axes(heading)))


STRAIGHT = Bend(0.0, 0.0, np.zeros(2))


def draw_bend(rng: np.random.Generator, known: bool) -> Bend:
    """Draw a bend; known : the opening is held to its nominal side, else it faces anywhere."""
    roll = ROLL_SD * rng.standard_normal() if known else rng.uniform(-np.pi, np.pi)
    return Bend(float(rng.uniform(*MEASURED)), float(roll), UNEVEN * rng.standard_normal(2))
