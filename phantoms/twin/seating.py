"""How a needle's tip comes to rest in a divot, a cone of 90 degrees.

    The foremost point of a bevel is not a mathematical point: it is rounded, with a radius rho of
    about 0.1 to 0.4 mm. A ball of that radius in a cone of 45 degrees half angle touches its wall
    all around when its centre is rho * sqrt(2) above the apex, and no lower:

        \\         /        height of the ball's centre  rho * sqrt(2)
         \\  .-.  /         height of its lowest point   rho * (sqrt(2) - 1)
          \\(   )/          its touch on the wall        rho / sqrt(2)
           \\`-'/
            \\ /
             V  apex

    The tip is the point of the ball that is foremost along the shaft: centre + rho * heading. With
    the shaft along the cone's axis it rests rho * (sqrt(2) - 1) above the apex; with it tilted by t
    it goes sideways by rho * sin(t), away from the side the shaft leans to, and rises to
    rho * (sqrt(2) - cos(t)). That is a bias: touching again does not average it out, touching from
    another direction does in part. A printed cone has a rounded bottom itself; a ball smaller than
    that rests in it, and thus higher.

    Friction leaves the tip short: it stays a little up the wall, at a side and by a distance that
    differ from touch to touch. A ball pushed along the axis slides down a wall of 45 degrees while
    the coefficient of friction is below 1. Pushed by a tilted shaft it meets the wall that it is
    pushed at more squarely, and from a tilt of 45 degrees less the angle of friction on it sticks
    where it lands.

    A bevelled tip lies on the shaft's wall, by half a diameter off its axis. Behind it the shaft is
    thick: at steep angles its shoulder meets wall or rim first, and the tip cannot get down.

Rounding, friction and scatter are assumed; the rest is geometry.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from nav.core.errors import InputError
from nav.core.frames import Array

Bevel = Literal["quincke", "tuohy", "pencil"]

DEPTH = 2.2  # mm, of the kit's divots
BOTTOM = 0.10  # mm, rounding of a printed cone's bottom, assumed
SCATTER = 0.20  # mm, how far up the wall friction leaves a tip: sd of a half-normal, assumed
STUCK = 0.35  # mm, the same for a tip that lands on the wall and sticks, assumed
FRICTION = np.degrees(np.arctan(0.35))  # degrees, steel on printed plastic, assumed
ROUGH = 0.03  # mm, sd per axis of the print's roughness, assumed
LEAST, MOST = 0.1, 0.4  # mm, of a tip's rounding
NEAR = 1e-3  # mm, a smaller stand-off of the shoulder is negligible


@dataclass(frozen=True)
class Tip:
    """A needle's end.

    Attributes
    ----------
    rounding : float
        Share of the diameter, assumed.
    angle : float
        Between bevel and axis, degrees.
    aside : bool
        Whether the foremost point is on the shaft's wall, or on its axis.
    """

    rounding: float
    angle: float
    aside: bool


TIPS: dict[Bevel, Tip] = {
    "quincke": Tip(0.12, 22.0, True),
    "tuohy": Tip(0.20, 30.0, True),
    "pencil": Tip(0.30, 14.0, False),
}


def rounding(bevel: Bevel, diameter: float) -> float:
    """Compute the radius of a tip's rounding.

    Parameters
    ----------
    bevel : str
        quincke, tuohy or pencil.
    diameter : float
        Of the shaft, mm.

    Returns
    -------
    float
        In mm.
    """
    return float(np.clip(TIPS[bevel].rounding * diameter, LEAST, MOST))


def seated_tip(
    position: ArrayLike,
    axis: ArrayLike,
    heading: ArrayLike,
    bevel: Bevel,
    diameter: float,
    rng: np.random.Generator,
    scatter: float = SCATTER,
) -> Array:
    """Compute where the tip comes to rest when it is put into a divot.

    Parameters
    ----------
    position : array_like, shape (3,)
        Apex of the cone, mm.
    axis : array_like, shape (3,)
        Axis of the cone, outwards, unit.
    heading : array_like, shape (3,)
        From hub to tip, unit; all in one frame.
    bevel : str
        Of the needle: quincke, tuohy or pencil.
    diameter : float
        Of the needle, mm.
    rng : numpy.random.Generator
        For friction and roughness.
    scatter : float, optional
        Standard deviation of the half-normal distance that friction leaves the tip up the wall, mm.
        0 gives a tip that slides home on a smooth cone: the bias alone.

    Returns
    -------
    ndarray, shape (3,)
        The foremost point, mm. Bias: `bias`. Scatter: 0.7 of `scatter` across the axis (rms, both
        directions together) and along it, where it is never inwards.

    Raises
    ------
    InputError
        The needle comes from behind the divot's face.
    """
    position, axis, heading = (np.asarray(v, float) for v in (position, axis, heading))
    home = position + bias(axis, heading, bevel, diameter)
    if scatter == 0.0:
        return home
    return home + _friction(axis, heading, scatter, rng) + ROUGH * rng.normal(size=3)


def bias(axis: ArrayLike, heading: ArrayLike, bevel: Bevel, diameter: float) -> Array:
    """Compute the offset from the apex to the resting tip of a needle that slides home.

    Parameters
    ----------
    axis : array_like, shape (3,)
        Axis of the cone, outwards, unit.
    heading : array_like, shape (3,)
        From hub to tip, unit.
    bevel : str
        Of the needle: quincke, tuohy or pencil.
    diameter : float
        Of the needle, mm.

    Returns
    -------
    ndarray, shape (3,)
        Tip minus apex, mm.

    Raises
    ------
    InputError
        The needle comes from behind the divot's face.
    """
    axis, heading = np.asarray(axis, float), np.asarray(heading, float)
    _check(axis, heading)
    rho = rounding(bevel, diameter)
    height = np.sqrt(2.0) * rho if rho >= BOTTOM else rho + (np.sqrt(2.0) - 1.0) * BOTTOM
    return (height + standoff(axis, heading, bevel, diameter)) * axis + rho * heading


def standoff(
    axis: ArrayLike,
    heading: ArrayLike,
    bevel: Bevel,
    diameter: float,
    depth: float = DEPTH,
) -> float:
    """Compute how far the shaft's shoulder keeps the tip from its rest.

    The needle is rolled to where it gets deepest, as a hand does by feel.

    Parameters
    ----------
    axis : array_like, shape (3,)
        Axis of the cone, outwards, unit.
    heading : array_like, shape (3,)
        From hub to tip, unit.
    bevel : str
        Of the needle: quincke, tuohy or pencil.
    diameter : float
        Of the needle, mm.
    depth : float, optional
        Of the cone, mm.

    Returns
    -------
    float
        Along the divot's axis, mm; 0 where the tip gets down.

    Raises
    ------
    InputError
        The needle comes from behind the divot's face.
    """
    axis, heading = np.asarray(axis, float), np.asarray(heading, float)
    _check(axis, heading)
    rolls = np.linspace(0.0, 2.0 * np.pi, 24, endpoint=False) if TIPS[bevel].aside else [0.0]
    least = np.inf
    for roll in rolls:
        least = min(least, _kept_off(axis, heading, bevel, diameter, depth, roll))
        if least <= NEAR:
            return 0.0
    return float(least)


def steepest(bevel: Bevel, diameter: float, depth: float = DEPTH) -> float:
    """Compute the largest tilt of the shaft from a divot's axis at which the tip gets down.

    Parameters
    ----------
    bevel : str
        Of the needle: quincke, tuohy or pencil.
    diameter : float
        Of the needle, mm.
    depth : float, optional
        Of the cone, mm.

    Returns
    -------
    float
        Whole degrees.
    """
    up = np.array([0.0, 0.0, 1.0])
    for tilt in range(1, 90):
        t = np.radians(tilt)
        heading = -np.array([np.sin(t), 0.0, np.cos(t)])
        if standoff(up, heading, bevel, diameter, depth) > 0.0:
            return float(tilt - 1)
    return 89.0


def _check(axis: Array, heading: Array) -> None:
    if axis @ heading >= -1e-9:
        tilt = np.degrees(np.arccos(np.clip(-axis @ heading, -1.0, 1.0)))
        raise InputError(
            f"divot: the needle comes from behind, {tilt:.0f} degrees off the divot's axis; "
            "expected less than 90"
        )


def _kept_off(
    axis: Array, heading: Array, bevel: Bevel, diameter: float, depth: float, roll: float
) -> float:
    """Return the lift along the axis that clears needle from cone and rim, its ball in the cone."""
    shaft = _shaft(axis, heading, bevel, diameter, roll)
    rho = rounding(bevel, diameter)
    points = np.sqrt(2.0) * rho * axis + rho * heading + shaft
    height = points @ axis
    radius = np.linalg.norm(points - height[:, None] * axis, axis=1)
    # space inside the cone or above the face is free
    return float(np.maximum(np.minimum(radius, depth) - height, 0.0).max())


def _shaft(axis: Array, heading: Array, bevel: Bevel, diameter: float, roll: float) -> Array:
    """Return points of the shaft's outline and bevel, minus the tip, (n, 3), mm.

    With roll 0 a bevelled shaft has its long side to the wall that it leans to.
    """
    tip = TIPS[bevel]
    side = axis - (axis @ heading) * heading
    if np.linalg.norm(side) < 1e-6:
        side = np.cross(heading, np.eye(3)[np.argmin(np.abs(heading))])
    side /= np.linalg.norm(side)
    side = np.cos(roll) * side + np.sin(roll) * np.cross(heading, side)
    across = np.cross(heading, side)
    radius, rho = diameter / 2, rounding(bevel, diameter)
    slope = float(np.tan(np.radians(tip.angle)))
    back = rho + np.geomspace(0.02, 40.0, 60)[:, None]
    turn = np.linspace(0.0, 2.0 * np.pi, 36, endpoint=False)[None, :]
    if tip.aside:
        # the bevel cuts the tube: its long side begins at the tip, its short one far behind
        reach = np.minimum((back - rho) * slope, diameter)
        x = np.minimum(radius * (1.0 - np.cos(turn)) + 0.0 * back, reach)
        y = np.sign(np.sin(turn)) * np.sqrt(np.maximum(radius**2 - (x - radius) ** 2, 0.0))
        # the point is ground narrow: no wider than the bevel is long there
        y = np.clip(y, -reach, reach)
    else:
        reach = np.minimum(rho * 0.5 + (back - rho) * slope, radius)
        x, y = reach * np.cos(turn), reach * np.sin(turn)
    back = np.broadcast_to(back, x.shape)
    return (-back[..., None] * heading + x[..., None] * side + y[..., None] * across).reshape(-1, 3)


def _friction(axis: Array, heading: Array, scatter: float, rng: np.random.Generator) -> Array:
    """Return how far up the wall friction leaves the tip."""
    lean = heading - (heading @ axis) * axis
    first = np.cross(axis, np.eye(3)[np.argmin(np.abs(axis))])
    first /= np.linalg.norm(first)
    angle = rng.uniform(0.0, 2.0 * np.pi)
    aside = np.cos(angle) * first + np.sin(angle) * np.cross(axis, first)
    up = abs(rng.normal(0.0, scatter))
    # always drawn, so that a tiny change of tilt does not change every later touch
    stuck = abs(rng.normal(0.0, scatter * STUCK / SCATTER))
    tilt = np.degrees(np.arcsin(np.clip(np.linalg.norm(lean), 0.0, 1.0)))
    wall = up * (axis + aside) / np.sqrt(2.0)
    if tilt > 45.0 - FRICTION:
        wall = wall + stuck * (axis + lean / np.linalg.norm(lean)) / np.sqrt(2.0)
    return wall
