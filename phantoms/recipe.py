"""Recipes of necks, as asked for on the command line or in a file."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from nav.assignments import split_assignment
from nav.core.errors import InputError
from nav.core.files import PublicFile, read_toml
from phantoms.anatomy.body_size import of_size
from phantoms.anatomy.described import check_ranges, described, value_of
from phantoms.anatomy.draw import random_necks
from phantoms.anatomy.parameters import AnatomyParameters
from phantoms.anatomy.standard_neck import standard_anatomy
from phantoms.anatomy.variants import preset


@dataclass(frozen=True)
class Recipe:
    """A neck and how it was specified.

    Parameters
    ----------
    name : str
        For people.
    parameters : AnatomyParameters
        The neck.
    seed : int, optional
        Where it was drawn.
    """

    name: str
    parameters: AnatomyParameters
    seed: int | None = None


def named_recipe(
    preset_text: str | None = None,
    sex: str | None = None,
    stature: float | None = None,
    settings: Sequence[str] = (),
    file: Path | None = None,
) -> Recipe:
    """Make a recipe from options and a file.

    Size is applied first, then the preset's variants, then a file's numbers, then single settings.
    A file that sets every parameter leaves nothing to preset and size: the neck is named after it.

    Parameters
    ----------
    preset_text : str, optional
        Variants joined by "+"; "standard" by default.
    sex : str, optional
        "female", "male" or "mean".
    stature : float, optional
        mm.
    settings : sequence of str, optional
        Single parameters as NAME=VALUE.
    file : Path, optional
        TOML file of parameters, for example a kit.toml.

    Returns
    -------
    Recipe
        Not checked for being possible.

    Raises
    ------
    InputError
        A name, a number or a file that is wrong, or a preset or size that a file overrules.
    """
    filed = {} if file is None else _from_file(file)
    changed = filed | dict(_setting(text) for text in settings)
    if file is not None and all(d.name in filed for d in described()):
        if (preset_text, sex, stature) != (None, None, None):
            raise InputError(
                f"{file}: sets every parameter; leave out --preset, --sex and --stature"
            )
        name = f"from {file.name}" + (", changed" if settings else "")
        return Recipe(name, with_values(AnatomyParameters(), changed))
    text = "standard" if preset_text is None else preset_text
    words = [word.strip() for word in text.split("+")]
    for size in (word for word in words if word in ("female", "male")):
        if sex is not None:
            raise InputError(f"--sex {sex}: the preset says {size}; leave one of them out")
        if stature is not None and words.count(size) == 1:  # tall for her, not for the mean
            sex, words = size, [word for word in words if word != size]
    p = preset("+".join(words) or "standard", of_size("mean" if sex is None else sex, stature))
    name = text.replace(":", " ").replace("+", ", ")
    if sex is not None and sex not in text.split("+"):
        name += f", {sex}"
    if stature is not None:
        name += f", {stature:.0f} mm"
    if changed:
        name += ", changed"
    return Recipe(name, with_values(p, changed))


def random_recipe(seed: int) -> Recipe:
    """Draw the first neck of a seed whose meshes keep clear of each other.

    Parameters
    ----------
    seed : int
        0 or more.

    Returns
    -------
    Recipe
        With its seed.

    Raises
    ------
    InputError
        A seed below 0, or one that gives no such neck.
    """
    for p in random_necks(seed):
        with suppress(InputError):  # not clear: drawn again
            standard_anatomy(p)
            return Recipe(f"random {seed}", p, seed)
    raise InputError(f"--seed {seed}: no possible neck; try another")


def with_values(p: AnatomyParameters, values: dict[str, Any]) -> AnatomyParameters:
    """Change some parameters of a neck by their described names.

    Parameters
    ----------
    p : AnatomyParameters
        The neck.
    values : dict of str to Any
        A number, a list of numbers by level, or a word, by name; one number serves all levels.

    Returns
    -------
    AnatomyParameters
        A changed copy; ranges are not checked.

    Raises
    ------
    InputError
        An unknown name, or a number where a word is expected and vice versa.
    """
    known = {d.name: d for d in described()}
    for name, value in values.items():
        if name not in known:
            raise InputError(f"{name}: no such parameter; `nav phantom parameters` lists them")
        p = _replaced(p, name.split("."), _fitting(name, value, known[name].default))
    return p


def parameter_table(p: AnatomyParameters) -> dict[str, Any]:
    """List all parameters by their described names, as a file holds them.

    Parameters
    ----------
    p : AnatomyParameters
        The neck.

    Returns
    -------
    dict of str to Any
        Numbers, lists of numbers by level, and words.
    """
    table: dict[str, Any] = {}
    for d in described():
        value = value_of(p, d.name)
        table[d.name] = list(value) if isinstance(value, tuple) else value
    return table


def _replaced(owner: Any, path: list[str], value: Any) -> Any:
    if len(path) == 1:
        return replace(owner, **{path[0]: value})
    return replace(owner, **{path[0]: _replaced(getattr(owner, path[0]), path[1:], value)})


def _fitting(name: str, value: Any, default: Any) -> Any:
    """Convert a value to the default's form; one number serves all levels."""
    if isinstance(default, str):
        if not isinstance(value, str):
            raise InputError(f"{name}: expected a word, got {value!r}")
        return value
    numbers = value if isinstance(value, list | tuple) else [value]
    if not numbers or not all(_is_number(n) for n in numbers):
        raise InputError(f"{name}: expected a number, got {value!r}")
    if any(abs(n) > 1e9 for n in numbers):  # before an integer is too large for a float
        raise InputError(f"{name}: expected a number of at most nine digits")
    if isinstance(default, tuple):
        many = numbers * len(default) if len(numbers) == 1 else numbers
        return tuple(float(n) for n in many)
    if len(numbers) != 1:
        raise InputError(f"{name}: expected one number, got {len(numbers)}")
    return float(numbers[0])


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _setting(text: str) -> tuple[str, Any]:
    name, value = split_assignment(text)
    if not (name and value):
        raise InputError(f"--set {text}: expected NAME=VALUE, for example window_height=9")
    if name in {d.name for d in described() if d.choices}:
        return name, value
    try:
        return name, [float(word) for word in value.split(",")]
    except ValueError:
        return name, value


def _from_file(path: Path) -> dict[str, Any]:
    """Read parameters of a TOML file: a table [parameters] (as in kit.toml), or all of it.

    Errors in them are raised here: only here the file that they are from is known.
    """
    data = read_toml(path)
    try:
        values = _flat(data)
        check_ranges(with_values(AnatomyParameters(), values))
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    return values


def _flat(data: dict[str, Any]) -> dict[str, Any]:
    """Flatten a file's parameters to their described names."""
    from nav.reconstruction.printed.kitfile import KIT_FORMAT

    if data.get("format", KIT_FORMAT) != KIT_FORMAT:
        raise InputError(f'format: expected "{KIT_FORMAT}", got {data["format"]!r}')
    own = {name: v for name, v in data.items() if name not in ("format", *PublicFile.model_fields)}
    table = own.get("parameters", own)
    if not isinstance(table, dict):
        raise InputError("parameters: expected a table")
    flat: dict[str, Any] = {}
    for name, value in table.items():
        if isinstance(value, dict):
            flat |= {f"{name}.{inner}": v for inner, v in value.items()}
        else:
            flat[name] = value
    return flat
