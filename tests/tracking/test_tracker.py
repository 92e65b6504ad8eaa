"""Frame sets in, tools out: what is seen now, and in words why something is not."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import RigidTransform, Rotation

from nav.camera.rig import Rig
from nav.core.errors import InputError, Lost
from nav.core.frameset import Frame, FrameSet, Picture
from nav.core.notice import Notice
from nav.core.tracked_frame import TrackedFrame, TrackedTool
from nav.tracking.marker_dictionaries import marker_pattern
from nav.tracking.tip import tip_from_pose, tip_in_reference
from nav.tracking.tool import Tool
from nav.tracking.tracker import Tracker
from phantoms.twin.sensor import Optics
from phantoms.twin.simulated_bodies import Body, Placed, plate
from phantoms.twin.simulated_tools import needle_body, reference_body
from tests.said import ASKING_FOR_FILE, codes, noticed, said
from tests.synthetic import Studio, camera, looking_at, needle_poses

OPTICS = Optics(blur=1.0, noise=2.0, gradient=(0.02, -0.02))


@pytest.fixture(scope="module")
def wide() -> Rig:
    """Two cameras that see the needle's carrier and the reference body side by side."""
    aim = np.array([0.0, 0.0, 573.0])
    return Rig(
        tuple(
            camera(name, (480, 260), 1600.0, looking_at(np.array([x, 0.0, 0.0]), aim))
            for name, x in (("left", -175.0), ("right", 175.0))
        )
    )


@pytest.fixture
def tracker(wide, needle, reference):
    made = Tracker(wide, [needle, reference])
    yield made
    made.close()


@pytest.fixture
def studio(wide):
    return Studio(wide, OPTICS, 3)


def needle_place(seed: int = 1) -> RigidTransform:
    """On the left, its shaft never before the reference body on the right."""
    (place,) = needle_poses(1, np.random.default_rng(seed), wander=2.0)
    turn = Rotation.identity()
    if place.rotation.apply([0.0, 0.0, 1.0])[0] > 0:
        turn = Rotation.from_rotvec([0.0, 0.0, np.pi])
    at = place.translation + np.array([-42.0, 0.0, 0.0])
    return RigidTransform.from_components(at, turn * place.rotation)


def reference_place() -> RigidTransform:
    up = Rotation.from_rotvec([0.15, 0.1, 0.05]) * Rotation.from_matrix(np.diag([1.0, -1.0, -1.0]))
    return RigidTransform.from_components([40.0, 0.0, 573.0], up)


def both(needle: Tool, reference: Tool, seed: int = 1) -> list[Placed]:
    return [
        Placed(needle_body(needle), needle_place(seed)),
        Placed(reference_body(reference), reference_place()),
    ]


def seen(frame: TrackedFrame, tool: str) -> TrackedTool:
    found = frame.tools[tool]
    assert not isinstance(found, Lost), found
    return found


def why(frame: TrackedFrame, tool: str) -> Lost:
    found = frame.tools[tool]
    assert isinstance(found, Lost)
    return found


def tip_error(frame: TrackedFrame, needle: Tool, place: RigidTransform) -> float:
    tip = tip_from_pose(seen(frame, needle.name).rig_from_tool, needle)
    assert tip is not None
    assert needle.tip is not None
    return float(np.linalg.norm(tip.position - place.apply(needle.tip.position)))


def test_all_tools_are_found_in_one_frame_set(tracker, studio, needle, reference):
    frames = studio.frames(both(needle, reference))
    tracked = tracker.track(frames)
    assert (tracked.number, tracked.time) == (frames.number, frames.time)
    assert tip_error(tracked, needle, needle_place()) < 0.05
    body = seen(tracked, "reference")
    expected = reference_place().as_matrix()
    assert body.rig_from_tool.transform.as_matrix() == pytest.approx(expected, abs=0.05)
    assert body.marker_ids == tuple(sorted(reference.by_id))
    assert 0 < body.rms_px < 0.1


