"""The nav command end to end: what it writes; bad input is one line, exit code 2, no remains."""

import csv
import os
import shutil
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import pyvista
import tomli_w
from scipy.spatial.transform import RigidTransform, Rotation

import nav
from nav import cli
from nav.camera.rig import Rig, write_rig
from nav.core.files import sha256, write_toml
from nav.core.frames import Array
from nav.record.pose_table import COLUMNS
from nav.registration.registration_result import load_registration
from nav.tracking.tool import load_tool, write_tool
from phantoms.twin.sensor import Optics
from phantoms.twin.simulated_bodies import Placed
from phantoms.twin.simulated_tools import needle_body, needle_tool, reference_body, reference_tool
from tests.synthetic import Studio, camera, looking_at

FRAMES = 4
FIDUCIALS = {
    "D1": [40.0, 0.0, 0.0],
    "D2": [0.0, 45.0, 5.0],
    "D3": [-40.0, 0.0, 10.0],
    "D4": [0.0, -45.0, 30.0],
    "V1": [20.0, 20.0, 45.0],
}


@dataclass(frozen=True)
class Said:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str


@pytest.fixture
def run(capsys):
    """Calls nav as the shell does."""

    def call(*arguments: object) -> Said:
        code = 0
        try:
            cli.main([str(argument) for argument in arguments])
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 0
        printed = capsys.readouterr()
        return Said(code, printed.out, printed.err)

    return call


def tree(folder: Path) -> dict[str, bytes]:
    """Every file under a folder with what is in it, hidden ones too."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else b""
        for path in sorted(folder.rglob("*"))
    }


def refused(said: Said, *words: str) -> None:
    """One line on the terminal's error stream that holds all the words; exit code 2."""
    assert said.code == 2
    assert said.err.startswith("nav: ")
    assert len(said.err.splitlines()) == 1, said.err
    assert "Traceback" not in said.err
    for word in words:
        assert word in said.err, said.err


def needle_place(turn: float = 0.3) -> RigidTransform:
    """On the left, its shaft pointing away from the reference body."""
    lying = Rotation.from_rotvec([0.0, 0.0, -np.pi / 2]) * Rotation.from_rotvec([np.pi / 2, 0, 0])
    return RigidTransform.from_components(
        [-42.0, 0.0, 573.0], lying * Rotation.from_rotvec([0.0, 0.0, turn])
    )


def reference_place() -> RigidTransform:
    up = Rotation.from_rotvec([0.15, 0.1, 0.05]) * Rotation.from_matrix(np.diag([1.0, -1.0, -1.0]))
    return RigidTransform.from_components([40.0, 0.0, 573.0], up)


@pytest.fixture(scope="session")
def recorded(tmp_path_factory):
    """Rig, two tools and FRAMES small picture pairs; the needle is hidden in the last."""
    folder = tmp_path_factory.mktemp("recorded")
    aim = np.array([0.0, 0.0, 573.0])
    sides = {"left": -175.0, "right": 175.0}
    rig = Rig(
        tuple(
            camera(name, (480, 260), 1600.0, looking_at(np.array([x, 0.0, 0.0]), aim))
            for name, x in sides.items()
        )
    )
    needle, reference = needle_tool(), reference_tool()
    write_rig(folder / "rig.toml", rig)
    write_tool(folder / "needle.toml", needle)
    write_tool(folder / "reference.toml", reference)
    studio = Studio(rig, Optics(gradient=(0.02, -0.02)), 1)
    body = Placed(reference_body(reference), reference_place())
    for number in range(FRAMES):
        placed = [body]
        if number < FRAMES - 1:
            placed.append(Placed(needle_body(needle), needle_place(0.3 + 0.2 * number)))
        for name, frame in studio.frames(placed).frames.items():
            (folder / "pictures" / name).mkdir(parents=True, exist_ok=True)
            assert cv2.imwrite(str(folder / "pictures" / name / f"{number}.png"), frame.image)
    return folder


@pytest.fixture
def bench(recorded, tmp_path):
    """A copy of the recording to spoil."""
    return Path(shutil.copytree(recorded, tmp_path / "bench"))


