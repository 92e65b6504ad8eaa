"""Picture files of every kind: what they become, and which are refused with what reason."""

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from nav.camera.image_files import decode_picture, read_picture
from nav.camera.source import open_source
from nav.core.errors import InputError, Lost
from tests.camera.recordings import HEIGHT, WIDTH, plain, rig, write_pictures


def scene() -> np.ndarray:
    """A smooth picture without symmetry, (HEIGHT, WIDTH, 3) RGB."""
    coarse = np.random.default_rng(3).integers(0, 256, (6, 8, 3)).astype(np.uint8)
    return cv2.resize(coarse, (WIDTH, HEIGHT), interpolation=cv2.INTER_LINEAR)


GREY = cv2.cvtColor(scene(), cv2.COLOR_RGB2GRAY).astype(int)


def encoded(kind: str, image: Image.Image | None = None, **options: object) -> bytes:
    file = io.BytesIO()
    (image or Image.fromarray(scene())).save(file, kind, **options)
    return file.getvalue()


def read(tmp_path: Path, data: bytes) -> np.ndarray | Lost:
    (tmp_path / "a.png").write_bytes(data)  # the content counts, not the name
    return read_picture(tmp_path / "a.png")


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("depth", [8, 16])
def test_every_kind_of_png_becomes_eight_bit_grey(tmp_path, channels, depth):
    rng = np.random.default_rng(3)
    colour = rng.integers(0, 256, (HEIGHT, WIDTH, channels))
    picture = (colour * (257 if depth == 16 else 1)).astype(np.uint16 if depth == 16 else np.uint8)
    cv2.imwrite(str(tmp_path / "a.png"), picture)
    expected = colour[..., :3] @ [0.114, 0.587, 0.299] if channels > 1 else colour[..., 0]
    image = read_picture(tmp_path / "a.png")
    assert not isinstance(image, Lost)
    assert image.dtype == np.uint8
    assert image.shape == (HEIGHT, WIDTH)
    assert np.abs(image - expected).max() <= 1.5


def transparent() -> Image.Image:
    image = Image.fromarray(scene())
    image.putalpha(Image.fromarray(plain(60)))
    return image


@pytest.mark.parametrize(
    ("data", "tolerance"),
    [
        (encoded("JPEG", quality=98), 2),
        (encoded("JPEG", quality=98, progressive=True), 2),
        (encoded("JPEG", Image.fromarray(scene()).convert("CMYK"), quality=98), 4),
        (encoded("TIFF", Image.fromarray(scene()).convert("CMYK")), 2),
        (encoded("TIFF", compression="tiff_lzw"), 1),
        (encoded("PNG", transparent()), 1),
        (encoded("TIFF", transparent()), 1),
        (encoded("TIFF", Image.fromarray((GREY * 257).astype(np.uint16))), 1),
        (encoded("WEBP", lossless=True), 2),
        (encoded("BMP"), 1),
        (encoded("PPM"), 1),
    ],
)
def test_every_kind_of_file_becomes_the_same_grey(tmp_path, data, tolerance):
    image = read(tmp_path, data)
    assert not isinstance(image, Lost), image
    assert np.abs(image - GREY).max() <= tolerance


def test_a_palette_is_looked_up(tmp_path):
    image = Image.fromarray(scene()).quantize(32)
    expected = cv2.cvtColor(np.asarray(image.convert("RGB")), cv2.COLOR_RGB2GRAY).astype(int)
    for kind in ("PNG", "GIF", "BMP"):
        grey = read(tmp_path, encoded(kind, image))
        assert not isinstance(grey, Lost)
        assert np.abs(grey - expected).max() <= 1


