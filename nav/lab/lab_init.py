"""`nav lab init`: a lab.toml from what a folder and the machine have."""

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console

from nav.camera.rig import load_rig
from nav.camera.webcam import Device, list_devices
from nav.camera.webcam_numbers import parse_webcams
from nav.core.errors import InputError
from nav.core.files import load_toml
from nav.core.outputs import written_whole
from nav.core.textfile import printable
from nav.lab.lab_check import check_lab
from nav.lab.lab_file import LAB_FORMAT, Lab, LabFile, refuse_unnameable
from nav.lab.lab_questions import AskUser, LabQuestions, NobodyToAsk, TakeBest
from nav.lab.lab_search import Candidate, LabSearch, search_folder
from nav.lab.lab_template import lab_text
from nav.model.case import CaseFile
from nav.registration.registration_result import load_registration_file
from nav.text.catalogue import languages
from nav.tracking.tool import load_tool

NO_REGISTRATION = "none: register anew, as the reference body may have moved since"
TO_DO = {
    "rig": "To be filled in: calibrate the cameras with nav calibrate rig.",
    "tools": "To be filled in: calibrate the marker bodies with nav calibrate tool, and the "
    "needle's tip with nav calibrate needle.",
    "case": "To be filled in: nav phantom build writes a kit with its case, nav reconstruct makes "
    "one of a CT.",
    "cameras": "To be filled in: no webcam is connected; nav doctor lists them.",
}


@dataclass(frozen=True)
class InitOptions:
    """Entries that the user gave; None or empty: searched for, and asked.

    Parameters
    ----------
    rig, needle_file, reference_file, case, registration : Path, optional
        Files.
    cameras : tuple of str
        NAME=NUMBER each.
    language : str, optional
        Of the window.
    yes : bool
        Take the best without asking.
    """

    rig: Path | None = None
    needle_file: Path | None = None
    reference_file: Path | None = None
    case: Path | None = None
    registration: Path | None = None
    cameras: tuple[str, ...] = ()
    language: str | None = None
    yes: bool = False


@dataclass
class _Draft:
    """The entries of the lab.toml so far."""

    path: Path
    data: dict[str, Any] = field(default_factory=dict)

    def relative(self, path: Path) -> str:
        try:
            shown = os.path.relpath(path, self.path.parent)
        except ValueError:  # on another drive
            shown = os.path.abspath(path)
        shown = Path(shown).as_posix()
        return f"./{shown}" if shown.startswith("~") else shown  # a folder that is called so


def init_lab(
    output: Path,
    options: InitOptions,
    console: Console,
    questions: LabQuestions | None = None,
    devices: Sequence[Device] | None = None,
) -> None:
    """Write a lab.toml from what is found in its folder and on the machine.

    Parameters
    ----------
    output : Path
        lab.toml; an earlier one is kept under a number.
    options : InitOptions
        What is decided already.
    console : Console
        Where to print what was taken, and why.
    questions : LabQuestions, optional
        Decides between several candidates; by default the user at the terminal, if there is one.
    devices : sequence of Device, optional
        Webcams; by default those that are connected.

    Raises
    ------
    InputError
        Nothing was found, a given file is wrong, or it cannot be decided what to take.
    """
    folder = output.parent
    if not folder.is_dir():
        raise InputError(f"{output}: there is no folder {folder}")
    _refuse_unreadable(options)
    questions = questions or _questions(options.yes, console)
    devices = list_devices() if devices is None else devices
    with console.status("searching the folder"):
        found = search_folder(folder)
    for line in found.skipped:
        console.print(printable(f"not usable: {line}"))
    draft = _Draft(output)
    rig = _chosen("rig", "--rig FILE", options.rig, found.rigs, questions, console)
    needle = _chosen(
        "needle", "--needle-file FILE", options.needle_file, found.needles, questions, console
    )
    reference = _chosen(
        "reference body", "--reference-file FILE", options.reference_file, found.references,
        questions, console,
    )  # fmt: skip
    case = _chosen("case", "--case FILE", options.case, found.cases, questions, console)
    if not (rig or needle or reference or case):
        raise InputError(
            f"{folder}: no rig.toml, tool file or case.toml was found in it; calibrate first (nav "
            "calibrate rig), build a kit (nav phantom build), or run nav lab init in the folder "
            "that has them"
        )
    _add_files(draft, rig, needle, reference, case)
    _add_registration(draft, options, found, questions, case)
    if rig is not None:
        _add_cameras(draft, rig, options.cameras, devices, questions, console)
    if options.language is not None:
        draft.data["language"] = options.language
    draft.data["recording"] = {"enabled": True, "folder": "sessions", "pictures": "jpeg"}
    _write(draft, console, devices)


