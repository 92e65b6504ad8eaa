"""What is read in the window is whole, or visibly shortened with a tool tip, in every language."""

from collections import defaultdict
from typing import Any

import pytest
from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QFontMetricsF, QPainter
from PySide6.QtWidgets import QLabel, QPushButton, QWidget

from nav.core.errors import Lost
from nav.core.notice import Notice
from nav.guidance.alarms import Level
from nav.live.messages import Ended, Preparing, Stage, Standstill
from nav.text import case_labels
from nav.text.catalogue import TEMPLATES, choose_language, chosen, languages
from nav.text.template import Plural, placeholders, texts
from nav.view import camera_pictures, gauge, header, lights, overlays, readouts
from nav.view.live_display import Why
from nav.view.live_window import LiveWindow
from nav.view.words import LEVELS, STAGES
from tests.view.window_scripts import FakeFeed, Script, simple_case, simple_needle

SIZES = [(1280, 720), (1920, 1080)]
PAINTED = (gauge, header, lights, readouts, overlays, camera_pictures)
ELISION = "…"
CASE = simple_case()
NEAR, INSIDE = (14.0, 7.5, 0.0), (2.0, 0.0, 0.0)
# a name as long as people give, and numbers as wide as they come
FILLING = {
    "camera": "over the shoulder", "tool": "needle", "reference": "reference", "label": "L mastoid",
    "structure": "vertebral artery left", "ids": (10, 11, 12, 13, 14, 15, 16),
}  # fmt: skip


@pytest.fixture(scope="module", params=languages())
def language(request):
    choose_language(request.param)
    yield request.param
    choose_language("en")


@pytest.fixture(scope="module")
def painted():
    """Every text that is painted: by its widget, the room it was given, what it covers."""
    record = defaultdict(list)

    class Recorder(QPainter):
        def __init__(self, device):
            super().__init__(device)
            self.widget = device

        def drawText(self, where, *rest):
            metrics = QFontMetricsF(self.font())
            if isinstance(where, QPointF):
                text = rest[0]
                covered = metrics.boundingRect(text).translated(where)
                room = None
            else:
                flags, text = rest
                covered = metrics.boundingRect(where, int(flags), text)
                room = QRectF(where)
            if text:
                record[self.widget].append((text, room, covered))
            super().drawText(where, *rest)

    with pytest.MonkeyPatch.context() as patch:
        for module in PAINTED:
            patch.setattr(module, "QPainter", Recorder)
        yield record


