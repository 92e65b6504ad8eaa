"""A recording that is killed, or cut at any byte, has lost a quarter of a second at most."""

import pytest

from tests.bench.record.kills import cut_everywhere, kill_many
from tests.record.example_session import write_example_session

MOST = 0.25  # s
BUSY = 4.0  # times as long on a machine that other tests keep busy


def test_killed_at_random_moments():
    losses = kill_many(8, seed=3)
    assert not any(loss.damaged for loss in losses)
    seconds = sorted(loss.seconds for loss in losses)
    assert seconds[len(seconds) // 2] < MOST
    assert seconds[-1] < BUSY * MOST


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    return write_example_session(tmp_path_factory.mktemp("finished"), steps=20)


def test_cut_at_every_border_and_at_random_bytes(finished):
    losses = cut_everywhere(finished, random=60)
    assert len(losses) > 80
    assert not any(loss.damaged for loss in losses)
    # blocks of the example hold eight results of 30 per second
    assert max(loss.seconds for loss in losses) < 8 / 30
