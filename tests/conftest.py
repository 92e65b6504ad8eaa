"""What all tests share: property-based tests that are the same every time, small rigs and tools."""

import gc
import os

# one process of the tests per processor: threads of linear algebra would wait for each other, which
# takes up to thirty times as long; before NumPy is loaded, and for child processes
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from nav.camera.rig import Rig
from nav.tracking.tool import Tool
from phantoms import store
from phantoms.twin.simulated_tools import needle_tool, reference_tool
from tests.synthetic import small_rig

settings.register_profile("same every time", derandomize=True, deadline=None, max_examples=60)
settings.load_profile("same every time")

# all necks of the tests: what one process has made serves the others, and the next run
store.KEPT = 300

ROOT = Path(__file__).parents[1]
# files whose tests share what takes long to make run in one process, after each other
TOGETHER = {"tests/reconstruction/test_correction.py": "tests/reconstruction/test_pipeline.py"}


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Leave what is loaded to find the tests out of every later search for garbage.

    Modules and thousands of tests stay until the end; every full search of Python's collector would
    go through all of them, which takes up to a tenth of the time of all tests.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.collect()
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of the files that take longest, and run those first.

    So the processes that share the tests end together, and code that is compiled at the first run
    is compiled by one of them while the others do something else.
    """
    lines = (ROOT / "tests" / "long_tests.txt").read_text(encoding="utf-8").splitlines()
    entries = [line.split() for line in lines if line and not line.startswith("#")]
    seconds = {ROOT / path: float(number) for number, path in entries}
    missing = [str(path) for path in seconds if not path.exists()]
    assert not missing, f"tests/long_tests.txt names files that are not there: {missing}"
    for item in items:
        if item.path in seconds:
            item.add_marker(pytest.mark.long)
    items.sort(key=lambda item: -seconds.get(item.path, 0.0))  # stable


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Give each process whole files, or files that belong together."""
    from xdist.scheduler import LoadFileScheduling

    class Scheduling(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = super()._split_scope(nodeid)
            return TOGETHER.get(file, file)

    return Scheduling(config, log)


@pytest.fixture(scope="session")
def rig() -> Rig:
    """Two cameras that see the needle's carrier and little else: pictures of 288 x 240."""
    return small_rig(2)


@pytest.fixture(scope="session")
def one_camera() -> Rig:
    """The same with one camera, straight above."""
    return small_rig(1)


@pytest.fixture(scope="session")
def needle() -> Tool:
    return needle_tool()


@pytest.fixture(scope="session")
def reference() -> Tool:
    return reference_tool()
