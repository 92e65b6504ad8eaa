"""The benchmark's scenes show what their truth says: tools, motion, places, and the files."""

import csv
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from scipy.spatial.transform import RigidTransform, Rotation

from nav.camera.rig import load_rig
from nav.camera.times import load_times
from nav.record.pose_table import COLUMNS
from nav.tracking.tool import load_tool
from tests.bench.scenes.motion import Hand, Still
from tests.bench.scenes.scene import Scene
from tests.bench.scenes.settings import KINDS, settings_of
from tests.bench.scenes.tools import needle_cube, needle_prism, reference_wings
from tests.bench.scenes.write import main

SMALL = {"width": 320, "height": 240, "focal": 270.0}


@pytest.mark.parametrize(
    "model",
    [needle_prism(), needle_prism(3), needle_cube(), reference_wings()],
    ids=["hexagon", "triangle", "cube", "wings"],
)
def test_labels_look_outwards_and_lie_before_the_carrier(model):
    for marker in model.tool.markers:
        assert marker.normal @ (marker.centre - model.centre) > -1e-9
        behind = [
            (marker.centre - f.origin) @ marker.normal
            for f in model.bare.faces
            if np.cross(f.down, f.right) @ marker.normal > 0.999
        ]
        assert min(behind) == pytest.approx(0.4)


def test_misbuilt_labels_stay_square_and_are_off_by_what_was_asked():
    model, rng = needle_prism(), np.random.default_rng(3)
    offs = []
    for _ in range(60):
        drawn = model.body(0.05, rng).faces[: len(model.tool.markers)]
        for marker, face in zip(model.tool.markers, drawn, strict=True):
            assert face.right @ face.down == pytest.approx(0.0, abs=1e-9)
            centre = face.origin + 7.0 * (face.right + face.down)
            offs.append(centre - marker.centre)
    assert np.std(offs, axis=0) == pytest.approx([0.05] * 3, rel=0.1)
    exact = model.body(0.0, rng).faces[0]
    assert exact.origin == pytest.approx(model.tool.markers[0].corners[0])


def test_a_misaligned_rig_is_off_by_what_was_asked():
    scene = Scene(settings_of("misbuilt", cameras=3, **SMALL))
    points = scene.rig_from_scene.apply(np.random.default_rng(0).uniform(-60, 60, (400, 3)))
    for camera, truly in zip(scene.rig.cameras, scene.views, strict=True):
        off = np.linalg.norm(truly.pixels(points) - camera.project(points), axis=1)
        assert np.sqrt((off**2).mean()) == pytest.approx(0.2, rel=0.25)
    exact = Scene(settings_of("clean", **SMALL))
    for camera, truly in zip(exact.rig.cameras, exact.views, strict=True):
        assert np.allclose(truly.pixels(points), camera.project(points), atol=1e-8)


def test_a_hand_moves_as_fast_as_was_asked():
    speeds, turns, step = [], [], 1e-3
    for seed in range(40):
        hand = Hand(
            RigidTransform.from_translation([0.0, 0.0, 600.0]),
            *(np.array([3.0, 2.0, 1.0]), 40.0, np.radians(30), np.random.default_rng(seed)),
        )
        times = np.linspace(0, 20, 400)
        before, after = hand.at(times), hand.at(times + step)
        centre = np.array([3.0, 2.0, 1.0, 1.0])
        speeds.append(np.linalg.norm((after - before) @ centre, axis=1) / step)
        turn = Rotation.from_matrix(after[:, :, :3]) * Rotation.from_matrix(before[:, :, :3]).inv()
        turns.append(np.degrees(turn.magnitude()) / step)
    assert np.sqrt(np.mean(np.square(speeds))) == pytest.approx(40, rel=0.1)
    assert np.sqrt(np.mean(np.square(turns))) == pytest.approx(30, rel=0.1)


def test_cameras_of_a_skewed_scene_take_their_pictures_at_their_own_times():
    settings = settings_of("skewed", exposure_ms=0, noise=0, speed=400, **SMALL)
    scene = Scene(settings)
    shot = scene.shot(3)
    assert shot.times["right"] - shot.times["left"] == pytest.approx(0.008)
    assert np.mean(list(shot.times.values())) == pytest.approx(shot.time)
    for camera in scene.views:
        place = scene.hand.at([shot.times[camera.name]])[0]
        still = Still(
            RigidTransform.from_components(place[:, 3], Rotation.from_matrix(place[:, :3]))
        )
        things = [(scene.bodies["needle"], still), (scene.bodies["reference"], scene.reference)]
        light = camera.light(things, 0.0, scene.sensor)
        alone = camera.expose(light, scene.sensor, np.random.default_rng(0))
        difference = np.abs(alone.astype(float) - shot.pictures[camera.name])
        assert difference.max() <= 12  # sampling of edges only
        assert difference.mean() < 0.05


def test_sweeps_blur_by_up_to_what_was_asked_and_fingers_hide_their_share():
    scene = Scene(settings_of("hard", **SMALL))
    model = scene.models["needle"]
    ways, hidden, facing = [], 0, 0
    for number in range(200):
        rng = np.random.default_rng(number)
        motion = scene._needle_motion(2.0, rng)
        ends = motion.at(2.0 + np.array([-0.5, 0.5]) * scene.sensor.exposure)
        centres = ends[:, :, :3] @ model.centre + ends[:, :, 3]
        ways.append(max(np.linalg.norm(np.diff(v.pixels(centres), axis=0)) for v in scene.views))
        matrix = motion.at([2.0])[0]
        pose = RigidTransform.from_components(matrix[:, 3], Rotation.from_matrix(matrix[:, :3]))
        hidden += len(scene._hidden(pose, rng))
        sure = SimpleNamespace(**{**vars(scene), "settings": replace(scene.settings, hidden=1.0)})
        facing += len(Scene._hidden(sure, pose, rng))
    assert max(ways) == pytest.approx(8.0, rel=0.05)
    assert np.mean(ways) == pytest.approx(4.0, rel=0.1)
    assert hidden / facing == pytest.approx(0.2, rel=0.15)


