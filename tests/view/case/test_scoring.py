"""A line's score: at once while it is moved, its probability soon after, in words that are true."""

import json
import threading
from dataclasses import dataclass, field

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt

from nav.core.errors import InputError
from nav.model.case import Plan
from nav.planning.judging import LineJudge, LineMeasures
from nav.planning.plan_result import Clearance
from nav.view.case.case_state import initial_state
from nav.view.case.case_window import CaseWindow
from nav.view.case.loading import ViewedCase, load_viewed_case
from nav.view.case.score_text import WAITING, score_text
from nav.view.case.scoring import Scorer
from nav.view.case.view_command import ViewOptions, first_state
from tests.planning.necks import neck
from tests.view.case.cases import write_case


@pytest.fixture(scope="module")
def judge():
    return LineJudge(neck())


@pytest.fixture(scope="module")
def line(judge):
    """Lateral, through the middle of the gap."""
    gap = judge.ground.gap
    target = gap.centre + (gap.back_wall - 2.0) * gap.back
    return Plan("line 1", target + 90.0 * gap.left, target)


@pytest.fixture
def window(qtbot, judge, tmp_path):
    viewed = ViewedCase(tmp_path / "case.toml", neck())
    window = CaseWindow(viewed, folder=tmp_path, scorer=Scorer(neck(), lambda _: judge))
    qtbot.addWidget(window, before_close_func=CaseWindow.close_now)
    window.timer.stop()
    window.resize(1200, 800)
    window.layout_now()
    return window


def at(view, point):
    x, y = view.picture.pixels(np.asarray(point, float))
    return QPoint(round(x), round(y))


def drawn(qtbot, window, line, clicks):
    """Draw a line in the coronal slice through it, by clicks or by a drag."""
    window.move_cross(line.target)
    window.ask("draw line")
    view = window.slices["coronal"]
    view.framing = view.picture.framing.zoomed(0.4)
    if clicks:
        qtbot.mouseClick(view, Qt.MouseButton.LeftButton, pos=at(view, line.entry))
        qtbot.mouseClick(view, Qt.MouseButton.LeftButton, pos=at(view, line.target))
    else:
        qtbot.mousePress(view, Qt.MouseButton.LeftButton, pos=at(view, line.entry))
        qtbot.mouseMove(view, at(view, line.target))
        qtbot.mouseRelease(view, Qt.MouseButton.LeftButton, pos=at(view, line.target))
    return 1.5 / view.picture.scale


@pytest.mark.parametrize("clicks", [True, False])
def test_a_line_is_drawn_by_two_clicks_or_a_drag_and_scored(qtbot, window, judge, line, clicks):
    within = drawn(qtbot, window, line, clicks)
    found = window.state.scored
    assert found.name == "line 1"
    assert found.entry == pytest.approx(line.entry, abs=within)
    assert found.target == pytest.approx(line.target, abs=within)
    assert window.state.tool == "look"
    rows = lambda: dict(row[:2] for row in window.panel.score.shown.rows)  # noqa: E731
    qtbot.waitUntil(lambda: "artery" in rows() and rows()["touches"] != WAITING, timeout=60_000)
    judged = judge.judge(found)
    nearest = judged.nearest("artery")
    assert rows()["artery"].startswith(f"{nearest.distance:.1f} mm")
    assert nearest.structure in rows()["artery"]
    assert rows()["depth"] == f"{judged.depth:.1f} mm"
    assert window.panel.plans["line 1"].isChecked()


def test_clearances_follow_every_move_of_the_mouse(qtbot, window, judge, line):
    drawn(qtbot, window, line, True)
    window.scorer.prepare()
    view = window.slices["coronal"]
    plan = window.state.scored
    qtbot.mousePress(view, Qt.MouseButton.LeftButton, pos=at(view, plan.target))
    shown = []
    for step in range(1, 5):
        qtbot.mouseMove(view, at(view, plan.target + np.array([0.0, 0.0, 2.0 * step])))
        measured = judge.measure(window.state.scored)
        cord = measured.nearest("cord")
        row = next(row for row in window.panel.score.shown.rows if row[0] == "cord")
        assert row[1].startswith(f"{cord.distance:.1f} mm")
        shown.append(window.panel.score.shown.rows)
    qtbot.mouseRelease(view, Qt.MouseButton.LeftButton, pos=at(view, plan.target))
    assert len(set(shown)) == 4


def test_the_probability_of_an_old_place_is_never_shown(qtbot, window, line):
    drawn(qtbot, window, line, True)
    window.scorer.prepare()
    old = window.state.scored
    path = window.scorer.path(old, 500)
    window.move_plan("line 1", "target", old.target + np.array([0.0, 0.0, 1.0]))
    window.scorer.judged.emit(old, path)
    touches = next(row for row in window.panel.score.shown.rows if row[0] == "touches")
    assert touches[1] == WAITING


