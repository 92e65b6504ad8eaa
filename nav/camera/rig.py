"""rig.toml: the cameras, their lenses and places."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

import cv2
import numpy as np
from numpy.typing import ArrayLike
from pydantic import Field, field_validator
from scipy.spatial.transform import RigidTransform

from nav.camera.plausible_rig import check_rig
from nav.core.errors import InputError
from nav.core.files import (
    FileModel,
    NotNegative,
    Number,
    Positive,
    PublicFile,
    TransformTable,
    load_toml,
    transform_table,
    write_toml,
)
from nav.core.frames import Array
from nav.core.plausibility import check_turn

RIG_FORMAT = "c1c2nav/rig/1"
Pixels = Annotated[int, Field(strict=True, gt=0)]


class CameraTable(FileModel):
    """An entry [[camera]] of rig.toml."""

    name: Annotated[str, Field(min_length=1)]
    size: tuple[Pixels, Pixels]
    matrix: tuple[Positive, Positive, Number, Number]
    distortion: tuple[Number, ...] = ()
    camera_from_rig: TransformTable
    delay_ms: Number = 0.0
    delay_sd_ms: NotNegative = 0.0
    readout_ms: Number = 0.0
    readout_sd_ms: NotNegative = 0.0
    timing: dict[str, Any] | None = None
    calibration: dict[str, Any] | None = None

    @field_validator("distortion")
    @classmethod
    def _known_length(cls, value: tuple[float, ...]) -> tuple[float, ...]:
        if len(value) not in (0, 4, 5, 8, 12, 14):
            raise ValueError(f"expected 0, 4, 5, 8, 12 or 14 numbers, got {len(value)}")
        return value


class RigFile(PublicFile):
    """The file rig.toml."""

    format: Literal["c1c2nav/rig/1"]
    camera: Annotated[tuple[CameraTable, ...], Field(min_length=1)]

    @field_validator("camera")
    @classmethod
    def _names_once(cls, value: tuple[CameraTable, ...]) -> tuple[CameraTable, ...]:
        twice = [n for n, count in Counter(c.name for c in value).items() if count > 1]
        if twice:
            raise ValueError(f'name "{twice[0]}" appears twice; each camera needs its own')
        return value


@dataclass(frozen=True)
class Camera:
    """A pinhole camera with OpenCV's distortion.

    Parameters
    ----------
    name : str
        Unique in its rig.
    size : tuple of int
        Width and height, px.
    matrix : ndarray, shape (3, 3)
        Intrinsic matrix, px.
    distortion : ndarray, shape (n,)
        Coefficients in OpenCV's order.
    camera_from_rig : RigidTransform
        Extrinsics, mm.
    readout : float
        From first to last row (rolling shutter), s; 0 for a global shutter, negative where the last
        row is read first.
    calibration : dict, optional
        What its calibration recorded.
    delay : float
        How much later its images' times are than their exposures, compared with the rig's first
        camera, s.
    delay_sd, readout_sd : float
        Standard deviations, s.
    timing : dict, optional
        What the measurement of delay and readout recorded.
    """

    name: str
    size: tuple[int, int]
    matrix: Array
    distortion: Array
    camera_from_rig: RigidTransform
    readout: float = 0.0
    calibration: dict[str, Any] | None = field(default=None, compare=False)
    delay: float = 0.0
    delay_sd: float = 0.0
    readout_sd: float = 0.0
    timing: dict[str, Any] | None = field(default=None, compare=False)

    @cached_property
    def rotation(self) -> Array:
        """Rotation matrix of camera_from_rig, (3, 3)."""
        return self.camera_from_rig.rotation.as_matrix()

    @cached_property
    def translation(self) -> Array:
        """Translation of camera_from_rig, (3,), mm."""
        return np.asarray(self.camera_from_rig.translation)

    def from_rig(self, points: ArrayLike) -> Array:
        """Transform points (n, 3) from the rig frame to the camera frame, mm."""
        return np.asarray(points, float) @ self.rotation.T + self.translation

    def project(self, points: ArrayLike) -> Array:
        """Project points (n, 3) of the rig frame, mm, to pixels (n, 2)."""
        return self.project_with_jacobian(points)[0]

    def project_with_jacobian(self, points: ArrayLike) -> tuple[Array, Array]:
        """Project points with the derivative of the pixels.

        Parameters
        ----------
        points : array_like, shape (n, 3)
            Rig frame, mm.

        Returns
        -------
        pixels : ndarray, shape (n, 2)
            In px.
        jacobian : ndarray, shape (n, 2, 3)
            By the points in the rig frame, px/mm.
        """
        in_camera = np.ascontiguousarray(self.from_rig(points).reshape(-1, 1, 3))
        pixels, jacobian = cv2.projectPoints(
            in_camera, np.zeros(3), np.zeros(3), self.matrix, self.distortion
        )
        # the derivative by the translation is the one by the point in the camera frame
        by_point = np.asarray(jacobian)[:, 3:6].reshape(-1, 2, 3) @ self.rotation
        return np.asarray(pixels).reshape(-1, 2), by_point

    def project_rays(self, rays: ArrayLike) -> Array:
        """Project points (n, 3) of the camera frame, at any distance, to pixels (n, 2)."""
        points = np.ascontiguousarray(np.asarray(rays, float).reshape(-1, 1, 3))
        pixels, _ = cv2.projectPoints(
            points, np.zeros(3), np.zeros(3), self.matrix, self.distortion
        )
        return np.asarray(pixels).reshape(-1, 2)

    def undistort(self, pixels: ArrayLike) -> Array:
        """Return normalised ideal coordinates (n, 2) of pixels (n, 2)."""
        pixels = np.ascontiguousarray(np.asarray(pixels, float).reshape(-1, 1, 2))
        stop = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 50, 1e-12)
        ideal = cv2.undistortPoints(pixels, self.matrix, self.distortion, criteria=stop)
        return np.asarray(ideal).reshape(-1, 2)


@dataclass(frozen=True)
class Rig:
    """The cameras in their common frame.

    Parameters
    ----------
    cameras : tuple of Camera
        At least one.
    warnings : tuple of str
        What is unusual about them, one line each.
    """

    cameras: tuple[Camera, ...]
    warnings: tuple[str, ...] = field(default=(), compare=False)

    def __getitem__(self, name: str) -> Camera:
        return next(c for c in self.cameras if c.name == name)

    @property
    def names(self) -> tuple[str, ...]:
        """Camera names in the file's order."""
        return tuple(c.name for c in self.cameras)


