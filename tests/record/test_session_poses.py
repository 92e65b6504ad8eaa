"""Sessions as sources of poses: the same frames, and every command takes them."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from scipy.spatial.transform import RigidTransform

from nav.core.errors import InputError, Lost
from nav.core.files import sha256
from nav.core.frames import Pose
from nav.record.pose_recording import PoseRecording
from nav.record.recorded_poses import has_poses, open_recorded_poses
from nav.registration.registration_result import load_registration_file
from nav.tracking.tool import load_tool
from tests.record.example_session import example_use, write_example_session
from tests.record.pose_sessions import MOTIONS, frames_of, write_pose_session
from tests.record.test_session_format import bits
from tests.record.test_session_tables import export
from tests.registration import test_register_points
from tests.registration.test_register_points import register, touched
from tests.registration.touch_poses import write_touch_poses

NAMES = ("needle", "reference")
bench = test_register_points.bench


def problem(path: Path, tools=NAMES) -> str:
    with pytest.raises(InputError) as told:
        open_recorded_poses(path, tools)
    line = str(told.value)
    assert "\n" not in line
    return line


def test_the_frames_of_a_session_come_back_bit_for_bit(tmp_path):
    session, use = example_use(tmp_path, steps=12)
    for path in (session, session / "session.mcap"):
        assert has_poses(path)
        source = open_recorded_poses(path, NAMES)
        assert len(source) == len(use.frames)
        assert list(source.times.values()) == [f.time for f in use.frames]
        for _ in range(2):  # again from the start
            assert [bits(f) for f in source] == [bits(f) for f in use.frames]


@given(MOTIONS)
@settings(deadline=None, max_examples=25)
def test_any_motion_comes_back(tmp_path_factory, motion):
    frames = frames_of(motion)
    session = write_pose_session(tmp_path_factory.mktemp("motion") / "s", frames)
    assert [bits(f) for f in open_recorded_poses(session, NAMES)] == [bits(f) for f in frames]


def test_a_recording_that_was_played_twice_is_taken_once(tmp_path):
    frames = frames_of([(None, None)] * 4)
    source = open_recorded_poses(write_pose_session(tmp_path / "s", frames * 2), NAMES)
    assert len(source) == len(list(source)) == 4


def test_a_cut_session_is_read_as_far_as_it_goes_and_says_so(tmp_path):
    session = write_example_session(tmp_path, steps=12, ended=False)
    record = session / "session.mcap"
    record.write_bytes(record.read_bytes()[:-500])
    frames = list(open_recorded_poses(session, NAMES))
    assert len(frames) > 20
    (notice,) = frames[0].notices
    assert (notice.code, notice.facts["file"]) == ("session_cut", "session.mcap")


@pytest.mark.parametrize("variance", [-1.0, 1.7e308])
def test_a_tool_whose_errors_are_no_covariance_is_lost(tmp_path, variance):
    frames = frames_of([(RigidTransform.identity(), None)] * 3)
    seen = frames[1].tools["needle"]
    covariance = seen.rig_from_tool.covariance.copy()
    covariance[0, 0] = variance
    spoilt = replace(seen, rig_from_tool=Pose(seen.rig_from_tool.transform, covariance))
    frames[1] = replace(frames[1], tools={**frames[1].tools, "needle": spoilt})
    write_pose_session(tmp_path / "s", frames)
    source = open_recorded_poses(tmp_path / "s", NAMES)
    found = [frame.tools["needle"] for frame in source]
    assert [isinstance(tool, Lost) for tool in found] == [False, True, False]
    assert found[1].code == "reported_no_covariance"


def test_what_is_no_session_or_lacks_a_tool_is_refused(tmp_path):
    session = write_pose_session(tmp_path / "s", frames_of([(None, None)]))
    assert "no tool is called probe; it has needle, reference" in problem(session, ("probe",))
    empty = write_pose_session(tmp_path / "empty", [])
    assert "no tool is called needle; it has no frames" in problem(empty)
    other = tmp_path / "other.mcap"
    other.write_bytes((session / "session.mcap").read_bytes())
    assert "other.mcap: " in problem(other)
    assert not has_poses(tmp_path)


def test_touches_in_a_session_and_in_its_exports_register_alike(bench):
    needle, reference = (load_tool(bench / f"{name}.toml") for name in NAMES)
    write_touch_poses(bench / "poses.csv", list(touched(3)), needle, reference)
    frames = list(PoseRecording(bench / "poses.csv", NAMES))
    tools = {f"tools/{name}.toml": (bench / f"{name}.toml").read_bytes() for name in NAMES}
    session = write_pose_session(bench / "session", frames, attachments=tools)
    options = ["--tool", str(bench / "needle.toml")]
    options += ["--reference-file", str(bench / "reference.toml")]
    assert "exit 0" in register(bench, "poses.csv", *options)
    wanted, _ = load_registration_file(bench / "registration.toml")
    for source in ("session", "german.csv"):
        if source.endswith(".csv"):
            assert export(session, "--output", bench / source, "--decimal-comma") == 0
        assert "exit 0" in register(bench, source, *options), source
        found, file = load_registration_file(bench / "registration.toml")
        pose, other = found.model_from_reference, wanted.model_from_reference
        assert pose.transform.as_matrix() == pytest.approx(other.transform.as_matrix(), abs=1e-6)
        assert pose.covariance == pytest.approx(other.covariance, rel=1e-4)
        if source.startswith("session"):
            (own,) = (entry for entry in file.input if entry.file.endswith("session.mcap"))
            assert own.sha256 == sha256(session / "session.mcap")
    stated = ("--position-sd", "0.1", "--rotation-sd-deg", "0.1")
    for source in ("t.igs.mha", "t.xml"):
        assert export(session, "--output", bench / source) == 0
        assert "exit 0" in register(bench, source, *options, *stated), source
        found, _ = load_registration_file(bench / "registration.toml")
        at = [20.0, 0.0, 80.0]
        off = found.model_from_reference.transform.apply(at)
        off -= wanted.model_from_reference.transform.apply(at)
        assert abs(off).max() < 0.05  # other weights of the touches, the same touches
