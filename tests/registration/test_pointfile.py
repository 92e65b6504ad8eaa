"""Touched points from files of any kind, and refused in one line."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nav.core.errors import InputError
from nav.core.frames import Array
from nav.registration.pointfile import load_points
from tests.reference_data import reference_data
from tests.synthetic import vectors

POINTS = {"D1": [1.5, -2.25, 3.0], "D2": [-40.0, 5.0, 0.125], "left, low": [0.0, 7.0, -9.5]}
RAS = np.array([-1.0, -1.0, 1.0])
SLICER_HEAD = (
    "# Markups fiducial file version = 5.6\n# CoordinateSystem = RAS\n"
    "# columns = id,x,y,z,ow,ox,oy,oz,vis,sel,lock,label,desc,associatedNodeID\n"
)
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
    st.dictionaries(
        st.from_regex(r"\A[A-Za-z][A-Za-z0-9 ,_-]{0,8}[A-Za-z0-9]\Z"), vectors(500.0), min_size=1
    )
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
        ("label,x,y,z\nD1,1,2,3\nD2,1,2,4\nD1,4,5,6\n", "point D1: appears twice"),
        ("label,x,y\nD1,1,2\n", "first line: expected the columns label,x,y,z, lacks z"),
        ("D1,1,2,3\nD2,4,5,6\n", "first line: expected the columns label,x,y,z, lacks label"),
        ("label x y z\nD1 1 2 3\n", "first line: expected the columns label,x,y,z, lacks label"),
        ("label,x [cm],y,z\nD1,1,2,3\n", "first line: column x [cm]: this unit is not read; conv"),
        ("label,x_m,y_m,z_m\nD1,1,2,3\n", "first line: column x_m: this unit is not read"),
        ("label_id,x,y,z\nD1,1,2,3\n", "first line: expected the columns label,x,y,z, lacks la"),
        ("label,xa,ya,za\nD1,1,2,3\n", "first line: expected the columns label,x,y,z, lacks x"),
        ("PK\x03\x04", "is a ZIP archive or spreadsheet; save what is in it"),
        ("label,x,x,y,z\nD1,1,2,3\n", "line 1: column x appears twice"),
        ("label,x,y,z\nD1,1,nan,3\n", "line 2 (point D1): y: expected a finite number, got 'nan'"),
        ("label,x,y,z\nD1,1,inf,3\n", "line 2 (point D1): y: expected a finite number"),
        ("label,x,y,z\nD1,1,1e300,3\n", "line 2 (point D1): y: expected a finite number"),
        ("label,x,y,z\nD1,1,1_0,3\n", "line 2 (point D1): y: expected a finite number"),
        ("label,x,y,z\nD1,1,,3\n", "line 2 (point D1): y: expected a finite number, got ''"),
        ("label,x,y,z\nD1,1,2\n", "line 2 (point D1): z: expected a finite number, got ''"),
        ("label,x,y,z\nD1,1,two,3\n", "line 2 (point D1): y: expected a finite number"),
        ("label,x,y,z\n,1,2,3\n", "line 2: has no label"),
        ("label,x,y,z\nD1,1,2,3\n" + "D" * 200_000 + ",1,2,3\n", "line 3: a field is longer than"),
        (
            'label,x,y,z\n"D1,1,2,3\nD2,1,2,3\n',
            "line 2: a quotation mark that begins a field is not",
        ),
        ('label,x,y,z\n"D\n1",1,2,3\n', "line 2: its label has a character that cannot be shown"),
        ("label,x,y,z\nD1,1,5,2,5,3,5\n", "line 2: has 7 fields, but there are 4 columns; write"),
        ("label,x,y,z\nD1,1,2,3,4\n", "line 2: has 5 fields, but there are 4 columns; write"),
        ("label,x,y,z\n#D1,1,2,3\n", "line 2: begins with #: a comment or a label?"),
        ('label,x,y,z\n"D\n\x071",1,x,3\n', "line 2 (point D??1): y: expected a finite number"),
        ("label,x,y,z\n", "has no points"),
        ("label,x,y,z\n" + "D,1,2,3\n" * 20_001, "has more than 20000 rows"),
        ("", "first line: "),
        (SLICER_HEAD.replace("CoordinateSystem = RAS", "x"), "does not state CoordinateSystem"),
        (SLICER_HEAD.replace("RAS", "IJK"), "CoordinateSystem: expected LPS or RAS, got ijk"),
        (SLICER_HEAD + "1,5,6,7,0,0,0,1,1,1,0,D1,,,0,0\n", "point D1: is not placed (undefined)"),
        (SLICER_HEAD + "1,5,6,7,0,0,0,1,1,1,0,D1,,,2,0,4\n", "line 4: has 17 fields"),
        ("# CoordinateSystem = RAS\nlabel,l,p,s\nD1,1,2,3\n", "states both LPS and RAS"),
        ("#CoordinateSystem=0\n" + SLICER_HEAD.replace("RAS", "1"), "states both LPS and RAS"),
        ("label,l,p,s,defined\nD1,0,0,0,0\n", "point D1: is not placed (undefined)"),
    ],
)
def test_a_wrong_csv_is_refused(tmp_path, text, says):
    path = tmp_path / "points.csv"
    path.write_text(text)
    assert refusal(path).startswith(says)


TWO: Points = {"D1": [54.796, -31.5, 0.003], "D2": [-40.25, 5.0, 0.125]}


@pytest.mark.parametrize(
    "text",
    [
        "Label,X,Y,Z\nD1,54.796,-31.5,0.003\nD2,-40.25,5,.125\n",
        " label , x, y , z \nD1, 54.796 , -31.5, 0.003\nD2,-40.25,5.,1.25e-1\n",
        '"label";"x";"y";"z"\n"D1";54,796;-31,5;0,003\nD2;-40,25;5;0,125\n',
        "label;x;y;z\nD1;54.796;-31.5;0.003\nD2;-40.25;5;0.125\n",
        "label\tx\ty\tz\nD1\t54,796\t-31,5\t0,003\nD2\t-40,25\t5\t0,125\n",
        'label,x,y,z\nD1,"54,796","-31,5","0,003"\nD2,"-40,25",5,"0,125"\n',
        "sep=;\nlabel;x;y;z\nD1;54.796;−31.5;0.003\nD2;−40.25;5;0.125\n",
        "\n,,,\nlabel,x,y,z\n\nD1,54.796,-31.5,0.003\n,,,\nD2,-40.25,5,0.125\n,,,\n,,,\n",
        "label,x,y,z,,\nD1,54.796,-31.5,0.003,,\nD2,-40.25,5,0.125,,,,\n",
        "# touched today\nlabel,x,y,z\n# again\nD1,54.796,-31.5,0.003\nD2,-40.25,5,0.125\n",
        "# label,x,y,z\nD1,54.796,-31.5,0.003\nD2,-40.25,5,0.125\n",
        "label,x [mm],y (mm),z_mm\nD1,54.796,-31.5,0.003\nD2,-40.25,5,0.125\n",
        "label,l,p,s,defined,selected\nD1,54.796,-31.5,0.003,1,1\nD2,-40.25,5,0.125,1,1\n",
        "s,r,a,label\n0.003,-54.796,31.5,D1\n0.125,40.25,-5,D2\n",
        "# CoordinateSystem = RAS\nlabel,x,y,z\nD1,-54.796,31.5,0.003\nD2,40.25,-5,0.125\n",
        "label,x,y,z\n# coordinate_system: RAS\nD1,-54.796,31.5,0.003\nD2,40.25,-5,0.125\n",
        "label,x,y,z\nD1,-54.796,31.5,0.003\nD2,40.25,-5,0.125\n# Coordinate system is RAS\n",
        "label,x,y,z\r\nD1,54.796,-31.5,0.003\r\nD2,-40.25,5,0.125",
        "label,x,y,z\rD1,54.796,-31.5,0.003\rD2,-40.25,5,0.125\r",
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_table_of_any_spreadsheet_is_read(tmp_path, text, encoding):
    path = tmp_path / "points.csv"
    path.write_bytes(text.encode(encoding))
    assert_same(load_points(path), TWO)


@pytest.mark.parametrize(
    ("numbers", "says"),
    [
        ("1,234;5;6", "1,234 may mean 1.234 or 1234; write numbers with a decimal point"),
        ("-1,234;-5,678;6", "-1,234 may mean -1.234 or -1234; write"),
        ("1.234,5;5;6", "1.234,5 has a thousands separator"),
        ("1,234.5;5;6", "1,234.5 has a thousands separator"),
        ("1,234,567;5;6", "1,234,567 has a thousands separator"),
        ("1 234,5;5;6", "x: expected a finite number, got '1 234,5'"),
        ("1'234.5;5;6", "x: expected a finite number"),
        ("1,5;5.25;6", "1,5 has a comma, 5.25 in line 2 a point; write all numbers with"),
        ("1,234;5.25;6", "1,234 has a comma, 5.25 in line 2 a point"),
    ],
)
def test_a_number_that_may_mean_two_things_is_refused(tmp_path, numbers, says):
    path = tmp_path / "points.csv"
    path.write_text(f"label;x;y;z\nD1;{numbers}\n")
    assert refusal(path).startswith(f"line 2 (point D1): {says}")


@pytest.mark.parametrize("system", ["RAS", "0", "LPS", "1"])
@pytest.mark.parametrize("more", ["", ",2,0", "\r,2,0"])
def test_slicers_older_table_is_read_in_either_system(tmp_path, system, more):
    sign = RAS if system in ("RAS", "0") else np.ones(3)
    path = tmp_path / "points.fcsv"
    rows = [
        f"n{k},{','.join(map(str, sign * at))},0,0,0,1,1,1,0,{label},,{more}\n"
        for k, (label, at) in enumerate(TWO.items())
    ]
    path.write_bytes((SLICER_HEAD.replace("= RAS", f"= {system}") + "".join(rows)).encode())
    assert_same(load_points(path), TWO)


def test_slicers_own_tables_and_markups_hold_the_same_points():
    folder = reference_data("slicer", "fcsv-gorilla")
    table = load_points(folder / "Gorilla_template_LM1.fcsv")
    markups = load_points(folder / "Gorilla_template_LM1.json")
    assert len(table) == 41
    assert_same(table, {label: at.tolist() for label, at in markups.items()})
    newer = load_points(folder / "4074_S_lm1.fcsv")
    assert newer["1"] == pytest.approx([-10.2321648, -3.71826, 6.6954888])


def control(label: Any, position: Any) -> dict[str, Any]:
    return {"label": label, "position": position}


NOT_PLACED = {"label": "D1", "position": [0, 0, 0], "positionStatus": "undefined"}


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ({"markups": [{"controlPoints": [control("D1", [1, 2, 3])] * 2}]}, "point D1: appears tw"),
        ({"markups": [{"controlPoints": [control("D1", [1, 2])]}]}, "point D1: expected 3 finite"),
        ({"markups": [{"controlPoints": [control("D1", None)]}]}, "point D1: expected 3 finite"),
        ({"markups": [{"controlPoints": [control("D1", [1, None, 2])]}]}, "point D1: expected 3"),
        ({"markups": [{"controlPoints": [control("D1", [1, True, 2])]}]}, "point D1: expected 3"),
        ({"markups": [{"controlPoints": [control("D1", [1, float("nan"), 2])]}]}, "point D1: exp"),
        ({"markups": [{"controlPoints": [control("D1", ["1", "two", "3"])]}]}, "point D1: exp"),
        (
            {"markups": [{"controlPoints": [control("D1", [1e300, 2, 3])]}]},
            "position: 1e+300 is to",
        ),
        ({"markups": [{"controlPoints": [control("D1", [10**500, 2, 3])]}]}, "point D1: expect"),
        ({"markups": [{"controlPoints": [control(["D1"], [1, 2, 3])]}]}, "control point 1: its la"),
        ({"markups": [{"controlPoints": [control("", [1, 2, 3])]}]}, "control point 1: has no lab"),
        ({"markups": [{"controlPoints": [{"position": [1, 2, 3]}]}]}, "control point 1: has no la"),
        ({"markups": [{"controlPoints": [{"label": "D1"}]}]}, "point D1: is not placed (no pos"),
        ({"markups": [{"controlPoints": [NOT_PLACED]}]}, "point D1: is not placed (undefined)"),
        (
            {"markups": [{"name": n, "controlPoints": [control(n, [1, 2, 3])]} for n in "FG"]},
            "has 2 lists of points (F, G); save the one that is meant",
        ),
        ({"markups": [{"controlPoints": []}]}, "has no points"),
        ({"markups": [{"controlPoints": None}]}, "not Slicer Markups"),
        ({"markups": [{}]}, "not Slicer Markups"),
        ({"markups": []}, "not Slicer Markups"),
        ({"markups": "none"}, "not Slicer Markups"),
        ({"points": []}, "not Slicer Markups"),
        ([1, 2], "not Slicer Markups"),
        (None, "not Slicer Markups"),
    ],
)
def test_wrong_markups_are_refused(tmp_path, data, says):
    path = tmp_path / "points.mrk.json"
    path.write_text(json.dumps(data))
    assert refusal(path).startswith(says)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[" * 100_000, "not valid JSON: nested too deeply"),
        ('{"markups": ' + "[" * 40 + "]" * 40 + "}", "markups: nested more than 32 levels deep"),
        ('{"markups": [], "markups": []}', "not valid JSON: key 'markups' appears twice"),
        (
            json.dumps(dict.fromkeys(map(str, range(50_000))))[:-1] + ', "49999": 0}',
            "not valid JSON: key '49999' appears twice",
        ),
        (" " * (2**22 + 1), "is too large: 4.0 MB, at most 4 MB are read"),
    ],
)
def test_markups_beyond_all_bounds_are_refused(tmp_path, text, says):
    path = tmp_path / "points.mrk.json"
    path.write_text(text)
    assert refusal(path).startswith(says)


@pytest.mark.parametrize(
    ("unit", "millimetres"),
    [
        ("mm", 1.0),
        (["mm", "UCUM", "millimeter"], 1.0),
        (["m", "UCUM", "meter"], 1000.0),
        ("m", 1000.0),
        ("cm", 10.0),
        ("um", 1e-3),
        ("µm", 1e-3),
        ("in", 25.4),
        (["[in_i]", "UCUM", "inch"], 25.4),
    ],
)
def test_markups_of_any_unit_are_in_millimetres(tmp_path, unit, millimetres):
    path = markups_file(tmp_path, POINTS, coordinateUnits=unit)
    expected = {label: (millimetres * np.array(at)).tolist() for label, at in POINTS.items()}
    assert_same(load_points(path), expected)


@pytest.mark.parametrize("unit", ["furlong", "voxel", 1, None, [], [1], {}])
def test_a_unit_that_is_not_known_is_refused(tmp_path, unit):
    said = refusal(markups_file(tmp_path, POINTS, coordinateUnits=unit))
    assert said.startswith("coordinateUnits: expected mm (or um, cm, m, in), got ")


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
