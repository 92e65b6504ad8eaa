"""What capture cards and drivers deliver of interlaced video: two fields made into one picture.

A field is every second row of an exposure of its own: the even rows of the first, the odd ones of
the second, half a frame later. In NumPy and OpenCV alone, without any of the product's code.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np
from scipy.spatial.transform import RigidTransform

from nav.core.frameset import Frame, FrameSet
from phantoms.twin.simulated_bodies import Placed
from phantoms.twin.simulated_tools import needle_body, needle_tool
from tests.bench.degraded.alter import Picture, jpeg
from tests.bench.degraded.pictures import OPTICS, RATE, Scene
from tests.bench.tracking.pictures import Shot, Stage
from tests.synthetic import DISTANCE, Studio, needle_poses, small_rig

FIELD = 0.02  # s from one field to the next: 50 a second

Combine = Callable[[Picture, Picture, int], Picture]


@dataclass(frozen=True)
class Deinterlacer:
    """Name as the table has it; how two exposures become one picture.

    combine : of the pictures of both exposures whole, and which field is kept (0 or 1), where only
    one is. one_field : whether only one is: then the picture shows the tool where that field does,
    not where it is between the two.
    """

    name: str
    combine: Combine
    one_field: bool = False


def weave(first: Picture, second: Picture, kept: int = 0) -> Picture:
    """Put both fields' rows in turn, as they are."""
    result = first.copy()
    result[1::2] = second[1::2]
    return result


def linear(first: Picture, second: Picture, kept: int) -> Picture:
    """Keep one field; each row of the other is the mean of its neighbours."""
    field = (first, second)[kept].astype(np.float32)
    result, height = field.copy(), len(field)
    for row in range(1 - kept, height, 2):
        above, below = max(row - 1, kept), min(row + 1, (height - 1 - kept) // 2 * 2 + kept)
        result[row] = (field[above] + field[below]) / 2
    return np.rint(result).astype(np.uint8)


def directed(first: Picture, second: Picture, kept: int) -> Picture:
    """Keep one field; interpolate along whichever of three directions changes least."""
    field, result = (first, second)[kept].astype(np.float32), linear(first, second, kept)
    height, width = field.shape
    for row in range(1 + kept, height - 1, 2):
        above, below = (np.pad(field[row + side], 1, mode="edge") for side in (-1, 1))
        means, changes = [], []
        for step in (0, -1, 1):  # the upright one where none is better
            one, other = above[1 + step :][:width], below[1 - step :][:width]
            means.append((one + other) / 2)
            changes.append(np.abs(one - other))
        best = np.choose(np.argmin(changes, axis=0), means)
        result[row] = np.rint(best).astype(np.uint8)
    return result


def blend(first: Picture, second: Picture, kept: int = 0) -> Picture:
    """Show the mean of both fields, each with its missing rows interpolated."""
    one, two = linear(first, second, 0), linear(first, second, 1)
    return np.rint((one.astype(np.float32) + two) / 2).astype(np.uint8)


def bob(first: Picture, second: Picture, kept: int, how: int = cv2.INTER_LINEAR) -> Picture:
    """Enlarge one field to the whole height, as scalers do: half a row off."""
    height, width = first.shape
    field = np.ascontiguousarray((first, second)[kept][kept::2])
    return np.asarray(cv2.resize(field, (width, height), interpolation=how), np.uint8)


def compressed_bob(first: Picture, second: Picture, kept: int, quality: int) -> Picture:
    """Enlarge one field bicubically, then compress."""
    return jpeg(bob(first, second, kept, cv2.INTER_CUBIC), quality)


DEINTERLACERS = (
    Deinterlacer("woven", weave),
    Deinterlacer("blended", blend),
    Deinterlacer("rows interpolated", linear, True),
    Deinterlacer("rows interpolated along edges", directed, True),
    Deinterlacer("bob, bilinear", bob, True),
    Deinterlacer("bob, bicubic", partial(bob, how=cv2.INTER_CUBIC), True),
    *(
        Deinterlacer(f"bob, bicubic, JPEG {q}", partial(compressed_bob, quality=q), True)
        for q in (80, 50)
    ),
)
MOTIONS = (0.0, 1.0, 4.0)  # px from one field to the next


@dataclass(frozen=True)
class Fields:
    """Frame sets of both exposures; where the needle was in each, and between the two."""

    stage: Stage
    pairs: tuple[tuple[FrameSet, FrameSet], ...]
    places: tuple[tuple[RigidTransform, RigidTransform, RigidTransform], ...]


def fields(moved: float, count: int, seed: int) -> Fields:
    """Unrelated poses of the twin's needle, moved by so many px from one field to the next."""
    tool, rig = needle_tool(), small_rig(2)
    studio, body = Studio(rig, OPTICS, seed), needle_body(tool)
    rng = np.random.default_rng([seed, 3])
    way = moved * DISTANCE / float(rig.cameras[0].matrix[0, 0])
    pairs: list[tuple[FrameSet, FrameSet]] = []
    places: list[tuple[RigidTransform, RigidTransform, RigidTransform]] = []
    for middle in needle_poses(count, np.random.default_rng(seed)):
        angle = rng.uniform(0.0, 2.0 * np.pi)
        step = way * np.array([np.cos(angle), np.sin(angle), 0.0])
        velocity = np.concatenate([step / FIELD, np.zeros(3)])
        at = [RigidTransform.from_translation(side * step) * middle for side in (-0.5, 0.5)]
        one, two = (studio.frames([Placed(body, place, velocity)]) for place in at)
        pairs.append((one, two))
        places.append((at[0], at[1], middle))
    return Fields(Stage(rig, (tool,), tool, None), tuple(pairs), tuple(places))


def deinterlaced(shown: Fields, how: Deinterlacer) -> Scene:
    """The fields as one picture each; one that keeps a field keeps each in turn."""
    shots, (tool,) = [], shown.stage.tools
    for number, ((first, second), places) in enumerate(zip(shown.pairs, shown.places, strict=True)):
        kept, time = number % 2, number / RATE
        frames = {
            name: Frame(name, time, how.combine(frame.image, second.frames[name].image, kept))
            for name, frame in first.frames.items()
        }
        truth = places[kept if how.one_field else 2]
        shots.append(Shot(FrameSet(number, time, frames), {tool.name: truth}))
    return Scene("twin", shown.stage, shots)
