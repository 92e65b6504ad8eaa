"""Evidence against a pose: what a camera denies or does not confirm is said, or loses the tool."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import RigidTransform, Rotation

from nav.camera.rig import Rig
from nav.core.errors import Lost
from nav.core.frameset import Frame, FrameSet
from nav.core.notice import Notice
from nav.core.tracked_frame import TrackedFrame, TrackedTool
from nav.tracking.follow.agreement import REMEMBERED, CameraAgreement
from nav.tracking.follow.freshness import SILENCE, FreshnessMonitor
from nav.tracking.tip import tip_in_reference
from nav.tracking.tool import Marker, Tool
from nav.tracking.tracker import Tracker
from phantoms.twin.sensor import Optics
from phantoms.twin.simulated_bodies import Placed
from phantoms.twin.simulated_tools import needle_body, reference_body
from tests.said import ASKING_FOR_FILE, codes, noticed, said
from tests.synthetic import Studio, small_rig

OPTICS = Optics(blur=0.8, noise=2.0)
DEPTH = 573.0
NEEDLE = RigidTransform.from_components(
    [20.0, 0.0, DEPTH],
    Rotation.from_rotvec([0.0, 0.2, 0.3]) * Rotation.from_rotvec([0.0, np.pi / 2, 0.0]),
)
REFERENCE = RigidTransform.from_components([-70.0, 0.0, DEPTH], Rotation.from_euler("x", 3.0))


@pytest.fixture(scope="module")
def rig() -> Rig:
    return small_rig(2, size=(720, 420), focal=1000.0)


def drawn(
    rig: Rig, needle: Tool, reference: Tool, count: int = 3, second: bool = False, step: float = 1.0
) -> list[FrameSet]:
    """Frame sets in which the needle goes `step` mm per frame; second: with another print of it."""
    studio, frames = Studio(rig, OPTICS, 3), []
    for number in range(count):
        way = np.array([0.0, step * number, 0.0])
        place = RigidTransform.from_translation(way) * NEEDLE
        placed = [
            Placed(needle_body(needle), place),
            Placed(reference_body(reference), REFERENCE),
        ]
        if second:
            aside = RigidTransform.from_translation([-10.0, 70.0, 0.0])
            placed.append(Placed(needle_body(needle), aside * place))
        frames.append(studio.frames(placed))
    return frames


@pytest.fixture(scope="module")
def usual(rig, needle, reference) -> list[FrameSet]:
    """Five frame sets with nothing wrong; the needle goes 3 mm per frame."""
    return drawn(rig, needle, reference, 5, step=3.0)


def tracked(rig: Rig, tools: list[Tool], frames: list[FrameSet]) -> Iterator[TrackedFrame]:
    with closing(Tracker(rig, tools)) as tracker:
        for shot in frames:
            yield tracker.track(shot)


def turned(rig: Rig, degrees: float, axis: int) -> Rig:
    left, right = rig.cameras
    turn = RigidTransform.from_rotation(Rotation.from_rotvec(np.radians(degrees) * np.eye(3)[axis]))
    return Rig((left, replace(right, camera_from_rig=turn * right.camera_from_rig)))


def doubts(seen: TrackedTool | Lost) -> tuple[Notice, ...]:
    """What is said of a tool, be it lost or doubted."""
    return (seen,) if isinstance(seen, Lost) else seen.warnings


def covered(frames: FrameSet, *names: str) -> FrameSet:
    """The same with something dark and noisy before some cameras."""
    rng = np.random.default_rng(frames.number)
    shown = dict(frames.frames)
    for name in names:
        image = rng.normal(40.0, 2.0, shown[name].image.shape).astype(np.uint8)
        shown[name] = Frame(name, shown[name].time, image)
    return replace(frames, frames=shown)


def test_right_files_raise_no_doubt(rig, needle, reference, usual):
    for frame in tracked(rig, [needle, reference], usual[:4]):
        for seen in frame.tools.values():
            assert not isinstance(seen, Lost)
            assert set(codes(doubts(seen))) <= {"marker_left_out"}
        assert frame.agreeing == (frozenset({"left", "right"}),)


@pytest.mark.parametrize(("degrees", "axis"), [(4, 0), (10, 0), (10, 1), (25, 2), (-15, 1)])
def test_a_camera_that_stands_elsewhere_than_the_rig_file_says_is_named(
    rig, needle, reference, usual, degrees, axis
):
    wrong = turned(rig, degrees, axis)
    for frame in tracked(wrong, [needle, reference], usual[:2]):
        tip = tip_in_reference(frame, needle, "reference")
        assert isinstance(tip, Lost)
        each = [said(doubts(seen)) for seen in frame.tools.values()]
        assert all("left" in sentence and "right" in sentence for sentence in each), each


def test_a_covered_camera_makes_each_frame_doubtful(rig, needle, reference, usual):
    frames = [*usual[:2], *(covered(shot, "right") for shot in usual[2:])]
    found = list(tracked(rig, [needle, reference], frames))
    for frame in found[:2]:
        assert "camera_confirms_none" not in codes(doubts(frame.tools["needle"]))
    for frame in found[2:]:
        for tool in ("needle", "reference"):
            silent = noticed(doubts(frame.tools[tool]), "camera_confirms_none")
            assert [notice.facts["camera"] for notice in silent] == ["right"]
            assert not isinstance(frame.tools[tool], Lost)


def test_a_frozen_camera_loses_the_moving_tool_by_name(rig, needle, reference, usual):
    frames = list(usual)
    still = frames[1].frames["right"].image
    for number in range(2, 5):
        shown = frames[number].frames
        frozen = Frame("right", shown["right"].time, still)
        frames[number] = replace(frames[number], frames={**shown, "right": frozen})
    found = list(tracked(rig, [needle, reference], frames))
    for frame in found[2:]:
        assert doubts(frame.tools["needle"])
    last = found[-1].tools["needle"]
    assert isinstance(last, Lost)
    assert "right" in said(last)


def test_markers_in_another_corner_order_are_named(rig, needle, reference, usual):
    """Half of the reference's markers: two halves that each agree with themselves."""
    wrong = replace(
        reference,
        markers=tuple(
            Marker(m.id, m.corners[[0, 3, 2, 1]]) if m.id % 2 else m for m in reference.markers
        ),
    )
    odd = {m.id for m in reference.markers if m.id % 2}
    for frame in tracked(rig, [needle, wrong], usual[:2]):
        seen = frame.tools["reference"]
        assert isinstance(seen, Lost)
        assert odd <= set(seen.facts["ids"])


