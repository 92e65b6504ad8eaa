"""Every text of a case's window is whole in every language."""

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QFontMetricsF
from PySide6.QtWidgets import QCheckBox, QLabel, QPushButton

from nav.core.notice import Notice
from nav.text.case_labels import CASE
from nav.text.catalogue import ENGLISH, choose_language, chosen, languages
from nav.text.template import placeholders
from nav.view.case.case_state import initial_state, plan_added
from nav.view.case.case_window import CaseWindow
from nav.view.case.loading import load_viewed_case
from nav.view.case.score_text import ScoreText
from tests.view.case.cases import CENTRE, write_case


@pytest.fixture(scope="module")
def viewed(tmp_path_factory):
    return load_viewed_case(write_case(tmp_path_factory.mktemp("case") / "a"))


@pytest.fixture(params=languages())
def language(request):
    choose_language(request.param)
    yield request.param
    choose_language("en")


@pytest.fixture(params=[(1280, 720), (1920, 1080)], ids=lambda size: f"{size[0]}x{size[1]}")
def window(request, language, qtbot, viewed, tmp_path):
    made = CaseWindow(viewed, folder=tmp_path)
    qtbot.addWidget(made, before_close_func=CaseWindow.close_now)
    made.timer.stop()
    made.resize(*request.param)
    made.layout_now()
    return made


def check(window: CaseWindow) -> set[str]:
    """Check that no text is wider than its widget; return all that are shown."""
    shown = set()
    buttons = window.findChildren(QPushButton) + window.findChildren(QCheckBox)
    for widget in (*buttons, *window.findChildren(QLabel)):
        text = widget.text()
        if not widget.isVisible() or not text or "<" in text:
            continue
        shown.add(text)
        room = widget.width()
        if isinstance(widget, QLabel) and widget.wordWrap():
            words = widget.fontMetrics().boundingRect(
                0, 0, room, 10_000, Qt.TextFlag.TextWordWrap, text
            )
            assert words.width() <= room + 1, text
            continue
        needed = QFontMetricsF(widget.font()).horizontalAdvance(text.replace("&&", "&"))
        assert needed <= room + 1, text
        corner = widget.mapTo(window, widget.rect().bottomRight())
        assert window.rect().contains(corner), text
    return shown


def test_the_texts_of_the_window_are_whole(window):
    shown = check(window)
    for code in (
        "case_keys",
        "research_only",
        "case_correct",
        "greys_title",
        "case_structures_title",
    ):
        assert chosen().label(code) in shown
    assert ENGLISH.label("case_keys") in shown or chosen() is not ENGLISH


def test_the_texts_of_correcting_are_whole(window):
    state = plan_added(initial_state(window.viewed), CENTRE, np.add(CENTRE, [30.0, 0.0, 0.0]))
    window.use(state)
    window.panel.correct.setVisible(True)
    window.panel.correct.show_progress(0.5)
    for code in CASE:
        if code.startswith(("correct_", "step_", "unsaved")):
            facts = dict.fromkeys(("structure", "remark", "change", "source", "works"), "C2")
            facts |= {"line": "line 1", "width_mm": 9.5}
            facts |= dict.fromkeys(("sigma_mm", "mean_mm", "largest_mm", "volume_cm3"), 88.8)
            window.panel.correct.say((chosen().sentence(Notice(code, facts)),))
            check(window)


def test_a_score_is_told_in_the_language(window):
    row = (chosen().label("score_entry"), chosen().sentence(Notice("score_caudal", {"degrees": 8})))
    problems = (chosen().sentence(Notice("path_through", {"structure": "cord"})),) * 2
    panel = window.panel.score
    panel.show_score(ScoreText("line 1", ((*row, False),) * 6, problems))
    window.panel.layout().activate()
    assert row[0] in panel.label.text()
    assert row[1] in panel.label.text()
    assert panel.label.height() >= panel.label.heightForWidth(panel.label.width())
    assert window.rect().contains(panel.mapTo(window, panel.rect().bottomRight()))
    check(window)


def test_no_text_of_the_window_is_english_in_german():
    choose_language("de")
    try:
        plain = [code for code, text in CASE.items() if not placeholders(str(text))]
        same = {code for code in plain if chosen().label(code) == ENGLISH.label(code)}
    finally:
        choose_language("en")
    assert same == {"plane_axial", "plane_sagittal"}


@pytest.mark.parametrize(
    ("lacks", "code"), [("scan", "case_no_scan_to_correct"), ("chain", "case_no_bones_to_correct")]
)
def test_why_a_case_cannot_be_corrected_is_told_in_the_language(lacks, code, qtbot, tmp_path):
    choose_language("de")
    try:
        made = CaseWindow(load_viewed_case(write_case(tmp_path / "a", **{lacks: False})))
        qtbot.addWidget(made, before_close_func=CaseWindow.close_now)
        button = made.panel.buttons["correct"]
        assert not button.isEnabled()
        assert button.toolTip() == chosen().label(code)
    finally:
        choose_language("en")
