"""Reconstruction against the truth of simulated scans: surfaces, volumes, sigma, time of each step.

    make bench-reconstruction                       # 6 standard and 6 hard scans
    make bench-reconstruction ARGS="--standard 1 --hard 0"
    make bench-reconstruction ARGS="--variants"     # arteries of all variants
    make bench-reconstruction ARGS="--projections 2"  # scans of the second simulator
    make bench-reconstruction ARGS="--resampling"   # a scan and its copy with 1 mm voxels
    make bench-reconstruction ARGS="--large"        # 512 x 512 x 400 voxels: memory and time

Each scan is of a random neck with its own bone, kernel, noise and joints. Beside ours: a fixed
threshold of 300 HU with a watershed between the bones, whose seeds are the true bones' insides.
Dice at the scan's voxels, to compare with what is published of others.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from scipy import ndimage
from scipy.spatial import cKDTree

from nav.core.errors import InputError
from nav.core.frames import Array
from nav.model.surface import Surface
from nav.reconstruction.bone_labels import signed_distance
from nav.reconstruction.grey_surface import iso_surface, signed_volume
from nav.reconstruction.reading import ReadResult, SeriesInfo
from nav.reconstruction.reconstruction_pipeline import CAP_SIGMA, MARGIN, reconstruct
from nav.reconstruction.reconstruction_result import Reconstruction
from nav.reconstruction.reconstruction_text import sentence
from nav.reconstruction.sampling import cropped
from nav.reconstruction.volume import Volume
from phantoms.anatomy.draw import random_parameters
from phantoms.anatomy.standard_neck import standard_anatomy
from phantoms.anatomy.variants import preset, variant_names
from phantoms.twin.projection_scan import projection_scan
from phantoms.twin.scan import Scan, simulate_scan
from phantoms.twin.scan_draw import draw_scan

BONES = ("C1", "C2", "C3", "C4")
FIXED = 300.0  # HU
# Dice of TotalSegmentator's 104 classes at 1.5 mm, its repository's resources/results_all_classes
PUBLISHED = {"C1": 0.894, "C2": 0.984, "C3": 0.968, "C4": 0.890}
LARGE = (400, 512, 512)  # voxels
ENDS = 2.0  # mm from where the anatomy is only sketched, where nothing is compared


@dataclass
class Errors:
    """What was measured of one structure over all scans."""

    off: list[Array] = field(default_factory=list)
    missed: list[Array] = field(default_factory=list)
    inside: list[float] = field(default_factory=list)
    volume: list[float] = field(default_factory=list)
    dice: list[float] = field(default_factory=list)


def read(scan: Scan) -> ReadResult:
    """A simulated scan as if it had been read."""
    found = scan.volume
    model_from_voxel = np.diag([*found.spacing, 1.0])
    model_from_voxel[:3, 3] = found.origin
    volume = Volume(found.values, model_from_voxel)
    nz, ny, nx = volume.values.shape
    x, y, z = found.spacing
    return ReadResult(volume, (), "nifti", SeriesInfo("1", "CT", nz, (nx, ny), (x, y, z), nz * z))


def measure(found: Reconstruction, scan: Scan, errors: dict[str, Errors]) -> None:
    """Compare all surfaces with their truth."""
    truth = scan.truth
    low, high = truth.measured_mm
    to_anatomy = truth.scan_from_anatomy.inv()
    for surface in found.surfaces:
        name = surface.name
        if surface.name.startswith("branch "):
            name = nearest_artery(scan, surface.vertices)
        try:
            true = truth.structure(name)
        except KeyError:
            continue
        kept = surface.sigma < CAP_SIGMA
        known = np.ones(len(true.vertices), bool)
        if surface.role != "bone":
            height = to_anatomy.apply(surface.vertices)[:, 2]
            kept &= (height > low + ENDS) & (height < high - ENDS)
            height = to_anatomy.apply(true.vertices)[:, 2]
            known = (height > low + 2 * ENDS) & (height < high - 2 * ENDS)
        if not kept.any() or name in ("occiput", "skin"):
            continue
        group = "arteries" if surface.role == "artery" else name
        off = distances(true.vertices, true.triangles, surface.vertices[kept])
        own = errors[group]
        own.off.append(off)
        own.inside.append(float((np.abs(off) < 1.96 * surface.sigma[kept]).mean()))
        seen = known & inside(found.volume, true.vertices)
        own.missed.append(distances(surface.vertices, surface.triangles, true.vertices[seen]))
        if surface.role == "bone" and true.seen == "whole":
            ratio = signed_volume(surface.vertices, surface.triangles) / signed_volume(
                true.vertices, true.triangles
            )
            own.volume.append(100.0 * (ratio - 1.0))
            ours = (surface.vertices, surface.triangles)
            own.dice.append(dice(found.volume, ours, (true.vertices, true.triangles)))


def nearest_artery(scan: Scan, points: Array) -> str:
    """Name the true artery that most of the points lie nearest to: a branch has its own number."""
    arteries = [s for s in scan.truth.structures if s.role == "artery"]
    off = [np.median(np.abs(distances(s.vertices, s.triangles, points))) for s in arteries]
    return arteries[int(np.argmin(off))].name if arteries else ""


def fixed_threshold(found: Reconstruction, scan: Scan, errors: dict[str, Errors]) -> None:
    """Do the same with a fixed threshold and a watershed whose seeds are the true bones."""
    from skimage.segmentation import watershed

    truth = scan.truth
    names = [n for n in ("occiput", *BONES, "C5") if _there(scan, n)]
    corners = np.vstack([truth.structure(n).vertices for n in names if n in BONES])
    volume = cropped(found.volume, corners.min(axis=0) - MARGIN, corners.max(axis=0) + MARGIN)
    bone = np.asarray(volume.values, np.float32) > FIXED
    seeds = np.zeros(bone.shape, np.int32)
    for number, name in enumerate(names, start=1):
        true = truth.structure(name)
        window, distance = signed_distance(volume, true.vertices, true.triangles)
        seeds[window][distance < -1.0] = number
        bone[window] |= distance < -1.0
    labels = watershed(-ndimage.distance_transform_edt(bone), seeds, mask=bone)
    whole = (slice(0, bone.shape[0]), slice(0, bone.shape[1]), slice(0, bone.shape[2]))
    for name in BONES:
        number = names.index(name) + 1
        own = ndimage.binary_fill_holes(labels == number)
        grey = np.asarray(volume.values, np.float32).copy()
        grey[own & ndimage.binary_erosion(own)] = 2 * FIXED
        grey[~ndimage.binary_dilation(own)] = 0.0
        grey[(labels > 0) & (labels != number)] = 0.0
        mesh = iso_surface(grey, FIXED, volume, whole)
        true = truth.structure(name)
        errors[name].off.append(distances(true.vertices, true.triangles, mesh.vertices))


def _there(scan: Scan, name: str) -> bool:
    try:
        scan.truth.structure(name)
    except KeyError:
        return False
    return True


def distances(vertices: Array, triangles: NDArray[np.int32], points: Array) -> Array:
    """Signed distances (n,) of points to a closed surface, mm."""
    surface = Surface(vertices, triangles)
    asked = (points - surface._centre).astype(np.float32)
    return np.asarray(surface._scene.compute_signed_distance(asked).numpy(), float)


def inside(volume: Volume, points: Array) -> NDArray[np.bool_]:
    """Whether points (n, 3) lie within a volume."""
    index = volume.to_voxel(points)
    last = np.array(volume.values.shape[::-1]) - 1
    return np.asarray(((index > 1) & (index < last - 1)).all(axis=1))


def dice(volume: Volume, one: tuple[Array, NDArray], other: tuple[Array, NDArray]) -> float:
    """Dice of two closed surfaces on a volume's voxels."""
    masks = []
    for vertices, triangles in (one, other):
        mask = np.zeros(volume.values.shape, bool)
        window, distance = signed_distance(volume, vertices, triangles)
        mask[window] = distance < 0.0
        masks.append(mask)
    return float(2.0 * (masks[0] & masks[1]).sum() / (masks[0].sum() + masks[1].sum()))


