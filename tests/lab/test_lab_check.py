"""A lab.toml is checked as a whole: every fault in a line of its own, all at once."""

import shutil
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nav.camera.webcam import Device
from nav.core.errors import InputError
from nav.core.files import load_toml, write_toml
from nav.core.textfile import MOST_TOML_BYTES
from nav.lab.lab_check import check_lab_file
from nav.lab.lab_file import LabFile, read_lab
from nav.tracking.tool import load_tool, write_tool
from tests.lab.lab_folder import LEFT, lab_data, write_lab, write_lab_folder
from tests.synthetic import small_rig

NAMES = small_rig(2).names
TRACKER = {"poses": "igtl://a:1", "position_sd": 0.2, "rotation_sd_deg": 0.1}
WEBCAMS = (Device(0, "one"), Device(2, "two"))


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A folder with a set-up that is well."""
    folder = tmp_path_factory.mktemp("lab")
    write_lab_folder(folder)
    return folder


@pytest.fixture
def folder(whole, tmp_path):
    """A copy of it, to be spoilt."""
    return shutil.copytree(whole, tmp_path / "lab")


def problems(folder, **changes):
    """What a check says of a lab.toml with these entries, without its name."""
    path = write_lab(folder, **changes)
    lines = check_lab_file(path, WEBCAMS).problems
    assert all(line.startswith(f"{path}: ") for line in lines)
    return [line.removeprefix(f"{path}: ") for line in lines]


def test_a_set_up_that_is_well_has_no_problem_and_no_remark(folder):
    found = check_lab_file(folder / "lab.toml", WEBCAMS)
    assert (found.problems, found.remarks) == ([], [])


def test_all_faults_are_told_at_once(folder):
    lines = problems(
        folder,
        rig="nothing.toml",
        tools=["needle.toml", 5],
        case="case/cases.toml",
        cameras={NAMES[0]: 0, "up": 0, NAMES[1]: -2},
        recording={"pictures": "png", "folder": "rig.toml", "speed": 1},
        limits={"fle": 99.0, "role": {"artery": {"caution": 1.0, "danger": 3.0}}},
        links={"igtl_server": 0, "polaris": "station", "lsl": 1},
        language="xx",
        colour="red",
    )
    starts = (
        "tools number 2: expected a text",
        f"cameras: {NAMES[1]}: input should be greater",
        "recording: pictures: input should be 'off', 'jpeg' or 'lossless'",
        "recording: speed: unknown key",
        "links: igtl_server: expected [HOST:]PORT",
        "links: polaris: expected [HOST:]PORT with a port of 1 to 65535, such as 18944, got 'stat",
        "links: lsl: expected true or false, got 1",
        "colour: unknown key",
        f"rig: {folder / 'nothing.toml'}: no such file",
        f"case: {folder / 'case/cases.toml'}: no such file",
        "cameras: up: webcam 0 is camera",
        "limits: role artery: danger: 3 mm is beyond caution (1 mm)",
        "limits: fle: expected",
        f"recording: folder: {folder / 'rig.toml'}: is not a folder",
        "language: expected one of en",
    )
    for start in starts:
        assert sum(line.startswith(start) for line in lines) == 1, (start, lines)
    assert len(lines) == len(starts), lines


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"rig": None}, ["rig: is missing; expected the file of the cameras"]),
        ({"tools": None}, ["tools: is missing; expected the files of needle and reference"]),
        ({"tools": ["needle.toml"]}, ["reference: no tool is called reference; the tools are n"]),
        ({"needle": "probe"}, ["needle: no tool is called probe"]),
        ({"tools": ["needle.toml"] * 2}, ["tools: ", "reference: no tool"]),
        ({"needle": "reference"}, ["needle: is the reference body, too", "tools: "]),
        ({"case": None}, ["case: is missing"]),
        ({"case": "rig.toml"}, ['case: {}/rig.toml: format: expected "c1c2nav/case/1"']),
        ({"registration": "r.toml"}, ["registration: {}/r.toml: no such file"]),
        (
            {"save_registration": "rig.toml"},
            [
                "save_registration: {}/rig.toml: would be overwritten, but is a rig file",
                "save_registration: {}/rig.toml: is read too",
            ],
        ),
        (
            {"save_registration": "case/artery.ply"},
            ["save_registration: {}/case/artery.ply: would be overwritten, but was not written by"],
        ),
        ({"save_registration": "case"}, ["save_registration: {}/case: cannot be written"]),
        ({"cameras": None}, [f"cameras: is missing; expected {NAMES[0]} = NUMBER"]),
        ({"cameras": {NAMES[0]: 0}}, [f"cameras: {NAMES[1]} is missing"]),
        (
            {"cameras": {NAMES[0]: 0, NAMES[1]: 2, "top": 3}},
            ["cameras: top: the rig has no camera top"],
        ),
        ({"cameras": {NAMES[0]: 0, NAMES[1]: 0}}, [f"cameras: {NAMES[1]}: webcam 0 is camera"]),
        ({"cameras": {NAMES[0]: 0, NAMES[1]: True}}, [f"cameras: {NAMES[1]}: expected a whole"]),
        (
            {"tracker": {"poses": "igtl://127.0.0.1:18944"}},
            [
                "rig: is not for another tracker",
                "cameras: expected either cameras or [tracker]",
                "tracker: position_sd and rotation_sd_deg are missing",
            ],
        ),
        (
            {"rig": None, "cameras": None, "tracker": {"poses": "127.0.0.1:18944"}},
            ['tracker: poses: expected "igtl://HOST:PORT"'],
        ),
        (
            {
                "rig": None,
                "cameras": None,
                "tracker": {"poses": "igtl://a:1", "position_sd": 0.2},
            },
            ["tracker: --position-sd and --rotation-sd-deg: give both"],
        ),
        (
            {"rig": None, "cameras": None, "tracker": {"poses": "igtl://a:1"}},
            ["tracker: position_sd and rotation_sd_deg are missing"],
        ),
        (
            {"rig": None, "cameras": None, "tracker": {**TRACKER, "names": {"probe": "Stylus"}}},
            ["tracker: names: probe: no tool is called probe; the tools are needle, reference"],
        ),
        (
            {
                "rig": None,
                "cameras": None,
                "tracker": {**TRACKER, "names": {"needle": "S", "reference": "S"}},
            },
            [
                "tracker: names: needle: S is the name of several tools",
                "tracker: names: reference: S is the name of several tools",
            ],
        ),
        (
            {"case": "nothing.toml", "registration": "r.toml"},
            ["case: {}/nothing.toml: no such file", "registration: {}/r.toml: no such file"],
        ),
        ({"limits": {"check_limit": -1.0}}, ["limits: check_limit: expected 0.3 to 10 mm"]),
        ({"limits": {"role": {"vein": {"danger": 1.0}}}}, ["limits: role vein: the case has no"]),
        (
            {"limits": {"structure": {LEFT: {"danger": 6.0}}}},
            [f"limits: structure {LEFT}: danger: 6 mm is beyond caution (5 mm)"],
        ),
        (
            {"links": {"igtl_server": 4000, "polaris": "127.0.0.1:4000"}},
            ["links: polaris: 4000 is the port of igtl_server already"],
        ),
        (
            {"links": {"igtl_server": True}},
            ["links: igtl_server: expected [HOST:]PORT with a port of 1 to 65535, such as 18944"],
        ),
        (
            {"links": {"igtl_server": 4000, "igtl_profile": "astm", "igtl_tdata": True}},
            ['links: igtl_tdata: is not for igtl_profile = "astm"'],
        ),
        ({"recording": {"enabled": False, "folder": "rig.toml"}}, []),
        ({"recording": "sessions"}, ["recording: expected a table"]),
    ],
)
def test_every_entry_is_checked(folder, changes, said):
    lines = problems(folder, **changes)
    assert len(lines) == len(said), lines
    for line, start in zip(lines, said, strict=True):
        assert line.startswith(start.format(folder)), lines


def test_the_users_own_folder_is_not_one_called_tilde(folder, monkeypatch):
    monkeypatch.setenv("HOME", str(folder / "home"))
    (folder / "home").mkdir()
    shutil.move(folder / "needle.toml", folder / "home" / "needle.toml")
    changes = {
        "tools": ["~/needle.toml", "reference.toml"],
        "recording": {"folder": "~/sessions"},
        "save_registration": "~other/registration.toml",
    }
    assert problems(folder, **changes) == []
    lab = read_lab(folder / "lab.toml").lab
    assert lab.recording_folder == folder / "home" / "sessions"
    assert lab.located("~other/registration.toml") == folder / "~other" / "registration.toml"


def test_the_needle_needs_a_tip(folder):
    write_tool(folder / "needle.toml", replace(load_tool(folder / "needle.toml"), tip=None))
    (line,) = problems(folder)
    assert line == f"tools: {folder}/needle.toml: tip: is missing; calibrate the needle first"


def test_tools_of_another_tracker_need_no_markers(folder):
    for name in ("needle", "reference"):
        tool = load_tool(folder / f"{name}.toml")
        write_tool(folder / f"{name}.toml", replace(tool, markers=()))
    tracker = {"poses": "igtl://127.0.0.1:18944", "position_sd": 0.2, "rotation_sd_deg": 0.1}
    assert problems(folder, rig=None, cameras=None, tracker=tracker) == []
    assert [line.partition(": ")[0] for line in problems(folder)] == ["tools", "tools"]


def test_a_recording_folder_that_cannot_be_written_is_refused(folder):
    (folder / "file").write_text("")
    (line,) = problems(folder, recording={"folder": "file/sessions"})
    assert line.startswith("recording: folder: ")
    assert "is not a folder" in line


def test_what_may_change_before_the_next_use_is_a_remark(folder):
    path = write_lab(
        folder,
        limits={"role": {"artery": {"caution": 4.0, "danger": 2.0}}, "check_limit": 3.0},
        links={"igtl_server": "0.0.0.0:18944", "polaris": 80},
        cameras={NAMES[0]: 0, NAMES[1]: 7},
    )
    found = check_lab_file(path, WEBCAMS)
    assert found.problems == []
    for words in (
        "webcam 7 is not connected now; connected: 0 (one), 2 (two)",
        f"alarms come later than the case specifies (lab.toml): {LEFT}",
        "check points may be off by up to 3 mm",
        "links: igtl_server: other computers can connect to 0.0.0.0:18944",
        "80 is a port of the system",
    ):
        assert sum(words in remark for remark in found.remarks) == 1, found.remarks


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "format: expected"),
        ('format = "c1c2nav/lab/2"', "format: expected \"c1c2nav/lab/1\", got 'c1c2nav/lab/2'"),
        ('format = "c1c2nav/rig/1"', "format: expected"),
        ("rig = [", "not valid TOML"),
        ("#" * (MOST_TOML_BYTES + 1), "too large"),
    ],
)
def test_what_is_no_lab_toml_is_one_line(tmp_path, text, said):
    path = tmp_path / "lab.toml"
    path.write_text(text)
    with pytest.raises(InputError) as refused:
        read_lab(path)
    assert said in str(refused.value)
    assert str(refused.value).startswith(f"{path}: ")


leaves = st.booleans() | st.integers(-9, 10**6) | st.floats(-1e9, 1e9) | st.text(max_size=5)
keys = st.sampled_from([*LabFile.model_fields, "artery", "role", "fle", "folder", "poses", "x"])
data = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(keys, data, max_size=5))
def test_whatever_a_file_holds_what_is_well_is_kept_and_the_rest_is_named(
    tmp_path_factory, entries
):
    path = tmp_path_factory.getbasetemp() / "any.toml"
    whole = {**lab_data(), **entries, "format": "c1c2nav/lab/1"}
    write_toml(path, whole)
    read = read_lab(path)
    assert all("\n" not in line for line in read.problems)
    if not read.problems:
        assert load_toml(path, LabFile) == read.lab.file
    else:
        with pytest.raises(InputError) as refused:
            load_toml(path, LabFile)
        assert str(refused.value) == read.problems[0]
    # an entry without fault is not lost for that of another one
    good = {key: value for key, value in lab_data().items() if key not in entries}
    assert (
        good.items() <= {"format": "c1c2nav/lab/1", **read.lab.file.model_dump(mode="json")}.items()
    )
