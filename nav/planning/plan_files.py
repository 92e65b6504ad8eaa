"""Write the files of `nav plan`: the case with its plans, tables, Slicer lines, pictures."""

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from filecmp import cmp
from pathlib import Path
from typing import Any

import numpy as np
import tomli_w

import nav
from nav.core.errors import InputError
from nav.core.filekinds import PICTURE, file_kind, toml_kind
from nav.core.filekinds import SUMMARY as SUMMARY_KIND
from nav.core.files import provenance, read_toml, sha256
from nav.core.frames import Array
from nav.core.output_checks import followed, refuse_replacing, refuse_special
from nav.core.outputs import written_together
from nav.model.case import OLDER_PLANS, PLANNED
from nav.planning.catheter import CatheterPath
from nav.planning.landmarks import Landmarks
from nav.planning.plan_result import Clearance, PlannedPath, SidePlan, TrajectoryPlan
from nav.planning.plan_text import side_lines, why_best
from nav.planning.probability import Estimate
from nav.registration.markupsline import line_json

CASE, PLAN, SUMMARY = "case.toml", "plan.toml", "summary.json"
OVERVIEW, RADIOGRAPH, RISK = "overview.png", "radiograph.png", "skin_risk.png"
SKIN = "skin_risk.ply"
KINDS = {  # of what is replaced by a later plan, and kept
    CASE: toml_kind("case"),
    PLAN: toml_kind("plan"),
    SUMMARY: SUMMARY_KIND,
    **dict.fromkeys((OVERVIEW, RADIOGRAPH, RISK), PICTURE),
    SKIN: "PLY mesh",
}
Write = Callable[[Path], None]


@dataclass(frozen=True, eq=False)
class Planned:
    """All that is written of a plan.

    Parameters
    ----------
    plan : TrajectoryPlan
        Both sides.
    catheter : CatheterPath or None
        From the best needle; None where there is none.
    landmarks : Landmarks
        Of the lateral view.
    seed : int
        Of the search's random numbers.
    """

    plan: TrajectoryPlan
    catheter: CatheterPath | None
    landmarks: Landmarks
    seed: int

    @property
    def offered(self) -> tuple[PlannedPath, ...]:
        """Paths that keep all limits, the best side's first, with numbered names."""
        sides = [s for s in self.plan.sides if s.verdict != "refused"]
        sides.sort(key=lambda s: (s.verdict == "unknown", s.paths[0].cost))
        return tuple(path for side in sides for path in side.paths)


def check_output(case: Path, folder: Path) -> None:
    """Refuse a folder before any work is done for it.

    Parameters
    ----------
    case : Path
        The case.toml that is planned on.
    folder : Path
        Of the new case.

    Raises
    ------
    InputError
        It is the case's own, cannot be written, or holds other files than an earlier plan.
    """
    if followed(folder) == followed(case.parent):
        raise InputError(f"{folder}: is the case's own folder; give another one for the plan")
    for name, kind in KINDS.items():
        refuse_special(folder / name)
        refuse_replacing(folder / name, kind)
    for name in _files_named(read_toml(case), case.parent):
        copy = folder / name
        if copy.exists() and not cmp(case.parent / name, copy, shallow=False):
            refuse_replacing(copy, file_kind(case.parent / name))


