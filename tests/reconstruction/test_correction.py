"""What is said about a scan replaces one step, changes nothing else, and can be repeated."""

from functools import cache

import numpy as np
import pytest

from nav.core.errors import InputError
from nav.model.case import load_case
from nav.model.closed import check_closed
from nav.reconstruction.bone_labels import signed_distance
from nav.reconstruction.case_files import write_case
from nav.reconstruction.comparison import compare
from nav.reconstruction.correction import CaseRerun, save_correction
from nav.reconstruction.corrections_file import load_corrections
from nav.reconstruction.guidance import (
    HAND_SIGMA,
    NOTHING,
    Box,
    GuideLabel,
    ReconstructionGuidance,
    Stroke,
    with_seed,
)
from nav.reconstruction.labelmap import cut_mask
from nav.reconstruction.neck_location import locate_neck
from nav.reconstruction.prior import load_prior
from nav.reconstruction.reconstruction_pipeline import reconstruct
from nav.reconstruction.reconstruction_text import sentence
from nav.reconstruction.sculpt import distances_to
from nav.reconstruction.volume import Volume
from tests.reconstruction.scans import anatomy, compared, read, reconstruction, volume

EVERYWHERE, MIDDLE = (-1e3, 1e3), (-44.0, 20.0)


@cache
def true_label(name, spacing):
    """A structure's true voxels."""
    truth = anatomy().structure(name)
    low, high = truth.vertices.min(axis=0) - 4.0, truth.vertices.max(axis=0) + 4.0
    matrix = np.diag([spacing, spacing, spacing, 1.0])
    matrix[:3, 3] = low
    counts = np.ceil((high - low) / spacing).astype(int)
    grid = Volume(np.zeros(counts[::-1], np.int16), matrix)
    window, distance = signed_distance(grid, truth.vertices, truth.triangles, 5.0)
    values = np.zeros(grid.values.shape, bool)
    values[window] = distance < 0.0
    return GuideLabel(name, cut_mask(name, values, matrix))


def again(guidance):
    """Reconstruct with guidance; what is the same is taken over."""
    return reconstruct(read(volume()), None, guidance, reconstruction().made)


@cache
def dens_painted():
    """A ball on the tip of the dens."""
    found = reconstruction().surface("C2")
    tip = found.vertices[np.argmax(found.vertices[:, 2])]
    return Stroke("C2", False, 3.0, (tuple(float(v) for v in tip + np.array([0.0, 0.0, 1.0])),))


@cache
def painted():
    return again(ReconstructionGuidance(strokes=(dens_painted(),)))


def test_soft_structures_come_from_the_label_map_with_its_sigma():
    names = ("cord", "dura", "vertebral artery left")
    found = again(ReconstructionGuidance(labels=tuple(true_label(name, 0.8) for name in names)))
    for name in names:
        surface = found.surface(name)
        check_closed(surface.vertices, surface.triangles)
        heights = (-40.0, 14.0) if name in ("cord", "dura") else MIDDLE
        result = compared(surface, name, heights)
        assert surface.source == "label map"
        assert result.mean < 0.2
        assert result.inside > 0.95
        assert surface.sigma.min() >= 0.5
    right = found.surface("vertebral artery right")
    assert right.source == "contrast"
    assert np.array_equal(right.vertices, reconstruction().surface(right.name).vertices)
    said = [sentence(r) for r in found.remarks]
    assert any(line.startswith("dura: from the label map") for line in said)
    assert not any("from the bones and the prior" in line for line in said)


@pytest.mark.slow
def test_coarse_labels_of_bones_are_refined_by_the_grey_values():
    labels = tuple(true_label(name, 1.5) for name in ("C1", "C2"))
    found = again(ReconstructionGuidance(labels=labels))
    kept = again(ReconstructionGuidance(labels=labels, keep_labels=True))
    for name in ("C1", "C2"):
        refined = compared(found.surface(name), name, EVERYWHERE)
        as_labelled = compared(kept.surface(name), name, EVERYWHERE)
        assert refined.mean < 0.1 < as_labelled.mean
        assert refined.inside > 0.9
        assert as_labelled.inside > 0.95
    assert found.surface("C1").source == "label map, then grey values"
    assert kept.surface("C1").source == "label map"


def test_seeds_in_an_artery_lead_to_the_same_artery():
    truth = reconstruction().surface("vertebral artery left")
    heights = np.quantile(truth.vertices[:, 2], [0.35, 0.6])
    said = NOTHING
    for height in heights:
        ring = truth.vertices[np.abs(truth.vertices[:, 2] - height) < 1.0]
        said = with_seed(said, truth.name, ring.mean(axis=0))
    found = again(said).surface(truth.name)
    assert found.source == "contrast, from seeds"
    assert compared(found, truth.name, MIDDLE).mean < 0.2


