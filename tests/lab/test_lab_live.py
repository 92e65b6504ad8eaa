"""`nav live` with a lab.toml: which of an option and an entry wins, and that limits reach guidance.

The table in docs/lab.md says the same.
"""

import io
import json
import shutil
import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

import nav.run_live
from nav.cli import main
from nav.core.errors import InputError, InputErrors
from nav.lab.lab_file import LabFile, read_lab
from nav.lab.lab_live import LiveOptions, live_setup
from nav.lab.lab_show import live_command
from nav.link.igtl_observer import IgtlSetup
from nav.link.igtl_options import IgtlOptions
from nav.link.link_options import LinkOptions
from nav.link.network_address import NetworkAddress
from nav.link.tracker_address import tracker_address
from nav.live.live_limits import LiveLimits, live_limits_from_json
from nav.record.session.record_setup import RecordOptions, RecordSetup
from nav.record.session.session_reader import open_session
from nav.run_live import LiveJob
from nav.tracking.pose_source import StatedErrors
from tests.lab.lab_folder import LEFT, write_lab, write_lab_folder, write_poses
from tests.synthetic import small_rig

NAMES = small_rig(2).names
CAMERAS = (f"{NAMES[0]}=0", f"{NAMES[1]}=2")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lab")
    write_lab_folder(folder)
    return folder


@pytest.fixture
def folder(whole, tmp_path, monkeypatch):
    """The current folder, with a set-up that is well."""
    here = shutil.copytree(whole, tmp_path / "lab")
    monkeypatch.chdir(here)
    return here


def setup_of(lab=None, **given):
    return live_setup(LiveOptions(**given), lab)


def test_without_options_everything_is_of_the_file(folder):
    write_lab(folder, save_registration="new.toml", language="de", limits={"fle": 0.4})
    setup = setup_of()
    job = setup.job(Console(quiet=True))
    assert job == LiveJob(
        rig=Path("rig.toml"),
        tools=(Path("needle.toml"), Path("reference.toml")),
        case=Path("case/case.toml"),
        cameras=CAMERAS,
        images=None,
        poses=None,
        registration=None,
        needle="needle",
        reference="reference",
        fps=None,
        save=Path("new.toml"),
        limits=LiveLimits(fle=0.4),
        lab=job.lab,
        observers=(RecordSetup(Path("sessions"), "cameras", "jpeg"),),
    )
    assert setup.options.language == "de"
    assert setup.lines == ("set-up: lab.toml",)


def test_paths_are_relative_to_the_file_not_to_the_current_folder(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    job = setup_of(Path("lab/lab.toml")).job(Console(quiet=True))
    assert job.rig == Path("lab/rig.toml")
    assert job.case == Path("lab/case/case.toml")
    job.check()


def test_a_folder_without_the_file_has_none(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    given = LiveOptions(rig=Path("r.toml"), cameras=("left=0",))
    setup = live_setup(given, None)
    assert (setup.options, setup.limits, setup.lab) == (given, LiveLimits(), None)


def test_no_lab_uses_none(folder):
    given = LiveOptions(rig=Path("other.toml"))
    assert live_setup(given, None, without=True).options == given


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"rig": Path("o.toml")}, {"rig": Path("o.toml"), "cameras": CAMERAS}),
        ({"cameras": ("left=5",)}, {"cameras": ("left=5",), "rig": Path("rig.toml")}),
        (
            {"images": Path("seen"), "fps": 10.0},
            {"cameras": (), "images": Path("seen"), "rig": Path("rig.toml"), "fps": 10.0},
        ),
        ({"poses": Path("p.csv")}, {"cameras": (), "rig": None, "poses": Path("p.csv")}),
        ({"needle": "reference"}, {"needle": "reference", "reference": "reference"}),
        ({"registration": Path("r.toml")}, {"registration": Path("r.toml")}),
        ({"save": Path("s.toml")}, {"save": Path("s.toml")}),
        ({"language": "en"}, {"language": "en"}),
        # a registration is of a case and a reference body: not for others
        ({"case": Path("c.toml")}, {"case": Path("c.toml"), "save": None}),
        ({"tools": (Path("t.toml"),)}, {"tools": (Path("t.toml"),), "save": None}),
    ],
)
def test_a_given_option_goes_before_the_entry(folder, given, expected):
    write_lab(folder, save_registration="new.toml", language="de")
    options = setup_of(**given).options
    assert {name: getattr(options, name) for name in expected} == expected
    if "save" not in expected:
        assert options.save == Path("new.toml")


