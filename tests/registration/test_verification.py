"""Verification: right registrations pass, wrong ones fail, and too few points are said to be."""

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console
from scipy.stats import binom, kstest

from nav import cli
from nav.core.errors import InputError, NotPassed
from nav.core.frames import Array, Pose, perturbed, point_jacobian
from nav.registration.assessment import FLE, assess_touches
from nav.registration.critical_points import CriticalPoint
from nav.registration.points import register_points
from nav.registration.registration_result import Registration, write_registration
from nav.registration.reuse import describe_registration
from nav.registration.touch_source import TipSeries, find_touches
from nav.registration.verification import FALSE_ALARM, MISSED, Verification, verify_registration
from nav.registration.verify_command import verify_files
from nav.tracking.tool import Tool, write_tool
from tests.registration.test_assessment import (
    FIDUCIALS,
    KNOWN,
    MODEL,
    REFERENCE_FROM_MODEL,
    TARGET,
)
from tests.registration.test_touch_source import recording
from tests.solids import write_box

AROUND = {
    "A": [60.0, 40.0, 10.0],
    "B": [-55.0, 45.0, -10.0],
    "C": [5.0, 75.0, 40.0],
    "D": [10.0, 70.0, -45.0],
    "E": [-60.0, -10.0, 20.0],
}
PLACES = (
    CriticalPoint("target", TARGET),
    CriticalPoint("artery", TARGET + np.array([18.0, 4.0, 2.0])),
)
DRAWS = 300


def registered(rng: np.random.Generator) -> Registration:
    model = np.array(list(MODEL.values()))
    touched = REFERENCE_FROM_MODEL.apply(model) + rng.normal(0.0, FLE, model.shape)
    return register_points(model, touched, fle=FLE)


def verify(
    registration: Registration,
    rng: np.random.Generator,
    points: dict[str, list[float]] = AROUND,
    shift: Array | float = 0.0,
    **more: Any,
) -> Verification:
    model = np.array(list(points.values())).reshape(-1, 3)
    touched = REFERENCE_FROM_MODEL.apply(model + shift) + rng.normal(0.0, FLE, model.shape)
    covariance = np.tile(np.eye(3) * FLE**2, (len(model), 1, 1))
    others = (list(points), model)
    return verify_registration(
        registration, list(points), model, touched, covariance, PLACES, others=others, **more
    )


def exact() -> Registration:
    """Without error, and knows it: what the tests' probabilities are exact for."""
    pose = Pose(REFERENCE_FROM_MODEL.inv(), np.zeros((6, 6)))
    return Registration(pose, 0.0, np.zeros(0))


def test_right_registrations_fail_no_more_often_than_stated():
    rng = np.random.default_rng(2)
    found = [verify(registered(rng), rng) for _ in range(DRAWS)]
    failed = sum(one.word == "fail" for one in found)
    assert binom.sf(failed - 1, DRAWS, FALSE_ALARM) > 1e-3
    assert {one.word for one in found if not one.failed} == {"pass"}


def test_its_probabilities_are_probabilities():
    rng = np.random.default_rng(3)
    found = [verify(exact(), rng) for _ in range(DRAWS)]
    assert kstest([one.fit for one in found], "uniform").pvalue > 1e-3
    assert kstest([one.motion.fit for one in found], "uniform").pvalue > 1e-3
    assert kstest([p.fit for one in found for p in one.points], "uniform").pvalue > 1e-3


def test_all_together_is_the_common_motion_and_what_is_left_of_the_touches():
    rng = np.random.default_rng(4)
    registration = registered(rng)
    found = verify(registration, rng)
    offsets = np.array([point.offset for point in found.points])
    shown = np.array(list(AROUND.values())) + offsets
    motion = np.concatenate([found.motion.shift, found.motion.turn])
    motion[:3] -= np.cross(motion[3:], found.motion.middle)
    left = offsets - point_jacobian(shown) @ motion
    assert found.chi2 == pytest.approx(found.motion.chi2 + (left**2).sum() / FLE**2)