def test_markers_turned_on_their_places_are_said_to_lie_otherwise(rig, needle, reference, usual):
    wrong = replace(
        reference, markers=tuple(Marker(m.id, np.roll(m.corners, 2, 0)) for m in reference.markers)
    )
    for frame in tracked(rig, [needle, wrong], usual[:1]):
        seen = frame.tools["reference"]
        assert isinstance(seen, Lost)
        assert seen.code == "markers_misplaced"


def test_a_few_markers_that_lie_apart_from_their_file_are_not_said_to_be_too_few(needle, reference):
    rig = Rig(small_rig(2, size=(720, 420), focal=1000.0).cameras[:1])
    few = replace(reference, markers=reference.markers[:4])
    wrong = replace(
        few,
        markers=tuple(
            Marker(m.id, m.corners + 0.25 * (m.corners.mean(axis=0) - few.markers[0].corners[0]))
            for m in few.markers
        ),
    )
    for frame in tracked(rig, [wrong], drawn(rig, needle, few, 1)):
        seen = frame.tools["reference"]
        assert isinstance(seen, Lost)
        assert set(codes(seen)) & ASKING_FOR_FILE
        assert "too_few_markers" not in codes(seen)


def test_a_second_print_of_a_tool_makes_it_lost(rig, needle, reference):
    for frame in tracked(rig, [needle, reference], drawn(rig, needle, reference, 2, second=True)):
        seen = frame.tools["needle"]
        assert isinstance(seen, Lost)
        assert seen.code == "markers_at_two_places"
        assert not isinstance(frame.tools["reference"], Lost)


def test_tools_without_a_common_camera_need_cameras_seen_to_agree(rig, needle, reference, usual):
    one_each = []
    for shot in usual[:2]:
        left, right = shot.frames["left"].image.copy(), shot.frames["right"].image.copy()
        border = [int(camera.project([[-15.0, 0.0, DEPTH]])[0, 0]) for camera in rig.cameras]
        left[:, : border[0]] = 90  # the reference is hidden from left, the needle from right
        right[:, border[1] :] = 90
        images = {"left": left, "right": right}
        frames = {name: Frame(name, shot.time, image) for name, image in images.items()}
        one_each.append(replace(shot, frames=frames))
    for frame in tracked(rig, [needle, reference], one_each):
        tip = tip_in_reference(frame, needle, "reference")
        assert isinstance(tip, Lost)
        assert tip.code == "not_tied"
    *_, last = tracked(rig, [needle, reference], [usual[0], one_each[1]])
    assert not isinstance(tip_in_reference(last, needle, "reference"), Lost)


def test_agreement_is_passed_on_forgotten_and_taken_back():
    agreement = CameraAgreement()
    agreement.confirm(["a", "b"], 1.0)
    agreement.confirm(["c", "b"], 2.0)
    assert agreement.groups(3.0) == (frozenset("abc"),)
    assert agreement.groups(1.5 + REMEMBERED) == (frozenset("bc"),)
    agreement.deny(["c"])
    assert agreement.groups(3.0) == (frozenset("ab"),)
    assert agreement.groups(2.0 + REMEMBERED) == ()


def test_repeated_and_missing_pictures_are_told_apart():
    rng = np.random.default_rng(1)
    images = [rng.integers(0, 255, (60, 80), dtype=np.uint8) for _ in range(3)]
    watch = FreshnessMonitor()

    def look(time: float, **shown: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
        frames = {name: Frame(name, time, images[k].copy()) for name, k in shown.items()}
        found = watch.check(FrameSet(0, time, frames))
        return found.repeated, found.stopped

    assert look(0.0, left=0, right=0) == ((), ())
    assert look(0.1, left=1, right=0) == (("right",), ())
    assert look(0.2, left=2) == ((), ())
    assert look(0.1 + SILENCE + 0.01, left=1) == ((), ("right",))
    assert look(0.7, left=0, right=1) == ((), ())
