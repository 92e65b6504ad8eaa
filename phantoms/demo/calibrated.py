"""A demonstration without knowledge of the truth: its rig, tools and tip are calibrated first.

Everything is printed, folded and set up with small errors, as in a lab: misaligned tags, a board
that is bowed and printed too small. Then the simulated cameras take the images that a person would
take, and the commands of `nav calibrate` make the files from them.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from rich.console import Console
from scipy.spatial.transform import RigidTransform, Rotation

from calibration.board import Board, save_board
from calibration.cameras.rig_command import calibrate_rig
from calibration.needle.needle_command import calibrate_needle
from calibration.printing.standard_tools import standard_needle, standard_reference
from calibration.tools.tool_command import calibrate_tool
from nav.camera.rig import Rig
from nav.core.errors import InputError
from nav.core.files import written_whole
from nav.core.frames import Array
from nav.progress_bar import progress_bar
from nav.track import TrackOptions, track_recording
from nav.tracking.tool import Tool, write_tool
from phantoms.twin.default_rig import AIM, nominal_rig_from_model
from phantoms.twin.images import write_picture
from phantoms.twin.sensor import Optics
from phantoms.twin.simulated_boards import board_body
from phantoms.twin.simulated_bodies import Placed
from phantoms.twin.simulated_camera import SimulatedCamera
from phantoms.twin.simulated_motion import noise_source
from phantoms.twin.simulated_tools import needle_body, needle_tool, reference_body, reference_tool

GLUED_SHIFT, GLUED_TURN = 0.2 / np.sqrt(3), np.radians(0.5)  # sd per axis, mm and rad
PRINTED, BOW = 0.997, 0.5  # the board: a share too small, and mm
BOARD = Board(12, 9, 15.0, 11.0, "DICT_5X5_250")
BOARDS, TURNS, TILTS, PIVOTS, SPINS = 24, 48, 36, 120, 30  # frame sets of each kind
CORNERS = np.array([[-1, -1], [1, 1], [1, -1], [-1, 1]])  # of a picture: right, down
INTO_CORNER = np.array([200.0, 125.0])  # mm off the middle
CONE = np.radians(32.0)  # about the divot, from the middle

Place = Callable[[np.random.Generator, float], RigidTransform]


@dataclass(frozen=True)
class Shoot:
    """Images to take.

    Attributes
    ----------
    name : str
        Name of the sub-folder.
    body : callable
        The body at a pose.
    place : callable
        The pose, from a random generator and the progress, 0 to 1.
    count : int
        How many.
    """

    name: str
    body: Callable[[RigidTransform], Placed]
    place: Place
    count: int


def true_tools(seed: int) -> tuple[Tool, Tool]:
    """Draw needle and reference body as they were truly folded.

    Parameters
    ----------
    seed : int
        Of the errors.

    Returns
    -------
    tuple of 2 Tool
        Needle and reference body.
    """
    rng = np.random.default_rng([seed, 11])
    return _misaligned(needle_tool(), rng), _misaligned(reference_tool(), rng)


def calibrate_everything(
    out: Path, rig: Rig, tools: tuple[Tool, Tool], optics: Optics, seed: int, console: Console
) -> None:
    """Write rig.toml, needle.toml and reference.toml, calibrated from images of the true objects.

    Images and tables stay in the sub-folder calibration.

    Parameters
    ----------
    out : Path
        Folder to write to.
    rig : Rig
        The true cameras, which are only used for drawing.
    tools : tuple of 2 Tool
        The true needle and reference body, likewise.
    optics : Optics
        Lens and sensor.
    seed : int
        Of poses and noise.
    console : Console
        Where progress and results are printed.

    Raises
    ------
    InputError
        The folder cannot be written, or the images do not calibrate.
    """
    folder, rng = out / "calibration", np.random.default_rng([seed, 12])
    try:
        folder.mkdir(parents=True)
    except OSError as error:
        raise InputError(f"{folder}: cannot be written: {error.strerror}") from None
    needle, reference = tools
    board = BOARD.scaled(PRINTED)
    shoots = (
        Shoot("board", lambda at: Placed(board_body(board, bow=BOW), at), _waved, BOARDS),
        Shoot("needle", lambda at: Placed(needle_body(needle), at), _turned, TURNS),
        Shoot("reference", lambda at: Placed(reference_body(reference), at), _tilted, TILTS),
        Shoot("pivot", lambda at: Placed(needle_body(needle), at), _pivoted(needle), PIVOTS),
        Shoot("spin", lambda at: Placed(needle_body(needle), at), _spun(needle), SPINS),
    )
    cameras = [
        SimulatedCamera(camera, optics, generator)
        for camera, generator in zip(rig.cameras, noise_source(seed + 1).spawn(2), strict=True)
    ]
    _take(folder, shoots, cameras, rng, console)
    save_board(folder / "board.toml", BOARD)
    for tool in (standard_needle(), standard_reference()):
        write_tool(folder / f"{tool.name}.toml", tool)
    made = out / "rig.toml"
    calibrate_rig(folder / "board", folder / "board.toml", made, console, ruler=100 * PRINTED)
    body = folder / "folded" / "needle.toml"  # without a tip yet
    for name, file in (("needle", body), ("reference", out / "reference.toml")):
        calibrate_tool(made, folder / f"{name}.toml", folder / name, file, console)
    for name in ("pivot", "spin"):
        options = TrackOptions(None, None, None, None)
        table = folder / f"{name}.csv"
        track_recording(made, [body], folder / name, table, options, console)
    pivot, spin = folder / "pivot.csv", folder / "spin.csv"
    calibrate_needle(pivot, "needle", body, out / "needle.toml", console, spin)


def _misaligned(tool: Tool, rng: np.random.Generator) -> Tool:
    """Return a tool whose markers were glued slightly off their places."""
    markers = []
    for marker in tool.markers:
        turn = Rotation.from_rotvec(rng.normal(0.0, GLUED_TURN, 3))
        about = turn.apply(marker.corners - marker.centre) + marker.centre
        markers.append(replace(marker, corners=about + rng.normal(0.0, GLUED_SHIFT, 3)))
    return replace(tool, markers=tuple(markers))


def _take(
    folder: Path,
    shoots: Sequence[Shoot],
    cameras: Iterable[SimulatedCamera],
    rng: np.random.Generator,
    console: Console,
) -> None:
    with progress_bar(console) as bar:
        for shoot in shoots:
            task = bar.add_task(f"images: {shoot.name}", total=shoot.count, note="")
            for number in range(shoot.count):
                place = shoot.place(rng, number / shoot.count)
                for room in cameras:
                    path = folder / shoot.name / room.camera.name / f"{number:03d}.png"
                    with written_whole(path) as beside:
                        write_picture(beside, room.picture([shoot.body(place)]))
                bar.advance(task)


def _middle() -> tuple[Array, Array]:
    """Return the point (3,) that both cameras look at, and axes (3, 3): right, down, away; rig."""
    rig_from_model = nominal_rig_from_model()
    away = rig_from_model.rotation.apply([0.0, -1.0, 0.0])
    right = np.cross([0.0, 1.0, 0.0], away)
    right /= np.linalg.norm(right)
    return rig_from_model.apply(AIM), np.column_stack([right, np.cross(away, right), away])


def _at(
    turn: Rotation, middle: Array, off: Array, centre: tuple[float, float, float] = (0, 0, 0)
) -> RigidTransform:
    """Return rig_from_body: its point `centre` is `off` the middle, turned from facing the rig."""
    aim, axes = middle, _middle()[1]
    rotation = Rotation.from_matrix(axes) * turn
    position = aim + axes @ off - rotation.apply(np.asarray(centre, float))
    return RigidTransform.from_components(position, rotation)


def _waved(rng: np.random.Generator, share: float) -> RigidTransform:
    """Return a board held before the cameras, tilted by up to 40 degrees, all over their images.

    Every second time it is held towards the next of the images' corners.
    """
    way = rng.uniform(0.0, 2 * np.pi)
    tilt = rng.uniform(0.1, 0.7) * np.array([np.cos(way), np.sin(way), 0.0])
    turn = Rotation.from_rotvec(tilt) * Rotation.from_rotvec([0, 0, rng.uniform(-0.6, 0.6)])
    off = rng.uniform(-1, 1, 3) * [150.0, 90.0, 90.0]
    number = round(share * BOARDS)
    if number % 2:
        off[:2] = rng.uniform(0.8, 1.2, 2) * INTO_CORNER * CORNERS[number // 2 % 4]
    return _at(turn, _middle()[0], off, (BOARD.size[0] / 2, BOARD.size[1] / 2, 0.0))


def _turned(rng: np.random.Generator, share: float) -> RigidTransform:
    """Return the needle's carrier turned all around three times, its shaft in all directions."""
    roll = Rotation.from_rotvec([0.0, 0.0, 6 * np.pi * share + rng.uniform(-0.2, 0.2)])
    lying = Rotation.from_rotvec([np.pi / 2 + rng.uniform(-0.6, 0.6), 0.0, 0.0])
    across = Rotation.from_rotvec([0.0, 0.0, rng.uniform(0.0, 2 * np.pi)])
    return _at(across * lying * roll, _middle()[0], rng.uniform(-25.0, 25.0, 3))