def test_the_corners_handed_to_the_window_are_those_of_the_pictures(
    tracker, studio, needle, reference, wide
):
    tracked = tracker.track(studio.frames(both(needle, reference)))
    corners = seen(tracked, "needle").corners
    assert set(corners) == {"left", "right"}
    for name, markers in corners.items():
        for marker_id, quad in markers.items():
            points = needle_place().apply(needle.by_id[marker_id].corners)
            assert quad == pytest.approx(wide[name].project(points), abs=0.2)


def test_the_tip_relative_to_the_reference_does_not_care_where_the_rig_stands(
    tracker, studio, needle, reference
):
    tip = tip_in_reference(
        tracker.track(studio.frames(both(needle, reference))), needle, "reference"
    )
    assert not isinstance(tip, Lost)
    true = (reference_place().inv() * needle_place()).apply(needle.tip.position)
    off = tip.position - true
    assert np.linalg.norm(off) < 0.1
    assert off @ np.linalg.solve(tip.covariance, off) < 20
    heading = (reference_place().inv() * needle_place()).rotation.apply(needle.tip.axis)
    assert tip.heading == pytest.approx(heading, abs=2e-3)


# nothing old


def test_a_tool_that_has_gone_is_lost_at_once(tracker, studio, needle, reference):
    """After many frames with it, the first without it has no pose, nor any later one."""
    placed = both(needle, reference)
    for _ in range(3):
        assert seen(tracker.track(studio.frames(placed)), "needle")
    for _ in range(3):
        tracked = tracker.track(studio.frames(placed[1:]))
        assert isinstance(tracked.tools["needle"], Lost)
        assert seen(tracked, "reference")
    assert seen(tracker.track(studio.frames(placed)), "needle")


def test_a_pose_is_of_this_frame_set_alone(wide, studio, needle, reference):
    """The same pictures give the same pose, whatever was seen before."""
    now = studio.frames(both(needle, reference, seed=1))
    before = [studio.frames(both(needle, reference, seed=k)) for k in (2, 3, 4)]
    fresh, used = Tracker(wide, [needle]), Tracker(wide, [needle])
    try:
        alone = seen(fresh.track(now), "needle").rig_from_tool.transform.as_matrix()
        for frames in before:
            used.track(frames)
        after = seen(used.track(now), "needle").rig_from_tool.transform.as_matrix()
    finally:
        fresh.close()
        used.close()
    assert after == pytest.approx(alone, abs=2e-3)


def test_a_hand_that_jumps_is_followed(tracker, studio, needle, reference):
    for seed in range(2, 12):
        tracked = tracker.track(studio.frames(both(needle, reference, seed)))
        assert tip_error(tracked, needle, needle_place(seed)) < 0.1


# cameras without a picture


def test_one_camera_is_enough_and_the_other_is_named(tracker, studio, needle, reference):
    placed = both(needle, reference)
    two = seen(tracker.track(studio.frames(placed)), "needle")
    frames = studio.frames(placed, {"right": "right: no image 1"})
    tracked = tracker.track(frames)
    one = seen(tracked, "needle")
    assert tracked.camera_lost == {"right": "right: no image 1"}
    assert set(one.corners) == {"left"}
    assert np.trace(one.rig_from_tool.covariance) > 2 * np.trace(two.rig_from_tool.covariance)
    assert tip_error(tracked, needle, needle_place()) < 0.2


def test_without_any_picture_all_tools_are_lost_for_the_cameras_reasons(
    tracker, studio, needle, reference
):
    tracker.track(studio.frames(both(needle, reference)))
    missing = {n: Notice("picture_frozen", {"camera": n}) for n in ("left", "right")}
    tracked = tracker.track(studio.frames([], missing))
    for tool in ("needle", "reference"):
        assert why(tracked, tool) == Lost("several", {"reasons": tuple(missing.values())})


def test_pictures_of_a_camera_that_the_rig_has_not_are_ignored(tracker, studio, needle, reference):
    frames = studio.frames(both(needle, reference))
    stray = Frame("third", frames.time, np.zeros((10, 10), np.uint8))
    more = FrameSet(0, frames.time, {**frames.frames, "third": stray})
    assert seen(tracker.track(more), "needle")


