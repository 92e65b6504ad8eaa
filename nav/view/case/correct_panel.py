"""Choices for correcting by hand: structure, tool, brush, and what is done with the result."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QSlider,
    QVBoxLayout,
)

from nav.core.notice import Notice
from nav.reconstruction.guidance import ROLES
from nav.text.catalogue import label, sentence
from nav.view.case.draft import RADII, Draft, Tool
from nav.view.case.proposal import PROPOSED, Proposal
from nav.view.header import button_style
from nav.view.sized import Sized
from nav.view.theme import ACCENT, BACK, FAINT, LINE, QUIET, TEXT, Metrics, font

CHOSEN = tuple(name for name in ROLES if name != "skin")
STEP = 4  # of the slider, per millimetre
TOOLS: dict[Tool, str] = {
    "look": "correct_look",
    "add": "correct_paint",
    "erase": "correct_erase",
    "seed": "correct_seed",
}
ACTIONS = {
    "undo": "correct_undo",
    "clear seeds": "correct_clear_seeds",
    "run": "correct_run",
    "save": "correct_save",
    "discard": "correct_discard",
}


class CorrectPanel(Sized):
    """Shows a Draft, the progress of steps and their results."""

    tool_chosen = Signal(str)
    structure_chosen = Signal(str)
    radius_chosen = Signal(float)
    asked = Signal(str)  # one of ACTIONS

    def __init__(self) -> None:
        super().__init__()
        self.title = QLabel(label("correct_title"))
        self.structure = QComboBox()
        self.structure.addItems(list(CHOSEN))
        self.structure.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.structure.currentTextChanged.connect(self.structure_chosen)
        self.tools = {tool: QPushButton(label(code)) for tool, code in TOOLS.items()}
        for tool, button in self.tools.items():
            button.setCheckable(True)
            button.clicked.connect(lambda _, t=tool: self.tool_chosen.emit(t))
        self.brush = QSlider(Qt.Orientation.Horizontal)
        self.brush.setRange(round(RADII[0] * STEP), round(RADII[1] * STEP))
        self.brush.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.brush.valueChanged.connect(lambda v: self.radius_chosen.emit(v / STEP))
        self.brush_label = QLabel()
        self.buttons = {name: QPushButton(label(code)) for name, code in ACTIONS.items()}
        for name, button in self.buttons.items():
            button.clicked.connect(lambda _, n=name: self.asked.emit(n))
        for button in (*self.tools.values(), *self.buttons.values()):
            button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setRange(0, 1000)
        self.said = QLabel()
        self.said.setTextFormat(Qt.TextFormat.PlainText)
        self.said.setWordWrap(True)
        self._arrange()

    def _arrange(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.title)
        column.addWidget(self.structure)
        buttons = list(self.tools.values())
        for pair in (buttons[:2], buttons[2:]):
            row = QHBoxLayout()
            for button in pair:
                row.addWidget(button)
            column.addLayout(row)
        row = QHBoxLayout()
        row.addWidget(self.brush_label)
        row.addWidget(self.brush, 1)
        column.addLayout(row)
        for names in (("undo", "clear seeds"), ("run",), ("save", "discard")):
            row = QHBoxLayout()
            for name in names:
                row.addWidget(self.buttons[name])
            column.addLayout(row)
        column.addWidget(self.bar)
        column.addWidget(self.said)

    def set_metrics(self, metrics: Metrics) -> None:
        """Set the sizes for another window height."""
        super().set_metrics(metrics)
        small, g = font(metrics.small), metrics.grid
        self.title.setFont(font(metrics.small, bold=True))
        self.title.setStyleSheet(f"color: {TEXT.name()}")
        for text, colour in ((self.brush_label, QUIET), (self.said, PROPOSED)):
            text.setFont(small)
            text.setStyleSheet(f"color: {colour.name()}")
        for button in (*self.tools.values(), *self.buttons.values()):
            button.setFont(small)
            button.setStyleSheet(button_style(metrics))
        self.structure.setFont(small)
        self.structure.setStyleSheet(
            f"QComboBox {{ color: {TEXT.name()}; background: {LINE.name()}; border: 0;"
            f" padding: {g // 2}px {g}px; }}"
            f"QComboBox QAbstractItemView {{ color: {TEXT.name()}; background: {BACK.name()}; }}"
        )
        self.bar.setFixedHeight(g)
        self.bar.setStyleSheet(
            f"QProgressBar {{ background: {LINE.name()}; border: 0; }}"
            f"QProgressBar::chunk {{ background: {ACCENT.name()}; }}"
        )
        self.brush.setStyleSheet(
            f"QSlider::groove:horizontal {{ background: {LINE.name()}; height: {g // 2}px; }}"
            f"QSlider::handle:horizontal {{ background: {FAINT.name()}; width: {2 * g}px;"
            f" margin: -{g // 2}px 0; }}"
        )

    def show_draft(
        self, draft: Draft, tool: Tool, proposal: Proposal | None, stale: bool, busy: bool
    ) -> None:
        """Show the choices and what can be done.

        Parameters
        ----------
        draft : Draft
            Corrections that are being made.
        tool : Tool
            What the left button does.
        proposal : Proposal or None
            Surfaces from running steps again.
        stale : bool
            The proposal does not match the draft: it cannot be saved.
        busy : bool
            Steps are running.
        """
        before = self.blockSignals(True)
        self.structure.setCurrentText(draft.structure)
        self.brush.setValue(round(draft.radius * STEP))
        self.blockSignals(before)
        brush = Notice("correct_brush", {"width_mm": 2 * draft.radius})
        self.brush_label.setText(sentence(brush))
        for name, button in self.tools.items():
            button.setChecked(name == tool)
        self.tools["add"].setEnabled(draft.can_paint)
        self.tools["erase"].setEnabled(draft.can_paint)
        self.tools["seed"].setEnabled(draft.can_seed)
        self.buttons["undo"].setEnabled(draft.changed)
        self.buttons["clear seeds"].setEnabled(
            any(seed.name == draft.structure for seed in draft.guidance.seeds)
        )
        self.buttons["run"].setEnabled(draft.changed and not busy)
        savable = proposal is not None and not proposal.correction.is_nothing
        self.buttons["save"].setEnabled(savable and not stale and not busy)
        self.buttons["discard"].setEnabled(draft.changed or proposal is not None)

    def show_progress(self, share: float | None) -> None:
        """Show the share of a run that is done; None: nothing runs."""
        self.bar.setVisible(share is not None)
        self.bar.setValue(round(1000 * (share or 0.0)))

    def say(self, lines: tuple[str, ...]) -> None:
        """Show the results, line by line."""
        self.said.setText("\n".join(lines))
