"""Convert the command line's arguments, and know which of them are files to read or to write."""

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import cyclopts
from cyclopts import Token

from nav.core.errors import InputError
from nav.core.filekinds import (
    CHECKS,
    PICTURE,
    POINTS,
    POSES,
    REPORT,
    SHEET,
    SUMMARY,
    TIMING,
    VOLUME,
    toml_kind,
)
from nav.core.output_checks import is_same_file, refuse_collisions, refuse_replacing, refuse_special
from nav.core.pose_formats import pose_suffixes

TIMES_FILE = "times.csv"  # that a folder of pictures may hold
SUFFIXES: Mapping[str, tuple[str, ...]] = {
    POSES: pose_suffixes(),
    TIMING: (".csv", ".txt", ""),
    VOLUME: (".nii", ".gz", ".mha"),
    PICTURE: (".png",),
    REPORT: (".html",),
    SHEET: (".pdf",),
    CHECKS: (".db", ".sqlite"),
    SUMMARY: (".json",),
    POINTS: (".csv",),
}
TOML_SUFFIXES = (".toml", "")
Beside = tuple[Callable[[Path], Path], str]


@dataclass(frozen=True)
class Input:
    """Mark a parameter as a file or folder that is read, and never written."""


@dataclass(frozen=True)
class Output:
    """Mark a parameter as a file that is written.

    Parameters
    ----------
    kind : str
        As `nav.core.filekinds.file_kind` returns it: only a file of this kind is replaced, and
        kept.
    beside : tuple of (callable, str)
        Files that are written beside it: a function from this file's path to theirs, and their
        kind.
    renews : str, optional
        Parameter of the command whose file this may be, as an improved one of the same kind.
    """

    kind: str
    beside: tuple[Beside, ...] = ()
    renews: str | None = None

    def files(self, path: Path) -> tuple[tuple[Path, str], ...]:
        """Return every file that is written with its kind, the main one first.

        Parameters
        ----------
        path : Path
            The main file.

        Returns
        -------
        tuple of (Path, str)
        """
        return ((path, self.kind), *((place(path), kind) for place, kind in self.beside))


@dataclass(frozen=True)
class OutputFolder:
    """Mark a parameter as a folder that is written; each file in it is guarded when it is written.

    Parameters
    ----------
    check : callable, optional
        Called with the folder; refuses, with an InputError, one that holds what the command would
        not keep. Without it, the command refuses single files in it.
    """

    check: Callable[[Path], None] | None = None


Role = Input | Output | OutputFolder
Language = Annotated[
    str | None,
    cyclopts.Parameter(
        name="--language",
        help="Of window and messages, as de; else C1C2NAV_LANGUAGE, else English. Files and logs "
        "stay English.",
    ),
]
InputPath = Annotated[Path, Input()]
ReferenceName = Annotated[
    str, cyclopts.Parameter(name=("--reference", "--reference-name"))
]  # of the reference body, as its file and the poses have it
OUTPUT_NAMES = ("--output", "--out")  # the second is what some commands called it first
PositionSd = Annotated[
    float | None,
    cyclopts.Parameter(
        help="Of poses whose source states no errors: error of a tool's position, mm, one standard "
        "deviation per axis."
    ),
]
RotationSdDeg = Annotated[
    float | None, cyclopts.Parameter(help="The same of its rotation, degrees.")
]
IgtlNames = Annotated[
    list[str] | None,
    cyclopts.Parameter(
        name="--igtl-name",
        negative="",
        help="TOOL=NAME: what the server of igtl://HOST:PORT calls a tool, where that is not "
        "obvious, as needle=StylusToTracker; give it once for every such tool.",
    ),
]


def beside_suffix(suffix: str) -> Callable[[Path], Path]:
    """Return a function that makes OUT.png, or the like, of OUT.toml.

    Parameters
    ----------
    suffix : str
        With its dot.

    Returns
    -------
    callable
        From the main file's path to the path beside it.
    """
    return lambda path: path.with_suffix(suffix) if path.name else path


def beside_stem(ending: str) -> Callable[[Path], Path]:
    """Return a function that makes OUT.calibration.toml, or the like, of OUT.toml.

    Parameters
    ----------
    ending : str
        What follows the stem, for example ".calibration.toml".

    Returns
    -------
    callable
        From the main file's path to the path beside it.
    """
    return lambda path: path.with_name(f"{path.stem}{ending}") if path.name else path


