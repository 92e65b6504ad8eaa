"""Tasks on a Dask cluster, each result kept in a file, so that a run goes on where it was."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from nav.core.errors import InputError
from nav.core.outputs import written_whole

RETRIES = 2  # of a task whose worker died


def run_tasks(
    client: Any,
    tasks: list[tuple[Callable[..., dict[str, Any]], tuple[Any, ...]]],
    files: list[Path],
    mark: dict[str, Any],
    tell: Callable[[int, int], None],
) -> list[dict[str, Any]]:
    """Run the tasks whose results are not in their files yet, in any order.

    Parameters
    ----------
    client : dask.distributed.Client
    tasks : list of (function, arguments)
    files : list of Path
        Of each task's result.
    mark : dict
        What results depend on; one of another mark is made anew.
    tell : callable
        Told how many are done and of how many.

    Returns
    -------
    list of dict
        In the order of the tasks.
    """
    from dask.distributed import as_completed

    results = [_kept(path, mark) for path in files]
    waiting = {}
    for k, (function, arguments) in enumerate(tasks):
        if results[k] is None:
            future = client.submit(function, *arguments, pure=False, retries=RETRIES)
            waiting[future.key] = (k, future)
    done = len(tasks) - len(waiting)
    tell(done, len(tasks))
    for future in as_completed([future for _, future in waiting.values()]):
        k = waiting[future.key][0]
        found = future.result()
        with written_whole(files[k]) as beside:
            beside.write_text(json.dumps({"mark": mark, "result": found}), encoding="utf-8")
        results[k] = found
        done += 1
        tell(done, len(tasks))
    return [result for result in results if result is not None]


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
