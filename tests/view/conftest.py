"""What the tests of the window share."""

import os
import sys

import pytest

from tests.view.window_scripts import FakeFeed, Script, simple_case, simple_needle

if sys.platform.startswith("linux") and not os.environ.get("DISPLAY"):
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")


@pytest.fixture(scope="session")
def case():
    return simple_case()


@pytest.fixture(scope="session")
def needle():
    return simple_needle()


@pytest.fixture
def script(case):
    return Script(case)


@pytest.fixture
def feed():
    return FakeFeed()
