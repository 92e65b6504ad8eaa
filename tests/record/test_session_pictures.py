"""Pictures of a session: lossless ones come back bit for bit, others are read by other programs."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from mcap.records import Message
from rosbags.typesys import Stores, get_typestore

from nav.core.errors import InputError
from nav.record.session.mcap_records import HEAD, McapRecords
from nav.record.session.picture_codec import (
    JPEG_SCHEMA,
    JPEG_SCHEMA_TEXT,
    LOSSLESS_HEAD,
    PictureError,
    decode_jpeg,
    decode_lossless,
    encode_jpeg,
    encode_lossless,
    jpeg_message,
    read_jpeg_message,
)
from nav.record.session.session_about import SessionClock, about_session
from nav.record.session.session_pictures import PictureReader, PictureWriter

SIZES = st.tuples(st.integers(1, 40), st.integers(1, 40))
IMAGES = arrays(np.uint8, SIZES)
CLOCK = SessionClock(1_790_000_000_123_456_789, 1000.25)


def noisy(height=60, width=80, seed=0):
    rng = np.random.default_rng(seed)
    flat = np.linspace(40, 200, width)[None, :] + np.zeros((height, 1))
    return np.clip(flat + rng.normal(0.0, 2.0, (height, width)), 0, 255).astype(np.uint8)


@given(IMAGES)
def test_a_lossless_picture_comes_back_bit_for_bit(image):
    found = decode_lossless(encode_lossless(image))
    assert found.dtype == np.uint8
    assert np.array_equal(found, image)


@pytest.mark.parametrize("shape", [(1, 1), (1, 1921), (1201, 1), (1200, 1920)])
def test_sizes_at_the_edge_come_back_too(shape):
    image = np.random.default_rng(1).integers(0, 256, shape).astype(np.uint8)
    assert np.array_equal(decode_lossless(encode_lossless(image)), image)
    assert np.array_equal(decode_lossless(encode_lossless(image[::-1, ::-1])), image[::-1, ::-1])


@given(IMAGES, st.data())
def test_a_damaged_lossless_picture_is_noticed(image, data):
    message = bytearray(encode_lossless(image))
    at = data.draw(st.integers(0, len(message) * 8 - 1))
    message[at // 8] ^= 1 << at % 8
    try:
        found = decode_lossless(bytes(message))
    except PictureError:
        return
    assert np.array_equal(found, image)  # a bit of zstd's that says nothing


@pytest.mark.parametrize("size", [(0, 5), (1 << 20, 1 << 20), (9, 9)])
def test_a_lossless_picture_of_another_size_than_it_says_is_refused(size):
    message = encode_lossless(noisy())
    head = LOSSLESS_HEAD.pack(b"LDZ1", *size, 0)
    with pytest.raises(PictureError):
        decode_lossless(head + message[LOSSLESS_HEAD.size :])
    with pytest.raises(PictureError, match="cut off"):
        decode_lossless(message[:9])


@given(st.text(max_size=9).filter(lambda name: "\0" not in name), st.integers(0, 2**31 - 1),
       st.integers(0, 999_999_999))  # fmt: skip
def test_a_jpeg_message_is_what_ros_2_reads(camera, seconds, rest):
    jpeg = encode_jpeg(noisy(9, 13))
    message = jpeg_message(camera, seconds * 1_000_000_000 + rest, jpeg)
    read = get_typestore(Stores.ROS2_HUMBLE).deserialize_cdr(message, JPEG_SCHEMA)
    assert (read.header.stamp.sec, read.header.stamp.nanosec) == (seconds, rest)
    assert (read.header.frame_id, read.format) == (camera, "jpeg")
    assert read.data.tobytes() == jpeg
    ours = read_jpeg_message(message)
    assert (ours.camera, ours.stamp, ours.jpeg) == (camera, seconds * 1_000_000_000 + rest, jpeg)


def test_the_schema_is_that_of_ros_2():
    text, _ = get_typestore(Stores.ROS2_HUMBLE).generate_msgdef(JPEG_SCHEMA, ros_version=2)
    assert text.split() == JPEG_SCHEMA_TEXT.decode().split()


def test_a_jpeg_is_near_to_the_picture_and_read_by_opencv():
    image = noisy(241, 321)
    jpeg = encode_jpeg(image)
    assert np.abs(decode_jpeg(jpeg).astype(int) - image).max() <= 9
    assert np.array_equal(
        cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_UNCHANGED), decode_jpeg(jpeg)
    )


@pytest.mark.parametrize(
    "damage", [lambda m: m[:3], lambda m: m[:30], lambda m: m[:-1], lambda m: b"\0\0\0\0" + m[4:]]
)
def test_a_damaged_jpeg_message_is_refused(damage):
    with pytest.raises(PictureError):
        read_jpeg_message(damage(jpeg_message("left", 5, encode_jpeg(noisy()))))


def test_what_is_no_jpeg_is_refused():
    for data in (b"", b"no jpeg"):
        with pytest.raises(PictureError):
            decode_jpeg(data)
    with pytest.raises(PictureError, match="has no pictures"):
        encode_jpeg(np.zeros((1, 70_000), np.uint8))


@pytest.mark.parametrize("lossless", [False, True])
def test_pictures_are_read_as_they_were_written(tmp_path, lossless):
    writer = PictureWriter(
        tmp_path, about_session("cameras", clock=CLOCK), ["left", "right"], lossless
    )
    images = {}
    for number in range(6):
        camera = ("left", "right")[number % 2]
        at = CLOCK.ns(1001.0 + number / 60)
        images[camera, at] = noisy(seed=number)
        writer.add(camera, at, writer.encoded(camera, at, images[camera, at]), at + 5)
        if number % 2:
            writer.flush()
    cut = (tmp_path / "pictures.mcap").stat().st_size
    writer.close()
    reader = PictureReader(tmp_path)
    pictures = list(reader)
    assert [(p.camera, p.log_time) for p in pictures] == list(images)
    assert [p.number for p in pictures] == [0, 0, 1, 1, 2, 2]
    assert reader.cut is None
    for picture in pictures:
        image = images[picture.camera, picture.log_time]
        most = 0 if lossless else 9
        assert np.abs(picture.image().astype(int) - image).max() <= most
        assert np.abs(decode_jpeg(picture.jpeg()).astype(int) - image).max() <= 9
    with (tmp_path / "pictures.mcap").open("r+b") as file:
        file.truncate(cut)
    assert len(list(reader)) == 6
    assert reader.cut is not None


def test_other_files_are_no_pictures(tmp_path):
    (tmp_path / "pictures.mcap").write_bytes(b"\x89MCAP0\r\n")
    with pytest.raises(InputError, match="no pictures"):
        PictureReader(tmp_path)
    PictureWriter(tmp_path / "..", about_session("cameras"), ["left"]).close()
    data = (tmp_path / ".." / "pictures.mcap").read_bytes()
    (tmp_path / "pictures.mcap").write_bytes(data.replace(b"pictures/1", b"pictures/7"))
    with pytest.raises(InputError, match=r"expected c1c2nav/pictures/1"):
        PictureReader(tmp_path)


@pytest.mark.parametrize("length", [1 << 63, (1 << 64) - 1])
def test_a_chunk_that_says_more_bytes_than_there_can_be_costs_only_itself(tmp_path, length):
    """The chunk's head is right; the length of its data within it is not."""
    writer = PictureWriter(tmp_path, about_session("cameras", clock=CLOCK), ["left"], True)
    for number in range(3):
        writer.add("left", number, writer.encoded("left", number, noisy(seed=number)), number)
        writer.flush()
    writer.close()
    path = tmp_path / "pictures.mcap"
    chunks = sorted({p.start for p in McapRecords(path) if isinstance(p.record, Message)})
    data = bytearray(path.read_bytes())
    at = chunks[1] + HEAD.size + 28 + 4  # behind times, sizes and the empty name of a compression
    data[at : at + 8] = length.to_bytes(8, "little")
    path.write_bytes(data)
    reader = PictureReader(tmp_path)
    assert [picture.number for picture in reader] == [0, 2]
    assert [notice.code for notice in reader.damage] == ["session_damaged"]
