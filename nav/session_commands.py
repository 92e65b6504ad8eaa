"""`nav session`: what a recorded session holds, whether it is whole, and what becomes of it."""

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter

from nav.core.errors import InputError
from nav.core.filekinds import REPORT, SHEET, SUMMARY
from nav.options import InputPath, Language, Output, OutputFolder
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


Json = Annotated[bool, Parameter(name="--json", negative="")]


@session_app.command(name="list")
def session_list(
    folder: InputPath = Path("sessions"), *, sort: str = "start", as_json: Json = False
) -> None:
    """List the sessions of a folder: length, share tracked, pictures, state, smallest bound.

    Example: nav session list

    Example: nav session list /data/sessions --sort bound

    The share tracked is that of the frames in which every tool had a pose. The smallest bound is
    the least 95 % lower bound of the distance to an artery or the cord. A finished session is
    looked at only at its end: `nav session check` reads all of it.

    Parameters
    ----------
    folder
        That holds sessions.
    sort
        start, code, length, size, state or bound.
    as_json
        Print JSON.
    """
    from nav.record.session_tools.session_list import list_sessions

    list_sessions(folder, sort, as_json, console())


@session_app.command(name="show")
def session_show(session: InputPath) -> None:
    """Show what is in a session: tools, registrations, touches, alarms, marks, a time line.

    Example: nav session show sessions/2026-11-30T09-12-05-p7

    Parameters
    ----------
    session
        Its folder.
    """
    from nav.record.session_tools.session_show import show_session

    show_session(session, console())


@session_app.command(name="check")
def session_check(session: InputPath, *, case: InputPath | None = None) -> None:
    """Check that all of a session is there and undamaged; one line for each finding.

    Example: nav session check sessions/2026-11-30T09-12-05-p7 --case case

    Reads everything: checksums of all records, SHA-256 of the attachments, that every frame can be
    rebuilt and every picture decoded, gaps in numbers and times, what the recorder said. Exit code
    0: whole; 3: something is missing or damaged; 1: whole, but the case has changed since; 2:
    nothing of it can be read.

    Parameters
    ----------
    session
        Its folder.
    case
        case.toml or its folder: is it still the case that was recorded?
    """
    from nav.record.session_tools.session_check import check_session

    check_session(session, case, console())


@session_app.command(name="report")
def session_report(
    session: InputPath,
    *,
    output: Annotated[Path, Output(REPORT)],
    pdf: Annotated[Path | None, Output(SHEET)] = None,
) -> None:
    """Write what happened in a session on one page: distances, alarms, the nearest moments.

    Example: nav session report sessions/2026-11-30T09-12-05-p7 --output p7.html --pdf p7.pdf

    The page needs no other file and no network. It shows the distances to arteries and cord with
    their bounds over time, touches, registration and its verdict, alarms, marks, why tools were
    lost, and the pictures of the nearest moments with the markers used. Gaps are shown as gaps.

    Parameters
    ----------
    session
        Its folder.
    output
        HTML file to write.
    pdf
        PDF file to write as well.
    """
    from nav.record.session_tools.session_report import report_session

    report_session(session, output, pdf, console())


@session_app.command(name="repair")
def session_repair(
    session: InputPath, *, output: Annotated[Path | None, OutputFolder()] = None
) -> None:
    """Finish a cut session, and keep all that can be read of a damaged one.

    Example: nav session repair sessions/2026-11-30T09-12-05-p7

    A session that a power failure or a crash has cut is completed up to there; of a damaged one
    only the blocks of messages that were hit are left out. What was lost is reported, and
    recorded in the repaired session. A session that is whole is left unchanged.

    Parameters
    ----------
    session
        Its folder.
    output
        Folder for the repaired session; by default it is repaired in its place, and each file that
        was cut or damaged is kept under a number (session.1.mcap).
    """
    from nav.record.session_tools.session_repair import repair_session

    repair_session(session, output, console())


