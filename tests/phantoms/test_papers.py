"""The kit's papers: guide as HTML and PDF, bill of materials, a picture of all that is named."""

import csv
from dataclasses import replace
from html.parser import HTMLParser
from itertools import combinations
from pathlib import Path

import numpy as np
import pypdfium2
import pytest
from PIL import Image

import nav
from nav.errors import InputError
from phantoms.anatomy.parameters import AnatomyParameters
from phantoms.kit.block import block
from phantoms.kit.case import phantom_case
from phantoms.kit.layout import layout
from phantoms.kit.papers.album import take_album
from phantoms.kit.papers.amounts import amounts
from phantoms.kit.papers.needle_steps import needle_steps
from phantoms.kit.papers.pieces import pieces
from phantoms.kit.papers.stages import matching
from phantoms.kit.papers.steps import phantom_steps
from phantoms.kit.papers.write import write_papers
from phantoms.kit.parts import kit_parts
from phantoms.kit.tools import carrier_parts

SMALL = (160, 120)  # pixels: what is on the pictures is looked at by eye
NAME = "narrow <gap> & loop"  # to be escaped
KINDS = ("dry", "wet")


class Page(HTMLParser):
    """What a page refers to, which tags are open, and its words."""

    VOID = ("meta", "img", "br", "link", "!doctype")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.files, self.links, self.names, self.words = [], [], set(), []
        self.open: list[str] = []
        self.astray: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        self.files += [found[key] for key in ("src", "data") if key in found]
        if "href" in found:
            self.links.append(found["href"])
        self.names.add(found.get("id"))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.astray.append(tag)

    def handle_data(self, data):
        self.words.append(data)


class Kit:
    """A kit of the standard neck with its papers."""

    def __init__(self, kind: str, folder: Path) -> None:
        self.kind, self.folder = kind, folder
        self.case = phantom_case(AnatomyParameters(), kind)
        self.layout = layout(self.case.parameters)
        tools = (*carrier_parts(), block())
        self.parts = (*kit_parts(self.case_of_parts(), self.layout, kind), *tools)
        self.told: list[str] = []
        self.write(folder, self.told.append)
        self.page = Page((folder / "guide.html").read_text(encoding="utf-8"))
        pdf = pypdfium2.PdfDocument(folder / "guide.pdf")
        self.pdf_text = "\n".join(page.get_textpage().get_text_range() for page in pdf)
        with open(folder / "bom.csv", newline="", encoding="utf-8") as file:
            self.bom = list(csv.DictReader(file))

    def case_of_parts(self):
        return phantom_case(self.case.parameters, "wet") if self.kind == "dry" else self.case

    def write(self, folder, progress=lambda name: None):
        write_papers(
            folder, self.parts, self.case, self.layout, self.kind, NAME, progress, SMALL
        )


@pytest.fixture(scope="module")
def wet(tmp_path_factory):
    return Kit("wet", tmp_path_factory.mktemp("wet"))


@pytest.fixture(scope="module")
def dry(tmp_path_factory):
    return Kit("dry", tmp_path_factory.mktemp("dry"))


@pytest.fixture(params=KINDS)
def kit(request):
    return request.getfixturevalue(request.param)
