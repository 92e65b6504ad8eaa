"""What cameras and networks do to pictures one after the other: each a function of a sequence.

Seen on a needle in a hand that moves, slows down and stops. In NumPy and OpenCV alone, without any
of the product's code.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from zlib import crc32

import cv2
import numpy as np
from scipy.spatial.transform import RigidTransform, Rotation

from nav.core.frameset import FrameSet
from phantoms.twin.simulated_bodies import Placed
from phantoms.twin.simulated_tools import needle_body, needle_tool
from tests.bench.degraded.alter import Picture, jpeg, rounded
from tests.bench.degraded.pictures import OPTICS, RATE, Scene
from tests.bench.tracking.pictures import Shot, Stage
from tests.synthetic import Studio, needle_poses, small_rig

PAUSE = 3.0  # s from one stop of the hand to the next
WAY, TURN = 5.0, 0.06  # mm and rad, most that it moves to either side

Pictures = Sequence[Picture]


@dataclass(frozen=True)
class OverTime:
    """Name as the table has it; what becomes of the pictures of one camera."""

    name: str
    alter: Callable[[Pictures], list[Picture]]


def mixed(pictures: Pictures, keep: float, alike: float = np.inf) -> list[Picture]:
    """Keep a share of the picture before, where the new one differs by less than `alike`."""
    made = [pictures[0]]
    for picture in pictures[1:]:
        before, now = made[-1].astype(np.float32), picture.astype(np.float32)
        share = np.where(cv2.blur(np.abs(now - before), (3, 3)) < alike, keep, 0.0)
        made.append(rounded(share * before + (1.0 - share) * now))
    return made


def skipped(pictures: Pictures, block: int, alike: float) -> list[Picture]:
    """Show blocks of the picture before again where they differ by less, as video coders do."""
    made = [pictures[0]]
    for picture in pictures[1:]:
        now = picture.copy()
        for row in range(0, now.shape[0], block):
            for column in range(0, now.shape[1], block):
                part = np.s_[row : row + block, column : column + block]
                if np.abs(now[part].astype(float) - made[-1][part]).mean() < alike:
                    now[part] = made[-1][part]
        made.append(now)
    return made


def lost_blocks(pictures: Pictures, block: int, share: float) -> list[Picture]:
    """Show a share of the blocks of the picture before again: they were lost on the way."""
    rng, made = np.random.default_rng(0), [pictures[0]]
    for picture in pictures[1:]:
        now = picture.copy()
        for row in range(0, now.shape[0], block):
            for column in range(0, now.shape[1], block):
                if rng.random() < share:
                    part = np.s_[row : row + block, column : column + block]
                    now[part] = made[-1][part]
        made.append(now)
    return made


def torn(pictures: Pictures, share: float) -> list[Picture]:
    """Show the picture before below some row, in a share of the pictures."""
    rng, made = np.random.default_rng(0), list(pictures)
    for number in range(1, len(pictures)):
        if rng.random() < share:
            row = int(rng.uniform(0.15, 0.85) * len(pictures[number]))
            made[number] = np.concatenate([pictures[number][:row], pictures[number - 1][row:]])
    return made


def stabilised(pictures: Pictures, most: float) -> list[Picture]:
    """Shift each picture by px of its own, as stabilisation does that a hand misleads.

    Each camera otherwise: shifts that cameras share look like a motion of the tool.
    """
    rng, made = np.random.default_rng(crc32(pictures[0].tobytes())), []
    for picture in pictures:
        shift = np.column_stack([np.eye(2), rng.normal(0.0, most, 2)]).astype(np.float32)
        size = picture.shape[::-1]
        moved = cv2.warpAffine(picture, shift, size, borderMode=cv2.BORDER_REFLECT)
        made.append(np.asarray(moved, np.uint8))
    return made


def stepped(pictures: Pictures, gains: Sequence[float]) -> list[Picture]:
    """Expose anew every five pictures."""
    return [rounded(p * gains[k // 5 % len(gains)]) for k, p in enumerate(pictures)]


def lamp_bands(pictures: Pictures, depth: float, rows: float) -> list[Picture]:
    """Switch lamps off for half of the time under a rolling shutter; bands wander."""
    made = []
    for number, picture in enumerate(pictures):
        phase = (np.arange(len(picture)) / rows + 0.37 * number) % 1.0
        made.append(rounded(picture * (1.0 - depth * (phase < 0.5))[:, None]))
    return made


def then_jpeg(pictures: Pictures, first: Callable[[Pictures], list[Picture]]) -> list[Picture]:
    """Compress each picture after something else was done to it."""
    return [jpeg(picture, 80) for picture in first(pictures)]


def over_time() -> list[OverTime]:
    """All that are measured; the first changes nothing."""
    adaptive = partial(mixed, keep=0.75, alike=8.0)
    return [
        OverTime("as it is", list),
        OverTime("30 % of the picture before", partial(mixed, keep=0.3)),
        OverTime("80 % of the picture before", partial(mixed, keep=0.8)),
        OverTime("75 %, where alike", adaptive),
        OverTime("75 %, where alike, JPEG 80", partial(then_jpeg, first=adaptive)),
        OverTime("75 %, where roughly alike", partial(mixed, keep=0.75, alike=20.0)),
        OverTime("blocks skipped, alike", partial(skipped, block=8, alike=3.0)),
        OverTime("blocks skipped, roughly alike", partial(skipped, block=8, alike=10.0)),
        OverTime("10 % of blocks lost", partial(lost_blocks, block=16, share=0.1)),
        OverTime("50 % of blocks lost", partial(lost_blocks, block=16, share=0.5)),
        OverTime("30 % of pictures torn", partial(torn, share=0.3)),
        OverTime("all pictures torn", partial(torn, share=1.0)),
        OverTime("stabilised, 0.3 px", partial(stabilised, most=0.3)),
        OverTime("exposure in steps", partial(stepped, gains=(1.0, 1.7, 0.6))),
        OverTime("lamps dimmed by switching", partial(lamp_bands, depth=0.3, rows=40.0)),
    ]


def moving(count: int, seed: int) -> Scene:
    """A needle in a hand that moves, and stands still every PAUSE, before the twin's cameras."""
    tool, rig = needle_tool(), small_rig(2)
    studio, body = Studio(rig, OPTICS, seed), needle_body(tool)
    shots = [
        Shot(studio.frames([Placed(body, place, velocity)]), {tool.name: place})
        for place, velocity in _hand(count, seed)
    ]
    return Scene("twin", Stage(rig, (tool,), tool, None), shots)


