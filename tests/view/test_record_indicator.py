"""The window says whether it records, in letters for two metres, and takes marks."""

import math

import pytest
from PySide6.QtGui import QFontMetricsF

from nav.core.notice import Notice
from nav.view.live_display import record_of
from nav.view.record_indicator import WORD, RecordIndicator
from nav.view.theme import Metrics, font

RECORDING = Notice("recording", {"mb_per_s": 31.46, "minutes": 118, "pictures": 59.7})
FULL = Notice("not_recording", {"reason": Notice("disk_problem", {"problem": "No space left"})})
DROPPED = Notice("pictures_dropped", {"camera": "left", "count": 3})


@pytest.fixture
def indicator(qapp):
    found = RecordIndicator()
    found.set_metrics(Metrics(1080))
    found.resize(500, 40)
    return found


def ink(indicator):
    image = indicator.grab().toImage()
    colours = {}
    for y in range(image.height()):
        for x in range(image.width()):
            name = image.pixelColor(x, y).name()
            colours[name] = colours.get(name, 0) + 1
    return colours


def test_the_recorders_state_is_told_apart_from_notices():
    assert record_of((DROPPED, RECORDING)) == (RECORDING, (DROPPED,))
    assert record_of((FULL, DROPPED)) == (FULL, (FULL, DROPPED))
    assert record_of((DROPPED,)) == (None, (DROPPED,))


def test_rates_and_room_are_shown(indicator):
    indicator.show_record(RECORDING, ())
    assert indicator.lines == ("31.5 MB/s, 60 images/s", "118 min left, M: mark")
    poses = Notice("recording", {"mb_per_s": 0.061, "minutes": 19_000, "pictures": 0.0})
    indicator.show_record(poses, ())
    assert indicator.lines == ("0.1 MB/s", "316 h left, M: mark")


def test_why_nothing_is_recorded_is_shown(indicator):
    indicator.show_record(FULL, (FULL,))
    assert indicator.lines == ("No space left",)
    assert indicator.accessibleName() == "Not recording: No space left"


def test_recording_trouble_and_none_look_different(indicator):
    looks = []
    for record, notices in ((RECORDING, ()), (RECORDING, (DROPPED,)), (FULL, ()), (None, ())):
        indicator.show_record(record, notices)
        looks.append(ink(indicator))
    assert all(a != b for i, a in enumerate(looks) for b in looks[i + 1 :])
    assert len(looks[3]) == 1


def test_the_word_is_readable_from_two_metres(qapp):
    """16 arcmin at least (ISO 9241-3), on a screen of 24 inches with 1080 lines, 299 mm high."""
    capitals = QFontMetricsF(font(round(WORD * 1080), bold=True)).capHeight()
    arcmin = math.degrees(capitals * 299 / 1080 / 2000) * 60
    assert arcmin >= 16.0
    assert capitals <= 40  # the header
