"""Decide between several candidates: ask the user, take the best, or refuse."""

from collections.abc import Callable, Sequence
from typing import Protocol

from rich.console import Console

from nav.core.errors import InputError
from nav.core.textfile import printable

MOST_TRIES = 5


class LabQuestions(Protocol):
    """Decides between several candidates; `asks` is true where a person does."""

    @property
    def asks(self) -> bool: ...

    def choose(self, what: str, option: str, choices: Sequence[str]) -> int:
        """Return the place of one of several choices.

        Parameters
        ----------
        what : str
            What is chosen, in a word or two.
        option : str
            How it is given on the command line.
        choices : sequence of str
            At least two, the best first, a line each.

        Returns
        -------
        int

        Raises
        ------
        InputError
            Nobody can decide.
        """
        ...


class AskUser:
    """Ask at the terminal, by number; Enter takes the first.

    Parameters
    ----------
    console : Console
        Where to print.
    read : callable
        Prints a prompt and returns a line of the user's.
    """

    asks = True

    def __init__(self, console: Console, read: Callable[[str], str] = input) -> None:
        self.console, self.read = console, read

    def choose(self, what: str, option: str, choices: Sequence[str]) -> int:
        """Return the choice of the user."""
        self.console.print(f"{what}: which one?")
        for number, choice in enumerate(choices, start=1):
            self.console.print(printable(f"  {number}  {choice}"))
        for _ in range(MOST_TRIES):
            try:
                answer = self.read(f"number, 1 to {len(choices)} [1]: ").strip() or "1"
            except EOFError:
                break
            if answer.isascii() and answer.isdigit() and 1 <= int(answer[:9]) <= len(choices):
                return int(answer) - 1
            self.console.print(f"expected a number from 1 to {len(choices)}")
        raise InputError(f"nav lab init: {what}: no answer; give {option}, or --yes for the first")


class TakeBest:
    """Take the first of the choices, and print why."""

    asks = False

    def __init__(self, console: Console) -> None:
        self.console = console

    def choose(self, what: str, option: str, choices: Sequence[str]) -> int:
        """Return the first choice."""
        others = len(choices) - 1
        self.console.print(printable(f"{what}: {choices[0]}; {others} other, see {option}"))
        return 0


class NobodyToAsk:
    """Refuse to decide: there is no terminal."""

    asks = False

    def choose(self, what: str, option: str, choices: Sequence[str]) -> int:
        """Raise what to give instead."""
        names = "; ".join(choices)
        raise InputError(
            f"nav lab init: {what}: there are several, and no terminal to ask at: {names}. "
            f"Give {option}, or --yes for the first"
        )
