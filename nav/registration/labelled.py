"""A point with its label, as a file has it."""

from dataclasses import dataclass

from nav.core.frames import Array


@dataclass(frozen=True)
class LabelledPoint:
    """A point of a file.

    Parameters
    ----------
    label : str
        Empty where the file gives none.
    position : ndarray, shape (3,)
        LPS, mm.
    status : str
        "defined", or why it has no position.
    place : str
        What identifies it in the file for people.
    covariance : ndarray, shape (3, 3), optional
        Of errors that it shares with no other point, mm^2.
    shared : ndarray, shape (3, k), optional
        How errors that all points share move it by one standard deviation each, mm.
    """

    label: str
    position: Array
    status: str
    place: str
    covariance: Array | None = None
    shared: Array | None = None
