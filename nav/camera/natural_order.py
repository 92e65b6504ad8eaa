"""The order of file names that hold numbers: counts, decimals, signs, time stamps."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from unicodedata import normalize

from nav.core.errors import InputError

# A number in a name. Several points or commas in one run (a date, a version, an address) are no
# decimal point; an exponent counts with its sign only (1e-05), as s01e02 is an episode.
NUMBER = re.compile(
    r"(?P<sign>(?<![0-9A-Za-z.,])-(?=[0-9]))?"
    r"(?P<whole>[0-9]+)"
    r"(?P<groups>(?:[.,'][0-9]+)*)"
    r"(?P<exponent>[eE][+-][0-9]{1,3}(?![0-9A-Za-z]))?"
)
GROUP = re.compile(r"[.,'][0-9]+")
SPACES = re.compile(r"\s+")
HEXADECIMAL = re.compile(r"[0-9a-f]+")
# minutes and seconds, as in 10.00.59.25: what follows is a fraction
SIXTIETHS = re.compile(r"[.][0-5][0-9]")
# a fraction without its zero (t.5), and an exponent without its sign (1e3)
BARE_FRACTION = re.compile(r"(?<![0-9])[.](?=[0-9])")
BARE_EXPONENT = re.compile(r"(?<![0-9a-z.,])[0-9]+([.][0-9]+)?e[0-9]{1,3}(?![0-9a-z])")
# a unit of time directly behind a number
UNIT = re.compile(r"(ns|us|µs|μs|ms|s|sec|min|h)(?![0-9A-Za-z])", re.IGNORECASE)
Key = tuple[object, ...]


@dataclass(frozen=True)
class _Number:
    """A run of digits with what surrounds it; groups : '.25' or ',000', its separators kept."""

    negative: bool
    whole: str
    groups: tuple[str, ...]
    exponent: str

    def decimal(self) -> Key:
        """Return it as one number where it has one group at most."""
        if len(self.groups) > 1:
            return self.counts()
        digits = self.groups[0][1:] if self.groups else "0"
        value = Decimal(f"{self.whole}.{digits}{self.exponent}")
        return (-value if self.negative else value,)

    def counts(self) -> Key:
        """Return it as whole numbers one after the other: 1.10 comes after 1.9."""
        if self.exponent:
            return self.decimal()
        first = int(self.whole)
        counts: list[object] = [int(group[1:]) for group in self.groups]
        if len(counts) == 3 and all(map(SIXTIETHS.fullmatch, self.groups[:2])):
            counts[-1] = Decimal(f"0{self.groups[-1].replace(',', '.')}")
        return (-first if self.negative else first, *counts)

    def thousands(self) -> Key:
        """Return it with its groups as thousands: 1,000 comes after 999."""
        whole = int(self.whole + "".join(g[1:] for g in self.groups))
        return (-whole if self.negative else whole,)


def natural_order(names: Iterable[str], where: str = "") -> list[str]:
    """Sort file names by the numbers in them: 2 before 10, 0.75 before 1 before 1.25, -1 before 0.

    Whether 1.10 comes before 1.9 (decimals) or after it (counts), and whether 1,000 is one or a
    thousand, is decided by all names together. A minus after a letter counts as a sign where other
    names have the same text directly before a number. Capitals, the width of spaces (numbers padded
    with them) and the kind of digits make no difference. Names of one length that differ in
    hexadecimal digits only are compared as such.

    Parameters
    ----------
    names : iterable of str
        Names or stems, each once.
    where : str
        The folder, for the error.

    Returns
    -------
    list of str
        The names in order; equal numbers (1, 01) by their spelling.

    Raises
    ------
    InputError
        The numbers can be read in two ways that give two orders, and nothing decides which is
        meant; or they are times in different units.
    """
    given = sorted(names)
    plain = {name: SPACES.sub(" ", normalize("NFKC", name)).casefold() for name in given}
    if _are_hexadecimal(plain.values()):
        return sorted(given, key=lambda name: (plain[name], name))
    before_numbers = _texts_before_numbers(plain.values())
    plain = {name: _with_zero(text, before_numbers) for name, text in plain.items()}
    _refuse_bare_exponents(plain, where)
    signed = _texts_before_numbers(plain.values())
    split = {name: _split(plain[name], signed) for name in given}
    _refuse_mixed_units(split, where)
    numbers = _varying(split.values())
    by_counts = _sorted(given, split, _Number.counts)
    separators = {number.groups[0][0] for number in numbers if number.groups}
    if not separators:
        return by_counts
    if separators == {"'"} or (separators == {","} and _are_thousands(numbers)):
        return _sorted(given, split, _Number.thousands)
    by_value = _sorted(given, split, _Number.decimal)
    if by_value == by_counts:
        return by_value
    fractions = [n.groups[0][1:] for n in numbers if len(n.groups) == 1]
    # programs print decimals without zeros at the end, and counts without zeros at the beginning
    counted = any(len(digits) > 1 and digits.endswith("0") for digits in fractions)
    decimal = any(len(digits) > 1 and digits.startswith("0") for digits in fractions)
    if counted and decimal:
        first, second = next((a, b) for a, b in zip(by_counts, by_value, strict=True) if a != b)
        raise InputError(
            f"{where + ': ' if where else ''}the order of {first} and {second} is not clear: are "
            "their numbers decimals or counts? Rename the files so that all numbers have the "
            "same number of digits"
        )
    return by_counts if counted else by_value


def _are_hexadecimal(names: Iterable[str]) -> bool:
    """Whether names differ in hexadecimal digits only, as f09 and f0a do: all of one length."""
    each = list(names)
    if len({len(name) for name in each}) != 1:
        return False
    columns = [set(column) for column in zip(*each, strict=True)]
    differ = [k for k, column in enumerate(columns) if len(column) > 1]
    if not differ:
        return False
    first, last = differ[0], differ[-1]
    if not all(HEXADECIMAL.fullmatch(name[first : last + 1]) for name in each):
        return False
    return any(len({c.isdigit() for c in columns[k]}) > 1 for k in differ)


def _with_zero(name: str, before_numbers: set[str]) -> str:
    """Write t.5 as t0.5 where other names have a number directly behind the same text."""

    def zero(match: re.Match[str]) -> str:
        return "0." if name[: match.start()] in before_numbers else "."

    return BARE_FRACTION.sub(zero, name)


def _refuse_bare_exponents(plain: Mapping[str, str], where: str) -> None:
    """Refuse numbers like 1e3, where one that is read as 1000 comes elsewhere than as 1, 3."""
    numbers = {}
    for name, text in plain.items():
        match = BARE_EXPONENT.search(text)
        if match is None:
            return
        numbers[name] = (text[: match.start()], text[match.end() :], match[0])
    if len({(before, behind) for before, behind, _ in numbers.values()}) != 1:
        return
    values = {name: Decimal(number) for name, (_, _, number) in numbers.items()}
    counts = {
        name: [Decimal(part) for part in number.split("e")]
        for name, (_, _, number) in numbers.items()
    }
    by_value = sorted(values, key=lambda name: (values[name], name))
    by_counts = sorted(counts, key=lambda name: (counts[name], name))
    if by_value != by_counts:
        first, second = next((a, b) for a, b in zip(by_counts, by_value, strict=True) if a != b)
        raise InputError(
            f"{where + ': ' if where else ''}the order of {first} and {second} is not clear: is "
            "the e an exponent? Rename the files so that their numbers have none"
        )


def _refuse_mixed_units(split: Mapping[str, Sequence[str | _Number]], where: str) -> None:
    """Refuse times in different units: t500ms comes before t1s, but 500 after 1."""
    seen: dict[int, dict[str, str]] = defaultdict(dict)
    for name, parts in split.items():
        for place, (number, text) in enumerate(pairwise(parts)):
            unit = UNIT.match(text) if isinstance(text, str) else None
            if isinstance(number, _Number) and unit:
                seen[place].setdefault(unit[1].lower(), name)
    for units in seen.values():
        if len(units) > 1:
            first, second = list(units.values())[:2]
            raise InputError(
                f"{where + ': ' if where else ''}{first} and {second} have times in different "
                "units, and the order of the images is not clear; rename the files so that all "
                "times are in one unit"
            )


def _varying(names: Iterable[Sequence[str | _Number]]) -> list[_Number]:
    """Return the numbers that differ between names; a constant one says nothing of the order."""
    places: dict[int, set[_Number]] = defaultdict(set)
    for parts in names:
        for place, part in enumerate(parts):
            if isinstance(part, _Number):
                places[place].add(part)
    return [number for there in places.values() if len(there) > 1 for number in there]


def _are_thousands(numbers: Iterable[_Number]) -> bool:
    """Return whether commas separate groups of three: 1,000, 12,345,678, but not 0,500 nor 1,25."""
    return all(
        len(n.whole) <= 3 and not n.whole.startswith("0") and all(len(g) == 4 for g in n.groups)
        for n in numbers
        if n.groups
    )


def _texts_before_numbers(names: Iterable[str]) -> set[str]:
    return {name[: match.start()] for name in names for match in re.finditer(r"[0-9]+", name)}


def _split(name: str, before_numbers: set[str]) -> list[str | _Number]:
    """Split a name into texts and numbers in turn, beginning with a text."""
    parts: list[str | _Number] = []
    at = 0
    for match in NUMBER.finditer(name):
        start, text = match.start(), name[: match.start()]
        negative = match["sign"] is not None
        if not negative and text[-1:] == "-" and text[-2:-1].isalpha():
            negative = text[:-1] in before_numbers
            start -= negative
        groups = tuple(GROUP.findall(match["groups"]))
        number = _Number(negative, match["whole"], groups, match["exponent"] or "")
        parts += [name[at:start], number]
        at = match.end()
    return [*parts, name[at:]]


def _sorted(
    names: Sequence[str],
    split: dict[str, list[str | _Number]],
    reading: Callable[[_Number], Key],
) -> list[str]:
    def key(name: str) -> tuple[object, ...]:
        return [p if isinstance(p, str) else reading(p) for p in split[name]], name

    return sorted(names, key=key)
