"""JSON of a session's messages: every float and every notice comes back exactly."""

import json
import math
import re
from collections.abc import Mapping
from typing import Any

from nav.core.errors import Lost
from nav.core.notice import Fact, Notice

SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
NOT_FINITE = "$float"  # JSON has no infinity: {"$float": "inf"}


def to_bytes(message: Any) -> bytes:
    """Write a message as JSON that every JSON reader accepts.

    Parameters
    ----------
    message : dict
        Of values that JSON has; floats may be infinite or not a number.

    Returns
    -------
    bytes
        UTF-8; `from_bytes` returns equal values.
    """
    try:
        text = json.dumps(message, allow_nan=False, separators=(",", ":"))
    except ValueError:
        text = json.dumps(_finite(message), allow_nan=False, separators=(",", ":"))
    return text.encode()


def from_bytes(data: bytes) -> Any:
    """Read what `to_bytes` wrote.

    Parameters
    ----------
    data : bytes
        UTF-8.

    Returns
    -------
    dict
        The message.

    Raises
    ------
    ValueError
        Not JSON.
    RecursionError
        Nested too deeply.
    """
    marked = NOT_FINITE.encode() in data
    message = json.loads(data, object_hook=_with_floats if marked else None)
    return _with_whole_letters(message) if SURROGATE.search(data) else message


def _with_whole_letters(value: Any) -> Any:
    """Return a message in which halves of letters, which no file can hold, are question marks."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {_with_whole_letters(name): _with_whole_letters(x) for name, x in value.items()}
    return [_with_whole_letters(item) for item in value] if isinstance(value, list) else value


def notice_to_json(notice: Notice) -> dict[str, Any]:
    """Return a notice as `Notice.to_json` does, marked where it is a `Lost`, also inside facts.

    Parameters
    ----------
    notice : Notice
        Of any kind.

    Returns
    -------
    dict
        "code", "facts" and, of a `Lost`, "lost".
    """
    table: dict[str, Any] = {"code": notice.code, "facts": facts_to_json(notice.facts)}
    if isinstance(notice, Lost):
        table["lost"] = True
    return table


def notice_of_json(table: Mapping[str, Any]) -> Notice:
    """Return the notice that `notice_to_json` wrote.

    Parameters
    ----------
    table : mapping
        As returned by `notice_to_json`, or by `Notice.to_json`.

    Returns
    -------
    Notice
        Equal to the one written and of the same class.
    """
    kind = Lost if table.get("lost") is True else Notice
    return kind(_text(table["code"]), facts_of_json(table["facts"]))


def lost_of_json(table: Mapping[str, Any]) -> Lost:
    """Return a reason written by `notice_to_json` as a `Lost`, whether or not it is marked.

    Parameters
    ----------
    table : mapping
        As returned by `notice_to_json`, or by `Notice.to_json`.

    Returns
    -------
    Lost
    """
    return Lost(_text(table["code"]), facts_of_json(table["facts"]))


def facts_to_json(facts: Mapping[str, Fact]) -> dict[str, Any]:
    """Return facts as values that JSON has.

    Parameters
    ----------
    facts : mapping of str to Fact
        Of a notice or an event.

    Returns
    -------
    dict
        `facts_of_json` reads it.
    """
    return {name: _fact_to_json(value) for name, value in facts.items()}


def facts_of_json(table: Mapping[str, Any]) -> dict[str, Any]:
    """Return the facts that `facts_to_json` wrote.

    Parameters
    ----------
    table : mapping
        As returned by `facts_to_json`.

    Returns
    -------
    dict of str to Fact
    """
    return {name: _fact_of_json(value) for name, value in table.items()}


def _fact_to_json(value: Fact) -> Any:
    if isinstance(value, Notice):
        return notice_to_json(value)
    return [_fact_to_json(item) for item in value] if isinstance(value, tuple | list) else value


def _fact_of_json(value: Any) -> Any:
    if isinstance(value, dict):
        return notice_of_json(value)
    return tuple(map(_fact_of_json, value)) if isinstance(value, list) else value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"expected text, got {value!r}")
    return value


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return {NOT_FINITE: repr(value)}
    if isinstance(value, dict):
        return {name: _finite(item) for name, item in value.items()}
    return [_finite(item) for item in value] if isinstance(value, list | tuple) else value


def _with_floats(table: dict[str, Any]) -> Any:
    return float(table[NOT_FINITE]) if table.keys() == {NOT_FINITE} else table
