"""Printed pages, rendered and measured: what a perfect printer would put on the paper."""

import re
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pypdfium2  # type: ignore[import-untyped]
import pytest
from numpy.testing import assert_allclose
from rich.console import Console
from scipy.spatial.distance import pdist

from calibration.board import load_board
from calibration.printing.paper import PAPERS
from calibration.printing.print_command import print_targets, print_tools
from nav.tracking.marker_dictionaries import marker_dictionary, marker_pattern
from nav.tracking.tool import load_tool

DPI = 600
COARSER = 3  # the finders look at a third of that
EXACT = 0.02  # mm, half a pixel
EDGE = 5.0  # mm that many printers leave white
NOT_IMAGES = {
    pypdfium2.raw.FPDF_PAGEOBJ_TEXT,
    pypdfium2.raw.FPDF_PAGEOBJ_PATH,
}

of_each_paper = pytest.mark.parametrize("paper", PAPERS)
of_each_board = pytest.mark.parametrize("name", ["charuco", "charuco-close", "chessboard"])
of_each_tool = pytest.mark.parametrize("name", ["needle", "reference"])
of_each_page = pytest.mark.parametrize(
    "name", ["charuco", "charuco-close", "chessboard", "needle", "reference"]
)


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """Rendered page by paper and name; the last one is kept."""
    root = tmp_path_factory.mktemp("print")
    for paper in PAPERS:
        print_targets(paper, root / paper, Console(quiet=True))
        print_tools(paper, root / paper, Console(quiet=True))
    kept = {}

    def page(paper: str, name: str) -> SimpleNamespace:
        if (paper, name) not in kept:
            kept.clear()
            kept[paper, name] = rendered(root / paper / f"{name}.pdf")
        return kept[paper, name]

    return page


def rendered(path: Path) -> SimpleNamespace:
    """One page as grey pixels, and the size of a pixel in x and y, mm."""
    with pypdfium2.PdfDocument(path) as document:
        assert len(document) == 1
        size = np.array(document[0].get_size()) * 25.4 / 72
        grey = document[0].render(scale=DPI / 72, grayscale=True).to_numpy()
    grey = np.ascontiguousarray(grey.reshape(grey.shape[:2]))
    return SimpleNamespace(path=path, grey=grey, size=size, pixel=size / grey.shape[::-1])


def found_markers(page, dictionary: str) -> dict[int, np.ndarray]:
    """Corners (4, 2) of each marker, mm, to about a pixel."""
    small = cv2.resize(
        page.grey, None, fx=1 / COARSER, fy=1 / COARSER, interpolation=cv2.INTER_AREA
    )
    corners, ids, _ = cv2.aruco.ArucoDetector(marker_dictionary(dictionary)).detectMarkers(small)
    scale = page.size / small.shape[::-1]
    assert len(set(ids.ravel())) == len(ids)
    return {int(i): (c[0] + 0.5) * scale for i, c in zip(ids.ravel(), corners, strict=True)}


def measured_square(page, about: np.ndarray, cell: float) -> np.ndarray:
    """Corners (4, 2), mm, of an upright black square: its border's darkness adds up to a length.

    Along each of many lines across an edge, from half a cell outside to half a cell inside, the
    sum of what is dark is the way from the edge to the line's inner end.
    """
    (x0, y0), (x1, y1) = about[0], about[2]
    half = cell / 2
    edges = [
        _edge(page, 0, x0, half, (y0 + half, y1 - half)),
        _edge(page, 1, y0, half, (x0 + half, x1 - half)),
        _edge(page, 0, x1, -half, (y0 + half, y1 - half)),
        _edge(page, 1, y1, -half, (x0 + half, x1 - half)),
    ]
    x0, y0, x1, y1 = edges
    return np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]])


def _edge(page, axis: int, about: float, inwards: float, across: tuple[float, float]) -> float:
    """Where white turns black along an axis (0 is x), mm."""
    pixel, other = page.pixel[axis], page.pixel[1 - axis]
    low, high = sorted((about - inwards, about + inwards))
    first, last = round(low / pixel), round(high / pixel)
    lines = slice(round(across[0] / other), round(across[1] / other))
    part = page.grey[first:last, lines].T if axis else page.grey[lines, first:last]
    dark = (1 - part / 255).sum(axis=1)
    assert np.ptp(dark) < 0.05  # a straight edge
    return float((last - dark.mean() if inwards > 0 else first + dark.mean()) * pixel)


