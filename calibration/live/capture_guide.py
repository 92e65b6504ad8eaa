"""What to ask for next, and whether to take the present image. No state, no Qt."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from calibration.cameras.rig_verdict import CELLS, COVERED, TILTED
from calibration.live.board_view import Cell, Look
from calibration.live.progress import (
    NEAR_AND_FAR,
    SPARE,
    TOGETHER,
    CameraProgress,
    Capture,
    Progress,
)
from nav.core.frames import Array

# differences that make an image a new one, to every other of the same camera
NEW_PLACE = 0.12  # of the picture
NEW_LEAN = np.radians(8.0)
NEW_SPIN = np.radians(25.0)
NEW_SQUARE = np.log(1.15)
NEW_CELLS = 2
MOST = 60  # captures
BY_ONE = 2  # more captures by one camera alone than by several at once
LARGE = 0.45  # of the image's width: a board that need not come nearer

EDGES = {
    (0, -1): "top edge", (0, 1): "bottom edge", (-1, 0): "left side", (1, 0): "right side",
    (-1, -1): "upper left corner", (1, -1): "upper right corner",
    (-1, 1): "lower left corner", (1, 1): "lower right corner",
}  # fmt: skip
REGIONS = {**EDGES, (0, -1): "upper edge", (0, 1): "lower edge", (-1, 0): "left edge",
           (1, 0): "right edge", (0, 0): "middle"}  # fmt: skip


@dataclass(frozen=True)
class Ask:
    """What to do next.

    Attributes
    ----------
    kind : str
        show, both, tilt, place, nearer, farther, more, still or done.
    say : str
        Sentence for a person.
    camera : int or None
        Index of the camera whose image it is about; None: all.
    way : tuple of 2 ints
        Right and down in the image, -1 to 1: the side to bring nearer, or the place.
    cells : frozenset of (int, int)
        Cells that are to be filled.
    """

    kind: str
    say: str
    camera: int | None = None
    way: tuple[int, int] = (0, 0)
    cells: frozenset[Cell] = frozenset()


@dataclass(frozen=True)
class Advice:
    """What to ask for, and whether to take the present image.

    Attributes
    ----------
    ask : Ask
        The request.
    capture : bool
        Whether to take the image.
    """

    ask: Ask
    capture: bool


def advise(
    taken: Sequence[Capture],
    progress: Progress,
    present: Capture,
    still: Collection[int],
    names: Sequence[str],
) -> Advice:
    """Decide what to do now.

    Parameters
    ----------
    taken : sequence of Capture
        Captures so far.
    progress : Progress
        Of the captures.
    present : Capture
        The board in the present images, by camera; empty if it is not seen.
    still : collection of int
        Cameras in which it does not move.
    names : sequence of str
        The cameras' names.

    Returns
    -------
    Advice
        Request, and whether to capture.
    """
    want = wanted(progress, names)
    if not present:
        return Advice(want if want.kind == "done" else _show(names), False)
    steady = all(camera in still for camera in present)
    useful = worth_taking(taken, progress, present)
    if want.kind == "done" or not useful or len(taken) >= MOST:
        return Advice(want, False)
    if steady:
        return Advice(Ask("still", "Hold still"), True)
    if satisfies(want, progress, present, names):
        return Advice(Ask("still", "Hold still", want.camera, want.way, want.cells), False)
    return Advice(want, False)


def worth_taking(taken: Sequence[Capture], progress: Progress, present: Capture) -> bool:
    """Return whether the present images are different enough from all captures.

    Parameters
    ----------
    taken : sequence of Capture
        Captures so far.
    progress : Progress
        Of the captures.
    present : Capture
        The board in the present images, by camera.

    Returns
    -------
    bool
        Whether they add information.
    """
    fills = {k: len(look.cells - progress.cameras[k].cells) for k, look in present.items()}
    if not any(fills[k] >= NEW_CELLS or _is_new(taken, k, look) for k, look in present.items()):
        return False
    if len(progress.cameras) == 1 or len(present) > 1:
        return True
    # seen by one camera alone: for its picture's corners only, and not too often
    (camera,) = present
    alone = progress.captures - progress.together
    return fills[camera] >= NEW_CELLS and alone < progress.together + BY_ONE


def alike(present: Capture, other: Capture) -> bool:
    """Return whether a board is seen at the same place as in another capture.

    Parameters
    ----------
    present : Capture
        The board in the present images, by camera.
    other : Capture
        The other capture.

    Returns
    -------
    bool
        Whether that holds for all cameras that see it.
    """
    return bool(present) and all(
        camera in other and not _differ(look, other[camera]) for camera, look in present.items()
    )


def _is_new(taken: Sequence[Capture], camera: int, look: Look) -> bool:
    return all(_differ(look, capture[camera]) for capture in taken if camera in capture)


def _differ(one: Look, other: Look) -> bool:
    spin = abs((one.spin - other.spin + np.pi) % (2 * np.pi) - np.pi)
    return bool(
        np.linalg.norm(one.middle - other.middle) > NEW_PLACE
        or np.linalg.norm(one.lean - other.lean) > NEW_LEAN
        or abs(one.square - other.square) > NEW_SQUARE
        or spin > NEW_SPIN
    )


def wanted(progress: Progress, names: Sequence[str]) -> Ask:
    """Return the request for what captures lack most, independent of what is seen now.

    Parameters
    ----------
    progress : Progress
        Of the captures.
    names : sequence of str
        The cameras' names.

    Returns
    -------
    Ask
        The request.
    """
    several = len(names) > 1
    if progress.captures == 0:
        return _show(names)
    alone = progress.captures - progress.together
    lacking = [k for k in range(len(names)) if not progress.enough(k)]
    if several and (alone >= progress.together + BY_ONE or (not lacking and not progress.tied)):
        return _both(names)
    if not lacking:
        return Ask("done", "Enough. Press Calibrate")
    for find in (_tilt, _place, _distance):
        asks = [a for k in lacking if (a := find(progress.cameras[k], k, names)) is not None]
        if asks:
            return asks[0]
    if several and any(progress.cameras[k].together < TOGETHER for k in lacking):
        return _both(names)
    camera = min(lacking, key=lambda k: progress.cameras[k].views)
    return Ask("more", f"Turn or move it{_before(names, camera)}", camera)


def satisfies(want: Ask, progress: Progress, present: Capture, names: Sequence[str]) -> bool:
    """Return whether the board is where it is asked for.

    Parameters
    ----------
    want : Ask
        The request.
    progress : Progress
        Of the captures.
    present : Capture
        The board in the present images, by camera.
    names : sequence of str
        The cameras' names.

    Returns
    -------
    bool
        Whether the request is satisfied.
    """
    if want.kind in ("show", "both"):
        return len(present) >= min(2, len(names))
    if want.kind == "more":
        return want.camera in present
    if want.camera is None or want.camera not in present:
        return False
    look, camera = present[want.camera], progress.cameras[want.camera]
    if want.kind == "tilt":
        way = np.array(want.way) / np.linalg.norm(want.way)
        return bool((look.lean @ way) > (camera.lean @ way).max() + NEW_LEAN)
    if want.kind == "place":
        return len(look.cells & want.cells) >= min(NEW_CELLS, len(want.cells))
    if want.kind == "nearer":
        return look.square >= camera.far + float(np.log(NEAR_AND_FAR))
    return look.square <= camera.near - float(np.log(NEAR_AND_FAR))


def _show(names: Sequence[str]) -> Ask:
    where = {1: "the camera", 2: "both cameras"}.get(len(names), "the cameras")
    return Ask("show", f"Show the board to {where}")


def _both(names: Sequence[str]) -> Ask:
    who = "Both cameras" if len(names) == 2 else "Two cameras at once"
    return Ask("both", f"{who} must see it")


def _tilt(camera: CameraProgress, index: int, names: Sequence[str]) -> Ask | None:
    """Ask for a tilt about the axis with the smallest tilts so far, to the side less tilted."""
    if camera.tilt >= SPARE * TILTED or not camera.views:
        return None
    axis = _lesser_axis(camera.lean)
    along = camera.lean @ axis
    way = _rounded(axis if along.max() <= -along.min() else -axis)
    return Ask("tilt", f"Tilt its {EDGES[way]} towards {_camera(names, index)}", index, way)


def _lesser_axis(lean: Array) -> Array:
    """Return the direction (2,) in which the boards' tilt varies least."""
    if len(lean) < 3:
        spread = np.ptp(lean, axis=0)
        return np.array([0.0, 1.0]) if spread[1] <= spread[0] else np.array([1.0, 0.0])
    _, _, axes = np.linalg.svd(lean - lean.mean(axis=0), full_matrices=False)
    extents = np.ptp(lean @ axes.T, axis=0)
    return np.asarray(axes[int(np.argmin(extents))], float)


