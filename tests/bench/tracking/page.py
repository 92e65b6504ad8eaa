"""The measured tables of docs/accuracy/tracking.md, which stand between two marks."""

from pathlib import Path

from nav.core.errors import InputError

BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"


def put_between(path: Path, text: str) -> None:
    """Replace what stands between the marks of a page.

    Raises
    ------
    InputError
        The page lacks the marks.
    """
    page = path.read_text(encoding="utf-8")
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise InputError(f'{path}: expected the marks "{BEGIN}" and "{END}"')
    path.write_text(f"{before}{BEGIN}\n\n{text.strip()}\n\n{END}{after}", encoding="utf-8")
