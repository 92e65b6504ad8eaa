"""Fields of OpenIGTLink: sizes, text of fixed length filled up with zeros, encodings."""

from functools import lru_cache

from nav.core.errors import OneLine

ASCII, LATIN_1, UTF_8 = 3, 4, 106  # IANA's MIBenum of character sets
ENCODINGS = {ASCII: "ascii", LATIN_1: "latin-1", UTF_8: "utf-8"}


class BadMessage(OneLine):
    """Bytes that are no message of OpenIGTLink, or one that contradicts itself: one line.

    What follows them cannot be trusted either, so the connection is closed.
    """


@lru_cache(maxsize=1024)  # the same few names in every message
def fixed_text(text: str, size: int) -> bytes:
    """Return text as a field of fixed length.

    Parameters
    ----------
    text : str
        Without zeros.
    size : int
        Of the field, bytes.

    Returns
    -------
    bytes
        UTF-8, filled up with zeros; what `name_of` could not read comes back as it was.

    Raises
    ------
    ValueError
        It does not fit, or contains zeros.
    """
    data = text.encode("utf-8", "surrogateescape")
    if len(data) > size or b"\0" in data:
        raise ValueError(f"{text!r}: expected at most {size} bytes, none of them zero")
    return data.ljust(size, b"\0")


def text_of(field: bytes) -> str:
    """Return the text of a field of fixed length: what is before its first zero.

    Parameters
    ----------
    field : bytes
        From a message.

    Returns
    -------
    str

    Raises
    ------
    BadMessage
        Not UTF-8.
    """
    return decoded(field.split(b"\0", 1)[0], UTF_8)


def name_of(field: bytes) -> str:
    """Return a name, or words for people, also where they are cut within a character.

    Parameters
    ----------
    field : bytes
        From a message.

    Returns
    -------
    str
        Bytes that are not UTF-8 are kept as lone surrogates, so that names differ where these do.
    """
    return field.split(b"\0", 1)[0].decode("utf-8", "surrogateescape")


def decoded(data: bytes, encoding: int) -> str:
    """Return text of which a message gives the encoding.

    Parameters
    ----------
    data : bytes
        From a message.
    encoding : int
        Number of the character set.

    Returns
    -------
    str

    Raises
    ------
    BadMessage
        Another encoding than ASCII, Latin-1 and UTF-8, or bytes that it does not have.
    """
    if encoding not in ENCODINGS:
        raise BadMessage(f"text: encoding is {encoding}, expected one of {sorted(ENCODINGS)}")
    try:
        return data.decode(ENCODINGS[encoding])
    except UnicodeDecodeError:
        raise BadMessage(f"text: not {ENCODINGS[encoding]}: {data[:20]!r}") from None


def lenient_text(data: bytes, encoding: int) -> str:
    """Return text of metadata: what another sender writes there is no reason to leave it.

    Parameters
    ----------
    data : bytes
        From a message; a name in it may be cut within a character.
    encoding : int
        Number of the character set; where it is not known, UTF-8 is tried.

    Returns
    -------
    str
        Bytes that are no text are kept as lone surrogates.
    """
    known = ENCODINGS.get(encoding, "utf-8")
    return data.decode("utf-8" if known == "ascii" else known, "surrogateescape")


def encoded(text: str) -> tuple[bytes, int]:
    """Return text as bytes, and the number of their encoding: ASCII where that will do.

    Parameters
    ----------
    text : str
        Any.

    Returns
    -------
    data : bytes
        The text.
    encoding : int
        `ASCII` or `UTF_8`.
    """
    if text.isascii():
        return text.encode("ascii"), ASCII
    return text.encode("utf-8", "surrogateescape"), UTF_8


def expect_size(kind: str, body: bytes, size: int) -> None:
    """Refuse a body that has not the size of its message type.

    Parameters
    ----------
    kind : str
        The message type.
    body : bytes
        From a message.
    size : int
        Expected, bytes.

    Raises
    ------
    BadMessage
        Another one.
    """
    if len(body) != size:
        raise BadMessage(f"{kind}: has {len(body)} bytes, expected {size}")


def expect_multiple(kind: str, body: bytes, size: int) -> None:
    """Refuse a body that does not consist of whole entries.

    Parameters
    ----------
    kind : str
        The message type.
    body : bytes
        From a message.
    size : int
        Of an entry, bytes.

    Raises
    ------
    BadMessage
        A part of one is left over.
    """
    if len(body) % size:
        raise BadMessage(f"{kind}: has {len(body)} bytes, expected a multiple of {size}")
