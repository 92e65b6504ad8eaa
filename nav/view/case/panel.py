"""The column beside the views: what the case lacks, its structures, and what can be chosen."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QImage, QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from nav.core.notice import Notice
from nav.guidance.alarms import Level
from nav.model.case import Structure
from nav.reconstruction.correction import why_not_correctable
from nav.text.catalogue import label, sentence
from nav.view import sigma_scale
from nav.view.case.case_state import ViewState
from nav.view.case.case_text import (
    findings,
    preset_label,
    shortcomings,
    sigma_text,
    sources,
)
from nav.view.case.correct_panel import CorrectPanel
from nav.view.case.greys import PRESETS, preset_name
from nav.view.case.loading import ViewedCase
from nav.view.case.score_panel import ScorePanel
from nav.view.header import button_style
from nav.view.sized import Sized
from nav.view.theme import ACCENT, BACK, FAINT, LEVEL, PANEL, QUIET, ROLE, TEXT, Metrics, font


class SigmaBar(Sized):
    """The colours of sigma with their millimetres."""

    def set_metrics(self, metrics: Metrics) -> None:
        """Set the sizes for another window height."""
        super().set_metrics(metrics)
        self.setFixedHeight(round(1.5 * metrics.grid + 3.4 * metrics.small))

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the bar, its ticks and its title."""
        m, g = self.metrics, self.metrics.grid
        painter = QPainter(self)
        painter.setFont(font(m.small))
        painter.setPen(QUIET)
        painter.drawText(QPointF(0, m.small), label("case_sigma_title"))
        ends = 3.5 * g
        bar = QRectF(ends, 1.5 * m.small, self.width() - 2 * ends, 1.2 * g)
        steps = 128
        ratio = sigma_scale.HIGHEST / sigma_scale.LOWEST
        shades = sigma_scale.colours(
            [sigma_scale.LOWEST * ratio ** ((k + 0.5) / steps) for k in range(steps)]
        )
        image = QImage(shades.tobytes(), steps, 1, 3 * steps, QImage.Format.Format_RGB888)
        painter.drawImage(bar, image)
        painter.setPen(TEXT)
        for tick in sigma_scale.TICKS:
            x = bar.left() + float(sigma_scale.share(tick)) * bar.width()
            painter.drawLine(QPointF(x, bar.bottom()), QPointF(x, bar.bottom() + 0.5 * g))
            room = QRectF(x - 4 * g, bar.bottom() + 0.4 * g, 8 * g, 1.5 * m.small)
            painter.drawText(room, Qt.AlignmentFlag.AlignCenter, _tick_text(tick))
        painter.end()


def _tick_text(tick: float) -> str:
    ends = {sigma_scale.LOWEST: "≤ ", sigma_scale.HIGHEST: "≥ "}
    return f"{ends.get(tick, '')}{tick:g}"


