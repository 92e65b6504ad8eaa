"""Recorded poses that nothing can be computed with are lost wherever a session is used."""

from dataclasses import replace
from io import StringIO

import numpy as np
import pytest
from rich.console import Console
from scipy.spatial.transform import RigidTransform

from nav.core.errors import IncompleteInput, Lost
from nav.core.frames import Pose
from nav.record.session.session_reader import open_session
from nav.record.session_export.session_content import SessionContent
from nav.record.session_replay.recorded_use import read_use
from nav.record.session_tools.session_check import check_session
from tests.record.pose_sessions import frames_of, write_pose_session


@pytest.mark.parametrize("spoilt", ["translation", "covariance", "systematic"])
@pytest.mark.parametrize("number", [1e300, np.nan, np.inf, -1.0])
def test_a_pose_of_absurd_numbers_is_lost_and_reported(tmp_path, spoilt, number):
    if spoilt == "translation" and number == -1.0:
        pytest.skip("a place like others")
    frames = frames_of([(RigidTransform.identity(), RigidTransform.identity())] * 3)
    seen = frames[1].tools["needle"]
    pose, matrix = seen.rig_from_tool, np.eye(6)
    matrix[0, 0] = number
    if spoilt == "translation":
        place = RigidTransform.from_translation([number, 0.0, 0.0])
        seen = replace(seen, rig_from_tool=Pose(place, pose.covariance))
    elif spoilt == "covariance":
        seen = replace(seen, rig_from_tool=Pose(pose.transform, matrix))
    else:
        seen = replace(seen, systematic=matrix)
    frames[1] = replace(frames[1], tools={**frames[1].tools, "needle": seen})
    folder = write_pose_session(tmp_path / "s", frames)
    replayed = [frame.tools["needle"] for frame in read_use(open_session(folder)).frames]
    exported = [each.tracked for each in SessionContent(folder).frames()]
    for tools in (replayed, [frame.tools["needle"] for frame in exported]):
        assert [isinstance(tool, Lost) for tool in tools] == [False, True, False]
        assert tools[1].code == (
            "reported_no_covariance" if number == -1.0 else "reported_not_finite"
        )
    assert isinstance(exported[1].pose("needle", "reference"), Lost)
    said = StringIO()
    with pytest.raises(IncompleteInput):
        check_session(folder, None, Console(file=said, width=1000))
    assert "that nothing can be computed with: needle; taken as lost" in said.getvalue()
