"""What another tracker reports of a tool: its pose with the stated errors, or why it is lost."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import RigidTransform

from nav.core.errors import InputError, Lost
from nav.core.frames import Pose, rigid
from nav.core.notice import Notice
from nav.tracking.pose_source import SILENCE, ReportedPose, StatedErrors, tracked_tool
from tests.synthetic import covariances, rigid_transforms

STATED = StatedErrors(0.2, 0.003)
PLACE = rigid([0.4, -0.9, 1.3], [120.0, -80.0, 900.0])


@given(rigid_transforms(), st.floats(0.01, 5.0), st.floats(1e-4, 0.1), st.floats(0.0, 300.0))
def test_stated_errors_move_a_point_by_its_lever_arm_from_the_tools_origin(
    rig_from_tool, position_sd, rotation_sd, arm
):
    stated = StatedErrors(position_sd, rotation_sd)
    pose = Pose(rig_from_tool, stated.covariance(rig_from_tool))
    _, covariance = pose.apply([0.0, 0.0, arm])
    along = rig_from_tool.rotation.as_matrix()[:, 2]
    across = position_sd**2 + (rotation_sd * arm) ** 2
    expected = across * np.eye(3) + (position_sd**2 - across) * np.outer(along, along)
    # rounding: of the lever arm about the rig's origin, too, which cancels
    far = np.linalg.norm(rig_from_tool.translation)
    size = across + (rotation_sd * far) ** 2
    assert covariance == pytest.approx(expected, rel=1e-9, abs=1e-12 * size)


@pytest.mark.parametrize(
    ("errors", "said"),
    [
        ((0.0, 0.01), "position_sd: expected a number above 0"),
        ((0.2, -0.01), "rotation_sd: expected a number above 0"),
        ((np.nan, 0.01), "position_sd"),
        ((0.2, np.inf), "rotation_sd"),
        ((2000.0, 0.01), "at most 1000 mm"),
    ],
)
def test_errors_that_are_none_are_refused(errors, said):
    with pytest.raises(InputError, match=said):
        StatedErrors(*errors)


def test_a_pose_without_covariance_has_the_stated_one_which_does_not_average_out():
    seen = tracked_tool("needle", ReportedPose(1.0, PLACE), 1.0, STATED)
    assert seen.rig_from_tool.transform.as_matrix() == pytest.approx(PLACE.as_matrix())
    assert not seen.rig_from_tool.covariance.any()
    assert seen.systematic == pytest.approx(STATED.covariance(PLACE))
    assert (seen.marker_ids, seen.rms_px, seen.cameras) == ((), None, ())


@given(covariances(6, 0.01))
def test_a_covariance_that_is_reported_counts_before_the_stated_one(covariance):
    seen = tracked_tool("needle", ReportedPose(1.0, PLACE, covariance), 1.0, STATED)
    assert seen.rig_from_tool.covariance == pytest.approx(covariance)
    assert not seen.systematic.any()


def test_a_doubtful_pose_has_the_trackers_words_as_warning():
    report = ReportedPose(1.0, PLACE, status="partially out of volume")
    assert tracked_tool("needle", report, 1.0, STATED).warnings == (
        Notice("tracker_status", {"status": "partially out of volume"}),
    )


NEGATIVE = np.diag([1.0, 1.0, -1.0, 1.0, 1.0, 1.0])


@pytest.mark.parametrize(
    ("report", "stated", "said"),
    [
        (None, STATED, "not_reported"),
        (ReportedPose(1.0, status="out of volume"), STATED, "not_seen_by_tracker_status"),
        (ReportedPose(1.0), STATED, "not_seen_by_tracker"),
        (ReportedPose(1.0, PLACE), None, "error_not_known"),
        (ReportedPose(1.0, PLACE, NEGATIVE), STATED, "reported_no_covariance"),
        (ReportedPose(1.0, PLACE, np.full((6, 6), np.nan)), None, "reported_no_covariance"),
        (
            ReportedPose(1.0, RigidTransform.from_translation([np.nan, 0.0, 0.0])),
            STATED,
            "reported_not_finite",
        ),
    ],
)
def test_status_and_what_is_no_pose_become_lost_with_the_reason(report, stated, said):
    assert_lost(tracked_tool("needle", report, 1.0, stated), said)


def assert_lost(seen, said):
    assert isinstance(seen, Lost)
    assert seen.code == said
    assert seen.facts["tool"] == "needle"


def test_silence_becomes_lost():
    report = ReportedPose(10.0, PLACE)
    assert tracked_tool("needle", report, 10.0 + 0.9 * SILENCE, STATED)
    assert_lost(tracked_tool("needle", report, 12.5, STATED), "report_late")
    assert tracked_tool("needle", report, 12.5, STATED).facts["seconds"] == pytest.approx(2.5)
    assert_lost(tracked_tool("needle", report, 10.06, STATED, silence=0.05), "report_late")
    # a clock that is none
    assert not tracked_tool("needle", report, np.nan, STATED)
