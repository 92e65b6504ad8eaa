"""Read a .po file of gettext, the format that translators and their tools know."""

import ast
import gettext
import io
import struct
from dataclasses import dataclass, field
from pathlib import Path

CONTEXT = "\x04"  # joins context and text in gettext's tables, and NUL the plurals
MO_MAGIC, MO_HEADER = 0x950412DE, 28


@dataclass
class Entry:
    """One text with its translation.

    Parameters
    ----------
    context, text, plural : str
        Where it is used, and what it is in English.
    translated : dict of int to str
        By number of the plural form, 0 where there is only one.
    fuzzy : bool
        Whether a translator has yet to confirm it.
    """

    context: str = ""
    text: str = ""
    plural: str = ""
    translated: dict[int, str] = field(default_factory=dict)
    fuzzy: bool = False

    @property
    def complete(self) -> bool:
        """Whether it is translated and confirmed."""
        return not self.fuzzy and bool(self.translated) and all(self.translated.values())


def read_po(path: Path) -> list[Entry]:
    """Read all entries of a .po file; the first is its header, whose text is empty.

    Parameters
    ----------
    path : Path
        The file, UTF-8.

    Returns
    -------
    list of Entry
        In its order.

    Raises
    ------
    ValueError
        A line that gettext does not know.
    """
    entries: list[Entry] = []
    entry, keyword, fuzzy = Entry(), "", False
    for number, raw in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        line = raw.strip()
        if line.startswith("#,") and "fuzzy" in line:
            fuzzy = True
        if not line or line.startswith("#"):
            continue
        if not line.startswith('"'):
            keyword, _, line = line.partition(" ")
            begins = keyword == "msgctxt" or (keyword == "msgid" and (entry.translated or fuzzy))
            if begins or not entries:
                entry = Entry(fuzzy=fuzzy)
                entries.append(entry)
                fuzzy = False
        try:
            _add(entry, keyword, ast.literal_eval(line))
        except (ValueError, SyntaxError, KeyError):
            raise ValueError(f"{path}: line {number}: not a line of a .po file") from None
    return entries


def _add(entry: Entry, keyword: str, text: str) -> None:
    if keyword.startswith("msgstr"):
        form = int(keyword[len("msgstr[") : -1]) if "[" in keyword else 0
        entry.translated[form] = entry.translated.get(form, "") + text
        return
    name = {"msgctxt": "context", "msgid": "text", "msgid_plural": "plural"}[keyword]
    setattr(entry, name, getattr(entry, name) + text)


def translations(path: Path) -> gettext.GNUTranslations:
    """Return the translations of a .po file, with gettext's own plural rules.

    Parameters
    ----------
    path : Path
        The file; entries that are empty or fuzzy are left out.

    Returns
    -------
    gettext.GNUTranslations
    """
    table = {}
    for entry in read_po(path):
        if entry.complete:
            key = f"{entry.context}{CONTEXT}{entry.text}" if entry.context else entry.text
            key += f"\0{entry.plural}" if entry.plural else ""
            table[key.encode()] = "\0".join(t for _, t in sorted(entry.translated.items())).encode()
    return gettext.GNUTranslations(io.BytesIO(_compiled(table)))


def _compiled(table: dict[bytes, bytes]) -> bytes:
    """Return a .mo file, which is what Python's gettext reads."""
    keys = sorted(table)
    texts = [*keys, *(table[key] for key in keys)]
    index, offset = [], MO_HEADER + 8 * len(texts)
    for text in texts:
        index += [len(text), offset]
        offset += len(text) + 1
    head = (MO_MAGIC, 0, len(keys), MO_HEADER, MO_HEADER + 8 * len(keys), 0, 0)
    numbers = struct.pack(f"<{7 + len(index)}I", *head, *index)
    return numbers + b"".join(text + b"\0" for text in texts)
