"""Pictures taken by themselves, without a window: frame sets in, what to show out."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from rich.console import Console

from calibration.board import Board, save_board
from calibration.cameras.board_detection import find_board
from calibration.live.capture_display import Shown
from calibration.live.capture_guide import Ask
from calibration.live.live_rig_command import capture_and_calibrate
from calibration.live.quick import Spotter
from calibration.live.taking import AGAIN, FLASH, LOST_FOR, MORE, Taking
from nav.core.errors import InputError
from nav.core.frameset import Frame, FrameSet, Picture
from nav.core.notice import Notice
from phantoms.twin.sensor import Optics
from phantoms.twin.simulated_boards import board_body
from phantoms.twin.simulated_bodies import Placed
from phantoms.twin.simulated_camera import SimulatedCamera
from tests.calibration.test_live_guide import Hand
from tests.synthetic import small_rig

BOARD = Board(7, 5, 12.0, 9.0, "DICT_4X4_50")
CHESS = Board(7, 6, 12.0)
RIG = small_rig(2, size=(480, 400))


def pictures(ask: Ask, board: Board = BOARD) -> list[Picture]:
    """Both cameras' pictures of a board held as asked."""
    rng = np.random.default_rng(3)
    placed = Placed(board_body(board), Hand(RIG, board, far=600.0).obey(ask))
    seen = Optics(blur=0.8, noise=2.0, exposure=0.0)
    return [SimulatedCamera(c, seen, rng).picture([placed]) for c in RIG.cameras]


