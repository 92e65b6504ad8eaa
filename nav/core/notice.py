"""Messages to people as data: a code and facts. Sentences are made at the edge.

A notice travels from where something is found to the window, the command line or a log, also from
one process to another; `nav.text` makes its sentence there. No code depends on the words.
"""

from __future__ import annotations

import numbers
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any, TypeAlias

Fact: TypeAlias = "str | int | float | bool | Notice | tuple[Fact, ...] | None"


class Facts(Mapping[str, Fact]):
    """Immutable facts by name.

    Parameters
    ----------
    given : mapping of str to Fact, optional
        NumPy's numbers become Python's, lists tuples, and paths text.
    """

    __slots__ = ("_by_name",)

    def __init__(self, given: Mapping[str, Any] | None = None) -> None:
        self._by_name = {name: _plain(value) for name, value in (given or {}).items()}

    def __getitem__(self, name: str) -> Fact:
        return self._by_name[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_name)

    def __len__(self) -> int:
        return len(self._by_name)

    def __hash__(self) -> int:
        return hash(frozenset(self._by_name.items()))

    def __repr__(self) -> str:
        return repr(self._by_name)


@dataclass(frozen=True)
class Notice:
    """A message to people: a warning, a prompt, an answer, a reason.

    Notices are compared by value, can be keys, and are sent between processes.

    Parameters
    ----------
    code : str
        What it is about; `nav.text` has a template for each code.
    facts : mapping of str to Fact
        Numbers, names, ids; notices may be nested.
    """

    code: str
    facts: Mapping[str, Any] = field(default_factory=Facts)

    def __post_init__(self) -> None:
        if not isinstance(self.facts, Facts):
            object.__setattr__(self, "facts", Facts(self.facts))

    @property
    def subject(self) -> Notice:
        """The same without measured numbers, so that repeated notices count as one."""
        return Notice(self.code, {n: _subject(v) for n, v in self.facts.items() if _lasts(v)})

    @property
    def codes(self) -> tuple[str, ...]:
        """Its code and those of the reasons that it gives; "several" has none of its own."""
        given = [self.facts.get("reason"), *self.facts.get("reasons", ())]
        inner = [code for reason in given if isinstance(reason, Notice) for code in reason.codes]
        return tuple(inner) if self.code == "several" else (self.code, *inner)

    def to_json(self) -> dict[str, Any]:
        """Return it as values that JSON has.

        Returns
        -------
        dict
            "code" and "facts"; `notice_from_json` reads it.
        """
        return {"code": self.code, "facts": {n: _to_json(v) for n, v in self.facts.items()}}


def notice_from_json(table: Mapping[str, Any]) -> Notice:
    """Return the notice that `Notice.to_json` wrote.

    Parameters
    ----------
    table : mapping
        With "code" and "facts".

    Returns
    -------
    Notice
        Equal to the one written; a `Lost` comes back as the notice that says why.
    """
    return Notice(table["code"], {n: _from_json(v) for n, v in table["facts"].items()})


def _plain(value: Any) -> Fact:
    if value is None or isinstance(value, str | bool | Notice):
        return value
    if isinstance(value, numbers.Integral):
        return int(value)
    if isinstance(value, numbers.Real):
        return float(value)
    if isinstance(value, list | tuple):
        return tuple(_plain(item) for item in value)
    if isinstance(value, PurePath):
        return str(value)
    raise TypeError(f"not a fact: {value!r}; expected text, a number, a notice, or several of them")


def _lasts(value: Fact) -> bool:
    return not isinstance(value, float)


def _subject(value: Fact) -> Fact:
    if isinstance(value, Notice):
        return value.subject
    return tuple(map(_subject, filter(_lasts, value))) if isinstance(value, tuple) else value


def _to_json(value: Fact) -> Any:
    if isinstance(value, Notice):
        return value.to_json()
    return [_to_json(item) for item in value] if isinstance(value, tuple) else value


def _from_json(value: Any) -> Fact:
    if isinstance(value, dict):
        return notice_from_json(value)
    return tuple(map(_from_json, value)) if isinstance(value, list) else value


class NoticeCount:
    """Count notices; those that differ in measured numbers only count as one."""

    def __init__(self) -> None:
        self._first: dict[Notice, Notice] = {}
        self._times: Counter[Notice] = Counter()

    def add(self, notice: Notice) -> None:
        """Count one."""
        self._first.setdefault(notice.subject, notice)
        self._times[notice.subject] += 1

    def total(self) -> int:
        """Return how many there were."""
        return self._times.total()

    def most_common(self, number: int | None = None) -> list[tuple[Notice, int]]:
        """Return the first of each kind and how many there were, the most frequent first."""
        return [(self._first[key], times) for key, times in self._times.most_common(number)]
