"""Make file names for structures: valid on every system, and each used once."""

import re
from collections.abc import Sequence
from unicodedata import combining, normalize

LONGEST = 60  # characters


def file_stems(names: Sequence[str]) -> list[str]:
    """Return a file name without ending for each name, all different, letter case ignored.

    Parameters
    ----------
    names : sequence of str
        Any text.

    Returns
    -------
    list of str
        ASCII letters, digits, ".", "_" and "-", in the order of the names.
    """
    taken: set[str] = set()
    stems = []
    for name in names:
        plain = "".join(c for c in normalize("NFKD", name) if not combining(c))
        stem = re.sub(r"[^A-Za-z0-9.-]+", "_", plain).strip("._-")[:LONGEST] or "structure"
        unique, number = stem, 2
        while unique.lower() in taken:
            unique, number = f"{stem}_{number}", number + 1
        taken.add(unique.lower())
        stems.append(unique)
    return stems
