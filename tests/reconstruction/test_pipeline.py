"""A scan becomes closed surfaces at the right places, whose sigma is true; nothing is made up."""

import numpy as np
import pytest

from nav.core.errors import InputError
from nav.model.case import load_case
from nav.model.closed import check_closed
from nav.reconstruction.artery_tubes import Artery
from nav.reconstruction.case_files import write_case
from nav.reconstruction.grey_surface import without_fins
from nav.reconstruction.prior import load_prior
from nav.reconstruction.reconstruct_command import check_output
from nav.reconstruction.reconstruction_pipeline import CAP_SIGMA, locate_neck, reconstruct
from nav.reconstruction.reconstruction_text import sentence
from nav.reconstruction.remarks import artery_remarks
from nav.reconstruction.sampling import cropped
from nav.reconstruction.tube import Tube, resampled_line
from nav.reconstruction.volume import Volume
from tests.reconstruction.scans import (
    anatomy,
    compared,
    distances,
    read,
    reconstruction,
    volume,
)

BONES = ("C1", "C2", "C3", "C4")
# mm, within which cord, dura and arteries of the scan are the anatomy's own
MIDDLE = (-44.0, 20.0)
EVERYWHERE = (-1e3, 1e3)


@pytest.mark.parametrize("name", BONES)
def test_bones_are_where_they_are(name):
    found = reconstruction().surface(name)
    assert found is not None
    check_closed(found.vertices, found.triangles)
    result = compared(found, name, EVERYWHERE)
    assert result.mean < 0.15
    assert np.quantile(np.abs(result.off), 0.95) < 0.4
    assert result.volume == pytest.approx(1.0, abs=0.03)
    assert result.inside > 0.85


@pytest.mark.parametrize("name", BONES)
def test_no_part_of_a_bone_is_missing(name):
    found, truth = reconstruction().surface(name), anatomy().structure(name)
    assert found is not None
    off = np.abs(distances(found.vertices, found.triangles, truth.vertices))
    assert off.mean() < 0.15
    assert off.max() < 2.0


@pytest.mark.parametrize("side", ["left", "right"])
def test_arteries_are_followed_and_their_wall_is_where_it_is(side):
    found = reconstruction().surface(f"vertebral artery {side}")
    assert found is not None
    check_closed(found.vertices, found.triangles)
    result = compared(found, f"vertebral artery {side}", MIDDLE)
    assert result.mean < 0.2
    assert np.quantile(np.abs(result.off), 0.95) < 0.6
    # and over its whole way: no true wall is far from what was found
    truth = anatomy().structure(f"vertebral artery {side}").vertices
    middle = truth[(truth[:, 2] > MIDDLE[0]) & (truth[:, 2] < MIDDLE[1])]
    assert np.abs(distances(found.vertices, found.triangles, middle)).max() < 1.5


@pytest.mark.parametrize(("name", "most"), [("cord", 0.5), ("dura", 0.6)])
def test_cord_and_dura_lie_in_the_canal(name, most):
    found = reconstruction().surface(name)
    assert found is not None
    check_closed(found.vertices, found.triangles)
    result = compared(found, name, (-40.0, 14.0))
    assert result.mean < most
    assert result.inside > 0.8


def test_an_artery_that_ends_at_c1_is_said_to_be_seen_in_part():
    """As one that is occluded where it enters the canal: where it goes on nothing is shown."""
    prior, chain = load_prior(), reconstruction().chain
    line = np.array([chain.station(prior, "left", s) for s in ("C4", "C3", "C2low", "C1")])
    top = chain.vertices(prior, "C1")[:, 2].max()

    def said(height: float) -> list[str]:
        way = resampled_line(np.vstack([line, [0.0, line[-1, 1], height]]), 0.5, 0.0)
        ones = np.ones(len(way))
        tube = Tube(way, 2.0 * ones, 0.1 * ones, 350.0 * ones, ones)
        artery = Artery("vertebral artery left", "left", "seen", tube, 300.0)
        return [sentence(r) for r in artery_remarks((artery,), prior, chain)]

    assert any("seen over" in line for line in said(top - 2.0))
    assert not said(top + 12.0)
    # and the whole scan's own arteries go on
    assert not [r for r in reconstruction().remarks if r.code == "artery_partly_seen"]


