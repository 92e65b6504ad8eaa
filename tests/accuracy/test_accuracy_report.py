"""`nav accuracy measure` and `guide` end to end: a simulated day, its report, and wrong input."""

import json
import re
from pathlib import Path
from shutil import copytree

import numpy as np
import pypdfium2  # type: ignore[import-untyped]
import pytest
from scipy.stats import norm, t

import nav
from nav import cli
from nav.accuracy.block_location import locate_block
from nav.record.pose_recording import PoseRecording
from nav.record.pose_table import open_pose_table
from nav.registration.pointfile import load_points
from nav.registration.touch_source import find_touches, tip_series
from nav.tracking.tool import load_tool
from phantoms.demo import block_day
from phantoms.demo.block_day import BlockDay, DaySettings, write_block_day

approx = pytest.approx
SETTINGS = DaySettings(places=("CL", "TL"), touches=6)
FEW = ("CL-points.csv", "TL-points.csv", "TL-single.csv")
COMMON = [  # of Atracsys' SlicerAstmPhantomTest
    "Tracker Serial Number",
    "Pointer",
    "Working Volume",
    "Phantom",
    "Operator",
    "Start date_time",
    "Duration",
    "Central Divot",
    "Point acquisition",
    "Recalibration at each location",
    "Calibrated Ground Truth",
    "Single Point Measurements [Extreme Left]",
    "Single Point Measurements [Extreme Right]",
    "Single Point Measurements [Normal]",
    "Roll Rotation Measurements",
    "Pitch Rotation Measurements",
    "Yaw Rotation Measurements",
    "Multi-point Measurements",
]


def run(*words):
    """Run the command line; return its exit code."""
    with pytest.raises(SystemExit) as end:
        cli.main([str(word) for word in words])
    return end.value.code or 0


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("day")
    write_block_day(folder, SETTINGS)
    return folder


@pytest.fixture(scope="module")
def reported(written):
    assert run("accuracy", "measure", "--plan", written / "plan.toml", "--output",
               written / "report") == 0  # fmt: skip
    return written / "report"


@pytest.fixture
def day(written, tmp_path):
    """A copy of the day, to be spoilt."""
    return copytree(written, tmp_path / "day", ignore=lambda *_: {"report"})


@pytest.fixture
def few(day):
    """A day of three recordings, to be spoilt: what is wrong with one needs no others."""
    plan = day / "plan.toml"
    lines = plan.read_text(encoding="utf-8").splitlines()
    kept = [line for line in lines if "file = " not in line or any(f'"{n}"' in line for n in FEW)]
    assert len(lines) - len(kept) > 10
    plan.write_text("\n".join(kept), encoding="utf-8")
    return day


def refused(folder: Path, capsys) -> str:
    """Return the one line that refuses a day; nothing is written."""
    capsys.readouterr()
    code = run("accuracy", "measure", "--plan", folder / "plan.toml", "--output", folder / "new")
    line = capsys.readouterr().err.strip()
    assert code == 2
    assert "\n" not in line
    assert not (folder / "new").exists() or not any((folder / "new").iterdir())
    return line


def edit(path: Path, old: str, new: str, count: int = -1) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, count), encoding="utf-8")


def change_rows(path: Path, change) -> None:
    """Rewrite a poses.csv by a function of its header and rows."""
    header, *rows = path.read_text(encoding="utf-8").splitlines()
    changed = change(header.split(","), [row.split(",") for row in rows])
    path.write_text("\n".join([header, *(",".join(row) for row in changed)]) + "\n")


def test_the_json_has_the_fields_that_others_read(reported):
    data = json.loads((reported / "report.json").read_text(encoding="utf-8"))
    assert [key for key in data if key in COMMON] == COMMON
    truth = data["Calibrated Ground Truth"]
    assert set(data["Single Point Measurements [Normal]"]) == {"CL", "TL"}
    assert set(data["Multi-point Measurements"]["CL"]) == set(truth)
    assert np.shape(data["Yaw Rotation Measurements"]["TL"])[1] == 4
    # the mean error as their program computes it is the bias of ours
    for single in data["c1c2nav"]["single_point"]:
        measured = np.array(data[f"Single Point Measurements [{single['test']}]"][single["place"]])
        assert len(measured) == single["statistics"]["count"] == SETTINGS.touches
        error = np.linalg.norm((measured - truth["P"]).mean(axis=0))
        assert error == approx(single["statistics"]["bias"]["value"], abs=1e-5)
    for place in data["c1c2nav"]["multi_point"]:
        points = data["Multi-point Measurements"][place["place"]]
        pairs = [(a, b) for a in points for b in points if a < b]
        errors = [
            np.linalg.norm(np.subtract(points[a], points[b]))
            - np.linalg.norm(np.subtract(truth[a], truth[b]))
            for a, b in pairs
        ]
        assert len(errors) == place["distances"]["count"]
        assert np.sqrt(np.mean(np.square(errors))) == approx(
            place["distances"]["rms"]["value"], abs=1e-5
        )


