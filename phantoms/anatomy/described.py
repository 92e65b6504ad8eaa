"""Every parameter by its public name, with its range; and a check that values keep to it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import Field, dataclass, fields
from math import isfinite
from typing import Any, get_args, get_type_hints

from nav.core.errors import InputError
from phantoms.anatomy.parameters import AnatomyParameters, ArteryParameters, Measure


@dataclass(frozen=True)
class Described:
    """A parameter by its public name.

    Parameters
    ----------
    name : str
        Such as `c1_width`, or `artery_left.diameter`.
    default : Any
        Its value in the standard neck: a number, a tuple by level, or a word.
    what : str
        What it is, for people.
    source : str
        Where the default comes from.
    measure : Measure or None
        Unit and range of a number; None for a word.
    choices : tuple of str
        The words that a parameter that is not a number may be.
    """

    name: str
    default: Any
    what: str
    source: str
    measure: Measure | None
    choices: tuple[str, ...]


def described() -> Iterator[Described]:
    """List every parameter, in order.

    Yields
    ------
    Described
        Those of the arteries as "artery_left.NAME" and "artery_right.NAME".
    """
    for member in fields(AnatomyParameters):
        if member.name in ("artery_left", "artery_right"):
            yield from (
                _described(f"{member.name}.", ArteryParameters, f) for f in fields(ArteryParameters)
            )
        else:
            yield _described("", AnatomyParameters, member)


def _described(prefix: str, owner: type, member: Field[Any]) -> Described:
    measure = member.metadata.get("measure")
    what = measure.what if measure else member.metadata["what"]
    source = measure.source if measure else member.metadata["source"]
    choices = () if measure else get_args(get_type_hints(owner)[member.name])
    return Described(prefix + member.name, member.default, what, source, measure, choices)


def value_of(p: AnatomyParameters, name: str) -> Any:
    """Return a parameter's value by its described name.

    Parameters
    ----------
    p : AnatomyParameters
        The neck.
    name : str
        As in `Described.name`, such as "artery_left.diameter".

    Returns
    -------
    Any
        A number, a tuple by level, or a word.
    """
    value: Any = p
    for part in name.split("."):
        value = getattr(value, part)
    return value


def check_ranges(p: AnatomyParameters) -> None:
    """Check that every parameter is a finite number in its range, or one of its words.

    Parameters
    ----------
    p : AnatomyParameters
        The neck.

    Raises
    ------
    InputError
        The first that is not: its name, its value, what was expected.
    """
    for parameter in described():
        value = value_of(p, parameter.name)
        if parameter.measure is None:
            if value not in parameter.choices:
                expected = ", ".join(parameter.choices)
                raise InputError(f"{parameter.name}: expected one of {expected}, got {value!r}")
            continue
        low, high = parameter.measure.low, parameter.measure.high
        count = len(parameter.default) if isinstance(parameter.default, tuple) else 1
        values = value if isinstance(value, tuple) else (value,)
        if len(values) != count:
            raise InputError(f"{parameter.name}: expected {count} numbers, got {len(values)}")
        for number in values:
            if not (isinstance(number, int | float) and isfinite(number) and low <= number <= high):
                raise InputError(
                    f"{parameter.name}: expected {low:g} to {high:g} {parameter.measure.unit},"
                    f" got {number!r}"
                )


def _with_parameters_listed(owner: type) -> None:
    """Add each parameter with unit, default, range and source to the docstring of its class."""
    lines = [(owner.__doc__ or "").rstrip(), "", "    Parameters", "    ----------"]
    for member in fields(owner):
        if not member.metadata:
            continue
        d = _described("", owner, member)
        span = ", ".join(d.choices)
        if d.measure is not None:
            span = f"{d.measure.unit}, {d.measure.low:g} to {d.measure.high:g}"
        lines += [
            f"    {d.name} : {d.default}",
            f"        {d.what}; {span}.",
            f"        {d.source}.",
        ]
    owner.__doc__ = "\n".join(lines)


_with_parameters_listed(ArteryParameters)
_with_parameters_listed(AnatomyParameters)
