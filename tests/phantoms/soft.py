"""Necks without their bones: cord, sac, arteries and skin, with distances to them."""

from dataclasses import replace

import numpy as np
import open3d as o3d
import pytest

from phantoms.anatomy import artery_models, skin_model
from phantoms.anatomy.bone_poses import bone_poses
from phantoms.anatomy.parameters import AnatomyParameters, ArteryParameters
from phantoms.anatomy.thecal_sac import Sac

P = AnatomyParameters()
# One neck for each two variants: what they change lies on different sides.
NECKS = {
    "standard": P,
    "loop, low PICA": replace(
        P, artery_left=ArteryParameters(loop=8.0), artery_right=ArteryParameters(pica="low")
    ),
    "intersegmental, fenestrated": replace(
        P,
        artery_left=ArteryParameters(course="intersegmental", diameter=4.0),
        artery_right=ArteryParameters(course="fenestrated"),
    ),
    "turned, flexed, high-riding": replace(
        P,
        c1_rotation=25.0,
        head_flexion=8.0,
        artery_left=ArteryParameters(rise=4.0, diameter=4.0),
        artery_right=ArteryParameters(diameter=3.0),
    ),
}
each_neck = pytest.mark.parametrize("name", NECKS)


class Surface:
    """A mesh that answers distances exactly."""

    def __init__(self, mesh):
        self.mesh = mesh
        self.points = np.concatenate([mesh.vertices, mesh.vertices[mesh.triangles].mean(axis=1)])
        self.scene = o3d.t.geometry.RaycastingScene(nthreads=1)
        self.scene.add_triangles(mesh.vertices.astype(np.float32), mesh.triangles.astype(np.uint32))

    def signed(self, points):
        """More than one ray: one that meets an edge counts a wall twice."""
        found = self.scene.compute_signed_distance(o3d.core.Tensor(np.float32(points)), nsamples=5)
        return found.numpy()

    def gap(self, other):
        return min(self.signed(other.points).min(), other.signed(self.points).min())

    def reach(self, point, direction):
        ray = o3d.core.Tensor(np.float32([[*point, *direction]]))
        return float(self.scene.cast_rays(ray)["t_hit"].numpy()[0])

    def across(self, point, direction):
        return self.reach(point, direction) + self.reach(point, -np.asarray(direction, float))


class Neck:
    def __init__(self, p):
        self.p, self.poses = p, bone_poses(p)
        self.sac = Sac(p, self.poses)
        cord, dura = self.sac.meshes()
        self.cord, self.dura = Surface(cord), Surface(dura)
        self.vessels = artery_models.vessels(p, self.poses)
        self.tubes = {v.name: Surface(v.mesh()) for v in self.vessels}
        self.skin = Surface(skin_model.skin_mesh(p))

    def vessel(self, name):
        return next(v for v in self.vessels if v.name == name)

    def surfaces(self):
        return {"cord": self.cord, "dura": self.dura, "skin": self.skin, **self.tubes}
