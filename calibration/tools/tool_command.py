"""`nav calibrate tool`: from images of a turned marker body to its measured TOOL.toml."""

from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

import nav
from calibration.tools.body import BodyCalibration, body_geometry
from calibration.tools.body_verdict import LEAST_FRAMES, MarkerCalibration, NotCalibrated
from calibration.tools.body_views import Seen, seen_markers
from nav.camera.rig import Rig, load_rig
from nav.camera.source import RecordedSource, open_source
from nav.core.errors import InputError
from nav.core.files import write_toml
from nav.core.outputs import written_together
from nav.text.catalogue import ENGLISH
from nav.track import announce_compiling
from nav.tracking.tool import TOOL_FORMAT, Tool, load_tool

CALIBRATION_FORMAT = "c1c2nav/tool-calibration/1"
NAMED = 5  # views left out that are printed
RIG_SCALE_SD = 5e-4  # relative: of a rig by a board whose ruler was read to 0.1 mm in 100 mm, 2 sd


def calibrate_tool(
    rig: Path,
    tool: Path,
    images: Path,
    output: Path,
    console: Console,
    fps: float | None = None,
) -> str:
    """Measure where a tool's markers really are, and write that to a tool file.

    Images are tracked twice: with the file's geometry, then with the result, so that a marker that
    was too far from its place in the file to be accepted is seen too.

    Parameters
    ----------
    rig : Path
        rig.toml: the calibrated cameras.
    tool : Path
        TOOL.toml: the body as it was designed. Its [tip] is not kept: it belongs to this geometry.
    images : Path
        Images of the tool turned to all sides, as `nav track` takes them.
    output : Path
        TOOL.toml to write; beside it OUTPUT.calibration.toml. Old ones are kept as OUTPUT.1.toml
        and so on.
    console : Console
        Where progress and result are printed.
    fps : float, optional
        Images per second where they have no times of their own.

    Returns
    -------
    str
        The verdict: 'good', or 'usable: ' and what would make it better.

    Raises
    ------
    InputError
        A file or image is missing or wrong, the tool is not seen, or the images do not give a
        reliable geometry (verdict 'repeat'). Nothing is written then.
    """
    cameras, nominal = load_rig(rig), load_tool(tool)
    for warning in (*cameras.warnings, *nominal.warnings):
        console.print(f"warning: {warning}", markup=False, soft_wrap=True)
    if len(nominal.markers) < 2:
        raise InputError(f"{tool}: has one marker only; there is nothing to calibrate")
    found, seen = measured_body(images, cameras, nominal, console, fps)
    _write(found, seen, rig, tool, images, output)
    for line in _lines(found, seen):
        console.print(line, markup=False)
    if nominal.tip is not None:
        console.print(
            f"the [tip] of {tool.name} was calibrated with the old geometry and is left out: "
            "calibrate the needle again",
            markup=False,
        )
    console.print(f"verdict: {found.verdict}", markup=False)
    console.print(f"{output} ({nav.NOTICE.lower()})", markup=False)
    return found.verdict


def measured_body(
    images: Path, cameras: Rig, nominal: Tool, console: Console, fps: float | None = None
) -> tuple[BodyCalibration, Seen]:
    """Measure a body from images that are tracked twice.

    Parameters
    ----------
    images : Path
        Images of the tool turned to all sides.
    cameras : Rig
        The calibrated cameras.
    nominal : Tool
        The body as it was designed.
    console : Console
        Where progress is shown.
    fps : float, optional
        Images per second where they have no times of their own.

    Returns
    -------
    body : BodyCalibration
        The measured body.
    seen : Seen
        What the images showed in the second pass.

    Raises
    ------
    InputError
        See `calibrate_tool`.
    """
    announce_compiling(console)
    source = open_source(images, cameras, fps)
    try:
        first = _seen(source, cameras, nominal, images, console, "tracking", True)
        begin = _geometry(first, nominal, cameras, images, None)
        seen = _seen(source, cameras, begin.tool, images, console, "second pass", False)
    finally:
        source.close()
    return _geometry(seen, nominal, cameras, images, begin.tool), seen


def _seen(
    source: RecordedSource,
    rig: Rig,
    tool: Tool,
    images: Path,
    console: Console,
    task: str,
    anywhere: bool,
) -> Seen:
    seen = seen_markers(source, len(source), rig, tool, console, task, anywhere)
    if seen.frames == 0:
        raise InputError(f"{images}: has no images")
    if seen.tracked == 0:
        raise InputError(
            f"{images}: {tool.name} is in none of the {seen.frames} frame sets: "
            f"{ENGLISH.sentence(seen.reasons[0])}; is it this tool's file, and this rig's?"
        )
    return seen


