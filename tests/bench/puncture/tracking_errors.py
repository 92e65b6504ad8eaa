"""Errors of the tracked tip as they were measured in rendered punctures, to draw others from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nav.core.errors import Lost
from nav.core.frames import Array
from nav.tracking.tip import tip_in_reference
from nav.tracking.tool import Tool
from phantoms.demo.report import REFERENCE, file_from_true
from phantoms.demo.work import DemoResult


@dataclass(frozen=True)
class TrackingErrors:
    """What a tracker said and how far it was off, frame after frame, of one or more runs.

    Parameters
    ----------
    off : (n, 3), tracked less true tip, reference frame, mm.
    random, systematic : (n, 3, 3), covariances that it gave, mm^2. run : (n,), which run.
    """

    off: Array
    random: Array
    systematic: Array
    run: NDArray[np.int64]

    def block(self, rng: np.random.Generator, length: int, run: int) -> TrackingErrors:
        """Draw consecutive frames of one run."""
        mine = np.flatnonzero(self.run == run)
        first = int(rng.integers(max(1, len(mine) - length + 1)))
        return self.take(mine[first : first + length])

    def take(self, rows: NDArray[np.int64]) -> TrackingErrors:
        """Return some of the frames."""
        return TrackingErrors(
            self.off[rows], self.random[rows], self.systematic[rows], self.run[rows]
        )

    def as_lists(self) -> dict[str, list[object]]:
        """For a JSON file."""
        return {
            "off": self.off.tolist(),
            "random": self.random.tolist(),
            "systematic": self.systematic.tolist(),
        }


def pooled(runs: list[dict[str, list[object]]]) -> TrackingErrors:
    """Put the frames of several runs together."""
    counts = [len(run["off"]) for run in runs]
    return TrackingErrors(
        np.concatenate([np.array(run["off"], float) for run in runs]),
        np.concatenate([np.array(run["random"], float) for run in runs]),
        np.concatenate([np.array(run["systematic"], float) for run in runs]),
        np.repeat(np.arange(len(runs)), counts),
    )


def measured_errors(result: DemoResult, needle: Tool, reference: Tool) -> TrackingErrors:
    """Compare a rendered run's tips with the truth; needle, reference : as they were filed."""
    true_needle, true_reference = result.tools
    assert true_needle.tip is not None
    from_rig = file_from_true(reference, true_reference) * result.rig_from_reference.inv()
    rows = []
    for tracked in result.log.tracked:
        tip = tip_in_reference(tracked, needle, REFERENCE)
        if isinstance(tip, Lost):
            continue
        place = from_rig * result.truth[tracked.number]
        true = np.asarray(place.apply(true_needle.tip.position))
        rows.append((tip.position - true, tip.random, tip.systematic))
    off, random, systematic = (np.array(part) for part in zip(*rows, strict=True))
    return TrackingErrors(off, random, systematic, np.zeros(len(off), np.int64))
