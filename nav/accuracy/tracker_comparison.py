"""Two trackers that measured the same points: limits of agreement per axis and of length."""

import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from nav.accuracy.bland_altman import Agreement, bland_altman
from nav.accuracy.html_report import Section, write_report
from nav.core.errors import InputError, Lost
from nav.core.frames import Array
from nav.record.recorded_poses import has_poses, open_recorded_poses
from nav.registration.dwell_statistics import independent_samples
from nav.registration.pointfile import load_points
from nav.registration.points import register_points
from nav.tracking.pose_source import StatedErrors
from nav.tracking.tip import tip_from_pose
from nav.tracking.tool import Tool

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SAME_TIME = 0.02  # s: poses further apart are no pair
LEAST_MIRRORED = 1.0  # mm: what fits as well as this is no mirror image
MOST_FRE = 10.0  # mm rms: no tracker in use is so far off; other points, labels or times are
LEAST_PAIRS = 4  # with three points, the alignment leaves one axis without any difference
AXES = ("x", "y", "z", "length")
# where a table has no covariance; positions alone are compared
POSITIONS_ONLY = StatedErrors(1.0, 0.01)


@dataclass(frozen=True)
class Comparison:
    """What two trackers measured of the same points.

    Parameters
    ----------
    labels : tuple of str
        Of the n pairs: fiducials, or frames of the first.
    first, second : ndarray, shape (n, 3)
        In one frame, mm.
    lengths : tuple of ndarray, shape (n,)
        Each point's distance from the centre of all points, by first and second, mm.
    aligned : bool
        Whether the second was moved rigidly onto the first.
    agreements : dict of str to Agreement
        By axis, and of the length.
    independent : float
        What the n pairs are worth as independent ones.
    """

    labels: tuple[str, ...]
    first: Array
    second: Array
    lengths: tuple[Array, Array]
    aligned: bool
    agreements: dict[str, Agreement]
    independent: float


def compare_points(
    first: dict[str, Array],
    second: dict[str, Array],
    same_frame: bool = False,
    in_time: bool = False,
) -> Comparison:
    """Compare positions of the same points by two trackers.

    Unless both are in one frame the second is moved rigidly onto the first. That leaves no bias in
    x, y and z, and takes six degrees of freedom from the differences, which are made larger by
    that much. Lengths do not depend on it.

    Parameters
    ----------
    first, second : dict of str to ndarray, shape (3,)
        Position by name, mm; points that only one has are left out.
    same_frame : bool
        Whether both are in the same frame.
    in_time : bool
        Whether points are frames in the order of time: neighbours err alike, and the intervals
        take all for as many independent ones as their autocorrelation shows.

    Returns
    -------
    Comparison

    Raises
    ------
    InputError
        Fewer than four common points, points in a line, a mirror image, or points that no rigid
        motion brings together.
    """
    labels = tuple(label for label in first if label in second)
    if len(labels) < LEAST_PAIRS:
        raise InputError(
            f"comparison: {len(labels)} points are in both; at least {LEAST_PAIRS} are needed, "
            "with the same labels"
        )
    a = np.array([first[label] for label in labels])
    b = np.array([second[label] for label in labels])
    lengths = (_lengths(a), _lengths(b))
    if not same_frame:
        _refuse_others(a, b)
        b = register_points(a, b).model_from_reference.transform.apply(b)
        # three of the six degrees of freedom are the mean's, which the sd takes into account
        b = a + (b - a) * np.sqrt((len(a) - 1) / (len(a) - 2))
    worth = independent_samples(b - a - (b - a).mean(axis=0)) if in_time else float(len(a))
    agreements = {
        axis: bland_altman(a[:, k], b[:, k], independent=worth) for k, axis in enumerate(AXES[:3])
    }
    agreements["length"] = bland_altman(*lengths, independent=worth)
    return Comparison(labels, a, b, lengths, not same_frame, agreements, worth)


