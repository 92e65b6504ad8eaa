"""Small rigs, poses and pictures whose truth is known, for the tests of the core."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from hypothesis import strategies as st
from scipy.spatial.transform import RigidTransform, Rotation

from nav.camera.rig import Camera, Rig
from nav.core.frames import Array
from nav.core.frameset import Frame, FrameSet
from nav.core.notice import Notice
from nav.tracking.tool import Marker, Tool
from phantoms.twin.sensor import Optics
from phantoms.twin.simulated_bodies import Body, Placed, marker_rectangle
from phantoms.twin.simulated_camera import SimulatedCamera

LENS = np.array([-0.11, 0.085, 0.0004, -0.0003, -0.01])
DISTANCE, BASELINE = 600.0, 350.0  # mm
DICTIONARY = "DICT_APRILTAG_36h11"


def camera(
    name: str = "left",
    size: tuple[int, int] = (288, 240),
    focal: float = 1600.0,
    camera_from_rig: RigidTransform | None = None,
    readout: float = 0.0,
) -> Camera:
    """A camera with a usual lens; fx and fy, and the centre, a little off round numbers."""
    width, height = size
    matrix = np.array(
        [[focal, 0.0, width / 2 + 3.3], [0.0, focal + 0.6, height / 2 - 1.2], [0, 0, 1]]
    )
    place = RigidTransform.identity() if camera_from_rig is None else camera_from_rig
    return Camera(name, size, matrix, LENS, place, readout)


def small_rig(count: int, **settings: object) -> Rig:
    """One camera, or two that look at the same point 573 mm before the rig's origin."""
    aim = np.array([0.0, 0.0, np.sqrt(DISTANCE**2 - (BASELINE / 2) ** 2)])
    sides = (-1, 1) if count == 2 else (0,)
    eyes = [np.array([side * BASELINE / 2, 0.0, 0.0]) for side in sides]
    return Rig(
        tuple(
            camera(name, camera_from_rig=looking_at(eye, aim), **settings)  # type: ignore[arg-type]
            for name, eye in zip(("left", "right"), eyes, strict=False)
        )
    )


def looking_at(eye: Array, aim: Array) -> RigidTransform:
    """camera_from_rig of a camera at `eye` that looks at `aim`, x level."""
    z = (aim - eye) / np.linalg.norm(aim - eye)
    x = np.array([1.0, 0.0, 0.0]) - z[0] * z
    x /= np.linalg.norm(x)
    rotation = Rotation.from_matrix(np.array([x, np.cross(z, x), z]))
    return RigidTransform.from_components(-rotation.apply(eye), rotation)


def square_marker(marker_id: int = 3, side: float = 14.0) -> Marker:
    """A marker in the plane z = 0 of its body, its centre at the origin, seen from below (-z)."""
    half = side / 2
    corners = [[-half, -half, 0.0], [half, -half, 0.0], [half, half, 0.0], [-half, half, 0.0]]
    return Marker(marker_id, np.array(corners))


def marker_body(marker: Marker, dictionary: str = DICTIONARY, quiet: float = 2.0) -> Body:
    """The marker as the twin draws it."""
    return Body(f"marker {marker.id}", (marker_rectangle(marker, dictionary, quiet),))


def tilted(rng: np.random.Generator, most: float, least: float = 0.0) -> Rotation:
    """A marker turned about its normal at random and tilted by least to most radians."""
    angle, azimuth = rng.uniform(least, most), rng.uniform(0.0, 2 * np.pi)
    tilt = Rotation.from_rotvec(angle * np.array([np.cos(azimuth), np.sin(azimuth), 0.0]))
    return tilt * Rotation.from_rotvec([0.0, 0.0, rng.uniform(0.0, 2 * np.pi)])