# why a tool is lost


def test_what_was_never_seen_is_said_to_be_hidden_or_worse(tracker, studio):
    reason = why(tracker.track(studio.frames([])), "needle")
    facts = {"tool": "needle", "cameras": ("left", "right")}
    assert reason == Lost("no_marker_seen", facts)
    assert said(reason).startswith("no marker of needle seen by left, right: hidden, ")


def test_a_camera_without_a_picture_is_not_said_to_have_looked(tracker, studio):
    tracked = tracker.track(
        studio.frames([], {"left": Notice("picture_frozen", {"camera": "left"})})
    )
    assert why(tracked, "needle") == Lost(
        "no_marker_seen", {"tool": "needle", "cameras": ["right"]}
    )


def test_a_hidden_tool_is_not_said_to_be_out_of_view(tracker, studio, needle, reference):
    placed = both(needle, reference)
    tracker.track(studio.frames(placed))
    hand = plate([0.0, 0.0, 0.0], [60.0, 0.0, 0.0], [0.0, 60.0, 0.0], 0.55)
    before = RigidTransform.from_components([-42.0, 0.0, 480.0], Rotation.identity())
    tracked = tracker.track(studio.frames([*placed, Placed(Body("hand", (hand,)), before)]))
    assert "hidden" in codes(why(tracked, "needle"))


def test_a_tool_that_left_through_the_border_is_out_of_view_of_the_cameras(
    tracker, studio, needle, reference
):
    """Moved out step by step, as hands do."""
    for step in range(12):
        away = RigidTransform.from_components([0.0, 7.0 * step, 0.0], Rotation.identity())
        tracked = tracker.track(studio.frames([Placed(needle_body(needle), away * needle_place())]))
    assert why(tracked, "needle") == Lost("out_of_view", {"cameras": ["left", "right"]})