def test_a_shift_and_a_turn_come_back_with_intervals_that_cover_them():
    rng = np.random.default_rng(5)
    turn = np.array([0.004, -0.008, 0.006])
    covered = 0
    for _ in range(DRAWS):
        pose = perturbed(REFERENCE_FROM_MODEL.inv(), np.concatenate([[0.2, -0.1, 0.3], turn]))
        wrong = Registration(Pose(pose, np.zeros((6, 6))), 0.0, np.zeros(0))
        motion = verify(wrong, rng).motion
        covered += int((np.abs(motion.turn - turn) <= motion.turn_within).sum())
    assert 0.93 < covered / (3 * DRAWS) < 0.97


def test_the_power_stated_is_the_power_seen_in_the_worst_direction():
    """Of the motions that move the target by 0.6 mm, the one that is hardest to see."""
    rng = np.random.default_rng(6)
    error = 0.6
    (at,) = point_jacobian(TARGET)
    model = np.array(list(AROUND.values()))
    jacobian = point_jacobian(model)
    covariance = np.linalg.inv(np.einsum("nia,nib->ab", jacobian, jacobian)) * FLE**2
    _, vectors = np.linalg.eigh(at @ covariance @ at.T)
    worst = covariance @ at.T @ vectors[:, -1]
    worst *= error / np.linalg.norm(at @ worst)
    wrong = Registration(
        Pose(perturbed(REFERENCE_FROM_MODEL.inv(), worst), np.zeros((6, 6))), 0.0, np.zeros(0)
    )
    found = [verify(wrong, rng, error=error) for _ in range(DRAWS)]
    stated = found[0].detections[0].missed
    seen = sum(one.motion.fit >= one.level for one in found)
    assert 0.1 < stated < 0.9
    assert min(binom.cdf(seen, DRAWS, stated), binom.sf(seen - 1, DRAWS, stated)) > 1e-3


def test_a_shift_that_matters_fails():
    rng = np.random.default_rng(7)
    for direction in np.eye(3):
        found = verify(registered(rng), rng, shift=2.0 * direction)
        assert found.word == "fail"
        assert found.motion.shift @ direction == pytest.approx(2.0, abs=0.5)


def test_exchanged_points_fail_and_are_named():
    rng = np.random.default_rng(8)
    points = {"A": AROUND["B"], "B": AROUND["A"]} | {k: AROUND[k] for k in "CDE"}
    model, shown = (np.array([p[k] for k in "ABCDE"]) for p in (AROUND, points))
    found = verify_registration(
        registered(rng),
        "ABCDE",
        model,
        REFERENCE_FROM_MODEL.apply(shown),
        np.tile(np.eye(3) * FLE**2, (5, 1, 1)),
        others=("ABCDE", model),
    )
    assert [point.mistaken_for for point in found.points] == ["B", "A", "", "", ""]


@pytest.mark.parametrize("labels", ["A", "AB"])
def test_one_or_two_points_never_pass_but_can_fail(labels):
    rng = np.random.default_rng(9)
    points = {label: AROUND[label] for label in labels}
    found = verify(registered(rng), rng, points)
    assert (found.word, found.motion, found.needed) == ("too few to tell", None, 4)
    assert verify(registered(rng), rng, points, shift=3.0).word == "fail"


def test_points_on_a_line_leave_a_rotation_that_none_shows():
    rng = np.random.default_rng(10)
    line = {f"L{k}": [10.0 * k, 60.0, 0.0] for k in range(-4, 5)}
    assert verify(registered(rng), rng, line).word == "too few to tell"


def test_touches_at_one_place_or_on_a_line_fail():
    rng = np.random.default_rng(17)
    model = np.array(list(AROUND.values()))
    covariance = np.tile(np.eye(3) * FLE**2, (len(model), 1, 1))
    for flat in (np.zeros(3), np.array([1.0, 0.0, 0.0])):
        touched = REFERENCE_FROM_MODEL.apply(model) * flat
        found = verify_registration(
            registered(rng), list(AROUND), model, touched, covariance, PLACES
        )
        assert found.word == "fail"
        assert found.motion is None


