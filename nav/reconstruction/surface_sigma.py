"""Standard deviation of a refined surface, vertex by vertex.

The error that the fit of a profile estimates for itself grows where cortex is thin and gaps are
narrow, but leaves out what all profiles share: voxels, the assumed blur of the scanner, bone that
varies from place to place. So it is combined with terms for these, whose sizes are calibrated with
`scripts/sigma_calibration.py` on simulated scans with ground truth, so that a t distribution of
these scales describes the errors best, and then scaled jointly so that 95 % of a structure's errors
are within 1.96 sigma.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nav.reconstruction.mesh_fields import adjacency
from nav.reconstruction.scan_model import ScanModel
from nav.reconstruction.surface_fit import SurfaceFit
from nav.reconstruction.surface_probe import OWN, Probe
from nav.reconstruction.volume import Array

# Calibrated, see above: of each term (n,) of `sigma_terms`
CALIBRATED = (0.52, 0.16, 0.061, 1.1, 0.19, 0.54, 0.31, 0.21)
MOST_FIT = 0.6  # mm, of the fit's own sd: beyond it, its neighbours are more informative
LEAST_SHELL, MOST_SHELL = 1.0, 3.0  # mm, of a shell whose inside was taken for its outside
UNSEEN_GAP = 2.0  # posterior sd, least for a gap to be distinguished from none
TOUCHING = 0.15  # mm: nearer surfaces were separated by their labels alone
UNRESOLVED_REACH = 2.0  # mm, of gaps that are examined
JOINED = 0.5  # mm between bones that may have grown together
UNRESOLVED_SD = 1.0  # mm, where only the labels determine the border; calibrated like the others


def vertex_sigma(probe: Probe, fit: SurfaceFit, scan: ScanModel, voxel: float) -> Array:
    """Return the standard deviation of each refined vertex along its normal.

    Parameters
    ----------
    probe : Probe
        The surface and its profiles.
    fit : SurfaceFit
        Of the profiles.
    scan : ScanModel
        How the scan shows bone.
    voxel : float
        Mean step of the scan's grid, mm.

    Returns
    -------
    ndarray, shape (n,)
        mm.
    """
    terms = sigma_terms(probe, fit, scan, voxel)
    return np.sqrt(((np.array(CALIBRATED) * terms) ** 2).sum(axis=1))


def sigma_terms(probe: Probe, fit: SurfaceFit, scan: ScanModel, voxel: float) -> Array:
    """Return the terms of a vertex's error before calibration.

    Parameters
    ----------
    probe : Probe
        The surface and its profiles.
    fit : SurfaceFit
        Of the profiles.
    scan : ScanModel
        How the scan shows bone.
    voxel : float
        Mean step of the scan's grid, mm.

    Returns
    -------
    ndarray, shape (n, 8)
        mm. In order: the fit's sd; blur times voxel, mm^2, as second-order errors scale; a near
        surface within the blur; noise over contrast; blur across slices; marrow that the surface
        runs through; borders that only labels determined; bone that may have joined another, where
        the border is not seen.
    """
    blur = scan.blur(probe.across)
    gap = np.maximum(np.fmin(probe.gap, fit.gap), 0.0)  # inf where there is none
    contrast = max(scan.cortex - scan.soft, 1.0)
    lost = _spread(astray(probe, fit, scan), probe)
    facing = (probe.neighbour == OWN) & np.isfinite(probe.gap)
    shell = np.where(facing, np.clip(probe.thickness, LEAST_SHELL, MOST_SHELL), LEAST_SHELL)
    border = _spread(unresolved(probe, fit), probe)
    return np.stack(
        [
            np.minimum(fit.sd, MOST_FIT),
            blur * voxel,
            blur * np.exp(-gap / (2.0 * blur)),
            blur * scan.noise / contrast,
            blur * probe.across**2,
            lost * shell,
            border * UNRESOLVED_SD,
            np.exp(-probe.nearest / JOINED),
        ],
        axis=1,
    )


def astray(probe: Probe, fit: SurfaceFit, scan: ScanModel) -> NDArray[np.bool_]:
    """Return where a surface runs through marrow, as where a shell of bone was left hollow.

    There the outside is as bright as marrow, and the surface faces itself, or no cortex shows.

    Parameters
    ----------
    probe : Probe
        The surface and its profiles.
    fit : SurfaceFit
        Of the profiles.
    scan : ScanModel
        How the scan shows bone.

    Returns
    -------
    ndarray of bool, shape (n,)
        True where it does.
    """
    bright = fit.outside > 0.5 * (scan.marrow + scan.soft)
    facing = (probe.neighbour == OWN) & np.isfinite(probe.gap)
    bare = fit.thickness < scan.blur(probe.across)
    return bright & (facing | bare)


def unresolved(probe: Probe, fit: SurfaceFit) -> NDArray[np.bool_]:
    """Return where another surface is so near that the scan does not show the gap.

    Parameters
    ----------
    probe : Probe
        The surface and its profiles.
    fit : SurfaceFit
        Of the profiles.

    Returns
    -------
    ndarray of bool, shape (n,)
        True where it is.
    """
    judged = np.isfinite(fit.gap) & (probe.gap < UNRESOLVED_REACH) & (probe.neighbour != OWN)
    unseen = np.nan_to_num(fit.gap) < UNSEEN_GAP * np.nan_to_num(fit.gap_sd)
    return judged & (unseen | (probe.gap < TOUCHING))


def _spread(found: NDArray[np.bool_], probe: Probe) -> NDArray[np.bool_]:
    """Return what was found and the vertices next to it: offsets are smoothed across."""
    graph = adjacency(len(found), probe.triangles)
    return found | (graph @ found.astype(float) > 0.0)