def _rounded(way: Array) -> tuple[int, int]:
    """Round to the nearest of eight directions."""
    octant = np.round(np.arctan2(way[1], way[0]) / (np.pi / 4)) * np.pi / 4
    return int(np.round(np.cos(octant))), int(np.round(np.sin(octant)))


def _place(camera: CameraProgress, index: int, names: Sequence[str]) -> Ask | None:
    """Ask for the emptiest part of the image."""
    if camera.covered >= COVERED:
        return None
    empty = {way: cells - camera.cells for way, cells in PARTS.items()}
    way = max(PARTS, key=lambda w: (len(empty[w]), w[0] ** 2 + w[1] ** 2))
    say = f"Into the {REGIONS[way]} of {_camera(names, index, 'the image')}"
    return Ask("place", say, index, way, frozenset(empty[way]))


def _parts() -> Mapping[tuple[int, int], frozenset[Cell]]:
    """Return the cells of the image's nine parts, by direction from its centre."""
    thirds = []
    for count in CELLS:
        side = (count + 1) // 3
        thirds.append((range(side), range(side, count - side), range(count - side, count)))
    return {
        (x, y): frozenset((c, r) for c in thirds[0][x + 1] for r in thirds[1][y + 1])
        for x in (-1, 0, 1)
        for y in (-1, 0, 1)
    }


PARTS = _parts()


def _distance(camera: CameraProgress, index: int, names: Sequence[str]) -> Ask | None:
    if camera.reach >= NEAR_AND_FAR or not camera.views:
        return None
    if camera.widest < LARGE:
        return Ask("nearer", f"Bring it nearer{_before(names, index, ' to')}", index)
    return Ask("farther", f"Move it farther{_before(names, index, ' from')}", index)


def _camera(names: Sequence[str], index: int, alone: str = "the camera") -> str:
    return alone if len(names) == 1 else f"the {names[index].upper()} camera"


def _before(names: Sequence[str], index: int, word: str = " before") -> str:
    return "" if len(names) == 1 else f"{word} the {names[index].upper()} camera"
