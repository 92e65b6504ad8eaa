"""Layout, sizes, labels, history, views: the window's parts that need no window."""

import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QLineF, QPointF, QRectF
from PySide6.QtGui import QFontMetricsF

from nav.live.messages import Sample
from nav.view.history import SPAN, History
from nav.view.label_placement import LabelPlacer
from nav.view.live_display import SceneState
from nav.view.shaft import USUAL_LENGTH, shaft_length
from nav.view.theme import Metrics, family, font
from nav.view.trackball import turned
from nav.view.viewpoints import FOLLOW, STANDARD, VIEWPOINTS, viewpoint
from nav.view.window_layout import places
from tests.view.window_scripts import simple_case, simple_needle

SIZES = [(1280, 800), (1366, 768), (1600, 1200), (1920, 1080), (1920, 1200), (3840, 2160)]


@pytest.mark.parametrize("size", SIZES)
def test_no_part_covers_another_or_leaves_the_window(size):
    width, height = size
    boxes = list(places(width, height).items())
    for name, box in boxes:
        assert box.x >= 0, name
        assert box.y >= 0, name
        assert box.right <= width, name
        assert box.bottom <= height, name
        assert box.width > 60, name
        assert box.height >= 0.02 * height, name
    for index, (name, a) in enumerate(boxes):
        for other, b in boxes[index + 1 :]:
            apart = a.right <= b.x or b.right <= a.x or a.bottom <= b.y or b.bottom <= a.y
            assert apart, (name, other)


@pytest.mark.parametrize("size", SIZES)
def test_capitals_of_the_distances_are_over_four_percent(qapp, size):
    metrics = Metrics(size[1])
    assert family() == "DejaVu Sans"
    assert QFontMetricsF(font(metrics.large, bold=True)).capHeight() >= 0.04 * size[1]


@pytest.mark.parametrize("size", SIZES)
def test_the_longest_gauge_text_fits_its_column(qapp, size):
    metrics = Metrics(size[1])
    g = metrics.grid
    column = places(*size)["cord"].width - 4.5 * g
    parts = [
        ("INSIDE", metrics.medium, True),
        ("9.9", metrics.large, True),
        ("mm", metrics.medium, False),
        ("up to 11.2", metrics.medium, False),
    ]
    widths = [QFontMetricsF(font(s, b)).horizontalAdvance(t) for t, s, b in parts]
    assert sum(widths) + 3 * g <= column


coordinate = st.floats(0, 1000)


@given(
    coordinate,
    coordinate,
    st.lists(st.tuples(coordinate, coordinate), max_size=3),
    st.floats(40, 250),
)
def test_labels_stay_in_the_room_and_off_each_other(x, y, others, width):
    room = QRectF(0, 0, 1000, 600)
    placer, taken = LabelPlacer(), []
    for index in range(2):
        ends = [QLineF(QPointF(x, y), QPointF(*end)) for end in others]
        box = placer.place(str(index), QPointF(x, min(y, 600)), (width, 30), room, taken, ends, 8)
        assert room.contains(box)
        assert not any(box.intersects(other) for other in taken)
        taken.append(box)


def test_a_label_stays_where_it_was_when_little_changes():
    placer, room = LabelPlacer(), QRectF(0, 0, 1000, 600)
    line = [QLineF(QPointF(0, 320), QPointF(400, 300))]
    places_ = []
    for step in range(20):
        anchor = QPointF(400 + step, 300 + 2 * np.sin(step))
        box = placer.place("cord", anchor, (120, 30), room, [], line, 8)
        places_.append((box.center() - anchor).toTuple())
    assert np.ptp(np.array(places_), axis=0).max() < 1e-6


def samples(times, value=5.0):
    return tuple(
        Sample(t, {"artery": (value, value - 1), "cord": (value + 2, value + 1)}) for t in times
    )


