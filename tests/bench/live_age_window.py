"""The window whose screen `live_age` reads: `python -m tests.bench.live_age_window`."""

import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from PySide6.QtCore import QTimer
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QWidget
from scipy.spatial.transform import RigidTransform

from nav.core.frames import Pose
from nav.live.feed import ProcessFeed
from nav.live.messages import Command, Ended, Update
from nav.model.case import load_case
from nav.registration.registration_result import Registration
from nav.tracking.tool import load_tool
from nav.view.live_app import application
from nav.view.live_window import LiveWindow
from nav.view.render_process import ProcessDrawing
from nav.view.viewpoints import VIEWPOINTS
from tests.bench.coded import CODES, CodedJob, coded
from tests.bench.live_age import NUMBER, SIZE

PLACES = ("artery", "cord", "target")
TURN_MS = 70  # between two views


def picture(widget: QWidget, box: tuple[int, int, int, int]) -> np.ndarray:
    """A part of a widget, (height, width, 3), blue first, as the screen has it."""
    image = widget.grab().toImage().convertToFormat(QImage.Format.Format_BGR888)
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), -1)
    x, y, width, height = box
    return (
        rows[:, : 3 * image.width()]
        .reshape(image.height(), image.width(), 3)[y : y + height, x : x + width]
        .copy()
    )


def number_box(widget: QWidget) -> tuple[int, int, int, int]:
    """Where the number stands in a widget."""
    left, top, right, bottom = NUMBER
    x, y = round(left * widget.width()), round(top * widget.height())
    return x, y, round(right * widget.width()) - x, round(bottom * widget.height()) - y


def main(folder: Path, seconds: float, taken: Path) -> None:
    """Learn how each number looks, say `ready`, and show them as they come."""
    app = application()
    case = load_case(folder / "case" / "case.toml")
    registration = Registration(Pose(RigidTransform.identity(), np.eye(6) * 1e-6), 0.1, np.zeros(4))
    job: Any = CodedJob(folder / "pictures", registration, seconds + 60.0)
    feed = ProcessFeed(job)
    first = feed.first(300.0)
    if not isinstance(first, Update):
        raise SystemExit("tracking did not start")
    needle = load_tool(folder / "pictures" / "needle.toml")
    window = LiveWindow(case, feed, needle, drawing=ProcessDrawing(case))
    window.resize(*SIZE)
    window.move(0, 0)
    window.show()
    window.timer.stop()
    app.processEvents()
    learnt: dict[str, Any] = {}
    widgets = [window.gauges["artery"], window.gauges["cord"], window.target]
    for code in range(CODES):
        window.newest = replace(
            first, guidance=coded(first.guidance, code), captured_at=window.clock()
        )
        window.state = window._display()
        window._show(window.state)
        for place, widget in enumerate(widgets):
            learnt[f"{place}-{code}"] = picture(widget, number_box(widget))
    places = []
    for widget in widgets:
        x, y, width, height = number_box(widget)
        corner = widget.mapToGlobal(widget.rect().topLeft())
        places.append((corner.x() + x, corner.y() + y, width, height))
    np.savez(folder / "templates.npz", places=np.array(places), **learnt)
    window.timer.start()
    turn, count = QTimer(), 0

    def next_view() -> None:
        nonlocal count
        count += 1
        window.scene.look(VIEWPOINTS[count % 4])

    turn.timeout.connect(next_view)
    turn.start(TURN_MS)
    QTimer.singleShot(3000, lambda: print("ready", flush=True))
    QTimer.singleShot(round(1000 * (seconds + 5.0)), app.quit)
    app.exec()
    turn.stop()
    window.timer.stop()
    feed.send(Command("quit"))
    while not isinstance(ended := feed.newest(), Ended):
        time.sleep(0.01)
    np.savez(taken, taken=np.array(ended.result, float))
    window.close()
    feed.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), float(sys.argv[2]), Path(sys.argv[3]))
