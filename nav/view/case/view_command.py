"""Run `nav view`: show a case in slices of its scan and in 3D."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from rich.console import Console

from nav.core.errors import InputError
from nav.core.notice import Notice
from nav.display import display_problem
from nav.registration.markupsline import read_line
from nav.text.catalogue import sentence
from nav.view.case.case_state import ViewState, initial_state
from nav.view.case.case_text import shortcomings
from nav.view.case.greys import PRESETS
from nav.view.case.loading import ViewedCase, load_viewed_case

LEAST_SIDE, MOST_SIDE = 400, 8000  # pixels of a picture


@dataclass(frozen=True)
class ViewOptions:
    """The command's options, as given; see `nav view --help`.

    Parameters
    ----------
    at : tuple of three float, optional
        Of the cross-hair, LPS, mm.
    window : str
        Name of a preset of grey values.
    by_sigma : bool
        Whether surfaces have the colour of their standard deviation.
    hide, show : tuple of str
        Names of structures.
    size : str
        Of a picture, as WIDTHxHEIGHT.
    lines : tuple of Path
        Lines that were set by hand, as Markups; the first is scored.
    """

    at: tuple[float, float, float] | None = None
    window: str = "bone"
    by_sigma: bool = False
    hide: tuple[str, ...] = ()
    show: tuple[str, ...] = ()
    size: str = "1920x1080"
    lines: tuple[Path, ...] = ()


def view_case(path: Path, options: ViewOptions, screenshot: Path | None, console: Console) -> None:
    """Load a case and show it, or write a picture of it.

    Parameters
    ----------
    path : Path
        case.toml, or the folder that holds it.
    options : ViewOptions
        As given on the command line.
    screenshot : Path or None
        The picture to write; None opens the window.
    console : rich.console.Console
        Progress and warnings are printed to it.

    Raises
    ------
    InputError
        The case or its scan cannot be read, an option names what does not exist, or there is no
        display.
    """
    size = picture_size(options.size)
    with console.status("reading the case") as status:
        viewed = load_viewed_case(path, lambda name: status.update(f"reading the case: {name}"))
    state = first_state(viewed, options)
    problem = display_problem() if screenshot is None else ""
    if problem:
        raise InputError(f"{problem}; --screenshot FILE.png makes an image without one")
    for line in shortcomings(viewed):
        warned = sentence(Notice("warned", {"warning": line}))
        console.print(warned, markup=False, highlight=False)
    from nav.view.case.case_app import run_case_window, write_case_picture  # Qt

    if screenshot is None:
        run_case_window(viewed, state)
        return
    with console.status("drawing"):
        write_case_picture(screenshot, viewed, state, size)
    console.print(f"written: {screenshot}", markup=False, highlight=False)


def first_state(viewed: ViewedCase, options: ViewOptions) -> ViewState:
    """Return what a case's window begins with.

    Parameters
    ----------
    viewed : ViewedCase
        The case.
    options : ViewOptions
        As given on the command line.

    Returns
    -------
    ViewState
        With the lines of the options.

    Raises
    ------
    InputError
        No such preset or structure, or a point outside the case.
    """
    state = initial_state(viewed)
    if options.window not in PRESETS:
        raise InputError(f"--window: expected {', '.join(PRESETS)}; got {options.window!r}")
    names = {s.name for s in viewed.case.structures}
    for option, given in (("--hide", options.hide), ("--show", options.show)):
        unknown = next((name for name in given if name not in names), None)
        if unknown is not None:
            listed = ", ".join(s.name for s in viewed.case.structures)
            raise InputError(f"{option}: {viewed.path} has no {unknown!r}; it has {listed}")
    hidden = (state.hidden | frozenset(options.hide)) - frozenset(options.show)
    state = _with_lines(viewed, state, options.lines)
    if options.at is not None:
        state = replace(state, cross=_place(viewed, options.at))
    return replace(state, window=PRESETS[options.window], hidden=hidden, by_sigma=options.by_sigma)


def _with_lines(viewed: ViewedCase, state: ViewState, files: Sequence[Path]) -> ViewState:
    """Return the state with lines that were set by hand; the case's own plans are hidden."""
    if not files:
        return state
    canal = viewed.case.of_role("cord") or viewed.case.of_role("dura") or viewed.case.structures
    inside = np.concatenate([s.surface.vertices for s in canal]).mean(axis=0)
    plans = list(state.plans)
    for file in files:
        line = read_line(file, inside)
        if any(plan.name == line.name for plan in plans):
            raise InputError(f"--line: two lines are called {line.name!r}; rename a file")
        plans.append(line)
    own = frozenset(plan.name for plan in state.plans)
    first = plans[len(own)]
    return replace(
        state,
        plans=tuple(plans),
        saved_plans=tuple(plans),
        hidden_plans=own,
        active=first.name,
        cross=first.target.copy(),
    )


def _place(viewed: ViewedCase, at: tuple[float, float, float]) -> np.ndarray:
    point = np.array(at, float)
    low, high = viewed.box
    if not all(map(math.isfinite, at)) or (point < low).any() or (point > high).any():
        reach = ", ".join(f"{a:.0f} to {b:.0f}" for a, b in zip(low, high, strict=True))
        raise InputError(f"--at: {' '.join(map(str, at))}: outside the case, which has {reach} mm")
    return point


def picture_size(text: str) -> tuple[int, int]:
    """Parse the size of a picture.

    Parameters
    ----------
    text : str
        WIDTHxHEIGHT.

    Returns
    -------
    width, height : int
        px.

    Raises
    ------
    InputError
        Something else, or sizes out of range.
    """
    found = re.fullmatch(r"(\d{1,5})x(\d{1,5})", text.strip().lower())
    sides = (int(found[1]), int(found[2])) if found else (0, 0)
    if not all(LEAST_SIDE <= side <= MOST_SIDE for side in sides):
        raise InputError(
            f"--size: expected WIDTHxHEIGHT of {LEAST_SIDE} to {MOST_SIDE} pixels, as 1920x1080; "
            f"got {text!r}"
        )
    return sides
