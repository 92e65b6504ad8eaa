"""Draw a random neck and show how far arteries and cord are from the planned needle.

    python examples/random_neck.py --seed 7 --output neck.png

Research use only.
"""

import argparse
import tempfile
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

import nav

TIP_SD = 0.3  # mm per axis: what tracking and registration may leave


def distances(case: nav.Case) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Return depths along the plan, mm, and by structure distance and bound (depths, 2), mm."""
    plan = case.plans[0]
    length = float(np.linalg.norm(plan.target - plan.entry))
    depths = np.linspace(0.0, length, 60)
    rows: dict[str, list[tuple[float, float]]] = {}
    for depth in depths:
        found = nav.proximity(case, plan.entry + depth * plan.direction, TIP_SD**2 * np.eye(3))
        for structure in found.structures:
            if structure.role in ("artery", "cord"):
                rows.setdefault(structure.name, []).append((structure.distance, structure.bound))
    return depths, {name: np.array(values) for name, values in rows.items()}


def plot(case: nav.Case, depths: np.ndarray, near: dict[str, np.ndarray], out: Path) -> None:
    """Draw the neck's structures from the side, and the distances by depth."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(12, 6))
    colours = {"bone": "tan", "artery": "firebrick", "cord": "goldenrod", "dura": "steelblue"}
    for structure in case.structures:
        if structure.role in colours:
            vertices = structure.surface.vertices
            left.scatter(
                vertices[:, 0], vertices[:, 2], s=0.5, color=colours[structure.role], alpha=0.3
            )
    for plan in case.plans:
        left.plot([plan.entry[0], plan.target[0]], [plan.entry[2], plan.target[2]], "k-")
    left.set_aspect("equal")
    left.set(xlabel="x (left), mm", ylabel="z (superior), mm", title=case.name)
    for name, values in near.items():
        (line,) = right.plot(depths, values[:, 0], label=name)
        right.fill_between(depths, values[:, 1], values[:, 0], color=line.get_color(), alpha=0.3)
    right.set(xlabel="depth from the skin, mm", ylabel="distance from the tip, mm", ylim=(0, 40))
    right.legend(title="distance; shaded: down to the 95 % bound")
    figure.text(0.01, 0.01, nav.NOTICE, color="grey", size=8)
    figure.savefig(out, dpi=120)


def main(arguments: list[str] | None = None) -> None:
    """Run the example."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=7, help="which neck")
    parser.add_argument("--output", "--out", type=Path, default=Path("neck.png"))
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as made:
        case = nav.load_case(
            nav.build_phantom(Path(made) / "neck", seed=given.seed, anatomy_only=True)
        )
    depths, near = distances(case)
    plot(case, depths, near, given.output)
    for name, values in near.items():
        print(f"{name}: nearest {values[:, 0].min():.1f} mm, at least {values[:, 1].min():.1f} mm")


if __name__ == "__main__":
    main()
