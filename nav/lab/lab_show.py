"""Show a lab.toml: every entry with its origin, and the options it replaces."""

import shlex
from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel
from rich.console import Console
from rich.table import Table

from nav.core.errors import InputErrors
from nav.core.textfile import printable
from nav.lab.lab_check import check_lab_file
from nav.lab.lab_file import SESSIONS, Lab, LabFile, LinksTable, RecordingTable, read_lab
from nav.live.live_limits import LiveLimits

GIVEN, USUAL = "lab.toml", "default"
LEFT_OUT = ("format", "made_by", "made_at", "input")


def print_check(path: Path, console: Console) -> None:
    """Check a lab.toml, and print what the user should know.

    Parameters
    ----------
    path : Path
        lab.toml.
    console : Console
        Where to print.

    Raises
    ------
    InputError
        All that is wrong with it, a line each.
    """
    with console.status("checking the set-up"):
        found = check_lab_file(path)
    for remark in found.remarks:
        console.print(printable(remark))
    if found.problems:
        raise InputErrors(found.problems)
    console.print(f"{path}: ready; nav live in its folder needs no options")


def print_lab(path: Path, console: Console) -> None:
    """Print every entry of a lab.toml with its origin, and the options that it stands for.

    Parameters
    ----------
    path : Path
        lab.toml.
    console : Console
        Where to print.

    Raises
    ------
    InputError
        Its entries break the format: a line each.
    """
    read = read_lab(path)
    if read.problems:
        raise InputErrors(read.problems)
    table = Table("entry", "value", "from", title=str(path))
    for key, value, given in lab_entries(read.lab.file):
        table.add_row(key, printable(value), GIVEN if given else USUAL)
    console.print(table)
    but = "" if read.lab.limits == LiveLimits() else ", but for its limits"
    console.print(f"the same without it{but}: {printable(live_command(read.lab))}")


def lab_entries(file: LabFile) -> Iterator[tuple[str, str, bool]]:
    """List the entries of a set-up.

    Parameters
    ----------
    file : LabFile
        Of lab.toml.

    Yields
    ------
    key : str
        As in the file, tables and entries joined by points.
    value : str
        In words.
    given : bool
        Whether the file says so.
    """
    yield from _entries(file, "")


def _entries(table: BaseModel, prefix: str) -> Iterator[tuple[str, str, bool]]:
    for name in type(table).model_fields:
        if not prefix and name in LEFT_OUT:
            continue
        value, given = getattr(table, name), name in table.model_fields_set
        if isinstance(value, BaseModel):
            yield from _entries(value, f"{prefix}{name}.")
        elif isinstance(value, dict):
            for key, entry in value.items():
                if isinstance(entry, BaseModel):
                    yield from _entries(entry, f"{prefix}{name}.{key}.")
                else:
                    yield f"{prefix}{name}.{key}", str(entry), True
        elif value is not None and value != ():
            yield f"{prefix}{name}", _words(value), given


def _words(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return ", ".join(map(str, value)) if isinstance(value, tuple) else f"{value}"


def live_command(lab: Lab) -> str:
    """Return the command that does the same without lab.toml, but for its limits.

    Parameters
    ----------
    lab : Lab
        The set-up.

    Returns
    -------
    str
        As one would type it.
    """
    file = lab.file
    words: list[str | Path] = ["nav", "live", "--no-lab"]
    pairs: list[tuple[str, str | Path | None]] = [("--rig", lab.rig)]
    pairs += [("--tool", tool) for tool in lab.tools]
    pairs += [("--case", lab.case)]
    pairs += [("--camera", camera) for camera in lab.cameras]
    if file.tracker is not None:
        sds = (file.tracker.position_sd, file.tracker.rotation_sd_deg)
        pairs += [("--poses", file.tracker.poses)]
        pairs += [("--igtl-name", f"{t}={n}") for t, n in file.tracker.names.items()]
        for option, sd in zip(("--position-sd", "--rotation-sd-deg"), sds, strict=True):
            pairs += [] if sd is None else [(option, f"{sd:g}")]
    pairs += [
        ("--registration", lab.located(file.registration)),
        ("--save", lab.located(file.save_registration)),
        ("--language", file.language),
    ]
    pairs += [*_recording(file.recording, lab), *_links(file.links)]
    for option, name in (("--needle", file.needle), ("--reference", file.reference)):
        pairs += [(option, name)] if name != option.removeprefix("--") else []
    for option, value in pairs:
        words += [] if value is None else [option, value] if value else [option]
    return shlex.join(map(str, words))


def _recording(table: RecordingTable, lab: Lab) -> list[tuple[str, str | Path]]:
    """Return the options about recording; a value of "" is none, as of a switch."""
    if not table.enabled:
        return [("--no-record", "")]
    pictures = {"off": "--no-pictures", "lossless": "--lossless", "jpeg": None}[table.pictures]
    elsewhere = lab.recording_folder != Path(SESSIONS)
    record: list[tuple[str, str | Path]] = [("--record", lab.recording_folder)] * elsewhere
    return record if pictures is None else [*record, (pictures, "")]


def _links(links: LinksTable) -> list[tuple[str, str | Path]]:
    pairs: list[tuple[str, str | Path]] = []
    if links.igtl_server is not None:
        pairs.append(("--igtl-server", links.igtl_server))
        if links.igtl_profile != "slicer":
            pairs.append(("--profile", links.igtl_profile))
        if links.igtl_version != 2:
            pairs.append(("--igtl-version", str(links.igtl_version)))
        pairs += [("--igtl-tdata", "")] * links.igtl_tdata
        pairs += [("--igtl-polydata", "")] * links.igtl_polydata
    if links.polaris is not None:
        pairs.append(("--polaris", links.polaris))
    pairs += [("--lsl", "")] * links.lsl
    return [*pairs, *([("--lsl-network", "")] * links.lsl_network)]
