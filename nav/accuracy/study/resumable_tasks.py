"""Tasks here or on a Dask cluster, each result kept in a file: a run goes on where it was."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from nav.core.errors import InputError
from nav.core.outputs import written_whole

Task = tuple[Callable[..., dict[str, Any]], tuple[Any, ...]]
RETRIES = 2  # of a task whose worker died


def run_tasks(
    client: Any,
    tasks: list[Task],
    files: list[Path],
    mark: dict[str, Any],
    progress: Callable[[int, int], None],
) -> list[dict[str, Any]]:
    """Run the tasks whose results are not in their files yet, in any order.

    Parameters
    ----------
    client : dask.distributed.Client or None
        None: one after the other, in this process.
    tasks : list of (function, arguments)
        Functions that workers can import.
    files : list of Path
        Of each task's result.
    mark : dict
        What results depend on; one of another mark is made anew.
    progress : callable
        Called with how many are done and of how many.

    Returns
    -------
    list of dict
        In the order of the tasks.

    Raises
    ------
    InputError
        A file of another program is where a result belongs, or workers keep dying.
    """
    results = [_kept(path, mark) for path in files]
    missing = [k for k, result in enumerate(results) if result is None]
    done = len(tasks) - len(missing)
    progress(done, len(tasks))
    work = _here(tasks, missing) if client is None else _on_cluster(client, tasks, missing)
    for k, found in work:
        with written_whole(files[k]) as beside:
            beside.write_text(json.dumps({"mark": mark, "result": found}), encoding="utf-8")
        results[k] = found
        done += 1
        progress(done, len(tasks))
    return [result for result in results if result is not None]


def _here(tasks: list[Task], missing: list[int]) -> Iterator[tuple[int, dict[str, Any]]]:
    for k in missing:
        function, arguments = tasks[k]
        yield k, function(*arguments)


def _on_cluster(
    client: Any, tasks: list[Task], missing: list[int]
) -> Iterator[tuple[int, dict[str, Any]]]:
    from dask.distributed import KilledWorker, as_completed

    waiting = {}
    for k in missing:
        function, arguments = tasks[k]
        future = client.submit(function, *arguments, pure=False, retries=RETRIES)
        waiting[future.key] = (k, future)
    for future in as_completed([future for _, future in waiting.values()]):
        try:
            found = future.result()
        except KilledWorker:
            raise InputError(
                "the workers that a task was given to died one after the other; is their memory "
                "enough? What is done is kept: run the same command again"
            ) from None
        yield waiting[future.key][0], found


def _kept(path: Path, mark: dict[str, Any]) -> dict[str, Any] | None:
    """What an earlier run left, if it was of the same mark; one of another is removed.

    Raises
    ------
    InputError
        Another file is there.
    """
    if not path.exists():
        return None
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        ours = isinstance(kept, dict) and {"mark", "result"} == set(kept)
    except (OSError, ValueError):
        ours = False
    if not ours:
        raise InputError(f"{path}: is no result of this study; move it away")
    if kept["mark"] == mark:
        return dict(kept["result"])
    path.unlink()
    return None
