"""A poses.csv as a source of poses: what was tracked comes back with its errors."""

import csv

import numpy as np
import pytest
from hypothesis import given, settings
from scipy.spatial.transform import RigidTransform

from nav.core.errors import InputError, Lost
from nav.core.frames import Array, Pose, rigid
from nav.core.notice import Notice
from nav.core.tracked_frame import Tip, TrackedFrame, TrackedTool
from nav.record.pose_recording import PoseRecording
from nav.record.pose_rows import COLUMNS
from nav.record.pose_table import PosesWriter
from nav.tracking.pose_source import StatedErrors
from nav.tracking.tip import tip_in_reference
from nav.tracking.tool import Tool, ToolTip
from tests.synthetic import covariances, rigid_transforms, square_marker

TIP = ToolTip(np.array([0.35, -0.22, 110.4]), np.eye(3)[2], np.diag([0.01, 0.02, 0.04]))
NEEDLE = Tool("needle", "DICT_4X4_50", (square_marker(1),), TIP)
REFERENCE = Tool("reference", "DICT_4X4_50", (square_marker(2),))
NAMES = ("needle", "reference")
RIG_FROM_NEEDLE = rigid([0.7, -0.4, 1.1], [120.0, -80.0, 560.0])
RIG_FROM_REFERENCE = rigid([-1.9, 0.3, 0.2], [30.0, 95.0, 610.0])
SMALL = np.diag([0.02, 0.03, 0.05, 1e-4, 2e-4, 3e-4]) ** 2


def frame(
    number: int = 0,
    random: Array = SMALL,
    systematic: Array | None = None,
    place: RigidTransform = RIG_FROM_NEEDLE,
) -> TrackedFrame:
    systematic_covariance = np.zeros((6, 6)) if systematic is None else systematic
    tools = {
        "needle": TrackedTool(Pose(place, random), (1, 2), 0.02, systematic=systematic_covariance),
        "reference": TrackedTool(
            Pose(RIG_FROM_REFERENCE, SMALL), (3,), 0.02, systematic=systematic_covariance
        ),
    }
    return TrackedFrame(number, number / 30.0, tools)


def written(path, *frames: TrackedFrame, relative_to: str | None = "reference"):
    with path.open("w", newline="") as file:
        writer = PosesWriter(file, (NEEDLE, REFERENCE), relative_to)
        for tracked in frames:
            writer.write(tracked)
    return path


def edited(path, change):
    """The table with every row changed by a function."""
    with path.open(newline="") as file:
        rows = [change(row) for row in csv.DictReader(file)]
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    return path


def tip_of(tracked: TrackedFrame) -> Tip:
    tip = tip_in_reference(tracked, NEEDLE, "reference")
    assert isinstance(tip, Tip)
    return tip


@given(rigid_transforms(), covariances(6, 0.01), covariances(6, 0.01))
@settings(deadline=None, max_examples=30)
def test_the_tip_comes_back_with_its_random_and_systematic_errors(
    tmp_path_factory, place, random, systematic
):
    path = tmp_path_factory.mktemp("poses") / "poses.csv"
    before = frame(3, random, systematic, place)
    (after,) = PoseRecording(written(path, before), NAMES)
    expected, found = tip_of(before), tip_of(after)
    assert (after.number, after.time) == (3, pytest.approx(0.1))
    assert found.position == pytest.approx(expected.position, abs=1e-5)
    assert found.heading == pytest.approx(expected.heading, abs=1e-7)
    assert found.random == pytest.approx(expected.random, rel=1e-4, abs=1e-6)
    assert found.systematic == pytest.approx(expected.systematic, rel=1e-4, abs=1e-6)
    assert after.notices == ()


def test_frames_come_in_order_lost_with_their_reasons_and_again_from_the_start(tmp_path):
    hidden = frame(1)
    hidden = TrackedFrame(
        1, hidden.time, {**hidden.tools, "needle": Lost("hidden", {"cameras": ["left"]})}
    )
    source = PoseRecording(written(tmp_path / "p.csv", frame(0), hidden, frame(5)), NAMES)
    assert len(source) == 3
    for _ in range(2):
        frames = list(source)
        assert [tracked.number for tracked in frames] == [0, 1, 5]
        assert [isinstance(f.tools["needle"], Lost) for f in frames] == [False, True, False]
    assert frames[1].tools["needle"] == Lost("recorded_reason", {"text": "hidden from left"})
    assert frames[1].tools["reference"]
    source.close()


