"""The window of `nav touch`: leads from divot to divot, and says at once what a touch is worth."""

import time
from collections.abc import Callable, Sequence
from typing import Any

from PySide6.QtCore import QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QCloseEvent, QPainter, QPen, QPolygonF
from PySide6.QtWidgets import QApplication

from nav.core.notice import Notice
from nav.live.pose_run import PoseRun
from nav.registration.guided_touches import GuidedTouches, GuideState, rounded_up
from nav.text.catalogue import label, sentence
from nav.view.ask_icons import STATES, draw_state
from nav.view.guided_window import Action, GuidedWindow, Request, run_guided
from nav.view.live_app import application
from nav.view.sized import Sized
from nav.view.theme import ACCENT, FAINT, TEXT
from nav.view.touch_list import TouchList, TouchRow
from nav.view.tracked_panes import TrackedPanes

TOLD = 1.6  # s that it says that a touch was taken, or refused
STALE = 1.0  # s without a new frame
LIST_SHARE = 0.24  # of the window's width
SEPARATOR = "  ·  "
ACTIONS = (
    Action("finish", "action_finish", "Ctrl+Return", "key_finish"),
    Action("skip", "action_leave_out", "S"),
    Action("undo", "action_undo", "Backspace", "key_backspace"),
)


class TouchWindow(GuidedWindow):
    """Window of touches.

    Parameters
    ----------
    run : PoseRun
        Of cameras and tracker; takes each frame to `guided`.
    guided : GuidedTouches
        Takes and refuses touches.
    cameras : tuple of str
        Their names; none where another tracker measures.
    tools : tuple of str
        Needle and reference body.
    fit : callable
        Returns what the touches so far are worth together, in words; may be empty.
    clock : callable, optional
        Monotonic clock, s.
    title : str
        Code of the window's title.
    actions : sequence of Action
        Some of finish, skip and undo.
    more : sequence of Sized
        What else is in the middle; `place_body` arranges it.

    Attributes
    ----------
    finished : bool
        Whether the touches are to be written.
    """

    def __init__(
        self,
        run: PoseRun[GuideState],
        guided: GuidedTouches,
        cameras: tuple[str, ...],
        tools: tuple[str, ...],
        fit: Callable[[GuidedTouches], str],
        clock: Callable[[], float] = time.monotonic,
        *,
        title: str = "touch_window",
        actions: Sequence[Action] = ACTIONS,
        more: Sequence[Sized] = (),
    ) -> None:
        self.run, self.guided, self._fit, self._clock = run, guided, fit, clock
        self.panes, self.list = TrackedPanes(cameras, tools), TouchList()
        self.finished = False
        self._told: tuple[GuideState, float] | None = None
        self._steps, self._fitted, self._said = -1, "", 0
        self._newest, self._arrived = run.newest, clock()
        super().__init__(label(title), (self.panes, self.list, *more), actions, draw_touch)
        self.poll()

    def place_body(self, room: QRect) -> None:
        """Place the images at the left and the divots at the right."""
        if not self.panes.names:
            self.panes.hide()
            self.list.setGeometry(room)
            return
        wide, g = round(LIST_SHARE * room.width()), self.panes.metrics.grid
        self.panes.setGeometry(room.adjusted(0, 0, -wide - g, 0))
        self.list.setGeometry(room.adjusted(room.width() - wide, 0, 0, 0))

    def act(self, name: str) -> None:
        """Undo, leave out, or finish."""
        with self.run.lock:
            if name == "undo":
                self.guided.undo()
            elif name == "skip":
                self.guided.skip()
        self._told = None
        if name == "finish":
            self.finished = True
            self.close()
        self.poll()

    def poll(self) -> None:
        """Show what is asked, what was taken."""
        now = self._clock()
        if self.run.newest is not self._newest:
            self._newest, self._arrived = self.run.newest, now
        with self.run.lock:
            steps, done, taken = list(self.guided.steps), self.guided.done, self.guided.touches
            place, said = self.guided.place, self.guided.told[self._said :]
        state = self._newest[1] if self._newest is not None else None
        if said:
            if said[-1].word == "taken":
                QApplication.beep()
            self._told, self._said = (said[-1], now), self._said + len(said)
        if self._told is not None and now - self._told[1] > TOLD:
            self._told = None
        told = None if self._told is None else self._told[0]
        self.show_request(*self._request(state, told, done, now))
        frame = self._newest[0] if self._newest is not None else None
        self.panes.show_frame(frame, told is not None and told.word == "taken")
        self.list.show_rows(self._rows(place, done))
        if len(steps) != self._steps:
            with self.run.lock:
                self._steps, self._fitted = len(steps), self._fit(self.guided)
        count = sentence(Notice("touches_taken", {"count": len(taken)}))
        notices = () if frame is None else frame.notices
        self.show_foot(SEPARATOR.join(filter(None, [count, self._fitted])), notices)
        usable = self.usable_actions(len(taken), len(steps), done)
        self.show_actions(usable, ("finish",) if done else ())

    def usable_actions(self, taken: int, steps: int, done: bool) -> dict[str, bool]:
        """Return which buttons are shown, and whether they can be used."""
        shown = {"finish": bool(taken), "undo": bool(steps)}
        if self.guided.order is not None:
            shown["skip"] = not done
        return shown

    def _request(
        self, state: GuideState | None, told: GuideState | None, done: bool, now: float
    ) -> tuple[Request, str]:
        if self.run.problem is not None:
            return Request("lost", label("tracking_ended")), sentence(self.run.problem)
        if state is None:
            return self.busy(label("record_starting")), ""
        if told is not None:
            return _told(told)
        if done:
            return Request("done", label("touches_done")), label("touches_done_detail")
        if self.run.over:
            return Request("lost", label("tracking_ended")), ""
        if now - self._arrived > STALE:
            late = Notice("images_late", {"seconds": now - self._arrived})
            return Request("lost", sentence(late)), ""
        which = {"label": state.label}
        if state.word == "hold still":
            say = label("touch_hold_still")
            return Request("hold", say, (round(100 * state.share), 0)), self._number(state)
        if state.word == "lift":
            return Request("lift", label("touch_lift")), self._number(state)
        say = sentence(Notice("touch_next", which)) if state.label else label("touch_any")
        reason = "" if state.reason is None else sentence(state.reason)
        return Request("touch", say), SEPARATOR.join(filter(None, [self._number(state), reason]))

    def _number(self, state: GuideState) -> str:
        if self.guided.order is None:
            return ""
        facts = {"number": self.guided.place + 1, "count": len(self.guided.order)}
        return sentence(Notice("touch_number", {**facts, "label": state.label}))

    def _rows(self, place: int, done: bool) -> tuple[TouchRow, ...]:
        with self.run.lock:
            steps = {step.place: step for step in self.guided.steps}
        order = self.guided.order
        count = place + 1 if order is None else len(order)
        rows = []
        for k in range(count):
            name = str(k + 1) if order is None else order[k]
            step = steps.get(k)
            if step is None:
                rows.append(TouchRow(name, "", "unknown", k == place and not done))
            elif step.touch is None:
                rows.append(TouchRow(name, label("touch_left_out"), "doubtful"))
            else:
                known = sentence(Notice("touch_sd", {"sd_mm": rounded_up(step.sd)}))
                rows.append(TouchRow(name, known, "seen"))
        return tuple(rows)

    def closeEvent(self, event: QCloseEvent) -> None:
        """End the timer; the cameras are released by whoever opened them."""
        self.timer.stop()
        super().closeEvent(event)


