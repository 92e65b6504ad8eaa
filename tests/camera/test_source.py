"""Recorded images: pairing, times, what is missing and what is refused."""

import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from nav.camera.source import open_source
from nav.core.errors import InputError
from tests.camera.recordings import (
    HEIGHT,
    WIDTH,
    levels,
    plain,
    reading_threads,
    rig,
    write_pictures,
    write_video,
)
from tests.said import each_said, said, said_by_name

# pairing


def test_numbers_count_in_natural_order_of_names(tmp_path):
    write_pictures(tmp_path / "left", {"10.png": 100, "2.png": 20, "1.png": 10})
    sets = list(open_source(tmp_path, rig("left")))
    assert [s.number for s in sets] == [0, 1, 2]
    assert levels(sets, "left") == [10, 20, 100]


def test_equal_names_are_one_instant_and_a_lacking_one_is_missing_with_a_reason(tmp_path):
    write_pictures(tmp_path / "left", {"1.png": 11, "2.png": 12, "10.png": 110})
    write_pictures(tmp_path / "right", {"2.png": 22, "3.jpg": 23, "10.bmp": 210})
    source = open_source(tmp_path, rig("left", "right"))
    sets = list(source)
    assert len(source) == len(sets) == 4
    assert levels(sets, "left") == [11, 12, None, 110]
    assert levels(sets, "right") == [None, 22, 23, 210]
    assert said_by_name(sets[0].missing) == {"right": "right: no image 1"}
    assert said_by_name(sets[2].missing) == {"left": "left: no image 3"}
    assert not sets[1].missing


def test_other_files_and_cameras_are_ignored(tmp_path):
    left = write_pictures(tmp_path / "left", {"0.png": 5, ".1.png": 6})
    write_pictures(tmp_path / "right", {"0.png": 7})
    for name in ("README.md", "Thumbs.db", "notes.txt", ".DS_Store"):
        (left / name).write_text("x")
        (tmp_path / name).write_text("x")
    (left / "folder.png").mkdir()
    assert levels(list(open_source(tmp_path, rig("left"))), "left") == [5]


def test_folders_may_be_links(tmp_path):
    elsewhere = write_pictures(tmp_path / "elsewhere", {"0.png": 5, "1.png": 6})
    source = tmp_path / "source"
    source.mkdir()
    (source / "left").symlink_to(elsewhere, target_is_directory=True)
    assert levels(list(open_source(source, rig("left"))), "left") == [5, 6]


def test_a_rig_of_one_takes_the_folder_or_the_video_itself(tmp_path):
    folder = write_pictures(tmp_path / "some images", {"0.png": 5})
    video = write_video(tmp_path / "100%02d.avi", [40, 50])
    assert levels(list(open_source(folder, rig("left"))), "left") == [5]
    assert levels(list(open_source(video, rig("left"))), "left") == [40, 50]


def test_videos_pair_by_index_and_a_shorter_one_is_missing_at_the_end(tmp_path):
    write_video(tmp_path / "left.avi", [10, 20, 30])
    write_video(tmp_path / "right.mkv", [110, 120])
    source = open_source(tmp_path, rig("left", "right"))
    sets = list(source)
    assert levels(sets, "left") == [10, 20, 30]
    assert levels(sets, "right") == [110, 120, None]
    assert said(sets[2].missing["right"]) == "right: the recording ends after 2 images"
    assert len(source) == 3
    assert each_said(source.warnings) == ["right: no image in 1 of 3 frame sets"]
    assert source.cut_off == []


def test_a_folder_and_a_video_pair_by_index_at_the_videos_times(tmp_path):
    write_video(tmp_path / "left.avi", [10, 20, 30], fps=10.0)
    write_pictures(tmp_path / "right", {"a1.png": 1, "a2.png": 2, "a3.png": 3, "a4.png": 4})
    sets = list(open_source(tmp_path, rig("left", "right"), fps=50.0))
    assert levels(sets, "right") == [1, 2, 3, 4]
    assert [s.frames["right"].time for s in sets] == pytest.approx([0.0, 0.1, 0.2, 0.22])


def test_iterating_again_starts_again(tmp_path):
    write_video(tmp_path / "left.avi", [10, 20])
    source = open_source(tmp_path, rig("left"))
    assert levels(list(source), "left") == levels(list(source), "left") == [10, 20]


# what cannot be read