def track(folder: Path, *more: object, output: str = "poses.csv") -> list[object]:
    return [
        "track", "--rig", folder / "rig.toml", "--tool", folder / "needle.toml",
        "--tool", folder / "reference.toml", "--images", folder / "pictures",
        "--output", folder / output, *more,
    ]  # fmt: skip


def rows(path: Path, tool: str | None = None) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return [row for row in csv.DictReader(file) if tool in (None, row["tool"])]


def numbers(row: dict[str, str], *columns: str) -> Array:
    return np.array([float(row[column]) for column in columns])


def mended(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


# nav


def test_the_version_is_the_packages(run):
    assert run("--version").out.strip() == nav.__version__


def test_help_says_what_it_is_and_that_it_is_no_medical_device(run):
    said = run("--help")
    assert said.code == 0
    assert "not a medical device" in " ".join(said.out.split())
    for command in ("demo", "track", "live", "register", "doctor", "twin", "phantom", "calibrate"):
        assert command in said.out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["tarck"], ["tarck"]),
        (["track"], ["--rig"]),
        (["track", "--rig"], ["--rig"]),
        (["demo", "--seed", "one"], ["--seed", "one"]),
        (["demo", "--seed", "1.5"], ["--seed: expected a whole number, got '1.5'"]),
        (
            ["twin", "images", "--out", "o", "--frames", "2.0"],
            ["--frames: expected a whole number"],
        ),
        (
            ["calibrate", "camera", "--camera", "-1", "--board", "b", "--output", "o"],
            ["--camera -1", "expected a whole number from 0 to 99"],
        ),
        (
            ["calibrate", "rig", "--camera", "left=²", "--board", "b", "--output", "o"],
            ["--camera left=²", "expected a webcam's number, got '²'"],
        ),
        (
            ["calibrate", "camera", "--camera", "0.5", "--board", "b", "--output", "o"],
            ["--camera: expected a whole number, got '0.5'"],
        ),
        (
            ["calibrate", "needle", "--poses", "p", "--output", "o", "--direction", "0", "1", "x"],
            ["--direction", "x"],
        ),
    ],
)
def test_a_command_that_is_not_understood_is_one_line(run, arguments, words):
    refused(run(*arguments), *words)


def test_an_option_that_is_not_understood_is_one_line(run, bench):
    before = tree(bench)
    refused(run(*track(bench, "--fps", "many")), "--fps", "many")
    refused(run(*track(bench, "--speed", "3")), "--speed")
    assert tree(bench) == before


@pytest.mark.parametrize("name", ["[x].toml", '["x"]', "[/red]", '{"x": 1}'])
def test_a_file_name_is_no_json(run, bench, name):
    said = run(
        "track", "--rig", bench / "rig.toml", "--tool", name, "--images", bench, "--output", "x.csv"
    )
    refused(said, f"{name}: no such file")


def test_ctrl_c_has_its_own_exit_code_and_no_traceback(run, monkeypatch, bench):
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("nav.track.track_recording", interrupted)
    said = run(*track(bench))
    assert said.code == 130
    assert "Traceback" not in said.err


# nav track


