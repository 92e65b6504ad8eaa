"""`nav study`: a set-up's accuracy before anything is bought or printed."""

import csv
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

import nav
from nav.accuracy.html_report import write_report
from nav.accuracy.study.anatomy_places import Places, case_places
from nav.accuracy.study.designs import Setup, load_setup
from nav.accuracy.study.figures import DesignFigures, summarise
from nav.accuracy.study.resumable_tasks import run_tasks
from nav.accuracy.study.study_report import csv_rows, report_sections, result_table
from nav.accuracy.study.trials import run_block
from nav.core.errors import InputError
from nav.core.outputs import written_whole
from nav.progress_bar import progress_bar

PATIENCE = 10  # s, for a scheduler to answer
STUDY, BLOCKS = "study.json", "blocks"
CLUSTER_EXTRA = "pip install 'c1c2nav[cluster]'"


def run_study(
    setup_file: Path,
    folder: Path,
    console: Console,
    workers: int | None = None,
    cluster: str | None = None,
) -> list[DesignFigures]:
    """Run all trials that are not done yet, and write table, page and numbers.

    Parameters
    ----------
    setup_file : Path
        SETUP.toml.
    folder : Path
        Results; a study of the same set-up that was cut short goes on.
    console : Console
        For progress and the table.
    workers : int, optional
        Processes of this machine; as many as it has processors by default.
    cluster : str, optional
        Address of a Dask scheduler instead.

    Returns
    -------
    list of DesignFigures
        In the order of the designs.

    Raises
    ------
    InputError
        A wrong set-up or case, a folder with something else, a cluster that does not answer.
    """
    if workers is not None and workers < 1:
        raise InputError(f"--workers: expected 1 or more, got {workers}")
    setup = load_setup(setup_file)
    places = case_places(setup)
    mark = _mark(setup, places)
    begun = _is_begun(folder, mark, setup_file)
    numbered = [(d, b) for d in range(len(setup.designs)) for b in setup.blocks]
    tasks = [
        (
            run_block,
            (
                setup.designs[d][1], places, setup.view_from, setup.reference,
                (setup.seed, d, block), trials,
            ),
        )
        for d, (block, trials) in numbered
    ]  # fmt: skip
    files = [folder / BLOCKS / f"{d:04d}-{block:04d}.json" for d, (block, _) in numbered]
    with _client(workers, cluster, console) as client, progress_bar(console) as bar:
        if not begun:
            _begin(folder, mark, setup_file)
        task = bar.add_task("trials", total=len(tasks), note=f"{len(setup.designs)} designs")
        results = run_tasks(
            client, tasks, files, mark, lambda done, _: bar.update(task, completed=done)
        )
    found = []
    for d, (name, design) in enumerate(setup.designs):
        mine = [r for r, (number, _) in zip(results, numbered, strict=True) if number == d]
        found.append(summarise(name, design, mine))
    console.print(result_table(found))
    _write(folder, setup, setup_file, found)
    console.print(f"wrote {folder / 'results.html'}, results.json and designs.csv")
    return found


def _mark(setup: Setup, places: Places) -> dict[str, Any]:
    """Return what results depend on, by the numbers themselves: a comment may change."""
    known = {
        "seed": setup.seed,
        "trials": setup.trials,
        "view_from": setup.view_from,
        "reference": setup.reference,
        "designs": [design for _, design in setup.designs],
        "places": {k: _plain(v) for k, v in asdict(places).items()},
        "version": nav.__version__,
    }
    text = json.dumps(known, sort_keys=True)
    return {"study": hashlib.sha256(text.encode()).hexdigest()}


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(entry) for key, entry in value.items()}
    return np.asarray(value).tolist()


def _is_begun(folder: Path, mark: dict[str, Any], setup_file: Path) -> bool:
    """Return whether a folder holds this study; refuse one that holds anything else."""
    kept = folder / STUDY
    if kept.exists():
        try:
            known = json.loads(kept.read_text(encoding="utf-8"))
            same = known["mark"] == mark
        except (OSError, ValueError, KeyError, TypeError):
            raise InputError(f"{kept}: is damaged; give another folder") from None
        if not same:
            raise InputError(
                f"{folder}: holds a study of another set-up, case or version; give another folder, "
                f"or the {setup_file.name} that it was made from"
            )
        return True
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{folder}: is not an empty folder and holds no study; give another one")
    return False


def _begin(folder: Path, mark: dict[str, Any], setup_file: Path) -> None:
    """Make the folder of a study, with its mark."""
    (folder / BLOCKS).mkdir(parents=True, exist_ok=True)
    made = {"made_by": f"c1c2nav {nav.__version__}", "setup": setup_file.name, "mark": mark}
    with written_whole(folder / STUDY) as beside:
        beside.write_text(json.dumps(made, indent=2) + "\n", encoding="utf-8")


@contextmanager
def _client(workers: int | None, cluster: str | None, console: Console) -> Iterator[Any]:
    """Connect to a scheduler, or start one here; None where one process is enough."""
    count = workers or os.cpu_count() or 1
    if cluster is None and count == 1:
        yield None
        return
    if find_spec("distributed") is None:
        if cluster is not None or workers is not None:
            raise InputError(f"several workers need Dask: {CLUSTER_EXTRA}")
        console.print(f"one process works; for all processors: {CLUSTER_EXTRA}")
        yield None
        return
    from dask.distributed import Client, LocalCluster

    if cluster is None:
        with (
            LocalCluster(
                n_workers=count, threads_per_worker=1, dashboard_address="127.0.0.1:0"
            ) as here,
            Client(here) as client,
        ):
            yield client
        return
    try:
        client = Client(cluster, timeout=PATIENCE)
    except (OSError, ValueError, TimeoutError) as error:
        why = str(error).splitlines()[0] if str(error) else "no answer"
        raise InputError(f"--cluster {cluster}: no Dask scheduler answers: {why:.200}") from None
    with client:
        yield client


def _write(folder: Path, setup: Setup, setup_file: Path, found: list[DesignFigures]) -> None:
    rows = csv_rows(found)
    with (
        written_whole(folder / "designs.csv") as beside,
        open(beside, "w", newline="", encoding="utf-8") as file,
    ):
        csv.writer(file).writerows(rows)
    results = [dict(zip(rows[0], row, strict=True)) for row in rows[1:]]
    data = {"setup": setup_file.name, "trials": setup.trials, "results": results}
    # study.json is the study's mark: the page's numbers are results.json
    page = folder / "results.html"
    write_report(page, f"Study: {setup.name}", report_sections(found), data, (setup_file,))
