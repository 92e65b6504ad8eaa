"""One view's step from its pixels' sums: whatever the pixels are, it says something or nothing."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nav.core.frames import Array
from nav.tracking.fit.kernel_arguments import PixelTotals
from nav.tracking.fit.pixel_moments import AT_BLUR, AT_RESPONSE, BRIGHTNESS, COLUMNS, GEOMETRY
from nav.tracking.fit.view_solver import PLACE, solve_view


def step(
    rows: Array, *, free_blur: bool = True, free_curvature: bool = True
) -> tuple[Array, Array, bool]:
    """Information, gradient and whether it is good, of pixels' derivative rows and residuals."""
    grey = rows[:, COLUMNS]
    found = solve_view(
        rows.T @ rows,
        PixelTotals(len(rows), len(rows), float(len(rows)), float(grey.sum()), float(grey @ grey)),
        np.array([100.0, 20.0, *np.zeros(BRIGHTNESS - 2)]), np.eye(2).ravel()[:3] + 1.0,
        np.ones(3), free_blur, free_curvature,
    )  # fmt: skip
    return found.information, found.gradient, found.good


@given(
    st.integers(0, 1000),
    st.sets(st.sampled_from(["flow", "blur", "response", "brightness"])),
    st.booleans(),
    st.booleans(),
)
def test_pixels_that_tell_nothing_of_something_are_no_error(
    seed, silent, free_blur, free_curvature
):
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(rng.integers(40, 200), COLUMNS + 1))
    rows *= 10.0 ** rng.uniform(-2.0, 2.0, COLUMNS + 1)
    parts = {
        "flow": slice(0, GEOMETRY),
        "blur": slice(AT_BLUR, AT_RESPONSE),
        "response": slice(AT_RESPONSE, COLUMNS),
        "brightness": slice(GEOMETRY + 2, AT_BLUR),
    }
    for name in silent:
        rows[:, parts[name]] = 0.0
    information, gradient, good = step(rows, free_blur=free_blur, free_curvature=free_curvature)
    assert np.isfinite(information).all()
    assert np.isfinite(gradient).all()
    if "flow" in silent:
        assert not good
    if good:
        assert np.linalg.eigvalsh(information).min() > -1e-6 * np.trace(information)


def test_what_is_eliminated_takes_its_share_of_the_information():
    """As the inverse's block does: Schur's complement."""
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(300, COLUMNS + 1))
    rows[:, GEOMETRY] += 3.0  # so that the gain is positive
    rows[:, COLUMNS] += 50.0 * rows[:, GEOMETRY]
    information, _, good = step(rows, free_blur=False)
    assert good
    kept = [*range(GEOMETRY), *range(AT_RESPONSE, COLUMNS)]
    gain = 100.0 + np.linalg.lstsq(rows[:, GEOMETRY:AT_BLUR], rows[:, COLUMNS], rcond=None)[0][0]
    scaled = rows[:, :COLUMNS].copy()
    scaled[:, kept] *= gain
    unknown = [*kept, *range(GEOMETRY, AT_BLUR)]
    whole = np.linalg.inv(scaled[:, unknown].T @ scaled[:, unknown])
    assert information == pytest.approx(np.linalg.inv(whole[:PLACE, :PLACE]), rel=1e-4, abs=1.0)
