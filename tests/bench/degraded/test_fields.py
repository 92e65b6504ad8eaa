"""Two fields in one picture: rows are where their field has them, and the truth is that field's."""

import cv2
import numpy as np
import pytest

from tests.bench.degraded.fields import (
    DEINTERLACERS,
    blend,
    bob,
    deinterlaced,
    fields,
    linear,
    weave,
)


def exposure(shift=0.0, tilt=0.5):
    """An oblique edge, soft enough for rows to be interpolated."""
    v, u = np.mgrid[:40, :50].astype(np.float32)
    return np.rint(60.0 + 100.0 / (1.0 + np.exp(-(u - 25.0 - shift + tilt * v) / 3.0))).astype(
        np.uint8
    )


def far(one, other):
    """Largest difference away from the first and last rows."""
    return np.abs(one.astype(float) - other.astype(float))[4:-4].max()


def test_woven_rows_are_those_of_their_fields():
    first, second = exposure(), exposure(4.0)
    woven = weave(first, second)
    assert np.array_equal(woven[::2], first[::2])
    assert np.array_equal(woven[1::2], second[1::2])


@pytest.mark.parametrize("kept", [0, 1])
def test_one_field_stays_and_the_other_rows_lie_between(kept):
    pair = exposure(), exposure(4.0)
    made = linear(*pair, kept)
    assert np.array_equal(made[kept::2], pair[kept][kept::2])
    assert far(made, pair[kept]) < 2.0
    assert far(made, pair[1 - kept]) > 20.0


def test_a_blend_is_the_mean_of_both():
    first, second = exposure(), exposure(4.0)
    assert far(blend(first, second), (first.astype(float) + second) / 2) < 2.0


@pytest.mark.parametrize(("kept", "off"), [(0, 0.5), (1, -0.5)])
def test_an_enlarged_field_is_half_a_row_off(kept, off):
    both = exposure(), exposure()
    moved = exposure(shift=0.5 * off)  # the edge moves by half as many columns as rows
    assert far(bob(*both, kept), moved) < 2.0 < far(exposure(shift=-0.5 * off), moved)
    assert far(bob(*both, kept, how=cv2.INTER_CUBIC), moved) < 2.0


def test_a_picture_shows_the_needle_where_the_kept_field_does():
    shown = fields(4.0, 2, 0)
    camera, tool = shown.stage.rig.cameras[0], shown.stage.tool
    for first, second, middle in shown.places:
        at = [camera.project(place.apply(tool.markers[0].corners)) for place in (first, second)]
        assert np.linalg.norm(at[1] - at[0], axis=1).mean() == pytest.approx(4.0, abs=0.4)
        mean = (first.translation + second.translation) / 2
        assert middle.translation == pytest.approx(mean)
    for how in DEINTERLACERS:
        for number, shot in enumerate(deinterlaced(shown, how).shots):
            place = shown.places[number][number % 2 if how.one_field else 2]
            assert shot.truth[tool.name].translation == pytest.approx(place.translation)
