"""A session as Parquet tables."""

from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

from nav.core.errors import InputError
from nav.core.outputs import written_together
from nav.record.session_export.export_format import ExportOptions, table_paths
from nav.record.session_export.session_content import SessionContent
from nav.record.session_export.session_tables import (
    POSES_TABLE,
    TABLES,
    Cell,
    TableKind,
    pose_frame,
    table_rows,
    table_units,
)

BATCH = 50_000  # rows of a row group


def export_parquet(content: SessionContent, output: Path, options: ExportOptions) -> list[str]:
    """Write the three tables, all or none; what is missing is null.

    Parameters
    ----------
    content : SessionContent
        The session.
    output : Path
        A folder, or the file of the poses.
    options : ExportOptions
        With relative_to.

    Returns
    -------
    list of str
        Nothing.

    Raises
    ------
    InputError
        The package pyarrow is not installed; a file cannot be written, or would replace another.
    """
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        raise InputError(
            f"{output}: Parquet needs the package pyarrow; install it with: "
            "pip install 'c1c2nav[parquet]'"
        ) from None
    paths = table_paths(output, ".parquet", tuple(table.name for table in TABLES))
    with written_together(*paths) as beside:
        for table, path in zip(TABLES, beside, strict=True):
            schema = _schema(pyarrow, table, _metadata(content, table, options))
            rows = table_rows(content, table, options.relative_to)
            with parquet.ParquetWriter(path, schema) as writer:
                for batch in _batches(rows):
                    arrays = [
                        pyarrow.array(column, field.type)
                        for column, field in zip(zip(*batch, strict=True), schema, strict=True)
                    ]
                    writer.write_table(pyarrow.Table.from_arrays(arrays, schema=schema))
    return []


def _batches(rows: Iterator[list[Cell]]) -> Iterator[list[list[Cell]]]:
    while batch := list(islice(rows, BATCH)):
        yield batch


def _schema(pyarrow: Any, table: TableKind, metadata: dict[str, str]) -> Any:
    types = {
        int: pyarrow.int64(),
        float: pyarrow.float64(),
        str: pyarrow.string(),
        datetime: pyarrow.timestamp("us", "UTC"),
    }
    units = table_units(table)
    return pyarrow.schema(
        [
            pyarrow.field(
                column, types[kind], metadata={"unit": units[column]} if column in units else None
            )
            for column, kind in table.columns.items()
        ],
        metadata=metadata,
    )


def _metadata(content: SessionContent, table: TableKind, options: ExportOptions) -> dict[str, str]:
    frame = pose_frame(options.relative_to) if table is POSES_TABLE else "the model, LPS"
    return {**content.made_texts, "frame": frame}