def test_a_long_stretch_of_wall_that_is_not_told_apart_is_said():
    prior, chain = load_prior(), reconstruction().chain
    top = [0.0, 0.0, chain.vertices(prior, "C1")[:, 2].max() + 12.0]
    line = [chain.station(prior, "left", s) for s in ("C4", "C3", "C2low", "C1")]
    way = resampled_line(np.vstack([*line, top]), 0.5, 0.0)
    ones = np.ones(len(way))

    def said(length: float) -> list[str]:
        sd = np.where(np.arange(len(way)) < length / 0.5, 1.2, 0.1)
        tube = Tube(way, 2.0 * ones, sd, 350.0 * ones, ones)
        artery = Artery("vertebral artery left", "left", "seen", tube, 300.0)
        return [sentence(r) for r in artery_remarks((artery,), prior, chain)]

    (line_said,) = said(20.0)
    assert "its wall is not told apart over 20 mm" in line_said
    assert "up to 1.2 mm" in line_said
    assert not said(4.0)


@pytest.mark.parametrize("name", ["cord", "dura", "vertebral artery left"])
def test_ends_that_only_close_claim_nothing(name):
    """Beyond them the structure goes on unseen, so that no bound is to rest on them."""
    found = reconstruction().surface(name)
    assert found is not None
    ends = found.sigma >= CAP_SIGMA
    height = found.vertices[:, 2]
    assert ends[height.argmin()]
    assert 0.0 < ends.mean() < 0.3
    middle = (height > np.quantile(height, 0.25)) & (height < np.quantile(height, 0.75))
    assert not ends[middle].any()


def test_the_skin_is_found_and_claims_nothing_where_it_only_closes():
    found = reconstruction().surface("skin")
    assert found is not None
    check_closed(found.vertices, found.triangles)
    claimed = found.sigma < CAP_SIGMA
    assert 0.3 < claimed.mean() < 1.0


@pytest.fixture(scope="module")
def without_contrast_and_cut():
    """The scan from the middle of C4 upwards, with the arteries' blood as bright as muscle."""
    scan = volume()
    values = scan.values.copy()
    for side in ("left", "right"):
        truth = anatomy().structure(f"vertebral artery {side}")
        low, high = (f(truth.vertices, axis=0) for f in (np.min, np.max))
        part = cropped(scan, low - 12.0, high + 12.0)
        start = np.rint(scan.to_voxel(part.origin[None])[0]).astype(int)
        x, y, z = (slice(a, a + n) for a, n in zip(start, part.values.shape[::-1], strict=True))
        index = np.argwhere(values[z, y, x] > 150)[:, ::-1]
        off = distances(truth.vertices, truth.triangles, part.to_model(index))
        near = index[off < 1.2]
        values[z, y, x][near[:, 2], near[:, 1], near[:, 0]] = 55
        # what goes on beyond the case's ends is bright, too, but not between its foramina
    c4 = anatomy().structure("C4").vertices
    low = np.array([-1e3, -1e3, c4[:, 2].mean()])
    return reconstruct(read(cropped(Volume(values, scan.model_from_voxel), low, np.full(3, 1e3))))


def test_without_contrast_no_artery_is_made_up(without_contrast_and_cut):
    found = without_contrast_and_cut
    arteries = [s.name for s in found.surfaces if s.role == "artery"]
    said = [sentence(remark) for remark in found.remarks]
    assert not arteries
    for side in ("left", "right"):
        assert any(f"vertebral artery {side}: not seen" in line for line in said)


def test_a_bone_that_the_scan_cuts_is_said_and_claims_nothing_at_the_cut(without_contrast_and_cut):
    found = without_contrast_and_cut
    assert any(remark.code in ("bone_cut", "bone_missing") for remark in found.remarks)
    c4 = found.surface("C4")
    if c4 is not None:
        assert (c4.sigma == CAP_SIGMA).any()
    c2 = found.surface("C2")
    assert c2 is not None
    assert compared(c2, "C2", EVERYWHERE).mean < 0.15


