"""Tools and rigs that are not as their files say: tracked, doubted, named, and honestly uncertain.

What is drawn differs from what the tracker was told.
"""

from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from scipy.spatial.transform import RigidTransform, Rotation

from nav.camera.rig import Rig
from nav.core.notice import Notice
from nav.core.tracked_frame import TrackedFrame
from nav.tracking.follow.pose_candidate import PoseCandidate
from nav.tracking.tool import Marker, Tool
from nav.tracking.tracker import Tracker
from phantoms.twin.sensor import Optics
from phantoms.twin.simulated_bodies import Placed
from phantoms.twin.simulated_tools import needle_body
from tests.said import codes, noticed
from tests.synthetic import Studio, camera, looking_at, needle_poses
from tests.tracking.expect import seen, sigmas, squared, tip_of, tip_off

CLEAN = Optics(blur=0.8, noise=2.0, gradient=(0.02, -0.02))
GLUE = 0.05  # mm, sd per axis by which markers are misaligned
TURNED = 5e-4  # rad by which a camera was bumped: 0.8 px
PITCH, YAW = 0, 1


def misaligned(tool: Tool, rng: np.random.Generator, sd: float = GLUE) -> Tool:
    """Every marker shifted, and turned so that its edges are off as much."""

    def misplaced(marker: Marker) -> Marker:
        turned = Rotation.from_rotvec(rng.normal(0.0, sd / (marker.side / 2), 3))
        about = turned.apply(marker.corners - marker.centre) + marker.centre
        return replace(marker, corners=about + rng.normal(0.0, sd, 3))

    return replace(tool, markers=tuple(misplaced(marker) for marker in tool.markers))


def places(count: int, seed: int) -> list[RigidTransform]:
    return list(needle_poses(count, np.random.default_rng(seed)))


def tracked_alone(studio: Studio, rig: Rig, told: Tool, placed: Placed) -> TrackedFrame:
    """One frame set, by a tracker that has seen nothing before."""
    with closing(Tracker(rig, [told])) as tracker:
        return tracker.track(studio.frames([placed]))


# markers misaligned


@pytest.fixture(scope="module")
def glued(rig: Rig, needle: Tool) -> list[tuple[RigidTransform, TrackedFrame]]:
    """24 needles, each made anew, in 24 poses."""
    rng, studio = np.random.default_rng(11), Studio(rig, CLEAN, 3)
    found = []
    for place in places(24, 12):
        made = Placed(needle_body(misaligned(needle, rng)), place)
        found.append((place, tracked_alone(studio, rig, needle, made)))
    return found


def test_tools_glued_askew_are_tracked_and_doubted(glued):
    for _, tracked in glued:
        warning = seen(tracked, "needle").warnings[0]
        assert warning.code == "geometry_doubtful_at_tip"
        assert warning.facts["corners_px"] > 0.0
        assert warning.facts["tip_mm"] > 0.0


def as_found(residuals: list[float], explained: list[float], used: list[int]) -> PoseCandidate:
    """Views of markers 40 px wide; residuals in px per axis."""
    square, count = np.array([[0, 0], [40, 0], [40, 40], [0, 40]], float), len(used)
    fit_result: Any = SimpleNamespace(quality=SimpleNamespace(explained=np.array(explained)))
    consensus: Any = SimpleNamespace(used=np.array(used, bool))
    corners = np.tile(square, (count, 1, 1))
    off = np.repeat(np.array(residuals, float)[:, None], 8, axis=1)
    none = np.zeros((6, 6))
    return PoseCandidate(np.eye(4), none, none, fit_result, consensus, corners, corners, off)


@pytest.mark.parametrize(
    ("explained", "off", "apart"),
    [
        (0.99, 0.05, False),
        (0.99, 4.0, False),
        (0.99, 6.0, True),
        (0.6, 2.0, False),
        (0.6, 3.0, True),
    ],
)
def test_markers_further_off_than_a_cell_are_another_thing(explained, off, apart):
    """Median over the views that contribute; half a cell where they are not sure."""
    found = as_found([0.0, off, off, 30.0], [explained] * 4, [1, 1, 1, 0])
    assert found.apart is apart


def test_sure_markers_decide_what_is_another_thing():
    """As met after a jerk: two patterns clear, both off their places, and one by chance on it."""
    explained, off = [0.92, 0.91, 0.64, 0.7, 0.2, 0.1], [4.4, 4.4, 0.0, 0.0, 0.0, 0.0]
    assert as_found(off, explained, [1, 1, 1, 1, 0, 0]).apart


