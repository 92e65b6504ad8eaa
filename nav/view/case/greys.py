"""Window and level: which Hounsfield units are black, and which white."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LEAST_WIDTH, MOST_WIDTH = 10.0, 5000.0  # HU
LEAST_LEVEL, MOST_LEVEL = -1024.0, 3071.0  # HU
LOWEST, HIGHEST = -32768, 32767
HU_PER_PIXEL = 1 / 300.0  # of the width, per pixel of a drag


@dataclass(frozen=True)
class GreyWindow:
    """A range of grey values, from black at `level - width / 2` to white at `level + width / 2`.

    Parameters
    ----------
    level, width : float
        HU.
    """

    level: float
    width: float

    def dragged(self, right: float, down: float) -> GreyWindow:
        """Return the window after a drag, px: to the right widens it, down lowers the level."""
        step = max(self.width, 50.0) * HU_PER_PIXEL
        return GreyWindow(
            float(np.clip(self.level - step * down, LEAST_LEVEL, MOST_LEVEL)),
            float(np.clip(self.width + 2.0 * step * right, LEAST_WIDTH, MOST_WIDTH)),
        )

    def greys(self, values: NDArray[np.int16]) -> NDArray[np.uint8]:
        """Return grey levels 0 to 255 of HU, in the same shape."""
        black = self.level - self.width / 2.0
        units = np.arange(LOWEST, HIGHEST + 1, dtype=np.float32)
        table = np.clip((units - black) * (255.0 / self.width), 0.0, 255.0)
        return np.rint(table).astype(np.uint8)[values.astype(np.int32) - LOWEST]


# as radiology uses them: bone, neck without and with contrast in the arteries
PRESETS = {
    "bone": GreyWindow(400.0, 1800.0),
    "soft tissue": GreyWindow(50.0, 400.0),
    "artery": GreyWindow(200.0, 700.0),
}
STANDARD = PRESETS["bone"]


def preset_name(window: GreyWindow) -> str:
    """Return the name of the preset that a window is.

    Parameters
    ----------
    window : GreyWindow
        HU.

    Returns
    -------
    str
        Empty where it is none.
    """
    return next((name for name, preset in PRESETS.items() if preset == window), "")
