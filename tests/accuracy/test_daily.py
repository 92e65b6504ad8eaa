"""The daily check, its history, two trackers compared and gauge R&R: from the command line."""

import csv
import json
import os
import sqlite3
import warnings
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from nav.accuracy.daily_figures import daily_figures
from nav.accuracy.tracker_comparison import compare_points
from nav.cli import main
from nav.core.frames import Array

PATTERN = {f"R{k}": p for k, p in enumerate(np.random.default_rng(3).uniform(-60, 60, (8, 3)))}
TOOL = """format = "c1c2nav/tool/1"
name = "needle"
dictionary = "DICT_APRILTAG_36h11"
[[marker]]
id = 10
corners = [[-5, -5, 0], [5, -5, 0], [5, 5, 0], [-5, 5, 0]]
[tip]
position = [0.0, 0.0, 100.0]
"""


def run(*arguments: object) -> int:
    with pytest.raises(SystemExit) as end:
        main([str(a) for a in arguments])
    return int(end.value.code or 0)


def points(path: Path, given: dict[str, Array]) -> Path:
    rows = [f"{label},{x:.6f},{y:.6f},{z:.6f}" for label, (x, y, z) in given.items()]
    path.write_text("\n".join(["label,x,y,z", *rows]) + "\n")
    return path


def touched(path: Path, rng: np.random.Generator, sd: float) -> Path:
    return points(path, {k: p + rng.normal(0, sd, 3) for k, p in PATTERN.items()})


