"""What is measured: the scenes that have a name, and one scene with one thing varied at a time."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.bench.scenes.settings import Settings, settings_of

NAMED = {
    "clean": "clean",
    "one camera": "one-camera",
    "hard": "hard",
    "misbuilt": "misbuilt",
    "small cube": "cube",
    "hand": "hand",
    "hand, hard": "hand-hard",
    "rolling shutters": "rolling",
    "cameras in turn": "skewed",
}
MORE, MANY = 3, 12  # times the frame sets, where it matters more; for quantiles of times
FOLLOWED = "hand"
QUICK_NAMED = ("clean", "one camera", "hard", "misbuilt", "hand")

# the factor as the table names it: setting, values in full, values when quick
FACTORS: dict[str, tuple[str, tuple[float, ...], tuple[float, ...]]] = {
    "tag size, mm": ("tag_size", (6, 8, 10, 14, 20), (8,)),
    "distance, mm": ("distance", (300, 450, 600, 900, 1200), (1200,)),
    "obliquity, degrees": ("obliquity", (0, 30, 45, 60, 70, 75), (60,)),
    "blur, px": ("blur", (0.4, 0.8, 1.3, 2.0, 3.0), (2.0,)),
    "noise, grey levels": ("noise", (0.5, 2, 4, 8, 16), (8,)),
    "hidden share of tags": ("hidden", (0.0, 0.2, 0.4, 0.6), (0.4,)),
    "cameras": ("cameras", (1, 2, 3, 4), (3,)),
}


@dataclass(frozen=True)
class Case:
    """One row group of the table. factor, value : empty and 0 for a scene with a name."""

    name: str
    factor: str
    value: float
    settings: Settings

    @property
    def every(self) -> int:
        """Other trackers are shown each so many-th frame set: ours and detectMarkers all."""
        return MANY // MORE if self.name == FOLLOWED else 1

    @property
    def exact(self) -> bool:
        """Whether each corner's true place in the pictures is known from the files."""
        s = self.settings
        return not (s.misbuilt or s.misaligned or s.readout_ms or s.skew_ms)


def all_cases(quick: bool, frames: int, seed: int) -> Iterator[Case]:
    """The cases of a run, so many frame sets each; some have several times as many."""
    for name, kind in NAMED.items():
        if not quick or name in QUICK_NAMED:
            times = MANY if name == FOLLOWED else MORE if name in QUICK_NAMED else 1
            yield Case(name, "", 0.0, settings_of(kind, frames=times * frames, seed=seed))
    for factor, (setting, values, few) in FACTORS.items():
        for value in few if quick else values:
            typed: Any = int(value) if setting == "cameras" else float(value)
            changes: dict[str, Any] = {setting: typed, "frames": frames, "seed": seed + 1}
            yield Case(f"{factor} {value:g}", factor, value, settings_of("clean", **changes))
