"""Public files: what breaks a rule is refused in one line, and nothing is left half-written."""

import copy
import errno
import hashlib
import os
import stat
import tomllib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tomli_w
from hypothesis import given, settings
from hypothesis import strategies as st

import nav
from nav.camera.rig import RigFile
from nav.core.errors import InputError
from nav.core.files import (
    checked,
    load_toml,
    read_toml,
    transform_table,
    write_toml,
    written_whole,
)
from nav.model.case import CaseFile
from nav.record.pose_table import COLUMNS
from nav.registration.registration_result import RegistrationFile
from nav.tracking.tool import ToolFile
from tests.synthetic import rigid_transforms

PLACE = {"rotation_vector": [0.0, 0.0, 0.0], "translation": [0.0, 0.0, 0.0]}
RIG = {
    "format": "c1c2nav/rig/1",
    "camera": [
        {
            "name": name,
            "size": [64, 48],
            "matrix": [50.0, 50.0, 31.5, 23.5],
            "camera_from_rig": PLACE,
        }
        for name in ("left", "right")
    ],
}
SQUARE = [[0.0, 0.0, 0.0], [14.0, 0.0, 0.0], [14.0, 14.0, 0.0], [0.0, 14.0, 0.0]]
TOOL = {
    "format": "c1c2nav/tool/1",
    "name": "needle",
    "dictionary": "DICT_APRILTAG_36h11",
    "marker": [{"id": i, "corners": copy.deepcopy(SQUARE)} for i in (10, 11)],
    "tip": {"position": [0.3, -0.2, 110.0], "axis": [0.0, 0.0, 1.0]},
}
CASE = {
    "format": "c1c2nav/case/1",
    "name": "phantom",
    "structure": [{"name": "cord", "role": "cord", "mesh": "cord.ply", "sigma": 0.3}],
    "fiducial": [{"label": "D1", "position": [1.0, 2.0, 3.0], "use": "register"}],
    "plan": [{"name": "left", "entry": [60.0, 0.0, 0.0], "target": [0.0, 0.0, 0.0]}],
}
REGISTRATION = {
    "format": "c1c2nav/registration/1",
    "model_from_reference": PLACE,
    "covariance": np.eye(6).tolist(),
    "method": "points",
    "fre": 0.3,
}
FILES: list[tuple[dict[str, Any], Any]] = [
    (RIG, RigFile),
    (TOOL, ToolFile),
    (CASE, CaseFile),
    (REGISTRATION, RegistrationFile),
]


def changed(data: dict[str, Any], path: tuple[str | int, ...], value: Any) -> dict[str, Any]:
    """A copy with one entry replaced; without it where value is `...`."""
    copied = copy.deepcopy(data)
    holder: Any = copied
    for key in path[:-1]:
        holder = holder[key]
    if value is ...:
        del holder[path[-1]]
    else:
        holder[path[-1]] = value
    return copied


