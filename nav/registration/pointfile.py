"""Points in files: CSV tables, and 3D Slicer's Markups (.mrk.json), .fcsv and point tables."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from nav.core.covariance import MOST_TIP_SD, CovarianceError, checked_covariance
from nav.core.errors import InputError
from nav.core.files import write_toml
from nav.core.frames import Array
from nav.core.outputs import written_whole
from nav.core.tables import Row, Table, TableLimits, parse_table
from nav.core.textfile import printable, read_text
from nav.registration.labelled import LabelledPoint
from nav.registration.markupsfile import read_markups

LPS_FROM = {"lps": (1.0, 1.0, 1.0), "ras": (-1.0, -1.0, 1.0)}
COLUMNS = tuple(("label", *axes) for axes in ("xyz", "lps", "ras"))
SYSTEM = re.compile(r"coordinate[ _-]?system\s*(?:[=:]|is\b)\s*(\w+)", re.IGNORECASE)
SYSTEMS = {"lps": "lps", "1": "lps", "ras": "ras", "0": "ras"}  # as versions of Slicer write them
IN_UNIT = re.compile(r"([xyzlpsra]) ?[\[(_ ] ?([a-zµμ]+) ?[\])]?")
LIMITS = TableLimits()
UPPER = ("cxx", "cxy", "cxz", "cyy", "cyz", "czz")  # of a point's covariance, mm^2
MOST_SHARED = 6
SHARED = tuple(f"s{k}{axis}" for k in range(1, MOST_SHARED + 1) for axis in "xyz")
POINTS_FORMAT = "c1c2nav/points/1"
NOT_PLACED = {"0", "false", "no"}  # in the column `defined` of Slicer's point table
# positionStatus, which Slicer 5 adds to .fcsv without naming the column
FCSV_STATUS = {"0": "undefined", "1": "preview", "2": "defined", "3": "missing"}


def load_points(path: Path) -> dict[str, Array]:
    """Load labelled points from a file.

    A name that ends in .json is 3D Slicer's Markups; any other file a table with the columns label
    and x,y,z or l,p,s or r,a,s, or Slicer's .fcsv. RAS is converted to LPS.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    dict of str to ndarray, shape (3,)
        Position by label, LPS, mm.

    Raises
    ------
    InputError
        Missing, of another kind, a point without label or not placed, a label twice, a number that
        is missing or not finite, a unit or coordinate system that is not known.
    """
    points = read_point_list(path)
    for point in points:
        if not point.label:
            raise InputError(f"{path}: {point.place}: has no label; give it the fiducial's name")
    counts = Counter(point.label for point in points)
    twice = next((point.label for point in points if counts[point.label] > 1), None)
    if twice is not None:
        raise InputError(f"{path}: point {twice}: appears twice; each needs a label of its own")
    return {point.label: point.position for point in points}


def read_point_list(path: Path) -> list[LabelledPoint]:
    """Read points from a file, as `load_points` does, labelled or not.

    Parameters
    ----------
    path : Path
        The file. A table may have the columns `UPPER`, each point's covariance, and `SHARED`.

    Returns
    -------
    list of LabelledPoint
        In the order of the file.

    Raises
    ------
    InputError
        As `load_points`, but for labels that are missing or appear twice; a covariance that is
        none.
    """
    path = Path(path)
    points = read_markups(path) if path.suffix.lower() == ".json" else _read_table(path)
    if not points:
        raise InputError(f"{path}: has no points")
    for point in points:
        if not point.label.isprintable():
            raise InputError(
                f"{path}: {point.place}: its label has a character that cannot be shown"
            )
        if point.status != "defined":
            raise InputError(
                f"{path}: point {point.label}: is not placed ({point.status}); "
                "place it, or delete it from the list"
            )
    return points


def write_points(path: Path, points: Mapping[str, Array], inputs: tuple[Path, ...] = ()) -> None:
    """Write labelled points as CSV, with a .toml of the same stem that says what made them.

    Parameters
    ----------
    path : Path
        File to write.
    points : mapping of str to ndarray, shape (3,)
        Position by label, LPS, mm.
    inputs : tuple of Path
        Files that they were made from.

    Raises
    ------
    InputError
        It cannot be written.
    """
    rows = [f"{label},{x:.3f},{y:.3f},{z:.3f}" for label, (x, y, z) in points.items()]
    with written_whole(path) as beside:
        beside.write_text("\n".join(["label,x,y,z", *rows]) + "\n", encoding="utf-8")
    write_toml(path.with_suffix(".toml"), {"format": POINTS_FORMAT, "points": path.name}, inputs)


def _read_table(path: Path) -> list[LabelledPoint]:
    text = read_text(path, LIMITS.size)
    # Slicer's header is a comment, and before version 4.1 it says no coordinate system: RAS then
    slicer = re.search(r"^#\s*columns\s*=", text, re.MULTILINE) is not None
    table = parse_table(
        path,
        text,
        COLUMNS,
        ["defined", *UPPER, *SHARED],
        LIMITS.rows,
        "point {label}",
        _millimetres,
        2 if slicer else 0,
    )
    system = _system(path, text, "".join(table.needed[1:]), slicer)
    placed = [row for row in table.rows if not _unplaced(row)]
    positions = table.numbers(table.needed[1:], placed) * LPS_FROM[system]
    own, shared = _errors(table, placed, np.array(LPS_FROM[system]))
    where = {row.line: k for k, row in enumerate(placed)}
    points = []
    for row in table.rows:
        k = where.get(row.line)
        points.append(
            LabelledPoint(
                row.fields["label"],
                np.full(3, np.nan) if k is None else positions[k],
                _unplaced(row) or "defined",
                f"line {row.line}",
                None if own is None or k is None else own[k],
                None if shared is None or k is None else shared[k],
            )
        )
    return points


def _errors(table: Table, rows: Sequence[Row], signs: Array) -> tuple[Array | None, Array | None]:
    """Return the covariances (n, 3, 3) and shared errors (n, 3, k) that a table has."""
    there = rows[0].fields if rows else {}
    own = shared = None
    if all(column in there for column in UPPER):
        upper = table.numbers(UPPER, rows)
        own = np.zeros((len(rows), 3, 3))
        first, second = np.triu_indices(3)
        own[:, first, second] = own[:, second, first] = upper
        try:
            own = checked_covariance(own, [MOST_TIP_SD] * 3) * np.outer(signs, signs)
        except CovarianceError as error:
            raise table.refusal(
                rows[error.index], f"{UPPER[0]} to {UPPER[-1]} are not a covariance: {error}"
            ) from None
    count = sum(column in there for column in SHARED) // 3
    if count and all(column in there for column in SHARED[: 3 * count]):
        columns = table.numbers(SHARED[: 3 * count], rows)
        if np.abs(columns).max() > MOST_TIP_SD:
            worst = int(np.argmax(np.abs(columns).max(axis=1)))
            raise table.refusal(
                rows[worst], f"{SHARED[0]} to {SHARED[3 * count - 1]}: more than {MOST_TIP_SD:g} mm"
            )
        shared = columns.reshape(len(rows), count, 3).transpose(0, 2, 1) * signs[:, None]
    return own, shared


def _unplaced(row: Row) -> str:
    """Return why a point has no position; empty where it has one."""
    if row.fields.get("defined", "").casefold() in NOT_PLACED:
        return "undefined"
    status = row.fields.get("+1", "")
    position_status = (
        FCSV_STATUS.get(status, f"positionStatus {printable(status):.20}") if status else "defined"
    )
    return "" if position_status == "defined" else position_status


def _system(path: Path, text: str, columns: str, slicer: bool) -> str:
    """Return the coordinate system in the columns or the comments, in any place."""
    comments = (line for line in text.split("\n") if line.lstrip().startswith("#"))
    found = [match[1].lower() for line in comments if (match := SYSTEM.search(line))]
    strange = next((name for name in found if name not in SYSTEMS), None)
    if strange is not None:
        raise InputError(f"{path}: CoordinateSystem: expected LPS or RAS, got {strange:.20}")
    position_status = {SYSTEMS[name] for name in found} | ({columns} if columns != "xyz" else set())
    if len(position_status) > 1:
        raise InputError(f"{path}: states both LPS and RAS; remove the one that is wrong")
    if not position_status and slicer:
        raise InputError(
            f"{path}: does not state CoordinateSystem; add the line '# CoordinateSystem = RAS'"
        )
    return position_status.pop() if position_status else "lps"


def _millimetres(column: str) -> str:
    """Return the name of a column without its unit, if that is mm."""
    match = IN_UNIT.fullmatch(column)
    return match[1] if match and match[2] == "mm" else column
