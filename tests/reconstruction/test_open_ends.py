"""Which ends of reconstructed surfaces are those of a scan."""

import numpy as np
import pytest

from nav.reconstruction.open_ends import open_ends
from nav.reconstruction.reconstruction_result import ReconstructedSurface
from nav.reconstruction.surfaces import CAP_SIGMA
from nav.reconstruction.tube import Tube, tube_mesh


def vessel(name, low, high, radius=2.0, role="artery"):
    """A straight tube from one point to another, its ends as far as they were seen."""
    low, high = np.array(low, float), np.array(high, float)
    count = round(float(np.linalg.norm(high - low)) / 0.5)
    centres = low + np.linspace(0.0, 1.0, count)[:, None] * (high - low)
    size = np.full(count, radius)
    tube = Tube(centres, size, np.full(count, 0.1), np.full(count, 400.0), np.ones(count))
    mesh, sigma = tube_mesh(tube, CAP_SIGMA)
    return ReconstructedSurface(name, role, mesh.vertices, mesh.triangles, sigma, "test")


def bone(name, height):
    corners = np.array(
        [[x, y, height + z] for x in (-9, 9) for y in (-9, 9) for z in (-5, 5)], float
    )
    return ReconstructedSurface(
        name, "bone", corners, np.zeros((0, 3), np.int32), np.full(8, 0.1), "test"
    )


BONES = [bone("C1", 0.0), bone("C4", -50.0)]


def test_an_artery_goes_on_above_c1_and_below_c4():
    artery = vessel("left", [20, 0, -70], [20, 0, 15])
    low, high = sorted(open_ends(artery, [artery, *BONES]), key=lambda end: end.point[2])
    assert low.point[2] == pytest.approx(-71.0, abs=1.0)
    assert high.point[2] == pytest.approx(16.0, abs=1.0)
    assert low.direction == pytest.approx([0.0, 0.0, -1.0], abs=0.02)
    assert high.direction == pytest.approx([0.0, 0.0, 1.0], abs=0.02)
    assert high.radius == pytest.approx(2.0, abs=0.3)


def test_one_that_was_lost_to_sight_between_them_has_no_known_course():
    artery = vessel("left", [20, 0, -70], [20, 0, -25])
    (low,) = open_ends(artery, [artery, *BONES])
    assert low.direction[2] < 0.0


def test_a_branch_does_not_go_on_through_its_trunk():
    trunk = vessel("left", [20, 0, -70], [20, 0, 15])
    branch = vessel("branch", [20, 0, 12], [20, 25, 12])
    (end,) = open_ends(branch, [trunk, branch, *BONES])
    assert end.direction == pytest.approx([0.0, 1.0, 0.0], abs=0.02)


def test_bones_and_skin_have_no_such_ends():
    assert open_ends(BONES[0], BONES) == ()
