"""Bones that moved to each other since the CT are noticed, and said."""

import numpy as np
import pytest
from rich.console import Console
from scipy.spatial.transform import RigidTransform, Rotation

from nav.core.errors import InputError
from nav.model.case import Case, Structure
from nav.model.surface import Surface
from nav.registration import surface_command
from nav.registration.bone_motion import CERTAIN, find_bone_motion
from nav.registration.prepared_surface import prepare_surface
from nav.registration.surface_command import SurfaceFiles, register_surface_files
from nav.registration.surface_pose import describe_fit, fit_near, touched_surface
from nav.registration.surface_source import load_surface_points
from tests.registration.test_surface import NOISE, bumpy, touched_on

UP = np.array([0.0, 0.0, 46.0])
C2 = bumpy(1)
C1 = Surface(bumpy(2).vertices + UP, C2.triangles)
NAMES = ("C1", "C2")
STILL = RigidTransform.identity()


@pytest.fixture(scope="module")
def neck():
    return prepare_surface([C1, C2])


def turned(degrees, axis):
    turn = Rotation.from_rotvec(np.radians(degrees) * np.eye(3)[axis])
    return RigidTransform.from_components(UP - turn.apply(UP), turn)


def touches(rng, motion, counts=(30, 30)):
    """Return points in the model frame of C2, with C1 moved."""
    first = motion.apply(touched_on(C1, counts[0], rng))
    points = np.vstack([first, touched_on(C2, counts[1], rng)])
    return points + rng.normal(0.0, NOISE, points.shape)


def motion_of(neck, points, refused=False):
    touched = touched_surface(points, None, NOISE**2)
    fit = describe_fit(neck, touched, fit_near(neck, touched, STILL))
    return find_bone_motion(neck, touched, fit, refused)


def test_bones_that_did_not_move_are_hardly_ever_doubted(neck):
    rng = np.random.default_rng(1)
    found = [motion_of(neck, touches(rng, STILL)) for _ in range(40)]
    assert sum(one is not None for one in found) <= 2
    assert not any(one.certain for one in found if one is not None)


@pytest.mark.parametrize(("axis", "words"), [(0, "nodding"), (2, "turning left or right")])
def test_a_neck_that_was_turned_is_told_with_the_angle(neck, axis, words):
    found = motion_of(neck, touches(np.random.default_rng(2), turned(10.0, axis)))
    assert found.probability < CERTAIN
    assert found.angle == pytest.approx(10.0, abs=2.0)
    said = found.words(NAMES)
    assert f"mostly {words}" in said
    assert "--structure" in said


def test_a_large_turn_explains_points_that_do_not_fit(neck):
    found = motion_of(neck, touches(np.random.default_rng(3), turned(18.0, 2)), refused=True)
    assert found.angle == pytest.approx(18.0, abs=2.0)


def test_points_on_one_bone_tell_nothing_of_the_other(neck):
    assert motion_of(neck, touches(np.random.default_rng(4), STILL, (4, 50))) is None


@pytest.fixture
def register(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    bones = zip(NAMES, (C1, C2), strict=True)
    case = Case(
        "neck", tuple(Structure(n, "bone", s, None, None, 0.1) for n, s in bones), (), ()
    )  # fmt: skip
    monkeypatch.setattr(surface_command, "load_case", lambda path: case)
    # a search of its own, and not what is tested here
    monkeypatch.setattr(surface_command, "mirror_fits", lambda *given: False)
    (tmp_path / "case.toml").write_text("case")

    def run(points):
        path, output = tmp_path / "touched.csv", tmp_path / "registration.toml"
        rows = [f"s{k},{x:.4f},{y:.4f},{z:.4f}" for k, (x, y, z) in enumerate(points)]
        path.write_text("\n".join(["label,x,y,z", *rows]) + "\n")
        console = Console(width=300)
        with console.capture() as out:
            register_surface_files(
                SurfaceFiles(tmp_path / "case.toml", path, output),
                load_surface_points(path), (), NOISE, None, console,
            )  # fmt: skip
        return out.get()

    return run


def test_moved_bones_are_refused_by_the_command(register, tmp_path):
    with pytest.raises(InputError, match=r"C[12] moved against C[12] since the CT, by [0-9]+ deg"):
        register(touches(np.random.default_rng(5), turned(5.0, 0)))
    assert not (tmp_path / "registration.toml").exists()


def test_a_bone_that_was_not_touched_is_said(register):
    said = register(touches(np.random.default_rng(6), STILL, (2, 50)))
    assert "too few points on C1 to test that it stands as in the case" in said
    assert "--structure C2" in said
