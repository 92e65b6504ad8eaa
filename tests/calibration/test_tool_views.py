"""Corners of a tool that is not as its file says: each picture's own, with their own covariance."""

import io

import numpy as np
from rich.console import Console
from scipy.spatial.transform import RigidTransform, Rotation

from calibration.tools.body_views import BodyView, seen_markers
from nav.camera.rig import Rig
from nav.core.frames import Array
from nav.core.frameset import Frame, FrameSet
from nav.tracking.tool import Tool
from phantoms.twin.sensor import Optics
from phantoms.twin.simulated_bodies import Placed
from phantoms.twin.simulated_motion import body_velocity
from phantoms.twin.simulated_tools import needle_body
from tests.calibration.test_tool_body import glued
from tests.synthetic import Studio, needle_poses

CLEAN = Optics(blur=0.8, noise=2.0, gradient=(0.02, -0.02))
MEDIAN = 7.34  # of chi-square, 8 degrees of freedom
RATE = 15.0  # frame sets a second


def error(view: BodyView, rig: Rig, made: Tool, place: RigidTransform) -> Array:
    """(8,) px of a view's corners."""
    corners = made.by_id[view.marker].corners
    return (view.corners - rig[view.camera].project(place.apply(corners))).ravel()


def test_markers_are_tracked_though_they_are_glued_off(rig, needle):
    """By 0.2 mm and half a degree; all their corners are where each picture has them."""
    made = glued(needle, np.random.default_rng(5))
    studio, at = Studio(rig, CLEAN, 3), list(needle_poses(12, np.random.default_rng(11)))
    sets = [studio.frames([Placed(needle_body(made), place)]) for place in at]
    seen = seen_markers(sets, len(sets), rig, needle, Console(file=io.StringIO()))
    assert seen.tracked == seen.frames == 12
    assert seen.moving == 0
    assert len(seen.views) > 120
    errors = [error(view, rig, made, at[view.frame]) for view in seen.views]
    squares = [
        off @ np.linalg.solve(view.covariance, off)
        for off, view in zip(errors, seen.views, strict=True)
    ]
    assert 0.8 < np.median(squares) / MEDIAN < 1.2
    assert 0.8 < np.mean(np.minimum(squares, 40.0)) / 8.0 < 1.3


def test_corners_are_those_of_the_frame_sets_time(rig, needle):
    """Of a needle that moves, by cameras that look 10 ms one after the other."""
    made = glued(needle, np.random.default_rng(5))
    (base,) = needle_poses(1, np.random.default_rng(4))
    shaft = base.rotation.as_matrix()[:, 2]

    def place(time: float) -> RigidTransform:
        way = np.array([8 * np.sin(2 * time), 6 * np.sin(1.3 * time), 0.0])
        turn = Rotation.from_rotvec(shaft * 0.8 * time)
        return RigidTransform.from_components(base.translation + way, turn * base.rotation)

    studio, sets = Studio(rig, Optics(blur=0.8, noise=2.0, exposure=0.001), 1), []
    for number in range(14):
        frames = {}
        for simulated, late in zip(studio.cameras, (-0.005, 0.005), strict=True):
            time, name = number / RATE + late, simulated.camera.name
            velocity = body_velocity(place(time - 5e-4), place(time + 5e-4), 1e-3)
            picture = simulated.picture([Placed(needle_body(made), place(time), velocity)])
            frames[name] = Frame(name, time, picture)
        sets.append(FrameSet(number, number / RATE, frames))
    seen = seen_markers(sets, len(sets), rig, needle, Console(file=io.StringIO()))
    errors = [
        error(view, rig, made, place(view.frame / RATE))
        for view in seen.views
        if view.frame > 3 and np.trace(view.covariance) / 8 < 0.01
    ]
    assert len(errors) > 80
    assert np.sqrt(np.mean(np.square(errors))) < 0.06  # the way in 5 ms is 0.2 px
