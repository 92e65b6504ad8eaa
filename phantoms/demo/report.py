"""Results of the demonstration: tables, summary and plots."""

import json
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
from scipy.spatial.transform import RigidTransform, Rotation

import nav
from nav.core.errors import Lost
from nav.core.filekinds import PNG_METADATA
from nav.core.files import provenance
from nav.core.outputs import written_whole
from nav.core.pose_formats import open_pose_writer
from nav.guidance.alarms import Level
from nav.model.case import Case
from nav.model.surface import Surface
from nav.record.pose_table import COLUMNS, write_sidecar
from nav.tracking.tip import tip_in_reference
from nav.tracking.tool import Tool
from phantoms.demo.work import DemoResult
from phantoms.twin.images import truth_row, write_rows

REFERENCE = "reference"
PLOTTED = 40.0  # mm: larger distances are not relevant


def write_tables(out: Path, result: DemoResult, tools: tuple[Tool, ...]) -> None:
    """Write poses.csv as tracked and truth.csv as simulated, both relative to the reference body.

    Parameters
    ----------
    out : Path
        Folder to write to.
    result : DemoResult
        What happened.
    tools : tuple of Tool
        As the pipeline had them.
    """
    poses = out / "poses.csv"
    with (
        written_whole(poses) as beside,
        closing(open_pose_writer(poses, beside, tools, REFERENCE)) as writer,
    ):
        for tracked in result.log.tracked:
            writer.write(tracked)
    reference_from_rig = result.rig_from_reference.inv()
    rows = []
    for tracked in result.log.tracked:
        for tool in result.tools:
            is_reference = tool.name == REFERENCE
            place = result.rig_from_reference if is_reference else result.truth[tracked.number]
            rows.append(truth_row(tracked.number, tracked.time, tool, reference_from_rig * place))
    write_rows(out / "truth.csv", COLUMNS, rows)
    inputs = [out / f"{name}.toml" for name in ("rig", "needle", "reference")]
    for name in ("poses.csv", "truth.csv"):
        write_sidecar(out / name, inputs, REFERENCE, {"frames": len(result.log.tracked)})


def tip_errors(result: DemoResult, needle: Tool, reference: Tool) -> np.ndarray:
    """Compute the tracked minus the true tip of all frames that have a tip.

    A calibrated body's frame is not exactly the true one; the two are aligned by their markers.

    Parameters
    ----------
    result : DemoResult
        What happened.
    needle, reference : Tool
        As the pipeline had them.

    Returns
    -------
    ndarray, shape (n, 3)
        Reference frame, mm.
    """
    true_needle, true_reference = result.tools
    assert true_needle.tip is not None
    reference_from_rig = file_from_true(reference, true_reference) * result.rig_from_reference.inv()
    errors = []
    for tracked in result.log.tracked:
        tip = tip_in_reference(tracked, needle, REFERENCE)
        if isinstance(tip, Lost):
            continue
        true = (reference_from_rig * result.truth[tracked.number]).apply(true_needle.tip.position)
        errors.append(tip.position - true)
    return np.array(errors).reshape(-1, 3)


def file_from_true(filed: Tool, true: Tool) -> RigidTransform:
    """Align a body's true frame with that of its file by its markers' corners.

    Parameters
    ----------
    filed : Tool
        The body by its file.
    true : Tool
        The body as it truly is.

    Returns
    -------
    RigidTransform
        From the true frame to that of the file.
    """
    if all(np.array_equal(m.corners, true.by_id[m.id].corners) for m in filed.markers):
        return RigidTransform.identity()
    ours = np.concatenate([m.corners for m in filed.markers])
    theirs = np.concatenate([true.by_id[m.id].corners for m in filed.markers])
    turn, _ = Rotation.align_vectors(ours - ours.mean(axis=0), theirs - theirs.mean(axis=0))
    return RigidTransform.from_components(ours.mean(axis=0) - turn.apply(theirs.mean(axis=0)), turn)


