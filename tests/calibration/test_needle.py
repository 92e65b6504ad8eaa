"""nav calibrate needle's work: files in, TOOL.toml out, or one line why not."""

import io
import tomllib
from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console
from scipy.spatial.transform import Rotation

from calibration.needle.needle_command import Guide, calibrate_needle
from calibration.needle.pivot_poses import SYSTEMATIC, load_poses
from nav.core.errors import InputError
from nav.core.files import load_toml, sha256
from nav.tracking.tool import ToolFile, load_tool, write_tool
from phantoms.twin.simulated_tools import needle_tool
from tests.calibration.test_needle_poses import lost_row, rows_of, write_rows
from tests.calibration.test_needle_spin import spun
from tests.calibration.test_pivot import PIVOT, TIP, poses, turned


@pytest.fixture
def pivoted(tmp_path):
    """poses.csv of a needle in a divot, 150 poses, 7 lost."""
    rng = np.random.default_rng(1)
    rows = [*rows_of(*poses(rng, turned(rng, 150)).arrays), *[lost_row()] * 7]
    return write_rows(tmp_path / "poses.csv", rows)


@pytest.fixture
def needle(tmp_path):
    """needle.toml with markers, an axis and a tip 3 mm off."""
    path = tmp_path / "needle.toml"
    write_tool(path, needle_tool(TIP + np.array([3.0, 0.0, 0.0])))
    return path


@pytest.fixture
def spin(tmp_path):
    rng = np.random.default_rng(2)
    turns = spun(rng, 60, np.radians(0.2))
    return write_rows(tmp_path / "spin.csv", rows_of(turns, np.zeros((60, 3))))


def run(*arguments, **more):
    text = io.StringIO()
    calibrate_needle(*arguments, Console(file=text, width=200), **more)
    return text.getvalue()


def test_a_tool_file_keeps_all_but_its_tip(pivoted, needle):
    before, hashed = load_tool(needle), sha256(needle)
    said = run(pivoted, "needle", needle, needle)
    after = load_tool(needle)
    assert after.tip.position == pytest.approx(TIP, abs=0.05)
    assert (after.tip.axis == before.tip.axis).all()
    assert 0.0 < np.sqrt(np.linalg.eigvalsh(after.tip.covariance)[-1]) < 0.02
    assert (after.name, after.dictionary, after.quiet) == ("needle", before.dictionary, 1.5)
    for old, new in zip(before.markers, after.markers, strict=True):
        assert old.id == new.id
        assert (old.corners == new.corners).all()
    assert sha256(needle.with_name("needle.1.toml")) == hashed
    assert "3.0" in said
    assert "from the tip that" in said
    assert sha256(needle.with_name("needle.1.toml")) == hashed
    assert "verdict: good" in said
    inputs = tomllib.loads(needle.read_text())["input"]
    assert [entry["file"] for entry in inputs] == ["needle.toml", "poses.csv"]
    assert inputs[0]["sha256"] == hashed


def test_what_a_file_says_of_its_print_stays(pivoted, needle):
    write_tool(needle, replace(load_tool(needle), scale_sd=0.0005, print_name="sheet"))
    run(pivoted, "needle", needle, needle)
    assert (load_tool(needle).scale_sd, load_tool(needle).print_name) == (0.0005, "sheet")


def test_what_a_file_says_of_the_needle_stays(pivoted, needle):
    needle.write_text(needle.read_text() + '\n[needle]\ngauge = 17\nbevel = "tuohy"\n')
    run(pivoted, "needle", needle, needle)
    kind = load_tool(needle).needle
    assert kind is not None
    assert (kind.gauge, kind.bevel) == (17, "tuohy")


def test_the_calibration_table_says_how_it_went(pivoted, needle):
    run(pivoted, "needle", needle, needle)
    table = load_toml(needle, ToolFile).tip.calibration
    assert table["pivot"] == pytest.approx(PIVOT, abs=0.05)
    assert np.array(table["pivot_covariance"]).shape == (3, 3)
    assert table["rms"] == pytest.approx(0.058, abs=0.01)
    assert table["rms_expected"] == pytest.approx(0.058, abs=0.01)
    assert table["poses"] + table["left_out"] == 150
    assert table["lost"] == 7
    assert table["independent_poses"] == pytest.approx(table["poses"], rel=0.3)
    assert min(table["cone_angle_deg"]) > 50
    assert table["axis_source"] == "file"
    assert table["verdict"] == "good"


def test_without_a_tool_file_there_is_only_name_and_tip(pivoted, tmp_path):
    output = tmp_path / "new" / "needle.toml"
    said = run(pivoted, "needle", None, output)
    data = tomllib.loads(output.read_text())
    assert set(data) == {"format", "made_by", "made_at", "input", "name", "tip"}
    assert set(data["tip"]) == {"position", "covariance", "calibration"}
    assert data["tip"]["calibration"]["axis_source"] == "none"
    assert "no axis: spin the needle" in said
    load_toml(output, ToolFile)


def test_every_old_file_is_kept(pivoted, tmp_path):
    output = tmp_path / "out.toml"
    for number in range(3):
        run(pivoted, "needle", None, output)
        output.write_text(f"# {number}\n{output.read_text()}")
    names = sorted(path.name for path in tmp_path.glob("out*.toml"))
    assert names == ["out.1.toml", "out.2.toml", "out.toml"]
    assert (tmp_path / "out.1.toml").read_text().startswith("# 0")


