"""Correcting by hand: the brush paints what it passes, nothing is written before it is saved."""

import multiprocessing
import os
import pickle
import signal
import threading
import time
from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt, QTimer

from nav.core.errors import InputError
from nav.reconstruction.comparison import Correction, Moved
from nav.reconstruction.correction import CaseRerun, case_guidance
from nav.reconstruction.guidance import GuideLabel, ReconstructionGuidance, Stroke
from nav.reconstruction.labelmap import LabelMask
from nav.reconstruction.reconstruction_result import ReconstructedSurface
from nav.text.catalogue import label
from nav.view.case import case_app
from nav.view.case import rerun as rerun_module
from nav.view.case.case_state import initial_state
from nav.view.case.case_window import CaseWindow
from nav.view.case.draft import Draft, begun, dragged, released, undone, with_radius, with_structure
from nav.view.case.greys import PRESETS
from nav.view.case.loading import load_viewed_case
from nav.view.case.rerun import ENDED, Failed, Prepared, ProcessRerun, StepTold
from tests.view.case.cases import CENTRE, write_case


class FakeRerun:
    """Gives what it is told to give."""

    def __init__(self, path):
        self.path, self.asked, self.waiting = path, [], [Prepared()]
        self.closed = self.cancelled = False

    def run(self, guidance):
        self.asked.append(guidance)

    def cancel(self):
        self.cancelled = True

    def reports(self):
        found, self.waiting = self.waiting, []
        return found

    def close(self):
        self.closed = True


@pytest.fixture
def viewed(tmp_path):
    return load_viewed_case(write_case(tmp_path / "a"))


@pytest.fixture
def window(qtbot, viewed, tmp_path):
    window = CaseWindow(viewed, folder=tmp_path, make_rerun=FakeRerun)
    qtbot.addWidget(window, before_close_func=CaseWindow.close_now)
    window.timer.stop()
    window.resize(1200, 800)
    window.layout_now()
    window.ask("correct")
    window.correcting.timer.stop()
    window.correcting.poll()
    return window


def at(view, point):
    x, y = view.picture.pixels(np.asarray(point, float))
    return QPoint(round(x), round(y))


def painted(qtbot, window, tool="add"):
    """Paint from C1's middle to its left in the axial slice."""
    window.panel.correct.structure.setCurrentText("C1")
    window.move_cross(CENTRE)
    window.choose_tool(tool)
    view = window.slices["axial"]
    ends = [CENTRE, CENTRE + np.array([8.0, 0.0, 0.0])]
    qtbot.mousePress(view, Qt.MouseButton.LeftButton, pos=at(view, ends[0]))
    for share in np.linspace(0.1, 1.0, 8):
        qtbot.mouseMove(view, at(view, ends[0] + share * (ends[1] - ends[0])))
    qtbot.mouseRelease(view, Qt.MouseButton.LeftButton, pos=at(view, ends[1]))
    return view, ends


def correction_of(window, shift=0.5):
    """C1 moved to the left, as a result of what was painted."""
    structure = next(s for s in window.viewed.case.structures if s.name == "C1")
    vertices = structure.surface.vertices + np.array([shift, 0.0, 0.0])
    surface = ReconstructedSurface(
        "C1", "bone", vertices, structure.surface.triangles, np.full(len(vertices), 0.2),
        "grey values, painted",
    )  # fmt: skip
    return Correction(
        window.correcting.draft.guidance, (surface,), {"C1": Moved(0.25, shift, 10.0)}, (),
        ("C1: painted by hand",), (), {"C1": surface.source}, {"weights": [], "pose": {}}, None,
        b"\x89PNG\r\n\x1a\n" + b"tEXtSoftware\0c1c2nav",
    )  # fmt: skip


def report(window, *reports):
    """Let reports come."""
    window.correcting.rerun.waiting = list(reports)
    window.correcting.poll()


def run(window, result):
    """Run what was painted, with a result."""
    window.correcting.ask("run")
    report(window, result)


