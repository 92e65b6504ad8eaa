"""Webcams: newest images, lost within 0.1 s, found again, never waited for; their settings.

The clock stands still unless the test moves it.
"""

import threading
from collections.abc import Iterator

import cv2
import numpy as np
import pytest

from nav.camera.livecamera import FROZEN, GIVE_UP, HUNG, Grabbed, LiveCamera
from nav.camera.webcam import Webcams, list_devices, lock_settings, request_size, why_not_opened
from nav.camera.webcam_numbers import parse_webcams
from nav.core.errors import InputError, Lost
from nav.core.notice import Notice
from tests.camera.scripted_webcam import PATIENCE, RIG, Capture, Clock, Webcam, camera, eventually
from tests.camera.scripted_webcam import clock as clock
from tests.said import each_said, said


@pytest.fixture
def webcam() -> Webcam:
    return Webcam()


@pytest.fixture
def left(webcam: Webcam, clock: Clock) -> Iterator[LiveCamera]:
    live = LiveCamera("left", 3, camera("left"), webcam, clock=clock, reopen_after=0.005)
    yield live
    webcam.plugged = False
    if webcam.hanging is not None:
        webcam.hanging.set()
    live.close(PATIENCE)
    eventually(lambda: not any(a.thread.is_alive() for a in live._attempts))


def reason(state: Grabbed | Lost) -> str:
    assert isinstance(state, Lost)
    return said(state)


# one camera


def test_only_the_newest_picture_is_kept_with_its_time(left, webcam, clock):
    assert reason(left.newest()) == "camera left: no image yet"
    for _ in range(3):
        clock.now += 0.03
        picture = webcam.picture()
        webcam.deliver(picture)
    newest = left.newest()
    assert isinstance(newest, Grabbed)
    assert newest.time == clock.now
    assert newest.number == 2
    assert np.array_equal(newest.image, cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY))


@pytest.mark.parametrize("how", ["silent", "unplugged", "hanging"])
def test_without_a_new_picture_the_camera_is_lost_within_a_tenth_of_a_second(
    left, webcam, clock, how
):
    webcam.deliver()
    if how == "unplugged":
        webcam.plugged = False
    elif how == "hanging":
        webcam.hanging = threading.Event()
    clock.now += 0.08
    assert isinstance(left.newest(), Grabbed)
    clock.now += 0.02
    assert reason(left.newest()) == "camera left: no image for 0.1 s: unplugged?"


def test_a_frozen_camera_is_lost_within_a_tenth_of_a_second(left, webcam, clock):
    picture = webcam.picture()
    webcam.deliver(picture)
    first = left.newest()
    for _ in range(8):
        clock.now += 0.01
        webcam.deliver(picture)
        assert left.newest() is first  # an old picture is not made new by its coming again
    clock.now += 0.02
    webcam.deliver(picture)
    assert reason(left.newest()) == "camera left: only old images for 0.1 s: frozen?"
    webcam.deliver()
    assert isinstance(left.newest(), Grabbed)


def test_a_driver_that_goes_round_in_its_old_pictures_is_frozen(left, webcam, clock):
    pictures = [webcam.picture() for _ in range(4)]
    for picture in pictures:
        webcam.deliver(picture)
    for picture in pictures:
        clock.now += 0.025
        webcam.deliver(picture)
    assert reason(left.newest()) == "camera left: only old images for 0.1 s: frozen?"


def test_a_long_frozen_camera_is_opened_anew(left, webcam, clock):
    picture = webcam.picture()
    webcam.deliver(picture)
    clock.now += FROZEN + 0.1
    webcam.deliver(picture)
    webcam.deliver()
    assert isinstance(left.newest(), Grabbed)
    assert webcam.opened == 2


def test_a_damaged_picture_is_left_out_and_the_next_one_counts(left, webcam, clock):
    webcam.deliver()
    clock.now += 0.03
    webcam.deliver(np.zeros((48, 64, 3), np.float32))
    assert left.newest().number == 0
    webcam.deliver()
    assert left.newest().number == 1
    assert webcam.opened == 1