def write_plan(
    case: Path, folder: Path, planned: Planned, pictures: Sequence[tuple[str, Write]]
) -> None:
    """Write a new case folder with its plans; all files appear together, or none.

    Parameters
    ----------
    case : Path
        The case.toml that was planned on; it and its meshes are copied.
    folder : Path
        Of the new case, as checked by `check_output`.
    planned : Planned
        The plan with catheter and landmarks.
    pictures : sequence of tuple (str, callable)
        Further files of the folder: name, and what writes it to a given path.

    Raises
    ------
    InputError
        The folder cannot be written, or holds other files of these names.
    """
    table = read_toml(case)
    files: list[tuple[Path, Write]] = []
    for name in _files_named(table, case.parent):
        files.append((folder / name, _copier(case.parent / name)))
    document = plan_table(planned)
    for path in planned.offered:
        text = line_json(path.name, path.entry, path.target)
        files.append((folder / f"{path.name.replace(' ', '_')}.mrk.json", _texter(text)))
    files += [(folder / name, write) for name, write in pictures]
    made = provenance([case])
    meshes = dict.fromkeys(entry["mesh"] for entry in table["structure"])
    made["input"] += [{"file": m, "sha256": sha256(case.parent / m)} for m in meshes]
    files.append((folder / PLAN, _texter(_toml({"format": "c1c2nav/plan/1", **made, **document}))))
    files.append((folder / SUMMARY, _texter(_summary(planned, document))))
    files.append((folder / CASE, _texter(_toml(_case_table(table, planned, made)))))
    with written_together(*(path for path, _ in files)) as beside:
        for temporary, (_, write) in zip(beside, files, strict=True):
            write(temporary)


def _files_named(table: dict[str, Any], folder: Path) -> list[str]:
    """Return the files that a case names, relative to it: meshes, and the scan it was made from."""
    names: list[str] = []
    made = table.get("reconstruction", {})
    scan = {key: made[key] for key in ("volume", "corrections", "labels") if key in made}
    for entry in (*table.get("structure", ()), scan):
        for value in entry.values():
            if isinstance(value, str) and value not in names:
                path = Path(value)
                if path.is_absolute() or ".." in path.parts:
                    if (folder / path).is_file():
                        raise InputError(
                            f"{folder / CASE}: {value} lies outside of the case's folder; "
                            "move it into the folder, so that the case can be copied"
                        )
                elif path.suffix and (folder / path).is_file():
                    names.append(value)
    return names


def _copier(source: Path) -> Write:
    def copy(beside: Path) -> None:
        shutil.copyfile(source, beside)

    return copy


def _texter(text: str) -> Write:
    def write(beside: Path) -> None:
        beside.write_text(text, encoding="utf-8")

    return write


def _case_table(table: dict[str, Any], planned: Planned, made: dict[str, Any]) -> dict[str, Any]:
    """Return the case's own table with the new plans before its old ones."""
    new = [
        {"name": p.name, "entry": _rounded(p.entry), "target": _rounded(p.target)}
        for p in planned.offered
    ]
    names = {plan["name"] for plan in new}
    old = [plan for plan in table.get("plan", ()) if plan["name"] not in names]
    kept = {k: v for k, v in table.items() if k not in ("made_by", "made_at", "input", "plan")}
    if "reconstruction" in kept:
        kept["reconstruction"] = _planned_again(kept["reconstruction"], bool(old))
    return {"format": kept.pop("format"), **made, **kept, "plan": new + old}


def _planned_again(made: dict[str, Any], is_older: bool) -> dict[str, Any]:
    """Return [reconstruction] without the remark that the case is to be planned again.

    is_older : earlier plans are kept after the new ones, and a remark says so.
    """
    if "remarks" not in made:
        return made
    kept = [line for line in made["remarks"] if line not in (PLANNED, OLDER_PLANS)]
    if is_older and len(kept) < len(made["remarks"]):
        kept.append(OLDER_PLANS)
    return {**made, "remarks": kept}


def plan_table(planned: Planned) -> dict[str, Any]:
    """Return the part of plan.toml and summary.json that describes a plan.

    Parameters
    ----------
    planned : Planned
        The plan with catheter and landmarks.

    Returns
    -------
    dict
        Lengths in mm, angles in degrees; None where something is not known.
    """
    plan = planned.plan
    model = plan.deviations.model
    return {
        "case": plan.case,
        "seed": planned.seed,
        "best": why_best(plan),
        "needle": asdict(plan.deviations.needle),
        "limits": asdict(plan.limits),
        "errors": {
            "tip_mm": model.tip,
            "angle_deg": float(np.degrees(model.angle)),
            "bend": model.bend,
            "fle_mm": model.fle,
            "surface": model.surface,
            "registration": plan.deviations.registration_source,
        },
        "gap": {
            "centre": _rounded(plan.gap.centre),
            "left": _rounded(plan.gap.left, 5),
            "back": _rounded(plan.gap.back, 5),
            "up": _rounded(plan.gap.up, 5),
            "height": round(plan.gap.upper - plan.gap.lower, 2),
            "spinolaminar": [_rounded(p) for p in plan.gap.spinolaminar],
            "flare": None if planned.landmarks.flare is None else _rounded(planned.landmarks.flare),
            "flare_behind_cord": planned.landmarks.flare_behind_cord,
        },
        "side": [_side(side) for side in plan.sides],
        "line": [_path(path) for path in plan.lines],
        "catheter": None if planned.catheter is None else _catheter(planned.catheter),
    }


