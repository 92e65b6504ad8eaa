"""poses.csv: columns in their order, lost rows without numbers, errors carried whole."""

import csv
import hashlib
import io
import tomllib

import numpy as np
import pytest
from hypothesis import given
from scipy.spatial.transform import RigidTransform, Rotation

from nav.core.errors import Lost
from nav.core.frames import Array, Pose, perturbed, rigid
from nav.core.notice import Notice
from nav.core.tracked_frame import TrackedFrame, TrackedTool
from nav.record.pose_table import PosesWriter, write_sidecar
from nav.tracking.tool import Tool, ToolTip
from tests.synthetic import covariances, rigid_transforms, square_marker

TIP = np.array([0.35, -0.22, 110.4])
TIP_COVARIANCE = np.array([[0.01, 0.002, 0.0], [0.002, 0.02, -0.003], [0.0, -0.003, 0.04]])
NEEDLE = Tool(
    "needle", "DICT_4X4_50", (square_marker(1),), ToolTip(TIP, np.eye(3)[2], TIP_COVARIANCE)
)
REFERENCE = Tool("reference", "DICT_4X4_50", (square_marker(2),))
POINTER = Tool(
    "pointer", "DICT_4X4_50", (square_marker(3),), ToolTip(TIP / 2, None, np.zeros((3, 3)))
)
TOOLS = (NEEDLE, REFERENCE, POINTER)
NUMBERS = [
    *("tx", "ty", "tz", "qx", "qy", "qz", "qw", "tip_x", "tip_y", "tip_z"),
    *("tip_cxx", "tip_cxy", "tip_cxz", "tip_cyy", "tip_cyz", "tip_czz", "markers", "rms_px"),
]
UPPER = [f"p{i}{j}" for i in range(6) for j in range(i, 6)]
SYSTEMATIC = ["tip_sxx", "tip_sxy", "tip_sxz", "tip_syy", "tip_syz", "tip_szz"]
COLUMNS = ["frame", "time", "tool", "status", *NUMBERS, "reason", *UPPER, *SYSTEMATIC]
COLUMNS.append("reason_code")
HIDDEN = Lost("hidden", {"cameras": ["left", "right"]})
WARNED = (
    Notice("geometry_doubtful", {"corners_px": 0.123}),
    Notice("marker_left_out", {"marker": 3, "camera": "left"}),
)

ROOTS = np.random.default_rng(3).normal(size=(3, 6, 6)) * np.repeat([0.02, 2e-4], 3)[:, None]
POSES = {
    "needle": Pose(rigid([0.7, -0.4, 1.1], [120.0, -80.0, 560.0]), ROOTS[0] @ ROOTS[0].T),
    "reference": Pose(rigid([-1.9, 0.3, 0.2], [30.0, 95.0, 610.0]), ROOTS[1] @ ROOTS[1].T),
    "pointer": Pose(rigid([0.1, 2.0, 0.0], [-20.0, 10.0, 580.0]), ROOTS[2] @ ROOTS[2].T),
}


def frame(number: int = 0, **instead: Pose | Lost | TrackedTool) -> TrackedFrame:
    """All three tools tracked, except as said."""
    tools: dict[str, TrackedTool | Lost] = {}
    for name, pose in {**POSES, **instead}.items():
        tools[name] = TrackedTool(pose, (1, 2), 0.0213) if isinstance(pose, Pose) else pose
    return TrackedFrame(number, number / 30.0, tools)


def rows(*frames: TrackedFrame, relative_to: str | None = None) -> list[dict[str, str]]:
    file = io.StringIO(newline="")
    writer = PosesWriter(file, TOOLS, relative_to)
    for tracked in frames:
        writer.write(tracked)
    file.seek(0)
    reader = csv.DictReader(file)
    found = list(reader)
    assert reader.fieldnames == COLUMNS
    # neither too few nor too many fields in any row
    assert not [row for row in found if None in row or None in row.values()]
    return found


def by_tool(found: list[dict[str, str]]) -> dict[str, dict[str, str]]:
    return {row["tool"]: row for row in found}


def numbers(row: dict[str, str], *names: str) -> Array:
    return np.array([float(row[name]) for name in names])


