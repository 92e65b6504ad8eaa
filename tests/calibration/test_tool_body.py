"""A marker body's geometry from its corners, whose truth is known."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import RigidTransform, Rotation

from calibration.tools.body import BodyCalibration, body_geometry
from calibration.tools.body_frame import aligned, in_file_frame
from calibration.tools.body_verdict import NotCalibrated
from calibration.tools.body_views import BodyView
from calibration.tools.unknowns import Body
from nav.camera.rig import Rig
from nav.core.frames import Array
from nav.tracking.tool import Marker, Tool
from tests.synthetic import facing_markers, needle_poses, spread

SD = 0.02  # px, of a corner
SHIFT, TURN = 0.2, np.radians(0.5)  # mm, rad: how far off markers are glued
OBLIQUE = 0.35  # cosine, 70 degrees, up to which a marker is seen


def glued(tool: Tool, rng: np.random.Generator, shift: float = SHIFT, turn: float = TURN) -> Tool:
    """The tool as somebody made it: every marker shifted and turned (sd per axis)."""

    def misplaced(marker: Marker) -> Marker:
        turned = Rotation.from_rotvec(rng.normal(0.0, turn, 3))
        about = turned.apply(marker.corners - marker.centre) + marker.centre
        return replace(marker, corners=about + rng.normal(0.0, shift, 3))

    return replace(tool, markers=tuple(misplaced(marker) for marker in tool.markers))


def pictures(
    rig: Rig, made: Tool, rng: np.random.Generator, count: int = 60, sd: float = SD
) -> list[BodyView]:
    """Corners of a tool turned all round, and poses as tracking has them: a little off."""
    views = []
    for frame, place in enumerate(needle_poses(count, rng)):
        off = Rotation.from_rotvec(rng.normal(0.0, 0.003, 3))
        start = place * RigidTransform.from_components(rng.normal(0.0, 0.1, 3), off)
        for camera in rig.cameras:
            facing, pixels = facing_markers(camera, made, place, OBLIQUE)
            pixels = pixels + rng.normal(0.0, sd, pixels.shape)
            views += [
                BodyView(
                    frame, camera.name, marker.id, corners, np.eye(8) * SD**2, start.as_matrix()
                )
                for marker, corners in zip(facing, pixels, strict=True)
            ]
    return views


def corners_of(tool: Tool) -> Array:
    return np.concatenate([marker.corners for marker in tool.markers])


def off_by(found: Tool, made: Tool) -> float:
    """Rms distance of corners after the best rigid alignment, mm."""
    here, true = corners_of(found), corners_of(made)
    to_found = aligned(true, here)
    return float(np.sqrt(((here - true @ to_found[:3, :3].T - to_found[:3, 3]) ** 2).sum(1).mean()))


def true_displacements(tool: Tool, made: Tool) -> Array:
    """(6 m,) in the frame that a calibration uses."""
    nominal = np.array([marker.corners for marker in tool.markers])
    there = np.array([marker.corners for marker in made.markers])
    turns = np.array([aligned(n, t)[:3, :3] for n, t in zip(nominal, there, strict=True)])
    body = Body(np.eye(4)[None], nominal, there.mean(1) - nominal.mean(1), turns)
    return in_file_frame(body).displacements.ravel()


def squared_error(found: BodyCalibration, tool: Tool, made: Tool) -> float:
    """Normalised squared error by its degrees of freedom: all but the common motion."""
    off = np.concatenate([marker.displacement for marker in found.markers])
    off = off - true_displacements(tool, made)
    values, vectors = np.linalg.eigh(found.covariance)
    assert values[5] < 1e-6 * values[6]
    return float(((vectors[:, 6:].T @ off) ** 2 / values[6:]).mean())


# what is found


def test_markers_glued_askew_are_found_where_they_are(rig, needle):
    rng = np.random.default_rng(1)
    made = glued(needle, rng)
    found = body_geometry(pictures(rig, made, rng), needle, rig)
    assert off_by(needle, made) > 0.25
    assert off_by(found.tool, made) < 0.005
    assert found.rms_before > 10 * found.rms
    assert found.rms == pytest.approx(SD, rel=0.1)
    assert found.verdict == "good"
    assert found.left_out == found.frames_left_out == ()
    assert found.frames == 60


def test_predicted_errors_agree_with_the_true_ones(rig, needle):
    """17 bodies, each made anew: 17 x 90 squared errors."""
    squares, corners, predicted = [], [], []
    for seed in range(17):
        rng = np.random.default_rng(100 + seed)
        made = glued(needle, rng)
        found = body_geometry(pictures(rig, made, rng), needle, rig)
        squares.append(squared_error(found, needle, made))
        corners.append(off_by(found.tool, made) ** 2)
        predicted.append(np.mean([marker.sd**2 for marker in found.markers]))
    assert np.mean(squares) == pytest.approx(1.0, abs=3 * spread(17, 90))
    assert np.sqrt(np.mean(corners)) == pytest.approx(np.sqrt(np.mean(predicted)), rel=0.15)


def test_the_frame_and_the_sides_are_those_of_the_file(rig, needle):
    rng = np.random.default_rng(2)
    made = glued(needle, rng)
    found = body_geometry(pictures(rig, made, rng), needle, rig).tool
    assert aligned(corners_of(found), corners_of(needle)) == pytest.approx(np.eye(4), abs=1e-9)
    for before, after in zip(needle.markers, found.markers, strict=True):
        assert before.id == after.id
        assert after.side == pytest.approx(before.side, abs=1e-9)
    assert found.tip is None
    assert (found.name, found.dictionary, found.quiet) == ("needle", needle.dictionary, 1.5)


def test_a_body_that_is_as_its_file_says_stays(rig, needle):
    rng = np.random.default_rng(3)
    found = body_geometry(pictures(rig, needle, rng), needle, rig)
    assert off_by(found.tool, needle) < 0.005
    assert squared_error(found, needle, needle) == pytest.approx(1.0, abs=4 * spread(1, 90))


def test_one_camera_is_enough_but_for_the_size(one_camera, needle):
    rng = np.random.default_rng(4)
    made = glued(needle, rng)
    found = body_geometry(pictures(one_camera, made, rng), needle, one_camera)
    assert off_by(found.tool, made) < 0.03
    assert found.scale is None
    assert list(found.spread) == ["left"]


def test_a_print_of_another_size_is_said_and_does_not_bend_the_body(rig, needle):
    rng, larger = np.random.default_rng(5), 1.003
    made = glued(needle, rng)
    markers = tuple(replace(m, corners=larger * m.corners) for m in made.markers)
    found = body_geometry(pictures(rig, replace(made, markers=markers), rng), needle, rig)
    assert found.scale is not None
    assert found.scale[0] == pytest.approx(larger - 1, abs=5 * found.scale[1])
    assert off_by(found.tool, made) < 0.005
    assert "0.30 % larger than printed" in found.verdict


def test_corners_worse_than_they_say_count_for_what_they_are(rig, needle):
    rng = np.random.default_rng(6)
    made = glued(needle, rng)
    found = body_geometry(pictures(rig, made, rng, sd=3 * SD), needle, rig)
    assert found.spread["left"] == pytest.approx(3.0, rel=0.1)
    assert squared_error(found, needle, made) == pytest.approx(1.0, abs=4 * spread(1, 90))


# what does not fit


def shifted_views(
    views: list[BodyView], which: Callable[[int, BodyView], bool], rng: np.random.Generator
) -> list[BodyView]:
    """Some views moved by pixels."""
    return [
        replace(view, corners=view.corners + rng.normal(0.0, 3.0, (4, 2)))
        if which(k, view)
        else view
        for k, view in enumerate(views)
    ]


def test_views_that_do_not_fit_are_left_out_by_name(rig, needle):
    rng = np.random.default_rng(7)
    made = glued(needle, rng)
    views = shifted_views(pictures(rig, made, rng), lambda k, _: k % 25 == 3, rng)
    found = body_geometry(views, needle, rig)
    odd = [(v.frame, v.camera, v.marker) for k, v in enumerate(views) if k % 25 == 3]
    assert set(odd) <= set(found.left_out)
    assert len(found.left_out) <= len(odd) + 2
    assert off_by(found.tool, made) < 0.005


def test_a_frame_that_does_not_fit_is_left_out_as_a_whole(rig, needle):
    rng = np.random.default_rng(8)
    made = glued(needle, rng)
    views = shifted_views(pictures(rig, made, rng), lambda _, view: view.frame in (7, 31), rng)
    found = body_geometry(views, needle, rig)
    assert found.frames_left_out == (7, 31)
    assert found.frames == 58
    assert off_by(found.tool, made) < 0.005


def test_a_camera_that_was_bumped_is_said(rig, needle):
    """By 0.3 px: the body is right all the same, as either camera by itself sees it."""
    rng = np.random.default_rng(18)
    made = glued(needle, rng)
    turn = RigidTransform.from_rotation(Rotation.from_rotvec([2e-4, 0.0, 0.0]))
    left, right = rig.cameras
    bumped = Rig((replace(left, camera_from_rig=turn * left.camera_from_rig), right))
    found = body_geometry(pictures(rig, made, rng), needle, bumped)
    assert "disagrees with camera" in found.verdict
    assert "has one moved? Calibrate the rig again" in found.verdict
    assert off_by(found.tool, made) < 0.01


def test_a_marker_hardly_seen_stays_near_its_file_and_is_named(rig, needle):
    rng = np.random.default_rng(9)
    made = glued(needle, rng)
    views = pictures(rig, made, rng)
    first = next(view for view in views if view.marker == 17)
    # seen once, from afar: two of its corners say next to nothing
    vague = np.diag([1.0, 1.0, 1.0, 1.0, 1e4, 1e4, 1e4, 1e4])
    views = [view for view in views if view.marker != 17]
    views.append(replace(first, covariance=vague))
    found = body_geometry(views, needle, rig)
    marker = next(marker for marker in found.markers if marker.id == 17)
    assert marker.pictures == marker.directions == 1
    assert marker.moved < 1.0
    assert marker.sd > 0.15
    assert "marker 17 was seen in 1 image from 1 direction only" in found.verdict
    assert "turn that side to the cameras" in found.verdict


def test_markers_never_seen_stay_and_are_named(rig, needle):
    rng = np.random.default_rng(10)
    made = glued(needle, rng)
    views = [view for view in pictures(rig, made, rng) if view.marker not in (12, 20)]
    found = body_geometry(views, needle, rig)
    for marker_id in (12, 20):
        assert (found.tool.by_id[marker_id].corners == needle.by_id[marker_id].corners).all()
    assert "markers 12, 20 never seen near their places" in found.verdict
    assert found.verdict.startswith("usable: ")
    seen = tuple(m for m in found.tool.markers if m.id not in (12, 20))
    true = tuple(m for m in made.markers if m.id not in (12, 20))
    assert off_by(replace(found.tool, markers=seen), replace(made, markers=true)) < 0.005


# bad input


def test_too_few_frames_are_refused(rig, needle):
    rng = np.random.default_rng(11)
    views = pictures(rig, needle, rng, 9)
    with pytest.raises(NotCalibrated, match="only 9 frame sets, at least 10 are needed"):
        body_geometry(views, needle, rig)
    with pytest.raises(NotCalibrated, match="only 0 frame sets"):
        body_geometry([], needle, rig)


def test_frames_of_one_marker_do_not_count(rig, needle):
    rng = np.random.default_rng(12)
    views = [view for view in pictures(rig, needle, rng) if view.marker == 14]
    with pytest.raises(NotCalibrated, match="only 0 frame sets"):
        body_geometry(views, needle, rig)


def test_a_tool_hardly_turned_is_refused(rig, needle):
    rng = np.random.default_rng(13)
    views = [view for view in pictures(rig, needle, rng, 12) if view.frame == 0]
    views = [replace(view, frame=number) for number in range(12) for view in views]
    with pytest.raises(NotCalibrated, match=r"turned by only 0\.0 degrees; turn every side"):
        body_geometry(views, needle, rig)


def test_a_file_of_another_body_is_refused(rig, needle):
    """Two markers glued in each other's place."""
    rng = np.random.default_rng(14)
    swap = {12: 13, 13: 12}
    views = [
        replace(view, marker=swap.get(view.marker, view.marker))
        for view in pictures(rig, needle, rng)
    ]
    with pytest.raises(NotCalibrated, match="is it this tool's file"):
        body_geometry(views, needle, rig)


def test_markers_mostly_too_poorly_known_are_refused(rig, needle):
    rng = np.random.default_rng(15)
    views = pictures(rig, needle, rng, 12)
    views = [replace(view, covariance=np.eye(8) * 9.0) for view in views]
    noisy = [replace(v, corners=v.corners + rng.normal(0.0, 0.9, (4, 2))) for v in views]
    with pytest.raises(NotCalibrated, match="turn that side to the cameras, in all directions"):
        body_geometry(noisy, needle, rig)
