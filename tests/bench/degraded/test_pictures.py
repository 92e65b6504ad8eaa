"""What moves the pictures of a rig that changes, and what a row of the table sums up."""

import numpy as np
import pytest

from tests.bench.degraded.pictures import FROM_MIDDLE, rig_changes
from tests.bench.degraded.summary import COLUMNS, markdown, summary
from tests.bench.tracking.measure import ITSELF, Record
from tests.synthetic import small_rig


@pytest.mark.parametrize("change", rig_changes(), ids=lambda change: change.name)
def test_a_changed_camera_shows_the_same_place_elsewhere_by_what_is_said(change):
    camera = small_rig(2).cameras[0]
    changed = change.of(camera)
    point = camera.camera_from_rig.inv().apply([[0.0, 0.0, 600.0]])
    moved = np.linalg.norm(changed.project(point) - camera.project(point))
    assert moved == pytest.approx(change.turned, abs=0.02)
    outside = camera.camera_from_rig.inv().apply(
        [[600.0 * FROM_MIDDLE / camera.matrix[0, 0], 0.0, 600.0]]
    )
    moved = np.linalg.norm(changed.project(outside) - camera.project(outside))
    assert moved == pytest.approx(change.turned + change.refocused, abs=0.03)


def record(errors, squares, warned):
    tips = [None if e is None else np.array([e, 0.0, 0.0]) for e in errors]
    return Record([0.1] * len(errors), tips={ITSELF: tips}, squares=squares, warned=warned)


def test_warned_frames_are_left_out_of_what_was_not_said():
    ours = record([0.1, None, 2.0, 3.0], [3.0, 100.0, 49.0], [False, True, False])
    other = Record(tips={"all corners": [np.array([0.3, 0.0, 0.4]), None]})
    row = summary("some", {"ours": ours, "OpenCV 5": other})
    assert (row.tracked, row.warned, row.inside, row.square) == (0.75, 1 / 3, 0.5, 26.0)
    assert (row.worst_sd, row.worst_mm, row.far) == (7.0, 3.0, 1)
    assert row.others == {"OpenCV 5": (0.5, 0.5)}
    assert len(row.cells()) == len(COLUMNS)


def test_a_row_without_any_pose_has_no_figures():
    row = summary("none", {"ours": record([None, None], [], [])})
    assert (
        markdown([row])[-1]
        == "| none | 2 | 0 | " + " | ".join([""] * 7 + ["0", "", "", "100"]) + " |"
    )
