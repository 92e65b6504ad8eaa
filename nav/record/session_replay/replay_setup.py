"""What a session is replayed with: its own files, or others in place of some of them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from nav.camera.rig import Rig, load_rig
from nav.core.errors import InputError
from nav.core.notice import Notice
from nav.live.live_limits import LiveLimits, live_limits_from_json
from nav.live.session import Session
from nav.model.case import Case, load_case
from nav.pipeline import Pipeline
from nav.record.session.session_about import ORIGINAL
from nav.record.session_replay.session_unpacking import (
    CASE_FILE,
    REGISTRATION_FILE,
    RIG_FILE,
    TOOLS,
    changed_files,
)
from nav.registration.registration_result import Registration, load_registration_file
from nav.registration.reuse import check_use
from nav.tracking.tool import Tool, check_tools, load_tool


@dataclass(frozen=True)
class ReplayOptions:
    """What is replayed, and with what in place of the recorded files.

    Parameters
    ----------
    session : Path
        Its folder.
    pictures : bool
        Track the recorded pictures again instead of taking the recorded poses.
    registration, case, rig : Path, optional
        Files in place of the recorded ones.
    tools : tuple of Path
        Tool files, each in place of the recorded tool of the same name.
    """

    session: Path
    pictures: bool = False
    registration: Path | None = None
    case: Path | None = None
    rig: Path | None = None
    tools: tuple[Path, ...] = ()

    @property
    def replaced(self) -> dict[str, str]:
        """Names of the files given, by what they replace."""
        given = {"registration": self.registration, "case": self.case, "rig": self.rig}
        named = {kind: path.name for kind, path in given.items() if path is not None}
        return named | {f"tool {number}": path.name for number, path in enumerate(self.tools, 1)}


@dataclass(frozen=True)
class ReplaySetup:
    """Everything that a replay needs besides the frames.

    Parameters
    ----------
    case : Case
        What is navigated.
    tools : mapping of str to Tool
        By name.
    needle, reference : str
        Names of the tools.
    registration : Registration or None
        That is there from the start.
    rig : Rig or None
        The cameras; None where the session has none.
    recorded_rig : Rig or None
        The cameras as they were then.
    replaces_registration : bool
        Whether `registration` takes the place of what was touched.
    repeats_touches : bool
        Whether touches can be given again: the case has the fiducials that were touched.
    limits : LiveLimits
        Of the set-up with which the session was recorded.
    notices : tuple of Notice
        What the user should know.
    """

    case: Case
    tools: Mapping[str, Tool]
    needle: str
    reference: str
    registration: Registration | None = None
    rig: Rig | None = None
    recorded_rig: Rig | None = None
    replaces_registration: bool = False
    repeats_touches: bool = True
    limits: LiveLimits = field(default_factory=LiveLimits)
    notices: tuple[Notice, ...] = ()

    def new_session(self) -> Session:
        """Return the user's work as it was before the first frame.

        Returns
        -------
        Session
            Of live navigation; a registration that replaces the recorded one is in use at once.
        """
        needle = self.tools[self.needle]
        pipeline = Pipeline(needle, self.case, self.registration, reference=self.reference)
        session = Session(pipeline, self.limits.fle, self.limits.check_limit)
        if self.replaces_registration:
            session.verified, session.message = True, None
            pipeline.registration = self.registration
        return session


def load_setup(
    options: ReplayOptions,
    folder: Path,
    about: Mapping[str, str],
    attachments: Mapping[str, bytes],
) -> ReplaySetup:
    """Load the files of a replay.

    Parameters
    ----------
    options : ReplayOptions
        The files given.
    folder : Path
        Where the attachments were written.
    about : mapping of str to str
        Metadata of the session.
    attachments : mapping of str to bytes
        By name.

    Returns
    -------
    ReplaySetup

    Raises
    ------
    InputError
        A file is missing or wrong, has no effect, or does not fit the session.
    """
    try:
        return _load(options, folder, about, attachments)
    except InputError as error:
        # the folder is ours and gone when the message is read
        problem = str(error).replace(f"{folder}/", f"{options.session}: attached ")
        raise InputError(problem) from None


def _load(
    options: ReplayOptions,
    folder: Path,
    about: Mapping[str, str],
    attachments: Mapping[str, bytes],
) -> ReplaySetup:
    session = options.session
    needle, reference = about.get("needle", "needle"), about.get("reference", "reference")
    if CASE_FILE not in attachments:
        raise InputError(
            f"{session}: was recorded without a case (nav record): there is nothing to navigate; "
            "nav session export gives its poses and images"
        )
    recorded = load_case(folder / CASE_FILE)
    case, notices = recorded, []
    if options.case is not None:
        case = load_case(options.case)
        changed = changed_files(options.case, attachments, about)
        facts = {"name": case.name, "files": changed}
        notices.append(Notice("replay_other_case" if changed else "replay_same_case", facts))
    case_file = folder / CASE_FILE if options.case is None else options.case
    tools, files = _tools(options, folder, attachments, needle)
    for name, role in ((needle, "navigated needle"), (reference, "reference body")):
        if name not in tools:
            raise InputError(f"{session}: tools/{name}.toml (the {role}) is not attached")
    if tools[needle].tip is None:
        raise InputError(f"{files[needle]}: tip: is missing; the needle needs a calibrated [tip]")
    given = options.registration
    registration, repeats = None, _same_fiducials(recorded, case)
    if given is not None:
        registration, record = load_registration_file(given)
        plan = case.default_plan
        tre = registration.predicted_tre_at(None if plan is None else plan.target)
        copies = {
            place: about[key]
            for place, name in (
                (case_file, CASE_FILE),
                (files[reference], f"{TOOLS}/{files[reference].name}"),
            )
            if place.is_relative_to(folder) and (key := f"{ORIGINAL}{name}") in about
        }
        made_for = (case.name, case_file), (reference, files[reference])
        check_use(given, record, tre, *made_for, copies)
        notices.append(Notice("replay_other_registration", {"file": given.name}))
    elif not repeats:
        raise InputError(
            f"{case_file}: has other fiducials than the recorded case, so that the touches cannot "
            "be given again; give --registration as well"
        )
    elif REGISTRATION_FILE in attachments:
        registration, _ = load_registration_file(folder / REGISTRATION_FILE)
    limits = _limits(session, about)
    return ReplaySetup(
        limits.apply(case),
        tools,
        needle,
        reference,
        registration,
        *_rigs(options, folder, attachments),
        given is not None,
        repeats,
        limits,
        tuple(notices),
    )


def _limits(session: Path, about: Mapping[str, str]) -> LiveLimits:
    text = about.get("limits")
    if text is None:
        return LiveLimits()
    try:
        return live_limits_from_json(json.loads(text))
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
        raise InputError(f"{session}: limits in its metadata: {error}") from None


def _tools(
    options: ReplayOptions, folder: Path, attachments: Mapping[str, bytes], needle: str
) -> tuple[dict[str, Tool], dict[str, Path]]:
    """Return tools and their files by name."""
    paths = [folder / name for name in attachments if name.startswith(f"{TOOLS}/")]
    loaded = [(load_tool(path), path) for path in paths]
    tools, files = {t.name: t for t, _ in loaded}, {t.name: path for t, path in loaded}
    for path in options.tools:
        tool = load_tool(path)
        if tool.name not in tools:
            raise InputError(
                f"{path}: no tool of the session is called {tool.name}; they are "
                f"{', '.join(tools) or 'none'}"
            )
        if tool.name != needle and not options.pictures:
            raise InputError(
                f"--tool {path}: {tool.name} has no effect on poses that were recorded; give "
                "--from pictures as well"
            )
        tools[tool.name], files[tool.name] = tool, path
    if tools:
        check_tools(list(tools.values()))
    return tools, files


def _rigs(
    options: ReplayOptions, folder: Path, attachments: Mapping[str, bytes]
) -> tuple[Rig | None, Rig | None]:
    """Return the cameras to replay with, and as they were."""
    if options.rig is not None and not options.pictures:
        raise InputError(
            "--rig: has no effect on poses that were recorded; give --from pictures as well"
        )
    recorded = load_rig(folder / RIG_FILE) if RIG_FILE in attachments else None
    if options.rig is not None:
        return load_rig(options.rig), recorded
    if options.pictures and recorded is None:
        raise InputError(
            f"{options.session}: has no rig: its poses do not come from images; leave out "
            "--from pictures"
        )
    return recorded, recorded


def _same_fiducials(recorded: Case, given: Case) -> bool:
    """Return whether the user would be asked to touch the same ones in the same order."""
    return all(
        [f.label for f in recorded.fiducials_for(use)]
        == [f.label for f in given.fiducials_for(use)]
        for use in ("register", "check")
    )