def _geometry(
    seen: Seen, tool: Tool, rig: Rig, images: Path, begin: Tool | None
) -> BodyCalibration:
    try:
        return body_geometry(seen.views, tool, rig, begin)
    except NotCalibrated as error:
        lost = seen.frames - seen.tracked
        why = ""
        if lost:
            why = f" (lost in {lost} of {seen.frames}: {ENGLISH.sentence(seen.reasons[0])})"
        often = seen.tracked < max(seen.frames / 2, LEAST_FRAMES)
        raise InputError(f"{images}: {error}{why if often else ''}") from None


def _write(
    found: BodyCalibration,
    seen: Seen,
    rig: Path,
    tool: Path,
    images: Path,
    output: Path,
) -> None:
    """Write the tool file and its calibration summary beside it; old ones are kept."""
    beside = output.with_name(f"{output.stem}.calibration.toml")
    body = {
        "format": TOOL_FORMAT,
        "name": found.tool.name,
        "dictionary": found.tool.dictionary,
        "quiet": found.tool.quiet,
        "scale_sd": _size_sd(found),
        "print": found.tool.print_name,
        "marker": [{"id": m.id, "corners": m.corners.round(6)} for m in found.tool.markers],
        "needle": None if found.tool.needle is None else vars(found.tool.needle),
    }
    summary = {"format": CALIBRATION_FORMAT, "images": images.name, **_summary(found, seen)}
    with written_together(output, beside) as (body_file, summary_file):
        write_toml(summary_file, summary, [rig, tool])
        write_toml(body_file, body, [rig, tool])


def _size_sd(found: BodyCalibration) -> float | None:
    """Return how well the printed size is known: as the rig measured it, else as the file says."""
    if found.scale is None:
        return found.tool.scale_sd
    change, sd = found.scale
    return float(np.sqrt(change**2 + sd**2 + RIG_SCALE_SD**2))


def _summary(found: BodyCalibration, seen: Seen) -> dict[str, Any]:
    """Return the contents of OUTPUT.calibration.toml."""
    table: dict[str, Any] = {
        "verdict": found.verdict,
        "frames": seen.frames,
        "lost": seen.frames - seen.tracked,
        "poses": found.frames,
        "views": found.views,
        "views_left_out": [list(view) for view in found.left_out],
        "frames_left_out": list(found.frames_left_out),
        "views_moving": seen.moving,
        "rms_px_before": found.rms_before,
        "rms_px": found.rms,
        "noise_factor": found.spread,
        "turned_deg": float(np.degrees(found.turned)),
        "marker": [_marker(marker) for marker in found.markers],
    }
    if found.scale is not None:
        table["scale_by_rig"], table["scale_sd"] = 1.0 + found.scale[0], found.scale[1]
    return table


def _marker(marker: MarkerCalibration) -> dict[str, Any]:
    table: dict[str, Any] = {
        "id": marker.id,
        "pictures": marker.pictures,
        "directions": marker.directions,
    }
    if marker.pictures:
        table["shift"] = marker.displacement[:3]
        table["rotation_vector"] = marker.displacement[3:]
        table["moved"] = marker.moved
        table["sd"] = marker.sd
        table["covariance"] = marker.covariance
    return table


def _lines(found: BodyCalibration, seen: Seen) -> list[str]:
    known = [m for m in found.markers if m.pictures]
    worst = max(known, key=lambda m: m.sd)
    farthest = max(known, key=lambda m: m.moved)
    mean = np.sqrt(np.mean([m.moved**2 for m in known]))
    lines = [
        f"{found.frames} poses of {seen.frames} frame sets, {found.views} views of "
        f"{len(known)} of {len(found.markers)} markers; turned by {np.degrees(found.turned):.0f} "
        "degrees",
        f"corners were {found.rms_before:.3f} px off the file's geometry, are {found.rms:.3f} px "
        "off this one (rms per axis)",
        f"markers moved by {mean:.3f} mm (rms), most marker {farthest.id}: {farthest.moved:.3f} mm",
        f"known to {worst.sd:.3f} mm or better (1 sd by the corners' scatter, the rig taken as "
        f"exact); worst marker {worst.id}, seen in {worst.pictures} images from "
        f"{worst.directions} directions",
    ]
    if found.left_out:
        named = [f"marker {m} in frame {f} of {c}" for f, c, m in found.left_out[:NAMED]]
        lines.append(f"left out, {len(found.left_out)} views: {_listed(named, found.left_out)}")
    if found.frames_left_out:
        named = [str(number) for number in found.frames_left_out[:NAMED]]
        lines.append(f"left out whole frame sets: {_listed(named, found.frames_left_out)}")
    if seen.moving:
        lines.append(f"{seen.moving} views left out: the tool moved between the cameras' times")
    return lines


def _listed(named: list[str], all_of_them: tuple[Any, ...]) -> str:
    more = len(all_of_them) - len(named)
    return ", ".join(named) + (f" and {more} more" if more > 0 else "")