@pytest.mark.parametrize(
    ("explained", "used", "convincing"),
    [
        ([0.84, 0.83, 0.63, 0.75, 0.5, 0.1, 0.3, 0.0], [1, 1, 1, 1, 0, 0, 0, 0], False),
        ([0.92, 0.83, 0.63, 0.75, 0.5, 0.1, 0.3, 0.0], [1, 1, 1, 1, 0, 0, 0, 0], False),
        ([0.92, 0.99, 0.2, 0.0, 0.5, 0.1, 0.3, 0.0], [1, 1, 0, 0, 0, 0, 0, 0], True),
        ([0.92, 0.3, 0.2], [1, 0, 0], True),
    ],
)
def test_patterns_half_explained_convince_nobody(explained, used, convincing):
    """Half of the views that fit by halves may do so by chance; two clear ones do not."""
    assert as_found([0.0] * len(used), explained, used).convincing is convincing


def test_their_tip_is_as_far_off_as_is_said(glued, needle):
    """Random and systematic errors together; the random ones alone are far too small."""
    squares, alone = [], []
    for place, tracked in glued:
        off, tip = tip_off(tracked, needle, place), tip_of(tracked, needle)
        squares.append(squared(off, tip.covariance))
        alone.append(squared(off, tip.random))
    assert 1.0 < np.mean(squares) < 7.0
    assert max(squares) < 40.0
    assert np.mean(alone) > 20.0


def test_their_tip_is_still_right_to_a_quarter_of_a_millimetre(glued, needle):
    squares = [np.sum(tip_off(tracked, needle, place) ** 2) for place, tracked in glued]
    assert np.sqrt(np.mean(squares)) < 0.25


def test_errors_that_last_are_not_called_random(rig, needle):
    """A needle misaligned that rests: its tip scatters by the random part, and stays off."""
    made = misaligned(needle, np.random.default_rng(5))
    studio, (place,) = Studio(rig, CLEAN, 4), places(1, 6)
    with closing(Tracker(rig, [needle])) as tracker:
        frames = [
            tracker.track(studio.frames([Placed(needle_body(made), place)])) for _ in range(12)
        ]
    errors = np.array([tip_off(tracked, needle, place) for tracked in frames[2:]])
    tip = tip_of(frames[-1], needle)
    scatter = errors.var(axis=0, ddof=1).sum()
    assert scatter < 4 * np.trace(tip.random)
    assert scatter < 0.1 * np.trace(tip.systematic)
    off = errors.mean(axis=0)
    assert squared(off, tip.random) > 25.0
    assert squared(off, tip.covariance) < 25.0


def test_one_needle_glued_askew_is_never_lost(rig, needle):
    """From all sides, searched anew each time or after what was learnt of it."""
    made = needle_body(misaligned(needle, np.random.default_rng(7), 2 * GLUE))
    studio = Studio(rig, CLEAN, 5)
    with closing(Tracker(rig, [needle])) as tracker:
        for place in places(8, 8):
            tracked = tracker.track(studio.frames([Placed(made, place)]))
            assert seen(tracked, "needle").warnings[0].code == "geometry_doubtful_at_tip"
            assert sigmas(tracked, needle, place) < 6.0


def test_a_tool_that_is_as_its_file_says_is_not_doubted(rig, needle):
    studio = Studio(rig, CLEAN, 6)
    for place in places(8, 9):
        tracked = tracked_alone(studio, rig, needle, Placed(needle_body(needle), place))
        found = seen(tracked, "needle")
        assert not {code for code in codes(found.warnings) if "doubt" in code or "disagree" in code}
        assert not found.systematic.any()


@pytest.mark.parametrize("shift", [0.1, 0.4, 1.5])
def test_a_single_marker_glued_elsewhere_does_not_carry_the_tip_away(rig, needle, shift):
    """Along the needle; a small shift is found by the marker's residuals, and named."""
    studio = Studio(rig, CLEAN, 7)
    for place in places(3, 10):
        plain = tracked_alone(studio, rig, needle, Placed(needle_body(needle), place))
        wrong = seen(plain, "needle").marker_ids[0]
        along = np.array([0.0, 0.0, shift])
        moved = tuple(
            replace(m, corners=m.corners + along) if m.id == wrong else m for m in needle.markers
        )
        made = Placed(needle_body(replace(needle, markers=moved)), place)
        tracked = tracked_alone(studio, rig, needle, made)
        assert "geometry_doubtful_at_tip" not in codes(seen(tracked, "needle").warnings)
        assert sigmas(tracked, needle, place) < 5.0
        if shift == 0.1:
            left_out = noticed(seen(tracked, "needle").warnings, "marker_left_out")
            assert wrong in {notice.facts["marker"] for notice in left_out}


# a camera that was bumped