def _refuse_others(first: Array, second: Array) -> None:
    """Refuse points that no rigid motion brings together: they are not the same points."""
    fre = register_points(first, second).fre
    mirrored = register_points(first, second * [-1.0, 1.0, 1.0]).fre
    if fre > LEAST_MIRRORED and mirrored < fre / 3.0:
        raise InputError(
            f"comparison: one's points are a mirror image of the other's ({mirrored:.1f} mm FRE "
            f"mirrored, {fre:.1f} mm as they are); check the signs of their coordinates"
        )
    if fre > MOST_FRE:
        raise InputError(
            f"comparison: the points do not match: FRE {fre:.1f} mm after the best rigid motion, "
            f"at most {MOST_FRE:g} mm is expected; are they the same points with the same labels, "
            "at the same times, in mm?"
        )


def _lengths(points: Array) -> Array:
    return np.asarray(np.linalg.norm(points - points.mean(axis=0), axis=1))


def measured_positions(path: Path) -> dict[str, Array] | None:
    """Load touched points; None where the file is a table of poses.

    Parameters
    ----------
    path : Path
        Touched points, poses.csv, or a MetaIO sequence.

    Returns
    -------
    dict of str to ndarray, shape (3,), or None
        By label, mm.
    """
    return None if has_poses(path) else load_points(path)


def paired_poses(
    first: Path, second: Path, name: str, tool: Tool | None = None, offset: float = 0.0
) -> tuple[dict[str, Array], dict[str, Array]]:
    """Load a tool's positions at the same times from two tables of poses.

    Parameters
    ----------
    first, second : Path
        Two poses.csv.
    name : str
        Of the tool in both.
    tool : Tool, optional
        With a tip: its positions are compared, not those of the tool's origin.
    offset : float
        What is added to the second's times, s.

    Returns
    -------
    first, second : dict of str to ndarray, shape (3,)
        By frame of the first, mm.

    Raises
    ------
    InputError
        A table that breaks the format, or no common times.
    """
    times, places = _track(first, name, tool)
    other_times, other_places = _track(second, name, tool)
    if not len(times) or not len(other_times):
        empty = first if not len(times) else second
        raise InputError(f"{empty}: {name} is tracked in no frame")
    other_times = other_times + offset
    near, back = _nearest(other_times, times), _nearest(times, other_times)
    pairs = [
        (k, j)
        for k, j in enumerate(near.tolist())
        if abs(times[k] - other_times[j]) <= SAME_TIME and back[j] == k
    ]
    if not pairs:
        raise InputError(
            f"{first} and {second}: no two times are within {1000 * SAME_TIME:g} ms; give "
            "--offset, the seconds to add to the second's clock"
        )
    return (
        {str(k): places[k] for k, _ in pairs},
        {str(k): other_places[j] for k, j in pairs},
    )


def _nearest(of: Array, to: Array) -> NDArray[np.intp]:
    """Return the index of the nearest of some sorted times to each of others."""
    after = np.clip(np.searchsorted(of, to), 1, max(len(of) - 1, 1))
    before = after - 1
    after = np.minimum(after, len(of) - 1)
    return np.where(np.abs(of[after] - to) < np.abs(of[before] - to), after, before)


def _track(path: Path, name: str, tool: Tool | None) -> tuple[Array, Array]:
    times, places = [], []
    for frame in open_recorded_poses(path, [name], POSITIONS_ONLY):
        seen = frame.tools[name]
        if isinstance(seen, Lost):
            continue
        tip = None if tool is None else tip_from_pose(seen.rig_from_tool, tool)
        times.append(frame.time)
        places.append(seen.rig_from_tool.transform.translation if tip is None else tip.position)
    return np.array(times), np.array(places).reshape(-1, 3)


