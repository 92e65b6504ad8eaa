"""`nav calibrate camera` and `rig`, from pictures to the file, and what is refused."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from scipy.spatial.transform import RigidTransform, Rotation

from calibration.board import Board, save_board
from nav.camera.rig import Rig, load_rig
from nav.cli import main
from nav.tracking.tool import write_tool
from phantoms.twin.sensor import Optics
from phantoms.twin.simulated_boards import board_body
from phantoms.twin.simulated_bodies import Placed
from phantoms.twin.simulated_camera import SimulatedCamera
from phantoms.twin.simulated_tools import needle_body, needle_tool
from tests.synthetic import needle_poses, small_rig

BOARD = Board(7, 5, 12.0, 9.0, "DICT_4X4_50")
COUNT = 10
RULER = 99.0
BOW = 0.3  # mm over the whole sheet
INNER_BOW = BOW * (BOARD.columns - 2) ** 2 / BOARD.columns**2  # over its inner corners


@pytest.fixture(scope="module")
def rig() -> Rig:
    return small_rig(2, size=(480, 400))


@pytest.fixture(scope="module")
def pictures(rig: Rig, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bowed board, printed one per cent too small, waved before two cameras."""
    folder, rng = tmp_path_factory.mktemp("boards"), np.random.default_rng(1)
    rooms = [SimulatedCamera(c, Optics(blur=0.8, noise=2.0), rng) for c in rig.cameras]
    printed = BOARD.scaled(RULER / 100.0)
    for room in rooms:
        (folder / "pictures" / room.camera.name).mkdir(parents=True)
    for number in range(COUNT):
        tilt, way = rng.uniform(0.2, 0.6), 2 * np.pi * number / COUNT
        turn = Rotation.from_rotvec(tilt * np.array([np.cos(way), np.sin(way), 0.0]))
        turn = turn * Rotation.from_rotvec([0.0, 0.0, rng.uniform(-0.5, 0.5)])
        middle = turn.apply([*np.array(printed.size) / 2, 0.0])
        at = np.array([0.0, 0.0, 573.0]) + rng.uniform(-25, 25, 3) - middle
        place = RigidTransform.from_components(at, turn)
        for room in rooms:
            picture = room.picture([Placed(board_body(printed, bow=BOW), place)])
            path = folder / "pictures" / room.camera.name / f"{number:02d}.png"
            cv2.imwrite(str(path), picture)
    save_board(folder / "board.toml", BOARD)
    return folder


def run(*arguments: str | Path) -> None:
    with pytest.raises(SystemExit) as ended:
        main([str(a) for a in arguments])
    assert ended.value.code == 0


def refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    line = capsys.readouterr().err.strip()
    assert line.startswith("nav: ")
    assert "\n" not in line
    return line


def write_old_rig(path):
    path.write_text('format = "c1c2nav/rig/1"\n')
    return path.read_text()


def test_a_rig_from_pictures_to_its_file(rig, pictures, tmp_path, capsys):
    output = tmp_path / "rig.toml"
    old = write_old_rig(output)
    board = pictures / "board.toml"
    run("calibrate", "rig", "--images", pictures / "pictures", "--ruler", str(RULER), "--board",
        board, "--output", output)  # fmt: skip
    found = load_rig(output)
    assert found.names == ("left", "right")
    for name in found.names:
        assert found[name].size == (480, 400)
        assert found[name].matrix[0, 0] == pytest.approx(rig[name].matrix[0, 0], rel=0.01)
        facts = found[name].calibration
        assert facts is not None
        assert facts["scale"] == f"ruler {RULER:g} mm"
        assert facts["rms_px"] < 0.02
        assert facts["views"] == COUNT
        assert facts["board_bow_mm"] == pytest.approx(INNER_BOW, abs=0.05)
        size = len(facts["parameters"])
        assert np.shape(facts["covariance"]) == (size, size)
    eyes = [found[n].camera_from_rig.inv().translation for n in found.names]
    true = [rig[n].camera_from_rig.inv().translation for n in found.names]
    base = float(np.linalg.norm(true[1] - true[0]))
    assert np.linalg.norm(eyes[1] - eyes[0]) == pytest.approx(base, rel=2e-3)
    assert output.with_suffix(".png").stat().st_size > 10000
    assert (tmp_path / "rig.1.toml").read_text() == old
    told = " ".join(capsys.readouterr().out.split())
    assert "bowed by 0.1" in told
    assert "kept as rig.1.toml" in told


