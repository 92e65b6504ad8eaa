"""Paired points: exact where they are exact, and errors that are what drawn errors show."""

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.spatial.transform import RigidTransform

from nav.core.errors import InputError
from nav.core.frames import Array, rigid
from nav.registration.points import DegenerateLayout, _refine, closed_form, register_points
from nav.registration.registration_result import Registration
from tests.reference_data import reference_data
from tests.synthetic import covariances, floats, rigid_transforms, vectors

MODEL = np.array(
    [
        [40.0, 0.0, 0.0],
        [0.0, 45.0, 5.0],
        [-38.0, 2.0, 10.0],
        [3.0, -42.0, 30.0],
        [20.0, 22.0, 48.0],
        [-25.0, -18.0, 41.0],
    ]
)
TARGETS = np.array([[0.0, 0.0, 0.0], [10.0, -60.0, 40.0], [5.0, 5.0, 90.0]])
TRUE = rigid([0.4, -0.9, 1.3], [12.0, -35.0, 80.0])  # model_from_reference
TOUCHED = TRUE.inv().apply(MODEL)
SD = 0.25
ROOTS = np.random.default_rng(2).normal(size=(6, 3, 3)) * np.array([0.1, 0.2, 0.5])
ANISOTROPIC = ROOTS @ np.swapaxes(ROOTS, 1, 2) + 0.05**2 * np.eye(3)
DRAWS = 2000


def clouds(least: int = 4) -> st.SearchStrategy[Array]:
    """Points in a box of 160 mm that are not close to a line."""
    return st.lists(vectors(80.0), min_size=least, max_size=9).map(np.array).filter(spread_out)


def spread_out(points: Array) -> bool:
    spread = np.linalg.svd(points - points.mean(axis=0), compute_uv=False)
    return bool(np.hypot(spread[1], spread[2]) > 8.0 * np.sqrt(len(points)))


def carried(registration: Registration, points: Array) -> Array:
    return registration.model_from_reference.transform.apply(points)


def is_rotation(transform: RigidTransform) -> bool:
    return bool(np.linalg.det(transform.rotation.as_matrix()) > 0.0)


@given(rigid_transforms(), clouds(3), st.booleans())
def test_registration_undoes_any_rigid_motion(model_from_reference, model, weighted):
    touched = model_from_reference.inv().apply(model)
    covariance = np.array([np.diag([0.01, 0.04, 0.09])] * len(model)) if weighted else None
    found = register_points(model, touched, covariance)
    assert carried(found, touched) == pytest.approx(model, abs=1e-9)
    assert found.fre == pytest.approx(0.0, abs=1e-9)
    probes = model_from_reference.inv().apply(TARGETS)
    assert carried(found, probes) == pytest.approx(TARGETS, abs=1e-9)


@given(clouds(4), covariances(3, 2.0))
def test_closed_form_is_the_least_squares_rigid_transform(model, noise):
    """No small motion from there makes the points fit better."""
    root = np.linalg.cholesky(noise)
    offsets = np.random.default_rng(len(model)).normal(size=model.shape) @ root.T
    touched = TRUE.inv().apply(model) + offsets
    best = closed_form(model, touched)

    def misfit(by: RigidTransform) -> float:
        return float((((by * best).apply(touched) - model) ** 2).sum())

    least = misfit(RigidTransform.identity())
    for step in np.vstack([np.eye(6), -np.eye(6)]) * np.repeat([0.01, 1e-3], 3):
        assert misfit(rigid(step[3:], step[:3])) >= least


@given(clouds(4), st.integers(0, 2))
def test_a_reflection_is_never_the_answer(model, axis):
    mirror = np.ones(3)
    mirror[axis] = -1.0
    touched = TRUE.inv().apply(model * mirror)
    assert is_rotation(closed_form(model, touched))
    found = register_points(model, touched)
    assert is_rotation(found.model_from_reference.transform)
    # points with depth cannot fit their mirror image
    flat = np.linalg.svd(model - model.mean(axis=0), compute_uv=False)[2]
    assume(flat > 10.0)
    assert found.fre > 1.0


@given(rigid_transforms(), floats(20.0, 60.0))
def test_points_in_a_plane_are_not_turned_over(model_from_reference, side):
    model = np.array([[0.0, 0.0, 0.0], [side, 0.0, 0.0], [0.0, side, 0.0], [side, 1.5 * side, 0.0]])
    found = register_points(model, model_from_reference.inv().apply(model))
    above = model_from_reference.inv().apply(np.array([[0.0, 0.0, 30.0]]))
    assert carried(found, above)[0] == pytest.approx([0.0, 0.0, 30.0], abs=1e-8)


