"""Poses, distances and markers as streams of the Lab Streaming Layer (LSL)."""

from __future__ import annotations

import importlib
import logging
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nav.core.errors import InputError
from nav.core.notice import Notice
from nav.core.tracked_frame import TrackedFrame
from nav.link.lsl_samples import (
    Channel,
    MarkerTexts,
    distance_channels,
    distance_sample,
    pose_channels,
    pose_sample,
)

if TYPE_CHECKING:
    from nav.live.messages import Command
    from nav.live.session import Session, State
    from nav.run_live import LiveWork

POSES, DISTANCES, MARKERS = "c1c2nav-poses", "c1c2nav-distances", "c1c2nav-markers"
BUFFERED = 10  # hundreds of samples kept for a slow reader
CLOCK_EVERY = 10.0  # s between two comparisons of the clocks
READINGS = 5  # of both clocks per comparison
# streams are found only from programs on this computer, and the library writes no log
THIS_COMPUTER = "[multicast]\nResolveScope = machine\n[log]\nlevel = -3\n"
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class LslSetup:
    """Recipe for the streams.

    Parameters
    ----------
    network : bool
        Whether programs on other computers find them, as LSL's own configuration says.
    """

    network: bool = False

    def open(self, work: LiveWork) -> LslStreams:
        """Open the streams; raise InputError where pylsl is missing."""
        structures = [structure.name for structure in work.session.pipeline.case.structures]
        return LslStreams(tuple(work.tools), structures, self.network)


class LslStreams:
    """Observe a live use, and stream it.

    Three streams: poses of all tools, the tip in the model with its distances, and markers (what
    changed, and the user's commands). Times are those of capture, on LSL's clock. What is lost is
    not a number, with its status; never an older number.

    Parameters
    ----------
    tools : sequence of str
        Names of the tools.
    structures : sequence of str
        Names of the case's structures.
    network : bool
        As of `LslSetup`.
    source_id : str
        By which a reader finds the streams again.

    Raises
    ------
    InputError
        pylsl or its library is missing.
    """

    def __init__(
        self,
        tools: Sequence[str],
        structures: Sequence[str],
        network: bool = False,
        source_id: str = "c1c2nav",
    ) -> None:
        self._lsl = load_pylsl()
        if not network and "LSLAPICFG" not in os.environ:
            self._lsl.set_config_content(THIS_COMPUTER)
        self.tools, self.structures, self.network = tuple(tools), tuple(structures), network
        self._markers_made = MarkerTexts()
        self._poses = self._outlet(POSES, "MoCap", source_id, pose_channels(self.tools))
        self._distances = self._outlet(
            DISTANCES, "Navigation", source_id, distance_channels(self.structures)
        )
        event = (Channel("marker", "Marker", "text"),)
        self._markers = self._outlet(MARKERS, "Markers", source_id, event, "string")
        self._offset, self._compared = 0.0, -CLOCK_EVERY
        self._failed: str | None = None

    @property
    def notices(self) -> Sequence[Notice]:
        """That others can read the streams, and what failed."""
        shown = [Notice("lsl_network" if self.network else "lsl_this_computer")]
        if self._failed is not None:
            shown.append(Notice("lsl_failed", {"problem": self._failed}))
        return shown

    def frame(self, tracked: TrackedFrame, state: State) -> None:
        """Stream a result."""
        try:
            at = self._time(tracked.captured_at or time.monotonic())
            self._poses.push_sample(pose_sample(self.tools, tracked), at)
            self._distances.push_sample(distance_sample(self.structures, state.guidance), at)
            for text in self._markers_made.of_frame(tracked, state):
                self._markers.push_sample([text], at)
        except Exception as error:  # streams never cost a measurement
            self._keep_problem(error)

    def command(self, command: Command, session: Session) -> None:
        """Stream a command of the user as a marker."""
        text = f"command:{command.kind}" + (f":{command.argument}" if command.argument else "")
        self._mark(text)

    def close(self) -> None:
        """Mark the end and close the streams."""
        self._mark("ended")
        del self._poses, self._distances, self._markers  # which closes them

    def _mark(self, text: str) -> None:
        try:
            self._markers.push_sample([text], self._time(time.monotonic()))
        except Exception as error:
            self._keep_problem(error)

    def _keep_problem(self, error: Exception) -> None:
        if self._failed is None:
            log.exception("streaming failed")
        self._failed = str(error)

    def _time(self, monotonic: float) -> float:
        """Return a time of ours on LSL's clock."""
        now = time.monotonic()
        if now - self._compared >= CLOCK_EVERY:
            self._offset, self._compared = self._clock_offset(), now
        return monotonic + self._offset

    def _clock_offset(self) -> float:
        """Return LSL's clock minus ours, from the reading that took the least time."""
        readings = []
        for _ in range(READINGS):
            before = time.monotonic()
            theirs = self._lsl.local_clock()
            after = time.monotonic()
            readings.append((after - before, theirs - 0.5 * (before + after)))
        return float(min(readings)[1])

    def _outlet(
        self,
        name: str,
        kind: str,
        source_id: str,
        channels: Sequence[Channel],
        form: str = "double64",
    ) -> Any:
        lsl = self._lsl
        info = lsl.StreamInfo(
            name, kind, len(channels), lsl.IRREGULAR_RATE, form, f"{source_id}-{kind}"
        )
        described = info.desc().append_child("channels")
        for channel in channels:
            entry = described.append_child("channel")
            entry.append_child_value("label", channel.label)
            entry.append_child_value("type", channel.kind)
            entry.append_child_value("unit", channel.unit)
        return lsl.StreamOutlet(info, max_buffered=BUFFERED)


def load_pylsl() -> Any:
    """Load pylsl.

    Returns
    -------
    module

    Raises
    ------
    InputError
        It, or its library, is not installed.
    """
    try:
        return importlib.import_module("pylsl")
    except (ImportError, RuntimeError, OSError) as error:
        raise InputError(
            f"--lsl: pylsl cannot be loaded ({error}); install it with pip install 'c1c2nav[lsl]'"
        ) from None
