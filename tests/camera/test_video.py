"""Videos: damaged, lost and cut-off pictures, invented clocks, metadata that turn images."""

import struct
from pathlib import Path

import cv2
import numpy as np
import pytest

from nav.camera.source import RecordedSource, open_source
from nav.core.errors import InputError
from tests.camera.recordings import HEIGHT, WIDTH, rig, write_pictures, write_times
from tests.said import each_said, said

COUNT, FPS = 20, 20.0


def scene(number: int) -> np.ndarray:
    """A smooth pattern that moves to the right."""
    coarse = np.random.default_rng(4).integers(0, 256, (12, 16, 3)).astype(np.uint8)
    return np.roll(cv2.resize(coarse, (WIDTH, HEIGHT)), 2 * number, axis=1)


def write_moving(path: Path, code: str) -> bytearray:
    writer = cv2.VideoWriter(
        str(path), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*code), FPS, (WIDTH, HEIGHT)
    )
    assert writer.isOpened()
    for number in range(COUNT):
        writer.write(scene(number))
    writer.release()
    return bytearray(path.read_bytes())


def pictures(source: RecordedSource) -> dict[int, np.ndarray]:
    return {s.number: s.frames["left"].image for s in source if s.frames}


@pytest.mark.parametrize(
    ("name", "code"), [("left.mkv", "MJPG"), ("left.avi", "FFV1"), ("left.mp4", "mp4v")]
)
def test_what_a_decoder_patched_up_is_missing_and_all_else_is_as_it_was(tmp_path, name, code):
    path = tmp_path / name
    data = write_moving(path, code)
    whole = pictures(open_source(tmp_path, rig("left")))
    middle = len(data) // 2
    data[middle : middle + 60] = bytes(60)
    path.write_bytes(data)
    source = open_source(tmp_path, rig("left"))
    sets = list(source)
    lost = [s.number for s in sets if s.missing]
    assert 0 < len(lost) < COUNT
    assert "is damaged (" in said(sets[lost[0]].missing["left"])
    assert "images cannot be used; the first: image" in said(source.warnings)
    for s in sets:
        assert s.time == pytest.approx(s.number / FPS)
        assert s.missing or np.array_equal(s.frames["left"].image, whole[s.number])


@pytest.mark.parametrize("share", [0.5, 0.8])
@pytest.mark.parametrize(
    ("name", "code"), [("left.avi", "MJPG"), ("left.mkv", "FFV1"), ("left.webm", "VP80")]
)
def test_a_recording_that_is_cut_off_says_so_and_what_there_is_is_read(tmp_path, name, code, share):
    path = tmp_path / name
    data = write_moving(path, code)
    whole = pictures(open_source(tmp_path, rig("left")))
    path.write_bytes(data[: int(len(data) * share)])
    source = open_source(tmp_path, rig("left"))
    there = pictures(source)
    assert 0 < len(there) < COUNT
    (line,) = source.cut_off
    assert line.startswith(f"{path}: is cut off: ends after ")
    for number, image in there.items():
        assert np.array_equal(image, whole[number])


def test_whole_recordings_are_not_cut_off(tmp_path):
    for name, code in (("a.avi", "MJPG"), ("b.mkv", "FFV1"), ("c.mp4", "mp4v"), ("d.wmv", "WMV2")):
        write_moving(tmp_path / name, code)
        source = open_source(tmp_path / name, rig("left"))
        assert len(pictures(source)) == COUNT
        assert (source.cut_off, source.warnings) == ([], [])