@pytest.mark.parametrize(("tool", "erase"), [("add", False), ("erase", True)])
def test_the_brush_paints_where_it_passes_in_that_slice(qtbot, window, tool, erase):
    view, ends = painted(qtbot, window, tool)
    (stroke,) = window.correcting.draft.guidance.strokes
    within = 1.5 / view.picture.scale
    assert (stroke.structure, stroke.erase) == ("C1", erase)
    points = np.array(stroke.points)
    assert points[0] == pytest.approx(ends[0], abs=within)
    assert points[-1] == pytest.approx(ends[1], abs=stroke.radius)
    assert points[:, 2] == pytest.approx(CENTRE[2])
    assert window.state.cross == pytest.approx(CENTRE)  # painting moves no cross-hair
    before = view.grab().toImage()
    window.ask("correct")  # left: nothing of it shows
    assert view.grab().toImage() != before
    window.ask("correct")
    assert window.correcting.draft.guidance.strokes == (stroke,)


def test_nothing_is_run_or_written_until_it_is_asked_for(qtbot, window, viewed):
    files = sorted(viewed.path.parent.rglob("*"))
    painted(qtbot, window)
    rerun = window.correcting.rerun
    assert not rerun.asked
    qtbot.keyClick(window, Qt.Key.Key_Return)
    assert rerun.asked == [window.correcting.draft.guidance]
    rerun.waiting = [StepTold("refine", 0.5)]
    window.correcting.poll()
    assert 0.5 < window.panel.correct.bar.value() / 1000 < 1.0
    report(window, correction_of(window))
    assert window.state.proposal is not None
    assert "C1: moved by 0.25 mm on average, 0.5 mm at most" in window.panel.correct.said.text()
    assert sorted(viewed.path.parent.rglob("*")) == files


def test_the_new_surface_is_shown_beside_the_old_one(qtbot, window):
    view, _ = painted(qtbot, window)
    window.choose_tool("look")
    before = view.grab().toImage()
    run(window, correction_of(window))
    assert view.grab().toImage() != before
    names = {s.name for s in window.viewed.case.structures}
    assert "C1" in names  # the case's own is still there
    window.correcting.ask("discard")
    assert window.state.proposal is None
    assert not window.correcting.draft.guidance.strokes


def test_saving_keeps_the_earlier_case_whole(qtbot, window, viewed):
    painted(qtbot, window)
    said = window.correcting.draft.guidance
    run(window, correction_of(window))
    folder = viewed.path.parent
    old = viewed.path.read_bytes()
    with qtbot.waitSignal(window.corrected):
        window.correcting.ask("save")
    assert (folder / "case.1.toml").read_bytes() == old
    earlier = load_viewed_case(folder / "case.1.toml")
    now = load_viewed_case(viewed.path)

    def c1(case):
        return next(s for s in case.case.structures if s.name == "C1")

    assert c1(earlier).surface.vertices == pytest.approx(c1(viewed).surface.vertices)
    moved = c1(now).surface.vertices - c1(earlier).surface.vertices
    assert moved == pytest.approx(np.broadcast_to([0.5, 0.0, 0.0], moved.shape), abs=1e-4)
    assert now.reconstruction.made_from["C1"] == "grey values, painted"
    assert case_guidance(viewed.path) == said
    assert now.case.plans[0].name == "lateral"  # what else the case holds is kept
    assert any("plan again" in line for line in now.case.warnings)


def test_what_was_painted_after_the_run_is_not_saved_as_if_it_were_in_it(qtbot, window, viewed):
    view, _ = painted(qtbot, window)
    run(window, correction_of(window))
    correcting, buttons = window.correcting, window.panel.correct.buttons
    assert label("correct_stale") not in correcting.lines
    assert buttons["save"].isEnabled()
    painted(qtbot, window, "erase")
    assert window.panel.correct.said.text().startswith(label("correct_stale"))
    assert not buttons["save"].isEnabled()
    correcting.ask("save")
    assert label("correct_run_first") in window.panel.correct.said.text()
    assert not (viewed.path.parent / "case.1.toml").exists()
    faint = view.grab().toImage()
    correcting.ask("undo")  # as it was run again
    assert label("correct_stale") not in window.panel.correct.said.text()
    assert buttons["save"].isEnabled()
    assert view.grab().toImage() != faint


