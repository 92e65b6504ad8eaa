"""Load a case to be viewed: its surfaces, its scan where it has one, and what it lacks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nav.core.errors import InputError
from nav.core.files import load_toml
from nav.core.frames import Array
from nav.model.case import Case, CaseFile, ReconstructionTable, load_case
from nav.reconstruction.reading.axes import to_model_axes
from nav.reconstruction.reading.nifti import read_nifti
from nav.reconstruction.reading.read import find_kind
from nav.reconstruction.surface_check import compare_surfaces_with_scan
from nav.reconstruction.volume import Volume
from nav.view.case.slices import box

CASE_NAME = "case.toml"
PERPENDICULAR = 1e-4  # cosine between a grid's axes
# what a case of the upper cervical spine has; a name, or a role of which one is needed
EXPECTED_NAMES = ("C1", "C2", "vertebral artery left", "vertebral artery right")
UNSURE, LEAST_SHARE = 1.0, 0.01  # mm of sigma; of a surface
OUTER = ("skin", "support")  # roles that surround what is of interest
MARGIN = 6.0  # mm
EXPECTED_ROLES = ("cord", "dura", "skin")


@dataclass(frozen=True)
class ViewedCase:
    """A case with its scan.

    Parameters
    ----------
    path : Path
        Of case.toml.
    case : Case
        Its structures, fiducials and plans.
    volume : Volume or None
        The scan, HU; None where the case has none.
    reconstruction : ReconstructionTable or None
        How a scan became this case; None where it was made otherwise.
    """

    path: Path
    case: Case
    volume: Volume | None = None
    reconstruction: ReconstructionTable | None = None

    @property
    def box(self) -> tuple[Array, Array]:
        """Corners (3,), mm, of the box in the model frame around the scan, or all structures."""
        if self.volume is not None:
            return box(self.volume)
        points = np.vstack([s.surface.vertices for s in self.case.structures])
        return points.min(axis=0), points.max(axis=0)

    @property
    def focus(self) -> tuple[Array, Array]:
        """Corners (3,), mm, of the box that slices show at first: all but the skin."""
        inner = [s for s in self.case.structures if s.role not in OUTER] or self.case.structures
        points = np.vstack([s.surface.vertices for s in inner])
        plan = self.case.default_plan
        if plan is not None:
            points = np.vstack([points, plan.entry, plan.target])
        return points.min(axis=0) - MARGIN, points.max(axis=0) + MARGIN

    @property
    def unsure_shares(self) -> dict[str, float]:
        """Share of vertices with a sigma above UNSURE, by structure, from one per cent."""
        shares = {}
        for structure in self.case.structures:
            sigma = structure.sigma_at(structure.surface.vertices)
            shares[structure.name] = float((sigma > UNSURE).mean())
        return {name: share for name, share in shares.items() if share >= LEAST_SHARE}

    @property
    def lacking(self) -> tuple[str, ...]:
        """Names and roles that a case of a neck has, and this one has not."""
        names = {s.name for s in self.case.structures}
        roles = {s.role for s in self.case.structures}
        return (
            *(name for name in EXPECTED_NAMES if name not in names),
            *(role for role in EXPECTED_ROLES if role not in roles),
        )


def load_viewed_case(path: Path, progress: Callable[[str], None] | None = None) -> ViewedCase:
    """Load a case and its scan.

    Parameters
    ----------
    path : Path
        case.toml, or the folder that holds it.
    progress : callable, optional
        Called with the name of each structure, and "scan".

    Returns
    -------
    ViewedCase
        The scan with its axes reordered to grow to the left, to posterior and upwards.

    Raises
    ------
    InputError
        No case there, a structure or scan that is missing or cannot be read, a scan elsewhere
        than the structures.
    """
    path = Path(path)
    if path.is_dir():
        if not (path / CASE_NAME).exists():
            raise InputError(f"{path}: holds no {CASE_NAME}; give the folder of a case")
        path = path / CASE_NAME
    elif path.is_file() and path.suffix.lower() != ".toml":
        raise InputError(f"{path}: is not a case; expected case.toml, or the folder that holds it")
    table = load_toml(path, CaseFile)
    case = load_case(path, progress)
    reconstruction = table.reconstruction
    volume = None
    if reconstruction is not None and reconstruction.volume is not None:
        if progress is not None:
            progress("scan")
        volume = _load_scan(path, reconstruction.volume)
        _refuse_elsewhere(path, reconstruction, case, volume)
    return ViewedCase(path, case, volume, reconstruction)


def _load_scan(path: Path, name: str) -> Volume:
    """Read the scan that `nav reconstruct` wrote: NIfTI, HU, a rectangular grid."""
    field, file = f"{path}: reconstruction: volume", path.parent / name
    try:
        if not file.is_file():
            raise InputError(
                f"{file}: not found; put it back, or remove the line from case.toml to look at "
                "the surfaces alone"
            )
        kind = find_kind(file)
        if kind != "nifti":
            raise InputError(f"{file}: is {kind.upper()}, expected NIfTI (.nii.gz)")
        values, model_from_voxel, _ = read_nifti(file, lambda share: None)
    except InputError as error:
        raise InputError(f"{field}: {error}") from None
    steps = model_from_voxel[:3, :3]
    directions = steps / np.linalg.norm(steps, axis=0)
    if np.abs(directions.T @ directions - np.eye(3)).max() > PERPENDICULAR:
        raise InputError(f"{field}: {file}: its axes are not perpendicular; reconstruct it again")
    return to_model_axes(values, model_from_voxel)[0]


def _refuse_elsewhere(
    path: Path, reconstruction: ReconstructionTable, case: Case, volume: Volume
) -> None:
    low, high = box(volume)
    points = np.vstack([s.surface.vertices for s in case.structures])
    where = f"{path}: reconstruction: volume: {reconstruction.volume}"
    if (points.max(axis=0) < low).any() or (points.min(axis=0) > high).any():
        raise InputError(f"{where} does not overlap the structures; is it another case's?")
    bones = [bone.surface for bone in case.of_role("bone")]
    chain = reconstruction.chain
    if bones and chain is not None and chain.pose:  # a print's plastic may be as dark as its gel
        found = compare_surfaces_with_scan(bones, volume)
        if not found.agrees(of_patient=True):
            raise InputError(
                f"{where} does not show the bones where the case has them (grey values fall by "
                f"{found.fall:.0f} HU at their surface); is it another case's?"
            )
