"""A registration of before is used only for what it was made for, and only if it was good."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from nav.core.errors import InputError
from nav.core.frames import Pose
from nav.registration.assessment import assess_touches
from nav.registration.registration_result import load_registration_file, write_registration
from nav.registration.reuse import check_use, describe_registration
from tests.registration.test_assessment import FIDUCIALS, TARGET, touches

FOUND = assess_touches(FIDUCIALS, touches(), target=TARGET)
assert FOUND.registration is not None
REGISTRATION = FOUND.registration


class Bench:
    """A folder with what a registration is made of."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.case, self.reference = folder / "case.toml", folder / "reference.toml"
        self.points, self.output = folder / "touched.csv", folder / "registration.toml"
        for path in (self.case, self.reference, self.points):
            path.write_text(path.name)

    def write(self, *more: Path, found=FOUND, fre: float | None = None, **changes) -> None:
        record = describe_registration(
            found, ("neck", self.case), ("body", self.reference), TARGET, **changes
        )
        registration = REGISTRATION
        if fre is not None:
            registration = replace(REGISTRATION, fre=fre, residuals=np.array([fre]))
        write_registration(self.output, registration, (self.case, *more), record)

    def write_old(self, *inputs: Path, fre: float = 0.3) -> None:
        """As before verdicts were recorded."""
        registration = replace(REGISTRATION, fre=fre, residuals=np.full(4, fre))
        write_registration(self.output, registration, inputs)

    def use(self, tre: float | None = 0.2, case: Path | None = None) -> tuple[str, ...]:
        _, record = load_registration_file(self.output)
        names = ("neck", case or self.case), ("body", self.reference)
        return check_use(self.output, record, tre, *names)


@pytest.fixture
def bench(tmp_path):
    return Bench(tmp_path)


def test_date_case_fre_and_tre_are_said(bench):
    bench.write()
    (line,) = bench.use()
    assert line.startswith("registration.toml: made 20")
    assert " UTC, case neck, FRE 0." in line
    assert "predicted TRE at the target 0.20 mm, verdict good" in line


def test_what_is_recorded_comes_back(bench):
    bench.write(verified=True)
    _, record = load_registration_file(bench.output)
    assert record.calibration is not None
    assert record.calibration["verdict"] == "good"
    assert record.calibration["fiducials"] == list(FOUND.labels)
    assert record.calibration["predicted_tre"] == pytest.approx(FOUND.predicted_tre)
    assert [c["label"] for c in record.calibration["check"]] == ["K1", "K2", "K3"]
    assert record.calibration["case"]["name"] == "neck"


@pytest.mark.parametrize("which", ["case", "reference"])
def test_another_case_or_reference_body_is_refused(bench, which):
    bench.write()
    getattr(bench, which).write_text("changed since")
    with pytest.raises(InputError, match=r"was made for another .*SHA-256.*register again"):
        bench.use()


def test_a_case_of_another_name_is_named(bench):
    bench.write()
    other = bench.folder / "other.toml"
    other.write_text("another neck")
    with pytest.raises(InputError, match=r"another case: case\.toml as it was then, and .*other"):
        bench.use(case=other)


def test_the_same_case_elsewhere_is_the_same(bench):
    bench.write()
    moved = bench.folder / "moved.toml"
    moved.write_bytes(bench.case.read_bytes())
    assert len(bench.use(case=moved)) == 1


def test_old_files_are_read_and_what_they_do_not_say_is_said(bench):
    bench.write_old()
    summary, unknown = bench.use()
    assert "verdict" not in summary
    assert "does not say which case it was made for, which reference body, its verdict" in unknown
    bench.write_old(bench.case, bench.points)
    assert "does not say which reference body, its verdict" in bench.use()[1]
    bench.case.write_text("changed since")
    with pytest.raises(InputError, match="another case"):
        bench.use()


@pytest.mark.parametrize(("fre", "taken"), [(0.9, True), (1.1, False)])
def test_a_poor_old_file_is_refused(bench, fre, taken):
    bench.write_old(bench.case, fre=fre)
    if taken:
        bench.use()
    else:
        with pytest.raises(InputError, match=r"fre: 1\.10 mm is poor"):
            bench.use()


def test_a_poor_one_is_refused(bench):
    bench.write(fre=2.0)
    with pytest.raises(InputError, match=r"fre: 2\.00 mm is poor"):
        bench.use()
    bench.write(found=replace(FOUND, fit=0.0))
    with pytest.raises(InputError, match="verdict: repeat"):
        bench.use()
    bench.write()
    with pytest.raises(InputError, match=r"predicted TRE at the target is 2\.50 mm"):
        bench.use(tre=2.5)
    with pytest.raises(InputError, match="predicted TRE"):
        bench.use(tre=np.nan)


def test_one_that_was_not_verified_says_so(bench):
    bench.write(verified=False)
    assert "was not verified by check points" in bench.use()[1]


def test_a_registration_without_any_error_says_so(bench):
    exact = replace(REGISTRATION, model_from_reference=Pose(
        REGISTRATION.model_from_reference.transform, np.zeros((6, 6))
    ))  # fmt: skip
    write_registration(bench.output, exact, (bench.case, bench.reference))
    assert any("no error" in line for line in bench.use(tre=0.0))


def test_a_registration_with_an_error_that_no_touch_makes_says_so(bench):
    """A covariance in square metres, say."""
    bench.write()
    assert any("which no touch makes" in line for line in bench.use(tre=2e-4))


@pytest.mark.parametrize("made_at", ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59"])
def test_a_date_that_does_not_exist_in_utc_is_shown_as_it_is(bench, made_at):
    bench.write()
    text = bench.output.read_text()
    old = next(line for line in text.splitlines() if line.startswith("made_at"))
    bench.output.write_text(text.replace(old, f"made_at = {made_at}"))
    assert f"made {made_at.replace('T', ' ')}, case" in bench.use()[0]


def test_what_a_file_says_of_itself_forges_no_line(bench):
    bench.write()
    text = bench.output.read_text()
    old = next(line for line in text.splitlines() if line.startswith("made_at"))
    bench.output.write_text(text.replace(old, 'made_at = "today\\nverdict: good\\u001b[31m"'))
    assert "made today?verdict: good?[31m, case" in bench.use()[0]
