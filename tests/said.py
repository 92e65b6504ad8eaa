"""Notices as a user reads them in English, and their codes."""

from collections.abc import Iterable, Iterator, Mapping

from nav.core.notice import Notice
from nav.text.catalogue import ENGLISH

# reasons that ask whether the tool's file is the right one
ASKING_FOR_FILE = {
    "markers_misplaced", "markers_elsewhere", "not_this_tool", "misaligned", "markers_disagree",
    "cameras_contradict",
}  # fmt: skip


def said(notices: Notice | Iterable[Notice]) -> str:
    """The sentence of a notice, or of several on one line."""
    return ENGLISH.sentences([notices] if isinstance(notices, Notice) else notices)


def each_said(notices: Iterable[Notice]) -> list[str]:
    return [ENGLISH.sentence(notice) for notice in notices]


def said_by_name(notices: Mapping[str, Notice]) -> dict[str, str]:
    return {name: ENGLISH.sentence(notice) for name, notice in notices.items()}


def codes(notices: Notice | Iterable[Notice]) -> list[str]:
    """Codes of notices and of the reasons in them."""
    several = [notices] if isinstance(notices, Notice) else notices
    return [code for notice in several for code in notice.codes]


def noticed(notices: Notice | Iterable[Notice], code: str) -> Iterator[Notice]:
    """Every notice of a code, also among the reasons of others."""
    for notice in [notices] if isinstance(notices, Notice) else notices:
        if notice.code == code:
            yield notice
        inner = [notice.facts.get("reason"), *notice.facts.get("reasons", ())]
        yield from noticed([n for n in inner if isinstance(n, Notice)], code)
