"""What goes out over the Lab Streaming Layer: channels and samples of a frame, marker texts."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nav.core.errors import Lost
from nav.core.tracked_frame import Tip, TrackedFrame, TrackedTool

if TYPE_CHECKING:
    from nav.live.session import State
    from nav.pipeline import Guidance

NAN = math.nan
POSE_PARTS = (
    ("x", "PositionX", "millimeters"),
    ("y", "PositionY", "millimeters"),
    ("z", "PositionZ", "millimeters"),
    ("qx", "OrientationX", "quaternion"),
    ("qy", "OrientationY", "quaternion"),
    ("qz", "OrientationZ", "quaternion"),
    ("qw", "OrientationW", "quaternion"),
    ("sd", "Error", "millimeters"),
    ("tracked", "Status", "1 tracked, 0 lost"),
)
TIP_PARTS = (
    ("x", "PositionX", "millimeters"),
    ("y", "PositionY", "millimeters"),
    ("z", "PositionZ", "millimeters"),
    ("sd", "Error", "millimeters"),
    ("known", "Status", "1 known, 0 lost"),
)
DISTANCE_PARTS = (
    ("distance", "Distance", "millimeters"),
    ("bound", "LowerBound95", "millimeters"),
    ("level", "AlarmLevel", "0 clear, 1 caution, 2 danger, -1 no data"),
)


@dataclass(frozen=True)
class Channel:
    """A channel of a stream.

    Parameters
    ----------
    label : str
        Such as "needle.x".
    kind : str
        In the words of the XDF file format.
    unit : str
        Of its numbers, or their meaning.
    """

    label: str
    kind: str
    unit: str


def pose_channels(tools: Sequence[str]) -> tuple[Channel, ...]:
    """Return the channels of all tools' poses, in the frame of the source of poses.

    Parameters
    ----------
    tools : sequence of str
        Their names.

    Returns
    -------
    tuple of Channel
    """
    return tuple(_channels(tools, POSE_PARTS))


def distance_channels(structures: Sequence[str]) -> tuple[Channel, ...]:
    """Return the channels of the tip in the model and its distances to all structures.

    Parameters
    ----------
    structures : sequence of str
        Their names.

    Returns
    -------
    tuple of Channel
    """
    return (*_channels(("tip",), TIP_PARTS), *_channels(structures, DISTANCE_PARTS))


def pose_sample(tools: Sequence[str], tracked: TrackedFrame) -> list[float]:
    """Return a sample of `pose_channels`; not a number for what is lost.

    Parameters
    ----------
    tools : sequence of str
        Their names.
    tracked : TrackedFrame
        The frame.

    Returns
    -------
    list of float
    """
    sample: list[float] = []
    for name in tools:
        seen = tracked.tools.get(name)
        if not isinstance(seen, TrackedTool):
            sample += [NAN] * 8 + [0.0]
            continue
        place = seen.rig_from_tool.transform
        variance = np.trace((seen.rig_from_tool.covariance + seen.systematic)[:3, :3])
        sample += [*place.translation, *place.rotation.as_quat(), math.sqrt(variance), 1.0]
    return sample


def distance_sample(structures: Sequence[str], guidance: Guidance) -> list[float]:
    """Return a sample of `distance_channels`; not a number for what is lost.

    Parameters
    ----------
    structures : sequence of str
        Their names.
    guidance : Guidance
        Of the frame.

    Returns
    -------
    list of float
    """
    tip, near = guidance.model_tip, guidance.proximity
    sample = [NAN] * 4 + [0.0]
    if isinstance(tip, Tip):
        sample = [*tip.position, math.sqrt(np.trace(tip.covariance)), 1.0]
    found = {} if isinstance(near, Lost) else {one.name: one for one in near.structures}
    for name in structures:
        one, level = found.get(name), guidance.alarms.levels.get(name, -1)
        sample += [NAN, NAN, -1.0] if one is None else [one.distance, one.bound, float(level)]
    return sample


class MarkerTexts:
    """Make the marker texts of what changes from frame to frame."""

    def __init__(self) -> None:
        self._stage = ""
        self._message: object = None
        self._tools: dict[str, str] = {}

    def of_frame(self, tracked: TrackedFrame, state: State) -> Iterator[str]:
        """Yield the texts of a frame.

        Parameters
        ----------
        tracked : TrackedFrame
            The frame.
        state : State
            After it.

        Yields
        ------
        str
            Such as "stage:navigate", "lost:needle:hidden", "alarm:cord:danger".
        """
        for name, seen in tracked.tools.items():
            now = f"lost:{name}:{seen.code}" if isinstance(seen, Lost) else f"tracked:{name}"
            if self._tools.get(name) != now:
                self._tools[name] = now
                yield now
        if state.stage.value != self._stage:
            self._stage = state.stage.value
            yield f"stage:{self._stage}"
        if state.message is not self._message:
            self._message = state.message
            if state.message is not None:
                yield f"message:{state.message.code}"
        alarms = state.guidance.alarms
        for name in alarms.changed:
            yield f"alarm:{name}:{alarms.levels[name].word}"


def _channels(names: Sequence[str], parts: Sequence[tuple[str, str, str]]) -> Iterator[Channel]:
    for name in names:
        for part, kind, unit in parts:
            yield Channel(f"{name}.{part}", kind, unit)
