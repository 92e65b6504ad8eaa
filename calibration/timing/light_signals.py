"""Find a light that blinks in a camera's images, and how much of each exposure it was on.

Images are reduced to blocks as they come. A block sees the light if its brightness has two levels
over time and changes between them together with the block that shows it best. Blocks are put
together in bands of rows, since a rolling shutter exposes each row at its own time.
"""

from dataclasses import dataclass, field

import cv2
import numpy as np

from nav.camera.rig import Camera
from nav.core.errors import InputError
from nav.core.frames import Array
from nav.core.frameset import Frame

ACROSS = 160  # blocks across an image
GREY = 64  # units of a block's mean per grey level
MOST_BANDS = 48
FAINT = 4.0  # grey levels: of a block that is not taken for the light's
CLEAR = 6.0  # a block's change, in its noise
BETWEEN = 0.4  # share of images of a block that may be between its two levels
TOGETHER = 0.8  # of a block's change: so much it must change with the light
NOISIEST = 0.15  # of the light's change: noise of a band that is used
NOISIER = 3.0  # than the best band, or than LEAST_NOISE twofold: one that is not used
LEAST_NOISE = 0.01  # of the light's change: no level is better known
SATURATED = 250
AT_ONCE = 2048  # blocks that are judged together: long recordings fill the memory otherwise
FEWEST_IMAGES, FEWEST_CHANGES = 60, 10
SETTLED = 5  # images after a change, at which an exposure that adapts has done so
APART = 3  # images between two changes: closer ones are not told apart


@dataclass(frozen=True)
class LightSignals:
    """What one camera sees of a blinking light.

    Attributes
    ----------
    camera : str
        Its name.
    times : ndarray, shape (n,)
        Of the images as they were recorded, s, ascending.
    bands : ndarray, shape (m,)
        Middle of each band of rows: 0 in the middle of the image, -1/2 and 1/2 at its ends.
    lit : ndarray, shape (n, m)
        Share of the exposure during which the light was on: 0 off, 1 on, with noise.
    noise : ndarray, shape (m,)
        Standard deviation of `lit`.
    saturated : bool
        Whether only overexposed parts show the light.
    change : ndarray, shape (h, w)
        Grey levels by which each block changes; 0 where it does not show the light.
    adapts : float
        Share of the light's change by which it is brighter or darker at first than later, while it
        stays on; nearly none with a locked exposure.
    repeated : int
        Images that are the same as the one before.
    earlier : int
        Images that were left out, since their time is before that of the one before.
    """

    camera: str
    times: Array
    bands: Array
    lit: Array
    noise: Array
    saturated: bool
    change: Array
    adapts: float = 0.0
    repeated: int = 0
    earlier: int = 0

    @property
    def period(self) -> float:
        """Usual time from one image to the next, s."""
        return float(np.median(np.diff(self.times)))


