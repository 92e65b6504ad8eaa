"""Small sessions for tests: a simulated hand registers, verifies, navigates towards the cord."""

from pathlib import Path

import numpy as np
import tomli_w

from nav.camera.rig import write_rig
from nav.core.tracked_frame import TrackedFrame
from nav.live.messages import Command
from nav.live.session import State
from nav.record.session.session_about import SessionClock, about_session, new_session_folder
from nav.record.session.session_events import EventFinder
from nav.record.session.session_writer import SessionWriter
from nav.registration.registration_result import write_registration
from nav.tracking.tool import Tool, write_tool
from tests.live.test_session import CHECKS, NEEDLE, PLANS, POSITIONS, Work
from tests.solids import write_box
from tests.synthetic import small_rig, square_marker

START = SessionClock(1_790_000_000_123_456_789, 1000.25)  # 2026-09-21T14:13:20 UTC
RATE = 30.0  # frames per second
REFERENCE = Tool("reference", "DICT_4X4_50", (square_marker(3),))


def example_files(folder: Path) -> dict[str, bytes]:
    """Rig, tools and case of the example, written to `folder`; as attachments."""
    (folder / "tools").mkdir(parents=True, exist_ok=True)
    (folder / "case").mkdir(exist_ok=True)
    write_rig(folder / "rig.toml", small_rig(2))
    for tool in (NEEDLE, REFERENCE):
        write_tool(folder / "tools" / f"{tool.name}.toml", tool)
    write_box(folder / "case" / "cord.ply", [-5.0, -5.0, -20.0], [5.0, 5.0, 20.0])
    fiducials = [
        {"label": label, "position": at, "use": use}
        for use, positions in (("check", CHECKS), ("register", POSITIONS))
        for label, at in positions.items()
    ]
    table = {
        "format": "c1c2nav/case/1",
        "name": "phantom",
        "structure": [
            {
                "name": "cord", "role": "cord", "mesh": "cord.ply",
                "caution": 2.0, "danger": 1.0, "sigma": 0.0,
            }
        ],
        "fiducial": fiducials,
        "plan": [
            {"name": p.name, "entry": p.entry.tolist(), "target": p.target.tolist()} for p in PLANS
        ],
    }  # fmt: skip
    (folder / "case" / "case.toml").write_text(tomli_w.dumps(table))
    names = ("rig.toml", "tools/needle.toml", "tools/reference.toml")
    return {
        name: (folder / name).read_bytes() for name in (*names, "case/case.toml", "case/cord.ply")
    }


class ExampleUse:
    """A simulated use, frame by frame, and what a session records of it."""

    def __init__(self, writer: SessionWriter, scratch: Path) -> None:
        self.writer, self.scratch = writer, scratch
        self.work = Work()
        self.found = EventFinder(self.work.session)
        self.frames: list[TrackedFrame] = []
        self.states: list[State] = []

    def step(self, at: np.ndarray | None) -> None:
        """The tip is at `at`, model frame, mm; None: the needle is hidden."""
        self.work.hand.at = at
        number = len(self.frames)
        captured_at = START.monotonic + number / RATE
        tracked = self.work.hand.track(number)
        tracked = TrackedFrame(
            number, number / RATE, tracked.tools, track_seconds=0.0125, captured_at=captured_at,
            mode="follow" if number else "acquire",
        )  # fmt: skip
        state = self.work.session.step(tracked)
        self.frames.append(tracked)
        self.states.append(state)
        events = list(self.found.after_frame(tracked, state))
        self.writer.frame(tracked)
        self.writer.guidance(state, self.found.in_use)
        self._events(events)
        if number % 8 == 7:
            self.writer.flush()

    def ask(self, kind: str, argument: str = "") -> None:
        """A command of the user after the newest frame."""
        command = Command(kind, argument)  # type: ignore[arg-type]
        if kind != "mark":
            self.work.session.command(command)
        self._events(self.found.after_command(command))

    def touch(self, label: str) -> None:
        """Touch a divot until it is taken."""
        self.ask("capture")
        for _ in range(8):
            self.step(self.work.positions[label])

    def _events(self, events) -> None:
        at = self.frames[-1].captured_at if self.frames else START.monotonic
        for event in events:
            self.writer.event(event.kind, event.code, event.facts, at=at)
            if (event.kind, event.code) == ("registration", "made"):
                name = f"registration-{event.facts['registration']}.toml"
                made = self.found.registrations[event.facts["registration"]]
                write_registration(self.scratch / name, made)
                self.writer.attach(name, (self.scratch / name).read_bytes())


def write_example_session(
    parent: Path, *, code: str = "live", steps: int = 60, ended: bool = True
) -> Path:
    """Record a small session without cameras.

    Parameters
    ----------
    parent : Path
        Where its folder is made; beside it a folder `files` with rig, tools and case.
    code : str
        Pseudonym.
    steps : int
        Frames of navigation, after about 50 of registration and verification. The tip comes down to
        the cord from 45 mm away, so that caution and danger are passed; it is hidden for a while.
    ended : bool
        False: as kill -9 leaves it.

    Returns
    -------
    Path
        The session's folder.
    """
    return example_use(parent, code=code, steps=steps, ended=ended)[0]


def example_use(
    parent: Path, *, code: str = "live", steps: int = 60, ended: bool = True
) -> tuple[Path, ExampleUse]:
    """As `write_example_session`; also what was recorded, to be compared with what is read."""
    attachments = example_files(parent / "files")
    about = about_session("poses", code, options={"record": True}, clock=START)
    folder = new_session_folder(parent, code, START)
    writer = SessionWriter(folder, about, attachments)
    use = ExampleUse(writer, parent / "files")
    use.step(np.array([0.0, 0.0, 50.0]))
    for label in (*POSITIONS, *CHECKS):
        use.touch(label)
    for k in range(steps):
        if k == steps // 2:
            use.ask("plan", "right")
        if k == steps // 3:
            use.ask("mark", "Haut")
        hidden = steps // 4 <= k < steps // 4 + 3
        use.step(None if hidden else np.array([0.0, 0.0, 65.0 - 46.0 * k / steps]))
    if ended:
        writer.close(at=use.frames[-1].captured_at)
    else:
        writer.flush()
        writer.file.close()
    return folder, use
