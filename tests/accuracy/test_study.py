"""`nav study`: what it predicts against closed forms, and a run that nothing can spoil."""

import json
import os
import signal
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from distributed import Client, LocalCluster
from rich.console import Console
from scipy.spatial.transform import RigidTransform, Rotation

from calibration.printing.standard_tools import standard_needle, standard_reference
from nav.accuracy.study.anatomy_places import spread_choice
from nav.accuracy.study.designs import BLOCK, STUDY_FORMAT, load_setup
from nav.accuracy.study.marker_pixels import marker_pixels
from nav.accuracy.study.pose_bound import Sharpness, pose_errors
from nav.accuracy.study.study_command import run_study
from nav.accuracy.study.tool_layouts import needle_body, reference_body
from nav.camera.rig import Camera
from nav.cli import main
from nav.core.errors import InputErrors
from nav.tracking.marker_dictionaries import marker_pattern
from nav.tracking.tool import Marker, Tool
from tests.solids import write_box

SHARP = Sharpness(2.0, 160.0, 1.0)
DIVOTS = [[60, 40, 40], [-60, 40, 45], [55, 45, -50], [-50, 45, -60], [0, 70, 0], [70, 10, -10]]


HERE = RigidTransform.identity()


def camera(place: RigidTransform = HERE) -> Camera:
    matrix = np.array([[1500.0, 0, 959.5], [0, 1500.0, 599.5], [0, 0, 1.0]])
    return Camera("one", (1920, 1200), matrix, np.zeros(5), place)


def pose(z: float = 600.0) -> RigidTransform:
    turn = Rotation.from_euler("xyz", [170.0, 15.0, 10.0], degrees=True)
    return RigidTransform.from_components([20.0, -10.0, z], turn)


def test_a_large_markers_pixels_say_what_its_edges_do():
    """A blurred straight edge of length L has L / (2 sqrt(pi) sd) of squared slope, in pixels."""
    blur, side = 1.3, 90.0
    square = np.array([[-1, 1, 0], [1, 1, 0], [1, -1, 0], [-1, -1, 0]]) * side / 2.0
    tag = Tool("tag", "DICT_4X4_50", (Marker(7, square),), quiet=30.0)
    facing = RigidTransform.from_components([0, 0, 600.0], Rotation.from_rotvec([np.pi, 0, 0.3]))
    found = marker_pixels(camera(), tag, tag.markers[0], facing, blur)
    cells = np.pad(marker_pattern("DICT_4X4_50", 7), 1, constant_values=1).astype(int)
    edges = sum(np.abs(np.diff(cells, axis=axis)).sum() for axis in (0, 1))
    length = edges * side / 6.0 * 1500.0 / 600.0
    expected = length / (2.0 * np.sqrt(np.pi * (blur**2 + 1.0 / 12.0)))
    assert (found.slopes**2).sum() == pytest.approx(expected, rel=0.03)
    assert camera().project(facing.apply(found.points)) == pytest.approx(found.pixels, abs=1e-3)


def test_an_unknown_appearance_hides_a_small_markers_distance():
    """Where cells are a few pixels, a nearer marker looks like a brighter or a sharper one."""

    def hidden(z: float) -> float:
        body = reference_body(1, 16.0, 20.0, 0.0)
        place = RigidTransform.from_components([0, 0, z], Rotation.from_rotvec([np.pi, 0, 0]))
        found = marker_pixels(camera(), body, body.markers[0], place, 1.0)
        grown = ((found.pixels - found.pixels.mean(axis=0)) * found.slopes).sum(axis=1)
        return float(((found.appearance.T @ grown) ** 2).sum() / (grown**2).sum())

    assert 0.05 < hidden(250.0) < 0.2
    assert hidden(600.0) > 2.0 * hidden(250.0)


def test_a_larger_print_looks_nearer_to_one_camera():
    body = reference_body(2, 16.0, 20.0, np.radians(25.0))
    found = pose_errors([camera()], body, pose(), SHARP)
    assert found is not None
    # a tool that is 1 + s times as large, fitted by its file's size, is at 1 / (1 + s) of the way
    assert found.scale[:3] == pytest.approx(-np.array(pose().translation), rel=1e-6, abs=1e-4)
    assert found.scale[3:] == pytest.approx(np.zeros(3), abs=1e-9)