def test_a_drawn_line_is_saved_as_markups(qtbot, window, line, tmp_path):
    drawn(qtbot, window, line, True)
    window.ask("save plan")
    saved = json.loads((tmp_path / "line_1-1.mrk.json").read_text())
    points = saved["markups"][0]["controlPoints"]
    assert points[0]["position"] == pytest.approx(window.state.scored.entry, abs=1e-3)


@dataclass
class SlowJudge:
    """Counts what it is asked, and waits to be let go."""

    asked: list = field(default_factory=list)
    go: threading.Event = field(default_factory=threading.Event)

    def measure(self, line):
        raise InputError("measured")

    def judge(self, line, samples):
        self.asked.append(line.name)
        self.go.wait(10.0)
        raise InputError(f"{line.name} judged")


def test_only_the_newest_line_is_judged_and_the_window_never_waits(qtbot):
    slow, found = SlowJudge(), []
    scorer = Scorer(neck(), lambda _: slow)
    scorer.judged.connect(lambda line, path: found.append((line.name, path)))
    plans = [Plan(str(k), np.zeros(3), np.ones(3)) for k in range(20)]
    scorer.want(plans[0])
    qtbot.waitUntil(lambda: slow.asked == ["0"], timeout=10_000)
    for plan in plans[1:]:
        scorer.want(plan)
    slow.go.set()
    qtbot.waitUntil(lambda: ("19", "19 judged") in found, timeout=10_000)
    assert set(slow.asked) == {"0", "19"}
    scorer.close()


class BrokenJudge:
    """Fails as nobody has foreseen."""

    def measure(self, line):
        raise ValueError("array is empty")

    def judge(self, line, samples):
        raise ValueError("array is empty")


def test_a_judge_that_fails_is_said_and_judges_the_next_line(qtbot):
    found, scorer = [], Scorer(neck(), lambda _: BrokenJudge())
    scorer.judged.connect(lambda line, path: found.append((line.name, path)))
    said = "no score: it could not be computed (ValueError)"
    for name in ("a", "b"):
        line = Plan(name, np.zeros(3), np.ones(3))
        scorer.want(line)
        qtbot.waitUntil(lambda n=name: (n, said) in found, timeout=10_000)
        assert scorer.measure(line) == said
    scorer.close()


def test_a_judge_that_cannot_be_made_is_said(qtbot, tmp_path):
    def make(case):
        raise ValueError("no such key")

    scorer = Scorer(neck(), make)
    window = CaseWindow(ViewedCase(tmp_path / "case.toml", neck()), folder=tmp_path, scorer=scorer)
    qtbot.addWidget(window, before_close_func=CaseWindow.close_now)
    with qtbot.waitSignal(scorer.ready, timeout=10_000):
        scorer.want(Plan("a", np.zeros(3), np.ones(3)))
    assert scorer.problem == "no score: it could not be computed (ValueError)"
    assert scorer.measure(Plan("a", np.zeros(3), np.ones(3))) == scorer.problem


def test_a_case_that_cannot_be_planned_says_so(qtbot, tmp_path):
    viewed = load_viewed_case(write_case(tmp_path / "a", scan=False))
    window = CaseWindow(viewed, folder=tmp_path)
    qtbot.addWidget(window, before_close_func=CaseWindow.close_now)
    window.score_now()
    assert "C2" in " ".join(window.panel.score.shown.problems)


def test_lines_of_the_command_are_shown_and_the_first_is_scored(tmp_path):
    viewed = load_viewed_case(write_case(tmp_path / "a"))
    points = [
        {"label": "entry", "position": [36.0, 6, 8]},
        {"label": "target", "position": [4.0, 15, 10]},
    ]
    file = tmp_path / "mine.mrk.json"
    file.write_text(json.dumps({"markups": [{"type": "Line", "controlPoints": points}]}))
    state = first_state(viewed, ViewOptions(lines=(file,)))
    assert state.scored.name == "mine"
    assert state.scored.entry == pytest.approx([36.0, 6.0, 8.0])
    assert [p.name for p in state.shown_plans] == ["mine"]
    with pytest.raises(InputError, match="two lines are called"):
        first_state(viewed, ViewOptions(lines=(file, file)))
    assert initial_state(viewed).scored.name == "lateral"


def test_a_limit_that_is_not_kept_is_marked_and_what_is_missing_is_said():
    near = Clearance("vertebral artery left", "artery", 2.0, 3.0, 40.0, np.zeros(3), np.zeros(3))
    text = score_text(
        "x",
        LineMeasures("x", "left", np.zeros(3), np.ones(3), 38.0, 0.1, -0.2, (near,), True),
        None,
    )
    rows = {word: (value, bad) for word, value, bad in text.rows}
    assert rows["artery"][1]
    assert "2.0 mm ahead of the tip" in rows["artery"][0]
    assert rows["cord"] == ("not in this case", True)
    assert rows["entry"][0] == "6° cranial, 11° ventral"
