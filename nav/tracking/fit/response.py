"""How a camera turns light into grey levels, learnt from the markers it sees.

A marker's light goes from ink to paper as its blurred pattern goes from 0 to 1; its grey levels go
from black to white along a curve that depends on the camera and on how dark the ink is, the same
for all markers of one picture. The curve is a power of the light, h(p) = ((1 + q p)^e - 1) /
((1 + q)^e - 1): e is 1 for a linear camera and 1 / 2.2 for display gamma, q is paper's light less
ink's by ink's. Parameters: 1 - e, and ln q about which a linear camera says nothing.
"""

from dataclasses import dataclass, field

import numpy as np

from nav.core.frames import Array

ENTRIES = 256
SAME_CURVE = 1e-3  # change of a parameter that no grey level shows
START = np.array([0.0, np.log(12.0)])  # linear; printed paper is about 13 times lighter than toner
PRIOR_SD = np.array([0.35, 0.7])  # wide enough for any display gamma, and any ink and printer
LOW, HIGH = np.array([-0.5, np.log(1.0)]), np.array([0.75, np.log(200.0)])
KEEP = 0.98  # of what was learnt, per image: the curve is the camera's, its settings may change
MOST_INFORMATION = 1.0 / np.array([0.005, 0.05]) ** 2  # so that it never freezes


def curve_table(parameters: Array) -> Array:
    """Tabulate a response curve with its derivatives.

    Parameters
    ----------
    parameters : ndarray, shape (2,)
        1 - e and ln q; e not 0.

    Returns
    -------
    ndarray, shape (4, ENTRIES + 1)
        For light from 0 to 1: grey from 0 to 1, its slope, its derivatives by each parameter.
    """
    power, q = 1.0 - parameters[0], np.exp(parameters[1])
    light = np.linspace(0.0, 1.0, ENTRIES + 1)
    base = 1.0 + q * light
    log = np.log(base)
    raised = np.exp(power * log)
    slope = power * q * raised / base
    span = raised[-1] - 1.0
    grey = (raised - 1.0) / span
    by_power = (raised * log - grey * raised[-1] * log[-1]) / span
    by_ink = (slope * light - grey * slope[-1]) / span
    return np.stack([grey, slope / span, -by_power, by_ink])


LINEAR = curve_table(START)


@dataclass
class Response:
    """One camera's response curve as known so far.

    Parameters
    ----------
    parameters : ndarray, shape (2,)
        1 - e and ln q.
    information : ndarray, shape (2, 2)
        Of the parameters.
    drawn : ndarray, shape (2,)
        Parameters of the cached table.
    """

    parameters: Array = field(default_factory=START.copy)
    information: Array = field(default_factory=lambda: np.diag(1.0 / PRIOR_SD**2))
    drawn: Array = field(default_factory=START.copy)  # the parameters of what is drawn
    _table: Array = field(default_factory=LINEAR.copy, repr=False)

    @property
    def table(self) -> Array:
        """Table as of `curve_table`; computed when it is asked for and no longer accurate."""
        bend, ink = np.abs(self.parameters - self.drawn)
        # a linear curve does not depend on the ink
        if bend > SAME_CURVE or ink * abs(self.parameters[0]) > SAME_CURVE:
            self._table, self.drawn = curve_table(self.parameters), self.parameters
        return self._table

    @property
    def power(self) -> float:
        """Exponent of the light that gives grey levels."""
        return float(1.0 - self.parameters[0])

    def copy(self) -> "Response":
        """Return an independent copy; both have the table that is cached now."""
        return Response(self.parameters, self.information, self.drawn, self.table)

    def with_parameters(self, parameters: Array) -> "Response":
        """Return a copy with other parameters; the information and the cached table are kept."""
        return Response(parameters, self.information, self.drawn, self._table)

    def moved(self, step: Array) -> Array:
        """Return the parameters after a step, within sensible bounds."""
        return np.minimum(np.maximum(self.parameters + step, LOW), HIGH)

    def learn(self, information: Array) -> None:
        """Add the information (2, 2) that an image gave; what is older fades."""
        prior = np.diag(1.0 / PRIOR_SD**2)
        total = prior + KEEP * (self.information - prior) + information
        scale = np.sqrt(np.minimum(1.0, MOST_INFORMATION / np.diag(total)))
        self.information = total * np.outer(scale, scale)


AS_LIGHT = Response()  # of a linear camera
