"""All necks, registrations and passes, on this machine or a Dask cluster; resumable."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, astuple, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from nav.accuracy.study.resumable_tasks import run_tasks
from tests.bench.puncture.necks import prepare_neck
from tests.bench.puncture.passes import punctures, register
from tests.bench.puncture.rendered import rendered_puncture
from tests.bench.puncture.tracking_errors import pooled

LIBRARIES = ("numpy", "scipy", "open3d", "scikit-image", "vtk")  # whose releases change digits
ROOT = Path(__file__).parents[3]


@dataclass(frozen=True)
class Study:
    """What is simulated.

    Parameters
    ----------
    necks, registrations : how many, registrations of each neck.
    rendered : punctures that are drawn and tracked in full; every second with calibrated cameras
        and tools. seed : of the first neck. hard : every so-manyth neck has a scan of the hard set.
    """

    necks: int = 20
    registrations: int = 10
    rendered: int = 10
    seed: int = 300
    hard: int = 2

    def is_hard(self, number: int) -> bool:
        """Whether a neck's scan is of the hard set."""
        return self.hard > 0 and number % self.hard == self.hard - 1


def code_fingerprint() -> str:
    """Of all that decides a result."""
    found = hashlib.sha256()
    for part in ("nav", "calibration", "phantoms", "tests/bench/puncture"):
        for path in sorted((ROOT / part).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                found.update(path.read_bytes())
    for library in LIBRARIES:
        found.update(f"{library} {version(library)}".encode())
    return found.hexdigest()[:16]


def drawn_punctures(
    study: Study, number: int, runs: list[dict[str, list[object]]], folder: Path | None
) -> dict[str, Any]:
    """Return all registrations and passes of one neck, their errors drawn from rendered runs."""
    seed, hard = study.seed + number, study.is_hard(number)
    with _work(folder, seed, hard) as place:
        neck = prepare_neck(seed, hard, place)
        if isinstance(neck, str):
            return {"seed": seed, "hard": hard, "said": neck, "punctures": []}
        errors = pooled(runs)
        plan = neck.case.default_plan
        assert plan is not None
        done: list[dict[str, Any]] = []
        for trial in range(study.registrations):
            rng = np.random.default_rng([study.seed, number, trial])
            run = int(rng.integers(len(runs)))
            registered = register(neck, plan, errors, run, rng)
            if isinstance(registered, str):
                done.append({"said": registered, "rows": []})
                continue
            rows = punctures(neck, registered, plan, errors, run, rng)
            done.append(
                {
                    "said": "",
                    "refused": registered.refused,
                    "fre": registered.fre,
                    "tre": registered.tre_at_target,
                    "rows": [astuple(row) for row in rows],
                }
            )
        said = "; ".join(neck.case.warnings)
        return {"seed": seed, "hard": hard, "said": "", "warnings": said, "punctures": done}


def rendered_on(study: Study, number: int, index: int, folder: Path | None) -> dict[str, Any]:
    """Return one puncture that is drawn and tracked in full."""
    seed, hard = study.seed + number, study.is_hard(number)
    with _work(folder, seed, hard) as place:
        return rendered_puncture(seed, hard, index % 2 == 1, place)


@contextmanager
def _work(folder: Path | None, seed: int, hard: bool) -> Iterator[Path]:
    """Where a neck is kept: beside the results where that is on this machine, else for now."""
    if folder is not None:
        yield folder / f"{'hard' if hard else 'standard'}-{seed}"
        return
    with tempfile.TemporaryDirectory() as place:
        yield Path(place)


def run_study(
    study: Study, out: Path, client: Any, shared: bool, tell: Callable[[str, int, int], None]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Run what is not there yet; results of rendered punctures and of necks.

    Parameters
    ----------
    out : Path
        Folder of one JSON file a task; a run that was cut short goes on from these.
    client : dask.distributed.Client
    shared : bool
        Whether the workers see the folder too: necks are then kept there and made only once.
    tell : callable
        Told what is run, how many are done and of how many.
    """
    out.mkdir(parents=True, exist_ok=True)
    mark = {"code": code_fingerprint(), "study": asdict(study)}
    place = out.resolve() / "necks" / str(mark["code"]) if shared else None
    count = min(max(1, study.rendered), study.necks)  # no two on one neck, which both would make
    numbers = np.linspace(0, study.necks - 1, count).round().astype(int).tolist()
    rendered = run_tasks(
        client,
        [(rendered_on, (study, number, k, place)) for k, number in enumerate(numbers)],
        [out / f"rendered-{k:03d}.json" for k in range(len(numbers))],
        mark,
        lambda done, total: tell("rendered punctures", done, total),
    )
    runs = [r["errors"] for r in rendered if not r["said"]]
    if not runs:
        return rendered, []
    mark = {**mark, "errors": hashlib.sha256(json.dumps(runs).encode()).hexdigest()[:16]}
    necks = run_tasks(
        client,
        [(drawn_punctures, (study, number, runs, place)) for number in range(study.necks)],
        [out / f"neck-{number:03d}.json" for number in range(study.necks)],
        mark,
        lambda done, total: tell("necks", done, total),
    )
    return rendered, necks
