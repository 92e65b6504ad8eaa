"""From what was found to figures, and from figures to a page."""

import numpy as np
import pytest

from nav.core.errors import InputError
from tests.bench.scenes.settings import settings_of
from tests.bench.tracking.__main__ import told
from tests.bench.tracking.cases import Case
from tests.bench.tracking.figures import case_figures
from tests.bench.tracking.measure import Record
from tests.bench.tracking.page import BEGIN, END, put_between
from tests.bench.tracking.table import COLUMNS, cells, markdown, screen_table, shown_rows


@pytest.fixture
def figures():
    case = Case("clean", "", 0.0, settings_of("clean", frames=4))
    ours = Record(seconds=[9.0, 0.01, 0.02, 0.03], modes=["acquire", "follow", "follow", "follow"])
    ours.tips["itself"] = [np.array([0.003, 0.0, 0.004]), None, None, np.array([0.0, 0.005, 0.0])]
    ours.squares = [2.0, 9.0]
    ours.corners = [np.array([[0.3, 0.4], [0.0, 0.0], [0.0, 0.0], [0.0, 0.0]])]
    other = Record(seconds=[1.0, 0.04, 0.04, 0.04], modes=[""] * 4)
    other.tips["triangulated"] = [np.array([1.0, 0.0, 0.0])] * 4
    other.tips["all corners"] = [np.array([0.5, 0.0, 0.0])] * 4
    absent = Record(missing="not installed")
    records = {"ours": ours, "OpenCV 5.0.0 none": other, "pupil-apriltags": absent}
    return case_figures(case, records, [0.003**2, 0.004**2], "OpenCV 5.0.0 none")


def test_figures_are_what_they_say(figures):
    ours = figures["rows"][0]
    assert ours["tracked"] == 0.5
    assert ours["tip_rms"] == pytest.approx(0.005)
    assert ours["covered"] == 0.5
    assert ours["mean_square"] == pytest.approx(5.5)
    # the first frame set pays for what is made once
    assert ours["ms_median"] == pytest.approx(25.0, abs=5.1)
    assert ours["ratio"] == pytest.approx(0.5)
    assert ours["followed"] == 0.75
    assert ours["corner_rms"] == pytest.approx(np.sqrt(0.25 / 4 / 2))
    assert figures["bound_rms"] == pytest.approx(np.sqrt((0.003**2 + 0.004**2) / 2))


def test_each_tracker_is_shown_at_its_best(figures):
    ways = {row["tracker"]: row["way"] for row in shown_rows(figures)}
    assert ways["OpenCV 5.0.0 none"] == "all corners"


def test_a_tracker_that_is_not_there_is_named(figures):
    row = next(row for row in shown_rows(figures) if row["missing"])
    assert cells(row, figures)[:2] == ["pupil-apriltags", "not installed"]
    assert screen_table([figures]).row_count == 4


def test_the_page_gets_the_tables_between_its_marks(tmp_path, figures):
    page = tmp_path / "tracking.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    made = {"at": "2026-01-02T03:04:05+00:00", "command": "make bench-tracking", "by": "c1c2nav",
            "machine": "some, 2 cores", "versions": "some"}  # fmt: skip
    put_between(page, markdown({"made": made, "cases": [figures], "growth": []}))
    text = page.read_text()
    assert text.startswith(f"before\n{BEGIN}\n\nMeasured 2026-01-02 with `make bench-tracking`")
    assert text.endswith(f"{END}\nafter\n")
    assert "old" not in text
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    assert {line.count("|") for line in rows} == {len(COLUMNS) + 2}


def test_a_page_without_marks_is_refused(tmp_path):
    page = tmp_path / "tracking.md"
    page.write_text("nothing\n")
    with pytest.raises(InputError, match="expected the marks"):
        put_between(page, "text")
    assert page.read_text() == "nothing\n"


def test_the_command_on_the_page_is_what_decides_the_figures():
    typed = ["--only", "growth", "hand", "--add", "a.json", "b.json", "--docs", "--seed", "3"]
    assert list(told([*typed, "--out", "there"])) == ["--only", "growth", "hand", "--seed", "3"]
