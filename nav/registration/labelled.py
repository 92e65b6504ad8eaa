"""A point with its label, as a file has it."""

from dataclasses import dataclass

from nav.frames import Array


@dataclass(frozen=True)
class LabelledPoint:
    """A point of a file.

    label : empty where the file gives none. position : (3,), LPS, mm. status : "defined", or why it
    has no position. place : what names it in the file for people.
    """

    label: str
    position: Array
    status: str
    place: str
