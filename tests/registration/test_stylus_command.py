"""`nav register stylus`: a recording and divots in, registration.toml and the tip out."""

import tomllib
from pathlib import Path

import numpy as np
import pytest

from nav.cli import main
from nav.core.files import load_toml
from nav.record.pose_table import open_pose_table
from nav.record.recorded_poses import open_recorded_poses
from nav.registration.registration_result import load_registration
from nav.tracking.pose_source import StatedErrors
from nav.tracking.tool import Tool, ToolFile, load_tool
from tests.synthetic_stylus import PHANTOM, Hand, SimulatedStylus, simulate_stylus

REFERENCE = np.array([[0.0, -1, 0, 30], [1, 0, 0, -20], [0, 0, 1, 900], [0, 0, 0, 1]])


@pytest.fixture(scope="module")
def truth() -> SimulatedStylus:
    return simulate_stylus(np.random.default_rng(21), PHANTOM, Hand())


@pytest.fixture
def folder(tmp_path, truth) -> Path:
    """Recording and divots, as another program would write them."""
    series, lines = truth.series, ["ObjectType = Image", f"DimSize = 0 0 {len(truth.series)}"]
    for k in range(len(series)):
        pose = np.eye(4)
        pose[:3, :3], pose[:3, 3] = series.rotations[k], series.translations[k]
        for name, matrix in (("Reference", REFERENCE), ("Stylus", REFERENCE @ pose)):
            numbers = " ".join(f"{number:.12g}" for number in matrix.ravel())
            lines.append(f"Seq_Frame{k:04d}_{name}ToTrackerTransform = {numbers}")
        lines.append(f"Seq_Frame{k:04d}_Timestamp = {series.times[k]:.6f}")
    (tmp_path / "poses.igs.mha").write_text("\n".join([*lines, "ElementDataFile = LOCAL", ""]))
    write_divots(tmp_path / "divots.csv", PHANTOM)
    return tmp_path


def write_divots(path: Path, divots) -> None:
    rows = [f"D{k + 1},{x},{y},{z}" for k, (x, y, z) in enumerate(divots)]
    path.write_text("\n".join(["label,x,y,z", *rows, ""]))


def run(folder: Path, *more: str) -> int:
    words = ["register", "stylus", "--poses", str(folder / "poses.igs.mha")]
    words += ["--output", str(folder / "registration.toml"), *more]
    with pytest.raises(SystemExit) as ended:
        main(words)
    return int(ended.value.code or 0)


def test_registration_and_tip_are_written(folder, truth, capsys):
    divots = str(folder / "divots.csv")
    assert run(folder, "--divots", divots, "--tip-output", str(folder / "stylus.toml")) == 0
    printed = capsys.readouterr().out
    for words in ("8 contacts in divots", "D8: ", "tip of stylus: [", "FRE 0.", "left out in turn"):
        assert words in printed
    assert "verdict: " in printed
    registration = load_registration(folder / "registration.toml")
    there = truth.model_from_reference.inv().apply(PHANTOM)
    off = registration.model_from_reference.transform.apply(there) - PHANTOM
    assert np.linalg.norm(off, axis=1).max() < 0.6
    tip = load_toml(folder / "stylus.toml", ToolFile).tip
    assert np.linalg.norm(np.array(tip.position) - truth.tip) < 0.8
    assert np.diag(tip.covariance).min() > 0.25**2
    record = tomllib.loads((folder / "registration.toml").read_text())["calibration"]
    assert record["fiducials"] == [f"D{k}" for k in range(1, 9)]
    assert len(record["leave_one_out"]) == 8


