"""Two trackers compared, and gauge R&R: from the command line."""

import csv
import json
import warnings
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from nav.accuracy.tracker_comparison import compare_points
from tests.accuracy.accuracy_command import PATTERN, points, run, touched


def test_two_trackers_are_compared_in_any_frame(tmp_path, capsys):
    rng, turn = np.random.default_rng(2), Rotation.random(random_state=4)
    many = {f"D{k}": p for k, p in enumerate(rng.uniform(-100, 100, (40, 3)))}
    a = points(tmp_path / "a.csv", {k: p + rng.normal(0, 0.1, 3) for k, p in many.items()})
    b = points(
        tmp_path / "b.csv",
        {k: turn.apply(1.01 * p + rng.normal(0, 0.2, 3)) + 50 for k, p in many.items()},
    )
    assert run("accuracy", "compare", a, b, "--output", tmp_path / "c.html") == 0
    found = json.loads((tmp_path / "c.json").read_text())["agreement"]
    assert found["length"]["slope"]["low"] < 0.01 < found["length"]["slope"]["high"]
    sizes = [np.linalg.norm(p) for p in many.values()]
    assert found["length"]["bias"]["value"] == pytest.approx(0.01 * np.mean(sizes), abs=0.15)
    assert abs(found["x"]["bias"]["value"]) < 1e-9
    assert (tmp_path / "c.html").read_text().count("<svg") == 1
    assert run("accuracy", "compare", a, b, "--same-frame") == 0
    few = points(tmp_path / "few.csv", dict(list(many.items())[:3]))
    capsys.readouterr()
    assert run("accuracy", "compare", a, few) == 2
    assert "3 points are in both; at least 4" in capsys.readouterr().err


def test_differences_of_known_size_have_that_size(tmp_path):
    rng = np.random.default_rng(6)
    found = []
    for _ in range(60):
        true = {f"D{k}": p for k, p in enumerate(rng.uniform(-100, 100, (6, 3)))}
        off = {k: p + rng.normal(0, 0.2, 3) for k, p in true.items()}
        one = compare_points(true, off).agreements
        found += [one[axis].sd ** 2 for axis in "xyz"]
    files = points(tmp_path / "a.csv", true), points(tmp_path / "b.csv", off)
    run("accuracy", "compare", *files, "--output", tmp_path / "c.html")
    reported = json.loads((tmp_path / "c.json").read_text())["agreement"]
    assert [reported[axis]["sd"] for axis in "xyz"] == pytest.approx(
        [one[axis].sd for axis in "xyz"], abs=1e-5
    )
    # alignment takes six degrees of freedom, which have to be made up for
    assert np.sqrt(np.mean(found)) == pytest.approx(0.2, rel=0.05)


def test_frames_in_time_count_as_few_where_neighbours_err_alike():
    rng = np.random.default_rng(7)
    true = rng.uniform(-100, 100, (400, 3))
    slow = np.repeat(rng.normal(0, 0.2, (20, 3)), 20, axis=0) + rng.normal(0, 0.01, (400, 3))
    frames = {str(k): p for k, p in enumerate(true)}, {str(k): p for k, p in enumerate(true + slow)}
    apart = compare_points(*frames, same_frame=True)
    in_time = compare_points(*frames, same_frame=True, in_time=True)
    assert apart.independent == 400
    assert 8 <= in_time.independent <= 50
    narrow, wide = (one.agreements["x"].bias for one in (apart, in_time))
    assert wide.high - wide.low > 2.5 * (narrow.high - narrow.low)


def test_a_study_of_copied_repeats_is_refused(tmp_path, capsys):
    table = tmp_path / "gauge.csv"
    with table.open("w", newline="") as file:
        csv.writer(file).writerows(
            [["operator", "part", "repeat", "value"]]
            + [[o, d, r, k + d] for k, o in enumerate("ab") for d in range(4) for r in (1, 2)]
        )
    assert run("accuracy", "gauge", table) == 2
    assert "all repeats are identical" in capsys.readouterr().err


def gauge_rows(spread: float = 0.1) -> list[list[object]]:
    rng = np.random.default_rng(9)
    return [
        [operator, f"D{part}", repeat, 0.5 * part + 0.05 * k + rng.normal(0, spread)]
        for k, operator in enumerate(("anna", "ben", "carla"))
        for part in range(10)
        for repeat in range(3)
    ]


def write_gauge(path: Path, rows: list[list[object]], part: str = "divot") -> Path:
    with open(path, "w", newline="") as file:
        csv.writer(file).writerows([["operator", part, "repeat", "value"], *rows])
    return path


