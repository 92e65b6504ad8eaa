"""Published pictures of chessboards, and their corners as we find them and as OpenCV does."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from calibration.board import Board
from calibration.cameras.board_detection import Seen, find_board
from nav.camera.image_files import read_picture
from nav.core.errors import Lost
from nav.core.frames import Array
from nav.core.frameset import Picture

WINDOW = (11, 11)  # half a side, px: as in OpenCV's stereo_calib sample
STOP = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 30, 0.01)
OPENCV_SD = 0.1  # px: OpenCV's corners come without covariance; all of them count alike

Corners = Mapping[tuple[int, int], Seen]


@dataclass(frozen=True)
class BoardPictures:
    """Pictures of one board.

    ours, opencv : corners by camera and instant, named alike. sizes : (width, height) of each
    camera's pictures. pictures : how many there are.
    """

    name: str
    board: Board
    cameras: tuple[str, ...]
    sizes: tuple[tuple[int, int], ...]
    pictures: int
    ours: Corners
    opencv: Corners

    @property
    def sources(self) -> dict[str, Corners]:
        """Corners by who found them."""
        return {"ours": self.ours, "OpenCV": self.opencv}

    @property
    def common(self) -> tuple[int, ...]:
        """Instants that both found in every camera."""
        every = {instant for _, instant in self.ours}
        return tuple(
            k for k in sorted(every)
            if all((c, k) in s for c in range(len(self.cameras)) for s in self.sources.values())
        )  # fmt: skip


def opencv_pairs(folder: Path) -> BoardPictures:
    """Return OpenCV's stereo pairs: 9 x 6 inner corners, squares nominally 25 mm."""
    files = [sorted(folder.glob(f"{side}[0-9]*.jpg")) for side in ("left", "right")]
    return board_pictures("OpenCV's stereo pairs", Board(10, 7, 25.0), ("left", "right"), files)


def phone_chessboards(folder: Path) -> BoardPictures:
    """Return the chessboards of the tag map's camera: 7 x 5 inner corners, squares of 30 mm."""
    files = [sorted((folder / "calibration").glob("*.JPG"))]
    return board_pictures("chessboards of a telephone", Board(8, 6, 30.0), ("phone",), files)


def board_pictures(
    name: str, board: Board, cameras: tuple[str, ...], files: list[list[Path]]
) -> BoardPictures:
    """Read and search pictures; equal places in the cameras' lists are the same instant."""
    ours: dict[tuple[int, int], Seen] = {}
    theirs: dict[tuple[int, int], Seen] = {}
    sizes = []
    for camera, own in enumerate(files):
        for instant, file in enumerate(own):
            picture = read_picture(file)
            if isinstance(picture, Lost):
                raise ValueError(f"{file}: {picture.facts['why']}")
            seen, other = find_board(picture, board), opencv_corners(picture, board)
            if seen is not None and other is not None and board.is_symmetric:
                other = _named_alike(other, seen)
            if seen is not None:
                ours[camera, instant] = seen
            if other is not None:
                theirs[camera, instant] = other
            size = picture.shape[1], picture.shape[0]
        sizes.append(size)
    return BoardPictures(
        name, board, cameras, tuple(sizes), sum(len(own) for own in files), ours, theirs
    )


def _named_alike(other: Seen, seen: Seen) -> Seen:
    """Corners named from the same end: a board that looks the same after half a turn has two."""
    turned = replace(other, pixels=other.pixels[::-1].copy())
    off = [np.abs(one.pixels[seen.ids] - seen.pixels).mean() for one in (other, turned)]
    return other if off[0] <= off[1] else turned


def opencv_corners(picture: Picture, board: Board) -> Seen | None:
    """Return a chessboard's corners as OpenCV's users find them, in our order; None if unseen."""
    shape = (board.columns - 1, board.rows - 1)
    flags = cv2.CALIB_CB_ADAPTIVE_THRESH | cv2.CALIB_CB_NORMALIZE_IMAGE
    found, corners = cv2.findChessboardCorners(picture, shape, flags=flags)
    if not found:
        return None
    corners = np.asarray(corners, np.float32).reshape(-1, 1, 2)
    cv2.cornerSubPix(picture, corners, WINDOW, (-1, -1), STOP)
    pixels = np.asarray(corners, float).reshape(-1, 2)
    if not _begins_at_black(picture, pixels, shape[0]):
        pixels = pixels[::-1]
    count = len(pixels)
    covariance = np.tile(np.eye(2) * OPENCV_SD**2, (count, 1, 1))
    return Seen(np.arange(count), pixels, covariance, np.array([1.0, 0.0, 1.0]))


def _begins_at_black(picture: Picture, pixels: Array, columns: int) -> bool:
    """Whether the first square between corners is darker than the next: ours begins there."""
    grid = pixels.reshape(-1, columns, 2)
    middles = [grid[:2, k : k + 2].mean(axis=(0, 1)).round().astype(int) for k in (0, 1)]
    first, second = (float(picture[v, u]) for u, v in middles)
    return first < second