def test_as_many_points_as_are_said_to_be_needed_are_enough():
    rng = np.random.default_rng(11)
    near = {"A": [8.0, 70.0, 8.0], "B": [-8.0, 70.0, -8.0], "C": [8.0, 70.0, -20.0]}
    found = verify(registered(rng), rng, near, error=3.0)
    assert found.word == "too few to tell"
    assert found.needed > 3
    copies = -(-found.needed // 3)
    more = {f"{k}{n}": at for k, at in near.items() for n in range(copies)}
    assert verify(registered(rng), rng, more, error=3.0).missed <= MISSED


def test_a_limit_in_mm_counts_besides():
    rng = np.random.default_rng(12)
    found = verify(registered(rng), rng, limit=0.05)
    assert found.failed == ("limit",)
    assert verify(registered(rng), rng, limit=3.0).word == "pass"


@pytest.mark.parametrize(
    "wrong", [{"error": 0.0}, {"limit": -1.0}, {"error": 1e300}, {"limit": 1e9}, {"points": {}}]
)
def test_what_cannot_be_tested_is_refused(wrong):
    rng = np.random.default_rng(13)
    with pytest.raises(InputError):
        verify(exact(), rng, **{"points": AROUND, **wrong})


# nav verify


class Bench:
    """Files of a case, a registration and touched check points; and the command."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self.capsys = folder, capsys
        self.rng = np.random.default_rng(14)
        self.known = KNOWN | {label: np.array(at) for label, at in AROUND.items()}
        for name, low in (("artery", [18.0, 2.0, -30.0]), ("cord", [-5.0, 0.0, -30.0])):
            write_box(folder / f"{name}.ply", low, np.add(low, [5.0, 5.0, 60.0]))
        self.case, self.touched = folder / "case.toml", folder / "touched.csv"
        self.registration = folder / "registration.toml"
        fiducials = [(f.label, f.use) for f in FIDUCIALS] + [(label, "check") for label in AROUND]
        self.case.write_text(
            'format = "c1c2nav/case/1"\nname = "neck"\n'
            + "".join(
                f'[[structure]]\nname = "{n}"\nrole = "{n}"\nmesh = "{n}.ply"\nsigma = 0.1\n'
                for n in ("artery", "cord")
            )
            + "".join(
                f'[[fiducial]]\nlabel = "{label}"\nposition = {list(map(float, self.known[label]))}'
                f'\nuse = "{use}"\n'
                for label, use in fiducials
            )
            + '[[plan]]\nname = "left"\nentry = [60.0, 12.0, 0.0]\ntarget = [0.0, 12.0, 0.0]\n'
        )
        found = assess_touches(FIDUCIALS, self.touches(*MODEL), target=TARGET)
        assert found.registration is not None
        record = describe_registration(found, ("neck", self.case), None, TARGET)
        write_registration(self.registration, found.registration, (self.case,), record)
        self.write(*AROUND)

    def touches(self, *labels: str) -> dict[str, Array]:
        return {
            label: REFERENCE_FROM_MODEL.apply(self.known[label]) + self.rng.normal(0.0, FLE, 3)
            for label in labels
        }

    def write(self, *labels: str, shift: float = 0.0) -> None:
        rows = [f"{k},{x},{y},{z + shift}" for k, (x, y, z) in self.touches(*labels).items()]
        self.touched.write_text("\n".join(["label,x,y,z", *rows]) + "\n")

    def run(self, *more: object) -> tuple[int, str, str]:
        given = ["--case", self.case, "--registration", self.registration]
        given += ["--touched", self.touched, *more]
        with pytest.raises(SystemExit) as ended:
            cli.main(["verify", *map(str, given)])
        said = self.capsys.readouterr()
        assert len(said.err.splitlines()) <= 1
        return int(ended.value.code or 0), said.out, said.err


@pytest.fixture
def bench(tmp_path, capsys):
    return Bench(tmp_path, capsys)


def test_a_pass_is_exit_code_0_and_a_report(bench):
    report = bench.folder / "verify.json"
    code, out, err = bench.run("--output", report)
    assert (code, err) == (0, "")
    assert "verdict: pass" in out
    written = json.loads(report.read_text())
    assert written["verdict"] == "pass"
    assert [p["label"] for p in written["points"]] == list(AROUND)
    assert written["power"]["places"][0]["missed"] <= MISSED
    assert {known["file"] for known in written["input"]} == {
        "case.toml",
        "registration.toml",
        "touched.csv",
    }
    assert bench.run("--output", report)[0] == 0  # its own earlier report is replaced


def test_a_fail_is_exit_code_1_and_its_report_is_written(bench):
    bench.write(*AROUND, shift=2.0)
    report = bench.folder / "verify.json"
    code, out, err = bench.run("--output", report)
    assert code == 1
    assert "verdict: fail" in out
    assert "not verified: the check points do not fit" in err
    assert report.exists()


def test_too_few_is_exit_code_5_with_what_is_needed(bench):
    bench.write("A", "B")
    code, _, err = bench.run()
    assert code == 5
    assert "too few check points to tell: at least 3 that are not on a line" in err


def test_points_registered_with_are_not_counted(bench):
    bench.write(*MODEL, *AROUND)
    code, out, _ = bench.run()
    assert code == 0
    assert "not counted, as it was registered with: R1, R2" in out
    assert "all 5 points" in out
    bench.write(*MODEL)
    code, _, err = bench.run()
    assert code == 2
    assert "only points that were registered with; touch others: K1, K2, K3, A" in err


def test_another_case_is_refused(bench):
    bench.case.write_text(bench.case.read_text().replace('"neck"', '"other"'))
    code, _, err = bench.run()
    assert code == 2
    assert "was made for another case" in err


def test_an_old_registration_is_warned_of(bench):
    text = bench.registration.read_text()
    line = next(row for row in text.splitlines() if row.startswith("made_at"))
    bench.registration.write_text(text.replace(line, "made_at = 2020-01-01T00:00:00Z"))
    code, out, _ = bench.run()
    assert code == 0
    assert "days ago: it holds only if the reference body has not moved" in out


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("label,x,y,z\nQ9,1,2,3\n", "the case has no such fiducial"),
        ("label,x,y,z\nA,1,2,nan\n", "finite"),
        ("label,x,y,z\nA,1,2,3e9\n", "not plausible"),
        ("frame,time\n1,2\n", "touched.csv"),
        ("", "touched.csv"),
    ],
)
def test_bad_touches_are_one_line(bench, text, words):
    bench.touched.write_text(text)
    code, _, err = bench.run()
    assert code == 2
    assert words in err


@pytest.mark.parametrize(
    ("factors", "words"),
    [([1e-3] * 3, "in metres"), ([1 / 25.4] * 3, "in inches"), ([-1, -1, 1], "in RAS"),
     ([1, 1, -1], "z with the wrong sign")],
)  # fmt: skip
def test_another_unit_and_other_axes_are_named(bench, factors, words):
    points = REFERENCE_FROM_MODEL.apply(np.array([bench.known[label] for label in AROUND]))
    rows = [
        f"{label},{x:.7f},{y:.7f},{z:.7f}"
        for label, (x, y, z) in zip(AROUND, points * factors, strict=True)
    ]
    bench.touched.write_text("\n".join(["label,x,y,z", *rows]) + "\n")
    code, _, err = bench.run()
    assert code == 2
    assert f"only if they are {words}" in err or f"only if they are mirrored ({words}" in err


@pytest.mark.parametrize("option", ["--limit", "--tre", "--fle"])
@pytest.mark.parametrize("value", ["-1", "0", "nan", "inf", "1e300"])
def test_bad_numbers_are_one_line(bench, option, value):
    code, _, err = bench.run(option, value)
    assert code == 2
    assert option in err


def test_a_tool_with_touched_points_is_refused(bench):
    bench.write(*AROUND)
    needle = bench.touched.with_name("needle.toml")
    write_tool(needle, Tool("needle", "DICT_4X4_50", ()))
    code, _, err = bench.run("--tool", str(needle))
    assert code == 2
    assert "--tool: applies to poses" in err


def test_errors_of_poses_without_poses_are_refused(bench):
    bench.write(*AROUND)
    code, _, err = bench.run("--position-sd", "1", "--rotation-sd-deg", "0.5")
    assert code == 2
    assert "--position-sd: applies to poses" in err


def test_a_case_without_plan_is_refused(bench):
    text = bench.case.read_text()
    bench.case.write_text(text[: text.index("[[plan]]")])
    code, _, err = bench.run()
    assert code == 2
    assert "plan: there is none" in err


def test_a_case_without_fiducials_is_refused_with_what_to_add(bench):
    text = bench.case.read_text()
    bench.case.write_text(text[: text.index("[[fiducial]]")] + text[text.index("[[plan]]") :])
    with pytest.raises(InputError, match=r"has no fiducials, .* add \[\[fiducial\]\]"):
        verify_poses(bench, series(bench, *AROUND))


# poses instead of points: touches by dwell


def series(bench: Bench, *labels: str, beside: Array | float = 0.0) -> TipSeries:
    places = np.array([bench.known[label] + beside for label in labels])
    return recording(REFERENCE_FROM_MODEL.apply(places))


def verify_poses(bench: Bench, poses: TipSeries) -> str:
    out = io.StringIO()
    console, dwells = Console(file=out, width=200), find_touches(poses)
    verify_files(bench.case, bench.registration, bench.touched, console, dwells=dwells)
    return out.getvalue()


def test_touches_by_dwell_are_of_the_nearest_fiducials_and_pass(bench):
    said = verify_poses(bench, series(bench, "R1", *AROUND, "A"))
    assert "verdict: pass" in said
    assert "not counted, as it was registered with: R1" in said
    assert "all 6 points" in said


def test_touches_by_dwell_beside_their_fiducials_fail(bench):
    with pytest.raises(NotPassed, match="do not fit"):
        verify_poses(bench, series(bench, *AROUND, beside=np.array([0.0, 0.0, 3.0])))


def test_touches_far_from_every_fiducial_are_refused(bench):
    with pytest.raises(InputError, match=r"mm from the nearest fiducial.*give labelled"):
        verify_poses(bench, series(bench, *AROUND, beside=np.array([0.0, 0.0, 20.0])))


ASIDE = np.array([0.0, 0.0, 200.0])


@pytest.mark.parametrize("at", [0, 2, 5])
def test_a_rest_elsewhere_is_named_and_left_out(bench, at):
    places = [bench.known[label] for label in (*AROUND, "A")]
    places.insert(at, places[0] + ASIDE)
    said = verify_poses(bench, recording(REFERENCE_FROM_MODEL.apply(np.array(places))))
    assert "not counted: touch at" in said
    assert "mm from the nearest fiducial" in said
    assert "verdict: pass" in said


def test_rests_elsewhere_at_the_end_may_be_a_knock_and_are_refused(bench):
    places = np.array([bench.known[label] for label in (*AROUND, "A")])
    places[-2:] += [0.0, 0.0, 20.0]
    with pytest.raises(InputError, match=r"and so is what follows.*knocked"):
        verify_poses(bench, recording(REFERENCE_FROM_MODEL.apply(places)))


def test_poses_without_the_tip_that_they_are_of_are_refused(bench):
    bench.touched.write_text("frame,time,tool,status,tx,ty,tz,qx,qy,qz,qw\n")
    code, _, err = bench.run()
    assert code == 2
    assert "touched.csv: holds poses; give --tool" in err
