"""MetaIO sequences of PLUS and 3D Slicer: poses, times and status as they were written."""

import re
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nav.core.errors import InputError, Lost
from nav.core.tracked_frame import TrackedTool
from nav.record.metaio_sequence import MetaIOSequence
from nav.record.recorded_poses import open_recorded_poses, stated_errors
from nav.tracking.pose_source import StatedErrors
from tests.reference_data import reference_data
from tests.synthetic import rigid_transforms

STATED = StatedErrors(0.2, 0.003)
TOOLS = ("stylus", "reference")
RECORDING = "EightLandmarkPointsTrackedForPhantomRegistration.igs.mha"


@dataclass
class Recorded:
    """One frame as a file has it: a field by its name."""

    matrices: dict
    time: float
    status: dict = field(default_factory=dict)


def row(matrix) -> str:
    return " ".join(repr(float(number)) for number in np.asarray(matrix).ravel())


def content(frames: list[Recorded], size: str | None = None, data: bytes = b"") -> bytes:
    lines = ["ObjectType = Image", "NDims = 3", "CompressedData = True"]
    lines += [f"DimSize = {size or f'4 5 {len(frames)}'}", "UltrasoundImageOrientation = MFA"]
    for number, frame in enumerate(frames):
        for name, matrix in frame.matrices.items():
            key = f"Seq_Frame{number:04d}_{name}Transform"
            lines += [f"{key} = {row(matrix)}", f"{key}Status = {frame.status.get(name, 'OK')}"]
        lines += [f"Seq_Frame{number:04d}_Timestamp = {frame.time!r}"]
        lines += [f"Seq_Frame{number:04d}_ImageStatus = OK"]
    return "\n".join([*lines, "ElementDataFile = LOCAL", ""]).encode() + data


def frames(count: int = 3) -> list[Recorded]:
    names = ("StylusToTracker", "ReferenceToTracker")
    return [Recorded(dict.fromkeys(names, np.eye(4)), 10.0 + 0.05 * k) for k in range(count)]


def written(folder: Path, recorded: list[Recorded], **more) -> Path:
    path = folder / "poses.igs.mha"
    path.write_bytes(content(recorded, **more))
    return path


def problem(path: Path, tools=TOOLS) -> str:
    with pytest.raises(InputError) as told:
        MetaIOSequence(path, tools, STATED)
    line = str(told.value)
    assert line.startswith(str(path))
    assert "\n" not in line
    return line.removeprefix(f"{path}: ")


@given(
    st.lists(
        st.tuples(
            rigid_transforms(),
            rigid_transforms(),
            st.sampled_from(["OK", "INVALID", "OUT_OF_VIEW", "MISSING"]),
        ),
        min_size=1,
        max_size=6,
    ),
    st.binary(max_size=40),
)
@settings(deadline=None, max_examples=40)  # fmt: skip
def test_poses_times_and_status_come_back(tmp_path_factory, given_frames, data):
    recorded = [
        Recorded(
            {"StylusToTracker": a.as_matrix(), "ReferenceToTracker": b.as_matrix()},
            0.1 * k,
            {"StylusToTracker": status},
        )
        for k, (a, b, status) in enumerate(given_frames)
    ]
    path = written(tmp_path_factory.mktemp("mha"), recorded, data=data)
    source = MetaIOSequence(path, TOOLS, STATED)
    assert len(source) == len(recorded)
    for _ in range(2):  # again from the start
        for (a, b, status), was, tracked in zip(given_frames, recorded, source, strict=True):
            assert tracked.time == was.time
            reference = tracked.tools["reference"].rig_from_tool.transform
            assert reference.as_matrix() == pytest.approx(b.as_matrix(), abs=1e-9)
            stylus = tracked.tools["stylus"]
            if status == "OK":
                relative = tracked.pose("stylus", "reference").transform.as_matrix()
                assert relative == pytest.approx((b.inv() * a).as_matrix(), abs=1e-8)
                covariance = STATED.covariance(stylus.rig_from_tool.transform)
                assert stylus.systematic == pytest.approx(covariance)
            else:
                facts = {"tool": "stylus", "status": status}
                assert stylus == Lost("not_seen_by_tracker_status", facts)


def test_what_a_lost_tool_has_as_its_matrix_does_not_matter(tmp_path):
    recorded = frames(2)
    recorded[1].matrices = {**recorded[1].matrices, "StylusToTracker": np.full((4, 4), np.nan)}
    recorded[1].status = {"StylusToTracker": "MISSING"}
    first, second = MetaIOSequence(written(tmp_path, recorded), TOOLS, STATED)
    assert isinstance(first.tools["stylus"], TrackedTool)
    assert isinstance(second.tools["stylus"], Lost)


def test_a_transform_that_a_frame_does_not_have_is_a_lost_tool(tmp_path):
    recorded = frames(2)
    recorded[1].matrices = {"ReferenceToTracker": np.eye(4)}
    _, second = MetaIOSequence(written(tmp_path, recorded), TOOLS, STATED)
    assert second.tools["stylus"] == Lost("not_reported", {"tool": "stylus"})


def test_the_tool_of_the_common_frame_is_there_without_an_error(tmp_path):
    recorded = [Recorded({"StylusToReference": np.eye(4)}, 0.0)]
    (tracked,) = MetaIOSequence(written(tmp_path, recorded), TOOLS, STATED)
    reference = tracked.tools["reference"]
    assert reference.rig_from_tool.transform.as_matrix() == pytest.approx(np.eye(4))
    assert not reference.systematic.any()


