"""Points in files: Slicer Markups (.mrk.json) or CSV label,x,y,z."""

import csv
import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from nav.errors import InputError
from nav.frames import Array

COLUMNS = ["label", "x", "y", "z"]


def load_points(path: Path) -> dict[str, Array]:
    """Label -> position (3,), mm; Markups in RAS are turned to LPS.

    Raises
    ------
    InputError
        Missing, of another kind, a label twice, or a number that is none or not finite.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read: {error}") from None
    rows = _markups(path, text) if path.name.endswith(".json") else _csv(path, text)
    if not rows:
        raise InputError(f"{path}: has no points")
    twice = [label for label, count in Counter(label for label, _ in rows).items() if count > 1]
    if twice:
        raise InputError(f"{path}: point {twice[0]}: stands twice; each needs a label of its own")
    return {label: _position(path, label, numbers) for label, numbers in rows}


def _position(path: Path, label: str, numbers: Any) -> Array:
    try:
        position = np.array([float(number) for number in numbers])
    except (TypeError, ValueError):
        position = np.empty(0)
    if position.shape != (3,) or not np.isfinite(position).all():
        raise InputError(f"{path}: point {label}: expected 3 finite numbers, got {numbers}")
    return position


def _csv(path: Path, text: str) -> list[tuple[str, Any]]:
    reader = csv.DictReader(text.splitlines())
    try:
        missing = [name for name in COLUMNS if name not in (reader.fieldnames or [])]
        rows = list(reader)
    except csv.Error as error:
        raise InputError(f"{path}: line {reader.line_num + 1}: {error}") from None
    if missing:
        raise InputError(f"{path}: first line: expected {','.join(COLUMNS)}, lacks {missing[0]}")
    return [(row["label"], [row[axis] for axis in "xyz"]) for row in rows]


def _markups(path: Path, text: str) -> list[tuple[str, Any]]:
    try:
        (markup, *_) = json.loads(text)["markups"]
        system = markup.get("coordinateSystem", "LPS")
        points = [(p["label"], p["position"]) for p in markup["controlPoints"]]
    except (ValueError, KeyError, TypeError, AttributeError):
        raise InputError(
            f"{path}: no Slicer Markups; expected markups with controlPoints"
        ) from None
    if not all(isinstance(label, str) for label, _ in points):
        raise InputError(f"{path}: a control point's label is not a text")
    signs = {"LPS": (1, 1, 1), "RAS": (-1, -1, 1), "0": (-1, -1, 1), "1": (1, 1, 1)}
    if str(system) not in signs:
        raise InputError(f"{path}: coordinateSystem: expected LPS or RAS, got {system}")
    turn = signs[str(system)]
    try:
        return [(label, [s * x for s, x in zip(turn, at, strict=True)]) for label, at in points]
    except (TypeError, ValueError):
        raise InputError(f"{path}: a control point's position is not 3 numbers") from None
