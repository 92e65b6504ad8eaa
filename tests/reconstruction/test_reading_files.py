"""Volumes in single files: NIfTI, NRRD, MetaImage; their geometry as ITK understands it."""

import gzip
import struct
from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from nav.core import memory
from nav.core.errors import InputError
from nav.reconstruction.reading import read_volume, regular
from nav.reconstruction.reading.nifti import RAS_TO_LPS
from tests.reconstruction.dicom_writer import Scene
from tests.reconstruction.landmarks import landmark_errors

SUFFIXES = (".nii", ".nii.gz", ".nrrd", ".mha", ".mhd")
SIZE = (45, 48, 38)
SPACING = np.array([0.9, 0.8, 1.1])
SCENE = Scene(np.array([[-4.0, 5.0, 3.0], [5.0, -6.0, -4.0]]), 4.0, body=np.zeros(3), half=14.0)
MOST = settings(
    max_examples=5,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def codes(result):
    return {finding.code for finding in result.findings}


def image(steps, spacing=SPACING, dtype=np.int16, scene=SCENE):
    """An ITK image of the scene whose voxel axes point along the columns of steps."""
    steps = np.asarray(steps, float) * spacing
    origin = -steps @ (0.5 * (np.array(SIZE) - 1))
    indices = np.stack(np.meshgrid(*[np.arange(n) for n in SIZE], indexing="ij"), axis=-1)
    values = scene.hounsfield(indices @ steps.T + origin)
    made = sitk.GetImageFromArray(np.rint(values.transpose(2, 1, 0)).astype(dtype))
    made.SetSpacing(spacing.tolist())
    made.SetOrigin(origin.tolist())
    made.SetDirection((steps / spacing).ravel().tolist())
    return made


def nifti_matrix(path, matrix=None, offset=280):
    """Read or replace the sform of an uncompressed NIfTI-1 file."""
    data = bytearray(path.read_bytes())
    if matrix is not None:
        data[offset : offset + 48] = struct.pack("<12f", *np.asarray(matrix)[:3].ravel())
        path.write_bytes(data)
    return np.vstack([np.reshape(struct.unpack_from("<12f", data, offset), (3, 4)), [0, 0, 0, 1]])


def patched(path, offset, form, *values):
    data = bytearray(path.read_bytes())
    struct.pack_into(form, data, offset, *values)
    path.write_bytes(data)


@pytest.mark.parametrize("suffix", SUFFIXES)
@MOST
@given(turned=st.tuples(*[st.floats(-3.1, 3.1)] * 3), mirrored=st.booleans())
def test_any_orientation_and_handedness(tmp_path_factory, suffix, turned, mirrored):
    steps = Rotation.from_rotvec(turned).as_matrix()
    if mirrored:
        steps[:, 0] *= -1.0
    path = tmp_path_factory.mktemp("files") / f"scan{suffix}"
    original = image(steps)
    sitk.WriteImage(original, str(path))
    volume = read_volume(path).volume
    assert landmark_errors(volume, SCENE).max() < 0.01
    directions = volume.model_from_voxel[:3, :3] / volume.spacing
    assert np.linalg.det(directions) == pytest.approx(1.0, abs=1e-5)
    assert directions.T @ directions == pytest.approx(np.eye(3), abs=1e-5)
    assert np.trace(directions) >= 1.0 + 2.0 * np.cos(np.radians(62.9))
    array = sitk.GetArrayFromImage(original)
    for index in ((3, 7, 11), (40, 2, 30)):
        place = original.TransformIndexToPhysicalPoint(index)
        x, y, z = np.rint(volume.to_voxel([place])[0]).astype(int)
        assert volume.values[z, y, x] == array[index[::-1]]


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("dtype", [np.int32, np.float32, np.float64])
def test_types(tmp_path, suffix, dtype):
    path = tmp_path / f"scan{suffix}"
    sitk.WriteImage(image(np.eye(3), dtype=dtype), str(path))
    result = read_volume(path)
    assert np.array_equal(result.volume.values, sitk.GetArrayFromImage(image(np.eye(3))))
    assert result.volume.values.dtype == np.int16


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_not_finite_values_are_air(tmp_path, suffix):
    made = image(np.eye(3), dtype=np.float32)
    made[3, 4, 5], made[4, 4, 5], made[5, 4, 5] = np.nan, np.inf, 1e30
    sitk.WriteImage(made, str(tmp_path / f"scan{suffix}"))
    result = read_volume(tmp_path / f"scan{suffix}")
    counts = {f.code: f.facts["count"] for f in result.findings}
    assert counts == {"not_finite": 2, "clipped_values": 1}
    assert result.volume.values[5, 4, 3:6].tolist() == [-1024, -1024, 32767]


def test_padding_below_air_becomes_air(tmp_path):
    made = image(np.eye(3))
    made[:3, :, :] = -3024
    sitk.WriteImage(made, str(tmp_path / "scan.nii"))
    assert np.all(read_volume(tmp_path / "scan.nii").volume.values[:, :, :3] == -1024)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_shifted_values(tmp_path, suffix):
    made = image(np.eye(3)) + 1024
    sitk.WriteImage(made, str(tmp_path / f"scan{suffix}"))
    result = read_volume(tmp_path / f"scan{suffix}")
    assert codes(result) == {"shifted_values"}
    assert np.array_equal(result.volume.values, sitk.GetArrayFromImage(image(np.eye(3))))


def test_nifti_sheared_like_a_tilted_stack(tmp_path):
    """As converters write a tilted CT that they did not resample: slices shifted along y."""
    path = tmp_path / "scan.nii"
    shear = np.eye(3)
    shear[1, 2] = np.tan(np.radians(12.0))
    sitk.WriteImage(image(np.eye(3)), str(path))
    steps = shear * SPACING
    origin = -steps @ (0.5 * (np.array(SIZE) - 1))
    indices = np.stack(np.meshgrid(*[np.arange(n) for n in SIZE], indexing="ij"), axis=-1)
    values = np.rint(SCENE.hounsfield(indices @ steps.T + origin)).astype("<i2")
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = steps, origin
    nifti_matrix(path, RAS_TO_LPS @ matrix)
    data = path.read_bytes()
    path.write_bytes(data[:352] + values.transpose(2, 1, 0).tobytes())
    result = read_volume(path)
    assert landmark_errors(result.volume, SCENE).max() <= 0.05
    assert "sheared" in codes(result)
    assert next(f for f in result.findings if f.code == "sheared").facts["degrees"] == (
        pytest.approx(12.0, abs=1e-3)
    )


def test_nifti_skewed_in_all_planes_is_refused(tmp_path):
    path = tmp_path / "scan.nii"
    sitk.WriteImage(image(np.eye(3)), str(path))
    skewed = np.eye(4)
    skewed[0, 1] = skewed[1, 2] = skewed[2, 0] = 0.2
    nifti_matrix(path, skewed)
    with pytest.raises(InputError, match="no two of its axes are perpendicular"):
        read_volume(path)


def test_nifti_qform_and_sform_that_disagree(tmp_path):
    path = tmp_path / "scan.nii"
    sitk.WriteImage(image(np.eye(3)), str(path))
    matrix = nifti_matrix(path)
    matrix[2, 3] += 7.0
    nifti_matrix(path, matrix)
    result = read_volume(path)
    assert result.volume.origin[2] == pytest.approx(image(np.eye(3)).GetOrigin()[2] + 7.0)
    (finding,) = result.findings
    assert (finding.code, finding.facts["distance"]) == ("qform_disagrees", pytest.approx(7.0))


def test_nifti_with_qform_alone(tmp_path):
    steps = Rotation.from_rotvec([0.3, -0.2, 0.5]).as_matrix() * [-1.0, 1.0, 1.0]
    path = tmp_path / "scan.nii"
    sitk.WriteImage(image(steps), str(path))
    patched(path, 254, "<h", 0)
    assert landmark_errors(read_volume(path).volume, SCENE).max() < 0.01


def test_nifti_without_any_place_is_refused(tmp_path):
    path = tmp_path / "scan.nii"
    sitk.WriteImage(image(np.eye(3)), str(path))
    patched(path, 252, "<2h", 0, 0)
    with pytest.raises(InputError, match="left and right are unknown"):
        read_volume(path)


@pytest.mark.parametrize(("unit", "scale"), [(1, 1000.0), (3, 0.001), (0, 1.0)])
def test_nifti_units(tmp_path, unit, scale):
    path = tmp_path / "scan.nii"
    sitk.WriteImage(image(np.eye(3)), str(path))
    matrix = nifti_matrix(path)
    matrix[:3] /= scale
    nifti_matrix(path, matrix)
    patched(path, 123, "<B", unit)
    patched(path, 252, "<h", 0)
    result = read_volume(path)
    assert landmark_errors(result.volume, SCENE).max() < 0.01
    assert codes(result) == {"unit_assumed" if unit == 0 else "unit_converted"}


def test_nifti_slope_of_zero_means_none(tmp_path):
    path = tmp_path / "scan.nii"
    sitk.WriteImage(image(np.eye(3)), str(path))
    patched(path, 112, "<2f", 0.0, 77.0)
    assert read_volume(path).volume.values.min() == -1000
    patched(path, 112, "<2f", 2.0, 1000.0)
    assert read_volume(path).volume.values.min() == -1000


def test_nifti_2_and_big_endian(tmp_path):
    original = image(np.eye(3))
    values = sitk.GetArrayFromImage(original)
    matrix = np.eye(4)
    matrix[:3, :3] = np.diag(SPACING)
    matrix[:3, 3] = original.GetOrigin()
    header = bytearray(544)
    struct.pack_into(">i8shh", header, 0, 540, b"n+2\0\r\n\x1a\n", 4, 16)
    struct.pack_into(">8q", header, 16, 3, *SIZE, 1, 1, 1, 1)
    struct.pack_into(">8d", header, 104, 1.0, *SPACING, 1, 1, 1, 1)
    struct.pack_into(">q", header, 168, 544)
    struct.pack_into(">2i", header, 344, 0, 1)
    struct.pack_into(">12d", header, 400, *(RAS_TO_LPS @ matrix)[:3].ravel())
    struct.pack_into(">i", header, 500, 2)
    path = tmp_path / "scan.nii"
    path.write_bytes(bytes(header) + values.astype(">i2").tobytes())
    result = read_volume(path)
    assert np.array_equal(result.volume.values, values)
    assert landmark_errors(result.volume, SCENE).max() < 0.01
    assert not result.findings


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_the_content_decides_not_the_name(tmp_path, suffix):
    path = tmp_path / f"scan{suffix}"
    sitk.WriteImage(image(np.eye(3)), str(path))
    other = path.with_name("renamed.dat")
    if suffix == ".nii.gz":
        other.write_bytes(gzip.compress(gzip.decompress(path.read_bytes())))
    else:
        other.write_bytes(path.read_bytes())
    assert landmark_errors(read_volume(other).volume, SCENE).max() < 0.01


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.99])
@pytest.mark.parametrize("compressed", [False, True])
def test_cut_off(tmp_path, suffix, share, compressed):
    path = tmp_path / f"scan{suffix}"
    sitk.WriteImage(image(np.eye(3)), str(path), useCompression=compressed)
    data = next(p for p in tmp_path.iterdir() if suffix != ".mhd" or p.suffix != ".mhd")
    data.write_bytes(data.read_bytes()[: int(share * data.stat().st_size)])
    with pytest.raises(InputError) as caught:
        read_volume(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("suffix", [".nii", ".nrrd", ".mha", ".mhd"])
def test_a_few_bytes_short(tmp_path, suffix):
    """ITK would leave the last voxels as the memory happened to be."""
    path = tmp_path / f"scan{suffix}"
    sitk.WriteImage(image(np.eye(3)), str(path), useCompression=False)
    data = path.with_suffix(".raw") if suffix == ".mhd" else path
    data.write_bytes(data.read_bytes()[:-3])
    with pytest.raises(InputError, match="is cut off"):
        read_volume(path)


def test_places_that_no_scan_has(tmp_path):
    path = tmp_path / "scan.nii"
    sitk.WriteImage(image(np.eye(3)), str(path))
    matrix = nifti_matrix(path)
    for wrong in (matrix + np.outer([1e20, 0, 0, 0], [0, 0, 0, 1]), np.diag([1e4, 1, 1, 1])):
        nifti_matrix(path, wrong)
        with pytest.raises(InputError, match="which no scan has"):
            read_volume(path)


def test_a_scan_for_which_there_is_no_memory_is_refused_before_it_takes_any(tmp_path, monkeypatch):
    path = tmp_path / "scan.nii"
    sitk.WriteImage(image(np.eye(3)), str(path))
    patched(path, 42, "<3h", 1000, 1000, 300)
    with path.open("r+b") as file:
        file.truncate(352 + 1000 * 1000 * 300 * 2)  # sparse
    monkeypatch.setattr(regular, "available_memory", lambda: 2_500_000_000)
    with pytest.raises(InputError, match=r"about 3 GB of memory, and 2\.5 GB are available"):
        read_volume(path)


def test_memory_is_known_where_the_system_says_it(tmp_path, monkeypatch):
    state = tmp_path / "meminfo"
    state.write_text("MemTotal:       24 kB\nMemAvailable:   12 kB\n")
    monkeypatch.setattr(memory, "MEMORY_STATE", state)
    assert memory.available_memory() == 12 * 1024
    monkeypatch.setattr(memory, "MEMORY_STATE", tmp_path / "none")
    assert memory.available_memory() is None


def test_checksum_of_a_compressed_file(tmp_path):
    path = tmp_path / "scan.nii.gz"
    sitk.WriteImage(image(np.eye(3)), str(path))
    data = bytearray(path.read_bytes())
    data[-6] ^= 0xFF
    path.write_bytes(bytes(data))
    with pytest.raises(InputError, match="is damaged"):
        read_volume(path)


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz", ".nrrd", ".mha"])
def test_header_that_promises_too_much(tmp_path, suffix):
    """Refused before memory is taken for it."""
    path = tmp_path / f"scan{suffix}"
    sitk.WriteImage(image(np.eye(3)), str(path))
    data = path.read_bytes()
    if suffix == ".nii.gz":
        raw = bytearray(gzip.decompress(data))
        struct.pack_into("<3h", raw, 42, 20_000, 20_000, 20_000)
        path.write_bytes(gzip.compress(bytes(raw)))
    elif suffix == ".nii":
        patched(path, 42, "<3h", 1200, 1200, 1000)
    else:
        path.write_bytes(data.replace(b"45 48 38", b"1200 1200 1000", 1))
    with pytest.raises(InputError, match=r"is cut off|GB; expected at most"):
        read_volume(path)


@pytest.mark.parametrize("suffix", [".nii", ".nrrd", ".mha"])
def test_what_is_no_volume(tmp_path, suffix):
    scan = image(np.eye(3))
    cases = {
        "colour": sitk.Compose([sitk.Cast(scan, sitk.sitkUInt8)] * 3),
        "4D": sitk.JoinSeries([scan, scan]),
        "slice": scan[:, :, 5],
        "labels": sitk.Cast(scan > 500, sitk.sitkUInt8),
        "picture": sitk.Cast(sitk.Clamp(scan / 8 + 125, sitk.sitkFloat32, 0, 255), sitk.sitkUInt8),
    }
    expected = {
        "colour": "colours",
        "4D": r"2 volumes \(4D\)",
        "slice": r"single slice|not a volume",
        "labels": "label map",
        "picture": r"grey levels|label map",
    }
    for name, made in cases.items():
        path = tmp_path / f"{name}{suffix}"
        sitk.WriteImage(made, str(path))
        with pytest.raises(InputError, match=expected[name]):
            read_volume(path)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_values_of_an_mr_are_refused(tmp_path, suffix):
    random = np.random.default_rng(0)
    levels = np.array([0, 300, 500, 700])[random.integers(0, 4, SIZE[::-1])]
    values = np.abs(levels * random.normal(1, 0.2, levels.shape) + random.normal(0, 20, SIZE[::-1]))
    made = sitk.GetImageFromArray(values.astype(np.int16))
    sitk.WriteImage(made, str(tmp_path / f"scan{suffix}"))
    with pytest.raises(InputError, match="not Hounsfield units"):
        read_volume(tmp_path / f"scan{suffix}")


def test_nrrd_without_directions_is_refused(tmp_path):
    path = tmp_path / "scan.nrrd"
    sitk.WriteImage(image(np.eye(3)), str(path))
    text = path.read_bytes()
    lines = [line for line in text.split(b"\n\n", 1)[0].split(b"\n") if b"space" not in line]
    path.write_bytes(b"\n".join(lines) + b"\n\n" + text.split(b"\n\n", 1)[1])
    with pytest.raises(InputError, match="left and right are unknown"):
        read_volume(path)


def test_nrrd_in_ras(tmp_path):
    path = tmp_path / "scan.nrrd"
    sitk.WriteImage(image(np.eye(3)), str(path))
    data = path.read_bytes()
    assert b"space: left-posterior-superior" in data
    path.write_bytes(
        data.replace(b"space: left-posterior-superior", b"space: right-anterior-superior", 1)
    )
    mirrored = replace(SCENE, centres=SCENE.centres * [-1, -1, 1])
    # the same numbers, meant in RAS: what was at (x, y, z) is at (-x, -y, z)
    assert landmark_errors(read_volume(path).volume, mirrored).max() < 0.01


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.nii", b"", "is empty"),
        ("a.nii.gz", b"hello, this is no scan", "not a volume that can be read"),
        ("a.zip", b"PK\x03\x04" + bytes(50), "packed archive"),
        ("a.dcm", b"\x89PNG\r\n\x1a\n" + bytes(500), "not a volume that can be read"),
        ("a.nrrd", b"NRRD0004\ntype: short\n\n", "header cannot be read"),
        ("a.mha", b"ObjectType = Image\nNDims = 3\n", "not a MetaImage file"),
    ],
)
def test_other_files(tmp_path, name, content, expected):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=expected):
        read_volume(tmp_path / name)


def test_not_there(tmp_path):
    with pytest.raises(InputError, match="not found"):
        read_volume(tmp_path / "scan.nii")
