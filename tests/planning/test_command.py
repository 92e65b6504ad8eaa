"""`nav plan`: what it writes, says and refuses."""

import json
import shutil
import tomllib
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import pyvista

from nav.cli import main
from nav.core.errors import InputError
from nav.core.files import sha256, write_toml
from nav.exchange.voxelise import grid_over, voxelise
from nav.model.case import OLDER_PLANS, PLANNED, load_case
from nav.planning.errorfile import load_errors
from nav.planning.plan_command import _of_other_case, _refuse_other_scan
from nav.planning.plan_files import Planned, _case_table, _files_named
from nav.planning.plan_text import percent
from nav.planning.probability import Estimate
from nav.reconstruction.volume import Volume
from nav.registration.markupsline import line_json, read_line
from phantoms.anatomy.anatomy_files import write_case
from phantoms.anatomy.standard_neck import standard_anatomy


@pytest.fixture(scope="module")
def case(tmp_path_factory) -> Path:
    return write_case(standard_anatomy(), tmp_path_factory.mktemp("case"))


def run(*words):
    with pytest.raises(SystemExit) as end:
        main([str(word) for word in words])
    return end.value.code or 0


@pytest.fixture(scope="module")
def planned(case, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("out") / "plan"
    assert run("plan", case, "--output", folder) == 0
    return folder


def test_the_new_case_is_navigated_by_its_first_plan(case, planned):
    old, new = load_case(case), load_case(planned / "case.toml")
    assert [s.name for s in new.structures] == [s.name for s in old.structures]
    assert len(new.plans) >= 4 + len(old.plans)
    table = tomllib.loads((planned / "plan.toml").read_text())
    assert table["format"] == "c1c2nav/plan/1"
    assert table["best"].startswith(f"best: {new.default_plan.name}")
    assert {plan.name for plan in old.plans} <= {plan.name for plan in new.plans}


def test_a_mesh_that_is_changed_after_the_plan_is_named(planned, tmp_path):
    folder = tmp_path / "plan"
    shutil.copytree(planned, folder)
    assert not [w for w in load_case(folder / "case.toml").warnings if "changed" in w]
    table = tomllib.loads((folder / "case.toml").read_text())
    entry = next(s for s in table["structure"] if s["name"] == "C2")
    mesh = pyvista.read(folder / entry["mesh"])
    mesh.points = mesh.points + np.array([1.0, 0.0, 0.0])
    mesh.save(folder / entry["mesh"])
    (said,) = [w for w in load_case(folder / "case.toml").warnings if "changed" in w]
    assert "structure C2: its mesh was changed after the plans were made: plan again" in said


def test_the_summary_has_both_sides(planned):
    summary = json.loads((planned / "summary.json").read_text())
    assert {side["side"]: side["verdict"] for side in summary["side"]} == {
        "left": "safe",
        "right": "safe",
    }
    path = summary["side"][0]["path"][0]
    assert 0.0 <= path["probability"]["total"]["value"] <= 1.0
    assert path["probability"]["total"]["error"] > 0.0
    assert path["narrowest"]["structure"]
    assert [mark["level"] for mark in summary["catheter"]["mark"]] == ["C2", "C3", "C4"]


def test_pictures_and_the_skin_are_written(planned):
    for name in ("overview.png", "radiograph.png", "skin_risk.png"):
        assert (planned / name).read_bytes().startswith(b"\x89PNG")
    header = (planned / "skin_risk.ply").read_bytes().split(b"end_header")[0]
    assert b"property uchar red" in header
    assert b"property float probability" in header


def test_its_lines_are_read_back(case, planned):
    new = load_case(planned / "case.toml")
    plan = new.default_plan
    line = read_line(planned / f"{plan.name.replace(' ', '_')}.mrk.json", np.zeros(3))
    assert line.entry == pytest.approx(plan.entry, abs=1e-3)
    assert line.target == pytest.approx(plan.target, abs=1e-3)


def test_a_line_set_by_hand_is_judged(case, planned, tmp_path, capsys):
    line = next(planned.glob("left*1.mrk.json"))
    code = run("plan", case, "--output", tmp_path / "p", "--line", line, "--no-pictures",
               "--side", "left")  # fmt: skip
    assert code == 0
    assert "keeps all limits" in capsys.readouterr().out
    assert not (tmp_path / "p" / "overview.png").exists()


def test_nothing_safe_is_exit_code_4_and_all_is_written(case, tmp_path, capsys):
    words = ("--no-pictures", "--cord", "8", "--side", "left")
    code = run("plan", case, "--output", tmp_path / "p", *words)
    assert code == 4
    said = capsys.readouterr()
    assert "no side has a path that keeps the limits" in said.err
    assert "cord is in the way" in said.out
    assert json.loads((tmp_path / "p" / "summary.json").read_text())["best"] is None


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--gauge", "9"], "--gauge"),
        (["--length", "900"], "--length"),
        (["--angle", "80"], "--angle"),
        (["--side", "top"], "--side"),
        (["--cord-probability", "0"], "--cord-probability"),
        (["--artery", "-1"], "--artery"),
        (["--seed", "-1"], "--seed"),
    ],
)
def test_bad_options_are_one_line(case, tmp_path, capsys, words, said):
    assert run("plan", case, "--output", tmp_path / "p", *words) == 2
    err = capsys.readouterr().err
    assert said in err
    assert len(err.strip().splitlines()) == 1
    assert not (tmp_path / "p").exists()


