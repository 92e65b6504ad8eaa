"""nav calibrate tool's work: pictures in, a tool file as it really is out, or one line why not."""

import io
import tomllib
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from rich.console import Console
from scipy.spatial.transform import RigidTransform

from calibration.tools.tool_command import calibrate_tool
from nav.camera.rig import Rig, write_rig
from nav.camera.source import open_source
from nav.core.errors import InputError
from nav.core.files import sha256
from nav.tracking.needle import NeedleKind
from nav.tracking.tool import Marker, Tool, load_tool, write_tool
from nav.tracking.tracker import Tracker
from phantoms.twin.sensor import Optics
from phantoms.twin.simulated_bodies import Placed
from phantoms.twin.simulated_tools import needle_body
from tests.calibration.test_tool_body import glued, off_by
from tests.said import codes
from tests.synthetic import Studio, needle_poses, small_rig
from tests.tracking.expect import seen

FRAMES = 30
CLEAN = Optics(blur=0.8, noise=2.0, gradient=(0.02, -0.02))


def photograph(folder: Path, rig: Rig, made: Tool, places: Sequence[RigidTransform]) -> Path:
    """Pictures of a tool as it was made, in a folder a camera."""
    studio = Studio(rig, CLEAN, 1)
    for number, place in enumerate(places):
        for name, frame in studio.frames([Placed(needle_body(made), place)]).frames.items():
            (folder / name).mkdir(parents=True, exist_ok=True)
            assert cv2.imwrite(str(folder / name / f"{number:03d}.png"), frame.image)
    return folder


def places(count: int = FRAMES) -> list[RigidTransform]:
    return list(needle_poses(count, np.random.default_rng(11)))


@pytest.fixture(scope="module")
def made(needle: Tool) -> Tool:
    return glued(needle, np.random.default_rng(5))


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory, rig: Rig, needle: Tool, made: Tool) -> Path:
    """rig.toml, needle.toml as it was designed, and pictures of what was made of it."""
    folder = tmp_path_factory.mktemp("bench")
    write_rig(folder / "rig.toml", rig)
    write_tool(folder / "needle.toml", replace(needle, needle=NeedleKind(17, "tuohy")))
    photograph(folder / "pictures", rig, made, places())
    return folder


def run(bench: Path, output: Path, tool: Path | None = None, images: Path | None = None) -> str:
    text = io.StringIO()
    console = Console(file=text, width=300)
    tool, images = tool or bench / "needle.toml", images or bench / "pictures"
    calibrate_tool(bench / "rig.toml", tool, images, output, console)
    return text.getvalue()


def refused(bench: Path, output: Path, **more: Path) -> str:
    """The error's line; nothing must have been written."""
    with pytest.raises(InputError) as error:
        run(bench, output, **more)
    assert not output.parent.exists()
    return str(error.value)