def test_history_breaks_the_line_where_nothing_came():
    history = History()
    history.add(samples(np.arange(0.0, 1.0, 0.02)), 1.0)
    history.add(samples(np.arange(3.0, 4.0, 0.02)), 4.0)
    at, value, bound = history.line("artery", 4.0)
    hole = np.isnan(value)
    # between 0.98 s, drawn on for a moment, and 3.0 s; and after the last
    assert at[hole] == pytest.approx([-2.92, 0.08])
    assert np.isnan(bound[hole]).all()
    assert np.all(np.diff(at) >= 0)
    assert set(value[~hole]) == {5.0}
    assert set(history.line("cord", 4.0)[2][~hole]) == {6.0}


def test_history_keeps_lost_samples_as_holes_and_forgets_old_ones():
    history = History()
    lost = Sample(0.5)
    history.add((*samples([0.4]), lost, *samples([0.6])), 0.6)
    value = history.line("cord", 0.6)[1]
    assert np.isnan(value).tolist() == [False, True, False, False, True]
    history.add(samples([SPAN + 0.55]), SPAN + 0.55)
    assert [s.at for s in history.samples] == [0.6, SPAN + 0.55]


def test_lone_samples_are_dashes_not_a_line():
    history = History()
    history.add(samples([1.0, 1.5, 2.0]), 2.0)
    at, value, _ = history.line("artery", 2.0)
    pieces = np.split(at, np.flatnonzero(np.isnan(value)) + 1)[:3]
    assert [np.ptp(piece) for piece in pieces] == pytest.approx([0.1] * 3)


def test_shaft_reaches_from_the_tip_to_the_nearest_marker():
    assert shaft_length(simple_needle()) == pytest.approx(95.0)
    tool = simple_needle()
    assert shaft_length(type(tool)("needle", tool.dictionary, tool.markers)) == USUAL_LENGTH


@pytest.mark.parametrize("name", VIEWPOINTS)
def test_named_views_look_at_the_target(name):
    case = simple_case()
    tip, heading = np.array([20.0, 7.0, 1.0]), np.array([-1.0, 0.0, 0.0])
    view = viewpoint(name, case, SceneState(tip, heading))
    if name == FOLLOW:
        assert view.focal == pytest.approx(tip)
        assert view.backwards == pytest.approx(-heading)
    else:
        assert view.focal == pytest.approx(case.plans[0].target)


def test_following_stays_where_it_is_without_a_needle():
    case = simple_case()
    last = viewpoint("left", case, None)
    assert viewpoint(FOLLOW, case, SceneState(), last) is last


def test_all_fiducials_are_in_the_view_when_they_are_to_be_touched():
    case = simple_case()
    labels = tuple(f.label for f in case.fiducials_for("register"))
    view = viewpoint(STANDARD, case, SceneState(fiducials=labels))
    points = view.project([f.position for f in case.fiducials_for("register")], 1400, 700)
    assert (points[:, :2] > 20).all()
    assert (points[:, :2] < (1380, 680)).all()


def test_turning_and_shifting_with_the_hand():
    view = viewpoint(STANDARD, simple_case(), None)
    size = (1400, 700)
    moved = turned(view, (70.0, 0.0), size, turn=True)
    assert moved.focal == pytest.approx(view.focal)
    assert moved.half_height == view.half_height
    # the hand pulls the near side along: a point towards the viewer goes right
    near = view.focal + 10 * view.backwards
    assert moved.project(near, *size)[0, 0] > view.project(near, *size)[0, 0] + 1
    down = turned(view, (0.0, 70.0), size, turn=True)
    assert down.project(near, *size)[0, 1] > view.project(near, *size)[0, 1] + 1
    shifted = turned(view, (30.0, -20.0), size, turn=False)
    way = shifted.project(near, *size)[0] - view.project(near, *size)[0]
    assert way == pytest.approx([30.0, -20.0, 0.0])


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="None cannot be freed from Python 3.12 on")
def test_the_qt_binding_does_not_use_up_none():
    # PySide6 6.12.0 drops a reference to None in every call that returns nothing, and so ends
    # Python 3.11 after some thousand calls
    box = QRectF()
    before = sys.getrefcount(None)
    for _ in range(1000):
        box.setWidth(1.0)
    assert sys.getrefcount(None) > before - 100
