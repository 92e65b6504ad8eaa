"""Read fiducials and plans from Markups of 3D Slicer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from nav.core.errors import InputError
from nav.core.frames import Array
from nav.core.textfile import read_json
from nav.exchange.import_sources import SourceFile, has_suffix
from nav.model.case import Fiducial, Plan
from nav.registration.markupsline import read_line
from nav.registration.pointfile import load_points


@dataclass(frozen=True)
class PointsFound:
    """Fiducials and plans, and what could not be used.

    Parameters
    ----------
    fiducials : tuple of Fiducial
        Model frame, mm.
    plans : tuple of Plan
        Model frame, mm.
    problems : tuple of str
        Sentences.
    left_out : tuple of str
        Other kinds of markups.
    """

    fiducials: tuple[Fiducial, ...]
    plans: tuple[Plan, ...]
    problems: tuple[str, ...]
    left_out: tuple[str, ...]


def read_points(sources: Sequence[SourceFile], checks: Sequence[str], inside: Array) -> PointsFound:
    """Read markups: lists of points become fiducials, lines become plans.

    Parameters
    ----------
    sources : sequence of SourceFile
        Files, with their transforms in a scene.
    checks : sequence of str
        Labels of fiducials that are only checked, never used for registering.
    inside : ndarray, shape (3,)
        A point of the canal, which a plan's target is nearer to than its entry; model frame, mm.

    Returns
    -------
    PointsFound
        With the problems of all files, instead of an exception at the first.
    """
    fiducials: list[Fiducial] = []
    plans: list[Plan] = []
    problems: list[str] = []
    left_out: list[str] = []
    for source in sources:
        try:
            kind, marked = _kind(source.path)
            if kind == "line":
                own = np.linalg.solve(source.lps_from_file, [*inside, 1.0])[:3]
                line = read_line(source.path, own)
                entry, target = (_placed(source, p) for p in (line.entry, line.target))
                plans.append(replace(line, name=source.name, entry=entry, target=target))
            elif kind == "fiducial":
                for label, position in load_points(source.path).items():
                    use = "check" if label in checks or label in marked else "register"
                    fiducials.append(Fiducial(label, _placed(source, position), use))
            else:
                left_out.append(f"{source.name} ({kind})")
        except InputError as error:
            problems.append(_without_path(str(error), source))
    labels = [f.label for f in fiducials]
    twice = sorted({label for label in labels if labels.count(label) > 1})
    if twice:
        problems.append(f"fiducials: several are labelled {', '.join(twice)}; rename them")
    names = [p.name for p in plans]
    same = sorted({name for name in names if names.count(name) > 1})
    if same:
        problems.append(f"plans: several are called {', '.join(same)}; rename them")
    for label in checks:
        if label not in labels:
            known = ", ".join(labels) or "none"
            problems.append(f"--check {label}: no fiducial has this label; there are {known}")
    return PointsFound(tuple(fiducials), tuple(plans), tuple(problems), tuple(left_out))


def _kind(path: Path) -> tuple[str, frozenset[str]]:
    """Return the kind of markups in a file, and the labels that our export marks as checks."""
    if not has_suffix(path, (".json",)):
        return "fiducial", frozenset()
    data = read_json(path)
    markups = data.get("markups") if isinstance(data, dict) else None
    first = markups[0] if isinstance(markups, list) and markups else None
    if not isinstance(first, dict):
        raise InputError(f"{path}: not Slicer Markups; expected markups with controlPoints")
    kind = str(first.get("type", "Fiducial")).lower()
    own = str(data.get("made_by", "")).startswith("c1c2nav")
    points = first.get("controlPoints")
    marked = frozenset(
        str(p.get("label"))
        for p in (points if own and isinstance(points, list) else ())
        if isinstance(p, dict) and p.get("description") == "check"
    )
    return kind, marked


def _placed(source: SourceFile, point: Array) -> Array:
    matrix = source.lps_from_file
    return np.asarray(matrix[:3, :3] @ point + matrix[:3, 3], float)


def _without_path(sentence: str, source: SourceFile) -> str:
    """Remove the folder, which for a packed scene is a temporary one."""
    return sentence.replace(str(source.path), source.path.name)
