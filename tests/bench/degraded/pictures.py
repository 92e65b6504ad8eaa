"""Pictures before anything is done to them: of the twin, a second simulator, changing rigs.

All are small (288 x 240) and show the needle alone, by two cameras.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.spatial.transform import RigidTransform, Rotation

from nav.camera.rig import Camera, Rig
from nav.core.frameset import Frame, FrameSet
from phantoms.twin.sensor import Optics
from phantoms.twin.simulated_bodies import Placed
from phantoms.twin.simulated_tools import needle_body, needle_tool
from tests.bench.scenes.motion import Still
from tests.bench.scenes.render import Sensor, View
from tests.bench.scenes.tools import needle_prism
from tests.bench.tracking.pictures import Shot, Stage
from tests.synthetic import Studio, needle_poses, small_rig

OPTICS = Optics(blur=0.8, noise=2.0, exposure=0.01, gradient=(0.02, -0.02))
SENSOR = Sensor(blur=0.8, noise=2.0, exposure=0.01, gradient=(0.02, -0.02))
GREY = 0.45  # albedo of the background
RATE = 30.0  # frame sets a second
STRETCH = 12  # frame sets that a hand moves on, before the needle is put elsewhere
STEADY = 18  # frame sets before the rig changes: it is being followed then
SPEED, TURNING = 20.0, 0.3  # mm/s, rad/s of the hand
FROM_MIDDLE = 100.0  # px from the middle, where refocusing moves the picture as far as it says


@dataclass(frozen=True)
class Scene:
    """Frame sets with their truth. name : of the simulator."""

    name: str
    stage: Stage
    shots: Sequence[Shot]


def twin(count: int, seed: int) -> Scene:
    """Unrelated poses of the needle, as the twin draws them."""
    tool, rig = needle_tool(), small_rig(2)
    studio, body = Studio(rig, OPTICS, seed), needle_body(tool)
    shots = [
        Shot(studio.frames([Placed(body, place, np.zeros(6))]), {tool.name: place})
        for place in needle_poses(count, np.random.default_rng(seed))
    ]
    return Scene("twin", Stage(rig, (tool,), tool, None), shots)


def second(count: int, seed: int) -> Scene:
    """Unrelated poses of another needle, drawn by the second simulator (tests/bench/scenes)."""
    rng = np.random.default_rng([seed, 1])
    rig, model = small_rig(2), needle_prism(6, side=14.0)
    body, tool = model.body(0.0, rng), model.tool
    sun = np.array([-0.35, -0.55, -0.76])
    views = [
        View(
            camera.name, camera.size, camera.matrix, camera.distortion,
            camera.camera_from_rig.as_matrix()[:3],
            np.full(camera.size[::-1], GREY, np.float32), sun / np.linalg.norm(sun),
        )
        for camera in rig.cameras
    ]  # fmt: skip
    shots = []
    for number, middle in enumerate(needle_poses(count, rng)):
        place = middle * RigidTransform.from_translation(-model.centre)
        time, frames = number / RATE, {}
        for view in views:
            salt = int(rng.integers(2**31))
            light = view.light([(body, Still(place))], time, SENSOR, salt)
            frames[view.name] = Frame(view.name, time, view.expose(light, SENSOR, rng))
        shots.append(Shot(FrameSet(number, time, frames), {tool.name: place}))
    return Scene("second", Stage(rig, (tool,), tool, None), shots)


@dataclass(frozen=True)
class RigChange:
    """What happens to one camera after the first frame sets, without its file saying so.

    turned : px by which its picture shifts, along (1, 1). refocused : px by which its picture grows
    at FROM_MIDDLE.
    """

    name: str
    turned: float = 0.0
    refocused: float = 0.0

    def of(self, camera: Camera) -> Camera:
        """The camera as it truly is then."""
        focal = float(camera.matrix[0, 0])
        angle = self.turned / focal / np.sqrt(2.0)
        turn = RigidTransform.from_rotation(Rotation.from_rotvec([-angle, angle, 0.0]))
        matrix = camera.matrix.copy()
        matrix[[0, 1], [0, 1]] *= 1.0 + self.refocused / FROM_MIDDLE
        return replace(camera, matrix=matrix, camera_from_rig=turn * camera.camera_from_rig)


def rig_changes() -> list[RigChange]:
    """All that are measured."""
    sizes = (0.3, 0.5, 1.0)
    return [
        *(RigChange(f"a camera turns by {s:g} px", turned=s) for s in sizes),
        *(RigChange(f"a camera refocuses, {s:g} px", refocused=s) for s in sizes),
    ]


def changing(change: RigChange, count: int, seed: int) -> Scene:
    """A needle in a hand before the twin's cameras, of which the left one changes."""
    tool, rig = needle_tool(), small_rig(2)
    changed = Rig((change.of(rig.cameras[0]), rig.cameras[1]))
    body = needle_body(tool)
    before, after = Studio(rig, OPTICS, seed), Studio(changed, OPTICS, seed + 1)
    shots = []
    for number, (place, velocity) in enumerate(_hand(count, seed)):
        studio = before if number < STEADY else after
        studio.number = number
        frames = studio.frames([Placed(body, place, velocity)])
        shots.append(Shot(frames, {tool.name: place}))
    return Scene("twin", Stage(rig, (tool,), tool, None), shots)


def _hand(count: int, seed: int) -> Iterator[tuple[RigidTransform, np.ndarray]]:
    """Places of a needle that moves on for some frame sets, then is elsewhere; its velocity."""
    rng = np.random.default_rng([seed, 2])
    for start in needle_poses(-(-count // STRETCH), rng, wander=2.0):
        way, axis = rng.normal(size=3), rng.normal(size=3)
        velocity = np.concatenate(
            [SPEED * way / np.linalg.norm(way), TURNING * axis / np.linalg.norm(axis)]
        )
        for step in range(STRETCH):
            seconds = (step - STRETCH / 2) / RATE
            turn = Rotation.from_rotvec(velocity[3:] * seconds) * start.rotation
            at = start.translation + velocity[:3] * seconds
            # Placed turns about the rig's origin
            still = np.concatenate([velocity[:3] - np.cross(velocity[3:], at), velocity[3:]])
            yield RigidTransform.from_components(at, turn), still
