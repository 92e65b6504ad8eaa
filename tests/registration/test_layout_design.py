"""Layout design: the best of all on small problems, and never a layout that wrong labels fit."""

from itertools import combinations, pairwise

import numpy as np
import pytest

from nav import cli
from nav.core.errors import InputError
from nav.registration.correspondence import smallest_confusion
from nav.registration.layout_design import (
    MOST_FRE,
    design_layout,
    layout_tre,
    wrong_fits,
)
from nav.registration.points import register_points
from tests.registration.test_assessment import CHECKS, MODEL
from tests.solids import write_box

FLE = 0.25
PLACES = np.array([[0.0, 12.0, 0.0], [18.0, 4.0, 2.0], [0.0, -8.0, 0.0]])
KIT = np.array(list(MODEL.values()))


def some(count: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-70.0, 70.0, (count, 3))


def test_the_predicted_tre_is_that_of_registering():
    expected = register_points(KIT, KIT, fle=FLE).predicted_tre(PLACES)
    assert layout_tre(KIT, PLACES, FLE) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("count", [3, 4, 5])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_it_finds_the_best_of_all_layouts(count, seed):
    candidates = some(11, seed)
    gaps = np.linalg.norm(candidates[:, None] - candidates[None], axis=2)

    def score(chosen: tuple[int, ...]) -> float:
        near = any(gaps[a, b] < 15.0 for a, b in combinations(chosen, 2))
        return np.inf if near else layout_tre(candidates[list(chosen)], PLACES, FLE).max()

    best = min(combinations(range(len(candidates)), count), key=score)
    found = design_layout(candidates, count, PLACES, FLE, least_fre=0.0, apart=15.0)
    assert tuple(found) == best


@pytest.mark.parametrize("seed", [4, 5])
def test_with_asymmetry_asked_for_it_is_the_best_of_those_that_have_it(seed):
    """A grid has many symmetric layouts, which the smallest TRE prefers."""
    grid = np.array(
        [[x, y, z] for x in (-50.0, 50.0) for y in (-40.0, 0.0, 40.0) for z in (-30, 30)]
    )
    candidates = grid + np.random.default_rng(seed).uniform(-4.0, 4.0, grid.shape)
    free = design_layout(candidates, 4, PLACES, FLE, least_fre=0.0)
    assert wrong_fits(candidates[free]).smallest < 12.0

    def tre(chosen: tuple[int, ...]) -> float:
        return float(layout_tre(candidates[list(chosen)], PLACES, FLE).max())

    every = sorted(combinations(range(len(candidates)), 4), key=tre)
    best = next(c for c in every if wrong_fits(candidates[list(c)], most=12.0).smallest >= 12.0)
    found = tuple(design_layout(candidates, 4, PLACES, FLE, least_fre=12.0))
    assert wrong_fits(candidates[list(found)]).smallest >= 12.0
    assert tre(found) <= 1.01 * tre(best)


def test_a_square_is_confused_with_itself_and_a_plane_with_its_mirror_image():
    square = np.array([[40.0, 0, 0], [0, 40.0, 0], [-40.0, 0, 0], [0, -40.0, 0]])
    found = wrong_fits(square)
    assert (found.exchange, found.mirror) == pytest.approx((0.0, 0.0), abs=1e-6)
    tall = np.concatenate([square + np.array([5.0, 3.0, 0.0]), [[13.0, 7.0, 60.0]]])
    assert wrong_fits(tall).mirror > 5.0


def test_one_left_out_is_the_smallest_over_those_left_out_and_others_count():
    points, others = some(5, 6), some(3, 7)
    alone = []
    for k in range(5):
        kept = np.delete(points, k, axis=0)
        both = np.concatenate([kept, points[k : k + 1], others])
        confusion = smallest_confusion(both, 4, MOST_FRE)
        alone.append(np.inf if confusion is None else confusion.fre)
    found = wrong_fits(points, others)
    assert found.subset == pytest.approx(min(alone))
    assert found.exchange <= wrong_fits(points).exchange


def test_chosen_fiducials_keep_their_distance():
    candidates = some(60, 8)
    points = candidates[design_layout(candidates, 6, PLACES, FLE, apart=40.0)]
    gaps = np.linalg.norm(points[:, None] - points[None], axis=2)
    assert gaps[np.triu_indices(6, 1)].min() >= 40.0


