"""The pictures of a session as a source of images: the frame sets that were tracked, each bit."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import RigidTransform

from nav import cli
from nav.camera.rig import Rig, write_rig
from nav.camera.source import open_source
from nav.core.errors import InputError
from nav.core.frameset import Frame, FrameSet
from nav.core.tracked_frame import TrackedFrame
from nav.record.pose_table import open_pose_table
from nav.record.session.session_about import about_session
from nav.record.session.session_pictures import PictureWriter
from nav.record.session.session_writer import SessionWriter
from nav.tracking.tool import Tool, write_tool
from nav.tracking.tracker import Tracker
from phantoms.twin.sensor import Optics
from phantoms.twin.simulated_bodies import Placed
from phantoms.twin.simulated_tools import needle_body
from tests.record.pose_sessions import CLOCK, frames_of
from tests.record.test_session_format import bits
from tests.synthetic import Studio, needle_poses, small_rig

SAME = RigidTransform.identity()


def taken(count: int = 6, **missing: set[int]) -> list[FrameSet]:
    """Frame sets of noise; `missing`: numbers of those in which a camera has no image."""
    rng, rig = np.random.default_rng(1), small_rig(2)
    sets = []
    for number in range(count):
        frames = {}
        for k, name in enumerate(rig.names):
            width, height = rig[name].size
            image = rng.integers(0, 256, (height, width), np.uint8)
            if number not in missing.get(name, ()):
                time = CLOCK.monotonic + 0.05 * number + 0.003 * k
                frames[name] = Frame(name, time, image)
        times = [frame.time for frame in frames.values()]
        sets.append(FrameSet(number, sum(times) / len(times), frames))
    return sets


def write(
    folder: Path,
    sets: list[FrameSet],
    tracked: list[TrackedFrame] | None = None,
    lossless: bool = True,
    between: bool = True,
    dropped: tuple[str, int] | None = None,
    cut: int = 0,
) -> Path:
    """Record frame sets, a picture between each two, and poses of them."""
    about = about_session("cameras", clock=CLOCK)
    poses = tracked or frames_of([(SAME, SAME)] * len(sets))
    writer = SessionWriter(folder, about)
    names = sorted({name for one in sets for name in one.frames})
    pictures = PictureWriter(folder, about, names, lossless)
    for pose, one in zip(poses, sets, strict=True):
        writer.frame(replace(pose, time=one.time, images=one))
        for name, frame in one.frames.items():
            if dropped == (name, one.number):
                continue
            for time in (frame.time, frame.time + 0.02)[: 2 if between else 1]:
                at = CLOCK.ns(time)
                image = frame.image if time == frame.time else 255 - frame.image
                pictures.add(name, at, pictures.encoded(name, at, image), at)
        pictures.flush()
    writer.close()
    pictures.close()
    if cut:
        data = (folder / "pictures.mcap").read_bytes()
        (folder / "pictures.mcap").write_bytes(data[:-cut])
    return folder


def read(folder: Path, rig=None) -> list[FrameSet]:
    source = open_source(folder, rig or small_rig(2))
    try:
        return list(source)
    finally:
        source.close()


def test_lossless_pictures_come_back_bit_for_bit_with_their_times(tmp_path):
    sets = taken(left={2})
    found = read(write(tmp_path / "s", sets))
    assert len(found) == len(sets)
    for one, wanted in zip(found, sets, strict=True):
        assert one.frames.keys() == wanted.frames.keys()
        assert one.time == wanted.time
        for name, frame in wanted.frames.items():
            assert one.frames[name].time == frame.time
            assert np.array_equal(one.frames[name].image, frame.image)
    assert found[2].missing["left"].code == "no_such_picture"


def test_lossless_pictures_tracked_again_give_the_same_poses(tmp_path, rig: Rig, needle: Tool):
    studio = Studio(rig, Optics(blur=0.8, noise=2.0), 1)
    sets = []
    for number, pose in enumerate(needle_poses(4, np.random.default_rng(11))):
        seen = studio.frames([Placed(needle_body(needle), pose)]).frames
        time = CLOCK.monotonic + 0.1 * number
        frames = {name: Frame(name, time, frame.image) for name, frame in seen.items()}
        sets.append(FrameSet(number, time, frames))
    tracker = Tracker(rig, [needle])
    tracked = [tracker.track(one) for one in sets]
    tracker.close()
    folder = write(tmp_path / "s", sets, tracked)
    again = Tracker(rig, [needle])
    for one, wanted in zip(read(folder, rig), tracked, strict=True):
        found = again.track(one)
        assert bits(dict(found.tools)) == bits(dict(wanted.tools))
    again.close()
    write_rig(tmp_path / "rig.toml", rig)
    write_tool(tmp_path / "needle.toml", needle)
    words = ("--rig", "rig.toml", "--tool", "needle.toml", "--images", "s", "--output", "p.csv")
    with pytest.raises(SystemExit) as end:
        cli.main(["track", *(w if w.startswith("--") else str(tmp_path / w) for w in words)])
    assert not end.value.code
    writer = open_pose_table(tmp_path / "wanted.csv", [needle])
    for each in tracked:
        writer.write(each)
    writer.close()
    assert (tmp_path / "p.csv").read_bytes() == (tmp_path / "wanted.csv").read_bytes()


def test_jpeg_pictures_come_back_nearly(tmp_path):
    sets = taken(3)
    smooth = [
        replace(
            one,
            frames={
                name: replace(f, image=np.full_like(f.image, 40 * k + 60))
                for k, (name, f) in enumerate(one.frames.items())
            },
        )
        for one in sets
    ]
    source = open_source(write(tmp_path / "s", smooth, lossless=False), small_rig(2), ahead=False)
    for one, wanted in zip(source, smooth, strict=True):
        for name, frame in one.frames.items():
            off = frame.image.astype(int) - wanted.frames[name].image
            assert abs(off).max() <= 1


def test_a_dropped_picture_is_missing_and_nothing_else(tmp_path):
    sets = taken()
    found = read(write(tmp_path / "s", sets, dropped=("right", 3)))
    assert [sorted(one.frames) for one in found] == [
        ["left"] if one.number == 3 else ["left", "right"] for one in sets
    ]
    assert found[3].missing["right"].facts["name"].startswith("of 1000.4")


def test_a_damaged_picture_is_missing_and_a_cut_file_told(tmp_path):
    folder = write(tmp_path / "s", taken(), between=False, cut=200_000)
    source = open_source(folder, small_rig(2))
    found = list(source)
    assert len(found) == 6
    assert any(len(one.frames) < 2 for one in found)
    assert source.cut_off
    assert all("pictures.mcap is cut off" in line for line in source.cut_off)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda f: write(f, taken(2)), ""),
        (lambda f: write(f, [replace(one, frames={"left": one.frames["left"]})
                             for one in taken(2)]), "no pictures of camera right; it has left"),
    ],
)  # fmt: skip
def test_a_camera_without_pictures_is_named(tmp_path, make, said):
    folder = make(tmp_path / "s")
    if not said:
        assert len(read(folder)) == 2
        return
    with pytest.raises(InputError, match=said):
        read(folder)


def test_other_sizes_and_other_rates_are_refused(tmp_path):
    folder = write(tmp_path / "s", taken(2))
    rig = small_rig(2)
    wide = replace(rig, cameras=tuple(replace(c, size=(64, 48)) for c in rig.cameras))
    with pytest.raises(InputError, match=r"pictures\.mcap: image is .* but rig\.toml says 64 x 48"):
        read(folder, wide)
    with pytest.raises(InputError, match=r"--fps: the images of .* have times of their own"):
        open_source(folder, rig, fps=10.0)