@pytest.mark.parametrize("orientation", range(2, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_orientation_tags_are_named_but_not_followed(tmp_path, kind, orientation):
    """A camera is calibrated as its sensor is read, however it was held."""
    exif = Image.Exif()
    exif[274] = orientation
    options: dict[str, object] = {"exif": exif} if kind != "TIFF" else {"tiffinfo": exif}
    if kind == "JPEG":
        options["quality"] = 98
    if kind == "WEBP":
        options["lossless"] = True
    (tmp_path / "left").mkdir()
    (tmp_path / "left" / "0.jpg").write_bytes(encoded(kind, **options))
    decoded = decode_picture(tmp_path / "left" / "0.jpg")
    assert not isinstance(decoded, Lost)
    assert decoded.image.shape == GREY.shape
    assert np.abs(decoded.image - GREY).max() <= 4
    (note,) = open_source(tmp_path, rig("left")).notes
    assert "by its metadata; used as the sensor has it" in note
    assert ("mirrored" in note) == (orientation in (2, 4, 5, 7))


# what follows the end, and what has none


FILM = bytes(range(256)) * 16 + b"\xff\xda\xff\xd8\xff\xe1"


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "BMP", "PPM", "WEBP", "GIF"])
@pytest.mark.parametrize("after", [FILM, bytes(4096)])
def test_what_follows_a_picture_does_not_matter(tmp_path, kind, after):
    alone = read(tmp_path, encoded(kind))
    followed = read(tmp_path, encoded(kind) + after)
    assert not isinstance(followed, Lost), followed
    assert np.array_equal(alone, followed)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "BMP", "PPM", "WEBP", "GIF"])
@pytest.mark.parametrize("share", [0.02, 0.3, 0.7, 0.99])
def test_a_cut_picture_is_refused(tmp_path, kind, share):
    data = encoded(kind)
    image = read(tmp_path, data[: int(len(data) * share)])
    assert isinstance(image, Lost)
    assert "cut off" in image.facts["why"] or "cannot be read" in image.facts["why"]


def test_a_cut_picture_is_refused_though_a_thumbnail_in_it_has_an_end(tmp_path):
    whole = encoded("JPEG", quality=98)
    thumb = encoded("JPEG", Image.fromarray(scene()).resize((16, 12)))
    application = b"\xff\xe5" + struct.pack(">H", 2 + len(thumb)) + thumb
    assert isinstance(read(tmp_path, whole[:2] + application + whole[2:-200]), Lost)
    image = read(tmp_path, whole[:2] + application + whole[2:])
    assert not isinstance(image, Lost)
    assert image.shape == (HEIGHT, WIDTH)


def damaged_png() -> bytes:
    data = bytearray(encoded("PNG"))
    at = data.index(b"IDAT") + 40
    data[at] ^= 0xFF
    return bytes(data)


def without_a_restart() -> bytes:
    """A JPEG with restart marks, one interval of which was lost on the way."""
    data = cv2.imencode(".jpg", scene(), [cv2.IMWRITE_JPEG_RST_INTERVAL, 1])[1].tobytes()
    first, third = data.index(b"\xff\xd1"), data.index(b"\xff\xd2")
    return data[:first] + data[third:]


def with_a_wrong_mark() -> bytes:
    data = bytearray(encoded("JPEG", quality=98))
    at = data.index(b"\xff\xda") + 200
    data[at : at + 2] = b"\xff\x55"
    return bytes(data)


@pytest.mark.parametrize("make", [damaged_png, without_a_restart, with_a_wrong_mark])
def test_a_damaged_picture_is_refused(tmp_path, make: Callable[[], bytes]):
    image = read(tmp_path, make())
    assert isinstance(image, Lost)
    assert "is damaged" in image.facts["why"]


def flipped(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 0x5A]) + data[at + 1 :]


