"""lab.toml as a file: its tables, and reading it with everything that is wrong at once."""

import os
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, TypeAdapter, ValidationError, field_validator

from nav.core.errors import InputError, InputErrors
from nav.core.files import FileModel, Number, PublicFile, located_problems, read_toml
from nav.core.textfile import printable
from nav.link.network_address import NetworkAddress, listening_address, server_address
from nav.live.live_limits import AlarmLimits, LiveLimits
from nav.live.session import CHECK_LIMIT
from nav.model.case import FileName, Name
from nav.registration.assessment import FLE

LAB_FORMAT = "c1c2nav/lab/1"
LAB_NAME = "lab.toml"
SESSIONS = "sessions"
MOST_WEBCAM = 99
IGTL_PORT = 18944  # usual


def _address(value: Any) -> str:
    """Return [HOST:]PORT of a text, or of the port alone; ValueError where it is none."""
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    expected = "expected [HOST:]PORT with a port of 1 to 65535, such as 18944"
    if not isinstance(text, str):
        raise ValueError(f"{expected}, got {value!r:.60}")
    try:
        address = listening_address(text, "")
    except InputError:
        raise ValueError(f"{expected}, got {value!r:.60}") from None
    if address.port == 0:
        raise ValueError(f"{expected}, got {value!r:.60}")
    return text


Webcam = Annotated[int, Field(strict=True, ge=0, le=MOST_WEBCAM)]
Address = Annotated[str, BeforeValidator(_address)]
Switch = Annotated[bool, Field(strict=True)]
_FILE_NAME: TypeAdapter[str] = TypeAdapter(FileName)


def refuse_unnameable(path: Path) -> None:
    """Refuse a file that no entry of lab.toml can name.

    Parameters
    ----------
    path : Path
        The file.

    Raises
    ------
    InputError
        Its name has a character that cannot be shown, or is too long.
    """
    try:
        _FILE_NAME.validate_python(path.as_posix())
    except ValidationError as error:
        problem = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise InputError(
            f"{printable(str(path))}: its name {problem}; lab.toml cannot have it: rename it"
        ) from None


class TrackerTable(FileModel):
    """[tracker]: another tracker instead of the cameras, with the errors that its maker states."""

    poses: str
    position_sd: Number | None = None
    rotation_sd_deg: Number | None = None
    names: dict[Name, Name] = Field(default_factory=dict)

    @field_validator("poses")
    @classmethod
    def _address(cls, value: str) -> str:
        try:
            scheme, _, rest = value.partition("://")
            if scheme.lower() != "igtl":
                raise InputError(value)
            server_address(rest, IGTL_PORT)
        except InputError:
            raise ValueError(
                f'expected "igtl://HOST:PORT", as in "igtl://127.0.0.1:18944", got {value!r:.60}'
            ) from None
        return value

    @field_validator("position_sd", "rotation_sd_deg")
    @classmethod
    def _positive(cls, value: float | None) -> float | None:
        if value is not None and value <= 0:
            raise ValueError(f"expected more than 0, got {value:g}")
        return value


class RecordingTable(FileModel):
    """[recording]: where sessions are recorded, and with which pictures."""

    enabled: Switch = True
    folder: FileName = SESSIONS
    pictures: Literal["off", "jpeg", "lossless"] = "jpeg"


class AlarmTable(FileModel):
    """Alarm limits of a role or a structure, mm."""

    caution: Number | None = None
    danger: Number | None = None


class LimitsTable(FileModel):
    """[limits]: instead of those of the case and of the program."""

    fle: Number = FLE
    check_limit: Number = CHECK_LIMIT
    role: dict[Name, AlarmTable] = Field(default_factory=dict)
    structure: dict[Name, AlarmTable] = Field(default_factory=dict)


class LinksTable(FileModel):
    """[links]: what other programs are sent; the options of `nav live` of the same names."""

    igtl_server: Address | None = None
    igtl_profile: Literal["slicer", "astm"] = "slicer"
    igtl_version: Literal[1, 2] = 2
    igtl_tdata: Switch = False
    igtl_polydata: Switch = False
    polaris: Address | None = None
    lsl: Switch = False
    lsl_network: Switch = False

    @property
    def services(self) -> dict[str, NetworkAddress]:
        """Where services listen, by key."""
        given = {"igtl_server": self.igtl_server, "polaris": self.polaris}
        return {key: listening_address(v, key) for key, v in given.items() if v is not None}


