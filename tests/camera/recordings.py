"""Small recordings for the tests: rigs, pictures, videos and tables of times."""

import threading
from pathlib import Path

import cv2
import numpy as np
from scipy.spatial.transform import RigidTransform

from nav.camera.rig import Camera, Rig

WIDTH, HEIGHT = 64, 48


def rig(*names: str) -> Rig:
    matrix = np.array([[50.0, 0.0, 31.5], [0.0, 50.0, 23.5], [0.0, 0.0, 1.0]])
    identity = RigidTransform.identity()
    return Rig(tuple(Camera(n, (WIDTH, HEIGHT), matrix, np.zeros(5), identity) for n in names))


def plain(level: int, shape: tuple[int, ...] = (HEIGHT, WIDTH)) -> np.ndarray:
    return np.full(shape, level, np.uint8)


def write_pictures(folder: Path, levels: dict[str, int]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, level in levels.items():
        assert cv2.imwrite(str(folder / name), plain(level))
    return folder


def write_video(path: Path, levels: list[int], fps: float = 25.0, code: str = "FFV1") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    fourcc = cv2.VideoWriter.fourcc(*code)
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, fourcc, fps, (WIDTH, HEIGHT))
    assert writer.isOpened()
    for level in levels:
        writer.write(plain(level, (HEIGHT, WIDTH, 3)))
    writer.release()
    return path


def levels(sets: list, camera: str) -> list[int | None]:
    """Grey level of a camera's picture in each frame set; None where it is missing."""
    means = [s.frames[camera].image.mean() if camera in s.frames else None for s in sets]
    return [None if mean is None else round(mean) for mean in means]


def reading_threads() -> list[threading.Thread]:
    return [t for t in threading.enumerate() if t.name.startswith("reading ")]


def write_times(folder: Path, text: str) -> None:
    (folder / "times.csv").write_text(text)
