"""Small sessions, recorded once and copied for each test that changes them."""

import shutil
from pathlib import Path

import pytest

from tests.record.example_session import write_example_session
from tests.record.session_tools.pictured_session import write_pictured_session


@pytest.fixture(scope="session")
def recorded_once(tmp_path_factory) -> dict[str, Path]:
    parent = tmp_path_factory.mktemp("recorded")
    return {
        "ended": write_example_session(parent, code="p1", steps=24),
        "cut": write_example_session(parent, code="p2", steps=24, ended=False),
        "pictured": write_pictured_session(parent, code="p3"),
        "lossless": write_pictured_session(parent, lossless=True, code="p4", gap=False),
    }


@pytest.fixture
def sessions(recorded_once, tmp_path) -> dict[str, Path]:
    """Copies of a session that was ended, one that was not, and two with pictures."""
    parent = tmp_path / "sessions"
    return {
        name: Path(shutil.copytree(folder, parent / folder.name))
        for name, folder in recorded_once.items()
    }
