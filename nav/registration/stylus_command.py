"""`nav register stylus`: pivots in known divots in, registration.toml and the stylus's tip out."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

import nav
from nav.core.errors import InputError
from nav.core.files import load_toml, write_toml
from nav.core.frames import Array, Pose
from nav.core.tracked_frame import TrackedFrame
from nav.model.case import load_case
from nav.registration.assessment import FLE
from nav.registration.contact_matching import match_contacts
from nav.registration.pointfile import load_points
from nav.registration.registration_result import write_registration
from nav.registration.reuse import describe_registration
from nav.registration.stylus_contacts import Contact, PoseSeries, find_contacts
from nav.registration.stylus_verdict import judge
from nav.registration.tip_and_registration import TipAndRegistration, register_with_tip
from nav.tracking.tool import TOOL_FORMAT, ToolFile

LARGEST_SEAT = 5.0  # mm


@dataclass(frozen=True)
class StylusJob:
    """What `nav register stylus` is asked for; fields are its options."""

    case: Path | None
    divots: Path | None
    poses: Path
    tool: str
    reference: str
    output: Path
    order: tuple[str, ...] = ()
    any_order: bool = False
    tip_output: Path | None = None
    tool_file: Path | None = None
    seat_sd: float = FLE


def register_stylus(job: StylusJob, frames: Iterable[TrackedFrame], out: Console) -> None:
    """Find the contacts, estimate tip and registration, judge them, write them.

    Parameters
    ----------
    job : StylusJob
        The options.
    frames : iterable of TrackedFrame
        The recorded poses of stylus and reference body; only the poses are used, their errors are
        estimated from the recording.
    out : Console
        For messages to the user.

    Raises
    ------
    InputError
        A file that is wrong, too few contacts, contacts that do not fit the divots, or a verdict
        of 'repeat'. Then nothing is written.
    """
    if not 0.0 <= job.seat_sd <= LARGEST_SEAT:
        raise InputError(f"--seat-sd: expected 0 to {LARGEST_SEAT:g} mm, got {job.seat_sd:g}")
    table = _tool_file(job)
    name, places = _divots(job)
    labels = list(job.order or places)
    strange = next((label for label in labels if label not in places), None)
    if strange is not None:
        raise InputError(
            f"--order: there is no divot {strange:.40}; there is {', '.join(places):.200}"
        )
    model = np.array([places[label] for label in labels])
    try:
        series = pose_series(frames, job.tool, job.reference)
        contacts = find_contacts(series)
        match = match_contacts(contacts, model, in_order=not job.any_order)
        used = [contacts[k] for k in match.contacts]
        found = register_with_tip(used, model[list(match.divots)], shared_sd=job.seat_sd)
    except InputError as error:
        raise InputError(f"{job.poses}: {error}") from None
    touched = [labels[k] for k in match.divots]
    elsewhere = [contact for k, contact in enumerate(contacts) if k not in match.contacts]
    left = [label for k, label in enumerate(labels) if k not in match.divots]
    verdict = judge(found, touched, len(elsewhere), left)
    for line in _lines(job, touched, used, elsewhere, found):
        out.print(line, markup=False, soft_wrap=True)
    if verdict.startswith("repeat"):
        raise InputError(f"{job.poses}: {verdict}")
    _write(job, name, table, found, touched, verdict)
    out.print(f"verdict: {verdict}", markup=False, soft_wrap=True)
    written = [path for path in (job.output, job.tip_output) if path is not None]
    out.print(f"{' and '.join(map(str, written))} ({nav.NOTICE.lower()})", markup=False)


def _divots(job: StylusJob) -> tuple[str, dict[str, Array]]:
    """Return the case's name, if there is one, and the places of the divots by label."""
    if (job.case is None) == (job.divots is None):
        raise InputError("nav register stylus: give either --case or --divots")
    if job.case is None:
        assert job.divots is not None
        return "", load_points(job.divots)
    case = load_case(job.case)
    return case.name, {point.label: point.position for point in case.fiducials_for("register")}


def _tool_file(job: StylusJob) -> ToolFile | None:
    if job.tool_file is None:
        if job.tip_output is not None and job.tip_output.exists():
            there = load_toml(job.tip_output, ToolFile)
            if there.marker:
                raise InputError(
                    f"{job.tip_output}: has markers that would be lost; give it with --tool, "
                    "or another --tip-output"
                )
        return None
    table = load_toml(job.tool_file, ToolFile)
    if table.name.casefold() != job.tool.casefold():
        raise InputError(
            f"{job.tool_file}: name: this is the file of {table.name}, but the tip of {job.tool} "
            "is estimated; give that tool's file"
        )
    return table


