"""Run `nav case export` and `nav case import`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.table import Table

from nav.core.errors import InputError
from nav.core.output_checks import refuse_folder
from nav.exchange.case_export import export_case
from nav.exchange.casefolder import write_imported
from nav.exchange.importer import ImportedCase, ImportOptions, import_case
from nav.reconstruction.labelnumbers import NUMBERINGS, Numbering


def export_files(
    case: Path, output: Path, formats: Sequence[str], spacing: float, console: Console
) -> None:
    """Export a case and print what was written.

    Parameters
    ----------
    case : Path
        case.toml, or its folder.
    output : Path
        Folder to write to.
    formats : sequence of str
        Of `nav.exchange.case_export.FORMATS`.
    spacing : float
        Of a label map's voxels, for a case without a scan, mm.
    console : rich.console.Console
        Printed to.

    Raises
    ------
    InputError
        See `nav.exchange.case_export.export_case`.
    """
    with _reporting(console) as report:
        files = export_case(case, output, formats, spacing, report)
    console.print(f"written: {len(files)} files in {output}")


def import_files(
    source: Path,
    output: Path,
    name: str,
    options: ImportOptions,
    console: Console,
) -> None:
    """Import a case, write it, and print what it has.

    Parameters
    ----------
    source : Path
        See `nav.exchange.importer.import_case`.
    output : Path
        Folder of the case.
    name : str
        Of the case.
    options : ImportOptions
        As given on the command line.
    console : rich.console.Console
        Printed to.

    Raises
    ------
    InputError
        See `nav.exchange.importer.import_case`; the folder cannot be written.
    """
    refuse_folder(output / "case.toml")
    with _reporting(console) as report:
        found = import_case(source, name, options, report)
        report("writing")
        case = write_imported(found, output)
    _say(console, found)
    console.print(f"written: {case}")


def numbering_of(words: str | None) -> Numbering | None:
    """Return the meaning of --labels: a known numbering, or numbers with names.

    Parameters
    ----------
    words : str or None
        "verse", "totalsegmentator", or numbers and names such as "1=C1,2=C2".

    Returns
    -------
    str, dict of int to str, or None
        None where nothing is given.

    Raises
    ------
    InputError
        Neither.
    """
    if words is None:
        return None
    if words == "verse":
        return "verse"
    if words == "totalsegmentator":
        return "totalsegmentator"
    named: dict[int, str] = {}
    for part in words.split(","):
        number, found, name = part.partition("=")
        if not found or not number.strip().isdigit() or not name.strip():
            raise InputError(
                f"--labels {words}: expected {', '.join(NUMBERINGS)}, or numbers and names like "
                '"1=C1,2=C2,9=spinal cord"'
            )
        named[int(number)] = name.strip()
    return named


def is_ras(space: str | None) -> bool | None:
    """Return the meaning of --space.

    Parameters
    ----------
    space : str or None
        lps or ras, letter case ignored.

    Returns
    -------
    bool or None
        Whether it is RAS; None where nothing is given.

    Raises
    ------
    InputError
        Neither lps nor ras.
    """
    if space is None:
        return None
    if space.lower() not in ("lps", "ras"):
        raise InputError(f"--space {space}: expected lps or ras")
    return space.lower() == "ras"


def _say(console: Console, found: ImportedCase) -> None:
    table = Table("structure", "role", "from", "sigma, mm")
    for structure in found.case.structures:
        table.add_row(
            structure.name,
            structure.role,
            found.made_from[structure.name],
            f"{structure.sigma:.2f}",
        )
    console.print(table)
    for use, what in (("register", "fiducials"), ("check", "check points")):
        labels = [f.label for f in found.case.fiducials_for(use)]
        if labels:
            console.print(f"{what}: {', '.join(labels)}", markup=False)
    if found.case.plans:
        console.print(f"plans: {', '.join(p.name for p in found.case.plans)}", markup=False)
    if found.left_out:
        console.print(f"left out: {', '.join(found.left_out)}", markup=False)
    for warning in (*found.case.warnings, *found.remarks):
        console.print(f"warning: {warning}", markup=False)


@contextmanager
def _reporting(console: Console) -> Iterator[Callable[[str], None]]:
    """Yield a function that shows the step that is being done."""
    with console.status("reading") as status:
        yield lambda words: status.update(words)
