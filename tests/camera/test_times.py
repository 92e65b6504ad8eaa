"""When recorded pictures were taken: times.csv, the videos, --fps."""

import cv2
import pytest

from nav.camera.source import open_source
from nav.camera.video_decoder import VideoDecoder, VideoPicture
from nav.core.errors import InputError
from tests.camera.recordings import (
    plain,
    reading_threads,
    rig,
    write_pictures,
    write_times,
    write_video,
)
from tests.said import each_said


def test_pictures_come_at_fps_thirty_by_default(tmp_path):
    write_pictures(tmp_path / "left", {"0.png": 5, "1.png": 6, "2.png": 7})
    default = [s.time for s in open_source(tmp_path, rig("left"))]
    assert default == pytest.approx([0.0, 1 / 30, 2 / 30])
    sets = list(open_source(tmp_path, rig("left"), fps=8.0))
    assert [s.time for s in sets] == pytest.approx([0.0, 0.125, 0.25])
    assert [s.frames["left"].time for s in sets] == [s.time for s in sets]


@pytest.mark.parametrize(("name", "code"), [("left.avi", "MJPG"), ("left.mp4", "mp4v")])
def test_a_videos_own_times_count_rather_than_fps(tmp_path, name, code):
    write_video(tmp_path / name, [10, 60, 110], fps=20.0, code=code)
    sets = list(open_source(tmp_path, rig("left"), fps=8.0))
    assert [s.time for s in sets] == pytest.approx([0.0, 0.05, 0.1], abs=1e-3)


def test_bare_pictures_one_after_the_other_have_no_times_of_their_own(tmp_path):
    encoded = [cv2.imencode(".jpg", plain(v))[1].tobytes() for v in (10, 60, 110)]
    (tmp_path / "left.mjpeg").write_bytes(b"".join(encoded))
    sets = list(open_source(tmp_path, rig("left"), fps=8.0))
    assert [s.time for s in sets] == pytest.approx([0.0, 0.125, 0.25])


def test_times_csv_counts_and_each_camera_has_its_own(tmp_path):
    write_video(tmp_path / "left.avi", [10, 20])
    write_pictures(tmp_path / "right", {"0.png": 30, "1.png": 40})
    write_times(
        tmp_path,
        "time,camera,frame\n5.0,left,0\n5.5,left,1\n\n5.01,right,0\n5.53,right,1\n9,third,0\n",
    )
    sets = list(open_source(tmp_path, rig("left", "right"), fps=8.0))
    assert [s.frames["left"].time for s in sets] == [5.0, 5.5]
    assert [s.frames["right"].time for s in sets] == [5.01, 5.53]
    assert [s.time for s in sets] == pytest.approx([5.005, 5.515])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "camera,frame\nleft,0\n",
            "first line: expected the columns camera,frame,time, lacks time",
        ),
        ("", "first line: expected the columns camera,frame,time, lacks camera"),
        ("camera,frame,time\nleft,0,0\nleft,one,1\n", "line 3: frame: expected a whole number"),
        ("camera,frame,time\nleft,-1,0\n", "line 2: frame: expected a whole number"),
        ("camera,frame,time\nleft,0,nan\n", "line 2: time: expected a finite number"),
        ("camera,frame,time\nleft,0,inf\n", "line 2: time: expected a finite number"),
        ("camera,frame,time\nleft,0\n", "line 2: time: expected a finite number"),
        ("camera,frame,time\n,0,1\n", "line 2: camera: is missing"),
        (
            "camera,frame,time\nleft,0,1\nleft,0,2\n",
            "line 3: frame: camera left frame 0 is in line 2",
        ),
        ("camera,frame,time\nleft,0,1\nleft,1,0.5\n", "line 3: time: camera left frame 1 is at"),
        ("camera,frame,time\nleft,1,1\nleft,0,1\n", "line 2: time: camera left frame 1 is at"),
        ("camera frame time\nleft 0 0\n", "line: expected the columns camera,frame,time, lacks"),
        ("camera,frame,time\nleft,0,0,5\n", "line 2: has 4 fields, but there are 3 columns"),
        ("camera;frame;time\nleft;0;1,033\n", "line 2: 1,033 may mean 1.033 or 1033; write"),
        ("camera,frame,time\nleft," + "9" * 5000 + ",1\n", "line 2: frame: expected a whole num"),
        ("camera,frame,time\nleft,0,1e12\n", "is at 1e+12 s: are the times in milliseconds"),
        ("camera,frame,time\nLeft,0,1\n", "no times for camera left; cameras in it: Left"),
        ("camera,frame,time\nleft,0,1\n", "no time for camera left frame 1 (1.png)"),
    ],
)
def test_bad_times_are_refused(tmp_path, text, said):
    write_pictures(tmp_path / "left", {"0.png": 5, "1.png": 6})
    write_times(tmp_path, text)
    with pytest.raises(InputError) as error:
        open_source(tmp_path, rig("left"))
    assert "times.csv: " in str(error.value)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "text",
    [
        "Camera;Frame;Time\nleft;0;0,5\nleft;1;0,54\n;;\n",
        "\ufeffcamera\tframe\ttime\r\nleft\t0\t0.5\r\nleft\t1\t0.54\r\n",
        "# of today\n camera , frame, time,\nleft,0,0.5,\n\nleft,1,.54\n",
    ],
)
def test_times_of_any_spreadsheet_are_read(tmp_path, text):
    write_pictures(tmp_path / "left", {"0.png": 5, "1.png": 6})
    write_times(tmp_path, text)
    assert [s.time for s in open_source(tmp_path, rig("left"))] == [0.5, 0.54]


