"""Damage to files: bytes that change, numbers that grow, types that are exchanged."""

import json
import math
import re
import tomllib
from typing import Any

import numpy as np
import tomli_w

MOST_CHANGES = 4
DEPTH = 3000  # nested brackets
MOST_REPEATED = 2**26  # bytes
REPEATS = 2000  # a part of a file that is repeated
MOST_BYTES = 3_000_000  # a longer file would only test the disk
EXTREME_NUMBERS: tuple[Any, ...] = (
    *(0, 1, -1, 2, 255, 256, 65536, 2**31 - 1, 2**31, 2**32, 2**63 - 1, 2**63, 10**400),
    *(0.0, -0.0, 0.5, 1e-9, 1e-308, 5e-324, 1e6, 1e20, 1e150, 1.7e308, -1.7e308),
    *(math.nan, math.inf, -math.inf),
)
STRANGE_TEXTS = (
    *("", " ", "\0", "\n", "\x1b[31m", "[/x]", "[bold", ":smile:", "nan", "1e999", "1,5", "0x10"),
    *("ä" * 300, "\u202e", "../../../../etc/passwd", "/dev/zero", "/", ".", "NUL", "%s%n", "left"),
    *("9" * 5000, "\U0001f600", "DICT_4X4_50", "true", "c1c2nav/rig/1", "1_000", "١٢"),
)
STRANGE_VALUES: tuple[Any, ...] = (
    *(True, False, [], {}, [[]], {"a": {}}, [0.0] * 3, [[0.0] * 3] * 3, [1] * 10000),
    *({"rotation_vector": [0.0] * 3, "translation": [0.0] * 3}, ["x"]),
)
NUMBER = re.compile(rb"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
NUMBER_TEXTS = (
    *(b"nan", b"inf", b"-inf", b"1e999", b"1e308", b"-1e308", b"1e150", b"5e-324", b"1e-300"),
    *(b"0", b"-1", b"4294967295", b"2147483648", b"-2147483649", b"99999999999999999999"),
    *(b"9" * 5000, b"", b"x", b"0x1F", b"1,5", b"1.2.3", b"--1", b"1e", b"1_000", b"true", b'"1"'),
)
INSERTED = (
    *(b"\0", b"\xff\xfe", b"\xef\xbb\xbf", b"\x80", b"\r", b"\n\n\n", b"\t", b"'", b'"', b'"""'),
    *(b",", b";", b"#", b"=", b"[[", b"]]", b"{", b"}", b"\\u0000", b"\xed\xa0\x80", b"\x1a"),
)
WORDS = tuple(
    value.to_bytes(size, order, signed=value < 0)
    for size in (1, 2, 4, 8)
    for order in ("little", "big")
    for value in (0, 1, -1, 2 ** (8 * size - 1) - 1, -(2 ** (8 * size - 1)))
) + tuple(np.array(n, t).tobytes() for n in (np.nan, np.inf, 1e30) for t in ("<f4", ">f4", "<f8"))

Rng = np.random.Generator


def pick(rng: Rng, values: Any) -> Any:
    """Return one of several values."""
    return values[int(rng.integers(len(values)))]


def changed_bytes(rng: Rng, data: bytes) -> bytes:
    """Return bytes with some flipped, replaced, inserted, left out or repeated."""
    if not data:
        return rng.bytes(int(rng.integers(1, 64)))
    start = int(rng.integers(len(data)))
    # heads decide more than what follows
    if rng.random() < 0.4:
        start = int(rng.integers(min(len(data), 512)))
    length = int(rng.integers(1, 1 + min(len(data) - start, int(2 ** rng.integers(1, 12)))))
    end = start + length
    way = int(rng.integers(7))
    if way == 0:
        bit = bytes([data[start] ^ (1 << int(rng.integers(8)))])
        return data[:start] + bit + data[start + 1 :]
    if way == 1:
        return data[:start] + rng.bytes(length) + data[end:]
    if way == 2:
        return data[:start]
    if way == 3:
        return data[:start] + data[end:]
    if way == 4:
        return data[:end] + data[start:end] * int(rng.integers(1, REPEATS)) + data[end:]
    if way == 5:
        word = pick(rng, WORDS)
        return data[:start] + word + data[start + len(word) :]
    other = int(rng.integers(len(data)))
    return data[:start] + data[other : other + length] + data[end:]


def changed_text(rng: Rng, data: bytes) -> bytes:
    """Return a text with a number, a line or its encoding changed."""
    way = int(rng.integers(9))
    lines = data.splitlines(keepends=True) or [b""]
    at = int(rng.integers(len(lines)))
    if way <= 2:
        found = list(NUMBER.finditer(data[:200_000]))
        if not found:
            return data + pick(rng, NUMBER_TEXTS)
        number = pick(rng, found)
        return data[: number.start()] + pick(rng, NUMBER_TEXTS) + data[number.end() :]
    if way == 3:
        return b"".join(lines[:at] + lines[at + 1 :])
    if way == 4:
        count = min(int(rng.integers(2, REPEATS)), MOST_REPEATED // (len(lines[at]) + 1) + 2)
        return b"".join([*lines[:at], lines[at] * count, *lines[at + 1 :]])
    if way == 5:
        other = int(rng.integers(len(lines)))
        lines[at], lines[other] = lines[other], lines[at]
        return b"".join(lines)
    if way == 6:
        place = int(rng.integers(len(data) + 1))
        return data[:place] + pick(rng, INSERTED) + data[place:]
    if way == 7:
        place = int(rng.integers(len(data) + 1))
        opened, closed = pick(rng, ((b"[", b"]"), (b"{", b"}"), (b"(", b")"), (b"{a=", b"}")))
        return data[:place] + opened * DEPTH + closed * int(rng.choice([0, DEPTH])) + data[place:]
    text = data.decode(errors="replace")
    coded = pick(rng, ("utf-16", "utf-16-le", "utf-8-sig", "latin-1", "utf-32", "utf-7", "cp037"))
    return text.encode(coded, errors="replace")


def changed_toml(rng: Rng, data: bytes) -> bytes:
    """Return a TOML file with one value, key or list changed."""
    try:
        document = tomllib.loads(data.decode())
        _change(rng, document)
        return tomli_w.dumps(document).encode(errors="surrogatepass")
    except (ValueError, TypeError, RecursionError):
        return changed_text(rng, data)


def changed_json(rng: Rng, data: bytes) -> bytes:
    """Return a JSON file with one value, key or list changed."""
    try:
        document = json.loads(data)
        _change(rng, document)
        return json.dumps(document).encode(errors="surrogatepass")
    except (ValueError, TypeError, RecursionError):
        return changed_text(rng, data)


def _places(node: Any) -> list[tuple[Any, Any]]:
    """Every entry of nested tables and lists: what holds it, and its key."""
    entries = node.items() if isinstance(node, dict) else enumerate(node)
    found: list[tuple[Any, Any]] = []
    for key, value in list(entries):
        found.append((node, key))
        if isinstance(value, dict | list):
            found += _places(value)
    return found


def _change(rng: Rng, document: Any) -> None:
    places = _places(document)
    if not places:
        return
    holder, key = pick(rng, places)
    value = holder[key]
    way = int(rng.integers(8))
    if way <= 2:
        holder[key] = pick(rng, EXTREME_NUMBERS)
    elif way == 3:
        holder[key] = pick(rng, STRANGE_TEXTS)
    elif way == 4:
        holder[key] = json.loads(json.dumps(pick(rng, STRANGE_VALUES)))
    elif way == 5:
        del holder[key]
    elif way == 6:
        for _ in range(int(rng.integers(1, 40))):
            value = [value]
        holder[key] = value
    elif isinstance(value, list) and value:
        value.extend([pick(rng, value)] * int(rng.integers(1, REPEATS)))
    elif isinstance(value, int | float) and not isinstance(value, bool):
        factor = float(10.0 ** rng.integers(-6, 7)) * (-1.0) ** rng.integers(2)
        try:
            holder[key] = value * factor
        except OverflowError:  # a whole number beyond what is no whole number
            holder[key] = -value
    else:
        other_holder, other_key = pick(rng, places)
        try:
            holder[key] = json.loads(json.dumps(other_holder[other_key], default=str))
        except (KeyError, IndexError):
            return