def compare_files(
    first: Path,
    second: Path,
    output: Path | None,
    console: Console,
    *,
    name: str | None = None,
    tool: Tool | None = None,
    offset: float = 0.0,
    same_frame: bool = False,
) -> Comparison:
    """Compare two files of touched points or poses, and report.

    Parameters
    ----------
    first, second : Path
        Of the two trackers.
    output : Path, optional
        HTML report; its numbers as .json beside it.
    console : Console
        For the table.
    name : str, optional
        Tool of the poses.
    tool : Tool, optional
        The same with its tip.
    offset : float
        Of the second's clock, s.
    same_frame : bool
        Whether both are in one frame.

    Returns
    -------
    Comparison

    Raises
    ------
    InputError
        A file that cannot be read, files of two kinds, options that do not apply to them, or points
        that do not match.
    """
    a, b = measured_positions(first), measured_positions(second)
    if (a is None) != (b is None):
        raise InputError(f"{first} and {second}: one has points, the other poses; give two alike")
    if a is not None and (name is not None or tool is not None or offset != 0.0):
        raise InputError(
            f"{first} and {second}: have points; --tool-name, --tool and --offset apply to poses"
        )
    if not math.isfinite(offset):
        raise InputError(f"--offset: expected seconds, got {offset:g}")
    in_time = a is None
    if a is None or b is None:
        wanted = tool.name if tool is not None else name
        if wanted is None:
            raise InputError(f"{first}: has poses; name the tool: --tool-name NAME or --tool FILE")
        a, b = paired_poses(first, second, wanted, tool, offset)
    try:
        found = compare_points(a, b, same_frame, in_time)
    except InputError as error:
        raise InputError(f"{first} and {second}: {error}") from None
    console.print(_table(found, first.name, second.name))
    console.print(_worth(found))
    if output is not None:
        sections = [
            Section("Limits of agreement, mm", _words(found), COLUMNS, _rows(found)),
            Section("Differences by mean", figure=_figure(found)),
        ]
        data = {
            "first": first.name,
            "second": second.name,
            "aligned": found.aligned,
            "independent_pairs": found.independent,
            "points": list(found.labels),
            "agreement": {axis: asdict(one) for axis, one in found.agreements.items()},
        }
        write_report(
            output, f"{first.name} and {second.name} compared", sections, data, (first, second)
        )
        console.print(f"wrote {output} and {output.with_suffix('.json').name}")
    return found


COLUMNS = ("", "pairs", "bias (95 % interval)", "sd", "lower limit", "upper limit", "slope")


def _worth(found: Comparison) -> str:
    count = len(found.labels)
    if found.independent >= count:
        return "Intervals take pairs to be independent."
    return (
        f"Neighbouring frames err alike: in the intervals the {count} pairs count as "
        f"{found.independent:.0f} independent ones."
    )


def _words(found: Comparison) -> tuple[str, ...]:
    moved = (
        "The second tracker's points were moved rigidly onto the first's, so x, y and z have no "
        "bias; a difference of scale shows in the length."
        if found.aligned
        else "Both trackers' points are in one frame."
    )
    return (
        "Second less first. Between the limits 95 % of the differences are expected. Length: each "
        f"point's distance from the centre of all points. {_worth(found)}",
        moved,
    )


def _rows(found: Comparison) -> list[list[str]]:
    return [
        [
            axis,
            str(one.count),
            *(
                f"{part.value:+.3f} ({part.low:+.3f} to {part.high:+.3f})"
                if not isinstance(part, float)
                else f"{part:.3f}"
                for part in (one.bias, one.sd, one.lower, one.upper)
            ),
            f"{one.slope.value:+.4f} ({one.slope.low:+.4f} to {one.slope.high:+.4f})",
        ]
        for axis, one in found.agreements.items()
    ]


def _table(found: Comparison, first: str, second: str) -> Table:
    table = Table(*COLUMNS, title=f"{second} less {first}, mm")
    for row in _rows(found):
        table.add_row(*row)
    return table


def _figure(found: Comparison) -> "Figure":
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 7), layout="constrained")
    series = {axis: (found.first[:, k], found.second[:, k]) for k, axis in enumerate(AXES[:3])}
    series["length"] = found.lengths
    for axes, (axis, (a, b)) in zip(figure.subplots(2, 2).flat, series.items(), strict=True):
        one = found.agreements[axis]
        axes.plot((a + b) / 2, b - a, "o", color="#007a6e", ms=4, alpha=0.7)
        for part, colour in ((one.bias, "#1a2226"), (one.lower, "#b26a00"), (one.upper, "#b26a00")):
            axes.axhline(part.value, color=colour, lw=1.2)
            axes.axhspan(part.low, part.high, color=colour, alpha=0.12, lw=0)
        axes.set(title=axis, xlabel="mean of both, mm", ylabel="second less first, mm")
    return figure
