"""Sessions that the tests of replays share; they are only read."""

import pytest

from nav.record.session.session_reader import open_session
from nav.record.session_replay.recorded_use import read_use
from nav.record.session_replay.replay_setup import ReplayOptions
from nav.record.session_replay.replay_work import open_for_replay
from tests.record.example_session import write_example_session
from tests.record.session_replay.small_sessions import write_second_registration_session


@pytest.fixture(scope="session")
def example(tmp_path_factory):
    """A session from poses: registration, verification, a plan, a mark, the cord."""
    return write_example_session(tmp_path_factory.mktemp("example"))


@pytest.fixture(scope="session")
def twice(tmp_path_factory):
    """A session with a second registration and alarms."""
    return write_second_registration_session(tmp_path_factory.mktemp("twice"))


@pytest.fixture
def opened():
    """Return setup and recorded use of a session."""

    def opened(session):
        found = open_for_replay(ReplayOptions(session))
        return found.setup, read_use(open_session(session))

    return opened
