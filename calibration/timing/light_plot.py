"""A plot of where each camera saw a blinking light, and when it changed."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from calibration.timing.light_verdict import LightTiming
from calibration.timing.timing_command import estimate_text
from nav.core.filekinds import PNG_METADATA
from nav.core.outputs import written_whole

INK, LIT = "#1b2a33", "#00897b"
SHOWN = 6.0  # s of the recording


def draw_light(path: Path, found: Sequence[LightTiming]) -> None:
    """Draw a PNG: where the light is in each camera's image, and rows and times of its changes.

    Parameters
    ----------
    path : Path
        File to write.
    found : sequence of LightTiming
        One per camera.
    """
    begin = max(each.signals.times[0] - _delay(each) for each in found)
    with matplotlib.rc_context({"font.size": 9, "axes.edgecolor": INK}):
        figure = Figure(figsize=(12.0, 3.2 * len(found)), layout="constrained")
        grid = figure.add_gridspec(len(found), 2, width_ratios=(1, 3))
        for k, each in enumerate(found):
            _where(figure.add_subplot(grid[k, 0]), each)
            _when(figure.add_subplot(grid[k, 1]), each, begin)
        with written_whole(path) as beside:
            figure.savefig(beside, dpi=110, format="png", metadata=PNG_METADATA)


def _delay(each: LightTiming) -> float:
    return 0.0 if each.delay is None or each.delay.problem else each.delay.value


def _where(axes: Axes, each: LightTiming) -> None:
    change = each.signals.change
    axes.imshow(np.where(change > 0, change, np.nan), cmap="viridis", vmin=0)
    axes.set(xticks=[], yticks=[])
    axes.set_title(f"{each.signals.camera}: changes by {change.max():.0f} grey levels at most")


def _when(axes: Axes, each: LightTiming, begin: float) -> None:
    """Draw every row of every image at the time when it was exposed."""
    signals = each.signals
    times = signals.times[:, None] - _delay(each) - begin + signals.bands * each.readout.value
    shown = (times > 0) & (times < SHOWN)
    rows = np.broadcast_to(signals.bands, times.shape)
    axes.scatter(
        times[shown], rows[shown], c=signals.lit[shown], s=7, cmap="viridis", vmin=0, vmax=1
    )
    axes.set(xlim=(0, SHOWN), xlabel="s, less the delay", ylabel="row / height")
    axes.set_ylim(0.55, -0.55)
    texts = [estimate_text(name, own) for name, own in
             (("delay", each.delay), ("readout", each.readout))]  # fmt: skip
    axes.set_title("; ".join(text.split(": ")[0] for text in texts))
