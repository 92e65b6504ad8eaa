"""[needle] of TOOL.toml: what is read, what is refused, and where bending goes and where not."""

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nav.core.errors import InputError
from nav.pipeline import Guidance
from nav.record.pose_table import PosesWriter
from nav.tracking.needle import NeedleKind
from nav.tracking.tool import Tool, load_tool, write_tool
from tests.guidance.bent import Y, hand, needle, step
from tests.synthetic import floats

TOOL = """format = "c1c2nav/tool/1"
name = "needle"
dictionary = "DICT_4X4_50"
[[marker]]
id = 1
corners = [[0,0,0], [14,0,0], [14,14,0], [0,14,0]]
[tip]
position = [0.3, -0.2, 110.0]
axis = [0.0, 0.0, 1.0]
"""


def read(folder, *lines: str) -> Tool:
    path = folder / "needle.toml"
    path.write_text(TOOL + "\n".join(lines))
    return load_tool(path)


def told(tool: Tool) -> NeedleKind:
    assert tool.needle is not None
    return tool.needle


@given(st.integers(14, 25), st.sampled_from(["cutting", "tuohy", "pencil"]),
       st.none() | floats(-3.1, 3.1))  # fmt: skip
def test_a_needle_is_read_as_it_was_written(tmp_path_factory, gauge, bevel, angle):
    faces = None
    if bevel != "pencil" and angle is not None:
        faces = np.array([np.cos(angle), np.sin(angle), 0.0])
    path = tmp_path_factory.mktemp("tool") / "needle.toml"
    write_tool(path, needle(NeedleKind(gauge, bevel, faces)))
    kind = told(load_tool(path))
    assert (kind.gauge, kind.bevel) == (gauge, bevel)
    if faces is None:
        assert kind.bevel_direction is None
    else:
        assert kind.bevel_direction == pytest.approx(faces, abs=1e-12)


def test_a_file_without_the_table_is_valid(tmp_path):
    assert read(tmp_path).needle is None
    write_tool(tmp_path / "written.toml", needle(None))
    assert "[needle]" not in (tmp_path / "written.toml").read_text()


def test_a_nearly_unit_direction_becomes_one(tmp_path):
    tool = read(tmp_path, "[needle]", "gauge = 17", 'bevel = "tuohy"',
                "bevel_direction = [0.0, 0.995, 0.05]")  # fmt: skip
    faces = told(tool).bevel_direction
    assert faces is not None
    assert np.linalg.norm(faces) == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (['gauge = "17"', 'bevel = "tuohy"'], "gauge: expected a whole number, got '17'"),
        (["gauge = 17.5", 'bevel = "tuohy"'], "gauge: expected a whole number, got 17.5"),
        (["gauge = 13", 'bevel = "tuohy"'],
         "gauge: input should be greater than or equal to 14, got 13"),
        (["gauge = 26", 'bevel = "tuohy"'],
         "gauge: input should be less than or equal to 25, got 26"),
        (["gauge = 22", 'bevel = "quincke"'],
         "bevel: input should be 'cutting', 'tuohy' or 'pencil', got 'quincke'"),
        (["gauge = 22"], "bevel: is missing"),
        (['bevel = "tuohy"'], "gauge: is missing"),
        (["gauge = 22", 'bevel = "tuohy"', "length = 90.0"],
         "length: unknown key; remove it or check the spelling"),
        (["gauge = 22", 'bevel = "tuohy"', "bevel_direction = [0.0, 2.0, 0.0]"],
         "bevel_direction: expected a unit vector, got length 2.000"),
        (["gauge = 22", 'bevel = "tuohy"', "bevel_direction = [0.0, 0.6, 0.8]"],
         "bevel_direction: expected across [tip].axis, got 37 degrees to it"),
        (["gauge = 22", 'bevel = "pencil"', "bevel_direction = [0.0, 1.0, 0.0]"],
         "a pencil point has no bevel; leave bevel_direction out"),
    ],
)  # fmt: skip
def test_a_wrong_needle_is_refused_in_one_line(tmp_path, lines, said):
    with pytest.raises(InputError) as caught:
        read(tmp_path, "[needle]", *lines)
    assert str(caught.value) == f"{tmp_path / 'needle.toml'}: needle: {said}"


def poses_of(tool: Tool, guidance: Guidance, relative_to: str | None) -> str:
    file = io.StringIO(newline="")
    PosesWriter(file, [tool], relative_to).write(guidance.tracked)
    return file.getvalue()


@pytest.mark.parametrize("faces", [None, Y], ids=["any way", "known"])
@pytest.mark.parametrize("bevel", ["cutting", "tuohy"])
def test_a_table_makes_bounds_smaller_and_leaves_the_poses_as_they_are(tmp_path, bevel, faces):
    """From the tool file to the bound, and to poses.csv."""
    told_of = NeedleKind(17, bevel, faces)
    results = {}
    for name, kind in (("straight", None), ("bent", told_of)):
        write_tool(tmp_path / f"{name}.toml", needle(kind))
        tool = load_tool(tmp_path / f"{name}.toml")
        results[name] = tool, step(tool.needle, hand())
    bound = {
        name: min(s.bound for s in guidance.proximity.structures if s.role == "artery")
        for name, (_, guidance) in results.items()
    }
    assert bound["bent"] < bound["straight"] - 1.0
    for relative_to in (None, "reference"):
        straight, bent = (poses_of(*result, relative_to) for result in results.values())
        assert straight == bent
