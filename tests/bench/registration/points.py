"""Does the predicted TRE cover the true error? Random layouts, targets inside and outside them."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from rich.console import Console
from rich.table import Table
from scipy.spatial.transform import RigidTransform, Rotation
from scipy.stats import binom

from nav.core.frames import Array
from nav.registration.critical_points import CriticalPoint
from nav.registration.points import register_points
from nav.registration.predicted_tre import predict_errors

TRIALS, QUICK = 2000, 200
COVERED = (0.93, 0.97)
INSIDE, OUTSIDE = "inside", "outside"
FLE = 0.25  # mm per axis


@dataclass(frozen=True)
class Errors:
    """The errors of a set of touches, as they are drawn and as they are declared."""

    own: Array
    shared: Array


def run(console: Console, quick: bool) -> bool:
    """Print the coverage at the 95 % level per kind of errors; return whether all are in range."""
    trials = QUICK if quick else TRIALS
    # few trials scatter: then what 1 in 1000 right predictions exceed is accepted
    least = min(COVERED[0], float(binom.ppf(5e-4, trials, 0.95)) / trials)
    most = max(COVERED[1], float(binom.ppf(1.0 - 5e-4, trials, 0.95)) / trials)
    table = Table(title=f"true error within the predicted 95 % ellipsoid, {trials} random layouts")
    for column in ("errors", "target", "covered", "rms true", "rms predicted", "as if independent"):
        table.add_column(column, justify="left" if column in ("errors", "target") else "right")
    reached = True
    for kind in ("isotropic", "anisotropic", "shared: tip", "shared: tip and scale"):
        for place, row in _coverage(kind, trials):
            covered, true, predicted, independent = row
            good = least <= covered <= most
            reached &= good
            table.add_row(
                kind, place, f"{100 * covered:.1f} %{'' if good else ' (!)'}", f"{true:.3f} mm",
                f"{predicted:.3f} mm", f"{100 * independent:.1f} %",
            )  # fmt: skip
    console.print(table)
    return reached


def _coverage(kind: str, trials: int) -> Iterator[tuple[str, tuple[float, float, float, float]]]:
    rng = np.random.default_rng(18)
    hits: dict[str, list[tuple[bool, float, float, bool]]] = {INSIDE: [], OUTSIDE: []}
    for _ in range(trials):
        count = int(rng.integers(4, 13))
        model = _layout(count, rng)
        truth = RigidTransform.from_components(rng.normal(0, 100, 3), Rotation.random(rng=rng))
        exact = truth.inv().apply(model)
        errors = _errors(kind, exact, rng)
        roots = np.linalg.cholesky(errors.own)
        drawn = np.einsum("nij,nj->ni", roots, rng.normal(size=(count, 3)))
        drawn += errors.shared @ rng.normal(size=errors.shared.shape[2])
        total = errors.own + np.einsum("nik,njk->nij", errors.shared, errors.shared)
        found = register_points(model, exact + drawn, errors.own, shared=errors.shared)
        plain = register_points(model, exact + drawn, total)
        middle = model.mean(axis=0)
        far = rng.normal(size=3)
        targets = {
            INSIDE: middle + rng.normal(0, 15, 3),
            OUTSIDE: middle + far / np.linalg.norm(far) * rng.uniform(100, 180),
        }
        for place, target in targets.items():
            seen = []
            for result in (found, plain):
                pose = result.model_from_reference
                off = pose.transform.apply(truth.inv().apply(target)) - target
                (error,) = predict_errors(result, [CriticalPoint(place, target)])
                along = error.directions @ off / error.semi_axes
                seen.append((bool(along @ along <= 1.0), float(off @ off), error.rms**2))
            hits[place].append((*seen[0], seen[1][0]))
    for place, rows in hits.items():
        covered, true, predicted, independent = np.array(rows, float).mean(axis=0)
        yield place, (covered, float(np.sqrt(true)), float(np.sqrt(predicted)), independent)


def _layout(count: int, rng: np.random.Generator) -> Array:
    """Return fiducials that are no line, within a phantom's size."""
    while True:
        points = rng.uniform(-80, 80, (count, 3)) * rng.uniform(0.3, 1.0, 3)
        spread = np.linalg.svd(points - points.mean(axis=0), compute_uv=False)
        if np.hypot(spread[1], spread[2]) / np.sqrt(count) > 10.0:
            return np.asarray(points)


def _errors(kind: str, points: Array, rng: np.random.Generator) -> Errors:
    count = len(points)
    own = np.tile(FLE**2 * np.eye(3), (count, 1, 1))
    shared = np.zeros((count, 3, 0))
    if kind == "anisotropic":
        turns = Rotation.random(count, rng=rng).as_matrix()
        sds = FLE * rng.uniform([0.3, 0.3, 1.0], [1.0, 1.0, 4.0], (count, 3))
        own = turns @ (sds[:, :, None] ** 2 * np.eye(3)) @ turns.transpose(0, 2, 1)
    if kind.startswith("shared"):
        leaning = Rotation.from_rotvec(rng.normal(0.0, 0.4, (count, 3))).as_matrix()
        shared = leaning @ np.diag([0.3, 0.3, 0.6])
    if kind.endswith("scale"):
        shared = np.concatenate([shared, 0.002 * points[:, :, None]], axis=2)
    return Errors(own, shared)
