"""Meaning of the numbers in known label maps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

Numbering = Mapping[int, str] | Literal["verse", "totalsegmentator"]


def _verse() -> dict[int, str]:
    """Return VerSe's numbers: vertebrae from the top; 28 is a thirteenth thoracic one."""
    levels = [*(f"C{k}" for k in range(1, 8)), *(f"T{k}" for k in range(1, 13))]
    levels += [f"L{k}" for k in range(1, 7)]
    named = {k: f"vertebra {level}" for k, level in enumerate(levels, start=1)}
    return {**named, 26: "sacrum", 27: "coccyx", 28: "vertebra T13"}


def _totalsegmentator() -> dict[int, str]:
    """Return numbers of TotalSegmentator's task "total", version 2: what is in or near a neck."""
    levels = [f"L{k}" for k in range(5, 0, -1)] + [f"T{k}" for k in range(12, 0, -1)]
    levels += [f"C{k}" for k in range(7, 0, -1)]
    named = {k: f"vertebrae_{level}" for k, level in enumerate(levels, start=27)}
    return {
        **named,
        57: "common_carotid_artery_right",
        58: "common_carotid_artery_left",
        79: "spinal_cord",
        91: "skull",
    }


NUMBERINGS: dict[str, dict[int, str]] = {
    "verse": _verse(),
    "totalsegmentator": _totalsegmentator(),
}
