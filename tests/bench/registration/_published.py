"""The course sets PA3 and PA4 with published answers, and speed beside other implementations."""

import json
import time
from pathlib import Path

import numpy as np
import open3d as o3d
from rich.console import Console
from rich.table import Table
from scipy.spatial.transform import RigidTransform, Rotation

from nav.core.compiled import njit
from nav.core.frames import Array
from nav.model.distance_grid import squared_distance
from nav.model.surface import Surface
from nav.registration.points import closed_form
from nav.registration.prepared_surface import PreparedSurface, prepare_surface
from nav.registration.surface_pose import fit_candidates, linearised, touched_surface
from nav.registration.surface_search import PoseFound
from tests.reference_data import find_reference_data

ROUNDING = 0.02  # mm: largest error that rounding to 0.01 mm in all files can make
MOST_TRE = 0.01  # mm over the mesh: of the pose, by the same
SAMPLES = 16
LEAST_FASTER = 10.0  # times brute force


def _numbers(path: Path) -> Array:
    rows = [line.replace(",", " ").split() for line in path.read_text().splitlines()[1:]]
    return np.array([[float(v) for v in row] for row in rows if row])


def _mesh(path: Path) -> Surface:
    lines = path.read_text().split("\n")
    count = int(lines[0].split()[0])
    vertices = np.array(
        [[float(v) for v in line.replace(",", " ").split()] for line in lines[1 : count + 1]]
    )
    rows = [line.replace(",", " ").split() for line in lines[count + 2 :] if line.strip()]
    return Surface(vertices, np.array([[int(v) for v in row[:3]] for row in rows], np.int32))


def _tips(folder: Path, number: int, name: str) -> Array:
    """Return the pointer's tip in the bone's tracker frame, of each sample."""
    a, b = (_numbers(folder / f"Problem{number}-Body{body}.txt") for body in "AB")
    readings = _numbers(folder / f"PA{number}-{name}-Debug-SampleReadingsTest.txt")
    tips = []
    for frame in readings.reshape(-1, SAMPLES, 3):
        pose_a, pose_b = closed_form(frame[:6], a[:6]), closed_form(frame[6:12], b[:6])
        tips.append((pose_b.inv() * pose_a).apply(a[6]))
    return np.array(tips)


def published_sets(console: Console) -> bool:
    """Compare with the published answers; True where they are not at hand."""
    folder = find_reference_data("cis")
    if folder is None:
        console.print("the course sets are not at hand: set C1C2NAV_REFERENCE_DATA")
        return True
    truths = json.loads((folder / "PA34-truth.json").read_text())
    table = Table("set", "samples", "points off, rms", "max", "distances off, max", "pose, TRE rms")
    reached = True
    for number in (3, 4):
        surface = prepare_surface([_mesh(folder / f"Problem{number}MeshFile.sur")])
        for name in "ABC":
            tips = _tips(folder, number, name)
            answer = _numbers(folder / f"PA{number}-{name}-Debug-Answer.txt")
            touched = touched_surface(tips, None, 0.01**2)
            pose, tre = RigidTransform.identity(), None
            if number == 4:
                pose = fit_candidates(surface, touched, [PoseFound(pose, 0.0)])[0].pose.transform
                given = truths[f"PA4-{name}"]
                truth = RigidTransform.from_components(given["t"], Rotation.from_matrix(given["R"]))
                vertices = surface.surfaces[0].vertices
                moved = pose.apply(truth.inv().apply(vertices)) - vertices
                tre = float(np.sqrt((moved**2).sum(axis=1).mean()))
            distances, rows, _ = linearised(surface, touched, pose)
            at = pose.apply(tips)
            nearest = at - distances[:, None] * rows[:, :3]
            off = np.linalg.norm(nearest - answer[:, 3:6], axis=1)
            by = np.abs(np.abs(distances) - answer[:, 6]).max()
            table.add_row(
                f"PA{number} {name}",
                str(len(tips)),
                f"{np.sqrt(np.mean(off**2)):.4f}",
                f"{off.max():.4f}",
                f"{by:.4f}",
                "-" if tre is None else f"{tre:.4f}",
            )
            reached &= bool(off.max() <= ROUNDING and by <= ROUNDING)
            reached &= tre is None or tre <= MOST_TRE
    table.title = "Course sets with published answers, mm"
    console.print(table)
    return bool(reached)


