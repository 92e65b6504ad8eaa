"""A session's description of itself: format, time, programs, source of the poses."""

import json
import platform
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from itertools import count
from pathlib import Path
from typing import Any

import nav
from nav.core.errors import InputError
from nav.live.live_limits import LiveLimits
from nav.record.session.record_setup import check_code
from nav.record.session.session_format import FORMAT, FORMAT_NAME, FORMAT_VERSION

PACKAGES = ("numpy", "scipy", "numba", "opencv-python-headless", "mcap", "zstandard")
ORIGINAL = "original_sha256:"  # of a file from which its attached copy differs
BILLION = 1_000_000_000
LATEST = 2**63  # ns: in the year 2262


@dataclass(frozen=True)
class SessionClock:
    """UTC by this machine's clock at the start, and from there on by its monotonic clock.

    Parameters
    ----------
    utc_ns : int
        At the start, ns.
    monotonic : float
        At the same instant, s.
    """

    utc_ns: int
    monotonic: float

    @classmethod
    def now(cls) -> "SessionClock":
        """Start now."""
        return cls(time.time_ns(), time.monotonic())

    def ns(self, monotonic: float) -> int:
        """Return a time of the monotonic clock as ns of UTC; never below 0."""
        return max(0, self.utc_ns + round((monotonic - self.monotonic) * BILLION))

    @property
    def utc(self) -> str:
        """The start, ISO 8601."""
        seconds, rest = divmod(self.utc_ns, BILLION)
        at = datetime.fromtimestamp(seconds, UTC)
        return f"{at:%Y-%m-%dT%H:%M:%S}.{rest:09d}Z"


def check_format(about: Mapping[str, str], path: Path) -> None:
    """Refuse a session of another format, or of a later version.

    Parameters
    ----------
    about : mapping of str to str
        Its metadata.
    path : Path
        Its file.

    Raises
    ------
    InputError
        It cannot be read by this program.
    """
    name, _, version = about.get("format", "").rpartition("/")
    if name != FORMAT_NAME or not (version.isascii() and version.isdigit()):
        raise InputError(f"{path}: format is {about.get('format', 'missing')!r}, expected {FORMAT}")
    if int(version[:9]) > FORMAT_VERSION:
        raise InputError(
            f"{path}: was recorded by a later version ({about['format']}; this program reads up to "
            f"{FORMAT}); update c1c2nav"
        )


def about_session(
    source: str,
    code: str = "live",
    needle: str = "needle",
    reference: str = "reference",
    options: Mapping[str, Any] | None = None,
    clock: SessionClock | None = None,
    limits: Mapping[str, Any] | None = None,
) -> dict[str, str]:
    """Return what stands in a session's metadata record.

    Parameters
    ----------
    source : {"cameras", "images", "poses", "twin", "igtl"}
        Where the poses come from.
    code : str
        Pseudonym.
    needle, reference : str
        Names of the tools.
    options : mapping, optional
        Of the command; no paths, no names of people.
    clock : SessionClock, optional
        Starts now by default.
    limits : mapping, optional
        As `LiveLimits.to_json` returns them.

    Returns
    -------
    dict of str to str
        By name; "options" and "limits" are JSON, versions are "version:NAME".
    """
    clock = clock or SessionClock.now()
    about = {
        "format": FORMAT,
        "made_by": f"c1c2nav {nav.__version__}",
        "made_at": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "started_utc": clock.utc,
        "started_ns": str(clock.utc_ns),
        "monotonic_start": repr(clock.monotonic),
        "code": check_code(code),
        "source": source,
        "needle": needle,
        "reference": reference,
        "platform": f"{platform.system()} {platform.machine()}",
        "options": json.dumps(dict(options or {}), sort_keys=True),
        "limits": json.dumps(dict(LiveLimits().to_json() if limits is None else limits)),
        "version:c1c2nav": nav.__version__,
        "version:python": ".".join(map(str, sys.version_info[:3])),
    }
    for package in PACKAGES:
        try:
            about[f"version:{package}"] = version(package)
        except PackageNotFoundError:
            about[f"version:{package}"] = "unknown"
    return about


def is_recorded_file(
    content: bytes, name: str, attachments: Mapping[str, bytes], about: Mapping[str, str]
) -> bool:
    """Return whether a file is the one that a session has carried along.

    Parameters
    ----------
    content : bytes
        Of the file.
    name : str
        Of the attachment.
    attachments : mapping of str to bytes
        By name.
    about : mapping of str to str
        Metadata of the session.

    Returns
    -------
    bool
        Whether it equals the attachment, or the original of which that is a copy without comments.
    """
    return content == attachments.get(name) or sha256(content).hexdigest() == about.get(
        f"{ORIGINAL}{name}"
    )


def clock_of(about: Mapping[str, str]) -> SessionClock:
    """Return the clock that `about_session` wrote down.

    Parameters
    ----------
    about : mapping
        Metadata of a session.

    Returns
    -------
    SessionClock

    Raises
    ------
    KeyError, ValueError
        A time is missing, not a number, or beyond what a session's messages can have.
    """
    utc_ns, monotonic = int(about["started_ns"]), float(about["monotonic_start"])
    if not 0 <= utc_ns < LATEST or not abs(monotonic) < LATEST:
        raise ValueError("not a time")
    return SessionClock(utc_ns, monotonic)


def new_session_folder(parent: Path, code: str, clock: SessionClock) -> Path:
    """Create the folder of a new session.

    Parameters
    ----------
    parent : Path
        Created if need be.
    code : str
        Pseudonym.
    clock : SessionClock
        Its start is in the name.

    Returns
    -------
    Path
        ``parent/2026-11-30T09-12-05-CODE``, with a number behind it if there is one already.

    Raises
    ------
    InputError
        It cannot be created.
    """
    for folder in session_folders(parent, code, clock):
        try:
            parent.mkdir(parents=True, exist_ok=True)
            folder.mkdir()
        except FileExistsError:
            if not parent.is_dir():
                raise InputError(f"{parent}: is not a folder; give another --record") from None
        except OSError as error:
            raise InputError(
                f"{folder}: cannot be created: {error.strerror or error}; give another --record, "
                "or --no-record"
            ) from None
        else:
            return folder
    raise AssertionError("there is always another number")


def session_folders(parent: Path, code: str, clock: SessionClock) -> Iterator[Path]:
    """Iterate over the names that a session's folder may have, the first choice first.

    Parameters
    ----------
    parent : Path
        Where it is.
    code : str
        Pseudonym.
    clock : SessionClock
        Its start is in the name.

    Yields
    ------
    Path
        ``parent/2026-11-30T09-12-05-CODE``, then with numbers behind it, for ever.
    """
    at = datetime.fromtimestamp(clock.utc_ns // BILLION, UTC)
    first = parent / f"{at:%Y-%m-%dT%H-%M-%S}-{check_code(code)}"
    yield first
    for number in count(2):
        yield first.with_name(f"{first.name}.{number}")
