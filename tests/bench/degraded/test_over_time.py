"""Sequences of pictures are altered by what they are named after, and by earlier pictures alone."""

import numpy as np
import pytest

from tests.bench.degraded.over_time import (
    altered_over_time,
    lost_blocks,
    mixed,
    moving,
    over_time,
    skipped,
    torn,
)


def sequence():
    """An edge that moves by 2 px, with noise."""
    rng = np.random.default_rng(0)
    made = []
    for number in range(6):
        picture = np.full((64, 80), 60.0)
        picture[:, 30 + 2 * number :] = 160.0
        made.append((picture + rng.normal(0.0, 2.0, picture.shape)).astype(np.uint8))
    return made


@pytest.mark.parametrize("kind", over_time(), ids=lambda kind: kind.name)
def test_a_sequence_keeps_its_length_and_what_came_first_does_not_know_what_comes(kind):
    pictures = sequence()
    made = kind.alter(pictures)
    assert [p.shape for p in made] == [p.shape for p in pictures]
    assert all(p.dtype == np.uint8 for p in made)
    assert all(np.array_equal(a, b) for a, b in zip(pictures, sequence(), strict=True))
    changed = any(not np.array_equal(a, b) for a, b in zip(made, pictures, strict=True))
    assert changed == (kind.name != "as it is")


def test_mixing_shows_what_was_there_before():
    first, second, *_ = sequence()
    after = mixed([first, second], 0.5)[1]
    assert after[:, 30:32].mean() == pytest.approx(110.0, abs=2.0)
    assert mixed([first, second], 0.5, alike=20.0)[1][:, 30:32].mean() < 70.0


def test_what_is_skipped_lost_or_torn_is_the_picture_before():
    first, second, *_ = sequence()
    assert np.array_equal(skipped([first, second], 8, 255.0)[1], first)
    assert np.array_equal(lost_blocks([first, second], 16, 1.1)[1], first)
    both = torn([first, second], 1.1)[1]
    same = (both == first).all(axis=1)
    assert same[-5:].all()
    assert np.array_equal(both[:5], second[:5])


def test_the_hand_stands_still_and_moves():
    scene = moving(12, 0)
    places = np.array([shot.truth[scene.stage.tool.name].translation for shot in scene.shots])
    steps = np.linalg.norm(np.diff(places, axis=0), axis=1)
    assert steps[0] < 0.02
    assert steps[-1] > 5.0 * steps[0]
    altered = altered_over_time(scene, over_time()[0])
    before, after = (s.shots[2].frames.frames["left"].image for s in (scene, altered))
    assert np.array_equal(before, after)
