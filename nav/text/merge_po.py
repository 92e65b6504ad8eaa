"""Bring a language's file up to date: `python -m nav.text.merge_po de`.

Texts that are new come in empty, those that are gone go, and a translation whose English has
changed is kept but marked fuzzy, which leaves the text in English until somebody has looked at it.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

from nav.text.catalogue import LOCALE, TEMPLATES, detail_context
from nav.text.po import Entry, read_po
from nav.text.template import Parts, Plural

PLURALS = "nplurals=2; plural=(n != 1);"
LINE = 88


def entries() -> Iterator[Entry]:
    """Yield every text that is translated, in the order of the catalogue.

    Yields
    ------
    Entry
        Without a translation.
    """
    for code, template in TEMPLATES.items():
        if isinstance(template, Parts):
            yield Entry(code, template.headline)
            yield Entry(detail_context(code), template.detail)
        elif isinstance(template, Plural):
            yield Entry(code, template.one, template.other)
        else:
            yield Entry(code, template)


def merged(known: list[Entry]) -> list[Entry]:
    """Return all texts with the translations that are known.

    Parameters
    ----------
    known : list of Entry
        Of the language's file as it is.

    Returns
    -------
    list of Entry
        Without the header.
    """
    by_context = {entry.context: entry for entry in known}
    made = []
    for entry in entries():
        before = by_context.get(entry.context)
        if before is not None and any(before.translated.values()):
            entry.translated = before.translated
            same = (before.text, before.plural) == (entry.text, entry.plural)
            entry.fuzzy = before.fuzzy or not same
        made.append(entry)
    return made


def written(header: str, texts: list[Entry]) -> str:
    """Return the content of a .po file.

    Parameters
    ----------
    header : str
        Its header's lines.
    texts : list of Entry
        As `merged` returns them.

    Returns
    -------
    str
    """
    blocks = [f'msgid ""\nmsgstr ""\n{_quoted(header)}']
    for entry in texts:
        lines = ["#, fuzzy"] if entry.fuzzy else []
        lines += [f'msgctxt "{entry.context}"', _text("msgid", entry.text)]
        if entry.plural:
            lines.append(_text("msgid_plural", entry.plural))
            forms = entry.translated or {0: "", 1: ""}
            lines += [_text(f"msgstr[{form}]", text) for form, text in sorted(forms.items())]
        else:
            lines.append(_text("msgstr", entry.translated.get(0, "")))
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks) + "\n"


def _text(keyword: str, text: str) -> str:
    one = f"{keyword} {json.dumps(text, ensure_ascii=False)}"
    return one if len(one) <= LINE else f'{keyword} ""\n{_quoted(text)}'


def _quoted(text: str) -> str:
    """Return a text over several quoted lines, cut after line ends and between words."""
    lines, line = [], ""
    for word in text.replace("\n", "\n\0").replace(" ", " \0").split("\0"):
        if line and (len(line) + len(word) > LINE - 2 or line.endswith("\n")):
            lines.append(line)
            line = ""
        line += word
    return "\n".join(json.dumps(part, ensure_ascii=False) for part in [*lines, line] if part)


def main() -> None:
    """Write `nav/locale/LANGUAGE/LC_MESSAGES/nav.po`."""
    if len(sys.argv) != 2:
        sys.exit("usage: python -m nav.text.merge_po LANGUAGE")
    language = sys.argv[1]
    path = Path(LOCALE) / language / "LC_MESSAGES" / "nav.po"
    known = read_po(path) if path.exists() else []
    header = known[0].translated.get(0, "") if known and not known[0].text else ""
    header = header or (
        f"Language: {language}\nMIME-Version: 1.0\nContent-Type: text/plain; charset=UTF-8\n"
        f"Content-Transfer-Encoding: 8bit\nPlural-Forms: {PLURALS}\n"
    )
    texts = merged(known)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(written(header, texts), encoding="utf-8")
    left = sum(not entry.complete for entry in texts)
    print(f"{path}: {len(texts)} texts, {left} of them to be translated")


if __name__ == "__main__":
    main()