def test_the_known_errors_of_the_day_are_found(reported):
    own = json.loads((reported / "report.json").read_text(encoding="utf-8"))["c1c2nav"]
    drift = own["warm_up"]["CL"]
    low, high = drift["time_constant"]["low"], drift["time_constant"]["high"]
    assert low <= 150.0 <= high
    assert drift["amplitude"] == approx(0.25, abs=0.06)
    # print (0.08 mm per axis), seating (0.05) and tracking
    for place in own["multi_point"]:
        assert 0.1 < place["fre"] < 0.35
    budget = own["budget"]
    assert budget["observed_rms_per_axis"] < 1.5 * budget["u"]
    # as probable as two standard deviations of a normal distribution
    k = t.isf(norm.sf(2.0), budget["effective_degrees_of_freedom"])
    assert 2.0 < k == approx(budget["k"], abs=2e-6)
    assert budget["U"] == approx(k * budget["u"], abs=2e-6)
    assert own["verdict"] == "pass"
    assert {limit["name"]: limit["word"] for limit in own["limits"]}["drift"] == "pass"


def test_the_page_says_what_a_stranger_needs(reported):
    page = (reported / "report.html").read_text(encoding="utf-8")
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))
    for words in (
        "PASS",
        "simulated needle 17G",
        "simulated print of the divot block",
        "21.5 °C ± 1.0 K",
        "2026-05-04 09:00:00",
        f"c1c2nav {nav.__version__}",
        "What was measured, and how",
        "What this report does not show",
        "no conformity to it is claimed",
        nav.NOTICE,
        "expanded, U = 2.00 u",
        "CL-points.csv",
    ):
        assert words in text, words
    assert page.count('src="data:image/svg+xml;base64,') == 6
    # nothing is loaded from elsewhere
    assert not re.search(r"""(src|href)=["'](?!data:)|url\(|@import""", page)
    pdf = pypdfium2.PdfDocument(reported / "report.pdf")
    printed = " ".join(page.get_textpage().get_text_range() for page in pdf)
    assert len(pdf) >= 4
    assert nav.NOTICE in printed
    assert "Uncertainty budget" in printed


NAMES = ("report.json", "report.html", "report.pdf")


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_the_same_day_gives_the_same_files(day, reported):
    again = copytree(reported, day / "again")
    assert sorted(contents(again)) == sorted(NAMES)
    assert run("accuracy", "measure", "--plan", day / "plan.toml", "--output", again) == 0
    assert contents(again) == contents(reported)


@pytest.fixture(scope="module")
def with_other_limits(written, reported, tmp_path_factory):
    """The report of the same day with other limits, in the folder of the first one."""
    day = copytree(written, tmp_path_factory.mktemp("other") / "day")
    edit(day / "plan.toml", "registration_rms = 0.4", "registration_rms = 0.05")
    edit(day / "plan.toml", "jitter_rms = 0.1", "jitter_rms = 0.08")
    words = ("--plan", day / "plan.toml", "--output", day / "report")
    assert run("accuracy", "measure", *words) == 0
    return day / "report"


def test_an_earlier_report_is_kept(reported, with_other_limits):
    now = contents(with_other_limits)
    assert len(now) == 2 * len(NAMES)
    for name, before in contents(reported).items():
        assert now[name.replace(".", ".1.")] == before
        assert now[name] != before


def test_limits_decide(with_other_limits):
    own = json.loads((with_other_limits / "report.json").read_text(encoding="utf-8"))["c1c2nav"]
    words = {limit["name"]: limit for limit in own["limits"]}
    assert words["registration_rms"]["word"] == own["verdict"] == "fail"
    jitter = words["jitter_rms"]["worst"]
    assert jitter["low"] < 0.08 < jitter["high"]
    assert words["jitter_rms"]["word"] == "not decided"
    assert "■ FAIL" in (with_other_limits / "report.html").read_text(encoding="utf-8")


def in_metres(header, rows):
    columns = [header.index(name) for name in ("tx", "ty", "tz")]
    for row in rows:
        for column in columns:
            row[column] = str(0.001 * float(row[column]))
    return rows


def test_poses_in_metres_are_refused(few, capsys):
    for path in few.glob("*.csv"):
        if path.name != "block.csv":
            change_rows(path, in_metres)
    line = refused(few, capsys)
    assert "CL-points.csv" in line
    assert "metres" in line or "millimetres" in line