def setups_of(**given):
    """Recorder and links of `nav live`, in order."""
    return setup_of(**given).job(Console(quiet=True)).observers


@pytest.mark.parametrize(
    ("table", "given", "expected"),
    [
        ({}, {}, RecordSetup(Path("sessions"), "cameras", "jpeg")),
        (
            {"folder": "kept", "pictures": "lossless"},
            {},
            RecordSetup(Path("kept"), "cameras", "lossless"),
        ),
        (
            {"folder": "kept"},
            {"record": RecordOptions(Path("r"), pictures="off", code="p7")},
            RecordSetup(Path("r"), "cameras", "off", "p7", True),
        ),
        ({"enabled": False}, {}, RecordSetup(None, "cameras", "jpeg")),
        (
            {"enabled": False},
            {"record": RecordOptions(Path("r"))},
            RecordSetup(Path("r"), "cameras", "jpeg", required=True),
        ),
        ({}, {"record": RecordOptions(off=True)}, RecordSetup(None, "cameras", "jpeg")),
        # what was recorded already is recorded again only where that is asked for
        ({"folder": "kept"}, {"images": Path("seen")}, None),
        (
            {"pictures": "off"},
            {"images": Path("seen"), "record": RecordOptions(Path("r"))},
            RecordSetup(Path("r"), "images", "off", required=True),
        ),
    ],
)
def test_recording_is_of_the_option_then_of_the_file(folder, table, given, expected):
    write_lab(folder, recording=table)
    assert setups_of(**given) == (() if expected is None else (expected,))


LOCAL, OPEN = NetworkAddress("127.0.0.1", 18944), NetworkAddress("0.0.0.0", 18945)


@pytest.mark.parametrize(
    ("table", "given", "expected"),
    [
        ({"igtl_server": 18944}, IgtlOptions(), IgtlSetup(LOCAL, "slicer", 2, False, False)),
        (
            {"igtl_server": 18944, "igtl_version": 1, "igtl_polydata": True},
            IgtlOptions(tdata=True),
            IgtlSetup(LOCAL, "slicer", 1, True, True),
        ),
        (
            {"igtl_server": 18944, "igtl_version": 1, "igtl_polydata": True},
            IgtlOptions(profile="astm"),
            IgtlSetup(LOCAL, "astm", 2, False, False),
        ),
        (
            {"igtl_server": 18944, "igtl_profile": "astm"},
            IgtlOptions("0.0.0.0:18945"),
            IgtlSetup(OPEN, "slicer", 2, False, False),
        ),
        ({"igtl_profile": "astm"}, IgtlOptions(), None),
    ],
)
def test_the_server_is_of_the_option_then_of_the_file(folder, table, given, expected):
    write_lab(folder, recording={"enabled": True}, links=table)
    assert setups_of(igtl=given)[1:] == (() if expected is None else (expected,))


def test_other_services_are_of_the_option_then_of_the_file(folder):
    write_lab(folder, links={"polaris": 8765, "lsl": True})
    assert setup_of().options.links == LinkOptions("8765", True, False)
    given = LinkOptions("0.0.0.0:9000", lsl_network=True)
    assert setup_of(links=given).options.links == LinkOptions("0.0.0.0:9000", True, True)