def bumped(rig: Rig, name: str, axis: int, angle: float = TURNED) -> Rig:
    """What the rig has become: one camera turned about its own x (pitch) or y (yaw)."""
    turn = RigidTransform.from_rotation(Rotation.from_rotvec(angle * np.eye(3)[axis]))
    return Rig(
        tuple(
            replace(c, camera_from_rig=turn * c.camera_from_rig) if c.name == name else c
            for c in rig.cameras
        )
    )


def warnings(
    rig: Rig, told: Rig, needle: Tool, marker_views: Sequence[RigidTransform]
) -> tuple[list[tuple[Notice, ...]], list[float]]:
    """What is said of each pose, and how far the tip is off by its covariance."""
    studio, given, far = Studio(rig, CLEAN, 3), [], []
    with closing(Tracker(told, [needle])) as tracker:
        for place in marker_views:
            tracked = tracker.track(studio.frames([Placed(needle_body(needle), place)]))
            given.append(seen(tracked, "needle").warnings)
            far.append(sigmas(tracked, needle, place))
    return given, far


@pytest.mark.parametrize("name", ["left", "right"])
def test_of_two_cameras_one_of_which_was_bumped_both_are_named(rig, needle, name):
    """Which it was cannot be seen."""
    said, far = warnings(bumped(rig, name, YAW), rig, needle, places(5, 4))
    for warned in said:
        (both,) = noticed(warned, "cameras_disagree")
        assert both.facts["cameras"] == ("left", "right")
        assert both.facts["off_px"] > 0.0
        assert warned[-1] == both
    assert max(far) < 5.0


@pytest.mark.parametrize("axis", [PITCH, YAW])
def test_two_cameras_are_named_where_one_turned_by_a_third_of_a_pixel(rig, needle, axis):
    said, far = warnings(bumped(rig, "left", axis, 0.3 / 1600.0), rig, needle, places(3, 4))
    assert all("cameras_disagree" in codes(warned) for warned in said)
    assert max(far) < 5.0


@pytest.mark.parametrize("growth", [0.998, 1.002])
@pytest.mark.parametrize("name", ["left", "right"])
def test_of_two_cameras_the_one_that_refocused_is_named(rig, needle, name, growth):
    """Its picture grows by 0.2 %, 0.1 px at the tool's rim: said, estimated and covered."""
    changed = Rig(
        tuple(
            replace(c, matrix=grown(c.matrix, growth)) if c.name == name else c for c in rig.cameras
        )
    )
    said, far = warnings(changed, rig, needle, places(3, 4))
    for warned in said:
        (found,) = noticed(warned, f"camera_sees_{'larger' if growth > 1.0 else 'smaller'}")
        assert found.facts["camera"] == name
        assert found.facts["percent"] == pytest.approx(0.2, abs=0.03)
    assert max(far) < 5.0


def grown(matrix, growth):
    """Return a camera matrix whose focal lengths are larger by a factor."""
    larger = matrix.copy()
    larger[[0, 1], [0, 1]] *= growth
    return larger


@pytest.fixture(scope="module")
def three() -> Rig:
    """Left, right, and a third camera above them."""
    aim = np.array([0.0, 0.0, 573.0])
    at = {"left": [-175.0, 0.0, 0.0], "right": [175.0, 0.0, 0.0], "top": [0.0, -200.0, 0.0]}
    return Rig(
        tuple(
            camera(name, camera_from_rig=looking_at(np.array(camera_model), aim))
            for name, camera_model in at.items()
        )
    )


def named(warned: Iterable[Notice], camera_name: str) -> bool:
    return any(notice.facts.get("camera") == camera_name for notice in warned)


@pytest.mark.parametrize(("name", "axis"), [("left", PITCH), ("left", YAW), ("top", PITCH)])
def test_of_three_cameras_the_bumped_one_is_named(three, needle, name, axis):
    """By its markers that are left out, or as a whole; and the tip is right by the others."""
    said, far = warnings(bumped(three, name, axis), three, needle, places(3, 4))
    for warned in said:
        others = {camera.name for camera in three.cameras} - {name}
        assert named(warned, name)
        assert not [other for other in others if named(warned, other)]
    assert max(far) < 5.0


def test_of_three_cameras_the_bumped_one_is_named_as_a_whole(three, needle):
    said, _ = warnings(bumped(three, "left", YAW), three, needle, places(3, 4))
    for warned in said:
        assert [n.facts["camera"] for n in noticed(warned, "camera_disagrees")] == ["left"]


def test_three_cameras_that_stand_as_calibrated_are_not_doubted(three, needle):
    said, far = warnings(three, three, needle, places(3, 4))
    told = {code for warned in said for code in codes(warned)}
    assert not {code for code in told if "disagree" in code or "doubt" in code}
    assert max(far) < 5.0
