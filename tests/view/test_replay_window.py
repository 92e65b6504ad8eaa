"""The window of a replay with a feed whose every message the test decides on."""

from dataclasses import replace

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QLabel

from nav.core.notice import Notice
from nav.live.messages import (
    Command,
    Ended,
    Preparing,
    Ready,
    Sample,
    Span,
    Stage,
    Standstill,
    Tick,
    Timeline,
)
from nav.text.catalogue import choose_language
from nav.view.replay_lanes import clock_text
from nav.view.replay_ticks import SHAPES
from nav.view.replay_window import ReplayWindow
from nav.view.theme import REPLAY
from tests.view.test_window import Clock, inked, is_blank, play

TIP = (12.0, 7.5, 0.0)
BEGAN = 5000.0  # s: a session's times are those of the machine's clock
TIMELINE = Timeline(
    BEGAN, 60.0, 1800, "2026-11-30 09:12 live",
    (
        Span("stage", 0.0, 20.0, "register"), Span("stage", 20.0, 60.0, "navigate"),
        Span("lost", 30.0, 31.5, "needle"), Span("alarm", 50.0, 55.0, "caution"),
        Span("alarm", 55.0, 60.0, "danger"),
    ),
    (
        Tick(10.0, "touch", Notice("replay_touch_touched", {"label": "D1"})),
        Tick(40.0, "mark", Notice("replay_mark", {"text": "skin"})),
        Tick(50.0, "alarm", Notice("replay_caution", {"structure": "cord"})),
    ),
)  # fmt: skip


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture(params=["en"])
def window(request, qtbot, case, needle, feed, clock):
    choose_language(request.param)
    window = ReplayWindow(case, feed, needle, title="test", clock=clock)
    window.timer.stop()
    qtbot.addWidget(window)
    window.resize(1366, 768)
    window.show()
    yield window
    choose_language("en")


@pytest.fixture
def began(window, feed, script, clock):
    """A window that plays."""
    play(window, feed, Ready(TIMELINE))
    assert feed.sent == [Command("play")]
    feed.sent.clear()
    show(window, feed, script, clock, 12.3)
    return window


def show(window, feed, script, clock, seconds, **extra):
    """Show the frame of a recorded time; it is sent now."""
    update = script.update(BEGAN + seconds, TIP, **extra)
    object.__setattr__(update, "captured_at", clock.now)
    object.__setattr__(update, "simulated", True)
    play(window, feed, update)


def test_it_says_at_all_times_that_it_is_a_replay(began, window, feed, script, clock):
    assert not is_blank(window)
    states = (
        None,
        Standstill(clock.now, "paused"),
        Preparing(Notice("replay_computing"), 0.4),
        Standstill(clock.now, "over"),
        Ended(),
    )
    for message in states:
        if message is not None:
            play(window, feed, message)
        assert window.badge.isVisible()
        assert window.badge.accessibleName() == "REPLAY of 2026-11-30 09:12 live"
        assert inked(window.badge, REPLAY) > 500
        assert inked(window, REPLAY) > 2 * (window.width() + window.height())
        assert "REPLAY" in window.windowTitle()
        assert window.speed.text() == "recorded, nothing is live"


def test_paused_the_banner_says_so_and_nothing_is_called_current(began, window, feed, clock):
    assert window.state.age == "recorded"
    play(window, feed, Standstill(clock.now, "paused"))
    assert window.banner.banner.text == "REPLAY paused at 0:12.3: Space resumes"
    assert window.state.age == "recorded"
    assert not window.playing


@pytest.mark.parametrize(
    "message", [Standstill(100.0, "over"), Preparing(Notice("replay_computing"), 0.4)]
)
def test_at_the_end_and_while_a_place_is_computed_there_are_no_numbers(
    began, window, feed, message
):
    play(window, feed, message)
    assert is_blank(window)
    assert window.banner.isVisible()


def test_a_replay_that_does_not_answer_is_blanked(began, window, clock):
    clock.now += 2.5
    window.poll()
    assert is_blank(window)
    assert window.banner.banner.text == "The replay does not answer"


def test_the_users_commands_cannot_be_given(began, window, feed, script, clock, qtbot):
    show(window, feed, script, clock, 12.4, stage=Stage.REGISTER, prompt="Touch D3")
    keys = (Qt.Key.Key_Backspace, Qt.Key.Key_S, Qt.Key.Key_C, Qt.Key.Key_G, Qt.Key.Key_P)
    for key in keys:
        qtbot.keyClick(window, key)
    for kind in ("capture", "undo", "skip", "check", "register", "plan"):
        window.ask(kind)
    assert feed.sent == []
    assert not any(button.isVisible() for button in window.prompt.buttons.values())


@pytest.mark.parametrize(
    ("key", "shift", "command"),
    [
        (Qt.Key.Key_Space, False, Command("pause")),
        (Qt.Key.Key_K, False, Command("pause")),
        (Qt.Key.Key_Home, False, Command("restart")),
        (Qt.Key.Key_Right, False, Command("seek", "17.3")),
        (Qt.Key.Key_Left, False, Command("seek", "7.3")),
        (Qt.Key.Key_Right, True, Command("step", "1")),
        (Qt.Key.Key_Left, True, Command("step", "-1")),
        (Qt.Key.Key_PageDown, False, Command("seek", "40.0")),
        (Qt.Key.Key_PageUp, False, Command("seek", "10.0")),
        (Qt.Key.Key_Up, False, Command("speed", "2")),
        (Qt.Key.Key_Down, False, Command("speed", "0.5")),
        (Qt.Key.Key_End, False, Command("seek", "60.0")),
    ],
)
def test_keys_of_the_player(began, window, feed, qtbot, key, shift, command):
    modifier = Qt.KeyboardModifier.ShiftModifier if shift else Qt.KeyboardModifier.NoModifier
    qtbot.keyClick(window, key, modifier)
    (sent,) = feed.sent
    assert sent.kind == command.kind
    if command.kind == "seek":
        assert float(sent.argument) == pytest.approx(float(command.argument), abs=1e-6)
    else:
        assert sent == command


