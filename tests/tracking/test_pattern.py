"""The blurred pattern in batches: the exact shares of its cells, and their derivatives."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import ndtr
from scipy.stats import multivariate_normal

from nav.core.frames import Array
from nav.tracking.fit.pattern import (
    BY_SX,
    BY_SY,
    BY_X,
    BY_XY,
    BY_Y,
    LIGHT,
    PATTERN_SHEET,
    RHO,
    ROWS,
    SX,
    SY,
    X,
    Y,
    blurred_pattern,
    colour_changes,
)
from tests.synthetic import floats

# what lies beyond the reach of 3.5 sd, either way by either axis
BEYOND = 4 * ndtr(-3.5)
IN = (X, Y, SX, SY, RHO)
OUT = {"light": LIGHT, "x": BY_X, "y": BY_Y, "sx": BY_SX, "sy": BY_SY, "xy": BY_XY}


def blurred(cells: Array, points: Array) -> dict[str, Array]:
    """Pattern and derivatives at points (m, 5): x, y, sx, sy, rho; m at most ROWS."""
    n = len(cells) - 2
    sheet = np.full(PATTERN_SHEET, np.nan)
    for column, place in enumerate(IN):
        sheet[place : place + len(points)] = points[:, column]
    blurred_pattern(sheet, len(points), colour_changes(cells.astype(np.uint8), n), n)
    return {name: sheet[place : place + len(points)] for name, place in OUT.items()}


def pattern(rng: np.random.Generator, n: int) -> Array:
    """Any cells within a white zone."""
    return np.pad(rng.integers(0, 2, (n, n)), 1, constant_values=1).astype(np.uint8)


def scattered(rng: np.random.Generator, n: int, most_blur: float, rho: float) -> Array:
    count = int(rng.integers(1, ROWS + 1))
    return np.column_stack(
        [
            rng.uniform(-0.5, n + 0.5, (count, 2)),
            rng.uniform(0.08, most_blur, (count, 2)),
            np.full(count, rho),
        ]
    )


@given(st.integers(0, 10_000), st.integers(4, 11), floats(0.1, 2.0))
def test_without_correlation_it_is_the_sum_of_the_cells_shares(seed, n, most_blur):
    rng = np.random.default_rng(seed)
    cells, points = pattern(rng, n), scattered(rng, n, most_blur, 0.0)
    edges = np.array([-np.inf, *range(n + 1), np.inf])
    by_x, by_y = (
        np.diff(ndtr((edges - points[:, [axis]]) / points[:, [2 + axis]]), axis=1)
        for axis in range(2)
    )
    expected = np.einsum("kj,ji,ki->k", by_y, cells, by_x)
    assert blurred(cells, points)["light"] == pytest.approx(expected, abs=BEYOND)


@pytest.mark.parametrize("rho", [-0.4, 0.2, 0.4])
def test_at_a_corner_of_cells_it_is_the_bivariate_normal(rho):
    cells = np.ones((8, 8), np.uint8)
    cells[4:, 4:] = 0  # from (3, 3) on, far enough to be a quadrant
    rng = np.random.default_rng(1)
    points = np.column_stack(
        [rng.uniform(2.6, 3.4, (20, 2)), np.tile([0.3, 0.4, rho], (20, 1))]
    )  # fmt: skip
    normal = multivariate_normal([0.0, 0.0], [[1.0, rho], [rho, 1.0]])
    expected = 1.0 - normal.cdf((points[:, :2] - 3.0) / points[:, 2:4])
    # the series is to the third term
    assert blurred(cells, points)["light"] == pytest.approx(expected, abs=BEYOND + rho**4 / 8)


@given(st.integers(0, 10_000), st.integers(4, 8), floats(-0.15, 0.15))
def test_the_derivatives_are_those_of_the_pattern(seed, n, rho):
    """By the sds with the covariance as it is, and by the covariance; all series are cut short."""
    rng = np.random.default_rng(seed)
    cells, points = pattern(rng, n), scattered(rng, n, 0.8, rho)
    found, step = blurred(cells, points), 1e-4
    sx, sy = points[:, 2:4].T
    smallest = np.minimum(sx, sy)
    for column, name in enumerate(("x", "y", "sx", "sy", "xy")):
        ends = []
        for sign in (1, -1):
            end = points.copy()
            if name == "xy":
                end[:, 4] += sign * step / (sx * sy)
            else:
                end[:, column] += sign * step
                end[:, 4] *= sx * sy / (end[:, 2] * end[:, 3])
            ends.append(blurred(cells, end)["light"])
        slope = (ends[0] - ends[1]) / (2 * step)
        steepest = smallest ** (-2.0 if name == "xy" else -1.0)
        near = np.abs(found[name] - slope) < 0.03 * steepest
        # an edge that comes within reach during the step makes a jump
        assert near.mean() > 0.9


def test_a_batch_does_not_know_of_its_neighbours():
    rng = np.random.default_rng(3)
    cells, points = pattern(rng, 8), scattered(rng, 8, 0.4, 0.1)
    together = blurred(cells, points)
    for k in (0, len(points) // 2, len(points) - 1):
        alone = blurred(cells, points[k : k + 1])
        for name, values in together.items():
            # more edges may be looked at for the others' sake
            scale = points[k, 2:4].min() ** -2.0
            assert values[k] == pytest.approx(alone[name][0], abs=6 * BEYOND * scale)


def test_positions_that_are_no_numbers_end_in_none():
    """A lens gone wrong at the picture's edge: the rest of the batch is as it was."""
    rng = np.random.default_rng(4)
    cells, points = pattern(rng, 8), scattered(rng, 8, 0.3, 0.0)
    expected = blurred(cells, points)["light"]
    spoilt = points.copy()
    spoilt[::7, :2] = np.nan
    found = blurred(cells, spoilt)["light"]
    kept = np.arange(len(points)) % 7 > 0
    assert found[kept] == pytest.approx(expected[kept], abs=6 * BEYOND)