def _tilted(rng: np.random.Generator, share: float) -> RigidTransform:
    """Return the reference body facing the cameras, tilted to all sides and turned."""
    way = 4 * np.pi * share
    tilt = rng.uniform(0.0, 0.7) * np.array([np.cos(way), np.sin(way), 0.0])
    facing = Rotation.from_rotvec([np.pi, 0.0, 0.0])
    turn = Rotation.from_rotvec(tilt) * Rotation.from_rotvec([0, 0, rng.uniform(-1.5, 1.5)])
    return _at(turn * facing, _middle()[0], rng.uniform(-25.0, 25.0, 3))


def _pivoted(needle: Tool) -> Place:
    """Return poses of the needle with its tip in a divot, tilted to all sides and turned."""

    def place(rng: np.random.Generator, share: float) -> RigidTransform:
        way, far = 2 * np.pi * (5 * share), CONE * np.sqrt(rng.uniform(0.1, 1.0))
        lean = Rotation.from_rotvec(far * np.array([np.cos(way), np.sin(way), 0.0]))
        roll = Rotation.from_rotvec([0.0, 0.0, rng.uniform(0.0, 2 * np.pi)])
        return _tip_at_divot(needle, lean * roll)

    return place


def _spun(needle: Tool) -> Place:
    """Return poses of the needle spun about its own axis, its tip in the divot."""
    assert needle.tip is not None
    assert needle.tip.axis is not None
    axis = needle.tip.axis

    def place(rng: np.random.Generator, share: float) -> RigidTransform:
        return _tip_at_divot(needle, Rotation.from_rotvec(1.5 * np.pi * share * axis))

    return place


def _tip_at_divot(needle: Tool, turn: Rotation) -> RigidTransform:
    """Return the shaft turned from about across the view, its tip always at the same place."""
    assert needle.tip is not None
    lying = Rotation.from_rotvec([0.0, np.pi / 2, 0.0])
    tip = needle.tip.position
    return _at(lying * turn, _middle()[0], np.array([50.0, 10.0, 0.0]), (tip[0], tip[1], tip[2]))
