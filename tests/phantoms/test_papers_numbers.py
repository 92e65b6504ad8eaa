"""Numbers in the kit's papers: amounts, lengths for a caliper, errors to expect; and its words."""

import re
import sys
import time
import zlib
from html import escape
from importlib.abc import MetaPathFinder
from shutil import copytree

import numpy as np
import pytest
from PIL import Image

from nav.core.errors import InputError
from nav.html_to_pdf import pdf_printer, write_pdf
from nav.registration.points import register_points
from phantoms.anatomy.parameters import AnatomyParameters
from phantoms.anatomy.plans import AnatomyPlan
from phantoms.anatomy.variants import preset
from phantoms.kit.kit_layout import layout
from phantoms.kit.papers.amounts import (
    INFILL,
    SHELL,
    bore_volume,
    filament_grams,
    poured_volume,
)
from phantoms.kit.papers.checks import LEAN, LONGEST, SHORTEST, lengths, predicted_tre
from phantoms.kit.papers.gels import GELS, LOSSES
from phantoms.kit.papers.neck_description import special
from phantoms.kit.papers.needles import HELD, LOST, REACH, needed, needle_lengths
from phantoms.kit.papers.picture_labels import Label, with_labels
from phantoms.kit.papers.step_scenes import Stage, walked
from phantoms.kit.papers.templates import (
    TEXT,
    bom_csv,
    markdown_html,
    plain,
    render_bom,
    render_guide,
)
from phantoms.kit.part import Part
from phantoms.kit.solid import box, mesh_of
from phantoms.kit.tools_seat import free_shaft
from phantoms.kit.tubes import Tube
from tests.phantoms.guide_page import guide_steps


@pytest.fixture(scope="module")
def placed():
    return layout(AnatomyParameters())


@pytest.mark.parametrize("gel", GELS, ids=lambda gel: gel.name)
def test_ingredients_weigh_what_the_volume_does_and_follow_it(gel):
    once, twice = gel.grams(1000.0), gel.grams(2000.0)
    assert sum(grams for _, grams, _ in once) == pytest.approx(1000.0 * LOSSES * gel.density)
    assert [name for name, _, _ in once] == [name for name, _, _ in twice]
    for (_, a, _), (_, b, _) in zip(once, twice, strict=True):
        assert b == pytest.approx(2.0 * a)
    assert all(grams > 0.0 for _, grams, _ in once)
    assert gel.pour <= 50  # degrees, PLA softens at 55


def test_the_gel_is_the_block_less_what_stands_in_it():
    block = box((0, 0, 0), (100, 100, 100))
    half_inside = box((90, 0, 0), (110, 100, 100))
    also_there = box((85, 0, 0), (95, 100, 100))  # their common part counts once
    assert poured_volume(block, [half_inside, also_there]) == pytest.approx(850.0)


def test_filament_of_a_thin_wall_is_all_wall_and_of_a_cube_mostly_infill():
    def part(size):
        return Part("p", "p", mesh_of(box((0, 0, 0), size)), None, "PLA", (1, 1, 1), "")

    walls, inside = 2200.0 * SHELL, 6000.0 - 2200.0 * SHELL  # of an area of 2200 mm^2
    grams = 1.24 * (walls + INFILL * inside) / 1000.0
    assert filament_grams(part((10, 20, 30))) == pytest.approx(grams)
    assert filament_grams(part((2.0, 100.0, 100.0))) == pytest.approx(1.24 * 20.0)
    assert filament_grams(part((100, 100, 100))) < 0.35 * 1.24 * 1000.0
    assert filament_grams(part((100, 100, 100))) > 0.20 * 1.24 * 1000.0


@pytest.mark.parametrize(
    ("way", "plain", "winged", "on_hub"),
    [
        (52.0, 90.0, 120.0, 90.0),
        (50.4, 90.0, 90.0, 90.0),
        (62.0, 120.0, 120.0, 90.0),
        (119.0, 150.0, 160.0, 150.0),
    ],
)
def test_the_needle_that_is_sold_reaches_the_farthest_target(way, plain, winged, on_hub):
    near = AnatomyPlan("left", (way - 9.0, 0.0, 0.0), (0.0, 0.0, 0.0))
    far = AnatomyPlan("right", (-way, 3.0, 1.0), (0.0, 3.0, 1.0))
    found = needle_lengths([near, far])
    assert found.way == pytest.approx(way)
    assert (found.plain.sold, found.winged.sold, found.on_hub.sold) == (plain, winged, on_hub)
    assert free_shaft(found.plain.least) == pytest.approx(way + REACH)
    assert free_shaft(found.winged.least) - LOST == pytest.approx(way + REACH)
    assert found.on_hub.least == pytest.approx(found.plain.least - HELD)
    assert needed(found.plain).endswith(f"(on sale: {plain:.0f} mm)")