def test_another_tracker_is_of_the_file(folder):
    write_lab(
        folder,
        rig=None,
        cameras=None,
        tracker={
            "poses": "igtl://station:18944",
            "position_sd": 0.2,
            "rotation_sd_deg": 0.1,
            "names": {"needle": "StylusToTracker"},
        },
    )
    job = setup_of().job(Console(quiet=True))
    assert (job.rig, job.cameras) == (None, ())
    assert tracker_address(job.poses) == NetworkAddress("station", 18944)
    assert job.igtl_names == ("needle=StylusToTracker",)
    assert job.stated == StatedErrors(0.2, float(np.radians(0.1)))
    assert job.observers[0].source == "igtl"
    job.check()
    # cameras instead
    options = setup_of(rig=Path("rig.toml"), cameras=CAMERAS).options
    assert (options.poses, options.rig) == (None, Path("rig.toml"))
    setup_of(rig=Path("rig.toml"), cameras=CAMERAS).job(Console(quiet=True)).check()


def test_who_can_connect_is_told(folder):
    write_lab(folder, links={"igtl_server": "0.0.0.0:18945"})
    console = Console(file=io.StringIO())
    setup_of().job(console)
    assert "0.0.0.0:18945" in console.file.getvalue()


def test_an_entry_that_an_option_replaces_may_be_wrong(folder):
    write_lab(folder, rig="nothing.toml", case="nothing.toml", cameras={"up": 1})
    given = {"rig": Path("rig.toml"), "case": Path("case/case.toml"), "cameras": CAMERAS}
    setup_of(**given).job(Console(quiet=True)).check()
    with pytest.raises(InputErrors) as refused:
        setup_of(cameras=CAMERAS)
    assert [line.split(": ")[1] for line in refused.value.lines] == [
        "rig", "case", "fix these, or run nav live with --no-lab"
    ]  # fmt: skip


def test_what_is_not_used_is_told(folder):
    write_lab(folder, save_registration="new.toml")
    lines = setup_of(case=Path("case/case.toml")).lines
    assert lines[1] == "lab.toml: save_registration is not used: it is not for --case"


def test_limits_reach_guidance_and_the_window(folder):
    write_lab(
        folder,
        limits={
            "fle": 0.4,
            "check_limit": 1.5,
            "structure": {LEFT: {"caution": 9.0}},
        },
    )
    write_poses(folder / "poses.csv")
    job = setup_of(poses=Path("poses.csv")).job(Console(quiet=True))
    shown, _ = job.check()
    assert shown.structures[0].caution == 9.0
    work = job.open()
    assert work.pipeline.alarms.structures[LEFT].caution == 9.0
    assert (work.session.fle, work.session.check_limit) == (0.4, 1.5)
    work.source.close()


def test_a_session_carries_the_set_up_with_its_limits(folder):
    write_lab(folder, limits={"fle": 0.4, "structure": {LEFT: {"caution": 9.0}}})
    write_poses(folder / "poses.csv")
    given = {"poses": Path("poses.csv"), "record": RecordOptions(Path("kept"))}
    setup = setup_of(**given)
    work = setup.job(Console(quiet=True)).open()
    for tracked in work.source:
        state = work.session.step(tracked)
        for observer in work.observers:
            observer.frame(tracked, state)
    for observer in work.observers:
        observer.close()
    (session,) = Path("kept").iterdir()
    reader = open_session(session)
    assert reader.cut is None
    carried = LabFile.model_validate(tomllib.loads(reader.attachments["lab.toml"].decode()))
    left_out = {"made_by", "made_at"}
    assert carried.model_dump(exclude=left_out) == setup.lab.file.model_dump(exclude=left_out)
    assert live_limits_from_json(json.loads(reader.about["limits"])) == setup.limits
    assert not any(str(folder) in value for value in reader.about.values())


def test_limits_that_warn_later_are_among_the_notices(folder):
    write_lab(folder, limits={"structure": {LEFT: {"caution": 4.0}}})
    write_poses(folder / "poses.csv")
    work = setup_of(poses=Path("poses.csv")).job(Console(quiet=True)).open()
    assert "limits_lowered" in [notice.code for notice in work.notices]
    work.source.close()


