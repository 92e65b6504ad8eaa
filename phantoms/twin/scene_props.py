"""The table under the phantom and the objects on it: a towel, a steel cup, a syringe."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.spatial.transform import RigidTransform, Rotation

from nav.core.frames import Array
from phantoms.twin.scene_grain import grain
from phantoms.twin.scene_shapes import Shape, box, sheet, turned
from phantoms.twin.simulated_room import Finish, SceneItem

TABLE = 900.0  # mm, half its size
WOOD, TOWEL, STEEL, PLASTIC, RUBBER = 0.46, 0.20, 0.28, 0.66, 0.07


def table_items(standing: Sequence[SceneItem]) -> tuple[SceneItem, ...]:
    """Build the table under the static items, and the objects on it.

    Parameters
    ----------
    standing : sequence of SceneItem
        Static items, model frame; the lowest rests on the table.

    Returns
    -------
    tuple of SceneItem
        Model frame.
    """
    y = table_top(standing)
    table = SceneItem("table", *box((-TABLE, y - 30, -TABLE), (TABLE, y, TABLE)), WOOD, "wood")
    return (
        table,
        _lying("towel", _towel(230.0, 300.0), (345.0, y, 150.0), 24.0, TOWEL, "cloth"),
        _lying("towel", _towel(190.0, 150.0), (-290.0, y, -130.0), -38.0, TOWEL, "cloth"),
        _lying("cup", turned(_CUP), (-235.0, y, 130.0), 0.0, STEEL, "metal"),
        *_syringe(np.array([250.0, y, -125.0]), 35.0),
    )


def table_top(standing: Sequence[SceneItem]) -> float:
    """Compute the height of the table under static items.

    Parameters
    ----------
    standing : sequence of SceneItem
        Static items, model frame.

    Returns
    -------
    float
        y, mm.
    """
    return float(np.min([item.vertices[:, 1].min() for item in standing]))


# radius and height of a cup's outline, its inside last
_CUP = np.array(
    [
        (0.1, 0.0), (30.0, 0.0), (33.0, 2.0), (36.0, 36.0), (38.5, 37.0), (38.5, 38.0),
        (35.4, 38.0), (32.0, 3.5), (29.0, 2.0), (0.1, 2.0),
    ]
)  # fmt: skip


def _lying(
    name: str,
    shape: Shape,
    place: tuple[float, float, float],
    angle: float,
    albedo: float,
    finish: Finish,
) -> SceneItem:
    """Place a shape on the table, turned by an angle in degrees about the upright axis."""
    turn = Rotation.from_euler("y", angle, degrees=True)
    item = SceneItem(name, *shape, albedo, finish)
    return item.moved(RigidTransform.from_components(place, turn))


def _towel(along: float, across: float) -> Shape:
    """Return a folded towel, with soft creases and an edge that lies on the table."""
    x = np.linspace(-along / 2, along / 2, 150)
    z = np.linspace(-across / 2, across / 2, 150)
    points = np.zeros((150, 150, 3), np.float32)
    points[..., 0], points[..., 2] = x[:, None], z[None, :]
    points[..., 1] = along  # another piece of noise for every size
    flat = points.reshape(-1, 3)
    creases = np.zeros(len(flat), np.float32)
    for size, height in ((70.0, 5.0), (26.0, 1.6)):
        noise = grain(flat, np.full(flat.shape, size, np.float32))
        # ridges rather than hills
        creases += height * (1.0 - 2.0 * np.abs(noise)).astype(np.float32)
    inside = np.minimum(along / 2 - np.abs(points[..., 0]), across / 2 - np.abs(points[..., 2]))
    edge = np.sqrt(np.clip(inside / 7.0, 0.0, 1.0))
    folded = 3.0 + np.where(points[..., 0] > along * 0.12, 4.0, 0.0)
    return sheet(edge * (folded + np.maximum(creases.reshape(150, 150), -2.0)), x, z)


def _syringe(place: Array, angle: float) -> list[SceneItem]:
    """Return a syringe that lies on the table, its barrel 19 mm thick."""
    parts = (
        ("barrel", [(0.1, 0), (3, 0), (3, 8), (9.5, 12), (9.5, 78), (0.1, 78)], PLASTIC),
        ("flange", [(0.1, 76), (15, 76), (15, 78.5), (0.1, 78.5)], PLASTIC),
        ("plunger", [(0.1, 78.6), (5, 78.6), (5, 103), (11, 103), (11, 106), (0.1, 106)], PLASTIC),
        ("stopper", [(0.1, 40), (9.55, 40), (9.55, 48), (0.1, 48)], RUBBER),
    )
    down = Rotation.from_euler("yx", [angle, 90.0], degrees=True)
    lying = RigidTransform.from_components(place + np.array([0.0, 11.0, 0.0]), down)
    items = []
    for name, outline, albedo in parts:
        vertices, triangles = turned(np.array(outline, float))
        if name == "flange":
            vertices = vertices * (1.0, 1.0, 0.62)
        items.append(SceneItem(name, vertices, triangles, albedo, "silicone").moved(lying))
    return items