def test_what_is_filled_into_a_tube_stands_beside_its_wire():
    thick, thin = Tube("", 3.0, 5.0, 200.0), Tube("", 1.0, 2.0, 200.0)
    assert bore_volume(thick) == pytest.approx(200.0 * np.pi / 4 * (9.0 - 1.5**2) / 1000.0)
    assert bore_volume(thin) == pytest.approx(200.0 * np.pi / 4 * (1.0 - 0.8**2) / 1000.0)


def test_lengths_for_a_caliper_are_those_of_the_layout_and_can_be_measured(placed):
    divots = {d.label: d for d in placed.divots}
    found = lengths(placed.divots)
    assert {d.holder for d in placed.divots} | {""} == {pair.holder for pair in found}
    assert {end for pair in found for end in (pair.first, pair.second)} == set(divots)
    for pair in found:
        a, b = divots[pair.first], divots[pair.second]
        line = np.subtract(b.apex, a.apex)
        assert pair.length == pytest.approx(np.linalg.norm(line))
        assert SHORTEST <= pair.length <= LONGEST
        assert pair.holder == (a.holder if a.holder == b.holder else "")
        assert _lean(a, b, line / np.linalg.norm(line)) <= LEAN + 1e-9


def _lean(a, b, line):
    """The least lean, degrees, of points square to the line: tried all round."""
    across = np.cross(line, (0.3, 0.5, 0.8))
    across /= np.linalg.norm(across)
    turn = np.radians(np.arange(0.0, 360.0, 0.25))[:, None]
    ways = np.cos(turn) * across + np.sin(turn) * np.cross(line, across)
    least = np.min([ways @ np.array(a.axis), ways @ np.array(b.axis)], axis=0).max()
    return np.degrees(np.arccos(least)) - 0.25


def test_the_predicted_error_is_that_of_the_registration(placed):
    fiducials = np.array([d.apex for d in placed.divots if d.use == "register"])
    for point in [(0.0, 2.0, 0.0), (30.0, -40.0, 60.0)]:
        registration = register_points(fiducials, fiducials, fle=0.25)
        expected = registration.predicted_tre(np.array([point]))[0]
        assert predicted_tre(fiducials, np.array(point)) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("intersegmental:right", "right: persistent first intersegmental artery"),
        ("narrow-gap", "the window between C1 and C2 is 7.0 mm high"),
        ("posterior-loop", "left: the artery's loop between C2 and C1 bows back by 7 mm"),
        ("hypoplastic:both", "right: an artery of 2.0 mm"),
        ("rotated-right", "C1 is turned to the right by 20 degrees"),
        ("extended", "chin up by 8 degrees"),
    ],
)
def test_what_is_special_about_a_neck_is_said(name, words):
    assert any(words in what for what, _ in special(preset(name)))


def test_nothing_is_special_about_the_standard_neck():
    assert special(AnatomyParameters()) == ()


def test_steps_add_up_drop_and_leave_the_bench_alone():
    pieces = dict.fromkeys(("base", "arch_a", "arch_b", "mould", "core"), ())
    stages = (
        Stage("1", adds=("base", "mould")),
        Stage("2", adds=("core",), aside=True),
        Stage("3", adds=("arch_*",), drops=("mould",)),
        Stage("4"),
    )
    assert [before for _, before in walked(stages, pieces)] == [
        (),
        (),
        ("base",),
        ("base", "arch_a", "arch_b"),
    ]


def test_a_neck_may_have_any_name():
    name = "a < b: **x** `y & z` | [1](2) _u_ <i>"
    html, chapters = markdown_html(
        f"## The neck\n\n| {plain(name)} |\n| --- |\n| `c --d` **d** |\n"
    )
    assert f"<th>{escape(name)}</th>" in html
    assert "<td><code><span>c</span> <span>--d</span></code> <strong>d</strong></td>" in html
    assert [(c.name, c.text) for c in chapters] == [("the-neck", "The neck")]
    assert '<h2 id="the-neck">' in html


def test_a_pdf_is_the_same_every_time(tmp_path):
    page = "<title>t</title><h1>One</h1><p>2 °C</p><img src='a picture.png'>"
    paths = [tmp_path / "one" / "a.pdf", tmp_path / "two" / "b.pdf"]
    for path in paths:
        path.parent.mkdir()
        Image.new("RGB", (40, 30), "red").save(path.parent / "a picture.png")
    write_pdf(paths[0], page)
    time.sleep(1.1)  # a time in the file would be another one
    write_pdf(paths[1], page)
    assert paths[0].read_bytes() == paths[1].read_bytes()
    write_pdf(paths[1], page + "<p>more</p>")
    assert paths[0].read_bytes() != paths[1].read_bytes()


