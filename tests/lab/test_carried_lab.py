"""What a session carries along of a lab.toml names no person and no computer."""

import tomllib

import pytest
from hypothesis import given

from nav.lab.carried_lab import carried_lab
from nav.lab.lab_file import LabFile
from tests.lab.lab_folder import lab_data
from tests.lab.test_lab_template import files


def carried(**entries):
    return tomllib.loads(carried_lab(LabFile.model_validate(lab_data(**entries))).decode())


@pytest.mark.parametrize(
    ("path", "left"),
    [
        ("rig.toml", "rig.toml"),
        ("kit/rig.toml", "kit/rig.toml"),
        ("/mueller/lab/rig.toml", "rig.toml"),
        ("../mueller/rig.toml", "rig.toml"),
        ("C:\\Users\\mueller\\rig.toml", "rig.toml"),
        ("\\\\station\\share\\rig.toml", "rig.toml"),
        ("~mueller", "folder"),
        ("/", "folder"),
    ],
)
def test_of_places_elsewhere_only_the_name_is_left(path, left):
    data = carried(rig=path, tools=[path, "reference.toml"], recording={"folder": path})
    assert (data["rig"], data["tools"][0], data["recording"]["folder"]) == (left,) * 3


@pytest.mark.parametrize(
    ("address", "left"),
    [
        ("igtl://station7.clinic.example:18944", "igtl://tracker:18944"),
        ("igtl://192.168.0.7", "igtl://tracker"),
        ("igtl://[fe80::1]", "igtl://tracker"),
        ("igtl://[fe80::1]:18945", "igtl://tracker:18945"),
    ],
)
def test_of_addresses_only_the_port_is_left(address, left):
    data = carried(
        rig=None,
        cameras=None,
        tracker={"poses": address, "names": {"needle": "Stylus"}},
        links={"igtl_server": "station7:18944", "polaris": 8765},
    )
    assert data["tracker"]["poses"] == left
    assert data["tracker"]["names"] == {"needle": "Stylus"}
    assert (data["links"]["igtl_server"], data["links"]["polaris"]) == ("18944", "8765")


@given(files)
def test_it_is_a_lab_toml_with_the_same_limits(entries):
    file = LabFile.model_validate(entries)
    again = LabFile.model_validate(tomllib.loads(carried_lab(file).decode()))
    assert (again.limits, again.cameras) == (file.limits, file.cameras)
    assert (again.needle, again.reference) == (file.needle, file.reference)
    assert again.recording.pictures == file.recording.pictures
