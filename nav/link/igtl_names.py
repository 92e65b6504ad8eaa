"""Which of the names that a server sends stands for which tool."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from nav.core.errors import InputError
from nav.record.recorded_transforms import USUAL_BASE, plain_name

MOST_SENT = 20  # characters; longer names are cut off by the sender
FROM_TO = re.compile(r"(.+?)To([A-Z0-9].*)")


@dataclass(frozen=True)
class NameChoice:
    """The names that poses are taken from.

    Parameters
    ----------
    base : str
        The frame that they are in, in small letters.
    names : mapping of str to str or None
        By tool: the name as it is sent; None for the tool whose own frame is the base.
    """

    base: str
    names: Mapping[str, str | None]


def parse_names(options: Sequence[str], tools: Sequence[str]) -> dict[str, str]:
    """Return which name is meant by each tool, from options TOOL=NAME.

    Parameters
    ----------
    options : sequence of str
        As given on the command line.
    tools : sequence of str
        Names of the tools.

    Returns
    -------
    dict of str to str
        By tool.

    Raises
    ------
    InputError
        Not of this form, another tool, a tool or name twice.
    """
    given: dict[str, str] = {}
    for option in options:
        tool, sign, name = (part.strip() for part in option.partition("="))
        if not sign or not name:
            raise InputError(
                f"--igtl-name {option}: expected TOOL=NAME, such as needle=StylusToTracker"
            )
        if tool not in tools:
            raise InputError(f"--igtl-name {option}: expected one of {', '.join(tools)} before =")
        if tool in given or name in given.values():
            raise InputError(f"--igtl-name {option}: {tool} or {name} appears twice")
        given[tool] = name
    return given


def choose_names(
    tools: Sequence[str], heard: Iterable[str], given: Mapping[str, str]
) -> NameChoice | None:
    """Return which names the tools' poses are taken from, all in one frame.

    PLUS calls a transform ``NeedleToTracker``: it maps coordinates of the needle to those of the
    tracker. A name that is only a tool's is in the tracker's frame. Only letters and digits matter,
    in upper or lower case.

    Parameters
    ----------
    tools : sequence of str
        Names of the tools.
    heard : iterable of str
        Names that were sent.
    given : mapping of str to str
        For tools that are called otherwise: a name that is sent, or what stands before its "To".

    Returns
    -------
    NameChoice or None
        In the tracker's frame if there is a choice; None where there is no frame that all tools
        have a transform of their own to.
    """
    names = sorted(heard)
    bases = {tool: _bases(given.get(tool, tool), names) for tool in tools}
    common: set[str] | None = None
    for tool, found in bases.items():
        reached = {*found, plain_name(given.get(tool, tool))}
        common = reached if common is None else common & reached
    choices = [
        NameChoice(base, {tool: found.get(base) for tool, found in bases.items()})
        for base in common or ()
    ]
    # what is sent of one tool is never taken for two
    choices = [one for one in choices if len(set(one.names.values())) == len(tools)]
    if not choices or not any(bases.values()):
        return None
    first = tools[0]
    return min(
        choices,
        key=lambda one: (one.base != USUAL_BASE, one.base not in bases[first], one.base),
    )


def is_same_name(one: str, other: str) -> bool:
    """Return whether two names have the same letters and digits, in upper or lower case.

    Parameters
    ----------
    one, other : str
        The names.

    Returns
    -------
    bool
    """
    return plain_name(one) == plain_name(other)


def _bases(wanted: str, names: Sequence[str]) -> dict[str, str]:
    """Return the names that may stand for a tool, by the frames that they are in."""
    found: dict[str, str] = {}
    for name in names:
        match = FROM_TO.fullmatch(name)
        if plain_name(name) == plain_name(wanted):
            found[_base(match[2] if match else USUAL_BASE, name)] = name
        elif match and plain_name(match[1]) == plain_name(wanted):
            found.setdefault(_base(match[2], name), name)
    return found


def _base(text: str, name: str) -> str:
    plain = plain_name(text)
    cut = len(name.encode("utf-8", "surrogateescape")) >= MOST_SENT
    return USUAL_BASE if cut and USUAL_BASE.startswith(plain) else plain
