"""Lenses, places and the board's bow from corners, whose truth is known."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import RigidTransform

from calibration.board import Board
from calibration.cameras.board_detection import Seen
from calibration.cameras.calibrate import calibrate_cameras
from calibration.cameras.shape import heights, most_bowed, shaped
from nav.core.errors import InputError
from phantoms.twin.simulated_boards import board_points
from tests.calibration.boards import BOARD, SIZE, off_in_volume, sightings, waved, wide_rig

NAMES = ("left", "right")
SD = 0.01  # px


@pytest.mark.parametrize("bow", [0.0, 0.6])
def test_two_cameras_are_right_whether_the_board_is_bowed_or_not(bow):
    rig, rng = wide_rig(), np.random.default_rng(1)
    seen = sightings(rig, waved(16, rng), rng, SD, bow)
    found = calibrate_cameras(BOARD, seen, [SIZE, SIZE], NAMES)
    for lens, camera in zip(found.fit.setup.lenses, rig.cameras, strict=True):
        assert lens.pinhole[0] == pytest.approx(camera.matrix[0, 0], rel=2e-4)
    assert off_in_volume(found.fit.setup, rig) < 0.004
    true = board_points(BOARD, bow)
    plane = np.column_stack([np.ones(len(true)), true[:, :2]])
    over = np.ptp(true[:, 2] - plane @ np.linalg.lstsq(plane, true[:, 2], rcond=None)[0])
    assert found.bow == pytest.approx(over, abs=0.02)
    assert found.rms == pytest.approx(SD, rel=0.1)
    if bow:
        assert found.flat_rms is not None
        assert found.flat_rms.min() > 5 * SD


@pytest.mark.slow
def test_predicted_errors_are_the_true_ones():
    """Of focal lengths, and of points in the working volume."""
    rig, z, ratio = wide_rig(), [], []
    for seed in range(6):
        rng = np.random.default_rng(seed)
        seen = sightings(rig, waved(12, rng), rng, 0.02, 0.4)
        found = calibrate_cameras(BOARD, seen, [SIZE, SIZE], NAMES)
        for k, camera in enumerate(rig.cameras):
            at = found.fit.unknowns.lens[k].start
            off = found.fit.setup.lenses[k].pinhole[0] - camera.matrix[0, 0]
            z.append(off / np.sqrt(found.fit.covariance[at, at]))
        ratio.append(off_in_volume(found.fit.setup, rig) / found.volume)
    assert 0.6 < np.sqrt(np.mean(np.square(z))) < 1.4
    assert 0.6 < np.sqrt(np.mean(np.square(ratio))) < 1.4


@pytest.mark.parametrize(
    ("lens", "most"),
    [
        (np.zeros(5), ()),
        (np.array([-0.2, 0.0, 0.0, 0.0, 0.0]), (0, 1)),
        (np.array([0.3, -0.1, 0.001, -0.0005, 0.02, 0.28, -0.05, 0.01]), tuple(range(8))),
    ],
    ids=["none", "barrel", "rational"],
)
def test_no_more_lens_than_the_pictures_show(lens, most):
    rig, rng = wide_rig(1, lens), np.random.default_rng(3)
    seen = sightings(rig, waved(20, rng, 130.0), rng, SD)
    found = calibrate_cameras(BOARD, seen, [SIZE], NAMES[:1])
    assert set(np.flatnonzero(found.fit.setup.lenses[0].distortion)) <= set(most)
    true = rig.cameras[0]
    assert found.fit.setup.lenses[0].pinhole[0] == pytest.approx(true.matrix[0, 0], rel=5e-4)


def test_a_view_that_does_not_fit_is_left_out():
    rig, rng = wide_rig(), np.random.default_rng(4)
    seen = sightings(rig, waved(14, rng), rng, SD)
    bad = seen[1, 5]
    seen[1, 5] = replace(bad, pixels=bad.pixels + rng.normal(0.0, 0.5, bad.pixels.shape))
    found = calibrate_cameras(BOARD, seen, [SIZE, SIZE], NAMES)
    assert [(s.camera, s.instant) for s in found.chosen.left_out] == [(1, 5)]
    assert off_in_volume(found.fit.setup, rig) < 0.005


def test_a_few_wrong_corners_hardly_matter():
    rig, rng = wide_rig(), np.random.default_rng(5)
    seen = sightings(rig, waved(14, rng), rng, SD)
    for key, one in list(seen.items()):
        pixels = one.pixels.copy()
        pixels[rng.integers(len(pixels))] += rng.normal(0.0, 3.0, 2)
        seen[key] = replace(one, pixels=pixels)
    found = calibrate_cameras(BOARD, seen, [SIZE, SIZE], NAMES)
    assert off_in_volume(found.fit.setup, rig) < 0.006


@pytest.mark.slow
def test_verdicts_ask_for_what_is_missing():
    rig, rng = wide_rig(1), np.random.default_rng(6)
    few = calibrate_cameras(BOARD, sightings(rig, waved(4, rng), rng, SD), [SIZE], NAMES[:1])
    assert few.word == "repeat"
    assert any("more images" in advice for advice in few.verdicts[0].advice)
    many = sightings(rig, waved(40, rng, 200.0), rng, SD)
    good = calibrate_cameras(BOARD, many, [SIZE], NAMES[:1])
    assert good.word == "good"
    assert good.verdicts[0].advice == ()
    blurred = {k: replace(s, blur=np.array([9.0, 0.0, 0.8])) for k, s in many.items()}
    smeared = calibrate_cameras(BOARD, blurred, [SIZE], NAMES[:1])
    assert any("still" in advice for advice in smeared.verdicts[0].advice)


def test_too_little_to_calibrate_by_is_refused():
    rig, rng = wide_rig(), np.random.default_rng(7)
    seen = sightings(rig, waved(10, rng), rng, SD)
    few = {k: s for k, s in seen.items() if k[0] == 0 or k[1] < 2}
    with pytest.raises(InputError, match="right: the board is seen in 2 images only"):
        calibrate_cameras(BOARD, few, [SIZE, SIZE], NAMES)
    apart = {k: s for k, s in seen.items() if (k[1] < 5) == (k[0] == 0)}
    with pytest.raises(InputError, match="at no instant"):
        calibrate_cameras(BOARD, apart, [SIZE, SIZE], NAMES)
    (place,) = waved(1, rng, 0.0)
    flat = [
        RigidTransform.from_translation([9.0 * k, -6.0 * k, 12.0 * k]) * place for k in range(8)
    ]
    with pytest.raises(InputError, match="parallel"):
        calibrate_cameras(BOARD, sightings(rig, flat, rng, SD), [SIZE, SIZE], NAMES)


def test_a_sheet_keeps_its_lengths():
    board = Board(12, 9, 15.0)
    bow = np.zeros(3)
    bow[0] = 2.0
    fine = np.column_stack([np.linspace(0, 180, 2001), np.full(2001, 60.0), np.zeros(2001)])
    steps = np.linalg.norm(np.diff(shaped(fine, board.size, bow), axis=0), axis=1)
    assert steps == pytest.approx(180 / 2000, rel=1e-4)
    assert most_bowed(fine, board.size, bow) == pytest.approx(2.0, rel=0.02)
    bent = board_points(board, 2.0)
    off = shaped(board.points, board.size, bow) - bent
    off -= off.mean(axis=0)
    assert np.abs(off).max() < 0.01
    assert heights(board.points, board.size).shape == (88, 18)


def test_corners_seen_are_not_changed():
    rig, rng = wide_rig(1), np.random.default_rng(8)
    seen = sightings(rig, waved(6, rng), rng, SD)
    before = {k: s.pixels.copy() for k, s in seen.items()}
    calibrate_cameras(BOARD, seen, [SIZE], NAMES[:1])
    assert all(np.array_equal(before[k], seen[k].pixels) for k in seen)
    assert isinstance(seen[0, 0], Seen)