@pytest.mark.parametrize("action", ["undo", "clear seeds"])
def test_undoing_what_was_run_marks_its_surfaces(qtbot, window, action):
    window.panel.correct.structure.setCurrentText("C1")
    window.choose_tool("seed")
    view = window.slices["axial"]
    qtbot.mouseClick(view, Qt.MouseButton.LeftButton, pos=at(view, CENTRE))
    run(window, correction_of(window))
    assert not window.state.stale
    window.correcting.ask(action)
    assert window.state.stale
    assert window.panel.correct.said.text().startswith(label("correct_stale"))
    assert not window.panel.correct.buttons["save"].isEnabled()


def test_what_was_discarded_while_it_ran_is_never_proposed(qtbot, window):
    painted(qtbot, window)
    window.correcting.ask("run")
    late = correction_of(window)
    window.correcting.ask("discard")
    assert window.correcting.rerun.cancelled
    assert not window.correcting.running
    report(window, late)
    assert window.state.proposal is None
    painted(qtbot, window, "erase")  # and another run waits for its own result
    window.correcting.ask("run")
    report(window, late, Failed("of before", late.guidance))
    assert window.correcting.running
    assert window.state.proposal is None
    assert "of before" not in window.panel.correct.said.text()


def test_a_stroke_during_a_run_drops_its_result(qtbot, window):
    painted(qtbot, window)
    run(window, correction_of(window))
    painted(qtbot, window)
    window.correcting.ask("run")
    first, late = window.state.proposal, correction_of(window)
    painted(qtbot, window, "erase")
    report(window, late)
    assert window.state.proposal is first
    assert window.state.stale
    said = window.panel.correct.said.text()
    assert label("correct_dropped") in said
    assert label("correct_stale") in said
    assert not window.panel.correct.buttons["save"].isEnabled()


def test_surfaces_of_the_run_before_are_marked_while_another_goes_on(qtbot, window):
    view, _ = painted(qtbot, window)
    run(window, correction_of(window))
    current = view.grab().toImage()
    window.correcting.ask("run")
    assert window.state.stale
    assert label("correct_again") in window.panel.correct.said.text()
    assert view.grab().toImage() != current
    assert not window.panel.correct.buttons["save"].isEnabled()
    report(window, correction_of(window))
    assert not window.state.stale
    assert window.panel.correct.buttons["save"].isEnabled()


def test_labels_that_came_through_another_process_are_no_change(qtbot, window, viewed):
    label = GuideLabel("dura", LabelMask("dura", np.ones((3, 3, 3), bool), np.eye(4)))
    painted(qtbot, window)
    draft = window.correcting.draft
    window.correcting.draft = replace(draft, guidance=replace(draft.guidance, labels=(label,)))
    run(window, pickle.loads(pickle.dumps(correction_of(window))))
    window.correcting.ask("save")
    assert (viewed.path.parent / "case.1.toml").exists()
    assert case_guidance(viewed.path).label("dura") is not None


def test_a_step_that_fails_is_said_and_the_window_lives(qtbot, window):
    painted(qtbot, window)
    window.correcting.ask("run")
    window.correcting.rerun.waiting = [Failed("the scan does not show C1 and C2")]
    window.correcting.poll()
    assert "does not show" in window.panel.correct.said.text()
    assert window.panel.correct.buttons["run"].isEnabled()


def test_a_seed_is_set_and_moved(qtbot, window):
    window.panel.correct.structure.setCurrentText("C1")
    window.move_cross(CENTRE)
    window.choose_tool("seed")
    view = window.slices["axial"]
    qtbot.mouseClick(view, Qt.MouseButton.LeftButton, pos=at(view, CENTRE))
    wanted = CENTRE + np.array([6.0, 3.0, 0.0])
    qtbot.mousePress(view, Qt.MouseButton.LeftButton, pos=at(view, CENTRE))
    qtbot.mouseMove(view, at(view, wanted))
    qtbot.mouseRelease(view, Qt.MouseButton.LeftButton, pos=at(view, wanted))
    (seed,) = window.correcting.draft.guidance.seeds
    assert seed.name == "C1"
    assert seed.point == pytest.approx(wanted, abs=1.5 / view.picture.scale)


