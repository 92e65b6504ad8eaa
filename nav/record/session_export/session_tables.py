"""A session as three tables, poses, distances and events, with the same cells in every format."""

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any, TypeAlias

from nav.core.errors import InputError
from nav.record.pose_rows import COLUMNS, UPPER, pose_rows
from nav.record.session.session_json import facts_to_json, lost_of_json
from nav.record.session_export.session_content import (
    ExportedEvent,
    ExportedGuidance,
    SessionContent,
)
from nav.text.catalogue import ENGLISH

BATCH = 256  # frames at once
Cell: TypeAlias = "str | int | float | datetime | None"
TEXT_COLUMNS = frozenset(("tool", "status", "reason", "reason_code"))
WHOLE_COLUMNS = frozenset(("frame", "markers"))


@dataclass(frozen=True, eq=False)
class TableKind:
    """One of the tables of a session.

    Parameters
    ----------
    name : str
        Of the file or sheet.
    columns : dict of str to type
        Type of each column: int, float, str or datetime.
    """

    name: str
    columns: dict[str, type]


def _pose_type(column: str) -> type:
    if column in TEXT_COLUMNS:
        return str
    return int if column in WHOLE_COLUMNS else float


POSES_TABLE = TableKind("poses", {column: _pose_type(column) for column in COLUMNS})
DISTANCES_TABLE = TableKind(
    "distances",
    {
        **{"frame": int, "time": float, "seconds": float, "status": str},
        **{"structure": str, "role": str, "distance": float, "bound": float, "sd": float},
        **{"ahead": float, "level": str},
        **{"nearest_x": float, "nearest_y": float, "nearest_z": float},
        **{"tip_x": float, "tip_y": float, "tip_z": float, "registration": int, "reason": str},
    },
)
EVENTS_TABLE = TableKind(
    "events",
    {
        **{"seconds": float, "utc": datetime, "frame": int},
        **{"kind": str, "code": str, "text": str, "facts": str},
    },
)
TABLES = (POSES_TABLE, DISTANCES_TABLE, EVENTS_TABLE)
UNITS = {
    **dict.fromkeys(("time", "seconds"), "s"),
    **dict.fromkeys(("tx", "ty", "tz", "tip_x", "tip_y", "tip_z"), "mm"),
    **dict.fromkeys(("distance", "bound", "sd", "ahead"), "mm"),
    **dict.fromkeys(("nearest_x", "nearest_y", "nearest_z"), "mm"),
    **{column: "mm^2" for column in COLUMNS if column.startswith(("tip_c", "tip_s"))},
    "rms_px": "px",
}
PARTS = ((2, 2, "mm^2"), (2, 5, "mm rad"), (5, 5, "rad^2"))  # of p00 to p55


def table_units(table: TableKind) -> dict[str, str]:
    """Return the unit of each column that has one.

    Parameters
    ----------
    table : TableKind
        One of TABLES.

    Returns
    -------
    dict of str to str
    """
    covariance = {
        f"p{i}{j}": next(unit for row, column, unit in PARTS if i <= row and j <= column)
        for i, j in UPPER
    }
    units = {**UNITS, **covariance}
    return {column: units[column] for column in table.columns if column in units}


def pose_frame(relative_to: str | None) -> str:
    """Return in words in which frame poses are.

    Parameters
    ----------
    relative_to : str or None
        As of `table_rows`.

    Returns
    -------
    str
    """
    return "the cameras' rig" if relative_to is None else relative_to


def table_rows(
    content: SessionContent, table: TableKind, relative_to: str | None = None
) -> Iterator[list[Cell]]:
    """Iterate over the rows of a table.

    Parameters
    ----------
    content : SessionContent
        The session.
    table : TableKind
        One of TABLES.
    relative_to : str, optional
        Poses are ``T_from_tool`` for this tool T, else ``rig_from_tool``.

    Yields
    ------
    list
        A cell per column; None where there is nothing, or no finite number. Poses have the digits
        of poses.csv.

    Raises
    ------
    InputError
        A message of the session is not as this program writes it.
    """
    if table is POSES_TABLE:
        yield from _pose_rows(content, relative_to)
    elif table is EVENTS_TABLE:
        yield from map(_event_row, content.events())
    else:
        for shown in content.guidance():
            try:
                rows = [_checked(row) for row in _distance_rows(shown)]
            except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
                raise InputError(
                    f"{content.reader.path}: /guidance at {shown.seconds:.3f} s is not as c1c2nav "
                    f"writes it: {type(error).__name__}: {error}"
                ) from None
            yield from rows


def pose_fields(content: SessionContent, relative_to: str | None) -> Iterator[list[str]]:
    """Iterate over the rows of poses.csv, without the names of its columns.

    Parameters
    ----------
    content : SessionContent
        The session.
    relative_to : str or None
        As of `table_rows`.

    Yields
    ------
    list of str
        The fields as `nav track` writes them.
    """
    frames = content.frames()
    while batch := [frame.tracked for frame in islice(frames, BATCH)]:
        yield from pose_rows(batch, content.tools, relative_to)


def _pose_rows(content: SessionContent, relative_to: str | None) -> Iterator[list[Cell]]:
    types = list(POSES_TABLE.columns.values())
    for fields in pose_fields(content, relative_to):
        yield [_typed(field, kind) for field, kind in zip(fields, types, strict=True)]


def _checked(row: list[Cell]) -> list[Cell]:
    """Return a row of distances whose cells are of their columns' types; None where not finite."""
    cells: list[Cell] = []
    for cell, (column, kind) in zip(row, DISTANCES_TABLE.columns.items(), strict=True):
        if isinstance(cell, bool) or not (
            cell is None or isinstance(cell, kind) or (kind is float and isinstance(cell, int))
        ):
            raise TypeError(f"{column}: got {cell!r:.40}")
        cells.append(None if isinstance(cell, float) and not math.isfinite(cell) else cell)
    return cells


def _typed(text: str, kind: type) -> Cell:
    return None if text == "" else kind(text)


def _distance_rows(shown: ExportedGuidance) -> Iterator[list[Cell]]:
    data = shown.data
    head: list[Cell] = [data["number"], shown.time, shown.seconds]
    structures = data["structures"]
    if isinstance(structures, dict):
        empty: Sequence[Cell] = [None] * (len(DISTANCES_TABLE.columns) - 6)
        yield [*head, "lost", *empty, data["registration"], _reason(structures)]
        return
    tip = data["tips"]["model"]
    place = tip.get("position") or [None] * 3
    for found in structures:
        yield [
            *head,
            "known",
            *(found[name] for name in ("name", "role", "distance", "bound", "sd", "ahead")),
            data["levels"].get(found["name"]),
            *found["nearest"],
            *place,
            data["registration"],
            None,
        ]


def _reason(lost: dict[str, Any]) -> str:
    return ENGLISH.sentence(lost_of_json(lost["reason"]))


def _event_row(exported: ExportedEvent) -> list[Cell]:
    event = exported.event
    facts = facts_to_json(event.facts)
    return [
        exported.seconds,
        exported.utc,
        event.number,
        event.kind,
        event.code or None,
        exported.text,
        json.dumps(facts, ensure_ascii=False) if facts else None,
    ]
