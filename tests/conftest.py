"""What all tests share: property-based tests that are the same every time, small rigs and tools."""

import pytest
from hypothesis import settings

from nav.camera.rig import Rig
from nav.tracking.tool import Tool
from phantoms.twin.simulated_tools import needle_tool, reference_tool
from tests.synthetic import small_rig

settings.register_profile("same every time", derandomize=True, deadline=None, max_examples=60)
settings.load_profile("same every time")


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