def transform(row: dict[str, str]) -> RigidTransform:
    rotation = Rotation.from_quat(numbers(row, "qx", "qy", "qz", "qw"))
    return RigidTransform.from_components(numbers(row, "tx", "ty", "tz"), rotation)


def tip(row: dict[str, str]) -> Array:
    return numbers(row, "tip_x", "tip_y", "tip_z")


def symmetric(row: dict[str, str], names: list[str], size: int) -> Array:
    matrix = np.zeros((size, size))
    matrix[np.triu_indices(size)] = numbers(row, *names)
    return matrix + np.triu(matrix, 1).T


def tip_covariance(row: dict[str, str]) -> Array:
    return symmetric(row, [f"tip_c{axes}" for axes in ("xx", "xy", "xz", "yy", "yz", "zz")], 3)


def assert_empty(row: dict[str, str]) -> None:
    assert row["status"] == "lost"
    assert row["reason"]
    assert row["reason_code"]
    assert {row[name] for name in (*NUMBERS, *UPPER, *SYSTEMATIC)} == {""}


def test_every_frame_has_one_row_for_each_tool():
    frames = [frame(0), frame(1, needle=HIDDEN), frame(5)]
    found = [(row["frame"], row["tool"]) for row in rows(*frames)]
    assert found == [(f, tool.name) for f in ("0", "1", "5") for tool in TOOLS]


def test_a_tracked_row_says_what_was_tracked():
    row = by_tool(rows(frame(7)))["needle"]
    assert (row["status"], row["reason"], row["markers"]) == ("tracked", "", "2")
    assert float(row["time"]) == pytest.approx(7 / 30, abs=1e-6)
    assert float(row["rms_px"]) == pytest.approx(0.0213, abs=5e-5)


def test_a_warning_stands_in_a_tracked_row():
    doubtful = TrackedTool(POSES["needle"], (1,), 0.02, warnings=WARNED)
    row = by_tool(rows(frame(needle=doubtful)))["needle"]
    said = "geometry doubtful: corners 0.12 px off beyond noise; marker 3 left out in left"
    assert (row["status"], row["reason"]) == ("tracked", said)
    assert row["reason_code"] == "geometry_doubtful marker_left_out"
    assert tip(row) == pytest.approx(POSES["needle"].transform.apply(TIP), abs=1e-4)


def test_a_lost_tool_has_no_numbers_but_a_reason_and_the_others_stay():
    found = by_tool(rows(frame(), frame(1, needle=HIDDEN))[3:])
    assert_empty(found["needle"])
    assert found["needle"]["reason"] == "hidden from left, right"
    assert found["needle"]["reason_code"] == "hidden"
    assert found["reference"]["status"] == found["pointer"]["status"] == "tracked"


@given(rigid_transforms(), covariances(6, 0.01))
def test_poses_and_covariances_come_back(rig_from_needle, covariance):
    row = by_tool(rows(frame(needle=Pose(rig_from_needle, covariance))))["needle"]
    back = transform(row).inv() * rig_from_needle
    assert np.linalg.norm(numbers(row, "qx", "qy", "qz", "qw")) == pytest.approx(1.0, abs=1e-7)
    # nine digits of up to 500 mm, and of a unit quaternion
    assert back.translation == pytest.approx(np.zeros(3), abs=5e-6)
    assert back.rotation.magnitude() < 1e-8
    entries = symmetric(row, UPPER, 6)
    assert entries == pytest.approx(covariance, rel=1e-7, abs=1e-15)
    assert tip(row) == pytest.approx(rig_from_needle.apply(TIP), abs=5e-5)


def test_a_tool_without_tip_has_empty_tip_fields():
    row = by_tool(rows(frame()))["reference"]
    filled = {name: bool(row[name]) for name in NUMBERS}
    assert filled == {name: not name.startswith("tip_") for name in NUMBERS}