def load_rig(path: Path) -> Rig:
    """Load a rig from rig.toml.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    Rig
        With warnings for what is unusual about it.

    Raises
    ------
    InputError
        What breaks the format or is impossible: file, field, expected.
    """
    file = load_toml(path, RigFile)
    turns = [
        check_turn(t.camera_from_rig.rotation_vector, f"{path}: camera {t.name}: camera_from_rig")
        for t in file.camera
    ]
    cameras = tuple(_camera(table) for table in file.camera)
    warnings = check_rig(cameras, str(path))
    return Rig(cameras, (*(turn for turn in turns if turn), *warnings))


def _camera(table: CameraTable) -> Camera:
    fx, fy, cx, cy = table.matrix
    return Camera(
        table.name,
        table.size,
        np.array([[fx, 0.0, cx], [0.0, fy, cy], [0.0, 0.0, 1.0]]),
        np.array(table.distortion or (0.0,) * 5),
        table.camera_from_rig.rigid(),
        table.readout_ms / 1000.0,
        table.calibration,
        table.delay_ms / 1000.0,
        table.delay_sd_ms / 1000.0,
        table.readout_sd_ms / 1000.0,
        table.timing,
    )


def write_rig(path: Path, rig: Rig, inputs: Sequence[Path] = ()) -> None:
    """Write a rig as rig.toml, whole or not at all.

    Parameters
    ----------
    path : Path
        File to write.
    rig : Rig
        The cameras.
    inputs : sequence of Path
        Files that it was made from, for the provenance.
    """
    tables = [
        {
            "name": camera.name,
            "size": list(camera.size),
            "matrix": camera.matrix[[0, 1, 0, 1], [0, 1, 2, 2]],
            "distortion": camera.distortion,
            "camera_from_rig": transform_table(camera.camera_from_rig),
            "readout_ms": camera.readout * 1000.0,
            **_timing_table(camera),
            "calibration": camera.calibration,
        }
        for camera in rig.cameras
    ]
    write_toml(path, {"format": RIG_FORMAT, "camera": tables}, inputs)


def _timing_table(camera: Camera) -> dict[str, Any]:
    """Return what was measured of a camera's times; nothing where nothing was."""
    numbers = {
        "delay_ms": camera.delay * 1000.0,
        "delay_sd_ms": camera.delay_sd * 1000.0,
        "readout_sd_ms": camera.readout_sd * 1000.0,
    }
    measured = camera.timing is not None or any(numbers.values())
    return {**numbers, "timing": camera.timing} if measured else {}


def check_picture_size(camera: Camera, shape: tuple[int, ...], where: str) -> None:
    """Refuse an image of another size than the rig's.

    Parameters
    ----------
    camera : Camera
        With the expected size.
    shape : tuple of int
        Of the image: height, width and more.
    where : str
        Where the image is from, with which the message begins.

    Raises
    ------
    InputError
        Naming the camera, both sizes and what to do.
    """
    problem = picture_size_problem(camera, shape)
    if problem:
        raise InputError(f"{where}: {problem}")


def picture_size_problem(camera: Camera, shape: tuple[int, ...]) -> str:
    """Return what is wrong with the size of an image.

    Parameters
    ----------
    camera : Camera
        With the expected size.
    shape : tuple of int
        Of the image: height, width and more.

    Returns
    -------
    str
        Both sizes and what to do; empty where it is the rig's.
    """
    width, height = camera.size
    if shape[:2] == (height, width):
        return ""
    what = (
        f"image is {shape[1]} x {shape[0]} but rig.toml says {width} x {height} "
        f"for camera {camera.name}; "
    )
    if shape[:2] == (width, height):
        return what + "is it turned? Save it as the sensor has it, as in calibration"
    factor = shape[1] / width
    if shape[0] == round(height * factor) and shape[1] == round(width * factor):
        (fx, fy), (cx, cy) = np.diag(camera.matrix)[:2], camera.matrix[:2, 2]
        matrix = (fx * factor, fy * factor, *((c + 0.5) * factor - 0.5 for c in (cx, cy)))
        return (
            f"{what}calibrate at the size you use. If it is the same view, scaled by {factor:.4g}, "
            f"this rig fits with size = [{shape[1]}, {shape[0]}] and "
            f"matrix = [{', '.join(f'{number:.6g}' for number in matrix)}]"
        )
    return what + "calibrate at the size you use"
