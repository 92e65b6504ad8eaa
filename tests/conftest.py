"""What all tests share: property-based tests that are the same every time, small rigs and tools."""

from pathlib import Path

import pytest
from hypothesis import settings

from nav.camera.rig import Rig
from nav.tracking.tool import Tool
from phantoms.twin.simulated_tools import needle_tool, reference_tool
from tests.synthetic import small_rig

settings.register_profile("same every time", derandomize=True, deadline=None, max_examples=60)
settings.load_profile("same every time")


ROOT = Path(__file__).parents[1]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of the files that take longest."""
    lines = (ROOT / "tests" / "long_tests.txt").read_text(encoding="utf-8").splitlines()
    long = {ROOT / line for line in lines if line and not line.startswith("#")}
    missing = [str(path) for path in long if not path.exists()]
    assert not missing, f"tests/long_tests.txt names files that are not there: {missing}"
    for item in items:
        if item.path in long:
            item.add_marker(pytest.mark.long)


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
