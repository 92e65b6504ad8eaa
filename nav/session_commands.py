"""`nav session`: what a recorded session holds, whether it is whole, and what becomes of it."""

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter

from nav.core.errors import InputError
from nav.core.filekinds import SUMMARY
from nav.options import InputPath, Language, Output
from nav.terminal import console
from nav.text.catalogue import choose_language

session_app = App(
    name="session",
    help=(
        "List, check, repair, export and report recorded sessions.\n\n"
        "Begin with `nav session list` in the folder that holds `sessions/`."
    ),
    help_format="markdown",
)


def replay(
    session: Annotated[InputPath, Parameter(help="Folder of the session.")],
    /,
    *,
    source: Annotated[Literal["poses", "pictures"], Parameter(name="--from")] = "poses",
    registration: InputPath | None = None,
    case: InputPath | None = None,
    rig: InputPath | None = None,
    tool: Annotated[list[InputPath] | None, Parameter(name="--tool", negative="")] = None,
    compare: Annotated[bool, Parameter(negative="")] = False,
    output: Annotated[Path | None, Output(SUMMARY)] = None,
    json: Annotated[bool, Parameter(negative="")] = False,
    language: Language = None,
) -> None:
    """Play a recorded session again in the live window, or compare the replay with the recording.

    Example: nav replay sessions/2026-11-30T09-12-05-live

    Example: nav replay sessions/2026-11-30T09-12-05-live --compare --case corrected/case.toml

    In the window: Space pauses; Left and Right go 5 s back and on, with Shift one frame; Page Up
    and Page Down go to the event before and the next; Up and Down change the speed; Home starts
    again; a click on the time line goes there.

    Exit codes with --compare: 0 where the replay equals the recording, 1 where it differs.

    Parameters
    ----------
    source
        poses: as they were recorded. pictures: track the recorded pictures again (lossless ones
        give the same poses to the bit).
    registration
        registration.toml in place of what was touched.
    case
        case.toml in place of the recorded one.
    rig
        rig.toml in place of the recorded one; with --from pictures.
    tool
        A tool file in place of the recorded tool of its name; give it once for every tool.
    compare
        No window: print how far poses, distances and bounds are off the recorded ones, alarms that
        are missing or new, stages and registrations.
    output
        With --compare, also write that as JSON.
    json
        With --compare, print JSON instead of the table.
    """
    from nav.record.session_replay.replay_setup import ReplayOptions
    from nav.run_replay import run_comparison, run_replay

    choose_language(language)
    pictures = source == "pictures"
    options = ReplayOptions(session, pictures, registration, case, rig, tuple(tool or ()))
    if compare:
        run_comparison(options, output, json, console())
        return
    for name, given in (("--output", output is not None), ("--json", json)):
        if given:
            raise InputError(f"nav replay: {name} goes with --compare")
    run_replay(options, console())


COMMANDS = (replay,)