@pytest.mark.parametrize(
    ("matrix", "said"),
    [
        (np.diag([0.2, 0.2, 1.0, 1.0]), "scales"),
        (np.diag([25.4, 25.4, 25.4, 1.0]), "scales"),
        (np.diag([-1.0, 1.0, 1.0, 1.0]), "mirrors"),
        (np.eye(4) + np.eye(4, k=1) * [[0.3], [0], [0], [0]], "scales|shears"),
        (np.eye(4) * [[1], [1], [1], [2]], "last row"),
        (np.full((4, 4), np.nan), "finite number, got nan"),
        (np.full((4, 4), np.inf), "finite number, got inf"),
        (np.eye(4) + 1e9 * np.eye(4, k=3), "mm away"),
        (np.eye(3), "16 numbers, got 9"),
    ],
)
def test_a_matrix_that_is_not_rigid_is_refused(tmp_path, matrix, said):
    recorded = frames()
    recorded[1].matrices = {**recorded[1].matrices, "StylusToTracker": matrix}
    line = problem(written(tmp_path, recorded))
    assert line.startswith("frame 1: StylusToTrackerTransform: ")
    assert re.search(said, line)


@pytest.mark.parametrize(
    ("time", "said"), [(10.05, "frame before"), (9.0, "order of time"), (np.nan, "finite")]
)
def test_times_that_do_not_increase_are_refused(tmp_path, time, said):
    recorded = frames()
    recorded[2].time = time
    assert said in problem(written(tmp_path, recorded))


def test_other_counts_than_the_header_says_are_refused(tmp_path):
    assert "DimSize says 7 frames" in problem(written(tmp_path, frames(), size="0 0 7"))
    path = written(tmp_path, frames())
    path.write_bytes(re.sub(rb"Seq_Frame0001_.*\n", b"", path.read_bytes()))
    assert problem(path).startswith("frame 1 is missing")
    path = written(tmp_path, frames())
    path.write_bytes(re.sub(rb"Seq_Frame0001_Timestamp.*\n", b"", path.read_bytes()))
    assert problem(path) == "frame 1: Timestamp: is missing"
    again = content(frames()).replace(b"Seq_Frame0002_T", b"Seq_Frame0001_T")
    path.write_bytes(again)
    assert "appears twice" in problem(path)


@given(st.floats(0.0, 1.0))
@settings(deadline=None, max_examples=40)
def test_a_header_that_was_cut_is_refused_wherever(tmp_path_factory, share):
    whole = content(frames())
    end = whole.index(b"ElementDataFile")
    path = tmp_path_factory.mktemp("cut") / "cut.mha"
    path.write_bytes(whole[: int(share * (end + len(b"ElementDataFile") - 1))])
    problem(path)


def test_images_in_the_file_or_beside_it_are_not_needed(tmp_path):
    (tmp_path / "a.mhd").write_bytes(content(frames()).replace(b"LOCAL", b"missing.zraw"))
    assert len(open_recorded_poses(tmp_path / "a.mhd", TOOLS, STATED)) == 3


def test_other_files_are_refused(tmp_path):
    path = tmp_path / "other.mha"
    path.write_bytes(b"\x89PNG" + bytes(range(256)) * 300)
    assert "MetaIO" in problem(path)
    path.write_bytes(b"ObjectType = " + b"x" * 100_000)
    assert "line 1" in problem(path)
    path.write_bytes(b"DimSize = 3 3 3\nElementDataFile = LOCAL\n" + bytes(27))
    assert "has no fields Seq_Frame0000_" in problem(path)
    assert "no such file" in problem(tmp_path / "missing.mha")


def test_a_tool_that_is_not_there_is_named_with_what_is(tmp_path):
    line = problem(written(tmp_path, frames()), ("probe", "reference"))
    assert "probe and reference" in line
    assert "StylusToTracker, ReferenceToTracker" in line


def test_errors_must_be_stated(tmp_path):
    with pytest.raises(InputError, match="--position-sd and --rotation-sd-deg"):
        open_recorded_poses(written(tmp_path, frames()), TOOLS)
    assert stated_errors(None, None) is None
    assert stated_errors(0.2, 1.0) == StatedErrors(0.2, np.pi / 180)
    for given_one in ((0.2, None), (None, 1.0)):
        with pytest.raises(InputError, match="both"):
            stated_errors(*given_one)


def test_tables_are_still_read_as_tables(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        open_recorded_poses(tmp_path / "poses.csv", TOOLS)


def test_a_real_recording_of_plus_is_read():
    source = MetaIOSequence(
        reference_data("tracker", "plus-fcal-landmarks") / RECORDING, TOOLS, STATED
    )
    tracked = list(source)
    assert len(tracked) == 1000
    assert (tracked[0].time, tracked[-1].time) == (280.4611428572264, 347.0668714287492)
    stylus = tracked[0].tools["stylus"].rig_from_tool.transform
    assert stylus.translation == pytest.approx([315.55283203125, 9.82265625, -36.05361328125])
    # as in the file: tracker_from_stylus, to the rounding of the tracker's quaternions
    assert stylus.as_matrix()[0, :3] == pytest.approx([0.68393, 0.36068, -0.63430], abs=5e-4)
