"""Surface registration: from nothing, with known truth; published sets; speed beside others.

"asked" are those found of which the verdict asks for check points: is it this case?
"""

import multiprocessing
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache

import numpy as np
import open3d as o3d
from rich.console import Console
from rich.table import Table
from scipy.spatial.transform import RigidTransform, Rotation

from nav.core.frames import Array, point_jacobian
from nav.model.surface import Surface
from nav.progress_bar import progress_bar
from nav.registration.case_evidence import doubt_case
from nav.registration.prepared_surface import PreparedSurface, prepare_surface
from nav.registration.surface_registration import SurfaceNotRegistered, register_surface
from phantoms.anatomy.draw import random_parameters
from phantoms.anatomy.standard_neck import standard_anatomy
from tests.bench.registration._published import published_sets, speed

NOISE = 0.3  # mm per axis
OUTLIER = 6.0  # mm per axis, one sd, added to outliers
WRONG = 3.0  # mm at the artery
WRONG_SD2 = 31.8  # squared Mahalanobis distance of three dimensions as rare as 5 sd of one
COVERED = 7.815  # of three dimensions, 95 %
MOST_TRE, MOST_TIME, LEAST_RIGHT = 0.35, 1.0, 0.998  # mm, s of CPU, share
BONES = ("C1", "C2")
ARTERIES = ("vertebral artery left", "vertebral artery right")


@dataclass(frozen=True)
class Neck:
    """A drawn neck: its bones, prepared, and where an error matters."""

    prepared: PreparedSurface
    corners: Array
    normals: Array
    scene: o3d.t.geometry.RaycastingScene
    arteries: Array

    def touched(self, rng: np.random.Generator, count: int, behind: bool) -> Array:
        """Return points evenly over the bones, or over what is seen from behind."""
        area = np.linalg.norm(
            np.cross(
                self.corners[:, 1] - self.corners[:, 0], self.corners[:, 2] - self.corners[:, 0]
            ),
            axis=1,
        )
        chosen = rng.choice(len(area), 6000, p=area / area.sum())
        weights = rng.dirichlet([1.0, 1.0, 1.0], 6000)
        points = np.einsum("nk,nki->ni", weights, self.corners[chosen])
        if behind:
            normals = self.normals[chosen]
            rays = np.hstack([points + 0.05 * normals, np.tile([0.0, 1.0, 0.0], (6000, 1))])
            free = ~np.isfinite(self.scene.cast_rays(rays.astype(np.float32))["t_hit"].numpy())
            points = points[free & (normals[:, 1] > 0.2)]
        return points[rng.choice(len(points), count, replace=False)]


@cache
def neck(seed: int) -> Neck:
    """Draw a neck."""
    anatomy = standard_anatomy(random_parameters(seed))
    bones = [anatomy.structure(name) for name in BONES]
    prepared = prepare_surface([Surface(b.vertices, b.triangles) for b in bones], cache=True)
    scene = o3d.t.geometry.RaycastingScene(nthreads=1)
    for bone in bones:
        scene.add_triangles(
            o3d.core.Tensor(bone.vertices.astype(np.float32)),
            o3d.core.Tensor(bone.triangles.astype(np.uint32)),
        )
    target = anatomy.plans[0].target
    arteries = [anatomy.structure(name).vertices for name in ARTERIES]
    near = [v[np.argmin(np.linalg.norm(v - target, axis=1))] for v in arteries]
    facets = prepared.facets
    return Neck(prepared, facets.corners, facets.normals, scene, np.array(near))


@dataclass(frozen=True)
class Trial:
    """What came of one registration."""

    code: str
    tre: float  # mm, at the worse artery
    squares: tuple[float, ...]  # Mahalanobis, of each artery
    seconds: float  # CPU
    is_asked: bool = False  # whether it is this case

    @property
    def is_wrong(self) -> bool:
        """Accepted, and off."""
        return self.code == "ok" and (self.tre > WRONG or max(self.squares) > WRONG_SD2)


