"""Simulated pictures: what moves, what hides what, and nothing but what was placed."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.spatial.transform import RigidTransform, Rotation

from nav.core.frames import Array, perturbed
from phantoms.twin.inverse_distortion import divided
from phantoms.twin.sensor import Optics
from phantoms.twin.simulated_bodies import Body, Placed, plate
from phantoms.twin.simulated_camera import SimulatedCamera
from tests.synthetic import camera, marker_body, square_marker

Light = NDArray[np.floating[Any]]
FOCAL, DISTANCE = 800.0, 300.0
SHARP = Optics(blur=0.0, noise=0.0, exposure=0.0, gradient=(0.0, 0.0))
TURNED = Rotation.from_rotvec([0.3, -0.2, 0.7])
MARKER = marker_body(square_marker())


def simulated(
    optics: Optics, seed: int = 0, readout: float = 0.0, static: Sequence[Placed] = ()
) -> SimulatedCamera:
    seen = camera("left", (96, 80), FOCAL, readout=readout)
    return SimulatedCamera(seen, optics, np.random.default_rng(seed), static)


def place(u: float, v: float, z: float = DISTANCE, rotation: Rotation = TURNED) -> RigidTransform:
    """u and v pixels beside the picture's middle."""
    return RigidTransform.from_components([u * z / FOCAL, v * z / FOCAL, z], rotation)


def speed(u: float, v: float, spin: float = 0.0, at: float = DISTANCE) -> Array:
    """Pixels a second across the picture, and rad/s about the line of sight."""
    return np.array([u * at / FOCAL, v * at / FOCAL, 0.0, 0.0, 0.0, spin])


def square(side: float, albedo: float) -> Body:
    """A plain square of `side` pixels at the usual distance, facing the camera."""
    half = side / 2 * DISTANCE / FOCAL
    right, down = np.array([half, 0.0, 0.0]), np.array([0.0, half, 0.0])
    return Body(f"square {albedo}", (plate([0.0, 0.0, 0.0], right, down, albedo),))


def flat(body: Body, u: float, v: float, z: float = DISTANCE) -> Placed:
    return Placed(body, place(u, v, z, Rotation.identity()))


def shift(picture: Light, truth: Light) -> Array:
    """By how many pixels (u, v) a picture is off one that it should be equal to."""
    by_v, by_u = np.gradient(truth.astype(float))
    slopes = np.column_stack([by_u.ravel(), by_v.ravel()])
    off = truth.astype(float) - picture
    return np.linalg.lstsq(slopes, off.ravel(), rcond=None)[0]


def centroid(light: Light, ground: float) -> Array:
    """Centre (u, v) of what is brighter than the ground."""
    weight = light.astype(float) - ground
    v, u = np.mgrid[: weight.shape[0], : weight.shape[1]]
    return np.array([(weight * u).sum(), (weight * v).sum()]) / weight.sum()


def test_what_is_drawn_is_where_the_rig_projects_it():
    """A dot is centred where the camera model projects its middle: pixel centres are whole."""
    room = simulated(SHARP)
    dot = square(3.0, 1.0)
    for u, v in ((0.0, 0.0), (-30.2, 21.7), (33.4, -28.9)):
        placed = flat(dot, u, v)
        expected = room.camera.project([placed.rig_from_body.translation])[0]
        seen = centroid(room.light([placed]), 0.45)
        # the lens bends a square of 3 px a little
        assert seen == pytest.approx(expected, abs=2e-3)


@pytest.mark.parametrize("angle", [0.0, 0.02, 0.09])
def test_the_lens_blurs_before_the_pixels_average(angle):
    """Along rows and columns too an edge has the profile that light has, whatever its phase."""
    optics = replace(SHARP, blur=0.8)
    room = simulated(optics)
    sheet, turned = square(60.0, 1.0), Rotation.from_rotvec([0.0, 0.0, angle])
    light = room.light([Placed(sheet, place(0.3, 0.2, rotation=turned))])
    fine = SimulatedCamera(divided(room.camera, 9), SHARP, np.random.default_rng(0))
    exact = fine.light([Placed(sheet, place(0.3, 0.2, rotation=turned))])
    exact = cv2.GaussianBlur(exact, (0, 0), 9 * optics.blur)
    exact = exact.reshape(80, 9, 96, 9).mean(axis=(1, 3))
    off = 220.0 * (light - exact)[8:-8, 8:-8]  # grey levels
    assert np.abs(off).max() < 1.0


@pytest.mark.parametrize(
    "velocity",
    [speed(900.0, -500.0), speed(0.0, 0.0, spin=20.0), speed(300.0, 200.0, spin=-8.0)],
    ids=["straight", "turning", "both"],
)
def test_motion_blur_is_the_mean_of_its_instants_and_shifts_nothing(velocity):
    """10 ms of up to 10 px against 64 still pictures spread evenly over the exposure."""
    exposure, instants = 0.010, 64
    still = simulated(replace(SHARP, blur=0.7))
    blurred = simulated(replace(SHARP, blur=0.7, exposure=exposure))
    middle = place(2.3, -1.1)
    moving = Placed(MARKER, middle, velocity)
    times = ((np.arange(instants) + 0.5) / instants - 0.5) * exposure
    mean = np.mean([still.light([Placed(MARKER, moving.at(t))]) for t in times], axis=0)
    light = blurred.light([moving])
    assert np.abs(shift(light, mean)).max() < 0.002
    assert np.abs(light - mean).max() < 0.01
    # and it is blurred: far from the still picture
    assert np.abs(light - still.light([Placed(MARKER, middle)])).max() > 0.1