@dataclass
class LightCollector:
    """Collects one camera's images, reduced to blocks.

    Parameters
    ----------
    camera : Camera
        Whose images they are.
    """

    camera: Camera
    times: list[float] = field(default_factory=list)
    repeated: int = 0
    earlier: int = 0
    _blocks: list[np.ndarray] = field(default_factory=list)
    _saturated: np.ndarray | None = None

    def add(self, frame: Frame) -> None:
        """Take one more image; one that is not later than the last is left out."""
        if self.times and frame.time <= self.times[-1]:
            self.earlier += frame.time < self.times[-1]
            return
        size, (height, width) = self.block, frame.image.shape
        image = frame.image[: height // size * size, : width // size * size]
        small = (width // size, height // size)
        grey = image.astype(np.uint16) * GREY
        blocks = cv2.resize(grey, small, interpolation=cv2.INTER_AREA)
        self.repeated += bool(self._blocks) and np.array_equal(blocks, self._blocks[-1])
        self._blocks.append(blocks)
        over = cv2.resize(
            (image >= SATURATED).astype(np.uint8) * 255, small, interpolation=cv2.INTER_AREA
        )
        self._saturated = over if self._saturated is None else np.maximum(self._saturated, over)
        self.times.append(frame.time)

    @property
    def block(self) -> int:
        """Rows and columns of a block, px."""
        return max(1, -(-self.camera.size[0] // ACROSS))

    def signals(self, where: str) -> LightSignals:
        """Return what the images show of the light.

        Parameters
        ----------
        where : str
            Where the images are from, for messages.

        Returns
        -------
        LightSignals

        Raises
        ------
        InputError
            Few images, no blinking light, or one whose levels change.
        """
        name = self.camera.name
        if len(self.times) < FEWEST_IMAGES:
            raise InputError(
                f"{where}: {len(self.times)} images of {name}; expected {FEWEST_IMAGES} or more, "
                "20 s of recording"
            )
        assert self._saturated is not None
        blocks = np.stack(self._blocks)
        values = blocks.reshape(len(blocks), -1)
        candidates, clearness, low, spread = _blinking(values)
        if not candidates.any():
            raise InputError(
                f"{where}: {name} sees no light that blinks: no part of its images has two levels; "
                "darken the room, bring the light nearer, or point it at white paper"
            )
        over = self._saturated.ravel() > 0
        best = int(np.argmax(np.where(candidates, clearness * np.where(over, 0.5, 1.0), -1.0)))
        states = light_states((values[:, best] - low[best]) / spread[best])
        settled = _settled(states)
        on, off = settled & states, settled & ~states
        changes = int((states[1:] != states[:-1]).sum())
        if changes < FEWEST_CHANGES or on.sum() < FEWEST_CHANGES or off.sum() < FEWEST_CHANGES:
            period = float(np.median(np.diff(self.times)))
            raise InputError(
                f"{where}: in the images of {name} the light stays on or off for {2 * APART - 1} "
                f"images too seldom ({changes} changes); let it change 40 times or more, and stay "
                f"for {2 * APART} images or more each time, {2 * APART * period:.2g} s"
            )
        change = np.median(values[on], axis=0) - np.median(values[off], axis=0)
        seen = candidates & (change > TOGETHER * spread)
        saturated = not (seen & ~over).any()
        used = seen if saturated else seen & ~over
        shape = blocks.shape[1:]
        bands, lit, noise = self._bands(blocks, used.reshape(shape), on, off)
        if not len(bands):
            raise InputError(
                f"{where}: {name} sees the light's brightness change from one time to the next; "
                "lock the exposure, and keep people and other light away"
            )
        shown = np.where(used, change, 0.0).reshape(shape) / GREY
        return LightSignals(
            name, np.array(self.times), bands, lit, noise, saturated, shown,
            _adapts(lit.mean(axis=1), states), self.repeated, self.earlier,
        )  # fmt: skip

    def _bands(
        self, blocks: np.ndarray, used: np.ndarray, on: np.ndarray, off: np.ndarray
    ) -> tuple[Array, Array, Array]:
        """Return the middles of bands of rows, their signals and noise."""
        rows = np.flatnonzero(used.any(axis=1))
        if not len(rows):
            return np.empty(0), np.empty((len(blocks), 0)), np.empty(0)
        count = min(MOST_BANDS, rows[-1] - rows[0] + 1)
        band_of = (np.arange(used.shape[0]) - rows[0]) * count // (rows[-1] - rows[0] + 1)
        middles, signals, noises = [], [], []
        for band in range(count):
            own = used & (band_of == band)[:, None]
            if not own.any():
                continue
            mean = blocks[:, own].mean(axis=1)
            low, high = np.median(mean[off]), np.median(mean[on])
            lit = (mean - low) / (high - low)
            noise = max(_deviation(lit[off]), _deviation(lit[on]), LEAST_NOISE)
            if noise <= NOISIEST:
                row = self.block * (np.nonzero(own)[0].mean() + 0.5)
                middles.append(row / self.camera.size[1] - 0.5)
                signals.append(lit)
                noises.append(noise)
        good = np.array(noises) <= NOISIER * max(min(noises, default=1.0), 2 * LEAST_NOISE)
        lit = np.reshape(signals, (len(middles), len(blocks))).T
        return np.array(middles)[good], lit[:, good], np.array(noises)[good]


def light_states(lit: Array) -> np.ndarray:
    """Return in which images a light is on, with hysteresis against noise.

    Parameters
    ----------
    lit : ndarray, shape (n,)
        Share of each exposure.

    Returns
    -------
    ndarray of bool, shape (n,)
    """
    states = lit > 0.5
    unsure = np.abs(lit - 0.5) < 0.15
    for k in np.flatnonzero(unsure):
        # between two images of the same state the state has not changed
        if 0 < k < len(lit) - 1 and states[k - 1] == (lit[k + 1] > 0.5):
            states[k] = states[k - 1]
    return np.asarray(states)


def _blinking(values: np.ndarray) -> tuple[np.ndarray, Array, Array, Array]:
    """Return which blocks have two levels over time, how clearly, the lower and their distance."""
    parts = [
        _blinking_part(values[:, first : first + AT_ONCE])
        for first in range(0, values.shape[1], AT_ONCE)
    ]
    two, clearness, low, spread = (np.concatenate(part) for part in zip(*parts, strict=True))
    return two, clearness, low, spread


def _blinking_part(values: np.ndarray) -> tuple[np.ndarray, Array, Array, Array]:
    """Return the same of some of the blocks."""
    low, high = np.percentile(values, (10, 90), axis=0)
    spread = high - low
    steps = np.abs(np.diff(values.astype(np.float32), axis=0))
    noise = np.maximum(np.median(steps, axis=0) / 0.954, 0.1 * GREY)
    inner = (values > low + 0.25 * spread) & (values < high - 0.25 * spread)
    clearness = spread / noise
    two = (spread > FAINT * GREY) & (clearness > CLEAR) & (inner.mean(axis=0) < BETWEEN)
    return two, np.asarray(clearness), low, np.maximum(spread, 1.0)


def _settled(states: np.ndarray) -> np.ndarray:
    """Return images around which the state does not change for two images."""
    settled = np.ones(len(states), bool)
    for k in np.flatnonzero(states[1:] != states[:-1]):
        settled[max(k - 1, 0) : k + 3] = False
    settled[[0, -1]] = False
    return settled


def _adapts(lit: Array, states: np.ndarray) -> float:
    """Return how much brighter the light is at first than later, while it stays on."""
    changed = np.flatnonzero(np.append(True, states[1:] != states[:-1]))
    since = np.arange(len(states)) - np.repeat(changed, np.diff(np.append(changed, len(states))))
    inside = states & ~np.append(~states[1:], True)  # not the last one, which may be mixed
    first, later = inside & (since == APART - 1), inside & (since >= SETTLED)
    if first.sum() < FEWEST_CHANGES or later.sum() < FEWEST_CHANGES:
        return 0.0
    return float(np.median(lit[first]) - np.median(lit[later]))


def _deviation(values: Array) -> float:
    """Return a standard deviation that a few outliers do not change."""
    return float(1.4826 * np.median(np.abs(values - np.median(values))))
