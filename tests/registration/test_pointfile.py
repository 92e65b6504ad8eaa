"""Touched points from files, and nav register with them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tomli_w
from hypothesis import given
from hypothesis import strategies as st

from nav.cli import main
from nav.errors import InputError
from nav.frames import Array, rigid
from nav.registration.pointfile import load_points
from nav.registration.result import load_registration
from tests.solids import write_box
from tests.synthetic import vectors

POINTS = {"D1": [1.5, -2.25, 3.0], "D2": [-40.0, 5.0, 0.125], "left, low": [0.0, 7.0, -9.5]}
RAS = np.array([-1.0, -1.0, 1.0])
Points = dict[str, Any]


def csv_file(folder: Path, points: Points, head: str = "label,x,y,z") -> Path:
    rows = [f'"{label}",{",".join(map(str, at))}' for label, at in points.items()]
    path = folder / "points.csv"
    path.write_text("\n".join([head, *rows]) + "\n")
    return path


def markups_file(folder: Path, points: Points, system: Any = "LPS", **more: Any) -> Path:
    """As 3D Slicer writes them, with more keys than are read."""
    controls = [
        {"id": str(i), "label": label, "position": list(at), "selected": True}
        for i, (label, at) in enumerate(points.items(), start=1)
    ]
    markup = {"type": "Fiducial", "coordinateUnits": "mm", "controlPoints": controls, **more}
    if system is not None:
        markup["coordinateSystem"] = system
    path = folder / "points.mrk.json"
    path.write_text(json.dumps({"@schema": "markups", "markups": [markup]}))
    return path


def assert_same(found: dict[str, Array], points: Points) -> None:
    assert list(found) == list(points)
    for label, at in points.items():
        assert found[label] == pytest.approx(np.array(at), abs=1e-12)


@given(
    st.dictionaries(st.from_regex(r"\A[A-Za-z][A-Za-z0-9 ,_-]{0,9}\Z"), vectors(500.0), min_size=1)
)
def test_csv_and_markups_of_either_system_give_the_same_points(tmp_path_factory, points):
    folder = tmp_path_factory.mktemp("points")
    given_points = {label: at.tolist() for label, at in points.items()}
    turned = {label: (RAS * at).tolist() for label, at in points.items()}
    assert_same(load_points(csv_file(folder, given_points)), points)
    assert_same(load_points(markups_file(folder, given_points)), points)
    assert_same(load_points(markups_file(folder, turned, "RAS")), points)


@pytest.mark.parametrize(("system", "sign"), [("0", RAS), (0, RAS), ("1", 1.0), (1, 1.0)])
def test_systems_by_slicers_numbers(tmp_path, system, sign):
    given_points = {label: (sign * np.array(at)).tolist() for label, at in POINTS.items()}
    assert_same(load_points(markups_file(tmp_path, given_points, system)), POINTS)


def test_markups_that_name_no_system_are_lps(tmp_path):
    assert_same(load_points(markups_file(tmp_path, POINTS, None)), POINTS)


def test_columns_are_found_by_name_and_others_ignored(tmp_path):
    path = tmp_path / "points.csv"
    path.write_text("z,note,label,x,y\n3.0,fine,D1,1.0,2.0\n")
    assert_same(load_points(path), {"D1": [1.0, 2.0, 3.0]})


def test_a_csv_as_spreadsheets_write_it_is_read(tmp_path):
    path = tmp_path / "points.csv"
    path.write_bytes(b"\xef\xbb\xbflabel,x,y,z\r\nD1,1.0,2.0,3.0\r\n")
    assert_same(load_points(path), {"D1": [1.0, 2.0, 3.0]})


def refusal(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        load_points(path)
    said = str(caught.value)
    assert said.startswith(f"{path}: ")
    assert "\n" not in said
    return said.removeprefix(f"{path}: ")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("label,x,y,z\nD1,1,2,3\nD2,1,2,4\nD1,4,5,6\n", "point D1: stands twice"),
        ("label,x,y\nD1,1,2\n", "first line: expected label,x,y,z, lacks z"),
        ("D1,1,2,3\nD2,4,5,6\n", "first line: expected label,x,y,z, lacks label"),
        ("label;x;y;z\nD1;1;2;3\n", "first line: "),
        ("label,x,y,z\nD1,1,nan,3\n", "point D1: expected 3 finite numbers"),
        ("label,x,y,z\nD1,1,inf,3\n", "point D1: expected 3 finite numbers"),
        ("label,x,y,z\nD1,1,,3\n", "point D1: expected 3 finite numbers"),
        ("label,x,y,z\nD1,1,2\n", "point D1: expected 3 finite numbers"),
        ("label,x,y,z\nD1,1,two,3\n", "point D1: expected 3 finite numbers"),
        ("label,x,y,z\nD1,1,2,3\n" + "D" * 200_000 + ",1,2,3\n", "line 3: field larger than"),
        ("label,x,y,z\n", "has no points"),
        ("", "first line: "),
    ],
)
def test_a_wrong_csv_is_refused(tmp_path, text, says):
    path = tmp_path / "points.csv"
    path.write_text(text)
    assert refusal(path).startswith(says)


def control(label: Any, position: Any) -> dict[str, Any]:
    return {"label": label, "position": position}


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ({"markups": [{"controlPoints": [control("D1", [1, 2, 3])] * 2}]}, "point D1: stands tw"),
        ({"markups": [{"controlPoints": [control("D1", [1, 2])]}]}, "a control point's position"),
        ({"markups": [{"controlPoints": [control("D1", None)]}]}, "a control point's position"),
        ({"markups": [{"controlPoints": [control("D1", [1, None, 2])]}]}, "a control point's"),
        ({"markups": [{"controlPoints": [control("D1", [1, float("nan"), 2])]}]}, "point D1: exp"),
        ({"markups": [{"controlPoints": [control("D1", ["1", "two", "3"])]}]}, "point D1: exp"),
        ({"markups": [{"controlPoints": [control(["D1"], [1, 2, 3])]}]}, "a control point's label"),
        ({"markups": [{"controlPoints": [{"label": "D1"}]}]}, "no Slicer Markups"),
        ({"markups": [{"controlPoints": []}]}, "has no points"),
        ({"markups": [{"controlPoints": None}]}, "no Slicer Markups"),
        ({"markups": [{}]}, "no Slicer Markups"),
        ({"markups": []}, "no Slicer Markups"),
        ({"markups": "none"}, "no Slicer Markups"),
        ({"points": []}, "no Slicer Markups"),
        ([1, 2], "no Slicer Markups"),
        (None, "no Slicer Markups"),
    ],
)
def test_wrong_markups_are_refused(tmp_path, data, says):
    path = tmp_path / "points.mrk.json"
    path.write_text(json.dumps(data))
    assert refusal(path).startswith(says)


def test_a_system_that_is_none_is_refused(tmp_path):
    said = refusal(markups_file(tmp_path, POINTS, "IJK"))
    assert said == "coordinateSystem: expected LPS or RAS, got IJK"


@pytest.mark.parametrize("content", [b"", b"{", b"label,x,y,z\nD1,1,2,3\n", b"\xff\xfe\x00{"])
@pytest.mark.parametrize("name", ["points.mrk.json", "points.json"])
def test_what_is_no_json_is_refused(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content)
    refusal(path)


def test_a_missing_file_or_a_folder_is_refused(tmp_path):
    assert refusal(tmp_path / "points.csv") == "no such file"
    assert refusal(tmp_path).startswith("cannot be read")


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
    off = {"K1": np.array([0.0, 3.0, 4.0])}
    path = csv_file(tmp_path, touched("D1", "D2", "D3", "D4", "K1", off=off))
    asked = Asked(capsys, tmp_path, case, path)
    assert asked.code == 0
    assert "rms of 4 fiducials" in asked.out
    assert load_registration(asked.output).fre == pytest.approx(0.0, abs=1e-9)
    (line,) = [line for line in asked.out.splitlines() if "K1" in line]
    assert "5.00 mm" in line


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
