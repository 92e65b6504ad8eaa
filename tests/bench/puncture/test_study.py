"""The study goes on where it was, loses nothing with a worker, and counts right."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from distributed import Client, LocalCluster

from nav.accuracy.study.resumable_tasks import run_tasks
from nav.core.errors import InputError
from tests.bench.puncture.needle import draw_bend
from tests.bench.puncture.passes import Shown
from tests.bench.puncture.small_task import task
from tests.bench.puncture.summary import _interval, coverage_table


@pytest.fixture
def client() -> Iterator[Client]:
    """Two worker processes."""
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address="127.0.0.1:0") as cluster,
        Client(cluster) as found,
    ):
        yield found


def run(client: Client, folder: Path, mark: str, dies: int | None = None) -> list[dict[str, Any]]:
    tasks = [(task, (k, folder, k == dies)) for k in range(4)]
    files = [folder / f"{k}.json" for k in range(4)]
    return run_tasks(client, tasks, files, {"code": mark}, lambda done, total: None)


def runs(folder: Path) -> list[int]:
    return [len((folder / f"{k}.runs").read_text()) for k in range(4)]


def test_results_are_kept_and_only_missing_or_outdated_ones_made(
    client: Client, tmp_path: Path
) -> None:
    assert [r["number"] for r in run(client, tmp_path, "a")] == [0, 1, 2, 3]
    (tmp_path / "2.json").unlink()
    assert [r["number"] for r in run(client, tmp_path, "a")] == [0, 1, 2, 3]
    assert runs(tmp_path) == [1, 1, 2, 1]
    run(client, tmp_path, "b")
    assert runs(tmp_path) == [2, 2, 3, 2]
    assert json.loads((tmp_path / "0.json").read_text())["mark"] == {"code": "b"}


def test_another_file_is_kept(tmp_path: Path) -> None:
    (tmp_path / "1.json").write_text("{ notes")
    with pytest.raises(InputError, match=r"1\.json: is no result of this study"):
        run(None, tmp_path, "a")  # type: ignore[arg-type]
    assert (tmp_path / "1.json").read_text() == "{ notes"


def test_a_killed_worker_loses_nothing(client: Client, tmp_path: Path) -> None:
    assert [r["number"] for r in run(client, tmp_path, "a", dies=1)] == [0, 1, 2, 3]
    assert runs(tmp_path)[1] >= 2


def test_bounds_are_counted_at_the_target_and_on_the_way() -> None:
    def neck(trues: list[float]) -> dict[str, Any]:
        rows = [
            Shown("stiff", "cord", "cord", 50.0 - left, left, 3.0, 2.0, true)
            for left, true in zip((4.0, 0.0), trues, strict=True)
        ]
        found = [[getattr(r, f) for f in Shown.__dataclass_fields__] for r in rows]
        return {"punctures": [{"said": "", "rows": found}]}

    table = coverage_table([neck([2.5, 2.5]), neck([1.0, 2.0]), neck([2.5, 1.9])])
    cells = [list(column.cells) for column in table.columns]
    assert cells[1] == ["cord"]
    assert cells[2] == ["3"]
    assert cells[3] == ["66.7"]
    assert cells[5] == ["66.7"]
    assert cells[7] == ["-1.00"]


def test_interval_knows_that_punctures_of_a_neck_are_alike() -> None:
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(20), 10)
    alike = np.repeat(rng.random(20) < 0.9, 10)
    apart = rng.random(200) < 0.9
    wide, narrow = _interval(groups, alike), _interval(groups, apart)
    assert wide[1] - wide[0] > 1.5 * (narrow[1] - narrow[0])
    low, high = _interval(groups, np.ones(200, bool))
    assert high == 1.0
    assert 0.8 < low < 0.9  # 20 necks cannot show more


def test_needles_bend_as_far_as_was_measured_and_to_the_opening() -> None:
    rng = np.random.default_rng(1)
    heading, opening = np.array([1.0, 0.0, 0.0]), np.array([0.0, 0.0, -1.0])
    drifts = np.array([draw_bend(rng, True).drift(50.0, heading, opening) for _ in range(400)])
    assert np.abs(drifts[:, 0]).max() < 1e-9
    assert 2.2 < (drifts @ opening).mean() < 3.0
    assert abs(drifts[:, 1].mean()) < 0.15
    anywhere = np.array([draw_bend(rng, False).drift(50.0, heading, opening) for _ in range(400)])
    assert np.linalg.norm(anywhere.mean(axis=0)) < 0.3
    assert draw_bend(rng, True).drift(-3.0, heading, opening).tolist() == [0.0, 0.0, 0.0]