def test_the_cases_own_folder_is_not_written(case, capsys):
    before = {p.name: p.read_bytes() for p in case.parent.iterdir() if p.is_file()}
    assert run("plan", case, "--output", case.parent, "--no-pictures") == 2
    assert "own folder" in capsys.readouterr().err
    assert before == {p.name: p.read_bytes() for p in case.parent.iterdir() if p.is_file()}


def test_a_file_of_the_users_is_not_overwritten(case, tmp_path, capsys):
    (tmp_path / "plan.toml").write_text("mine = true\n")
    assert run("plan", case, "--output", tmp_path, "--no-pictures") == 2
    assert "would be overwritten" in capsys.readouterr().err
    assert [p.name for p in tmp_path.iterdir()] == ["plan.toml"]


def test_a_line_in_ras_is_turned(tmp_path):
    text = json.loads(line_json("x", np.array([60.0, 2.0, 1.0]), np.array([0.0, 2.5, 0.5])))
    markup = text["markups"][0]
    markup["coordinateSystem"] = "RAS"
    for point in markup["controlPoints"]:
        point["position"] = [-point["position"][0], -point["position"][1], point["position"][2]]
    file = tmp_path / "l.mrk.json"
    file.write_text(json.dumps(text))
    line = read_line(file, np.zeros(3))
    assert line.entry == pytest.approx([60.0, 2.0, 1.0])
    # without labels the end nearer to the canal is the target
    for point in markup["controlPoints"]:
        point["label"] = ""
    markup["controlPoints"].reverse()
    file.write_text(json.dumps(text))
    assert read_line(file, np.zeros(3)).entry == pytest.approx([60.0, 2.0, 1.0])


@pytest.mark.parametrize("count", [0, 1, 3])
def test_a_line_has_two_points(tmp_path, count):
    text = json.loads(line_json("x", np.array([60.0, 2.0, 1.0]), np.array([0.0, 2.5, 0.5])))
    points = text["markups"][0]["controlPoints"]
    text["markups"][0]["controlPoints"] = (points * 2)[:count]
    file = tmp_path / "l.mrk.json"
    file.write_text(json.dumps(text))
    with pytest.raises(InputError, match=r"l\.mrk\.json"):
        read_line(file, np.zeros(3))