def test_pictures_too_dark_or_blurred_are_lost_not_guessed(tracker, studio, needle, reference):
    frames = studio.frames(both(needle, reference))
    dark = {n: replace(f, image=f.image // 60) for n, f in frames.frames.items()}
    tracked = tracker.track(replace(frames, frames=dark))
    facts = {"tool": "needle", "cameras": ["left", "right"]}
    assert why(tracked, "needle") == Lost("no_marker_seen", facts)


# markers that are not what they seem


def test_a_second_marker_of_the_same_number_is_left_out_and_named(
    tracker, studio, needle, reference
):
    """A stray print of one of the needle's markers lies on the table."""
    frames = studio.frames(both(needle, reference))
    marker = seen(tracker.track(frames), "needle").marker_ids[0]
    pictures = {n: replace(f, image=with_stray(f.image, marker)) for n, f in frames.frames.items()}
    tracked = tracker.track(replace(frames, frames=pictures))
    assert tip_error(tracked, needle, needle_place()) < 0.1
    left_out = noticed(seen(tracked, "needle").warnings, "marker_left_out")
    cameras = {n.facts["camera"] for n in left_out if n.facts["marker"] == marker}
    assert cameras == {"left", "right"}


def with_stray(image: Picture, marker_id: int) -> Picture:
    """A picture with the marker pasted in at the lower edge, between the tools, 4 px per cell."""
    cells = np.pad(marker_pattern("DICT_APRILTAG_36h11", marker_id), 2, constant_values=1)
    stray = np.kron(cells * 190 + 20, np.ones((4, 4))).astype(np.uint8)
    pasted = image.copy()
    pasted[-60 : -60 + len(stray), 220 : 220 + len(stray)] = stray
    return pasted


def test_markers_of_tools_that_are_not_asked_for_are_ignored(wide, studio, needle, reference):
    only = Tracker(wide, [reference])
    try:
        tracked = only.track(studio.frames(both(needle, reference)))
    finally:
        only.close()
    assert set(tracked.tools) == {"reference"}


def test_tools_of_two_dictionaries_are_tracked_together(wide, studio, needle, reference):
    other = replace(reference, dictionary="DICT_ARUCO_ORIGINAL")
    placed = [
        Placed(needle_body(needle), needle_place()),
        Placed(reference_body(other), reference_place()),
    ]
    tracker = Tracker(wide, [needle, other])
    try:
        tracked = tracker.track(studio.frames(placed))
    finally:
        tracker.close()
    assert tip_error(tracked, needle, needle_place()) < 0.05
    body = seen(tracked, "reference").rig_from_tool.transform
    assert body.as_matrix() == pytest.approx(reference_place().as_matrix(), abs=0.05)


def test_a_tool_made_askew_is_tracked_with_a_warning(wide, studio, needle, reference):
    """Its file gives corners a fifth of a millimetre from where they were glued."""
    rng = np.random.default_rng(5)
    filed = replace(
        needle,
        markers=tuple(
            replace(m, corners=m.corners + rng.normal(0.0, 0.2, 3)) for m in needle.markers
        ),
    )
    tracker = Tracker(wide, [filed])
    try:
        tracked = tracker.track(studio.frames(both(needle, reference)))
    finally:
        tracker.close()
    assert seen(tracked, "needle").warnings[0].code == "geometry_doubtful_at_tip"


def test_a_tool_of_another_body_is_doubted_or_asked_for_its_file(wide, studio, needle, reference):
    """A carrier 6 mm thinner than the one in the picture: many markers, none hidden."""
    thin = replace(
        needle,
        markers=tuple(replace(m, corners=m.corners - 3.0 * m.normal) for m in needle.markers),
    )
    said = []
    for seed in range(1, 7):
        tracker = Tracker(wide, [thin])
        try:
            tracked = tracker.track(studio.frames(both(needle, reference, seed)))
        finally:
            tracker.close()
        found = tracked.tools["needle"]
        said.append(codes(found if isinstance(found, Lost) else found.warnings))
    asked = [bool(ASKING_FOR_FILE & set(line)) for line in said]
    assert any(asked)
    for line, lost in zip(said, asked, strict=True):
        assert lost or line[0] == "geometry_doubtful_at_tip" or "seen_elsewhere" in line


# the tip


def test_a_needle_without_a_tip_is_told_to_be_calibrated(tracker, studio, needle, reference):
    tracked = tracker.track(studio.frames(both(needle, reference)))
    blunt = replace(needle, tip=None)
    tip = tip_in_reference(tracked, blunt, "reference")
    assert isinstance(tip, Lost)
    assert tip == Lost("no_tip", {"tool": "needle"})


def test_a_lost_reference_loses_the_tip(tracker, studio, needle, reference):
    tracked = tracker.track(studio.frames(both(needle, reference)[:1]))
    assert seen(tracked, "needle")
    tip = tip_in_reference(tracked, needle, "reference")
    assert isinstance(tip, Lost)
    assert tip.code == "reference_lost"
    facts = {"tool": "reference", "cameras": ("left", "right")}
    assert tip.facts["reason"] == Lost("no_marker_seen", facts)


def test_the_tips_calibration_is_a_systematic_error_in_the_same_frame(
    tracker, studio, needle, reference
):
    tracked = tracker.track(studio.frames(both(needle, reference)))
    own = np.diag([0.01, 0.02, 0.09])
    calibrated = replace(needle, tip=replace(needle.tip, covariance=own))
    tip = tip_in_reference(tracked, calibrated, "reference")
    plain = tip_in_reference(tracked, needle, "reference")
    assert not isinstance(tip, Lost)
    assert not isinstance(plain, Lost)
    turned = (reference_place().inv() * needle_place()).rotation.as_matrix()
    assert tip.systematic == pytest.approx(turned @ own @ turned.T, abs=1e-4)
    assert tip.random == pytest.approx(plain.random)
    assert tip.covariance == pytest.approx(plain.covariance + tip.systematic)


# what is refused


def test_no_tools_are_refused(wide):
    with pytest.raises(InputError, match="tools: none given"):
        Tracker(wide, [])


def test_tools_that_share_an_id_are_refused(wide, needle):
    with pytest.raises(InputError, match="marker id 10 is on both needle and pointer"):
        Tracker(wide, [needle, replace(needle, name="pointer")])
