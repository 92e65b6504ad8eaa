"""Correct a case by hand: paint, place seeds, run steps again, look, save or discard."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal

from nav.core.errors import InputError
from nav.core.files import load_toml
from nav.core.frames import Array
from nav.model.case import CaseFile
from nav.reconstruction.comparison import Correction
from nav.reconstruction.correction import (
    case_guidance,
    save_correction,
    why_not_correctable,
)
from nav.reconstruction.guidance import ReconstructionGuidance
from nav.reconstruction.step_names import STEP_LABELS, share_done
from nav.text.catalogue import label
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
from nav.view.case.rerun import Failed, Prepared, Rerun, StepTold, without_labels

POLL_MS = 100


class Correcting(QObject):
    """Holds what is being corrected; the window uses it and shows its state.

    `changed` is emitted with every new draft or proposal, `saved` with the path of the corrections.

    Parameters
    ----------
    path : Path
        Of case.toml.
    panel : CorrectPanel
        Its choices and texts.
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
        self.asked: ReconstructionGuidance | None = None  # what is being run
        self.note: tuple[str, ...] = ()  # what is shown before the proposal
        self.preparing = self.active = False
        self.timer = QTimer(self)
        self.timer.setInterval(POLL_MS)
        self.timer.timeout.connect(self.poll)
        panel.structure_chosen.connect(lambda name: self._use(with_structure, name))
        panel.radius_chosen.connect(lambda radius: self._use(with_radius, radius))
        panel.asked.connect(self.ask)
        panel.show_progress(None)

    @property
    def running(self) -> bool:
        """Whether a correction is being run."""
        return self.asked is not None

    @property
    def stale(self) -> bool:
        """Whether the proposal is not what the draft would give, or is being computed again."""
        if self.proposal is None or self.draft is None:
            return False
        made_with = self.proposal.correction.guidance
        return self.running or not _is_same(self.draft.guidance, made_with)

    @property
    def lines(self) -> tuple[str, ...]:
        """The lines to show: news first, then the changes of the surfaces."""
        if self.proposal is None or self.draft is None:
            begun = "correct_preparing" if self.preparing else "correct_started"
            return self.note or (label(begun),)
        if not self.stale:
            return (*self.note, *self.proposal.lines)
        changed = not _is_same(self.draft.guidance, self.proposal.correction.guidance)
        state = label("correct_stale" if changed else "correct_again")
        return (*self.note, state, *self.proposal.lines)

    @property
    def unsaved(self) -> tuple[ReconstructionGuidance | None, Proposal | None]:
        """Unsaved work: what was painted since the last saving, and the surfaces from it."""
        painted = self.draft is not None and self.draft.changed
        guidance = self.draft.guidance if painted and self.draft is not None else None
        proposal = self.proposal
        if proposal is not None and proposal.correction.is_nothing:
            proposal = None
        return guidance, proposal

    def begin(self) -> str:
        """Begin to correct; return why that is not possible, or an empty string."""
        if self.draft is None:
            try:
                problem = why_not_correctable(load_toml(self.path, CaseFile).reconstruction)
                if problem:
                    return f"{self.path}: {problem}"
                guidance = case_guidance(self.path)
            except InputError as error:
                return str(error)
            self.draft = Draft(guidance)
        if self.rerun is None:
            self.rerun = self.make(self.path)
            self.preparing = True
        self.active = True
        self.timer.start()
        self.show()
        return ""

    def pause(self) -> None:
        """Leave correcting; the draft is kept for `begin`."""
        self.active, self.tool = False, "look"
        self.timer.stop()

    def use_tool(self, what: str, tool: Tool, point: Array) -> None:
        """Use a tool in a slice.

        Parameters
        ----------
        what : str
            "press", "move" or "release".
        tool : Tool
            What the left button does.
        point : ndarray, shape (3,)
            Where, model frame, mm.
        """
        if self.draft is None:
            return
        if what == "press":
            self._use(lambda draft, at: begun(draft, tool, at), point)
        elif what == "move":
            self._use(dragged, point)
        else:
            self._use(lambda draft, _: released(draft), None)

    def choose_tool(self, tool: Tool) -> None:
        """Select another tool."""
        self.tool = tool
        self.show()

    def ask(self, kind: str) -> None:
        """Do what a button stands for: undo, clear seeds, run, save, discard."""
        if self.draft is None:
            return
        if kind == "undo":
            self._use(lambda draft, _: undone(draft), None)
        elif kind == "clear seeds":
            self._use(lambda draft, _: without_seeds(draft), None)
        elif kind == "run" and self.draft.changed and not self.running:
            assert self.rerun is not None
            self.asked, self.note = self.draft.guidance, ()
            self.panel.show_progress(0.0)
            self.rerun.run(self.draft.guidance)
        elif kind == "save" and self.proposal is not None:
            self._save(self.proposal.correction)
        elif kind == "discard":
            self._discard()
        self.show()

    def poll(self) -> None:
        """Take the reports of running steps."""
        reports = self.rerun.reports() if self.rerun is not None else []
        for report in reports:
            if isinstance(report, StepTold):
                self._take_step(report)
            elif isinstance(report, Prepared):
                self.preparing = False
                if not self.running:
                    self._rest(())
            elif isinstance(report, Failed):
                if report.guidance is None:
                    self.preparing = False
                    self._rest((report.reason,))
                elif self._is_asked(report.guidance):
                    self._rest((report.reason,))
            elif self._is_asked(report.guidance):
                self._take(report)
        if reports:
            self.show()

    def _take_step(self, told: StepTold) -> None:
        if self.running or self.preparing:
            self.panel.show_progress(share_done(told.step, told.share))
            if told.step in STEP_LABELS:
                self.note = (label(STEP_LABELS[told.step]),)

    def _take(self, correction: Correction) -> None:
        """Propose the result of a run, unless the draft has changed since."""
        if self.draft is not None and _is_same(self.draft.guidance, correction.guidance):
            self.proposal = Proposal(correction)
            self._rest(())
        else:
            self._rest((label("correct_dropped"),))

    def _is_asked(self, guidance: ReconstructionGuidance) -> bool:
        """Return whether it is what is being run: what was cancelled may still be reported."""
        return self.asked is not None and _is_same(self.asked, guidance)

    def _rest(self, note: tuple[str, ...]) -> None:
        """Note that nothing runs any more."""
        self.asked, self.note = None, note
        self.panel.show_progress(None)

    def _discard(self) -> None:
        assert self.draft is not None
        first = self.draft.past[0] if self.draft.past else self.draft.guidance
        self.draft = replace(released(self.draft), guidance=first, past=())
        self.proposal = None
        if self.running and self.rerun is not None:
            self.rerun.cancel()
        self._rest(())

    def show(self) -> None:
        """Show the draft, and notify the window."""
        if self.draft is not None and self.active:
            self.panel.show_draft(self.draft, self.tool, self.proposal, self.stale, self.running)
            self.panel.say(self.lines)
        self.changed.emit()

    def close(self) -> None:
        """End what runs."""
        self.timer.stop()
        if self.rerun is not None:
            self.rerun.close()
            self.rerun = None

    def _use(self, change: Callable[[Draft, Any], Draft], value: Any) -> None:
        if self.draft is not None:
            before = self.draft.guidance
            self.draft = change(self.draft, value)
            if self.draft.guidance is not before and not self.running:
                self.note = ()
            self.show()

    def _save(self, correction: Correction) -> None:
        if self.stale:
            self.note = (label("correct_run_first"),)
            return
        try:
            path = save_correction(self.path, correction)
        except InputError as error:
            self.note = (str(error),)
            return
        self.draft = self.proposal = None
        self.active = False
        self.close()
        self.saved.emit(path)


def _is_same(one: ReconstructionGuidance, other: ReconstructionGuidance) -> bool:
    """Return whether two guidances are equal except for labels: nobody paints these here."""
    return without_labels(one) == without_labels(other)
