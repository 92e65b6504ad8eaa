"""A lab.toml as a session carries it along: without comments of its owner, places and hosts."""

from pathlib import PurePosixPath, PureWindowsPath

from nav.lab.lab_file import LabFile, LinksTable, TrackerTable
from nav.lab.lab_template import lab_text

PATHS = ("rig", "case", "registration", "save_registration")
TRACKER = "tracker"  # in place of the host's name


def carried_lab(file: LabFile) -> bytes:
    """Return a lab.toml for a record, in which nothing names a person or a computer.

    Parameters
    ----------
    file : LabFile
        Of the set-up.

    Returns
    -------
    bytes
        UTF-8. Paths within the set-up's folder stay as they are, of others only the name is left;
        of addresses only the port.
    """
    given = file.model_fields_set
    changed: dict[str, object] = {
        key: _inner(getattr(file, key)) for key in PATHS if getattr(file, key) is not None
    }
    if "tools" in given:
        changed["tools"] = tuple(map(_inner, file.tools))
    if "folder" in file.recording.model_fields_set:
        folder = {"folder": _inner(file.recording.folder)}
        changed["recording"] = file.recording.model_copy(update=folder)
    if file.tracker is not None:
        changed["tracker"] = _tracker(file.tracker)
    if "links" in given:
        changed["links"] = _links(file.links)
    return lab_text(file.model_copy(update=changed)).encode()


def _inner(name: str) -> str:
    posix, windows = PurePosixPath(name), PureWindowsPath(name)
    if posix.is_absolute() or windows.drive or windows.root or ".." in windows.parts:
        return windows.name or "folder"  # it splits at both kinds of slashes
    return "folder" if name.startswith("~") else name


def _tracker(table: TrackerTable) -> TrackerTable:
    address = table.poses.partition("://")[2].strip("/")
    port = address.rpartition(":")[2] if not address.endswith("]") else ""
    where = f"{TRACKER}:{port}" if port.isdigit() else TRACKER
    return table.model_copy(update={"poses": f"igtl://{where}"})


def _links(links: LinksTable) -> LinksTable:
    ports = {key: str(address.port) for key, address in links.services.items()}
    return links.model_copy(update=ports)
