"""Comparison of two runs of the steps: surfaces, their sigma, what they were made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

from nav.reconstruction.case_files import PICTURE, chain_table, learnt_table
from nav.reconstruction.guidance import ReconstructionGuidance
from nav.reconstruction.reconstruction_pictures import draw_overview
from nav.reconstruction.reconstruction_result import ReconstructedSurface, Reconstruction
from nav.reconstruction.reconstruction_text import sentence
from nav.reconstruction.sculpt import distances_to

MOVED = 0.02  # mm: a smaller move counts as none
SIGMA_CHANGED = 0.01  # mm: a smaller change of sigma counts as none


@dataclass(frozen=True)
class Moved:
    """How far a surface has moved.

    Parameters
    ----------
    mean, largest : float
        Distance of old and new vertices to the other surface, mm.
    volume : float
        Change of the enclosed volume, mm^3.
    is_new : bool
        Whether there was none before.
    sigma : float
        Largest change of its sigma, mm.
    source : str
        What it is made from now; empty where that has not changed.
    """

    mean: float
    largest: float
    volume: float
    is_new: bool = False
    sigma: float = 0.0
    source: str = ""

    @property
    def shape_kept(self) -> bool:
        """Return whether the surface lies where it did."""
        return not self.is_new and self.largest <= MOVED

    @property
    def is_nothing(self) -> bool:
        """Return whether surface, sigma and source are as before."""
        return self.shape_kept and self.sigma <= SIGMA_CHANGED and not self.source


@dataclass(frozen=True, eq=False)
class Correction:
    """Changes of a reconstruction by running steps again.

    Parameters
    ----------
    guidance : ReconstructionGuidance
        With which the steps were run.
    surfaces : tuple of ReconstructedSurface
        Those that are not as before.
    moved : mapping of str to Moved
        By the name of these.
    removed : tuple of str
        Structures that no longer exist.
    remarks, remarks_before : tuple of str
        Of all, now and of the same run without the correction.
    made_from : mapping of str to str
        By structure, of those in `surfaces`.
    chain, learnt : mapping
        Tables of the fitted bones, and of what was learnt from grey values.
    overview : bytes
        PNG of all surfaces as they are now.
    """

    guidance: ReconstructionGuidance
    surfaces: tuple[ReconstructedSurface, ...]
    moved: Mapping[str, Moved]
    removed: tuple[str, ...]
    remarks: tuple[str, ...]
    remarks_before: tuple[str, ...]
    made_from: Mapping[str, str]
    chain: Mapping[str, Any]
    learnt: Mapping[str, Any] | None
    overview: bytes

    @property
    def is_nothing(self) -> bool:
        """Return whether everything is as before."""
        return not self.surfaces and not self.removed


def compare(before: Reconstruction, after: Reconstruction) -> Correction:
    """Return what has changed between two reconstructions.

    Parameters
    ----------
    before, after : Reconstruction
        Of the same scan.

    Returns
    -------
    Correction
        Changed and removed surfaces, remarks, and an overview of `after`.
    """
    changed, moved = [], {}
    for surface in after.surfaces:
        old = before.surface(surface.name)
        by = _moved(old, surface)
        if not by.is_nothing:
            changed.append(surface)
            moved[surface.name] = by
    names = {surface.name for surface in after.surfaces}
    with TemporaryDirectory() as folder:
        picture = Path(folder) / PICTURE
        draw_overview(after, picture)
        overview = picture.read_bytes()
    return Correction(
        after.guidance,
        tuple(changed),
        moved,
        tuple(s.name for s in before.surfaces if s.name not in names),
        tuple(sentence(remark) for remark in after.remarks),
        tuple(sentence(remark) for remark in before.remarks),
        {surface.name: surface.source for surface in changed},
        chain_table(after.chain),
        learnt_table(after.learnt),
        overview,
    )


def _moved(old: ReconstructedSurface | None, new: ReconstructedSurface) -> Moved:
    from nav.reconstruction.grey_surface import signed_volume

    volume = signed_volume(new.vertices, new.triangles)
    if old is None:
        return Moved(0.0, 0.0, volume, True)
    source = new.source if new.source != old.source else ""
    if np.array_equal(old.vertices, new.vertices):
        sigma = float(np.abs(new.sigma - old.sigma).max(initial=0.0))
        return Moved(0.0, 0.0, 0.0, sigma=sigma, source=source)
    off = np.abs(np.concatenate([distances_to(old, new.vertices), distances_to(new, old.vertices)]))
    change = volume - signed_volume(old.vertices, old.triangles)
    sigma = float(np.abs(new.sigma - _sigma_near(old, new)).max(initial=0.0))
    return Moved(float(off.mean()), float(off.max()), change, sigma=sigma, source=source)


def _sigma_near(old: ReconstructedSurface, new: ReconstructedSurface) -> NDArray[np.float64]:
    """Return the old sigma at each new vertex (n,): of the same vertex, else of the nearest one."""
    if np.array_equal(old.triangles, new.triangles):
        return np.asarray(old.sigma, float)
    nearest = KDTree(old.vertices).query(new.vertices)[1]
    return np.asarray(old.sigma[nearest], float)