def moved_by(pose: Pose, other: Pose | None, own: Array) -> Array:
    """Covariance of TIP carried by `pose`, and back by `other`, from numeric derivatives."""
    base = RigidTransform.identity() if other is None else other.transform

    def place(of_pose: Array, of_other: Array, of_tip: Array) -> Array:
        carried = perturbed(pose.transform, of_pose).apply(TIP + of_tip)
        return perturbed(base, of_other).inv().apply(carried)

    def derivative(which: int, size: int) -> Array:
        columns = []
        for step in 1e-5 * np.eye(size):
            ahead, behind = ([np.zeros(6), np.zeros(6), np.zeros(3)] for _ in range(2))
            ahead[which], behind[which] = step, -step
            columns.append((place(*ahead) - place(*behind)) / 2e-5)
        return np.array(columns).T

    total = np.zeros((3, 3))
    parts = (pose.covariance, np.zeros((6, 6)) if other is None else other.covariance, own)
    for which, covariance in enumerate(parts):
        jacobian = derivative(which, len(covariance))
        total += jacobian @ covariance @ jacobian.T
    return total


@pytest.mark.parametrize("relative_to", [None, "reference"])
def test_the_tips_covariance_holds_the_poses_and_the_tips_own(relative_to):
    row = by_tool(rows(frame(), relative_to=relative_to))["needle"]
    base = None if relative_to is None else POSES[relative_to]
    expected = moved_by(POSES["needle"], base, TIP_COVARIANCE)
    assert tip_covariance(row) == pytest.approx(expected, rel=1e-4, abs=1e-6)
    # each part shows: none is small beside the written digits
    poses_only = moved_by(POSES["needle"], base, np.zeros((3, 3)))
    assert np.trace(expected - poses_only) == pytest.approx(np.trace(TIP_COVARIANCE), rel=1e-4)


def test_poses_relative_to_a_tool_are_in_its_frame():
    found = by_tool(rows(frame(), relative_to="reference"))
    to_reference = POSES["reference"].transform.inv()
    for name in ("needle", "pointer"):
        expected = to_reference * POSES[name].transform
        difference = transform(found[name]).inv() * expected
        assert difference.translation == pytest.approx(np.zeros(3), abs=5e-6)
        assert difference.rotation.magnitude() < 1e-8
    assert tip(found["needle"]) == pytest.approx(
        (to_reference * POSES["needle"].transform).apply(TIP), abs=5e-5
    )


def test_the_tool_that_others_are_relative_to_has_identity_rows():
    found = by_tool(rows(frame(), relative_to="needle"))["needle"]
    assert found["status"] == "tracked"
    assert numbers(found, "tx", "ty", "tz") == pytest.approx(np.zeros(3), abs=1e-9)
    assert numbers(found, "qx", "qy", "qz", "qw") == pytest.approx([0, 0, 0, 1], abs=1e-9)
    assert not symmetric(found, UPPER, 6).any()
    # in its own frame only its calibration is uncertain
    assert tip(found) == pytest.approx(TIP, abs=1e-6)
    assert tip_covariance(found) == pytest.approx(TIP_COVARIANCE, rel=1e-5, abs=1e-9)


def test_without_the_tool_that_others_are_relative_to_all_are_lost():
    found = by_tool(rows(frame(reference=HIDDEN), relative_to="reference"))
    for row in found.values():
        assert_empty(row)
    assert found["reference"]["reason"] == "hidden from left, right"
    for name in ("needle", "pointer"):
        assert found[name]["reason"] == "reference lost: hidden from left, right"
        assert found[name]["reason_code"] == "reference_lost hidden"


def test_the_sidecar_names_the_inputs_and_what_poses_are_relative_to(tmp_path):
    rig = tmp_path / "rig.toml"
    rig.write_text("some rig")
    write_sidecar(tmp_path / "poses.csv", [rig], "reference", {"frames": 7})
    data = tomllib.loads((tmp_path / "poses.toml").read_text())
    assert data["poses"] == "poses.csv"
    assert data["relative_to"] == "reference"
    assert data["frames"] == 7
    assert data["made_by"].startswith("c1c2nav ")
    digest = hashlib.sha256(b"some rig").hexdigest()
    assert data["input"] == [{"file": "rig.toml", "sha256": digest}]
    write_sidecar(tmp_path / "poses.csv", [rig], None, {})
    assert "relative_to" not in tomllib.loads((tmp_path / "poses.toml").read_text())
