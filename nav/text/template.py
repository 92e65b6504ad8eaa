"""What a sentence is made from, and filling it with facts."""

import string
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from nav.core.notice import Notice


class Parts(NamedTuple):
    """A sentence in two parts, joined by a colon; a gauge shows them on lines of their own.

    Parameters
    ----------
    headline : str
        A few words.
    detail : str
        What else is known, or what to do.
    """

    headline: str
    detail: str


class Plural(NamedTuple):
    """A sentence that depends on a number.

    Parameters
    ----------
    one, other : str
        For one, and for any other number.
    by : str
        The fact that counts: a whole number, or several things.
    """

    one: str
    other: str
    by: str


Template = str | Parts | Plural
AND, MORE = "and", "and_more"  # codes of the words that join lists
FIRST = "first "


class Filler(string.Formatter):
    """Fill templates: `{name}` with a fact, `{name:.2f}` with a number.

    Several things are joined by commas; `{name:and}` joins them by "and", `{name:semicolons}` by
    semicolons, `{name:first 6}` counts all after the sixth. `{name:markers}` is "marker 3", or
    "markers 3, 4". A notice among the facts becomes its own sentence; `{name:headline}` and
    `{name:detail}` are parts of it.

    Parameters
    ----------
    parts : callable
        Returns headline and detail of a notice.
    """

    def __init__(self, parts: Callable[[Notice], tuple[str, str]]) -> None:
        self.parts = parts

    def sentence(self, notice: Notice) -> str:
        """Return headline and detail joined."""
        return ": ".join(filter(None, self.parts(notice)))

    def fill(self, template: str, facts: Mapping[str, Any]) -> str:
        """Return the template with its placeholders replaced."""
        return self.vformat(template, (), facts)

    def format_field(self, value: Any, format_spec: str) -> str:
        """Format one fact."""
        if format_spec == "markers":
            return self.sentence(Notice("markers", {"ids": value}))
        if isinstance(value, tuple):
            return self._list([self.format_field(item, "") for item in value], format_spec)
        if isinstance(value, Notice):
            return self._notice(value, format_spec)
        return "" if value is None else str(super().format_field(value, format_spec))

    def _notice(self, notice: Notice, part: str) -> str:
        headline, detail = self.parts(notice)
        if part == "headline" or not detail:
            return headline
        return detail if part == "detail" else self.sentence(notice)

    def _list(self, words: Sequence[str], how: str) -> str:
        if how == "and":
            return f" {self.sentence(Notice(AND))} ".join(words)
        if how == "semicolons":
            return "; ".join(words)
        most = int(how.removeprefix(FIRST)) if how.startswith(FIRST) else len(words)
        shown = ", ".join(words[:most])
        more = len(words) - most
        return f"{shown} {self.sentence(Notice(MORE, {'count': more}))}" if more > 0 else shown


def placeholders(template: str) -> set[str]:
    """Return the names of the facts that a template needs.

    Parameters
    ----------
    template : str
        One part of a sentence.

    Returns
    -------
    set of str
    """
    return {name for _, name, _, _ in string.Formatter().parse(template) if name}


def texts(template: Template) -> tuple[str, ...]:
    """Return all texts of a template.

    Parameters
    ----------
    template : str, Parts or Plural
        Of one code.

    Returns
    -------
    tuple of str
        One or two.
    """
    if isinstance(template, Parts):
        return template.headline, template.detail
    return (template.one, template.other) if isinstance(template, Plural) else (template,)