def test_with_equal_errors_the_weighted_answer_is_the_closed_form():
    touched = TOUCHED + np.random.default_rng(3).normal(0.0, SD, TOUCHED.shape)
    plain = register_points(MODEL, touched)
    weighted = register_points(MODEL, touched, fle=SD)
    assert carried(weighted, touched) == pytest.approx(carried(plain, touched), abs=1e-9)
    expected = np.linalg.norm(carried(plain, touched) - MODEL, axis=1)
    assert plain.residuals == pytest.approx(expected)
    assert plain.fre == pytest.approx(np.sqrt((expected**2).mean()))


def errors_of(found: list[Registration]) -> tuple[Array, Array]:
    """Left perturbations of the true pose that make the found ones; errors at the targets."""
    steps, misses = [], []
    for registration in found:
        step = registration.model_from_reference.transform * TRUE.inv()
        steps.append(np.hstack([step.translation, step.rotation.as_rotvec()]))
        misses.append(step.apply(TARGETS) - TARGETS)
    return np.array(steps), np.array(misses)


def assert_errors_are_as_predicted(found: list[Registration], predicted: Registration) -> None:
    steps, misses = errors_of(found)
    white = np.linalg.solve(np.linalg.cholesky(predicted.model_from_reference.covariance), steps.T)
    # an entry of a sample covariance of so many whitened draws scatters by sqrt(2 / len(found))
    assert np.cov(white) == pytest.approx(np.eye(6), abs=5.0 * np.sqrt(2.0 / len(found)))
    assert white.mean(axis=1) == pytest.approx(np.zeros(6), abs=5.0 / np.sqrt(len(found)))
    tre = np.sqrt((misses**2).sum(axis=2).mean(axis=0))
    # its square's relative sd is at most sqrt(2 / len(found)), its own half of that
    assert tre == pytest.approx(
        predicted.predicted_tre(TARGETS), rel=2.5 * np.sqrt(2.0 / len(found))
    )


def drawn(covariance: Array, seed: int) -> Array:
    """(DRAWS, n, 3) touched points with these errors."""
    rng = np.random.default_rng(seed)
    roots = np.linalg.cholesky(np.broadcast_to(covariance, (len(MODEL), 3, 3)))
    return TOUCHED + np.einsum("nij,dnj->dni", roots, rng.normal(size=(DRAWS, len(MODEL), 3)))


def test_equal_errors_scatter_the_registration_as_it_says():
    found = [register_points(MODEL, touched, fle=SD) for touched in drawn(np.eye(3) * SD**2, 5)]
    assert_errors_are_as_predicted(found, register_points(MODEL, TOUCHED, fle=SD))


def test_unequal_errors_scatter_the_registration_as_it_says():
    touches = drawn(ANISOTROPIC, 6)[:1000]  # each takes some ten steps
    found = [register_points(MODEL, touched, ANISOTROPIC) for touched in touches]
    assert_errors_are_as_predicted(found, register_points(MODEL, TOUCHED, ANISOTROPIC))
    # what it is for: nearer than with equal weights
    plain = [register_points(MODEL, touched) for touched in touches[:500]]
    assert (errors_of(found)[1] ** 2).mean() < 0.8 * (errors_of(plain)[1] ** 2).mean()


def test_covariance_and_fle_both_count():
    both = ANISOTROPIC + np.eye(3) * SD**2
    predicted = register_points(MODEL, TOUCHED, both).model_from_reference.covariance
    found = register_points(MODEL, TOUCHED, ANISOTROPIC, fle=SD).model_from_reference.covariance
    assert found == pytest.approx(predicted, rel=1e-9)


def test_predicted_tre_is_that_of_fitzpatrick_for_equal_errors():
    """TRE^2 = FLE^2 / n (1 + sum over the axes of d^2 / f^2 / 3), Fitzpatrick et al. 1998."""
    centred = MODEL - MODEL.mean(axis=0)
    axes = np.linalg.svd(centred)[2]

    def from_axes(points: Array) -> Array:
        along = points @ axes.T
        return (points**2).sum(axis=1, keepdims=True) - along**2

    mean_squares = from_axes(centred).mean(axis=0)
    ratios = (from_axes(TARGETS - MODEL.mean(axis=0)) / mean_squares).sum(axis=1)
    expected = np.sqrt(3.0 * SD**2 / len(MODEL) * (1.0 + ratios / 3.0))
    found = register_points(MODEL, TOUCHED, fle=SD).predicted_tre(TARGETS)
    assert found == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("count", [3, 4, 6])
