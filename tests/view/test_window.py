"""The real window with a feed whose every message the test decides on."""

import re
import time
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QImage

from nav import NOTICE
from nav.core.notice import Notice
from nav.guidance.alarms import Level
from nav.live.messages import Command, Ended, Stage
from nav.view.live_app import run_window, write_still
from nav.view.live_window import BLINK, POLL_MS, LiveWindow
from nav.view.theme import LEVEL
from tests.view.window_scripts import FakeFeed, Script, said

TIP = (12.0, 7.5, 0.0)  # 14.2 - 5 mm from the cord's surface
COLUMN = ("artery", "cord", "ahead", "target")


class Clock:
    """A clock that the test sets."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def window(qtbot, case, needle, feed, clock):
    window = LiveWindow(case, feed, needle, title="test", clock=clock)
    window.timer.stop()
    qtbot.addWidget(window)
    window.resize(1280, 800)
    window.show()
    return window


def play(window, feed, *messages):
    for message in messages:
        feed.waiting.append(message)
        window.poll()


def pixels(widget) -> np.ndarray:
    image = widget.grab().toImage().convertToFormat(QImage.Format.Format_RGB888)
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), -1)
    return rows[:, : 3 * image.width()].reshape(image.height(), image.width(), 3).astype(int)


def inked(widget, colour) -> int:
    """Pixels of a colour."""
    wanted = np.array([colour.red(), colour.green(), colour.blue()])
    return int((np.abs(pixels(widget) - wanted).max(axis=2) < 12).sum())


def number_ink(gauge) -> int:
    """Pixels of the level's colour where the large number stands."""
    image = pixels(gauge)
    level = LEVEL[gauge.state.level]
    wanted = np.array([level.red(), level.green(), level.blue()])
    height, width, _ = image.shape
    middle = image[int(0.35 * height) : int(0.7 * height), int(0.04 * width) : int(0.6 * width)]
    return int((np.abs(middle - wanted).max(axis=2) < 12).sum())


def is_blank(window) -> bool:
    state = window.state
    return (
        not state.gauges["artery"].value
        and not state.gauges["cord"].value
        and not state.ahead
        and not state.target.distance
        and state.scene.tip is None
        and not state.scene.segments
        and all(window.gauges[role].state.why is not None for role in window.gauges)
        and window.scene.scene.tip is None
    )


def test_numbers_appear(window, feed, script):
    play(window, feed, script.update(100.0, TIP))
    # sqrt(12^2 + 7.5^2) from the middle of a cord of radius 5; bound 1.645 sd below
    words = re.fullmatch(r"cord cord: (.+) mm, \u2265 (.+), clear", window.gauges["cord"].words())
    assert float(words[1]) == pytest.approx(9.15, abs=0.1)
    sd = np.sqrt(2 * 0.25**2 + 0.3**2)
    assert float(words[2]) == pytest.approx(9.15 - 1.645 * sd, abs=0.15)
    assert "vertebral artery left" in window.gauges["artery"].words()
    assert not window.banner.isVisible()
    assert window.scene.scene.tip == pytest.approx(TIP)
    assert window.speed.text() == "delay 21 ms  ·  58 /s"
    for gauge in window.gauges.values():
        assert number_ink(gauge) > 200


def test_waiting_before_the_first_update(window):
    window.poll()
    assert is_blank(window)
    assert "Waiting" in window.banner.banner.text
    assert window.banner.isVisible()


@pytest.mark.parametrize("tool", ["needle", "reference"])
def test_a_lost_tool_blanks_its_numbers_in_the_same_update(window, feed, script, tool):
    play(window, feed, script.update(100.0, TIP))
    shown = {name: pixels(window.parts[name]) for name in COLUMN}
    play(window, feed, script.update(100.02, TIP, lost={tool: "its markers are hidden"}))
    assert is_blank(window)
    assert f"{tool} lost" in window.gauges["cord"].words()
    assert "its markers are hidden" in window.gauges["cord"].words()
    assert f"{tool} LOST its markers are hidden" in window.lights.accessibleName()
    for name, before in shown.items():
        assert np.abs(pixels(window.parts[name]) - before).max() > 50, name
    for gauge in window.gauges.values():
        assert gauge.state.level is Level.UNKNOWN
        assert inked(gauge, LEVEL[Level.CLEAR]) == 0
    play(window, feed, script.update(100.04, TIP))
    assert window.gauges["cord"].state.value == "9.2"


