"""`igtl://HOST:PORT` where a file of poses is expected: another tracker, live."""

from __future__ import annotations

from pathlib import Path

from nav.core.errors import InputError
from nav.link.network_address import NetworkAddress, server_address

SCHEME = "igtl:"
USUAL_PORT = 18944  # of PLUS and 3D Slicer


def tracker_address(poses: Path | None) -> NetworkAddress | None:
    """Return the address of a tracker's server, or None for a file.

    Parameters
    ----------
    poses : Path or None
        As an option gives it; a path has only one of the two slashes left.

    Returns
    -------
    NetworkAddress or None

    Raises
    ------
    InputError
        It begins as an address does, but is none.
    """
    text = "" if poses is None else poses.as_posix()
    if not text.lower().startswith(SCHEME):
        return None
    rest = text[len(SCHEME) :].strip("/")
    try:
        return server_address(rest, USUAL_PORT)
    except InputError as error:
        raise InputError(f"igtl://{error}, such as igtl://localhost:{USUAL_PORT}") from None
