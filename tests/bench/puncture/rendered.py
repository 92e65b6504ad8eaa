"""A puncture whose pictures are drawn and tracked in full, on a scanned neck."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from rich.console import Console

from nav.core.errors import InputError
from nav.model.case import load_case
from phantoms.demo.report import shown_and_true, tip_errors
from phantoms.demo.run_demo import _headless, prepare
from tests.bench.puncture.necks import prepare_neck
from tests.bench.puncture.tracking_errors import measured_errors


def rendered_puncture(seed: int, hard: bool, calibrated: bool, folder: Path) -> dict[str, Any]:
    """Run a whole demonstration on a neck; what it showed, what was true, what tracking was off.

    calibrated : cameras, tools and tip come from simulated calibrations with their errors.
    """
    neck = prepare_neck(seed, hard, folder)
    if isinstance(neck, str):
        return {"seed": seed, "said": neck}
    work = folder / "rendered"
    shutil.rmtree(work, ignore_errors=True)
    shutil.copytree(folder / "case", work / "case")
    console = Console(quiet=True)
    try:
        job, case, tools = prepare(work, seed, console, calibrated, False, neck.scanned)
        result = _headless(job, console)
    except InputError as error:
        return {"seed": seed, "said": str(error).replace(str(work), "")}
    case = load_case(work / "case" / "case.toml")
    near = shown_and_true(result, case, neck.true)
    off = tip_errors(result, *tools)
    registration = result.registration
    shutil.rmtree(work, ignore_errors=True)
    return {
        "seed": seed,
        "said": "",
        "calibrated": calibrated,
        "frames": len(result.log.tracked),
        "tip_rms": float((off**2).sum(axis=1).mean() ** 0.5),
        "fre": None if registration is None else registration.fre,
        "checks": result.check_errors,
        "near": {name: rows.tolist() for name, rows in near.items()},
        "errors": measured_errors(result, *tools).as_lists(),
    }
