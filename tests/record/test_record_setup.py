"""What is recorded, where to, and the files that a session carries."""

import os
from pathlib import Path

import pytest

from nav.core.errors import InputError
from nav.core.notice import Notice
from nav.record.session.carried_files import CarriedFiles
from nav.record.session.record_setup import RecordOptions, RecordSetup, record_options
from nav.record.session.session_reader import open_session
from tests.live.test_session import Work
from tests.record.example_session import example_files


class Recorded:
    """What a recorder is opened for."""

    def __init__(self, folder):
        self.session, self.notices, self.source = Work().session, (), None
        example_files(folder)
        tools = tuple((name, folder / "tools" / f"{name}.toml") for name in ("needle", "reference"))
        self.files = CarriedFiles(folder / "rig.toml", tools, folder / "case" / "case.toml")

    def carried_files(self):
        return self.files


def test_a_session_carries_its_files(tmp_path):
    work = Recorded(tmp_path / "files")
    (setup,) = RecordOptions(tmp_path / "out", code="P-07").setups("poses")
    setup.open(work).close()
    (folder,) = (tmp_path / "out").iterdir()
    reader = open_session(folder)
    assert folder.name.endswith("-P-07")
    names = {"rig.toml", "tools/needle.toml", "tools/reference.toml", "case/case.toml"}
    assert reader.attachments.keys() == names | {"case/cord.ply"}
    for name, content in reader.attachments.items():
        assert (tmp_path / "files" / name).read_bytes() == content
    for value in (*reader.about.values(), *reader.about):
        assert str(tmp_path) not in value
        assert os.uname().nodename not in value


def test_what_was_not_asked_for_and_cannot_be_is_only_told(tmp_path):
    work, taken = Recorded(tmp_path / "files"), tmp_path / "taken"
    taken.write_text("a file")
    observer = RecordSetup(taken, "cameras", "off").open(work)
    assert [notice.code for notice in observer.notices] == ["not_recording"]
    with pytest.raises(InputError, match="is not a folder"):
        RecordSetup(taken, "cameras", "off", required=True).open(work)
    off = RecordSetup(None, "cameras", "off").open(work)
    assert off.notices[0].facts["reason"] == Notice("record_off")


@pytest.mark.parametrize(
    ("options", "source", "wanted"),
    [
        (RecordOptions(), "cameras", [(Path("sessions"), "jpeg", False)]),
        (RecordOptions(), "igtl", [(Path("sessions"), "off", False)]),
        (RecordOptions(), "images", []),
        (RecordOptions(), "poses", []),
        (RecordOptions(), "twin", []),
        (RecordOptions(Path("x"), pictures="lossless"), "twin", [(Path("x"), "lossless", True)]),
        (RecordOptions(Path("x")), "poses", [(Path("x"), "off", True)]),
        (RecordOptions(off=True), "cameras", [(None, "jpeg", False)]),
    ],
)
def test_when_what_is_recorded(options, source, wanted):
    found = options.setups(source)
    assert [(setup.parent, setup.pictures, setup.required) for setup in found] == wanted


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((Path("x"), True, False, False, None), "--record or --no-record"),
        ((None, False, True, True, None), "--no-pictures or --lossless"),
        ((None, False, False, False, "Frau Müller"), "--code"),
        ((Path(__file__), False, False, False, None), "is not a folder"),
    ],
)
def test_options_that_contradict_each_other_are_refused(arguments, said):
    with pytest.raises(InputError, match=said):
        record_options(*arguments)
