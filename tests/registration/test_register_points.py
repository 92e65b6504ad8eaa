"""`nav register points`: what is right is written; what is wrong is named in one line."""

import re
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import replace
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
import pyvista
from hypothesis import given, settings
from hypothesis import strategies as st

from nav import cli
from nav.core.errors import InputError
from nav.core.files import write_toml
from nav.core.frames import Array
from nav.model.case import Fiducial
from nav.registration.identify import identify_touches
from nav.registration.registration_result import load_registration_file
from nav.registration.touch_set import TouchSet, load_touch_set
from nav.tracking.tool import Tool, load_tool, write_tool
from tests.registration.test_assessment import FIDUCIALS, KNOWN, REFERENCE_FROM_MODEL
from tests.registration.touch_poses import write_touch_poses

SD = 0.2
LABELS = tuple(KNOWN)


def touched(seed: int = 1, which: tuple[str, ...] = LABELS) -> Array:
    rng = np.random.default_rng(seed)
    exact = REFERENCE_FROM_MODEL.apply(np.array([KNOWN[label] for label in which]))
    return exact + rng.normal(0.0, SD, exact.shape)


def as_set(positions: Array) -> TouchSet:
    count = len(positions)
    names = tuple(f"touch {k}" for k in range(1, count + 1))
    return TouchSet((), positions, np.zeros((count, 3, 3)), np.zeros((count, 3, 0)), names)


def refusal(positions: Array) -> str:
    with pytest.raises(InputError) as raised:
        identify_touches(FIDUCIALS, as_set(positions), 0.25)
    line = str(raised.value)
    assert "\n" not in line
    return line


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6), st.permutations(range(len(LABELS))), st.integers(6, len(LABELS)))
def test_touches_in_any_order_get_their_labels(seed: int, order: list[int], count: int) -> None:
    chosen = order[:count]
    found, _ = identify_touches(FIDUCIALS, as_set(touched(seed)[chosen]), 0.25)
    assert found.labels == tuple(LABELS[k] for k in chosen)


@settings(max_examples=10, deadline=None)
@given(
    st.integers(0, 10**6),
    st.sampled_from([(1e-3, "metres"), (1 / 25.4, "inches"), (0.1, "centimetres")]),
)
def test_another_unit_is_named(seed: int, unit: tuple[float, str]) -> None:
    assert unit[1] in refusal(touched(seed) * unit[0])


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 2))
def test_a_mirror_image_is_named(seed: int, axis: int) -> None:
    signs = np.ones(3)
    signs[axis] = -1.0
    assert "mirror image" in refusal(touched(seed) * signs)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10**6), st.integers(4, 7), st.floats(3.0, 30.0))
def test_a_knocked_reference_body_is_named(seed: int, after: int, far: float) -> None:
    points = touched(seed)
    way = np.random.default_rng(seed).normal(size=3)
    points[after:] += far * way / np.linalg.norm(way)
    assert "reference body moved" in refusal(points)


def test_the_case_of_another_phantom_is_named() -> None:
    others = np.random.default_rng(5).uniform(-80, 80, (9, 3))
    assert "phantom of this case" in refusal(others)


def test_two_divots_touched_twice_are_named() -> None:
    points = touched()
    points[[3, 5]] = points[[0, 1]] + 0.2
    assert refusal(points).startswith("touch 1 and touch 4 are at the same place")


def test_touches_on_a_line_are_named() -> None:
    line = np.linspace(0, 1, 6)[:, None] * [90.0, 40.0, 10.0]
    assert "on a line" in refusal(line)


def test_few_touches_are_refused() -> None:
    assert "at least 4" in refusal(touched()[:3])


def test_a_false_touch_is_left_out_and_named() -> None:
    points = np.concatenate([touched(), REFERENCE_FROM_MODEL.apply([[10.0, 20.0, 90.0]])])
    found, remarks = identify_touches(FIDUCIALS, as_set(points), 0.25)
    assert found.labels == LABELS
    assert "touch 12 is no fiducial of the case: not used" in remarks


def test_a_symmetric_layout_is_not_guessed() -> None:
    corners = [(x, y, z) for x in (-40.0, 40.0) for y in (-30.0, 30.0) for z in (0.0, 50.0)]
    square = [Fiducial(f"F{k}", np.array(c), "register") for k, c in enumerate(corners)]
    with pytest.raises(InputError, match="two assignments fit as well"):
        identify_touches(square, as_set(np.array(corners)), 0.25)


