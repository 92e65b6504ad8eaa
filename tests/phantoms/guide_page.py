"""The guide's HTML taken apart: its steps and its chapters."""

import re
from dataclasses import dataclass
from html import unescape


@dataclass(frozen=True)
class PageStep:
    """A step as the guide shows it; words without markup."""

    number: int
    title: str
    picture: str
    text: str


def guide_steps(html):
    """All steps in the page's order."""
    found = re.findall(r'<section class="step" id="step-(\d+)">(.*?)</section>', html, re.DOTALL)
    steps = []
    for number, inside in found:
        (heading,) = re.findall(r"<h3>(.*?)</h3>", inside, re.DOTALL)
        (picture,) = re.findall(r'<img src="(.*?)"', inside)
        text = re.search(r'<div class="text">(.*)</div>', inside, re.DOTALL)[1]
        count, title = words(heading).split(". ", 1)
        assert count == number
        steps.append(PageStep(int(number), title, picture, words(text)))
    return steps


def chapter(html, title):
    """The words of a chapter without its heading."""
    start = html.index(f">{title}</h2>")
    end = html.find("<h2", start)
    return words(html[start + len(title) + 6 : end if end > 0 else None])


def words(html):
    """Text without tags, with single spaces."""
    return " ".join(unescape(re.sub(r"<[^>]*>", "", html)).split())
