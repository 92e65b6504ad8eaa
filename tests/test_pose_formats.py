"""Formats of tracked poses: another one is one file and one row of the table."""

import json
from contextlib import closing

import pytest

from nav.core import pose_formats
from nav.core.errors import InputError, Lost
from nav.core.filekinds import POSES, file_kind
from nav.core.frames import Pose, rigid
from nav.core.pose_formats import POSE_FORMATS, PoseFormat, open_pose_writer
from nav.core.tracked_frame import TrackedFrame, TrackedTool
from nav.options import SUFFIXES, pose_suffixes
from nav.record.pose_table import COLUMNS
from nav.tracking.tool import Tool
from tests.synthetic import square_marker

NEEDLE = Tool("needle", "DICT_4X4_50", (square_marker(1),))
PLACE = rigid([0.1, 0.2, 0.3], [1.0, 2.0, 600.0])
FRAMES = (
    TrackedFrame(0, 0.0, {"needle": TrackedTool(Pose(PLACE))}),
    TrackedFrame(1, 0.1, {"needle": Lost("hidden", {"cameras": ["left"]})}),
)
LINES = '{"format": "lines of poses"}'


class PoseLines:
    """A format of another lab: one JSON list per line."""

    def __init__(self, file, tools, relative_to):
        self.file, self.tools, self.relative_to = file.open("w"), tools, relative_to
        self.file.write(LINES + "\n")

    def write(self, tracked):
        for tool in self.tools:
            pose = tracked.pose(tool.name, self.relative_to)
            at = None if isinstance(pose, Lost) else pose.transform.translation.tolist()
            print(json.dumps([tracked.number, tool.name, at]), file=self.file)

    def close(self):
        self.file.close()


@pytest.fixture
def lines(monkeypatch):
    row = PoseFormat((".jsonl",), LINES.encode(), f"{__name__}:PoseLines")
    monkeypatch.setattr(pose_formats, "POSE_FORMATS", (*POSE_FORMATS, row))


def write(path, *frames):
    with closing(open_pose_writer(path, path, [NEEDLE])) as writer:
        for tracked in frames:
            writer.write(tracked)
    return path.read_text().splitlines()


@pytest.mark.parametrize("name", ["poses.csv", "poses.txt", "POSES.CSV", "poses"])
def test_the_table_is_written_under_every_name_that_options_allow(tmp_path, name):
    header, *rows = write(tmp_path / name, *FRAMES)
    assert header == ",".join(COLUMNS)
    assert [row.split(",")[:4] for row in rows] == [
        ["0", "0.000000", "needle", "tracked"],
        ["1", "0.100000", "needle", "lost"],
    ]
    # a pose of no printed marker has no residual
    assert rows[0].split(",")[COLUMNS.index("rms_px")] == ""


@pytest.mark.usefixtures("lines")
def test_another_format_is_one_row_of_the_table(tmp_path):
    first, *rows = write(tmp_path / "poses.jsonl", *FRAMES)
    assert first == LINES
    assert [json.loads(row) for row in rows] == [
        [0, "needle", pytest.approx([1.0, 2.0, 600.0])],
        [1, "needle", None],
    ]
    assert ".jsonl" in pose_suffixes()
    assert write(tmp_path / "poses.csv", *FRAMES)[0] == ",".join(COLUMNS)


def test_a_name_of_no_format_is_refused_with_those_that_are(tmp_path):
    with pytest.raises(InputError, match=r"poses\.xlsx: .* end in \.csv or \.txt"):
        write(tmp_path / "poses.xlsx")
    assert not list(tmp_path.iterdir())


def test_every_format_is_recognised_by_its_own_files_and_allowed_as_an_output(tmp_path):
    for known in POSE_FORMATS:
        path = tmp_path / f"poses{known.suffixes[0]}"
        write(path, *FRAMES)
        assert file_kind(path) == POSES
        assert set(known.suffixes) <= set(SUFFIXES[POSES])
