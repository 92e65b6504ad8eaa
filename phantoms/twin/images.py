"""`nav twin images`: simulated images in a folder, with the truth beside them."""

import csv
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path

import cv2
import numpy as np
from rich.console import Console
from scipy.spatial.transform import RigidTransform, Rotation

from nav.camera.rig import Rig, load_rig, write_rig
from nav.core.errors import InputError
from nav.core.files import write_toml, written_whole
from nav.core.frames import Array, Pose
from nav.core.frameset import Picture
from nav.progress_bar import progress_bar
from nav.record.pose_rows import COLUMNS, UPPER, pose_columns
from nav.tracking.tool import Tool, write_tool
from phantoms.kit.export_folder import replaced_folder
from phantoms.kit.kit_case import phantom_case
from phantoms.twin.sensor import Optics
from phantoms.twin.simulated_bodies import Body, Placed, Rectangle, plane_frame
from phantoms.twin.simulated_motion import FPS, body_velocity, noise_source
from phantoms.twin.simulated_tools import NEEDLE_FACE
from phantoms.twin.world import World, make_world

TRUTH_FORMAT = "c1c2nav/truth/1"
SKIN = 0.55  # albedo of a finger, assumed
ROUND = 0.6 + 0.4 * np.sqrt(1.0 - np.linspace(-0.9, 0.9, 13) ** 2)  # its light across, assumed
FINGER = 80.0  # mm, its length
AROUND = np.array([70.0, 25.0, 0.0])  # model frame, mm: centre of the tip's motion
EXTENT = np.array([35.0, 20.0, 30.0])  # mm


@dataclass(frozen=True)
class ImageSettings:
    """What to simulate.

    Attributes
    ----------
    frames : int
        Number of frame sets.
    seed : int
        Of all random numbers.
    rig : Path or None
        A rig.toml; the default rig without.
    optics : Optics
        Of the cameras.
    hide : float
        Share of the markers that a finger hides, 0 to 1.
    speed : float
        Rms speed of the tip, mm/s.
    plain : bool
        An even grey instead of the room.
    """

    frames: int = 60
    seed: int = 0
    rig: Path | None = None
    optics: Optics = field(default_factory=lambda: Optics(exposure=0.005, gradient=(0.15, -0.075)))
    hide: float = 0.0
    speed: float = 40.0
    plain: bool = False


def write_images(out: Path, settings: ImageSettings, console: Console) -> None:
    """Write images of a moving needle and a still reference body, rig, tools, times and truth.

    The folder appears whole or not at all.

    Parameters
    ----------
    out : Path
        Folder to write; new or empty.
    settings : ImageSettings
        What to simulate.
    console : Console
        Where progress is shown.

    Raises
    ------
    InputError
        A setting is out of range, the rig is wrong, the folder is not empty or cannot be written,
        or the disk is full.
    """
    _check(out, settings)
    rig = None if settings.rig is None else load_rig(settings.rig)
    with replaced_folder(out) as folder:
        names = _write_all(folder, rig, settings, console)
    console.print(f"{out}: {settings.frames} frame sets of {len(names)} cameras, truth.csv")


def _write_all(
    out: Path, rig: Rig | None, settings: ImageSettings, console: Console
) -> tuple[str, ...]:
    """Write everything into a new folder; return the cameras' names."""
    console.print("making the anatomy")
    world = make_world(phantom_case(), settings.seed, rig)
    cameras = world.cameras(settings.optics, noise_source(settings.seed), settings.plain)
    for name in world.rig.names:
        (out / name).mkdir(parents=True, exist_ok=True)
    write_rig(out / "rig.toml", world.rig)
    for tool in (world.needle, world.reference):
        write_tool(out / f"{tool.name}.toml", tool)
    truth: list[list[object]] = []
    times: list[list[object]] = []
    with ThreadPoolExecutor(len(cameras)) as pool, progress_bar(console) as bar:
        task = bar.add_task("images", total=settings.frames, note="")
        for number, (needle, moving) in enumerate(_motion(world, settings)):
            time = number / FPS
            drawn = [pool.submit(camera.picture, moving) for camera in cameras]
            for camera, picture in zip(cameras, drawn, strict=True):
                path = out / camera.camera.name / f"{number:06d}.png"
                write_picture(path, picture.result())
                times.append([camera.camera.name, number, f"{time:.6f}"])
            truth.append(truth_row(number, time, world.needle, needle))
            truth.append(truth_row(number, time, world.reference, world.rig_from_reference))
            bar.advance(task)
    write_rows(out / "times.csv", ("camera", "frame", "time"), times)
    write_rows(out / "truth.csv", COLUMNS, truth)
    made = {**asdict(settings), "rig": None if settings.rig is None else settings.rig.name}
    inputs = [] if settings.rig is None else [settings.rig]
    for name in ("truth", "times"):
        write_toml(out / f"{name}.toml", {"format": TRUTH_FORMAT, "settings": made}, inputs)
    return world.rig.names


