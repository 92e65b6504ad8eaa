"""`nav session export`: a session in the formats of other programs."""

from contextlib import suppress
from pathlib import Path

from rich.console import Console

from nav.core.errors import IncompleteInput, InputError
from nav.progress_bar import step_bar
from nav.record.session_export.export_format import ExportFormat, ExportOptions, export_format
from nav.record.session_export.session_content import Report, SessionContent
from nav.terminal import one_line
from nav.text.catalogue import ENGLISH


def export_session(
    session: Path, output: Path, name: str | None, options: ExportOptions, console: Console
) -> None:
    """Export a session, whole or not at all.

    Parameters
    ----------
    session : Path
        Its folder.
    output : Path
        File or folder to write.
    name : str or None
        Of the format; None: by the suffix of `output`.
    options : ExportOptions
        What the format leaves open.
    console : Console
        For messages to the user.

    Raises
    ------
    InputError
        No session, no such format, or options that the format does not have; then nothing is
        written.
    IncompleteInput
        The session was cut or is still being recorded: what there is of it is written.
    """
    chosen = export_format(output, name)
    for option, usual in vars(ExportOptions()).items():
        if getattr(options, option) != usual and option not in chosen.options:
            flag = ("no-" if usual is True else "") + option.replace("_", "-")
            raise InputError(f"--{flag}: does not apply to {chosen.name}")
    with step_bar(console) as bar:
        task = bar.add_task("session", total=1.0)
        content, remarks = _export(
            session,
            output,
            chosen,
            options,
            lambda step, share: bar.update(task, description=step, completed=share),
        )
    names = [tool.name for tool in content.tools]
    for remark in (*content.remarks, *remarks):
        console.print(one_line(remark), markup=False, soft_wrap=True)
    console.print(
        one_line(
            f"session of {content.frames_count} frames of {', '.join(names)} written as "
            f"{chosen.name}"
        ),
        markup=False,
        soft_wrap=True,
    )
    reader = content.reader
    for notice in reader.damage:
        line = one_line(f"warning: {ENGLISH.sentence(notice)}")
        console.print(line, markup=False, soft_wrap=True)
    if reader.being_written:
        raise IncompleteInput(f"{session}: is still being recorded; exported as far as it is")
    if reader.cut is not None:
        raise IncompleteInput(
            f"{session}: {ENGLISH.sentence(reader.cut)}; exported as far as it goes"
        )


def _export(
    session: Path, output: Path, chosen: ExportFormat, options: ExportOptions, report: Report
) -> tuple[SessionContent, list[str]]:
    """Write the files; return what was exported, and remarks for the user."""
    content = SessionContent(session, report)
    names = [tool.name for tool in content.tools]
    if options.relative_to is not None and options.relative_to not in names:
        raise InputError(
            f"--relative-to: no tool of the session is called {options.relative_to}; it has "
            f"{', '.join(names)}"
        )
    made = not output.exists()
    try:
        remarks = chosen.export(content, output, options)
    except BaseException:
        if made and chosen.folder:
            with suppress(OSError):  # a folder that was made for nothing
                output.rmdir()
        raise
    return content, remarks
