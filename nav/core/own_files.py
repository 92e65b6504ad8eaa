"""Find this program's own TOML files in a folder and those in it."""

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from nav.core.filekinds import file_kind

DEPTH = 3  # folders below the one that is searched
MOST_FILES = 1000  # TOML files that are looked at
SKIPPED = ("sessions", "node_modules", "__pycache__")
BACKUP = re.compile(r"(.+)\.\d+(\.toml)?")


def own_toml_files(folder: Path) -> Iterator[tuple[Path, str]]:
    """Find our TOML files, those of upper folders first.

    Earlier results that are kept under a number (needle.1.toml, kit.1), hidden folders and sessions
    are left out.

    Parameters
    ----------
    folder : Path
        Where to search, three folders deep.

    Yields
    ------
    path : Path
        The file.
    kind : str
        As `nav.core.filekinds.file_kind` gives it.
    """
    seen = 0
    for place, folders, names in os.walk(folder):
        here = Path(place)
        depth = len(here.relative_to(folder).parts)
        kept = [n for n in folders if not n.startswith(".") and n not in SKIPPED]
        folders[:] = sorted(n for n in kept if not _is_backup(n, folders)) if depth < DEPTH else []
        for name in sorted(names):
            if not name.lower().endswith(".toml") or _is_backup(name, names):
                continue
            seen += 1
            if seen > MOST_FILES:
                return
            path, kind = here / name, None
            with suppress(OSError):
                kind = file_kind(path) if path.is_file() else None
            if kind is not None:
                yield path, kind


def _is_backup(name: str, others: Sequence[str]) -> bool:
    numbered = BACKUP.fullmatch(name)
    return numbered is not None and numbered[1] + (numbered[2] or "") in others
