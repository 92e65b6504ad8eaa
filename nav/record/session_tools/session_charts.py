"""The session report's drawings as SVG: distances over time, and what was tracked when."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from itertools import pairwise
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nav.core.frames import Array
from nav.core.picture_text import missing_glyphs_drawn_as_boxes, picture_text
from nav.record.session.session_format import SessionEvent
from nav.record.session_tools.session_story import SessionStory, StructureBounds

WIDTH, PANEL, STRIP = 9.6, 1.5, 0.24  # inches: the page's width, a role's panel, a tool's strip
FARTHEST = 30.0  # mm that are drawn, unless everything is farther
INK, LOSS, NOTHING = "#1b1f23", "#e3a9a9", "#d5d9db"
ROLE_COLOURS = {"artery": "#c0392b", "cord": "#9a7400"}
OTHER_COLOUR = "#0b6e72"
LEVEL_COLOURS = {"clear": "#4aa59b", "caution": "#e8a200", "danger": "#b00020", "unknown": NOTHING}
# colours of bars that are drawn at least a line wide, and over others
SHORT_SEEN = {LOSS: 1, LEVEL_COLOURS["caution"]: 1, LEVEL_COLOURS["danger"]: 2}
CAUTION_BAND, DANGER_BAND = "#fdf3d7", "#f8dcdc"
MARKERS = {  # of events: symbol and colour
    "touch": ("v", "#5b5ea6"),
    "registration": ("D", "#0b6e72"),
    "verification": ("s", "#4a7c2f"),
    "mark": ("P", INK),
    "recorder": ("X", "#b00020"),
    "camera": ("X", "#d08c00"),
}
STYLE: dict[Any, Any] = {
    "svg.hashsalt": "c1c2nav",
    "svg.fonttype": "path",
    "font.family": "DejaVu Sans",
    "font.size": 8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
    "path.simplify_threshold": 0.5,
}


@dataclass(frozen=True)
class Limits:
    """Where a structure's alarm becomes amber and red, mm; None: never."""

    caution: float | None = None
    danger: float | None = None


def session_chart(
    story: SessionStory,
    limits: Mapping[str, Limits],
    window: tuple[float, float],
    start_ns: int,
) -> str:
    """Draw a session over time.

    Parameters
    ----------
    story : SessionStory
        Of the session.
    limits : mapping of str to Limits
        By structure.
    window : tuple of 2 floats
        From when to when, s since the start.
    start_ns : int
        Its start, ns.

    Returns
    -------
    str
        SVG; the same session gives the same text. A panel for each role: the structure nearest by
        its bound. Lines are broken where there is no distance, and nothing is drawn in between.
    """
    start, stop = window[0], max(window[1], window[0] + 1e-3)
    roles = _roles(story)
    strips = len(story.tracked) + 2
    heights = [PANEL] * len(roles) + [STRIP * strips + 0.2]
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(WIDTH, sum(heights) + 0.5), layout="constrained")
        panels = figure.subplots(
            len(heights), 1, sharex=True, squeeze=False, height_ratios=heights
        )[:, 0]
        for axes, role in zip(panels, roles, strict=False):
            _role(axes, story, role, limits, (start, stop))
        _strips(panels[-1], story, (start, stop), start_ns)
        for axes in panels:
            _gaps(axes, story)
            axes.set_xlim(start, stop + 0.01 * (stop - start))
        out = BytesIO()
        with missing_glyphs_drawn_as_boxes():
            figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    text = out.getvalue().decode()
    return text[text.index("<svg") :]


def nearest_by_role(
    story: SessionStory, role: str
) -> tuple[StructureBounds, np.ndarray[Any, np.dtype[np.int64]]]:
    """Return, frame by frame, the distance to the structure of a role whose bound is least.

    Parameters
    ----------
    story : SessionStory
        Of the session.
    role : str
        Of the structures.

    Returns
    -------
    bounds : StructureBounds
        Named as the role; NaN where there is no distance.
    which : ndarray, shape (n,), int
        Place among the role's structures.
    """
    own = [s for s in story.structures if s.role == role]
    bound = np.array([s.bound for s in own])
    which = np.where(np.isnan(bound), np.inf, bound).argmin(axis=0)
    frames = np.arange(bound.shape[1])
    distance = np.array([s.distance for s in own])[which, frames]
    return StructureBounds(role, role, distance, bound[which, frames]), which


def near_window(story: SessionStory, seconds: float) -> tuple[float, float] | None:
    """Return from when to when the tip was near, where a chart of the whole would hide it.

    Parameters
    ----------
    story : SessionStory
        Of the session.
    seconds : float
        Its length.

    Returns
    -------
    tuple of 2 floats or None
        s since the start, with some room; None where it is more than half of the session, or the
        tip was never within FARTHEST.
    """
    near = np.zeros(len(story.times), bool)
    for role in _roles(story):
        near |= nearest_by_role(story, role)[0].distance <= FARTHEST
    if not near.any():
        return None
    first, last = float(story.times[near].min()), float(story.times[near].max())
    room = max(0.05 * (last - first), 0.2)
    start, stop = max(0.0, first - room), min(seconds, last + room)
    return (start, stop) if stop - start < 0.5 * seconds else None


def _roles(story: SessionStory) -> list[str]:
    roles = list(dict.fromkeys(s.role for s in story.structures))
    return [role for role in roles if role in ("artery", "cord")] or roles[:2]


