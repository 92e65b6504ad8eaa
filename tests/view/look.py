"""Pictures of the window in all its states: python tests/view/look.py OUT CASE NAMES SIZES."""

import math
import sys
from pathlib import Path

import numpy as np

from nav.live.messages import Ended, Sample, Stage, Update
from nav.model.case import Case, load_case
from nav.view.live_app import application
from nav.view.live_window import LiveWindow
from tests.view.window_scripts import FakeFeed, Script, said, simple_case, simple_needle


def history(script: Script, until: float, end: np.ndarray) -> tuple[Sample, ...]:
    """Half a minute of an advance from the skin to `end`, with two holes."""
    plan = script.case.default_plan
    assert plan is not None
    samples: list[Sample] = []
    for at in np.arange(until - 30, until, 0.1):
        share = min(1.0, (at - until + 30) / 28)
        wobble = np.array([0.0, 0.5 * math.sin(at * 1.3), 0.6 * math.sin(at * 0.9)])
        tip = plan.entry + share * (end - plan.entry) + (1 - share) * wobble
        lost = (
            {"needle": "hidden"} if 8 < at - until + 30 < 10 or 19 < at - until + 30 < 19.8 else {}
        )
        samples += script.update(at, tip, lost=lost).samples
    return tuple(samples)


def scenes(case: Case) -> dict[str, list]:
    """Name -> messages that lead there; clock at 100 s."""
    plan = case.default_plan
    assert plan is not None
    along, target = plan.direction, plan.target
    script = Script(case)
    artery = case.of_role("artery")[0].surface.vertices
    cord = case.of_role("cord")[0].surface.vertices
    near = artery[np.argmin(np.linalg.norm(artery - (target - 16 * along), axis=1))]
    way = (target - 16 * along) - near
    beside = near + 4.4 * way / np.linalg.norm(way)
    level = cord[np.abs(cord[:, 2] - target[2]) < 3]
    inside = np.array([level[:, 0].max() - 1.4, level[:, 1].mean(), target[2]])

    def at(tip: np.ndarray, heading: tuple = (0, 0, 0), time: float = 100.0, **extra) -> Update:
        samples = history(script, time, tip)
        return script.update(time, tip, along + np.array(heading), samples=samples, **extra)

    label = case.fiducials_for("register")[2].label
    unplugged = "camera left gives no pictures; is it unplugged?"
    return {
        "clear": [at(target - 22 * along, (0, 0.02, 0.01))],
        "caution": [at(beside, (0, 0.05, 0.06))],
        "danger": [at(inside, warnings={"needle": "geometry doubtful: one marker only"})],
        "lost": [
            at(
                inside,
                lost={"needle": "its markers are hidden in both cameras"},
                camera_lost={"right": "no frame for 0.6 s"},
            )
        ],
        "register": [
            script.update(
                100.0,
                None,
                stage=Stage.REGISTER,
                prompt=f"Touch {label} with the tip, hold still, press Space",
                next_fiducial=label,
                notices=("camera left: focus is not locked; lock it, or calibrate again",),
            )
        ],
        "stale": [at(target, time=99.5)],
        "ended": [at(target), Ended(said(unplugged))],
    }


def main() -> None:
    out = Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    case = load_case(Path(sys.argv[2])) if len(sys.argv) > 2 else simple_case()
    only = sys.argv[3].split(",") if len(sys.argv) > 3 else None
    sizes = [tuple(map(int, a.split("x"))) for a in sys.argv[4:]] or [(1920, 1080), (1280, 800)]
    application()
    for name, messages in scenes(case).items():
        if only and only != [""] and name not in only:
            continue
        feed = FakeFeed()
        window = LiveWindow(case, feed, simple_needle(), title=case.name, clock=lambda: 100.02)
        window.timer.stop()
        for message in messages:
            feed.waiting = [message]
            window.poll()
        for width, height in sizes:
            window.resize(width, height)
            window.screenshot(out / f"window-{name}-{width}x{height}.png")
        window.close()


if __name__ == "__main__":
    main()
