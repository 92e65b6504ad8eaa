"""The files that a session carries along, so that nothing else is needed to replay it."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from nav.core.errors import InputError
from nav.core.files import load_toml
from nav.live.live_limits import LiveLimits
from nav.model.case import CaseFile

MOST = 256 * 1024 * 1024  # bytes of one file


@dataclass(frozen=True)
class CarriedFiles:
    """Where the files of a live use are.

    Parameters
    ----------
    rig : Path or None
        rig.toml; None without cameras.
    tools : tuple of (str, Path)
        Each tool's name and file.
    case : Path
        case.toml; its meshes are beside it.
    registration : Path or None
        registration.toml, if one was given.
    lab : bytes or None
        lab.toml, without what names a person or a computer.
    limits : LiveLimits
        Of the set-up.
    """

    rig: Path | None
    tools: tuple[tuple[str, Path], ...]
    case: Path
    registration: Path | None = None
    lab: bytes | None = None
    limits: LiveLimits = field(default_factory=LiveLimits)

    def read(self) -> dict[str, bytes]:
        """Read them all.

        Returns
        -------
        dict of str to bytes
            By their name in the session. A mesh that is not below the case's folder is left out.

        Raises
        ------
        InputError
            One cannot be read.
        """
        lab = {} if self.lab is None else {"lab.toml": self.lab}
        return {**lab, **{name: _content(path) for name, path in self._named()}}

    def _named(self) -> Iterable[tuple[str, Path]]:
        for name, path in (("rig", self.rig), ("registration", self.registration)):
            if path is not None:
                yield f"{name}.toml", path
        for name, path in self.tools:
            yield f"tools/{name}.toml", path
        yield "case/case.toml", self.case
        for mesh in dict.fromkeys(s.mesh for s in load_toml(self.case, CaseFile).structure):
            inner = PurePosixPath(mesh)
            if not inner.is_absolute() and ".." not in inner.parts and "\\" not in mesh:
                yield f"case/{inner}", self.case.parent / mesh


def _content(path: Path) -> bytes:
    try:
        if path.stat().st_size > MOST:
            raise InputError(f"{path}: is larger than {MOST >> 20} MB, too large to be recorded")
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from None
