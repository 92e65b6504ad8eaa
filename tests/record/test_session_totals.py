"""Totals of a session: what a list of sessions shows without reading the messages."""

import json

import pytest

from nav.record.session_totals import SessionTotals, totals_from_metadata

TRACKED, LOST = {"status": "tracked"}, {"status": "lost"}


def counted() -> SessionTotals:
    totals = SessionTotals()
    totals.add("/event", 5, {"kind": "started"})
    totals.add("/frame", 10, {"tools": {"needle": TRACKED, "reference": TRACKED}})
    totals.add("/frame", 30, {"tools": {"needle": LOST, "reference": TRACKED}})
    for number, bound in ((1, 4.0), (2, 1.5), (3, 2.0)):
        near = {"name": "artery left", "role": "artery", "bound": bound}
        totals.add("/guidance", 10 * number, {"number": number, "structures": [near]})
    totals.add("/guidance", 40, {"number": 4, "structures": {"code": "not_registered"}})
    totals.add_picture("left", 2_000_000_005)
    return totals


def test_totals_count_frames_losses_and_the_least_bound():
    totals = counted()
    assert (totals.frames, totals.complete, totals.share_tracked) == (2, 1, 0.5)
    assert dict(totals.tracked) == {"needle": 1, "reference": 2}
    least = totals.least["artery"]
    assert (least.bound, least.name, least.number, least.log_time) == (1.5, "artery left", 2, 20)
    assert totals.seconds == 2.0
    assert dict(totals.pictures) == {"left": 1}


def test_totals_come_back_from_the_metadata_record():
    totals = counted()
    assert totals_from_metadata(totals.to_metadata()) == totals
    assert all(isinstance(value, str) for value in totals.to_metadata().values())


def test_without_frames_no_share_is_made_up():
    assert SessionTotals().share_tracked is None
    assert SessionTotals().seconds == 0.0


@pytest.mark.parametrize("key", ["frames", "least", "tracked"])
def test_other_metadata_are_refused(key):
    table = counted().to_metadata()
    del table[key]
    with pytest.raises(ValueError, match="no totals"):
        totals_from_metadata(table)
    with pytest.raises(ValueError, match="no totals"):
        totals_from_metadata({**counted().to_metadata(), key: json.dumps(None)})