@pytest.fixture
def bench(tmp_path: Path, needle: Tool, reference: Tool) -> Path:
    """A case of balls with the fiducials, needle and reference body."""
    structures = []
    for name, role, x in (("artery left", "artery", 12.0), ("cord", "cord", -12.0)):
        pyvista.Sphere(radius=4.0, center=(x, 0.0, 0.0)).triangulate().save(
            tmp_path / f"{role}.ply"
        )
        structures.append({"name": name, "role": role, "mesh": f"{role}.ply", "sigma": 0.3})
    fiducials = [{"label": f.label, "position": f.position, "use": f.use} for f in FIDUCIALS]
    plan = {"name": "left", "entry": [60.0, 0.0, 0.0], "target": [0.0, 0.0, 0.0]}
    data = {"format": "c1c2nav/case/1", "name": "balls", "structure": structures}
    write_toml(tmp_path / "case.toml", {**data, "fiducial": fiducials, "plan": [plan]})
    assert needle.tip is not None
    known = replace(needle.tip, covariance=np.diag([0.04, 0.04, 0.16]))
    write_tool(tmp_path / "needle.toml", replace(needle, tip=known))
    write_tool(tmp_path / "reference.toml", reference)
    return tmp_path


def register(folder: Path, source: str, *more: str) -> str:
    """Call the command in a folder; return what it prints, or the InputError's line."""
    said = StringIO()
    with redirect_stdout(said), redirect_stderr(said):
        try:
            cli.main(
                [
                    *("register", "points", "--case", str(folder / "case.toml")),
                    *("--touched", str(folder / source)),
                    *("--output", str(folder / "registration.toml"), *more),
                ]
            )
        except SystemExit as end:
            said.write(f"exit {end.code}")
    return said.getvalue()


def poses(folder: Path, points: Array, **more: object) -> list[str]:
    """Write poses.csv; return the options that name its tools."""
    files = (folder / "needle.toml", folder / "reference.toml")
    tools = [load_tool(file) for file in files]
    write_touch_poses(folder / "poses.csv", list(points), tools[0], tools[1], **more)  # type: ignore[arg-type]
    return ["--tool", str(files[0]), "--reference-file", str(files[1])]


def test_touches_in_poses_register_and_are_written_to_be_edited(bench: Path) -> None:
    tools = poses(bench, touched(3)[::-1], tip_error=np.array([0.2, -0.1, 0.3]))
    table = bench / "touched.csv"
    said = register(bench, "poses.csv", *tools, "--touches", str(table))
    assert "exit 0" in said, said
    assert "touch 1 (0.5 s) is K3" in said
    assert "cord: predicted TRE" in said
    found, file = load_registration_file(bench / "registration.toml")
    truth = REFERENCE_FROM_MODEL.inv()
    off = found.model_from_reference.transform.apply([20.0, 0, 80]) - truth.apply([20.0, 0, 80])
    assert np.linalg.norm(off) < 0.8
    assert {entry.file for entry in file.input} == {
        "case.toml", "poses.csv", "needle.toml", "reference.toml",
    }  # fmt: skip
    before = (bench / "registration.toml").read_text()
    edited = load_touch_set(table)
    assert edited.labels == ()
    assert edited.shared.shape == (11, 3, 3)
    assert "next best" in register(bench, "touched.csv")
    again, _ = load_registration_file(bench / "registration.toml")
    assert again.model_from_reference.covariance == pytest.approx(
        found.model_from_reference.covariance, rel=1e-3
    )
    assert before != ""


def test_a_tip_error_shared_by_all_touches_is_in_the_predicted_error(bench: Path) -> None:
    tools = poses(bench, touched(3))
    errors = []
    for covariance in (np.zeros((3, 3)), np.diag([0.04, 0.04, 0.16])):
        needle = load_tool(bench / "needle.toml")
        assert needle.tip is not None
        known = replace(needle.tip, covariance=covariance)
        write_tool(bench / "needle.toml", replace(needle, tip=known))
        assert "exit 0" in register(bench, "poses.csv", *tools)
        found, _ = load_registration_file(bench / "registration.toml")
        errors.append(float(found.predicted_tre(np.zeros((1, 3)))[0]))
    # 0.5 mm in all, 0.15 mm if it averaged out over eleven touches
    assert errors[1] > np.hypot(errors[0], 0.2)