def test_a_recording_of_another_tracker_gives_the_same(folder, truth):
    """As `nav register stylus --poses igtl://...` writes it: no tip is known, errors are stated."""
    assert run(folder, "--divots", str(folder / "divots.csv")) == 0
    first = load_registration(folder / "registration.toml").model_from_reference.transform
    source = open_recorded_poses(
        folder / "poses.igs.mha", ("stylus", "reference"), StatedErrors(0.2, 0.002)
    )
    tools = [Tool(name, "", ()) for name in ("stylus", "reference")]
    table = open_pose_table(folder / "registration-poses.csv", tools, "reference")
    for frame in source:
        table.write(frame)
    table.close()
    words = ["register", "stylus", "--poses", str(folder / "registration-poses.csv"), "--divots",
             str(folder / "divots.csv"), "--output", str(folder / "second.toml")]  # fmt: skip
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert not ended.value.code
    second = load_registration(folder / "second.toml").model_from_reference.transform
    there = truth.model_from_reference.inv().apply(PHANTOM)
    assert second.apply(there) == pytest.approx(first.apply(there), abs=1e-5)


def test_markers_and_axis_of_the_tool_file_are_kept(folder):
    tool = folder / "tool.toml"
    tool.write_text(
        'format = "c1c2nav/tool/1"\nname = "stylus"\ndictionary = "DICT_4X4_50"\n'
        "[[marker]]\nid = 3\ncorners = [[0.0, 9.0, 0.0], [9.0, 9.0, 0.0], [9.0, 0.0, 0.0], "
        "[0.0, 0.0, 0.0]]\n[tip]\nposition = [0.0, 0.0, 100.0]\naxis = [0.0, 0.0, 1.0]\n"
    )
    more = ["--tip-output", str(folder / "new.toml"), "--tool", str(tool)]
    assert run(folder, "--divots", str(folder / "divots.csv"), *more) == 0
    before, after = load_tool(tool), load_tool(folder / "new.toml")
    assert np.array_equal(before.markers[0].corners, after.markers[0].corners)
    assert np.array_equal(before.tip.axis, after.tip.axis)
    assert not np.array_equal(before.tip.position, after.tip.position)


@pytest.mark.parametrize(
    ("divots", "more", "said"),
    [
        (PHANTOM * [-1.0, 1.0, 1.0], (), "mirror image"),
        (PHANTOM / 1000.0, (), "are the divots in metres"),
        (PHANTOM[:3], (), "at least 4"),
        (PHANTOM + np.eye(8, 3) * 3.0, (), "repeat: "),
        (PHANTOM, ("--order", "D1,D2,D9"), "there is no divot D9"),
        (PHANTOM, ("--order", "D2,D1,D3,D4,D5,D6,D7,D8"), "another order"),
        (PHANTOM, ("--tool-name", "probe"), "probe and reference"),
        (PHANTOM, ("--seat-sd", "-1"), "--seat-sd"),
        (PHANTOM, ("--case", "case.toml"), "either --case or --divots"),
    ],
)
def test_what_cannot_be_right_is_refused_and_nothing_is_written(
    folder, capsys, divots, more, said, monkeypatch
):
    monkeypatch.chdir(folder)
    (folder / "case.toml").write_text("")
    write_divots(folder / "divots.csv", divots)
    assert run(folder, "--divots", str(folder / "divots.csv"), *more) == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1
    assert said in lines[0]
    assert not (folder / "registration.toml").exists()


def test_the_order_of_touching_may_be_given_or_left_open(folder):
    order = np.random.default_rng(3).permutation(8)
    rows = (folder / "divots.csv").read_text().splitlines()
    (folder / "divots.csv").write_text("\n".join([rows[0], *(rows[1 + k] for k in order), ""]))
    labels = ",".join(f"D{k}" for k in range(1, 9))
    assert run(folder, "--divots", str(folder / "divots.csv"), "--order", labels) == 0
    given = load_registration(folder / "registration.toml").model_from_reference.transform
    assert run(folder, "--divots", str(folder / "divots.csv"), "--any-order") == 0
    found = load_registration(folder / "registration.toml").model_from_reference.transform
    assert found.as_matrix() == pytest.approx(given.as_matrix(), abs=1e-9)