def _told(state: GuideState) -> tuple[Request, str]:
    reason = "" if state.reason is None else sentence(state.reason)
    which = {"label": state.label or state.taken}
    if state.word == "taken":
        return Request("captured", sentence(Notice("touch_taken", which))), reason
    return Request("again", label("touch_refused")), reason


def draw_touch(painter: QPainter, box: QRectF, ask: Any) -> None:
    """Draw a needle over a divot, in it, or leaving it.

    Parameters
    ----------
    painter : QPainter
        Of the widget.
    box : QRectF
        The box, px.
    ask : Request
        Its kind is touch, hold or lift, else one of `nav.view.ask_icons.STATES`; hold has the
        share of the time, per cent, as the first number of `way`.
    """
    if ask.kind in STATES:
        draw_state(painter, box, ask)
        return
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    unit, middle, ground = box.width(), box.center().x(), box.top() + 0.72 * box.height()
    painter.setPen(QPen(FAINT, 0.05 * unit, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
    profile = [(-0.46, 0.0), (-0.17, 0.0), (0.0, 0.2), (0.17, 0.0), (0.46, 0.0)]
    painter.drawPolyline([QPointF(middle + x * unit, ground + y * unit) for x, y in profile])
    height = {"touch": 0.16, "hold": -0.14, "lift": 0.16}.get(ask.kind, 0.16) * unit
    tip = QPointF(middle, ground - height)
    painter.setPen(QPen(TEXT, 0.06 * unit, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
    painter.drawLine(tip, QPointF(middle + 0.2 * unit, tip.y() - 0.52 * unit))
    painter.setPen(QPen(ACCENT, 0.06 * unit))
    painter.setBrush(ACCENT)
    if ask.kind == "hold":
        ring = box.adjusted(0.02 * unit, 0.02 * unit, -0.02 * unit, -0.02 * unit)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawArc(ring, 90 * 16, -round(57.6 * ask.way[0]))
    else:
        down = 1.0 if ask.kind == "touch" else -1.0
        at = QPointF(middle - 0.3 * unit, ground - 0.28 * unit)
        painter.drawLine(at, at - QPointF(0, 0.2 * down * unit))
        sides = [QPointF(s * 0.11 * unit, -0.02 * down * unit) for s in (-1, 1)]
        painter.setPen(Qt.PenStyle.NoPen)
        painter.drawPolygon(
            QPolygonF([at + sides[0], at + sides[1], at + QPointF(0, 0.15 * down * unit)])
        )
    painter.restore()


def show_touch_window(window: TouchWindow) -> None:
    """Show the window until it is closed.

    Parameters
    ----------
    window : TouchWindow
        Not shown yet.
    """
    application()
    run_guided(window)
