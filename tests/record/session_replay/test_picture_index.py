"""Recorded pictures in any order, and poses tracked in them again."""

from dataclasses import replace

import numpy as np
import pytest

from nav.camera.rig import Rig
from nav.core.frameset import Frame, FrameSet
from nav.record.session.session_about import about_session
from nav.record.session.session_format import FRAME
from nav.record.session.session_pictures import PictureReader, PictureWriter
from nav.record.session.session_reader import open_session
from nav.record.session_replay.compare_replay import compare_replay
from nav.record.session_replay.frame_stores import RecordedFrames, time_with_delays
from nav.record.session_replay.picture_index import NoPictures, PictureIndex
from nav.record.session_replay.recorded_use import read_use
from nav.record.session_replay.replay_setup import ReplayOptions
from nav.tracking.follow.capture_times import without_delays
from tests.record.example_session import START
from tests.record.session_replay.small_sessions import write_picture_session
from tests.synthetic import small_rig


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    return write_picture_session(tmp_path_factory.mktemp("pictures"), jpeg_cameras=["right"])


@pytest.fixture
def written(tmp_path):
    """Write pictures of two cameras; return their folder and times."""

    def written(lossless, end=True):
        about = about_session("cameras", clock=START)
        writer = PictureWriter(tmp_path, about, ("left", "right"), lossless)
        rng = np.random.default_rng(0)
        images = {}
        for k in range(12):
            for camera in ("left", "right"):
                at = 1001.0 + k / 30.0
                image = rng.integers(0, 256, (40, 60)).astype(np.uint8)
                images[camera, at] = image
                stamp = START.ns(at)
                writer.add(camera, stamp, writer.encoded(camera, stamp, image), stamp)
            if k % 5 == 4:
                writer.flush()
        writer.close() if end else (writer.flush(), writer.file.close())
        return tmp_path / "pictures.mcap", images

    return written


@pytest.mark.parametrize("end", [True, False])
def test_every_picture_is_found_in_any_order(written, end):
    path, images = written(True, end)
    index = PictureIndex(path, START)
    assert len(index) == len(images)
    assert index.exact
    for camera, at in reversed(images):
        assert np.array_equal(index.picture(camera, at), images[camera, at])
    assert index.picture("left", 1000.0) is None
    assert index.picture("above", 1001.0) is None
    index.close()


def test_jpeg_pictures_are_those_that_the_reader_gives(written):
    path, _ = written(False)
    index = PictureIndex(path, START)
    assert not index.exact
    for recorded in PictureReader(path.parent):
        at = START.monotonic + (recorded.log_time - START.utc_ns) / 1e9
        assert np.array_equal(index.picture(recorded.camera, at), recorded.image())


def test_a_damaged_picture_is_missing_not_wrong(written):
    path, _ = written(True)
    whole = PictureIndex(path, START)
    place = whole._places.get("left", START.ns(1001.0)).message
    data = bytearray(path.read_bytes())
    data[place + 200] ^= 0x10
    path.write_bytes(data)
    index = PictureIndex(path, START)
    assert index.picture("left", 1001.0) is None
    assert index.picture("right", 1001.0) is not None


@pytest.mark.parametrize("length", [8, 20, 300, 5000])
def test_a_cut_file_gives_what_it_has(written, length):
    path, images = written(True)
    path.write_bytes(path.read_bytes()[:length])
    index = PictureIndex(path, START)
    assert len(index) < len(images)


@pytest.mark.parametrize("lossless", [True, False])
@pytest.mark.parametrize("seed", range(8))
def test_flipped_bits_leave_out_pictures_and_never_change_one(written, seed, lossless):
    path, images = written(lossless)
    if not lossless:
        whole = PictureIndex(path, START)
        images = {(camera, at): whole.picture(camera, at) for camera, at in images}
        whole.close()
    data = bytearray(path.read_bytes())
    rng = np.random.default_rng(seed)
    for place in rng.integers(8, len(data), 20):
        data[place] ^= 1 << int(rng.integers(8))
    path.write_bytes(data)
    index = PictureIndex(path, START)
    for (camera, at), image in images.items():
        found = index.picture(camera, at)
        assert found is None or np.array_equal(found, image)


def test_lossless_pictures_and_cameras_own_jpeg_give_the_same_poses_to_the_bit(session):
    codings = {(picture.camera, picture.coding) for picture in PictureReader(session)}
    assert codings == {("left", "lossless"), ("right", "camera JPEG")}
    opened, comparison = compare_replay(ReplayOptions(session, pictures=True))
    assert comparison.bit_equal, comparison.first
    seen = [d for d in comparison.deviations if d.name.startswith("pose")]
    assert [d.compared for d in seen] == [opened.reader.counts[FRAME]] * 2


def test_a_picture_that_was_not_recorded_is_told_and_the_table_says_from_where(session):
    reader = open_session(session)
    use = read_use(reader)
    frame = RecordedFrames(use, NoPictures()).frame(0)
    assert set(frame.images.missing) == set(use.pictures[0])
    assert {why.code for why in frame.images.missing.values()} == {"picture_not_recorded"}
    assert dict(frame.images.frames) == {}


def test_the_cameras_delays_are_put_back_exactly():
    rig = small_rig(2)
    delayed = Rig(tuple(replace(c, delay=0.0137 * (k + 1)) for k, c in enumerate(rig.cameras)))
    rng = np.random.default_rng(1)
    for _ in range(200):
        times = {name: float(rng.uniform(0, 1e5)) for name in delayed.names}
        raw = sum(times.values()) / len(times)
        image = np.zeros((1, 1), np.uint8)
        frames = {name: Frame(name, at, image) for name, at in times.items()}
        taken = without_delays(FrameSet(0, raw, frames), delayed).time
        at = time_with_delays(taken, times, delayed)
        assert without_delays(FrameSet(0, at, frames), delayed).time == taken
    assert time_with_delays(5.0, times, rig) == 5.0