def test_buttons_of_the_player(began, window, feed, qtbot):
    bar = window.bar
    for button in (*bar.buttons, bar.speeds[10.0]):
        qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert feed.sent == [
        Command("restart"), Command("step", "-1"), Command("pause"), Command("step", "1"),
        Command("speed", "10"),
    ]  # fmt: skip
    assert [s for s, button in bar.speeds.items() if button.isChecked()] == [10.0]
    window.poll()
    assert bar.place.text() == "0:12.3 of 1:00.0  ·  × 10"


def test_a_click_goes_there_and_near_a_tick_to_the_tick(began, window, feed, qtbot):
    lanes = window.bar.lanes
    for seconds, expected in ((25.0, 25.0), (39.9, 40.0)):
        place = QPoint(round(lanes.x_of(seconds)), lanes.height() // 2)
        qtbot.mouseClick(lanes, Qt.MouseButton.LeftButton, pos=place)
        assert float(feed.sent[-1].argument) == pytest.approx(expected, abs=0.1)
    assert feed.sent[-1] == Command("seek", "40.0")


def test_the_time_line_tells_what_is_where(began, window):
    lanes = window.bar.lanes
    assert lanes.said_at(lanes.x_of(40.0), 5.0) == "0:40.0  Mark: skin"
    rows = lanes.height() / 4.0
    assert "Register" in lanes.said_at(lanes.x_of(15.0), 0.3 * rows)
    assert "needle lost, 1.5 s" in lanes.said_at(lanes.x_of(30.7), 0.9 * rows)
    assert "danger, 5.0 s" in lanes.said_at(lanes.x_of(57.0), 1.6 * rows)


def test_the_newest_event_stands_above_the_line(began, window, feed, script, clock):
    assert window.bar.event_text.text() == "0:10.0  D1 touched"
    show(window, feed, script, clock, 9.0)
    assert window.bar.event_text.text() == ""


def test_events_differ_in_shape_not_only_in_colour():
    kinds = ("touch", "verification", "registration", "mark", "plan", "camera")
    assert len({SHAPES[kind][0] for kind in kinds}) == len(kinds)


def test_the_chart_begins_anew_after_a_jump(began, window, feed, script, clock):
    history = window.strip.history
    for k in range(1, 4):
        show(window, feed, script, clock, 12.3 + k / 10)
    assert len(history.samples) == 4
    show(window, feed, script, clock, 3.0)
    assert [sample.at for sample in history.samples] == [BEGAN + 3.0]
    show(window, feed, script, clock, 3.1)
    show(window, feed, script, clock, 30.0)
    assert [sample.at for sample in history.samples] == [BEGAN + 30.0]


def test_after_a_jump_the_chart_has_what_was_recorded_before(began, window, feed, script, clock):
    recorded = tuple(
        Sample(BEGAN + k / 2, {"artery": (9.0, 8.0), "cord": (5.0, 4.0)}) for k in range(100)
    )
    window.timeline = replace(TIMELINE, samples=recorded)
    show(window, feed, script, clock, 41.2)
    at = [sample.at - BEGAN for sample in window.strip.history.samples]
    assert (at[0], at[-2], at[-1]) == pytest.approx((11.5, 41.0, 41.2))
    assert at == sorted(at)


def test_what_the_user_was_asked_is_past(began, window, feed, script, clock):
    prompt = Notice("touch_recheck", {"label": "K1"})
    show(window, feed, script, clock, 12.4, prompt=prompt)
    assert window.prompt.text.text().startswith("Asked then: Re-check: touch K1")


@pytest.mark.parametrize("window", ["en", "de"], indirect=True)
@pytest.mark.parametrize("size", [(1366, 768), (1920, 1200)])
def test_nothing_overlaps_and_the_words_fit(window, feed, script, clock, size, qtbot):
    window.resize(*size)
    play(window, feed, Ready(TIMELINE))
    show(window, feed, script, clock, 41.0)
    bar = window.bar
    assert bar.geometry().bottom() <= window.footer.geometry().top()
    assert bar.geometry().top() >= window.strip.geometry().bottom()
    assert bar.geometry().top() >= window.target.geometry().bottom() - 1
    for button in (*bar.buttons, *bar.speeds.values()):
        words = button.fontMetrics().horizontalAdvance(button.text())
        assert words < button.width()
    assert QLabel.text(bar.place) == bar.place.text() != ""
    badge = window.badge
    assert badge.wanted_width <= badge.width()
    assert badge.geometry().left() > 0.3 * window.width()


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "0:00.0"),
        (59.99, "0:59.9"),
        (83.25, "1:23.2"),
        (3605.0, "1:00:05.0"),
        (-1.0, "0:00.0"),
    ],
)
def test_times_are_minutes_and_seconds(seconds, text):
    assert clock_text(seconds) == text