def test_the_radiograph_is_not_of_another_scan(case):
    """Where its bones lie elsewhere by 14 mm, or it shows none, or ends before them."""
    neck = load_case(case)
    table = SimpleNamespace(reconstruction=SimpleNamespace(chain=object()))
    bones = [bone.surface for bone in neck.of_role("bone")]
    points = np.concatenate([bone.vertices for bone in bones])
    grid = grid_over(points.min(axis=0), points.max(axis=0), 1.0)
    size, matrix = grid.size, grid.model_from_voxel
    values = np.full(size[::-1], 40, np.int16)
    for bone in bones:
        block = voxelise(bone, grid)
        values[block.window][block.values] = 500
    scan = Volume(values, matrix)
    _refuse_other_scan("scan", scan, neck, table)
    moved = matrix.copy()
    moved[:3, 3] += 8.0
    for other in (
        Volume(values, moved),
        Volume(np.full_like(values, 400), matrix),
        Volume(values[: size[2] // 2], matrix),
    ):
        with pytest.raises(InputError, match="does not show the case's bones"):
            _refuse_other_scan("scan", other, neck, table)
    of_print = SimpleNamespace(reconstruction=SimpleNamespace(chain=None))
    faint = Volume(np.where(values == 500, 110, 40).astype(np.int16), matrix)
    _refuse_other_scan("scan", faint, neck, of_print)  # plastic in gel
    with pytest.raises(InputError, match="does not show the case's bones"):
        _refuse_other_scan("scan", faint, neck, table)


def test_a_registration_of_another_case_is_named(case, tmp_path):
    file = tmp_path / "registration.toml"
    neck = load_case(case)
    for digest, said in ((sha256(case), 0), ("0" * 64, 1)):
        write_toml(
            file,
            {
                "format": "c1c2nav/registration/1",
                "model_from_reference": {
                    "rotation_vector": [0.0, 0.0, 0.0],
                    "translation": [0.0, 0.0, 0.0],
                },
                "covariance": np.eye(6).tolist(),
                "method": "points",
                "fre": 0.2,
                "calibration": {
                    "case": {"name": "elsewhere", "file": "case.toml", "sha256": digest}
                },
            },
        )
        warnings = _of_other_case(file, neck, case)
        assert len(warnings) == said
        assert all("made for another case (elsewhere (case.toml))" in line for line in warnings)
    assert _of_other_case(None, neck, case) == ()


@pytest.mark.parametrize(
    ("value", "text"),
    [(1.0, "100%"), (0.996, "100%"), (0.99, "99%"), (0.24, "24%"), (0.0, "<1e-9")],
)
def test_probabilities_are_numbers_that_people_read(value, text):
    assert percent(Estimate(value, 0.0)) == text


def test_errors_toml_changes_what_it_names(tmp_path):
    file = tmp_path / "errors.toml"
    file.write_text('format = "c1c2nav/errors/1"\ntip_mm = 0.5\nangle_deg = 1.0\n')
    model = load_errors(file)
    assert model.tip == 0.5
    assert model.angle == pytest.approx(np.radians(1.0))
    assert model.fle == 0.25
    file.write_text('format = "c1c2nav/errors/1"\ntip = 0.5\n')
    with pytest.raises(InputError, match="unknown key"):
        load_errors(file)


def test_a_planned_case_keeps_the_scan_that_it_was_made_from(tmp_path):
    """What case.toml names must lie beside it in the new folder as well."""
    (tmp_path / "meshes").mkdir()
    (tmp_path / "meshes" / "C1.ply").write_text("mesh")
    (tmp_path / "volume.nii.gz").write_text("scan")
    table = {
        "structure": [{"name": "C1", "mesh": "meshes/C1.ply"}],
        "reconstruction": {"source": "nifti", "volume": "volume.nii.gz"},
    }
    assert _files_named(table, tmp_path) == ["meshes/C1.ply", "volume.nii.gz"]
    del table["reconstruction"]
    assert _files_named(table, tmp_path) == ["meshes/C1.ply"]


@pytest.mark.parametrize(
    "old", [[], [{"name": "lateral", "entry": [0, 0, 9], "target": [0, 0, 0]}]]
)
def test_a_corrected_case_that_is_planned_again_says_so_no_more(old):
    """What it says of the scan is kept, and of plans of before only that they are older."""
    sides = SimpleNamespace(sides=())
    planned = Planned(sides, None, None, 0)
    corrected = {
        "format": "c1c2nav/case/1",
        "reconstruction": {"source": "nifti", "remarks": ["C4 is cut by the scan", PLANNED]},
        "plan": old,
    }
    table = _case_table(corrected, planned, {})
    older = [OLDER_PLANS] if old else []
    assert table["reconstruction"]["remarks"] == ["C4 is cut by the scan", *older]
    assert corrected["reconstruction"]["remarks"][-1] == PLANNED  # the case itself is as it was
    again = _case_table(table, planned, {})
    assert again["reconstruction"] == table["reconstruction"]
    assert _case_table({**table, "plan": []}, planned, {})["reconstruction"]["remarks"] == [
        "C4 is cut by the scan"
    ]
    del corrected["reconstruction"]["remarks"]
    assert _case_table(corrected, planned, {})["reconstruction"] == {"source": "nifti"}