def test_a_reference_body_knocked_in_the_middle_writes_nothing(bench: Path) -> None:
    tools = poses(bench, touched(3), knocked=(5, np.array([6.0, 2.0, -3.0])))
    said = register(bench, "poses.csv", *tools)
    assert "reference body moved" in said
    assert "exit 2" in said
    assert not (bench / "registration.toml").exists()


def test_how_long_a_touch_lasts_can_be_told(bench: Path) -> None:
    tools = poses(bench, touched(3))  # 1.5 s each
    said = register(bench, "poses.csv", *tools, "--hold", "4")
    assert "exit 2" in said
    assert not (bench / "registration.toml").exists()
    assert "exit 0" in register(bench, "poses.csv", *tools, "--hold", "1")


@pytest.mark.parametrize("hold", ["0", "-1", "nan", "1e9"])
def test_a_touch_of_no_length_is_refused(bench: Path, hold: str) -> None:
    tools = poses(bench, touched(3))
    said = register(bench, "poses.csv", *tools, "--hold", hold)
    assert "--hold: expected 0.1 to 60 s" in said
    assert "exit 2" in said


def test_poses_need_the_tool(bench: Path) -> None:
    poses(bench, touched(3))
    assert "give the needle's tool file" in register(bench, "poses.csv")


def labelled(folder: Path, points: Array, labels: tuple[str, ...] = LABELS) -> None:
    rows = [f"{n},{x},{y},{z}" for n, (x, y, z) in zip(labels, points, strict=True)]
    (folder / "touched.csv").write_text("\n".join(["label,x,y,z", *rows]) + "\n")


def ras(points: Array) -> Array:
    some = points.copy()
    some[:4] *= [-1.0, -1.0, 1.0]
    return some


def knocked(points: Array) -> Array:
    return np.concatenate([points[:5], points[5:] + np.array([4.0, -6, 2])])


WRONG: dict[str, tuple[Callable[[Array], Array], str]] = {
    "mirrored": (lambda p: p * [-1.0, 1, 1], "mirror"),
    "metres": (lambda p: p / 1000.0, "metres"),
    "inches": (lambda p: p / 25.4, "inch"),
    "some in RAS": (ras, "RAS"),
    "another phantom": (
        lambda p: np.random.default_rng(5).uniform(-80, 80, p.shape), "no single mistake",
    ),
    "on a line": (lambda p: np.linspace(0, 1, len(p))[:, None] * [90.0, 40, 10], "a line"),
    "a divot twice": (lambda p: np.concatenate([p[:3], p[:2], p[5:]]), "no single mistake|R4"),
    "knocked": (knocked, "reference body"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_wrong_labelled_touches_are_named_and_nothing_is_written(bench: Path, name: str) -> None:
    spoil, words = WRONG[name]
    labelled(bench, spoil(touched(7)))
    said = register(bench, "touched.csv")
    assert re.search(words, said.replace("\n", " ")), said
    assert "exit 2" in said
    assert not (bench / "registration.toml").exists()


def test_a_one_sided_layout_is_told_where_to_add_a_point(bench: Path) -> None:
    side = ("R1", "R2", "R3", "R4", "K1")
    labelled(bench, touched(2, side), side)
    said = register(bench, "touched.csv")
    assert re.search(r"touch R[5-8] too \(right of the touched ones\)", said), said


def test_columns_of_errors_are_read_and_checked(bench: Path) -> None:
    table = bench / "touched.csv"
    head = "label,r,a,s,cxx,cxy,cxz,cyy,cyz,czz,s1x,s1y,s1z"
    table.write_text(f"{head}\nA,1,2,3,0.04,0.01,0.02,0.09,0.01,0.25,0.1,0.2,0.3\n")
    found = load_touch_set(table)
    assert found.positions == pytest.approx(np.array([[-1.0, -2, 3]]))
    right = [[0.04, 0.01, -0.02], [0.01, 0.09, -0.01], [-0.02, -0.01, 0.25]]
    assert found.own[0] == pytest.approx(np.array(right))
    assert found.shared[0] == pytest.approx(np.array([[-0.1], [-0.2], [0.3]]))
    table.write_text(f"{head}\nA,1,2,3,0.04,0.5,0.02,0.09,0.01,0.25,0.1,0.2,0.3\n")
    with pytest.raises(InputError, match=r"line 2 .*cxx to czz are not a covariance"):
        load_touch_set(table)
