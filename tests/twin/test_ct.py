"""Simulated CT: true volumes and places, the looks, files with the directions right."""

import gzip
import struct
from types import SimpleNamespace

import numpy as np
import pytest
import pyvista

from nav.core.errors import InputError
from nav.model.case import Case
from phantoms.twin.ct_fill import Grid, filled
from phantoms.twin.scene_shapes import box
from phantoms.twin.simulated_ct import axial_picture, ct_volume, write_ct
from tests.solids import structure, surface_of

SPACING = np.array([0.7, 0.6, 0.9])


def closed(role: str, shape, name: str = "it"):
    vertices, triangles = shape
    return SimpleNamespace(name=name, role=role, vertices=np.asarray(vertices), triangles=triangles)


def ball(radius: float, centre=(0.0, 0.0, 0.0)):
    surface = surface_of(pyvista.Icosphere(radius=radius, nsub=4, center=centre))
    return surface.vertices, surface.triangles


def level(volume, point) -> float:
    """HU of the voxel that a point lies in."""
    x, y, z = np.rint((np.asarray(point) - volume.origin) / volume.spacing).astype(int)
    return float(volume.values[z, y, x])


# filling


@pytest.mark.parametrize("shift", [0.0, 0.13, 0.37])
def test_a_boxs_share_is_exact_along_x_and_its_volume_true(shift):
    grid = Grid(np.full(3, -8.0), SPACING, (24, 28, 18))
    low, high = np.array([-3.1, -2.4, -3.6]) + shift, np.array([2.2, 3.0, 2.7]) + shift
    vertices, triangles = box(low, high)
    window = grid.around(vertices)
    share = filled(vertices, triangles, grid, window)
    # rows well inside across: the lengths along x
    x = grid.origin[0] + SPACING[0] * np.arange(window[2].start, window[2].stop)
    expected = np.clip(
        np.minimum(x + SPACING[0] / 2, high[0]) - np.maximum(x - SPACING[0] / 2, low[0]), 0, None
    )
    middle = share[share.shape[0] // 2, share.shape[1] // 2]
    assert middle == pytest.approx(expected / SPACING[0], abs=1e-5)
    size = (high - low).prod()
    # across, edges are found to a quarter of a voxel
    assert share.sum() * SPACING.prod() == pytest.approx(size, rel=0.1)


def test_a_balls_volume_and_middle_are_true():
    centre = np.array([0.21, -0.34, 0.17])
    vertices, triangles = ball(6.0, centre)
    grid = Grid(np.full(3, -9.0), SPACING, (27, 31, 21))
    window = grid.around(vertices)
    share = filled(vertices, triangles, grid, window).astype(float)
    volume = share.sum() * SPACING.prod()
    assert volume == pytest.approx(4 / 3 * np.pi * 216, rel=0.004)
    found = (share[..., None] * grid.points(window)).sum(axis=(0, 1, 2)) / share.sum()
    assert found == pytest.approx(centre, abs=0.02)


def test_a_hole_stays_empty():
    """A tube's wall: inside and outside surface in one."""
    outer, inner = box((-5, -5, -5), (5, 5, 5)), box((-2, -2, -4), (2, 2, 4))
    vertices = np.concatenate([outer[0], inner[0]])
    triangles = np.concatenate([outer[1], inner[1][:, ::-1] + len(outer[0])])
    grid = Grid(np.full(3, -7.0), np.ones(3), (15, 15, 15))
    share = filled(vertices, triangles, grid, (slice(0, 15),) * 3)
    assert share[7, 7, 7] == 0.0
    assert share[7, 7, 10] == pytest.approx(1.0)


# looks


@pytest.fixture(scope="module")
def neck():
    """A skin, a bone beside a dura with its cord, an artery; left, right, front, back differ."""
    return (
        closed("skin", box((-40, -40, -12), (40, 40, 12)), "skin"),
        closed("dura", box((-8, -4, -12.5), (8, 12, 12.5)), "dura"),
        closed("cord", box((-5, 0, -12), (5, 8, 12)), "cord"),
        closed("bone", box((12, -10, -9), (28, 10, 9)), "C2"),
        closed("artery", box((-24, -30, -12), (-18, -24, 12)), "vertebral artery right"),
    )


@pytest.fixture(scope="module")
def patient(neck):
    return ct_volume(neck, spacing=(0.8, 0.8, 1.2), noise=0.0)


@pytest.fixture(scope="module")
def printed(neck):
    return ct_volume(neck, "print", spacing=(0.8, 0.8, 1.2), noise=0.0)


@pytest.mark.parametrize(
    ("point", "low", "high"),
    [
        ((0, 4, 0), 33, 37),  # cord
        ((0, -2, 0), 8, 16),  # CSF
        ((20, 0, 0), 200, 450),  # cancellous bone
        ((12.6, 0, 0), 500, 1000),  # cortical bone
        ((-21, -27, 0), 340, 355),  # artery with contrast
        ((0, 37, 0), -110, -50),  # fat under the nape
        ((0, 45, 0), -1000, -1000),  # air
    ],
)
def test_a_patients_tissues(patient, point, low, high):
    assert low <= level(patient, point) <= high


@pytest.mark.parametrize(
    ("point", "low", "high"),
    [
        ((0, 4, 0), 160, 175),  # silicone cord
        ((0, -2, 0), 0, 6),  # water
        ((20, 0, 0), -110, 80),  # print's inside, air between its lines
        ((12.6, 0, 0), 80, 130),  # print's wall
        ((-21, -27, 0), 335, 355),  # contrast in the tube
        ((0, 37, 0), 28, 32),  # gel up to its surface
    ],
)
def test_a_prints_materials(printed, point, low, high):
    assert low <= level(printed, point) <= high


def test_noise_has_the_sd_asked_for_and_follows_the_seed(neck):
    volumes = [
        ct_volume(neck[2:3], "print", spacing=(0.5, 0.5, 0.8), noise=noise, seed=seed)
        for noise, seed in ((15.0, 1), (15.0, 1), (15.0, 2), (0.0, 1))
    ]
    first, again, other, clean = (v.values[8:-8, 14:-14, 14:-14].astype(float) for v in volumes)
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert (first - clean).std() == pytest.approx(15.0, rel=0.08)


def test_what_only_holds_the_print_is_not_in_a_patient(neck):
    strut = closed("support", box((-30, 14, -3), (-20, 20, 3)), "supports")
    at = (-25, 17, 0)
    with_strut = ct_volume([*neck, strut], spacing=(1.0, 1.0, 1.5), noise=0.0)
    without = ct_volume(neck, spacing=(1.0, 1.0, 1.5), noise=0.0)
    assert level(with_strut, at) == level(without, at)
    kit = ct_volume([*neck, strut], "print", spacing=(1.0, 1.0, 1.5), noise=0.0)
    assert level(kit, at) != pytest.approx(30.0, abs=2.0)


# pictures and files


def test_an_axial_picture_shows_left_on_the_right_and_front_up(patient):
    picture = axial_picture(patient, 0.0, level=300, width=1400, pixel=0.8)
    height, width = picture.shape
    row = round((0.0 - patient.origin[1]) / 0.8)
    assert (
        picture[row, round((20 - patient.origin[0]) / 0.8)]
        > picture[row, round((-20 - patient.origin[0]) / 0.8)]
    )
    # the artery lies in front: in the upper half, and right: in the left half
    bright = np.argwhere(picture > 130)
    left_half = bright[bright[:, 1] < width / 2 - 10]
    assert left_half[:, 0].mean() < height / 2 - 20


def test_a_slice_outside_is_refused(patient):
    with pytest.raises(InputError, match="z = 99 mm is outside"):
        axial_picture(patient, 99.0)


@pytest.fixture(scope="module")
def case():
    left, right = ball(4.0, (20.0, -7.0, 11.0)), box((-30, -10, -20), (-26, 25, 30))
    from nav.model.surface import Surface

    return Case(
        "two things",
        (
            structure("C1", "bone", Surface(*left)),
            structure("supports", "other", Surface(*right)),
        ),
    )


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz", ".mha"])
def test_a_written_file_has_everything_where_it_is(case, tmp_path, suffix):
    """Read by hand: the ball's middle, by the header's matrix."""
    path = tmp_path / f"ct{suffix}"
    volume = write_ct(case, path, "print", (1.0, 1.1, 1.3), noise=0.0)
    values, to_lps = read(path)
    assert np.array_equal(values, volume.values)
    z, y, x = np.nonzero(values > 0)
    points = np.column_stack([x, y, z, np.ones(len(x))]) @ to_lps.T
    ball_points = points[points[:, 0] > 0]
    assert ball_points.mean(axis=0)[:3] == pytest.approx([20.0, -7.0, 11.0], abs=0.2)
    assert list(tmp_path.iterdir()) == [path]


def read(path):
    """Values (z, y, x) and LPS from index (4, 4)."""
    if path.suffix == ".mha":
        raw = pyvista.read(path)
        matrix = np.diag([*raw.spacing, 1.0])
        matrix[:3, 3] = raw.origin
        header = path.read_bytes()[:600].decode("latin1")
        assert "TransformMatrix = 1 0 0 0 1 0 0 0 1" in header
        return raw.point_data.active_scalars.reshape(raw.dimensions[::-1]), matrix
    whole = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    sizes = struct.unpack("<8h", whole[40:56])[1:4]
    qform, sform = struct.unpack("<2h", whole[252:256])
    assert qform > 0
    assert sform > 0
    matrix = np.vstack([np.frombuffer(whole, "<f4", 12, 280).reshape(3, 4), [0, 0, 0, 1]])
    start = int(struct.unpack("<f", whole[108:112])[0])
    values = np.frombuffer(whole, "<i2", offset=start).reshape(sizes[::-1])
    return values, np.diag([-1.0, -1.0, 1.0, 1.0]) @ matrix  # the file's are RAS


def test_the_quaternion_says_the_same_as_the_matrix(case, tmp_path):
    path = tmp_path / "ct.nii"
    write_ct(case, path, spacing=(2.0, 2.0, 2.0), noise=0.0)
    header = path.read_bytes()[:352]
    b, c, d, *offset = struct.unpack("<6f", header[256:280])
    pixdim = struct.unpack("<8f", header[76:108])
    a = np.sqrt(max(0.0, 1 - b * b - c * c - d * d))
    rotation = np.array(
        [
            [a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)],
            [2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b)],
            [2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - c * c - b * b],
        ]
    )
    matrix = rotation * np.array([pixdim[1], pixdim[2], pixdim[3] * (pixdim[0] or 1.0)])
    sform = np.frombuffer(header, "<f4", 12, 280).reshape(3, 4)
    assert matrix == pytest.approx(sform[:, :3], abs=1e-5)
    assert offset == pytest.approx(sform[:, 3], abs=1e-4)


def test_another_kind_of_file_is_refused_before_the_work(case, tmp_path):
    """Voxels so small that there is no room for them: nobody gets that far."""
    with pytest.raises(InputError, match=r"ct\.png: expected a name that ends in"):
        write_ct(case, tmp_path / "ct.png", spacing=(1e-3, 1e-3, 1e-3))


def test_a_file_that_cannot_be_written_is_said_and_nothing_is_left(case, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(InputError, match=r"ct\.nii: cannot be written"):
        write_ct(case, tmp_path / "file" / "ct.nii", spacing=(3.0, 3.0, 3.0))
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"spacing": (0.4, 0.0, 0.6)}, "spacing: expected three lengths above 0"),
        ({"spacing": (0.01, 0.01, 0.01)}, "too many"),
        ({"noise": -1.0}, "noise: expected 0 HU or more"),
        ({"spread": np.nan}, "spread: expected 0 mm or more"),
    ],
)
def test_settings_out_of_range_are_refused(neck, settings, problem):
    with pytest.raises(InputError, match=problem):
        ct_volume(neck, **settings)


def test_no_structures_no_ct():
    with pytest.raises(InputError, match="no structures"):
        ct_volume(())
