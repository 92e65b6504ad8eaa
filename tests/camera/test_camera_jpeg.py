"""A webcam's own JPEG: completed without changing a pixel, damage found, OpenCV as the way out."""

import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy.spatial.transform import RigidTransform

from nav.camera.camera_jpeg import JpegError, decode_camera_jpeg, decode_grey, parse_camera_jpeg
from nav.camera.image_files import read_picture
from nav.camera.live_source import LiveSource
from nav.camera.measure import measure
from nav.camera.rig import Camera, Rig
from nav.camera.webcam_image import webcam_image
from nav.core.errors import Lost
from nav.core.frameset import Frame
from nav.text.catalogue import ENGLISH
from tests.camera.jpeg_webcam import MJPG, YUYV, JpegWebcam, jpeg_of, without_tables

WIDTH, HEIGHT = SIZE = (808, 612)  # not whole units of compression; large enough to ask for JPEG
MATRIX = np.array([[800.0, 0.0, 404.0], [0.0, 800.0, 306.0], [0.0, 0.0, 1.0]])
RIG = Rig((Camera("left", SIZE, MATRIX, np.zeros(5), RigidTransform.identity()),))
PATIENCE = 10.0  # s
MOST_STRAY = 4  # bytes
RESTARTS = (cv2.IMWRITE_JPEG_RST_INTERVAL, 51)  # one row of units


def scene(seed: int = 0, colour: bool = True) -> np.ndarray:
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    light = 110 + 50 * np.sin(columns / 37) + 40 * np.sin(rows / 53)
    tint = np.array([0.8, 1.0, 1.1]) if colour else np.ones(3)
    noisy = light[..., None] * tint + rng.normal(0.0, 2.0, (HEIGHT, WIDTH, 3))
    return np.clip(noisy, 0, 255).astype(np.uint8)


JPEG = jpeg_of(scene())
SMALL = jpeg_of(scene()[:64, :96])
WITH_RESTARTS = jpeg_of(scene(), 90, *RESTARTS)


def with_surplus(jpeg: bytes, most: int = MOST_STRAY) -> bytes:
    """Put 1 to `most` bytes too many before each restart mark, as many Logitech webcams do."""
    return re.sub(
        rb"\xff[\xd0-\xd7]", lambda mark: b"\x5a" * (1 + mark[0][1] % most) + mark[0], jpeg
    )


def decoded(buffer: bytes) -> np.ndarray:
    return decode_camera_jpeg(parse_camera_jpeg(buffer))


@pytest.mark.parametrize(
    "altered",
    [
        lambda jpeg: jpeg,
        without_tables,
        lambda jpeg: jpeg + bytes(5000),
        lambda jpeg: jpeg + jpeg[-5000:],  # what an earlier, longer image left in the buffer
        lambda jpeg: jpeg[:-2],
        lambda jpeg: jpeg[:-2] + bytes(5000),
        lambda jpeg: jpeg[:2] + b"\xff\xe4\x00\x06\xff\xd9ab" + jpeg[2:],  # application data
        lambda jpeg: jpeg.replace(b"\xff\xdb", b"\x00\xff\xdb"),
        lambda jpeg: with_surplus(jpeg),
    ],
    ids=[
        *("whole", "no tables", "padded", "remains of another", "no end"),
        *("no end, padded", "end mark in the head"),
        *("stray bytes in the head", "bytes too many before restarts"),
    ],
)
@pytest.mark.parametrize("jpeg", [JPEG, WITH_RESTARTS], ids=["plain", "restarts"])
def test_a_buffer_becomes_a_complete_file_with_the_same_pixels(jpeg, altered, tmp_path):
    expected = decode_grey(jpeg)
    sound = parse_camera_jpeg(altered(jpeg))
    assert sound.size == SIZE
    assert np.array_equal(decode_camera_jpeg(sound), expected)
    # any program can read it, and ours gives the same grey levels from the file
    path = tmp_path / "image.jpg"
    path.write_bytes(sound.data)
    assert np.array_equal(read_picture(path), expected)
    with Image.open(path) as other:
        other.draft("L", None)
        assert np.abs(np.asarray(other, int) - expected).max() <= 1
    assert len(sound.data) <= len(jpeg) + 8 + 77 * MOST_STRAY  # rows of units


def test_grey_levels_are_the_luminance_that_the_camera_sent():
    """OpenCV's way over blue, green and red rounds three times, and clips what is saturated."""
    plain = jpeg_of(scene(colour=False))
    before = cv2.cvtColor(cv2.imdecode(np.frombuffer(plain, np.uint8), 1), cv2.COLOR_BGR2GRAY)
    assert np.abs(before.astype(int) - decoded(plain)).max() <= 1
    with_alpha = cv2.imdecode(np.frombuffer(JPEG, np.uint8), cv2.IMREAD_COLOR)
    assert (
        np.abs(cv2.cvtColor(with_alpha, cv2.COLOR_BGR2GRAY) - decoded(JPEG).astype(int)).max() <= 2
    )


@pytest.mark.parametrize("jpeg", [JPEG, WITH_RESTARTS], ids=["plain", "restarts"])
@pytest.mark.parametrize("lost", [1024, 3072], ids=["a packet", "three"])
def test_lost_packets_are_found(jpeg, lost, capfd):
    start, rng = parse_camera_jpeg(jpeg).scan, np.random.default_rng(lost)
    for at in rng.integers(start, len(jpeg) - lost - 64, 12):
        with pytest.raises(JpegError, match="is damaged"):
            decoded(jpeg[:at] + jpeg[at + lost :])
        with pytest.raises(JpegError, match="is damaged"):
            decoded(jpeg[:at])


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_no_buffer_does_more_than_being_refused(data):
    at = data.draw(st.integers(0, len(SMALL) - 1))
    put = data.draw(st.binary(max_size=12))
    cut = data.draw(st.integers(at, min(len(SMALL), at + 400)))
    with suppress(JpegError):
        image = webcam_image(np.frombuffer(SMALL[:at] + put + SMALL[cut:], np.uint8)[None])
        assert image is None or image.grey.dtype == np.uint8