def test_a_recording_that_ends_early_is_tracked_and_gives_exit_code_three(run, bench):
    """What there is of it is written, whole; one line says that there should be more."""
    for name in ("left", "right"):
        folder = bench / "pictures" / name
        files = sorted(folder.glob("*.png"))
        writer = cv2.VideoWriter(
            str(bench / "pictures" / f"{name}.avi"), cv2.CAP_FFMPEG,
            cv2.VideoWriter.fourcc(*"FFV1"), 30.0, (480, 260),
        )  # fmt: skip
        for file in [*files, *files]:
            writer.write(cv2.imread(str(file)))
        writer.release()
        shutil.rmtree(folder)
    cut = bench / "pictures" / "right.avi"
    cut.write_bytes(cut.read_bytes()[: cut.stat().st_size * 6 // 10])
    said = run(*track(bench))
    assert said.code == 3
    (line,) = said.err.splitlines()
    assert "right.avi: is cut off: ends after " in line
    assert len(rows(bench / "poses.csv", "reference")) == 2 * FRAMES
    warnings = tomllib.loads((bench / "poses.toml").read_text())["warnings"]
    assert any("right.avi: is cut off" in warning for warning in warnings)


def test_track_writes_the_table_and_what_it_was_made_from(run, bench):
    said = run(*track(bench))
    assert said.code == 0, said.err
    assert "needle 75.0 %, reference 100.0 %" in " ".join(said.out.split())
    assert [row["status"] for row in rows(bench / "poses.csv", "needle")] == [
        *["tracked"] * (FRAMES - 1), "lost",
    ]  # fmt: skip
    true = [needle_place(0.3 + 0.2 * number) for number in range(FRAMES - 1)]
    tip = needle_tool().tip
    assert tip is not None
    for row, place in zip(rows(bench / "poses.csv", "needle"), true, strict=False):
        off = numbers(row, "tip_x", "tip_y", "tip_z") - place.apply(tip.position)
        assert np.linalg.norm(off) < 0.1
    sidecar = tomllib.loads((bench / "poses.toml").read_text())
    assert sidecar["made_by"] == f"c1c2nav {nav.__version__}"
    inputs = {entry["file"]: entry["sha256"] for entry in sidecar["input"]}
    for name in ("rig.toml", "needle.toml", "reference.toml"):
        assert inputs[name] == sha256(bench / name)


def test_a_lost_row_has_a_reason_and_no_numbers(run, bench):
    said = run(*track(bench))
    assert said.code == 0
    row = rows(bench / "poses.csv", "needle")[-1]
    assert row["status"] == "lost"
    assert row["reason"] == "hidden from left, right"
    told = f"needle lost in 1 of {FRAMES} frames, most often: hidden from left, right"
    assert told in said.out.splitlines()
    filled = {name for name, value in row.items() if value}
    assert row["reason_code"] == "hidden"
    assert filled == {"frame", "time", "tool", "status", "reason", "reason_code"}


def test_the_terminal_speaks_another_language_and_the_files_do_not(run, bench, monkeypatch):
    said = run(*track(bench), "--language", "de")
    told = f"needle verloren in 1 von {FRAMES} Bildsätzen, am häufigsten: verdeckt für left, right"
    assert told in said.out.splitlines()
    assert rows(bench / "poses.csv", "needle")[-1]["reason"] == "hidden from left, right"
    monkeypatch.setenv("C1C2NAV_LANGUAGE", "xx")
    refused = run(*track(bench))
    assert refused.code == 2
    assert "C1C2NAV_LANGUAGE: expected one of en, de, got xx" in refused.err
    monkeypatch.delenv("C1C2NAV_LANGUAGE")
    assert "most often: hidden" in run(*track(bench)).out


def test_relative_poses_do_not_know_the_rig(run, bench):
    assert run(*track(bench, "--relative-to", "reference")).code == 0
    tip = needle_tool().tip
    assert tip is not None
    for number, row in enumerate(rows(bench / "poses.csv", "needle")[: FRAMES - 1]):
        place = reference_place().inv() * needle_place(0.3 + 0.2 * number)
        off = numbers(row, "tip_x", "tip_y", "tip_z") - place.apply(tip.position)
        assert np.linalg.norm(off) < 0.15
    for row in rows(bench / "poses.csv", "reference"):
        identity = numbers(row, "tx", "ty", "tz", "qx", "qy", "qz", "qw")
        assert identity == pytest.approx([0, 0, 0, 0, 0, 0, 1], abs=1e-9)


def test_a_second_run_keeps_the_first(run, bench):
    old = f"{','.join(COLUMNS)}\n"
    (bench / "poses.csv").write_text(old)
    said = run(*track(bench))
    assert said.code == 0
    assert "the old poses.csv is kept as poses.1.csv" in said.out
    assert len(rows(bench / "poses.csv")) == 2 * FRAMES
    assert (bench / "poses.1.csv").read_text() == old
    assert not (bench / "poses.1.toml").exists()


def test_a_table_never_costs_a_tool_file(run, bench):
    before = tree(bench)
    refused(run(*track(bench, output="needle.csv")), "needle.toml", "is an input")
    refused(run(*track(bench, "--timing", bench / "poses.csv")), "poses.csv", "twice")
    assert tree(bench) == before


Spoil = Callable[[Path], list[object] | None]


def missing(name: str) -> Spoil:
    return lambda folder: (folder / name).unlink()


def gone(name: str) -> Spoil:
    return lambda folder: shutil.rmtree(folder / name)


def rewritten(name: str, old: str, new: str) -> Spoil:
    return lambda folder: mended(folder / name, old, new)


def replaced(name: str, content: bytes) -> Spoil:
    def spoil(folder: Path) -> None:
        (folder / name).write_bytes(content)

    return spoil


def given(*more: object) -> Spoil:
    return lambda folder: [folder / m if isinstance(m, Path) else m for m in more]


def unreadable_video(folder: Path) -> None:
    shutil.rmtree(folder / "pictures" / "left")
    (folder / "pictures" / "left.avi").write_bytes(b"not a video" * 100)


def other_size(folder: Path) -> None:
    picture = np.full((240, 320), 128, np.uint8)
    assert cv2.imwrite(str(folder / "pictures" / "right" / "2.png"), picture)


def shared_id(folder: Path) -> None:
    tool = load_tool(folder / "reference.toml")
    first = replace(tool.markers[0], id=10)
    write_tool(folder / "reference.toml", replace(tool, markers=(first, *tool.markers[1:])))


def id_twice(folder: Path) -> None:
    mended(folder / "needle.toml", "id = 11\n", "id = 10\n")


BAD_TRACK: dict[str, tuple[Spoil, list[str]]] = {
    "no rig": (missing("rig.toml"), ["rig.toml: no such file"]),
    "no tool": (missing("needle.toml"), ["needle.toml: no such file"]),
    "no pictures": (gone("pictures"), ["pictures"]),
    "a camera without pictures": (gone("pictures/right"), ["right"]),
    "a video that is none": (unreadable_video, ["left.avi"]),
    "a picture of another size": (
        other_size,
        ["2.png", "320 x 240", "480 x 260", "right", "calibrate at the size you use"],
    ),
    "rig is no TOML": (replaced("rig.toml", b"camera = ["), ["rig.toml: not valid TOML"]),
    "rig is no text": (replaced("rig.toml", b"\xff\xfe\x00"), ["rig.toml: is UTF-16 text"]),
    "rig of another format": (
        rewritten("rig.toml", "c1c2nav/rig/1", "c1c2nav/rig/9"),
        ["rig.toml: format: expected", "c1c2nav/rig/9"],
    ),
    "unknown key": (
        rewritten("rig.toml", "readout_ms", "readout"),
        ["rig.toml: camera left: readout: unknown key"],
    ),
    "number not finite": (
        rewritten("rig.toml", "translation = [", "translation = [nan, "),
        ["rig.toml: camera left: camera_from_rig: translation"],
    ),
    "unknown dictionary": (
        rewritten("needle.toml", "DICT_APRILTAG_36h11", "DICT_APRIL"),
        ['needle.toml: dictionary: unknown dictionary "DICT_APRIL"'],
    ),
    "marker id twice": (id_twice, ["needle.toml: marker: id 10 appears twice"]),
    "marker id on two tools": (shared_id, ["marker id 10 is on both needle and reference"]),
    "one tool twice": (given("--tool", Path("needle.toml")), ["name needle is given 2 times"]),
    "relative to nothing": (
        given("--relative-to", "phantom"),
        ["--relative-to: no tool is called phantom", "needle, reference"],
    ),
    "no pictures a second": (given("--fps", "0"), ["--fps"]),
    "time runs back": (given("--fps", "-30"), ["--fps"]),
    "times that are none": (
        replaced("pictures/times.csv", b"camera,frame,time\nleft,0,soon\n"),
        ["times.csv", "soon"],
    ),
}


@pytest.mark.parametrize("name", BAD_TRACK)
def test_track_refuses(run, bench, name):
    spoil, words = BAD_TRACK[name]
    more = spoil(bench) or []
    before = tree(bench)
    refused(run(*track(bench, *more)), *words)
    assert tree(bench) == before


def test_track_refuses_a_marker_with_three_corners(run, bench):
    tool = tomllib.loads((bench / "needle.toml").read_text())
    del tool["marker"][3]["corners"][3]
    (bench / "needle.toml").unlink()
    write_toml(bench / "needle.toml", tool)
    before = tree(bench)
    refused(
        run(*track(bench)), "needle.toml: marker 13: corners: expected 4 points", "got 3 points"
    )
    assert tree(bench) == before


@pytest.mark.parametrize("output", ["rig.toml/poses.csv", "pictures"])
def test_track_refuses_an_output_that_something_is_in_the_way_of(run, bench, output):
    before = tree(bench)
    refused(run(*track(bench, output=output)), str(bench / output), "written")
    assert tree(bench) == before


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write")
def test_track_refuses_a_folder_without_the_right_to_write(run, bench):
    (bench / "locked").mkdir(mode=0o500)
    refused(run(*track(bench, output="locked/poses.csv")), "cannot be written")


def test_a_failure_half_way_leaves_the_old_table(run, bench):
    """The third picture is of another size: two frames have been tracked by then."""
    (bench / "poses.csv").write_text(f"{','.join(COLUMNS)}\n")
    other_size(bench)
    before = tree(bench)
    refused(run(*track(bench)), "2.png")
    assert tree(bench) == before


def test_a_broken_picture_costs_its_own_view_and_no_more(run, bench):
    (bench / "pictures" / "left" / "1.png").write_bytes(b"no picture")
    assert run(*track(bench)).code == 0
    markers = [int(row["markers"] or 0) for row in rows(bench / "poses.csv", "needle")]
    assert markers[1] > 0
    for name in ("left", "right"):
        (bench / "pictures" / name / "1.png").write_bytes(b"no picture")
    assert run(*track(bench)).code == 0
    needle = rows(bench / "poses.csv", "needle")
    assert [row["status"] for row in needle] == ["tracked", "lost", "tracked", "lost"]
    assert "1.png" in needle[1]["reason"]


# nav register


@pytest.fixture
def case(tmp_path):
    """A case of two balls with fiducials, and the same touched elsewhere."""
    folder = tmp_path / "case"
    (folder / "meshes").mkdir(parents=True)
    structures = []
    for name, role, x in (("artery left", "artery", 12.0), ("cord", "cord", -12.0)):
        mesh = f"meshes/{role}.ply"
        pyvista.Sphere(radius=4.0, center=(x, 0.0, 0.0)).triangulate().save(folder / mesh)
        structures.append({"name": name, "role": role, "mesh": mesh, "sigma": 0.3})
    fiducials = [
        {"label": label, "position": at, "use": "check" if label == "V1" else "register"}
        for label, at in FIDUCIALS.items()
    ]
    plan = {"name": "left", "entry": [60.0, 0.0, 0.0], "target": [0.0, 0.0, 0.0]}
    data = {"format": "c1c2nav/case/1", "name": "balls", "structure": structures}
    write_toml(folder / "case.toml", {**data, "fiducial": fiducials, "plan": [plan]})
    touch(folder / "points.csv", dict(FIDUCIALS))
    return folder


MODEL_FROM_REFERENCE = RigidTransform.from_components(
    [10.0, -20.0, 30.0], Rotation.from_rotvec([0.3, -0.2, 0.9])
)


def touch(path: Path, points: dict[str, list[float]], error: float = 0.0) -> None:
    """points.csv of these fiducials in the reference frame."""
    rng = np.random.default_rng(3)
    lines = ["label,x,y,z"]
    for label, at in points.items():
        touched = MODEL_FROM_REFERENCE.inv().apply(at) + rng.normal(0.0, error, 3)
        lines.append(f"{label},{touched[0]:.9f},{touched[1]:.9f},{touched[2]:.9f}")
    path.write_text("\n".join(lines) + "\n")


def register(case: Path, *more: object, output: str = "registration.toml") -> list[object]:
    return [
        "register", "--case", case / "case.toml", "--points", case / "points.csv",
        "--output", case / output, *more,
    ]  # fmt: skip


def test_register_writes_the_registration_and_says_how_well(run, case):
    said = run(*register(case))
    assert said.code == 0, said.err
    found = load_registration(case / "registration.toml").model_from_reference.transform
    assert found.as_matrix() == pytest.approx(MODEL_FROM_REFERENCE.as_matrix(), abs=1e-6)
    assert "FRE 0.00 mm (rms of 4 fiducials)" in said.out
    assert "check point V1: 0.00 mm off" in said.out
    assert "predicted TRE at the target of left" in said.out
    inputs = tomllib.loads((case / "registration.toml").read_text())["input"]
    assert [entry["file"] for entry in inputs] == ["case.toml", "points.csv"]


def test_check_points_only_check(run, case):
    """One that is a little off changes nothing but what is said of it; far off, it refuses."""
    assert run(*register(case)).code == 0
    before = load_registration(case / "registration.toml").model_from_reference.transform
    touch(case / "points.csv", {**FIDUCIALS, "V1": [20.0, 20.0, 45.4]})
    said = run(*register(case))
    after = load_registration(case / "registration.toml").model_from_reference.transform
    assert np.array_equal(before.as_matrix(), after.as_matrix())
    assert "check point V1: 0.40 mm off" in said.out
    written = (case / "registration.toml").read_bytes()
    touch(case / "points.csv", {**FIDUCIALS, "V1": [20.0, 20.0, 55.0]})
    said = run(*register(case))
    assert said.code == 2
    assert "V1 alone is 10 mm off" in said.err
    assert (case / "registration.toml").read_bytes() == written


def test_what_a_case_lacks_is_said_when_it_is_registered_to(run, case):
    table = tomllib.loads((case / "case.toml").read_text())
    remark = "vertebral artery right: not seen"
    table["reconstruction"] = {"source": "nifti", "spacing": [0.5, 0.5, 0.6], "remarks": [remark]}
    (case / "case.toml").write_text(tomli_w.dumps(table))
    said = run(*register(case))
    assert said.code == 0, said.err
    assert f"warning: {remark}" in said.out


def touched_at(**points: list[float]) -> Spoil:
    return lambda folder: touch(folder / "points.csv", points)


def open_mesh(folder: Path) -> None:
    sphere = pyvista.Sphere(radius=4.0).triangulate()
    faces = sphere.faces.reshape(-1, 4)[:-3]
    pyvista.PolyData(sphere.points, faces.ravel()).save(folder / "meshes" / "cord.ply")


def in_a_line(folder: Path) -> None:
    """Four fiducials within a few millimetres of a line, touched as they are."""
    line = {f"D{k}": [10.0 * k, 0.5 * (-1) ** k, 0.0] for k in range(1, 5)}
    case = tomllib.loads((folder / "case.toml").read_text())
    for fiducial in case["fiducial"]:
        fiducial["position"] = line.get(fiducial["label"], fiducial["position"])
    (folder / "case.toml").write_text(tomli_w.dumps(case))
    touch(folder / "points.csv", line)


BAD_CASE: dict[str, tuple[Spoil, list[str]]] = {
    "no case": (missing("case.toml"), ["case.toml: no such file"]),
    "open mesh": (open_mesh, ["case.toml: structure cord: mesh", "cord.ply is not closed"]),
    "no mesh": (missing("meshes/cord.ply"), ["structure cord: mesh", "cord.ply"]),
    "mesh that is none": (replaced("meshes/cord.ply", b"ply?"), ["structure cord: mesh"]),
    "unknown role": (rewritten("case.toml", 'role = "cord"', 'role = "nerve"'), ["cord: role"]),
    "unknown key": (
        rewritten("case.toml", "sigma", "sd = 1.0, sigma"),
        ["structure artery left: sd: unknown key"],
    ),
    "not finite": (rewritten("case.toml", "40.0", "inf"), ["fiducial D1: position", "finite"]),
    "name twice": (rewritten("case.toml", '"cord"', '"artery left"'), ["appears twice"]),
}
BAD_POINTS: dict[str, tuple[Spoil, list[str]]] = {
    "two fiducials": (
        touched_at(D1=FIDUCIALS["D1"], D2=FIDUCIALS["D2"]),
        ["got 2 fiducials", "at least 3"],
    ),
    "check points do not count": (
        touched_at(D1=FIDUCIALS["D1"], D2=FIDUCIALS["D2"], V1=FIDUCIALS["V1"]),
        ["got 2 fiducials", "at least 3"],
    ),
    "in a line": (in_a_line, ["of a line", "add one at least 20 mm to its side"]),
    "unknown label": (touched_at(D9=[0.0, 0.0, 0.0]), ["points.csv: point D9", "D1, D2, D3"]),
    "no points": (missing("points.csv"), ["points.csv: no such file"]),
    "empty": (replaced("points.csv", b"label,x,y,z\n"), ["points.csv: has no points"]),
    "no header": (replaced("points.csv", b"1,2,3\n"), ["points.csv: first line"]),
    "not a number": (
        replaced("points.csv", b"label,x,y,z\nD1,1,2,three\n"),
        ["(point D1): z: expected a finite number", "three"],
    ),
    "not finite": (
        replaced("points.csv", b"label,x,y,z\nD1,1,2,nan\n"),
        ["(point D1): z: expected a finite number"],
    ),
    "error below nothing": (given("--fle", "-0.1"), ["--fle", "-0.1"]),
    "error not finite": (given("--fle", "nan"), ["--fle", "nan"]),
}


@pytest.mark.parametrize("name", [*(f"case: {n}" for n in BAD_CASE), *BAD_POINTS])
def test_register_refuses(run, case, name):
    spoil, words = {**{f"case: {n}": bad for n, bad in BAD_CASE.items()}, **BAD_POINTS}[name]
    more = spoil(case) or []
    before = tree(case)
    refused(run(*register(case, *more)), *words)
    assert tree(case) == before


def test_register_refuses_an_output_in_a_file(run, case):
    before = tree(case)
    refused(run(*register(case, output="case.toml/registration.toml")), "cannot be written")
    assert tree(case) == before


# nav live: everything is looked at before cameras or window start


@pytest.fixture
def live(bench, case):
    return [
        "live", "--rig", bench / "rig.toml", "--tool", bench / "needle.toml",
        "--tool", bench / "reference.toml", "--images", bench / "pictures",
        "--case", case / "case.toml",
    ]  # fmt: skip


@pytest.mark.parametrize("name", BAD_CASE)
def test_live_refuses_a_case(run, live, case, name):
    spoil, words = BAD_CASE[name]
    spoil(case)
    refused(run(*live), *words)


@pytest.mark.parametrize(
    "name",
    ["no rig", "a camera without pictures", "unknown dictionary", "marker id twice",
     "marker id on two tools", "one tool twice", "number not finite", "no pictures a second"],
)  # fmt: skip
def test_live_refuses_a_rig_tool_or_recording(run, live, bench, name):
    spoil, words = BAD_TRACK[name]
    more = spoil(bench) or []
    refused(run(*live, *more), *words)


def no_tip(folder: Path) -> None:
    tool = load_tool(folder / "needle.toml")
    write_tool(folder / "needle.toml", replace(tool, tip=None))


def test_live_refuses_a_needle_without_a_tip(run, live, bench):
    no_tip(bench)
    refused(run(*live), "needle.toml: tip: is missing")


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--needle", "pointer"], ["--needle: no tool is called pointer", "needle, reference"]),
        (["--reference", "table"], ["--reference: no tool is called table"]),
        (["--registration", "none.toml"], ["none.toml: no such file"]),
        (
            ["--camera", "left=0"],
            ["--camera NAME=NUMBER, --images SOURCE or --poses SOURCE"],
        ),
    ],
)
def test_live_refuses_options_that_fit_nothing(run, live, more, words):
    refused(run(*live, *more), *words)