def pose_series(frames: Iterable[TrackedFrame], tool: str, reference: str) -> PoseSeries:
    """Collect the poses of a stylus in the reference body's frame, where both were seen.

    Parameters
    ----------
    frames : iterable of TrackedFrame
        A source of poses.
    tool, reference : str
        Names of stylus and reference body.

    Returns
    -------
    PoseSeries

    Raises
    ------
    InputError
        They are never seen together.
    """
    poses = [(frame.time, frame.pose(tool, reference)) for frame in frames]
    seen = [(time, pose.transform) for time, pose in poses if isinstance(pose, Pose)]
    if not seen:
        raise InputError(f"{tool} and {reference} are never seen together")
    return PoseSeries(
        np.array([time for time, _ in seen]),
        np.array([transform.rotation.as_matrix() for _, transform in seen]),
        np.array([transform.translation for _, transform in seen]),
    )


def _lines(
    job: StylusJob,
    labels: Sequence[str],
    contacts: Sequence[Contact],
    elsewhere: Sequence[Contact],
    found: TipAndRegistration,
) -> list[str]:
    lines = [f"{len(contacts)} contacts in divots:"]
    residuals = found.registration.residuals
    for k, (label, contact) in enumerate(zip(labels, contacts, strict=True)):
        line = (
            f"{label}: {contact.start:.1f} to {contact.end:.1f} s, {contact.poses} poses, turned "
            f"by {np.degrees(contact.turn):.0f} degrees (rms); {residuals[k]:.2f} mm off"
        )
        if found.left_out:
            predicted = found.left_out[k]
            line += (
                f", {predicted.distance:.2f} mm if left out ({predicted.predicted:.2f} predicted)"
            )
        lines.append(line)
    lines += [
        f"{each.start:.1f} to {each.end:.1f} s: pivoted in no divot, not used" for each in elsewhere
    ]
    tip, sd = _numbers(found.tip), _numbers(found.tip_sd)
    lines.append(f"tip of {job.tool}: {tip} mm, ± {sd} (1 sd)")
    lines.append(
        f"of that, {job.seat_sd:g} mm per axis for how deep the stylus sits in all divots alike "
        "(--seat-sd)"
    )
    pivot = found.pivot
    sds = _numbers(np.sqrt(np.diag(pivot.covariance)))
    lines.append(
        f"tip by pivoting alone: {_numbers(pivot.tip)} mm, ± {sds}; {pivot.disagreement:.2f} mm "
        "from the tip that the divots' places give"
    )
    lines.append(
        f"FRE {found.registration.fre:.2f} mm (rms of {len(contacts)} divots); a contact is off by "
        f"{found.contact_sd:.2f} mm per axis"
    )
    if found.left_out:
        rms = np.sqrt(np.mean([each.distance**2 for each in found.left_out]))
        lines.append(f"each divot left out in turn: {rms:.2f} mm rms prediction error")
    return lines


def _write(
    job: StylusJob,
    case: str,
    table: ToolFile | None,
    found: TipAndRegistration,
    labels: Sequence[str],
    verdict: str,
) -> None:
    inputs = tuple(
        path for path in (job.case, job.divots, job.poses, job.tool_file) if path is not None
    )
    left_out = [each.distance for each in found.left_out]
    record: dict[str, Any] = {
        "verdict": verdict,
        "fiducials": list(labels),
        "leave_one_out": left_out or None,
        "contact_sd": found.contact_sd,
        "tip": found.tip,
    }
    if job.case is not None:
        record |= describe_registration(None, (case, job.case))
    if job.tip_output is not None:
        kept: dict[str, Any] = {}
        if table is not None:
            kept = table.model_dump(
                exclude={"format", "name", "tip", "made_by", "made_at", "input"}, exclude_none=True
            )
        tip = {
            "position": found.tip,
            "axis": None if table is None or table.tip is None else table.tip.axis,
            "covariance": (found.tip_covariance + found.tip_covariance.T) / 2.0,
            "calibration": {
                "fre": found.registration.fre,
                "seat_sd": job.seat_sd,
                "pivot_tip": found.pivot.tip,
                "pivot_disagreement": found.pivot.disagreement,
                "verdict": verdict,
            },
        }
        name = job.tool if table is None else table.name
        document = {"format": TOOL_FORMAT, "name": name, **kept, "tip": tip}
        write_toml(job.tip_output, document, inputs)
    write_registration(job.output, found.registration, inputs, record)


def _numbers(vector: Array) -> str:
    return f"[{' '.join(f'{number:.2f}' for number in vector)}]"