def test_needle_is_painted_only_where_there_is_one(window, feed, script):
    play(window, feed, script.update(100.0, TIP))
    window.scene.work(finish=True)
    with_needle = pixels(window.scene)
    play(window, feed, script.update(100.02, TIP, lost={"needle": "hidden"}))
    window.scene.work(finish=True)
    without = pixels(window.scene)
    x, y, _ = window.scene.view.project(TIP, window.scene.width(), window.scene.height())[0]
    x, y = int(x), int(y)
    near = np.abs(with_needle - without)[y - 15 : y + 15, x - 15 : x + 15]
    assert near.max() > 80
    # the anatomy itself stays as it was
    assert np.abs(with_needle - without)[-60:, :60].max() == 0


def test_a_feed_that_stops_blanks_within_a_poll_of_300_ms(window, feed, script, clock):
    play(window, feed, script.update(100.0, TIP))
    while clock.now < 100.3 - POLL_MS / 1000:
        clock.now += POLL_MS / 1000
        window.poll()
        assert not is_blank(window)
    clock.now = 100.3 + POLL_MS / 1000
    window.poll()
    assert is_blank(window)
    assert window.banner.isVisible()
    assert window.banner.banner.text == "No data for 0.3 s"
    clock.now = 100.45
    play(window, feed, script.update(100.43, TIP))
    assert not is_blank(window)
    assert not window.banner.isVisible()


def test_the_timer_does_the_polling(window, feed, script, qtbot):
    feed.waiting.append(script.update(100.0, TIP))
    window.timer.start()
    qtbot.waitUntil(lambda: window.gauges["cord"].state.value == "9.2", timeout=60_000)
    assert window.timer.interval() <= 34


def test_a_dead_process_blanks_at_once_and_ends(window, feed, script):
    ended = []
    window.on_end = ended.append
    play(window, feed, script.update(100.0, TIP))
    feed.lives = False
    window.poll()
    assert is_blank(window)
    assert window.banner.banner.alarming
    for _ in range(10):
        window.poll()
    assert len(ended) == 1
    assert ended[0].problem


def test_the_view_does_not_jump_when_data_stops_while_registering(window, feed, script, clock):
    play(window, feed, script.update(100.0, None, stage=Stage.REGISTER, prompt="Touch D3"))
    before = window.scene.view
    clock.now = 101.0
    window.poll()
    assert is_blank(window)
    assert window.scene.view is before


def test_the_end_says_why(window, feed, script):
    play(window, feed, script.update(100.0, TIP), Ended(said("camera left: unplugged")))
    assert is_blank(window)
    assert window.banner.banner.text == "Tracking process ended: camera left: unplugged"
    # what comes after the end is not shown
    play(window, feed, script.update(100.0, TIP))
    assert is_blank(window)


def test_an_update_that_cannot_be_read_leaves_nothing_old(window, feed, script):
    play(window, feed, script.update(100.0, TIP))
    broken = script.update(100.02, TIP)
    object.__setattr__(broken, "guidance", None)
    play(window, feed, broken)
    assert is_blank(window)
    assert window.banner.banner.alarming


def test_danger_blinks_at_the_standard_rate_and_nothing_else_does(window, feed, script, clock):
    phases = {"danger": [], "caution": []}
    for name, tip in (("danger", (0.0, 5.5, 0.0)), ("caution", (0.0, 7.1, 0.0))):
        for step in range(60):
            clock.now = 100.0 + step / 60
            play(window, feed, script.update(clock.now, tip))
            phases[name].append(window.gauges["cord"].lit)
        assert window.gauges["cord"].state.level.word == name
    changes = sum(a != b for a, b in zip(phases["danger"], phases["danger"][1:], strict=False))
    assert 1.4 <= BLINK <= 2.8
    assert changes in (3, 4)  # two blinks in this second
    assert 0.2 <= np.mean(phases["danger"]) <= 0.61
    assert all(phases["caution"])


@pytest.mark.parametrize(
    ("key", "command"),
    [
        (Qt.Key.Key_Space, Command("capture")),
        (Qt.Key.Key_Backspace, Command("undo")),
        (Qt.Key.Key_S, Command("skip")),
        (Qt.Key.Key_P, Command("plan", "right lateral")),
    ],
)
def test_keys_send_commands(window, feed, script, qtbot, key, command):
    play(window, feed, script.update(100.0, TIP))
    qtbot.keyClick(window, key)
    assert feed.sent == [command]


def test_next_plan_goes_round(window, feed, script, case, qtbot):
    second = case.plans[1]
    play(window, feed, script.update(100.0, TIP, plan=second))
    assert window.prompt.text.text() == "Plan: right lateral"
    qtbot.keyClick(window, Qt.Key.Key_P)
    assert feed.sent == [Command("plan", "left lateral")]
    # lost, the plan is still the one that was chosen
    play(window, feed, script.update(100.02, TIP, lost={"needle": "hidden"}))
    assert window.state.scene.plan == "right lateral"