def measured_markers(page, dictionary: str, side: float) -> dict[int, np.ndarray]:
    """Corners (4, 2) of each marker, mm, to a twentieth of a pixel."""
    cell = side / (marker_dictionary(dictionary).markerSize + 2)
    found = found_markers(page, dictionary)
    return {i: measured_square(page, corners, cell) for i, corners in found.items()}


@of_each_paper
@of_each_page
def test_a_page_is_of_its_paper_and_its_ink_stays_off_the_edge(pages, paper, name):
    page = pages(paper, name)
    assert_allclose(page.size, (PAPERS[paper].width, PAPERS[paper].height), atol=0.01)
    dark = page.grey < 250
    for axis in (0, 1):
        where = np.flatnonzero(dark.any(axis=axis))
        assert where[0] * page.pixel[axis] > EDGE
        assert (where[-1] + 1) * page.pixel[axis] < page.size[axis] - EDGE


@of_each_paper
@of_each_page
def test_the_ruler_is_100_mm_long(pages, paper, name):
    page = pages(paper, name)
    box = PAPERS[paper].footer
    left, right = (round(x / page.pixel[0]) for x in (box.left - 0.5, box.left + 100.5))
    # 1.5, 3 and 4.5 mm above its foot: all ticks, those at 5 and at 10 mm, those at 10 mm
    for height, step in ((1.5, 1), (3.0, 5), (4.5, 10)):
        row = page.grey[round((box.top + 5.0 - height) / page.pixel[1]), left:right]
        dark = 1 - row / 255
        starts = np.flatnonzero(np.diff((dark > 0).astype(int), prepend=0) == 1)
        ticks = [
            (np.arange(s, s + 6) + 0.5) @ dark[s : s + 6] / dark[s : s + 6].sum() for s in starts
        ]
        ticks = np.array(ticks) * page.pixel[0]
        assert_allclose(ticks - ticks[0], np.arange(0, 101, step), atol=EXACT)


@of_each_paper
@of_each_page
def test_a_page_holds_no_image_and_its_words_do_not_overlap(pages, paper, name):
    path = pages(paper, name).path
    boxes = []
    with pypdfium2.PdfDocument(path) as document:
        for thing in document[0].get_objects():
            assert thing.type in NOT_IMAGES
            if thing.type == pypdfium2.raw.FPDF_PAGEOBJ_TEXT:
                boxes.append(thing.get_bounds())
        words = document[0].get_textpage().get_text_bounded()
    boxes = np.array(boxes)
    low, high = boxes[:, :2], boxes[:, 2:]
    apart = np.maximum(low[:, None] - high[None], low[None] - high[:, None]).max(axis=2)
    np.fill_diagonal(apart, np.inf)
    assert apart.min() > 0
    assert not re.search(rb"/Subtype\s*/Image", path.read_bytes())
    for said in (f"{name}.pdf", f"{name}.toml", "100 %", "actual size", "not a medical device"):
        assert said in words
    assert ("--ruler MEASURED_MM" in words) == (name not in ("needle", "reference"))


@of_each_paper
@pytest.mark.parametrize("name", ["charuco", "charuco-close"])
def test_a_charuco_board_is_as_its_file_says(pages, paper, name):
    page = pages(paper, name)
    board = load_board(page.path.with_suffix(".toml"))
    ids = board.charuco.getIds().ravel()
    points = board.charuco.getObjPoints()
    markers = measured_markers(page, board.dictionary, board.marker)
    assert sorted(markers) == sorted(ids)
    want = np.array([c[:, :2] for c in points])
    seen = np.array([markers[i] for i in ids])
    assert_allclose(seen - seen[0, 0], want - want[0, 0], atol=EXACT)
    small = cv2.resize(
        page.grey, None, fx=1 / COARSER, fy=1 / COARSER, interpolation=cv2.INTER_AREA
    )
    _, corner_ids, _, _ = cv2.aruco.CharucoDetector(board.charuco).detectBoard(small)
    assert sorted(corner_ids.ravel()) == list(range(len(board.points)))


