"""A camera's own JPEG is recorded as it came, in sessions and folders, and read back to the bit."""

import time
import tomllib
from itertools import pairwise

import numpy as np
import pytest
from rich.console import Console

from nav.camera.camera_jpeg import decode_grey, parse_camera_jpeg
from nav.camera.rig import load_rig
from nav.camera.source import open_source
from nav.core.frameset import Frame
from nav.record.picture_recording.source_recorder import RecordOptions
from nav.record.session.picture_recorder import PictureRecorder
from nav.record.session.session_about import SessionClock, about_session
from nav.record.session.session_pictures import PictureReader
from nav.record.session_replay.picture_index import PictureIndex
from nav.record.session_tools.session_overview import picture_kind
from nav.record_pictures import RecordJob, record_pictures
from tests.camera.jpeg_webcam import YUYV, JpegWebcam, jpeg_of, without_tables

SIZE = (808, 612)
CAMERAS = ("left", "right")
PATIENCE = 30.0  # s


def noise(seed: int, size: tuple[int, int] = SIZE) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.integers(90, 130, (size[1], size[0], 3)).astype(np.uint8)


SENT = [without_tables(jpeg_of(noise(k), 70)) for k in range(10)]


@pytest.mark.parametrize("lossless", [True, False])
def test_sessions_keep_what_the_camera_sent(tmp_path, lossless):
    clock = SessionClock.now()
    about = about_session("cameras", clock=clock)
    recorder = PictureRecorder(tmp_path, about, CAMERAS, SIZE[0] * SIZE[1], lossless, clock, 0)
    offered = {}
    for k, sent in enumerate(SENT):
        jpeg = parse_camera_jpeg(sent).data
        own = Frame("left", clock.monotonic + k, decode_grey(jpeg), jpeg)
        assert len(jpeg) < SIZE[0] * SIZE[1]
        grey = np.ascontiguousarray(noise(k)[..., 0])
        for frame in (own, Frame("right", clock.monotonic + k, grey)):
            offered[frame.camera, clock.ns(frame.time)] = frame
            recorder.offer(frame)
            until = time.monotonic() + PATIENCE
            while recorder.kept.total() < len(offered) and time.monotonic() < until:
                time.sleep(0.002)
    recorder.close()
    assert not recorder.dropped
    index, found = PictureIndex(tmp_path / "pictures.mcap", clock), 0
    for picture in PictureReader(tmp_path):
        frame = offered[picture.camera, picture.log_time]
        found += 1
        seen_again = index.picture(frame.camera, frame.time)
        if picture.camera == "left":
            assert picture.coding == "camera JPEG"
            assert picture.jpeg() == frame.jpeg
        else:
            assert picture.coding == ("lossless" if lossless else "JPEG")
        assert picture.exact == (picture.camera == "left" or lossless)
        if picture.exact:
            assert np.array_equal(picture.image(), frame.image)
            assert np.array_equal(seen_again, frame.image)
    assert found == len(offered)
    assert index.exact == lossless
    kinds = "camera JPEG, lossless" if lossless else "JPEG, camera JPEG"
    assert picture_kind(tmp_path) == kinds


def test_a_jpeg_larger_than_its_pixels_is_recorded_as_pixels(tmp_path):
    clock, size = SessionClock.now(), (64, 48)
    about = about_session("cameras", clock=clock)
    recorder = PictureRecorder(tmp_path, about, ["left"], size[0] * size[1], True, clock, 0)
    jpeg = jpeg_of(np.random.default_rng(0).integers(0, 256, (48, 64, 3)).astype(np.uint8), 100)
    assert len(jpeg) > size[0] * size[1]
    frame = Frame("left", clock.monotonic, decode_grey(jpeg), jpeg)
    recorder.offer(frame)
    recorder.close()
    (picture,) = PictureReader(tmp_path)
    assert picture.coding == "lossless"
    assert np.array_equal(picture.image(), frame.image)


@pytest.mark.parametrize("jpeg", [True, False])
def test_folders_hold_the_cameras_own_files(tmp_path, jpeg):
    sends = {} if jpeg else {"sends": (YUYV,)}
    webcam = JpegWebcam(lambda index, number: SENT[number % len(SENT)], rate=30.0, **sends)
    folder = tmp_path / "r"
    job = RecordJob(("left=0",), folder, RecordOptions(count=6), size=SIZE, window=False)
    record_pictures(job, Console(quiet=True), capture=webcam)
    files = sorted((folder / "left").iterdir())
    assert len(files) == 6
    about = tomllib.loads((folder / "times.toml").read_text())
    assert about["camera"][0]["own_jpeg"] is jpeg
    assert {path.suffix for path in files} == {".jpg" if jpeg else ".png"}
    if not jpeg:
        return
    whole = [parse_camera_jpeg(sent).data for sent in SENT]
    numbers = [whole.index(path.read_bytes()) for path in files]
    assert all((b - a) % len(SENT) >= 1 for a, b in pairwise(numbers))
    frames = [frames.frames["left"] for frames in open_source(folder, one_camera(tmp_path))]
    for number, frame in zip(numbers, frames, strict=True):
        assert np.array_equal(frame.image, decode_grey(whole[number]))


def one_camera(folder):
    path = folder / "rig.toml"
    path.write_text(
        'format = "c1c2nav/rig/1"\n[[camera]]\nname = "left"\n'
        f"size = [{SIZE[0]}, {SIZE[1]}]\nmatrix = [800.0, 800.0, 404.0, 306.0]\n"
        "distortion = []\ncamera_from_rig = { rotation_vector = [0.0, 0.0, 0.0], "
        "translation = [0.0, 0.0, 0.0] }\n"
    )
    return load_rig(path)