@pytest.mark.parametrize(
    ("has", "said"), [({"scan": False}, "no scan"), ({"chain": False}, "printed phantom")]
)
def test_only_a_patients_scan_can_be_corrected(qtbot, tmp_path, has, said):
    viewed = load_viewed_case(write_case(tmp_path / "b", **has))
    window = CaseWindow(viewed, folder=tmp_path, make_rerun=FakeRerun)
    qtbot.addWidget(window, before_close_func=CaseWindow.close_now)
    button = window.panel.buttons["correct"]
    assert not button.isEnabled()
    assert said in button.toolTip()
    qtbot.keyClick(window, Qt.Key.Key_C)
    assert window.state.draft is None
    assert window.correcting.rerun is None
    assert said in window.said.text()
    with pytest.raises(InputError, match=said) as refused:
        CaseRerun(viewed.path)
    assert "\n" not in str(refused.value)


def test_closing_the_window_ends_what_runs(window):
    rerun = window.correcting.rerun
    window.close()
    assert rerun.closed


@pytest.mark.parametrize("quit_by", ["close", "Q"])
def test_what_is_not_saved_is_not_lost_without_a_word(qtbot, window, quit_by):
    def close():
        if quit_by == "Q":
            qtbot.keyClick(window, Qt.Key.Key_Q)
        else:
            window.close()
        return not window.isVisible()

    painted(qtbot, window)
    assert not close()
    assert "what was painted" in window.said.text()
    run(window, correction_of(window))
    window.ask("correct")  # left, and still unsaved
    assert not close()
    assert "the surfaces that were run again" in window.said.text()
    assert not window.correcting.rerun.closed
    assert window.timer is not None
    assert close()


def test_nothing_to_lose_is_closed_at_once(qtbot, window):
    painted(qtbot, window)
    window.correcting.ask("undo")
    window.close()
    assert not window.isVisible()


def test_lines_that_lie_in_no_file_are_not_lost_without_a_word(qtbot, window):
    window.move_plan("lateral", "target", CENTRE)
    window.close()
    assert window.isVisible()
    assert 'the line "lateral"' in window.said.text()
    window.move_plan("lateral", "target", CENTRE + 1.0)
    window.close()
    assert window.isVisible()  # it was moved on: said again
    window.ask("save plan")
    window.close()
    assert not window.isVisible()


def test_a_corrected_case_is_shown_again_with_what_was_done_in_the_window(
    qtbot, viewed, monkeypatch
):
    """The lines, cross-hair and grey values of the window, not those that it began with."""
    seen = []

    class Window(CaseWindow):
        def __init__(self, viewed, state, drawing):
            super().__init__(viewed, state, None, make_rerun=FakeRerun)
            self.correcting.timer.setInterval(10**6)
            QTimer.singleShot(0, self.act)

        def act(self):
            seen.append(self.state)
            if len(seen) > 1:
                self.close_now()
                return
            self.move_plan("lateral", "target", CENTRE)
            self.move_cross(CENTRE)
            self.choose_window(PRESETS["artery"])
            self.ask("correct")
            self.panel.correct.structure.setCurrentText("C1")
            self.choose_tool("add")
            self.use_tool("press", CENTRE)
            self.use_tool("release", CENTRE)
            run(self, correction_of(self))
            self.correcting.ask("save")

    monkeypatch.setattr(case_app, "CaseWindow", Window)
    case_app.run_case_window(viewed, initial_state(viewed))
    first, second = seen
    assert second.plans[0].target == pytest.approx(CENTRE)
    assert second.unsaved_plans == second.plans
    assert second.cross == pytest.approx(CENTRE)
    assert second.window == PRESETS["artery"]
    assert second.draft is None
    assert first.window != second.window


