"""What a check says."""

from dataclasses import dataclass
from typing import Literal

Status = Literal["ok", "warn", "fail"]


@dataclass(frozen=True)
class Check:
    """One thing looked at: how it is and, if it is not well, what to do."""

    name: str
    status: Status
    text: str
    advice: str = ""
