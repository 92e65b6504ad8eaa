"""Tables in text files (CSV): columns by name, numbers as any country's spreadsheets have them."""

import csv
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from nav.core.errors import InputError
from nav.core.frames import Array
from nav.core.textfile import MEGABYTE, MOST_NUMBER, printable, read_text

MOST_COLUMNS = 1000  # a wide table of tracked poses has 52
SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab"}
NUMBER = re.compile(r"[+-]?(?:\d+(?:[.,]\d*)?|[.,]\d+)(?:[eE][+-]?\d{1,4})?", re.ASCII)
# one comma and three digits after it: 1.234 in German, 1234 in English (0,234 is no thousands)
PLAIN = frozenset("0123456789.-")  # of most numbers
# behind a column's name
UNIT = re.compile(r" ?[\[(][^\])]+[\])]|[_ ](?:[cdmunµμ]?m|in|inch|inches|[munµμ]?s|min|h)")
CSV_ERRORS = {  # of Python's reader, in words for people
    "unexpected end of data": "a quotation mark that begins a field is not closed; remove it",
    "field larger than": "a field is longer than 131072 characters",
}
GROUPED = re.compile(r"[+-]?[\d.,]+", re.ASCII)
THOUSAND = re.compile(r"[+-]?[1-9]\d{0,2},\d{3}", re.ASCII)


@dataclass(frozen=True)
class TableLimits:
    """Size limits of a table that is read.

    Parameters
    ----------
    size : int
        Largest file, bytes.
    rows : int
        Largest number of rows.
    """

    size: int = 4 * MEGABYTE
    rows: int = 20_000


class Row(NamedTuple):
    """One row of a table.

    Parameters
    ----------
    line : int
        Its line in the file, from 1.
    fields : dict of str to str
        By column, without outer spaces.
    name : str
        How messages name it, such as "point D1"; may be empty.
    """

    line: int
    fields: dict[str, str]
    name: str = ""

    @property
    def place(self) -> str:
        """Return where it is, for messages."""
        return (
            f"line {self.line} ({printable(self.name):.60})" if self.name else f"line {self.line}"
        )


@dataclass(frozen=True)
class Table:
    """A table as read.

    Parameters
    ----------
    path : Path
        The file.
    needed : tuple of str
        The set of columns that it was found to have.
    rows : tuple of Row
        Those that are not empty, with only the columns asked for.
    comments : tuple of str
        Lines before the header that begin with #.
    """

    path: Path
    needed: tuple[str, ...]
    rows: tuple[Row, ...]
    comments: tuple[str, ...] = ()

    def refusal(self, row: Row, message: str) -> InputError:
        """Return an error that names file, line and row."""
        return InputError(f"{self.path}: {row.place}: {message}")

    def numbers(self, columns: Sequence[str], rows: Sequence[Row] | None = None) -> Array:
        """Return finite numbers of some columns.

        Parameters
        ----------
        columns : sequence of str
            Their decimal mark is judged by all of them together.
        rows : sequence of Row, optional
            Of this table; all of them where not given.

        Returns
        -------
        ndarray, shape (rows, columns)

        Raises
        ------
        InputError
            One is missing, not a finite number or too large, or it is not clear whether a comma is
            a decimal mark: file, line, column.
        """
        rows = self.rows if rows is None else rows
        comma = self._has_decimal_commas(columns, rows)
        result = np.empty((len(rows), len(columns)))
        for k, row in enumerate(rows):
            for j, column in enumerate(columns):
                text = row.fields[column]
                try:
                    value = float(text) if PLAIN.issuperset(text) else _number(text, comma)
                except ValueError:
                    value = np.nan
                if not abs(value) <= MOST_NUMBER:
                    raise self.refusal(
                        row, f"{column}: expected a finite number, got {row.fields[column]!r:.40}"
                    )
                result[k, j] = value
        return result

    def _has_decimal_commas(self, columns: Sequence[str], rows: Sequence[Row]) -> bool:
        comma: tuple[Row, str] | None = None
        point: tuple[Row, str] | None = None
        unclear: tuple[Row, str] | None = None
        if not any("," in row.fields[column] for row in rows for column in columns):
            return False
        for row in rows:
            for text in (row.fields[column] for column in columns):
                if "." not in text and "," not in text:
                    continue
                if text.count(",") + text.count(".") > 1 and GROUPED.fullmatch(text):
                    raise self.refusal(
                        row, f"{text:.40} has a thousands separator; write numbers without it"
                    )
                if "." in text:
                    point = point or (row, text)
                elif THOUSAND.fullmatch(text):
                    unclear = unclear or (row, text)
                else:
                    comma = comma or (row, text)
        with_comma = comma or unclear
        if point and with_comma:
            raise self.refusal(
                with_comma[0],
                f"{with_comma[1]:.40} has a comma, {point[1]:.40} in line {point[0].line} a point; "
                "write all numbers with decimal points and without thousands separators",
            )
        if unclear and not comma:
            row, text = unclear
            raise self.refusal(
                row,
                f"{text} may mean {text.replace(',', '.')} or {text.replace(',', '')}; "
                "write numbers with a decimal point",
            )
        return comma is not None


