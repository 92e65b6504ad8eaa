"""The result of a check."""

from dataclasses import dataclass
from typing import Literal

Status = Literal["ok", "warn", "fail"]


@dataclass(frozen=True)
class Check:
    """Result of one check.

    Parameters
    ----------
    name : str
        What was checked.
    status : {"ok", "warn", "fail"}
        How it is.
    text : str
        What was found.
    advice : str
        What to do if it is not well.
    """

    name: str
    status: Status
    text: str
    advice: str = ""
