"""The written lab.toml holds what was asked for, and explains the rest."""

import tomllib

from hypothesis import given
from hypothesis import strategies as st

from nav.lab.lab_file import (
    LabFile,
    LimitsTable,
    LinksTable,
    RecordingTable,
    TrackerTable,
    read_lab,
)
from nav.lab.lab_template import lab_text

characters = st.characters(codec="utf-8", categories=("L", "N", "P", "S"), include_characters=" ")
names = st.text(characters, min_size=1, max_size=20).filter(str.isprintable)
numbers = st.floats(-1e6, 1e6) | st.integers(-1000, 1000)
alarms = st.dictionaries(
    names, st.fixed_dictionaries({}, optional={"caution": numbers, "danger": numbers}), max_size=2
)
tables = {
    "rig": names,
    "tools": st.lists(names, max_size=3),
    "needle": names,
    "reference": names,
    "case": names,
    "registration": names,
    "save_registration": names,
    "language": names,
    "cameras": st.dictionaries(names, st.integers(0, 99), max_size=3),
    "tracker": st.fixed_dictionaries(
        {"poses": st.just("igtl://192.168.0.2:18944")},
        optional={
            "position_sd": st.floats(1e-3, 1e3),
            "names": st.dictionaries(names, names, max_size=2),
        },
    ),
    "recording": st.fixed_dictionaries(
        {},
        optional={
            "enabled": st.booleans(),
            "folder": names,
            "pictures": st.sampled_from(["off", "jpeg", "lossless"]),
        },
    ),
    "limits": st.fixed_dictionaries(
        {}, optional={"fle": numbers, "check_limit": numbers, "role": alarms, "structure": alarms}
    ),
    "links": st.fixed_dictionaries(
        {},
        optional={
            "igtl_server": st.integers(1, 65535) | st.just("0.0.0.0:18944"),
            "igtl_profile": st.sampled_from(["slicer", "astm"]),
            "igtl_version": st.sampled_from([1, 2]),
            "igtl_tdata": st.booleans(),
            "igtl_polydata": st.booleans(),
            "polaris": st.just("8765") | st.just("[::1]:8765"),
            "lsl": st.booleans(),
            "lsl_network": st.booleans(),
        },
    ),
}
files = st.fixed_dictionaries({"format": st.just("c1c2nav/lab/1")}, optional=tables)


@given(files)
def test_what_is_written_is_read_again(tmp_path_factory, data):
    file = LabFile.model_validate(data)
    path = tmp_path_factory.getbasetemp() / "written.toml"
    path.write_text(lab_text(file), encoding="utf-8")
    read = read_lab(path)
    assert read.problems == ()
    left_out = {"made_by", "made_at", "input"}
    assert read.lab.file.model_dump(exclude=left_out) == file.model_dump(exclude=left_out)
    assert str(read.lab.file.made_by).startswith("c1c2nav")


def test_an_entry_that_is_not_set_is_a_comment_that_can_be_used():
    """Without their # the examples are a lab.toml, too."""
    text = lab_text(LabFile(format="c1c2nav/lab/1"))
    assert list(tomllib.loads(text)) == [
        "format", "made_by", "made_at", "recording", "limits", "links"
    ]  # fmt: skip
    examples = "\n".join(
        line.removeprefix("# ")
        for line in text.splitlines()
        if line.startswith(("# [", "[")) or " = " in line.partition("  # ")[0]
    )
    data = tomllib.loads(examples)
    file = LabFile.model_validate(data)
    for name, table in LabFile.model_fields.items():
        if name == "input":
            continue
        assert name in data, name
        if isinstance(table.default, LinksTable | RecordingTable | LimitsTable):
            missing = set(type(table.default).model_fields) - set(data[name])
            assert missing <= {"structure"}
    assert isinstance(file.tracker, TrackerTable)


def test_lines_are_short_and_every_entry_has_a_comment():
    text = lab_text(LabFile(format="c1c2nav/lab/1"), {"rig": "calibrate the cameras first"})
    assert max(map(len, text.splitlines())) <= 100
    assert "calibrate the cameras first" in text
