"""Degraded pictures are pictures still, and degraded by what they are named after."""

import cv2
import numpy as np
import pytest

from tests.bench.degraded.alter import degradations, others_filters, pillow_unsharp, unsharp


def edge():
    picture = np.full((60, 80), 60, np.uint8)
    picture[:, 40:] = 160
    return cv2.GaussianBlur(picture, (0, 0), 0.8)


def noisy():
    return edge() + np.random.default_rng(0).integers(0, 8, (60, 80), dtype=np.uint8)


@pytest.mark.parametrize("kind", degradations() + others_filters(), ids=lambda kind: kind.name)
def test_a_degraded_picture_has_the_same_size_and_type(kind):
    before = noisy()
    after = kind.alter(before)
    assert (after.shape, after.dtype) == (before.shape, np.uint8)
    assert np.array_equal(before, noisy())  # its own is left as it was
    assert kind.name == "none" or not np.array_equal(before, after)


def test_an_unsharp_mask_makes_halos_and_leaves_what_is_even():
    sharp = unsharp(edge(), 1.0, 1.5)
    assert sharp.max() > 170
    assert sharp.min() < 50
    assert (sharp[:, 60:] == 160).all()


@pytest.mark.parametrize("width", [0.8, 1.5, 3.0])
def test_two_libraries_unsharp_masks_are_about_the_same(width):
    ours, pillows = unsharp(edge(), 1.0, width), pillow_unsharp(edge(), 1.0, width)
    assert np.abs(ours.astype(float) - pillows).max() < 10.0  # of a halo of 15 to 28
    assert pillows.max() > 162
