"""`nav register surface`: files in, registration.toml out, or one line that says why not."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console
from scipy.spatial.transform import RigidTransform, Rotation

from nav.core.errors import InputError, Lost
from nav.core.frames import Pose
from nav.core.tracked_frame import TrackedFrame, TrackedTool
from nav.model.case import Case, Fiducial, Plan, Structure
from nav.model.surface import Surface
from nav.registration import surface_command
from nav.registration.registration_result import load_registration_file
from nav.registration.reuse import check_use
from nav.registration.surface_command import SurfaceFiles, choose_bones, register_surface_files
from nav.registration.surface_source import (
    load_surface_points,
    spread_evenly,
    swabbed_points,
)
from nav.tracking.tool import Tool, ToolTip
from tests.registration.test_surface import NOISE, bumpy, sphere, touched_on

TRUTH = RigidTransform.from_components([40.0, -25.0, 130.0], Rotation.from_rotvec([0.4, 1.0, -2.0]))
BONE = bumpy(1)
LABELS = ("R1", "R2", "R3", "R4")
PLACES = np.array([[40.0, 0, 0], [-40.0, 5, 0], [0, 35.0, 10], [0, -30.0, -15]])


def small_sphere(middle):
    vertices, triangles = sphere(4.0, 8)
    return Surface(vertices * [1, 1, 1] + np.array(middle), triangles)


CASE = Case(
    "lump",
    (
        Structure("C2", "bone", BONE, None, None, 0.1),
        Structure("artery left", "artery", small_sphere([30.0, 20, 0]), 5.0, 3.0, 0.2),
        Structure("cord", "cord", small_sphere([0, 40.0, 0]), 2.0, 1.0, 0.2),
    ),
    tuple(Fiducial(label, place, "register") for label, place in zip(LABELS, PLACES, strict=True)),
    (Plan("lateral", np.array([60.0, 30, 0]), np.array([10.0, 30, 0])),),
)


def write(path: Path, points, labels=None) -> Path:
    names = labels or [f"s{k}" for k in range(len(points))]
    rows = [f"{n},{x:.4f},{y:.4f},{z:.4f}" for n, (x, y, z) in zip(names, points, strict=True)]
    path.write_text("\n".join(["label,x,y,z", *rows]) + "\n")
    return path


@pytest.fixture
def bench(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(surface_command, "load_case", lambda path: CASE)
    case = tmp_path / "case.toml"
    case.write_text("case")
    return tmp_path


def touches(seed=1, count=50):
    rng = np.random.default_rng(seed)
    points = touched_on(BONE, count, rng) + rng.normal(0.0, NOISE, (count, 3))
    return TRUTH.inv().apply(points)


def register(folder: Path, path: Path, **more) -> str:
    fields = {name: more.pop(name, None) for name in ("landmarks", "points", "picture")}
    files = SurfaceFiles(folder / "case.toml", path, folder / "registration.toml", **fields)
    console = Console(width=200, record=True, quiet=False)
    with console.capture() as out:
        register_surface_files(files, load_surface_points(path), (), NOISE, None, console)
    return out.get()


def refused(folder: Path, path: Path, **more) -> str:
    with pytest.raises(InputError) as error:
        register(folder, path, **more)
    assert not (folder / "registration.toml").exists()
    assert "\n" not in str(error.value)
    assert str(error.value).startswith(str(path))
    return str(error.value)


def test_a_registration_is_written_and_can_be_used(bench):
    points = touches()
    points[7] += [0, 9.0, 0]
    said = register(bench, write(bench / "touched.csv", points), picture=bench / "seen.png")
    registration, record = load_registration_file(bench / "registration.toml")
    assert registration.method == "surface"
    off = registration.model_from_reference.transform * TRUTH.inv()
    assert np.linalg.norm(off.apply(PLACES) - PLACES, axis=1).max() < 1.0
    assert record.calibration is not None
    assert record.calibration["surface"]["outliers"] == ["s7"]
    assert 0.1 <= record.calibration["surface"]["case_probability"] <= 1.0
    assert "1 outliers, not used: s7" in said
    for place in ("target", "cord", "artery left"):
        assert f"predicted TRE at {place}" in said
    assert "verdict: good" in said
    assert (bench / "seen.png").stat().st_size > 10_000
    case = ("lump", bench / "case.toml")
    lines = check_use(bench / "registration.toml", record, 0.3, case, case)
    assert "verdict good" in lines[0]


def test_a_copied_point_is_one_touch(bench):
    points = touches(count=20)
    loaded = load_surface_points(write(bench / "copied.csv", np.repeat(points, 3, axis=0)))
    assert loaded.positions == pytest.approx(points, abs=1e-3)
    assert loaded.origin == "20 points (40 copies of others left out)"


@pytest.mark.parametrize(
    ("factors", "word"),
    [
        ([0.001] * 3, "metres"),
        ([1 / 25.4] * 3, "inches"),
        ([1, 1, -1.0], "mirror"),
    ],
)
def test_mistakes_of_the_file_are_named(bench, factors, word):
    path = write(bench / "touched.csv", np.round(touches() * factors, 9))
    if word == "metres":
        rows = [f"s{k},{x:.7f},{y:.7f},{z:.7f}" for k, (x, y, z) in enumerate(touches() / 1000)]
        path.write_text("label,x,y,z\n" + "\n".join(rows) + "\n")
    assert word in refused(bench, path)


def test_another_bone_and_too_few_points_are_refused(bench):
    rng = np.random.default_rng(2)
    other = touched_on(bumpy(2), 50, rng) + rng.normal(0.0, NOISE, (50, 3))
    assert "is it this case" in refused(bench, write(bench / "other.csv", TRUTH.apply(other)))
    assert "at least 12" in refused(bench, write(bench / "few.csv", touches()[:9]))


def test_fiducials_are_combined_or_refused_where_they_disagree(bench):
    path = write(bench / "touched.csv", touches())
    rng = np.random.default_rng(3)
    fiducials = TRUTH.inv().apply(PLACES) + rng.normal(0.0, 0.2, (4, 3))
    said = register(bench, path, points=write(bench / "f.csv", fiducials, LABELS))
    assert "fiducials in the same estimate" in said
    assert load_registration_file(bench / "registration.toml")[0].method == "points+surface"
    (bench / "registration.toml").unlink()
    fiducials[2] += [0, 3.0, 0]
    assert "R3" in refused(bench, path, points=write(bench / "g.csv", fiducials, LABELS))


def test_wrong_landmarks_are_named(bench):
    path = write(bench / "touched.csv", touches())
    turned = Rotation.from_rotvec([0, 0, np.pi]).apply(TRUTH.inv().apply(PLACES))
    message = refused(bench, path, landmarks=write(bench / "l.csv", turned, LABELS))
    assert "rough landmarks" in message


def test_bones_are_chosen_by_name():
    assert [bone.name for bone in choose_bones(CASE, Path("case.toml"))] == ["C2"]
    with pytest.raises(InputError, match="no structure C7; it has C2, artery left, cord"):
        choose_bones(CASE, Path("case.toml"), ["C7"])


def test_a_cloud_without_faces_is_read_and_thinned(bench):
    cloud = TRUTH.inv().apply(np.repeat(BONE.vertices, 3, axis=0)).astype("<f4")
    header = (
        "ply\nformat binary_little_endian 1.0\nelement vertex {}\nproperty float x\n"
        "property float y\nproperty float z\nend_header\n"
    )
    path = bench / "cloud.ply"
    path.write_bytes(header.format(len(cloud)).encode() + cloud.tobytes())
    found = load_surface_points(path)
    assert 200 <= len(found.positions) <= 400
    assert f"of {len(cloud)} scanned points" in found.origin
    taken = spread_evenly(cloud.astype(float), 50)
    assert 20 <= len(taken) <= 50


def test_a_swab_gives_independent_samples_with_their_errors():
    tip = ToolTip(np.array([0.0, 0, 100]), None, np.eye(3) * 0.01)
    needle = Tool("needle", "DICT_4X4_50", (), tip)
    covariance = np.diag([0.04] * 3 + [1e-6] * 3)
    frames = []
    for k in range(200):  # 0.1 mm per frame, lost in every fourth
        place = RigidTransform.from_translation([0.1 * k, 0.0, -100.0])
        tool = TrackedTool(Pose(place, covariance))
        seen = Lost("no_row", {"tool": "needle"}) if k % 4 == 3 else tool
        body = TrackedTool(Pose(RigidTransform.identity()))
        frames.append(TrackedFrame(k, k / 30.0, {"needle": seen, "reference": body}))
    found = swabbed_points(frames, needle, "reference")
    apart = np.diff(found.positions[:, 0])
    assert (apart >= 1.0 - 1e-9).all()
    assert 14 <= len(found.positions) <= 20
    assert found.covariance is not None
    assert found.covariance[0, 0, 0] == pytest.approx(0.04, rel=0.5)
    assert found.shared == pytest.approx(np.eye(3) * 0.01)
    lost = [TrackedFrame(0, 0.0, {"needle": Lost("no_row", {"tool": "needle"})})]
    with pytest.raises(InputError, match="tracked together"):
        swabbed_points(lost, needle, "reference")


def test_bones_that_are_alike_left_and_right_are_warned_of_first(bench, monkeypatch):
    bone = bumpy(1, symmetric=True)
    alike = replace(
        CASE, structures=(Structure("C2", "bone", bone, None, None, 0.1), *CASE.structures[1:])
    )
    monkeypatch.setattr(surface_command, "load_case", lambda path: alike)
    rng = np.random.default_rng(1)
    points = TRUTH.inv().apply(touched_on(bone, 60, rng) + rng.normal(0.0, NOISE, (60, 3)))
    for k, signs in enumerate(([1, 1, 1], [-1, 1, 1])):
        folder = bench / str(k)
        folder.mkdir()
        (folder / "case.toml").write_text("case")
        said = register(folder, write(folder / "touched.csv", points * signs))
        assert said.startswith("warning: a mirror image of the points fits as well")
        assert "verdict: usable" in said