def test_pictures_depend_on_the_seed_alone():
    settings = settings_of("hard", **SMALL)
    first, again = Scene(settings), Scene(settings)
    other = Scene(replace(settings, seed=1))
    again.shot(0)
    a, b, c = (scene.shot(1) for scene in (first, again, other))
    for name, picture in a.pictures.items():
        assert (picture == b.pictures[name]).all()
        assert (picture != c.pictures[name]).mean() > 0.3
    assert a.hidden == b.hidden


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_shows_its_tools_to_all_cameras(kind):
    scene = Scene(settings_of(kind, **SMALL))
    for number in range(20):
        rng = np.random.default_rng(number)
        pose = scene._needle_motion(1.0 + number, rng).at([1.0 + number])[0]
        corners = np.concatenate([m.corners for m in scene.models["needle"].tool.markers])
        placed = corners @ pose[:, :3].T + pose[:, 3]
        fixed = np.concatenate([m.corners for m in scene.models["reference"].tool.markers])
        for camera in scene.views:
            for points in (placed, scene.reference.rig_from_body.apply(fixed)):
                pixels = camera.pixels(points)
                assert (pixels > 0).all()
                assert (pixels < [319, 239]).all()


def test_oblique_needles_are_tilted_out_of_the_picture():
    scene = Scene(settings_of("clean", obliquity=65, **SMALL))
    for seed in range(5):
        pose = scene.rig_from_scene.inv() * scene._needle_pose(np.random.default_rng(seed))
        tip = scene.models["needle"].tool.tip
        assert tip is not None
        assert tip.axis is not None
        axis = pose.rotation.apply(tip.axis)
        assert abs(axis[2]) == pytest.approx(np.sin(np.radians(65)), abs=1e-9)


def test_written_folder_is_a_source_whose_pictures_agree_with_its_truth(tmp_path):
    out = tmp_path / "made"
    arguments = ["--out", str(out), "--kind", "clean", "--frames", "2", "--seed", "4"]
    arguments += ["--width", "960", "--height", "600", "--focal", "792", "--blur", "0.5"]
    arguments += ["--distance", "400"]
    assert main(arguments) == 0
    rig = load_rig(out / "rig.toml")
    times = load_times(out / "times.csv").by_camera
    assert set(times) == set(rig.names)
    with (out / "truth.csv").open() as file:
        reader = csv.DictReader(file)
        names = list(reader.fieldnames or ())
        # the same names in the same order; a column that truth has no use for may be left out
        assert [name for name in COLUMNS if name in names] == names
        assert {"tx", "qw", "tip_z", "p55"} <= set(names)
        rows = list(reader)
    assert [(r["frame"], r["tool"]) for r in rows] == [
        (str(n), tool) for n in range(2) for tool in ("needle", "reference")
    ]
    found = 0
    for row in rows:
        assert float(row["time"]) == pytest.approx(
            np.mean([times[name][int(row["frame"])] for name in rig.names])
        )
        found += _agreeing_corners(out, row)
    assert found >= 24
    assert main(arguments) == 2  # the folder is not empty


def _agreeing_corners(out: Path, row: dict[str, str]) -> int:
    """Markers that OpenCV finds; all of them about where truth says."""
    tool = load_tool(out / f"{row['tool']}.toml")
    words = cv2.aruco.getPredefinedDictionary(getattr(cv2.aruco, tool.dictionary))
    turn = Rotation.from_quat([float(row[c]) for c in ("qx", "qy", "qz", "qw")])
    pose = RigidTransform.from_components([float(row[c]) for c in ("tx", "ty", "tz")], turn)
    if tool.tip is not None:
        tip = [float(row[c]) for c in ("tip_x", "tip_y", "tip_z")]
        assert pose.apply(tool.tip.position) == pytest.approx(tip)
    found, offs = 0, []
    for camera in load_rig(out / "rig.toml").cameras:
        picture = cv2.imread(str(out / camera.name / f"{int(row['frame']):06d}.png"), 0)
        corners, ids, _ = cv2.aruco.ArucoDetector(words).detectMarkers(picture)
        for seen, marker_id in zip(corners, [] if ids is None else ids.ravel(), strict=True):
            if marker_id in tool.by_id:
                found += 1
                offs.append(seen[0] - camera.project(pose.apply(tool.by_id[marker_id].corners)))
    assert np.abs(offs).max() < 3
    assert np.abs(np.mean(offs, axis=(0, 1))).max() < 0.15
    return found


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"cameras": 5}, "cameras: expected 1 to 4, got 5"),
        ({"lens": "fish"}, "lens: expected one of five, "),
        ({"noise": -1.0}, "noise: expected 0 or more, got -1.0"),
        ({"fps": 0.0}, "fps: expected more than 0, got 0.0"),
    ],
)
def test_wrong_settings_are_refused_with_what_was_expected(changes, message):
    with pytest.raises(ValueError, match=message):
        settings_of("clean", **changes)
