"""Calibration and a map of tags from published real pictures: `make bench-real-calibration`.

OpenCV's stereo pairs and a telephone's chessboards, calibrated by us and by OpenCV, each judged by
pictures that were left out; then AprilTags on the walls of a room, seen by that telephone, chained
and adjusted to a map, from our tracking's corners and from OpenCV's, with each one's lens.
"""

import argparse
import sys
from datetime import UTC, datetime

from rich.console import Console

from tests.bench.real_calibration.board_tables import show_boards
from tests.bench.real_calibration.chessboards import opencv_pairs, phone_chessboards
from tests.bench.real_calibration.map_tables import show_map
from tests.bench.real_calibration.tag_views import room_pictures
from tests.reference_data import find_reference_data

PAIRS = ("camera", "opencv-stereo-chessboard")
ROOM = ("camera", "swarthmore-tag-map", "mapping_feb_2014")
PARTS = ("pairs", "chessboards", "map")
WIDE = 140  # columns of the terminal, at least


def main() -> int:
    """Print the tables; return the exit code."""
    parser = argparse.ArgumentParser("bench-real-calibration", description=__doc__)
    parser.add_argument("--only", choices=PARTS, nargs="+", default=PARTS, help="parts to run")
    options = parser.parse_args()
    console = Console(width=max(WIDE, Console().width))
    pairs, room = find_reference_data(*PAIRS), find_reference_data(*ROOM)
    if pairs is None or room is None:
        print(
            f"no reference data: set C1C2NAV_REFERENCE_DATA to a folder with {'/'.join(PAIRS)} and "
            f"{'/'.join(ROOM)}",
            file=sys.stderr,
        )
        return 2
    if "pairs" in options.only:
        show_boards(console, opencv_pairs(pairs))
    if "chessboards" in options.only:
        show_boards(console, phone_chessboards(room))
    if "map" in options.only:
        show_map(console, phone_chessboards(room), room_pictures(room))
    console.print(f"{datetime.now(UTC):%Y-%m-%d}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
