"""What stands still in the simulated room: surfaces, what they are made of, and the lamps."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import RigidTransform

from nav.frames import Array

Finish = Literal["print", "silicone", "gel", "cloth", "wood", "metal", "paper"]


@dataclass(frozen=True)
class Look:
    """How a finish takes light, all assumed.

    gloss : highlight's height beside albedo. sharpness : its exponent (Blinn and Phong).
    grain : share by which the brightness varies. scale : mm, size of the grain along x, y and z.
    """

    gloss: float
    sharpness: float
    grain: float
    scale: tuple[float, float, float]


LOOKS: dict[Finish, Look] = {
    "print": Look(0.10, 14.0, 0.05, (6.0, 6.0, 6.0)),
    "silicone": Look(0.25, 50.0, 0.03, (9.0, 9.0, 9.0)),
    "gel": Look(0.60, 240.0, 0.06, (22.0, 22.0, 22.0)),
    "cloth": Look(0.00, 1.0, 0.16, (1.1, 1.1, 1.1)),
    "wood": Look(0.06, 30.0, 0.16, (150.0, 9.0, 4.0)),
    "metal": Look(0.70, 60.0, 0.04, (30.0, 2.0, 2.0)),
    "paper": Look(0.02, 5.0, 0.02, (3.0, 3.0, 3.0)),
}


@dataclass(frozen=True)
class SceneItem:
    """A surface that stands still.

    vertices : (n, 3), model frame, mm. triangles : (m, 3), counter-clockwise from outside.
    albedo : 0 to 1, linear. finish : what it is made of; 'gel' lets light through.
    with_reference : moves with the reference body, where that is not on its nominal seat.
    set_back : mm that its depth is filed deeper, for what carries a tool's paper: that is drawn
    over it by the camera, only a paper's thickness nearer.
    """

    name: str
    vertices: Array
    triangles: NDArray[np.int32]
    albedo: float
    finish: Finish = "print"
    with_reference: bool = False
    set_back: float = 0.0

    def moved(self, b_from_a: RigidTransform) -> SceneItem:
        """The same item, its place in frame a given in frame b."""
        return replace(self, vertices=np.asarray(b_from_a.apply(self.vertices)))


@dataclass(frozen=True)
class Lamp:
    """A round lamp that faces the phantom: centre (3,) in the model frame, radius, mm.

    power : light on a surface that faces it at the model's origin, in full light's shares.
    """

    centre: tuple[float, float, float]
    radius: float
    power: float


# Beside and above the cameras; with the sky, a table open to all of it is at about 1.
KEY = Lamp((-520.0, 900.0, 420.0), 150.0, 0.62)
FILL = Lamp((650.0, 800.0, -150.0), 260.0, 0.22)
SKY = 0.30  # light from all around, of walls and ceiling
BOUNCE = 0.35  # share of it that what hides the sky sends back
REACH = 260.0  # mm within which things hide the sky from each other


def grey(colour: tuple[float, float, float]) -> float:
    """Linear albedo of an sRGB colour, 0 to 1 (IEC 61966-2-1, luminance of Rec. 709)."""
    c = np.asarray(colour, float)
    linear = np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)
    return float(linear @ (0.2126, 0.7152, 0.0722))