@pytest.mark.parametrize("file", ["none.png", "http://localhost/a.png"])
def test_a_picture_that_is_not_there_is_one_line(tmp_path, file):
    with pytest.raises(InputError, match=rf"a\.pdf: .*{file}") as refused:
        write_pdf(tmp_path / "a.pdf", f"<img src='{file}'>")
    assert "\n" not in str(refused.value)
    assert not (tmp_path / "a.pdf").exists()


def test_a_pdf_has_its_own_letters(tmp_path):
    path = tmp_path / "a.pdf"
    write_pdf(path, "<style>body { font-family: serif }</style>a<b>b</b><code>c</code>")
    streams = re.findall(rb"stream\r?\n(.*?)endstream", path.read_bytes(), re.DOTALL)
    inflated = b"".join(zlib.decompressobj().decompress(s) for s in streams if s[:1] == b"x")
    fonts = {name.decode() for name in re.findall(rb"/BaseFont ?/\w+\+([\w-]+)", inflated)}
    assert fonts == {"guide", "guide-Bold", "guide-mono"}


def test_a_missing_pango_is_one_line(monkeypatch):
    class Missing(MetaPathFinder):
        def find_spec(self, name, path, target=None):
            if name == "weasyprint":
                raise OSError("cannot load library 'libpango-1.0-0'")

    monkeypatch.delitem(sys.modules, "weasyprint", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Missing(), *sys.meta_path])
    with pytest.raises(InputError, match=r"PDF: .*Pango is missing; install it"):
        pdf_printer()


@pytest.fixture
def text(tmp_path):
    """A copy of the templates, to be edited."""
    return copytree(TEXT, tmp_path / "text")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("one\ntwo {{ pieecs }}", r"begin.md:2: 'pieecs' is undefined"),
        ("{{ notice|fixed(1) }}", r"begin.md:1: .*'f' for object of type 'str'"),
        ("one\n{% if wet %}", r"begin.md:2: "),
        ('{{ "x"|upto(5) }}', r"begin.md:1: .*'upto'"),
    ],
)
def test_a_mistake_in_a_template_is_one_line(text, line, message):
    (text / "guide.md").write_text('{% include "begin.md" %}')
    (text / "cover.md").write_text("")
    (text / "begin.md").write_text(line)
    with pytest.raises(InputError, match=message) as refused:
        render_guide({"notice": "n"}, text)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("order", [("a", "b"), ("b", "a"), ("a",), ("a", "b", "b")])
def test_steps_are_in_the_order_of_their_pictures(text, order):
    words = "".join(f'{{% call step("{n}", "T") %}}\n- do\n{{% endcall %}}\n\n' for n in order)
    (text / "guide.md").write_text(f'{{% from "macros.md" import step with context %}}\n{words}')
    (text / "cover.md").write_text("")
    names = ("title", "running", "notice", "version", "pictures")
    facts = dict.fromkeys(names, "n") | {"size": (4, 3), "steps": {"a": 1, "b": 2}}
    if order == ("a", "b"):
        assert [step.number for step in guide_steps(render_guide(facts, text))] == [1, 2]
        return
    with pytest.raises(InputError, match=r"assembly.md: expected the steps a, b in this order"):
        render_guide(facts, text)


def test_a_bill_of_materials_is_read_back_as_it_is_written(text):
    head = "group,item,quantity,unit,size,material,for\n"
    (text / "bom.csv").write_text(head + 'use,"a, b",{{ 2 * n }},mm,,,"c ""d"""\n')
    rows = render_bom({"n": 1.25}, text)
    assert [(r.name, r.quantity, r.purpose) for r in rows] == [("a, b", 2.5, 'c "d"')]
    assert bom_csv(rows) == head + 'use,"a, b",2.5,mm,,,"c ""d"""\n'
    for wrong in ("use,a,many,mm,,,c\n", "use,a,1,mm,,c\n", "use,a,1,mm,,,c,d\n"):
        (text / "bom.csv").write_text(head + wrong)
        with pytest.raises(InputError, match=r"bom.csv: expected 7 columns .* got use,a"):
            render_bom({}, text)
    (text / "bom.csv").write_text("item,quantity\n")
    with pytest.raises(InputError, match=r"bom.csv: expected the columns group, item"):
        render_bom({}, text)


def test_labels_of_one_place_do_not_cover_each_other():
    white = Image.new("RGB", (800, 600), "white")
    labels = [Label(f"word {n}", 400.0, 300.0) for n in range(6)]
    rows = np.asarray(with_labels(white.copy(), labels).convert("L")) < 90
    blocks = [
        # letters only at either edge, a block of rows for each label
        int((np.diff(side.any(axis=1).astype(int)) == 1).sum())
        for side in (rows[:, :100], rows[:, -100:])
    ]
    assert sum(blocks) == len(labels)
    assert min(blocks) >= 2
    assert np.array_equal(np.asarray(with_labels(white.copy(), [])), np.asarray(white))
