"""Backdrops: depth and light along the camera's own lens."""

import cv2
import numpy as np
import pytest
from scipy.spatial.transform import RigidTransform, Rotation

from nav.tracking.tool import predefined_dictionary
from phantoms.anatomy.parameters import AnatomyParameters
from phantoms.kit.layout import layout
from phantoms.kit.seat import seat_solid
from phantoms.kit.solid import mesh_of
from phantoms.twin.backdrop import FAR, render_backdrop
from phantoms.twin.bodies import plate
from phantoms.twin.camera import Body, Placed, SimulatedCamera
from phantoms.twin.scene import FILL, KEY, SKY, SceneItem
from phantoms.twin.scene_light import evened
from phantoms.twin.scene_shapes import box
from phantoms.twin.sensor import Optics
from phantoms.twin.tools import reference_body
from tests.synthetic import camera

SMALL = camera("left", (96, 80), 220.0)
# the camera looks down along -y from 500 mm over the model's origin, x to the right
ABOVE = RigidTransform.from_components(
    [0.0, 0.0, 500.0], Rotation.from_matrix([[1.0, 0, 0], [0, 0, -1.0], [0, 1.0, 0]]).inv()
)
DOWN = RigidTransform.from_components(
    [0.0, 0.0, 500.0], Rotation.from_matrix([[1.0, 0, 0], [0, 0, -1.0], [0, -1.0, 0]])
) if False else ABOVE  # fmt: skip
TABLE = SceneItem("table", *box((-400, -10, -400), (400, 0, 400)), 0.5, "paper")
LIFTED = SceneItem("plate", *box((-25, 40, -25), (25, 44, 25)), 0.5, "paper")