def test_a_turned_camera_turns_the_tool_about_itself():
    body = reference_body(2, 16.0, 20.0, np.radians(25.0))
    found = pose_errors([camera()], body, pose(), SHARP)
    assert found is not None
    expected = np.vstack([np.zeros((3, 3)), np.eye(3)])
    assert found.turns == pytest.approx(expected, abs=1e-6)


def test_what_moves_everything_moves_the_pose():
    aside = RigidTransform.from_components(
        [-250.0, 0.0, 60.0], Rotation.from_rotvec([0.0, 0.35, 0.0])
    )
    body = reference_body(2, 16.0, 20.0, np.radians(25.0))
    found = pose_errors([camera(), camera(aside)], body, pose(), SHARP)
    assert found is not None
    both = found.motion[:, :3] + found.motion[:, 3:]
    assert both == pytest.approx(np.vstack([np.eye(3), np.zeros((3, 3))]), abs=1e-6)
    together = sum(found.places[:, 3 * m : 3 * m + 3] for m in range(len(body.markers)))
    turned = np.vstack([pose().rotation.as_matrix(), np.zeros((3, 3))])
    assert together == pytest.approx(turned, abs=1e-6)


def test_noise_contrast_and_distance_act_as_they_should():
    body = reference_body(2, 16.0, 20.0, np.radians(25.0))

    def sd(z: float, sharp: Sharpness) -> float:
        found = pose_errors([camera()], body, pose(z), sharp)
        assert found is not None
        return float(np.sqrt(found.random[0, 0]))

    assert sd(600.0, Sharpness(4.0, 320.0, 1.0)) == pytest.approx(sd(600.0, SHARP), rel=0.02)
    assert sd(900.0, SHARP) > 1.5 * sd(600.0, SHARP)
    assert pose_errors([camera()], body, pose(5000.0), SHARP) is None


def test_the_standard_tools_are_among_the_layouts():
    needle = needle_body(8, 2, 14.0, 17.0, 110.0)
    reference = reference_body(2, 16.0, 20.0, np.radians(25.0))
    for mine, printed in ((needle, standard_needle()), (reference, standard_reference())):
        corners = np.array([m.corners for m in mine.markers])
        assert corners == pytest.approx(np.array([m.corners for m in printed.markers]), abs=1e-9)


def test_chosen_fiducials_are_spread():
    line = np.array([[x, 0.0, 0.0] for x in (0.0, 1.0, 2.0, 50.0, 100.0)])
    assert spread_choice(line, 3)[:, 0].tolist() == [0.0, 50.0, 100.0]


@pytest.fixture
def setup(tmp_path: Path) -> Path:
    """A set-up of two designs, with a small case beside it."""
    write_box(tmp_path / "artery.ply", [10, -5, 8], [14, 5, 16])
    write_box(tmp_path / "cord.ply", [-4, -12, -20], [4, -3, 20])
    case = ['format = "c1c2nav/case/1"', 'name = "boxes"']
    for role in ("artery", "cord"):
        case += ["[[structure]]", f'name = "{role}"', f'role = "{role}"', f'mesh = "{role}.ply"',
                 "sigma = 0.3"]  # fmt: skip
    for k, place in enumerate(DIVOTS):
        case += ["[[fiducial]]", f'label = "D{k}"', f"position = {place}", 'use = "register"']
    case += ["[[plan]]", 'name = "lateral"', "entry = [60.0, 2.0, 0.0]", "target = [0.0, 2.0, 0.0]"]
    (tmp_path / "case.toml").write_text("\n".join(case).replace("]]\n", "]]\n"))
    path = tmp_path / "setup.toml"
    path.write_text(
        f"""format = "{STUDY_FORMAT}"
name = "two rigs"
case = "case.toml"
trials = {2 * BLOCK}
[cameras]
width = 1920
height = 1200
view = 62
count = [1, 2]
[fiducials]
count = 6
"""
    )
    return path


