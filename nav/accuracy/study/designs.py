"""SETUP.toml: the set-ups of a study. Every list of values is tried with every other."""

import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nav.core.errors import InputError, InputErrors
from nav.core.files import read_toml
from nav.guidance.bending import DIAMETER, RATE

STUDY_FORMAT = "c1c2nav/study/1"
MOST_DESIGNS = 2000
MOST_TRIALS = 1_000_000
LEAST_DIRECTION = 1e-3  # length of a vector that is a direction
BLOCK = 100  # trials of one task
Value = float | int | str
Design = dict[str, dict[str, Value]]
STIFF = "none"


@dataclass(frozen=True)
class Quantity:
    """What may stand for a key of SETUP.toml.

    Parameters
    ----------
    default : float, int, str or None
        None: has to be given.
    low, high : float
        Limits, included.
    whole : bool
        Whether only whole numbers are allowed.
    words : tuple of str
        What is allowed instead of a number.
    about : str
        Unit and meaning.
    """

    default: Value | None
    low: float = 0.0
    high: float = 0.0
    whole: bool = False
    words: tuple[str, ...] = ()
    about: str = ""


def _whole(default: int | None, low: int, high: int, about: str) -> Quantity:
    return Quantity(default, low, high, True, (), about)


QUANTITIES: Mapping[str, Mapping[str, Quantity]] = {
    "cameras": {
        "count": _whole(2, 1, 4, "cameras"),
        "width": _whole(None, 160, 20000, "px, of an image"),
        "height": _whole(None, 120, 20000, "px, of an image"),
        "view": Quantity(None, 5.0, 150.0, about="degrees, horizontal angle of view of the lens"),
        "baseline": Quantity(300.0, 1.0, 10000.0, about="mm between two cameras"),
        "distance": Quantity(600.0, 50.0, 10000.0, about="mm from the tools"),
        "noise": Quantity(2.0, 0.05, 100.0, about="grey levels, sd of a pixel"),
        "contrast": Quantity(160.0, 5.0, 255.0, about="grey levels between white and black"),
        "blur": Quantity(1.0, 0.2, 20.0, about="px, sd of the lens's and the motion's blur"),
        "rate": Quantity(30.0, 0.1, 10000.0, about="images per second"),
        "calibration": Quantity(
            0.1, 0.0, 50.0, about="px, sd of each camera's turn that rig.toml does not know"
        ),
        "delay": Quantity(
            0.0, 0.0, 1000.0, about="ms, sd of each camera's delay that rig.toml does not know"
        ),
        "readout": Quantity(
            0.0, 0.0, 1000.0, about="ms, rolling shutter's readout that rig.toml does not know"
        ),
    },
    "tools": {
        "needle_marker": Quantity(14.0, 2.0, 200.0, about="mm, side of a marker on the needle"),
        "needle_sides": _whole(8, 3, 24, "sides of the needle's carrier"),
        "needle_rows": _whole(2, 1, 10, "markers along each side"),
        "reference_marker": Quantity(16.0, 2.0, 200.0, about="mm, side of a marker"),
        "reference_grid": _whole(2, 1, 10, "rows and columns of markers on each of two plates"),
        "margin": Quantity(1.25, 1.05, 10.0, about="pitch of markers, in sides of a marker"),
        "tilt": Quantity(25.0, 0.0, 80.0, about="degrees, of the reference body's plates"),
        "placement": Quantity(0.02, 0.0, 10.0, about="mm, sd of a marker's place per axis"),
        "scale": Quantity(0.0005, 0.0, 0.1, about="sd of the print's scale, relative"),
    },
    "fiducials": {
        "count": _whole(8, 3, 500, "that are touched, spread as widely as the case's allow"),
    },
    "touches": {
        "fle": Quantity(0.25, 0.01, 10.0, about="mm, sd per axis of hand and divot"),
        "dwell": Quantity(1.0, 0.01, 600.0, about="s that the tip rests in a divot"),
    },
    "needle": {
        "length": Quantity(110.0, 5.0, 1000.0, about="mm from the carrier's middle to the tip"),
        "gauge": _whole(17, min(DIAMETER), max(DIAMETER), "of the needle"),
        "bevel": Quantity(STIFF, words=(STIFF, *RATE), about="none: does not bend"),
        "tip": Quantity(0.1, 0.0, 10.0, about="mm, sd per axis of the tip's calibration"),
        "speed": Quantity(5.0, 0.0, 1000.0, about="mm/s, of the hand while it navigates"),
    },
    "ct": {
        "artery": Quantity(0.3, 0.0, 10.0, about="mm, sd of the arteries' surface"),
        "cord": Quantity(0.3, 0.0, 10.0, about="mm, sd of the cord's surface"),
        "bone": Quantity(0.3, 0.0, 10.0, about="mm, sd of the bones' surface"),
        "fiducial": Quantity(0.05, 0.0, 10.0, about="mm, sd per axis of a fiducial in the case"),
    },
}
TOP_KEYS = ("format", "name", "case", "plan", "seed", "trials", "view_from", "reference")