def test_a_spin_gives_the_axis(pivoted, needle, spin):
    said = run(pivoted, "needle", needle, needle, spin=spin)
    tip = load_toml(needle, ToolFile).tip
    expected = np.array([0.02, -0.01, 1.0]) / np.linalg.norm([0.02, -0.01, 1.0])
    assert np.degrees(np.arccos(np.clip(np.array(tip.axis) @ expected, -1, 1))) < 0.2
    assert tip.calibration["axis_source"] == "spin"
    assert tip.calibration["spin_turn_deg"] == pytest.approx(172, abs=3)
    assert 0 < tip.calibration["axis_sd_deg"] < 0.1
    assert "axis (spin):" in said


def test_a_guide_gives_the_axis(pivoted, needle, spin):
    expected = np.array([0.02, -0.01, 1.0]) / np.linalg.norm([0.02, -0.01, 1.0])
    direction = (load_poses(spin, "needle").rotations @ expected).mean(axis=0)
    said = run(pivoted, "needle", needle, needle, guide=Guide(spin, tuple(direction)))
    tip = load_toml(needle, ToolFile).tip
    assert np.degrees(np.arccos(np.clip(np.array(tip.axis) @ expected, -1, 1))) < 0.2
    assert tip.calibration["axis_source"] == "guide"
    assert "axis (guide):" in said


def refused(words, output, *arguments, **more):
    there = output.read_bytes() if output.exists() else None
    before = sorted(path.name for path in output.parent.iterdir())
    with pytest.raises(InputError, match=words) as error:
        run(*arguments, **more)
    assert "\n" not in str(error.value)
    assert (output.read_bytes() if output.exists() else None) == there
    assert sorted(path.name for path in output.parent.iterdir()) == before


def test_a_swapped_tool_file_is_refused(tmp_path, needle, pivoted):
    refused(
        "needle.toml: name: this is the file of needle, but the tip of pointer",
        needle,
        *(pivoted, "pointer", needle, needle),
    )


def test_markers_are_not_lost_to_an_output_without(pivoted, needle):
    refused("needle.toml: has markers that would be lost", needle, pivoted, "needle", None, needle)


def test_a_tool_that_is_not_there_is_refused(tmp_path, pivoted):
    output = tmp_path / "out.toml"
    refused(
        "poses.csv: no tool is called probe; it has needle", output, pivoted, "probe", None, output
    )


def test_poses_that_say_too_little_are_refused_by_file(tmp_path, needle):
    rng = np.random.default_rng(5)
    few = write_rows(tmp_path / "few.csv", rows_of(*poses(rng, turned(rng, 6)).arrays))
    refused("few.csv: repeat: 6 poses", needle, few, "needle", needle, needle)
    still = turned(rng, 50, half=1.0, spin=0.0)
    still_file = write_rows(tmp_path / "still.csv", rows_of(*poses(rng, still).arrays))
    refused(
        "still.csv: repeat: the tool was turned by only",
        needle,
        still_file,
        "needle",
        needle,
        needle,
    )
    seats = 1.5 * rng.normal(size=(100, 3))
    loose = write_rows(tmp_path / "loose.csv", rows_of(*poses(rng, turned(rng, 100), seats).arrays))
    refused("loose.csv: repeat: ", needle, loose, "needle", needle, needle)


def test_a_spin_that_is_none_is_refused_by_file(tmp_path, pivoted, needle, spin):
    turns = Rotation.random(40, rng=np.random.default_rng(6)).as_matrix()
    wild = write_rows(tmp_path / "wild.csv", rows_of(turns, np.zeros((40, 3))))
    refused(
        "^[^:]*wild.csv: repeat: .*not spun about",
        needle,
        pivoted,
        "needle",
        needle,
        needle,
        spin=wild,
    )
    other = write_rows(tmp_path / "other.csv", rows_of(turns, np.zeros((40, 3)), tool="other"))
    refused(
        "^[^:]*other.csv: no tool is called", needle, pivoted, "needle", needle, needle, spin=other
    )


def test_doubts_and_missing_covariances_are_said(tmp_path, needle):
    rng = np.random.default_rng(8)
    turns, places, _ = poses(rng, turned(rng, 60)).arrays
    rows = rows_of(turns, places, code="geometry_doubtful_at_tip")
    said = run(write_rows(tmp_path / "p.csv", rows), "needle", needle, needle)
    assert (
        "warning: geometry doubtful in 60 poses; the persistent part of that error is not in"
        in said
    )
    assert "not every pose has a covariance: all weighted equally" in said
    assert "rms_expected" not in load_toml(needle, ToolFile).tip.calibration


def test_lasting_errors_of_the_tip_make_its_covariance_larger(tmp_path, pivoted, needle):
    rng = np.random.default_rng(1)
    systematic = dict(zip(SYSTEMATIC, (0.01, 0.0, 0.0, 0.01, 0.0, 0.01), strict=True))
    rows = [
        row | systematic
        for row in rows_of(*poses(rng, turned(rng, 150)).arrays, code="geometry_doubtful_at_tip")
    ]
    said = run(write_rows(tmp_path / "p.csv", rows), "needle", needle, needle)
    assert "150 poses; the persistent part of that error is in the tip's covariance" in said
    doubtful = load_tool(needle).tip
    run(pivoted, "needle", needle, needle)
    sure = load_tool(needle).tip
    more = np.sqrt(np.diag(doubtful.covariance - sure.covariance))
    assert (more > 0.05).all()
    assert (more < 0.2).all()
    assert doubtful.position == pytest.approx(sure.position, abs=1e-6)