def test_an_unplugged_camera_is_used_again_when_it_comes_back(left, webcam, clock):
    webcam.deliver()
    webcam.plugged = False
    clock.now += GIVE_UP + 0.1
    eventually(lambda: "device 3 cannot be opened: " in reason(left.newest()))
    webcam.plugged = True
    webcam.deliver()
    newest = left.newest()
    assert isinstance(newest, Grabbed)
    assert newest.time == clock.now


def test_a_read_that_never_returns_is_left_behind(left, webcam, clock):
    webcam.deliver()
    stuck = webcam.hang()
    webcam.hanging = None  # the next opening works
    clock.now += HUNG + 1
    assert isinstance(left.newest(), Lost)
    webcam.deliver()
    newest = left.newest()
    assert isinstance(newest, Grabbed)
    assert newest.number == 1
    stuck.set()


def test_hanging_reads_do_not_pile_up_threads(left, webcam, clock):
    webcam.deliver()
    webcam.hang()
    for _ in range(20):
        clock.now += HUNG + 1
        assert isinstance(left.newest(), Lost)
        threads = len(left._attempts)
        webcam.wait_until(lambda threads=threads: webcam.hung == threads)
    assert 1 < webcam.hung <= 4


def test_a_picture_of_another_size_is_told_and_not_used(webcam, clock):
    webcam.size = (128, 96)
    live = LiveCamera("left", 3, camera("left"), webcam, clock=clock, reopen_after=0.005)
    webcam.send()
    with pytest.raises(InputError, match=r"128 x 96 but rig.toml says 64 x 48"):
        live.wait_for_first(PATIENCE)
    assert "128 x 96" in reason(live.newest())
    live.close()


def test_a_failing_driver_is_this_cameras_problem_only(clock):
    def broken(index: int) -> Capture:
        raise cv2.error("driver says no")

    live = LiveCamera("left", 3, camera("left"), broken, clock=clock)
    with pytest.raises(InputError, match="camera left: error: driver says no"):
        live.wait_for_first(PATIENCE)
    live.close()


def test_a_slow_camera_is_warned_about(left, webcam, clock):
    for _ in range(7):
        webcam.deliver()
        clock.now += 0.03
    assert left.warnings == []
    for _ in range(16):
        webcam.deliver()
        clock.now += 0.125
    assert each_said(left.warnings) == [
        "camera left: only 8 images per second; more light, a shorter exposure or a USB port "
        "of its own may help"
    ]


# settings


def test_settings_that_the_driver_ignores_are_warned_about(webcam):
    assert lock_settings(webcam(0), "left") == []
    assert webcam.settings[cv2.CAP_PROP_AUTOFOCUS] == 0
    assert webcam.settings[cv2.CAP_PROP_AUTO_EXPOSURE] == 1  # V4L2's 'manual'
    assert webcam.settings[cv2.CAP_PROP_AUTO_WB] == 0
    deaf = Webcam()
    deaf.ignored = {cv2.CAP_PROP_AUTOFOCUS, cv2.CAP_PROP_AUTO_WB}
    warnings = lock_settings(deaf(0), "left")
    left = {"camera": "left"}
    locked = ("focus_not_locked", "white_balance_not_locked")
    assert warnings == [Notice(code, left) for code in locked]


@pytest.mark.parametrize(
    ("before", "lowest", "obeys", "told"),
    [
        (50.0, 0.0, True, None),
        (50.0, 2.0, True, None),  # as low as that driver goes
        (0.0, 0.0, False, None),  # nothing to lower
        (50.0, 0.0, False, "does not lower the sharpness: asked for 0, it stays at 50"),
        (None, 0.0, False, "has no control for sharpness"),
    ],
)
def test_sharpness_is_set_to_its_lowest_and_read_back(before, lowest, obeys, told):
    webcam = Webcam()
    if before is not None:
        webcam.settings[cv2.CAP_PROP_SHARPNESS] = before
    if not obeys:
        webcam.ignored = {cv2.CAP_PROP_SHARPNESS}
    webcam.least[cv2.CAP_PROP_SHARPNESS] = lowest
    warnings = lock_settings(webcam(0), "left")
    if obeys:
        assert webcam.settings[cv2.CAP_PROP_SHARPNESS] == lowest
    if told is None:
        assert warnings == []
    else:
        (warning,) = warnings
        assert said(warning).startswith("camera left: the driver ")
        assert told in said(warning)