def table(title: str, errors: dict[str, Errors], simple: dict[str, Errors]) -> Table:
    """What was measured, a row for each structure."""
    result = Table(title=title)
    for column in (
        "structure",
        "scans",
        "mean, mm",
        "p95",
        "largest",
        "missed p95",
        "volume, %",
        "within 1.96 sigma, %",
        "Dice (published)",
        "fixed threshold mean, p95",
    ):
        result.add_column(column, justify="right")
    for name, own in errors.items():
        off = np.abs(np.concatenate(own.off))
        missed = np.abs(np.concatenate(own.missed))
        volume = f"{min(own.volume):+.1f} to {max(own.volume):+.1f}" if own.volume else ""
        beside = ""
        if name in simple and simple[name].off:
            plain = np.abs(np.concatenate(simple[name].off))
            beside = f"{plain.mean():.3f}, {np.quantile(plain, 0.95):.3f}"
        alike = f"{np.mean(own.dice):.3f}" if own.dice else ""
        if name in PUBLISHED and alike:
            alike += f" ({PUBLISHED[name]:.3f})"
        result.add_row(
            name,
            str(len(own.off)),
            f"{off.mean():.3f}",
            f"{np.quantile(off, 0.95):.3f}",
            f"{off.max():.2f}",
            f"{np.quantile(missed, 0.95):.3f}",
            volume,
            f"{100 * np.mean(own.inside):.1f}",
            alike,
            beside,
        )
    return result