class CasePanel(Sized):
    """Remarks, structures, window presets, sigma as colour, buttons.

    Parameters
    ----------
    viewed : ViewedCase
        The case.
    state : ViewState
        What is chosen.
    """

    shown = Signal(str, bool)  # structure, visible
    plan_shown = Signal(str, bool)  # plan, visible
    window_chosen = Signal(object)  # GreyWindow
    sigma_chosen = Signal(bool)
    asked = Signal(str)  # screenshot, reset, save plan, draw line, correct

    def __init__(self, viewed: ViewedCase, state: ViewState) -> None:
        super().__init__()
        self.viewed = viewed
        self.name = QLabel(viewed.case.name)
        self.name.setTextFormat(Qt.TextFormat.PlainText)
        self.name.setWordWrap(True)
        self.remarks = QLabel(_remarks_text(viewed))
        self.remarks.setTextFormat(Qt.TextFormat.PlainText)
        self.remarks.setWordWrap(True)
        self.findings = QLabel("\n".join(findings(viewed)))
        self.findings.setTextFormat(Qt.TextFormat.PlainText)
        self.findings.setWordWrap(True)
        self.boxes = {s.name: self._box(s, state) for s in viewed.case.structures}
        self.plans = {plan.name: self._plan_box(plan.name) for plan in viewed.case.plans}
        self.presets = {name: QPushButton(preset_label(name)) for name in PRESETS}
        for name, button in self.presets.items():
            button.setCheckable(True)
            button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
            button.setEnabled(viewed.volume is not None)
            button.clicked.connect(lambda _, n=name: self.window_chosen.emit(PRESETS[n]))
        self.sigma = QPushButton(label("case_sigma_colour"))
        self.sigma.setCheckable(True)
        self.sigma.toggled.connect(self.sigma_chosen)
        self.bar = SigmaBar()
        self.buttons = {
            "reset": QPushButton(label("case_reset")),
            "screenshot": QPushButton(label("case_screenshot")),
            "draw line": QPushButton(label("case_draw_line")),
            "save plan": QPushButton(label("case_save_lines")),
            "correct": QPushButton(label("case_correct")),
        }
        self.buttons["draw line"].setCheckable(True)
        self.buttons["correct"].setCheckable(True)
        possible = not why_not_correctable(viewed.reconstruction)
        self.buttons["correct"].setEnabled(possible)
        if not possible:
            lacks = viewed.reconstruction is None or viewed.reconstruction.volume is None
            why = "case_no_scan_to_correct" if lacks else "case_no_bones_to_correct"
            self.buttons["correct"].setToolTip(label(why))
        self.score = ScorePanel()
        self.correct = CorrectPanel()
        for name, button in self.buttons.items():
            button.clicked.connect(lambda _, n=name: self.asked.emit(n))
        for button in (self.sigma, *self.buttons.values()):
            button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._arrange()
        self.show_state(state)

    def _box(self, structure: Structure, state: ViewState) -> QCheckBox:
        made_from = sources(self.viewed).get(structure.name, "")
        text = f"{structure.name}   {sigma_text(structure.sigma)}"
        box = QCheckBox(literal(f"{text}   {made_from}" if made_from else text))
        box.setChecked(structure.name not in state.hidden)
        box.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        box.toggled.connect(lambda on, n=structure.name: self.shown.emit(n, on))
        return box

    def _plan_box(self, name: str) -> QCheckBox:
        box = QCheckBox(literal(sentence(Notice("case_plan_named", {"plan": name}))))
        box.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        box.toggled.connect(lambda on: self.plan_shown.emit(name, on))
        return box

    def _arrange(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.name)
        self.remark_area = QScrollArea()
        self.remark_area.setWidgetResizable(True)
        self.remark_area.setFrameShape(QFrame.Shape.NoFrame)
        said = QWidget()
        lines = QVBoxLayout(said)
        lines.setContentsMargins(0, 0, 0, 0)
        lines.addWidget(self.remarks)
        lines.addWidget(self.findings)
        lines.addStretch(1)
        self.remark_area.setWidget(said)
        column.addWidget(self.remark_area, 2)
        self.list_title = QLabel(label("case_structures_title"))
        column.addWidget(self.list_title)
        listed = QWidget()
        rows = QVBoxLayout(listed)
        rows.setContentsMargins(0, 0, 0, 0)
        for box in (*self.boxes.values(), *self.plans.values()):
            rows.addWidget(box)
        rows.addStretch(1)
        self.rows = rows
        self.list_area = QScrollArea()
        self.list_area.setWidgetResizable(True)
        self.list_area.setFrameShape(QFrame.Shape.NoFrame)
        self.list_area.setWidget(listed)
        column.addWidget(self.list_area, 5)
        column.addWidget(self.score)
        column.addWidget(self.correct)
        row = QHBoxLayout()
        for button in self.presets.values():
            row.addWidget(button)
        self.presets_title = QLabel(label("greys_title"))
        column.addWidget(self.presets_title)
        column.addLayout(row)
        column.addWidget(self.sigma)
        column.addWidget(self.bar)
        row = QHBoxLayout()
        row.addWidget(self.buttons["reset"])
        row.addWidget(self.buttons["screenshot"])
        column.addLayout(row)
        row = QHBoxLayout()
        row.addWidget(self.buttons["draw line"])
        row.addWidget(self.buttons["save plan"])
        column.addLayout(row)
        column.addWidget(self.buttons["correct"])

    def set_metrics(self, metrics: Metrics) -> None:
        """Set the sizes for another window height."""
        super().set_metrics(metrics)
        g, small = metrics.grid, font(metrics.small)
        self.name.setFont(font(metrics.medium, bold=True))
        self.name.setStyleSheet(f"color: {TEXT.name()}")
        alarming = bool(shortcomings(self.viewed))
        colour = LEVEL[Level.CAUTION] if alarming else QUIET
        for area in (self.remark_area, self.list_area):
            area.setStyleSheet(area_style(g))
        self.remarks.setFont(small)
        self.remarks.setMargin(g)
        self.remarks.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.remarks.setStyleSheet(f"color: {colour.name()}")
        self.findings.setMargin(g)
        for text in (self.list_title, self.presets_title, self.findings):
            text.setFont(small)
            text.setStyleSheet(f"color: {QUIET.name()}")
        roles = {s.name: ROLE.get(s.role, ROLE["other"]) for s in self.viewed.case.structures}
        coloured = [(box, roles[name]) for name, box in self.boxes.items()]
        coloured += [(box, ACCENT) for box in self.plans.values()]
        for box, colour in coloured:
            box.setFont(small)
            box.setStyleSheet(box_style(colour, g))
        for button in (*self.presets.values(), self.sigma, *self.buttons.values()):
            button.setFont(small)
            button.setStyleSheet(button_style(metrics))
        for part in (self.bar, self.score, self.correct):
            part.set_metrics(metrics)

    def _add_plan(self, name: str) -> None:
        """Add a box for a line that was drawn to the list."""
        box = self.plans[name] = self._plan_box(name)
        box.setFont(font(self.metrics.small))
        box.setStyleSheet(box_style(ACCENT, self.metrics.grid))
        self.rows.insertWidget(self.rows.count() - 1, box)

    def show_state(self, state: ViewState) -> None:
        """Show what is chosen."""
        for name, box in self.boxes.items():
            _set_quietly(box, name not in state.hidden)
        for plan in state.plans:
            if plan.name not in self.plans:
                self._add_plan(plan.name)
        for name, box in self.plans.items():
            _set_quietly(box, name not in state.hidden_plans)
        self.buttons["save plan"].setEnabled(bool(state.shown_plans))
        _set_quietly(self.buttons["draw line"], state.tool == "line")
        _set_quietly(self.buttons["correct"], state.draft is not None)
        self.correct.setVisible(state.draft is not None)
        # while correcting there is no room for it, and it belongs to the surfaces as they were
        self.score.setVisible(state.draft is None and self.score.shown is not None)
        chosen = preset_name(state.window)
        for name, button in self.presets.items():
            _set_quietly(button, name == chosen)
        _set_quietly(self.sigma, state.by_sigma)
        self.bar.setVisible(state.by_sigma)


