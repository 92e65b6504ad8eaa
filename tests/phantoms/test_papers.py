"""The kit's papers: guide as HTML and PDF, bill of materials, a picture of all that is named."""

import csv
from html.parser import HTMLParser

import numpy as np
import pypdfium2  # type: ignore[import-untyped]
import pytest
from matplotlib.ft2font import FT2Font
from PIL import Image

import nav
from nav.core.errors import InputError
from nav.html_to_pdf import FONTS, MONOSPACED, font_folder
from phantoms.anatomy.parameters import AnatomyParameters
from phantoms.kit.block import block
from phantoms.kit.gel import skin_on_base
from phantoms.kit.kit_case import phantom_case
from phantoms.kit.kit_layout import layout
from phantoms.kit.needle_carrier import carrier_parts
from phantoms.kit.papers.amounts import amounts
from phantoms.kit.papers.bench import formers
from phantoms.kit.papers.needles import needle_lengths
from phantoms.kit.papers.paper_files import write_papers
from phantoms.kit.papers.pieces import needle_pieces, pieces
from phantoms.kit.papers.step_scenes import matching
from phantoms.kit.papers.steps import kit_steps
from phantoms.kit.parts import kit_parts
from tests.phantoms.guide_page import guide_steps

pytestmark = pytest.mark.slow  # minutes: `make test-slow`

SMALL = (160, 120)  # pixels: what is on the pictures is looked at by eye
NAME = "narrow <gap> & loop"  # to be escaped
LEFT_OUT = [f"needle-bush-{gauge}g" for gauge in (25, 20, 18, 17, 16, 14)]  # like the one of 22
DRY_CASE_LACKS = ("dura", "skin")


class Page(HTMLParser):
    """What a page refers to, its names and words, and tags that do not close."""

    VOID = ("meta", "img", "br", "link")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.files: list[str] = []
        self.links: list[str] = []
        self.names: set[str | None] = set()
        self.text = ""
        self.open: list[str] = []
        self.astray: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        if "src" in found:
            self.files.append(found["src"])
        if "href" in found:
            self.links.append(found["href"])
        self.names.add(found.get("id"))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.astray.append(tag)

    def handle_data(self, data):
        self.text += data


class Kit:
    """A kit of the standard neck with its papers."""

    def __init__(self, kind, folder):
        self.kind, self.folder = kind, folder
        whole = phantom_case(AnatomyParameters(), "wet")
        self.case = whole if kind == "wet" else phantom_case(AnatomyParameters(), kind)
        self.layout = layout(self.case.parameters)
        tools = [part for part in carrier_parts() if part.name not in LEFT_OUT]
        self.parts = (*kit_parts(whole, self.layout, kind), *tools, block())
        gel = skin_on_base(self.case.parameters, self.layout) if kind == "wet" else None
        lengths = needle_lengths(self.case.plans)
        self.stages = kit_steps(self.layout, amounts(self.case, [], gel))
        self.pieces = {
            **pieces(self.parts, self.case, self.layout, gel),
            **formers(self.parts, self.case.parameters),
            **needle_pieces(self.parts, lengths.plain.sold),
        }
        self.told = []
        self.write(folder, self.told.append)
        self.html = (folder / "guide.html").read_text(encoding="utf-8")
        self.page = Page(self.html)
        pdf = pypdfium2.PdfDocument(folder / "guide.pdf")
        pages = [page.get_textpage().get_text_range() for page in pdf]
        self.pdf_text = " ".join("\n".join(pages).split())
        with open(folder / "bom.csv", newline="", encoding="utf-8") as file:
            self.bom = list(csv.DictReader(file))

    def write(self, folder, progress=lambda name: None):
        case, parts = self.case, self.parts
        write_papers(folder, parts, case, self.layout, self.kind, NAME, progress, SMALL)


@pytest.fixture(scope="module")
def wet(tmp_path_factory):
    return Kit("wet", tmp_path_factory.mktemp("wet"))


@pytest.fixture(scope="module")
def dry(tmp_path_factory):
    return Kit("dry", tmp_path_factory.mktemp("dry"))


@pytest.fixture(params=("dry", "wet"))
def kit(request):
    return request.getfixturevalue(request.param)


def test_every_part_is_in_the_guide_and_in_the_bill_of_materials(kit):
    printed = [row for row in kit.bom if row["group"] == "print"]
    assert len(printed) == len(kit.parts)
    for part, row in zip(kit.parts, printed, strict=True):
        title = part.title[:1].upper() + part.title[1:]
        assert row["item"] == f"{title} ({part.name})"
        assert row["quantity"] == str(part.count)
        assert f"{part.name}.stl" in kit.page.text
        assert f"pictures/part-{part.name}.png" in kit.page.files
        assert title in kit.pdf_text


