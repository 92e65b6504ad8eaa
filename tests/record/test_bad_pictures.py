"""Damaged pictures.mcap: the pictures behind the damage are found again, none is a wrong one."""

import numpy as np
import pytest

from nav.record.session.mcap_records import McapRecords
from nav.record.session.session_about import about_session
from nav.record.session.session_pictures import PictureReader, PictureWriter
from tests.record.test_session_pictures import CLOCK, noisy

COUNT, IN_CHUNK = 40, 2


@pytest.fixture(scope="module", params=["jpeg", "lossless"])
def recorded(request, tmp_path_factory):
    """Bytes of a pictures.mcap, begins of its chunks, its pictures, and how far they may be off."""
    folder = tmp_path_factory.mktemp("pictures")
    lossless = request.param == "lossless"
    about = about_session("cameras", clock=CLOCK)
    writer = PictureWriter(folder, about, ["left", "right"], lossless)
    images = {}
    for number in range(COUNT):
        camera, at = ("left", "right")[number % 2], CLOCK.ns(1001.0 + number / 60)
        images[camera, at] = noisy(seed=number)
        writer.add(camera, at, writer.encoded(camera, at, images[camera, at]), at)
        if number % IN_CHUNK:
            writer.flush()
    writer.close()
    path = folder / "pictures.mcap"
    chunks = sorted({p.start for p in McapRecords(path) if p.end - p.start > 2000})
    assert len(chunks) == COUNT // IN_CHUNK
    return path.read_bytes(), chunks, images, 0 if lossless else 9


def damaged_length(spoiling: bytearray, at: int, length: int) -> None:
    spoiling[at + 1 : at + 9] = length.to_bytes(8, "little")


DAMAGE = {
    "byte": lambda spoiling, at: spoiling.__setitem__(at + 600, spoiling[at + 600] ^ 1),
    "kind": lambda spoiling, at: spoiling.__setitem__(at, 2),  # the end of a file
    "huge length": lambda spoiling, at: damaged_length(spoiling, at, 1 << 40),
    "length beyond the end": lambda spoiling, at: damaged_length(spoiling, at, 1 << 24),
    "length within the file": lambda spoiling, at: damaged_length(spoiling, at, 20_000),
    "noise": lambda spoiling, at: spoiling.__setitem__(
        slice(at - 300, at + 1500), np.random.default_rng(1).bytes(1800)
    ),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_only_what_was_hit_is_missing(recorded, tmp_path, damage):
    content, chunks, images, most = recorded
    spoiling = bytearray(content)
    DAMAGE[damage](spoiling, chunks[6])
    (tmp_path / "pictures.mcap").write_bytes(bytes(spoiling))
    reader = PictureReader(tmp_path)
    pictures = list(reader)
    hit = 2 if damage == "noise" else 1
    assert COUNT - hit * IN_CHUNK <= len(pictures) < COUNT
    assert reader.cut is None
    assert reader.damage
    for picture in pictures:
        image = images[picture.camera, picture.log_time]
        assert np.abs(picture.image().astype(int) - image).max() <= most
