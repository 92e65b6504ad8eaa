"""The live window: polls the tracking process, and shows what `live_state.display` makes of it."""

import logging
import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QCloseEvent, QKeyEvent, QPalette, QResizeEvent
from PySide6.QtWidgets import QMainWindow, QWidget

from nav.core.notice import Notice
from nav.live.messages import (
    Command,
    Ended,
    Feed,
    Message,
    Preparing,
    Ready,
    Standstill,
    Update,
)
from nav.model.case import Case
from nav.pipeline import Guidance
from nav.text.catalogue import label, sentence
from nav.tracking.tool import Tool
from nav.view.camera_pictures import Pictures
from nav.view.fitted import ElidedLabel
from nav.view.gauge import Gauge
from nav.view.header import KEYS, Prompt, Steps, usable_commands
from nav.view.lights import Lights
from nav.view.live_display import GAUGE_ROLES, DisplayState
from nav.view.live_state import display, gauge_limits
from nav.view.overlays import BannerBar, Notices, ViewButtons
from nav.view.pace import Pace
from nav.view.quitting import QUIT_KEY
from nav.view.readouts import Ahead, Target
from nav.view.record_indicator import RecordIndicator
from nav.view.render_process import Drawing
from nav.view.scene_widget import SceneWidget
from nav.view.shaft import shaft_length
from nav.view.sized import Sized
from nav.view.strip import Strip
from nav.view.theme import BACK, QUIET, TEXT, Metrics, font
from nav.view.viewpoints import STANDARD, VIEWPOINTS
from nav.view.window_layout import Box, places

log = logging.getLogger(__name__)

POLL_MS = 33
# polls after a process's death in which its last message may still come
PATIENCE = 5
# Hz; IEC 60601-1-8 has 1.4 to 2.8 for alarms of high priority, lit for 20 to 60 % of the time
BLINK, LIT = 2.0, 0.5
# mm, outer diameter of 17G (ISO 9626)
DIAMETER_17G = 1.5
COMMANDS = ("capture", "undo", "skip", "check", "register", "mark")


