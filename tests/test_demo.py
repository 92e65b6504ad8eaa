"""The main job, through the command line: a whole simulated puncture from pictures only."""

import csv
import json
import os
import subprocess
import sys

import cv2
import numpy as np
import pytest

pytestmark = pytest.mark.timeout(900)
SEED = 2
# as the command, with cameras of the live window's size that take half as many images per second
DEMO = """
from phantoms.twin import simulated_motion
simulated_motion.FPS = 15.0
from nav import cli
from phantoms.demo import run_demo
from phantoms.twin.default_rig import LIVE_SIZE
run_demo.SMALL_SIZE = LIVE_SIZE
cli.main()
"""


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    """Results of one headless demonstration."""
    folder = tmp_path_factory.mktemp("demo") / "out"
    environment = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY")}
    environment["QT_QPA_PLATFORM"] = "offscreen"
    command = [sys.executable, "-c", DEMO, "demo", "--headless", "--seed", str(SEED)]
    done = subprocess.run(
        [*command, "--out", str(folder)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (folder / "printed.txt").write_text(done.stdout)
    return folder


@pytest.fixture(scope="module")
def summary(out):
    return json.loads((out / "summary.json").read_text())


def rows(path, tool):
    with open(path, newline="") as file:
        return {row["frame"]: row for row in csv.DictReader(file) if row["tool"] == tool}


def tip(row):
    return np.array([float(row[name]) for name in ("tip_x", "tip_y", "tip_z")])


def test_all_results_are_there(out):
    names = {path.name for path in out.iterdir()}
    assert names >= {
        *("summary.json", "poses.csv", "truth.csv", "case", "live.png", "distances.png"),
        *("rig.toml", "needle.toml", "reference.toml"),
    }
    assert not [name for name in names if name.startswith(".")]


def test_the_tip_is_right_and_the_figure_can_be_recomputed(out, summary):
    poses, truth = (rows(out / name, "needle") for name in ("poses.csv", "truth.csv"))
    assert poses.keys() == truth.keys()
    tracked = [frame for frame, row in poses.items() if row["status"] == "tracked"]
    errors = np.array([tip(poses[frame]) - tip(truth[frame]) for frame in tracked])
    rms = np.sqrt((errors**2).sum(axis=1).mean())
    assert rms == pytest.approx(summary["tip_rms_mm"], rel=1e-3)
    assert rms < 0.05
    assert len(poses) >= 200


def test_predicted_tip_errors_agree_with_the_true_ones(out):
    poses, truth = (rows(out / name, "needle") for name in ("poses.csv", "truth.csv"))
    squares = []
    for frame, row in poses.items():
        if row["status"] != "tracked":
            continue
        xx, xy, xz, yy, yz, zz = (
            float(row[f"tip_c{axes}"]) for axes in ("xx", "xy", "xz", "yy", "yz", "zz")
        )
        covariance = np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]])
        error = tip(row) - tip(truth[frame])
        squares.append(error @ np.linalg.solve(covariance, error))
    # expected mean 3; 400 frames leave it uncertain by about 0.15
    assert 2.4 < np.mean(squares) < 3.8


def test_tools_are_tracked_throughout(summary):
    assert summary["tracked_fraction"] > 0.95


def test_registration_is_as_good_as_the_hand(summary):
    hand = summary["settings"]["hand_error_sd_mm"]
    fiducials = summary["registration_fiducials"]
    # expected FRE^2 = (1 - 2/n) FLE^2 (Sibson 1979), here with 3 sd either way of chi-square
    freedom = 3 * fiducials - 6
    expected = hand**2 * freedom / fiducials
    spread = expected * np.sqrt(2 / freedom)
    assert abs(summary["registration_fre_mm"] ** 2 - expected) < 3 * spread


def test_the_needle_stops_at_the_target_and_hits_nothing(summary):
    assert summary["final_distance_to_target_mm"] < 0.5
    predicted = summary["predicted_tre_at_target_mm"]
    assert summary["final_distance_to_target_true_mm"] < 0.5 + 3 * predicted
    smallest = summary["min_distance_mm"]
    for name in ("C1", "C2", "cord", "vertebral artery left", "vertebral artery right"):
        assert smallest[name] > 0
    assert smallest["dura"] < 0  # it went in
    assert summary["alarms"]["danger"] == 0


def test_pictures_show_something(out):
    for name, least in (("live.png", 1000), ("distances.png", 600)):
        picture = cv2.imread(str(out / name))
        assert picture.shape[1] >= least
        assert picture.std() > 10


def test_the_terminal_has_the_table_and_the_notice(out, summary):
    printed = (out / "printed.txt").read_text()
    assert f"{summary['tip_rms_mm']:.3f} mm rms" in printed
    assert "not a medical device" in printed


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path):
    in_the_way = tmp_path / "file"
    in_the_way.write_text("")
    command = [sys.executable, "-m", "nav.cli", "demo", "--headless", "--out", str(in_the_way)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1
    assert str(in_the_way) in done.stderr
