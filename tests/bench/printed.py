"""Printed phantoms from their simulated CT against the truth: surfaces, sigma, divots, pose, scale.

    make bench-printed                              # one standard scan
    make bench-printed ARGS="--scans 3 --seed 20 --hard"

Each scan is of the standard kit, printed with errors of its own, in a random attitude: the kit is
found unaided. Beside ours: the kit's surfaces, placed as one by the reconstruction's own pose.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table
from scipy.spatial.transform import RigidTransform, Rotation

from nav.core.errors import InputError
from nav.core.frames import Array
from nav.progress_bar import progress_bar
from nav.reconstruction.printed.fine_pose import FoundPart
from nav.reconstruction.printed.kit import read_kit
from nav.reconstruction.printed.kit_location import surface_in_air
from nav.reconstruction.printed.reconstruct import PrintedReconstruction, reconstruct_kit
from nav.reconstruction.reading import read_volume
from nav.reconstruction.reconstruction_text import sentence
from phantoms.recipe import named_recipe
from phantoms.twin.ct_write import write_volume
from phantoms.twin.kit_print import PartMap, PrintErrors
from phantoms.twin.kit_scan import (
    KitScan,
    KitScanParameters,
    TrueSurface,
    draw_kit_scan,
    simulate_kit_scan,
)
from tests.bench.reconstruction import distances
from tests.reconstruction.kits import written_kit

WITHIN = 1.96  # sigma: 95 % of errors, if it is right and they are normal
TARGET_MM = 0.30  # of a structure's mean error


@dataclass(frozen=True)
class SurfaceRow:
    """A structure's errors, mm: mean, p95, bias; of the kit's surface as placed; of sigma."""

    name: str
    seen: float
    mean: float
    p95: float
    bias: float
    placed: float
    sigma: float
    within: float


@dataclass(frozen=True)
class PartRow:
    """A printed part: errors of its surface in the pose and scale found, mm, and as placed.

    shift, turn : of the pose found from the true one, mm, degrees. scale_off, scale_sd : percent,
    along the bed's axes. The true pose and scale leave out warp, foot and layers.
    """

    name: str
    seen: float
    mean: float
    p95: float
    placed: float
    shift: float
    turn: float
    scale_off: Array
    scale_sd: Array


@dataclass(frozen=True)
class Outcome:
    """What came of a scan. located_mm, located_deg : of the search's pose from the true one."""

    surfaces: tuple[SurfaceRow, ...]
    parts: tuple[PartRow, ...]
    divots: Array
    divot_sigma: Array
    divots_made: int
    located_mm: float
    located_deg: float
    supported: float
    rival: float
    seconds: dict[str, float]
    peak_gb: float
    remarks: tuple[str, ...]


def drawn_scan(kit_path: Path, seed: int, hard: bool) -> KitScanParameters:
    """Draw a scan, in any attitude whatever."""
    turn = Rotation.random(random_state=np.random.default_rng([seed, 97]))
    turned = np.degrees(turn.as_rotvec())
    return replace(draw_kit_scan(read_kit(kit_path), seed, hard), turned_deg=tuple(turned.tolist()))


def simulate(kit_path: Path, drawn: KitScanParameters, file: Path) -> KitScan:
    """Simulate a scan, write it, and return its truth without the volume's values."""
    scan = simulate_kit_scan(read_kit(kit_path), drawn)
    volume = scan.volume
    write_volume(file, volume.values, volume.origin, volume.spacing)
    return replace(scan, volume=replace(volume, values=volume.values[:1, :1, :1].copy()))


def outcome(kit_path: Path, file: Path, truth: KitScan) -> Outcome:
    """Reconstruct a scan from its file, and compare; run in a process of its own."""
    seconds: dict[str, float] = {}
    begun = last = time.perf_counter()
    step = "reading"

    def tell(now: str, share: float) -> None:
        nonlocal step, last
        if now != step:
            at = time.perf_counter()
            seconds[step], step, last = at - last, now, at

    kit = read_kit(kit_path)
    found = reconstruct_kit(read_volume(file), kit, tell)
    end = time.perf_counter()
    seconds[step], seconds["whole"] = end - last, end - begun
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    off = found.located.scan_from_model * truth.scan_from_model.inv()
    middle = truth.scan_from_model.apply(surface_in_air(kit)[0].mean(axis=0))
    scan_from_model = found.model_from_scan.inv()
    errors = [scan_from_model.apply(d.position) - truth.divots[d.label] for d in found.divots]
    return Outcome(
        surface_rows(found, truth),
        part_rows(found, truth),
        np.linalg.norm(errors, axis=1),
        np.array([d.sigma for d in found.divots]),
        len(kit.divots),
        float(np.linalg.norm(off.apply(middle) - middle)),
        float(np.degrees(off.rotation.magnitude())),
        found.located.supported,
        found.located.rival,
        seconds,
        peak / (2**30 if sys.platform == "darwin" else 2**20),
        tuple(sentence(remark) for remark in found.remarks),
    )