def _side(side: SidePlan) -> dict[str, Any]:
    return {
        "side": side.side,
        "verdict": side.verdict,
        "candidates": side.candidates,
        "kept": side.kept,
        "said": side_lines(side),
        "unknown": list(side.unknown),
        "artery_in_gap": [a.structure for a in side.arteries],
        "blocking": [
            {
                "structure": b.structure,
                "blocked": round(b.blocked, 4),
                "best": round(b.best, 2),
                "limit": b.limit,
            }
            for b in side.blocking
        ],
        "path": [_path(path) for path in side.paths],
    }


def _path(path: PlannedPath) -> dict[str, Any]:
    touch = path.probability
    return {
        "name": path.name,
        "side": path.side,
        "entry": _rounded(path.entry),
        "target": _rounded(path.target),
        "depth": round(path.depth, 2),
        "cranial_deg": round(float(np.degrees(path.cranial)), 2),
        "dorsal_deg": round(float(np.degrees(path.dorsal)), 2),
        "skin_incidence_deg": round(float(np.degrees(path.incidence)), 1),
        "probability": {
            "total": _estimate(touch.total),
            "artery": _estimate(touch.artery),
            "cord": _estimate(touch.cord),
            "misses_dura": _estimate(touch.missed),
        },
        "narrowest": _clearance(path.narrowest),
        "clearance": [_clearance(c) for c in path.clearances],
        "problems": [f"{p.kind}: {p.structure}".strip(": ") for p in path.problems],
        "keeps_limits": not path.problems,
    }


def _clearance(clearance: Clearance) -> dict[str, Any]:
    return {
        "structure": clearance.structure,
        "distance": round(clearance.distance, 3),
        "limit": clearance.limit,
        "depth": round(clearance.depth, 2),
        "at": _rounded(clearance.at),
        "nearest": _rounded(clearance.nearest),
    }


def _estimate(estimate: Estimate | None) -> dict[str, float] | None:
    if estimate is None:
        return None
    return {"value": float(f"{estimate.value:.4g}"), "error": float(f"{estimate.error:.2g}")}


def _catheter(path: CatheterPath) -> dict[str, Any]:
    return {
        "end": path.end,
        "length": round(path.length, 1),
        "opening": _rounded(path.opening, 4),
        "smallest_radius": round(path.smallest_radius, 2),
        "radius_at": _rounded(path.radius_at),
        "room": round(path.room, 2),
        "mark": [
            {
                "level": m.level,
                "along": round(m.along, 1),
                "at_hub": round(m.at_hub, 1),
                "at_skin": round(m.at_skin, 1),
            }
            for m in path.marks
        ],
        "points": [_rounded(p) for p in path.points],
    }


def _summary(planned: Planned, document: dict[str, Any]) -> str:
    said = {"made_by": f"c1c2nav {nav.__version__}", "notice": nav.NOTICE, **document}
    said["seconds"] = round(planned.plan.seconds, 2)
    return json.dumps(said, indent=1) + "\n"


def _rounded(point: Array, digits: int = 3) -> list[float]:
    return [round(float(v), digits) for v in point]


def _toml(data: dict[str, Any]) -> str:
    return tomli_w.dumps(_without_none(data))


def _without_none(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _without_none(v) for k, v in value.items() if v is not None}
    if isinstance(value, list | tuple):
        return [_without_none(v) for v in value]
    return value