@pytest.mark.parametrize("keep", ["below C2", "above C1", "nothing but noise", "water"])
def test_a_scan_without_c1_and_c2_is_refused(keep):
    scan = volume()
    c1, c2 = (anatomy().structure(name).vertices[:, 2] for name in ("C1", "C2"))
    if keep == "below C2":
        scan = cropped(scan, [-1e3] * 3, [1e3, 1e3, c2.min()])
    elif keep == "above C1":
        scan = cropped(scan, [-1e3, -1e3, c1.max() - 4.0], [1e3] * 3)
    else:
        rng = np.random.default_rng(0)
        noise = rng.normal(40.0, 400.0 if keep == "nothing but noise" else 5.0, (60, 80, 80))
        scan = Volume(noise.astype(np.int16), np.diag([2.0, 2.0, 2.0, 1.0]))
    with pytest.raises(InputError, match="does not show"):
        locate_neck(scan, load_prior())


def test_a_case_is_written_read_and_keeps_its_remarks(tmp_path):
    found = reconstruction()
    case = load_case(write_case(found, tmp_path / "case", "a neck"))
    assert {s.name for s in case.structures} == {s.name for s in found.surfaces}
    for remark in found.remarks:
        assert sentence(remark) in case.warnings
    for structure in case.structures:
        surface = found.surface(structure.name)
        assert surface is not None
        assert structure.sigma_at(surface.vertices[:50]) == pytest.approx(
            np.maximum(surface.sigma[:50], 0.02), rel=1e-3
        )
    for name in ("cord", "dura"):  # they go on below C4 and above the foramen magnum
        (structure,) = (s for s in case.structures if s.name == name)
        low, high = sorted(structure.continuations, key=lambda end: end.point[2])
        assert low.direction[2] < -0.7
        assert high.direction[2] > 0.7
        assert low.point[2] < structure.surface.vertices[:, 2].min() + 5.0
    assert (tmp_path / "case" / "volume.nii.gz").is_file()
    assert (tmp_path / "case" / "overview.png").read_bytes().startswith(b"\x89PNG")


def test_the_same_scan_gives_the_same_surfaces():
    again = locate_neck(volume(), load_prior())
    for name in BONES:
        first, second = reconstruction().chain.poses[name], again.chain.poses[name]
        assert first.translation == pytest.approx(second.translation, abs=1e-9)


def test_pairs_of_triangles_that_lie_on_each_other_are_taken_away():
    """A fin of a closed surface has no inside; without it the surface is as closed as before."""
    found = reconstruction().surface("C2")
    assert found is not None
    a, b, _ = found.triangles[0]
    fin = np.array([[a, b, len(found.vertices)], [b, a, len(found.vertices)]], np.int32)
    vertices = np.vstack([found.vertices, found.vertices[a] + 1.0])
    kept, triangles = without_fins(np.vstack([found.triangles, fin]))
    check_closed(vertices[kept], triangles)
    assert len(triangles) == len(found.triangles)


def test_where_the_skull_is_cut_off_nothing_is_claimed():
    """It goes on beyond the occiput's model; the surface that closes it there is no bone's."""
    found, truth = reconstruction().surface("occiput"), anatomy().structure("occiput")
    assert found is not None
    claimed = found.sigma < CAP_SIGMA
    assert 0.02 < 1.0 - claimed.mean() < 0.6
    top = truth.vertices[:, 2].max()
    low = claimed & (found.vertices[:, 2] < top - 8.0)
    off = np.abs(distances(truth.vertices, truth.triangles, found.vertices[low]))
    assert np.quantile(off, 0.95) < 0.5


def test_a_folder_with_a_users_case_is_refused_before_the_work(tmp_path):
    (tmp_path / "case.toml").write_text("mine")
    with pytest.raises(InputError, match="would be overwritten"):
        check_output(tmp_path)
    check_output(tmp_path / "another")
    assert [p.name for p in tmp_path.iterdir()] == ["case.toml"]
