"""Pictures that repeat each other, and a focus that changes: named, and no distortion invented."""

from dataclasses import replace

import numpy as np
import pytest

from calibration.cameras.board_detection import Seen
from calibration.cameras.calibrate import calibrate_cameras
from calibration.cameras.repeats import find_repeats
from nav.core.frames import Array
from tests.calibration.boards import BOARD, SIZE, sightings, waved, wide_rig

pytestmark = pytest.mark.slow  # minutes: `make test-slow`

COUNT, SD = 16, 0.01
PLAIN = wide_rig(1, np.zeros(5))
FOCAL, MIDDLE = PLAIN.cameras[0].matrix[0, 0], PLAIN.cameras[0].matrix[:2, 2]


def views(shares: Array, seed: int = 1) -> dict[tuple[int, int], Seen]:
    """A lens without distortion whose focal length is longer by a share in each picture."""
    rng = np.random.default_rng(seed)
    seen = sightings(PLAIN, waved(len(shares), rng, 110.0), rng, SD)
    return {
        key: replace(s, pixels=MIDDLE + (s.pixels - MIDDLE) * (1.0 + shares[key[1]]))
        for key, s in seen.items()
    }


@pytest.mark.parametrize(
    ("shares", "change", "after"),
    [
        (np.zeros(COUNT), None, None),
        (np.linspace(-0.002, 0.0, COUNT), 0.002, None),
        (np.where(np.arange(COUNT) < 8, -0.04, 0.0), 0.04, 7),
    ],
    ids=["none", "drift of 0.2 %", "step of 4 %"],
)
def test_a_focus_that_changes_is_named_and_taken_into_account(shares, change, after):
    found = calibrate_cameras(BOARD, views(shares), [SIZE], ["left"])
    lens, focus = found.fit.setup.lenses[0], found.chosen.focus[0]
    assert len(np.flatnonzero(lens.distortion)) <= 1
    assert lens.pinhole[0] == pytest.approx(FOCAL, rel=1e-3)
    assert found.rms[0] < 1.5 * SD
    if change is None:
        assert focus is None
        return
    assert focus is not None
    assert focus.share == pytest.approx(change, abs=8e-4)
    assert focus.after == after
    assert found.word == ("usable" if change < 0.005 else "repeat")
    assert any("focal length changed" in advice for advice in found.verdicts[0].advice)


def test_three_pictures_five_times_are_three():
    three = views(np.zeros(3), 3)
    many = {(0, 3 * k + n): s for k in range(5) for (_, n), s in three.items()}
    rng = np.random.default_rng(4)
    many = {
        key: replace(s, pixels=s.pixels + rng.normal(0.0, SD, s.pixels.shape))
        for key, s in many.items()
    }
    assert find_repeats(many) == {k: k % 3 for k in range(3, 15)}
    found = calibrate_cameras(BOARD, many, [SIZE], ["left"])
    assert found.repeats == tuple(range(3, 15))
    assert found.verdicts[0].views == 3
    assert found.word == "repeat"


def test_a_picture_is_no_repeat_where_another_camera_sees_the_board_elsewhere():
    three = views(np.zeros(3), 5)
    seen = {(0, 0): three[0, 0], (0, 1): three[0, 0], (1, 0): three[0, 1], (1, 1): three[0, 2]}
    assert find_repeats(seen) == {}
    assert find_repeats({(0, 0): three[0, 0], (0, 1): three[0, 0], (1, 0): three[0, 1]}) == {1: 0}