def summarise(
    result: DemoResult,
    case: Case,
    tools: tuple[Tool, Tool],
    settings: dict[str, Any],
    true_surfaces: Mapping[str, Surface],
) -> dict[str, Any]:
    """Compile the contents of summary.json.

    Parameters
    ----------
    result : DemoResult
        What happened.
    case : Case
        The case.
    tools : tuple of 2 Tool
        Needle and reference body as the pipeline had them.
    settings : dict
        Of the demonstration.
    true_surfaces : mapping of str to Surface
        By structure's name, case's frame.

    Returns
    -------
    dict
        Accuracy against the truth, registration, distances, alarms, settings.
    """
    log, registration = result.log, result.registration
    needle = tools[0]
    lengths = np.linalg.norm(tip_errors(result, *tools), axis=1)
    plan = case.default_plan
    assert plan is not None
    last = log.tracked[-1].number
    true_tip = true_tip_in_case(result, last)
    near = shown_and_true(result, case, true_surfaces)
    counted = {
        level.word: sum(event.level is level for event in log.alarms)
        for level in (Level.CAUTION, Level.DANGER)
    }
    made = provenance()
    worst_check = max(result.check_errors.values(), default=None)
    return {
        "made_by": made["made_by"],
        "made_at": made["made_at"].isoformat(),
        "notice": nav.NOTICE,
        "frames": len(log.tracked),
        "tracked_fraction": log.tracked_fraction([needle.name, REFERENCE]),
        "frames_per_second": (len(log.tracked) - 1) / result.seconds,
        "tracking_ms_median": 1000 * float(np.median([f.track_seconds for f in log.tracked])),
        "tip_rms_mm": float(np.sqrt(np.mean(lengths**2))),
        "tip_p95_mm": float(np.quantile(lengths, 0.95)),
        "tip_max_mm": float(lengths.max()),
        "registration_fre_mm": None if registration is None else registration.fre,
        "registration_fiducials": 0 if registration is None else len(registration.residuals),
        "predicted_tre_at_target_mm": result.predicted_tre,
        "check_point_error_mm": worst_check,
        "check_points_mm": result.check_errors,
        "min_distance_mm": log.smallest(),
        "final_distance_to_target_mm": log.navigated[-1].to_target if log.navigated else None,
        "final_distance_to_target_true_mm": float(np.linalg.norm(true_tip - plan.target)),
        "at_the_end_mm": {
            name: dict(zip(("shown", "bound", "true"), rows[-1].tolist(), strict=True))
            for name, rows in near.items()
        },
        "bound_held_fraction": {
            name: float((rows[:, 2] >= rows[:, 1]).mean()) for name, rows in near.items()
        },
        "alarms": counted,
        "alarm_events": [
            {
                "time": event.time,
                "structure": event.structure,
                "level": event.level.word,
                "bound_mm": event.bound,
            }
            for event in log.alarms
        ],
        "settings": settings,
    }


def true_tip_in_case(result: DemoResult, number: int) -> np.ndarray:
    """Compute where the tip truly was in a frame set.

    Parameters
    ----------
    result : DemoResult
        What happened.
    number : int
        Number of the frame set.

    Returns
    -------
    ndarray, shape (3,)
        Case's frame, mm.
    """
    tip = result.tools[0].tip
    assert tip is not None
    reference_from_needle = result.rig_from_reference.inv() * result.truth[number]
    return np.asarray(result.model_from_reference.apply(reference_from_needle.apply(tip.position)))


def shown_and_true(
    result: DemoResult, case: Case, true_surfaces: Mapping[str, Surface]
) -> dict[str, np.ndarray]:
    """Compare displayed with true distances while navigating.

    Parameters
    ----------
    result : DemoResult
        What happened.
    case : Case
        The case.
    true_surfaces : mapping of str to Surface
        By structure's name, case's frame.

    Returns
    -------
    dict of str to ndarray, shape (n, 3)
        By structure with limits: distance shown, 95 % bound and true distance, mm.
    """
    rows: dict[str, list[tuple[float, float, float]]] = {}
    watched = [s.name for s in case.structures if s.has_limits and s.name in true_surfaces]
    for entry in result.log.navigated:
        if entry.by_structure is None:
            continue
        tip = true_tip_in_case(result, entry.number)
        for name in watched:
            shown, bound = entry.by_structure[name]
            true = float(true_surfaces[name].distance(tip)[0])
            rows.setdefault(name, []).append((shown, bound, true))
    return {name: np.array(found) for name, found in rows.items()}


def write_summary(path: Path, summary: dict[str, Any]) -> None:
    """Write a summary as JSON, whole or not at all; numbers that are not finite are an error.

    Parameters
    ----------
    path : Path
        File to write.
    summary : dict
        As from `summarise`.
    """
    with written_whole(path) as beside:
        beside.write_text(json.dumps(summary, indent=2, allow_nan=False) + "\n", encoding="utf-8")


def draw_distances(path: Path, result: DemoResult, case: Case) -> None:
    """Plot distances to structures over the insertion, with bounds and limits.

    Parameters
    ----------
    path : Path
        PNG file to write.
    result : DemoResult
        What happened.
    case : Case
        The case.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 5), dpi=120, layout="constrained")
    axes = figure.add_subplot()
    entries = result.log.navigated
    times = [entry.time for entry in entries]
    colours = iter(("#c8a000", "#c0392b", "#8e2c86", "#555555"))
    for structure in case.structures:
        if not structure.has_limits:
            continue
        colour = next(colours)
        # a gap where there was no distance
        pairs = [
            (entry.by_structure or {}).get(structure.name, (np.nan, np.nan)) for entry in entries
        ]
        distance, bound = np.array(pairs).reshape(-1, 2).T
        axes.plot(times, distance, color=colour, label=structure.name)
        axes.fill_between(times, bound, distance, color=colour, alpha=0.25, linewidth=0)
        for limit, style in ((structure.caution, ":"), (structure.danger, "--")):
            if limit is not None:
                axes.axhline(limit, color=colour, linestyle=style, linewidth=0.8)
    axes.set_xlabel("time, s")
    axes.set_ylabel("distance from the tip, mm")
    axes.set_ylim(0, PLOTTED)
    axes.set_title(
        "Insertion: distance, 95 % lower bound (shaded), caution (dots), danger (dashes)"
    )
    axes.legend(loc="upper right")
    axes.grid(alpha=0.3)
    figure.text(0.005, 0.005, nav.NOTICE, fontsize=8, color="#777777")
    with written_whole(path) as beside:
        figure.savefig(beside, format="png", metadata=PNG_METADATA)