def test_more_fiducials_predict_a_smaller_error():
    candidates = some(40, 9)
    tre = [
        layout_tre(candidates[design_layout(candidates, n, PLACES, FLE, 0.0)], PLACES, FLE).max()
        for n in range(4, 9)
    ]
    assert all(a > b for a, b in pairwise(tre))


@pytest.mark.parametrize(
    ("count", "apart", "words"),
    [(2, 15.0, "expected 3 to 20"), (9, 15.0, "expected 9 to"), (5, 500.0, "mm apart")],
)
def test_what_cannot_be_designed_is_refused(count, apart, words):
    with pytest.raises(InputError, match=words):
        design_layout(some(8, 1), count, PLACES, FLE, apart=apart)


# nav register design


@pytest.fixture
def case(tmp_path):
    for name, low in (("artery", [18.0, 2.0, -30.0]), ("cord", [-5.0, 0.0, -30.0])):
        write_box(tmp_path / f"{name}.ply", low, np.add(low, [5.0, 5.0, 60.0]))
    structures = "".join(
        f'[[structure]]\nname = "{n}"\nrole = "{n}"\nmesh = "{n}.ply"\nsigma = 0.1\n'
        for n in ("artery", "cord")
    )
    fiducials = "".join(
        f'[[fiducial]]\nlabel = "{label}"\nposition = {at}\nuse = "{use}"\n'
        for points, use in ((MODEL, "register"), (CHECKS, "check"))
        for label, at in points.items()
    )
    plan = '[[plan]]\nname = "left"\nentry = [60.0, 12.0, 0.0]\ntarget = [0.0, 12.0, 0.0]\n'
    path = tmp_path / "case.toml"
    path.write_text(f'format = "c1c2nav/case/1"\nname = "n"\n{structures}{fiducials}{plan}')
    return path


def run(capsys, case, *more: object) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        cli.main(["register", "design", "--case", str(case), *map(str, more)])
    said = capsys.readouterr()
    return int(ended.value.code or 0), said.out, said.err


def test_the_best_of_a_cases_own_fiducials_are_written_and_drawn(case, capsys, tmp_path):
    output, picture = tmp_path / "layout.csv", tmp_path / "layout.png"
    code, out, err = run(capsys, case, "--count", 5, "--output", output, "--picture", picture)
    assert (code, err) == (0, "")
    assert "present 8" in out
    rows = output.read_text().splitlines()
    assert rows[0] == "label,x,y,z"
    assert len(rows) == 6
    known = MODEL | CHECKS
    for row in rows[1:]:
        label, *at = row.split(",")
        assert [float(v) for v in at] == pytest.approx(known[label], abs=1e-3)
    assert 'file = "case.toml"' in (tmp_path / "layout.toml").read_text()
    assert picture.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (("--fle", "9"), "--fle"),
        (("--count", "2"), "--count: expected 3 to 11, got 2"),
        (("--count", "12"), "--count: expected 3 to 11, got 12"),
        (("--confusion", "-1"), "--confusion"),
        (("--apart", "400"), "400 mm apart"),
        (("--candidates", "few.csv"), "few.csv: expected 3 to 400 places for fiducials; it has 1"),
        (("--candidates", "line.csv"), "line.csv: registration: the 12 fiducials lie within"),
        (
            ("--candidates", "place.csv", "--apart", "0"),
            "place.csv: registration: the 12 fiducials",
        ),
        (("--candidates", "far.csv"), "far.csv"),
        (("--candidates", "check.csv"), f"check.csv: point {next(iter(CHECKS))}: is a check point"),
        (("--candidates", "none.csv"), "nav: none.csv: no such file"),
    ],
)
def test_bad_input_is_one_line(case, capsys, tmp_path, monkeypatch, more, words):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "few.csv").write_text("label,x,y,z\nA,1,2,3\n")
    for name, step in (("line", 20.0), ("place", 0.0)):
        rows = [f"x{k},{step * k},0,0" for k in range(12)]
        (tmp_path / f"{name}.csv").write_text("\n".join(["label,x,y,z", *rows]))
    check = "\n".join(f"{label},{x},{y},{z}" for label, (x, y, z) in CHECKS.items())
    (tmp_path / "check.csv").write_text(f"label,x,y,z\nA,1,2,3\nB,60,2,3\n{check}\n")
    far = [f"x{k},{1e9 * k},{1e9 * k * k},0" for k in range(12)]
    (tmp_path / "far.csv").write_text("\n".join(["label,x,y,z", *far]))
    code, _, err = run(capsys, case, *more)
    assert code == 2
    assert len(err.splitlines()) == 1
    assert words in err
