"""Check lengths against what is possible and usual, and name the unit that was likely meant."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from nav.core.errors import InputError

# in mm. Factors that users get wrong: the unit itself, or a sheet printed at another unit
UNITS = {"metres": 1000.0, "centimetres": 10.0, "inches": 25.4, "micrometres": 0.001}
FULL_TURN = 2.0 * math.pi


@dataclass(frozen=True)
class Limits:
    """Limits of a number: refused outside `least` to `most`, a warning outside `low` to `high`."""

    least: float
    low: float
    high: float
    most: float

    def likely_units(self, value: float) -> str:
        """Return the units in which a length (mm) would be usual, the likeliest first, or ''."""
        middle = math.log(self.low * self.high) / 2.0 if self.low > 0 else 0.0
        fits = {
            name: abs(math.log(value * factor) - middle)
            for name, factor in UNITS.items()
            if value > 0 and self.low <= value * factor <= self.high
        }
        return " or ".join(sorted(fits, key=lambda name: fits[name]))

    def judge(self, value: float, sentence: str, advice: str = "") -> str | None:
        """Check a length.

        Parameters
        ----------
        value : float
            Length, mm.
        sentence : str
            Where it is and what it is, without an end: 'needle.toml: markers are 0.012 mm wide'.
        advice : str
            What to do where no unit explains it.

        Returns
        -------
        str or None
            The warning for an unusual length.

        Raises
        ------
        InputError
            An impossible length.
        """
        usual = self.low <= value <= self.high
        if usual:
            return None
        unit = self.likely_units(value)
        if not self.least <= value <= self.most:
            hint = f": are these {unit}? Write millimetres" if unit else f": {self._expected()}"
            raise InputError(sentence + hint + (f"; {advice}" if advice and not unit else ""))
        hint = f"; if these are {unit}, write millimetres" if unit else ""
        return f"{sentence}, which is unusual{hint}"

    def _expected(self) -> str:
        return f"expected {self.low:g} to {self.high:g} mm"


def check_same_unit(
    lengths: Mapping[str, float], most_ratio: float, where: str, phrase: str
) -> None:
    """Refuse lengths of one file of which one must be in another unit.

    Parameters
    ----------
    lengths : mapping of str to float
        By name, mm; at least one.
    most_ratio : float
        Of the largest to the smallest.
    where : str
        The file, for the sentence.
    phrase : str
        What a length is, with places for a name and a length: 'marker {} is {:.4g} mm wide'.

    Raises
    ------
    InputError
        The largest is more than `most_ratio` times the smallest.
    """
    small, large = min(lengths, key=lengths.__getitem__), max(lengths, key=lengths.__getitem__)
    if lengths[large] > most_ratio * lengths[small]:
        raise InputError(
            f"{where}: {phrase.format(small, lengths[small])}, "
            f"{phrase.format(large, lengths[large])}: is one of them in another unit? "
            "Write millimetres"
        )


def check_turn(vector: tuple[float, float, float], where: str) -> str | None:
    """Check that a rotation vector is in radians: more than a full turn must be degrees.

    Parameters
    ----------
    vector : tuple of three floats
        Rotation vector, rad.
    where : str
        File and field, with which the message begins.

    Returns
    -------
    str or None
        The warning for more than half a turn, which no program writes.

    Raises
    ------
    InputError
        More than a full turn.
    """
    angle = math.sqrt(sum(entry * entry for entry in vector))
    statement = f"{where}: rotation_vector: a turn by {angle:.4g} rad"
    if angle > FULL_TURN:
        raise InputError(f"{statement}: are these degrees? Write radians")
    if angle > math.pi + 1e-6:
        return f"{statement} is more than half a turn; if these are degrees, write radians"
    return None
