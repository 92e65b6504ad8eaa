"""Register touched fiducials and map the predicted target registration error.

    python examples/register_and_map_tre.py --output tre.png

The standard phantom's divots are touched with errors of 0.25 mm per axis; the map shows the
predicted TRE in the plane of the puncture. Research use only.
"""

import argparse
import tempfile
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from scipy.spatial.transform import RigidTransform, Rotation

import nav

FLE = 0.25  # mm, one standard deviation per axis


def touch(model: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the fiducials as a tracked tip touches them, reference frame, mm."""
    reference_from_model = RigidTransform.from_components(
        [20.0, -35.0, 60.0], Rotation.from_rotvec([0.1, -0.2, 0.3])
    )
    return reference_from_model.apply(model) + rng.normal(0.0, FLE, model.shape)


def plot(case: nav.Case, registration: nav.Registration, model: np.ndarray, out: Path) -> None:
    """Map the predicted TRE over x and z through the plan's target, with bones and fiducials."""
    target = case.plans[0].target
    x, z = np.meshgrid(np.linspace(-80, 80, 81), np.linspace(-75, 65, 71))
    points = np.column_stack([x.ravel(), np.full(x.size, target[1]), z.ravel()])
    tre = registration.predicted_tre(points).reshape(x.shape)
    figure, axes = plt.subplots(figsize=(8, 6))
    contours = axes.contourf(x, z, tre, levels=12, cmap="viridis")
    figure.colorbar(contours, label="predicted TRE, mm rms")
    for structure in case.of_role("bone"):
        vertices = structure.surface.vertices
        near = vertices[np.abs(vertices[:, 1] - target[1]) < 1.0]
        axes.plot(near[:, 0], near[:, 2], ".", color="white", ms=1)
    axes.plot(model[:, 0], model[:, 2], "r^", label="fiducials")
    axes.plot(target[0], target[2], "wx", label="target")
    axes.set(
        xlabel="x (left), mm", ylabel="z (superior), mm", title=f"FRE {registration.fre:.2f} mm"
    )
    axes.set_aspect("equal")
    axes.legend()
    figure.text(0.01, 0.01, nav.NOTICE, color="grey", size=8)
    figure.savefig(out, dpi=120)


def main(arguments: list[str] | None = None) -> None:
    """Run the example."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--case", type=Path, help="case.toml; else the standard phantom's is made")
    parser.add_argument("--seed", type=int, default=0, help="of the touches' errors")
    parser.add_argument("--output", "--out", type=Path, default=Path("tre.png"))
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as made:
        path = given.case or nav.build_phantom(Path(made) / "kit", anatomy_only=True)
        case = nav.load_case(path)
    model = np.array([fiducial.position for fiducial in case.fiducials_for("register")])
    touched = touch(model, np.random.default_rng(given.seed))
    registration = nav.register_points(model, touched, fle=FLE)
    plot(case, registration, model, given.output)
    tre = registration.predicted_tre(case.plans[0].target[None])[0]
    print(
        f"FRE {registration.fre:.2f} mm, predicted TRE at the target {tre:.2f} mm; {given.output}"
    )


if __name__ == "__main__":
    main()