def test_undo_goes_back_stroke_by_stroke():
    draft = with_radius(with_structure(Draft(), "dura"), 1.5)
    first = released(dragged(begun(draft, "add", (0, 0, 0)), (5, 0, 0)))
    second = released(begun(first, "erase", (1, 1, 1)))
    assert [s.erase for s in second.guidance.strokes] == [False, True]
    assert first.guidance.strokes == (Stroke("dura", False, 1.5, ((0.0, 0, 0), (5.0, 0, 0))),)
    assert undone(second).guidance == first.guidance
    assert undone(undone(second)).guidance == ReconstructionGuidance()
    assert not undone(replace(draft, past=())).changed


def test_structures_take_only_what_they_can():
    assert (
        begun(with_structure(Draft(), "skin"), "add", (0, 0, 0)).guidance
        == ReconstructionGuidance()
    )
    assert (
        begun(with_structure(Draft(), "cord"), "seed", (0, 0, 0)).guidance
        == ReconstructionGuidance()
    )


def test_a_process_that_cannot_begin_says_why_and_says_it_again(qtbot, viewed):
    rerun = ProcessRerun(viewed.path)  # the chain is empty
    try:
        for _ in range(2):
            found = []

            def told(into=found):
                into += rerun.reports()
                return bool(into) and not rerun.process.is_alive()

            qtbot.waitUntil(told, timeout=60_000)
            assert rerun.reports() == []
            assert len(found) == 1
            assert "reconstruction: chain: expected poses" in found[0].reason
            rerun.run(
                ReconstructionGuidance(strokes=(Stroke("C1", False, 1.0, ((0.0, 0.0, 0.0),)),))
            )
    finally:
        rerun.close()
    assert rerun.reports() == []


def test_a_process_that_is_killed_while_it_runs_is_said(qtbot, viewed):
    rerun = ProcessRerun(viewed.path)
    rerun.process.kill()
    rerun.process.join()
    assert [report.reason for report in rerun.reports()] == [ENDED]
    rerun.connection.close()  # a pipe that breaks while something is asked for
    rerun._pending = True
    rerun._send(ReconstructionGuidance())
    assert [report.reason for report in rerun.reports()] == [ENDED]
    assert rerun.reports() == []
    rerun.close()


def test_label_maps_are_not_sent_and_come_back_with_the_result(viewed):
    label = GuideLabel("dura", LabelMask("dura", np.ones((3, 3, 3), bool), np.eye(4)))
    said = ReconstructionGuidance(labels=(label,))
    rerun = ProcessRerun(viewed.path)
    rerun.close()
    here, there = multiprocessing.Pipe()
    rerun.connection, rerun._closed, rerun.process = here, False, multiprocessing.current_process()
    rerun.run(said)
    asked = there.recv()
    assert asked.labels == ()
    there.send(Correction(asked, (), {}, (), (), (), {}, {}, None, b""))
    (found,) = rerun.reports()
    assert found.guidance == said


class EndlessCase:
    """Runs until it is told to stop."""

    guidance = ReconstructionGuidance()

    def __init__(self, path):
        pass

    def prepare(self, tell):
        return self

    def run(self, guidance, tell):
        while guidance.strokes:
            tell("refine", 0.5)
            time.sleep(0.01)
        return Correction(guidance, (), {}, (), (), (), {}, {}, None, b"")


def test_what_is_run_is_given_up_when_it_is_cancelled(monkeypatch, tmp_path):
    monkeypatch.setattr(rerun_module, "CaseRerun", EndlessCase)
    here, there = multiprocessing.Pipe()
    serving = threading.Thread(
        target=rerun_module._serve, args=(tmp_path, there), name="serving", daemon=True
    )
    monkeypatch.setattr(signal, "signal", lambda *_: None)  # not in the main thread
    monkeypatch.setattr(os, "nice", lambda _: None)
    serving.start()
    assert here.recv() == Prepared()
    here.send(ReconstructionGuidance(strokes=(Stroke("C1", False, 1.0, ((0.0, 0.0, 0.0),)),)))
    assert isinstance(here.recv(), StepTold)  # it runs, and would for ever
    here.send(None)
    other = ReconstructionGuidance(keep_labels=True)
    here.send(other)
    assert here.poll(10.0)
    found = next(report for report in iter(here.recv, None) if isinstance(report, Correction))
    assert found.guidance == other
    here.close()
    serving.join(10.0)
    assert not serving.is_alive()