def places(data: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Paths to every entry of nested tables and lists."""
    if isinstance(data, dict):
        entries = list(data.items())
    elif isinstance(data, list):
        entries = list(enumerate(data))
    else:
        return []
    found = []
    for key, value in entries:
        found += [(*path, key), *places(value, (*path, key))]
    return found


def refusal(data: dict[str, Any], model: Any) -> str:
    with pytest.raises(InputError) as caught:
        checked(data, model, "file.toml")
    return str(caught.value)


@pytest.mark.parametrize(("data", "model"), FILES)
def test_what_follows_the_format_is_taken(data, model):
    assert checked(data, model, "file.toml").format == data["format"]


# fmt: off
BROKEN = [
    (
        RIG, RigFile, ("camera", 1, "matrix"), [50.0, 50.0, 31.5],
        "camera right: matrix: expected 4 entries, got 3",
    ),
    (
        RIG, RigFile, ("camera", 1, "matrix", 0), float("nan"),
        "camera right: matrix number 1: expected a finite number, got nan",
    ),
    (
        RIG, RigFile, ("camera", 0, "matrix", 1), -50.0,
        "camera left: matrix number 2: input should be greater than 0, got -50.0",
    ),
    (
        RIG, RigFile, ("camera", 0, "size"), [64, 0],
        "camera left: size number 2: input should be greater than 0, got 0",
    ),
    (
        RIG, RigFile, ("camera", 0, "size"), "64 x 48",
        "camera left: size: expected a list, got '64 x 48'",
    ),
    (
        RIG, RigFile, ("camera", 0, "size", 0), 64.5,
        "camera left: size number 1: expected a whole number, got 64.5",
    ),
    (
        RIG, RigFile, ("camera", 0, "matrix"), [50.0] * 5,
        "camera left: matrix: expected 4 entries, got 5",
    ),
    (
        RIG, RigFile, ("camera", 0, "distortion"), [0.1] * 6,
        "camera left: distortion: expected 0, 4, 5, 8, 12 or 14 numbers, got 6",
    ),
    (
        RIG, RigFile, ("camera", 1, "name"), "left",
        'camera: name "left" appears twice; each camera needs its own',
    ),
    (
        RIG, RigFile, ("camera", 0, "focal"), 50.0,
        "camera left: focal: unknown key; remove it or check the spelling",
    ),
    (
        RIG, RigFile, ("camera", 0, "camera_from_rig"), ...,
        "camera left: camera_from_rig: is missing",
    ),
    (
        RIG, RigFile, ("camera", 0, "camera_from_rig", "translation", 2), float("inf"),
        "camera left: camera_from_rig: translation number 3: expected a finite number, got "
        "inf",
    ),
    (
        RIG, RigFile, ("camera",), [],
        "camera: expected 1 entries, got 0",
    ),
    (
        RIG, RigFile, ("camera",), ...,
        "camera: is missing",
    ),
    (
        RIG, RigFile, ("format",), "c1c2nav/rig/2",
        "format: expected \"c1c2nav/rig/1\", got 'c1c2nav/rig/2'",
    ),
    (
        RIG, RigFile, ("format",), ...,
        'format: expected "c1c2nav/rig/1", got None',
    ),
    (
        TOOL, ToolFile, ("marker", 0, "corners"), SQUARE[:3],
        "marker 10: corners: expected 4 points of 3 numbers, got 3 points of 3 numbers",
    ),
    (
        TOOL, ToolFile, ("marker", 1, "corners", 2), [14.0, 14.0],
        "marker 11: corners: expected 4 points of 3 numbers, got 4 points of unequal lengths",
    ),
    (
        TOOL, ToolFile, ("marker", 1, "corners", 2), [20.0, 14.0, 0.0],
        "marker 11: corners: expected a square, got sides of [14.0, 15.232, 20.0, 14.0] mm",
    ),
    (
        TOOL, ToolFile, ("marker", 1, "corners", 2, 0), "14",
        "marker 11: corners number 3 number 1: expected a number, got '14'",
    ),
    (
        TOOL, ToolFile, ("marker", 1, "id"), "11",
        "marker 11: id: expected a whole number, got '11'",
    ),
    (
        TOOL, ToolFile, ("tip", "position", 0), True,
        "tip: position number 1: expected a number, got True",
    ),
    (
        TOOL, ToolFile, ("marker", 1), {"id": 12, "corners": SQUARE, "a\nb": 1},
        "marker 12: a?b: unknown key; remove it or check the spelling",
    ),
    (
        TOOL, ToolFile, ("marker", 1, "id"), 10,
        "marker: id 10 appears twice; every marker needs an id of its own",
    ),
    (
        TOOL, ToolFile, ("marker", 1, "id"), -1,
        "marker -1: id: input should be greater than or equal to 0, got -1",
    ),
    (
        TOOL, ToolFile, ("dictionary",), "DICT_36h11",
        "dictionary: unknown dictionary \"DICT_36h11\"; expected one of OpenCV's predefined, "
        "e.g. DICT_APRILTAG_36h11",
    ),
    (
        TOOL, ToolFile, ("tip", "axis"), [0.0, 0.0, 2.0],
        "tip: axis: expected a unit vector, got length 2.000",
    ),
    (
        TOOL, ToolFile, ("tip", "position"), ...,
        "tip: position: is missing",
    ),
    (
        TOOL, ToolFile, ("tip", "covariance"), [[1.0, 0, 0], [0, 1, 0], [0, 0, -1]],
        "tip: covariance: not a covariance in mm^2: a variance (on the diagonal) is below zero",
    ),
    (
        CASE, CaseFile, ("structure", 0, "role"), "nerve",
        None,
    ),
    (
        CASE, CaseFile, ("structure", 0, "sigma"), -0.1,
        "structure cord: sigma: input should be greater than or equal to 0, got -0.1",
    ),
    (
        CASE, CaseFile, ("structure",), [],
        "structure: expected 1 entries, got 0",
    ),
    (
        CASE, CaseFile, ("fiducial", 0, "position", 1), float("nan"),
        "fiducial D1: position number 2: expected a finite number, got nan",
    ),
    (
        CASE, CaseFile, ("plan", 0, "target"), [0.0, 0.0],
        "plan left: target: expected 3 entries, got 2",
    ),
    (
        REGISTRATION, RegistrationFile, ("fre",), float("nan"),
        None,
    ),
    (
        REGISTRATION, RegistrationFile, ("covariance",), np.eye(5).tolist(),
        None,
    ),
    (
        REGISTRATION, RegistrationFile, ("covariance",), (-np.eye(6)).tolist(),
        "covariance: not a covariance in mm^2 and rad^2: a variance (on the diagonal) is below "
        "zero",
    ),
]
# fmt: on


@pytest.mark.parametrize(("data", "model", "path", "value", "line"), BROKEN)
def test_what_breaks_a_rule_is_one_line_with_file_and_field(data, model, path, value, line):
    said = refusal(changed(data, path, value), model)
    assert "\n" not in said
    assert said.startswith(f"file.toml: {path[0]}")
    if line is not None:
        assert said == f"file.toml: {line}"


def test_calibration_tables_may_hold_anything():
    data = changed(
        RIG, ("camera", 0, "calibration"), {"rms_px": 0.2, "verdict": "good", "views": 40}
    )
    assert checked(data, RigFile, "rig.toml").camera[0].calibration == {
        "rms_px": 0.2, "verdict": "good", "views": 40,
    }  # fmt: skip


values = st.recursive(
    st.one_of(
        st.booleans(),
        st.integers(-(2**40), 2**40),
        st.floats(),
        st.text(max_size=8),
        st.just(datetime(2024, 1, 1, tzinfo=UTC)),
    ),
    lambda inner: (
        st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)


@settings(max_examples=300)
@given(st.data())
def test_whatever_stands_in_a_field_is_taken_or_refused_in_one_line(data):
    document, model = data.draw(st.sampled_from(FILES))
    place = data.draw(st.sampled_from(places(document)))
    spoilt = changed(document, place, data.draw(st.just(...) | values))
    try:
        checked(spoilt, model, "file.toml")
    except InputError as error:
        said = str(error)
        assert said.startswith("file.toml: ")
        assert len(said.splitlines()) == 1
        assert len(said) < 400


@settings(max_examples=200)
@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_whatever_bytes_a_file_holds_it_is_refused_in_one_line(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("bytes") / "rig.toml"
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        load_toml(path, RigFile)
    assert str(caught.value).startswith(f"{path}: ")
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "no such file"),
        (b"camera = [\n", "not valid TOML"),
        (b"\xff\xfe[\x00", "is UTF-16 text; save it as UTF-8"),
        (b'# caf\xe9\nname = "x"\n', "line 1: not UTF-8 text"),
        (b"a = " + b"9" * 5000, "not valid TOML: an integer of thousands of digits"),
        (b"a = " + b"9" * 600, "a: an integer of hundreds of digits is too large"),
        (b"a = 1e300", r"a: 1e\+300 is too large"),
        (b"a = " + b"[" * 900 + b"]" * 900, "nested"),
        (b"a = " + b"[" * 100_000, "nested too deeply"),
        (b".".join([b"a"] * 100_000) + b" = 1\n", "a key of more than 32 parts"),
        (b"[" + b" . ".join([b"'a'", b'"b"'] * 20) + b"]\n", "a key of more than 32 parts"),
        (b"#" * 2**21, "too large: 2.0 MB, at most 1 MB are read"),
        (b"format = [" + b"1," * 500 + b"]", r"format: expected .c1c2nav/rig/1., got \[1, 1"),
    ],
)
def test_a_file_that_cannot_be_read_says_so(tmp_path, content, words):
    path = tmp_path / "rig.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=words) as caught:
        load_toml(path, RigFile)
    assert str(caught.value).startswith(f"{path}: ")


def test_a_key_of_many_parts_in_a_text_is_no_key(tmp_path):
    path = tmp_path / "rig.toml"
    path.write_text(f'made_by = "{"ab " * 60}"\n# {"1.2, " * 60}\nlist = [{"1.5, " * 90}]\n')
    assert len(read_toml(path)["list"]) == 90


@pytest.mark.parametrize("content", ["\ufeff{}", "{}\r\n", "\ufeff\t{}"])
def test_a_toml_file_as_windows_writes_it_is_read(tmp_path, content):
    path = tmp_path / "rig.toml"
    text = tomli_w.dumps(RIG).replace("\n", "\r\n")
    path.write_bytes(content.format(text).encode())
    assert load_toml(path, RigFile) == checked(RIG, RigFile, "rig.toml")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes and devices are POSIX's")
def test_a_pipe_or_a_device_is_no_file_and_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "rig.toml")
    with pytest.raises(
        InputError, match=r"rig\.toml: cannot be read: it is a named pipe; expected"
    ):
        load_toml(tmp_path / "rig.toml", RigFile)
    with pytest.raises(InputError, match="/dev/zero: cannot be read: it is a device; expected"):
        load_toml(Path("/dev/zero"), RigFile)


def test_a_folder_is_no_file(tmp_path):
    with pytest.raises(InputError, match=r": cannot be read: it is a folder"):
        load_toml(tmp_path, RigFile)


# writing


HEADER = ",".join(COLUMNS)


def left_in(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def test_a_written_file_says_what_made_it_and_from_what(tmp_path):
    source = tmp_path / "points.csv"
    source.write_text("label,x,y,z\n")
    path = tmp_path / "new" / "folder" / "registration.toml"
    before = datetime.now(UTC) - timedelta(seconds=1)
    array = np.eye(6) * np.float64(0.25)
    write_toml(
        path, {**REGISTRATION, "covariance": array, "fre": np.float32(0.5), "none": None}, [source]
    )
    written = tomllib.loads(path.read_text())
    assert written["format"] == REGISTRATION["format"]
    assert written["made_by"] == f"c1c2nav {nav.__version__}"
    assert before <= written["made_at"] <= datetime.now(UTC)
    digest = hashlib.sha256(b"label,x,y,z\n").hexdigest()
    assert written["input"] == [{"file": "points.csv", "sha256": digest}]
    assert "none" not in written
    read = load_toml(path, RegistrationFile)
    assert np.array_equal(read.covariance, array)
    assert read.fre == 0.5


@given(rigid_transforms())
def test_transforms_keep_every_digit_in_files(transform):
    table = tomllib.loads(tomli_w.dumps(transform_table(transform)))
    read = checked(changed(REGISTRATION, ("model_from_reference",), table), RegistrationFile, "")
    again = read.model_from_reference.rigid()
    assert again.as_matrix() == pytest.approx(transform.as_matrix(), abs=1e-12)


def test_a_file_is_replaced_only_at_the_end(tmp_path):
    path = tmp_path / "poses.csv"
    path.write_text(f"{HEADER}\nold\n")
    with written_whole(path) as beside:
        beside.write_text(f"{HEADER}\nnew\n")
        assert path.read_text() == f"{HEADER}\nold\n"
        assert beside.parent == tmp_path
    assert path.read_text() == f"{HEADER}\nnew\n"
    assert left_in(tmp_path) == ["poses.1.csv", "poses.csv"]
    assert (tmp_path / "poses.1.csv").read_text() == f"{HEADER}\nold\n"


def write(path: Path, failure: BaseException | None = None) -> None:
    with written_whole(path) as beside:
        beside.write_text("half")
        if failure is not None:
            raise failure


@pytest.mark.parametrize("failure", [ValueError(), KeyboardInterrupt()])
def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path, failure):
    path = tmp_path / "poses.csv"
    path.write_text("old")
    with pytest.raises(type(failure)):
        write(path, failure)
    assert path.read_text() == "old"
    assert left_in(tmp_path) == ["poses.csv"]


def test_a_full_disk_is_one_line_and_leaves_nothing(tmp_path):
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    with pytest.raises(InputError, match=r"poses\.csv: cannot be written: No space left") as caught:
        write(tmp_path / "poses.csv", full)
    assert "\n" not in str(caught.value)
    assert left_in(tmp_path) == []


def test_a_file_in_the_way_of_the_folder_is_one_line(tmp_path):
    (tmp_path / "out").write_text("a file")
    with pytest.raises(InputError, match=r"poses\.csv: cannot be written: ") as caught:
        write(tmp_path / "out" / "poses.csv")
    assert "\n" not in str(caught.value)
    assert left_in(tmp_path) == ["out"]


def test_a_folder_in_the_way_of_the_file_is_one_line(tmp_path):
    (tmp_path / "poses.csv").mkdir()
    with pytest.raises(InputError, match=r"poses\.csv: cannot be written: "):
        write(tmp_path / "poses.csv")
    assert left_in(tmp_path) == ["poses.csv"]


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
def test_a_written_file_can_be_read_by_whom_the_umask_lets(tmp_path):
    before = os.umask(0o027)
    try:
        with written_whole(tmp_path / "poses.csv") as beside:
            beside.write_text("x")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "poses.csv").stat().st_mode) == 0o640
