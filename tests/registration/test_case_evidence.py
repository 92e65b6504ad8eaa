"""Whether residuals speak for another case's bone: their pattern, outliers, and too few points."""

import numpy as np
import pytest
from scipy.spatial.transform import RigidTransform
from scipy.stats import binom, ncx2

from nav.core.frames import Pose
from nav.registration.case_evidence import (
    ASKED,
    DIFFERENCE,
    case_probability,
    doubt_case,
    missed_difference,
    shape_probability,
)
from nav.registration.determinacy import weakest_motion
from nav.registration.goodness_of_fit import SurfaceFit

SD = 0.3  # mm
STRETCH = np.diag([1.0, -0.5, -0.5])


def fit(rng, count=60, difference=None, share=0.0, sd=SD, off=()):
    """Points all over a lump; `difference` moves each along its normal, mm."""
    normals = rng.normal(size=(count, 3))
    normals /= np.linalg.norm(normals, axis=1)[:, None]
    places = normals * [30.0, 15.0, 20.0] + rng.normal(0.0, 3.0, (count, 3))
    rows = np.hstack([normals, np.cross(places, normals)])
    residuals = rng.normal(0.0, sd * np.sqrt(1.0 - share), count)
    if difference is not None:
        residuals += difference(places, normals)
    # the best rigid motion leaves what it cannot explain
    residuals -= rows @ np.linalg.lstsq(rows, residuals)[0]
    residuals[list(off)] += 6.0 * sd
    used = np.abs(residuals) <= 4.0 * sd
    covariance = np.eye(6) * 1e-4
    return SurfaceFit(
        Pose(RigidTransform.identity(), covariance), residuals, np.full(count, sd), used,
        float(((residuals[used] / sd) ** 2).sum()), int(used.sum()) - 6, 0.0,
        weakest_motion(covariance, np.eye(3) * 20.0), places, rows, np.full(count, share),
    )  # fmt: skip


def stretched(rms):
    def difference(places, normals):
        off = np.einsum("ni,ij,nj->n", normals, STRETCH, places)
        return off * rms / np.sqrt(np.mean(off**2))

    return difference


@pytest.fixture
def rng():
    return np.random.default_rng(4)


def test_independent_noise_is_doubted_as_often_as_stated(rng):
    fits = [fit(rng) for _ in range(120)]
    for doubts in (map(shape_probability, fits), map(case_probability, fits)):
        probabilities = np.array(list(doubts))
        for share in (ASKED, 0.5):
            low, high = binom.interval(0.999, len(fits), share)
            assert low <= (probabilities < share).sum() <= high


def test_bone_of_another_shape_is_seen_by_the_pattern_of_its_residuals(rng):
    patterns = [shape_probability(fit(rng, difference=stretched(0.3))) for _ in range(40)]
    assert np.median(patterns) < 1e-3
    asked = [doubt_case(fit(rng, difference=stretched(0.3))) for _ in range(40)]
    assert sum(said is not None and "is it this case" in said for said in asked) >= 39


def test_the_surfaces_own_error_is_no_other_shape(rng):
    share = 0.5
    known, unknown = (
        np.mean(
            [
                shape_probability(fit(rng, difference=stretched(SD * np.sqrt(share)), share=s))
                < 0.1
                for _ in range(60)
            ]
        )
        for s in (share, 0.0)
    )
    assert known < 0.25
    assert unknown > 0.6


def test_scaled_noise_has_no_pattern(rng):
    patterns = [shape_probability(fit(rng, sd=sd)) for sd in (0.01, 3.0) for _ in range(30)]
    assert 0.3 < np.mean(patterns) < 0.7


def test_too_few_points_to_tell_cases_apart_are_not_enough(rng):
    for count in (25, 60):
        found = fit(rng, count)
        freedom = count - 6
        limit = ncx2.isf(ASKED, freedom, 1e-9)
        missed = ncx2.cdf(limit, freedom, freedom * (DIFFERENCE / SD) ** 2)
        assert missed_difference(found) == pytest.approx(missed, rel=1e-3)
    exact = fit(rng, 60)
    exact.residuals[:] *= 0.9 / np.sqrt(np.mean((exact.residuals / SD) ** 2))
    assert doubt_case(exact) is None
    few = fit(rng, 25)
    while case_probability(few) < 0.2:
        few = fit(rng, 25)
    said = doubt_case(few)
    assert said is not None
    assert "25 such points would miss" in said
    assert doubt_case(few, with_fiducials=True) is None


def test_the_pattern_of_very_many_points_is_still_seen_and_soon(rng, monkeypatch):
    monkeypatch.setattr("nav.registration.case_evidence.MOST_POINTS", 100)
    sizes = []
    real = np.linalg.eigvalsh
    monkeypatch.setattr("numpy.linalg.eigvalsh", lambda a: sizes.append(len(a)) or real(a))
    assert shape_probability(fit(rng, 350, difference=stretched(0.3))) < 1e-3
    assert sizes == [88 - 6]


def test_points_off_the_bone_are_asked_about(rng):
    found = fit(rng, 60, off=range(5))
    while case_probability(found) < 0.2:
        found = fit(rng, 60, off=range(5))
    said = doubt_case(found)
    assert said is not None
    assert "5 of 60 points are off the bone" in said
