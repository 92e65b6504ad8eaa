"""board.toml: a flat target of squares, printed and glued or clipped to a board."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal

import cv2
import numpy as np
from pydantic import Field, model_validator

from calibration.plausible_board import check_board
from nav.core.files import PublicFile, load_toml, write_toml
from nav.core.frames import Array
from nav.core.frameset import Picture
from nav.tracking.marker_dictionaries import dictionary_names, marker_dictionary

BOARD_FORMAT = "c1c2nav/board/1"
RULER = 100  # mm, of the ruler that is printed beside it
LEAST_SQUARES = 3  # per side: two inner corners

Length = Annotated[float, Field(strict=True, gt=0, allow_inf_nan=False)]
Squares = Annotated[int, Field(strict=True, ge=LEAST_SQUARES)]


class BoardFile(PublicFile):
    """Contents of a board.toml file (`FORMATS` describes each field)."""

    format: Literal["c1c2nav/board/1"]
    type: Literal["charuco", "chessboard"]
    squares: tuple[Squares, Squares]
    square: Length
    marker: Length | None = None
    dictionary: str | None = None
    legacy: bool = False
    inverted: bool = False

    @model_validator(mode="after")
    def _markers(self) -> "BoardFile":
        if self.type == "chessboard":
            if self.marker is not None or self.dictionary is not None:
                raise ValueError("marker and dictionary are for charuco boards only")
            return self
        if self.marker is None or self.dictionary is None:
            raise ValueError("a charuco board needs marker (mm) and dictionary")
        if self.marker >= self.square:
            raise ValueError(f"marker: expected less than square, {self.square:g} mm")
        if self.dictionary not in dictionary_names():
            raise ValueError(
                f'unknown dictionary "{self.dictionary}"; expected one of OpenCV\'s predefined, '
                "e.g. DICT_5X5_250"
            )
        columns, rows = self.squares
        needed, there = columns * rows // 2, len(marker_dictionary(self.dictionary).bytesList)
        if needed > there:
            raise ValueError(
                f"{columns} x {rows} squares need {needed} markers, {self.dictionary} has {there}"
            )
        return self


@dataclass(frozen=True)
class Board:
    """A flat target: x to the right, y down as printed, z away from the viewer; mm.

    The origin is the outer corner of the top left square.

    Attributes
    ----------
    columns, rows : int
        Squares in a row and in a column.
    square : float
        Side of a square, mm.
    marker : float or None
        Side of a marker of a ChArUco board, mm; None for a chessboard.
    dictionary : str or None
        OpenCV's name of a ChArUco board's marker dictionary; None for a chessboard.
    legacy : bool
        The layout of OpenCV before 4.6.
    inverted : bool
        Printed white on black.
    warnings : tuple of str
        What is unusual about its file.
    """

    columns: int
    rows: int
    square: float
    marker: float | None = None
    dictionary: str | None = None
    legacy: bool = False
    inverted: bool = False
    warnings: tuple[str, ...] = field(default=(), compare=False)

    @property
    def is_charuco(self) -> bool:
        """Whether markers tell its corners apart."""
        return self.dictionary is not None

    @property
    def size(self) -> tuple[float, float]:
        """Width and height, mm."""
        return self.columns * self.square, self.rows * self.square

    @cached_property
    def points(self) -> Array:
        """Inner corners, ndarray, shape (n, 3), mm, by id: row by row."""
        x, y = np.meshgrid(np.arange(1, self.columns), np.arange(1, self.rows))
        flat = np.column_stack([x.ravel(), y.ravel(), np.zeros(x.size)])
        return np.asarray(flat * self.square, float)

    @cached_property
    def charuco(self) -> cv2.aruco.CharucoBoard:
        """The same board as an OpenCV object."""
        assert self.dictionary is not None
        assert self.marker is not None
        board = cv2.aruco.CharucoBoard(
            (self.columns, self.rows),
            self.square,
            self.marker,
            marker_dictionary(self.dictionary),
        )
        board.setLegacyPattern(self.legacy)
        return board

    def white_at(self, column: int, row: int) -> bool:
        """Return whether a square is white; a ChArUco board's markers are in the white ones."""
        shifted = self.is_charuco and self.legacy and self.rows % 2 == 0
        return (column + row + shifted) % 2 == 1

    @cached_property
    def marker_at(self) -> dict[tuple[int, int], int]:
        """Ids of a ChArUco board's markers by column and row of their squares."""
        places = [(c, r) for r in range(self.rows) for c in range(self.columns)]
        return {place: k for k, place in enumerate(p for p in places if self.white_at(*p))}

    def scaled(self, share: float) -> "Board":
        """Return the board as if everything were printed larger by a factor.

        Parameters
        ----------
        share : float
            Factor of all lengths; 1 leaves the board as it is.

        Returns
        -------
        Board
            With its square and marker multiplied by the factor.
        """
        marker = None if self.marker is None else self.marker * share
        return replace(self, square=self.square * share, marker=marker)

    @property
    def is_symmetric(self) -> bool:
        """Whether it looks the same after half a turn."""
        return not self.is_charuco and (self.columns + self.rows) % 2 == 0

    def as_black_on_white(self, picture: Picture) -> Picture:
        """Return an image in which the board's dark squares are dark, however it was printed."""
        return np.asarray(255 - picture, np.uint8) if self.inverted else picture


def load_board(path: Path) -> Board:
    """Read and check a board.toml file.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    Board
        With warnings for what is unusual about its sizes.

    Raises
    ------
    InputError
        The file is missing or unreadable, or a field breaks the format.
    """
    file = load_toml(Path(path), BoardFile)
    columns, rows = file.squares
    board = Board(
        columns, rows, file.square, file.marker, file.dictionary, file.legacy, file.inverted
    )
    return replace(board, warnings=check_board(board, str(path)))


def save_board(path: Path, board: Board, inputs: Sequence[Path] = ()) -> None:
    """Write a board.toml file with its provenance.

    Parameters
    ----------
    path : Path
        The file to write.
    board : Board
        The board to describe.
    inputs : sequence of Path, optional
        Files that it was made from, for the provenance.
    """
    write_toml(
        path,
        {
            "format": BOARD_FORMAT,
            "type": "charuco" if board.is_charuco else "chessboard",
            "squares": [board.columns, board.rows],
            "square": board.square,
            "marker": board.marker,
            "dictionary": board.dictionary,
            "legacy": True if board.legacy else None,
            "inverted": True if board.inverted else None,
        },
        inputs,
    )
