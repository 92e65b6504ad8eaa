"""Everything that the window shows, as values: texts, levels, positions, and reasons for blanks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from nav.core.frames import Array
from nav.core.notice import Notice
from nav.guidance.alarms import Level
from nav.live.messages import Stage
from nav.text.catalogue import label

# a gauge and a chart for each, from above; limits of alarm: `nav.model.case.DEFAULT_LIMITS`
GAUGE_ROLES = ("artery", "cord")


@dataclass(frozen=True)
class Why:
    """The reason why there is no number.

    Parameters
    ----------
    headline : str
        A few words.
    detail : str
        What else is known.
    """

    headline: str
    detail: str = ""


@dataclass(frozen=True)
class GaugeState:
    """One gauge: the distance to the nearest structure of a role, or why there is none.

    Parameters
    ----------
    role, name : str
        Of the structure shown.
    level : Level
        Of alarm.
    value, bound : str
        Distance and its bound as texts, empty where there is no number.
    distance, lower : float or None
        The same, mm, for the bar.
    caution, danger : float or None
        Limits of the structure shown, mm.
    full : float
        The bar's end, mm.
    why : Why or None
        Why there is no number.
    bending : str
        Whether the needle's bending is in the bound, in words.
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
    """The structure that the heading hits.

    Parameters
    ----------
    name, role : str
        Of the structure.
    text : str
        In how many millimetres.
    """

    name: str
    role: str
    text: str


@dataclass(frozen=True)
class TargetState:
    """The tip relative to the plan, as texts.

    Parameters
    ----------
    plan : str
        Its name.
    distance : str
        To the target.
    spread : str
        Half of the 95 % interval of the distance.
    off_axis : str
        Distance from the plan's line.
    angle : str
        To the plan.
    why : Why or None
        Why the numbers are not known.
    """

    plan: str
    distance: str = ""
    spread: str = ""
    off_axis: str = ""
    angle: str = ""
    why: Why | None = None


STATUS_WORDS = {
    "seen": "status_seen",
    "doubtful": "status_doubtful",
    "lost": "status_lost",
    "unknown": "no_data",
}


@dataclass(frozen=True)
class Light:
    """The status of a tool or a camera.

    Parameters
    ----------
    name : str
        Of the tool or camera.
    status : str
        "seen", "doubtful", "lost" or (no data at all) "unknown".
    reason : str
        Why.
    says_status : bool
        Whether the reason says the status itself.
    """

    name: str
    status: Literal["seen", "doubtful", "lost", "unknown"]
    reason: str = ""
    says_status: bool = False

    @property
    def word(self) -> str:
        """The one word shown for it."""
        return label(STATUS_WORDS[self.status])


@dataclass(frozen=True, eq=False)
class Segment:
    """The shortest connection from the tip to a structure.

    Parameters
    ----------
    role : str
        Of the structure.
    start, end : ndarray, shape (3,)
        Tip, and nearest point of the structure; model frame, mm.
    text : str
        Its length.
    level : Level
        Of alarm.
    """

    role: str
    start: Array
    end: Array
    text: str
    level: Level


@dataclass(frozen=True, eq=False)
class SceneState:
    """The moving parts of the 3D view.

    Parameters
    ----------
    tip, heading : ndarray, shape (3,), or None
        Model frame, mm, and unit vector; None where there is no needle to draw.
    ahead : float or None
        Distance to the first hit, mm.
    segments : tuple of Segment
        Shortest connections to structures.
    plan : str
        Name of the plan shown.
    fiducials : tuple of str
        Labels of the fiducials shown.
    wanted : str
        Label of the fiducial to touch next.
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
    """A message across the view.

    Parameters
    ----------
    text : str
        The message.
    alarming : bool
        Something is wrong, not merely awaited.
    """

    text: str
    alarming: bool


@dataclass(frozen=True, eq=False)
class DisplayState:
    """Exactly what the window shows.

    Parameters
    ----------
    live : bool
        Whether the numbers are current.
    banner : Banner or None
        Across the view.
    stage : Stage
        Of the work.
    prompt : str
        What to do.
    notices : tuple of Notice
        For the user, the newest last.
    gauges : mapping of str to GaugeState
        By role, in the order of GAUGE_ROLES.
    ahead : tuple of AheadLine
        What the heading hits.
    ahead_why : Why or None
        Why that is empty.
    target : TargetState
        The tip relative to the plan.
    lights : tuple of Light
        Tools and lost cameras.
    delay, rate : str
        Of the tracking.
    scene : SceneState
        The 3D view.
    age : str
        Of the pictures that the numbers come from.
    record : Notice or None
        Whether it is recorded; None where nothing would be.
    """

    live: bool
    banner: Banner | None
    stage: Stage
    prompt: str
    notices: tuple[Notice, ...]
    gauges: Mapping[str, GaugeState]
    ahead: tuple[AheadLine, ...]
    ahead_why: Why | None
    target: TargetState
    lights: tuple[Light, ...]
    delay: str
    rate: str
    scene: SceneState
    age: str = ""
    record: Notice | None = None


def record_of(notices: Sequence[Notice]) -> tuple[Notice | None, tuple[Notice, ...]]:
    """Return the recorder's state, and the notices that are shown as such.

    Parameters
    ----------
    notices : sequence of Notice
        Of the newest update.

    Returns
    -------
    record : Notice or None
        "recording" or "not_recording"; None where there is no recorder.
    others : tuple of Notice
        All but "recording", which is no news.
    """
    states = [n for n in notices if n.code in ("recording", "not_recording")]
    others = tuple(n for n in notices if n.code != "recording")
    return (states[0] if states else None), others
