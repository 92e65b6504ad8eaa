"""Known divots touched: the error, and pass or fail."""

import io
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console
from scipy.spatial.transform import RigidTransform, Rotation

from calibration.needle.tip_check import calibrate_check, touch_errors
from nav.core.errors import InputError
from tests.synthetic import vectors

KNOWN = np.array(
    [[0, 0, 0], [60, 0, 0], [0, 50, 0], [60, 50, 10], [30, 20, 25], [10, 40, 15]], float
)
LABELS = ["D1", "D2", "D3", "D4", "[left] low", "D6"]


def points(path, labels, positions):
    rows = [f"{name},{','.join(map(str, at))}" for name, at in zip(labels, positions, strict=True)]
    path.write_text("\n".join(["label,x,y,z", *rows]) + "\n")
    return path


def case(path):
    """case.toml whose mesh is not there: only its fiducials are wanted."""
    fiducials = "".join(
        f'[[fiducial]]\nlabel = "{name}"\nposition = {at.tolist()}\nuse = "check"\n'
        for name, at in zip(LABELS, KNOWN, strict=True)
    )
    structure = '[[structure]]\nname = "bone"\nrole = "bone"\nmesh = "bone.stl"\nsigma = 0.1\n'
    path.write_text(f'format = "c1c2nav/case/1"\nname = "block"\n{structure}{fiducials}')
    return path


def checked(touched, known, limit, **how):
    text = io.StringIO()
    passed = calibrate_check(touched, known, limit, Console(file=text, width=100), **how)
    return passed, text.getvalue()


def test_errors_are_touched_less_known():
    errors = np.arange(18.0).reshape(6, 3) / 100
    found = touch_errors(KNOWN + errors, KNOWN)
    assert found.errors == pytest.approx(errors)
    assert found.distances == pytest.approx(np.linalg.norm(errors, axis=1))
    assert found.mean == pytest.approx(errors.mean(axis=0))
    assert found.rms == pytest.approx(np.sqrt((errors**2).sum() / 6))
    assert found.largest == pytest.approx(np.linalg.norm(errors[-1]))


def test_the_bound_holds_for_the_mean_nearly_as_often_as_it_says():
    rng = np.random.default_rng(0)
    truth = np.linalg.norm(rng.normal(size=(200_000, 3)), axis=1).mean()
    inside = [touch_errors(KNOWN + rng.normal(size=(6, 3)), KNOWN).bound for _ in range(1000)]
    assert np.mean(np.array(inside) >= truth) == pytest.approx(0.92, abs=0.03)


@settings(max_examples=30, deadline=None)
@given(vectors(3.0), vectors(500.0), st.integers(0, 2**32 - 1))
def test_with_register_a_rigid_motion_of_the_touched_points_changes_nothing(turn, shift, seed):
    errors = 0.1 * np.random.default_rng(seed).normal(size=(6, 3))
    away = RigidTransform.from_components(shift, Rotation.from_rotvec(turn))
    first = touch_errors(KNOWN + errors, KNOWN, register=True)
    second = touch_errors(away.apply(KNOWN + errors), KNOWN, register=True)
    assert second.errors == pytest.approx(first.errors, abs=1e-6)
    # left out of its own registration, a divot is further off than with it
    assert first.rms > 0.8 * np.sqrt((errors**2).sum() / 6) * np.sqrt(1 - 6 / 18)


def test_with_register_one_wrong_divot_shows_whole():
    touched = KNOWN.copy()
    touched[4] += [0.0, 0.0, 2.0]
    found = touch_errors(touched, KNOWN, register=True)
    assert found.errors[4] == pytest.approx([0.0, 0.0, 2.0], abs=1e-9)
    assert found.largest == found.distances.max()


def test_pass_and_fail_say_each_divot(tmp_path):
    off = np.zeros((6, 3))
    off[1] = [0.3, -0.4, 0.0]
    touched = points(tmp_path / "touched.csv", LABELS, KNOWN + off)
    known = points(tmp_path / "known.csv", LABELS, KNOWN)
    passed, text = checked(touched, known, 0.6)
    assert passed
    assert "pass: limit 0.6 mm" in text
    line = next(line for line in text.splitlines() if line.strip().startswith("D2"))
    assert line.split() == ["D2", "0.300", "-0.400", "0.000", "0.500"]
    assert "[left] low" in text
    passed, text = checked(touched, known, 0.49)
    assert not passed
    assert "fail: limit 0.49 mm" in text


def test_a_scattered_few_do_not_pass_for_luck(tmp_path):
    """Three touches whose mean is known to no better than the limit: none is beyond it."""
    off = np.array([[0.0, 0.0, 0.0], [0.0, 0.45, 0.0], [0.45, 0.0, 0.0]])
    touched = points(tmp_path / "touched.csv", LABELS[:3], KNOWN[:3] + off)
    passed, text = checked(touched, points(tmp_path / "known.csv", LABELS, KNOWN), 0.5)
    assert not passed
    assert "not touched: D4, [left] low, D6" in text


def test_a_case_and_markups_are_read_too(tmp_path):
    markup = {
        "coordinateSystem": "LPS",
        "controlPoints": [
            {"label": name, "position": at.tolist()} for name, at in zip(LABELS, KNOWN, strict=True)
        ],
    }
    touched = tmp_path / "touched.mrk.json"
    touched.write_text(json.dumps({"markups": [markup]}))
    assert checked(touched, case(tmp_path / "case.toml"), 0.1)[0]


def test_another_frame_fails_unless_registered(tmp_path):
    away = RigidTransform.from_components([100.0, 0.0, 0.0], Rotation.from_rotvec([0.0, 1.0, 0.0]))
    touched = points(tmp_path / "touched.csv", LABELS, away.apply(KNOWN))
    known = points(tmp_path / "known.csv", LABELS, KNOWN)
    assert not checked(touched, known, 1.0)[0]
    passed, text = checked(touched, known, 1.0, register=True)
    assert passed
    assert "mapped by a registration to all others" in text


def test_what_cannot_be_checked_is_refused(tmp_path):
    known = points(tmp_path / "known.csv", LABELS, KNOWN)
    strange = points(tmp_path / "strange.csv", ["D1", "D9", "D3"], KNOWN[:3])
    with pytest.raises(InputError, match=r"strange.csv: point D9: .*no such divot; it has D1, D2"):
        checked(strange, known, 1.0)
    two = points(tmp_path / "two.csv", LABELS[:2], KNOWN[:2])
    with pytest.raises(InputError, match=r"two.csv: check: 2 divots, at least 3"):
        checked(two, known, 1.0)
    three = points(tmp_path / "three.csv", LABELS[:3], KNOWN[:3])
    with pytest.raises(InputError, match="at least 4"):
        checked(three, known, 1.0, register=True)
    line = points(tmp_path / "line.csv", LABELS[:4], [[k, 0, 0] for k in range(0, 40, 10)])
    with pytest.raises(InputError, match="of a line"):
        checked(line, known, 1.0, register=True)
    for limit in (0.0, -1.0, np.nan, np.inf):
        with pytest.raises(InputError, match="--limit"):
            checked(known, known, limit)
    with pytest.raises(InputError, match=r"known.csv: expected case.toml|no such file"):
        checked(known, tmp_path / "none.toml", 1.0)


def test_arrays_that_do_not_pair_are_refused():
    for touched in (KNOWN[:5], KNOWN[:, :2], KNOWN * np.nan):
        with pytest.raises(InputError):
            touch_errors(touched, KNOWN)
