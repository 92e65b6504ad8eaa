"""`nav session report`: what happened in a session, on one page."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console

from nav.core.files import sha256 as file_sha256
from nav.core.outputs import written_together
from nav.html_to_pdf import pdf_printer, write_pdf
from nav.record.session.session_reader import SessionReader, open_session
from nav.record.session_tools.mcap_scan import scan_spans
from nav.record.session_tools.part_repair import REPAIRED, lost_in
from nav.record.session_tools.session_files import opened, session_folder, session_parts
from nav.record.session_tools.session_head import metadata_called
from nav.record.session_tools.session_overview import overview
from nav.record.session_tools.session_page import RecordedFile, session_page
from nav.record.session_tools.session_story import read_story
from nav.record.session_tools.worst_moments import with_pictures, worst_moments


def report_session(session: Path, output: Path, pdf: Path | None, console: Console) -> None:
    """Write the report of a session.

    Parameters
    ----------
    session : Path
        Its folder.
    output : Path
        HTML page.
    pdf : Path, optional
        The same, printed.
    console : Console
        Told what was written.

    Raises
    ------
    InputError
        The session cannot be read, a file cannot be written, or Pango is missing for the PDF.
    """
    if pdf is not None:
        pdf_printer()  # says what is missing before the work
    folder = session_folder(session)
    reader = open_session(folder)
    story = read_story(reader)
    moments = with_pictures(worst_moments(story), reader)
    repairs = [lost for part in session_parts(folder) for lost in _lost(part)]
    page = session_page(
        reader, story, moments, overview(folder).pictures, list(_files(reader)), repairs
    )
    targets = [output] if pdf is None else [output, pdf]
    with TemporaryDirectory() as scratch:
        if pdf is not None:
            write_pdf(Path(scratch) / "report.pdf", page, replaceable=True)
        with written_together(*targets) as written:
            written[0].write_text(page, encoding="utf-8")
            if pdf is not None:
                written[1].write_bytes((Path(scratch) / "report.pdf").read_bytes())
    console.print(f"wrote {' and '.join(map(str, targets))}", markup=False)


def _lost(path: Path) -> Iterator[str]:
    """Return what earlier repairs of a file could not keep."""
    with opened(path) as data:
        for repair in metadata_called(REPAIRED, data, scan_spans(data)):
            yield from (f"{path.name}: {what}" for what in lost_in(repair))


def _files(reader: SessionReader) -> Iterator[RecordedFile]:
    """Return the session's files and attachments with their checksums."""
    for path in session_parts(reader.folder):
        yield RecordedFile(path.name, path.stat().st_size, file_sha256(path))
    for name, data in reader.attachments.items():
        yield RecordedFile(name, len(data), sha256(data).hexdigest())
