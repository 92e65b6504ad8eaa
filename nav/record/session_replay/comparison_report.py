"""What differs between recording and replay, as a table for people and as JSON."""

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from rich.table import Table
from rich.text import Text

import nav
from nav.core.notice import Notice
from nav.core.outputs import written_whole
from nav.record.session.session_reader import SessionReader
from nav.record.session_replay.alarm_spells import AlarmSpell
from nav.record.session_replay.replay_setup import ReplayOptions
from nav.record.session_replay.session_comparison import Comparison, Deviation
from nav.text.catalogue import ENGLISH

FORMAT = "c1c2nav/session-comparison/1"
VERSION = "version:"


def comparison_table(comparison: Comparison) -> Table:
    """Return the table of all quantities.

    Parameters
    ----------
    comparison : Comparison
        What was found.

    Returns
    -------
    Table
        For a console.
    """
    table = Table(box=None, pad_edge=False)
    table.add_column("quantity")
    for title in ("frames differ", "largest", "first at frame"):
        table.add_column(title, justify="right")
    for deviation in comparison.deviations:
        table.add_row(
            Text(deviation.name),  # it has names from files
            str(deviation.differing),
            _largest(deviation),
            "" if deviation.first is None else str(deviation.first),
        )
    return table


def _largest(deviation: Deviation) -> str:
    if not deviation.differing:
        return "equal"
    if not deviation.unit or deviation.largest == 0.0:
        return "differs"
    return f"{deviation.largest:.3g} {deviation.unit}"


def verdict_line(comparison: Comparison, reader: SessionReader) -> str:
    """Return in one sentence whether the replay equals the recording.

    Parameters
    ----------
    comparison : Comparison
        What was found.
    reader : SessionReader
        Of the recording.

    Returns
    -------
    str
    """
    count = f"{comparison.frames} frames"
    if lacking(reader):
        count = f"{count}, of a recording that is not complete"
    if comparison.bit_equal:
        return f"equal to the bit: {count}"
    assert comparison.first is not None
    index, name = comparison.first
    where = f"first at frame {index} ({comparison.first_seconds:.2f} s): {name}"
    if comparison.equal:
        return f"equal but for rounding: {count}; {where}"
    return f"the replay differs from the recording, {where}"


def file_lines(
    options: ReplayOptions,
    about: Mapping[str, str],
    now: Mapping[str, str],
    attached: Iterable[str],
) -> Iterator[str]:
    """Yield with what a session is replayed.

    Parameters
    ----------
    options : ReplayOptions
        Session and files given.
    about : mapping of str to str
        Metadata of the session.
    now : mapping of str to str
        Versions with which it is replayed.
    attached : iterable of str
        Names of the attachments.

    Yields
    ------
    str
        A line each.
    """
    kinds = dict.fromkeys(name.split("/")[0].removesuffix(".toml") for name in attached)
    kept = [kind for kind in ("case", "registration", "rig", "tools") if kind in kinds]
    used = ", ".join(kind for kind in kept if kind not in options.replaced)
    yield f"as attached to the session, whatever the disk holds now: {used or 'nothing'}"
    if options.replaced:
        given = (f"{kind} {name}" for kind, name in options.replaced.items())
        yield f"in place of what was recorded: {', '.join(given)}"
    recorded = versions(about)
    other = [f"{name} {recorded[name]}, now {now[name]}" for name in recorded.keys() & now.keys()
             if recorded[name] != now[name]]  # fmt: skip
    if other:
        yield f"recorded with other versions: {'; '.join(sorted(other))}"


def finding_lines(comparison: Comparison, reader: SessionReader) -> Iterator[str]:
    """Yield what the recording lacks, and what differs of alarms, stages and registrations.

    Parameters
    ----------
    comparison : Comparison
        What was found.
    reader : SessionReader
        Of the recording.

    Yields
    ------
    str
        A line each.
    """
    for notice in lacking(reader):
        yield f"the recording is not complete: {ENGLISH.sentence(notice)}"
    for spell in comparison.missing:
        yield f"alarm missing in the replay: {_spell(spell)}"
    for spell in comparison.added:
        yield f"alarm only in the replay: {_spell(spell)}"
    recorded, replayed = comparison.stages
    if recorded != replayed:
        yield f"stages recorded: {_stages(recorded)}"
        yield f"stages replayed: {_stages(replayed)}"
    before, made = comparison.registrations
    yield f"registrations made: {_registrations(before)} recorded, {_registrations(made)} replayed"