def trial(seed: int, number: int, count: int, behind: bool, outliers: float, other: bool) -> Trial:
    """Touch a neck, and register to it or to another one, from nothing."""
    touched_neck = neck(seed)
    rng = np.random.default_rng([seed, number, count])
    points = touched_neck.touched(rng, count, behind) + rng.normal(0.0, NOISE, (count, 3))
    off = rng.permutation(count) < round(outliers * count)
    points[off] += rng.normal(0.0, OUTLIER, (int(off.sum()), 3))
    truth = RigidTransform.from_components(rng.uniform(-200, 200, 3), Rotation.random(rng=rng))
    prepared = (neck(seed + 1) if other else touched_neck).prepared
    start = time.process_time()
    try:
        found = register_surface(prepared, truth.inv().apply(points), sigma=NOISE)
    except SurfaceNotRegistered as error:
        return Trial(error.code, np.inf, (np.inf,), time.process_time() - start)
    seconds = time.process_time() - start
    pose = found.registration.model_from_reference
    change = pose.transform * truth.inv()
    errors = change.apply(touched_neck.arteries) - touched_neck.arteries
    jacobian = point_jacobian(touched_neck.arteries)
    covariances = jacobian @ pose.covariance @ np.swapaxes(jacobian, 1, 2)
    squares = tuple(
        float(e @ np.linalg.solve(c, e)) for e, c in zip(errors, covariances, strict=True)
    )
    tre = float(np.linalg.norm(errors, axis=1).max())
    return Trial("ok", tre, squares, seconds, doubt_case(found.fit) is not None)


@dataclass(frozen=True)
class Group:
    """Trials of one kind."""

    name: str
    counts: tuple[int, ...]
    behind: bool
    outliers: float
    other: bool
    runs: int


GROUPS = (
    Group("60 points, all over", (60,), False, 0.0, False, 500),
    Group("60, from behind", (60,), True, 0.0, False, 250),
    Group("15 to 50, all over", (15, 20, 30, 40, 50), False, 0.0, False, 300),
    Group("15 to 50, from behind", (15, 20, 30, 40, 50), True, 0.0, False, 300),
    Group("15 to 60, 10 % outliers", (15, 25, 40, 60), False, 0.1, False, 300),
    Group("15 to 60, behind, 10 % outliers", (15, 25, 40, 60), True, 0.1, False, 350),
    Group("15 to 60, another neck's bones", (15, 25, 40, 60), True, 0.0, True, 500),
)
NECKS = 10
QUICK = 25  # times fewer runs
SPAWN = multiprocessing.get_context("spawn")


def _trial(job: tuple[Group, int, int]) -> Trial:
    group, number, seed = job
    count = group.counts[number % len(group.counts)]
    return trial(seed, number, count, group.behind, group.outliers, group.other)


def run(console: Console, quick: bool) -> bool:
    """Print the tables; return whether the targets are met."""
    table = Table("points", "runs", "found", "asked", "refused", "wrong", "TRE", "covered", "CPU s")
    table.title = "From nothing, on C1 and C2 of drawn necks, 0.3 mm noise; TRE at the worse artery"
    reached = True
    for group in GROUPS:
        runs = max(8, group.runs // QUICK) if quick else group.runs
        necks = 2 if quick else NECKS
        jobs = [(group, k, k * necks // runs) for k in range(runs)]
        with progress_bar(console) as bar, ProcessPoolExecutor(mp_context=SPAWN) as pool:
            task = bar.add_task(group.name, total=runs, note="")
            trials = list(bar.track(pool.map(_trial, jobs), task_id=task))
        found = [t for t in trials if t.code == "ok"]
        # another neck's bones are a silent error where nobody asks
        wrong = sum(not t.is_asked if group.other else t.is_wrong for t in found)
        asked = np.mean([t.is_asked for t in found]) if found else np.nan
        codes = Counter(t.code for t in trials if t.code != "ok")
        tre = float(np.median([t.tre for t in found])) if found else np.inf
        covered = np.mean([s < COVERED for t in found for s in t.squares]) if found else np.nan
        seconds = float(np.median([t.seconds for t in trials]))
        table.add_row(
            group.name,
            str(runs),
            f"{len(found) / runs:.1%}",
            f"{asked:.0%}" if found else "-",
            ", ".join(f"{name} {count}" for name, count in codes.items()) or "-",
            str(wrong),
            f"{tre:.2f}" if found else "-",
            f"{covered:.1%}" if found else "-",
            f"{seconds:.2f}",
        )
        reached &= wrong == 0
        if group is GROUPS[0]:
            reached &= len(found) >= LEAST_RIGHT * runs
            reached &= tre <= MOST_TRE and seconds <= MOST_TIME
    console.print(table)
    reached &= published_sets(console)
    reached &= speed(console, neck(0).prepared, quick)
    return bool(reached)