@dataclass(frozen=True)
class Setup:
    """A study as its file describes it.

    Parameters
    ----------
    name : str
        Title.
    case : Path
        Anatomy and fiducials.
    plan : str or None
        The case's first one where None.
    seed, trials : int
        Trials of each design.
    view_from : tuple of 3 floats
        Direction from the target to the cameras, model frame.
    reference : tuple of 3 floats
        Place of the reference body, mm from the target, model frame.
    designs : tuple of (str, Design)
        Name and values of each.
    """

    name: str
    case: Path
    plan: str | None
    seed: int
    trials: int
    view_from: tuple[float, float, float]
    reference: tuple[float, float, float]
    designs: tuple[tuple[str, Design], ...]

    @property
    def blocks(self) -> tuple[tuple[int, int], ...]:
        """Number and trials of each block of a design."""
        starts = range(0, self.trials, BLOCK)
        return tuple((k, min(BLOCK, self.trials - start)) for k, start in enumerate(starts))


def load_setup(path: Path) -> Setup:
    """Load SETUP.toml; everything that is wrong with it is reported at once.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    Setup

    Raises
    ------
    InputError
        Not TOML or another format.
    InputErrors
        Unknown keys and values that are missing or not plausible, each in a line of its own.
    """
    data = read_toml(path)
    if data.get("format") != STUDY_FORMAT:
        raise InputError(
            f'{path}: format: expected "{STUDY_FORMAT}", got {data.get("format")!r:.60}'
        )
    wrong: list[str] = []
    wrong += [
        f"{key}: unknown key; expected {', '.join((*TOP_KEYS, *QUANTITIES))}"
        for key in data
        if key not in TOP_KEYS and key not in QUANTITIES
    ]
    name, case = _text(data, "name", wrong), _text(data, "case", wrong)
    plan = _text(data, "plan", wrong) if "plan" in data else None
    seed = _number(data.get("seed", 1), _whole(1, 0, 2**31, ""), "seed", wrong)
    trials = _number(data.get("trials", 1000), _whole(1, 2, MOST_TRIALS, ""), "trials", wrong)
    view_from = _vector(data.get("view_from", [0.0, 1.0, 0.0]), "view_from", wrong)
    if math.hypot(*view_from) < LEAST_DIRECTION:
        wrong.append("view_from: expected a direction, got (almost) zeros")
    reference = _vector(data.get("reference", [-15.0, 35.0, 90.0]), "reference", wrong)
    variants = {section: _variants(data, section, wrong) for section in QUANTITIES}
    count = 1
    for section in variants.values():
        count *= sum(_combinations(variant) for variant in section)
    if count > MOST_DESIGNS:
        wrong.append(f"{count} designs; at most {MOST_DESIGNS}: shorten the lists")
    if wrong:
        raise InputErrors([f"{path}: {line}" for line in wrong])
    designs = tuple(_designs(variants))
    return Setup(
        name, path.parent / case, plan, int(seed), int(trials), view_from, reference, designs
    )


def _text(data: Mapping[str, Any], key: str, wrong: list[str]) -> str:
    value = data.get(key)
    if not isinstance(value, str) or not value or not value.isprintable():
        wrong.append(f"{key}: expected a text in quotes, got {value!r:.60}")
        return ""
    return value


