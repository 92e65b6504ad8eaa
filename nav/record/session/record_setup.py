"""Whether, where and with which pictures a live use is recorded; light to import."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from nav.core.errors import InputError

if TYPE_CHECKING:  # heavy: the tracking process is started before it is imported
    from nav.live.observers import Observer
    from nav.record.session.begin_recording import RecordedWork

SESSIONS = Path("sessions")
CODE = "live"
CODES = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,39}")
Pictures = Literal["off", "jpeg", "lossless"]
Source = Literal["cameras", "images", "poses", "twin", "igtl"]
LIVE: tuple[Source, ...] = ("cameras", "igtl")  # recorded by default
SEEN: tuple[Source, ...] = ("cameras", "images", "twin")  # with pictures
IGTL = "igtl:"


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
    if not CODES.fullmatch(code):
        raise InputError(
            f"--code: expected up to 40 letters, digits and hyphens, got {code!r}; give a "
            "pseudonym, no name"
        )
    return code


@dataclass(frozen=True)
class RecordOptions:
    """Options about recording, of the command line and of a lab.toml.

    Parameters
    ----------
    folder : Path, optional
        Where the user wants sessions; then it is an error if there can be none.
    off : bool
        Record nothing.
    pictures : {"off", "jpeg", "lossless"}, optional
        JPEG by default.
    code : str, optional
        Pseudonym.
    default_folder : Path
        Where live uses are recorded by default.
    """

    folder: Path | None = None
    off: bool = False
    pictures: Pictures | None = None
    code: str | None = None
    default_folder: Path = SESSIONS

    def setups(self, source: Source) -> tuple[RecordSetup, ...]:
        """Return the set-up for `LiveJob.observers`.

        Parameters
        ----------
        source : str
            Where the poses come from. Cameras and other trackers are recorded unless that is
            switched off; what was recorded or is simulated only where a folder is given.

        Returns
        -------
        tuple of RecordSetup
            One or none.
        """
        if source not in LIVE and self.folder is None:
            return ()
        pictures = (self.pictures or "jpeg") if source in SEEN else "off"
        parent = None if self.off else self.folder or self.default_folder
        required = self.folder is not None
        return (RecordSetup(parent, source, pictures, self.code or CODE, required),)


def record_options(
    record: Path | None, no_record: bool, no_pictures: bool, lossless: bool, code: str | None
) -> RecordOptions:
    """Return options as they are given on the command line.

    Parameters
    ----------
    record : Path or None
        --record.
    no_record, no_pictures, lossless : bool
        The switches of these names.
    code : str or None
        --code.

    Returns
    -------
    RecordOptions

    Raises
    ------
    InputError
        Two of them contradict each other, or the code is no pseudonym.
    """
    if record is not None and no_record:
        raise InputError("nav live: give either --record or --no-record")
    if no_pictures and lossless:
        raise InputError("nav live: give either --no-pictures or --lossless")
    if record is not None and record.exists() and not record.is_dir():
        raise InputError(f"{record}: is not a folder; --record is where sessions are put")
    pictures: Pictures | None = "off" if no_pictures else "lossless" if lossless else None
    if code is not None:
        check_code(code)
    return RecordOptions(record, no_record, pictures, code)


def source_of(images: Path | None, poses: Path | None) -> Source:
    """Return where the poses of a live use come from.

    Parameters
    ----------
    images, poses : Path or None
        Options of `nav live`.

    Returns
    -------
    str
    """
    if poses is not None:
        return "igtl" if str(poses).startswith(IGTL) else "poses"
    return "cameras" if images is None else "images"


@dataclass(frozen=True)
class RecordSetup:
    """Recipe for a recorder; opened in the tracking process.

    Parameters
    ----------
    parent : Path or None
        Folder of sessions; None: the user wants no record.
    source : str
        Where the poses come from.
    pictures : {"off", "jpeg", "lossless"}
        Of the cameras.
    code : str
        Pseudonym.
    required : bool
        Whether it is an error if nothing can be recorded; otherwise the window says so.
    """

    parent: Path | None
    source: Source
    pictures: Pictures
    code: str = CODE
    required: bool = False

    def open(self, work: RecordedWork) -> Observer:
        """Begin a session.

        Parameters
        ----------
        work : RecordedWork
            What is recorded.

        Returns
        -------
        Observer

        Raises
        ------
        InputError
            Recording is required and not possible.
        """
        from nav.record.session.begin_recording import begin_recording

        return begin_recording(self, work)
