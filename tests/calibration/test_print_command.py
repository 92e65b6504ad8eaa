"""`nav print`: which files it writes, what it says, what it refuses."""

import io

import pypdfium2  # type: ignore[import-untyped]
import pytest
from rich.console import Console

from calibration.board import load_board
from calibration.printing.board_sheets import boards_for
from calibration.printing.footer import RULER
from calibration.printing.page import POINTS, Page
from calibration.printing.paper import PAPERS, Paper, paper_named
from calibration.printing.print_command import print_targets, print_tools
from calibration.printing.standard_tools import standard_needle, standard_reference
from nav.core.errors import InputError
from nav.tracking.tool import check_tools, load_tool

TARGETS = {"charuco", "charuco-close", "chessboard"}
TOOLS = {"needle", "reference"}

of_both = pytest.mark.parametrize(
    ("command", "names"), [(print_targets, TARGETS), (print_tools, TOOLS)]
)


def said(command, paper, out):
    console = Console(file=io.StringIO(), width=200)
    command(paper, out, console)
    return console.file.getvalue()


@of_both
@pytest.mark.parametrize("paper", PAPERS)
def test_every_page_has_its_file_and_is_named(command, names, paper, tmp_path):
    words = said(command, paper, tmp_path / "new" / "folder")
    files = {path.name for path in (tmp_path / "new" / "folder").iterdir()}
    assert files == {f"{name}.{kind}" for name in names for kind in ("pdf", "toml")}
    for file in files:
        assert file in words
    assert "100 %" in words
    assert "not a medical device" in words


@pytest.mark.parametrize("paper", PAPERS)
def test_board_files_hold_what_is_printed(paper, tmp_path):
    said(print_targets, paper, tmp_path)
    for name, board in boards_for(PAPERS[paper]).items():
        assert load_board(tmp_path / f"{name}.toml") == board


def test_tool_files_hold_what_is_printed_and_the_needle_has_no_tip(tmp_path):
    said(print_tools, "a4", tmp_path)
    tools = [load_tool(tmp_path / f"{name}.toml") for name in ("needle", "reference")]
    for tool, standard in zip(tools, (standard_needle(), standard_reference()), strict=True):
        assert tool.tip is None
        assert tool.quiet == standard.quiet
        assert tool.dictionary == standard.dictionary
        for marker, own in zip(tool.markers, standard.markers, strict=True):
            assert marker.id == own.id
            assert (marker.corners == own.corners).all()
    check_tools(tools)


@pytest.mark.parametrize("paper", PAPERS.values(), ids=PAPERS)
def test_targets_fit_and_a_chessboard_has_white_round_it(paper):
    for board in boards_for(paper).values():
        box = paper.area.centred(*board.size)
        assert box.left >= paper.area.left
        assert box.top >= paper.area.top
        assert box.bottom <= paper.area.bottom
        assert (board.columns + board.rows) % 2 == 1 or board.is_charuco
        if not board.is_charuco:
            assert min(box.left, box.top) >= board.square
    assert paper.footer.width > 2 * RULER


@of_both
def test_the_same_version_writes_the_same_pages(command, names, tmp_path):
    said(command, "a4", tmp_path / "one")
    said(command, "A4", tmp_path / "two")
    for name in names:
        one, two = ((tmp_path / folder / f"{name}.pdf").read_bytes() for folder in ("one", "two"))
        assert one == two


@of_both
@pytest.mark.parametrize("paper", ["a5", "", "A4 landscape"])
def test_an_unknown_paper_is_refused_and_nothing_written(command, names, paper, tmp_path):
    with pytest.raises(
        InputError, match=r'unknown "' + paper + '"; expected one of a4, letter, a3'
    ):
        said(command, paper, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@of_both
def test_a_folder_that_is_a_file_is_refused_in_one_line(command, names, tmp_path):
    (tmp_path / "out").write_text("in the way")
    with pytest.raises(InputError, match="cannot be written") as refused:
        said(command, "a4", tmp_path / "out")
    assert "\n" not in str(refused.value)
    assert (tmp_path / "out").read_text() == "in the way"


def test_a_page_is_drawn_in_millimetres_from_its_top_left_corner():
    page = Page(Paper("card", 100.0, 60.0), "card")
    page.fill([[(10, 20), (30, 20), (30, 25), (10, 25)]])
    with pypdfium2.PdfDocument(page.finished()) as document:
        assert document[0].get_size() == pytest.approx((100 * POINTS, 60 * POINTS), abs=1e-3)
        (area,) = document[0].get_objects()
        left, bottom, right, top = (value / POINTS for value in area.get_bounds())
    assert (left, right) == pytest.approx((10.0, 30.0), abs=1e-3)
    assert (60 - top, 60 - bottom) == pytest.approx((20.0, 25.0), abs=1e-3)


def test_viewers_are_asked_not_to_scale():
    pdf = Page(paper_named("letter"), "letter").finished()
    assert pdf.startswith(b"%PDF-1.6")
    assert b"/PrintScaling /None" in pdf
