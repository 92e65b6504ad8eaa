"""A session as tables of text: poses.csv as `nav track` writes it, distances.csv, events.csv."""

import csv
import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from nav.core.files import write_toml
from nav.core.outputs import written_together
from nav.record.pose_table import sidecar_path, write_sidecar
from nav.record.session_export.export_format import ExportOptions, table_paths
from nav.record.session_export.session_content import SessionContent
from nav.record.session_export.session_tables import (
    POSES_TABLE,
    TABLES,
    Cell,
    TableKind,
    pose_fields,
    table_rows,
    table_units,
)

DECIMAL = re.compile(r"-?\d+\.\d+(?:e[+-]\d+)?", re.ASCII)
# would be read as thousands where no other number has a comma
THOUSAND = re.compile(r"-?[1-9]\d{0,2},\d{3}", re.ASCII)
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # how what a spreadsheet computes begins


def export_csv(content: SessionContent, output: Path, options: ExportOptions) -> list[str]:
    """Write the three tables and a sidecar of each, all or none.

    Parameters
    ----------
    content : SessionContent
        The session.
    output : Path
        A folder, or the file of the poses.
    options : ExportOptions
        With relative_to and decimal_comma.

    Returns
    -------
    list of str
        Nothing.

    Raises
    ------
    InputError
        A file cannot be written, or would replace another.
    """
    tables = table_paths(output, ".csv", tuple(table.name for table in TABLES))
    sidecars = tuple(map(sidecar_path, tables))
    with written_together(*tables, *sidecars) as beside:
        for k, table in enumerate(TABLES):
            fields = _fields(content, table, options)
            _write(beside[k], table, fields, options.decimal_comma)
            _write_sidecar(content, table, tables[k], beside[len(TABLES) + k], options)
    return []


def _fields(
    content: SessionContent, table: TableKind, options: ExportOptions
) -> Iterator[list[str]]:
    if table is POSES_TABLE:
        texts = [kind is str for kind in table.columns.values()]
        return (
            [_text(field) if is_text else field for field, is_text in zip(row, texts, strict=True)]
            for row in pose_fields(content, options.relative_to)
        )
    return ([_text(cell) for cell in row] for row in table_rows(content, table))


def _text(cell: Cell) -> str:
    """Return a cell as text that no spreadsheet takes for a formula."""
    if cell is None:
        return ""
    if isinstance(cell, datetime):
        return cell.isoformat(timespec="microseconds").replace("+00:00", "Z")
    if isinstance(cell, float):
        return f"{cell:.9g}"
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA) else str(cell)


def _write(path: Path, table: TableKind, rows: Iterable[list[str]], decimal_comma: bool) -> None:
    numbers = [kind is float for kind in table.columns.values()]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, delimiter=";" if decimal_comma else ",")
        writer.writerow(table.columns)
        for row in rows:
            if decimal_comma:
                row = [
                    _with_comma(field) if is_number else field
                    for field, is_number in zip(row, numbers, strict=True)
                ]
            writer.writerow(row)


def _with_comma(number: str) -> str:
    if not DECIMAL.fullmatch(number):
        return number
    text = number.replace(".", ",")
    return f"{text}0" if THOUSAND.fullmatch(text) else text


def _write_sidecar(
    content: SessionContent, table: TableKind, path: Path, to: Path, options: ExportOptions
) -> None:
    more: dict[str, Any] = {
        "session": content.made_texts["session"],
        "frames": content.frames_count,
        "units": table_units(table),
    }
    source = [content.reader.path]
    if table is POSES_TABLE:
        write_sidecar(path, source, options.relative_to, more, to)
        return
    data = {"format": f"c1c2nav/{table.name}/1", "table": path.name, "frame": "model, LPS", **more}
    write_toml(to, data, source)