def test_large_pictures_are_asked_for_compressed(webcam):
    mjpg = cv2.VideoWriter.fourcc(*"MJPG")
    request_size(webcam(0), (640, 480))
    assert cv2.CAP_PROP_FOURCC not in webcam.settings
    request_size(webcam(0), (1920, 1080))
    assert webcam.settings[cv2.CAP_PROP_FOURCC] == mjpg
    assert webcam.settings[cv2.CAP_PROP_FRAME_WIDTH] == 1920
    assert webcam.settings[cv2.CAP_PROP_FRAME_HEIGHT] == 1080


def test_a_camera_is_opened_again_at_its_port_not_at_its_number(tmp_path):
    opened = []
    webcam = Webcam()

    def opener(index: int) -> Capture:
        opened.append(index)
        return webcam(index)

    links = tmp_path / "by-path"
    links.mkdir()
    for number in (0, 2, 4):
        (tmp_path / f"video{number}").touch()
    port = links / "pci-usb-1-video-index0"
    port.symlink_to("../video0")
    webcams = Webcams(opener, links)
    assert webcams(0).isOpened()
    port.unlink()  # unplugged; another camera may be number 0 now
    assert not webcams(0).isOpened()
    port.symlink_to("../video2")
    assert webcams(0).isOpened()
    assert opened == [0, 2]
    assert webcams(4).isOpened()


def test_devices_are_listed_without_their_metadata_nodes(tmp_path):
    for node, index in (("video10", "0"), ("video2", "0"), ("video3", "1"), ("v4l-subdev0", "0")):
        (tmp_path / node).mkdir()
        (tmp_path / node / "index").write_text(index + "\n")
        (tmp_path / node / "name").write_text(f"Webcam of {node}\n")
    assert [(d.index, d.name) for d in list_devices(tmp_path)] == [
        (2, "Webcam of video2"),
        (10, "Webcam of video10"),
    ]
    said = why_not_opened(0, tmp_path / "dev", tmp_path)
    assert said == "no such camera; connected: 2 (Webcam of video2), 10 (Webcam of video10)"


# the option


def test_without_a_rig_any_name_is_a_camera():
    assert parse_webcams([" top =1", "a=b=0"]) == {"top": 1, "a=b": 0}
    for options in (["top"], ["=1"], ["top=1", "top=2"], ["top=1", "low=1"]):
        with pytest.raises(InputError, match="--camera"):
            parse_webcams(options)


def test_cameras_are_given_by_name():
    assert parse_webcams(["left=0", "right=2"], RIG.names) == {"left": 0, "right": 2}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["left"], "--camera left: expected NAME=NUMBER, as in --camera left=NUMBER --camera rig"),
        (["=0"], "--camera =0: expected NAME=NUMBER"),
        (["top=0"], "--camera top=0: the rig has no camera top; it has left, right"),
        (["left=one"], "--camera left=one: expected a webcam's number, got 'one'"),
        (["left="], "--camera left=: expected a webcam's number, got ''"),
        (["left=-1"], "--camera left=-1: expected a webcam's number, got '-1'"),
        (["left=²"], "--camera left=²: expected a webcam's number"),
        (["left=700"], "--camera left=700: expected a webcam's number"),
        (["left=" + "9" * 5000], "--camera left=9"),
        (["left=0", "left=1"], "--camera left=1: camera left is given twice"),
        (["left=0", "right=00"], "--camera right=00: webcam 0 is camera left already"),
        (["left=0"], "--camera right=NUMBER is missing"),
        ([], "--camera left=NUMBER is missing"),
    ],
)
def test_wrong_cameras_are_refused(options, said):
    with pytest.raises(InputError) as error:
        parse_webcams(options, RIG.names)
    assert str(error.value).startswith(said)
