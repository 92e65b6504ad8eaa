"""Are predicted errors true? A thousand simulated frames, clean and hard: `make bench-coverage`.

Every frame is an unrelated pose of the needle before small pictures (288 x 240, tags of 37 px),
drawn by exact areas. Clean: blur 0.8 px, noise 2 grey levels. Hard: display gamma 2.2, blur 1.3 px,
noise 4, strong light gradient, a fifth of the markers behind a finger, motion blur up to 8 px.
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from rich.console import Console
from rich.table import Table
from scipy.spatial.transform import RigidTransform

from nav.core.errors import Lost
from nav.core.frames import Array
from nav.progress_bar import progress_bar
from nav.tracking.tip import tip_from_pose
from nav.tracking.tool import Tool
from nav.tracking.tracker import Tracker
from phantoms.twin.sensor import Optics
from phantoms.twin.simulated_bodies import Body, Placed, plate
from phantoms.twin.simulated_tools import NEEDLE_FACE, needle_body, needle_tool
from tests.synthetic import DISTANCE, Studio, needle_poses, small_rig

EXPOSURE = 0.01  # s
MOST_BLUR = 8.0  # px
PX_PER_MM = 1600.0 / DISTANCE
CLEAN = Optics(blur=0.8, noise=2.0, exposure=EXPOSURE, gradient=(0.02, -0.02))
HARD = Optics(blur=1.3, noise=4.0, exposure=EXPOSURE, gamma=2.2, gradient=(0.3, -0.2))
INSIDE = 7.815  # chi-square with three degrees of freedom: 95 %


@dataclass
class Score:
    """Tip errors (mm), their squares by the covariance, and how many frames had no pose."""

    errors: list[float] = field(default_factory=list)
    squares: list[float] = field(default_factory=list)
    lost: int = 0


def scenes(count: int, seed: int, hard: bool, tool: Tool) -> Iterator[list[Placed]]:
    """Needle, and perhaps a finger, of each frame."""
    rng = np.random.default_rng([seed, int(hard)])
    body = needle_body(tool)
    for place in needle_poses(count, rng):
        velocity = np.zeros(6)
        if hard:
            way = rng.normal(size=3)
            speed = rng.uniform(0.0, MOST_BLUR) / PX_PER_MM / EXPOSURE
            velocity[:3] = speed * way / np.linalg.norm(way)
        placed = [Placed(body, place, velocity)]
        yield [*placed, finger(place, velocity, rng)] if hard else placed


def finger(place: RigidTransform, velocity: Array, rng: np.random.Generator) -> Placed:
    """A patch that hides about a fifth of the markers turned to the cameras."""
    eye = place.inv().apply(np.zeros(3))
    towards = np.array([eye[0], eye[1], 0.0]) / np.hypot(eye[0], eye[1])
    right = np.cross([0.0, 0.0, 1.0], -towards)
    half = 0.2 * NEEDLE_FACE
    centre = towards * 26.0 + np.array([0.0, 0.0, rng.uniform(-1, 1) * (NEEDLE_FACE - half)])
    patch = plate(centre, right * 40.0, np.array([0.0, 0.0, half]), 0.55)
    return Placed(Body("finger", (patch,)), place, velocity)


def run(count: int, seed: int, cameras: int, hard: bool, console: Console) -> Score:
    """Track the frames one after another; each is searched anew."""
    tool, rig = needle_tool(), small_rig(cameras)
    assert tool.tip is not None
    studio, tracker, score = (
        Studio(rig, HARD if hard else CLEAN, seed),
        Tracker(rig, [tool]),
        Score(),
    )
    with progress_bar(console) as bar:
        task = bar.add_task("hard" if hard else "clean", total=count, note="")
        for placed in scenes(count, seed, hard, tool):
            frames = studio.frames(placed)
            seen = tracker.track(frames).tools[tool.name]
            bar.advance(task)
            if isinstance(seen, Lost):
                score.lost += 1
                continue
            tip = tip_from_pose(seen.rig_from_tool, tool)
            assert tip is not None
            off = tip.position - placed[0].rig_from_body.apply(tool.tip.position)
            score.errors.append(float(np.linalg.norm(off)))
            score.squares.append(float(off @ np.linalg.solve(tip.covariance, off)))
    tracker.close()
    return score


def row(name: str, score: Score) -> list[str]:
    """A line of the table."""
    errors, squares = np.array(score.errors), np.array(score.squares)
    count = len(errors) + score.lost
    return [
        name,
        f"{100 * len(errors) / count:.1f} % of {count}",
        f"{np.sqrt(np.mean(errors**2)):.4f}",
        f"{np.median(errors):.4f}",
        f"{np.quantile(errors, 0.95):.4f}",
        f"{squares.mean():.2f} ± {squares.std() / np.sqrt(len(squares)):.2f}",
        f"{100 * np.mean(squares < INSIDE):.1f} %",
    ]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    wanted = parser.parse_args()
    console = Console()
    table = Table(
        "pictures", "tracked", "tip rms, mm", "median", "p95", "squared error (3)", "in 95 %"
    )
    for name, cameras, hard in (
        ("clean", 2, False),
        ("clean, one camera", 1, False),
        ("hard", 2, True),
    ):
        table.add_row(*row(name, run(wanted.frames, wanted.seed, cameras, hard, console)))
    console.print(table)


if __name__ == "__main__":
    main()