@pytest.mark.parametrize("progressive", [False, True])
def test_a_jpeg_whose_compressed_data_cannot_be_read_is_refused(tmp_path, capfd, progressive):
    noisy = np.random.default_rng(4).integers(0, 256, (HEIGHT, WIDTH, 3)).astype(np.uint8)
    data = encoded("JPEG", Image.fromarray(noisy), progressive=progressive)
    said = [read(tmp_path, flipped(data, at)) for at in range(len(data) // 2, len(data) - 8, 97)]
    refused = [r for r in said if isinstance(r, Lost)]
    assert len(refused) >= len(said) // 3
    assert any("compressed data cannot be read" in str(r) for r in refused)
    assert capfd.readouterr() == ("", "")


def test_a_few_bytes_too_many_before_a_jpegs_end_are_no_damage(tmp_path, capfd):
    data = encoded("JPEG")
    image = read(tmp_path, data[:-2] + bytes(3) + data[-2:])
    assert not isinstance(image, Lost)
    assert (image == read(tmp_path, data)).all()
    assert capfd.readouterr() == ("", "")


def test_what_a_decoder_says_of_a_picture_does_not_reach_the_terminal(tmp_path, capfd):
    def chunk(kind: bytes, content: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + check

    for width, height in ((0, 0), (WIDTH, 0)):
        header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
        short = chunk(b"IDAT", zlib.compress(bytes(10))) + chunk(b"IEND", b"")
        assert isinstance(read(tmp_path, b"\x89PNG\r\n\x1a\n" + header + short), Lost)
    assert capfd.readouterr() == ("", "")


def turned() -> list[Image.Image]:
    return [Image.fromarray(np.rot90(scene(), 2))] * 2


@pytest.mark.parametrize("kind", ["TIFF", "GIF", "WEBP", "PNG"])
def test_several_pictures_in_one_file_are_refused_by_their_number(tmp_path, kind):
    (tmp_path / "left").mkdir()
    path = tmp_path / "left" / "stack.png"
    path.write_bytes(encoded(kind, save_all=True, append_images=[*turned(), turned()[0].rotate(9)]))
    with pytest.raises(InputError) as error:
        open_source(tmp_path, rig("left"))
    assert str(error.value).startswith(f"{path}: holds ")
    assert "expected one: save each as a file of its own" in str(error.value)


def test_a_reduced_copy_in_a_tiff_is_no_page(tmp_path):
    file = io.BytesIO()
    small = Image.fromarray(scene()).resize((16, 12))
    small.encoderinfo = {"tiffinfo": {254: 1}}
    Image.fromarray(scene()).save(file, "TIFF", save_all=True, append_images=[small])
    image = read(tmp_path, file.getvalue())
    assert not isinstance(image, Lost), image
    assert np.abs(image - GREY).max() <= 1


@pytest.mark.parametrize("kind", ["float32", "int32"])
def test_pixels_of_another_kind_are_named(tmp_path, kind):
    image = read(tmp_path, encoded("TIFF", Image.fromarray(GREY.astype(kind))))
    assert isinstance(image, Lost)
    assert f"has {kind} pixels; save it as unsigned 8 or 16 bits" in image.facts["why"]


def test_twelve_bits_in_sixteen_are_said(tmp_path):
    folder = write_pictures(tmp_path / "left", {"0.png": 1})
    cv2.imwrite(str(folder / "0.png"), (GREY * 16).astype(np.uint16))
    (note,) = open_source(tmp_path, rig("left")).notes
    assert f"16-bit pixels of {16 * GREY.max()} at most" in note
    assert "shift the pixels up" in note


def test_no_bytes_lead_to_more_than_a_reason(tmp_path):
    rng = np.random.default_rng(5)
    for kind in ("JPEG", "PNG", "TIFF", "WEBP", "GIF"):
        whole = encoded(kind)
        for _ in range(30):
            data = bytearray(whole)
            for at in rng.integers(0, len(data), 3):
                data[at] = rng.integers(256)
            found = read(tmp_path, bytes(data[: int(rng.integers(1, len(data) + 1))]))
            assert isinstance(found, Lost | np.ndarray)
    assert isinstance(read(tmp_path, b""), Lost)
