"""The simulated room: the phantom on its table, and the true poses of everything."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.spatial.transform import RigidTransform

from nav.camera.rig import Camera, Rig
from nav.core.frames import Array, perturbed
from nav.core.memory import give_memory_back
from nav.tracking.tool import Tool
from phantoms.anatomy.standard_neck import Anatomy
from phantoms.kit.kit_layout import layout
from phantoms.twin.backdrop import render_backdrop
from phantoms.twin.default_rig import default_rig, nominal_rig_from_model
from phantoms.twin.scene_parts import quick_items
from phantoms.twin.scene_props import table_items
from phantoms.twin.sensor import Optics
from phantoms.twin.shadow import Backdrop
from phantoms.twin.simulated_bodies import Body, Placed
from phantoms.twin.simulated_camera import SimulatedCamera
from phantoms.twin.simulated_room import SceneItem
from phantoms.twin.simulated_tools import needle_body, needle_tool, reference_body, reference_tool

PHANTOM_SPREAD = np.array([8.0, 5.0, 8.0, 0.05, 0.08, 0.05])  # mm, rad; one sd
SEAT_SPREAD = np.array([3.0, 2.0, 3.0, 0.05, 0.05, 0.05])


@dataclass(frozen=True)
class World:
    """The room and the ground truth about it, which only the simulation knows.

    Attributes
    ----------
    rig : Rig
        The cameras as they truly are.
    anatomy : Anatomy
        The phantom.
    needle, reference : Tool
        The tools as they truly are.
    rig_from_model, rig_from_reference : RigidTransform
        True poses, mm.
    seat : RigidTransform
        model_from_reference if the reference body were exactly on its seat.
    items : tuple of SceneItem or None
        The static scene, model frame, with the reference body on its seat; `quick_items` where
        None.
    """

    rig: Rig
    anatomy: Anatomy
    needle: Tool
    reference: Tool
    rig_from_model: RigidTransform
    rig_from_reference: RigidTransform
    seat: RigidTransform
    items: tuple[SceneItem, ...] | None = None

    @property
    def reference_from_rig(self) -> RigidTransform:
        """Inverse of the reference body's true pose."""
        return self.rig_from_reference.inv()

    @property
    def model_from_reference(self) -> RigidTransform:
        """What a registration should find."""
        return self.rig_from_model.inv() * self.rig_from_reference

    @cached_property
    def divot_axes(self) -> dict[str, Array]:
        """Outward axis (3,) of each divot, model frame, by label.

        A divot that the kit's layout does not contain points straight away from the neck's axis.
        """
        placed = layout(self.anatomy.parameters)
        known = {divot.label: divot for divot in placed.divots}
        axes = {}
        for fiducial in self.anatomy.fiducials:
            position, divot = np.asarray(fiducial.position), known.get(fiducial.label)
            out = np.array([position[0], position[1] - placed.neck_middle, 0.0])
            if divot is not None and np.allclose(divot.apex, position, atol=0.01):
                out = np.asarray(divot.axis)
            axes[fiducial.label] = out / np.linalg.norm(out)
        return axes

    @cached_property
    def needle_body(self) -> Body:
        """Visible parts of the needle: the same in every image."""
        return needle_body(self.needle)

    def needle_at(self, rig_from_needle: RigidTransform, velocity: Array) -> Placed:
        """Return the needle for drawing.

        Parameters
        ----------
        rig_from_needle : RigidTransform
            Its pose, mm.
        velocity : ndarray, shape (6,)
            Left perturbation per second in the rig frame, mm/s and rad/s.

        Returns
        -------
        Placed
            The needle.
        """
        return Placed(self.needle_body, rig_from_needle, velocity)

    def cameras(
        self,
        optics: Optics,
        rng: np.random.Generator,
        plain: bool = False,
        progress: Callable[[float], None] = lambda share: None,
    ) -> tuple[SimulatedCamera, ...]:
        """Set up the rig's cameras, with the phantom drawn once.

        Parameters
        ----------
        optics : Optics
            Lens and sensor.
        rng : numpy.random.Generator
            For the noise.
        plain : bool, optional
            An even grey instead of the room.
        progress : callable, optional
            Called with the share drawn, 0 to 1.

        Returns
        -------
        tuple of SimulatedCamera
            In the rig's order.
        """
        reference = Placed(reference_body(self.reference), self.rig_from_reference)
        count = len(self.rig.cameras)
        cameras = []
        # one after the other: rays use all processors, and each camera's take memory
        for n, (camera, generator) in enumerate(
            zip(self.rig.cameras, rng.spawn(count), strict=True)
        ):

            def tell(share: float, before: int = n) -> None:
                progress((before + share) / count)

            backdrop = None if plain else self._backdrop(camera, tell)
            cameras.append(SimulatedCamera(camera, optics, generator, [reference], backdrop))
            give_memory_back()
        return tuple(cameras)

    @cached_property
    def standing(self) -> tuple[SceneItem, ...]:
        """The static scene where it truly is, on its table; model frame."""
        items = self.items
        if items is None:
            items = quick_items(self.anatomy)
        off_seat = self.model_from_reference * self.seat.inv()
        placed = [item.moved(off_seat) if item.with_reference else item for item in items]
        return (*placed, *table_items(placed))

    def _backdrop(self, camera: Camera, progress: Callable[[float], None]) -> Backdrop:
        return render_backdrop(camera, self.rig_from_model, self.standing, progress)


def make_world(
    anatomy: Anatomy,
    seed: int,
    rig: Rig | None = None,
    tools: tuple[Tool, Tool] | None = None,
    items: Sequence[SceneItem] | None = None,
) -> World:
    """Set up a room whose phantom and reference seat are slightly displaced for every seed.

    Parameters
    ----------
    anatomy : Anatomy
        The phantom.
    seed : int
        Of the poses.
    rig : Rig, optional
        The cameras; the default rig without.
    tools : tuple of 2 Tool, optional
        Needle and reference body as they truly are; the standard ones without.
    items : sequence of SceneItem, optional
        The static scene, model frame; `quick_items` of the anatomy without.

    Returns
    -------
    World
        The room and the ground truth about it.
    """
    needle, reference = (needle_tool(), reference_tool()) if tools is None else tools
    rng = np.random.default_rng([seed, 1])
    rig_from_model = nominal_rig_from_model() * perturbed(
        RigidTransform.identity(), rng.normal(size=6) * PHANTOM_SPREAD
    )
    seat = layout(anatomy.parameters).model_from_reference
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
        seat,
        None if items is None else tuple(items),
    )
