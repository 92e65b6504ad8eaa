"""Damage to packed files and to XML: entries, sizes, bombs; attributes, entities, nesting."""

import io
import re
import zipfile
import zlib
from collections.abc import Callable

from tests.fuzz.bombs import LAST_ENTITY, MOST_PIECES, UTF_8_BOMB, zip_bomb
from tests.fuzz.mutations import (
    DEPTH,
    MOST_BYTES,
    NUMBER_TEXTS,
    STRANGE_TEXTS,
    Rng,
    changed_bytes,
    changed_text,
    pick,
)

STAMP = (2026, 1, 1, 0, 0, 0)
ATTRIBUTE = re.compile(rb'="([^"]*)"')
NAMES = (
    *("../out.mrml", "/out.mrml", "a" * 300, "a/" * 200 + "x", "C:\\x", "..\\x", "", ".", "x\0y"),
    *("scene.mrml/x", "scene.mrml", "\x1b[31m", "\u202e", "con", "models", "models/"),
)
LOCAL, CENTRAL = b"PK\x03\x04", b"PK\x01\x02"
SHIFTS = (
    b"0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0", b"1e300 0 0 1e300 0 1e300 0 0 0 0 1e300 0 0 0 0 1",
    b"1 0 0 0 0 1 0 0 0 0 1 0", b"1 0 0 1e9 0 1 0 0 0 0 1 0 1 1 1 0", b"nan " * 16, b"x " * 16,
)  # fmt: skip


def changed_xml(rng: Rng, data: bytes) -> bytes:
    """Return an XML file with an attribute changed, entities declared, or nested deeply."""
    way = int(rng.integers(8))
    if way == 0:
        text = data.replace(b"?>", b"?>" + UTF_8_BOMB, 1)
        text = text if UTF_8_BOMB in text else UTF_8_BOMB + data
        places = [m.start(1) for m in ATTRIBUTE.finditer(text) if m.start() > len(UTF_8_BOMB) + 60]
        at = pick(rng, places) if places else len(text)
        text = text[:at] + LAST_ENTITY + text[at:]
        coded = pick(rng, ("utf-8", "utf-16", "utf-16-be", "utf-8-sig"))
        return text.decode(errors="replace").encode(coded)
    if way == 1:
        place = int(rng.integers(len(data) + 1))
        depth = int(rng.choice([50, DEPTH, 20 * DEPTH]))
        return data[:place] + b"<a>" * depth + b"</a>" * int(rng.choice([0, depth])) + data[place:]
    found = list(ATTRIBUTE.finditer(data))
    if not found or way == 2:
        return changed_text(rng, data)
    one, other = pick(rng, found), pick(rng, found)
    if way <= 4:
        text = pick(rng, STRANGE_TEXTS).encode(errors="surrogatepass")
        value = text.replace(b"&", b"&amp;").replace(b"<", b"&lt;").replace(b'"', b"&quot;")
    elif way == 5:
        value = other[1]
    else:
        value = pick(rng, (*NUMBER_TEXTS, *SHIFTS, b"a" * 300, b"%00", b"%2e%2e/%2e%2e/etc/passwd"))
    return data[: one.start(1)] + value + data[one.end(1) :]


def changed_zip(rng: Rng, data: bytes) -> bytes:
    """Return a packed file with an entry changed, or its head; or a bomb."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            entries = [(entry.filename, _content(packed, entry)) for entry in packed.infolist()]
    except (
        *(zipfile.BadZipFile, zlib.error, OSError, EOFError),
        *(ValueError, NotImplementedError, RuntimeError),
    ):
        return changed_bytes(rng, data)
    if not entries:
        return changed_bytes(rng, data)
    at = int(rng.integers(len(entries)))
    name, content = entries[at]
    way = int(rng.integers(7))
    if way == 0:
        told = pick(rng, (None, len(content), 2**32 - 2, 0))
        pieces = int(rng.choice([1, 8, MOST_PIECES]))
        return zip_bomb(name.encode(), content, pieces, told)
    if way == 1:
        entries[at] = (pick(rng, NAMES), content)
    elif way == 2:
        entries.append((pick(rng, NAMES), content))
    elif way == 3:
        return _changed_head(rng, data)
    else:
        change: Callable[[Rng, bytes], bytes] = (
            changed_xml if b"<" in content[:3] else changed_bytes
        )
        entries[at] = (name, change(rng, content))
    return zipped(entries)


def _content(packed: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    with packed.open(entry) as file:
        return file.read(MOST_BYTES)


def zipped(entries: list[tuple[str, bytes]]) -> bytes:
    """Return entries as a zip file, the same bytes every time."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in entries:
            packed.writestr(zipfile.ZipInfo(name, STAMP), content, zipfile.ZIP_DEFLATED)
    return made.getvalue()


def _changed_head(rng: Rng, data: bytes) -> bytes:
    """Another method, flag, size or checksum of an entry."""
    sign, length = pick(rng, ((LOCAL, 30), (CENTRAL, 46)))
    places = [m.start() for m in re.finditer(re.escape(sign), data)]
    if not places:
        return changed_bytes(rng, data)
    at = pick(rng, places) + 4 + int(rng.integers(length - 4))
    return (
        data[:at] + pick(rng, (b"\0", b"\xff", b"\x01", b"\x09", b"\x0c", b"\x0e")) + data[at + 1 :]
    )