def test_a_recording_without_the_reference_body_is_refused(few, capsys):
    change_rows(
        few / "CL-points.csv", lambda header, rows: [row for row in rows if row[2] != "reference"]
    )
    assert "no tool is called reference; it has needle" in refused(few, capsys)


def test_another_block_is_refused(few, capsys):
    def longer(match):
        return f"{match[1]},{1.3 * float(match[2])!r},{match[3]}"

    text = (few / "block.csv").read_text(encoding="utf-8")
    moved = re.sub(r"^([A-F]\d),([^,]+),(.*)$", longer, text, flags=re.M)
    (few / "block.csv").write_text(moved, encoding="utf-8")
    assert "is it another block" in refused(few, capsys)


def test_a_divot_that_was_not_touched_is_named(few, capsys):
    label = "A4"
    place = list(BlockDay(SETTINGS).divots).index(label)

    def without(header, rows):
        frames = 12  # of a touch and its ways
        return [row for row in rows if not place * frames <= int(row[0]) < (place + 1) * frames]

    change_rows(few / "CL-points.csv", without)
    assert f"{label} was not touched" in refused(few, capsys)


def test_too_few_touches_of_a_single_point_are_refused(few, capsys):
    change_rows(
        few / "TL-single.csv", lambda header, rows: [row for row in rows if int(row[0]) < 40]
    )
    line = refused(few, capsys)
    assert "TL-single.csv: 3 touches of divot P" in line
    assert "at least 5 are needed" in line


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('divot = "P"', 'divot = "Z9"', "no divot is called Z9"),
        ('test = "roll"', 'test = "spin"', "test: "),
        ('file = "CL-roll.csv"', 'file = "gone.csv"', "gone.csv"),
        ("divot_sd = 0.08", "divot_sd = -1", "divot_sd"),
        ("temperature = 21.5", "", "temperature: is missing"),
        ('place = "TL"', 'place = "CL"', "appears twice"),
    ],
)
def test_a_wrong_plan_is_one_line(day, capsys, old, new, message):
    edit(day / "plan.toml", old, new)
    assert message in refused(day, capsys)


def test_single_points_without_a_located_block_are_refused(few, capsys):
    text = (few / "plan.toml").read_text(encoding="utf-8")
    kept = [line for line in text.splitlines() if '"points"' not in line]
    (few / "plan.toml").write_text("\n".join(kept), encoding="utf-8")
    assert "needs to know where the block is" in refused(few, capsys)


@pytest.fixture(scope="module")
def slow(written, tmp_path_factory):
    """Tools, block and a recording of all divots with rests of three seconds."""
    folder = copytree(written, tmp_path_factory.mktemp("slow") / "day")
    day = BlockDay(SETTINGS)
    tools = (day.needle_file, day.reference_file)
    writer = open_pose_table(folder / "CL-points.csv", tools, "reference")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(block_day, "REST", 24)
        for frame in day.frames("points", "CL"):
            writer.write(frame)
    writer.close()
    return folder


def guided(day, output, *more):
    return run(
        *("accuracy", "guide", "--needle", day / "needle.toml"),
        *("--reference", day / "reference.toml", "--block", day / "block.csv"),
        *("--poses", day / "CL-points.csv", "--fast", "--output", output, *more),
    )


def test_guided_touches_are_what_measure_needs(slow, tmp_path, capsys):
    """The recording, led through as if it were live, locates the block as the whole one does."""
    capsys.readouterr()
    assert guided(slow, tmp_path / "guided.csv") == 0
    said = capsys.readouterr().out
    assert said.count(": taken: ") == 16
    assert "touch P (1 of 16)" in said
    needle, divots = load_tool(slow / "needle.toml"), load_points(slow / "block.csv")
    fre = []
    for file in (slow / "CL-points.csv", tmp_path / "guided.csv"):
        series = tip_series(PoseRecording(file, ("needle", "reference")), needle)
        touches = find_touches(series).touches
        fre.append(locate_block(divots, touches, tuple(divots), file.name).registration.fre)
    assert fre[1] == approx(fre[0], abs=0.02)


def test_another_divot_is_refused_while_guided(slow, tmp_path, capsys):
    capsys.readouterr()
    order = ("P", "A1", "A3", "A2")
    code = guided(
        slow, tmp_path / "guided.csv", *(word for label in order for word in ("--divot", label))
    )
    caught = capsys.readouterr()
    assert "A3: refused: this is A2; touch A3" in caught.out
    assert code == 3
    assert "3 of 4 divots were touched, A2 would be next" in caught.err
    assert not (tmp_path / "guided.csv").exists()
