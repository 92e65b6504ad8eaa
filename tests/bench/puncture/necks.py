"""One neck of the study: its CT, reconstruction and plan, made as a user makes them."""

from __future__ import annotations

import pickle
import shutil
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from rich.console import Console

from nav.core.errors import InputError, NothingSafe
from nav.core.frames import Array
from nav.core.outputs import written_whole
from nav.model.case import Case, load_case
from nav.model.surface import Surface
from nav.planning.plan_command import PlanOptions, plan_case
from nav.reconstruction.case_files import write_case
from nav.reconstruction.reading import read_volume
from nav.reconstruction.reconstruction_pipeline import reconstruct
from phantoms.demo.ct_demo import ScannedNeck, scan_neck
from phantoms.twin.ct_write import write_volume

NEEDED = 6  # markers to register and check with


@dataclass(frozen=True)
class PreparedNeck:
    """A neck that can be punctured.

    Parameters
    ----------
    scanned : ScannedNeck
    case : Case
        As reconstructed, with the plans.
    true : dict of str to Surface
        By name, case's frame.
    axes, positions : dict of str to ndarray, shape (3,)
        Outward axis and true place of each labelled marker, case's frame.
    """

    scanned: ScannedNeck
    case: Case
    true: dict[str, Surface]
    axes: dict[str, Array]
    positions: dict[str, Array]


def prepare_neck(seed: int, hard: bool, folder: Path) -> PreparedNeck | str:
    """Scan, reconstruct and plan in a folder; a sentence where that ends without a plan.

    The scan is written and read again, so that all of it goes the way of a user's. What is in the
    folder already is taken from there.
    """
    kept = folder / "neck.pickle"
    if not kept.exists():
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as work:
            made = _made(seed, hard, Path(work))
            if not isinstance(made, str):
                shutil.rmtree(folder / "case", ignore_errors=True)
                shutil.move(Path(work) / "case", folder / "case")
        with written_whole(kept) as beside:
            beside.write_bytes(pickle.dumps(made))
    made = pickle.loads(kept.read_bytes())
    if isinstance(made, str):
        return made
    case = load_case(folder / "case" / "case.toml")
    if not case.of_role("artery"):
        return "no artery seen"
    if len(case.fiducials) < NEEDED:
        return f"{len(case.fiducials)} markers found"
    labelled = made.labelled(case)
    turn = made.case_from_model
    return PreparedNeck(
        made,
        case,
        made.surfaces(),
        {label: np.asarray(turn.rotation.apply(m.axis)) for label, m in labelled.items()},
        {label: np.asarray(turn.apply(m.position)) for label, m in labelled.items()},
    )


def _made(seed: int, hard: bool, folder: Path) -> ScannedNeck | str:
    """Make the case in a folder; the neck without its voxels, or why there is no case."""
    neck = scan_neck(seed, hard)
    scan = folder / "scan.nii.gz"
    volume = neck.scan.volume
    write_volume(scan, volume.values, volume.origin, volume.spacing)
    try:
        found = reconstruct(read_volume(scan, None))
        case_file = write_case(found, folder / "reconstruction", f"neck {seed}")
        plan_case(case_file, folder / "case", PlanOptions(pictures=False), Console(quiet=True))
    except (InputError, NothingSafe) as error:
        return str(error).replace(str(folder), "").strip("/")
    nothing = replace(volume, values=np.zeros((1, 1, 1), np.int16))
    return replace(neck, scan=replace(neck.scan, volume=nothing))