def test_without_a_ruler_the_scale_is_said_to_be_unverified(pictures, tmp_path, capsys):
    output = tmp_path / "rig.toml"
    images = pictures / "pictures" / "left"
    run("calibrate", "camera", "--images", images, "--name", "eye", "--board",
        pictures / "board.toml", "--output", output)  # fmt: skip
    camera = load_rig(output)["eye"]
    assert camera.calibration is not None
    assert camera.calibration["scale"] == "unverified"
    assert "scale unverified" in " ".join(capsys.readouterr().out.split())


def test_a_body_of_known_size_tells_the_scale(rig, pictures, tmp_path):
    """The board's file says one per cent too much; a needle's carrier knows better."""
    needle, rng = needle_tool(), np.random.default_rng(5)
    for number, place in enumerate(needle_poses(12, rng)):
        for camera in rig.cameras:
            room = SimulatedCamera(camera, Optics(blur=0.8, noise=2.0), rng)
            path = tmp_path / "turned" / camera.name / f"{number:02d}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(path), room.picture([Placed(needle_body(needle), place)]))
    write_tool(tmp_path / "needle.toml", needle)
    output = tmp_path / "rig.toml"
    run("calibrate", "rig", "--images", pictures / "pictures", "--board", pictures / "board.toml",
        "--body", tmp_path / "needle.toml", "--body-images", tmp_path / "turned",
        "--output", output)  # fmt: skip
    found = load_rig(output)
    eyes = [found[n].camera_from_rig.inv().translation for n in found.names]
    true = [rig[n].camera_from_rig.inv().translation for n in found.names]
    base = float(np.linalg.norm(true[1] - true[0]))
    assert np.linalg.norm(eyes[1] - eyes[0]) == pytest.approx(base, rel=2e-3)
    assert found["left"].calibration is not None
    assert found["left"].calibration["scale"].startswith("body needle")


def test_what_cannot_be_calibrated_by_is_refused_in_one_line(pictures, tmp_path, capsys):
    output = tmp_path / "rig.toml"
    rest = ["--output", str(output)]
    board, images = ["--board", str(pictures / "board.toml")], str(pictures / "pictures")
    other = tmp_path / "other.toml"
    save_board(other, Board(9, 5, 12.0, 9.0, "DICT_5X5_50"))
    line = refused(["calibrate", "rig", "--images", images, "--board", str(other), *rest], capsys)
    assert "the board is in none of 10 images" in line
    line = refused(["calibrate", "rig", "--images", images, *board, "--ruler", "10", *rest], capsys)
    assert "--ruler 10" in line
    line = refused(["calibrate", "rig", "--images", images + "/left", *board, *rest], capsys)
    assert "nav calibrate camera" in line
    line = refused(
        ["calibrate", "camera", "--images", str(tmp_path / "none"), *board, *rest], capsys
    )
    assert "expected a folder of images" in line
    assert not output.exists()


def test_pictures_of_two_sizes_are_refused(pictures, tmp_path, capsys):
    for number, size in enumerate([(480, 400), (480, 400), (320, 240)]):
        blank = np.full(size[::-1], 120, np.uint8)
        cv2.imwrite(str(tmp_path / f"{number}.png"), blank)
    line = refused(
        ["calibrate", "camera", "--images", str(tmp_path), "--board",
         str(pictures / "board.toml"), "--output", str(tmp_path / "rig.toml")],
        capsys,
    )  # fmt: skip
    assert "320 x 240" in line
    assert "480 x 400" in line
