"""A job for real tracking processes in tests: a few simulated pictures over and over."""

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from nav.camera.rig import Rig, load_rig, write_rig
from nav.camera.source import open_source
from nav.core.errors import InputError
from nav.core.frameset import Frame, FrameSet
from nav.core.notice import Notice
from nav.core.tracked_frame import TrackedFrame
from nav.live.feed import Progress, silent
from nav.live.messages import Command
from nav.live.observers import Observer
from nav.live.session import Session, State
from nav.model.case import Case, Plan, Structure
from nav.model.surface import Surface
from nav.pipeline import Pipeline
from nav.registration.registration_result import Registration
from nav.tracking.camera_poses import CameraPoses
from nav.tracking.tool import load_tool
from nav.tracking.tracker import Tracker


@dataclass(frozen=True)
class LoopingJob:
    """Pictures of `folder` (as `nav twin images` writes it) in a loop.

    seconds : how long; fail_after : raise after so many results; problem : refuse to start.
    """

    folder: Path
    registration: Registration
    seconds: float = 60.0
    fail_after: int | None = None
    problem: str = ""

    def open(self, progress: Progress = silent) -> "LoopingWork":
        if self.problem:
            raise InputError(self.problem)
        return LoopingWork(self)


class LoopingWork:
    notices: tuple[Notice, ...] = ()
    observers: Sequence[Observer] = ()
    recording = None
    simulated = False

    def __init__(self, job: LoopingJob) -> None:
        self.job = job
        self.times: list[tuple[float, float]] = []
        rig = load_rig(job.folder / "rig.toml")
        tools = [load_tool(job.folder / f"{name}.toml") for name in ("needle", "reference")]
        pipeline = Pipeline(tools[0], sphere_case(), job.registration)
        self.session = Session(pipeline)
        self.source = CameraPoses(Loop(job.folder, rig, job.seconds), Tracker(rig, tools))

    def listen(self, tracked: TrackedFrame, state: State) -> Iterable[Command]:
        self.times.append((time.monotonic(), state.guidance.tracked.track_seconds))
        if self.job.fail_after is not None and len(self.times) > self.job.fail_after:
            raise ValueError("a fault inside tracking")
        return ()

    def finish(self) -> Any:
        """When each result was there, and how long its tracking took, s."""
        return self.times


class Loop:
    """All frame sets in memory, handed out as fast as they are taken."""

    warnings: tuple[Notice, ...] = ()

    def __init__(self, folder: Path, rig: Rig, seconds: float) -> None:
        source = open_source(folder, rig)
        self.sets = list(source)
        source.close()
        self.seconds = seconds

    def __len__(self) -> int:
        return 0

    def __iter__(self) -> Iterator[FrameSet]:
        until, number = time.monotonic() + self.seconds, 0
        while time.monotonic() < until:
            now = time.monotonic()
            frames = self.sets[number % len(self.sets)].frames
            fresh = {name: Frame(name, now, frame.image) for name, frame in frames.items()}
            yield replace(FrameSet(number, now, fresh), captured_at=now)
            number += 1

    def close(self) -> None:
        pass


def write_recording(out: Path, frames: int, seed: int) -> None:
    """A needle and a reference body before a plain grey, in pictures of the live window's size."""
    from rich.console import Console

    from phantoms.twin.default_rig import LIVE_SIZE, default_rig
    from phantoms.twin.images import ImageSettings, write_images
    from phantoms.twin.sensor import Optics

    rig = out.with_name(f"{out.name}-rig.toml")
    write_rig(rig, default_rig(LIVE_SIZE))
    optics = Optics(blur=0.5, exposure=0.0)  # pictures of half the size, half the blur
    settings = ImageSettings(frames, seed, rig, optics, 0.0, 10.0, plain=True)
    write_images(out, settings, Console(quiet=True))


def sphere_case(centres: Sequence[float] = (30.0, 60.0)) -> Case:
    """Two balls as artery and cord, to have something to be near to."""
    import pyvista

    structures = []
    for role, x in zip(("artery", "cord"), centres, strict=True):
        ball = pyvista.Sphere(radius=5.0, center=(x, 0.0, 0.0)).triangulate()
        surface = Surface(np.asarray(ball.points), ball.faces.reshape(-1, 4)[:, 1:])
        limits = (5.0, 3.0) if role == "artery" else (2.0, 1.0)
        structures.append(Structure(f"{role} ball", role, surface, *limits, 0.3))
    plan = Plan("straight", np.array([60.0, 0.0, 0.0]), np.array([0.0, 0.0, 0.0]))
    return Case("balls", tuple(structures), (), (plan,))
