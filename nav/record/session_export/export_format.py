"""The formats in which sessions are exported: one table, one row per format."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from nav.core.errors import InputError

if TYPE_CHECKING:  # heavy, and no format needs those of the others
    from nav.record.session_export.session_content import SessionContent


@dataclass(frozen=True)
class ExportOptions:
    """How a session is exported.

    Parameters
    ----------
    relative_to : str, optional
        Of tables: poses in the frame of this tool, else in the rig's.
    decimal_comma : bool
        Of CSV: 0,5 and semicolons.
    pictures : bool
        Of a ROS 2 bag: with the cameras' pictures.
    """

    relative_to: str | None = None
    decimal_comma: bool = False
    pictures: bool = True


Export = Callable[["SessionContent", Path, ExportOptions], "list[str]"]


@dataclass(frozen=True)
class ExportFormat:
    """A format in which sessions are exported.

    Parameters
    ----------
    name : str
        For --format.
    suffixes : tuple of str
        Of files, lower case, longest first; empty where the format is a folder.
    folder : bool
        Whether a folder can be given.
    function : str
        ``module:function``, imported when it is used. It takes the content, the output and the
        options, and returns remarks for the user, one line each.
    options : tuple of str
        Names of the fields of `ExportOptions` that have a meaning.
    """

    name: str
    suffixes: tuple[str, ...]
    folder: bool
    function: str
    options: tuple[str, ...] = ()

    def export(self, content: SessionContent, output: Path, options: ExportOptions) -> list[str]:
        """Write the files; return remarks for the user."""
        module, function = self.function.split(":")
        write: Export = getattr(import_module(module), function)
        return write(content, output, options)


_HERE = "nav.record.session_export"
EXPORT_FORMATS = (
    ExportFormat(
        "csv", (".csv",), True, f"{_HERE}.csv_export:export_csv", ("relative_to", "decimal_comma")
    ),
    ExportFormat("xlsx", (".xlsx",), False, f"{_HERE}.xlsx_export:export_xlsx", ("relative_to",)),
    ExportFormat(
        "parquet", (".parquet",), True, f"{_HERE}.parquet_export:export_parquet", ("relative_to",)
    ),
    ExportFormat(
        "plus", (".igs.mha", ".seq.mha", ".mha"), False, f"{_HERE}.sequence_export:export_mha"
    ),
    ExportFormat("slicer", (".seq.nrrd", ".nrrd"), False, f"{_HERE}.sequence_export:export_nrrd"),
    ExportFormat("perktutor", (".xml",), False, f"{_HERE}.transcript_export:export_transcript"),
    ExportFormat("rosbag2", (), True, f"{_HERE}.rosbag_export:export_rosbag", ("pictures",)),
)
NAMES = tuple(known.name for known in EXPORT_FORMATS)


def export_format(output: Path, name: str | None = None) -> ExportFormat:
    """Choose the format of an export.

    Parameters
    ----------
    output : Path
        File or folder to write.
    name : str, optional
        Of the format; by the suffix of `output` without it.

    Returns
    -------
    ExportFormat

    Raises
    ------
    InputError
        No format has that name or suffix, or the format and the kind of output do not fit.
    """
    ending = output.name.lower()
    by_suffix = next(
        (f for f in EXPORT_FORMATS if f.suffixes and ending.endswith(f.suffixes)), None
    )
    if name is None:
        if by_suffix is not None:
            return by_suffix
        if ending.endswith(".mcap"):
            raise InputError(
                f"{output}: a ROS 2 bag is a folder; give a name without .mcap and --format rosbag2"
            )
        raise InputError(
            f"{output}: no format has this suffix; give --format ({', '.join(NAMES)}), or a name "
            f"that ends in {', '.join(s for f in EXPORT_FORMATS for s in f.suffixes)}"
        )
    named = next((known for known in EXPORT_FORMATS if known.name == name), None)
    if named is None:
        raise InputError(f"--format: expected one of {', '.join(NAMES)}, got {name!r:.40}")
    if named is by_suffix or (named.folder and by_suffix is None):
        return named
    wanted = [f"a name that ends in {' or '.join(named.suffixes)}"] if named.suffixes else []
    wanted += ["a folder"] if named.folder else []
    raise InputError(f"{output}: for --format {name} give {' or '.join(wanted)}")


def table_paths(output: Path, suffix: str, names: tuple[str, ...]) -> tuple[Path, ...]:
    """Return where the tables of a session are written.

    Parameters
    ----------
    output : Path
        A folder, or the file of the first table.
    suffix : str
        Of the files.
    names : tuple of str
        Of the tables.

    Returns
    -------
    tuple of Path
        ``FOLDER/NAME.suffix``; or the file, and ``STEM-NAME.suffix`` beside it.
    """
    if not output.name.lower().endswith(suffix):
        return tuple(output / f"{name}{suffix}" for name in names)
    stem, ending = output.name[: -len(suffix)], output.name[-len(suffix) :]
    return (output, *(output.with_name(f"{stem}-{name}{ending}") for name in names[1:]))
