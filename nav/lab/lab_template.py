"""The text of a lab.toml, with a comment for every entry, whether it is set or not."""

from collections.abc import Mapping
from textwrap import wrap
from typing import Any

import tomli_w
from pydantic import BaseModel

from nav.core.files import plain_values, provenance
from nav.lab.lab_file import LAB_FORMAT, LabFile
from nav.text.catalogue import languages

COLUMNS = 96  # of the file's comments
HEAD = (
    "A set-up: nav live in this folder needs no options; an option that is given overrides the "
    "entry here. Paths are relative to this file. nav lab check reports all that is wrong, nav lab "
    "show what is in force. A line that begins with # is not used: remove the # to use it."
)
# comment and example of every entry; an entry that is not set is written as its example
Entry = tuple[str, str, Any]
TOP: tuple[Entry, ...] = (
    ("rig", "The cameras, from nav calibrate rig.", "rig.toml"),
    (
        "tools",
        "Marker bodies: the needle, from nav calibrate needle, and the reference body.",
        ["needle.toml", "reference.toml"],
    ),
    ("needle", "Name of the navigated tool; its file needs a [tip].", "needle"),
    ("reference", "Name of the body that is fixed to the phantom.", "reference"),
    ("case", "What is navigated: structures, fiducials, plans.", "case/case.toml"),
    (
        "registration",
        "An earlier registration, only as long as the reference body has not moved; one check "
        "point is touched first. Without it the window leads through registering.",
        "registration.toml",
    ),
    ("save_registration", "Where a new registration is written, besides the session.", "new.toml"),
    ("language", f"Of window and messages: {', '.join(languages())}.", "en"),
)
CAMERAS = "Which webcam is which camera of the rig, by number; nav doctor lists them."
TRACKER = "Another tracker by OpenIGTLink, instead of rig and cameras."
TRACKER_ENTRIES: tuple[Entry, ...] = (
    ("poses", "Address of the server.", "igtl://127.0.0.1:18944"),
    ("position_sd", "Its stated error of a position, mm, one standard deviation per axis.", 0.2),
    ("rotation_sd_deg", "The same of a rotation, degrees.", 0.1),
    ("names", "What the server calls a tool, where that is not obvious.", {"needle": "Stylus"}),
)
RECORDING = "Every use is recorded as a session."
RECORDING_ENTRIES: tuple[Entry, ...] = (
    ("enabled", "false: only where --record is given.", True),
    ("folder", "Each session is a folder of its own in it.", "sessions"),
    ("pictures", "off, jpeg, or lossless (for accuracy work; about twice as large).", "jpeg"),
)
LIMITS = "Instead of those of the case and of the program."
LIMITS_ENTRIES: tuple[Entry, ...] = (
    ("fle", "Fiducial localisation error, mm, one standard deviation per axis.", 0.25),
    ("check_limit", "mm; with a check point further off there is no navigation.", 2.0),
)
ALARMS = (
    "Alarm limits, mm: amber when the 95 % lower bound of the distance is at or below caution, red "
    "at danger. Of a role (artery, cord, dura, bone, ...), or of one structure of the case, which "
    "overrides its role."
)
ALARMS_EXAMPLE = {"caution": 5.0, "danger": 3.0}
LINKS = "What other programs are sent."
LINKS_ENTRIES: tuple[Entry, ...] = (
    (
        "igtl_server",
        "OpenIGTLink server (3D Slicer, PLUS), [HOST:]PORT; for programs on this computer only, "
        'unless HOST is given, as in "0.0.0.0:18944".',
        "18944",
    ),
    ("igtl_profile", "slicer, or astm for Slicer's module AstmPhantomTest.", "slicer"),
    ("igtl_version", "Header version; 1 for clients older than protocol 3.", 2),
    ("igtl_tdata", "true: send TDATA too, also to those who do not ask.", False),
    ("igtl_polydata", "true: send the case's surfaces too, also to those who do not ask.", False),
    ("polaris", "Service that emulates the protocol of a Polaris, [HOST:]PORT.", "8765"),
    ("lsl", "Lab Streaming Layer, found by programs on this computer.", False),
    ("lsl_network", "The same, found in the whole network.", False),
)


