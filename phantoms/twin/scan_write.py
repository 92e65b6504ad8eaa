"""A simulated scan in a folder: the volume or DICOM series, and the ground truth as a case."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from rich.console import Console

from nav.core.errors import InputError
from nav.core.files import transform_table, write_toml
from nav.progress_bar import counted_steps
from phantoms.anatomy.anatomy_files import case_table, mesh_file, ply_bytes
from phantoms.anatomy.standard_neck import AnatomyStructure, standard_anatomy
from phantoms.kit.export_folder import replaced_folder
from phantoms.recipe import Recipe, parameter_table
from phantoms.twin.ct_write import write_volume
from phantoms.twin.dicom_write import write_series
from phantoms.twin.scan import STEPS, simulate_scan
from phantoms.twin.scan_draw import draw_scan
from phantoms.twin.scan_gantry import Series, series_of, tilted_series
from phantoms.twin.scan_markers import Marker, skin_markers, touched, whole_neck
from phantoms.twin.scan_truth import ScanTruth

TRUTH_FORMAT = "c1c2nav/scan-truth/1"
SURFACE_SIGMA = 0.0  # mm: the surfaces are the truth
WRITING = "writing"  # the last step
Format = Literal["nifti", "mha", "dicom"]
FILES = {"nifti": "scan.nii.gz", "mha": "scan.mha"}


@dataclass(frozen=True)
class ScanSettings:
    """What is asked for.

    Attributes
    ----------
    seed : int
        Of the scan.
    hard : bool
        Of the hard set.
    format : str
        nifti, mha or dicom.
    tilt_deg : float
        Of the gantry, degrees; with DICOM only.
    markers : bool
        Beads on the skin, and a field of view that contains the whole neck.
    """

    seed: int
    hard: bool = False
    format: Format = "nifti"
    tilt_deg: float = 0.0
    markers: bool = False


def write_scan(out: Path, recipe: Recipe, settings: ScanSettings, console: Console) -> None:
    """Simulate a random scan of a neck, and write it with its ground truth.

    The folder appears whole or not at all. It contains scan.nii.gz, scan.mha or dicom/, case.toml
    with meshes/, and truth.toml.

    Parameters
    ----------
    out : Path
        Folder to write; new or empty.
    recipe : Recipe
        The neck.
    settings : ScanSettings
        What is asked for.
    console : Console
        Where progress is shown.

    Raises
    ------
    InputError
        A setting is out of range, the folder is not empty or cannot be written, or the disk is
        full.
    """
    if settings.format not in ("nifti", "mha", "dicom"):
        raise InputError(f"--format: expected nifti, mha or dicom, got {settings.format!r}")
    if settings.tilt_deg and settings.format != "dicom":
        raise InputError("--gantry-tilt: only a DICOM series can hold it; add --format dicom")
    if settings.tilt_deg and settings.markers:
        raise InputError("--markers: not with --gantry-tilt")
    scan = draw_scan(settings.seed, settings.hard)
    beads: tuple[Marker, ...] = ()
    if settings.markers:
        scan, beads = whole_neck(scan), skin_markers(recipe.parameters, settings.seed)
    with replaced_folder(out) as folder:
        anatomy = standard_anatomy(recipe.parameters, recipe.name)
        with counted_steps(console, "scan", (*STEPS, WRITING)) as tell:
            if settings.tilt_deg:
                series = tilted_series(anatomy, scan, settings.tilt_deg, tell)
            else:
                series = series_of(simulate_scan(anatomy, scan, tell, markers=beads))
            tell(WRITING)
            _write_image(folder, series, settings)
            write_truth(folder, series, recipe, settings, beads)
    shape = " x ".join(str(n) for n in series.values.shape[::-1])
    console.print(f"{out}: {shape} voxels, truth.toml, case.toml")


def _write_image(folder: Path, series: Series, settings: ScanSettings) -> None:
    if settings.format == "dicom":
        (folder / "dicom").mkdir()
        write_series(folder / "dicom", series, settings.seed)
        return
    spacing = np.array([*series.spacing, series.step])
    write_volume(folder / FILES[settings.format], series.values, series.positions[0], spacing)


def write_truth(
    folder: Path,
    series: Series,
    recipe: Recipe,
    settings: ScanSettings,
    markers: Sequence[Marker] = (),
) -> None:
    """Write case.toml with its meshes, and truth.toml, into an existing folder.

    Parameters
    ----------
    folder : Path
        The folder.
    series : Series
        The scan.
    recipe : Recipe
        The neck.
    settings : ScanSettings
        What was asked for.
    markers : sequence of Marker, optional
        On the skin, anatomy's frame; the case's fiducials T1, T2, ...
    """
    truth = series.truth
    (folder / "meshes").mkdir(exist_ok=True)
    structures = [
        AnatomyStructure(s.name, s.role, s.vertices, s.triangles)  # type: ignore[arg-type]
        for s in truth.structures
    ]
    for structure in structures:
        (folder / mesh_file(structure)).write_bytes(ply_bytes(structure))
    moved = [
        replace(m, position=truth.scan_from_anatomy.apply(m.position), axis=m.axis) for m in markers
    ]
    fiducials = touched(moved, [f"T{k + 1}" for k in range(len(moved))])
    name = f"{recipe.name}, simulated scan"
    case = case_table(_Case(name, tuple(structures), fiducials))  # type: ignore[arg-type]
    for table in case["structure"]:
        table["sigma"] = SURFACE_SIGMA
    write_toml(folder / "case.toml", case)
    write_toml(folder / "truth.toml", truth_table(truth, series, recipe, settings))


@dataclass(frozen=True)
class _Case:
    name: str
    structures: tuple[AnatomyStructure, ...]
    fiducials: tuple[Any, ...] = ()
    plans: tuple[Any, ...] = ()


def truth_table(
    truth: ScanTruth, series: Series, recipe: Recipe, settings: ScanSettings
) -> dict[str, Any]:
    """Return the contents of truth.toml, without its provenance.

    Parameters
    ----------
    truth : ScanTruth
        The ground truth.
    series : Series
        The scan.
    recipe : Recipe
        The neck.
    settings : ScanSettings
        What was asked for.

    Returns
    -------
    dict
        The table.
    """
    return {
        "format": TRUTH_FORMAT,
        "neck": recipe.name,
        "seed": settings.seed,
        "hard": settings.hard,
        "gantry_tilt_deg": series.tilt_deg,
        "measured_mm": list(truth.measured_mm),
        "scan_from_anatomy": transform_table(truth.scan_from_anatomy),
        "plaques": [point.tolist() for point in truth.plaques],
        "structure": [
            {"name": s.name, "role": s.role, "in_view": s.seen} for s in truth.structures
        ],
        "artery": [_artery_table(a) for a in truth.arteries],
        "joint": [
            {
                "name": j.name,
                "bones": [j.upper, j.lower],
                "middle": j.middle.tolist(),
                "width_mm": round(j.width_mm, 4),
                "fused": j.fused,
            }
            for j in truth.joints
        ],
        "scan": _plain(asdict(series.parameters)),
        "anatomy": parameter_table(recipe.parameters),
    }


def _artery_table(a: Any) -> dict[str, Any]:
    table = {"name": a.name, "state": a.state, "enhanced": a.enhanced, "hu": list(a.hu)}
    if a.occluded_above_mm is not None and np.isfinite(a.occluded_above_mm):
        table["occluded_above_mm"] = a.occluded_above_mm
    return table


def _plain(value: Any) -> Any:
    """Convert tuples to lists, recursively."""
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return value