def test_expected_fre_is_that_of_sibson(count):
    """FRE^2 = (1 - 2 / n) FLE^2, FLE^2 over three axes; to first order in FLE (Sibson 1979)."""
    model = MODEL[:count]
    squares = [
        register_points(model, touched[:count]).fre ** 2 for touched in drawn(np.eye(3) * SD**2, 7)
    ]
    expected = (1.0 - 2.0 / count) * 3.0 * SD**2
    # n FRE^2 / sd^2 is chi-square with 3 n - 6 degrees of freedom
    scatter = expected * np.sqrt(2.0 / (3 * count - 6) / DRAWS)
    assert np.mean(squares) == pytest.approx(expected, abs=4.0 * scatter)


def test_without_known_errors_the_residuals_tell_them():
    """The mean of the predicted squares is that of the true ones."""
    found = [register_points(MODEL, touched) for touched in drawn(np.eye(3) * SD**2, 9)]
    _, misses = errors_of(found)
    true = (misses**2).sum(axis=2).mean(axis=0)
    predicted = np.mean(
        [registration.predicted_tre(TARGETS) ** 2 for registration in found], axis=0
    )
    assert predicted == pytest.approx(true, rel=5.0 * np.sqrt(2.0 / DRAWS))


def test_residuals_larger_than_the_known_errors_widen_the_covariance():
    touched = TOUCHED + np.random.default_rng(4).normal(0.0, 1.0, TOUCHED.shape)
    told = register_points(MODEL, touched, fle=0.05).predicted_tre(TARGETS)
    shown = register_points(MODEL, touched).predicted_tre(TARGETS)
    assert told == pytest.approx(shown, rel=1e-6)


def test_residuals_smaller_than_the_known_errors_do_not_narrow_it():
    touched = TOUCHED + np.random.default_rng(4).normal(0.0, 0.01, TOUCHED.shape)
    told = register_points(MODEL, touched, fle=SD).predicted_tre(TARGETS)
    known = register_points(MODEL, TOUCHED, fle=SD).predicted_tre(TARGETS)
    # the points themselves moved, by 0.01 mm in 40 mm
    assert told == pytest.approx(known, rel=1e-3)


def refusal(model: object, touched: object, kind: type[InputError] = InputError) -> str:
    with pytest.raises(InputError) as caught:
        register_points(model, touched)  # type: ignore[arg-type]
    assert type(caught.value) is kind
    said = str(caught.value)
    assert said.startswith("registration: ")
    assert "\n" not in said
    return said


@pytest.mark.parametrize("count", [0, 1, 2])
def test_fewer_than_three_are_refused(count):
    said = refusal(MODEL[:count], TOUCHED[:count], DegenerateLayout)
    assert f"got {count} fiducials" in said


@given(rigid_transforms(), st.lists(floats(-80.0, 80.0), min_size=3, max_size=6))
def test_points_on_a_line_are_refused(place, ways):
    model = place.apply(np.array(ways)[:, None] * np.array([[0.6, 0.0, 0.8]]))
    said = refusal(model, model, DegenerateLayout)
    assert "of a line; add one" in said
    assert f"the {len(ways)} fiducials" in said


@pytest.mark.parametrize(
    ("touched", "said"),
    [
        (np.zeros_like(MODEL), "within 0.0 mm (rms) of one place"),
        (np.full_like(MODEL, 300.0), "within 0.0 mm (rms) of one place"),
        (MODEL * [0.0, 1.0, 0.0], "within 0.0 mm (rms) of a line"),
    ],
)
def test_touches_that_are_flatter_than_their_fiducials_are_said_to_be(touched, said):
    line = refusal(MODEL, touched, DegenerateLayout)
    assert f"the {len(MODEL)} touched points lie {said}, their fiducials do not" in line


def test_near_a_line_is_refused_by_how_near():
    model = np.array([[0.0, 3.0, 0.0], [30.0, -3.0, 0.0], [60.0, 3.0, 0.0], [90.0, -3.0, 0.0]])
    away = np.array([1.0, 3.0, 1.0])  # three times as far
    assert "lie within 2.7 mm" in refusal(model, model, DegenerateLayout)
    assert register_points(model * away, model * away).fre < 1e-9


def test_touched_points_on_a_line_are_refused_too():
    line = np.linspace(0.0, 90.0, len(MODEL))[:, None] * np.array([[1.0, 0.0, 0.0]])
    refusal(MODEL, line, DegenerateLayout)
    refusal(line, TOUCHED, DegenerateLayout)


@pytest.mark.parametrize("number", [np.nan, np.inf])
@pytest.mark.parametrize("which", [0, 1])
def test_a_number_that_is_not_finite_is_refused(number, which):
    pair = [MODEL.copy(), TOUCHED.copy()]
    pair[which][2, 1] = number
    assert "not finite" in refusal(*pair)