@pytest.fixture
def asked(monkeypatch):
    """Jobs that `nav live` would have shown."""
    jobs = []
    monkeypatch.setattr(nav.run_live, "run_live", lambda job, console: jobs.append(job))
    return jobs


def test_nav_live_in_the_folder_needs_no_options(folder, asked, capsys):
    with pytest.raises(SystemExit) as end:
        main(["live"])
    assert end.value.code == 0
    assert asked[0].lab is not None
    assert "set-up: lab.toml" in capsys.readouterr().out


def test_the_command_that_is_shown_does_the_same(folder, asked):
    write_lab(
        folder,
        save_registration="new.toml",
        language="en",
        recording={"folder": "kept", "pictures": "lossless"},
        links={"igtl_server": 18944, "igtl_version": 1, "igtl_tdata": True},
    )
    words = live_command(read_lab(Path("lab.toml")).lab).split()
    for arguments in (["live"], words[1:]):
        with pytest.raises(SystemExit):
            main(arguments)
    with_lab, without = asked
    assert with_lab.lab is not None
    recorder, *links = with_lab.observers
    same = (replace(recorder, required=True), *links)  # since --record is given
    assert {**vars(with_lab), "lab": None, "observers": same} == vars(without)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["live", "--lab", "nothing.toml"], ["nav: nothing.toml: no such file"]),
        (["live", "--lab", "lab.toml", "--no-lab"], ["nav: nav live: give either --lab or"]),
        (["live", "--twin", "--lab", "lab.toml"], ["nav: nav live: --twin brings its own"]),
    ],
)
def test_bad_use_is_one_line(folder, asked, capsys, arguments, said):
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert end.value.code == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == len(said)
    assert all(line.startswith(start) for line, start in zip(lines, said, strict=True))
    assert asked == []


def test_faults_of_the_file_are_a_line_each(folder, asked, capsys):
    write_lab(folder, rig="nothing.toml", language="xx", colour="red")
    with pytest.raises(SystemExit) as end:
        main(["live"])
    assert end.value.code == 2
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(": ")[2] for line in lines] == [
        "colour", "rig", "language", "fix these, or run nav live with --no-lab"
    ]  # fmt: skip
    assert asked == []


def test_limits_of_the_lab_go_before_those_of_another_case_and_it_is_said(folder):
    """They belong to the lab: whoever sets them wants them whatever lies on the table."""
    write_lab(
        folder, limits={"role": {"artery": {"caution": 9.0}}, "structure": {LEFT: {"danger": 4.0}}}
    )
    other = shutil.copytree(folder / "case", folder / "other") / "case.toml"
    other.write_text(other.read_text().replace("sigma", "caution = 3.0\ndanger = 2.0\nsigma"))
    poses = folder / "poses.csv"
    write_poses(poses)
    setup = setup_of(case=other, poses=poses)
    (said,) = (line for line in setup.lines if "alarm limits" in line)
    assert f"override those of {other} too: artery: caution 9 mm, {LEFT}: danger 4 mm" in said
    work = replace(setup.job(Console(quiet=True)), observers=()).open()
    work.source.close()
    limits = {s.name: (s.caution, s.danger) for s in work.pipeline.case.structures}
    assert limits == {LEFT: (9.0, 4.0), "cord": (3.0, 2.0)}
    write_lab(folder)
    assert not [line for line in setup_of(case=other, poses=poses).lines if "limits" in line]


def test_limits_of_a_structure_that_another_case_has_not_are_refused(folder):
    write_lab(folder, limits={"structure": {LEFT: {"danger": 4.0}}})
    other = shutil.copytree(folder / "case", folder / "other") / "case.toml"
    other.write_text(other.read_text().replace(LEFT, "artery 1"))
    poses = folder / "poses.csv"
    write_poses(poses)
    with pytest.raises(InputError, match=f"structure {LEFT}: the case has no such structure"):
        setup_of(case=other, poses=poses).job(Console(quiet=True)).check()
