"""What others say of a scan is read as it was meant, or refused in one line."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from nav.cli import app
from nav.core.errors import InputError
from nav.core.files import write_toml
from nav.reconstruction.bone_edits import mask_on_grid
from nav.reconstruction.corrections_file import corrections_table, load_corrections, write_labels
from nav.reconstruction.guidance import (
    Box,
    GuideLabel,
    ReconstructionGuidance,
    Seed,
    Stroke,
    with_seed,
)
from nav.reconstruction.guidance_files import (
    check_on_scan,
    guide_name,
    read_box,
    read_guide_labels,
    read_seeds,
)
from nav.reconstruction.labelmap import LabelMask, read_labels
from nav.reconstruction.prior import BONES
from nav.reconstruction.reading import read_volume
from nav.reconstruction.reconstruct_command import GuideOptions, before_reading, reconstruct_scan
from nav.reconstruction.volume import Volume
from tests.reference_data import reference_data


def markups(path, points, system="LPS", kind="Fiducial", **more):
    """A Markups file."""
    markup = {
        "type": kind,
        "coordinateSystem": system,
        "controlPoints": [
            {"label": label, "position": list(at), "positionStatus": "defined"}
            for label, at in points
        ],
        **more,
    }
    path.write_text(json.dumps({"markups": [markup]}))
    return path


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("C1", "C1"),
        ("vertebrae_C2", "C2"),
        ("atlas", "C1"),
        ("artery left", "vertebral artery left"),
        ("VA_R", "vertebral artery right"),
        ("A. vertebralis links", "vertebral artery left"),
        ("spinal_cord", "cord"),
        ("thecal sac", "dura"),
        ("body", "skin"),
        ("carotid artery left", None),
        ("common_carotid_artery_right", None),
        ("vertebrae_C7", None),
        ("liver", None),
        ("C2 nerve root", None),
    ],
)
def test_structures_are_known_by_other_names(text, name):
    assert guide_name(text) == name


@pytest.mark.parametrize("system", ["LPS", "RAS"])
def test_seeds_are_placed_in_lps(tmp_path, system):
    sign = np.array([1, 1, 1] if system == "LPS" else [-1, -1, 1])
    points = {"C2-1": [1.0, 2.0, 3.0], "artery left 1": [9.0, 1.0, 0.0], "artery left 2": [9, 1, 8]}
    path = markups(
        tmp_path / "s.mrk.json", [(k, (sign * p).tolist()) for k, p in points.items()], system
    )
    assert read_seeds(path) == (
        Seed("C2", (1.0, 2.0, 3.0)),
        Seed("vertebral artery left", (9.0, 1.0, 0.0)),
        Seed("vertebral artery left", (9.0, 1.0, 8.0)),
    )


def test_fcsv_seeds(tmp_path):
    path = tmp_path / "s.fcsv"
    path.write_text(
        "# Markups fiducial file version = 5.0\n# CoordinateSystem = RAS\n"
        "# columns = id,x,y,z,ow,ox,oy,oz,vis,sel,lock,label,desc,associatedNodeID\n"
        "1,-1.0,-2.0,3.0,0,0,0,1,1,1,0,C1,,\n"
    )
    assert read_seeds(path) == (Seed("C1", (1.0, 2.0, 3.0)),)


@pytest.mark.parametrize(
    ("points", "words"),
    [
        ([("F-1", (0, 0, 0))], "F-1"),
        ([("skin", (0, 0, 0))], "expected occiput, C1"),
        ([("C2-1", (0, 0, 0)), ("C2-2", (0, 0, 1))], "several points in C2"),
    ],
)
def test_points_of_no_structure_are_refused_in_one_line(tmp_path, points, words):
    path = markups(tmp_path / "s.mrk.json", points)
    with pytest.raises(InputError, match=re.escape(words)) as refused:
        read_seeds(path)
    assert "\n" not in str(refused.value)
    assert str(path) in str(refused.value)


def test_a_box_of_six_numbers_in_any_order():
    assert read_box("30 10 -5, -30 -40 25") == Box((0.0, -15.0, 10.0), (30.0, 25.0, 15.0))
    for wrong in ("1 2 3", "0 0 0 5 50 50", "1 2 3 4 5 nan"):
        with pytest.raises(InputError, match="--box"):
            read_box(wrong)


@pytest.mark.parametrize("system", ["LPS", "RAS"])
def test_a_turned_roi_holds_what_it_holds(tmp_path, system):
    sign = np.diag([1.0, 1, 1] if system == "LPS" else [-1.0, -1, 1])
    a = np.radians(30.0)
    axes = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1.0]])
    centre, size = np.array([3.0, -4.0, 7.0]), np.array([80.0, 30.0, 24.0])
    path = markups(
        tmp_path / "r.mrk.json", [], system, "ROI",
        center=(sign @ centre).tolist(), size=size.tolist(),
        orientation=(sign @ axes).ravel().tolist(),
    )  # fmt: skip
    box = read_box(str(path))
    rng = np.random.default_rng(4)
    own = rng.uniform(-50.0, 50.0, (200, 3))
    expected = (np.abs(own) <= size / 2.0).all(axis=1)
    assert 5 < expected.sum() < 195
    assert (box.holds(own @ axes.T + centre) == expected).all()
    low, high = box.bounds
    inside = own[expected] @ axes.T + centre
    assert ((inside >= low) & (inside <= high)).all()


def test_a_bone_has_one_seed_that_moves_and_an_artery_several():
    said = ReconstructionGuidance()
    artery = "vertebral artery left"
    for name, z in (("C2", 0), ("C2", 1), (artery, 2), (artery, 3)):
        said = with_seed(said, name, (0, 0, z))
    assert [(s.name, s.position[2]) for s in said.seeds] == [
        ("C2", 1.0),
        ("vertebral artery left", 2.0),
        ("vertebral artery left", 3.0),
    ]


def grid(shape=(40, 40, 40), step=0.5):
    """An empty volume about the origin."""
    matrix = np.diag([step, step, step, 1.0])
    matrix[:3, 3] = -step * (np.array(shape[::-1]) - 1) / 2.0
    return Volume(np.zeros(shape, np.int16), matrix)


def places(volume):
    nz, ny, nx = volume.values.shape
    index = np.stack(np.meshgrid(*(np.arange(n) for n in (nz, ny, nx)), indexing="ij"), axis=-1)
    return volume.to_model(index[..., ::-1].reshape(-1, 3)).reshape(*index.shape)


def box_mask(name, low, high, step=1.0):
    size = np.round((np.array(high) - low) / step).astype(int)
    matrix = np.diag([step, step, step, 1.0])
    matrix[:3, 3] = low
    values = np.pad(np.ones(size[::-1], bool), 2)
    matrix[:3, 3] -= 2 * step
    return LabelMask(name, values, matrix)


def test_corrections_are_written_and_read_again(tmp_path):
    said = ReconstructionGuidance(
        (Seed("C2", (1.0, 2.0, 3.5)), Seed("vertebral artery left", (4.0, 5.0, 6.0))),
        Box((1.0, 2.0, 3.0), (30.0, 20.0, 15.0), ((0.0, 1.0, 0.0), (-1.0, 0, 0), (0, 0, 1.0))),
        (
            GuideLabel("C2", box_mask("a", (0.0, 0, 0), (8.0, 9, 10)), 0.7),
            GuideLabel("dura", box_mask("b", (2.0, 2, 2), (12.0, 6, 5)), 0.5),
        ),
        True,
        (Stroke("C1", True, 2.5, ((1.0, 1.0, 1.0), (2.0, 1.0, 1.0))),),
    )
    write_labels(tmp_path / "labels.seg.nrrd", said.labels)
    write_toml(tmp_path / "c.toml", corrections_table(said, "labels.seg.nrrd"))
    again = load_corrections(tmp_path / "c.toml")
    assert (again.seeds, again.box, again.strokes, again.keep_labels) == (
        said.seeds,
        said.box,
        said.strokes,
        True,
    )
    for before, after in zip(said.labels, again.labels, strict=True):
        assert (after.name, after.sigma) == (before.name, before.sigma)
        volume = grid((40, 40, 40), 0.7)
        whole = (slice(0, 40),) * 3
        first = mask_on_grid(volume, whole, before.mask)
        assert first.any()
        assert (mask_on_grid(volume, whole, after.mask) == first).all()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[[seed]]\nstructure = "skin"\nposition = [0.0, 0.0, 0.0]', "seed"),
        ('[[stroke]]\nstructure = "C2"\nmode = "add"\nradius = 50.0\npoints = [[0.0, 0.0, 0.0]]',
         "radius"),
        ('[[stroke]]\nstructure = "C2"\nmode = "add"\nradius = 5.0\npoints = []', "points"),
        ('[[label]]\nstructure = "C2"\nsigma = 0.5', "labels"),
        ("[box]\ncentre=[0.0,0.0,0.0]\nhalf=[1.0,1.0,1.0]\n"
         "axes=[[1.0,0.0,0.0],[1.0,0.0,0.0],[0.0,0.0,1.0]]", "perpendicular"),
    ],
)  # fmt: skip
def test_corrections_that_break_the_format_are_refused(tmp_path, text, words):
    path = tmp_path / "c.toml"
    path.write_text(f'format = "c1c2nav/corrections/1"\n{text}\n')
    with pytest.raises(InputError, match=words) as refused:
        load_corrections(path)
    assert "\n" not in str(refused.value)


def bright_box(low, high, step=1.0):
    """A scan of bone in soft tissue."""
    volume = grid((60, 60, 60), step)
    at = places(volume)
    inside = ((at >= low) & (at <= high)).all(axis=-1)
    return Volume(np.where(inside, 700, 40).astype(np.int16), volume.model_from_voxel)


def test_labels_of_another_scan_are_refused_with_where_they_would_fit(tmp_path):
    low, high = np.array([-8.0, -8, -6]), np.array([8.0, 8, 6])
    volume = bright_box(low, high)
    check_on_scan(tmp_path, [box_mask("vertebrae_C2", low, high)], volume)
    up, left = np.array([0.0, 0.0, 200.0]), np.array([100.0, 0.0, 0.0])
    shifted = box_mask("vertebrae_C2", low + up, high + up)
    with pytest.raises(InputError, match="200 mm lower") as refused:
        check_on_scan(tmp_path, [shifted], volume)
    assert "0 % of the voxels" in str(refused.value)
    aside = box_mask("spinal_cord", low + left, high + left)
    with pytest.raises(InputError, match="not where the scan is"):
        check_on_scan(tmp_path, [aside], volume)


def test_a_real_pair_that_lies_246_mm_apart_is_refused():
    abdomen = reference_data("ct", "abdomen-totalseg")
    volume = read_volume(abdomen / "example_ct.nii.gz").volume
    with pytest.raises(InputError, match="not where the scan is") as refused:
        read_guide_labels(abdomen / "example_seg.nii.gz", "totalsegmentator", volume)
    assert re.search(r"fit 24[5-7] mm", str(refused.value))
    masks = read_labels(abdomen / "example_seg_realigned.nii.gz", "totalsegmentator").masks
    check_on_scan(abdomen, list(masks.values()), volume)
    labels, left_out = read_guide_labels(
        abdomen / "example_seg_realigned.nii.gz", "totalsegmentator", volume
    )
    assert [label.name for label in labels] == ["cord"]  # all that an abdomen and a neck share
    assert "vertebrae_L1" in left_out


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (GuideOptions(keep_labels=True), "give --labels"),
        (GuideOptions(numbering="verse"), "give --labels"),
        (GuideOptions(label_sigma=0.0), "--label-sigma"),
        (GuideOptions(box="1 2 3"), "--box"),
        (GuideOptions(box="no-such-file.mrk.json"), "no-such-file"),
        (GuideOptions(seeds=(Path("no-such-seeds.fcsv"),)), "no-such-seeds"),
        (GuideOptions(corrections=Path("no-such.toml")), "no-such.toml"),
    ],
)
def test_wrong_words_are_refused_before_the_scan_is_read(tmp_path, options, words):
    with pytest.raises(InputError, match=words) as refused:
        reconstruct_scan(
            tmp_path / "none.nii", tmp_path / "case", None, "a", Console(quiet=True), options
        )
    assert "\n" not in str(refused.value)
    assert not (tmp_path / "case").exists()


def test_what_is_said_on_the_command_line_is_put_together(tmp_path):
    write_toml(
        tmp_path / "c.toml",
        corrections_table(
            ReconstructionGuidance((Seed("C2", (0.0, 0.0, 0.0)), Seed("C1", (1.0, 1, 1)))), None
        ),
    )
    seeds = markups(tmp_path / "s.mrk.json", [("C2", (5.0, 6, 7))])
    said = before_reading(
        GuideOptions(corrections=tmp_path / "c.toml", seeds=(seeds,), box="0 0 0 30 30 30")
    )
    assert said.seeds == (Seed("C1", (1.0, 1.0, 1.0)), Seed("C2", (5.0, 6.0, 7.0)))
    assert said.box == Box((15.0, 15.0, 15.0), (15.0, 15.0, 15.0))


def test_names_of_bones_are_those_of_the_prior():
    assert all(guide_name(name) == name for name in BONES)


def test_a_box_that_begins_with_a_minus_is_no_option(tmp_path):
    words = ["reconstruct", str(tmp_path), "--output", str(tmp_path / "o")]
    words += ["--box", "-3 -60 20 3 9 70"]
    with pytest.raises(InputError, match=r"is 6\.0 mm wide at its narrowest"):
        app(words, exit_on_error=False, print_error=False)
