"""Necks that are made once for a file of tests."""

import pytest

from tests.phantoms.soft import NECKS, Neck


@pytest.fixture(scope="module")
def necks():
    return {name: Neck(p) for name, p in NECKS.items()}


@pytest.fixture(scope="module")
def standard(necks):
    return necks["standard"]