class LiveWindow(QMainWindow):
    """The window of one case.

    Parameters
    ----------
    case : Case
        What is navigated.
    feed : Feed
        The window's end of the connection to the tracking process.
    needle : Tool
        Its markers determine the length of the shaft that is drawn.
    title : str
        Of the window.
    reference : str
        Name of the reference body.
    diameter : float
        Of the shaft, mm.
    clock : callable
        The feed's clock, s.
    drawing : Drawing, optional
        What renders the anatomy; by default this process, which is for stills and tests only.
    """

    def __init__(
        self,
        case: Case,
        feed: Feed,
        needle: Tool,
        *,
        title: str = "",
        reference: str = "reference",
        diameter: float = DIAMETER_17G,
        clock: Callable[[], float] = time.monotonic,
        drawing: Drawing | None = None,
    ) -> None:
        super().__init__()
        self.case, self.feed, self.needle, self.reference = case, feed, needle, reference
        self.clock = clock
        self.newest: Update | None = None
        self.ended: Ended | None = None
        self.standstill: Standstill | None = None
        self.preparing: Preparing | None = None
        self.plays = False  # a recording, which can be paused
        self.pace = Pace()
        self._shown_live = False
        self._scene_of: tuple[Guidance | None, bool] | None = None
        self.plan = ""
        self._silent = 0
        self.still: Path | None = None
        self.quits_at_end = False  # of a recording, which else may be played again
        self.on_end: Callable[[Ended], None] = lambda ended: None
        self.setWindowTitle(title or f"c1c2nav - {case.name}")
        self.resize(1280, 800)
        self._build(title or case.name, diameter, drawing)
        self.state = self._display()
        self._show(self.state)
        self.timer = QTimer(self)
        self.timer.setTimerType(Qt.TimerType.PreciseTimer)
        self.timer.setInterval(POLL_MS)
        self.timer.timeout.connect(self.poll)
        self.timer.start()

    def _build(self, title: str, diameter: float, drawing: Drawing | None) -> None:
        palette = QPalette()
        palette.setColor(QPalette.ColorRole.Window, BACK)
        self.setPalette(palette)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        body = QWidget()
        self.setCentralWidget(body)
        self.steps, self.prompt, self.lights = Steps(), Prompt(), Lights()
        self.record = RecordIndicator()
        length = shaft_length(self.needle)
        self.scene = SceneWidget(self.case, diameter, length, self.clock, drawing)
        self.gauges = {role: Gauge(role) for role in GAUGE_ROLES}
        self.ahead, self.target = Ahead(), Target()
        self.strip = Strip({role: gauge_limits(self.case, role) for role in self.gauges})
        self.pictures = Pictures((self.needle.name, self.reference))
        self.notice = ElidedLabel(label("research_only"))
        self.footer, self.speed = ElidedLabel(), ElidedLabel()
        self.footer.setText(f"{title}  ·  {sentence(Notice('quit_hint', {'key': QUIT_KEY}))}")
        for line in (self.footer, self.speed):
            line.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.parts: dict[str, QWidget] = {
            "steps": self.steps, "prompt": self.prompt, "scene": self.scene, "strip": self.strip,
            "pictures": self.pictures, "notice": self.notice, "footer": self.footer,
            "speed": self.speed, "lights": self.lights, **self.gauges, "ahead": self.ahead,
            "target": self.target, "record": self.record,
        }  # fmt: skip
        for part in self.parts.values():
            part.setParent(body)
        self.views, self.banner, self.notices = ViewButtons(body), BannerBar(body), Notices(body)
        self.prompt.asked.connect(self.ask)
        self.views.chosen.connect(self.scene.look)
        self.views.skin.connect(self.scene.show_skin)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Arrange everything for another size."""
        self._arrange()

    def _arrange(self) -> None:
        """Set positions and sizes from the window's size."""
        m = Metrics(self.height())
        g = m.grid
        boxes = self.places()
        for name, part in self.parts.items():
            box = boxes[name]
            part.setGeometry(box.x, box.y, box.width, box.height)
            if isinstance(part, Sized):
                part.set_metrics(m)
            else:
                part.setFont(font(m.small))
                colour = TEXT if part is self.notice else QUIET
                part.setStyleSheet(f"color: {colour.name()}")
        for over in (self.views, self.banner, self.notices):
            over.set_metrics(m)
        view = boxes["scene"]
        self.views.adjustSize()
        self.views.move(view.x + 17 * g, view.bottom - self.views.height() - g)
        inner = view.width - 4 * g
        self.banner.setGeometry(view.x + 2 * g, view.y + 2 * g, inner, 8 * g)
        self.banner.fit()
        self.notices.fit(inner)
        self._place_notices()

    def places(self) -> dict[str, Box]:
        """Return the box of every part."""
        return places(self.width(), self.height())

    def chart_time(self) -> float:
        """Return what is now in the chart, s."""
        return self.clock()

    def usable(self, state: DisplayState) -> frozenset[str]:
        """Return the commands whose buttons are shown."""
        usable = usable_commands(self.case, state) if state.live else frozenset()
        if self.plays and self.ended is None:
            over = self.standstill is not None and self.standstill.why == "over"
            usable |= {"restart"} if over else {"pause", "restart"}
        return usable

    def _place_notices(self) -> None:
        """Place notices below the banner, if there is one: it states why nothing is shown."""
        g = Metrics(self.height()).grid
        view = self.places()["scene"]
        below = 2 * g + self.banner.height() if self.banner.isVisibleTo(self) else 0
        self.notices.move(view.x + g, view.y + g + below)

    def poll(self) -> None:
        """Take the newest message, if any, and show it; called about 30 times a second.

        If anything goes wrong with a message, the one before does not stay on the screen.
        """
        self.pace.look(self.clock())
        try:
            message = self.feed.newest()
            if isinstance(message, Ended) and self.ended is None:
                self._end(message)
            else:
                self._take(message)
            self._watch(message)
            self.state = self._display()
            self.plan = self.state.scene.plan
        except Exception:
            log.exception("an update could not be shown")
            self.newest = None
            self.ended = Ended(Notice("message_unreadable"))
            self.state = self._display()
        self._show(self.state)

    def _take(self, message: Message | None) -> None:
        if isinstance(message, Update):
            self.newest, self.standstill = message, None
            self.strip.history.add(message.samples, self.chart_time())
        elif isinstance(message, Standstill):
            before = "" if self.standstill is None else self.standstill.why
            if message.why == "over" and before != "over":
                self._keep_still()
                if self.quits_at_end:
                    self.feed.send(Command("quit"))
            self.standstill = message
            if self.newest is not None and message.why != "over":
                present = max(self.newest.captured_at, message.at)
                self.newest = replace(self.newest, captured_at=present)
        elif isinstance(message, Preparing):
            self.preparing = message
        elif isinstance(message, Ready):
            self.plays, self.newest, self.standstill = True, None, None
            self.feed.send(Command("play"))

    def _watch(self, message: Message | None) -> None:
        """End the display if the process died without a message."""
        gone = message is None and self.ended is None and not self.feed.alive()
        self._silent = self._silent + 1 if gone else 0
        if self._silent > PATIENCE:
            self._end(Ended(Notice("stopped_silently")))

    def _end(self, ended: Ended) -> None:
        """Keep the last live picture before it is blanked."""
        self.ended = ended
        self._keep_still()
        self.on_end(ended)

    def _keep_still(self) -> None:
        """Write the last live picture, once, where that is wanted."""
        if self.still is None or self.newest is None:
            return
        path, self.still = self.still, None
        try:
            self.screenshot(path)
        except OSError as error:
            log.error("%s", error)

    def _display(self) -> DisplayState:
        return display(
            self.case,
            self.newest,
            self.clock(),
            self.feed.alive(),
            self.ended,
            plan=self.plan,
            standstill=self.standstill,
            preparing=self.preparing,
            stale_after=self.pace.stale_after,
            needle=self.needle.name,
            reference=self.reference,
        )

    def _show(self, state: DisplayState) -> None:
        now = self.clock()
        lit = (now * BLINK) % 1.0 < LIT
        blanks = self._shown_live and not state.live
        self._shown_live = state.live
        for role, gauge in self.gauges.items():
            gauge.show_state(state.gauges[role], lit)
        self.lights.show_lights(state.lights, state.age)
        self.ahead.show_ahead(state.ahead, state.ahead_why)
        self.target.show_target(state.target)
        self.steps.show_stage(state.stage, state.live)
        self.record.show_record(state.record, state.notices)
        plan = state.scene.plan and sentence(Notice("plan_followed", {"plan": state.scene.plan}))
        self.prompt.show_prompt(state.prompt or plan, self.usable(state))
        self.notices.show_notices(state.notices)
        self.banner.show_banner(state.banner)
        self._place_notices()
        guidance = None if self.newest is None else self.newest.guidance
        before = self._scene_of
        if before is None or before[0] is not guidance or before[1] != state.live:
            self._scene_of = guidance, state.live
            self.scene.show_scene(state.scene)
        if blanks:
            self._blank_at_once()
        thumbnails = self.newest.thumbnails if self.newest is not None else ()
        self.pictures.show_pictures(thumbnails, "" if state.live else label("no_data"))
        speed = Notice("delay_and_rate", {"delay": state.delay, "rate": state.rate})
        self.speed.setText(sentence(speed) if state.delay else "")
        self.strip.show_history(self.chart_time())
        self.scene.work()
        self.views.show_active(self.scene.named)

    def _blank_at_once(self) -> None:
        """Repaint what has lost its numbers before anything else is done."""
        for part in (*self.gauges.values(), self.target, self.ahead, self.lights, self.scene):
            part.repaint()

    def ask(self, kind: str) -> None:
        """Send a command to the tracking process.

        Parameters
        ----------
        kind : str
            "capture", "undo", "skip", "check", "register", "mark", "pause" or "restart"; "plan"
            selects the next plan.
        """
        if self.ended is not None:
            return
        if kind == "plan":
            self._next_plan()
        elif kind == "mark" and self.state.record is None:
            return  # nobody would remember it
        elif kind in COMMANDS or (self.plays and kind in ("pause", "restart")):
            self.feed.send(Command(kind))  # type: ignore[arg-type]

    def _next_plan(self) -> None:
        names = [plan.name for plan in self.case.plans]
        if not names:
            return
        present = self.state.scene.plan
        following = (names.index(present) + 1) % len(names) if present in names else 0
        self.feed.send(Command("plan", names[following]))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Handle keys: Space, Backspace, Home and letters are commands; R and the digits views."""
        if event.isAutoRepeat():
            return
        key = Qt.Key(event.key())
        if key in KEYS:
            self.ask(KEYS[key])
        elif key == Qt.Key.Key_R:
            self.scene.look(STANDARD)
        elif Qt.Key.Key_1 <= key < Qt.Key.Key_1 + len(VIEWPOINTS):
            self.scene.look(VIEWPOINTS[key - Qt.Key.Key_1])
        elif key == Qt.Key.Key_1 + len(VIEWPOINTS):
            self.views.skin_button.toggle()
        else:
            super().keyPressEvent(event)

    def screenshot(self, path: Path) -> None:
        """Write the whole window as a PNG, finely rendered; whole or not at all.

        Parameters
        ----------
        path : Path
            To write; an existing file is replaced.

        Raises
        ------
        OSError
            It cannot be written.
        """
        path = Path(path)
        self._arrange()  # a window that is not shown has not received its size yet
        self.strip.show_history(self.chart_time(), must=True)
        self.scene.work(finish=True)
        picture = self.grab()
        beside = path.with_name(f".{path.name}.part")
        if not picture.save(str(beside), "PNG"):
            raise OSError(f"{path}: cannot be written")
        os.replace(beside, path)

    def closeEvent(self, event: QCloseEvent) -> None:
        """Ask the tracking process to end."""
        self.timer.stop()
        self.feed.send(Command("quit"))
        self.scene.drawing.close()
        super().closeEvent(event)