def toml_output(name: str, *beside: Beside, renews: str | None = None) -> Output:
    """Mark a parameter as an output of format ``c1c2nav/NAME/1``.

    Parameters
    ----------
    name : str
        NAME in the format.
    *beside : tuple of (callable, str)
        As of `Output`.
    renews : str, optional
        As of `Output`.

    Returns
    -------
    Output
    """
    return Output(toml_kind(name), beside, renews)


def path_roles(command: Callable[..., Any]) -> dict[str, Role | None]:
    """Return the role of each parameter of a command that holds paths.

    Parameters
    ----------
    command : callable
        With type hints.

    Returns
    -------
    dict of str to Input, Output, OutputFolder or None
        By parameter name; None: it holds a path that is not marked.
    """
    hints = get_type_hints(command, include_extras=True)
    return {name: _role(hint) for name, hint in hints.items() if _holds_path(hint)}


def _holds_path(hint: Any) -> bool:
    return hint is Path or any(_holds_path(part) for part in get_args(hint))


def _role(hint: Any) -> Role | None:
    if get_origin(hint) is Annotated:
        for mark in hint.__metadata__:
            if isinstance(mark, Input | Output | OutputFolder):
                return mark
    return next((r for part in get_args(hint) if (r := _role(part)) is not None), None)


def check_outputs(command: Callable[..., Any], given: Mapping[str, Any]) -> None:
    """Refuse outputs of a command that would cost the user a file, before any work is done.

    Parameters
    ----------
    command : callable
        The command, its paths marked as `Input`, `Output` or `OutputFolder`.
    given : mapping
        Values of its parameters by name; those left out may be missing.

    Raises
    ------
    InputError
        An output, or a file that is written beside it, is an input, another output, a folder,
        a device, write-protected, or a file that is not an earlier output of the same kind; or
        its folder cannot be written. Or a folder to write holds files of the user.
    """
    roles = path_roles(command)
    for name, role in roles.items():
        if isinstance(role, OutputFolder) and role.check is not None:
            for path in _paths(given.get(name)):
                role.check(path)
    inputs = [
        (name, path)
        for name, role in roles.items()
        if isinstance(role, Input)
        for path in _paths(given.get(name))
    ]
    written: list[Path] = []
    for name, role in roles.items():
        if not isinstance(role, Output):
            continue
        for path in _paths(given.get(name)):
            _check_suffix(name, path, role.kind)
            read = [p for option, p in inputs if option != role.renews]
            for file, kind in role.files(path):
                _check_file(file, kind, [*read, *_beside_renewed(role, file, path, inputs)])
                written.append(file)
    refuse_collisions(written)


def _beside_renewed(
    role: Output, file: Path, path: Path, inputs: Sequence[tuple[str, Path]]
) -> list[Path]:
    """Return inputs that only the output itself may replace, not a file beside it."""
    return [] if file == path else [p for option, p in inputs if option == role.renews]


def _check_suffix(name: str, path: Path, kind: str) -> None:
    expected = SUFFIXES.get(kind, TOML_SUFFIXES)
    if path.suffix.lower() not in expected:
        names = " or ".join(suffix for suffix in expected if suffix)
        raise InputError(f"--{name.replace('_', '-')} {path}: expected a name that ends in {names}")


def _check_file(file: Path, kind: str, inputs: Sequence[Path]) -> None:
    for path in inputs:
        if is_same_file(file, path) or is_same_file(file, path / TIMES_FILE):
            raise InputError(
                f"{file}: would be overwritten, but is an input of this command; "
                "give another output name"
            )
    refuse_special(file)
    refuse_replacing(file, kind)


def _paths(value: Any) -> Iterator[Path]:
    if isinstance(value, Path):
        yield value
    elif isinstance(value, list | tuple):
        for entry in value:
            yield from _paths(entry)


def bound_values(bound: inspect.BoundArguments) -> dict[str, Any]:
    """Return the values that a command will be called with, defaults included.

    Parameters
    ----------
    bound : inspect.BoundArguments
        Of the command line; its defaults are filled in.

    Returns
    -------
    dict
        Values by parameter name.
    """
    bound.apply_defaults()
    return dict(bound.arguments)


def converted(hint: Any, tokens: Sequence[Token]) -> Any:
    """Convert an option's words to its value as cyclopts does, but whole numbers strictly.

    By itself cyclopts rounds 1.5 to 2.

    Parameters
    ----------
    hint : type
        Of the parameter.
    tokens : sequence of cyclopts.Token
        The words of the command line.

    Returns
    -------
    object
        A value of type `hint`.

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
