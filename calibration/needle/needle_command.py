"""`nav calibrate needle`: from poses of a tool pivoted in a divot to a TOOL.toml with its tip."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

import nav
from calibration.needle.axis_guide import GuidedAxis, guided_axis
from calibration.needle.pivot import PivotCalibration, pivot_calibration
from calibration.needle.pivot_poses import ToolPoses, load_poses
from calibration.needle.spin import SpinAxis, spin_axis
from nav.core.errors import InputError
from nav.core.files import load_toml, write_toml
from nav.core.frames import Array
from nav.tracking.tool import TOOL_FORMAT, TipTable, ToolFile

DIFFERENT = np.radians(5.0)  # an axis that far from the file's is reported


@dataclass(frozen=True)
class Axis:
    """The needle's axis and where it comes from.

    Attributes
    ----------
    direction : ndarray, shape (3,), or None
        Unit vector, tool frame; None if unknown.
    source : str
        'none', 'file', 'spin' or 'guide'.
    spin : SpinAxis or None
        The spin calibration, if it was done.
    guide : GuidedAxis or None
        The calibration in a guide, if it was done.
    """

    direction: Array | None
    source: str
    spin: SpinAxis | None = None
    guide: GuidedAxis | None = None


@dataclass(frozen=True)
class Guide:
    """Poses of a needle in a guide hole, and the direction of the hole.

    Attributes
    ----------
    poses : Path
        A poses.csv file.
    direction : tuple of 3 floats
        In the poses' frame, hub to tip.
    """

    poses: Path
    direction: tuple[float, float, float]


def calibrate_needle(
    poses: Path,
    tool_name: str,
    tool: Path | None,
    output: Path,
    console: Console,
    spin: Path | None = None,
    guide: Guide | None = None,
) -> str:
    """Find a tool's tip from poses in which it rests in a divot, and write it to a tool file.

    Parameters
    ----------
    poses : Path
        poses.csv: the tool turned about its tip, in any frame in which the divot rests.
    tool_name : str
        Name of the tool whose poses are used.
    tool : Path or None
        TOOL.toml that is kept except for its [tip]; without it, the output holds only name and
        [tip].
    output : Path
        TOOL.toml to write. An existing one is kept as OUTPUT.1.toml and so on.
    console : Console
        Where the result is printed.
    spin : Path, optional
        poses.csv of the tool spun about its own axis, for [tip].axis.
    guide : Guide, optional
        The tool in a guide hole, for the same purpose.

    Returns
    -------
    str
        The verdict: 'good', or 'usable: ' and what would make it better.

    Raises
    ------
    InputError
        A file is missing or wrong, the tool file is that of another tool, or the poses do not give
        a reliable tip (verdict 'repeat'). Nothing is written then.
    """
    table = _tool_file(tool, tool_name, output)
    seen = load_poses(poses, tool_name)
    old = None if table is None else table.tip
    pivot = _pivot(poses, seen, old)
    if spin is not None and guide is not None:
        raise InputError("--spin and --guide: give one of them; both determine the axis")
    axis = _axis(spin, tool_name, old, pivot) if guide is None else _guided(guide, tool_name)
    data = _document(tool_name, table, pivot, axis, seen)
    along = None if guide is None else guide.poses
    inputs = [path for path in (tool, poses, spin, along) if path is not None]
    write_toml(output, data, inputs)
    for line in (*_lines(tool_name, pivot, seen), *_axis_lines(axis, old)):
        console.print(line, markup=False)
    if old is not None:
        moved = np.linalg.norm(pivot.tip - np.array(old.position))
        console.print(f"{moved:.2f} mm from the tip that {tool} had", markup=False)
    console.print(f"verdict: {pivot.verdict}", markup=False)
    console.print(f"{output} ({nav.NOTICE.lower()})", markup=False)
    return pivot.verdict


def _tool_file(tool: Path | None, name: str, output: Path) -> ToolFile | None:
    if tool is None:
        _spare_markers(output)
        return None
    table = load_toml(tool, ToolFile)
    if table.name != name:
        raise InputError(
            f"{tool}: name: this is the file of {table.name}, but the tip of {name} is calibrated; "
            "give that tool's file"
        )
    return table


def _spare_markers(output: Path) -> None:
    """Refuse to replace a file with markers by one without."""
    if not output.exists():
        return
    try:
        there = load_toml(output, ToolFile)
    except InputError:
        return  # not a tool file: it is kept as a backup anyway
    if there.marker:
        raise InputError(
            f"{output}: has markers that would be lost; give it with --tool, or another --output"
        )


def _pivot(path: Path, seen: ToolPoses, old: TipTable | None) -> PivotCalibration:
    axis = None if old is None else old.axis
    try:
        return pivot_calibration(
            seen.rotations, seen.translations, seen.covariances, seen.systematic, axis
        )
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def _axis(spin: Path | None, name: str, old: TipTable | None, pivot: PivotCalibration) -> Axis:
    if spin is None:
        if old is None or old.axis is None:
            return Axis(None, "none")
        return Axis(np.array(old.axis) / np.linalg.norm(old.axis), "file")
    try:
        found = spin_axis(load_poses(spin, name).rotations, pivot.tip)
    except InputError as error:
        text = str(error)
        raise InputError(text if text.startswith(f"{spin}:") else f"{spin}: {text}") from None
    return Axis(found.axis, "spin", found)


def _guided(guide: Guide, name: str) -> Axis:
    try:
        found = guided_axis(load_poses(guide.poses, name).rotations, guide.direction)
    except InputError as error:
        text, file = str(error), f"{guide.poses}:"
        raise InputError(text if text.startswith(file) else f"{file} {text}") from None
    return Axis(found.axis, "guide", guide=found)


def _document(
    name: str, table: ToolFile | None, pivot: PivotCalibration, axis: Axis, seen: ToolPoses
) -> Mapping[str, Any]:
    """Return the contents of TOOL.toml: everything from the old one except its tip."""
    kept: dict[str, Any] = {}
    if table is not None:
        # a marker's corners stay as they were read
        kept = {"dictionary": table.dictionary, "quiet": table.quiet}
        kept |= {"scale_sd": table.scale_sd, "print": table.print}
        kept["marker"] = [marker.model_dump() for marker in table.marker] or None
        kept["needle"] = None if table.needle is None else table.needle.model_dump()
    tip = {
        "position": pivot.tip,
        "axis": axis.direction,
        "covariance": (pivot.covariance + pivot.covariance.T) / 2,
        "calibration": _calibration(pivot, axis, seen),
    }
    return {"format": TOOL_FORMAT, "name": name, **kept, "tip": tip}


def _calibration(pivot: PivotCalibration, axis: Axis, seen: ToolPoses) -> dict[str, Any]:
    """Return the table [tip.calibration]."""
    table: dict[str, Any] = {
        "pivot": pivot.pivot,
        "pivot_covariance": pivot.pivot_covariance,
        "rms": pivot.rms,
        "rms_expected": pivot.expected,
        "play": pivot.play,
        "poses": int(pivot.kept.sum()),
        "left_out": int((~pivot.kept).sum()),
        "lost": seen.lost,
        "independent_poses": pivot.independent,
        "cone_angle_deg": list(pivot.cone),
        "turning": pivot.spread,
        "weakest": pivot.weakest,
        "axis_source": axis.source,
        "verdict": pivot.verdict,
    }
    if axis.spin is not None:
        table["axis_sd_deg"] = float(np.degrees(axis.spin.sd))
        table["spin_turn_deg"] = float(np.degrees(axis.spin.turn))
        table["spin_wobble_deg"] = float(np.degrees(axis.spin.wobble))
        table["spin_poses"] = int(axis.spin.kept.sum())
    if axis.guide is not None:
        table["axis_sd_deg"] = float(np.degrees(axis.guide.sd))
        table["guide_wobble_deg"] = float(np.degrees(axis.guide.wobble))
        table["guide_poses"] = axis.guide.poses
    return table


def _lines(name: str, pivot: PivotCalibration, seen: ToolPoses) -> list[str]:
    deviations = np.sqrt(np.diag(pivot.covariance))
    used = int(pivot.kept.sum())
    expected = "" if pivot.expected is None else f", {pivot.expected:.3f} expected"
    wide, narrow = pivot.cone
    lines = [
        f"tip of {name}: {_numbers(pivot.tip)} mm, ± {_numbers(deviations)} (1 sd)",
        f"divot: {_numbers(pivot.pivot)} mm in the frame of the poses",
        f"{used} poses, worth {pivot.independent:.0f} independent ones; "
        f"{len(pivot.kept) - used} left out, {seen.lost} lost",
        f"rms {pivot.rms:.3f} mm{expected}; cone {wide:.0f} x {narrow:.0f} degrees",
    ]
    if seen.covariances is None:
        lines.append("not every pose has a covariance: all weighted equally")
    if seen.doubtful:
        lines.append(f"warning: geometry doubtful in {seen.doubtful} poses; {_doubt(seen)}")
    return lines


def _doubt(seen: ToolPoses) -> str:
    if seen.systematic is not None:
        return "the persistent part of that error is in the tip's covariance"
    return (
        "the persistent part of that error is not in the tip's covariance, since the tool was "
        "tracked without a tip: track the same images with the new file, and calibrate again"
    )


def _axis_lines(axis: Axis, old: TipTable | None) -> list[str]:
    if axis.direction is None:
        return ["no axis: spin the needle about itself and give that with --spin, or use a --guide"]
    line = f"axis ({axis.source}): {_numbers(axis.direction, 4)}"
    if axis.spin is not None:
        spin = axis.spin
        line += (
            f" ± {np.degrees(spin.sd):.2f} degrees; spun by {np.degrees(spin.turn):.0f}, wobble "
            f"{np.degrees(spin.wobble):.2f} degrees"
        )
    elif axis.guide is not None:
        line += (
            f" ± {np.degrees(axis.guide.sd):.2f} degrees; wobble in the guide "
            f"{np.degrees(axis.guide.wobble):.2f} degrees"
        )
    else:
        return [line]
    if old is None or old.axis is None:
        return [line]
    cosine = float(np.clip(axis.direction @ np.array(old.axis) / np.linalg.norm(old.axis), -1, 1))
    if np.arccos(cosine) < DIFFERENT:
        return [line]
    return [line, f"warning: {np.degrees(np.arccos(cosine)):.1f} degrees off the axis in the file"]


def _numbers(vector: Array, digits: int = 3) -> str:
    return f"[{' '.join(f'{number:.{digits}f}' for number in vector)}]"
