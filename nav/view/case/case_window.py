"""The window of a case: three linked slices, the surfaces in 3D, and a column of choices."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QCloseEvent, QKeyEvent, QPalette, QResizeEvent
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QMainWindow, QVBoxLayout, QWidget

from nav.core.errors import InputError
from nav.core.frames import Array
from nav.core.notice import Notice
from nav.model.case import Plan
from nav.planning.plan_result import PlannedPath
from nav.text.catalogue import label, sentence
from nav.view.case.case_keys import use_key
from nav.view.case.case_scene import CaseScene
from nav.view.case.case_state import (
    ViewState,
    initial_state,
    moved,
    plan_added,
    plan_moved,
    plan_shown,
    plans_saved,
    shown,
    stepped,
    with_tool,
)
from nav.view.case.case_text import reading_parts
from nav.view.case.correcting import Correcting
from nav.view.case.draft import Tool
from nav.view.case.greys import GreyWindow
from nav.view.case.loading import ViewedCase
from nav.view.case.panel import CasePanel
from nav.view.case.planes import PLANES, Plane
from nav.view.case.probe import Probe
from nav.view.case.rerun import ProcessRerun, Rerun
from nav.view.case.saving import save_picture, save_plans
from nav.view.case.score_text import score_text
from nav.view.case.scoring import Scorer
from nav.view.case.slice_widget import SliceWidget, sources_of
from nav.view.case.unsaved_work import UnsavedWork
from nav.view.render_process import Drawing
from nav.view.theme import ACCENT, BACK, QUIET, TEXT, Metrics, font

POLL_MS = 33  # between checks for a new picture of the 3D view
SHORTEST_DRAG = 4.0  # mm: less is a click


class CaseWindow(QMainWindow):
    """Shows a case; everything that is chosen is in `state`.

    `corrected` is emitted when the case was written anew and is to be loaded again.

    Parameters
    ----------
    viewed : ViewedCase
        The case.
    state : ViewState, optional
        Where to begin.
    drawing : Drawing, optional
        What renders the surfaces in 3D; by default this process, which is for pictures and tests.
    folder : Path
        Where screenshots and lines are written.
    scorer : Scorer, optional
        Judges lines; by default one of its own.
    make_rerun : callable
        Makes what runs steps of the case again.
    """

    corrected = Signal()  # the case was written anew: it is to be shown again

    def __init__(
        self,
        viewed: ViewedCase,
        state: ViewState | None = None,
        drawing: Drawing | None = None,
        folder: Path = Path(),
        scorer: Scorer | None = None,
        make_rerun: Callable[[Path], Rerun] = ProcessRerun,
    ) -> None:
        super().__init__()
        self.viewed, self.folder = viewed, folder
        self.scorer = scorer or Scorer(viewed.case)
        self.judged: tuple[Plan, PlannedPath | str] | None = None
        self.state = initial_state(viewed) if state is None else state
        self._unsaved_work = UnsavedWork()
        self.probe = Probe(viewed.case.structures, viewed.volume)
        self.setWindowTitle(f"c1c2nav - {viewed.case.name}")
        palette = QPalette()
        palette.setColor(QPalette.ColorRole.Window, BACK)
        self.setPalette(palette)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.resize(1280, 800)
        self._build(drawing)
        self.correcting = Correcting(viewed.path, self.panel.correct, make_rerun)
        self.correcting.changed.connect(self._show_correcting)
        self.correcting.saved.connect(self._after_saving)
        self.panel.correct.tool_chosen.connect(self.choose_tool)
        self.scorer.ready.connect(self.show_score)
        self.scorer.judged.connect(self._take_judged)
        self.show_reading(None)
        self.show_score()
        self.timer = QTimer(self)
        self.timer.setInterval(POLL_MS)
        self.timer.timeout.connect(self.scene.work)
        self.timer.start()

    def _build(self, drawing: Drawing | None) -> None:
        sources = sources_of(self.viewed)
        self.slices = {p.name: SliceWidget(sources, p, self.state) for p in PLANES}
        self.scene = CaseScene(self.viewed, self.state, drawing)
        self.panel = CasePanel(self.viewed, self.state)
        for view in self.slices.values():
            view.crossed.connect(self.move_cross)
            view.stepped.connect(self.step)
            view.windowed.connect(self.choose_window)
            view.hovered.connect(self.show_reading)
            view.plan_moved.connect(self.move_plan)
            view.tool_used.connect(self.use_tool)
        self.panel.shown.connect(self.show_structure)
        self.panel.plan_shown.connect(self.show_plan)
        self.panel.window_chosen.connect(self.choose_window)
        self.panel.sigma_chosen.connect(self.choose_sigma)
        self.panel.asked.connect(self.ask)
        self.readouts = {name: QLabel() for name in ("place", "units", "surface")}
        self.said = QLabel()
        self.notice, self.keys = QLabel(label("research_only")), QLabel(label("case_keys"))
        for text in (*self.readouts.values(), self.said, self.notice, self.keys):
            text.setTextFormat(Qt.TextFormat.PlainText)
        body = self.body = QWidget()
        self.setCentralWidget(body)
        self.grid = QGridLayout()
        views = (*self.slices.values(), self.scene)
        for number, widget in enumerate(views):
            self.grid.addWidget(widget, *divmod(number, 2))
        for k in range(2):
            self.grid.setRowStretch(k, 1)
            self.grid.setColumnStretch(k, 1)
        upper = QHBoxLayout()
        upper.addLayout(self.grid, 1)
        upper.addWidget(self.panel)
        self.reading_row, self.foot = QHBoxLayout(), QHBoxLayout()
        for name, stretch in (("place", 5), ("units", 2), ("surface", 6)):
            self.reading_row.addWidget(self.readouts[name], stretch)
        self.foot.addWidget(self.notice)
        self.foot.addStretch(1)
        self.foot.addWidget(self.said)
        self.foot.addStretch(1)
        self.foot.addWidget(self.keys)
        whole = QVBoxLayout(body)
        whole.addLayout(upper, 1)
        whole.addLayout(self.reading_row)
        whole.addLayout(self.foot)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Adapt sizes to the window's height."""
        self._arrange()

    def _arrange(self) -> None:
        m = Metrics(self.height())
        g = m.grid
        self.panel.setFixedWidth(max(26 * m.small, round(0.21 * self.width())))
        for part in (*self.slices.values(), self.scene, self.panel):
            part.set_metrics(m)
        for text in self.readouts.values():
            text.setFont(font(round(1.15 * m.small), bold=True))
            text.setStyleSheet(f"color: {TEXT.name()}")
        for text, colour in ((self.notice, TEXT), (self.said, ACCENT), (self.keys, QUIET)):
            text.setFont(font(m.small))
            text.setStyleSheet(f"color: {colour.name()}")
        self.grid.setSpacing(g // 2)
        body = self.body.layout()
        assert body is not None
        body.setContentsMargins(g, g, g, g // 2)
        body.setSpacing(g // 2)

    def use(self, state: ViewState) -> None:
        """Show another state."""
        self.state = state
        for view in self.slices.values():
            view.show_state(state)
        self.scene.show_state(state)
        self.panel.show_state(state)

    def move_cross(self, point: Array) -> None:
        """Move the cross-hair to a model point (3,), mm."""
        self.use(moved(self.state, self.viewed, point))
        self.show_reading(None)

    def step(self, plane: Plane, steps: float) -> None:
        """Go a number of slices along a plane's normal."""
        self.use(stepped(self.state, self.viewed, plane, steps))
        self.show_reading(None)

    def choose_window(self, window: GreyWindow) -> None:
        """Show other grey values."""
        self.use(replace(self.state, window=window))

    def choose_sigma(self, by_sigma: bool) -> None:
        """Colour surfaces by their sigma, or by their role."""
        self.use(replace(self.state, by_sigma=by_sigma))

    def show_structure(self, name: str, visible: bool) -> None:
        """Show or hide a structure."""
        self.use(shown(self.state, name, visible))

    def show_plan(self, name: str, visible: bool) -> None:
        """Show or hide a plan."""
        self.use(plan_shown(self.state, name, visible))
        self.show_score()

    def move_plan(self, name: str, end: str, point: Array) -> None:
        """Set a plan's "entry" or "target" to a model point (3,), mm; its score follows."""
        self.use(plan_moved(self.state, name, end, point))
        self.show_score()

    def choose_tool(self, tool: Tool) -> None:
        """Select what the left button does in a slice."""
        self.use(with_tool(self.state, tool))
        self.correcting.choose_tool(tool)

    def use_tool(self, what: str, point: Array) -> None:
        """Use the tool in a slice.

        Parameters
        ----------
        what : str
            "press", "move" or "release".
        point : ndarray, shape (3,)
            Where, model frame, mm.
        """
        if self.state.tool == "line":
            self._draw_line(what, point)
        else:
            self.correcting.use_tool(what, self.state.tool, point)

    def _draw_line(self, what: str, point: Array) -> None:
        """Set the entry and the target by two clicks, or by one drag."""
        begun = self.state.begun
        if what == "press" and begun is None:
            self.use(replace(self.state, begun=point))
        elif begun is not None and what in ("press", "release"):
            if what == "release" and np.linalg.norm(point - begun) < SHORTEST_DRAG:
                return  # a click: the target comes with the next one
            self.use(plan_added(self.state, begun, point))
            self.choose_tool("look")
            self.show_score()

    def show_score(self) -> None:
        """Measure the line that is chosen, and request its probability."""
        line = self.state.scored if self.state.draft is None else None
        self.scorer.want(line)
        if line is None:
            self.panel.score.show_score(None)
            return
        path = self.judged[1] if self.judged is not None and self.judged[0] is line else None
        self.panel.score.show_score(score_text(line.name, self.scorer.measure(line), path))

    def _take_judged(self, line: Plan, path: PlannedPath | str) -> None:
        self.judged = (line, path)
        if line is self.state.scored and self.state.draft is None:
            text = score_text(line.name, self.scorer.measure(line), path)
            self.panel.score.show_score(text)

    def score_now(self) -> None:
        """Wait for the score of the line that is chosen, for a picture."""
        line = self.state.scored
        if line is not None:
            self.scorer.prepare()
            self._take_judged(line, self.scorer.path(line))
            column = self.panel.layout()
            assert column is not None
            column.activate()  # the score takes more lines now

    def correct(self, on: bool) -> None:
        """Begin or end correcting by hand."""
        if not on:
            self.correcting.pause()
            self.use(replace(with_tool(self.state, "look"), draft=None, proposal=None))
            self.show_score()
            return
        problem = self.correcting.begin()
        if problem:
            self.said.setText(problem)
            self.panel.show_state(self.state)

    def _show_correcting(self) -> None:
        if self.correcting.active:
            draft, proposal = self.correcting.draft, self.correcting.proposal
            stale = self.correcting.stale
            self.use(replace(self.state, draft=draft, proposal=proposal, stale=stale))

    def _after_saving(self, path: Path) -> None:
        self.said.setText(_written([path]))
        self.corrected.emit()

    def show_reading(self, point: Array | None) -> None:
        """Show what is at a model point (3,), mm; None: at the cross-hair."""
        at = self.state.cross if point is None else point
        reading = self.probe.at(at, self.state.hidden)
        parts = reading_parts(reading, self.viewed.volume is not None)
        for shown_at, text in zip(self.readouts.values(), parts, strict=True):
            shown_at.setText(text)

    def ask(self, kind: str) -> None:
        """Do what a button stands for.

        Parameters
        ----------
        kind : str
            "reset", "screenshot", "save plan", "draw line" or "correct".
        """
        if kind == "reset":
            for view in self.slices.values():
                view.reset()
            self.scene.reset()
        elif kind == "screenshot":
            self._say(lambda: [save_picture(self, self.folder)])
        elif kind == "save plan" and self.state.shown_plans:
            if self._say(lambda: save_plans(self.state.shown_plans, self.folder)):
                self.use(plans_saved(self.state))
        elif kind == "draw line":
            self.choose_tool("look" if self.state.tool == "line" else "line")
            self.said.setText(label("case_how_to_draw") if self.state.tool == "line" else "")
        elif kind == "correct":
            self.correct(self.state.draft is None)

    def _say(self, write: Callable[[], list[Path]]) -> bool:
        """Write files, and show which; return whether they could be written."""
        try:
            self.said.setText(_written(write()))
        except (InputError, OSError) as error:
            self.said.setText(str(error))
            return False
        return True

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Do what the key stands for, see `use_key`."""
        if not use_key(self, Qt.Key(event.key())):
            super().keyPressEvent(event)

    def zoom(self, factor: float) -> None:
        """Show all slices larger by a factor, about the cross-hair."""
        for view in self.slices.values():
            plane = view.plane
            view.zoom(factor, (self.state.cross[plane.across], self.state.cross[plane.down]))

    def layout_now(self) -> None:
        """Give every part its size though the window is not shown; pictures need it."""
        self.setAttribute(Qt.WidgetAttribute.WA_DontShowOnScreen)
        self.show()
        self._arrange()
        body = self.body.layout()
        assert body is not None
        body.activate()
        self.ask("reset")

    def finish(self) -> None:
        """Render everything finely, for a picture."""
        self.scene.work(finish=True)

    def close_now(self) -> None:
        """Close without asking, even if work is unsaved."""
        self._unsaved_work.accept(self._unsaved)
        self.close()

    @property
    def _unsaved(self) -> tuple[object, ...]:
        """Return what closing would lose; the same objects while nothing more is done."""
        return (*self.correcting.unsaved, *self.state.unsaved_plans)

    def closeEvent(self, event: QCloseEvent) -> None:
        """Refuse once if unsaved work would be lost; else end the rendering."""
        warning = self._unsaved_work.warning(self._unsaved)
        if warning is not None:
            self.said.setText(warning)
            event.ignore()
            return
        self.timer.stop()
        self.scene.drawing.close()
        self.scorer.close()
        self.correcting.close()
        super().closeEvent(event)


def _written(files: list[Path]) -> str:
    return sentence(Notice("case_written", {"files": tuple(map(str, files))}))