class LabFile(PublicFile):
    """The file lab.toml; what it must have is checked with the files that it names."""

    format: Literal["c1c2nav/lab/1"]
    rig: FileName | None = None
    tools: tuple[FileName, ...] = ()
    needle: Name = "needle"
    reference: Name = "reference"
    case: FileName | None = None
    registration: FileName | None = None
    save_registration: FileName | None = None
    language: Name | None = None
    cameras: dict[Name, Webcam] = Field(default_factory=dict)
    tracker: TrackerTable | None = None
    recording: RecordingTable = RecordingTable()
    limits: LimitsTable = LimitsTable()
    links: LinksTable = LinksTable()


@dataclass(frozen=True)
class Lab:
    """A set-up as its lab.toml has it.

    Parameters
    ----------
    path : Path
        lab.toml; paths in it are relative to its folder.
    file : LabFile
        Its content.
    """

    path: Path
    file: LabFile

    def located(self, name: str | None) -> Path | None:
        """Return a path of the file, relative to its folder; None stays None.

        ``~/`` is the user's own folder.
        """
        return None if name is None else self._place(name)

    def _place(self, name: str) -> Path:
        own = name == "~" or name.startswith("~/")
        return self.path.parent / (os.path.expanduser(name) if own else name)

    @property
    def rig(self) -> Path | None:
        """rig.toml."""
        return self.located(self.file.rig)

    @property
    def tools(self) -> tuple[Path, ...]:
        """Tool files."""
        return tuple(map(self._place, self.file.tools))

    @property
    def case(self) -> Path | None:
        """case.toml."""
        return self.located(self.file.case)

    @property
    def recording_folder(self) -> Path:
        """Where sessions are recorded."""
        return self._place(self.file.recording.folder)

    @property
    def cameras(self) -> tuple[str, ...]:
        """NAME=NUMBER of every camera, as the option --camera takes them."""
        return tuple(f"{name}={number}" for name, number in self.file.cameras.items())

    @cached_property
    def limits(self) -> LiveLimits:
        """Limits that it has instead of the usual ones."""
        table = self.file.limits
        return LiveLimits(
            {name: AlarmLimits(own.caution, own.danger) for name, own in table.role.items()},
            {name: AlarmLimits(own.caution, own.danger) for name, own in table.structure.items()},
            table.fle,
            table.check_limit,
        )


@dataclass(frozen=True)
class ReadLab:
    """What could be read of a lab.toml.

    Parameters
    ----------
    lab : Lab
        Without the entries that break the format.
    problems : tuple of str
        Those entries, a line each.
    refused : frozenset of str
        Top-level keys that they are in.
    """

    lab: Lab
    problems: tuple[str, ...] = ()
    refused: frozenset[str] = frozenset()


def read_lab(path: Path) -> ReadLab:
    """Read a lab.toml, with all entries that break its format rather than the first.

    Parameters
    ----------
    path : Path
        lab.toml.

    Returns
    -------
    ReadLab

    Raises
    ------
    InputError
        It is missing, not TOML, or not a lab.toml at all.
    """
    path = Path(path)
    data: Any = read_toml(path)
    found = repr(data.get("format"))
    if data.get("format") != LAB_FORMAT:
        raise InputErrors([f'{path}: format: expected "{LAB_FORMAT}", got {found:.60}'])
    data = deepcopy(data)
    lines: list[str] = []
    refused: set[str] = set()
    removed: set[tuple[str | int, ...]] = set()
    while True:
        try:
            return ReadLab(
                Lab(path, LabFile.model_validate(data)),
                tuple(dict.fromkeys(lines)),
                frozenset(refused),
            )
        except ValidationError as error:
            problems = located_problems(error, data)
            for place, line in problems:
                if place not in removed:  # else it is missing now, since it was wrong before
                    lines.append(printable(f"{path}: {line}"))
                refused.add(str(place[0]))
            # from the end: removing an entry of a list leaves those before it in place
            for place in sorted({place for place, _ in problems}, key=_order, reverse=True):
                _remove(data, place)
                removed.add(place)


def _order(place: tuple[str | int, ...]) -> list[str]:
    return [f"{key:09d}" if isinstance(key, int) else key for key in place]


def _remove(data: Any, place: tuple[str | int, ...]) -> None:
    """Remove the innermost entry of a place that the data have."""
    holder, last = None, None
    for key in place:
        known = isinstance(data, Mapping) and key in data
        if not known and not (isinstance(data, list) and isinstance(key, int) and key < len(data)):
            break
        holder, last = data, key
        data = data[key]
    if holder is not None:
        del holder[last]
