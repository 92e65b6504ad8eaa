"""Correcting a case by hand: paint, place seeds, run steps again, look, save or discard."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal

from nav.errors import InputError
from nav.frames import Array
from nav.reconstruction.correction import Correction, case_guidance, save_correction
from nav.reconstruction.guidance import Guidance
from nav.reconstruction.steps import WORDS, share_done
from nav.view.case.correct_panel import CorrectPanel
from nav.view.case.draft import (
    Draft,
    Tool,
    begun,
    dragged,
    released,
    undone,
    with_radius,
    with_structure,
    without_seeds,
)
from nav.view.case.proposal import Proposal
from nav.view.case.rerun import Failed, Prepared, Rerun, StepTold

POLL_MS = 100
PREPARING = "reading the case's own steps; you can begin"
STARTED = "paint what is missing, erase what is too much, or set seeds; then run again"
STALE = "changed since it was run"


class Correcting(QObject):
    """Holds what is being corrected; the window asks it and shows its state.

    Parameters
    ----------
    path : Path
        Of case.toml.
    panel : CorrectPanel
    make : callable
        Makes what runs steps again; called when correcting begins.
    """

    changed = Signal()  # draft or proposal
    saved = Signal(object)  # path of the corrections

    def __init__(self, path: Path, panel: CorrectPanel, make: Callable[[Path], Rerun]) -> None:
        super().__init__()
        self.path, self.panel, self.make = path, panel, make
        self.rerun: Rerun | None = None
        self.draft: Draft | None = None
        self.proposal: Proposal | None = None
        self.tool: Tool = "look"
        self.running = self.preparing = self.active = False
        self.timer = QTimer(self)
        self.timer.setInterval(POLL_MS)
        self.timer.timeout.connect(self.poll)
        panel.structure_chosen.connect(lambda name: self._use(with_structure, name))
        panel.radius_chosen.connect(lambda radius: self._use(with_radius, radius))
        panel.asked.connect(self.ask)
        panel.show_progress(None)

    def begin(self) -> str:
        """Begin to correct; return why that cannot be, or nothing."""
        if self.draft is None:
            try:
                guidance = case_guidance(self.path)
            except InputError as error:
                return str(error)
            self.draft = Draft(guidance)
        if self.rerun is None:
            self.rerun = self.make(self.path)
            self.preparing = True
            self.panel.say((PREPARING,))
        self.active = True
        self.timer.start()
        self.show()
        return ""

    def pause(self) -> None:
        """Leave correcting; what was done waits for `begin`."""
        self.active, self.tool = False, "look"
        self.timer.stop()

    def use_tool(self, what: str, tool: Tool, point: Array) -> None:
        """Press, move or release a tool at a model point (3,), mm."""
        if self.draft is None:
            return
        before = self.draft.guidance
        if what == "press":
            self.draft = begun(self.draft, tool, point)
        elif what == "move":
            self.draft = dragged(self.draft, point)
        else:
            self.draft = released(self.draft)
        if self.draft.guidance != before and self.proposal is not None:
            self.panel.say((STALE, *self.proposal.lines))
        self.show()

    def choose_tool(self, tool: Tool) -> None:
        """Take another tool."""
        self.tool = tool
        self.show()

    def ask(self, kind: str) -> None:
        """Do what a button says: undo, clear seeds, run, save, discard."""
        if self.draft is None:
            return
        if kind == "undo":
            self._use(lambda draft, _: undone(draft), None)
        elif kind == "clear seeds":
            self._use(lambda draft, _: without_seeds(draft), None)
        elif kind == "run" and self.draft.changed and not self.running:
            assert self.rerun is not None
            self.running = True
            self.panel.show_progress(0.0)
            self.rerun.run(self.draft.guidance)
        elif kind == "save" and self.proposal is not None:
            self._save(self.proposal.correction)
        elif kind == "discard":
            first = self.draft.past[0] if self.draft.past else self.draft.guidance
            self.draft = replace(self.draft, guidance=first, past=())
            self.proposal = None
            self.panel.say((STARTED,))
        self.show()

    def poll(self) -> None:
        """Take what has come of running steps."""
        for report in self.rerun.reports() if self.rerun is not None else ():
            if isinstance(report, StepTold):
                self.panel.show_progress(share_done(report.step, report.share))
                if report.step in WORDS and (self.running or self.preparing):
                    self.panel.say((WORDS[report.step],))
                continue
            if isinstance(report, Prepared):
                self.preparing = False
                if not self.running:
                    self.panel.show_progress(None)
                    self.panel.say((STARTED,))
                continue
            self.running = self.preparing = False
            self.panel.show_progress(None)
            if isinstance(report, Failed):
                self.panel.say((report.reason,))
            else:
                self.proposal = Proposal(report)
                self.panel.say(self.proposal.lines)
            self.show()

    def show(self) -> None:
        """Show the draft; tell the window."""
        if self.draft is not None and self.active:
            self.panel.show_draft(self.draft, self.tool, self.proposal, self.running)
        self.changed.emit()

    def close(self) -> None:
        """End what runs."""
        self.timer.stop()
        if self.rerun is not None:
            self.rerun.close()
            self.rerun = None

    def _use(self, change: Callable[[Draft, Any], Draft], value: Any) -> None:
        if self.draft is not None:
            self.draft = change(self.draft, value)
            self.show()

    def _save(self, correction: Correction) -> None:
        if self.draft is not None and not _is_same(self.draft.guidance, correction.guidance):
            self.panel.say(("run again first: more was painted since",))
            return
        try:
            path = save_correction(self.path, correction)
        except InputError as error:
            self.panel.say((str(error),))
            return
        self.draft = self.proposal = None
        self.active = False
        self.close()
        self.saved.emit(path)


def _is_same(one: Guidance, other: Guidance) -> bool:
    """Return whether two guidances say the same; labels, which nobody paints here, are copies."""
    return replace(one, labels=()) == replace(other, labels=())