def scans(kind: str, seeds: range) -> Iterator[Scan]:
    """Simulated scans of random necks."""
    for seed in seeds:
        anatomy = standard_anatomy(random_parameters(seed), f"random {seed}")
        drawn = draw_scan(seed, kind == "hard")
        if kind == "projections":
            yield projection_scan(anatomy, drawn)
        else:
            yield simulate_scan(anatomy, drawn)


def run(kind: str, count: int, first: int, console: Console) -> None:
    """Reconstruct scans of a kind and print the tables."""
    errors: dict[str, Errors] = defaultdict(Errors)
    simple: dict[str, Errors] = defaultdict(Errors)
    steps: dict[str, list[float]] = defaultdict(list)
    with Progress(console=console) as progress:
        task = progress.add_task(kind, total=count)
        for number, scan in enumerate(scans(kind, range(first, first + count))):
            begun = time.perf_counter()
            try:
                found = reconstruct(read(scan))
            except InputError as error:
                console.print(f"{kind} {first + number}: refused: {error}")
                progress.advance(task)
                continue
            steps["whole"].append(time.perf_counter() - begun)
            for step, seconds in found.seconds.items():
                steps[step].append(seconds)
            for remark in found.remarks:
                console.print(f"{kind} {first + number}: {sentence(remark)}", highlight=False)
            measure(found, scan, errors)
            fixed_threshold(found, scan, simple)
            progress.advance(task)
    console.print(table(f"{kind}: {count} scans from seed {first}", errors, simple))
    console.print(
        "seconds, mean: " + ", ".join(f"{step} {np.mean(s):.1f}" for step, s in steps.items())
    )


def run_variants(console: Console) -> None:
    """Follow the arteries of all variants on standard scans."""
    result = Table("variant", "artery", "mean, mm", "p95", "missed p95", "largest missed")
    for number, name in enumerate(variant_names()):
        scan = simulate_scan(standard_anatomy(preset(name), name), draw_scan(number))
        found = reconstruct(read(scan))
        errors: dict[str, Errors] = defaultdict(Errors)
        for surface in [s for s in found.surfaces if s.role == "artery"]:
            own: dict[str, Errors] = defaultdict(Errors)
            one = Reconstruction(
                (surface,), found.volume, found.chain, (), found.read, found.seconds
            )
            measure(one, scan, own)
            errors[surface.name] = own["arteries"]
        for artery, own_errors in errors.items():
            if not own_errors.off:
                result.add_row(name, artery, "no such artery", "", "", "")
                continue
            off, missed = (np.abs(np.concatenate(e)) for e in (own_errors.off, own_errors.missed))
            result.add_row(
                name,
                artery,
                f"{off.mean():.3f}",
                f"{np.quantile(off, 0.95):.3f}",
                f"{np.quantile(missed, 0.95):.3f}",
                f"{missed.max():.2f}",
            )
    console.print(result)


