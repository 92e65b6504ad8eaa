"""What is asked for and when pictures are taken: a made-up hand that does as it is told."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import RigidTransform, Rotation

from calibration.board import Board
from calibration.cameras.rig_verdict import CELLS, coverage, tilts
from calibration.live.board_view import Look, guessed_lens, look_at
from calibration.live.capture_guide import NEW_LEAN, PARTS, Ask, advise, wanted, worth_taking
from calibration.live.progress import progress_of
from calibration.live.quick import Glimpse
from calibration.live.still import FRAMES, Stillness
from nav.camera.rig import Camera, Rig
from nav.core.frames import Array
from tests.calibration.boards import BOARD, wide_rig

NAMES = ("left", "right")
FAR = 640.0  # mm


class Hand:
    """Holds a board where it is told to."""

    def __init__(self, rig: Rig, board: Board, seed: int = 0, far: float = FAR) -> None:
        self.rig, self.board, self.rng, self.far = rig, board, np.random.default_rng(seed), far
        eyes = [c.camera_from_rig.inv() for c in rig.cameras]
        ahead = [eye.apply([0.0, 0.0, far]) for eye in eyes]
        self.middle = np.mean(ahead, axis=0)

    def obey(self, ask: Ask) -> RigidTransform:
        """rig_from_board."""
        camera = self.rig.cameras[ask.camera or 0]
        at = camera.camera_from_rig.apply(self.middle)
        lean = self.rng.uniform(-0.15, 0.15, 2)
        if ask.kind == "tilt":
            lean = np.array(ask.way) / np.linalg.norm(ask.way) * self.rng.uniform(0.2, 0.7)
        if ask.kind == "place":
            share = np.mean([(np.array(c) + 0.5) / CELLS for c in sorted(ask.cells)], axis=0)
            at = np.linalg.solve(camera.matrix, [*share * camera.size, 1.0]) * self.far
        if ask.kind in ("nearer", "farther"):
            at = at * {"nearer": 0.72, "farther": 1.35}[ask.kind]
        if ask.kind == "more":
            lean = self.rng.uniform(-0.5, 0.5, 2)
            at = at + self.rng.uniform(-40.0, 40.0, 3)
        return self.placed(camera, at, lean, self.rng.uniform(-0.4, 0.4))

    def placed(self, camera: Camera, at: Array, lean: Array, spin: float) -> RigidTransform:
        """The board's middle at a point (3,) in the camera's frame, leaning there."""
        normal = np.array([*np.tan(lean), 1.0])
        turn, _ = Rotation.align_vectors([normal / np.linalg.norm(normal)], [[0.0, 0.0, 1.0]])
        turn = turn * Rotation.from_rotvec([0.0, 0.0, spin])
        middle = turn.apply([*np.array(self.board.size) / 2, 0.0])
        there = RigidTransform.from_components(at - middle, turn)
        return camera.camera_from_rig.inv() * there


def looks(rig: Rig, board: Board, place: RigidTransform) -> dict[int, Look]:
    """The board as the cameras see it."""
    result = {}
    for k, camera in enumerate(rig.cameras):
        pixels = camera.project(place.apply(board.points))
        inside = ((pixels > 5) & (pixels < np.array(camera.size) - 5)).all(axis=1)
        if inside.sum() >= 8:
            ids = np.flatnonzero(inside)
            look = look_at(board, ids, pixels[ids], camera.size, guessed_lens(camera.size))
            if look is not None:
                result[k] = look
    return result


def look(
    middle: tuple[float, float] = (0.5, 0.5), lean: tuple[float, float] = (0.0, 0.0),
    spin: float = 0.0, square: float = 3.0, cells: frozenset = PARTS[0, 0],
) -> Look:  # fmt: skip
    normal = np.array([*np.tan(lean), 1.0])
    return Look(cells, np.array(middle), normal / np.linalg.norm(normal), spin, square, 0.3)


def advice(taken, present, still=(0, 1), names=NAMES):
    return advise(taken, progress_of(taken, len(names)), present, still, names)


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_who_does_as_he_is_told_ends_with_enough_for_a_good_calibration(count, seed):
    rig, names = wide_rig(count), NAMES[:count]
    hand, kinds = Hand(rig, BOARD, seed), []
    taken = list[Mapping[int, Look]]()
    for _ in range(150):
        progress = progress_of(taken, count)
        ask = wanted(progress, names)
        kinds.append(ask.kind)
        if ask.kind == "done":
            break
        present = looks(rig, BOARD, hand.obey(ask))
        if advise(taken, progress, present, set(present), names).capture:
            taken.append(present)
    assert kinds[-1] == "done"
    assert {"show", "tilt", "place"} <= set(kinds)
    assert len(taken) <= 40
    assert progress.usable
    for k, camera in enumerate(progress.cameras):
        own = [c[k] for c in taken if k in c]
        assert len(own) == camera.views >= 10
        assert tilts(np.array([o.normal for o in own])) >= np.radians(20)
        assert camera.covered >= 0.6
    if count == 2:
        assert progress.together >= 6


def test_the_same_is_asked_whenever_the_same_was_taken():
    rig = wide_rig()
    hand = Hand(rig, BOARD)
    taken = [looks(rig, BOARD, hand.obey(Ask("more", ""))) for _ in range(4)]
    assert wanted(progress_of(taken, 2), NAMES) == wanted(progress_of(taken, 2), NAMES)


def test_without_a_board_it_asks_for_one():
    assert advice([], {}).ask.say == "Show the board to both cameras"
    assert advice([], {}, names=("eye",)).ask.say == "Show the board to the camera"
    assert not advice([], {}).capture


def test_a_moving_board_is_asked_to_be_held_still_and_not_taken():
    present = {0: look(), 1: look()}
    for still in ((), (0,), (1,)):
        given = advice([], present, still)
        assert given.ask.say == "Hold still"
        assert not given.capture
    assert advice([], present).capture


def test_the_same_place_is_not_taken_twice():
    present = {0: look(), 1: look()}
    assert not advice([present], present).capture
    assert advice([present], present).ask.kind == "tilt"


@pytest.mark.parametrize(
    "other",
    [
        look(middle=(0.65, 0.5)),
        look(lean=(0.0, 0.2)),
        look(lean=(-0.2, 0.0)),
        look(spin=0.6),
        look(square=3.3),
        look(cells=PARTS[0, 0] | PARTS[1, 0]),
    ],
)
def test_another_place_tilt_turn_or_distance_is_taken(other):
    taken = [{0: look()}]
    assert worth_taking(taken, progress_of(taken, 1), {0: other})
    assert not worth_taking([*taken, {0: other}], progress_of([*taken, {0: other}], 1), {0: other})


def test_one_camera_alone_is_taken_for_its_corners_only_and_not_too_often():
    both = {0: look(), 1: look()}
    corner = {0: look(middle=(0.1, 0.1), cells=PARTS[-1, -1])}
    tilted = {0: look(lean=(0.4, 0.0))}
    assert advice([both], corner).capture
    assert not advice([both], tilted).capture
    alone = [{0: look(middle=(0.1, 0.1 * k), cells=frozenset({(0, k)}))} for k in range(3)]
    given = advice([both, *alone], corner)
    assert not given.capture
    assert given.ask.say == "Both cameras must see it"


SIDES = [((0, -1), "top edge"), ((1, 0), "right side"), ((0, 1), "bottom edge"),
         ((-1, 0), "left side")]  # fmt: skip


@pytest.mark.parametrize(("way", "side"), SIDES)
def test_it_asks_for_the_tilt_that_is_missing(way, side):
    others = [np.array(w) * 0.3 for w, _ in SIDES if w != way and w[0] * way[0] + w[1] * way[1] < 0]
    across = [np.array([way[1], way[0]]) * s for s in (-0.3, 0.3)]
    taken = [{0: look(lean=tuple(v))} for v in [0.5 * others[0], *across, np.zeros(2)]]
    ask = wanted(progress_of(taken, 1), ("eye",))
    assert ask.say == f"Tilt its {side} towards the camera"


@given(st.floats(-0.6, 0.6), st.floats(-0.6, 0.6), st.floats(-3.0, 3.0))
def test_the_side_that_is_said_to_be_nearer_is_so(x, y, spin):
    rig = wide_rig(1)
    place = Hand(rig, BOARD).placed(rig.cameras[0], np.array([0, 0, FAR]), np.array([x, y]), spin)
    seen = looks(rig, BOARD, place)[0]
    assert np.abs(seen.lean - [x, y]).max() < 0.15
    points = rig.cameras[0].from_rig(place.apply(BOARD.points))
    across = points[:, :2] - points[:, :2].mean(axis=0)
    depth = points[:, 2] - points[:, 2].mean()
    slope = np.linalg.lstsq(across, depth, rcond=None)[0]
    # what lies at `lean` in the picture is nearer
    assert slope @ seen.lean <= 1e-6 or np.linalg.norm([x, y]) < 0.05


@given(st.integers(0, 2**32 - 1))
def test_coverage_is_counted_as_the_verdict_counts_it(seed):
    rng = np.random.default_rng(seed)
    rig, size = wide_rig(1), wide_rig(1).cameras[0].size
    hand = Hand(rig, BOARD, seed)
    taken, pixels = [], []
    for _ in range(3):
        place = hand.obey(Ask("more", ""))
        ids = np.sort(rng.choice(len(BOARD.points), 20, replace=False))
        pixels.append(rig.cameras[0].project(place.apply(BOARD.points[ids])))
        seen = look_at(BOARD, ids, pixels[-1], size, guessed_lens(size))
        taken.append({0: seen} if seen is not None else {})
    if all(taken):
        found = progress_of(taken, 1).cameras[0].covered
        assert found == pytest.approx(coverage(np.concatenate(pixels), size))


def test_the_emptiest_part_of_the_picture_is_asked_for_by_its_name():
    full = frozenset[tuple[int, int]]().union(
        *(cells for way, cells in PARTS.items() if way[0] == 0 or way == (1, 0))
    )
    base = [
        look(lean=(0.4 * np.cos(a), 0.4 * np.sin(a)), cells=full) for a in np.arange(0, 6.2, 0.6)
    ]
    taken: list[Mapping[int, Look]] = [{0: b, 1: b} for b in base]
    more = full | PARTS[-1, 0] | PARTS[1, -1] | PARTS[1, 1]
    filled = [{k: replace(v, cells=more) for k, v in c.items()} for c in taken]
    ask = wanted(progress_of(taken, 2), NAMES)
    assert ask.kind == "place"
    assert ask.way[0] in (-1, 1)
    assert ask.say == "Into the upper left corner of the LEFT camera"
    assert ask.cells == PARTS[-1, -1]
    assert wanted(progress_of(filled, 2), NAMES).say == "Bring it nearer to the LEFT camera"


def test_cameras_that_share_no_picture_are_not_calibrated():
    turns = [look(lean=(0.4 * np.cos(a), 0.4 * np.sin(a)), cells=frozenset(
        (int(c), int(r)) for c in range(8) for r in range(5)), square=3 + a / 10)
        for a in np.arange(0, 6.2, 0.6)]  # fmt: skip
    apart = [{k: t} for t in turns for k in (0, 1)]
    progress = progress_of(apart, 2)
    assert not progress.tied
    assert not progress.usable
    assert wanted(progress, NAMES).say == "Both cameras must see it"
    together = progress_of([{0: t, 1: t} for t in turns], 2)
    assert together.done
    # of three cameras, two pairs that share one
    three = progress_of([{0: t, 1: t} for t in turns] + [{1: t, 2: t} for t in turns], 3)
    assert three.tied
    assert three.done


@pytest.mark.parametrize(("step", "still"), [(0.1, True), (0.2, True), (0.6, False), (5.0, False)])
def test_still_is_what_moved_less_than_a_pixel_over_the_last_pictures(step, still):
    seen = Stillness(640)
    ids, right = np.arange(10), np.array([1.0, 0.0])
    pixels = np.random.default_rng(0).uniform(0, 400, (10, 2))
    for frame in range(12):
        seen.add(frame / 30, Glimpse(ids, pixels + step * frame * right))
        if frame < FRAMES - 1:
            assert not seen.still
    assert seen.still is still
    seen.add(13 / 30, None)
    assert not seen.still


def test_a_step_of_new_lean_is_what_satisfies_a_tilt():
    taken = [{0: look(), 1: look()}]
    ask = advice(taken, {}).ask
    assert ask.kind == "show"
    progress = progress_of(taken, 2)
    want = wanted(progress, NAMES)
    way = np.array(want.way) * (NEW_LEAN + 0.02)
    given = advice(taken, {0: look(lean=tuple(way)), 1: look(lean=tuple(way))}, still=())
    assert given.ask.say == "Hold still"
    less = advice(taken, {0: look(lean=tuple(0.5 * way)), 1: look()}, still=())
    assert less.ask == want