def surface_rows(found: PrintedReconstruction, truth: KitScan) -> tuple[SurfaceRow, ...]:
    """Compare all vertices of the structures with the true surfaces."""
    true = {s.name: s for s in truth.structures}
    scan_from_model = found.model_from_scan.inv()
    rows = []
    for s in found.structures:
        name = s.structure.name
        off = _away(true[name], s.vertices)
        placed = _away(true[name], scan_from_model.apply(s.structure.surface.vertices))
        rows.append(
            SurfaceRow(
                name,
                s.seen,
                float(np.abs(off).mean()),
                float(np.quantile(np.abs(off), 0.95)),
                float(off.mean()),
                float(np.abs(placed).mean()),
                float(np.median(s.sigma)),
                float((np.abs(off) < WITHIN * s.sigma).mean()),
            )
        )
    return tuple(rows)


def part_rows(found: PrintedReconstruction, truth: KitScan) -> tuple[PartRow, ...]:
    """Compare the parts' poses and scales with the true ones."""
    true = {s.name: s for s in truth.parts}
    printed = dict(truth.parameters.errors)
    rows = []
    for part in found.parts:
        name = part.part.name
        surface = true[name]
        carried = _carried(part, surface.designed)
        row = next(r for r in found.rows if r.name == name)
        scale = np.array([row.scale_x, row.scale_y, row.scale_z])
        exact = _without_details(part, printed[name], truth.scan_from_model, surface.designed)
        centre = carried.mean(axis=0)
        turn, _ = Rotation.align_vectors(exact - exact.mean(axis=0), carried - centre)
        off = _away(surface, carried)
        placed = _away(surface, found.model_from_scan.inv().apply(surface.designed))
        rows.append(
            PartRow(
                name,
                float(part.edges.seen.mean()),
                float(np.abs(off).mean()),
                float(np.quantile(np.abs(off), 0.95)),
                float(np.abs(placed).mean()),
                float(np.linalg.norm(exact.mean(axis=0) - centre)),
                float(np.degrees(turn.magnitude())),
                scale - 100.0 * np.array(printed[name].scale),
                np.array([row.scale_sd_x, row.scale_sd_y, row.scale_sd_z]),
            )
        )
    return tuple(rows)


def _away(surface: TrueSurface, points: Array) -> Array:
    return distances(surface.vertices, surface.triangles, points)


def _carried(part: FoundPart, designed: Array) -> Array:
    """Return a part's designed points where its pose and scale have them, scan frame."""
    points = part.scan_from_model.apply(designed)
    fit = part.fit
    assert fit is not None  # find_parts keeps no others
    axes = (
        part.scan_from_model.rotation.as_matrix() @ part.part.model_from_part.rotation.as_matrix()
    )
    along = (points - fit.centre) @ axes * (1.0 + fit.scale)
    return np.asarray(fit.motion.apply(fit.centre + along @ axes.T))


def _without_details(
    part: FoundPart, errors: PrintErrors, scan_from_model: RigidTransform, designed: Array
) -> Array:
    """Return a part's designed points as printed, with its scale and place only, scan frame."""
    plain = replace(errors, warp_mm=0.0)
    return np.asarray(scan_from_model.apply(PartMap(part.part, plain, {}, 0).points(designed)))