@pytest.fixture(scope="module", params=SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def window(request, language, qapp, painted):
    """One window for all tests of a size and language: each shows what it looks at."""
    made = LiveWindow(CASE, FakeFeed(), simple_needle(), title=CASE.name, clock=lambda: 100.02)
    made.timer.stop()
    made.resize(*request.param)
    made.show()
    yield made
    made.close()
    made.deleteLater()


def filled(code: str, depth: int = 0) -> Notice:
    """A notice of a code with all facts that its sentence can name."""
    template = TEMPLATES[code]
    names = {name for text in texts(template) for name in placeholders(text)}
    facts = {}
    for name in names | ({template.by} if isinstance(template, Plural) else set()):
        specs = {s for text in texts(template) for n, s in specs_of(text) if n == name}
        facts[name] = fact(name, specs, depth)
    return Notice(code, facts)


def specs_of(text: str):
    import string

    return [(n, spec) for _, n, spec, _ in string.Formatter().parse(text) if n]


def fact(name: str, specs: set[str], depth: int):
    if name in FILLING:
        return FILLING[name]
    if name in ("reason", "explanation", "verdict", "problem", "first"):
        return filled("too_dark") if depth else filled("markers_misplaced", depth + 1)
    if name in ("reasons", "pairs", "shares", "seen"):
        return [filled("too_dark"), filled("hidden")]
    if any(spec.endswith(("f", "g")) for spec in specs):
        return 88.88
    if specs & {"and", "first 8"} or name in ("cameras", "others", "labels", "axes"):
        return ["left", "over the shoulder"]
    return 88 if name in ("count", "number", "done", "marker", "expected", "rows") else "88.8 mm"


def look(window: LiveWindow, painted, *messages) -> None:
    """Show messages, and paint everything anew."""
    feed: Any = window.feed
    for message in messages:
        feed.waiting = [message]
        window.poll()
    painted.clear()
    window.grab()
    check_painted(painted)
    check_widgets(window)


def check_painted(painted) -> None:
    for widget, entries in painted.items():
        inside = QRectF(widget.rect()).adjusted(-1, -1, 1, 1)
        for text, room, covered in entries:
            assert inside.contains(covered), (widget, text, covered)
            if room is not None:
                assert covered.width() <= room.width() + 1, (widget, text)
                assert covered.height() <= room.height() + 2, (widget, text)
            if ELISION in text:
                assert widget.toolTip(), (widget, text)
        for index, (text, _, one) in enumerate(entries):
            for other_text, _, other in entries[index + 1 :]:
                common = one.intersected(other)
                assert min(common.width(), common.height()) < 3, (text, other_text)


def check_widgets(window: LiveWindow) -> None:
    for button in window.findChildren(QPushButton):
        if button.isVisible():
            words = QFontMetricsF(button.font()).horizontalAdvance(button.text())
            assert words <= button.width(), button.text()
            assert within(button, window), button.text()
    for label in window.findChildren(QLabel):
        if label.isVisible() and label.text():
            shown = QLabel.text(label)
            metrics = QFontMetricsF(label.font())
            lines = shown.split("\n")
            assert max(map(metrics.horizontalAdvance, lines)) <= label.width() + 1, label.text()
            assert len(lines) * metrics.height() <= label.height() + 1, label.text()
            assert " ".join(lines) == label.text() or (shown.endswith(ELISION) and label.toolTip())


def within(widget: QWidget, window: QWidget) -> bool:
    corner = widget.mapTo(window, widget.rect().bottomRight())
    return window.rect().contains(corner)


def test_numbers_and_states_are_whole(window, painted):
    script = Script(CASE)
    for stage in Stage:
        for tip in (NEAR, INSIDE, (0.0, 7.5, 0.0), (-60.0, 8.0, 0.0)):
            look(window, painted, script.update(100.0, tip, stage=stage))
            state = window.state
            for level in (state.gauges["artery"].level, state.gauges["cord"].level):
                words = [text for entries in painted.values() for text, *_ in entries]
                assert chosen().label(LEVELS[level]).upper() in words
            assert chosen().label(STAGES[stage]) in words
            assert not any(ELISION in word for word in words)


@pytest.mark.parametrize("level", list(Level))
def test_a_gauge_holds_its_longest_texts(window, painted, level):
    from nav.view.live_display import GaugeState

    bending = max(("with_bending", "without_bending"), key=lambda c: len(chosen().label(c)))
    words = [chosen().label(bending), chosen().sentence(filled("bending_assumed"))]
    for role in ("artery", "cord"):
        for text in words:
            shown = GaugeState(
                role, "vertebral artery left", level, "28.8", "≥ 28.8", 28.8, 28.8, 5.0, 3.0,
                bending=text,
            )  # fmt: skip
            inside = GaugeState(
                role, "vertebral artery left", level, "8.8",
                chosen().sentence(Notice("bound_inside", {"mm": "18.8"})), -8.8, -18.8, 5.0, 3.0,
                bending=text,
            )  # fmt: skip
            for state in (shown, inside):
                painted.clear()
                window.gauges[role].show_state(state, True)
                window.gauges[role].grab()
                check_painted(painted)
                assert painted


LOST = [c for c in TEMPLATES if c not in {"and", "and_more", "markers", *case_labels.CASE}]


def test_every_reason_is_whole_or_has_a_tool_tip(window, painted):
    """In the gauges, the readouts and the lights, whatever code a tool or a camera is lost for."""
    for code in LOST:
        headline, detail = chosen().parts(filled(code))
        for role in ("artery", "cord"):
            why = Why(headline, detail)
            state = type(window.state.gauges["artery"])(role, "", Level.UNKNOWN, why=why)
            window.gauges[role].show_state(state, True)
        window.ahead.show_ahead((), Why(headline, detail))
        for widget in (*window.gauges.values(), window.ahead):
            painted.clear()
            widget.grab()
            check_painted(painted)


def test_losses_doubts_and_missing_cameras(window, painted):
    from dataclasses import replace

    script = Script(CASE)
    for code in ("markers_misplaced", "no_marker_seen", "not_tied", "ambiguous"):
        update = script.update(100.0, NEAR, lost={"needle": "x"}, camera_lost={"right": "x"})
        why = filled(code)
        tracked = replace(
            update.guidance.tracked,
            tools={**update.guidance.tracked.tools, "needle": Lost(code, why.facts)},
            camera_lost={"right": filled("camera_silent")},
        )
        small = tuple(
            replace(t, lost=filled("camera_silent")) if t.lost is not None else t
            for t in update.thumbnails
        )
        guidance = replace(update.guidance, tracked=tracked)
        look(window, painted, replace(update, guidance=guidance, thumbnails=small))


PROMPTS = (
    "hold_still", "touch", "check_touch", "check_known", "touch_check_again",
    "check_again_or_register", "remove_last_touch", "no_fiducials",
)  # fmt: skip


def test_prompts_and_notices_are_whole_or_have_a_tool_tip(window, painted):
    script = Script(CASE)
    for code in (*PROMPTS, "registered_with_target", "not_tied", "sharpened_noise_shared"):
        for stage in (Stage.REGISTER, Stage.VERIFY):
            notices = (filled("camera_slow"), filled(code))
            prompt = filled(code)
            update = script.update(100.0, None, stage=stage, prompt=prompt, notices=notices)
            look(window, painted, update)
            assert window.prompt.text.text() == chosen().sentence(prompt)


@pytest.mark.parametrize("code", PROMPTS)
def test_a_prompt_is_whole_beside_the_buttons_of_live_cameras(window, painted, code):
    """Recordings have two more buttons, and may shorten it in a small window."""
    update = Script(CASE).update(100.0, None, stage=Stage.REGISTER, prompt=filled(code))
    look(window, painted, update)
    assert ELISION not in QLabel.text(window.prompt.text)


def test_banners_are_whole(window, painted):
    update = Script(CASE).update(100.0, NEAR)
    look(window, painted, update, Standstill(100.0, "paused"))
    look(window, painted, Standstill(100.0, "over"))
    look(window, painted, Preparing(Notice("setting_up_room"), 0.5))
    look(window, painted, Ended(filled("camera_not_opened")))
    assert not any(ELISION in text for text, *_ in painted[window.banner])


def test_the_window_speaks_the_language_that_was_chosen(window, language):
    texts_shown = [button.text() for button in window.findChildren(QPushButton)]
    german = {"Aufnehmen  [Leertaste]", "1 Standard", "Schließen"}
    english = {"Capture  [Space]", "1 standard", "Dismiss"}
    assert (german if language == "de" else english) <= set(texts_shown)
