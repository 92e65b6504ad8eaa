"""Where the comparison's pictures come from: the simulator of tests/bench/scenes, and only here.

That simulator shares no code with the tracker or the twin.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from multiprocessing import get_context
from typing import TypeVar

from scipy.spatial.transform import RigidTransform

from nav.camera.rig import Rig
from nav.core.frameset import Frame, FrameSet
from nav.tracking.tool import Tool
from tests.bench.scenes import scene
from tests.bench.scenes.scene import Scene
from tests.bench.scenes.settings import Settings
from tests.bench.tracking.bound import Sight

Subject = TypeVar("Subject")
TOOL = "needle"  # the tool that is compared; others are there too


@dataclass(frozen=True)
class Shot:
    """A frame set and the true rig_from_tool of each tool."""

    frames: FrameSet
    truth: Mapping[str, RigidTransform]


@dataclass(frozen=True)
class Stage:
    """What a tracker is told: the rig, the tools, and which of them is compared.

    sight : what the bound needs to know, None where the image model of the bound does not hold.
    """

    rig: Rig
    tools: tuple[Tool, ...]
    tool: Tool
    sight: Sight | None


def stage(settings: Settings) -> Stage:
    """The files that a scene would write, as objects."""
    made = _scene(settings)
    tools = tuple(model.tool for model in made.models.values())
    gamma = {"linear": 1.0, "gamma": settings.gamma}.get(settings.response)
    sight = None
    wrong = settings.misbuilt or settings.misaligned or settings.readout_ms or settings.skew_ms
    if gamma is not None and not wrong:
        sight = Sight(settings.blur, settings.noise, gamma, 0.0, 255.0)
    return Stage(made.rig, tools, made.models[TOOL].tool, sight)


class Photographer:
    """Takes pictures in several processes; none is at work while trackers are timed."""

    def __init__(self, jobs: int | None = None) -> None:
        self.jobs = jobs or os.cpu_count() or 1
        self.pool = ProcessPoolExecutor(self.jobs, get_context("spawn"))

    def shots(self, what: Subject, frames: int, take: Callable[[Subject, int], Shot]) -> list[Shot]:
        """All frame sets of something, kept in memory; `take` takes one."""
        share = -(-frames // self.jobs)  # neighbouring frames to the same process
        return list(self.pool.map(take, [what] * frames, range(frames), chunksize=share))

    def close(self) -> None:
        """End the processes."""
        self.pool.shutdown(cancel_futures=True)


def take_scene(settings: Settings, number: int) -> Shot:
    """One frame set of a scene."""
    shot = _scene(settings).shot(number)
    return Shot(frame_set(shot), shot.poses)


def frame_set(shot: scene.Shot) -> FrameSet:
    """The simulator's pictures as the product takes them."""
    frames = {
        name: Frame(name, shot.times[name], picture) for name, picture in shot.pictures.items()
    }
    return FrameSet(shot.number, shot.time, frames)


@lru_cache(1)
def _scene(settings: Settings) -> Scene:
    return Scene(settings)


def spread(shots: list[Shot], count: int) -> Iterator[Shot]:
    """So many of the shots, evenly spread over them."""
    count = min(count, len(shots))
    yield from (shots[i * len(shots) // count] for i in range(count))
