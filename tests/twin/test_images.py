"""`nav twin images`: pictures anyone can test a tracker with, and the truth beside them."""

import csv
import errno
import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console
from scipy.spatial.transform import RigidTransform, Rotation

from nav.camera.image_files import read_picture
from nav.camera.rig import Camera, Rig, load_rig, write_rig
from nav.camera.source import open_source
from nav.core.errors import InputError, Lost
from nav.core.frames import Array
from nav.record.pose_table import COLUMNS
from nav.tracking.tip import tip_from_pose
from nav.tracking.tool import load_tool
from nav.tracking.tracker import Tracker
from phantoms.kit.kit_case import phantom_case
from phantoms.twin import images
from phantoms.twin.default_rig import default_rig
from phantoms.twin.images import ImageSettings, write_images
from phantoms.twin.sensor import Optics

QUIET = Console(quiet=True)
FRAMES = 4
SETTINGS = ImageSettings(
    frames=FRAMES,
    seed=3,
    rig=None,
    optics=Optics(blur=0.5, exposure=0.005),  # pictures of half the size, half the blur
    hide=0.0,
    speed=40.0,
    plain=True,
)


def half_size(camera: Camera) -> Camera:
    """The same camera with pixels twice as wide: pictures of a quarter of the size."""
    matrix = camera.matrix / 2
    matrix[:2, 2] -= 0.25  # pixel centres are whole numbers
    matrix[2, 2] = 1.0
    return replace(camera, size=(camera.size[0] // 2, camera.size[1] // 2), matrix=matrix)


@pytest.fixture(scope="module", autouse=True)
def same_anatomy():
    """The phantom is made once: these tests are not about it."""
    made = phantom_case()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(images, "phantom_case", lambda: made)
        yield


@pytest.fixture(scope="module")
def rig_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("rig") / "half.toml"
    write_rig(path, Rig(tuple(half_size(camera) for camera in default_rig().cameras)))
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory, rig_file):
    out = tmp_path_factory.mktemp("twin") / "pictures"
    write_images(out, replace(SETTINGS, rig=rig_file), QUIET)
    return out


@pytest.fixture(scope="module")
def tiny_file(tmp_path_factory, rig_file):
    """One camera of 16 x 16 pixels, where only the files count."""
    path = tmp_path_factory.mktemp("rig") / "tiny.toml"
    left = load_rig(rig_file).cameras[0]
    matrix = np.array([[14.0, 0.0, 7.5], [0.0, 14.0, 7.5], [0.0, 0.0, 1.0]])
    write_rig(path, Rig((replace(left, size=(16, 16), matrix=matrix),)))
    return path


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def numbers(row: dict[str, str], *columns: str) -> Array:
    return np.array([float(row[column]) for column in columns])


def digests(folder: Path) -> dict[str, str]:
    """SHA-256 of everything but what says when it was made."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix != ".toml"
    }


def test_the_folder_holds_pictures_rig_tools_times_and_truth(folder, rig_file):
    names = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    pictures = {f"{camera}/{k:06d}.png" for camera in ("left", "right") for k in range(FRAMES)}
    files = {"rig.toml", "needle.toml", "reference.toml"}
    files |= {"times.csv", "times.toml", "truth.csv", "truth.toml"}
    assert names == pictures | files
    picture = read_picture(folder / "left" / "000000.png")
    assert picture is not None
    assert picture.shape == (600, 960)
    assert load_rig(folder / "rig.toml").names == ("left", "right")


def test_truth_has_a_row_for_each_tool_and_frame_in_the_columns_of_poses(folder):
    truth = rows(folder / "truth.csv")
    assert tuple(truth[0]) == COLUMNS
    assert [(row["frame"], row["tool"]) for row in truth] == [
        (str(k), tool) for k in range(FRAMES) for tool in ("needle", "reference")
    ]
    assert {row["status"] for row in truth} == {"tracked"}


def test_truths_tip_follows_from_its_pose_and_the_tool_file(folder):
    tip = load_tool(folder / "needle.toml").tip
    assert tip is not None
    for row in rows(folder / "truth.csv"):
        if row["tool"] == "reference":
            assert row["tip_x"] == ""
            continue
        rotation = Rotation.from_quat(numbers(row, "qx", "qy", "qz", "qw"))
        pose = RigidTransform.from_components(numbers(row, "tx", "ty", "tz"), rotation)
        expected = pose.apply(tip.position)
        assert numbers(row, "tip_x", "tip_y", "tip_z") == pytest.approx(expected, abs=1e-4)


def test_a_tracker_that_knows_only_the_folder_finds_the_truth(folder):
    rig, needle = load_rig(folder / "rig.toml"), load_tool(folder / "needle.toml")
    truth = [row for row in rows(folder / "truth.csv") if row["tool"] == "needle"]
    tracker, source = Tracker(rig, [needle]), open_source(folder, rig)
    try:
        for frames, row in zip(source, truth, strict=True):
            assert frames.time == pytest.approx(float(row["time"]))
            seen = tracker.track(frames).tools["needle"]
            assert not isinstance(seen, Lost)
            tip = tip_from_pose(seen.rig_from_tool, needle)
            assert tip is not None
            off = tip.position - numbers(row, "tip_x", "tip_y", "tip_z")
            assert np.linalg.norm(off) < 0.1
    finally:
        source.close()
        tracker.close()


def test_the_same_seed_writes_the_same_bytes_and_another_does_not(folder, rig_file, tmp_path):
    settings = replace(SETTINGS, rig=rig_file)
    write_images(tmp_path / "again", settings, QUIET)
    assert digests(tmp_path / "again") == digests(folder)
    write_images(tmp_path / "other", replace(settings, seed=4, frames=1), QUIET)
    other, first = digests(tmp_path / "other"), digests(folder)
    assert all(other[name] != first[name] for name in other if name.endswith(".png"))


def test_the_hands_speed_is_the_one_asked_for(tiny_file, tmp_path):
    """Root mean square of the tip's way between frames, over a second and a half."""
    write_images(tmp_path / "out", replace(SETTINGS, rig=tiny_file, frames=45, speed=60.0), QUIET)
    needle = [row for row in rows(tmp_path / "out" / "truth.csv") if row["tool"] == "needle"]
    tips = np.array([numbers(row, "tip_x", "tip_y", "tip_z") for row in needle])
    ways = np.linalg.norm(np.diff(tips, axis=0), axis=1) * 30.0
    assert np.sqrt(np.mean(ways**2)) == pytest.approx(60.0, rel=0.35)


def test_hidden_markers_are_not_seen(rig_file, tmp_path, folder):
    write_images(tmp_path / "out", replace(SETTINGS, rig=rig_file, hide=0.6), QUIET)
    assert found(tmp_path / "out") < 0.8 * found(folder)


def found(folder: Path) -> int:
    """Markers of the needle that the tracker used in all frames."""
    rig, needle = load_rig(folder / "rig.toml"), load_tool(folder / "needle.toml")
    tracker, source = Tracker(rig, [needle]), open_source(folder, rig)
    try:
        used = 0
        for frames in source:
            tracker.track(frames)
            used += len(tracker.views["needle"])
        return used
    finally:
        source.close()
        tracker.close()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"frames": 0}, "--frames: expected at least 1, got 0"),
        ({"seed": -1}, "--seed: expected 0 or more, got -1"),
        ({"hide": 1.5}, "--hide: expected 0 to 1, got 1.5"),
        ({"speed": float("nan")}, "--speed: expected 0 to 5000, got nan"),
        ({"optics": Optics(blur=-1.0)}, "--blur: expected 0 to 20, got -1.0"),
        ({"optics": Optics(noise=float("inf"))}, "--noise: expected 0 to 255, got inf"),
        ({"optics": Optics(gamma=0.0)}, "--gamma: expected 0.1 to 10, got 0.0"),
        ({"optics": Optics(electrons=0.0)}, "--shot: expected more than 0 electrons, got 0.0"),
        ({"optics": Optics(exposure=0.1)}, "--exposure-ms: expected 0 to 33"),
        ({"optics": Optics(gradient=(float("nan"), 0.0))}, "--gradient: expected"),
    ],
)
def test_a_setting_out_of_range_is_refused_before_anything_is_written(tmp_path, change, words):
    with pytest.raises(InputError) as caught:
        write_images(tmp_path / "out", replace(SETTINGS, **change), QUIET)
    assert str(caught.value).startswith(words)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_empty_is_left_alone(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(InputError, match="is not an empty folder"):
        write_images(tmp_path, SETTINGS, QUIET)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


@pytest.mark.parametrize("made", [True, False])
@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(errno.ENOSPC, "disk full")])
def test_what_ends_half_way_leaves_nothing_and_can_be_tried_again(
    tmp_path, tiny_file, monkeypatch, made, error
):
    out, settings = tmp_path / "a" / "out", replace(SETTINGS, rig=tiny_file, frames=2)
    if made:
        out.mkdir(parents=True)
    before = list(tmp_path.rglob("*"))

    def fails(path, picture):
        if path.name == "000001.png":
            raise error
        write(path, picture)

    write = images.write_picture
    with monkeypatch.context() as patch:
        patch.setattr(images, "write_picture", fails)
        with pytest.raises((KeyboardInterrupt, InputError)) as caught:
            write_images(out, settings, QUIET)
    if isinstance(error, OSError):
        assert str(caught.value) == f"{out}: cannot be written: disk full"
    assert list(tmp_path.rglob("*")) == before
    write_images(out, settings, QUIET)
    assert (out / "left" / "000001.png").is_file()


@pytest.mark.parametrize("out", ["file", "file/inside"])
def test_a_file_in_the_way_is_refused(tmp_path, out):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(InputError) as caught:
        write_images(tmp_path / out, SETTINGS, QUIET)
    assert str(caught.value).startswith(str(tmp_path / out))
    assert (tmp_path / "file").read_text() == "mine"