def run(*arguments: object) -> int:
    with pytest.raises(SystemExit) as end:
        main([str(a) for a in arguments])
    return int(end.value.code or 0)


def blocks(folder: Path) -> dict[str, object]:
    return {p.name: json.loads(p.read_text()) for p in sorted((folder / "blocks").iterdir())}


def test_every_bad_value_is_told_at_once(tmp_path, capsys):
    path = tmp_path / "setup.toml"
    path.write_text(
        f"""format = "{STUDY_FORMAT}"
name = "bad"
case = "case.toml"
trials = 0
colour = "red"
[cameras]
width = 1920
view = 400
count = [1, 2, 1]
noise = [2.0, -1.0]
lens = 8
[needle]
bevel = "round"
"""
    )
    assert run("study", path, "--output", tmp_path / "out") == 2
    said = capsys.readouterr().err.strip().splitlines()
    for words in (
        "trials: expected a whole number from 2", "colour: unknown key", "height: is missing",
        "view: expected a number from 5 to 150, got 400", "noise: expected",
        "count: 1 is listed twice", "lens: unknown key",
        "bevel: expected one of none, cutting",
    ):  # fmt: skip
        assert sum(words in line for line in said) == 1, words
    assert len(said) == 8
    assert all(line.startswith(f"nav: {path}: ") for line in said)
    assert not (tmp_path / "out").exists()


def test_lists_are_combined_and_named_by_what_differs(setup):
    text = setup.read_text().replace("[fiducials]\ncount = 6", "[fiducials]\ncount = [4, 5, 6]")
    setup.write_text(text)
    names = [name for name, _ in load_setup(setup).designs]
    assert len(set(names)) == len(names) == 6
    assert names[0] == "cameras.count 1, fiducials.count 4"
    setup.write_text(text.replace("count = [4, 5, 6]", f"count = {list(range(3, 500))}")
                     + f"[touches]\nfle = {[0.1 + k / 100 for k in range(9)]}")  # fmt: skip
    with pytest.raises(InputErrors, match="8946 designs; at most 2000"):
        load_setup(setup)


def test_without_errors_that_last_the_bound_holds_as_often_as_it_says(setup, tmp_path):
    text = setup.read_text().replace("count = [1, 2]", "count = 2\ncalibration = 0.0")
    setup.write_text(
        text.replace(f"trials = {2 * BLOCK}", "trials = 800")
        + "[tools]\nplacement = 0.0\nscale = 0.0\n"
    )
    (found,) = run_study(setup, tmp_path / "out", Console(quiet=True), workers=1)
    assert found.trials == 800
    for role in ("artery", "cord"):
        # the covariance grows with the residuals, so it may hold more often, never less
        assert 0.925 <= found.roles[role].held <= 0.985
    # FLE / sqrt(n) is the least that a registration can have, in three axes
    assert 0.25 * np.sqrt(3 / 6) < found.roles["artery"].tre < 0.5
    setup.write_text(setup.read_text().replace("[fiducials]", "[touches]\nfle = 0.5\n[fiducials]"))
    (worse,) = run_study(setup, tmp_path / "worse", Console(quiet=True), workers=1)
    assert 1.7 < worse.roles["artery"].tre / found.roles["artery"].tre < 2.1


def test_any_number_of_workers_and_a_killed_one_give_the_same(setup, tmp_path, capsys):
    alone = tmp_path / "alone"
    assert run("study", setup, "--output", alone, "--workers", "1") == 0
    with LocalCluster(
        n_workers=3, threads_per_worker=1, dashboard_address="127.0.0.1:0"
    ) as cluster:
        many = tmp_path / "many"
        killed = []

        def kill() -> None:
            worker = next(iter(cluster.workers.values()))
            while not killed:
                with Client(cluster.scheduler_address) as client:
                    busy = any(client.processing().values())
                if busy:
                    killed.append(worker.pid)
                    os.kill(worker.pid, signal.SIGKILL)
                time.sleep(0.01)

        killer = threading.Thread(target=kill, daemon=True)
        killer.start()
        code = run("study", setup, "--output", many, "--cluster", cluster.scheduler_address)
        killer.join(20)
        assert code == 0
        assert killed
    assert blocks(many) == blocks(alone)
    assert (many / "designs.csv").read_text() == (alone / "designs.csv").read_text()
    assert (many / "results.html").read_text().startswith("<!DOCTYPE html>")


