"""Sessions of every format version are replayed, with the numbers that were recorded."""

import pytest

from nav.record.session.session_format import FORMAT_VERSION, FRAME
from nav.record.session_replay.compare_replay import compare_replay
from nav.record.session_replay.replay_setup import ReplayOptions
from tests.record.session_replay.version_sessions import KEPT, MOST_BYTES

SESSIONS = sorted(path.name for path in KEPT.iterdir())


def test_every_version_has_its_sessions_and_they_are_small():
    wanted = {f"{v}-{kind}" for v in range(1, FORMAT_VERSION + 1) for kind in ("poses", "pictures")}
    assert set(SESSIONS) == wanted
    for name in SESSIONS:
        assert sum(path.stat().st_size for path in (KEPT / name).iterdir()) < MOST_BYTES


@pytest.mark.parametrize("name", SESSIONS)
@pytest.mark.parametrize("pictures", [False, True])
def test_it_is_replayed_with_the_numbers_that_were_recorded(name, pictures):
    """Not to the bit: the processor that runs this may round otherwise than the one that wrote."""
    if pictures and not name.endswith("pictures"):
        pytest.skip("recorded without pictures")
    opened, comparison = compare_replay(ReplayOptions(KEPT / name, pictures))
    assert comparison.equal, comparison.first
    assert (comparison.missing, comparison.added) == ((), ())
    assert comparison.stages[0] == comparison.stages[1]
    compared = {d.name: d.compared for d in comparison.deviations}
    assert compared["tip in model"] == opened.reader.counts[FRAME] >= 8
