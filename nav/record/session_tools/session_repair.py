"""`nav session repair`: finish a cut session, and keep all that can be read of a damaged one."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from rich.console import Console

from nav.core.errors import InputError
from nav.core.output_checks import cannot_be_written
from nav.core.outputs import keep_earlier
from nav.core.unfinished import remove_unfinished, unfinished_name
from nav.record.session.session_format import PICTURES_FILE
from nav.record.session_tools.mcap_rewrite import Kept
from nav.record.session_tools.part_repair import (
    CAMERA,
    ExaminedPart,
    examine_part,
    rewrite_part,
)
from nav.record.session_tools.session_files import (
    refuse_recording,
    session_folder,
    session_parts,
)


def repair_session(session: Path, output: Path | None, console: Console) -> None:
    """Repair a session, or say that there is nothing to repair.

    Parameters
    ----------
    session : Path
        Its folder.
    output : Path, optional
        Folder for the repaired session; by default it is repaired in its place, and each file that
        was cut or damaged is kept under a number.
    console : Console
        Is told what was kept and what was lost.

    Raises
    ------
    InputError
        It is no session, of a later version, or is being recorded; or `output` is in use, or cannot
        be written.
    """
    folder = session_folder(session)
    refuse_recording(folder)
    if output is not None and output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise InputError(f"{output}: exists and is not an empty folder; give another --output")
    parts = [examine_part(path) for path in session_parts(folder)]
    broken = [part for part in parts if not part.is_whole]
    if not broken:
        console.print(f"{folder}: is whole; nothing to repair", markup=False)
        return
    target = folder if output is None else output
    try:
        target.mkdir(parents=True, exist_ok=True)
        remove_unfinished(target)
        repaired, originals = _write(parts, broken, target)
        if output is not None:
            _take_along([part.path for part in parts if part not in broken], output)
    except OSError as error:
        if output is not None:
            with suppress(OSError):  # it was empty, and is so again
                output.rmdir()
        raise cannot_be_written(target, error) from None
    for part in broken:
        for line in _report(part, repaired[part.path]):
            console.print(line, markup=False)
    for earlier, copy in originals.items():
        console.print(f"the original {earlier.name} is kept as {copy.name}", markup=False)
    if output is not None:
        console.print(f"{output}: the repaired session; {folder} is as it was", markup=False)


def _write(
    parts: Sequence[ExaminedPart], broken: Sequence[ExaminedPart], target: Path
) -> tuple[dict[Path, Kept], dict[Path, Path]]:
    """Write repaired files beside the damaged ones, then put all in their place."""
    beside: dict[Path, Path] = {}
    repaired: dict[Path, Kept] = {}
    pictures = sum((part.pictures for part in parts if part not in broken), Counter[str]())
    try:
        # pictures first: the session's totals count them
        for part in sorted(broken, key=lambda one: one.path.name != PICTURES_FILE):
            beside[part.path] = unfinished_name(target / part.path.name)
            repaired[part.path] = rewrite_part(part, beside[part.path], pictures)
            for topic, count in repaired[part.path].messages.items():
                if topic.startswith(CAMERA):
                    pictures[topic.removeprefix(CAMERA)] += count
        places = {path: target / path.name for path in beside}
        originals = keep_earlier(list(places.values()))
        for path, temporary in beside.items():
            temporary.replace(places[path])
        return repaired, originals
    finally:
        for temporary in beside.values():
            with suppress(OSError):
                temporary.unlink(missing_ok=True)


def _take_along(whole: Sequence[Path], output: Path) -> None:
    """Put whole files into the new folder, by a hard link where that is possible."""
    for path in whole:
        try:
            os.link(path, output / path.name)
        except (OSError, NotImplementedError):
            shutil.copy2(path, output / path.name)


def _report(part: ExaminedPart, kept: Kept) -> Iterator[str]:
    """Say what was kept of a file and what was not, one line each."""
    name, count = part.path.name, sum(kept.messages.values())
    if part.total is not None:
        yield f"{name}: kept {count:,} of {part.total:,} messages"
    else:
        yield f"{name}: kept {count:,} messages; it was not ended, and is complete now up to there"
    for loss in kept.losses:
        lines = [f"{name}: lost: {loss.what}"]
        if loss.messages:
            lines.append(f"{loss.messages:,} messages")
        if loss.seconds is not None and loss.messages != 0:
            lines.append(f"a gap of {loss.seconds:.2f} s")
        yield ", ".join(lines)
    if not kept.losses:
        faults = "; ".join(part.faults)
        yield f"{name}: nothing that was written is lost ({faults})"