def _refuse_unreadable(options: InitOptions) -> None:
    """Raise InputError for a given file that cannot be read, before anything is asked."""
    if options.rig is not None:
        load_rig(options.rig)
    for path in (options.needle_file, options.reference_file):
        if path is not None:
            load_tool(path, printed=False)
    if options.case is not None:
        load_toml(options.case, CaseFile)
    if options.registration is not None:
        load_registration_file(options.registration)
    given = (options.needle_file, options.reference_file, options.rig, options.case)
    for path in (*given, options.registration):
        if path is not None:
            refuse_unnameable(path)
    if options.language not in (None, *languages()):
        raise InputError(
            f"--language: expected one of {', '.join(languages())}, got {options.language}"
        )


def _questions(yes: bool, console: Console) -> LabQuestions:
    if yes:
        return TakeBest(console)
    there = sys.stdin is not None and sys.stdin.isatty() and sys.stdout.isatty()
    return AskUser(console) if there else NobodyToAsk()


def _chosen(
    what: str,
    option: str,
    given: Path | None,
    candidates: Sequence[Candidate],
    questions: LabQuestions,
    console: Console,
) -> Path | None:
    """Return the given file, the only one, or the one that is decided for; None without any."""
    if given is not None:
        return given
    if not candidates:
        console.print(f"{what}: none found")
        return None
    if len(candidates) == 1:
        console.print(printable(f"{what}: {_described(candidates[0])}; the only one"))
        return candidates[0].path
    return candidates[questions.choose(what, option, [_described(c) for c in candidates])].path


def _described(candidate: Candidate) -> str:
    return f"{candidate.path}: {', '.join(candidate.reasons)}"


def _add_files(
    draft: _Draft, rig: Path | None, needle: Path | None, reference: Path | None, case: Path | None
) -> None:
    if rig is not None:
        draft.data["rig"] = draft.relative(rig)
    if case is not None:
        draft.data["case"] = draft.relative(case)
    tools = [path for path in (needle, reference) if path is not None]
    if tools:
        draft.data["tools"] = [draft.relative(path) for path in tools]
    for key, path in (("needle", needle), ("reference", reference)):
        if path is not None:
            draft.data[key] = load_tool(path, printed=False).name


def _add_registration(
    draft: _Draft,
    options: InitOptions,
    found: LabSearch,
    questions: LabQuestions,
    case: Path | None,
) -> None:
    """Add an earlier registration only where the user wants it: the body may have moved since."""
    chosen = options.registration
    if chosen is None and found.registrations and case is not None and questions.asks:
        choices = [NO_REGISTRATION, *map(_described, found.registrations)]
        number = questions.choose("registration", "--registration FILE", choices)
        chosen = found.registrations[number - 1].path if number else None
    if chosen is not None:
        draft.data["registration"] = draft.relative(chosen)


def _add_cameras(
    draft: _Draft,
    rig: Path,
    given: Sequence[str],
    devices: Sequence[Device],
    questions: LabQuestions,
    console: Console,
) -> None:
    names = load_rig(rig).names
    if given:
        draft.data["cameras"] = parse_webcams(given, names)
        return
    if len(devices) < len(names):
        connected = ", ".join(f"{d.index} ({d.name})" for d in devices) or "none"
        console.print(f"cameras: {len(names)} needed ({', '.join(names)}), connected: {connected}")
        return
    left, cameras = list(devices), {}
    for name in names:
        number = 0
        if len(left) > 1:
            choices = [f"{device.index}: {device.name}" for device in left]
            number = questions.choose(f"camera {name}", f"--camera {name}=NUMBER", choices)
        device = left.pop(number)
        console.print(printable(f"camera {name}: webcam {device.index} ({device.name})"))
        cameras[name] = device.index
    draft.data["cameras"] = cameras


def _write(draft: _Draft, console: Console, devices: Sequence[Device]) -> None:
    """Write the file, and print what is still to be done."""
    data: Mapping[str, Any] = {"format": LAB_FORMAT, **draft.data}
    advice = {key: text for key, text in TO_DO.items() if key not in data}
    file = LabFile.model_validate(data)
    found = check_lab(Lab(draft.path, file), devices=devices)
    with written_whole(draft.path) as beside:
        beside.write_text(lab_text(file, advice), encoding="utf-8")
    for remark in found.remarks:
        console.print(printable(remark))
    for problem in found.problems:
        console.print(printable(f"to do: {problem}"))
    after = "then nav lab check" if found.problems else "nav live needs no options here"
    console.print(f"{draft.path} is written; {after}")