def _role(
    axes: Axes,
    story: SessionStory,
    role: str,
    limits: Mapping[str, Limits],
    window: tuple[float, float],
) -> None:
    near, _ = nearest_by_role(story, role)
    colour = ROLE_COLOURS.get(role, OTHER_COLOUR)
    times, distance, bound = _broken(story, near.distance, near.bound)
    axes.plot(times, distance, color=colour, lw=1.1, label="distance")
    axes.plot(times, bound, color=colour, lw=0.8, ls=(0, (2, 1)), label="95 % lower bound")
    axes.fill_between(times, bound, distance, color=colour, alpha=0.18, lw=0)
    top = _top(near)
    low = min(0.0, float(np.nanmin(near.bound))) if np.isfinite(near.bound).any() else 0.0
    _bands(axes, story, role, limits, low - 0.06 * (top - low))
    if near.worst is not None:
        at, least = float(story.times[near.worst]), float(near.bound[near.worst])
        axes.plot([at], [least], "o", ms=5, mfc="white", mec=colour, mew=1.4, zorder=5)
        right = at > window[0] + 0.8 * (window[1] - window[0])
        axes.annotate(
            f"{least:.1f} mm at {at:.1f} s".replace("-", "−"),
            (at, least),
            (-8 if right else 8, -16 if least > low + 0.3 * (top - low) else 14),
            textcoords="offset points",
            ha="right" if right else "left",
            fontweight="bold",
            color=colour,
            bbox={"fc": "white", "ec": "none", "pad": 1.0, "alpha": 0.85},
            zorder=6,
        )
    axes.set_ylim(low - 0.06 * (top - low), top)
    axes.set_ylabel(f"{picture_text(role)}, mm")
    axes.grid(visible=True, axis="y", alpha=0.3)
    axes.legend(
        loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=2, fontsize=7, borderaxespad=0.1
    )
    axes.tick_params(labelbottom=False)


def _top(near: StructureBounds) -> float:
    """Return the largest distance that is drawn, mm."""
    known = near.distance[np.isfinite(near.distance)]
    if not len(known):
        return FARTHEST
    wanted = 1.05 * float(known.max())
    return wanted if float(known.min()) > FARTHEST else max(min(wanted, FARTHEST), 1.0)


def _bands(
    axes: Axes, story: SessionStory, role: str, limits: Mapping[str, Limits], low: float
) -> None:
    """Shade what is caution and danger, by the largest limits of the role's structures."""
    own = [limits[s.name] for s in story.structures if s.role == role and s.name in limits]
    caution = max((one.caution for one in own if one.caution is not None), default=None)
    danger = max((one.danger for one in own if one.danger is not None), default=None)
    if caution is not None:
        axes.axhspan(low, caution, color=CAUTION_BAND, lw=0, zorder=0)
    if danger is not None:
        axes.axhspan(low, danger, color=DANGER_BAND, lw=0, zorder=0)


def _broken(story: SessionStory, *values: Array) -> list[Array]:
    """Return times and values with NaN in every gap, so that no line crosses it."""
    places = np.flatnonzero(np.diff(story.times) > story.longest_step) + 1
    times = np.insert(story.times.astype(float), places, np.nan)
    return [times, *(np.insert(one.astype(float), places, np.nan) for one in values)]


def _gaps(axes: Axes, story: SessionStory) -> None:
    for start, stop in story.gaps:
        axes.axvspan(start, stop, facecolor="#f4f5f6", edgecolor="#9aa3a8", hatch="////", lw=0)


def _strips(axes: Axes, story: SessionStory, window: tuple[float, float], start_ns: int) -> None:
    """Draw below each other: every tool's tracking, the alarm, the events."""
    rows = [*story.tracked, "alarm", "events"]
    for row, (_, seen) in enumerate(story.tracked.items()):
        colours = np.where(seen, LEVEL_COLOURS["clear"], LOSS)
        _coloured(axes, story, row, colours)
    levels = np.array([LEVEL_COLOURS.get(level, NOTHING) for level in story.levels])
    _coloured(axes, story, len(story.tracked), levels)
    for kind, (symbol, colour) in MARKERS.items():
        times = [_seconds(event, start_ns) for event in story.of_kind(kind)]
        times = [at for at in times if window[0] <= at <= window[1]]
        if times:
            label = {"verification": "check point", "registration": "registration"}.get(kind, kind)
            axes.plot(times, [len(rows) - 1] * len(times), symbol, color=colour, ms=5, label=label)
    axes.set_yticks(range(len(rows)), [picture_text(row) for row in rows])
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.set_xlabel("time since the start, s")
    if axes.get_legend_handles_labels()[1]:
        axes.legend(
            loc="upper left", bbox_to_anchor=(0.0, -0.42), ncols=6, fontsize=7, borderaxespad=0.0
        )


def _coloured(axes: Axes, story: SessionStory, row: int, colours: np.ndarray) -> None:
    """Draw runs of one colour as bars; a frame's bar ends at the next frame, or at a gap."""
    times = story.times
    if not len(times):
        return
    step = float(np.median(np.diff(times))) if len(times) > 1 else 0.03
    stops = np.minimum(np.append(times[1:], times[-1] + step), times + story.longest_step)
    changes = np.flatnonzero(colours[1:] != colours[:-1]) + 1
    breaks = np.flatnonzero(np.diff(times) > story.longest_step) + 1
    edges = np.unique(np.concatenate([[0], changes, breaks, [len(times)]]))
    for first, last in pairwise(edges.tolist()):
        end = times[last - 1] + step if last in breaks else stops[last - 1]
        colour = str(colours[first])
        # what matters is seen however short it was
        edge = 0.8 if colour in SHORT_SEEN else 0.0
        axes.barh(
            row, end - times[first], 0.62, times[first], color=colour, ec=colour, lw=edge,
            zorder=2 + SHORT_SEEN.get(colour, 0),
        )  # fmt: skip


def _seconds(event: SessionEvent, start_ns: int) -> float:
    return (event.log_time - start_ns) / 1e9