def test_buttons_are_there_when_they_make_sense(window, feed, script, qtbot):
    prompt = "Touch D3 with the tip, hold still, press Space"
    play(window, feed, script.update(100.0, None, stage=Stage.REGISTER, prompt=prompt))
    assert window.prompt.text.text() == prompt
    assert window.steps.stage is Stage.REGISTER
    visible = {kind for kind, button in window.prompt.buttons.items() if button.isVisible()}
    assert visible == {"capture", "undo"}
    qtbot.mouseClick(window.prompt.buttons["capture"], Qt.MouseButton.LeftButton)
    assert feed.sent == [Command("capture")]
    play(window, feed, script.update(100.02, TIP, stage=Stage.VERIFY))
    assert window.prompt.buttons["skip"].isVisible()
    play(window, feed, script.update(100.04, TIP))
    visible = {kind for kind, button in window.prompt.buttons.items() if button.isVisible()}
    assert visible == {"plan", "check", "register"}
    assert "not registered" not in window.gauges["cord"].words()


def test_space_captures_even_after_a_button_was_clicked(window, feed, script, qtbot):
    play(window, feed, script.update(100.0, TIP))
    qtbot.mouseClick(window.views.buttons[1], Qt.MouseButton.LeftButton)
    qtbot.keyClick(window, Qt.Key.Key_Space)
    assert feed.sent == [Command("capture")]


def test_notices_are_dismissed_once(window, feed, script, qtbot):
    notice = "camera left: focus is not locked"
    play(window, feed, script.update(100.0, TIP, notices=(notice,)))
    assert window.notices.isVisible()
    assert window.notices.text.text() == notice
    qtbot.mouseClick(window.notices.button, Qt.MouseButton.LeftButton)
    play(window, feed, script.update(100.02, TIP, notices=(notice,)))
    assert not window.notices.isVisible()
    play(window, feed, script.update(100.04, TIP, notices=(notice, "cameras swapped?")))
    assert window.notices.text.text() == "cameras swapped?"
    # a notice that went and came again is new
    play(window, feed, script.update(100.06, TIP), script.update(100.08, TIP, notices=(notice,)))
    assert window.notices.text.text() == notice


def test_research_notice_is_always_there(window, feed, script):
    for message in (None, script.update(100.0, TIP), Ended(said("x"))):
        if message is not None:
            play(window, feed, message)
        assert window.notice.isVisible()
        assert window.notice.text() == NOTICE


def test_views_by_key_and_mouse(window, feed, script, qtbot):
    play(window, feed, script.update(100.0, TIP))
    qtbot.keyClick(window, Qt.Key.Key_2)
    assert window.scene.view.backwards == pytest.approx([1.0, 0.0, 0.0])
    before = window.scene.view
    middle = window.scene.rect().center()
    qtbot.mousePress(window.scene, Qt.MouseButton.LeftButton, pos=middle)
    qtbot.mouseMove(window.scene, middle + QPoint(120, 40))
    qtbot.mouseRelease(window.scene, Qt.MouseButton.LeftButton)
    assert window.scene.view.differs(before)
    qtbot.keyClick(window, Qt.Key.Key_R)
    standard = window.scene.view
    qtbot.keyClick(window, Qt.Key.Key_6)
    assert window.scene.view.focal == pytest.approx(TIP)
    play(window, feed, script.update(100.02, (11.0, 7.5, 0.0)))
    assert window.scene.view.focal == pytest.approx((11.0, 7.5, 0.0))
    qtbot.mouseDClick(window.scene, Qt.MouseButton.LeftButton)
    assert not window.scene.view.differs(standard)


def test_skin_is_a_hint_that_can_be_shown(window, qtbot):
    assert not window.scene.skin
    qtbot.keyClick(window, Qt.Key.Key_7)
    assert window.scene.skin


@pytest.mark.parametrize("size", [(1280, 800), (1920, 1080)])
def test_screenshot_is_whole_and_not_blank(window, feed, script, tmp_path, size):
    play(window, feed, script.update(100.0, TIP))
    window.resize(*size)
    path = tmp_path / "live.png"
    window.screenshot(path)
    assert [p.name for p in tmp_path.iterdir()] == ["live.png"]
    image = QImage(str(path)).convertToFormat(QImage.Format.Format_RGB888)
    assert (image.width(), image.height()) == size
    place = window.scene.geometry()
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), -1)
    view = rows[place.top() : place.bottom(), 3 * place.left() : 3 * place.right()]
    view = view.reshape(view.shape[0], -1, 3).astype(int)
    # bone is bright and warm, the dura is blue, the artery is red; none is most of the picture
    bone = (view.min(axis=2) > 110) & (view[..., 0] > view[..., 2])
    artery = (view[..., 0] > 110) & (view[..., 1] < 80)
    dura = (view[..., 2] > view[..., 0] + 25) & (view[..., 2] > 60)
    for name, mask, least in (
        ("bone", bone, 0.02),
        ("artery", artery, 0.003),
        ("dura", dura, 0.01),
    ):
        assert least < mask.mean() < 0.6, name


