"""Words that the names of all files of a source share, usually a patient's name: left out."""

from __future__ import annotations

import re
from collections.abc import Sequence

from nav.exchange.structure_names import guess_role

SEPARATORS = " _-.,^~"
WORD = re.compile(rf"[^{re.escape(SEPARATORS)}]+[{re.escape(SEPARATORS)}]*")


def names_in_case(names: Sequence[str]) -> list[str]:
    """Return names of structures without the words that all of them begin with.

    Parameters
    ----------
    names : sequence of str
        Of all models, or all labels, of a source.

    Returns
    -------
    list of str
        The names as they are where fewer words would not say the same roles, or two would be equal.
    """
    shorter = [without_words(name, shared_words(names)) for name in names]
    roles = [guess_role(name).role for name in names]
    if [guess_role(name).role for name in shorter] != roles or len(set(shorter)) < len(shorter):
        return list(names)
    return shorter


def shared_words(names: Sequence[str]) -> tuple[str, ...]:
    """Return the words that all names begin with; at least one word of each is not among them.

    Parameters
    ----------
    names : sequence of str
        None are shared by fewer than two.

    Returns
    -------
    tuple of str
        In small letters.
    """
    if len(names) < 2:
        return ()
    split = [_words(name) for name in names]
    shared = []
    for words in list(zip(*split, strict=False))[: min(map(len, split)) - 1]:
        if len(set(words)) > 1:
            break
        shared.append(words[0])
    return tuple(shared)


def without_words(name: str, words: Sequence[str]) -> str:
    """Return a name without the words that it begins with.

    Parameters
    ----------
    name : str
        Any name.
    words : sequence of str
        In small letters.

    Returns
    -------
    str
        As it is where it does not begin with these words, or has no others.
    """
    own = _words(name)
    if not words or tuple(own[: len(words)]) != tuple(words) or len(own) == len(words):
        return name
    parts = WORD.findall(name.lstrip(SEPARATORS))
    return "".join(parts[len(words) :]).strip(SEPARATORS)


def _words(name: str) -> list[str]:
    return [part.strip(SEPARATORS).casefold() for part in WORD.findall(name.lstrip(SEPARATORS))]