@pytest.mark.parametrize("flat", [False, True])
@pytest.mark.parametrize("lost", [0, 200])
def test_bytes_too_many_before_restarts_neither_count_as_damage_nor_hide_it(flat, lost, tmp_path):
    image = scene(3, colour=False)
    if flat:
        image[:, -200:] = 128  # as parts look of which the end is missing
    jpeg = with_surplus(jpeg_of(image, 90, *RESTARTS))
    mark = jpeg.index(b"\xff\xd5")
    jpeg = jpeg[: mark - lost] + jpeg[mark:]
    path = tmp_path / "image.jpg"
    path.write_bytes(parse_camera_jpeg(jpeg).data)
    if lost:
        assert isinstance(read_picture(path), Lost)
        with pytest.raises(JpegError, match="damaged"):
            decoded(jpeg)
    else:
        assert np.array_equal(decoded(jpeg), read_picture(path))


def test_a_flat_corner_of_middle_grey_is_not_taken_for_damage():
    image = scene(colour=False)
    image[-64:, -128:] = 128
    flat = jpeg_of(image)
    assert np.all(decoded(flat)[-16:, -16:] == 128)


# live


def code_of(state: object) -> str:
    return state.code if isinstance(state, Lost) else ""


@contextmanager
def live(webcam: JpegWebcam) -> Iterator[tuple[LiveSource, list[Frame]]]:
    source = LiveSource(RIG, {"left": 0}, capture=webcam, first_picture=PATIENCE)
    seen: list[Frame] = []
    source.watch(seen.append)
    try:
        yield source, seen
    finally:
        source.close()


def wait_until(condition) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


SENT = [without_tables(jpeg_of(scene(seed))) for seed in range(10)]  # more than are remembered


def as_sent(index: int, number: int) -> bytes:
    return SENT[number % len(SENT)]


def test_live_images_come_with_the_cameras_own_jpeg():
    with live(JpegWebcam(as_sent)) as (source, seen):
        wait_until(lambda: len(seen) >= 3)
        frames = next(iter(source)).frames["left"]
        assert source.jpeg_cameras == ["left"]
    for frame in (frames, *seen):
        assert frame.jpeg is not None
        assert np.array_equal(decode_grey(frame.jpeg), frame.image)
    assert source.warnings == []


@pytest.mark.parametrize(
    "webcam",
    [JpegWebcam(as_sent, obeys=False), JpegWebcam(as_sent, sends=(YUYV,))],
    ids=["the driver decodes in any case", "no JPEG"],
)
def test_images_that_are_decoded_already_are_used_as_before(webcam):
    with live(webcam) as (source, seen):
        wait_until(lambda: len(seen) >= 2)
        assert source.jpeg_cameras == []
        assert source.warnings == []
    assert all(frame.jpeg is None for frame in seen)
    images = [cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR) for jpeg in SENT]
    expected = [cv2.cvtColor(image, cv2.COLOR_BGR2GRAY) for image in images]
    assert all(any(np.array_equal(f.image, grey) for grey in expected) for f in seen[:3])


def test_a_camera_whose_jpeg_cannot_be_used_is_opened_again_and_decoded_by_opencv():
    class Decoding(JpegWebcam):
        def __call__(self, index: int):
            capture = super().__call__(index)
            retrieve = capture.retrieve

            def retrieved():
                read, image = retrieve()
                if not capture.convert:
                    return read, image[:, 100:]  # a head that is not JPEG's
                return read, image

            setattr(capture, "retrieve", retrieved)  # noqa: B010
            return capture

    webcam = Decoding(as_sent)
    with live(webcam) as (source, seen):
        wait_until(lambda: len(seen) >= 2)
        assert webcam.opened == 2
        assert source.jpeg_cameras == []
        (warning,) = source.warnings
        assert "compressed again" in ENGLISH.sentence(warning)
    assert all(frame.jpeg is None for frame in seen)


def test_damaged_images_are_dropped_and_for_long_they_are_why_the_camera_is_lost():
    broken = threading.Event()

    def buffers(index: int, number: int) -> bytes:
        jpeg = as_sent(index, number)
        if number % 6 == 4:
            return b""
        return jpeg[: len(jpeg) // 2] if number % 3 == 1 or broken.is_set() else jpeg

    webcam = JpegWebcam(buffers)
    with live(webcam) as (source, seen):
        wait_until(lambda: len(seen) >= 5)
        assert webcam.opened == 1
        camera = source.cameras["left"]
        assert camera.gives_jpeg
        broken.set()
        wait_until(lambda: code_of(camera.newest()) == "camera_damaged")
        count = len(seen)
        broken.clear()
        wait_until(lambda: len(seen) > count + 2)
        assert source.jpeg_cameras == ["left"]
    for frame in seen:
        assert np.array_equal(decode_grey(frame.jpeg), frame.image)


@pytest.mark.parametrize(
    ("sends", "own"), [((YUYV, MJPG), True), ((YUYV,), False)], ids=["JPEG", "no JPEG"]
)
def test_the_doctor_sees_whether_a_camera_gives_its_jpeg(sends, own):
    found = measure(JpegWebcam(as_sent, rate=200.0, sends=sends)(0), SIZE, seconds=0.05)
    assert found is not None
    assert (found.size, found.gives_jpeg) == (SIZE, own)
