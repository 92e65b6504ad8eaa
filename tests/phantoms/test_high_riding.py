"""A high-riding artery turns higher in C2, and bone stays between it and the upper facet."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from phantoms.anatomy import artery_models, c2
from phantoms.anatomy.bone_poses import bone_poses
from phantoms.anatomy.mesh import mesh_solid, moved_mesh
from phantoms.anatomy.mesh_rays import Gauge
from phantoms.anatomy.parameters import SIDES, AnatomyParameters
from phantoms.anatomy.standard_neck import BONE_SPACING, _bone
from phantoms.recipe import named_recipe, random_recipe

LEAST = 1.0  # mm of bone between artery and facet
FACET = 0.5  # mm beyond the joint's gap: so near to C1 the top of C2 is facet
HIGH_ISTHMUS = 5.0  # mm, most of a high-riding artery; Klepinowski, World Neurosurg 2020;143:e474
LATERAL = 3.0  # mm from the canal's edge, where that is measured
LEAST_WALL, HOLES = 1.2, 3  # mm; canal and both foramina

P = AnatomyParameters()
PRESETS = {f"high-riding:{side}": (named_recipe(f"high-riding:{side}").parameters, side)
           for side in SIDES}  # fmt: skip


def risen(p, side, rise):
    return replace(p, **{f"artery_{side}": replace(p.artery(side), rise=rise)})


@cache
def made(p, name):
    """A bone's mesh in C2's frame."""
    poses = bone_poses(p)
    solid, (low, high) = _bone(p, poses, name)
    c2_from_bone = poses.c2.inv() * poses.of(name)
    return moved_mesh(mesh_solid(solid, low, high, BONE_SPACING), c2_from_bone)


class Roof:
    """C2 of a neck over one artery, C2's frame, mirrored so that the artery is a left one."""

    def __init__(self, p, side):
        mirror = np.array([1.0 if side == "left" else -1.0, 1.0, 1.0])
        bone, poses = made(p, "C2"), bone_poses(p)
        self.p, self.triangles = p, bone.triangles
        self.vertices = bone.vertices * mirror
        self.bone = Gauge(self.vertices, bone.triangles)
        vessel = next(
            v for v in artery_models.vessels(p, poses) if v.name == f"vertebral artery {side}"
        )
        mesh = vessel.mesh()
        self.artery = Gauge(poses.c2.inv().apply(mesh.vertices) * mirror, mesh.triangles)

    def tops(self, c1):
        """Seen along the facet's normal: feet (n, 3) of rays, heights of the bone, gaps to C1."""
        middle, self.normal = c2.upper_facet(self.p)
        along, across = c2.FACET_AXES.as_matrix().T[:2]
        grid = np.arange(-9.0, 9.1, 0.75)
        feet = np.array([middle + u * along + v * across for u in grid for v in grid])
        heights = self.heights(feet)
        found = np.isfinite(heights)
        feet, heights = feet[found], heights[found]
        return feet, heights, c1.distance(feet + heights[:, None] * self.normal)

    def heights(self, feet):
        """Of the bone's top over feet along the facet's normal."""
        return 8.0 - self.bone.reaches(feet + 8.0 * self.normal, -self.normal)

    def thickness(self, feet, heights):
        """Of the bone under points of the facet, infinite where no artery lies behind it."""
        tops = feet + (heights - 1e-3)[:, None] * self.normal
        thick = self.bone.reaches(tops, -self.normal)
        behind = self.artery.distance(tops - thick[:, None] * self.normal)
        return np.where(behind < self.p.artery_wall_gap + 0.8, thick, np.inf)

    def isthmus(self):
        """From the artery's hole to the bone's back under the facet, in one sagittal plane."""
        x = self.p.c2_canal_width / 2 + LATERAL
        near = self.vertices[np.abs(self.vertices[:, 0] - x) < 0.8]
        hole = near[self.artery.distance(near) < self.p.artery_wall_gap + 0.5]
        edge = c2.upper_facet(self.p)[0][1] + 5.0
        back = near[(near[:, 1] > edge) & (near[:, 2] > 6.0)]
        gaps = np.linalg.norm((hole[:, None] - back[None])[..., 1:], axis=2)
        return float(gaps.min())


@pytest.fixture(scope="module")
def random_neck():
    return random_recipe(4).parameters


def bone_over(p, side):
    """Bone over the artery within the facet along rays, and how far the facet has sunk, mm.

    The facet is that of the same neck whose artery does not ride high.
    """
    usual = risen(p, side, 0.0)
    mirror = [1.0 if side == "left" else -1.0, 1.0, 1.0]
    above = made(usual, "C1")
    c1 = Gauge(above.vertices * mirror, above.triangles)
    feet, heights, gaps = Roof(usual, side).tops(c1)
    facet = gaps < p.joint_gap + FACET
    assert facet.sum() > 80
    roof = Roof(p, side)
    roof.normal = c2.upper_facet(p)[1]
    now = roof.heights(feet[facet])
    bone = float(roof.thickness(feet[facet], now).min())
    points = feet[facet] + now[:, None] * roof.normal
    off = float(roof.artery.signed_distance(points).min()) - p.artery_wall_gap
    return roof, bone, off, float(np.max(heights[facet] - now))


@pytest.mark.parametrize("name", PRESETS)
def test_a_high_riding_artery_leaves_bone_under_the_facet(name):
    roof, bone, off, sunk = bone_over(*PRESETS[name])
    assert sunk < 0.2
    assert bone >= LEAST
    assert off >= LEAST
    assert roof.isthmus() < HIGH_ISTHMUS


@pytest.mark.parametrize("rise", [3.5, 4.0])
def test_the_highest_rises_leave_bone_too(rise):
    _, bone, off, sunk = bone_over(risen(P, "left", rise), "left")
    assert sunk < 0.2
    assert bone >= LEAST
    assert off >= LEAST


def test_a_random_neck_whose_artery_rides_high_leaves_bone(random_neck):
    _, bone, off, sunk = bone_over(risen(random_neck, "right", 3.5), "right")
    assert sunk < 0.2
    assert bone >= LEAST
    assert off >= LEAST


def test_the_bend_rises_with_the_rise_and_its_isthmus_thins():
    heights = [Roof(risen(P, "left", rise), "left").isthmus() for rise in (0.0, 2.0, 3.5)]
    assert heights[0] > HIGH_ISTHMUS > heights[1] > heights[2]


def test_without_a_rise_the_course_stays():
    usual, risen_right = (
        artery_models.vessels(p, bone_poses(p)) for p in (P, risen(P, "right", 3.0))
    )
    assert usual[0].line.tobytes() == risen_right[0].line.tobytes()
    assert usual[1].line.tobytes() != risen_right[1].line.tobytes()


@pytest.mark.parametrize("rise", [1.5, 2.0, 3.0, 4.0])
def test_bone_round_a_high_riding_artery_prints(rise):
    bone = made(risen(P, "left", rise), "C2")
    corners = bone.vertices[bone.triangles]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals /= np.linalg.norm(normals, axis=1)[:, None]
    walls = Gauge.of(bone).reaches(corners.mean(axis=1) - 1e-3 * normals, -normals)
    assert walls.min() >= LEAST_WALL
    assert 1 - (len(bone.vertices) - len(bone.triangles) / 2) / 2 == HOLES
