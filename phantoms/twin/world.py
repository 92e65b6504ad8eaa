"""The simulated room: default rig, the phantom on its table, where everything truly is."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import RigidTransform, Rotation

from nav.camera.rig import Camera, Rig
from nav.frames import Array, perturbed
from nav.tracking.tool import Tool
from phantoms.anatomy.standard import Anatomy
from phantoms.twin.backdrop import ALBEDO, Solid, post, render_backdrop
from phantoms.twin.camera import Backdrop, Placed, SimulatedCamera
from phantoms.twin.sensor import Optics
from phantoms.twin.tools import needle_body, needle_tool, reference_body, reference_tool

DISTANCE, BASELINE = 600.0, 350.0  # mm
SIZE = (1920, 1200)
FOCAL = 1600.0  # px
AIM = np.array([45.0, 15.0, 15.0])  # model frame, mm: what both cameras look at
SEAT = np.array([-15.0, 35.0, 92.0])  # model frame, mm: reference body on the phantom's base
TABLE = -75.0  # y of the table in the model frame, mm
PHANTOM_SPREAD = np.array([8.0, 5.0, 8.0, 0.05, 0.08, 0.05])  # mm, rad; one sd
SEAT_SPREAD = np.array([3.0, 2.0, 3.0, 0.05, 0.05, 0.05])


def default_rig() -> Rig:
    """Two 1920 x 1200 cameras about 600 mm above the phantom, 350 mm apart; rig frame = left's."""
    height = float(np.sqrt(DISTANCE**2 - (BASELINE / 2) ** 2))
    above = AIM + np.array([0.0, height, 0.0])
    aside = np.array([BASELINE / 2, 0.0, 0.0])
    left, right = _camera_from_model(above - aside), _camera_from_model(above + aside)
    return Rig(
        (
            _camera("left", (1601.3, 1601.9, 957.3, 603.8), RigidTransform.identity()),
            _camera("right", (1598.6, 1599.0, 963.1, 597.2), right * left.inv()),
        )
    )


def nominal_rig_from_model() -> RigidTransform:
    """Where the phantom stands in the default rig, before anybody moves it."""
    height = float(np.sqrt(DISTANCE**2 - (BASELINE / 2) ** 2))
    return _camera_from_model(AIM + np.array([-BASELINE / 2, height, 0.0]))


def _camera_from_model(eye: Array) -> RigidTransform:
    z = (AIM - eye) / np.linalg.norm(AIM - eye)
    x = np.array([1.0, 0.0, 0.0]) - z[0] * z
    x /= np.linalg.norm(x)
    rotation = Rotation.from_matrix(np.array([x, np.cross(z, x), z]))
    return RigidTransform.from_components(-rotation.apply(eye), rotation)


def _camera(
    name: str, matrix: tuple[float, float, float, float], camera_from_rig: RigidTransform
) -> Camera:
    fx, fy, cx, cy = matrix
    distortion = np.array([-0.11, 0.085, 0.0004, -0.0003, -0.01])
    square = np.array([[fx, 0.0, cx], [0.0, fy, cy], [0.0, 0.0, 1.0]])
    return Camera(name, SIZE, square, distortion, camera_from_rig)


@dataclass(frozen=True)
class World:
    """The room and the truth about it, which only the twin knows."""

    rig: Rig
    anatomy: Anatomy
    needle: Tool
    reference: Tool
    rig_from_model: RigidTransform
    rig_from_reference: RigidTransform

    @property
    def reference_from_rig(self) -> RigidTransform:
        """Inverse of the reference body's true place."""
        return self.rig_from_reference.inv()

    @property
    def model_from_reference(self) -> RigidTransform:
        """What a registration should find."""
        return self.rig_from_model.inv() * self.rig_from_reference

    def needle_at(self, rig_from_needle: RigidTransform, velocity: Array) -> Placed:
        """The needle for drawing; velocity (6,) a second, left perturbation in the rig frame."""
        return Placed(needle_body(self.needle), rig_from_needle, velocity)

    def cameras(
        self, optics: Optics, rng: np.random.Generator, plain: bool = False
    ) -> tuple[SimulatedCamera, ...]:
        """The rig's cameras, with the phantom drawn once; plain: an even grey instead."""
        reference = Placed(reference_body(self.reference), self.rig_from_reference)
        return tuple(
            SimulatedCamera(
                camera, optics, generator, [reference], None if plain else self._backdrop(camera)
            )
            for camera, generator in zip(
                self.rig.cameras, rng.spawn(len(self.rig.cameras)), strict=True
            )
        )

    def _backdrop(self, camera: Camera) -> Backdrop:
        return render_backdrop(camera, self.rig_from_model, _solids(self.anatomy), TABLE)


def make_world(
    anatomy: Anatomy, seed: int, rig: Rig | None = None, tools: tuple[Tool, Tool] | None = None
) -> World:
    """A room whose phantom and reference seat lie a little elsewhere with every seed.

    tools : needle and reference body as they truly are; the standard ones where None.
    """
    needle, reference = (needle_tool(), reference_tool()) if tools is None else tools
    rng = np.random.default_rng([seed, 1])
    rig_from_model = nominal_rig_from_model() * perturbed(
        RigidTransform.identity(), rng.normal(size=6) * PHANTOM_SPREAD
    )
    # reference z faces the cameras (model y), its x along model x
    faces_up = Rotation.from_matrix(np.array([[1.0, 0, 0], [0, 0, 1.0], [0, -1.0, 0]]))
    seat = RigidTransform.from_components(SEAT, faces_up)
    model_from_reference = seat * perturbed(
        RigidTransform.identity(), rng.normal(size=6) * SEAT_SPREAD
    )
    return World(
        default_rig() if rig is None else rig,
        anatomy,
        needle,
        reference,
        rig_from_model,
        rig_from_model * model_from_reference,
    )


def _solids(anatomy: Anatomy) -> Sequence[Solid]:
    solids = [
        Solid(s.vertices, s.triangles, ALBEDO[s.role])
        for s in anatomy.structures
        if s.role in ("bone", "artery", "cord", "support")
    ]
    for fiducial in anatomy.fiducials:
        tip = np.asarray(fiducial.position)
        solids.append(post(tip, [tip[0] * 0.9, TABLE, tip[2]]))
    return solids
