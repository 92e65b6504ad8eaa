"""How the command line's words become values."""

from collections.abc import Sequence
from typing import Any

import cyclopts
from cyclopts import Token

from nav.errors import InputError


def converted(hint: Any, tokens: Sequence[Token]) -> Any:
    """The value that an option's words mean, as cyclopts has it, but whole numbers strictly.

    By itself it rounds 1.5 to 2.

    Raises
    ------
    InputError
        Anything but a whole number where one is expected.
    """
    if hint is not int:
        return cyclopts.convert(hint, tokens)
    (token,) = tokens
    try:
        return int(token.value)
    except ValueError:
        raise InputError(f"{token.keyword}: expected a whole number, got {token.value!r}") from None