def lacking(reader: SessionReader) -> tuple[Notice, ...]:
    """Return why a recording is not complete; commands that are missing make a replay differ.

    Parameters
    ----------
    reader : SessionReader
        Of the recording.

    Returns
    -------
    tuple of Notice
    """
    return (*(() if reader.cut is None else (reader.cut,)), *reader.damage)


def _spell(spell: AlarmSpell) -> str:
    return f"{spell.structure} {spell.level} {spell.start:.2f} to {spell.end:.2f} s"


def _stages(changes: list[tuple[int, str]]) -> str:
    return ", ".join(f"{stage} from frame {index}" for index, stage in changes)


def _registrations(fre: list[float | None]) -> str:
    if not fre:
        return "none"
    return ", ".join("FRE unknown" if each is None else f"FRE {each:.3f} mm" for each in fre)


def versions(about: Mapping[str, str]) -> dict[str, str]:
    """Return the versions of programs and libraries with which a session was recorded.

    Parameters
    ----------
    about : mapping of str to str
        Metadata of the session.

    Returns
    -------
    dict of str to str
        By name.
    """
    return {name[len(VERSION) :]: v for name, v in about.items() if name.startswith(VERSION)}


def write_comparison(
    path: Path,
    options: ReplayOptions,
    now: Mapping[str, str],
    comparison: Comparison,
    reader: SessionReader,
) -> None:
    """Write a comparison as JSON, whole or not at all.

    Parameters
    ----------
    path : Path
        File to write.
    options : ReplayOptions
        What was replayed, and with what.
    now : mapping of str to str
        Versions with which it was replayed.
    comparison : Comparison
        What was found.
    reader : SessionReader
        Of the recording.

    Raises
    ------
    InputError
        It cannot be written.
    """
    table = comparison_json(options, now, comparison, reader)
    with written_whole(path) as beside:
        beside.write_text(json.dumps(table, indent=2) + "\n", encoding="utf-8")


def comparison_json(
    options: ReplayOptions,
    now: Mapping[str, str],
    comparison: Comparison,
    reader: SessionReader,
) -> dict[str, Any]:
    """Return a comparison as values that JSON has.

    Parameters
    ----------
    options : ReplayOptions
        What was replayed, and with what.
    now : mapping of str to str
        Versions with which it was replayed.
    comparison : Comparison
        What was found.
    reader : SessionReader
        Of the recording.

    Returns
    -------
    dict
        "equal", "bit_equal", "first", "deviations", "alarms", "stages", "registrations", ...
    """
    first, about = comparison.first, reader.about
    return {
        "format": FORMAT,
        "made_by": f"c1c2nav {nav.__version__}",
        "session": options.session.name,
        "code": about.get("code", ""),
        "from": "pictures" if options.pictures else "poses",
        "replaced": options.replaced,
        "versions": {"recorded": versions(about), "replayed": dict(now)},
        "incomplete": [notice.to_json() for notice in lacking(reader)],
        "frames": comparison.frames,
        "bit_equal": comparison.bit_equal,
        "equal": comparison.equal,
        "first": None
        if first is None
        else {"frame": first[0], "seconds": comparison.first_seconds, "what": first[1]},
        "deviations": [
            {
                "name": d.name, "unit": d.unit, "differing": d.differing, "beyond": d.beyond,
                "largest": d.largest, "equal_up_to": d.equal_up_to, "first": d.first,
            }
            for d in comparison.deviations
        ],
        "alarms": {
            "missing": [vars(spell) for spell in comparison.missing],
            "added": [vars(spell) for spell in comparison.added],
        },
        "stages": dict(zip(("recorded", "replayed"), comparison.stages, strict=True)),
        "registrations": dict(zip(("recorded", "replayed"), comparison.registrations, strict=True)),
    }  # fmt: skip