def _vector(value: Any, place: str, wrong: list[str]) -> tuple[float, float, float]:
    limits = Quantity(None, -10000.0, 10000.0)
    if not isinstance(value, list) or len(value) != 3:
        wrong.append(f"{place}: expected 3 numbers, got {value!r:.60}")
        return (0.0, 0.0, 1.0)
    x, y, z = (float(_number(entry, limits, place, wrong)) for entry in value)
    return (x, y, z)


def _number(value: Any, limits: Quantity, place: str, wrong: list[str]) -> float:
    kind = "a whole number" if limits.whole else "a number"
    good = isinstance(value, int) or (isinstance(value, float) and not limits.whole)
    if isinstance(value, bool) or not good or not limits.low <= value <= limits.high:
        wrong.append(
            f"{place}: expected {kind} from {limits.low:g} to {limits.high:g}, got {value!r:.60}"
        )
        return limits.low
    return value


def _variants(
    data: Mapping[str, Any], section: str, wrong: list[str]
) -> list[tuple[str, dict[str, list[Value]]]]:
    """Return name and lists of values of each table of a section."""
    given = data.get(section, {})
    tables = given if isinstance(given, list) else [given]
    if not tables or not all(isinstance(table, dict) for table in tables):
        wrong.append(f"{section}: expected [{section}] or one or more [[{section}]]")
        return []
    found = []
    for number, table in enumerate(tables, 1):
        named = table.get("name", "")
        place = section if len(tables) == 1 else f"{section} {named or number}"
        if len(tables) > 1 and not (isinstance(named, str) and named and named.isprintable()):
            wrong.append(f"{place}: name: each of several [[{section}]] needs one")
            named = ""
        known = QUANTITIES[section]
        wrong += [
            f"{place}: {key}: unknown key; expected {', '.join(known)}"
            for key in table
            if key not in known and key != "name"
        ]
        values = {key: _values(table, key, known[key], f"{place}: {key}", wrong) for key in known}
        found.append((str(named), values))
    names = [name for name, _ in found]
    if len(set(names)) < len(names):
        wrong.append(f"{section}: two have the same name; each needs one of its own")
    return found


def _values(
    table: Mapping[str, Any], key: str, known: Quantity, place: str, wrong: list[str]
) -> list[Value]:
    if key not in table:
        if known.default is None:
            wrong.append(f"{place}: is missing; expected {known.about}")
            return []
        return [known.default]
    given = table[key] if isinstance(table[key], list) else [table[key]]
    if not given:
        wrong.append(f"{place}: the list is empty; expected {known.about}")
    twice = next((value for k, value in enumerate(given) if value in given[:k]), None)
    if twice is not None:
        wrong.append(f"{place}: {twice!r:.60} is listed twice; list each value once")
    if known.words:
        strange = [value for value in given if value not in known.words]
        wrong += [
            f"{place}: expected one of {', '.join(known.words)}, got {value!r:.60}"
            for value in strange
        ]
        return [value for value in given if value not in strange]
    return [_number(value, known, place, wrong) for value in given]


def _combinations(variant: tuple[str, dict[str, list[Value]]]) -> int:
    count = 1
    for values in variant[1].values():
        count *= len(values)
    return count


def _designs(
    variants: Mapping[str, list[tuple[str, dict[str, list[Value]]]]],
) -> Iterator[tuple[str, Design]]:
    """Return every combination; its name says only what differs."""
    choices = []
    for section, tables in variants.items():
        options = []
        for named, values in tables:
            for chosen in itertools.product(*values.values()):
                table = dict(zip(values, chosen, strict=True))
                words = [named] if named else []
                for key, value in table.items():
                    if len(values[key]) > 1:
                        words.append(f"{section}.{key} {value}")
                options.append((section, words, table))
        choices.append(options)
    for combination in itertools.product(*choices):
        words = [word for _, chosen, _ in combination for word in chosen]
        yield ", ".join(words) or "one design", {s: table for s, _, table in combination}