def run_resampling(seed: int, console: Console) -> None:
    """Compare a scan's surfaces with those of its copy of 1 mm voxels, by both their sigmas."""
    scan = next(scans("standard", range(seed, seed + 1)))
    fine = read(scan)
    coarse = replace(fine, volume=resampled(fine.volume, 1.0))
    first, second = reconstruct(fine), reconstruct(coarse)
    result = Table("structure", "mean difference, mm", "p95", "within 1.96 joint sigma, %")
    others = {surface.name: surface for surface in second.surfaces}
    for surface in first.surfaces:
        other = others.get(surface.name)
        if other is None or surface.role == "skin":
            result.add_row(surface.name, "" if other else "not found", "", "")
            continue
        seen = (other.sigma < CAP_SIGMA) & inside(second.volume, other.vertices)
        points = other.vertices[seen]
        off = np.abs(distances(surface.vertices, surface.triangles, points))
        near = cKDTree(surface.vertices).query(points)[1]
        joint = np.hypot(other.sigma[seen], surface.sigma[near])
        within = 100 * float((off < 1.96 * joint).mean())
        result.add_row(
            surface.name, f"{off.mean():.3f}", f"{np.quantile(off, 0.95):.3f}", f"{within:.1f}"
        )
    console.print(result)


def resampled(volume: Volume, spacing: float) -> Volume:
    """Return a volume with voxels of another spacing, each the mean of what it spans."""
    values = np.asarray(volume.values, np.float32)
    shape = np.floor(np.array(values.shape) * volume.spacing[::-1] / spacing).astype(int)
    for axis, (count, step) in enumerate(zip(shape, volume.spacing[::-1], strict=True)):
        total = np.concatenate(
            [np.zeros_like(values.take([0], axis)), np.cumsum(values, axis, dtype=np.float64)], axis
        )
        edges = np.arange(count + 1) * spacing / step
        low = np.minimum(edges.astype(int), total.shape[axis] - 2)
        part = (edges - low).reshape([-1 if k == axis else 1 for k in range(3)])
        at_edges = total.take(low, axis) * (1 - part) + total.take(low + 1, axis) * part
        values = (np.diff(at_edges, axis=axis) * step / spacing).astype(np.float32)
    model_from_voxel = np.diag([spacing, spacing, spacing, 1.0])
    first = 0.5 * (spacing / volume.spacing - 1.0)  # in the old voxels
    model_from_voxel[:3, 3] = volume.to_model(first[None])[0]
    return Volume(np.rint(values).astype(np.int16), model_from_voxel)


def run_large(seed: int, console: Console) -> None:
    """Reconstruct 512 x 512 x 400 voxels round a standard scan: memory and processor time."""
    scan = next(scans("standard", range(seed, seed + 1)))
    values = np.asarray(scan.volume.values, np.int16)
    low = [(n - m) // 2 for n, m in zip(LARGE, values.shape, strict=True)]
    widths = [(a, n - m - a) for a, n, m in zip(low, LARGE, values.shape, strict=True)]
    large = read(scan)
    model_from_voxel = large.volume.model_from_voxel.copy()
    model_from_voxel[:3, 3] -= np.array(low[::-1]) * large.volume.spacing
    volume = Volume(np.pad(values, widths, mode="edge"), model_from_voxel)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    begun, processor = time.perf_counter(), time.process_time()
    found = reconstruct(replace(large, volume=volume))
    console.print(
        f"512 x 512 x 400 voxels: {time.perf_counter() - begun:.0f} s, "
        f"{time.process_time() - processor:.0f} s of processors, largest memory "
        f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GB "
        f"({before / 2**20:.2f} GB before, the simulation's included)"
    )
    console.print(", ".join(f"{step} {s:.1f}" for step, s in found.seconds.items()))


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--standard", type=int, default=6, help="standard scans")
    parser.add_argument("--hard", type=int, default=6, help="hard scans")
    parser.add_argument("--seed", type=int, default=100, help="first seed")
    parser.add_argument("--variants", action="store_true", help="arteries of all variants")
    parser.add_argument("--projections", type=int, default=0, help="scans by projections")
    parser.add_argument("--resampling", action="store_true", help="0.5 and 1 mm voxels agree?")
    parser.add_argument("--large", action="store_true", help="512 x 512 x 400 voxels")
    options = parser.parse_args()
    console = Console(width=160)
    if options.resampling:
        run_resampling(options.seed, console)
    if options.large:
        run_large(options.seed, console)
    if options.projections:
        run("projections", options.projections, options.seed, console)
    if options.resampling or options.large or options.projections:
        return
    if options.variants:
        run_variants(console)
        return
    for kind, count in (("standard", options.standard), ("hard", options.hard)):
        if count:
            run(kind, count, options.seed, console)


if __name__ == "__main__":
    main()