def _number(text: str, comma: bool) -> float:
    """Convert text as spreadsheets write numbers; Python's float accepts more: 1_0, infinity."""
    plain = text.replace("−", "-")  # a typographic minus
    if not NUMBER.fullmatch(plain):
        return np.nan
    return float(plain.replace(",", ".") if comma else plain)


def read_table(
    path: Path,
    needed: Sequence[Sequence[str]],
    optional: Sequence[str] = (),
    limits: TableLimits = TableLimits(),
    row_name: str = "",
) -> Table:
    """Read a table from a file: see `parse_table`.

    Parameters
    ----------
    path : Path
        The file.
    needed : sequence of sequences of str
        Alternative sets of columns, lower case; the first that the table has in full is read.
    optional : sequence of str
        Columns to read as well where they exist.
    limits : TableLimits
        Largest file and number of rows.
    row_name : str
        How messages name rows: "point {label}" where `label` is a column.

    Returns
    -------
    Table

    Raises
    ------
    InputError
        The file cannot be read, or as `parse_table`.
    """
    text = read_text(path, limits.size)
    return parse_table(path, text, needed, optional, limits.rows, row_name)


def parse_table(
    path: Path,
    text: str,
    needed: Sequence[Sequence[str]],
    optional: Sequence[str] = (),
    most_rows: int = TableLimits.rows,
    row_name: str = "",
    name_of: Callable[[str], str] = str,
    extra_fields: int = 0,
) -> Table:
    """Parse a table whose first line names its columns, in any order and in capitals or not.

    Fields are separated by commas, semicolons or tabs, and may be quoted. Empty rows, separators at
    the ends of rows, and comments (#) are skipped.

    Parameters
    ----------
    path : Path
        Where `text` is from, for messages.
    text : str
        Content of the file.
    needed : sequence of sequences of str
        Alternative sets of columns, lower case; the first that the table has in full is read.
    optional : sequence of str
        Columns to read as well where they exist.
    most_rows : int
        Largest number of rows.
    row_name : str
        How messages name rows: "point {label}" where `label` is a column.
    name_of : callable
        From a column's name as written, in lower case, to the name under which it is asked for.
    extra_fields : int
        Number of fields that a row may have beyond the header's: read as "+1", "+2" and so on.

    Returns
    -------
    Table

    Raises
    ------
    InputError
        A column is missing or appears twice, a row has more fields than columns, a quote is not
        closed, or there are too many rows: file, line, what to do.
    """
    lines = text.rstrip().split("\n")
    header = _find_header(path, lines, needed, name_of)
    wanted = [*header.needed, *(c for c in optional if c in header.columns)]
    places = {column: header.columns.index(column) for column in wanted}
    places |= {f"+{k}": len(header.columns) + k - 1 for k in range(1, extra_fields + 1)}
    most_fields = len(header.columns) + extra_fields
    rows: list[Row] = []
    for line, fields in _records(path, lines, header):
        while len(fields) > len(header.columns) and not fields[-1].strip():
            fields.pop()
        if not any(field.strip() for field in fields):
            continue
        if len(fields) > most_fields:
            raise InputError(
                f"{path}: line {line}: has {len(fields)} fields, but there are "
                f"{len(header.columns)} columns; write decimal points, and quote what contains a "
                f"{SEPARATORS[header.separator]}"
            )
        if len(rows) >= most_rows:
            raise InputError(f"{path}: has more than {most_rows} rows; cut it into parts")
        row = {c: fields[k].strip() if k < len(fields) else "" for c, k in places.items()}
        name = row_name.format_map(defaultdict(lambda: "?", row)) if row_name else ""
        rows.append(Row(line, row, name))
    return Table(path, header.needed, tuple(rows), header.comments)


