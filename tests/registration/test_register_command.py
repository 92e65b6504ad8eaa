"""nav register with touched points from files."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tomli_w

from nav.cli import main
from nav.core.frames import Array, rigid
from nav.registration.registration_result import load_registration
from tests.registration.test_pointfile import Points, csv_file, markups_file
from tests.solids import write_box

FIDUCIALS = {
    "D1": [40.0, 0.0, 0.0],
    "D2": [0.0, 45.0, 5.0],
    "D3": [-38.0, 2.0, 10.0],
    "D4": [3.0, -42.0, 30.0],
    "E1": [80.0, 0.0, 0.0],  # in line with D1 and E2
    "E2": [60.0, 0.0, 0.0],
}
CHECKS = {"K1": [10.0, 10.0, 40.0]}
MODEL_FROM_REFERENCE = rigid([0.4, -0.9, 1.3], [12.0, -35.0, 80.0])


@pytest.fixture(scope="module")
def case(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("case")
    write_box(folder / "cord.ply", [-5.0, -5.0, -20.0], [5.0, 5.0, 20.0])
    data = {
        "format": "c1c2nav/case/1",
        "name": "phantom",
        "structure": [{"name": "cord", "role": "cord", "mesh": "cord.ply", "sigma": 0.3}],
        "fiducial": [
            {"label": label, "position": at, "use": use}
            for points, use in ((FIDUCIALS, "register"), (CHECKS, "check"))
            for label, at in points.items()
        ],
    }
    (folder / "case.toml").write_text(tomli_w.dumps(data))
    return folder / "case.toml"


def touched(*labels: str, off: dict[str, Array] | None = None) -> Points:
    """Where these fiducials are in the reference frame, some of them off, mm."""
    known = {**FIDUCIALS, **CHECKS}
    to_reference = MODEL_FROM_REFERENCE.inv()
    return {
        label: to_reference.apply(np.array(known[label]) + (off or {}).get(label, 0.0)).tolist()
        for label in labels
    }


class Asked:
    """nav register asked on the command line: its exit code, and what it wrote and said."""

    def __init__(self, capsys, folder: Path, case: Path, points: Path, *more: str) -> None:
        self.folder = folder / "results"
        self.output = self.folder / "registration.toml"
        where = ["--case", str(case), "--points", str(points), "--output", str(self.output)]
        try:
            main(["register", *where, *more])
            self.code: Any = 0
        except SystemExit as ended:
            self.code = ended.code or 0
        self.out, self.err = capsys.readouterr()

    def assert_refused(self, *says: str) -> None:
        assert self.code == 2
        assert self.out == ""
        assert len(self.err.strip().splitlines()) == 1
        assert self.err.startswith("nav: ")
        for word in says:
            assert word in self.err
        assert not self.folder.exists() or not list(self.folder.iterdir())


@pytest.mark.parametrize("kind", ["csv", "markups"])
def test_register_writes_the_registration_and_says_how_good(tmp_path, capsys, case, kind):
    points = touched("D1", "D2", "D3", "D4")
    path = csv_file(tmp_path, points) if kind == "csv" else markups_file(tmp_path, points)
    asked = Asked(capsys, tmp_path, case, path)
    assert asked.code == 0
    registration = load_registration(asked.output)
    difference = registration.model_from_reference.transform.inv() * MODEL_FROM_REFERENCE
    assert difference.translation == pytest.approx(np.zeros(3), abs=1e-9)
    assert difference.rotation.magnitude() < 1e-9
    assert registration.fre == pytest.approx(0.0, abs=1e-9)
    assert "D4: 0.00 mm" in asked.out
    assert "FRE 0.00 mm (rms of 4 fiducials)" in asked.out
    assert [p.name for p in asked.folder.iterdir()] == ["registration.toml"]


def test_check_points_tell_the_error_and_never_register(tmp_path, capsys, case):
    off = {"K1": np.array([0.0, 0.3, 0.4])}
    path = csv_file(tmp_path, touched("D1", "D2", "D3", "D4", "K1", off=off))
    asked = Asked(capsys, tmp_path, case, path)
    assert asked.code == 0
    assert "rms of 4 fiducials" in asked.out
    assert load_registration(asked.output).fre == pytest.approx(0.0, abs=1e-9)
    (line,) = [line for line in asked.out.splitlines() if "K1" in line]
    assert "0.50 mm off" in line
    assert "verdict: good" in asked.out


@pytest.mark.parametrize(
    ("labels", "off", "says"),
    [
        ("D1 D2 D3 D4 K1", {"K1": [0.0, 3.0, 4.0]}, ("K1 alone is 5 mm off", "touch it again")),
        ("D2 D1 D3 D4 K1", {}, ("FRE ", "where an FLE of 0.25 mm", "D1 and D2 are exchanged")),
    ],
)
def test_what_cannot_be_right_is_refused_and_nothing_written(
    tmp_path, capsys, case, labels, off, says
):
    points = touched(*labels.split(), off={k: np.array(at) for k, at in off.items()})
    named = dict(zip(["D1", "D2", "D3", "D4", "K1"], points.values(), strict=True))
    path = csv_file(tmp_path, named)
    asked = Asked(capsys, tmp_path, case, path)
    asked.assert_refused(f"nav: {path}: repeat: ", *says)


@pytest.mark.parametrize("fle", ["0", "-1", "2", "nan"])
def test_an_error_that_is_none_is_refused(tmp_path, capsys, case, fle):
    path = csv_file(tmp_path, touched("D1", "D2", "D3", "D4"))
    Asked(capsys, tmp_path, case, path, "--fle", fle).assert_refused("--fle: expected 0.01 to 1 mm")


def test_the_localisation_error_given_is_in_the_covariance(tmp_path, capsys, case):
    path = csv_file(tmp_path, touched("D1", "D2", "D3", "D4"))
    found = []
    for fle in ("0.1", "0.3"):
        asked = Asked(capsys, tmp_path, case, path, "--fle", fle)
        found.append(load_registration(asked.output).model_from_reference.covariance)
    assert found[1] == pytest.approx(9.0 * found[0], rel=1e-6)


@pytest.mark.parametrize(
    ("labels", "says"),
    [
        (("D1", "E2", "E1"), ("the 3 fiducials lie within 0.0 mm", "of a line")),
        (("D1", "D2"), ("got 2 fiducials", "at least 3")),
        (("D1", "D2", "K1"), ("got 2 fiducials", "at least 3")),
        (("K1",), ("got 0 fiducials", "at least 3")),
    ],
    ids=["on a line", "two", "two and a check point", "only a check point"],
)
def test_a_layout_that_does_not_register_is_refused(tmp_path, capsys, case, labels, says):
    Asked(capsys, tmp_path, case, csv_file(tmp_path, touched(*labels))).assert_refused(*says)


def test_a_label_that_the_case_has_not_is_refused(tmp_path, capsys, case):
    points = touched("D1", "D2", "D3", "D4")
    points["X9"] = points.pop("D2")
    path = csv_file(tmp_path, points)
    Asked(capsys, tmp_path, case, path).assert_refused(str(path), "point X9", "D1, D2")


@pytest.mark.parametrize("which", ["case", "points"])
def test_a_missing_file_is_refused(tmp_path, capsys, case, which):
    path = csv_file(tmp_path, touched("D1", "D2", "D3"))
    there = {"case": case, "points": path, which: tmp_path / "none.toml"}
    asked = Asked(capsys, tmp_path, there["case"], there["points"])
    asked.assert_refused("none.toml: no such file")


def test_what_was_there_before_stays_when_registering_fails(tmp_path, capsys, case):
    good = Asked(capsys, tmp_path, case, csv_file(tmp_path, touched("D1", "D2", "D3")))
    before = good.output.read_bytes()
    bad = Asked(capsys, tmp_path, case, csv_file(tmp_path, touched("D1", "D2")))
    assert bad.code == 2
    assert bad.output.read_bytes() == before
    assert [p.name for p in bad.folder.iterdir()] == ["registration.toml"]
