"""Automatic capture: frame sets in, what to show out."""

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np

from calibration.board import Board
from calibration.cameras.board_detection import Seen
from calibration.cameras.bundle import Sighting
from calibration.cameras.gather import Gathered
from calibration.cameras.initial_rig import lens_of
from calibration.cameras.lens_models import Lens
from calibration.cameras.rig_verdict import ENOUGH_VIEWS, RECOMMENDED_TILT
from calibration.live.board_view import Look, guessed_lens, look_at
from calibration.live.capture_display import Pane, Shown
from calibration.live.capture_guide import Ask, advise, alike, wanted
from calibration.live.capture_search import Found, search, warm_up, write_pictures
from calibration.live.progress import progress_of
from calibration.live.quick import Glimpse, Spotter
from calibration.live.still import Stillness
from nav.core.errors import InputError
from nav.core.frameset import FrameSet, Picture
from nav.core.notice import Notice
from nav.text.catalogue import chosen

FLASH = 1.0  # s that 'captured' stays
AGAIN = 1.5  # s that it says why a picture was not good enough, before the next is taken
LOST_FOR = 0.4  # s without a new picture: until then the last one stays
LEARN_FROM = 5  # views that determine a lens better than a guess
LIKELY_FOCAL = (0.3, 8.0)  # of the picture's width
MORE = 6  # views that are asked for after a calibration was not good enough


