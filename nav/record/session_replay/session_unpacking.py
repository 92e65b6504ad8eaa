"""The files that a session brings along, written to a folder so that they can be loaded."""

from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path, PurePosixPath

from nav.core.errors import InputError
from nav.record.session.session_about import is_recorded_file

CASE_FILE, RIG_FILE, REGISTRATION_FILE, TOOLS = (
    "case/case.toml",
    "rig.toml",
    "registration.toml",
    "tools",
)


def unpack(
    session: Path, attachments: Mapping[str, bytes], about: Mapping[str, str], folder: Path
) -> None:
    """Write all attachments of a session into a folder.

    Parameters
    ----------
    session : Path
        Its folder, for messages.
    attachments : mapping of str to bytes
        By name, with slashes.
    about : mapping of str to str
        Metadata of the session, with the checksums.
    folder : Path
        Where they are written; empty.

    Raises
    ------
    InputError
        One is damaged, or its name leads out of the folder.
    """
    for name, data in attachments.items():
        wanted = about.get(f"sha256:{name}")
        if wanted is not None and sha256(data).hexdigest() != wanted:
            raise InputError(
                f"{session}: the attached {name} is damaged (another sha256 than recorded); "
                "a replay would not show what was"
            )
        path = PurePosixPath(name)
        if not path.parts or path.is_absolute() or ".." in path.parts or "\\" in name:
            raise InputError(f"{session}: an attachment is called {name!r}, which is no file name")
        place = folder.joinpath(*path.parts)
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(data)
        except (OSError, ValueError) as error:  # too long, a zero in it, a file where a folder is
            why = getattr(error, "strerror", None) or error
            raise InputError(
                f"{session}: the attached {name!r:.80} cannot be used: {why}"
            ) from None


def changed_files(
    case: Path, attachments: Mapping[str, bytes], about: Mapping[str, str]
) -> tuple[str, ...]:
    """Return which files of a case on the disk are not those that were recorded.

    Parameters
    ----------
    case : Path
        case.toml.
    attachments : mapping of str to bytes
        Of the session.
    about : mapping of str to str
        Its metadata.

    Returns
    -------
    tuple of str
        Names relative to case.toml; a file that is missing counts as another one.
    """
    changed = []
    for name in attachments:
        path = PurePosixPath(name)
        if path.parts[:1] != ("case",):
            continue
        relative = PurePosixPath(*path.parts[1:])
        place = case if name == CASE_FILE else case.parent.joinpath(*relative.parts)
        try:
            same = is_recorded_file(place.read_bytes(), name, attachments, about)
        except OSError:
            same = False
        if not same:
            changed.append(str(relative))
    return tuple(changed)