def test_live_refuses_a_case_without_what_the_gauges_show(run, live, case):
    mended(case / "case.toml", 'role = "cord"', 'role = "other"')
    refused(run(*live), 'case.toml: structure: none has role "cord"')


def test_live_refuses_a_registration_that_is_not_finite(run, live, case, tmp_path):
    assert run(*register(case)).code == 0
    path = case / "registration.toml"
    data = tomllib.loads(path.read_text())
    data["model_from_reference"]["translation"][1] = float("nan")
    write_toml(path, data)
    refused(run(*live, "--registration", path), "registration.toml: model_from_reference", "finite")


# nav twin images


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--frames", "0"], ["--frames"]),
        (["--seed", "-1"], ["--seed"]),
        (["--hide", "2"], ["--hide"]),
        (["--blur", "nan"], ["--blur"]),
        (["--gradient", "inf"], ["--gradient"]),
        (["--rig", "none.toml"], ["none.toml: no such file"]),
    ],
)
def test_twin_images_refuses(run, tmp_path, more, words):
    refused(run("twin", "images", "--out", tmp_path / "out", *more), *words)
    assert tree(tmp_path) == {}


def test_twin_images_leaves_a_full_folder_alone(run, tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    refused(run("twin", "images", "--out", tmp_path), str(tmp_path), "mine.txt")
    assert set(tree(tmp_path)) == {"mine.txt"}