@pytest.mark.parametrize(
    ("model", "touched"),
    [(MODEL, TOUCHED[:5]), (MODEL[:, :2], TOUCHED[:, :2]), (MODEL.ravel(), TOUCHED.ravel())],
)
def test_unequal_counts_or_points_of_other_lengths_are_refused(model, touched):
    assert "expected as many touched points" in refusal(model, touched)


@pytest.fixture(scope="module")
def published() -> Path:
    """Folder of the CIS course's sets (Johns Hopkins University), of which 'a' has no noise."""
    return reference_data("cis")


def read_set(path: Path) -> tuple[list[int], Array]:
    """Counts of the first line, and the rows (n, 3) after it, mm."""
    first, *lines = path.read_text().splitlines()
    counts = [int(word) for word in re.split(r"[,\s]+", first) if word.isdigit()]
    rows = [re.split(r"[,\s]+", line.strip()) for line in lines if line.strip()]
    return counts, np.array(rows, float)


def test_a_published_set_is_registered_to_its_rounding(published):
    """D = F_D d, A = F_A a, C = F_D^-1 F_A c; numbers are written to 0.01 mm."""
    (n_d, n_a, n_c), body = read_set(published / "pa1-debug-a-calbody.txt")
    (*counts, n_frames), readings = read_set(published / "pa1-debug-a-calreadings.txt")
    _, output = read_set(published / "pa1-debug-a-output1.txt")
    assert counts == [n_d, n_a, n_c]
    d, a, c = np.split(body, [n_d, n_d + n_a])
    frames = readings.reshape(n_frames, n_d + n_a + n_c, 3)
    expected = output[2:].reshape(n_frames, n_c, 3)  # after the two posts
    squares, misses = [], []
    for frame, answer in zip(frames, expected, strict=True):
        seen_d, seen_a, _ = np.split(frame, [n_d, n_d + n_a])
        base, thing = register_points(seen_d, d), register_points(seen_a, a)
        squares += [base.fre**2, thing.fre**2]
        to_base = base.model_from_reference.transform.inv() * thing.model_from_reference.transform
        misses.append(to_base.apply(c) - answer)
    # the set is written to 0.01 mm: 0.0029 mm a coordinate, less what the fit takes up
    assert np.sqrt(np.mean(squares)) < 0.005
    distances = np.linalg.norm(misses, axis=2)
    assert distances.max() < 0.01
    assert np.sqrt((distances**2).mean()) < 0.006


@pytest.mark.parametrize(("name", "rms", "largest"), [("b", 0.5, 0.8), ("c", 0.6, 1.7)])
def test_published_sets_with_noise_are_registered_within_it(published, name, rms, largest):
    """Posts D and A of b and c are exact; C has noise in b, and distortion as well in c."""
    (n_d, n_a, n_c), body = read_set(published / f"pa1-debug-{name}-calbody.txt")
    (*_, n_frames), readings = read_set(published / f"pa1-debug-{name}-calreadings.txt")
    _, output = read_set(published / f"pa1-debug-{name}-output1.txt")
    d, a, c = np.split(body, [n_d, n_d + n_a])
    frames = readings.reshape(n_frames, n_d + n_a + n_c, 3)
    misses = []
    for frame, answer in zip(frames, output[2:].reshape(n_frames, n_c, 3), strict=True):
        seen_d, seen_a, _ = np.split(frame, [n_d, n_d + n_a])
        base, thing = register_points(seen_d, d), register_points(seen_a, a)
        assert max(base.fre, thing.fre) < 0.01
        to_base = base.model_from_reference.transform.inv() * thing.model_from_reference.transform
        misses.append(np.linalg.norm(to_base.apply(c) - answer, axis=1))
    assert np.sqrt(np.mean(np.square(misses))) < rms
    assert np.max(misses) < largest


@pytest.mark.parametrize("size", [2.0**31, 1e150, 1e300])
def test_a_coordinate_out_of_this_world_is_refused(size):
    model = np.array([[40, 0, 0], [0, size, 5], [-40, 0, 10], [0, -45, 30], [25, 30, 20.0]])
    touched = model.clip(-100.0, 100.0) + 0.1
    assert "is it right, and in mm?" in refusal(model, touched)


def test_points_that_determine_nothing_end_the_steps_with_a_reason():
    """All in the origin, where no check before the steps looked: turns change nothing."""
    nowhere = np.zeros((4, 3))
    with pytest.raises(DegenerateLayout, match="determine nothing"):
        _refine(RigidTransform.identity(), nowhere, nowhere, np.tile(np.eye(3), (4, 1, 1)))
