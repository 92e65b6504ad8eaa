"""What can go wrong, as values and as one kind of exception."""

from collections.abc import Sequence
from dataclasses import dataclass

from nav.core.notice import Notice


class OneLine(Exception):
    """An error of one line, whatever the names and values from files contain."""

    def __str__(self) -> str:
        return " ".join(super().__str__().splitlines())


class InputError(OneLine):
    """Bad input: one line for the person at the bench (which file or device, what, what to do).

    The command line prints it and exits with code 2.
    """


class InputErrors(InputError):
    """Several things that are wrong with one input, each a line of its own.

    Parameters
    ----------
    lines : sequence of str
        At least one.
    """

    def __init__(self, lines: Sequence[str]) -> None:
        super().__init__("; ".join(lines))
        self.lines = tuple(lines)


class IncompleteInput(OneLine):
    """Input ended early (a file was cut off): one line. What could be computed is written by then.

    The command line prints it and exits with code 3.
    """


class NothingSafe(OneLine):
    """The work was done and is written, and its answer is that nothing safe was found: one line.

    The command line prints it and exits with code 4.
    """


class NotPassed(OneLine):
    """The work was done, its report is written, and what was tested failed: one line.

    The command line prints it and exits with code 1.
    """


class TooFewToTell(OneLine):
    """The work was done, its report is written, and the data are too few for a verdict: one line.

    The command line prints it and exits with code 5.
    """


@dataclass(frozen=True)
class Lost(Notice):
    """The answer of a stage that could not answer, and why; false in a condition.

    Later stages pass it on; no stage invents a number.

    Parameters
    ----------
    code : str
        Why, as of `Notice`; `nav.sentence` makes a sentence of it.
    facts : mapping of str to Fact
        Numbers, names, ids; the reason of an earlier stage.
    """

    def __bool__(self) -> bool:
        return False


def lost_by(reasons: Sequence[Notice]) -> Lost:
    """Return a `Lost` for one or several reasons.

    Parameters
    ----------
    reasons : sequence of Notice
        At least one.

    Returns
    -------
    Lost
        The only reason itself, or "several" with all of them.
    """
    if len(reasons) == 1:
        return Lost(reasons[0].code, reasons[0].facts)
    return Lost("several", {"reasons": tuple(reasons)})