def show(console: Console, title: str, drawn: KitScanParameters, found: Outcome) -> None:
    """Print the tables of a scan."""
    m, voxel = drawn.materials, ", ".join(f"{s:.2f}" for s in drawn.spacing_mm)
    turned = float(np.linalg.norm(drawn.turned_deg))
    console.print(
        f"{title}: plastic {m.plastic:.0f} HU, gel {m.gel:.0f} HU, wall {m.wall_mm:.2f} mm, "
        f"infill {100 * m.infill:.0f} %, voxels {voxel} mm, noise "
        f"{drawn.artefacts.noise_hu:.0f} HU, turned by {turned:.0f}°, {drawn.bubbles} bubbles"
    )
    surfaces = Table("structure", "seen, %", "mean, mm", "p95", "bias", "only placed, mean")
    surfaces.add_column("sigma")
    surfaces.add_column("within 1.96 sigma, %")
    for s in found.surfaces:
        mark = "" if s.mean <= TARGET_MM else f" (over {TARGET_MM:.2f})"
        surfaces.add_row(
            s.name, f"{100 * s.seen:.0f}", f"{s.mean:.3f}{mark}", f"{s.p95:.3f}", f"{s.bias:+.3f}",
            f"{s.placed:.3f}", f"{s.sigma:.3f}", f"{100 * s.within:.1f}",
        )  # fmt: skip
    console.print(surfaces)
    parts = Table("part", "seen, %", "mean, mm", "p95", "only placed, mean", "pose off, mm", "deg")
    parts.add_column("scale off by axis (sd), %")
    for p in found.parts:
        pairs = zip(p.scale_off, p.scale_sd, strict=True)
        scale = ", ".join(f"{off:+.2f} ({sd:.2f})" for off, sd in pairs)
        parts.add_row(
            p.name, f"{100 * p.seen:.0f}", f"{p.mean:.3f}", f"{p.p95:.3f}", f"{p.placed:.3f}",
            f"{p.shift:.3f}", f"{p.turn:.2f}", scale,
        )  # fmt: skip
    console.print(parts)
    rms = float(np.sqrt((found.divots**2).mean()))
    console.print(
        f"divots: {len(found.divots)} of {found.divots_made}, rms {rms:.3f} mm, largest "
        f"{found.divots.max():.3f} mm; expected from their sigma "
        f"{float(np.sqrt(3.0 * (found.divot_sigma**2).mean())):.3f} mm"
    )
    console.print(
        f"located within {found.located_mm:.1f} mm and {found.located_deg:.1f}°: "
        f"{100 * found.supported:.0f} % of the surface, next best {100 * found.rival:.0f} %"
    )
    times = ", ".join(f"{name} {s:.0f}" for name, s in found.seconds.items())
    console.print(f"seconds: {times}; peak {found.peak_gb:.1f} GB", highlight=False)
    for remark in found.remarks:
        console.print(f"warning: {remark}", highlight=False)


def run(kit_path: Path, seeds: range, hard: bool, voxel: float | None, console: Console) -> int:
    """Simulate and reconstruct scans, and print what came of them.

    Returns
    -------
    int
        Scans that were refused.
    """
    context, refused = multiprocessing.get_context("spawn"), 0
    with tempfile.TemporaryDirectory() as temporary, progress_bar(console) as bar:
        task = bar.add_task("scans", total=2 * len(seeds), note="")
        for seed in seeds:
            title = f"{'hard' if hard else 'standard'} {seed}"
            drawn = drawn_scan(kit_path, seed, hard)
            if voxel is not None:
                drawn = replace(drawn, spacing_mm=(voxel, voxel, voxel))
            file = Path(temporary) / "scan.nii.gz"
            bar.update(task, note=f"{title}: simulation")
            truth = simulate(kit_path, drawn, file)
            bar.update(task, advance=1, note=f"{title}: reconstruction")
            with ProcessPoolExecutor(1, mp_context=context) as child:  # for its own peak memory
                try:
                    found = child.submit(outcome, kit_path, file, truth).result()
                except InputError as error:
                    refused += 1
                    console.print(f"{title}: refused: {error}", highlight=False)
                else:
                    show(console, title, drawn, found)
            bar.update(task, advance=1)
    return refused


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--scans", type=int, default=1)
    parser.add_argument("--seed", type=int, default=20, help="the first scan's")
    parser.add_argument("--hard", action="store_true", help="worse printers, bones off, any voxel")
    parser.add_argument("--voxel", type=float, help="mm; as drawn without it")
    parser.add_argument("--kit", type=Path, help="a kit's folder; the standard one is made else")
    options = parser.parse_args()
    console = Console(width=140)
    made = nullcontext(options.kit) if options.kit else tempfile.TemporaryDirectory()
    with made as folder:
        if not options.kit:
            written_kit(Path(folder), named_recipe("standard"))
        seeds = range(options.seed, options.seed + options.scans)
        if run(Path(folder), seeds, options.hard, options.voxel, console):
            raise SystemExit(1)


if __name__ == "__main__":
    main()
