"""A dictionary of one's own is one row of a table: everything else follows."""

import cv2
import numpy as np
import pytest

from calibration.board import load_board
from nav.core.errors import InputError
from nav.tracking import marker_dictionaries
from nav.tracking.detect.marker_detection import Detector
from nav.tracking.marker_dictionaries import dictionary_names, marker_dictionary, marker_pattern
from nav.tracking.tool import load_tool

OWN = "DICT_OWN_5X5"
TOOL = """format = "c1c2nav/tool/1"
name = "own"
dictionary = "DICT_OWN_5X5"
[[marker]]
id = 7
corners = [[-10, 10, 0], [10, 10, 0], [10, -10, 0], [-10, -10, 0]]
"""
BOARD = """format = "c1c2nav/board/1"
type = "charuco"
squares = [5, 4]
square = 20.0
marker = 14.0
dictionary = "DICT_OWN_5X5"
"""


@pytest.fixture
def own(monkeypatch):
    row = {OWN: lambda: cv2.aruco.extendDictionary(12, 5)}
    monkeypatch.setattr(marker_dictionaries, "OWN_DICTIONARIES", row)


def test_a_tool_of_an_own_dictionary_is_read_and_its_markers_are_found(own, tmp_path):
    (tmp_path / "own.toml").write_text(TOOL)
    tool = load_tool(tmp_path / "own.toml")
    image = np.full((300, 300), 255, np.uint8)
    image[80:220, 80:220] = np.kron(marker_pattern(OWN, 7) * 255, np.ones((20, 20), np.uint8))
    found = Detector([tool]).find(image, [tool])[tool.name]
    assert [square.id for square in found] == [7]


def test_a_board_of_an_own_dictionary_has_its_markers(own, tmp_path):
    (tmp_path / "board.toml").write_text(BOARD)
    board = load_board(tmp_path / "board.toml")
    mine = marker_dictionary(OWN).bytesList
    assert np.array_equal(board.charuco.getDictionary().bytesList, mine)


def test_ids_that_an_own_dictionary_does_not_have_are_refused(own, tmp_path):
    (tmp_path / "own.toml").write_text(TOOL.replace("id = 7", "id = 12"))
    with pytest.raises(InputError, match="has ids 0 to 11 only"):
        load_tool(tmp_path / "own.toml")


def test_without_its_row_the_name_is_unknown(tmp_path):
    (tmp_path / "own.toml").write_text(TOOL)
    assert OWN not in dictionary_names()
    with pytest.raises(InputError, match="unknown dictionary"):
        load_tool(tmp_path / "own.toml")