def damage(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


@pytest.mark.parametrize("suffix", ["png", "jpg", "tif"])
def test_a_damaged_picture_is_missing_and_the_rest_goes_on(tmp_path, suffix):
    write_pictures(tmp_path / "left", {f"00000{i}.{suffix}": 50 + i for i in range(3)})
    noise = np.random.default_rng(1).integers(0, 255, (HEIGHT, WIDTH), np.uint8)
    damaged = tmp_path / "left" / f"000001.{suffix}"
    cv2.imwrite(str(damaged), noise)
    damage(damaged)
    source = open_source(tmp_path, rig("left"))
    sets = list(source)
    assert levels(sets, "left") == [50, None, 52]
    assert (
        f"left: 1 of 3 images cannot be used; the first: {damaged.name} is cut off: its end"
        in said(source.warnings[0])
    )
    missing = sets[1].missing["left"]
    assert said(missing) == f"left: 000001.{suffix} is cut off: its end is missing"
    assert sets[1].time == pytest.approx(1 / 30)


def test_a_damaged_first_picture_is_refused(tmp_path):
    write_pictures(tmp_path / "left", {"0.png": 5, "1.png": 5})
    write_pictures(tmp_path / "right", {"1.png": 5})
    (tmp_path / "right" / "1.png").write_bytes(b"no image")
    with pytest.raises(InputError, match=r"1\.png: cannot be read as an image"):
        open_source(tmp_path, rig("left", "right"))


def test_a_picture_of_another_size_is_refused_at_once_or_when_reached(tmp_path):
    folder = write_pictures(tmp_path / "left", {"0.png": 5, "1.png": 6, "2.png": 7})
    cv2.imwrite(str(folder / "1.png"), plain(6, (HEIGHT, 2 * WIDTH)))
    sets = iter(open_source(tmp_path, rig("left")))
    assert next(sets).number == 0
    with pytest.raises(InputError, match=r"1\.png: image is 128 x 48 but rig.toml says 64 x 48"):
        next(sets)
    assert reading_threads() == []
    cv2.imwrite(str(folder / "0.png"), plain(6, (HEIGHT, 2 * WIDTH)))
    with pytest.raises(InputError, match=r"0\.png: image is 128 x 48"):
        open_source(tmp_path, rig("left"))


def test_a_video_of_another_size_is_refused(tmp_path):
    writer = cv2.VideoWriter(
        str(tmp_path / "left.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 25.0, (96, 64)
    )
    writer.write(plain(9, (64, 96, 3)))
    writer.release()
    with pytest.raises(InputError, match=r"left\.avi: image is 96 x 64"):
        open_source(tmp_path, rig("left"))


def test_a_file_that_is_no_video_is_refused_quietly(tmp_path, capfd):
    (tmp_path / "left.avi").write_bytes(b"RIFF and nothing more")
    with pytest.raises(InputError, match=r"left\.avi: cannot be read as a video"):
        open_source(tmp_path, rig("left"))
    assert capfd.readouterr().err == ""


def test_a_cut_video_leaves_a_warning(tmp_path):
    rng = np.random.default_rng(2)
    path = tmp_path / "left.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"FFV1"), 25.0, (WIDTH, HEIGHT))
    for _ in range(40):
        writer.write(rng.integers(0, 255, (HEIGHT, WIDTH, 3), np.uint8))
    writer.release()
    damage(path)
    source = open_source(tmp_path, rig("left"))
    count = len(list(source))
    assert 0 < count < 40
    assert source.cut_off == [f"{path}: is cut off: ends after {count} of 40 images"]


def touched(folder: Path, *names: str) -> Path:
    """Make files of no content."""
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / name).touch()
    return folder


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda d: d / "none", "none: no such folder or file"),
        (lambda d: d, "nothing for camera left; found no folder, video or image; expected"),
        (
            lambda d: write_pictures(d / "Left", {"0.png": 1}).parent,
            "nothing for camera left; found Left/; expected a sub-folder of images or a video "
            "file for each of left, right",
        ),
        (lambda d: write_video(d / "left.avi", [1]), "one file, but the rig has 2 cameras"),
        (lambda d: write_video(d / "left.avi", [1]).parent, "nothing for camera right; found lef"),
        (lambda d: write_pictures(d, {"0.png": 1}), "found 1 image outside any camera's fold"),
        (lambda d: (d / "left").mkdir() or d, "left: no images in it"),
        (
            lambda d: touched(d / "left", "IMG_1.HEIC", "IMG_2.heic", "notes.txt").parent,
            "left: no images in it, but IMG_1.HEIC and 1 more (of a kind that is not read: save "
            "as PNG or JPEG)",
        ),
        (
            lambda d: touched(d, "a.gif"),
            "nothing for camera left; found a.gif (of a kind that is not read: save as PNG or",
        ),
        (
            lambda d: (
                write_pictures(
                    write_video(d / "left.avi", [1]).parent / "left", {"0.png": 1}
                ).parent
            ),
            "left and left.avi are both for camera left; keep one",
        ),
        (
            lambda d: (
                write_pictures(
                    write_pictures(d / "left", {"0.png": 1, "0.jpg": 1}).parent / "right",
                    {"0.png": 1},
                ).parent
            ),
            "0.jpg and 0.png have the same name; keep one",
        ),
        (
            lambda d: (
                write_pictures(
                    write_pictures(d / "left", {"left_0.png": 1}).parent / "right",
                    {"right_0.png": 1},
                ).parent
            ),
            "left/left_0.png and right/right_0.png: no image has the same name in two cameras",
        ),
    ],
)
def test_a_source_that_does_not_fit_the_rig_is_refused(tmp_path, make, told):
    with pytest.raises(InputError) as error:
        open_source(make(tmp_path), rig("left", "right"))
    assert told in str(error.value)
    assert "\n" not in str(error.value)