def test_a_tool_without_a_row_in_a_frame_is_lost_in_it(tmp_path):
    path = written(tmp_path / "p.csv", frame(0), frame(1))
    text = path.read_text().splitlines(keepends=True)
    path.write_text("".join(text[:3] + text[4:]))  # without the needle's second row
    frames = list(PoseRecording(path, NAMES))
    assert frames[1].tools["needle"] == Lost("no_row", {"tool": "needle"})
    assert frames[1].tools["reference"]


DOUBT = (Notice("geometry_doubtful", {"corners_px": 0.2}),)


def test_a_warning_comes_back(tmp_path):
    doubtful = TrackedTool(Pose(RIG_FROM_NEEDLE, SMALL), (1,), 0.02, warnings=DOUBT)
    tracked = frame()
    tracked = TrackedFrame(0, 0.0, {**tracked.tools, "needle": doubtful})
    (found,) = PoseRecording(written(tmp_path / "p.csv", tracked), NAMES)
    said = "geometry doubtful: corners 0.20 px off beyond noise"
    assert found.tools["needle"].warnings == (Notice("recorded_reason", {"text": said}),)


def test_a_table_in_the_rigs_frame_says_what_it_does_not_hold(tmp_path):
    path = written(tmp_path / "p.csv", frame(), relative_to=None)
    (found,) = PoseRecording(path, NAMES)
    assert tip_of(found).position == pytest.approx(tip_of(frame()).position, abs=1e-5)
    assert tip_of(found).random == pytest.approx(tip_of(frame()).random, rel=1e-4, abs=1e-6)
    (notice,) = found.notices
    assert notice == Notice("no_systematic_errors", {"file": "p.csv", "tool": "reference"})


def without_covariance(row):
    return {name: "" if name[0] == "p" and name[1:].isdigit() else v for name, v in row.items()}


def test_poses_without_covariance_need_a_stated_one(tmp_path):
    path = edited(written(tmp_path / "p.csv", frame(), relative_to=None), without_covariance)
    with pytest.raises(InputError, match=r"p\.csv: needle has rows without a covariance"):
        PoseRecording(path, NAMES)
    stated = StatedErrors(0.3, 0.004)
    (found,) = PoseRecording(path, NAMES, stated)
    reference = found.tools["reference"]
    expected = stated.covariance(RIG_FROM_REFERENCE)
    assert reference.systematic == pytest.approx(expected, rel=1e-6)
    assert np.trace(tip_of(found).systematic) > 3 * 2 * 0.3**2


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("frame", "0.5", r"line 4 \(frame 0.5\): frame: expected a whole number"),
        ("time", "-3", r"line 4 \(frame 1\): time: -3 is less than 0 in the row above"),
        ("time", "soon", r"line 4 \(frame 1\): time: expected a finite number"),
        ("qx", "3", r"line 4 \(frame 1\): qx to qw are not a unit quaternion"),
        ("p11", "-1", r"line 4 \(frame 1\): p00 to p55 are not a covariance"),
        ("frame", "0", r"line 4 \(frame 0\): needle appears twice in this frame"),
    ],
)
def test_a_damaged_row_is_refused(tmp_path, column, value, said):
    path = written(tmp_path / "p.csv", frame(0), frame(1))

    def change(row):
        second = row["frame"] == "1" and row["tool"] == "needle"
        return row | {column: value} if second else row

    with pytest.raises(InputError, match=said):
        PoseRecording(edited(path, change), NAMES)


def test_a_table_that_is_none_or_has_other_tools_is_refused(tmp_path):
    path = written(tmp_path / "p.csv", frame())
    with pytest.raises(InputError, match="no tool is called pointer; it has needle, reference"):
        PoseRecording(path, ("pointer",))
    path.write_text("label,x,y,z\nD1,1,2,3\n")
    with pytest.raises(InputError, match="lacks"):
        PoseRecording(path, NAMES)