@pytest.mark.slow
def test_a_seed_and_a_box_place_the_bones_or_are_refused():
    prior, scan = load_prior(), volume()
    own = reconstruction().chain
    inside = true_label("C2", 1.5).seed.position
    neck = locate_neck(scan, prior, None, with_seed(NOTHING, "C2", inside))
    assert neck.chain.poses["C2"].translation == pytest.approx(own.poses["C2"].translation, abs=0.3)
    for name in ("C3", "C1"):  # a level off
        with pytest.raises(InputError) as refused:
            locate_neck(scan, prior, None, with_seed(NOTHING, name, inside))
        assert "given" in str(refused.value)
        assert "\n" not in str(refused.value)
    vertices = own.vertices(prior, "C2")
    middle = (vertices.min(axis=0) + vertices.max(axis=0)) / 2.0
    box = Box(tuple(middle.tolist()), (20.0, 20.0, 12.0))
    neck = locate_neck(scan, prior, None, ReconstructionGuidance(box=box))
    assert neck.chain.poses["C2"].translation == pytest.approx(own.poses["C2"].translation, abs=0.3)
    below = Box(tuple((middle - [0, 0, 45.0]).tolist()), (20.0, 20.0, 10.0))
    with pytest.raises(InputError, match=r"C2 in the box|given|outside of the box"):
        locate_neck(scan, prior, None, ReconstructionGuidance(box=below))


def test_what_is_painted_is_added_and_nothing_else_changes():
    found, before, stroke = painted(), reconstruction(), dens_painted()
    change = compare(before, found)
    assert set(change.moved) == {"C2"}
    surface = found.surface("C2")
    check_closed(surface.vertices, surface.triangles)
    assert surface.source == "grey values, painted"
    old = before.surface("C2")
    away = stroke.distances(surface.vertices) > 3.0
    off = np.abs(distances_to(old, surface.vertices))
    assert np.quantile(off[away], 0.99) < 0.02
    centre = np.array(stroke.points)
    assert distances_to(old, centre)[0] > 0.5 > 0.0 > distances_to(surface, centre)[0]
    # beyond the bone the wall is where the brush was, though the grey values show nothing there
    beyond = (distances_to(old, surface.vertices) > 1.0) & ~away
    assert beyond.sum() > 50
    assert np.abs(stroke.distances(surface.vertices[beyond])).mean() < 0.15
    assert (surface.sigma[beyond] >= HAND_SIGMA).all()


def test_what_is_erased_is_gone_and_a_piece_apart_is_said():
    old = reconstruction().surface("C2")
    back = old.vertices[np.argmax(old.vertices[:, 1])]
    place = tuple(float(v) for v in back)
    apart = tuple(float(v) for v in back + np.array([0.0, 25.0, 0.0]))
    said = ReconstructionGuidance(
        strokes=(Stroke("C2", True, 4.0, (place,)), Stroke("C3", False, 2.0, (apart,)))
    )
    found = again(said)
    surface = found.surface("C2")
    check_closed(surface.vertices, surface.triangles)
    assert np.linalg.norm(surface.vertices - back, axis=1).min() > 2.5
    assert any("C3: a painted piece does not touch" in sentence(r) for r in found.remarks)
    c3 = reconstruction().surface("C3")
    assert found.surface("C3").vertices[:, 1].max() == pytest.approx(
        c3.vertices[:, 1].max(), abs=0.5
    )


@pytest.mark.slow
def test_a_case_is_corrected_on_its_own_scan_and_repeated_on_the_whole_one(tmp_path):
    path = write_case(reconstruction(), tmp_path / "case", "a neck")
    rerun = CaseRerun(path)
    own = rerun.prepare()
    for name in ("C1", "C2", "C3", "C4"):  # from the cropped scan as from the whole one
        case = next(s for s in load_case(path).structures if s.name == name)
        off = np.abs(case.surface.distances(own.surface(name).vertices)[0])
        assert off.mean() < 0.003
    correction = rerun.run(ReconstructionGuidance(strokes=(dens_painted(),)))
    assert set(correction.moved) == {"C2"}
    before = path.read_bytes()
    said = save_correction(path, correction)
    assert path.with_name("case.1.toml").read_bytes() == before
    now, earlier = load_case(path), load_case(path.with_name("case.1.toml"))

    def c2(case):
        return next(s for s in case.structures if s.name == "C2").surface

    assert c2(earlier).vertices[:, 2].max() + 1.0 < c2(now).vertices[:, 2].max()
    assert any("C2: painted by hand" in line for line in now.warnings)
    repeated = reconstruct(read(volume()), None, load_corrections(said), reconstruction().made)
    off = np.abs(c2(now).distances(repeated.surface("C2").vertices)[0])
    assert off.mean() < 0.005
    # and once more from the corrected case, where nothing is left to do
    assert CaseRerun(path).run(load_corrections(said)).is_nothing
