"""Everything that the window shows, as values: texts, levels, places, and reasons for blanks."""

from dataclasses import dataclass
from typing import Literal

from nav.frames import Array
from nav.guidance.alarms import Level
from nav.live.messages import Stage


@dataclass(frozen=True)
class Why:
    """Why there is no number: a few words, and what else is known."""

    headline: str
    detail: str = ""


@dataclass(frozen=True)
class GaugeState:
    """One gauge: the distance to the nearest structure of a role, or why there is none.

    value, bound : texts, empty where there is no number. distance, lower : the same, mm, for the
    bar. caution, danger : limits of the structure shown, mm. full : the bar's end, mm. bending :
    whether that is in the bound.
    """

    role: str
    name: str
    level: Level
    value: str = ""
    bound: str = ""
    distance: float | None = None
    lower: float | None = None
    caution: float | None = None
    danger: float | None = None
    full: float = 15.0
    why: Why | None = None
    bending: str = ""

    @property
    def inside(self) -> bool:
        """Whether the tip is inside the structure."""
        return self.distance is not None and self.distance < 0


@dataclass(frozen=True)
class AheadLine:
    """What the heading hits, and in how many millimetres (text)."""

    name: str
    role: str
    text: str


@dataclass(frozen=True)
class TargetState:
    """Where the tip is against the plan, as texts; `why` instead of them where it is not known."""

    plan: str
    distance: str = ""
    spread: str = ""
    off_axis: str = ""
    angle: str = ""
    why: Why | None = None


@dataclass(frozen=True)
class Light:
    """A tool or a camera: seen, doubtful, lost or (no data at all) unknown, and why."""

    name: str
    status: Literal["seen", "doubtful", "lost", "unknown"]
    reason: str = ""

    @property
    def word(self) -> str:
        """The one word shown for it."""
        return {"seen": "seen", "doubtful": "doubtful", "lost": "LOST", "unknown": "no data"}[
            self.status
        ]


@dataclass(frozen=True, eq=False)
class Segment:
    """Shortest way from the tip to a structure, (3,) each, model frame, mm."""

    role: str
    start: Array
    end: Array
    text: str
    level: Level


@dataclass(frozen=True, eq=False)
class SceneState:
    """What moves in the 3D view.

    tip, heading : (3,), model frame, mm; None where there is no needle to draw. ahead : way to the
    first hit, mm. plan, fiducials, wanted : what is shown of the case, by name.
    """

    tip: Array | None = None
    heading: Array | None = None
    ahead: float | None = None
    segments: tuple[Segment, ...] = ()
    plan: str = ""
    fiducials: tuple[str, ...] = ()
    wanted: str = ""


@dataclass(frozen=True)
class Banner:
    """A message across the view; `alarming` where something is wrong, not merely awaited."""

    text: str
    alarming: bool


@dataclass(frozen=True, eq=False)
class DisplayState:
    """Exactly what the window shows. age : of the pictures that the numbers come from."""

    live: bool
    banner: Banner | None
    stage: Stage
    prompt: str
    notices: tuple[str, ...]
    artery: GaugeState
    cord: GaugeState
    ahead: tuple[AheadLine, ...]
    ahead_why: Why | None
    target: TargetState
    lights: tuple[Light, ...]
    delay: str
    rate: str
    scene: SceneState
    age: str = ""
