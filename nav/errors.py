"""What can go wrong, as values and as one kind of exception."""

from dataclasses import dataclass


class InputError(Exception):
    """Bad input: one line for the person at the bench (which file or device, what, what to do).

    The command line prints it and exits with code 2.
    """


class IncompleteInput(Exception):
    """Input ended before its own end: one line. What could be computed is written by then.

    The command line prints it and exits with code 3.
    """


class NothingSafe(Exception):
    """The work was done and is written, and its answer is that nothing safe was found: one line.

    The command line prints it and exits with code 4.
    """


@dataclass(frozen=True)
class Lost:
    """The answer of a stage that could not answer; false in a condition.

    Later stages pass it on; no stage invents a number.

    Parameters
    ----------
    reason : str
        For people, one line.
    """

    reason: str

    def __bool__(self) -> bool:
        return False
