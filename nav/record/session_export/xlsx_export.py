"""A session as a workbook (XLSX): sheets session, poses, distances and events."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.styles import Font

from nav.core.errors import InputError
from nav.core.output_checks import cannot_be_written
from nav.core.outputs import written_whole
from nav.record.session_export.export_format import ExportOptions
from nav.record.session_export.session_content import SessionContent
from nav.record.session_export.session_tables import (
    TABLES,
    Cell,
    TableKind,
    pose_frame,
    table_rows,
    table_units,
)

MOST_ROWS = 1_048_576  # of a sheet
LONGEST_TEXT = 32_767  # characters of a cell
MOST_WHOLE = 2**53  # larger numbers are rounded by spreadsheets: they become text
TIME_FORMAT = "yyyy-mm-dd hh:mm:ss.000"


def export_xlsx(content: SessionContent, output: Path, options: ExportOptions) -> list[str]:
    """Write a workbook: numbers are numbers, times are times (UTC), texts are never formulas.

    Parameters
    ----------
    content : SessionContent
        The session.
    output : Path
        The file.
    options : ExportOptions
        With relative_to.

    Returns
    -------
    list of str
        Nothing.

    Raises
    ------
    InputError
        More rows than a sheet can have; the file cannot be written, or would replace another.
    """
    rows = content.frames_count * len(content.tools) + 1
    if rows > MOST_ROWS:
        raise InputError(
            f"{output}: {rows} rows of poses, but a sheet has at most {MOST_ROWS}; export CSV or "
            "Parquet instead"
        )
    book = Workbook(write_only=True)
    book.properties.creator = content.made_texts["made_by"]
    try:
        _fill(book, "session", [40, 80], _about(content, options))
        for table in TABLES:
            rows_of = _table(content, table, options, output)
            _fill(book, table.name, [12] * len(table.columns), rows_of)
    except BaseException as error:
        for sheet in book.worksheets:  # else they complain when they are forgotten
            with suppress(OSError):
                sheet.close()
        if isinstance(error, OSError):  # sheets are temporary files first
            raise cannot_be_written(output, error) from None
        raise
    with written_whole(output) as beside:
        book.save(beside)
    return []


def _about(content: SessionContent, options: ExportOptions) -> Iterator[Sequence[Cell]]:
    about = content.reader.about
    yield ("what", "value")
    yield from content.made_texts.items()
    yield ("started (UTC)", _started(about.get("started_utc", "")))
    yield ("frames", content.frames_count)
    yield ("poses are in the frame of", pose_frame(options.relative_to))
    yield ("distances are in the frame of", "the model, LPS")
    for table in TABLES:
        for column, unit in table_units(table).items():
            yield (f"unit of {table.name}: {column}", unit)
    for name, value in about.items():
        if not name.startswith(("made_", "started_")):
            yield (name, value)


def _started(text: str) -> Cell:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return text


def _table(
    content: SessionContent, table: TableKind, options: ExportOptions, output: Path
) -> Iterator[Sequence[Cell]]:
    yield tuple(table.columns)
    for number, row in enumerate(table_rows(content, table, options.relative_to), 2):
        if number > MOST_ROWS:
            raise InputError(
                f"{output}: more than {MOST_ROWS} rows of {table.name}, which a sheet cannot have; "
                "export CSV or Parquet instead"
            )
        yield row


def _fill(book: Workbook, name: str, widths: Sequence[int], rows: Iterable[Sequence[Cell]]) -> None:
    sheet = book.create_sheet(name)
    sheet.freeze_panes = "A2"
    for number, width in enumerate(widths, 1):
        sheet.column_dimensions[_letters(number)].width = width
    for number, row in enumerate(rows):
        sheet.append([_cell(sheet, cell, number == 0) for cell in row])


def _letters(number: int) -> str:
    """Return the name of a column, counted from 1."""
    letters = ""
    while number:
        number, rest = divmod(number - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters


def _cell(sheet: Any, value: Cell, heading: bool) -> Any:
    if isinstance(value, datetime):
        cell = WriteOnlyCell(sheet, value.astimezone(UTC).replace(tzinfo=None))
        cell.number_format = TIME_FORMAT
        return cell
    if isinstance(value, int) and abs(value) > MOST_WHOLE:
        value = str(value)
    if not isinstance(value, str):
        return value
    cell = WriteOnlyCell(
        sheet, ILLEGAL_CHARACTERS_RE.sub("\N{REPLACEMENT CHARACTER}", value)[:LONGEST_TEXT]
    )
    cell.data_type = "s"  # also where it begins with =
    cell.quotePrefix = value.startswith(("=", "+", "-", "@"))
    if heading:
        cell.font = Font(bold=True)
    return cell
