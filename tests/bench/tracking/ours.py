"""Our tracker in a process of its own, so that its memory and time are its own.

Messages as in worker.py, but that "setup" names files and "look" says the cameras and times:

    {"do": "setup", "rig": path, "tools": [path]}                       -> {"done": true}
    {"do": "look", "number", "cameras", "times", "shapes"} + bytes
        -> {"seconds", "memory_mb", "mode", "tools": {name: {"pose", "covariance", "corners",
            "warning"}}}

A tool that is lost has {"lost": reason} instead.
"""

import json
import os
import sys
import time
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from nav.camera.rig import load_rig
from nav.core.errors import Lost
from nav.core.frameset import Frame, FrameSet
from nav.core.tracked_frame import TrackedTool
from nav.text.catalogue import ENGLISH
from nav.tracking.tool import load_tool
from nav.tracking.tracker import Tracker
from tests.bench.tracking.worker import memory_mb


def serve(commands: BinaryIO, answers: BinaryIO) -> None:
    """Answer messages until they end."""
    tracker: Tracker | None = None

    def answer(message: dict[str, Any]) -> None:
        answers.write(json.dumps(message).encode() + b"\n")
        answers.flush()

    answer({"version": "ours"})
    for line in commands:
        message = json.loads(line)
        if message["do"] == "setup":
            if tracker is not None:
                tracker.close()
            tools = [load_tool(Path(path)) for path in message["tools"]]
            tracker = Tracker(load_rig(Path(message["rig"])), tools)
            answer({"done": True})
            continue
        assert tracker is not None
        frames = _frames(message, commands)
        began = time.perf_counter()
        tracked = tracker.track(frames)
        seconds = time.perf_counter() - began
        answer(
            {
                "seconds": seconds,
                "memory_mb": memory_mb(),
                "mode": tracked.mode,
                "tools": {name: _said(found) for name, found in tracked.tools.items()},
            }
        )
    if tracker is not None:
        tracker.close()


def _frames(message: dict[str, Any], commands: BinaryIO) -> FrameSet:
    frames = {}
    for name, at, (height, width) in zip(
        message["cameras"], message["times"], message["shapes"], strict=True
    ):
        picture = np.frombuffer(commands.read(height * width), np.uint8).reshape(height, width)
        frames[name] = Frame(name, at, picture)
    return FrameSet(message["number"], float(np.mean(message["times"])), frames)


def _said(found: TrackedTool | Lost) -> dict[str, Any]:
    if isinstance(found, Lost):
        return {"lost": ENGLISH.sentence(found)}
    return {
        "pose": found.rig_from_tool.transform.as_matrix().tolist(),
        "covariance": (found.rig_from_tool.covariance + found.systematic).tolist(),
        "warning": ENGLISH.sentences(found.warnings),
        "corners": {
            camera: {str(i): quad.tolist() for i, quad in quads.items()}
            for camera, quads in found.corners.items()
        },
    }


if __name__ == "__main__":
    # what a library prints must not come between the answers
    with os.fdopen(os.dup(1), "wb") as out:
        os.dup2(2, 1)
        serve(sys.stdin.buffer, out)