@session_app.command(name="delete")
def session_delete(
    folder: InputPath = Path("sessions"),
    *,
    code: str,
    yes: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Delete all sessions of a pseudonym.

    Example: nav session delete --code p7

    Lists what will be deleted, and asks. Only folders that are sessions are deleted, and nothing
    that links lead to.

    Parameters
    ----------
    folder
        That holds sessions.
    code
        The pseudonym.
    yes
        Do not ask.
    """
    from nav.record.session_tools.session_delete import delete_sessions

    delete_sessions(folder, code, yes, console().input, console())


@session_app.command(name="rename")
def session_rename(session: InputPath, code: str) -> None:
    """Give a session another pseudonym, in its folder's name and in its files.

    Example: nav session rename sessions/2026-11-30T09-12-05-p7 P07

    Poses, pictures and events stay as they are. A session that is being recorded, cut or damaged is
    refused; no folder is overwritten.

    Parameters
    ----------
    session
        Its folder.
    code
        The new pseudonym: letters, digits and hyphens.
    """
    from nav.record.session_tools.session_rename import rename_session

    rename_session(session, code, console())


@session_app.command(name="export")
def session_export(
    session: InputPath,
    *,
    output: Annotated[Path, OutputFolder()],
    format: str | None = None,
    relative_to: str | None = None,
    decimal_comma: Annotated[bool, Parameter(negative="")] = False,
    pictures: bool = True,
) -> None:
    """Export a session for spreadsheets, 3D Slicer, PLUS, Perk Tutor or ROS 2.

    Example: nav session export sessions/2026-11-30T09-12-05-P07 --output P07.xlsx

    A session that was cut is exported as far as it goes; the exit code is then 3.

    Parameters
    ----------
    session
        Its folder.
    output
        File or folder to write. The suffix chooses the format: .csv, .xlsx, .parquet, .seq.mha or
        .igs.mha (3D Slicer, PLUS), .seq.nrrd, .xml (Perk Tutor).
    format
        csv, xlsx, parquet, plus, slicer, perktutor or rosbag2 (a folder for ROS 2), for an output
        without a suffix.
    relative_to
        Of tables: give poses in the frame of this tool, as `nav live --poses` expects them.
    decimal_comma
        Of CSV: decimal commas and semicolons, for spreadsheets in German and other languages.
    pictures
        Of a bag for ROS 2: the cameras' pictures too.
    """
    from nav.record.session_export.export_format import ExportOptions
    from nav.record.session_export.export_session import export_session

    options = ExportOptions(relative_to, decimal_comma, pictures)
    export_session(session, output, format, options, console())


def replay(
    session: InputPath,
    *,
    source: Annotated[Literal["poses", "pictures"], Parameter(name="--from")] = "poses",
    registration: InputPath | None = None,
    case: InputPath | None = None,
    rig: InputPath | None = None,
    tool: Annotated[list[InputPath] | None, Parameter(name="--tool", negative="")] = None,
    compare: Annotated[bool, Parameter(negative="")] = False,
    output: Annotated[Path | None, Output(SUMMARY)] = None,
    as_json: Json = False,
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
    session
        Folder of the session.
    source
        poses: as they were recorded. pictures: track the recorded pictures again (lossless ones
        and cameras' own JPEG give the same poses to the bit).
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
    as_json
        With --compare, print JSON instead of the table.
    """
    from nav.record.session_replay.replay_setup import ReplayOptions
    from nav.run_replay import run_comparison, run_replay

    choose_language(language)
    pictures = source == "pictures"
    options = ReplayOptions(session, pictures, registration, case, rig, tuple(tool or ()))
    if compare:
        run_comparison(options, output, as_json, console())
        return
    for name, given in (("--output", output is not None), ("--json", as_json)):
        if given:
            raise InputError(f"nav replay: {name} goes with --compare")
    run_replay(options, console())


COMMANDS = (replay,)
