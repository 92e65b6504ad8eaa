"""The static contents of the simulated room: surfaces, their materials, and the lamps."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import RigidTransform

from nav.core.frames import Array

Finish = Literal["print", "silicone", "gel", "cloth", "wood", "metal", "paper"]


@dataclass(frozen=True)
class Look:
    """How a finish reflects light, all assumed.

    Attributes
    ----------
    gloss : float
        Height of the highlight relative to albedo.
    sharpness : float
        Its exponent (Blinn and Phong).
    grain : float
        Relative variation of the brightness.
    scale : tuple of 3 floats
        Size of the grain along x, y and z, mm.
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
    """A static surface.

    Attributes
    ----------
    name : str
        Name of the item.
    vertices : ndarray, shape (n, 3)
        Model frame, mm.
    triangles : ndarray of int, shape (m, 3)
        Counter-clockwise from outside.
    albedo : float
        0 to 1, linear.
    finish : str
        What it is made of; 'gel' transmits light.
    with_reference : bool
        Moves with the reference body, where that is not on its nominal seat.
    set_back : float
        How much deeper its depth is recorded, mm, for what carries a tool's paper: the paper is
        drawn over it by the camera, nearer only by its thickness.
    """

    name: str
    vertices: Array
    triangles: NDArray[np.int32]
    albedo: float
    finish: Finish = "print"
    with_reference: bool = False
    set_back: float = 0.0

    def moved(self, b_from_a: RigidTransform) -> SceneItem:
        """Transform the item from frame a to frame b."""
        return replace(self, vertices=np.asarray(b_from_a.apply(self.vertices)))


@dataclass(frozen=True)
class Lamp:
    """A round lamp that faces the phantom.

    Attributes
    ----------
    centre : tuple of 3 floats
        Model frame, mm.
    radius : float
        In mm.
    power : float
        Light on a surface that faces it at the model's origin, as a share of full light.
    """

    centre: tuple[float, float, float]
    radius: float
    power: float


# Beside and above the cameras; with the sky, a table open to all of it is at about 1.
KEY = Lamp((-520.0, 900.0, 420.0), 150.0, 0.62)
FILL = Lamp((650.0, 800.0, -150.0), 260.0, 0.22)
SKY = 0.30  # light from all around, of walls and ceiling
BOUNCE = 0.35  # share of it that is reflected by what hides the sky
REACH = 260.0  # mm within which things hide the sky from each other


def grey(colour: tuple[float, float, float]) -> float:
    """Convert an sRGB colour to linear albedo (IEC 61966-2-1, luminance of Rec. 709).

    Parameters
    ----------
    colour : tuple of 3 floats
        sRGB, 0 to 1.

    Returns
    -------
    float
        0 to 1.
    """
    c = np.asarray(colour, float)
    linear = np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)
    return float(linear @ (0.2126, 0.7152, 0.0722))