def test_a_video_without_its_index_is_refused_with_the_reason(tmp_path):
    data = write_moving(tmp_path / "left.mp4", "mp4v")
    (tmp_path / "left.mp4").write_bytes(data[: len(data) // 2])
    with pytest.raises(
        InputError, match=r"left\.mp4: cannot be read as a video: it was not closed"
    ):
        open_source(tmp_path, rig("left"))


def with_steps(data: bytearray, entries: list[tuple[int, int]]) -> bytes:
    """An MP4 whose pictures have other steps: (images, steps) instead of one step for all."""
    at = data.index(b"stts") - 4
    (length,) = struct.unpack_from(">I", data, at)
    (step,) = struct.unpack_from(">I", data, at + 20)
    table = b"".join(struct.pack(">II", n, k * step) for n, k in entries)
    box = struct.pack(">I4sII", 16 + len(table), b"stts", 0, len(entries)) + table
    for parent in (b"moov", b"trak", b"mdia", b"minf", b"stbl"):
        start = data.index(parent) - 4
        (size,) = struct.unpack_from(">I", data, start)
        struct.pack_into(">I", data, start, size + len(box) - length)
    edits = data.index(b"edts")  # their length would be wrong now
    data[edits : edits + 4] = b"free"
    return bytes(data[:at] + box + data[at + length :])


def test_pictures_that_the_recorder_lost_keep_their_numbers(tmp_path):
    data = write_moving(tmp_path / "left.mp4", "mp4v")
    whole = pictures(open_source(tmp_path, rig("left")))
    # after the 5th picture one is lost, after the 12th three are
    steps = [(4, 1), (1, 2), (6, 1), (1, 4), (8, 1)]
    (tmp_path / "left.mp4").write_bytes(with_steps(data, steps))
    source = open_source(tmp_path, rig("left"))
    there = pictures(source)
    assert sorted(set(range(COUNT + 4)) - there.keys()) == [5, 13, 14, 15]
    assert np.array_equal(there[4], whole[4])
    assert np.array_equal(there[6], whole[5])
    assert np.array_equal(there[16], whole[12])
    assert "left: no image in 4 of 24 frame sets" in each_said(source.warnings)
    assert source.cut_off == []


def test_uneven_steps_are_no_losses(tmp_path):
    data = write_moving(tmp_path / "left.mp4", "mp4v")
    at = data.index(b"stts") + 16
    (step,) = struct.unpack_from(">I", data, at)
    data = bytearray(with_steps(data, [(1, 1)] * COUNT))
    ways = [1.0, 1.3, 0.8, 1.5, 0.7] * 4
    for k, way in enumerate(ways):
        struct.pack_into(">I", data, data.index(b"stts") + 16 + 8 * k, round(way * step))
    (tmp_path / "left.mp4").write_bytes(data)
    source = open_source(tmp_path, rig("left"))
    times = [s.time for s in source]
    assert np.diff(times) == pytest.approx(np.array(ways[:-1]) / FPS, abs=2e-3)
    assert source.warnings == []


@pytest.mark.parametrize(
    ("display", "said"),
    [((-1, 0, 0, -1), "turned by 180"), ((0, 1, -1, 0), "turned by 90"), ((-1, 0, 0, 1), "mirror")],
)
def test_a_video_is_used_as_the_sensor_has_it_and_its_turn_is_named(tmp_path, display, said):
    data = write_moving(tmp_path / "left.mp4", "mp4v")
    whole = pictures(open_source(tmp_path, rig("left")))
    a, b, c, d = (one * 0x10000 for one in display)
    at = data.index(b"tkhd") + 8 + 20 + 16
    struct.pack_into(">9i", data, at, a, b, 0, c, d, 0, 0, 0, 0x40000000)
    (tmp_path / "left.mp4").write_bytes(data)
    source = open_source(tmp_path, rig("left"))
    (note,) = source.notes
    assert said in note
    assert "by its metadata; used as the sensor has it" in note
    there = pictures(source)
    assert all(np.array_equal(there[number], whole[number]) for number in range(COUNT))


@pytest.mark.parametrize("name", ["left.mjpeg", "left.avi"])  # the content counts, not the name
def test_an_invented_clock_is_not_believed(tmp_path, name):
    encoded = [cv2.imencode(".jpg", scene(number))[1].tobytes() for number in range(COUNT)]
    (tmp_path / name).write_bytes(b"".join(encoded))
    source = open_source(tmp_path, rig("left"))
    assert [s.time for s in source] == pytest.approx([k / 30.0 for k in range(COUNT)])
    (warning,) = each_said(source.warnings)
    assert "holds no times of its own: 30 images per second are assumed; give --fps" in warning
    source = open_source(tmp_path, rig("left"), fps=8.0)
    assert [s.time for s in source] == pytest.approx([k / 8.0 for k in range(COUNT)])
    assert source.warnings == []
    rows = "".join(f"left,{k},{k / 50}\n" for k in range(COUNT))
    write_times(tmp_path, "camera,frame,time\n" + rows)
    assert open_source(tmp_path, rig("left")).warnings == []


def test_bare_pictures_that_end_in_the_middle_of_one_are_cut_off(tmp_path):
    encoded = [cv2.imencode(".jpg", scene(number))[1].tobytes() for number in range(4)]
    (tmp_path / "left.mjpeg").write_bytes(b"".join(encoded)[:-100])
    source = open_source(tmp_path, rig("left"), fps=30.0)
    assert sorted(pictures(source)) == [0, 1, 2]
    assert "ends after 4 images, the last one damaged: is it cut off?" in source.cut_off[0]


def test_a_longer_camera_is_said(tmp_path):
    write_moving(tmp_path / "left.avi", "MJPG")
    names = {f"{number:03}.png": number for number in range(COUNT + 9)}
    write_pictures(tmp_path / "right", names)
    source = open_source(tmp_path, rig("left", "right"))
    assert len(list(source)) == COUNT + 9
    assert each_said(source.warnings) == [f"left: no image in 9 of {COUNT + 9} frame sets"]
    assert source.cut_off == []