class Daily:
    """A database, and one run after the other."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.rng = folder, np.random.default_rng(5)
        self.database = folder / "checks.db"
        self.pattern = points(folder / "pattern.csv", PATTERN)
        self.rig = folder / "rig.toml"
        self.rig.write_text("first")

    def check(self, day: int, sd: float = 0.1, hour: int = 8) -> int:
        at = f"2025-03-{day:02d}T{hour:02d}:00"
        return run(
            "accuracy", "check", "--touched", touched(self.folder / "t.csv", self.rng, sd),
            "--pattern", self.pattern, "--database", self.database, "--at", at,
            "--rig", self.rig, "--operator", "anna",
        )  # fmt: skip

    def rows(self) -> int:
        with sqlite3.connect(self.database) as opened:
            return int(opened.execute("select count(*) from daily_check").fetchone()[0])


@pytest.fixture
def daily(tmp_path: Path) -> Daily:
    return Daily(tmp_path)


def test_figures_have_closed_forms():
    rng = np.random.default_rng(1)
    turn = Rotation.random(random_state=2)
    moved = {k: turn.apply(1.002 * p) + 30.0 for k, p in PATTERN.items()}
    found = daily_figures(PATTERN, moved)
    assert found.scale == pytest.approx(2.0, abs=1e-9)
    pairs = [np.linalg.norm(a - b) for k, a in PATTERN.items() for j, b in PATTERN.items() if k < j]
    assert found.distance == pytest.approx(0.002 * np.sqrt(np.mean(np.square(pairs))))
    runs = [
        daily_figures(PATTERN, {k: p + rng.normal(0, 0.2, 3) for k, p in PATTERN.items()})
        for _ in range(300)
    ]
    # FRE of n points: sqrt(1 - 2 / n) times the FLE
    assert np.sqrt(np.mean([r.fre**2 for r in runs])) == pytest.approx(
        0.2 * np.sqrt(3 * (1 - 2 / 8)), rel=0.03
    )
    assert all(r.leave_one_out > r.fre for r in runs)


def test_a_signal_asks_for_a_repeat_and_a_second_one_is_an_alert(daily, capsys):
    for day in range(1, 15):
        assert daily.check(day) == 0
    said = capsys.readouterr().out
    assert said.count("no limits yet: day") == 10
    assert said.count("in control; limits are provisional") == 4
    assert daily.check(15, sd=0.6) == 0
    assert "repeat the check now" in capsys.readouterr().out
    assert daily.check(15, sd=0.1, hour=9) == 0
    assert "in control" in capsys.readouterr().out
    assert daily.check(16, sd=0.6) == 0
    assert daily.check(16, sd=0.6, hour=9) == 1
    assert "ALERT" in capsys.readouterr().out
    assert daily.rows() == 18
    page = daily.folder / "history.html"
    assert run("accuracy", "history", daily.database, "--output", page) == 0
    said = capsys.readouterr().out
    assert "the last run: alert" in said
    text = page.read_text()
    assert text.count("<svg") == 1
    assert "src=" not in text
    assert "http-equiv" not in text
    assert "alert" in text


def test_another_rig_begins_a_new_chart(daily, capsys):
    for day in range(1, 13):
        daily.check(day)
    daily.rig.write_text("second")
    capsys.readouterr()
    assert daily.check(13, sd=0.6) == 0
    said = capsys.readouterr().out
    assert "a new chart begins" in said
    assert "no limits yet: day 1" in said
    run("accuracy", "history", daily.database)
    assert "charts: 2" in capsys.readouterr().out


def test_a_database_that_cannot_be_used_is_one_line_and_loses_nothing(daily, capsys, monkeypatch):
    monkeypatch.setattr("nav.accuracy.check_database.PATIENCE", 0.2)
    assert daily.check(1) == 0
    with sqlite3.connect(daily.database, isolation_level=None) as other:
        other.execute("begin immediate")
        capsys.readouterr()
        assert daily.check(2) == 2
        other.execute("rollback")
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1
    assert "another program keeps it locked" in lines[0]
    daily.database.chmod(0o400)
    assert daily.check(2) == 2
    assert "write-protected" in capsys.readouterr().err
    daily.database.chmod(0o600)
    assert daily.rows() == 1
    assert daily.check(1, hour=7) == 2
    assert "runs are added in order of time" in capsys.readouterr().err

    foreign = daily.folder / "foreign.db"
    with sqlite3.connect(foreign) as other:
        other.execute("create table theirs (x)")
    before = foreign.read_bytes()
    daily.database = foreign
    assert daily.check(1) == 2
    assert run("accuracy", "history", foreign) == 2
    said = capsys.readouterr().err
    assert "was not written by c1c2nav" in said
    assert "database of another program" in said
    assert foreign.read_bytes() == before
    assert run("accuracy", "history", daily.pattern) == 2
    assert "is no database" in capsys.readouterr().err


@pytest.mark.parametrize(
    "damage",
    [
        "update daily_check set taken_at = 'soon'",
        "update daily_check set taken_at = '2025-01-01T08:00'",  # without its time zone
        "update daily_check set leave_one_out = -1.0",
        "update daily_check set leave_one_out = 0.0",
        "update daily_check set scale = 9e999",
        "alter table daily_check drop column fre",
    ],
)
def test_a_damaged_run_is_one_line(daily, capsys, damage):
    assert daily.check(1) == 0
    with sqlite3.connect(daily.database) as opened:
        opened.execute(damage)
    capsys.readouterr()
    page = daily.folder / "history.html"
    assert run("accuracy", "history", daily.database, "--output", page) == 2
    assert daily.check(2) == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 2
    assert all("run 1 is damaged" in line for line in lines)
    assert not page.exists()
    assert daily.rows() == 1


def test_what_would_spoil_the_history_is_not_added(daily, capsys):
    common = ("accuracy", "check", "--pattern", daily.pattern, "--database", daily.database)
    assert run(*common, "--touched", daily.pattern) == 2
    assert "never that exact" in capsys.readouterr().err
    measured = touched(daily.folder / "t.csv", daily.rng, 0.1)
    assert run(*common, "--touched", measured, "--at", "9999-12-31") == 2
    assert "has not come yet" in capsys.readouterr().err
    assert not daily.database.exists()


def test_a_pipe_or_a_folder_in_place_of_the_database_is_refused(daily, capsys):
    pipe = daily.folder / "pipe.db"
    os.mkfifo(pipe)
    measured = touched(daily.folder / "t.csv", daily.rng, 0.1)
    common = ("--touched", measured, "--pattern", daily.pattern, "--database", daily.database)
    assert run("accuracy", "check", *common, "--rig", pipe) == 2
    assert "named pipe" in capsys.readouterr().err
    assert run("accuracy", "history", daily.folder / "pipe.db") == 2
    assert "named pipe" in capsys.readouterr().err
    assert run("accuracy", "history", daily.folder) == 2
    assert "folder" in capsys.readouterr().err


def test_touches_in_poses_give_the_jitter_too(daily, capsys):
    (daily.folder / "needle.toml").write_text(TOOL)
    rng, rows, number = np.random.default_rng(8), [], 0
    places = list(PATTERN.values())
    for k, place in enumerate(places):
        way = [place] * 40
        if k + 1 < len(places):
            way += [place + s * (places[k + 1] - place) for s in np.linspace(0.1, 0.9, 9)]
        for tip in way:
            x, y, z = tip - [0, 0, 100.0] + rng.normal(0, 0.05, 3)
            c = ",".join("1e-4" if i == j else "0" for i in range(6) for j in range(i, 6))
            for name, at in (("needle", (x, y, z)), ("reference", (0, 0, 0))):
                rows.append(
                    f"{number},{number / 30:.4f},{name},tracked,{at[0]},{at[1]},{at[2]},"
                    f"0,0,0,1,,,,,,,,,,4,0.1,,{c}"
                )
            number += 1
    head = (
        "frame,time,tool,status,tx,ty,tz,qx,qy,qz,qw,tip_x,tip_y,tip_z,tip_cxx,tip_cxy,tip_cxz,"
        "tip_cyy,tip_cyz,tip_czz,markers,rms_px,reason,"
    )
    head += ",".join(f"p{i}{j}" for i in range(6) for j in range(i, 6))
    poses = daily.folder / "poses.csv"
    poses.write_text("\n".join([head, *rows]) + "\n")
    common = ("accuracy", "check", "--touched", poses, "--pattern", daily.pattern,
              "--database", daily.database)  # fmt: skip
    assert run(*common) == 2
    assert "give the touching tool's file" in capsys.readouterr().err
    assert run(*common, "--tool", daily.folder / "needle.toml") == 0
    said = capsys.readouterr().out
    with sqlite3.connect(daily.database) as opened:
        jitter, error = opened.execute("select jitter, leave_one_out from daily_check").fetchone()
    assert jitter == pytest.approx(0.05 * np.sqrt(3), rel=0.15)
    assert error < 0.1
    assert "jitter" in said


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda p: {k: -v for k, v in p.items()}, "do not fit the pattern"),
        (lambda p: {k: v / 25.4 for k, v in p.items()}, "lie within 2.0 mm"),
        (lambda p: dict(list(p.items())[:3]), "3 divots touched; at least 4"),
        (lambda p: {**p, "X9": np.ones(3)}, "X9: the pattern has no such divot"),
    ],
)
def test_bad_touches_are_one_line_and_add_nothing(daily, capsys, change, says):
    given = points(daily.folder / "bad.csv", change(PATTERN))
    code = run("accuracy", "check", "--touched", given, "--pattern", daily.pattern,
               "--database", daily.database)  # fmt: skip
    lines = capsys.readouterr().err.strip().splitlines()
    assert code == 2
    assert len(lines) == 1
    assert says in lines[0]
    assert not daily.database.exists()


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
    # alignment takes six degrees of freedom, the mean's three are among them
    assert np.sqrt(np.mean(found) * 5 / 6) == pytest.approx(0.2, rel=0.1)


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
    assert "are for poses" in capsys.readouterr().err


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
    assert run("accuracy", "gauge", files[0], tmp_path / "pattern.csv") == 2
    odd = points(tmp_path / "odd.csv", PATTERN)
    capsys.readouterr()
    assert run("accuracy", "gauge", files[0], odd) == 2
    assert "expected a name like OPERATOR-REPEAT.csv" in capsys.readouterr().err