def area_style(grid: int) -> str:
    """Return the style sheet of a scroll area.

    Parameters
    ----------
    grid : int
        Of the window, px.

    Returns
    -------
    str
        For `setStyleSheet`.
    """
    return (
        f"QWidget {{ background: {PANEL.name()}; }}"
        f"QScrollBar:vertical {{ background: {PANEL.name()}; width: {grid}px; margin: 0; }}"
        f"QScrollBar::handle:vertical {{ background: {FAINT.name()}; }}"
        "QScrollBar::add-line, QScrollBar::sub-line { height: 0; }"
    )


def literal(text: str) -> str:
    """Escape the ampersands of a text for a button, where they would mark keys.

    Parameters
    ----------
    text : str
        As it is to be read.

    Returns
    -------
    str
        For `setText`.
    """
    return text.replace("&", "&&")


def box_style(colour: QColor, grid: int) -> str:
    """Return the style sheet of a check box that is filled with a colour.

    Parameters
    ----------
    colour : QColor
        Of the checked box.
    grid : int
        Of the window, px.

    Returns
    -------
    str
        For `setStyleSheet`.
    """
    return (
        f"QCheckBox {{ color: {TEXT.name()}; padding: {grid // 4}px; spacing: {grid}px; }}"
        f"QCheckBox::indicator {{ width: {2 * grid}px; height: {2 * grid}px;"
        f" border: 1px solid {FAINT.name()}; background: {BACK.name()}; }}"
        f"QCheckBox::indicator:checked {{ background: {colour.name()}; }}"
    )


def _set_quietly(button: QCheckBox | QPushButton, on: bool) -> None:
    before = button.blockSignals(True)
    button.setChecked(on)
    button.blockSignals(before)


def _remarks_text(viewed: ViewedCase) -> str:
    found = shortcomings(viewed)
    if not found and viewed.reconstruction is not None:
        return label("case_no_remarks")
    if not found:
        return label("case_nothing_missing")
    return "\n".join(f"• {remark}" for remark in found)
