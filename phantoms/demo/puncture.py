"""A simulated lateral C1-C2 puncture as a source of frame sets, with the truth kept apart."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import cv2
from scipy.spatial.transform import RigidTransform

from nav.core.frameset import Frame, FrameSet, Picture
from nav.core.notice import Notice
from nav.live.messages import Command
from nav.live.session import State
from phantoms.demo.hand import Hand
from phantoms.twin.sensor import Optics
from phantoms.twin.simulated_motion import FPS, body_velocity, noise_source
from phantoms.twin.world import World


class SimulatedPuncture:
    """Frame sets of a hand that works through a session.

    The next images are drawn while the present ones are tracked, so the hand responds to what was
    shown two frames before.

    Parameters
    ----------
    world : World
        The room.
    hand : Hand
        Moves the needle.
    optics : Optics
        Lens and sensor.
    seed : int
        Of the noise.
    progress : callable, optional
        Called with the share of the room drawn, 0 to 1.

    Attributes
    ----------
    truth : dict of int to RigidTransform
        rig_from_needle of each frame number; nothing that is measured reads it.
    """

    warnings: tuple[Notice, ...] = ()

    def __init__(
        self,
        world: World,
        hand: Hand,
        optics: Optics,
        seed: int,
        progress: Callable[[float], None] = lambda share: None,
    ) -> None:
        self.world, self.hand = world, hand
        self.cameras = world.cameras(optics, noise_source(seed), progress=progress)
        self.truth: dict[int, RigidTransform] = {}
        self.shown: State | None = None
        self.keys: list[Command] = []
        # cameras are drawn in parallel: OpenCV's own threads would wait for work without sleeping,
        # and occupy a processor
        cv2.setNumThreads(1)
        self.pool = ThreadPoolExecutor(len(self.cameras), thread_name_prefix="twin")

    def __len__(self) -> int:
        return 0  # as long as the hand needs

    def __iter__(self) -> Iterator[FrameSet]:
        number = 0
        pending = self._draw(number)
        while True:
            time = number / FPS
            frames = {
                name: Frame(name, time, picture.result()) for name, picture in pending.items()
            }
            present = FrameSet(number, time, frames)
            number += 1
            if not self.hand.finished:
                pending = self._draw(number)
            yield present
            if self.hand.finished:
                return

    def show(self, state: State) -> list[Command]:
        """Take the screen after a frame set; return the keys that the user has pressed since."""
        self.shown = state
        keys, self.keys = self.keys, []
        return keys

    def close(self) -> None:
        """Stop the threads."""
        self.pool.shutdown(wait=False, cancel_futures=True)

    def _draw(self, number: int) -> dict[str, Future[Picture]]:
        before = self.hand.rig_from_needle()
        key = self.hand.act(self.shown)
        if key is not None:
            self.keys.append(key)
        now = self.hand.rig_from_needle()
        self.truth[number] = now
        placed = self.world.needle_at(now, body_velocity(before, now, 1.0 / FPS))
        return {c.camera.name: self.pool.submit(c.picture, [placed]) for c in self.cameras}