@of_each_paper
@of_each_board
def test_a_board_s_corners_are_as_its_file_says(pages, paper, name):
    page = pages(paper, name)
    board = load_board(page.path.with_suffix(".toml"))
    # expected in the middle of the paper's area; the pixels then say where the corners are
    box = PAPERS[paper].area.centred(*board.size)
    want = board.points[:, :2] + (box.left, box.top)
    start = (want / page.pixel - 0.5 + [1.3, -0.8]).astype(np.float32).reshape(-1, 1, 2)
    stop = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 60, 1e-4)
    reach = int(0.1 * board.square / page.pixel[0])
    corners = cv2.cornerSubPix(
        page.grey, np.ascontiguousarray(start), (reach, reach), (-1, -1), stop
    ).reshape(-1, 2)
    assert_allclose((corners + 0.5) * page.pixel, want, atol=EXACT)
    white = board.white_at(0, 0), board.white_at(1, 0)
    for column in (0, 1):
        x, y = box.left + (column + 0.03) * board.square, box.top + 0.03 * board.square
        assert (page.grey[int(y / page.pixel[1]), int(x / page.pixel[0])] > 128) == white[column]


@of_each_paper
def test_the_chessboard_is_found(pages, paper):
    page = pages(paper, "chessboard")
    board = load_board(page.path.with_suffix(".toml"))
    small = cv2.resize(page.grey, None, fx=1 / 6, fy=1 / 6, interpolation=cv2.INTER_AREA)
    found, corners = cv2.findChessboardCornersSB(small, (board.columns - 1, board.rows - 1))
    assert found
    assert len(corners) == len(board.points)


@of_each_paper
@of_each_tool
def test_a_tool_s_markers_are_as_its_file_says(pages, paper, name):
    page = pages(paper, name)
    tool = load_tool(page.path.with_suffix(".toml"))
    markers = measured_markers(page, tool.dictionary, tool.markers[0].side)
    assert sorted(markers) == sorted(tool.by_id)
    faces = {}
    for marker in tool.markers:
        faces.setdefault(tuple(np.round(marker.normal, 6)), []).append(marker)
    assert len(faces) == {"needle": 8, "reference": 2}[name]
    for face in faces.values():
        solid = np.concatenate([m.corners for m in face])
        flat = np.concatenate([markers[m.id] for m in face])
        assert_allclose(pdist(flat), pdist(solid), atol=EXACT)
    # across a fold the way over the paper is that over the body
    if name == "needle":
        for i in range(10, 17):
            assert_allclose(markers[i] - markers[i + 1], [[17.0, 0.0]] * 4, atol=EXACT)
    else:
        assert_allclose(markers[44] - markers[41], [[22.0, 0.0]] * 4, atol=EXACT)


@of_each_paper
@of_each_tool
def test_white_zones_are_white(pages, paper, name):
    page = pages(paper, name)
    tool = load_tool(page.path.with_suffix(".toml"))
    for corners in measured_markers(page, tool.dictionary, tool.markers[0].side).values():
        # a pixel less at either side
        low, high = corners[0] / page.pixel, corners[2] / page.pixel
        quiet = tool.quiet / page.pixel
        (x0, y0), (x1, y1) = (
            np.ceil(low - quiet + 1).astype(int),
            np.floor(high + quiet - 1).astype(int),
        )
        zone = page.grey[y0:y1, x0:x1].copy()
        (x2, y2), (x3, y3) = np.floor(low - 1).astype(int), np.ceil(high + 1).astype(int)
        zone[y2 - y0 : y3 - y0, x2 - x0 : x3 - x0] = 255
        assert zone.min() == 255


@pytest.mark.parametrize("name", ["charuco-close", "needle", "reference"])
def test_black_is_black_all_over_and_white_white(pages, name):
    """No light seams between cells: but for the border's pixels each is wholly black or white."""
    page = pages("letter", name)
    if name == "charuco-close":
        board = load_board(page.path.with_suffix(".toml"))
        dictionary, side = board.dictionary, board.marker
    else:
        tool = load_tool(page.path.with_suffix(".toml"))
        dictionary, side = tool.dictionary, tool.markers[0].side
    for marker_id, corners in measured_markers(page, dictionary, side).items():
        pattern = marker_pattern(dictionary, marker_id)
        low, high = corners[0] / page.pixel, corners[2] / page.pixel
        y, x = np.mgrid[int(low[1]) + 2 : int(high[1]) - 1, int(low[0]) + 2 : int(high[0]) - 1]
        cells = (high - low) / len(pattern)
        column, row = (x + 0.5 - low[0]) / cells[0], (y + 0.5 - low[1]) / cells[1]
        ideal = pattern[row.astype(int), column.astype(int)]
        kernel = np.ones((5, 5), np.uint8)
        seen = page.grey[y, x]
        assert (seen[cv2.dilate(ideal, kernel) == 0] == 0).all()
        assert (seen[cv2.erode(ideal, kernel) == 1] == 255).all()