def test_a_single_picture_or_text_is_no_source(tmp_path):
    write_pictures(tmp_path, {"0.png": 5})
    (tmp_path / "a.txt").write_text("x")
    with pytest.raises(InputError, match="one image; give its folder"):
        open_source(tmp_path / "0.png", rig("left"))
    with pytest.raises(InputError, match=r"a\.txt: not a video"):
        open_source(tmp_path / "a.txt", rig("left"))


# reading ahead


def test_reading_runs_ahead_but_not_far(tmp_path, monkeypatch):
    write_pictures(tmp_path / "left", {f"{i}.png": i for i in range(30)})
    read = []

    def counting(path):
        read.append(path.name)
        return plain(1)

    source = open_source(tmp_path, rig("left"))
    monkeypatch.setattr("nav.camera.recorded.read_picture", counting)
    sets = iter(source)
    next(sets)
    deadline = time.monotonic() + 60
    while len(read) < 6 and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.05)  # time to run too far, if it did
    assert len(read) == 6  # one used, four waiting, one in the reader's hand
    sets.close()
    assert reading_threads() == []


def test_leaving_or_closing_early_ends_the_threads(tmp_path):
    for name in ("left", "right"):
        write_pictures(tmp_path / name, {f"{i}.png": i for i in range(30)})
    source = open_source(tmp_path, rig("left", "right"))
    for frame_set in source:
        if frame_set.number == 2:
            break
    sets = iter(source)
    next(sets)
    assert len(reading_threads()) >= 2
    source.close()
    assert list(sets) == []
    assert reading_threads() == []


def test_the_time_waited_for_reading_is_told(tmp_path, monkeypatch):
    write_pictures(tmp_path / "left", {"0.png": 1, "1.png": 2})
    source = open_source(tmp_path, rig("left"))

    def slow(path):
        time.sleep(0.05)
        return plain(1)

    monkeypatch.setattr("nav.camera.recorded.read_picture", slow)
    assert all(s.read_seconds > 0.04 for s in source)


# what shows an earlier instant


def test_a_camera_that_is_frozen_while_another_moves_is_missing(tmp_path):
    write_pictures(tmp_path / "left", {f"{i}.png": v for i, v in enumerate((1, 2, 2, 2, 3, 3))})
    write_pictures(tmp_path / "right", {f"{i}.png": v for i, v in enumerate((1, 2, 3, 4, 5, 5))})
    source = open_source(tmp_path, rig("left", "right"))
    sets = list(source)
    assert levels(sets, "left") == [1, 2, None, None, 3, 3]
    assert levels(sets, "right") == [1, 2, 3, 4, 5, 5]
    assert said(sets[2].missing["left"]) == "left: the same image as before: frozen"
    told = said(source.warnings)
    assert "left: frozen in 2 of 6 frame sets" in told
    assert "right: 1 of 6 images are the same as the one before" in told
    list(source)
    assert "left: frozen in 2 of 6 frame sets" in said(source.warnings)  # counted anew


def test_pictures_without_noise_that_do_not_change_together_are_used_and_said(tmp_path):
    write_pictures(tmp_path / "left", {f"{i}.png": 7 for i in range(4)})
    source = open_source(tmp_path, rig("left"))
    assert levels(list(source), "left") == [7, 7, 7, 7]
    (warning,) = each_said(source.warnings)
    assert warning.startswith("left: 3 of 4 images are the same as the one before")