def _check(out: Path, settings: ImageSettings) -> None:
    if settings.seed < 0:
        raise InputError(f"--seed: expected 0 or more, got {settings.seed}")
    if settings.frames < 1:
        raise InputError(f"--frames: expected at least 1, got {settings.frames}")
    if not 0.0 <= settings.hide <= 1.0:
        raise InputError(f"--hide: expected 0 to 1, got {settings.hide}")
    optics = settings.optics
    for name, value, low, high in (
        ("--blur", optics.blur, 0, 20),
        ("--noise", optics.noise, 0, 255),
        ("--speed", settings.speed, 0, 5000),
        ("--gamma", optics.gamma, 0.1, 10),
        ("--gradient", optics.gradient[0], -2, 2),
    ):
        if not low <= value <= high:  # nor not a number
            raise InputError(f"{name}: expected {low} to {high}, got {value}")
    if not (np.isfinite(optics.exposure) and 0 <= optics.exposure <= 1 / FPS):
        raise InputError(f"--exposure-ms: expected 0 to {1000 / FPS:.0f} (30 images per second)")
    if optics.electrons is not None and not optics.electrons > 0:
        raise InputError(f"--shot: expected more than 0 electrons, got {optics.electrons}")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError(f"{out}: is not an empty folder; give a new one")


def _motion(world: World, settings: ImageSettings) -> Iterator[tuple[RigidTransform, list[Placed]]]:
    """Yield true rig_from_needle and moving bodies per frame: a hand moving left of the neck."""
    rng = np.random.default_rng([settings.seed, 4])
    phases, rates = rng.uniform(0, 2 * np.pi, 6), rng.uniform(0.6, 1.4, 6)
    # a sum of sines whose rms speed is the one asked for
    angular = settings.speed / max(float(np.linalg.norm(EXTENT * rates[:3])) / np.sqrt(2), 1e-9)
    assert world.needle.tip is not None
    needle_tip = world.needle.tip.position

    def place(time: float) -> RigidTransform:
        wave = np.sin(phases + angular * rates * time)
        tip = AROUND + EXTENT * wave[:3]
        towards = np.array([-1.0, -0.25 + 0.2 * wave[3], 0.25 * wave[4]])
        z = towards / np.linalg.norm(towards)
        x = np.cross([0.0, 1.0, 0.0], z)
        x /= np.linalg.norm(x)
        rotation = Rotation.from_matrix(np.column_stack([x, np.cross(z, x), z]))
        rotation = rotation * Rotation.from_rotvec([0.0, 0.0, 0.6 * wave[5]])
        position = tip - rotation.apply(needle_tip)
        return world.rig_from_model * RigidTransform.from_components(position, rotation)

    step = 0.5e-3
    for number in range(settings.frames):
        time = number / FPS
        now = place(time)
        velocity = body_velocity(place(time - step), place(time + step), 2 * step)
        moving = [world.needle_at(now, velocity)]
        if settings.hide > 0:
            moving.append(_finger(world, now, velocity, settings.hide, rng))
        yield now, moving


def _finger(
    world: World,
    rig_from_needle: RigidTransform,
    velocity: Array,
    share: float,
    rng: np.random.Generator,
) -> Placed:
    """Return a patch before the carrier that hides a share of the markers facing the cameras."""
    eyes = [camera.camera_from_rig.inv().translation for camera in world.rig.cameras]
    eye = rig_from_needle.inv().apply(np.mean(eyes, axis=0))
    towards = np.array([eye[0], eye[1], 0.0])
    towards /= np.linalg.norm(towards)
    right = np.cross([0.0, 0.0, 1.0], -towards)
    half = share * NEEDLE_FACE
    along = rng.uniform(-1, 1) * (NEEDLE_FACE - half)
    centre = towards * 26.0 + np.array([0.0, 0.0, along])
    patch = Rectangle(
        plane_frame(centre, right, [0.0, 0.0, 1.0]),
        np.array([-FINGER / 2, FINGER / 2]),
        np.linspace(-half, half, len(ROUND) + 1),
        SKIN * ROUND[:, None],
    )
    ends = [centre + end * FINGER / 2 * right for end in (-1.0, 1.0)]
    return Placed(Body("finger", (patch,), (), ((*ends, 2 * half),)), rig_from_needle, velocity)


def truth_row(
    number: int, time: float, tool: Tool, frame_from_tool: RigidTransform
) -> list[object]:
    """Build a row of truth.csv: poses.csv's columns, with no covariance.

    Parameters
    ----------
    number : int
        Number of the frame set.
    time : float
        Its time, s.
    tool : Tool
        The tool.
    frame_from_tool : RigidTransform
        Its true pose, mm.

    Returns
    -------
    list
        The columns.
    """
    pose = Pose(frame_from_tool)
    zeros = ["0"] * (len(UPPER) + 6)  # random and systematic
    return [
        number,
        f"{time:.6f}",
        tool.name,
        "tracked",
        *pose_columns(pose, tool),
        "",
        "",
        "",
        *zeros,
        "",
    ]


def write_rows(path: Path, columns: tuple[str, ...], rows: list[list[object]]) -> None:
    """Write a CSV file, whole or not at all.

    Parameters
    ----------
    path : Path
        File to write.
    columns : tuple of str
        The header.
    rows : list of list
        The rows.
    """
    with written_whole(path) as beside, beside.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(rows)


def write_picture(path: Path, picture: Picture) -> None:
    """Write a PNG file with fast compression.

    Parameters
    ----------
    path : Path
        File to write.
    picture : ndarray of uint8, shape (height, width)
        The image.

    Raises
    ------
    OSError
        The disk is full.
    InputError
        It is not an image.
    """
    # cv2.imwrite lets libpng print a message where the disk is full
    encoded, png = cv2.imencode(".png", picture, [cv2.IMWRITE_PNG_COMPRESSION, 1])
    if not encoded:
        raise InputError(f"{path}: cannot be encoded")
    path.write_bytes(png)