def test_a_gauge_study_from_a_table(tmp_path, capsys):
    table = write_gauge(tmp_path / "gauge.csv", gauge_rows())
    page = tmp_path / "gauge.html"
    assert run("accuracy", "gauge", table, "--tolerance", "10", "--output", page) == 0
    one = json.loads(page.with_suffix(".json").read_text())["studies"]["value"]
    assert one["repeatability"] == pytest.approx(0.1, rel=0.2)
    assert one["verdict"] == "good"
    assert {source["name"]: source["freedom"] for source in one["sources"]} == {
        "operator": 2, "part": 9, "interaction": 18, "repeatability": 60,
    }  # fmt: skip
    # the rows of the analysis add up to the total sum of squares
    values = np.array([row[3] for row in gauge_rows()], float)
    total = ((values - values.mean()) ** 2).sum()
    assert sum(source["squares"] for source in one["sources"]) == pytest.approx(total)
    assert "good: the gauge takes" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda rows: rows[1:], "operator anna lacks divot D0, repeat 0"),
        (lambda rows: [*rows, rows[0]], "operator anna, divot D0, repeat 0 appears twice"),
        (lambda rows: [[*rows[0][:3], "much"], *rows[1:]], "value: expected a finite number"),
        (lambda rows: [row for row in rows if row[0] == "anna"], "two of each at least"),
    ],
)
def test_a_study_that_is_not_crossed_is_one_line(tmp_path, capsys, change, says):
    table = write_gauge(tmp_path / "gauge.csv", change(gauge_rows()))
    assert run("accuracy", "gauge", table) == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1
    assert says in lines[0]


@pytest.mark.parametrize("names", [("$a_{$", "_ben"), ("日本", r"$\frac{$"), ("[red]a", "[/b]")])
def test_names_are_drawn_as_they_are(tmp_path, names):
    rows = [
        (operator, f"{names[0]} {part}", repeat, f"{part + 0.1 * repeat + 0.01 * k}")
        for k, operator in enumerate(names)
        for part in range(3)
        for repeat in range(2)
    ]
    table, page = write_gauge(tmp_path / "gauge.csv", rows), tmp_path / "gauge.html"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert run("accuracy", "gauge", table, "--output", page) == 0
    assert page.exists()


@pytest.mark.parametrize("tolerance", ["0", "-1", "nan", "inf"])
def test_a_tolerance_that_is_none_is_one_line(tmp_path, capsys, tolerance):
    table = write_gauge(tmp_path / "gauge.csv", gauge_rows())
    assert run("accuracy", "gauge", table, "--tolerance", tolerance) == 2
    assert "tolerance: expected a number above 0" in capsys.readouterr().err


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_mirror_image_is_no_comparison(tmp_path, capsys, axis):
    first = touched(tmp_path / "a.csv", np.random.default_rng(1), 0.1)
    mirror = np.where(np.arange(3) == axis, -1.0, 1.0)
    second = points(tmp_path / "b.csv", {k: p * mirror for k, p in PATTERN.items()})
    page = tmp_path / "page.html"
    assert run("accuracy", "compare", first, second, "--output", page) == 2
    assert "mirror image" in capsys.readouterr().err
    assert not page.exists()


def test_points_that_are_not_the_same_are_no_comparison(tmp_path, capsys):
    first = touched(tmp_path / "a.csv", np.random.default_rng(1), 0.1)
    exchanged = dict(zip(PATTERN, np.roll(list(PATTERN.values()), 1, axis=0), strict=True))
    second = points(tmp_path / "b.csv", exchanged)
    assert run("accuracy", "compare", first, second) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert "do not match: FRE" in said.err


@pytest.mark.parametrize("more", [("--name", "x"), ("--offset", "nan"), ("--offset", "1")])
def test_options_of_poses_are_refused_with_points(tmp_path, capsys, more):
    first = points(tmp_path / "a.csv", PATTERN)
    second = points(tmp_path / "b.csv", PATTERN)
    assert run("accuracy", "compare", first, second, *more) == 2
    assert "apply to poses" in capsys.readouterr().err


def test_a_gauge_study_of_touched_files(tmp_path, capsys):
    rng = np.random.default_rng(4)
    files = [
        touched(tmp_path / f"{operator}-{repeat}.csv", rng, 0.1)
        for operator in ("anna", "ben")
        for repeat in (1, 2, 3)
    ]
    page = tmp_path / "gauge.html"
    assert run("accuracy", "gauge", *files, "--tolerance", "10", "--output", page) == 0
    studies = json.loads(page.with_suffix(".json").read_text())["studies"]
    assert set(studies) == {"x", "y", "z"}
    assert [one["gauge"] for one in studies.values()] == pytest.approx([0.1] * 3, rel=0.4)
    assert run("accuracy", "gauge", *files) == 2
    assert "give --tolerance" in capsys.readouterr().err
    odd = points(tmp_path / "odd.csv", PATTERN)
    capsys.readouterr()
    assert run("accuracy", "gauge", files[0], odd, "--tolerance", "10") == 2
    assert "expected a name like OPERATOR-REPEAT.csv" in capsys.readouterr().err