def test_screenshot_that_cannot_be_written_is_an_error(window, tmp_path):
    with pytest.raises(OSError, match="cannot be written"):
        window.screenshot(tmp_path / "nowhere" / "live.png")


def test_closing_asks_the_process_to_quit(window, feed):
    window.close()
    assert feed.sent == [Command("quit")]
    assert not window.timer.isActive()


def test_still_of_the_last_update(qapp, case, needle, tmp_path):
    script = Script(case)
    updates = [script.update(10 + k / 10, (14.0 - 0.1 * k, 7.5, 0.0)) for k in range(20)]
    path = tmp_path / "live.png"
    write_still(path, case, needle, updates, size=(1280, 800))
    image = QImage(str(path))
    assert (image.width(), image.height()) == (1280, 800)


@pytest.mark.parametrize(("problem", "code"), [("", 0), ("no camera", 1)])
def test_run_closes_at_the_end_and_keeps_the_last_live_picture(
    qapp, case, needle, tmp_path, monkeypatch, problem, code
):
    monkeypatch.setattr("nav.view.live_app.LAST_LOOK_MS", 50)
    script = Script(case)

    class Current(FakeFeed):
        """Gives a result of the moment at which it is asked, then the end."""

        given = False

        def newest(self):
            if not self.given:
                self.given = True
                return script.update(time.monotonic(), TIP)
            return Ended(said(problem) if problem else None)

    feed = Current()
    still = Path(tmp_path / "live.png")
    assert run_window(case, feed, needle, close_at_end=True, still=still) == code
    assert feed.closed
    assert still.exists()


DOUBTFUL = Notice(
    "registration_doubtful",
    {"check": Notice("check_off", {"label": "K1", "off_mm": 4.0, "predicted_mm": 0.4})},
)


def offered(window) -> set[str]:
    """Commands whose buttons can be seen."""
    return {kind for kind, button in window.prompt.buttons.items() if button.isVisible()}


@pytest.mark.parametrize(("key", "kind"), [(Qt.Key.Key_C, "check"), (Qt.Key.Key_G, "register")])
def test_navigating_offers_a_re_check_and_to_register_again(qtbot, window, feed, script, key, kind):
    play(window, feed, script.update(100.0, TIP))
    assert offered(window) == {"plan", "check", "register"}
    qtbot.keyClick(window, key)
    qtbot.mouseClick(window.prompt.buttons[kind], Qt.MouseButton.LeftButton)
    assert feed.sent == [Command(kind)] * 2


def test_a_re_check_names_its_divot_and_keeps_every_number(window, feed, script):
    play(window, feed, script.update(100.0, TIP))
    before = {name: window.gauges[name].words() for name in window.gauges}
    prompt = Notice("touch_recheck", {"label": "K1"})
    play(window, feed, script.update(100.02, TIP, prompt=prompt, next_fiducial="K1"))
    assert {name: window.gauges[name].words() for name in window.gauges} == before
    assert offered(window) == {"plan", "check", "register", "capture", "undo"}
    assert window.prompt.text.text().startswith("Re-check: touch K1")
    assert (window.state.scene.fiducials, window.state.scene.wanted) == (("K1",), "K1")
    assert window.state.scene.segments
    assert not window.banner.isVisible()


def test_a_failed_re_check_is_across_the_view_and_the_numbers_stay(window, feed, script, clock):
    play(window, feed, script.update(100.0, TIP, alarm=DOUBTFUL))
    assert window.banner.isVisible()
    assert window.banner.banner.alarming
    assert "K1 is 4.00 mm off" in window.banner.banner.text
    assert "G: register again" in window.banner.banner.text
    assert window.gauges["cord"].state.value == "9.2"
    play(window, feed, script.update(100.02, TIP))
    assert not window.banner.isVisible()
    # a number that is blanked says its own reason
    play(window, feed, script.update(100.04, TIP, alarm=DOUBTFUL))
    clock.now = 101.0
    window.poll()
    assert "No data" in window.banner.banner.text
    assert is_blank(window)
