"""Webcams: newest images, lost within 0.1 s, found again, never waited for.

A made-up driver hands over pictures when the test says so, and the clock stands still between.
"""

import itertools
import queue
import threading
import time
from collections.abc import Iterator

import cv2
import numpy as np
import pytest
from scipy.spatial.transform import RigidTransform

from nav.camera.live_source import LiveSource
from nav.camera.livecamera import FROZEN, GIVE_UP, HUNG, Grabbed, LiveCamera
from nav.camera.rig import Camera, Rig
from nav.camera.webcam import Webcams, list_devices, lock_settings, request_size, why_not_opened
from nav.camera.webcam_numbers import parse_webcams
from nav.core.errors import InputError, Lost
from nav.core.frameset import FrameSet
from nav.core.notice import Notice
from tests.said import each_said, said

SIZE = (64, 48)
PATIENCE = 60.0  # s, until a test gives up


def camera(name: str) -> Camera:
    matrix = np.array([[50.0, 0.0, 31.5], [0.0, 50.0, 23.5], [0.0, 0.0, 1.0]])
    return Camera(name, SIZE, matrix, np.zeros(5), RigidTransform.identity())


RIG = Rig((camera("left"), camera("right")))


class Clock:
    """Time that only the test moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Webcam:
    """A made-up webcam. Calling it opens it; `deliver` sends one image through the driver."""

    def __init__(self, size: tuple[int, int] = SIZE) -> None:
        self.size, self.plugged, self.opened = size, True, 0
        self.pictures: queue.Queue[np.ndarray] = queue.Queue()
        self.sent = self.read = self.done = self.hung = 0
        self.hanging: threading.Event | None = None
        self.decoding: threading.Event | None = None
        self.ignored: set[int] = set()
        self.settings: dict[int, float] = {}
        self.least: dict[int, float] = {}  # of a setting, below which it is not set
        self._numbers = itertools.count()
        self._changed = threading.Condition()

    def __call__(self, index: int) -> "Capture":
        with self._changed:
            self.opened += 1
        return Capture(self)

    def picture(self) -> np.ndarray:
        rng = np.random.default_rng(next(self._numbers))
        return rng.integers(0, 256, (self.size[1], self.size[0], 3), np.uint8)

    def send(self, picture: np.ndarray | None = None) -> None:
        self.sent += 1
        self.pictures.put(self.picture() if picture is None else picture)

    def deliver(self, picture: np.ndarray | None = None) -> None:
        """Send a image and wait until the camera has done with it."""
        self.send(picture)
        self.wait_until(lambda: self.done >= self.sent)

    def hang(self) -> threading.Event:
        """From now on reads hang; wait until one does."""
        self.hanging = threading.Event()
        self.wait_until(lambda: self.hung > 0)
        return self.hanging

    def count(self, **more: int) -> None:
        with self._changed:
            for name, by in more.items():
                setattr(self, name, getattr(self, name) + by)
            self._changed.notify_all()

    def wait_until(self, condition) -> None:
        with self._changed:
            assert self._changed.wait_for(condition, PATIENCE)


class Capture:
    """What cv2.VideoCapture does for one opening of a made-up webcam."""

    def __init__(self, webcam: Webcam) -> None:
        self.webcam, self.released = webcam, False

    def isOpened(self) -> bool:
        return self.webcam.plugged

    def grab(self) -> bool:
        self._done()
        for _ in range(10):  # then give up, as V4L2 does after a second
            if (hanging := self.webcam.hanging) is not None:
                self.webcam.count(hung=1)
                hanging.wait()
                return False
            if not self.webcam.plugged:
                return False
            try:
                self.image = self.webcam.pictures.get(timeout=0.005)
            except queue.Empty:
                continue
            self.webcam.count(read=1)
            return True
        return False

    def _done(self) -> None:
        self.webcam.count(done=self.webcam.read - self.webcam.done)

    def retrieve(self):
        if self.webcam.decoding is not None:
            self.webcam.decoding.wait(PATIENCE)
        return True, self.image

    def get(self, prop: int) -> float:
        return self.webcam.settings.get(prop, -1.0)

    def set(self, prop: int, value: float) -> bool:
        if prop not in self.webcam.ignored:
            self.webcam.settings[prop] = max(value, self.webcam.least.get(prop, value))
        return True  # as drivers do, whether they obey or not

    def getBackendName(self) -> str:
        return "V4L2"

    def release(self) -> None:
        self._done()
        self.released = True


def eventually(condition) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)


@pytest.fixture
def clock() -> Clock:
    return Clock()


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


# several cameras


class Pair:
    """A rig of two made-up webcams."""

    def __init__(self, clock: Clock, skew: float | None = None) -> None:
        self.clock = clock
        self.webcams = {"left": Webcam(), "right": Webcam()}
        for webcam in self.webcams.values():
            webcam.send()
        self.source = LiveSource(
            RIG,
            {"left": 0, "right": 1},
            skew,
            capture=lambda index: list(self.webcams.values())[index](index),
            clock=clock,
            first_picture=PATIENCE,
        )

    def deliver(self, **at: float) -> None:
        """One image from each named camera, at that many ms, in order of time."""
        start = self.clock.now
        for name, ms in sorted(at.items(), key=lambda item: item[1]):
            self.clock.now = start + ms / 1000
            self.webcams[name].deliver()

    def poll(self) -> FrameSet | None:
        return self.source.poll()


@pytest.fixture
def pair(clock: Clock) -> Iterator[Pair]:
    pair = Pair(clock)
    yield pair
    for webcam in pair.webcams.values():
        webcam.plugged = False
    pair.source.close()


def given(frames: FrameSet | None) -> dict[str, float]:
    assert frames is not None
    return {name: frame.time for name, frame in frames.frames.items()}


def test_pictures_of_one_instant_come_together_and_only_once(pair, clock):
    assert set(given(pair.poll())) == {"left", "right"}
    assert pair.poll() is None
    pair.deliver(left=30)
    assert pair.poll() is None  # waits for the right one
    pair.deliver(right=4)
    frames = pair.poll()
    assert given(frames) == pytest.approx({"left": 100.030, "right": 100.034})
    assert frames.time == pytest.approx(100.032)
    assert (frames.number, dict(frames.missing)) == (1, {})
    assert pair.poll() is None


def test_pictures_too_far_apart_wait_for_the_next(pair, clock):
    pair.poll()
    pair.deliver(left=10, right=30)  # 20 ms apart, more than half of 33
    assert pair.poll() is None
    pair.deliver(left=13)
    assert given(pair.poll()) == pytest.approx({"left": 100.043, "right": 100.030})


def test_the_skew_can_be_said(clock):
    pair = Pair(clock, skew=0.025)
    pair.poll()
    pair.deliver(left=10, right=30)
    assert set(given(pair.poll())) == {"left", "right"}
    pair.source.close()


@pytest.mark.parametrize("phase", [0, 5, 12, 16, 17, 20, 28, 33])
def test_free_running_cameras_of_one_rate_keep_their_rate_at_any_phase(clock, phase):
    pair = Pair(clock)
    pair.poll()
    start, sets = clock.now, []
    ticks = [(k * 33.333, "left") for k in range(1, 31)]
    ticks += [(k * 33.333 + phase, "right") for k in range(1, 31)]
    for ms, name in sorted(ticks):
        clock.now = start + ms / 1000
        pair.webcams[name].deliver()
        frames = pair.poll()
        if frames is not None:
            sets.append(given(frames))
    assert len(sets) >= 29
    assert all(len(s) == 2 and abs(s["left"] - s["right"]) <= 0.0184 for s in sets)
    for name in ("left", "right"):
        used = [s[name] for s in sets]
        assert len(set(used)) == len(used)
    pair.source.close()


def test_a_lost_camera_is_missing_with_its_reason_and_the_other_goes_on_at_its_rate(pair, clock):
    pair.poll()
    pair.webcams["right"].plugged = False
    seen = []
    for _ in range(6):
        pair.deliver(left=30)
        frames = pair.poll()
        seen.append(None if frames is None else dict(frames.missing))
    assert seen[:3] == [None, None, {"right": seen[2]["right"]}]
    assert all(s and s["right"].code == "camera_silent" for s in seen[3:])


def test_frame_sets_come_within_a_tenth_of_a_second_even_with_all_cameras_lost(pair, clock):
    pair.poll()
    for webcam in pair.webcams.values():
        webcam.plugged = False
    given_at = [clock.now]
    while clock.now < 101.0:
        clock.now += 0.005
        frames = pair.poll()
        if frames is not None:
            assert dict(frames.frames) == {}
            assert set(frames.missing) == {"left", "right"}
            assert frames.time == clock.now
            given_at.append(clock.now)
    assert max(np.diff(given_at)) <= 0.1
    for webcam in pair.webcams.values():
        webcam.plugged = True
        webcam.deliver()
    assert set(given(pair.poll())) == {"left", "right"}


def test_a_partner_that_never_comes_in_time_is_missing(clock):
    pair = Pair(clock, skew=0.001)
    pair.poll()
    for _ in range(3):
        pair.deliver(left=10, right=30)
        if (frames := pair.poll()) is not None:
            break
    assert list(given(frames)) == ["right"]
    assert frames.missing == {"left": Notice("camera_late", {"camera": "left"})}
    pair.source.close()


def test_times_never_go_backwards(pair, clock):
    """A image grabbed before an empty frame set may be decoded only after it."""
    pair.poll()
    clock.now += 0.5
    for webcam in pair.webcams.values():
        webcam.decoding = threading.Event()
        read = webcam.read
        webcam.send()
        webcam.wait_until(lambda w=webcam, before=read: w.read > before)
    grabbed = clock.now
    clock.now += 0.02
    empty = pair.poll()
    assert not empty.frames
    for webcam in pair.webcams.values():
        webcam.decoding.set()
        webcam.wait_until(lambda w=webcam: w.done >= w.sent)
    frames = pair.poll()
    assert given(frames) == {"left": grabbed, "right": grabbed}
    assert frames.time == empty.time == clock.now
    assert frames.read_seconds == pytest.approx(0.02)


def test_a_rig_with_a_camera_that_does_not_open_is_refused():
    left, absent = Webcam(), Webcam()
    left.send()
    absent.plugged = False
    with pytest.raises(InputError, match="camera right: device 7 cannot be opened: "):
        LiveSource(RIG, {"left": 0, "right": 7}, capture=lambda i: (absent if i else left)(i))


def test_a_camera_without_a_first_picture_is_refused():
    with pytest.raises(InputError, match=r"camera left: device 0: no image in 0\.05 s"):
        LiveSource(RIG, {"left": 0, "right": 1}, capture=Webcam(), first_picture=0.05)


def test_iterating_goes_on_with_lost_cameras_until_closed():
    """With the true clock: pictures, then nothing but reasons, then images again."""
    webcams = {0: Webcam(), 1: Webcam()}
    feeding, ended = threading.Event(), threading.Event()
    feeding.set()

    def feed() -> None:
        while not ended.is_set():
            if feeding.is_set():
                for webcam in webcams.values():
                    webcam.send()
            time.sleep(0.01)

    feeder = threading.Thread(target=feed, daemon=True)
    feeder.start()
    source = LiveSource(RIG, {"left": 0, "right": 1}, capture=lambda i: webcams[i](i))
    sets = iter(source)
    try:
        assert any(len(s.frames) == 2 for s in itertools.islice(sets, 1000))
        feeding.clear()
        assert any(len(s.missing) == 2 for s in itertools.islice(sets, 1000))
        feeding.set()
        assert any(len(s.frames) == 2 for s in itertools.islice(sets, 1000))
        source.close()
        assert list(sets) == []
    finally:
        ended.set()
        source.close()
    eventually(lambda: not [t for t in threading.enumerate() if t.name == "camera left"])


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