def test_what_stands_in_the_phantom_is_added_in_a_step(kit):
    added = {name for stage in kit.stages for name in matching(stage.adds, kit.pieces)}
    assert {part.name for part in kit.parts if part.model_from_part is not None} <= added


def test_steps_name_only_what_there_is(kit):
    for stage in kit.stages:
        moved = [pattern for pattern, _ in stage.apart]
        for pattern in (*stage.adds, *stage.drops, *stage.focus, *moved):
            assert matching([pattern], kit.pieces), f"{stage.name}: {pattern}"


def test_every_step_is_in_both_guides_with_its_picture(kit):
    at = -1
    shown = guide_steps(kit.html)
    assert [step.number for step in shown] == list(range(1, len(kit.stages) + 1))
    for stage, step in zip(kit.stages, shown, strict=True):
        assert step.picture == f"pictures/step-{stage.name}.png"
        assert step.text
        later = kit.pdf_text.find(f"{step.number}. {step.title}", at + 1)
        assert later > at, f"{stage.name}: not after the step before"
        at = later


def test_pictures_show_something_and_all_are_used(kit):
    files = sorted(path.relative_to(kit.folder).as_posix() for path in kit.folder.rglob("*.png"))
    assert sorted(set(kit.page.files)) == files
    assert len(kit.told) == len(files)
    for file in files:
        with Image.open(kit.folder / file) as picture:
            assert picture.size == SMALL
            pixels = np.asarray(picture.convert("RGB"))
        drawn = (pixels < 235).any(axis=2).mean()
        assert 0.04 < drawn < 0.98, file


def test_html_is_sound_and_needs_nothing_from_elsewhere(kit):
    assert not kit.page.astray
    assert not kit.page.open
    assert {link.removeprefix("#") for link in kit.page.links} <= kit.page.names
    assert all(link.startswith("#") for link in kit.page.links)
    assert "url(" not in kit.html
    assert all((kit.folder / file).is_file() for file in kit.page.files)


def test_both_guides_say_whose_they_are_and_what_they_are_not(kit):
    for text in (kit.page.text, kit.pdf_text):
        assert NAME in text
        assert nav.NOTICE in text
    assert "<gap>" not in kit.html


def test_words_are_of_letters_that_the_fonts_of_the_pdf_have(kit):
    letters = {ord(letter) for letter in kit.page.text if not letter.isspace()}
    for file in (*FONTS.values(), MONOSPACED):
        assert letters <= set(FT2Font(font_folder() / file).get_charmap())


def test_the_guide_says_what_the_case_holds(kit):
    sentence = " ".join(kit.page.text.split()).split(
        "holds the surfaces that the parts were made from"
    )[1]
    sentence = sentence.split("Where print and case differ")[0]
    for structure in kit.case.structures:
        assert structure.name.removesuffix("s") in sentence
    listed = sentence.split(".")[0]
    for name in DRY_CASE_LACKS:
        assert (name in listed) == (kit.kind == "wet")


def test_only_a_wet_kit_has_gel_and_film(wet, dry):
    assert {"gel", "dura", "water"} <= {row["group"] for row in wet.bom}
    assert {"gel", "dura", "water"}.isdisjoint({row["group"] for row in dry.bom})
    assert "Gelatine" in wet.page.text
    assert "gelatine" not in dry.page.text.lower()


def test_every_screw_has_a_nut_and_every_bolt_hole_of_the_base_a_screw(kit):
    quantity = {row["item"]: 0 for row in kit.bom}
    for row in kit.bom:
        if row["group"] == "fasteners":
            quantity[row["item"]] += int(row["quantity"])
    assert quantity["screw"] == quantity["nut"]
    used = [piece for name, piece in kit.pieces.items() if name.startswith("screws:")]
    assert used
    through_base = sum(len(places) for places in kit.layout.bolts.values())
    assert quantity["screw"] > through_base / 2


def test_the_same_kit_gives_the_same_bytes(dry, tmp_path):
    dry.write(tmp_path)
    first = {p.relative_to(dry.folder): p.read_bytes() for p in dry.folder.rglob("*.*")}
    second = {p.relative_to(tmp_path): p.read_bytes() for p in tmp_path.rglob("*.*")}
    assert first == second


def test_another_kind_is_refused(dry, tmp_path):
    with pytest.raises(InputError, match="kind: expected dry or wet, got 'moist'"):
        write_papers(tmp_path, dry.parts, dry.case, dry.layout, "moist", NAME)
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_not_there_is_one_line(dry, tmp_path):
    with pytest.raises(InputError) as refused:
        dry.write(tmp_path / "not" / "there")
    assert "cannot be written" in str(refused.value)
    assert "\n" not in str(refused.value)
