"""Labels and strokes change bones and surfaces where they are, and only there."""

from itertools import pairwise

import numpy as np
import pytest
import pyvista
from hypothesis import given, settings
from hypothesis import strategies as st

from nav.model.closed import check_closed
from nav.reconstruction.bone_edits import edited_labels, label_distance, painted_distances
from nav.reconstruction.grey_surface import signed_volume
from nav.reconstruction.guidance import HAND_SIGMA, Stroke
from nav.reconstruction.labelmap import cut_mask
from nav.reconstruction.reconstruction_result import ReconstructedSurface
from nav.reconstruction.sculpt import sculpted
from tests.reconstruction.test_guidance import grid, places


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(*[st.floats(-9, 9)] * 3), min_size=1, max_size=5), st.floats(0.5, 5))
def test_a_strokes_distance_is_that_to_points_along_it(points, radius):
    stroke = Stroke("C2", False, radius, tuple(points))
    at = np.random.default_rng(0).uniform(-12, 12, (40, 3))
    line = np.array(points)
    dense = [line[:1]] + [a + np.linspace(0, 1, 400)[:, None] * (b - a) for a, b in pairwise(line)]
    least = np.linalg.norm(at[:, None] - np.vstack(dense), axis=2).min(axis=1) - radius
    assert stroke.distances(at) == pytest.approx(least, abs=0.01)


def test_a_label_on_a_coarser_turned_grid_becomes_distances_of_ours():
    """Of a ball; the label's voxels are three times as large."""
    volume = grid()
    a = np.radians(20.0)
    turn = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1.0]])
    matrix = np.eye(4)
    matrix[:3, :3] = turn * 1.5
    matrix[:3, 3] = turn @ [-15.0, -15.0, -15.0]
    index = np.stack(np.meshgrid(*[np.arange(21)] * 3, indexing="ij"), axis=-1)
    at = index[..., ::-1] @ matrix[:3, :3].T + matrix[:3, 3]
    ball = np.linalg.norm(at - [1.0, 0.5, -1.0], axis=-1) < 6.0
    window, distance = label_distance(volume, cut_mask("C2", ball, matrix))
    true = np.linalg.norm(places(volume)[window] - [1.0, 0.5, -1.0], axis=-1) - 6.0
    near = np.abs(true) < 2.5
    assert np.abs((distance - true)[near]).mean() < 0.35
    assert np.abs((distance - true)[near]).max() < 1.2
    assert abs((distance - true)[near].mean()) < 0.15  # neither larger nor smaller


def test_strokes_change_voxels_only_where_the_brush_was():
    volume = grid()
    at = places(volume)
    labels = np.where(at[..., 0] < 0, 1, 2).astype(np.uint8)  # two bones that touch
    whole = (slice(0, 40),) * 3
    distances = {
        "C1": (whole, at[..., 0].astype(np.float32)),
        "C2": (whole, -at[..., 0].astype(np.float32)),
    }
    strokes = (
        Stroke("C1", False, 2.0, ((3.0, 0.0, 0.0),)),
        Stroke("C2", True, 2.0, ((5.0, 5.0, 5.0),)),
        Stroke("C1", True, 2.0, ((-5.0, 0.0, 0.0), (-5.0, 4.0, 0.0))),
    )
    names = ("C1", "C2")
    found = edited_labels(volume, labels, names, distances, (), strokes)
    added = np.linalg.norm(at - [3, 0, 0], axis=-1) <= 2.0
    erased = np.linalg.norm(at - [5, 5, 5], axis=-1) <= 2.0
    assert (found[added] == 1).all()
    assert (found[erased & ~added] == 0).all()
    passed = [s.distances(at.reshape(-1, 3)).reshape(labels.shape) <= 0 for s in strokes]
    untouched = ~np.any(passed, axis=0)
    assert (found[untouched] == labels[untouched]).all()
    after = painted_distances(volume, distances, strokes[:1])
    centre = tuple(np.argwhere(added)[len(np.argwhere(added)) // 2])
    assert after["C1"][1][centre] < 0.0 < after["C2"][1][centre]


def surface(centre=(0.0, 0.0, 0.0), radius=6.0):
    ball = pyvista.Icosphere(radius=radius, center=centre, nsub=4)
    vertices = np.asarray(ball.points, float)
    triangles = ball.faces.reshape(-1, 4)[:, 1:].astype(np.int32)
    return ReconstructedSurface(
        "cord", "cord", vertices, triangles, np.full(len(vertices), 0.1), "prior"
    )


@pytest.mark.parametrize("erase", [False, True])
def test_a_painted_surface_is_old_and_stroke_together(erase):
    old, stroke = surface(), Stroke("cord", erase, 3.0, ((6.0, 0.0, 0.0),))
    found = sculpted(old, "cord", [stroke])
    check_closed(found.vertices, found.triangles)
    ball = np.linalg.norm(found.vertices, axis=1) - 6.0
    brush = np.linalg.norm(found.vertices - [6.0, 0, 0], axis=1) - 3.0
    wanted = np.maximum(ball, -brush) if erase else np.minimum(ball, brush)
    assert np.abs(wanted).mean() < 0.02
    assert np.abs(wanted).max() < 0.3  # at the rim between both
    by_hand = np.abs(ball) > 0.3
    assert by_hand.any()
    assert (found.sigma[by_hand] >= HAND_SIGMA).all()
    assert found.sigma[brush > 1.0] == pytest.approx(0.1)
    assert found.source == "prior, painted"


def test_what_was_not_there_is_painted_anew_and_what_is_erased_is_gone():
    path = ((0.0, 0.0, -10.0), (0.0, 0.0, 10.0))
    artery = "vertebral artery left"
    found = sculpted(None, artery, [Stroke(artery, False, 2.0, path)])
    check_closed(found.vertices, found.triangles)
    true = np.pi * 2.0**2 * 20.0 + 4.0 / 3.0 * np.pi * 2.0**3
    assert signed_volume(found.vertices, found.triangles) == pytest.approx(true, rel=0.03)
    assert (found.sigma == HAND_SIGMA).all()
    rubbed = Stroke("cord", True, 9.0, ((0.0, 0.0, 0.0),))
    assert sculpted(surface(radius=3.0), "cord", [rubbed]) is None
