"""Strong compression hides in one image what a deinterlacer did, but not in a second's images."""

import cv2
import numpy as np
import pytest

from nav.tracking.follow.grid_evidence import ENOUGH, NO_EVIDENCE
from nav.tracking.follow.pixelgrid import SOUND, boxes_of, look_at_grid
from phantoms.twin.sensor import Optics
from phantoms.twin.simulated_bodies import Placed
from phantoms.twin.simulated_tools import needle_body, needle_tool
from tests.bench.degraded.alter import along_rows, jpeg
from tests.bench.degraded.fields import bob, directed
from tests.synthetic import Studio, facing_markers, needle_poses, small_rig


@pytest.fixture(scope="module")
def views():
    """Images of a needle with the boxes around its markers."""
    tool, rig = needle_tool(), small_rig(2)
    studio = Studio(rig, Optics(blur=0.8, noise=2.0, gradient=(0.02, -0.02)), 4)
    shown = []
    for at in needle_poses(ENOUGH // 2, np.random.default_rng(4)):
        frames = studio.frames([Placed(needle_body(tool), at, np.zeros(6))]).frames
        for camera in rig.cameras:
            _, corners = facing_markers(camera, tool, at, 0.35)
            shown.append((frames[camera.name].image, boxes_of(corners, camera.size)))
    return shown


def judged(views, alter):
    """What is said of the last image, and what several say together."""
    evidence, grids = NO_EVIDENCE, []
    for number, (picture, boxes) in enumerate(views):
        grid, evidence = look_at_grid(alter(picture, number % 2), boxes, 2.0, evidence)
        grids.append(grid)
    return grids, evidence


def bicubic(picture, kept):
    return bob(picture, picture, kept, how=cv2.INTER_CUBIC)


@pytest.mark.parametrize("turned", [False, True], ids=["rows", "columns"])
@pytest.mark.parametrize(
    ("make", "field"), [(bicubic, "interpolated"), (lambda p, k: directed(p, p, k), "between")]
)
def test_compressed_fields_are_found_in_several_images(views, make, field, turned):
    def alter(picture, kept):
        if not turned:
            return jpeg(make(picture, kept), 50)
        return np.ascontiguousarray(jpeg(make(picture, kept), 50).T)

    seen = [(picture, boxes[:, [2, 3, 0, 1]] if turned else boxes) for picture, boxes in views]
    grids, evidence = judged(seen, alter)
    period = (0, 2) if turned else (2, 0)
    assert grids.count(SOUND) > 2  # single images hide it
    assert getattr(evidence, field) == period
    assert (evidence.between == (0, 0)) == (field == "interpolated")
    assert grids[-1] != SOUND
    later = look_at_grid(views[0][0], views[0][1], 2.0, evidence)[0]
    assert later != SOUND  # once found it stays


@pytest.mark.parametrize(
    "alter",
    [
        lambda p, k: p,
        lambda p, k: jpeg(p, 80),
        lambda p, k: jpeg(p, 50),
        lambda p, k: jpeg(along_rows(p, 0.5), 50),
        lambda p, k: jpeg(cv2.GaussianBlur(p, (0, 0), sigmaX=1.2, sigmaY=0.01), 50),
    ],
    ids=["as it is", "JPEG 80", "JPEG 50", "sharpened along rows", "smeared along rows"],
)
def test_whole_images_are_not_taken_for_fields(views, alter):
    _, evidence = judged(views, alter)
    assert evidence.enough
    assert (evidence.between, evidence.interpolated) == ((0, 0), (0, 0))


def test_what_was_seen_long_ago_is_forgotten():
    evidence = NO_EVIDENCE
    for number in range(80):
        logarithms = [0.0 if number < 40 else -0.5, 0.0, 0.0]
        evidence = evidence.after(logarithms, 8000.0, (2.0 * number, 0.0))
    assert evidence.between == (2, 0)


def test_markers_that_stand_still_are_one_image(views):
    """What one image shows by chance, each of the next ones shows again."""
    evidence = NO_EVIDENCE
    for _ in range(30):
        _, evidence = look_at_grid(views[0][0], views[0][1], 2.0, evidence)
    assert evidence.looks == 1
    _, evidence = look_at_grid(views[2][0], views[2][1], 2.0, evidence)
    assert evidence.looks == 2


def test_few_pixels_prove_nothing():
    evidence = NO_EVIDENCE
    for number in range(20):
        evidence = evidence.after([-0.6, 0.0, 0.0], 500.0, (2.0 * number, 0.0))
    assert evidence.between == (0, 0)