class Taking:
    """Takes images of a board when they add information, and says what to do for the next.

    Parameters
    ----------
    names : sequence of str
        The cameras' names.
    board : Board
        The board.
    keep : Path, optional
        Folder to write the images to as well.
    clock : callable, optional
        Monotonic clock, s.
    """

    def __init__(
        self,
        names: Sequence[str],
        board: Board,
        keep: Path | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.names, self.board, self.keep, self._clock = tuple(names), board, keep, clock
        self.seen: dict[tuple[int, int], Seen] = {}
        self.sizes: dict[int, tuple[int, int]] = {}
        self.captures = 0
        self.least = ENOUGH_VIEWS
        self.looks: list[dict[int, Look]] = []
        self.progress = progress_of([], len(names))
        self._lenses: dict[int, Lens] = {}
        self._spotters = [Spotter(board) for _ in names]
        self._still: dict[int, Stillness] = {}
        self._last_seen = [clock()] * len(names)
        self._pool = ThreadPoolExecutor(max(2, len(names)), "board")
        self._pending: Future[Found | str] | None = None
        self._ready = self._pool.submit(warm_up, board)
        self._tried: dict[int, Look] = {}
        self._panes: dict[int, Pane] = {}
        self._last = self._wanted()
        self._word, self._word_until = Ask("show", ""), -np.inf

    def step(self, frames: FrameSet, notices: Sequence[Notice] = ()) -> Shown:
        """Process the next images, take them if they add information, and return what to show.

        Parameters
        ----------
        frames : FrameSet
            The next images.
        notices : sequence of Notice, optional
            Warnings of the cameras.

        Returns
        -------
        Shown
            What to show.
        """
        images, missing = self._images(frames)
        glimpses = self._glimpses(frames, images)
        present = {
            k: look
            for k, glimpse in glimpses.items()
            if (look := look_at(self.board, glimpse.ids, glimpse.pixels, *self._lens(k)))
        }
        self._finish()
        ask, detail = self._ask(missing, images, glimpses, present)
        panes = tuple(self._pane(k, images, missing, glimpses) for k in range(len(self.names)))
        at = frames.time if frames.captured_at is None else frames.captured_at
        captured = ask.kind == "captured"
        return Shown(at, panes, ask, detail, self.progress, captured, tuple(notices))

    def _pane(
        self,
        camera: int,
        images: Mapping[int, Picture],
        missing: Mapping[int, Notice],
        glimpses: Mapping[int, Glimpse],
    ) -> Pane:
        """Return a camera's pane; no image is kept for longer than a slow camera needs."""
        if camera in images:
            seen = glimpses[camera].pixels if camera in glimpses else np.zeros((0, 2))
            self._panes[camera] = Pane(self.names[camera], images[camera], "", seen)
        elif self._gone(camera) or camera not in self._panes:
            headline, why = chosen().parts(missing[camera]) if camera in missing else ("", "")
            return Pane(self.names[camera], None, why or headline, np.zeros((0, 2)))
        return self._panes[camera]

    def _gone(self, camera: int) -> bool:
        return self._clock() - self._last_seen[camera] > LOST_FOR

    def gathered(self) -> Gathered:
        """Return all captures as the input of a calibration.

        Returns
        -------
        Gathered
            The corners.

        Raises
        ------
        InputError
            A camera has none.
        """
        for camera, name in enumerate(self.names):
            if not any(k == camera for k, _ in self.seen):
                raise InputError(f"{name}: no image was taken with the board in it")
        return Gathered(
            self.names,
            tuple(self.sizes[k] for k in range(len(self.names))),
            tuple(f"{number:03d}" for number in range(1, self.captures + 1)),
            dict(self.seen),
            len(self.seen),
            (),
        )

    def ask_for_more(self) -> None:
        """Require some more images, after a calibration that was not good enough."""
        fewest = min(camera.views for camera in self.progress.cameras)
        self.least = max(ENOUGH_VIEWS, fewest + MORE)
        self._learn()

    def close(self) -> None:
        """End the threads."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _images(self, frames: FrameSet) -> tuple[dict[int, Picture], dict[int, Notice]]:
        """Return images, and why there are none, by camera."""
        images: dict[int, Picture] = {}
        missing: dict[int, Notice] = {}
        for k, name in enumerate(self.names):
            if name not in frames.frames:
                missing[k] = frames.missing.get(name, Notice("camera_absent", {"camera": name}))
                continue
            image = frames.frames[name].image
            size = (image.shape[1], image.shape[0])
            first = self.sizes.setdefault(k, size)
            if size == first:
                images[k] = image
            else:
                now = {"camera": name, "width": size[0], "height": size[1]}
                before = {"width_before": first[0], "height_before": first[1]}
                missing[k] = Notice("camera_size_changed", {**now, **before})
        return images, missing

    def _glimpses(self, frames: FrameSet, images: Mapping[int, Picture]) -> dict[int, Glimpse]:
        found = self._pool.map(lambda k: (k, self._spotters[k].find(images[k])), images)
        glimpses = {k: glimpse for k, glimpse in found if glimpse is not None}
        for k in images:
            self._last_seen[k] = self._clock()
            self._lenses.setdefault(k, guessed_lens(self.sizes[k]))
            self._still.setdefault(k, Stillness(self.sizes[k][0]))
            self._still[k].add(frames.frames[self.names[k]].time, glimpses.get(k))
        return glimpses

    def _lens(self, camera: int) -> tuple[tuple[int, int], Lens]:
        return self.sizes[camera], self._lenses[camera]

    def _ask(
        self,
        missing: Mapping[int, Notice],
        images: Mapping[int, Picture],
        glimpses: Mapping[int, Glimpse],
        present: Mapping[int, Look],
    ) -> tuple[Ask, str]:
        now = self._clock()
        if now < self._word_until:
            return self._word, ""
        gone = [k for k in range(len(self.names)) if self._gone(k)]
        if gone:
            name = self.names[gone[0]]
            known = missing.get(gone[0])
            why = "no picture" if known is None else chosen().sentence(known)
            which = "The camera" if len(self.names) == 1 else f"The {name.upper()} camera"
            return Ask("lost", f"{which} gives no image", gone[0]), why
        if len(images) < len(self.names):
            return self._last  # an image is about to arrive
        self._last = self._judged(images, glimpses, present)
        return self._last

    def _judged(
        self,
        images: Mapping[int, Picture],
        glimpses: Mapping[int, Glimpse],
        present: Mapping[int, Look],
    ) -> tuple[Ask, str]:
        if self._pending is not None:
            return Ask("still", "Hold still"), "taking the image"
        if not self._ready.done():
            return Ask("busy", "Getting ready"), "the first time this takes a minute"
        still = {k for k in present if self._still[k].still}
        if alike(present, self._tried):
            return self._wanted()  # taken just now
        advice = advise(self.looks, self.progress, present, still, self.names)
        if advice.capture:
            self._take({k: images[k] for k in present}, glimpses, present)
        return advice.ask, self._detail(advice.ask)

    def _wanted(self) -> tuple[Ask, str]:
        ask = wanted(self.progress, self.names)
        return ask, self._detail(ask)

    def _detail(self, ask: Ask) -> str:
        board = self.board
        if ask.kind == "show":
            kind = f"{board.columns} x {board.rows} squares"
            return f"{kind}, {board.dictionary}" if board.is_charuco else f"{kind}, all in view"
        if ask.kind == "tilt":
            return f"by about {RECOMMENDED_TILT} degrees; sides as in the image"
        if ask.kind == "place":
            return "at least some squares of it; sides as in the image"
        if ask.kind == "more":
            return "another tilt, another distance, another place"
        return ""

    def _take(
        self,
        images: Mapping[int, Picture],
        glimpses: Mapping[int, Glimpse],
        present: Mapping[int, Look],
    ) -> None:
        self._tried = dict(present)
        taken, glimpsed, number = dict(images), dict(glimpses), self.captures + 1

        def work() -> Found | str:
            found = search(taken, glimpsed, self.board, self.names)
            if self.keep is not None and not isinstance(found, str):
                write_pictures(self.keep, self.names, {k: taken[k] for k in found}, number)
            return found

        self._pending = self._pool.submit(work)

    def _finish(self) -> None:
        """Count what was taken, once it has been searched."""
        if self._pending is None or not self._pending.done():
            return
        job, self._pending = self._pending, None
        try:
            found = job.result()
        except InputError as error:
            found = str(error)
        if isinstance(found, str):
            self._tried = {}
            self._show(Ask("again", found), AGAIN)
            return
        for camera, seen in found.items():
            self.seen[camera, self.captures] = seen
        self.captures += 1
        self._learn()
        self._show(Ask("captured", f"Captured {self.captures}"), FLASH)

    def _show(self, word: Ask, seconds: float) -> None:
        self._word, self._word_until = word, self._clock() + seconds

    def _learn(self) -> None:
        """Estimate better lenses from all captures, and update the progress."""
        for camera in range(len(self.names)):
            own = [
                Sighting(instant, k, s.ids, s.pixels, s.covariance)
                for (k, instant), s in sorted(self.seen.items())
                if k == camera
            ]
            if len(own) >= LEARN_FROM:
                self._lenses[camera] = self._learnt(camera, own)
        self.looks = [{} for _ in range(self.captures)]
        for (camera, instant), seen in self.seen.items():
            look = look_at(self.board, seen.ids, seen.pixels, *self._lens(camera))
            if look is not None:
                self.looks[instant][camera] = look
        self.progress = progress_of(self.looks, len(self.names), self.least)
        self._last = self._wanted()

    def _learnt(self, camera: int, own: Sequence[Sighting]) -> Lens:
        size = self.sizes[camera]
        try:
            lens, _ = lens_of(self.board.points, own, size)
        except np.linalg.LinAlgError:
            return guessed_lens(size)
        low, high = np.array(LIKELY_FOCAL) * size[0]
        return lens if low < lens.pinhole[0] < high else guessed_lens(size)
