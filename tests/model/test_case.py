"""case.toml: what a case holds, its limits, and what is refused."""

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pyvista
import tomli_w

from nav.core.errors import InputError
from nav.model.case import Plan, load_case, navigable
from tests.solids import write_box

NAN = float("nan")


def table(name: str, role: str, **more: float) -> dict[str, Any]:
    return {"name": name, "role": role, "mesh": f"meshes/{role}.ply", "sigma": 0.3, **more}


CASE: dict[str, Any] = {
    "format": "c1c2nav/case/1",
    "name": "phantom",
    "structure": [
        table("vertebral artery left", "artery"),
        table("cord", "cord"),
        table("dura", "dura"),
        table("C1", "bone"),
    ],
    "fiducial": [
        {"label": "D1", "position": [1.0, 2.0, 3.0], "use": "register"},
        {"label": "D2", "position": [4.0, 5.0, 6.0], "use": "check"},
        {"label": "D3", "position": [7, 8, 9], "use": "register"},
    ],
    "plan": [
        {"name": "left", "entry": [60.0, 0.0, 0.0], "target": [10.0, 0.0, 0.0]},
        {"name": "right", "entry": [-60.0, 0.0, 0.0], "target": [-10.0, 0.0, 0.0]},
    ],
}
BOXES = {
    "artery": ([20.0, 0.0, 0.0], [24.0, 4.0, 30.0]),
    "cord": ([-5.0, -5.0, -20.0], [5.0, 5.0, 20.0]),
    "dura": ([-8.0, -8.0, -25.0], [8.0, 8.0, 25.0]),
    "bone": ([10.0, -30.0, 0.0], [18.0, -10.0, 10.0]),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A folder with the meshes."""
    folder = tmp_path_factory.mktemp("case")
    for role, (low, high) in BOXES.items():
        write_box(folder / "meshes" / f"{role}.ply", low, high)
    return folder


def written(folder: Path, data: dict[str, Any]) -> Path:
    path = folder / "case.toml"
    path.write_text(tomli_w.dumps(data))
    return path


def changed(*path: str | int, to: Any) -> dict[str, Any]:
    """The case with one entry replaced or added; taken out where it is `...`."""
    data = copy.deepcopy(CASE)
    holder: Any = data
    for key in path[:-1]:
        holder = holder[key]
    if to is ...:
        del holder[path[-1]]
    else:
        holder[path[-1]] = to
    return data


def refusal(folder: Path, data: dict[str, Any]) -> str:
    path = written(folder, data)
    with pytest.raises(InputError) as caught:
        load_case(path)
    said = str(caught.value)
    assert "\n" not in said
    assert said.startswith(f"{path}: ")
    return said.removeprefix(f"{path}: ")


def test_a_written_case_is_read_with_its_surfaces_points_and_plans(folder):
    told: list[str] = []
    case = load_case(written(folder, CASE), told.append)
    assert case.name == "phantom"
    assert told == [s["name"] for s in CASE["structure"]] == [s.name for s in case.structures]
    for structure in case.structures:
        low, high = BOXES[structure.role]
        assert structure.surface.vertices.min(axis=0) == pytest.approx(low)
        assert structure.surface.vertices.max(axis=0) == pytest.approx(high)
        assert structure.sigma == 0.3
    assert [f.label for f in case.fiducials_for("register")] == ["D1", "D3"]
    assert [f.label for f in case.fiducials_for("check")] == ["D2"]
    assert case.fiducials[2].position.tolist() == [7.0, 8.0, 9.0]
    assert case.default_plan is case.plans[0]
    assert case.plans[0].name == "left"
    assert [s.name for s in case.of_role("cord")] == ["cord"]


def test_meshes_are_sought_beside_the_case_not_where_one_stands(folder, tmp_path, monkeypatch):
    path = written(folder, CASE)
    monkeypatch.chdir(tmp_path)
    assert len(load_case(path).structures) == 4


def test_only_artery_and_cord_have_limits_of_their_own(folder):
    limits = {s.role: (s.caution, s.danger) for s in load_case(written(folder, CASE)).structures}
    assert limits == {
        "artery": (5.0, 3.0),
        "cord": (2.0, 1.0),
        "dura": (None, None),
        "bone": (None, None),
    }
    case = load_case(written(folder, CASE))
    assert [s.role for s in case.structures if s.has_limits] == ["artery", "cord"]


@pytest.mark.parametrize(
    ("index", "given", "limits"),
    [
        (0, {"caution": 8.0}, (8.0, 3.0)),
        (0, {"danger": 0.0}, (5.0, 0.0)),
        (1, {"caution": 1.0, "danger": 1.0}, (1.0, 1.0)),
        (2, {"caution": 0.5}, (0.5, None)),
        (3, {"danger": 1.5}, (None, 1.5)),
    ],
)
def test_given_limits_stand_before_the_usual_ones(folder, index, given, limits):
    data = copy.deepcopy(CASE)
    data["structure"][index].update(given)
    found = load_case(written(folder, data)).structures[index]
    assert (found.caution, found.danger) == limits
    assert found.has_limits


@pytest.mark.parametrize(
    ("index", "given"),
    [(0, {"caution": 2.0, "danger": 2.5}), (0, {"danger": 6.0}), (0, {"caution": 2.0})],
)
def test_danger_beyond_caution_is_refused(folder, index, given):
    data = copy.deepcopy(CASE)
    data["structure"][index].update(given)
    said = refusal(folder, data)
    assert said.startswith("structure vertebral artery left: danger: ")
    assert "beyond caution" in said


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        (("structure", 1, "name"), "dura", 'structure: "dura" appears twice'),
        (("fiducial", 2, "label"), "D1", 'fiducial: "D1" appears twice'),
        (("plan", 1, "name"), "left", 'plan: "left" appears twice'),
        (
            ("plan", 0, "name"),
            "left\n\x1b[1m",
            "plan left??[1m: name: has the character U+000A, which",
        ),
        (("name",), "neck\u202e", "name: has the character U+202E, which cannot be shown"),
        (("structure", 1, "role"), "spinal cord", "structure cord: role: "),
        (("structure", 1, "cautoin"), 2.0, "structure cord: cautoin: unknown key"),
        (("structure", 1, "sigma"), ..., "structure cord: sigma: is missing"),
        (("structure", 1, "sigma"), -0.1, "structure cord: sigma: "),
        (("structure", 1, "caution"), NAN, "structure cord: caution: "),
        (("structure",), [], "structure: expected 1 entries, got 0"),
        (("patient",), "x", "patient: unknown key"),
        (("fiducial", 0, "position", 1), NAN, "fiducial D1: position number 2: expected a finite"),
        (("fiducial", 0, "position"), [1.0, 2.0], "fiducial D1: position: expected 3 entries"),
        (("fiducial", 0, "use"), "maybe", "fiducial D1: use: "),
        (("plan", 0, "target"), [60.0, 0.0, 0.0], "plan left: entry and target are the same"),
        (("plan", 0, "entry", 0), float("inf"), "plan left: entry number 1: expected a finite"),
        (("structure", 2, "mesh"), "meshes/lost.ply", "structure dura: mesh: "),
        (("structure", 2, "mesh"), "x" * 5000 + ".ply", "structure dura: mesh: "),
        (("structure", 2, "mesh"), "meshes", "structure dura: mesh: meshes is not a mesh"),
        (("structure",), [table(f"s{k}", "cord") for k in range(501)], "structure: has 501 entri"),
    ],
)
def test_what_breaks_the_format_is_refused_with_its_field(folder, path, value, says):
    assert refusal(folder, changed(*path, to=value)).startswith(says)


def test_an_open_surface_is_refused_with_the_structure(folder):
    mesh = pyvista.read(folder / "meshes" / "cord.ply")
    part = pyvista.PolyData(mesh.points, mesh.faces.reshape(-1, 4)[1:].ravel())
    part.save(folder / "meshes" / "open.ply")
    said = refusal(folder, changed("structure", 1, "mesh", to="meshes/open.ply"))
    assert said.startswith("structure cord: mesh: open.ply is not closed")


@pytest.mark.parametrize(("kept", "missing"), [([0, 2, 3], "cord"), ([1, 2, 3], "artery")])
def test_without_artery_or_cord_there_is_nothing_to_navigate_by(folder, kept, missing):
    data = changed("structure", to=[CASE["structure"][i] for i in kept])
    path = written(folder, data)
    case = load_case(path)  # a case it is
    with pytest.raises(InputError) as caught:
        navigable(case, path)
    assert str(caught.value).startswith(f'{path}: structure: none has role "{missing}"')


def test_artery_and_cord_are_enough_to_navigate_by(folder):
    path = written(folder, changed("structure", to=CASE["structure"][:2]))
    navigable(load_case(path), path)


def test_a_case_without_plan_has_no_default(folder):
    assert load_case(written(folder, changed("plan", to=...))).default_plan is None


def test_a_plans_direction_is_from_entry_to_target():
    plan = Plan("left", np.array([10.0, 2.0, 0.0]), np.array([6.0, 5.0, 0.0]))
    assert plan.direction == pytest.approx([-0.8, 0.6, 0.0])


@pytest.mark.parametrize(
    "field", [("structure", 0, "mesh"), ("reconstruction", "volume"), ("reconstruction", "labels")]
)
def test_a_file_name_that_no_file_system_has_is_refused_by_field(folder, field):
    data = copy.deepcopy(CASE)
    data["reconstruction"] = {"source": "NIfTI", "spacing": [0.5, 0.5, 0.6]}
    place: Any = data
    for key in field[:-1]:
        place = place[key]
    place[field[-1]] = "volume.nii" + 300 * "("
    with pytest.raises(InputError, match=rf"{field[-1]}.*a file name of 310 characters"):
        load_case(written(folder, data))