@pytest.mark.parametrize(
    ("step", "unit"),
    [
        (1 / 30 * 1e9, "nanoseconds"),
        (1 / 120 * 1e9, "nanoseconds"),
        (1 / 30 * 1e6, "microseconds"),
        (1 / 30 * 1e3, "milliseconds"),
        (1 / 30 / 3600, "hours"),
        (1 / 30 / 86400, "days"),
    ],
)
@pytest.mark.parametrize("begin", [0.0, 1.7e9 / 33])
def test_times_that_cannot_be_seconds_are_refused_with_the_likely_unit(tmp_path, step, unit, begin):
    write_pictures(tmp_path / "left", {f"{i}.png": i for i in range(4)})
    rows = "".join(f"left,{i},{begin * step + i * step!r}\n" for i in range(4))
    write_times(tmp_path, "camera,frame,time\n" + rows)
    with pytest.raises(InputError, match=f"are the times in {unit}\\? Write seconds"):
        open_source(tmp_path, rig("left"))


@pytest.mark.parametrize(
    ("step", "unit"), [(5.0, "milliseconds"), (2.0, "milliseconds"), (1 / 30 / 60, "minutes")]
)
def test_times_with_unusual_steps_are_used_with_a_warning(tmp_path, step, unit):
    write_pictures(tmp_path / "left", {f"{i}.png": i for i in range(4)})
    rows = "".join(f"left,{i},{i * step!r}\n" for i in range(4))
    write_times(tmp_path, "camera,frame,time\n" + rows)
    (warning,) = each_said(open_source(tmp_path, rig("left")).warnings)
    assert f"if the times are in {unit}, write seconds" in warning


def test_one_long_pause_is_no_other_unit(tmp_path):
    write_pictures(tmp_path / "left", {f"{i}.png": i for i in range(4)})
    write_times(tmp_path, "camera,frame,time\nleft,0,0\nleft,1,.03\nleft,2,.06\nleft,3,99\n")
    assert open_source(tmp_path, rig("left")).warnings == []


def two_cameras(folder, begin):
    """Pictures of two cameras, one of which begins so many seconds after the other."""
    for name in ("left", "right"):
        write_pictures(folder / name, {f"{i}.png": i for i in range(2)})
    return f"left,0,0\nleft,1,0.03\nright,0,{begin}\nright,1,{begin + 0.03:.2f}\n"


def test_cameras_that_begin_a_few_pictures_apart_are_read(tmp_path):
    write_times(tmp_path, "camera,frame,time\n" + two_cameras(tmp_path, 0.2))
    assert len(list(open_source(tmp_path, rig("left", "right")))) == 2


@pytest.mark.parametrize("begin", [1_700_000_000, 5])
def test_cameras_with_clocks_of_their_own_are_refused(tmp_path, begin):
    rows = two_cameras(tmp_path, begin)
    write_times(tmp_path, "camera,frame,time\n" + rows)
    with pytest.raises(
        InputError, match=r"camera left ends at 0\.03 s, but camera right begins at"
    ):
        open_source(tmp_path, rig("left", "right"))


def test_a_video_picture_without_a_time_is_refused_when_reached(tmp_path):
    write_video(tmp_path / "left.avi", [10, 20, 30])
    write_times(tmp_path, "camera,frame,time\nleft,0,1\nleft,1,2\n")
    with pytest.raises(InputError, match="no time for camera left frame 2"):
        list(open_source(tmp_path, rig("left")))
    assert reading_threads() == []


@pytest.mark.parametrize("fps", [0.0, -1.0, float("nan"), float("inf")])
def test_fps_must_be_a_number_above_nought(tmp_path, fps):
    write_pictures(tmp_path / "left", {"0.png": 5})
    with pytest.raises(InputError, match="--fps: expected a number above 0"):
        open_source(tmp_path, rig("left"), fps)


def test_a_video_whose_own_times_go_backwards_is_refused(tmp_path, monkeypatch):
    write_video(tmp_path / "left.avi", [10, 20, 30])
    pictures = [VideoPicture(at, plain(9)) for at in (0.0, 0.04, 0.03)]
    monkeypatch.setattr(VideoDecoder, "__iter__", lambda self: iter(pictures))
    with pytest.raises(InputError, match=r"left\.avi: frame 2: its time 0\.030 s is not after"):
        list(open_source(tmp_path, rig("left")))