class Table:
    """Frame sets at 20 a second by a clock that stands still between."""

    def __init__(self, keep: Path | None = None) -> None:
        self.now, self.number = 100.0, 0
        self.taking = Taking(RIG.names, BOARD, keep, clock=lambda: self.now)
        self.taking._ready.result(timeout=200.0)

    def show(self, images: list[Picture | None], steps: int = 1) -> Shown:
        for _ in range(steps):
            self.now, self.number = self.now + 0.05, self.number + 1
            frames = {
                name: Frame(name, self.now, image)
                for name, image in zip(RIG.names, images, strict=True)
                if image is not None
            }
            missing = {n: Notice("camera_silent", {"camera": n, "seconds": 0.5}) for n in RIG.names}
            shown = self.taking.step(FrameSet(self.number, self.now, frames, missing))
            if self.taking._pending is not None:
                self.taking._pending.exception(timeout=60.0)
        return shown

    def wait(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def table():
    table = Table()
    yield table
    table.taking.close()


@pytest.fixture(scope="module")
def front() -> list[Picture]:
    return pictures(Ask("show", ""))


@pytest.mark.parametrize("board", [BOARD, CHESS])
def test_what_is_found_fast_is_the_same_to_a_pixel(board):
    (picture, _) = pictures(Ask("show", ""), board)
    quick, full = Spotter(board).find(picture), find_board(picture, board)
    assert quick is not None
    assert full is not None
    assert len(quick.ids) >= 0.8 * len(board.points)
    off = np.linalg.norm(quick.pixels[:, None] - full.pixels[None], axis=2).min(axis=1)
    assert np.median(off) < 0.5
    if board.is_charuco:
        _, a, b = np.intersect1d(quick.ids, full.ids, return_indices=True)
        assert np.linalg.norm(quick.pixels[a] - full.pixels[b], axis=1).max() < 1.5
    assert Spotter(board).find(np.full_like(picture, 120)) is None


def test_larger_pictures_are_searched_smaller_and_told_in_their_own_pixels(front):
    large = np.asarray(cv2.resize(front[0], None, fx=5, fy=5, interpolation=cv2.INTER_CUBIC))
    quick, full = Spotter(BOARD).find(large), Spotter(BOARD).find(front[0])
    assert quick is not None
    assert full is not None
    _, a, b = np.intersect1d(quick.ids, full.ids, return_indices=True)
    assert len(a) >= 12
    off = (quick.pixels[a] + 0.5) / 5 - 0.5 - full.pixels[b]
    assert np.median(np.linalg.norm(off, axis=1)) < 0.5


def test_a_still_board_is_taken_once_and_the_next_thing_asked_for(table, front):
    assert table.show(front).ask.kind == "still"
    assert table.taking.captures == 0
    shown = table.show(front, 5)
    assert table.taking.captures == 1
    assert shown.captured
    assert shown.ask.say == "Captured 1"
    assert set(table.taking.seen) == {(0, 0), (1, 0)}
    table.wait(FLASH)
    shown = table.show(front, 6)
    assert table.taking.captures == 1
    assert shown.ask.kind == "tilt"
    assert shown.progress.captures == 1


def test_what_is_smeared_is_not_counted(table, front, monkeypatch):
    monkeypatch.setattr("calibration.live.capture_search.SMEARED", 0.5)
    kernel = np.ones((1, 3)) / 3
    smeared = [np.asarray(cv2.filter2D(image, -1, kernel)) for image in front]
    shown = table.show(smeared, 6)
    assert table.taking.captures == 0
    assert shown.ask.kind == "again"
    assert shown.ask.say == "It moved in the LEFT image"
    table.wait(AGAIN)
    table.show(front, 6)
    assert table.taking.captures == 1


def covers(picture: Picture) -> Iterator[tuple[Picture, np.ndarray]]:
    """The picture covered from the right less and less, and the corners that are seen in it."""
    for column in range(160, 400, 10):
        covered = picture.copy()
        covered[:, column:] = 110
        found = Spotter(BOARD).find(covered)
        if found is not None:
            yield covered, found.ids


def test_who_hardly_saw_the_board_is_left_out_and_the_place_not_taken_again(
    table, front, monkeypatch
):
    covered = next(c for c in covers(front[1]) if len(c[1]) <= 14)[0]
    blind = [id(covered)]
    monkeypatch.setattr(
        "calibration.live.capture_search.find_board",
        lambda image, board: None if id(image) in blind else find_board(image, board),
    )
    table.show([front[0], covered], 6)
    assert set(table.taking.seen) == {(0, 0)}
    table.wait(FLASH)
    table.show([front[0], covered], 8)
    assert table.taking.captures == 1
    blind.append(id(front[0]))
    other = pictures(Ask("tilt", "", 0, (0, 1)))
    blind.append(id(other[1]))
    assert table.show(other, 6).ask.say == "The RIGHT image is not sharp"


def test_a_camera_that_skips_a_picture_is_not_lost_yet_but_soon(table, front):
    table.show(front)
    shown = table.show([front[0], None])
    assert shown.ask.kind == "still"
    assert shown.panes[1].image is not None
    table.wait(LOST_FOR)
    shown = table.show([front[0], None])
    assert shown.ask.say == "The RIGHT camera gives no image"
    seconds = re.fullmatch("camera right: no image for ([0-9.]+) s: unplugged[?]", shown.detail)
    assert seconds
    assert float(seconds[1]) == pytest.approx(LOST_FOR, abs=0.15)
    assert shown.panes[1].image is None
    assert shown.detail == f"camera right: {shown.panes[1].why}"
    assert not len(shown.panes[1].corners)
    assert table.taking.captures == 0


def test_pictures_are_kept_as_they_came(tmp_path, front):
    table = Table(tmp_path / "kept")
    table.show(front, 5)
    table.taking.close()
    for name, image in zip(RIG.names, front, strict=True):
        (path,) = (tmp_path / "kept" / name).iterdir()
        assert path.name == "001.png"
        assert np.array_equal(cv2.imread(str(path), cv2.IMREAD_GRAYSCALE), image)


def test_a_picture_that_cannot_be_kept_is_not_counted_and_said(tmp_path, front):
    (tmp_path / "kept").write_text("a file where a folder should be")
    table = Table(tmp_path / "kept")
    shown = table.show(front, 5)
    table.taking.close()
    assert table.taking.captures == 0
    assert shown.ask.kind == "again"
    assert "cannot be written" in shown.ask.say


def test_after_a_calibration_that_is_not_good_more_is_asked_for(table, front):
    table.show(front, 5)
    progress = table.taking.progress
    many = tuple(replace(camera, views=12) for camera in progress.cameras)
    table.taking.progress = replace(progress, cameras=many)
    table.taking.ask_for_more()
    assert table.taking.progress.least == 12 + MORE
    assert not table.taking.progress.done


def test_without_any_capture_there_is_nothing_to_calibrate(table):
    with pytest.raises(InputError, match="left: no image was taken with the board in it"):
        table.taking.gathered()


def test_pictures_of_before_are_not_mixed_with_new_ones(tmp_path):
    (tmp_path / "kept" / "left").mkdir(parents=True)
    cv2.imwrite(str(tmp_path / "kept" / "left" / "001.png"), np.zeros((4, 4), np.uint8))
    save_board(tmp_path / "board.toml", BOARD)
    with pytest.raises(InputError, match="left has images in it already"):
        capture_and_calibrate(
            {"left": 0}, tmp_path / "board.toml", tmp_path / "rig.toml", Console(quiet=True),
            keep=tmp_path / "kept",
        )  # fmt: skip
