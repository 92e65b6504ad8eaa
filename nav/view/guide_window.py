"""The window of `nav accuracy guide`: where on the block the next divot is, and what touches do."""

import time
from collections.abc import Callable

from PySide6.QtCore import QRect

from nav.live.pose_run import PoseRun
from nav.registration.guided_touches import GuidedTouches, GuideState
from nav.view.block_view import BlockView, DivotState
from nav.view.touch_window import ACTIONS, LIST_SHARE, TouchWindow

IMAGES_SHARE = 0.55  # of what the list leaves, where there are cameras


class GuideWindow(TouchWindow):
    """Window of touches on the divot block.

    Parameters
    ----------
    run : PoseRun
        Of cameras and tracker, or of another source; takes each frame to `guided`.
    guided : GuidedTouches
        Takes and refuses touches.
    cameras : tuple of str
        Their names; empty where poses come without images.
    tools : tuple of str
        Needle and reference body.
    fit : callable
        Returns what the touches so far are worth together, in words; may be empty.
    clock : callable, optional
        Monotonic clock, s.
    """

    def __init__(
        self,
        run: PoseRun[GuideState],
        guided: GuidedTouches,
        cameras: tuple[str, ...],
        tools: tuple[str, ...],
        fit: Callable[[GuidedTouches], str],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.block = BlockView(guided.divots)
        actions = tuple(action for action in ACTIONS if action.name != "skip")
        super().__init__(
            run, guided, cameras, tools, fit, clock, title="guide_window", actions=actions,
            more=(self.block,),
        )  # fmt: skip
        self.panes.setVisible(bool(cameras))

    def place_body(self, room: QRect) -> None:
        """Place images and block side by side, and the divots at the right."""
        g, wide = self.panes.metrics.grid, round(LIST_SHARE * room.width())
        self.list.setGeometry(room.adjusted(room.width() - wide, 0, 0, 0))
        left = room.adjusted(0, 0, -wide - g, 0)
        images = round(IMAGES_SHARE * left.width()) if self.panes.names else 0
        self.panes.setGeometry(left.adjusted(0, 0, images - left.width(), 0))
        self.block.setGeometry(left.adjusted(images + g if images else 0, 0, 0, 0))

    def usable_actions(self, taken: int, steps: int, done: bool) -> dict[str, bool]:
        """Return that it can be finished when all are touched: less is never written."""
        return {"finish": done, "undo": bool(steps)}

    def poll(self) -> None:
        """Show what is asked, what was taken, and where the next divot is."""
        super().poll()
        with self.run.lock:
            touched = set(self.guided.labels)
            place, done = self.guided.place, self.guided.done
        order = self.guided.order or ()
        asked = "" if done else order[place]
        share = 0.0
        if self._newest is not None and self._newest[1].word == "hold still":
            share = self._newest[1].share
        self.block.show_divots(
            {
                label: DivotState(label in order, label in touched, label == asked)
                for label in self.guided.divots
            },
            share,
            refused=self.bar.ask.kind == "again",
        )