@dataclass(frozen=True)
class _Header:
    """Where a table's header is and what it says; `first` is the index of the line after it."""

    columns: tuple[str, ...]
    needed: tuple[str, ...]
    separator: str
    first: int
    comments: tuple[str, ...]


def _find_header(
    path: Path,
    lines: Sequence[str],
    needed: Sequence[Sequence[str]],
    name_of: Callable[[str], str],
) -> _Header:
    comments: list[str] = []
    for index, line in enumerate(lines):
        text = line.strip()
        if not text.strip(",;\t ") or re.fullmatch(r'"?sep=[,;\t]"?', text.casefold()):
            continue
        is_comment = text.startswith("#")
        if is_comment:
            comments.append(text)
            if not any(group[0] in text.casefold() for group in needed):
                continue
        # numpy and Slicer write the header as a comment
        names = re.sub(r"^#+\s*(?:columns\s*=)?", "", line.strip(" ")) if is_comment else line
        for separator in SEPARATORS:
            columns = tuple(map(name_of, _columns(names, separator)))
            for group in needed:
                if all(name in columns for name in group):
                    twice = next((name for name in group if columns.count(name) > 1), None)
                    if twice:
                        raise InputError(f"{path}: line {index + 1}: column {twice} appears twice")
                    return _Header(columns, tuple(group), separator, index + 1, tuple(comments))
        if not is_comment:
            raise _no_header(path, line, index, needed)
    raise _no_header(path, "", 0, needed)


def _columns(line: str, separator: str) -> tuple[str, ...]:
    if line.count(separator) > MOST_COLUMNS:
        return ()
    try:
        (fields,) = csv.reader([line], delimiter=separator, skipinitialspace=True)
    except (csv.Error, ValueError):
        return ()
    while fields and not fields[-1].strip():
        fields.pop()
    return tuple(field.strip().casefold() for field in fields)


def _no_header(path: Path, line: str, index: int, needed: Sequence[Sequence[str]]) -> InputError:
    found = max((_columns(line, separator) for separator in SEPARATORS), key=len)
    group = max(needed, key=lambda names: sum(name in found for name in names))
    lacks = next(name for name in group if name not in found)
    place = "first line" if index == 0 else f"line {index + 1}"
    shown = printable(line[:60]) or "nothing"
    with_unit = next(
        (n for n in found if n.startswith(lacks) and UNIT.fullmatch(n, len(lacks))), ""
    )
    if with_unit:
        return InputError(
            f"{path}: {place}: column {printable(with_unit):.30}: this unit is not read; convert "
            f"to mm (lengths) or s (times), and name the column {lacks}"
        )
    return InputError(
        f"{path}: {place}: expected the columns {','.join(group)}, lacks {lacks}, got {shown}"
    )


def _records(path: Path, lines: Sequence[str], header: _Header) -> Iterator[tuple[int, list[str]]]:
    """Yield lines' numbers and fields."""

    def rest() -> Iterator[str]:
        for index in range(header.first, len(lines)):
            line = lines[index]
            if line.lstrip().startswith("#"):
                if line.count(header.separator) >= len(header.needed) - 1:
                    raise InputError(
                        f"{path}: line {index + 1}: begins with #: a comment or a label? "
                        "remove the line, or quote the label"
                    )
                line = ""
            yield line + "\n"

    reader = csv.reader(rest(), delimiter=header.separator, skipinitialspace=True, strict=True)
    line = header.first
    try:
        for fields in reader:
            yield line + 1, fields
            line = header.first + reader.line_num
    except csv.Error as error:
        problem = next((v for k, v in CSV_ERRORS.items() if str(error).startswith(k)), str(error))
        raise InputError(f"{path}: line {line + 1}: {problem}") from None
