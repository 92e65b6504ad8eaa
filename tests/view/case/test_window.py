"""The window: linked slices, the mouse, what it says and what it writes."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QPoint, QPointF, Qt, QTimer
from PySide6.QtGui import QWheelEvent

from nav.view.case.case_app import run_case_window
from nav.view.case.case_state import initial_state
from nav.view.case.case_window import CaseWindow
from nav.view.case.greys import PRESETS
from nav.view.case.loading import load_viewed_case
from tests.view.case.cases import CENTRE, write_case

SLICE_MS = 50.0  # mean, of a redraw


@pytest.fixture(scope="module")
def viewed(tmp_path_factory):
    return load_viewed_case(
        write_case(tmp_path_factory.mktemp("case") / "a", remarks=("C4 is cut by the scan",))
    )


@pytest.fixture
def window(qtbot, viewed, tmp_path):
    window = CaseWindow(viewed, folder=tmp_path)
    qtbot.addWidget(window, before_close_func=CaseWindow.close_now)
    window.timer.stop()
    window.resize(1200, 800)
    window.layout_now()
    return window


def at(view, point):
    x, y = view.picture.pixels(np.asarray(point, float))
    return QPoint(round(x), round(y))


def test_a_click_moves_all_three_slices(qtbot, window):
    axial = window.slices["axial"]
    wanted = np.add(CENTRE, [5.0, -4.0, 0.0])
    qtbot.mouseClick(axial, Qt.MouseButton.LeftButton, pos=at(axial, wanted))
    within = 1.0 / axial.picture.scale
    assert window.state.cross[:2] == pytest.approx(wanted[:2], abs=within)
    assert window.state.cross[2] == pytest.approx(10.0)
    for view in window.slices.values():
        assert view.state is window.state


def test_the_wheel_steps_slices_and_zooms_with_control(window):
    view = window.slices["axial"]
    before, scale = window.state.cross.copy(), view.picture.scale

    def turn(notches, keys):
        place = QPointF(100, 100)
        view.wheelEvent(
            QWheelEvent(
                place, place, QPoint(), QPoint(0, round(120 * notches)), Qt.MouseButton.NoButton,
                keys, Qt.ScrollPhase.NoScrollPhase, False,
            )
        )  # fmt: skip

    turn(2, Qt.KeyboardModifier.NoModifier)
    assert window.state.cross - before == pytest.approx([0.0, 0.0, 4.0])
    for _ in range(4):  # a quarter of a notch each, as touch pads give
        turn(-0.25, Qt.KeyboardModifier.NoModifier)
    assert window.state.cross - before == pytest.approx([0.0, 0.0, 2.0])
    turn(1, Qt.KeyboardModifier.ControlModifier)
    assert view.picture.scale > scale
    assert window.state.cross - before == pytest.approx([0.0, 0.0, 2.0])


def test_a_right_drag_changes_grey_values(qtbot, window):
    view = window.slices["coronal"]
    before = window.state.window
    qtbot.mousePress(view, Qt.MouseButton.RightButton, pos=QPoint(100, 100))
    qtbot.mouseMove(view, QPoint(160, 100))
    qtbot.mouseRelease(view, Qt.MouseButton.RightButton, pos=QPoint(160, 100))
    assert window.state.window.width > before.width
    assert window.state.window.level == before.level


def test_what_is_lacking_stands_in_the_window(window):
    assert "C4 is cut by the scan" in window.panel.remarks.text()
    assert "C2" in window.panel.remarks.text()
    assert "Research use only" in window.notice.text()


def test_the_mouse_reads_the_place_under_it(window):
    view = window.slices["axial"]
    view.hovered.emit(np.add(CENTRE, [0.0, 0.0, 10.0]))
    assert "S 20.0" in window.readouts["place"].text()
    assert window.readouts["surface"].text().startswith("C1: 2.0 mm inside, sigma 0.10 mm")
    view.hovered.emit(None)
    assert "P 15.0" in window.readouts["place"].text()  # the cross-hair's


def test_keys(qtbot, window):
    qtbot.keyClick(window, Qt.Key.Key_3)
    assert window.state.window == PRESETS["artery"]
    qtbot.keyClick(window, Qt.Key.Key_U)
    assert window.state.by_sigma
    assert window.panel.sigma.isChecked()
    before = window.state.cross[0]
    qtbot.keyClick(window, Qt.Key.Key_Right)
    assert window.state.cross[0] == pytest.approx(before + 1.0)
    qtbot.keyClick(window, Qt.Key.Key_Q)
    assert not window.isVisible()


def test_hiding_a_structure_changes_slices_and_3d(window):
    before = window.slices["axial"].grab().toImage()
    window.finish()
    scene = window.scene.drawn.image.copy()
    window.panel.boxes["C1"].setChecked(False)
    assert "C1" in window.state.hidden
    assert window.slices["axial"].grab().toImage() != before
    window.finish()
    assert np.abs(window.scene.drawn.image.astype(int) - scene).mean() > 1.0


def test_sigma_colours_slices_and_3d(window):
    before = window.slices["coronal"].grab().toImage()
    window.finish()
    scene = window.scene.drawn.image.copy()
    window.choose_sigma(True)
    assert window.slices["coronal"].grab().toImage() != before
    window.finish()
    assert np.abs(window.scene.drawn.image.astype(int) - scene).mean() > 1.0
    assert window.panel.bar.isVisibleTo(window.panel)


def test_a_plans_target_is_dragged_and_saved_as_a_line(qtbot, window, tmp_path):
    view = window.slices["axial"]
    plan, cross = window.state.plans[0], window.state.cross.copy()
    wanted = np.add(plan.target, [3.0, 2.0, 0.0])
    qtbot.mousePress(view, Qt.MouseButton.LeftButton, pos=at(view, plan.target))
    qtbot.mouseMove(view, at(view, wanted))
    qtbot.mouseRelease(view, Qt.MouseButton.LeftButton, pos=at(view, wanted))
    assert window.state.plans[0].target == pytest.approx(wanted, abs=1.0 / view.picture.scale)
    assert window.state.cross == pytest.approx(cross)
    for expected in ("lateral-1.mrk.json", "lateral-2.mrk.json"):  # nothing is replaced
        window.ask("save plan")
        saved = json.loads((tmp_path / expected).read_text())
        points = saved["markups"][0]["controlPoints"]
        assert points[1]["position"] == pytest.approx(window.state.plans[0].target, abs=1e-3)


def test_screenshots_are_numbered_and_marked_as_ours(window, tmp_path):
    from nav.core.filekinds import PICTURE, file_kind

    window.ask("screenshot")
    window.ask("screenshot")
    for number in (1, 2):
        path = tmp_path / f"small_case-view-{number}.png"
        assert file_kind(path) == PICTURE
        assert np.asarray(Image.open(path).convert("L")).std() > 10
    assert "small_case-view-2.png" in window.said.text()


def test_a_folder_that_cannot_be_written_is_said(window, tmp_path):
    window.folder = tmp_path / "file"
    window.folder.write_text("in the way")
    window.ask("screenshot")
    assert "cannot be written" in window.said.text()


def test_slices_are_drawn_quickly(window):
    for view in window.slices.values():
        view.grab()
    began, count = time.thread_time(), 0
    for _ in range(10):
        for view in window.slices.values():
            window.step(view.plane, 1.0)
            view.grab()
            count += 1
    assert 1000.0 * (time.thread_time() - began) / count < SLICE_MS


@pytest.mark.skipif(os.name != "posix", reason="signals as POSIX has them")
def test_ctrl_c_ends_the_window(qapp, viewed):
    QTimer.singleShot(300, lambda: os.kill(os.getpid(), signal.SIGINT))
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        run_case_window(viewed, initial_state(viewed))
    assert time.monotonic() - began < 30.0


@pytest.mark.parametrize("scan", [True, False])
def test_the_command_makes_a_picture_without_a_display(tmp_path, scan):
    path = write_case(tmp_path / "a", scan=scan)
    environment = {
        k: v
        for k, v in os.environ.items()
        if k not in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
    }
    picture = tmp_path / "view.png"
    done = subprocess.run(
        [sys.executable, "-m", "nav.cli", "view", str(path.parent), "--screenshot", str(picture),
         "--size", "900x600", "--sigma"],
        env=environment, capture_output=True, text=True, timeout=250,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert ("no scan in this case" in done.stdout) == (not scan)
    assert Image.open(picture).size == (900, 600)


def test_the_command_without_a_display_says_so_in_one_line(tmp_path):
    path = write_case(tmp_path / "a", scan=False)
    hidden = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
    environment = {k: v for k, v in os.environ.items() if k not in hidden}
    done = subprocess.run(
        [sys.executable, "-m", "nav.cli", "view", str(path)],
        env=environment, capture_output=True, text=True, timeout=250,
    )  # fmt: skip
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1
    assert "--screenshot" in done.stderr
