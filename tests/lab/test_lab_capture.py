"""`nav record` and `nav touch` with a lab.toml: which of an option and an entry wins."""

import shutil
from pathlib import Path

import pytest

from nav.cli import main
from nav.core.errors import InputError, InputErrors
from nav.lab.lab_capture import record_with_lab, touch_with_lab
from nav.record.recorded_poses import stated_errors
from nav.record_pictures import RecordJob
from nav.touch_command import TouchJob
from nav.tracking.pose_source import StatedErrors
from tests.lab.lab_folder import write_lab, write_lab_folder
from tests.synthetic import small_rig

NAMES = small_rig(2).names
CAMERAS = (f"{NAMES[0]}=0", f"{NAMES[1]}=2")
OUT = Path("out")
TRACKER = {
    "poses": "igtl://127.0.0.1:9",
    "position_sd": 0.2,
    "rotation_sd_deg": 0.1,
    "names": {"needle": "StylusToTracker"},
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lab")
    write_lab_folder(folder)
    return folder


@pytest.fixture
def folder(whole, tmp_path, monkeypatch):
    here = shutil.copytree(whole, tmp_path / "lab")
    monkeypatch.chdir(here)
    return here


def recorded(**given):
    return record_with_lab(RecordJob(given.pop("cameras", ()), OUT, **given), None, False)


def touched(**given):
    given = {"tools": (), "needle": "", "reference": ""} | given
    return touch_with_lab(TouchJob(output=OUT, **given), None, False)


def test_record_takes_cameras_and_rig_of_the_lab(folder):
    job, lab = recorded()
    assert (job.cameras, job.rig) == (CAMERAS, Path("rig.toml"))
    assert lab is not None
    assert recorded(size=(640, 480))[0].rig is None  # the rig would say another one
    assert recorded(rig=Path("other.toml"))[0].rig == Path("other.toml")


def test_other_cameras_than_the_labs_have_no_rig_yet(folder):
    job, lab = recorded(cameras=("top=3",))
    assert (job.cameras, job.rig, lab) == (("top=3",), None, None)


def test_entries_that_are_not_used_may_be_wrong(folder):
    write_lab(
        folder, case="nowhere.toml", tools=["nowhere.toml"], language="xx",
        limits={"fle": 99.0}, links={"igtl_server": "18944", "polaris": "18944"},
    )  # fmt: skip
    assert recorded()[0].cameras == CAMERAS
    with pytest.raises(InputErrors) as error:
        touched()
    said = str(error.value)
    assert "nowhere.toml" in said
    assert "case:" in said
    assert "limits" not in said
    assert "polaris" not in said
    write_lab(folder, rig="nowhere.toml")
    with pytest.raises(InputErrors, match=r"rig: nowhere.toml: no such file"):
        recorded()
    assert recorded(size=(640, 480))[0].cameras == CAMERAS


def test_a_lab_with_another_tracker_has_no_cameras_to_record(folder):
    write_lab(folder, rig=None, cameras=None, tracker=TRACKER)
    with pytest.raises(InputError, match="has a tracker and no cameras; give --camera"):
        recorded()


def test_touch_takes_all_it_needs_of_the_lab(folder):
    job, _ = touched()
    assert (job.cameras, job.rig, job.poses) == (CAMERAS, Path("rig.toml"), None)
    assert job.tools == (Path("needle.toml"), Path("reference.toml"))
    assert (job.case, job.needle, job.reference) == (Path("case/case.toml"), "needle", "reference")


def test_a_given_source_goes_before_that_of_the_lab(folder):
    job, _ = touched(images=Path("images"))
    assert (job.cameras, job.rig) == ((), Path("rig.toml"))
    job, _ = touched(poses=Path("poses.csv"))
    assert (job.cameras, job.rig, job.poses) == ((), None, Path("poses.csv"))
    write_lab(folder, rig=None, cameras=None, tracker=TRACKER)
    job, _ = touched()
    assert (job.poses, job.rig, job.cameras) == (Path("igtl:/127.0.0.1:9"), None, ())
    assert job.igtl_names == ("needle=StylusToTracker",)
    assert job.stated == stated_errors(0.2, 0.1)
    own = StatedErrors(0.5, 0.01)
    assert touched(stated=own)[0].stated == own


def test_without_a_lab_the_options_are_asked_for(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for command, wanted in (("record", "--camera NAME=NUMBER"), ("touch", "--tool is missing")):
        with pytest.raises(SystemExit) as end:
            main([command, "--output", str(tmp_path / "out.csv"), "--no-window"])
        assert end.value.code == 2
        assert wanted in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_no_lab_uses_none_and_a_named_one_must_be_there(folder, capsys):
    job, lab = touch_with_lab(TouchJob((), OUT, needle="", reference=""), None, True)
    assert (job.tools, job.needle, job.reference, lab) == ((), "needle", "reference", None)
    with pytest.raises(InputError, match="either --lab or --no-lab"):
        record_with_lab(RecordJob((), OUT), Path("lab.toml"), True)
    with pytest.raises(InputError, match=r"other.toml"):
        record_with_lab(RecordJob((), OUT), Path("other.toml"), False)