def test_a_still_body_is_drawn_alike_whatever_the_exposure():
    placed = Placed(MARKER, place(2.3, -1.1))
    long = simulated(replace(SHARP, exposure=0.03, blur=1.0)).light([placed])
    short = simulated(replace(SHARP, blur=1.0)).light([placed])
    assert np.array_equal(long, short)


def test_a_rolling_shutter_shows_each_row_at_its_own_time():
    readout = 0.030
    rolling, still = simulated(SHARP, readout=readout), simulated(SHARP)
    height = rolling.camera.size[1]
    moving = Placed(MARKER, place(0.0, 0.0), speed(400.0, 150.0, spin=3.0))
    seen = rolling.light([moving])
    for row in range(height):
        seconds = ((row + 0.5) / height - 0.5) * readout
        now = still.light([Placed(MARKER, moving.at(seconds))])
        assert seen[row] == pytest.approx(now[row], abs=1e-6)


def test_a_global_shutter_shows_the_middle_of_the_exposure():
    moving = Placed(MARKER, place(0.0, 0.0), speed(400.0, 150.0, spin=3.0))
    still = replace(moving, velocity=np.zeros(6))
    seen, middle = simulated(SHARP).light([moving]), simulated(SHARP).light([still])
    assert seen == pytest.approx(middle, abs=1e-6)


def test_velocity_is_a_left_perturbation_a_second():
    velocity = np.array([10.0, -20.0, 30.0, 0.1, -0.2, 0.3])
    moving = Placed(MARKER, place(5.0, 5.0), velocity)
    expected = perturbed(moving.rig_from_body, velocity * 0.02).as_matrix()
    assert moving.at(0.02).as_matrix() == pytest.approx(expected)


# who hides whom


def level(light: Light, u: int = 48, v: int = 40) -> float:
    return float(light[v, u])


def test_the_nearer_hides_the_farther_in_whatever_order_they_are_given():
    near, far = flat(square(20, 0.9), 0, 0, 280.0), flat(square(40, 0.2), 0, 0, 320.0)
    room = simulated(SHARP)
    for moving in ([near, far], [far, near]):
        light = room.light(moving)
        assert level(light) == pytest.approx(0.9)
        assert level(light, u=48 + 17) == pytest.approx(0.2)


def test_what_moves_before_what_stands_still_hides_it():
    far = flat(square(40, 0.2), 0, 0, 320.0)
    room = simulated(SHARP, static=[far])
    assert level(room.light([])) == pytest.approx(0.2)
    assert level(room.light([flat(square(10, 0.9), 0, 0, 280.0)])) == pytest.approx(0.9)
    # and leaves nothing behind in the next picture
    assert level(room.light([])) == pytest.approx(0.2)


def test_a_face_turned_away_is_not_seen():
    room = simulated(SHARP)
    away = Placed(square(30, 0.9), place(0, 0, rotation=Rotation.from_rotvec([0.0, np.pi, 0.0])))
    assert np.array_equal(room.light([away]), room.light([]))


def test_a_body_behind_the_camera_is_not_seen():
    room = simulated(SHARP)
    behind = Placed(square(30, 0.9), place(0, 0, -300.0, Rotation.identity()))
    assert np.array_equal(room.light([behind]), room.light([]))


@pytest.mark.parametrize("blur", [0.0, 1.0, 2.5])
def test_drawing_only_what_moved_gives_the_same_picture_as_drawing_all(blur):
    """No seam round the patch that is drawn anew, also at the picture's border."""
    optics = replace(SHARP, blur=blur, gradient=(0.3, -0.2))
    still = [flat(square(60, 0.2), 10, 5, 320.0)]
    for u, v in ((0.0, 0.0), (-30.0, -20.0), (44.0, 33.0), (70.0, 0.0)):
        moving = Placed(MARKER, place(u, v))
        patch = simulated(optics, static=still).light([moving])
        whole = simulated(optics, static=[*still, moving]).light([])
        assert patch == pytest.approx(whole, abs=2e-4)


def test_bodies_whose_windows_come_together_late_all_stay_in_the_picture():
    """The second and third overlap, and only the box of both overlaps the first."""
    bodies = [
        flat(square(14, 0.9), -36, -28),
        flat(square(60, 0.1), -10, 26, 310.0),
        flat(square(44, 0.7), 28, -8),
    ]
    together = simulated(SHARP).light(bodies)
    whole = simulated(SHARP, static=bodies).light([])
    assert together == pytest.approx(whole, abs=1e-6)


# light and noise


def test_the_same_seed_gives_the_same_pictures_and_another_one_does_not():
    optics = Optics()
    moving = [Placed(MARKER, place(0.0, 0.0), speed(100.0, 0.0))]
    first, again, other = (simulated(optics, seed=seed) for seed in (4, 4, 5))
    for _ in range(2):
        assert np.array_equal(first.picture(moving), again.picture(moving))
    assert not np.array_equal(first.picture(moving), other.picture(moving))


def test_a_new_picture_has_new_noise():
    room = simulated(Optics(noise=3.0))
    assert not np.array_equal(room.picture(), room.picture())


def test_a_face_turned_from_the_lamp_is_darker():
    room, body = simulated(SHARP), square(30, 0.9)
    tilted = Placed(body, place(0, 0, rotation=Rotation.from_rotvec([0.0, np.radians(60.0), 0.0])))
    # Lambert with half ambient: 0.5 + 0.5 cos 60 degrees
    assert level(room.light([tilted])) == pytest.approx(0.9 * 0.75, rel=1e-6)
