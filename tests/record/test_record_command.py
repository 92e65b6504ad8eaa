"""Recording webcams by the command, and what is seen in an image before."""

import os
import tomllib
from pathlib import Path

import cv2
import numpy as np
import pytest
from rich.console import Console

from nav import record_pictures as command
from nav.camera.rig import write_rig
from nav.camera.source import open_source
from nav.core.errors import IncompleteInput, InputError
from nav.record.picture_recording.picture_checks import check_picture, edge_blur, marker_detectors
from nav.record.picture_recording.picture_writer import JPEG, PictureWriter
from nav.record.picture_recording.source_recorder import RecordOptions
from nav.record_pictures import RecordJob, record_pictures
from tests.camera.fake_webcams import FakeWebcams
from tests.record.test_picture_recording import NAMES, rig
from tests.synthetic import small_rig

OUT = Console(quiet=True)


# --- what is seen in an image ---------------------------------------------------------------


def test_edges_are_the_wider_the_more_an_image_is_blurred():
    body = cv2.resize(board(), None, fx=4, fy=4, interpolation=cv2.INTER_NEAREST)
    rng = np.random.default_rng(0)
    found = []
    for blur in (0.6, 1.0, 1.5, 2.2):
        image = cv2.GaussianBlur(body, (0, 0), 4 * blur)
        image = cv2.resize(image, (640, 400), interpolation=cv2.INTER_AREA)
        found.append(edge_blur(np.uint8(image + rng.integers(0, 4, image.shape))))
    assert found == sorted(found)
    assert found[1] == pytest.approx(1.0, abs=0.3)
    assert found[3] == pytest.approx(2.2, abs=0.35)
    assert edge_blur(np.full((400, 640), 90, np.uint8)) is None


def board(count: int = 3) -> np.ndarray:
    dictionary = cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_APRILTAG_36h11)
    image = np.full((400, 640), 90, np.uint8)
    for number in range(count):
        x = 40 + 200 * number
        image[100:300, x - 20 : x + 180] = 210
        marker = cv2.aruco.generateImageMarker(dictionary, number, 160)
        image[120:280, x : x + 160] = np.where(marker > 0, 210, 30)
    return image


def test_exposure_and_markers_are_counted():
    image = board()
    image[300:, :320], image[300:, 320:] = 255, 0
    check = check_picture(image, marker_detectors(()))
    assert check.markers == (0, 1, 2)
    assert check.corners.shape == (3, 4, 2)
    assert check.over == pytest.approx(0.125, abs=0.002)
    assert check.under == pytest.approx(0.125, abs=0.002)
    assert not check_picture(image, marker_detectors(("DICT_4X4_50",))).markers
    with pytest.raises(InputError, match="--dictionary DICT_NONE: expected one of OpenCV's"):
        marker_detectors(("DICT_NONE",))


# --- the command ----------------------------------------------------------------------------


def job(output: Path, **rest) -> RecordJob:
    options = RecordOptions(**{k: rest.pop(k) for k in ("count", "seconds") if k in rest})
    return RecordJob(
        ("left=0", "right=2"), output, options, **{"window": False, "size": (640, 400), **rest}
    )


@pytest.fixture
def webcams() -> FakeWebcams:
    picture = board()
    return FakeWebcams(lambda index, seconds: picture, offsets=(0.0, 0.008))


def test_webcams_are_recorded_without_a_window(webcams, tmp_path):
    webcams.ignoring.add(2)
    console = Console(record=True, width=200, file=open(os.devnull, "w"))  # noqa: SIM115
    record_pictures(job(tmp_path / "r", count=20, coding=JPEG), console, webcams)
    told = console.export_text()
    assert "20 instants in" in told
    assert "camera right: the driver does not lower the sharpness" in told
    assert "camera left" not in told
    files = sorted(path.name for path in (tmp_path / "r" / "right").iterdir())
    assert files == [f"{number:06d}.jpg" for number in range(20)]
    source = open_source(tmp_path / "r", rig((640, 400)))
    times = [frames.time for frames in source]
    assert np.median(np.diff(times)) == pytest.approx(1 / 30, rel=0.1)
    about = tomllib.loads((tmp_path / "r" / "times.toml").read_text())
    assert [c["number"] for c in about["camera"]] == [0, 2]
    assert about["camera"][0]["size"] == [640, 400]


def test_an_unplugged_camera_ends_it_with_a_line_and_the_rest_is_whole(
    webcams, tmp_path, monkeypatch
):
    monkeypatch.setattr(command, "GIVE_UP", 1.0)
    count = [0]

    def scene(index: int, seconds: float) -> np.ndarray:
        count[0] += 1
        if count[0] == 40:
            webcams.unplugged.add(2)
        return board()

    webcams.scene = scene
    with pytest.raises(IncompleteInput, match=r"camera right gave no image for .* is in"):
        record_pictures(job(tmp_path / "r", seconds=30.0), OUT, webcams)
    found = [set(frames.frames) for frames in open_source(tmp_path / "r", rig((640, 400)))]
    assert found[0] == {"left", "right"}
    assert found[-1] == {"left"}


def test_what_cannot_be_recorded_is_refused_in_a_line(webcams, tmp_path):
    folder = tmp_path / "r"
    folder.mkdir()
    (folder / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match=r"r: is not empty \(notes.txt\); give a new folder"):
        record_pictures(job(folder), OUT, webcams)
    with pytest.raises(InputError, match="is a file; give a new folder"):
        record_pictures(job(folder / "notes.txt"), OUT, webcams)
    new = tmp_path / "new"
    with pytest.raises(InputError, match="is not a folder name"):
        record_pictures(RecordJob(("../left=0",), new, window=False), OUT, webcams)
    for size in ((0, 400), (640, -1), (10**9, 400)):
        with pytest.raises(InputError, match="--size: expected 1 to 20000 px each"):
            record_pictures(job(new, size=size), OUT, webcams)
    webcams.unplugged.add(2)
    with pytest.raises(InputError, match="camera right: device 2 cannot be opened"):
        record_pictures(job(new), OUT, webcams)
    webcams.unplugged.clear()
    small = tmp_path / "rig.toml"
    write_rig(small, small_rig(2))
    with pytest.raises(InputError, match=r"rig\.toml"):
        record_pictures(job(new, rig=small), OUT, webcams)
    assert not new.exists()
    first = PictureWriter(new, NAMES)
    with pytest.raises(InputError, match="is not empty"):
        PictureWriter(new, NAMES)
    first.close()
