"""Track a recording and plot the needle tip with its 95 % error ellipses.

    python examples/track_recording.py --images pictures --output tip.png

Without --images a short simulated recording is made first. Research use only.
"""

import argparse
import tempfile
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.patches import Ellipse

import nav

ENLARGED = 50.0  # times, or the ellipses would not be seen
CHI2_95 = 5.991  # 95 % quantile of chi-square with two degrees of freedom


def track(folder: Path) -> list[nav.Tip]:
    """Return the tip in the reference body's frame, of every frame set in which it is tracked."""
    rig = nav.load_rig(folder / "rig.toml")
    needle, reference = (nav.load_tool(folder / f"{name}.toml") for name in ("needle", "reference"))
    tracker = nav.Tracker(rig, [needle, reference])
    tips = []
    for frames in nav.read_images(folder, rig):
        tracked = tracker.track(frames)
        tip = nav.tip_in_reference(tracked, needle, reference.name)
        if isinstance(tip, nav.Lost):
            print(f"frame set {frames.number}: {nav.sentence(tip)}")
            continue
        tips.append(tip)
    tracker.close()
    return tips


def plot(tips: list[nav.Tip], out: Path) -> None:
    """Plot x and y of the tips, mm, each with the ellipse that holds it with 95 %."""
    figure, axes = plt.subplots(figsize=(7, 6))
    points = np.array([tip.position for tip in tips])
    axes.plot(points[:, 0], points[:, 1], ".-", lw=0.5)
    for tip in tips:
        values, vectors = np.linalg.eigh(tip.covariance[:2, :2])
        width, height = 2.0 * ENLARGED * np.sqrt(CHI2_95 * values)
        angle = np.degrees(np.arctan2(vectors[1, 0], vectors[0, 0]))
        axes.add_patch(Ellipse(tip.position[:2], width, height, angle=angle, fill=False))
    axes.set_aspect("equal")
    axes.set(xlabel="x, mm", ylabel="y, mm", title="Needle tip, reference frame")
    axes.text(0.02, 0.96, f"95 % ellipses, {ENLARGED:g} times enlarged", transform=axes.transAxes)
    figure.text(0.01, 0.01, nav.NOTICE, color="grey", size=8)
    figure.savefig(out, dpi=120)


def main(arguments: list[str] | None = None) -> None:
    """Run the example."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=Path, help="folder of a recording with its TOML files")
    parser.add_argument("--frames", type=int, default=30, help="of the simulated recording")
    parser.add_argument("--output", "--out", type=Path, default=Path("tip.png"))
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as made:
        folder = given.images
        if folder is None:
            folder = Path(made) / "recording"
            nav.simulate_recording(folder, given.frames, plain=True)  # not seen here, so not drawn
        tips = track(folder)
    plot(tips, given.output)
    sd = np.sqrt(np.mean([np.trace(tip.covariance) for tip in tips]))
    print(f"{len(tips)} tips, predicted error {sd:.3f} mm rms; {given.output}")


if __name__ == "__main__":
    main()
