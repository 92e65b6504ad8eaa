"""What a folder holds for a set-up: rigs, tools, cases and registrations, the best first."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from nav.camera.rig import load_rig
from nav.core.errors import InputError
from nav.core.filekinds import toml_kind
from nav.core.files import PublicFile, load_toml, read_toml
from nav.core.own_files import own_toml_files
from nav.lab.lab_file import refuse_unnameable
from nav.model.case import CaseFile
from nav.reconstruction.printed.kitfile import KitFile
from nav.registration.registration_result import load_registration_file
from nav.tracking.tool import Tool, load_tool

MEASURED = "size of the print known"
VERDICTS = ("repeat", "usable", "good")


@dataclass(frozen=True)
class Candidate:
    """A file that may be an entry of lab.toml.

    Parameters
    ----------
    path : Path
        The file.
    name : str
        Of the tool, case or kit in it; the cameras of a rig, joined by commas.
    reasons : tuple of str
        What speaks for it, or against it, a few words each.
    rank : tuple
        Candidates with a larger one are better.
    """

    path: Path
    name: str
    reasons: tuple[str, ...]
    rank: tuple[Any, ...]


@dataclass
class LabSearch:
    """What was found, the best of each kind first.

    Parameters
    ----------
    rigs, needles, references, cases, registrations, kits : list of Candidate
        By kind: a needle is a tool with a tip, a reference body one without.
    skipped : list of str
        Files that cannot be used, and why, a line each.
    """

    rigs: list[Candidate] = field(default_factory=list)
    needles: list[Candidate] = field(default_factory=list)
    references: list[Candidate] = field(default_factory=list)
    cases: list[Candidate] = field(default_factory=list)
    registrations: list[Candidate] = field(default_factory=list)
    kits: list[Candidate] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)


def search_folder(folder: Path) -> LabSearch:
    """Search a folder, and those in it, for the files of a set-up.

    Earlier results that are kept under a number (needle.1.toml, kit.1) are left out.

    Parameters
    ----------
    folder : Path
        Where to search.

    Returns
    -------
    LabSearch
    """
    found = LabSearch()
    readers: dict[str, tuple[list[Candidate], Callable[[Path], Candidate]]] = {
        toml_kind("rig"): (found.rigs, _rig),
        toml_kind("case"): (found.cases, _case),
        toml_kind("kit"): (found.kits, _kit),
        toml_kind("registration"): (found.registrations, _registration),
    }
    for path, kind in own_toml_files(folder):
        try:
            if kind in readers or kind == toml_kind("tool"):
                refuse_unnameable(path)
            if kind in readers:
                candidates, reader = readers[kind]
                candidates.append(reader(path))
            elif kind == toml_kind("tool"):
                tool = load_tool(path, printed=False)
                (found.references if tool.tip is None else found.needles).append(_tool(path, tool))
        except InputError as error:
            found.skipped.append(str(error))
    tipped = {candidate.name for candidate in found.needles}
    # a needle's body before its tip is calibrated is no reference body
    found.references = [c for c in found.references if c.name not in {"needle", *tipped}]
    found.references = _without_drawn(found.references)
    found.cases = [_of_kit(case, found.kits) for case in found.cases]
    for candidates in (
        found.rigs, found.needles, found.references, found.cases, found.registrations, found.kits
    ):  # fmt: skip
        candidates.sort(key=lambda c: c.rank, reverse=True)
    return found


def _without_drawn(bodies: list[Candidate]) -> list[Candidate]:
    """Leave out files of bodies as drawn, where there is one of the same body as measured."""
    measured = {body.name for body in bodies if MEASURED in body.reasons}
    return [b for b in bodies if MEASURED in b.reasons or b.name not in measured]


def _of_kit(case: Candidate, kits: list[Candidate]) -> Candidate:
    """Return a case with the kit that it is of among its reasons."""
    kit = next((kit for kit in kits if kit.path.parent == case.path.parent), None)
    return case if kit is None else replace(case, reasons=(*case.reasons, f"of the {kit.name}"))


def _made(file: PublicFile) -> float:
    """Return when a file was made, s; 0 where it does not say."""
    if not isinstance(file.made_at, datetime):
        return 0.0
    with suppress(OverflowError, ValueError):
        at = file.made_at if file.made_at.tzinfo is not None else file.made_at.replace(tzinfo=UTC)
        return at.timestamp()
    return 0.0


def _day(made: float) -> tuple[str, ...]:
    return (f"made {datetime.fromtimestamp(made, UTC):%Y-%m-%d %H:%M} UTC",) if made else ()


def _rig(path: Path) -> Candidate:
    rig = load_rig(path)
    data = read_toml(path)
    tables = [camera.get("calibration") or {} for camera in data["camera"]]
    word = min((_verdict(table) for table in tables), key=_goodness)
    made = _made(PublicFile.model_construct(made_at=data.get("made_at")))
    calibrated = f"calibrated: {word}" if word else "not calibrated here"
    names = ", ".join(rig.names)
    return Candidate(path, names, (calibrated, *_day(made)), (_goodness(word), made))


def _verdict(table: dict[str, Any]) -> str:
    return str(table.get("verdict", "")).partition(":")[0]


def _goodness(word: str) -> int:
    return 1 + VERDICTS.index(word) if word in VERDICTS else 0


def _tool(path: Path, tool: Tool) -> Candidate:
    data = read_toml(path)
    made = _made(PublicFile.model_construct(made_at=data.get("made_at")))
    word = _verdict((data.get("tip") or {}).get("calibration") or {})
    checked = tool.scale_sd is not None
    reasons = [f"named {tool.name}"]
    if tool.tip is not None:
        reasons.append(f"tip calibrated: {word}" if word else "with a tip")
    reasons.append(MEASURED if checked else "size of the print not checked")
    usual = tool.name == ("reference" if tool.tip is None else "needle")
    rank = (len(tool.markers) > 0, usual, _goodness(word), checked, made)
    return Candidate(path, tool.name, (*reasons, *_day(made)), rank)


def _case(path: Path) -> Candidate:
    file = load_toml(path, CaseFile)
    roles = {structure.role for structure in file.structure}
    fit = {"artery", "cord"} <= roles
    points = sum(fiducial.use == "register" for fiducial in file.fiducial)
    made = _made(file)
    reasons = [file.name, _counted(points, "fiducial"), _counted(len(file.plan), "plan")]
    if not fit:
        reasons.append("without artery or cord: not for navigation")
    rank = (fit, points > 0, bool(file.plan), made)
    return Candidate(path, file.name, (*reasons, *_day(made)), rank)


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _kit(path: Path) -> Candidate:
    file = load_toml(path, KitFile)
    made = _made(file)
    return Candidate(path, f"{file.kind} kit {file.name}", _day(made), (made,))


def _registration(path: Path) -> Candidate:
    _, record = load_registration_file(path)
    made = _made(record)
    return Candidate(path, path.stem, (f"FRE {record.fre:.2f} mm", *_day(made)), (made,))