def needle_poses(
    count: int, rng: np.random.Generator, wander: float = 6.0
) -> Iterator[RigidTransform]:
    """rig_from_needle with the shaft about across the view and every face turned up in its turn."""
    centre = np.sqrt(DISTANCE**2 - (BASELINE / 2) ** 2)
    for _ in range(count):
        across = Rotation.from_rotvec([0.0, 0.0, rng.uniform(0.0, 2 * np.pi)])
        lying = Rotation.from_rotvec([np.pi / 2 + rng.uniform(-0.6, 0.6), 0.0, 0.0])
        rolled = Rotation.from_rotvec([0.0, 0.0, rng.uniform(0.0, 2 * np.pi)])
        at = [*rng.uniform(-wander, wander, 2), centre + rng.uniform(-15.0, 15.0)]
        yield RigidTransform.from_components(at, across * lying * rolled)


def facing_markers(
    seen: Camera, tool: Tool, rig_from_tool: RigidTransform, least: float
) -> tuple[list[Marker], Array]:
    """Markers turned to a camera by this cosine or more, and the pixels of their corners."""
    turn, shift = rig_from_tool.rotation.as_matrix(), rig_from_tool.translation
    corners = np.array([marker.corners for marker in tool.markers]) @ turn.T + shift
    normals = np.array([marker.normal for marker in tool.markers]) @ turn.T
    towards = -seen.rotation.T @ seen.translation - corners.mean(axis=1)
    cosines = (normals * towards).sum(axis=1) / np.linalg.norm(towards, axis=1)
    facing = np.flatnonzero(cosines >= least)
    pixels = seen.project(corners.reshape(-1, 3)).reshape(-1, 4, 2)
    return [tool.markers[k] for k in facing], pixels[facing]


class Studio:
    """A rig's simulated cameras over an even grey."""

    def __init__(self, rig: Rig, optics: Optics, seed: int, static: Sequence[Placed] = ()) -> None:
        generators = np.random.default_rng(seed).spawn(len(rig.cameras))
        self.cameras = [
            SimulatedCamera(camera, optics, rng, static)
            for camera, rng in zip(rig.cameras, generators, strict=True)
        ]
        self.number = 0

    def frames(
        self, placed: Sequence[Placed], missing: Mapping[str, Notice] | None = None
    ) -> FrameSet:
        """The next frame set; cameras in `missing` have no picture, for the reason given."""
        missing = missing or {}
        number, time = self.number, self.number / 30.0
        self.number += 1
        frames = {
            simulated.camera.name: Frame(simulated.camera.name, time, simulated.picture(placed))
            for simulated in self.cameras
            if simulated.camera.name not in missing
        }
        return FrameSet(number, time, frames, missing)


def spread(count: int, dimensions: int) -> float:
    """Sd of the mean of so many squared Mahalanobis distances, each divided by its dimensions."""
    return float(np.sqrt(2.0 / (dimensions * count)))


def floats(low: float, high: float) -> st.SearchStrategy[float]:
    return st.floats(low, high, allow_nan=False, width=64)


def vectors(size: float, length: int = 3) -> st.SearchStrategy[Array]:
    """Vectors with entries from -size to size."""
    return st.lists(floats(-size, size), min_size=length, max_size=length).map(np.array)


def rigid_transforms(reach: float = 500.0) -> st.SearchStrategy[RigidTransform]:
    """Any rotation, any translation up to `reach` mm per axis."""
    quaternions = vectors(1.0, 4).filter(lambda q: bool(np.linalg.norm(q) > 0.1))
    return st.builds(
        lambda q, t: RigidTransform.from_components(t, Rotation.from_quat(q)),
        quaternions,
        vectors(reach),
    )


def covariances(size: int, scale: float) -> st.SearchStrategy[Array]:
    """Symmetric positive definite matrices with variances about scale^2."""

    def build(entries: Array) -> Array:
        root = scale * (entries.reshape(size, size) / size + np.eye(size))
        return root @ root.T + 1e-3 * scale**2 * np.eye(size)

    return vectors(1.0, size * size).map(build)
