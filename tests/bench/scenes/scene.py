"""A scene: rig, tools, where they truly are at every time, and the pictures of it."""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator, default_rng
from scipy.spatial.transform import RigidTransform, Rotation

from tests.bench.scenes.background import clutter
from tests.bench.scenes.motion import Hand, Motion, Still, Sweep
from tests.bench.scenes.render import Picture, Spot, View
from tests.bench.scenes.rigs import make_rig, misaligned
from tests.bench.scenes.settings import Settings
from tests.bench.scenes.shapes import Body, Floats
from tests.bench.scenes.tools import Model, fingers, needle_cube, needle_prism, reference_wings

START = 1.0  # s, time of the first frame set
ARM = 25.0  # mm: at this arm a sweep's turning moves as far as
TURN_SHARE = 0.3  # this share of its way


@dataclass(frozen=True)
class Shot:
    """Pictures of one frame set.

    time : s, mean of the cameras' times. times, pictures : by camera. poses : true rig_from_tool
    at `time`, by tool. hidden : ids of the needle's markers that a finger was laid over.
    """

    number: int
    time: float
    times: dict[str, float]
    pictures: dict[str, Picture]
    poses: dict[str, RigidTransform]
    hidden: tuple[int, ...]


class Scene:
    """Everything that the settings and their seed decide; `shot` takes the pictures.

    rig : as rig.toml says it. views : the cameras as they are. models : by tool name. Each frame
    is drawn from a seed of its own: shots may be taken in any order.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings, self.sensor = settings, settings.sensor
        self.rig, self.rig_from_scene = make_rig(
            settings.cameras,
            (settings.width, settings.height),
            settings.focal,
            settings.distance,
            np.radians(settings.angle),
            settings.lens,
            self.sensor.readout,
            self._rng(1),
        )
        self.models = _models(settings)
        rng = self._rng(2)
        self.bodies = {n: m.body(settings.misbuilt, rng) for n, m in self.models.items()}
        self.views = self._views()
        self.reach = np.clip(settings.distance / 600.0, 0.7, 1.3)
        rng = self._rng(3)
        self.reference = Still(self._reference_pose(rng))
        needle = self.models["needle"]
        self.hand = Hand(
            self._needle_pose(rng, spread=0.3),
            needle.centre,
            settings.speed,
            np.radians(settings.turning),
            rng,
        )

    def shot(self, number: int) -> Shot:
        """Frame set `number`, from 0."""
        rng = self._rng(10, number)
        time = START + number / self.settings.fps
        needle = self._needle_motion(time, rng)
        motions: dict[str, Motion] = {"needle": needle}
        if "reference" in self.models:
            motions["reference"] = self.reference
        poses = {n: _transform(m.at([time])[0]) for n, m in motions.items()}
        hidden = self._hidden(poses["needle"], rng)
        things: list[tuple[Body, Motion]] = [(self.bodies[n], m) for n, m in motions.items()]
        if hidden:
            things.append((fingers(self.models["needle"], hidden, rng), needle))
        spotted = self._spotted(rng)
        times, pictures = {}, {}
        for index, view in enumerate(self.views):
            skew = (index - (len(self.views) - 1) / 2) * self.settings.skew_ms / 1000
            times[view.name] = time + skew
            salt = int(rng.integers(2**31))
            light = view.light(things, time + skew, self.sensor, salt)
            spot = None
            if self.settings.glare > 0:
                centre = view.pixels(poses["needle"].apply(spotted)[None])[0]
                spot = Spot(centre, float(rng.uniform(5, 12)), self.settings.glare)
            pictures[view.name] = view.expose(light, self.sensor, rng, spot)
        return Shot(number, time, times, pictures, poses, hidden)

    def _rng(self, *key: int) -> Generator:
        return default_rng([self.settings.seed, *key])

    def _views(self) -> list[View]:
        settings = self.settings
        places = [camera.camera_from_rig for camera in self.rig.cameras]
        if settings.misaligned > 0:
            corners = np.stack(np.meshgrid([-90, 0, 90], [-60, 0, 60], [-50, 0, 50]), axis=-1)
            volume = self.rig_from_scene.apply(corners.reshape(-1, 3).astype(float))
            places = misaligned(self.rig, settings.misaligned, volume, self._rng(4))
        sun = np.array([-0.35, -0.55, -0.76])
        sun = self.rig_from_scene.rotation.apply(sun / np.linalg.norm(sun))
        return [
            View(
                camera.name,
                camera.size,
                camera.matrix,
                camera.distortion,
                place.as_matrix()[:3],
                clutter(camera.size, self._rng(5, index)),
                sun,
            )
            for index, (camera, place) in enumerate(zip(self.rig.cameras, places, strict=True))
        ]

    def _needle_pose(self, rng: Generator, spread: float = 1.0) -> RigidTransform:
        """rig_from_needle right of the middle, tip to the left, any side towards the cameras."""
        low, high = np.array([35.0, -40.0, -50.0]), np.array([35.0 + 60.0, 40.0, 50.0])
        middle, half = (low + high) / 2, (high - low) / 2
        centre = self.reach * (middle + spread * half * rng.uniform(-1, 1, 3))
        across = np.radians(180.0 + 65.0 * spread * rng.uniform(-1, 1))
        tilt = np.radians(40.0 * spread * rng.uniform(-1, 1))
        if self.settings.obliquity is not None:
            tilt = np.radians(self.settings.obliquity) * rng.choice([-1.0, 1.0])
        axis = np.array(
            [np.cos(across) * np.cos(tilt), np.sin(across) * np.cos(tilt), np.sin(tilt)]
        )
        model = self.models["needle"]
        assert model.tool.tip is not None
        assert model.tool.tip.axis is not None
        to_axis, _ = Rotation.align_vectors([axis], [model.tool.tip.axis])
        turn = Rotation.from_rotvec(axis * rng.uniform(0, 2 * np.pi)) * to_axis
        place = RigidTransform.from_components(centre - turn.apply(model.centre), turn)
        return self.rig_from_scene * place

    def _reference_pose(self, rng: Generator) -> RigidTransform:
        """rig_from_reference left of the middle, turned about towards the cameras."""
        centre = self.reach * rng.uniform([-110.0, -40.0, -40.0], [-65.0, 40.0, 40.0])
        tilt = rng.uniform(-0.4, 0.4, 3)
        place = RigidTransform.from_components(centre, Rotation.from_rotvec(tilt))
        return self.rig_from_scene * place

    def _needle_motion(self, time: float, rng: Generator) -> Motion:
        if self.settings.motion == "hand":
            return self.hand
        pose = self._needle_pose(rng)
        direction, axis = rng.normal(size=3), rng.normal(size=3)
        length = rng.uniform(0.0, self.settings.motion_blur)
        if self.sensor.exposure == 0 or self.settings.motion_blur == 0:
            return Still(pose)
        direction, axis = direction / np.linalg.norm(direction), axis / np.linalg.norm(axis)
        centre = self.models["needle"].centre
        ends = pose.apply(centre) + 0.5 * direction * np.array([[-1.0], [1.0]])
        per_mm = max(float(np.linalg.norm(np.diff(v.pixels(ends), axis=0))) for v in self.views)
        way = length / per_mm / self.sensor.exposure
        return Sweep(pose, time, direction * way, axis * TURN_SHARE * way / ARM, centre)

    def _hidden(self, pose: RigidTransform, rng: Generator) -> tuple[int, ...]:
        """Markers turned to a camera, each hidden by chance."""
        eyes = [camera.camera_from_rig.inv().translation for camera in self.rig.cameras]
        chance = rng.uniform(size=len(self.models["needle"].tool.markers))
        found = []
        for marker, luck in zip(self.models["needle"].tool.markers, chance, strict=True):
            centre, normal = pose.apply(marker.centre), pose.rotation.apply(marker.normal)
            for eye in eyes:
                to_eye = eye - centre
                if normal @ to_eye > 0.2 * np.linalg.norm(to_eye) and luck < self.settings.hidden:
                    found.append(marker.id)
                    break
        return tuple(found)

    def _spotted(self, rng: Generator) -> Floats:
        """Where glare falls, needle frame: somewhere about its markers."""
        centres = np.array([m.centre for m in self.models["needle"].tool.markers])
        return centres[rng.integers(len(centres))] + rng.uniform(-4, 4, 3)


def _models(settings: Settings) -> dict[str, Model]:
    size = settings.tag_size
    if settings.needle == "cube":
        needle = needle_cube(size or 8.0)
    else:
        sides = {"hexagon": 6, "triangle": 3}[settings.needle]
        needle = needle_prism(sides, side=size or 14.0)
    models = {"needle": needle}
    if settings.reference != "none":
        words = {"wings": "DICT_5X5_100", "wings4": "DICT_4X4_50"}[settings.reference]
        models["reference"] = reference_wings(words)
    return models


def _transform(matrix: Floats) -> RigidTransform:
    return RigidTransform.from_components(matrix[:, 3], Rotation.from_matrix(matrix[:, :3]))
