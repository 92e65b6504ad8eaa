"""A plot of where in each camera's image the corners were, and how well they fit."""

from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from calibration.cameras.calibrate import Calibration
from calibration.cameras.gather import Gathered
from nav.core.filekinds import PNG_METADATA
from nav.core.outputs import written_whole

ACROSS = 3  # cameras side by side
INK, GOOD, LEFT = "#1b2a33", "#00897b", "#d81b60"


def draw_coverage(path: Path, found: Calibration, gathered: Gathered) -> None:
    """Draw a PNG: for each camera its corners in the image, and all residuals around zero.

    Parameters
    ----------
    path : Path
        File to write.
    found : Calibration
        The calibration.
    gathered : Gathered
        What the images showed.
    """
    count = len(gathered.cameras)
    columns = min(count, ACROSS)
    rows = -(-count // columns)
    with matplotlib.rc_context({"font.size": 9, "axes.edgecolor": INK}):
        figure = Figure(figsize=(6.4 * columns, 7.6 * rows), layout="constrained")
        for k, name in enumerate(gathered.cameras):
            row, column = divmod(k, columns)
            above = figure.add_subplot(2 * rows, columns, 2 * row * columns + column + 1)
            below = figure.add_subplot(2 * rows, columns, (2 * row + 1) * columns + column + 1)
            _corners(above, found, gathered, k, name)
            _residuals(below, found, k)
        with written_whole(path) as beside:
            figure.savefig(beside, dpi=110, format="png", metadata=PNG_METADATA)


def _corners(axes: Axes, found: Calibration, gathered: Gathered, camera: int, name: str) -> None:
    width, height = gathered.sizes[camera]
    used = [s for s in found.chosen.bundle.sightings if s.camera == camera]
    for sighting in used:
        axes.plot(*sighting.pixels.T, ".", color=GOOD, markersize=2.5, alpha=0.6)
    for sighting in found.chosen.left_out:
        if sighting.camera == camera:
            axes.plot(*sighting.pixels.T, "x", color=LEFT, markersize=3)
    verdict = found.verdicts[camera]
    axes.set(xlim=(0, width), ylim=(height, 0), aspect="equal", xlabel="px", ylabel="px")
    axes.set_title(f"{name}: {len(used)} views, {verdict.covered:.0%} of the image, {verdict.word}")


def _residuals(axes: Axes, found: Calibration, camera: int) -> None:
    bundle = found.chosen.bundle
    off = np.concatenate(
        [r for r, k in zip(found.fit.residuals, bundle.of, strict=True) if k == camera]
    )
    most = 4.5 * max(float(found.rms[camera]), 1e-3)
    axes.plot(*off.T, ".", color=INK, markersize=2, alpha=0.35)
    axes.axhline(0, color=INK, linewidth=0.5)
    axes.axvline(0, color=INK, linewidth=0.5)
    axes.set(xlim=(-most, most), ylim=(most, -most), aspect="equal", xlabel="px", ylabel="px")
    axes.locator_params(nbins=5)
    axes.set_title(f"corners off the fit: {found.rms[camera]:.3f} px rms per axis")
