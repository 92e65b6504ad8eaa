"""A session as a few lines of characters: what was tracked, how near it was, what happened."""

from __future__ import annotations

import numpy as np

from nav.record.session_tools.session_list import length_text
from nav.record.session_tools.session_story import LEVELS, SessionStory

WIDTH = 72  # characters
SHARES = " ▁▂▃▄▅▆▇█"
MARKS = {  # of events; where several meet, the first of this order is shown
    "mark": "M",
    "alarm": "!",
    "registration": "R",
    "verification": "V",
    "touch": "T",
    "recorder": "?",
    "camera": "c",
}
CALM = ("level_clear", "level_unknown", "registration_fits_again")  # alarms that end
LEVEL_MARKS = {"unknown": " ", "clear": "·", "caution": "c", "danger": "D"}
LEGEND = (
    "share tracked, per tool; D danger, c caution, · clear, blank: no data; "
    "T touch, R registration, V check point, ! alarm, M mark"
)


def timeline_lines(story: SessionStory, seconds: float, start_ns: int) -> list[str]:
    """Draw a session's time line.

    Parameters
    ----------
    story : SessionStory
        Of the session.
    seconds : float
        Its length.
    start_ns : int
        Its start, ns.

    Returns
    -------
    list of str
        Where there were no frames the lines are blank.
    """
    if not len(story.times) or seconds <= 0.0:
        return []
    place = np.clip((story.times / seconds * WIDTH).astype(int), 0, WIDTH - 1)
    names = max(map(len, [*story.tracked, "alarms", "events"]))
    lines = [f"{name:{names}} |{_shares(place, seen)}|" for name, seen in story.tracked.items()]
    lines.append(f"{'alarms':{names}} |{_levels(place, story.levels)}|")
    lines.append(f"{'events':{names}} |{_events(story, seconds, start_ns)}|")
    end = length_text(seconds)
    lines.append(" " * names + " 0 s" + end.rjust(WIDTH - 2))
    return [*lines, LEGEND]


def _shares(place: np.ndarray, seen: np.ndarray) -> str:
    """Return how many of each bin's frames have a pose, as blocks; blank: none, or no frames."""
    text = []
    for one in range(WIDTH):
        here = seen[place == one]
        share = float(here.mean()) if len(here) else 0.0
        full = len(SHARES) - 1  # only where no frame is without a pose
        text.append(SHARES[full if share == 1.0 else min(int(np.ceil(share * full)), full - 1)])
    return "".join(text)


def _levels(place: np.ndarray, levels: list[str]) -> str:
    ranks = np.array([LEVELS.index(level) if level in LEVELS else 0 for level in levels])
    text = []
    for one in range(WIDTH):
        here = ranks[place == one]
        text.append(LEVEL_MARKS[LEVELS[int(here.max())]] if len(here) else " ")
    return "".join(text)


def _events(story: SessionStory, seconds: float, start_ns: int) -> str:
    text = [" "] * WIDTH
    for kind in reversed(MARKS):
        for event in story.of_kind(kind):
            if event.code in CALM:
                continue
            at = (event.log_time - start_ns) / 1e9 / seconds * WIDTH
            text[min(max(int(at), 0), WIDTH - 1)] = MARKS[kind]
    return "".join(text)
