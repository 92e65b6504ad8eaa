"""What a session says of itself: format, time, programs, source of the poses."""

import json
import platform
import re
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import nav
from nav.core.errors import InputError
from nav.record.session.session_format import FORMAT

CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,39}")
PACKAGES = ("numpy", "scipy", "numba", "opencv-python-headless", "mcap", "zstandard")
BILLION = 1_000_000_000


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


def check_code(code: str) -> str:
    """Return a pseudonym that may stand in a folder's name.

    Parameters
    ----------
    code : str
        As the user gave it.

    Returns
    -------
    str
        The same.

    Raises
    ------
    InputError
        It has other characters than letters, digits and hyphens, or too many.
    """
    if not CODE.fullmatch(code):
        raise InputError(
            f"--code: expected up to 40 letters, digits and hyphens, got {code!r}; give a "
            "pseudonym, no name"
        )
    return code


def about_session(
    source: str,
    code: str = "live",
    needle: str = "needle",
    reference: str = "reference",
    options: Mapping[str, Any] | None = None,
    clock: SessionClock | None = None,
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

    Returns
    -------
    dict of str to str
        By name; "options" is JSON, versions are "version:NAME".
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
        "version:c1c2nav": nav.__version__,
        "version:python": ".".join(map(str, sys.version_info[:3])),
    }
    for package in PACKAGES:
        try:
            about[f"version:{package}"] = version(package)
        except PackageNotFoundError:
            about[f"version:{package}"] = "unknown"
    return about


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
        A time is missing or not a number.
    """
    return SessionClock(int(about["started_ns"]), float(about["monotonic_start"]))


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
    at = datetime.fromtimestamp(clock.utc_ns // BILLION, UTC)
    stem = f"{at:%Y-%m-%dT%H-%M-%S}-{check_code(code)}"
    number = 1
    while True:
        folder = parent / (stem if number == 1 else f"{stem}.{number}")
        try:
            parent.mkdir(parents=True, exist_ok=True)
            folder.mkdir()
        except FileExistsError:
            if not parent.is_dir():
                raise InputError(f"{parent}: is not a folder; give another --record") from None
            number += 1
        except OSError as error:
            raise InputError(
                f"{folder}: cannot be created: {error.strerror or error}; give another --record, "
                "or --no-record"
            ) from None
        else:
            return folder
