"""What a reader is, and how a command is run in a folder as a reader's work."""

import contextlib
import io
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from nav import cli
from nav.core.errors import InputError


@dataclass(frozen=True)
class Reader:
    """Files that are damaged, one of them per try, and what is then done in their folder.

    prints : whether its libraries print by themselves, which commands send into their log.
    """

    files: tuple[str, ...]
    work: Callable[[Path], object]
    prints: bool = False


def command(*words: str) -> Callable[[Path], None]:
    """A command of the program, run in the folder; anything but its exit codes is a fault."""

    def work(folder: Path) -> None:
        before = os.getcwd()
        out, err = io.StringIO(), io.StringIO()
        os.chdir(folder)
        try:
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                cli.main(list(words))
        except SystemExit as end:
            said = err.getvalue()
            if end.code not in (None, 0, 1, 2):
                raise AssertionError(f"exit code {end.code}: {said}") from None
            if end.code == 2 and (len(said.splitlines()) != 1 or not said.startswith("nav: ")):
                raise AssertionError(f"expected one line: {said!r}") from None
            if end.code in (None, 0) and said:
                raise AssertionError(f"expected nothing on the error stream: {said!r}") from None
            if end.code == 2:
                raise InputError(said.strip()) from None
        finally:
            os.chdir(before)

    return work


def each(read: Callable[[Path], object], *names: str) -> Callable[[Path], None]:
    """Read several files of a folder, whether or not one of them is refused."""

    def work(folder: Path) -> None:
        refused = list(_refusals(read, (folder / name for name in names)))
        if refused:
            raise refused[0]

    return work


def _refusals(read: Callable[[Path], object], paths: Iterable[Path]) -> Iterable[InputError]:
    for path in paths:
        try:
            read(path)
        except InputError as error:
            yield error
