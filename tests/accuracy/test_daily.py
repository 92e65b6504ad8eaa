"""The daily check and its history: from the command line."""

import os
import sqlite3
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from nav.accuracy.check_database import add_run, load_runs
from nav.accuracy.daily_figures import daily_figures
from tests.accuracy.accuracy_command import PATTERN, points, run, touched

TOOL = """format = "c1c2nav/tool/1"
name = "needle"
dictionary = "DICT_APRILTAG_36h11"
[[marker]]
id = 10
corners = [[-5, -5, 0], [5, -5, 0], [5, 5, 0], [-5, 5, 0]]
[tip]
position = [0.0, 0.0, 100.0]
"""


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
    assert "is not a database" in capsys.readouterr().err


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


def test_the_same_touches_are_not_entered_twice(daily, capsys):
    measured = touched(daily.folder / "t.csv", daily.rng, 0.1)
    common = ("accuracy", "check", "--pattern", daily.pattern, "--database", daily.database,
              "--touched", measured)  # fmt: skip
    assert run(*common, "--at", "2025-03-01T08:00") == 0
    assert run(*common, "--at", "2025-03-02T08:00") == 2
    assert "the run of 2025-03-01 08:00 to the last digit" in capsys.readouterr().err
    assert daily.rows() == 1


def test_a_history_whose_days_are_all_alike_can_be_used(daily, capsys):
    daily.check(1)
    only = load_runs(daily.database)[0]
    for day in range(2, 13):
        add_run(daily.database, replace(only, taken_at=only.taken_at + timedelta(days=day)))
    assert daily.check(20) == 0
    assert "no limits yet" in capsys.readouterr().out
    assert run("accuracy", "history", daily.database) == 0


def test_days_with_other_divots_have_a_chart_of_their_own(daily, capsys):
    daily.check(1)
    few = points(daily.folder / "few.csv", {
        k: p + daily.rng.normal(0, 0.1, 3) for k, p in list(PATTERN.items())[:5]
    })  # fmt: skip
    assert run(
        "accuracy", "check", "--touched", few, "--pattern", daily.pattern,
        "--database", daily.database, "--at", "2025-03-02T08:00", "--rig", daily.rig,
    ) == 0  # fmt: skip
    said = " ".join(capsys.readouterr().out.split())
    assert "not touched: R5, R6, R7" in said
    assert "a new chart begins" in said
    assert len({one.chart for one in load_runs(daily.database)}) == 2


def test_runs_sort_by_the_instant(daily):
    daily.check(1)
    one = load_runs(daily.database)[0]
    zones = [timezone(timedelta(hours=h)) for h in (5, -5)]
    early, late = datetime(2025, 5, 1, 9, tzinfo=zones[0]), datetime(2025, 5, 1, 8, tzinfo=zones[1])
    for at in (late, early):
        add_run(daily.database, replace(one, taken_at=at))
    assert [run.taken_at for run in load_runs(daily.database)][1:] == [early, late]


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
        (lambda p: {k: -v for k, v in p.items()}, "mirror image"),
        (lambda p: {k: v / 25.4 for k, v in p.items()}, "inches"),
        (lambda p: {k: v / 1000 for k, v in p.items()}, "metres"),
        (lambda p: {**p, "R0": p["R3"], "R3": p["R0"]}, "R0"),
        (lambda p: {k: v + 40 * (k == "R1") * np.ones(3) for k, v in p.items()}, "worst R1"),
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