def test_a_study_goes_on_and_another_one_is_refused(setup, tmp_path, capsys):
    out = tmp_path / "out"
    assert run("study", setup, "--output", out, "--workers", "1") == 0
    before = blocks(out)
    times = {p.name: p.stat().st_mtime_ns for p in (out / "blocks").iterdir()}
    lost = next((out / "blocks").iterdir())
    lost.unlink()
    setup.write_text("# a remark changes nothing\n" + setup.read_text())
    assert run("study", setup, "--output", out, "--workers", "1") == 0
    assert blocks(out) == before
    same = [p.name for p in (out / "blocks").iterdir() if p.stat().st_mtime_ns == times[p.name]]
    assert len(same) == len(times) - 1
    capsys.readouterr()
    setup.write_text(setup.read_text().replace("view = 62", "view = 61"))
    assert run("study", setup, "--output", out) == 2
    assert "holds a study of another set-up" in capsys.readouterr().err
    assert blocks(out) == before


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--workers", "0"), "--workers: expected 1 or more, got 0"),
        (("--cluster", "tcp://127.0.0.1:1"), "no Dask scheduler answers"),
    ],
)
def test_workers_that_are_none(setup, tmp_path, capsys, monkeypatch, arguments, says):
    monkeypatch.setattr("nav.accuracy.study.study_command.PATIENCE", 1)
    assert run("study", setup, "--output", tmp_path / "out", *arguments) == 2
    assert says in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("direction", ["[0, 0, 0]", "[0, 1e-300, 0]"])
def test_a_direction_that_is_none_is_one_line(setup, tmp_path, capsys, direction):
    view = f"view_from = {direction}\n"
    setup.write_text(setup.read_text().replace("trials", f"{view}trials", 1))
    assert run("study", setup, "--output", tmp_path / "out") == 2
    assert "view_from: expected a direction" in capsys.readouterr().err


def test_no_set_up_is_written_for_what_is_no_case(tmp_path, capsys):
    example, other = tmp_path / "example.toml", tmp_path / "other.toml"
    other.write_text("format = 'another'\n")
    for case in (tmp_path / "missing.toml", tmp_path, other):
        assert run("study", "init", "--case", case, "--output", example) == 2
        assert str(case) in capsys.readouterr().err
    assert not example.exists()


def test_a_folder_of_something_else_is_left_alone(setup, tmp_path, capsys):
    out = tmp_path / "mine"
    out.mkdir()
    (out / "notes.txt").write_text("mine")
    assert run("study", setup, "--output", out) == 2
    assert "holds no study" in capsys.readouterr().err
    assert [p.name for p in out.iterdir()] == ["notes.txt"]


def test_what_is_not_seen_is_said(setup, tmp_path):
    setup.write_text(setup.read_text().replace("view = 62", "view = [62, 8]"))
    found = run_study(setup, tmp_path / "out", Console(quiet=True), workers=1)
    assert [bool(one.said) for one in found] == [False, True, False, True]
    assert "not seen well enough" in found[1].said
    assert "not seen well enough" in (tmp_path / "out" / "designs.csv").read_text()


def test_the_example_is_a_set_up(setup, tmp_path, capsys):
    example = tmp_path / "example.toml"
    case = tmp_path / "case.toml"
    assert run("study", "init", "--case", case, "--output", example) == 0
    names = [name for name, _ in load_setup(example).designs]
    assert names == [
        "two webcams",
        "two machine-vision cameras, cameras.view 55",
        "two machine-vision cameras, cameras.view 70",
        "one webcam",
    ]