def lab_text(file: LabFile, advice: Mapping[str, str] | None = None) -> str:
    """Return the text of a lab.toml.

    Parameters
    ----------
    file : LabFile
        Entries that were set are written, the others as comments.
    advice : mapping of str to str, optional
        By top-level key: what to do, for an entry that is to be filled in.

    Returns
    -------
    str
        Reading it gives `file` again, and its provenance.
    """
    lines = [*_comment(HEAD), f'format = "{LAB_FORMAT}"']
    lines += [_line(key, value) for key, value in provenance().items()]
    lines += _entries(file, TOP, advice or {})
    lines += _cameras(file, (advice or {}).get("cameras", ""))
    for name, what, entries in (
        ("tracker", TRACKER, TRACKER_ENTRIES),
        ("recording", RECORDING, RECORDING_ENTRIES),
        ("limits", LIMITS, LIMITS_ENTRIES),
    ):
        lines += _table(name, what, getattr(file, name), entries)
    lines += _alarms(file)
    lines += _table("links", LINKS, file.links, LINKS_ENTRIES)
    return "\n".join(lines) + "\n"


def _comment(text: str) -> list[str]:
    return [f"# {line}" for line in wrap(text, COLUMNS - 2, break_on_hyphens=False)]


def _line(key: str, value: Any) -> str:
    """Return ``key = value`` on one line, in TOML's spelling."""
    value = plain_values(value)
    if isinstance(value, list):
        inner = ", ".join(_line("x", entry).removeprefix("x = ") for entry in value)
        return f"{_key(key)} = [{inner}]"
    if isinstance(value, dict):
        inner = ", ".join(_line(name, entry) for name, entry in value.items())
        return f"{_key(key)} = {{ {inner} }}"
    return tomli_w.dumps({key: value}).strip()


def _key(key: str) -> str:
    return tomli_w.dumps({key: 0}).strip().removesuffix(" = 0")


def _entries(table: BaseModel, entries: tuple[Entry, ...], advice: Mapping[str, str]) -> list[str]:
    lines = []
    for key, what, example in entries:
        value = getattr(table, key)
        given = key in table.model_fields_set and value is not None
        usual = type(table).model_fields[key].default if example is None else example
        lines += ["", *_comment(what), *_comment(advice.get(key, ""))]
        lines.append(_line(key, value) if given else f"# {_line(key, usual)}")
    return lines


def _cameras(file: LabFile, advice: str) -> list[str]:
    lines = ["", *_comment(CAMERAS), *_comment(advice)]
    if not file.cameras:
        return [*lines, "# [cameras]", "# left = 0", "# right = 2"]
    return [*lines, "[cameras]", *(_line(name, number) for name, number in file.cameras.items())]


def _table(name: str, what: str, table: BaseModel | None, entries: tuple[Entry, ...]) -> list[str]:
    if table is None:
        examples = [f"# {_line(key, example)}  # {text}" for key, text, example in entries]
        return ["", *_comment(what), f"# [{name}]", *examples]
    return ["", *_comment(what), f"[{name}]", *_entries(table, entries, {})[1:]]


def _alarms(file: LabFile) -> list[str]:
    lines = ["", *_comment(ALARMS)]
    tables = (("role", file.limits.role), ("structure", file.limits.structure))
    for kind, limits in tables:
        for name, own in limits.items():
            lines.append(f"[limits.{kind}.{_key(name)}]")
            lines += [_line(k, v) for k, v in own.model_dump(exclude_none=True).items()]
    if len(lines) == len(_comment(ALARMS)) + 1:
        lines.append("# [limits.role.artery]")
        lines += [f"# {_line(key, value)}" for key, value in ALARMS_EXAMPLE.items()]
    return lines
