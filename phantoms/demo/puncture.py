"""A simulated lateral C1-C2 puncture as a source of frame sets, with the truth kept apart."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import cv2
from scipy.spatial.transform import RigidTransform

from nav.camera.frameset import Frame, FrameSet, Picture
from nav.live.messages import Command
from nav.live.session import State
from phantoms.demo.hand import Hand
from phantoms.twin.sensor import Optics
from phantoms.twin.simulated_motion import FPS, body_velocity, noise_source
from phantoms.twin.world import World


class SimulatedPuncture:
    """Frame sets of a hand that works through a session.

    The next pictures are drawn while the present ones are tracked, so the hand answers to what was
    shown two frames before. `truth` holds rig_from_needle of each frame number; nothing that is
    measured reads it.
    """

    simulated = True  # time stands still while pictures are drawn

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
        # cameras are drawn side by side: OpenCV's own threads would wait for work without sleeping,
        # and keep a processor from those that have some
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
        """The screen after a frame set; returns the keys that the user has pressed since."""
        self.shown = state
        keys, self.keys = self.keys, []
        return keys

    def close(self) -> None:
        """End the threads."""
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