@njit(cache=True)
def _brute(corners: Array, points: Array) -> Array:  # pragma: no cover - compiled
    """Return distances to the nearest triangle of all, by trying each."""
    found = np.empty(len(points))
    for n in range(len(points)):
        best = np.inf
        for m in range(len(corners)):
            best = min(best, squared_distance(points[n, 0], points[n, 1], points[n, 2], corners[m]))
        found[n] = np.sqrt(best)
    return found


def speed(console: Console, surface: PreparedSurface, quick: bool) -> bool:
    """Compare a fit from a near start with Open3D's ICP, and distances with brute force."""
    rng = np.random.default_rng(0)
    facets = surface.facets
    count = 60
    chosen = facets.corners[rng.choice(len(facets.corners), count)]
    points = np.einsum("nk,nki->ni", rng.dirichlet([1.0, 1.0, 1.0], count), chosen)
    points += rng.normal(0.0, 0.3, points.shape)
    start = RigidTransform.from_components(
        [1.0, -1.0, 1.0], Rotation.from_rotvec([0.03, 0.02, -0.03])
    )
    touched = touched_surface(points, None, 0.3**2)
    repeats = 5 if quick else 30

    def ours() -> RigidTransform:
        return fit_candidates(surface, touched, [PoseFound(start, 0.0)])[0].pose.transform

    cloud = o3d.geometry.PointCloud(o3d.utility.Vector3dVector(facets.corners.mean(axis=1)))
    cloud.normals = o3d.utility.Vector3dVector(facets.normals)
    source = o3d.geometry.PointCloud(o3d.utility.Vector3dVector(points))
    plane = o3d.pipelines.registration.TransformationEstimationPointToPlane()
    criteria = o3d.pipelines.registration.ICPConvergenceCriteria(1e-7, 1e-7, 100)

    def theirs() -> RigidTransform:
        found = o3d.pipelines.registration.registration_icp(
            source, cloud, 5.0, start.as_matrix(), plane, criteria
        )
        return RigidTransform.from_matrix(np.array(found.transformation))

    def timed(fit) -> tuple[float, float]:
        fit()
        begin = time.process_time()
        for _ in range(repeats):
            pose = fit()
        seconds = (time.process_time() - begin) / repeats
        moved = pose.apply(surface.places) - surface.places
        return seconds, float(np.sqrt((moved**2).sum(axis=1).mean()))

    (our_time, our_error), (their_time, their_error) = timed(ours), timed(theirs)
    linearised(surface, touched, start)
    begin = time.process_time()
    for _ in range(100):
        distances, _, _ = linearised(surface, touched, start)
    by_field = (time.process_time() - begin) / 100
    moved = start.apply(points)
    _brute(facets.corners, moved[:1])
    begin = time.process_time()
    exact = _brute(facets.corners, moved)
    by_force = time.process_time() - begin
    table = Table("what", "ours", "other", "ratio")
    table.title = f"CPU time, {count} points, {len(facets.corners)} triangles"
    table.add_row(
        "fit from 2 mm off, ms; other: Open3D ICP to planes",
        f"{our_time * 1e3:.2f}",
        f"{their_time * 1e3:.2f}",
        f"{their_time / our_time:.1f}",
    )
    table.add_row("its TRE over the bones, mm", f"{our_error:.3f}", f"{their_error:.3f}", "")
    table.add_row(
        "distances, ms; other: compiled brute force",
        f"{by_field * 1e3:.3f}",
        f"{by_force * 1e3:.3f}",
        f"{by_force / by_field:.0f}",
    )
    console.print(table)
    close = np.abs(np.abs(distances) - exact).max() < 0.1
    return bool(
        close
        and by_force >= LEAST_FASTER * by_field
        and our_time <= their_time
        and our_error <= their_error + 1e-3
    )
