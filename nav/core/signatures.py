"""Which well-known kind of file has other content than its name promises: by its first bytes."""

from dataclasses import dataclass

LOOKED_AT = 256  # bytes


@dataclass(frozen=True)
class Signature:
    """How files of a kind begin.

    starts : any of them; text in small letters. what, advice : for people. suffixes : of the files
    that may begin so. binary : whether no text file begins so.
    """

    starts: tuple[bytes, ...]
    what: str
    advice: str
    suffixes: tuple[str, ...] = ()
    binary: bool = False


SIGNATURES = (
    Signature((b"ply\n", b"ply\r"), "a PLY file", "name it .ply", (".ply",)),
    Signature((b"solid ", b"solid\n", b"solid\r"), "a text STL", "name it .stl", (".stl",)),
    Signature((b"<vtkfile", b"<?xml"), "an XML file", "name it .vtp if it is one", (".vtp",)),
    Signature((b"# vtk datafile",), "a legacy VTK file", "save it as PLY, STL or VTP", (".vtk",)),
    Signature((b"<!doctype html", b"<html"), "a web page", "download the file itself"),
    Signature(
        (b"version https://git-lfs",), "a Git LFS pointer", "fetch the file itself: git lfs pull"
    ),
    Signature((b"pk\x03\x04",), "a ZIP archive or spreadsheet", "save what is in it", binary=True),
    Signature((b"\x1f\x8b",), "compressed by gzip", "unpack it", binary=True),
    Signature((b"\xd0\xcf\x11\xe0",), "an old Office file", "save it as text", binary=True),
    Signature((b"%pdf-",), "a PDF", "give the file that it shows", binary=True),
    Signature((b"\x89png", b"\xff\xd8\xff"), "an image", "give another file", binary=True),
)
UTF16 = (b"\xff\xfe", b"\xfe\xff")


def other_kind(content: bytes, suffix: str = "", binary: bool = False) -> str:
    """Describe what kind of file content is instead, and what to do, as the rest of a sentence.

    Parameters
    ----------
    content : bytes
        Of the file, at least its beginning.
    suffix : str
        Of its name, with the dot: of that kind none is reported.
    binary : bool
        Whether only kinds are reported that no text file is taken for.

    Returns
    -------
    str
        "is a PLY file; name it .ply"; empty where nothing tells.
    """
    head = content[:LOOKED_AT].removeprefix(b"\xef\xbb\xbf").lstrip(b" \t\r\n").lower()
    for signature in SIGNATURES:
        if (binary and not signature.binary) or suffix.lower() in signature.suffixes:
            continue
        if head.startswith(signature.starts):
            return f"is {signature.what}; {signature.advice}"
    if content.startswith(UTF16) and not binary:
        return "is UTF-16 text; save it as UTF-8"
    return ""
