"""Files that are damaged, or made to be: refused in a line, within bounds of time and memory."""

import gzip
import struct
import tracemalloc

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from pydicom.uid import DeflatedExplicitVRLittleEndian

from nav.core.errors import InputError
from nav.reconstruction.labelmap import names_in_nifti, read_labels
from nav.reconstruction.reading import read_volume
from nav.reconstruction.reading.dicom_elements import MOST_ELEMENTS, TooMuch, read_elements
from nav.reconstruction.reading.nrrd import parse_nrrd
from nav.reconstruction.reading.pixel_decoder import DecodingFailed, PixelDecoder, decode_frames
from nav.reconstruction.reading.stored_values import read_values
from tests.fuzz.bombs import PIECE, deflate_bomb, gzip_bomb
from tests.fuzz.scans import TABLE, label_values, make_scans, nifti, scan_values


@pytest.fixture(scope="module")
def scans(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scans")
    make_scans(folder)
    return folder


def refused(path, match):
    with pytest.raises(InputError, match=match) as caught:
        read_volume(path)
    assert len(str(caught.value).splitlines()) == 1


def with_line(path, key, line, to):
    """A copy of a NRRD file with another line, or one more."""
    head, _, body = path.read_bytes().partition(b"\n\n")
    lines = [own for own in head.split(b"\n") if not own.startswith(key)]
    to.write_bytes(b"\n".join([*lines, line]) + b"\n\n" + body)
    return to


def as_itk(path):
    """Values and matrix as ITK reads them."""
    image = sitk.ReadImage(str(path))
    matrix = np.eye(4)
    matrix[:3, :3] = np.reshape(image.GetDirection(), (3, 3)) * image.GetSpacing()
    matrix[:3, 3] = image.GetOrigin()
    return sitk.GetArrayFromImage(image), matrix


@pytest.mark.parametrize("kind", [np.int8, np.uint16, np.int32, np.int64, np.float32, np.float64])
@pytest.mark.parametrize("packed", [False, True])
def test_nrrd_is_read_as_itk_reads_it(tmp_path, kind, packed):
    values = np.random.default_rng(1).integers(0, 100, (5, 6, 7)).astype(kind)
    image = sitk.GetImageFromArray(values)
    image.SetDirection((0, 0, 1, -1, 0, 0, 0, -1, 0))
    image.SetSpacing((0.5, 0.6, 0.7))
    image.SetOrigin((1.0, 2.0, 3.0))
    path = tmp_path / "x.nrrd"
    sitk.WriteImage(image, str(path), packed)
    header, _ = parse_nrrd(path)
    expected, matrix = as_itk(path)
    assert np.array_equal(read_values(path, header)[..., 0], expected)
    assert header.lps_from_voxel == pytest.approx(matrix, abs=1e-9)


def test_nrrd_of_the_other_byte_order_and_behind_something_else(tmp_path):
    values = scan_values()
    image = sitk.GetImageFromArray(values)
    path = tmp_path / "x.nrrd"
    sitk.WriteImage(image, str(path))
    head = path.read_bytes().partition(b"\n\n")[0]
    head = head.replace(b"endian: little", b"endian: big\nbyte skip: -1")
    path.write_bytes(head + b"\n\n" + b"something" + values.astype(">i2").tobytes())
    header, _ = parse_nrrd(path)
    assert np.array_equal(read_values(path, header)[..., 0], values)


@pytest.mark.parametrize(
    ("key", "line", "match"),
    [
        (b"sizes", b"sizes: 999999 999999 999999", "GB; expected at most"),
        (b"sizes", b"sizes: -1 12 9", "dimension and sizes"),
        (b"line skip", b"line skip: 999999999", "line skip"),
        (b"byte skip", b"byte skip: 99999999", "is cut off"),
        (b"encoding", b"encoding: x", "encoded as 'x'"),
        (b"data file", b"data file: " + b"a" * 400, "does not exist"),
        (b"data file", b"data file: /dev/zero", "does not exist"),
        (b"space directions", b"space directions: (nan,0,0) (0,1,0) (0,0,1)", "no valid"),
        (
            b"space directions",
            b"space directions: (1e200,0,0) (0,1e200,0) (0,0,1e200)",
            "no valid directions",
        ),
        (
            b"space directions",
            b"space directions: (1e5,0,0) (0,1e5,0) (0,0,1e5)",
            "no scan has",
        ),
        (b"space origin", b"space origin: (0,1e200,0)", "no valid directions"),
        (b"type", b"type: block", "expected integers or floating-point"),
    ],
)
def test_damaged_nrrd(scans, tmp_path, key, line, match):
    refused(with_line(scans / "scans" / "ct.nrrd", key, line, tmp_path / "x.nrrd"), match)


@pytest.mark.parametrize(
    ("old", "new", "match"),
    [
        (b"DimSize = 14 12 9", b"DimSize = 9999 9999 9999", "GB; expected at most"),
        (b"DimSize = 14 12 9", b"DimSize = 14 12", "NDims and DimSize"),
        (b"NDims = 3", b"NDims = 999999999", "NDims and DimSize"),
        (b"MET_SHORT", b"MET_STRING", "expected integers or floating-point"),
        (b"ElementSpacing = 2 2 3", b"ElementSpacing = 0 inf nan", "no valid directions"),
        (b"ElementDataFile = LOCAL", b"ElementDataFile = LIST", "several files"),
        (b"ElementDataFile = LOCAL", b"ElementDataFile = /dev/zero", "does not exist"),
    ],
)
def test_damaged_metaimage(scans, tmp_path, old, new, match):
    data = (scans / "scans" / "ct.mha").read_bytes()
    assert old in data
    (tmp_path / "x.mha").write_bytes(data.replace(old, new, 1))
    refused(tmp_path / "x.mha", match)


def test_a_segmentation_with_a_long_header_has_all_its_segments(tmp_path):
    count, long = 120, "x" * 900  # as Slicer writes terminologies
    values = np.arange(1, count + 1, dtype=np.uint8).reshape(1, 1, count).repeat(3, 0).repeat(3, 1)
    image = sitk.GetImageFromArray(values)
    for k in range(count):
        for key, text in (("Tags", long), ("Name", f"s{k}"), ("LabelValue", str(k + 1))):
            image.SetMetaData(f"Segment{k:03d}_{key}", text)
        image.SetMetaData(f"Segment{k:03d}_Layer", "0")
    path = tmp_path / "x.seg.nrrd"
    sitk.WriteImage(image, str(path))
    assert len(path.read_bytes().partition(b"\n\n")[0]) > 100_000
    assert len(read_labels(path).masks) == count


def test_what_follows_the_values_is_not_unpacked_for_ever(tmp_path):
    path = tmp_path / "x.nii.gz"
    path.write_bytes(gzip_bomb(nifti(scan_values()), 8))
    refused(path, "continues for more than")


def test_a_scan_that_is_packed_too_small_is_refused_before_it_takes_memory(tmp_path):
    start = bytearray(nifti(scan_values()))
    struct.pack_into("<3h", start, 42, 1000, 1000, 900)
    path = tmp_path / "x.nii.gz"
    path.write_bytes(gzip_bomb(bytes(start), 110))
    tracemalloc.start()
    refused(path, "no scan can be compressed that much")
    assert tracemalloc.get_traced_memory()[1] < PIECE
    tracemalloc.stop()


@pytest.mark.parametrize(
    "label",
    ['<Label Key="' + "9" * 5000 + '">x</Label>', "<Label " * 100_000, '<Label Key="1" ' * 60_000],
)
def test_odd_tables_of_labels_are_passed_over(tmp_path, label):
    path = tmp_path / "x.nii"
    path.write_bytes(nifti(label_values(), TABLE.replace("</LabelTable>", label + "</LabelTable>")))
    assert names_in_nifti(path) == {1: "C1", 2: "C2", 3: "spinal cord"}


def test_dicom_that_unpacks_to_a_lot(scans, tmp_path):
    data = (scans / "series" / "0.dcm").read_bytes()
    meta_end = 144 + struct.unpack_from("<I", data, 140)[0]
    syntax = b"1.2.840.10008.1.2.1\0"
    at = data.index(syntax, 0, meta_end) - 2
    longer = struct.pack("<H", 22) + str(DeflatedExplicitVRLittleEndian).encode()
    head = bytearray(data[:at] + longer + data[at + 2 + len(syntax) : meta_end])
    struct.pack_into("<I", head, 140, struct.unpack_from("<I", data, 140)[0] + 2)
    path = tmp_path / "x.dcm"
    path.write_bytes(bytes(head) + deflate_bomb(data[meta_end:], 0))
    assert read_elements(path, ["Rows"]).Rows == 20
    path.write_bytes(bytes(head) + deflate_bomb(data[meta_end:], 2))
    with pytest.raises(TooMuch, match="MB when it is unpacked"):
        read_elements(path, ["Rows"])
    refused(path, "no DICOM slice can be read.*unpacked")


def test_dicom_with_elements_without_end(scans, tmp_path):
    data = (scans / "series" / "0.dcm").read_bytes()
    path = tmp_path / "x.dcm"
    at = data.index(b"\x28\x00\x02\x00US")
    more = b"\x20\x00\x00\x00LO\0\0" * (MOST_ELEMENTS + 1)
    path.write_bytes(data[:at] + more + data[at:])
    refused(path, f"more than {MOST_ELEMENTS} elements")


@pytest.mark.parametrize("other", [b"1.2.840.10008\\1.2.1\0", b"1.2.840.1000\x8d\n\x85\xc2.21\0"])
def test_a_transfer_syntax_that_is_none(scans, tmp_path, other):
    folder = tmp_path / "series"
    folder.mkdir()
    for path in (scans / "series").iterdir():
        data = path.read_bytes()
        (folder / path.name).write_bytes(data.replace(b"1.2.840.10008.1.2.1\0", other, 1))
    refused(folder, "its transfer syntax is unknown")


def test_a_decoder_that_ends_is_replaced(scans):
    path = scans / "enhanced-packed.dcm"
    right = pydicom.dcmread(scans / "enhanced.dcm").pixel_array
    decoder = PixelDecoder()
    assert np.array_equal(decoder.frames(path, [0, 2]), right[[0, 2]])
    decoder.process.kill()
    decoder.process.wait()
    with pytest.raises(DecodingFailed):
        decoder.frames(path, [0])
    assert not decoder.is_alive
    decoder.close()
    assert np.array_equal(decode_frames(path, [1]), right[[1]])


def test_damaged_compressed_pixels_are_refused(scans, tmp_path):
    data = bytearray((scans / "enhanced-packed.dcm").read_bytes())
    at = data.index(b"\xff\x4f\xff\x51")
    data[at + 4 : at + 60] = bytes(56)
    path = tmp_path / "x.dcm"
    path.write_bytes(bytes(data))
    refused(path, "pixels cannot be decoded")


def test_a_slice_that_is_packed_as_a_whole_is_part_of_its_series(scans):
    """Slices stored in nine ways are one volume."""
    assert read_volume(scans / "series").volume.values.shape == (9, 20, 18)


def test_gzip_of_two_members_is_one_file(tmp_path):
    data = nifti(scan_values())
    path = tmp_path / "x.nii.gz"
    path.write_bytes(gzip.compress(data[:700]) + gzip.compress(data[700:]))
    assert read_volume(path).volume.values.shape == (9, 12, 14)
