"""The files that a session carries along, so that nothing else is needed to replay it."""

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

import tomli_w

from nav.core.errors import InputError
from nav.core.files import load_toml
from nav.live.live_limits import LiveLimits
from nav.model.case import CaseFile

CASE = "case/case.toml"
PLAIN = re.compile(r"[^\W_][\w .+()-]{0,60}")  # names of tools that any disk can have as files
MOST = 256 * 1024 * 1024  # bytes of one file
MOST_ATTACHED = 512 * 1024 * 1024  # bytes of all attachments that a reader takes
MOST_MADE = 16 * 1024 * 1024  # of these, for registrations that are made meanwhile


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
            By their name in the session. Comments, which may name people, are left out of TOML
            files. Files that the case has elsewhere are named as if they were beside it: a record
            names no place of the computer.

        Raises
        ------
        InputError
            One cannot be read, or all together are more than a session's reader takes.
        """
        lab = {} if self.lab is None else {"lab.toml": self.lab}
        case, meshes = self._case()
        files = {name: without_comments(_content(path), path) for name, path in self._named()}
        read = {**lab, **files, CASE: case}
        for name, path in meshes:
            read[name] = _content(path)
            if sum(map(len, read.values())) > MOST_ATTACHED - MOST_MADE:
                raise InputError(
                    f"{self.case}: is larger than {(MOST_ATTACHED - MOST_MADE) >> 20} MB with its "
                    "meshes, too large to be recorded"
                )
        return read

    def originals(self, read: Mapping[str, bytes]) -> dict[str, str]:
        """Return which files differ from what is carried of them.

        Parameters
        ----------
        read : mapping of str to bytes
            As `read` returned it.

        Returns
        -------
        dict of str to str
            SHA-256 of the file on the disk, by its name in the session.

        Raises
        ------
        InputError
            One cannot be read.
        """
        files = {name: _content(path) for name, path in (*self._named(), (CASE, self.case))}
        return {
            name: sha256(content).hexdigest()
            for name, content in files.items()
            if content != read[name]
        }

    def _named(self) -> Iterable[tuple[str, Path]]:
        for name, path in (("rig", self.rig), ("registration", self.registration)):
            if path is not None:
                yield f"{name}.toml", path
        taken: set[str] = set()
        for number, (name, path) in enumerate(self.tools, start=1):
            plain = PLAIN.fullmatch(name) is not None and name.casefold() not in taken
            taken.add(name.casefold())
            yield f"tools/{name if plain else f'tool {number}'}.toml", path

    def _case(self) -> tuple[bytes, list[tuple[str, Path]]]:
        """Return case.toml and its meshes by their names in the session."""
        content = _content(self.case)
        names = _inner_names(load_toml(self.case, CaseFile))
        if any(name != inner for name, inner in names.items()):
            table = _table(content, self.case)
            _rename(table, names)
            content = tomli_w.dumps(table).encode()
        content = without_comments(content, self.case)
        meshes = dict.fromkeys(s.mesh for s in load_toml(self.case, CaseFile).structure)
        return content, [(f"case/{names[mesh]}", self.case.parent / mesh) for mesh in meshes]


def without_comments(content: bytes, path: Path) -> bytes:
    """Return a TOML file without its comments; as it is where it has none.

    Parameters
    ----------
    content : bytes
        UTF-8.
    path : Path
        Where it was read, for the error.

    Returns
    -------
    bytes
        With equal values.

    Raises
    ------
    InputError
        It is no TOML: it was changed since it was loaded.
    """
    return tomli_w.dumps(_table(content, path)).encode() if b"#" in content else content


def _table(content: bytes, path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(content.decode("utf-8-sig"))
    except ValueError as error:
        raise InputError(
            f"{path}: not valid TOML: {error}; it was changed since it was loaded, put it right "
            "and start again"
        ) from None


def _inner_names(case: CaseFile) -> dict[str, str]:
    """Return where files of a case are in the session's, by their names in case.toml."""
    made = case.reconstruction
    others = () if made is None else (made.volume, made.corrections, made.labels)
    wanted = [s.mesh for s in case.structure] + [name for name in others if name is not None]
    names: dict[str, str] = {name: name for name in wanted if _is_inner(name)}
    taken = {str(PurePosixPath(name)) for name in names}
    for number, name in enumerate(wanted):
        if name not in names:
            last = PureWindowsPath(name).name or "file"  # it splits at both kinds of slashes
            names[name] = last if last not in taken else f"{number}-{last}"
            taken.add(names[name])
    return names


def _is_inner(name: str) -> bool:
    posix, windows = PurePosixPath(name), PureWindowsPath(name)
    outside = posix.is_absolute() or bool(windows.drive) or ".." in posix.parts
    return not outside and "\\" not in name and not name.startswith("~")


def _rename(table: dict[str, Any], names: dict[str, str]) -> None:
    """Change the names of files in a case.toml."""
    for structure in table["structure"]:
        structure["mesh"] = names[structure["mesh"]]
    made = table.get("reconstruction", {})
    for key in ("volume", "corrections", "labels"):
        if key in made:
            made[key] = names[made[key]]


def _content(path: Path) -> bytes:
    try:
        if path.stat().st_size > MOST:
            raise InputError(f"{path}: is larger than {MOST >> 20} MB, too large to be recorded")
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from None