def _hand(count: int, seed: int) -> Iterator[tuple[RigidTransform, np.ndarray]]:
    rng = np.random.default_rng([seed, 4])
    start = next(needle_poses(1, rng, wander=2.0))
    rates, phases = rng.uniform(0.2, 0.9, 3), rng.uniform(0.0, 2.0 * np.pi, 3)
    axis = rng.normal(size=3)
    axis /= np.linalg.norm(axis)

    def place(time: float) -> RigidTransform:
        share = 0.5 - 0.5 * np.cos(2.0 * np.pi * time / PAUSE)
        way = WAY * share * np.sin(2.0 * np.pi * rates * time + phases)
        turn = Rotation.from_rotvec(TURN * share * np.sin(2.5 * time) * axis)
        return RigidTransform.from_components(start.translation + way, turn * start.rotation)

    moment = 1e-3
    for number in range(count):
        time = number / RATE
        before, now, after = (place(time + k * moment) for k in (-1, 0, 1))
        turning = (after.rotation * before.rotation.inv()).as_rotvec() / (2.0 * moment)
        speed = (after.translation - before.translation) / (2.0 * moment)
        # Placed turns about the rig's origin
        yield now, np.concatenate([speed - np.cross(turning, now.translation), turning])


def altered_over_time(scene: Scene, kind: OverTime) -> Scene:
    """A scene whose pictures were altered, those of each camera in their order."""
    made = {
        name: kind.alter([shot.frames.frames[name].image for shot in scene.shots])
        for name in scene.shots[0].frames.frames
    }

    def of(frames: FrameSet, number: int) -> FrameSet:
        pictures = {n: replace(f, image=made[n][number]) for n, f in frames.frames.items()}
        return replace(frames, frames=pictures)

    shots = [replace(shot, frames=of(shot.frames, k)) for k, shot in enumerate(scene.shots)]
    return replace(scene, shots=shots)
