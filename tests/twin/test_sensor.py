"""From light to grey levels: defocus, response, noise, eight bits."""

import numpy as np
import pytest

from phantoms.twin.sensor import BLACK_LEVEL, WHITE_LEVEL, Optics

SHAPE = (300, 400)
PIXELS = SHAPE[0] * SHAPE[1]
ROUNDING = 1.0 / 12.0  # variance of what rounding to whole levels adds


def grey(albedo: float) -> float:
    return BLACK_LEVEL + (WHITE_LEVEL - BLACK_LEVEL) * albedo


def even(albedo: float) -> np.ndarray:
    return np.full(SHAPE, albedo, np.float32)


def generator(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.mark.parametrize("sd", [1.0, 2.0, 4.0])
def test_read_noise_has_the_mean_and_variance_asked_for(sd):
    picture = Optics(noise=sd).digitise(even(0.5), generator()).astype(float)
    variance = sd**2 + ROUNDING
    assert picture.mean() == pytest.approx(grey(0.5), abs=5 * np.sqrt(variance / PIXELS))
    assert picture.var() == pytest.approx(variance, rel=5 * np.sqrt(2 / PIXELS))


@pytest.mark.parametrize("albedo", [0.1, 0.5, 0.9])
def test_shot_noise_grows_with_the_light(albedo):
    electrons = 40.0  # per grey level
    optics = Optics(noise=1.0, electrons=electrons)
    picture = optics.digitise(even(albedo), generator()).astype(float)
    variance = 1.0 + grey(albedo) / electrons + ROUNDING
    assert picture.mean() == pytest.approx(grey(albedo), abs=5 * np.sqrt(variance / PIXELS))
    assert picture.var() == pytest.approx(variance, rel=5 * np.sqrt(2 / PIXELS))


def test_neighbours_have_noise_of_their_own():
    off = Optics(noise=4.0).digitise(even(0.5), generator()).astype(float)
    off -= off.mean()
    for other in (np.roll(off, 1, axis=0), np.roll(off, 1, axis=1)):
        assert abs((off * other).mean()) < 5 * off.var() / np.sqrt(PIXELS)


def test_without_noise_a_level_is_the_nearest_whole_one():
    picture = Optics(noise=0.0).digitise(even(0.5), generator())
    assert picture.dtype == np.uint8
    assert np.unique(picture).tolist() == [round(grey(0.5))]


def test_too_bright_and_too_dark_are_clipped():
    optics = Optics(noise=0.0)
    assert np.unique(optics.digitise(even(3.0), generator())).tolist() == [255]
    assert np.unique(optics.digitise(even(-1.0), generator())).tolist() == [round(BLACK_LEVEL)]
    noisy = Optics(noise=60.0).digitise(even(0.0), generator())
    assert (noisy == 0).mean() > 0.2


def test_a_display_gamma_brightens_the_middle_and_keeps_the_ends():
    optics = Optics(noise=0.0, gamma=2.2)
    for albedo in (0.0, 0.2, 0.5, 1.0):
        expected = round(grey(albedo ** (1 / 2.2)))
        assert np.unique(optics.digitise(even(albedo), generator())).tolist() == [expected]


def test_the_same_generator_gives_the_same_picture():
    optics = Optics(noise=2.0, electrons=50.0)
    first = optics.digitise(even(0.5), generator(7))
    assert np.array_equal(first, optics.digitise(even(0.5), generator(7)))
    assert not np.array_equal(first, optics.digitise(even(0.5), generator(8)))


@pytest.mark.parametrize("sd", [0.6, 1.0, 2.5])
def test_defocus_spreads_light_as_asked_and_loses_none(sd):
    light = np.zeros((61, 61), np.float32)
    light[30, 30] = 1.0
    spread = Optics(blur=sd).defocused(light).astype(float)
    assert spread.sum() == pytest.approx(1.0, abs=1e-5)
    v, u = np.mgrid[-30:31, -30:31]
    assert (spread * u).sum() == pytest.approx(0.0, abs=1e-5)
    for squares in (u**2, v**2):
        assert np.sqrt((spread * squares).sum()) == pytest.approx(sd, rel=0.02)
    beyond = np.maximum(np.abs(u), np.abs(v)) > Optics(blur=sd).reach()
    assert not spread[beyond].any()


def test_no_defocus_leaves_the_light():
    light = np.random.default_rng(0).random((20, 30), dtype=np.float32)
    assert np.array_equal(Optics(blur=0.0).defocused(light), light)


def test_the_gradient_is_between_the_edges():
    light = Optics(gradient=(0.2, -0.1)).light((64, 48))
    assert light.shape == (48, 64)
    assert light.mean() == pytest.approx(1.0, abs=1e-6)
    assert light[:, -1] - light[:, 0] == pytest.approx(np.full(48, 0.2), abs=1e-6)
    assert light[-1] - light[0] == pytest.approx(np.full(64, -0.1), abs=1e-6)