@pytest.fixture(scope="module")
def calibrated(bench: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A calibrated tool file in place of the one it is of, and what was said."""
    output = tmp_path_factory.mktemp("out") / "needle.toml"
    output.write_bytes((bench / "needle.toml").read_bytes())
    return output, run(bench, output, output)


# from pixels


def test_pictures_give_the_body_that_was_made(calibrated, needle, made):
    output, _ = calibrated
    assert off_by(needle, made) > 0.25
    assert off_by(load_tool(output), made) < 0.005


def test_what_the_file_says_of_the_needle_stays(calibrated):
    kind = load_tool(calibrated[0]).needle
    assert kind is not None
    assert (kind.gauge, kind.bevel) == (17, "tuohy")


def test_two_cameras_verify_the_size_of_a_print_that_nobody_checked(calibrated, bench, tmp_path):
    """Within 0.05 % for the rig's own scale; what the file calls the print stays."""
    assert load_tool(calibrated[0]).scale_sd == pytest.approx(0.0005, rel=0.1)
    nominal = replace(load_tool(bench / "needle.toml"), scale_sd=None, print_name="sheet")
    larger = tuple(Marker(m.id, m.corners / 0.995) for m in nominal.markers)
    write_tool(tmp_path / "larger.toml", replace(nominal, markers=larger))
    said = run(bench, tmp_path / "out.toml", tmp_path / "larger.toml")
    assert "according to the rig all is 0.50 % smaller than printed" in said
    found = load_tool(tmp_path / "out.toml")
    assert found.scale_sd == pytest.approx(0.005, rel=0.1)
    assert found.print_name == "sheet"


def test_the_tip_is_left_out_and_that_is_said(calibrated):
    output, said = calibrated
    assert load_tool(output).tip is None
    assert "the [tip] of needle.toml was calibrated with the old geometry and is left out" in said


def test_the_old_file_is_kept_and_the_inputs_are_named(calibrated, bench):
    output, _ = calibrated
    old = output.with_name("needle.1.toml")
    assert sha256(old) == sha256(bench / "needle.toml")
    for path in (output, output.with_name("needle.calibration.toml")):
        hashes = {e["file"]: e["sha256"] for e in tomllib.loads(path.read_text())["input"]}
        assert hashes == {"rig.toml": sha256(bench / "rig.toml"), "needle.toml": sha256(old)}


def test_how_it_went_stands_beside_the_file(calibrated):
    output, said = calibrated
    table = tomllib.loads(output.with_name("needle.calibration.toml").read_text())
    assert table["format"] == "c1c2nav/tool-calibration/1"
    assert table["verdict"] == "good"
    assert "verdict: good" in said
    assert table["poses"] == table["frames"] == FRAMES
    assert table["rms_px"] < 0.03
    assert table["rms_px_before"] > 0.3
    assert table["turned_deg"] > 90
    assert table["scale_by_rig"] == pytest.approx(1.0, abs=1e-4)
    assert [marker["id"] for marker in table["marker"]] == list(range(10, 26))
    for marker in table["marker"]:
        assert marker["pictures"] > 6
        assert marker["directions"] > 3
        assert 0.0 < marker["sd"] < 0.005
        assert np.array(marker["covariance"]).shape == (6, 6)


def test_pictures_tracked_with_it_are_not_doubted(calibrated, bench, rig):
    output, _ = calibrated
    source = open_source(bench / "pictures", rig)
    with closing(source), closing(Tracker(rig, [load_tool(output)])) as tracker:
        tracked = [tracker.track(frames) for frames in source]
    for frame in tracked:
        assert "geometry_doubtful_at_tip" not in codes(seen(frame, "needle").warnings)


def test_a_marker_that_tracking_does_not_believe_is_found_all_the_same(
    rig, needle, tmp_path, bench
):
    """One that the others outvote: 1 mm along the needle."""
    along = np.array([0.0, 0.0, 1.0])
    markers = tuple(
        replace(m, corners=m.corners + along) if m.id == 14 else m for m in needle.markers
    )
    odd = replace(needle, markers=markers)
    images = photograph(tmp_path / "pictures", rig, odd, places(20))
    said = run(bench, tmp_path / "needle.toml", images=images)
    assert off_by(load_tool(tmp_path / "needle.toml"), odd) < 0.01
    assert "most marker 14: 0." in said


# bad input


def some_of(bench: Path, folder: Path, count: int) -> Path:
    """The first few pictures."""
    for path in sorted((bench / "pictures").rglob("*.png")):
        if int(path.stem) < count:
            there = folder / path.parent.name / path.name
            there.parent.mkdir(parents=True, exist_ok=True)
            there.write_bytes(path.read_bytes())
    return folder


def test_too_few_pictures_are_refused(bench, tmp_path):
    images = some_of(bench, tmp_path / "few", 5)
    line = refused(bench, tmp_path / "new" / "needle.toml", images=images)
    assert line.startswith(f"{images}: repeat: ")
    assert "only 5 frame sets, at least 10 are needed" in line
    assert "\n" not in line


def test_a_tool_hardly_turned_is_refused(bench, tmp_path, rig, made):
    images = photograph(tmp_path / "still", rig, made, places(1) * 11)
    line = refused(bench, tmp_path / "new" / "needle.toml", images=images)
    assert "the tool was turned by only 0." in line


def test_pictures_without_the_tool_are_refused(bench, tmp_path, rig, needle):
    for camera in rig.cameras:
        (tmp_path / "none" / camera.name).mkdir(parents=True)
        width, height = camera.size
        for number in range(3):
            path = tmp_path / "none" / camera.name / f"{number}.png"
            assert cv2.imwrite(str(path), np.full((height, width), 120, np.uint8))
    line = refused(bench, tmp_path / "new" / "needle.toml", images=tmp_path / "none")
    assert "needle is in none of the 3 frame sets: no marker of needle seen by left, right" in line


def test_another_tools_file_is_refused(bench, tmp_path, reference):
    write_tool(tmp_path / "reference.toml", reference)
    images = some_of(bench, tmp_path / "few", 4)
    line = refused(
        bench, tmp_path / "new" / "out.toml", tool=tmp_path / "reference.toml", images=images
    )
    assert "reference is in none of the 4 frame sets" in line
    assert "is it this tool's file, and this rig's?" in line


def test_a_file_of_the_same_markers_on_another_body_is_refused(bench, tmp_path, needle):
    """A carrier 6 mm thinner than the one in the pictures."""
    markers = tuple(replace(m, corners=m.corners - 3.0 * m.normal) for m in needle.markers)
    write_tool(tmp_path / "thin.toml", replace(needle, markers=markers))
    images = some_of(bench, tmp_path / "few", 11)
    line = refused(bench, tmp_path / "new" / "out.toml", tool=tmp_path / "thin.toml", images=images)
    assert "is it this tool's file" in line


def test_pictures_of_another_size_are_refused(bench, tmp_path):
    larger = small_rig(2, size=(320, 240))
    (tmp_path / "bench").mkdir()
    write_rig(tmp_path / "bench" / "rig.toml", larger)
    with pytest.raises(InputError, match=r"image is 288 x 240 but rig.toml says 320 x 240"):
        run(
            tmp_path / "bench",
            tmp_path / "new" / "out.toml",
            bench / "needle.toml",
            bench / "pictures",
        )
    assert not (tmp_path / "new").exists()


def test_a_tool_of_one_marker_is_refused(bench, tmp_path, needle):
    write_tool(tmp_path / "one.toml", replace(needle, markers=needle.markers[:1]))
    line = refused(bench, tmp_path / "new" / "out.toml", tool=tmp_path / "one.toml")
    assert "has one marker only" in line
