"""Find the sizes of sigma's terms in nav/reconstruction/surface_sigma.py from simulated scans.

Each folder holds a simulated scan (scan.nii.gz, scan.mha or dicom/) and its true surfaces
(meshes/C1.ply and so on). The bones are found as `nav reconstruct` does, and each refined vertex's
distance to the truth is compared with the terms of its sigma. The sizes are those under which a t
distribution of four degrees of freedom describes all errors best, every structure weighted equally;
then all are scaled so that half of the structures have 95 % of their errors within 1.96 sigma.
Scans named after --check do not calibrate: only their coverage is reported.

    python scripts/sigma_calibration.py FOLDER... [--check FOLDER...]
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyvista as pv
from rich.console import Console
from rich.table import Table
from scipy.optimize import brentq, minimize

from nav.core.errors import InputError
from nav.reconstruction.artery_tubes import find_arteries, lumen_mask
from nav.reconstruction.bone_labels import bone_distances, grey_levels, label_bones, nearest_of
from nav.reconstruction.grey_surface import bone_surface
from nav.reconstruction.neck_location import locate_neck
from nav.reconstruction.prior import BONES, load_prior
from nav.reconstruction.reading import read_volume
from nav.reconstruction.reconstruction_steps import (
    LUMEN_MARGIN,
    MARGIN,
    point_spread,
)
from nav.reconstruction.sampling import cropped
from nav.reconstruction.surface_refinement import fit_surfaces
from nav.reconstruction.surface_safety import moved
from nav.reconstruction.surface_sigma import CALIBRATED, sigma_terms
from nav.reconstruction.volume import Array

JUDGED = ("C1", "C2", "C3", "C4")
SCANS = ("scan.nii.gz", "scan.mha", "scan.nii", "dicom")
FREEDOM = 4.0  # of the t distribution: some errors are of labels, not of the fit
WITHIN, SHARE = 1.96, 0.95


@dataclass(frozen=True)
class Judged:
    """One structure of one scan.

    Attributes
    ----------
    name : str
        Of scan and structure.
    errors : ndarray, shape (n,)
        Signed distances of the refined vertices to the true surface, mm.
    terms : ndarray, shape (n, 8)
        Of sigma, mm.
    """

    name: str
    errors: Array
    terms: Array

    def coverage(self, sizes: Array) -> float:
        """Return the share of errors within 1.96 sigma for given sizes (8,) of the terms."""
        sigma = np.sqrt(((sizes * self.terms) ** 2).sum(axis=1))
        return float(np.mean(np.abs(self.errors) < WITHIN * sigma))


def judge(folder: Path) -> list[Judged]:
    """Compute errors and terms of a scan's refined bones.

    Parameters
    ----------
    folder : Path
        Of the scan and its true meshes.

    Returns
    -------
    list of Judged
        The bones of JUDGED that were refined.

    Raises
    ------
    InputError
        The scan cannot be reconstructed.
    """
    source = next(folder / name for name in SCANS if (folder / name).exists())
    volume, prior = read_volume(source).volume, load_prior()
    neck = locate_neck(volume, prior)
    names = [name for name in BONES if neck.has(name)]
    corners = np.vstack([neck.chain.vertices(prior, name) for name in names])
    near = cropped(volume, corners.min(axis=0) - MARGIN, corners.max(axis=0) + MARGIN)
    distances = bone_distances(near, prior, neck.chain)
    distance = nearest_of(near, distances)
    soft = grey_levels(near, distance).soft
    arteries = find_arteries(near, prior, neck.chain, distance, soft, point_spread(near))
    excluded = lumen_mask(near, arteries, LUMEN_MARGIN)
    labels = label_bones(near, distances, names, excluded)
    meshes = {name: bone_surface(near, labels, name) for name in names}
    rough = {name: mesh for name, mesh in meshes.items() if mesh is not None}
    fits = fit_surfaces(near, rough, labels.levels, list(rough))
    voxel = float(near.spacing.mean())
    found = []
    for name in JUDGED:
        if name not in fits.probes:
            continue
        probe, fit = fits.probes[name], fits.fits[name]
        truth = folder / "meshes" / f"{name}.ply"
        errors = distances_to(truth, moved(probe, fits.offsets[name]))
        terms = sigma_terms(probe, fit, fits.scan, voxel)
        found.append(Judged(f"{folder.name} {name}", errors, terms))
    return found


def distances_to(truth: Path, points: Array) -> Array:
    """Return signed distances to a true surface.

    Parameters
    ----------
    truth : Path
        Mesh of the surface, mm.
    points : ndarray, shape (n, 3)
        In the mesh's frame, mm.

    Returns
    -------
    ndarray, shape (n,)
        mm, outside positive.
    """
    import open3d as o3d

    mesh = pv.read(truth)
    scene = o3d.t.geometry.RaycastingScene()
    scene.add_triangles(
        o3d.core.Tensor(np.asarray(mesh.points, np.float32)),
        o3d.core.Tensor(np.asarray(mesh.faces).reshape(-1, 4)[:, 1:].astype(np.uint32)),
    )
    found = scene.compute_signed_distance(o3d.core.Tensor(points.astype(np.float32)))
    return np.asarray(found.numpy(), float)


def calibrate(structures: list[Judged]) -> Array:
    """Fit the sizes of sigma's terms.

    Parameters
    ----------
    structures : list of Judged
        All those that calibrate.

    Returns
    -------
    ndarray, shape (8,)
        Factors of the terms.
    """
    terms = np.vstack([s.terms for s in structures])
    errors = np.concatenate([s.errors for s in structures])
    weight = np.concatenate([np.full(len(s.errors), 1.0 / len(s.errors)) for s in structures])
    weight /= weight.sum()

    def cost(log: Array) -> float:
        sigma = np.sqrt(((np.exp(log) * terms) ** 2).sum(axis=1))
        tail = 0.5 * (FREEDOM + 1.0) * np.log1p((errors / sigma) ** 2 / FREEDOM)
        return float((weight * (np.log(sigma) + tail)).sum() + 1e-5 * (log**2).sum())

    best = np.exp(minimize(cost, np.log(CALIBRATED), method="BFGS").x)

    def excess(log: float) -> float:
        return float(np.median([s.coverage(best * np.exp(log)) for s in structures])) - SHARE

    return np.asarray(best * np.exp(brentq(excess, -3.0, 3.0, xtol=1e-3)))


def main() -> None:
    """Calibrate and report the coverage of each structure."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--check", type=Path, nargs="*", default=[])
    options = parser.parse_args()
    console = Console()

    def judged(folders: list[Path]) -> list[Judged]:
        found = []
        for folder in folders:
            try:
                found += judge(folder)
                console.print(f"{folder.name}: judged")
            except InputError as error:
                console.print(f"{folder.name}: left out: {error}")
        return found

    used = judged(options.folders)
    sizes = calibrate(used)
    console.print("CALIBRATED =", tuple(float(f"{size:.2g}") for size in sizes))
    table = Table("structure", "calibrates", "mean |d|, mm", "p95, mm", "within 1.96 sigma")
    rows = [(s, "yes") for s in used]
    rows += [(s, "no") for s in judged(options.check)]
    for s, how in rows:
        size = np.abs(s.errors)
        figures = f"{size.mean():.3f}", f"{np.quantile(size, 0.95):.3f}"
        table.add_row(s.name, how, *figures, f"{100 * s.coverage(sizes):.1f} %")
    console.print(table)


if __name__ == "__main__":
    main()
