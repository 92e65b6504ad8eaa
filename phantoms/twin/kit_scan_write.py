"""A simulated scan of a printed kit in a folder: the volume, and the ground truth as a case."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from scipy.spatial.transform import RigidTransform

from nav.core.errors import InputError
from nav.core.files import transform_table, write_toml
from nav.model.case import CASE_FORMAT
from nav.progress_bar import counted_steps
from nav.reconstruction.printed.kit import PrintedKit, read_kit
from phantoms.anatomy.anatomy_files import mesh_file, ply_bytes
from phantoms.anatomy.standard_neck import AnatomyStructure
from phantoms.kit.export_folder import replaced_folder
from phantoms.twin.ct_write import write_volume
from phantoms.twin.kit_scan import STEPS, KitScan, draw_kit_scan, simulate_kit_scan
from phantoms.twin.scan_write import FILES, SURFACE_SIGMA, WRITING, Format

TRUTH_FORMAT = "c1c2nav/kit-scan-truth/1"


def write_kit_scan(
    out: Path, kit_path: Path, seed: int, hard: bool, format_: Format, console: Console
) -> None:
    """Simulate a random scan of a printed kit, and write it with its ground truth.

    The folder appears whole or not at all. It contains scan.nii.gz or scan.mha, case.toml with
    meshes/ (bones, tubes, sac and gel as they lie in the scan, and the divots), and truth.toml.

    Parameters
    ----------
    out : Path
        Folder to write; new or empty.
    kit_path : Path
        The kit.
    seed : int
        Of the scan, 0 or more.
    hard : bool
        Larger errors and more varied scans.
    format_ : str
        A format of `FILES`.
    console : Console
        Where progress is shown.

    Raises
    ------
    InputError
        The kit cannot be read, the format is one of slices, the folder is not empty or cannot be
        written, or the disk is full.
    """
    if format_ not in FILES:
        raise InputError(f"--format: expected {' or '.join(FILES)} with --kit, got {format_!r}")
    kit = read_kit(kit_path)
    drawn = draw_kit_scan(kit, seed, hard)
    steps = (*STEPS, WRITING)
    with replaced_folder(out) as folder, counted_steps(console, "scan", steps) as tell:
        scan = simulate_kit_scan(kit, drawn, tell)
        tell(WRITING)
        volume = scan.volume
        write_volume(folder / FILES[format_], volume.values, volume.origin, volume.spacing)
        write_kit_truth(folder, scan, kit, seed, hard)
    shape = " x ".join(str(n) for n in volume.values.shape[::-1])
    console.print(f"{out}: {shape} voxels, truth.toml, case.toml")


def write_kit_truth(folder: Path, scan: KitScan, kit: PrintedKit, seed: int, hard: bool) -> None:
    """Write case.toml with its meshes, and truth.toml, into an existing folder.

    Parameters
    ----------
    folder : Path
        The folder.
    scan : KitScan
        The scan.
    kit : PrintedKit
        The kit that was scanned.
    seed : int
        Of the scan.
    hard : bool
        Whether it is of the hard set.
    """
    (folder / "meshes").mkdir(exist_ok=True)
    tables = []
    for s in scan.structures:
        structure = AnatomyStructure(s.name, s.role, s.vertices, s.triangles)  # type: ignore[arg-type]
        (folder / mesh_file(structure)).write_bytes(ply_bytes(structure))
        table = {"name": s.name, "role": s.role, "mesh": mesh_file(structure)}
        tables.append({**table, "sigma": SURFACE_SIGMA})
    uses = {d.label: d.use for d in kit.divots}
    fiducials = [
        {"label": label, "position": apex.tolist(), "use": uses[label]}
        for label, apex in scan.divots.items()
    ]
    name = f"{kit.name}, simulated scan of its print"
    case = {"format": CASE_FORMAT, "name": name, "structure": tables, "fiducial": fiducials}
    write_toml(folder / "case.toml", case)
    write_toml(folder / "truth.toml", truth_table(scan, kit, seed, hard))


def truth_table(scan: KitScan, kit: PrintedKit, seed: int, hard: bool) -> dict[str, Any]:
    """Return the contents of truth.toml, without its provenance.

    Parameters
    ----------
    scan : KitScan
        The scan.
    kit : PrintedKit
        The kit that was scanned.
    seed : int
        Of the scan.
    hard : bool
        Whether it is of the hard set.

    Returns
    -------
    dict
        The table.
    """
    drawn = scan.parameters
    return {
        "format": TRUTH_FORMAT,
        "kit": kit.name,
        "seed": seed,
        "hard": hard,
        "scan_from_model": transform_table(scan.scan_from_model),
        "materials": asdict(drawn.materials),
        "spacing_mm": list(drawn.spacing_mm),
        "kernel": asdict(drawn.kernel),
        "noise_hu": drawn.artefacts.noise_hu,
        "bubbles": drawn.bubbles,
        "couch": drawn.couch,
        "part": [
            {
                "name": name,
                "scale_percent": [100.0 * s for s in e.scale],
                "foot_mm": e.foot_mm,
                "warp_mm": e.warp_mm,
                "layer_mm": e.layer_mm,
                "place": transform_table(e.place),
            }
            for name, e in drawn.errors
        ],
        "bone": [{"name": name, **_moved(pose)} for name, pose in drawn.bones],
    }


def _moved(pose: RigidTransform) -> dict[str, Any]:
    return {"about_its_middle": transform_table(pose)}
