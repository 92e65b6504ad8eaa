"""A camera that draws moving bodies over its background, and turns light into grey levels."""

from dataclasses import dataclass, field
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from tests.bench.scenes.cast import cast
from tests.bench.scenes.lens import corner_rays, pixels_of
from tests.bench.scenes.motion import Motion
from tests.bench.scenes.shapes import Body, Floats, Packed, packed

Light = NDArray[np.float32]
Picture = NDArray[np.uint8]
Windows = NDArray[np.int64]

# rays a pixel, and a part of one; the first two Fibonacci numbers
STILL_SAMPLES, STILL_SAMPLES_OF_PART, MOVING_SAMPLES, MOVING_SAMPLES_OF_PART = 233, 55, 320, 48
PARTS = 3  # of a pixel's side, where the lens blurs
STEP = 1 / 3  # px: most that a body moves from one time of the exposure to the next
MOST_TIMES = 48
AMBIENT = 0.6  # share of the light that comes from everywhere, assumed
BEYOND = 12.0  # mm around a soft rod in which its shade is drawn


@dataclass(frozen=True)
class Sensor:
    """Lens, light and sensor, as strong as they are the same for all cameras.

    blur : sd of the defocus, px. noise : sd, grey levels. response : "linear", "srgb" or "gamma".
    gamma : display gamma of the last. exposure : s. readout : s, first row to last. gain : grey
    levels, over 255, that a white sheet in full light has where light is strongest. gradient :
    light at the right and lower edges less that at the left and upper ones, relative to the middle.
    """

    blur: float = 0.8
    noise: float = 2.0
    response: str = "linear"
    gamma: float = 2.2
    exposure: float = 0.008
    readout: float = 0.0
    gain: float = 1.0
    gradient: tuple[float, float] = (0.1, -0.06)


@dataclass(frozen=True)
class Spot:
    """Glare: light added around a pixel."""

    centre: Floats
    sd: float
    strength: float


@dataclass(frozen=True)
class View:
    """A camera as it truly is.

    matrix : (3, 3). distortion : OpenCV's order. camera_from_rig : (3, 4). background : albedo,
    (height, width). sun : (3,) unit vector towards the light, rig frame.
    """

    name: str
    size: tuple[int, int]
    matrix: Floats
    distortion: Floats
    camera_from_rig: Floats
    background: Light = field(repr=False)
    sun: Floats

    @cached_property
    def corners(self) -> Floats:
        """Rays through the corners of all pixels."""
        return corner_rays(self.size, self.matrix, self.distortion)

    def pixels(self, points: Floats) -> Floats:
        """True pixels (n, 2) of points (n, 3) in the rig frame."""
        turn, shift = self.camera_from_rig[:, :3], self.camera_from_rig[:, 3]
        return pixels_of(points @ turn.T + shift, self.matrix, self.distortion)

    def light(
        self, things: list[tuple[Body, Motion]], time: float, sensor: Sensor, salt: int = 0
    ) -> Light:
        """Light on the pixels, (height, width), averaged over their area and the exposure.

        The lens blurs before the pixels take their means, as light has it: pixels averaged first
        would be wrong by a grey level along edges that run with rows or columns. So pixels are
        drawn in parts, blurred, and put together.

        time : s, middle of the exposure of the middle row. salt : of the sampling, a seed.
        """
        light = _blurred(self.background, sensor.blur)
        scene = packed([body for body, _ in things])
        motions = [motion for _, motion in things]
        boxes, rod_boxes, soft_boxes, path = self._boxes(scene, motions, time, sensor)
        width, height = self.size
        window = _union(np.concatenate([boxes, rod_boxes]))
        if window[0] >= window[1]:
            return light
        parts = PARTS if sensor.blur > 0 else 1
        count = min(1 + int(np.ceil(path / STEP)), MOST_TIMES) if path > 0 else 1
        samples, which = _samples(count, parts)
        rows = np.arange(*window[:2], dtype=float)
        if sensor.readout == 0:
            rows = np.array([(height - 1) / 2])
        poses = self._poses(motions, self._times(rows, count, time, sensor))
        reach = int(np.ceil(4 * sensor.blur)) + 1  # px that the blur carries light
        around, inner = self._grown(window, 2 * reach), self._grown(window, reach)
        fine = cv2.resize(self.background[_cut(around)], None, fx=parts, fy=parts)
        part_light = np.zeros((height, width), np.float32)
        cover = np.zeros((height, width), np.float32)
        for row, column in np.ndindex(parts, parts):
            cast(
                *(self.corners, window, poses, boxes, rod_boxes, soft_boxes),
                *(scene.face_body, scene.frames),
                *(
                    scene.extents,
                    scene.cut_counts,
                    scene.cuts,
                    scene.looks,
                    scene.counts,
                    scene.cells,
                ),
                *(scene.rod_body, scene.ends, scene.rods, self.camera_from_rig[:, :3] @ self.sun),
                *(AMBIENT, samples, which, np.array([parts, column, row])),
                *(salt + 7919 * (row * parts + column), part_light, cover),
            )
            place = fine[row::parts, column::parts]
            place *= 1 - cover[_cut(around)]
            place += part_light[_cut(around)]
        fine = _blurred(fine, parts * sensor.blur)
        shape = (fine.shape[0] // parts, parts, fine.shape[1] // parts, parts)
        whole = fine.reshape(shape).mean(axis=(1, 3))
        light[_cut(inner)] = whole[_cut(inner - around[[0, 0, 2, 2]])]
        return light

    def _grown(self, window: Windows, margin: int) -> Windows:
        """A window with a margin round it, within the picture."""
        width, height = self.size
        low, high = window[[0, 2]] - margin, window[[1, 3]] + margin
        return np.array([max(low[0], 0), min(high[0], height), max(low[1], 0), min(high[1], width)])

    def expose(
        self, light: Light, sensor: Sensor, rng: np.random.Generator, spot: Spot | None = None
    ) -> Picture:
        """Grey levels of the light: gradient, glare, response, noise, eight bits."""
        width, height = self.size
        x = np.linspace(-0.5, 0.5, width, dtype=np.float32)
        y = np.linspace(-0.5, 0.5, height, dtype=np.float32)[:, None]
        gx, gy = sensor.gradient
        most = 1.0 + 0.5 * (abs(gx) + abs(gy))
        lit = light * ((1.0 + gx * x + gy * y) * np.float32(sensor.gain / most))
        if spot is not None:
            u, v = np.arange(width) - spot.centre[0], np.arange(height) - spot.centre[1]
            bump = np.exp(-0.5 * (v[:, None] ** 2 + u**2) / spot.sd**2)
            lit = lit + (spot.strength * bump).astype(np.float32)
        grey = 255.0 * responded(np.clip(lit, 0.0, 1.0), sensor)
        grey += np.float32(sensor.noise) * rng.standard_normal(grey.shape, dtype=np.float32)
        return np.clip(np.rint(grey), 0, 255).astype(np.uint8)

    def _times(self, rows: Floats, count: int, time: float, sensor: Sensor) -> Floats:
        """Times (rows, count) at which each row is sampled, s."""
        height = self.size[1]
        of_rows = time + sensor.readout * (rows / (height - 1) - 0.5)
        within = sensor.exposure * ((np.arange(count) + 0.5) / count - 0.5)
        return of_rows[:, None] + within

    def _poses(self, motions: list[Motion], times: Floats) -> Floats:
        """camera_from_body, (bodies, *times.shape, 3, 4)."""
        turn, shift = self.camera_from_rig[:, :3], self.camera_from_rig[:, 3]
        poses = np.array([m.at(times.ravel()) for m in motions])
        poses = turn @ poses
        poses[..., 3] += shift
        return poses.reshape(len(motions), *times.shape, 3, 4)

    def _boxes(
        self, scene: Packed, motions: list[Motion], time: float, sensor: Sensor
    ) -> tuple[Windows, Windows, Windows, float]:
        """Windows of faces, rods and soft rods' shades over a picture's time; longest blur, px."""
        last = self.size[1] - 1
        rows = np.linspace(0, last, 7) if sensor.readout > 0 else np.array([last / 2])
        ends = np.array([-0.5, 0.5]) * sensor.exposure
        of_rows = time + sensor.readout * (rows / last - 0.5)
        poses = self._poses(motions, of_rows[:, None] + ends)
        path = 0.0
        boxes, rod_boxes, soft_boxes = [], [], []
        for body, frame, extent in zip(scene.face_body, scene.frames, scene.extents, strict=True):
            x0, y0, x1, y1 = extent
            flat = np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]])
            pixels = self._seen(frame[0] + flat @ frame[1:], poses[body])
            path = max(path, float(np.linalg.norm(np.diff(pixels, axis=1), axis=-1).max()))
            boxes.append(self._box(pixels, 3.0))
        for body, points, (radius, _, soft) in zip(
            scene.rod_body, scene.ends, scene.rods, strict=True
        ):
            pixels = self._seen(points, poses[body])
            depth = (poses[body] @ np.append(points.mean(axis=0), 1.0))[..., 2].min()
            per_mm = 1.4 * self.matrix[0, 0] / depth
            path = max(path, float(np.linalg.norm(np.diff(pixels, axis=1), axis=-1).max()))
            rod_boxes.append(self._box(pixels, 3.0 + radius * per_mm))
            around = self._box(pixels, 3.0 + (radius + BEYOND) * per_mm)
            soft_boxes.append(around if soft else [0, 0, 0, 0])
        return (
            np.array(boxes, np.int64).reshape(-1, 4),
            np.array(rod_boxes, np.int64).reshape(-1, 4),
            np.array(soft_boxes, np.int64).reshape(-1, 4),
            path,
        )

    def _seen(self, points: Floats, poses: Floats) -> Floats:
        """Pixels (rows, times, n, 2) of points (n, 3) at poses (rows, times, 3, 4)."""
        placed = np.einsum("rtij,nj->rtni", poses[..., :3], points) + poses[..., None, :, 3]
        placed[..., 2] = np.maximum(placed[..., 2], 1.0)
        pixels = pixels_of(placed.reshape(-1, 3), self.matrix, self.distortion)
        return pixels.reshape(*placed.shape[:3], 2)

    def _box(self, pixels: Floats, margin: float) -> list[int]:
        """row0, row1, column0, column1 around pixels, within the picture."""
        width, height = self.size
        low = np.floor(pixels.reshape(-1, 2).min(axis=0) - margin)
        high = np.ceil(pixels.reshape(-1, 2).max(axis=0) + margin) + 1
        u0, u1 = np.clip([low[0], high[0]], 0, width)
        v0, v1 = np.clip([low[1], high[1]], 0, height)
        return [int(v0), int(v1), int(u0), int(u1)]


def responded(light: Light, sensor: Sensor) -> Light:
    """Grey levels over 255 of light from 0 to 1."""
    if sensor.response == "gamma":
        return light ** np.float32(1.0 / sensor.gamma)
    if sensor.response == "srgb":  # IEC 61966-2-1
        return np.where(
            light <= 0.0031308, 12.92 * light, 1.055 * light ** np.float32(1 / 2.4) - 0.055
        ).astype(np.float32)
    if sensor.response == "linear":
        return light.copy()
    raise ValueError(f"unknown response {sensor.response!r}; expected linear, srgb or gamma")


def _cut(window: Windows) -> tuple[slice, slice]:
    return slice(window[0], window[1]), slice(window[2], window[3])


def _blurred(light: Light, sd: float) -> Light:
    if sd <= 0:
        return light.copy()
    return cv2.GaussianBlur(light, (0, 0), sd, borderType=cv2.BORDER_REPLICATE)


def _samples(times: int, parts: int) -> tuple[Floats, NDArray[np.int64]]:
    """Places in the pixel (n, 2) and the index of each one's time: low-discrepancy sequences."""
    if times == 1:  # Fibonacci lattice
        whole = STILL_SAMPLES if parts == 1 else STILL_SAMPLES_OF_PART
        step = round(whole / ((1 + 5**0.5) / 2))
        i = np.arange(whole)
        places = np.stack([i / whole, (i * step / whole) % 1.0], axis=1)
        return places, np.zeros(whole, np.int64)
    least = MOVING_SAMPLES if parts == 1 else MOVING_SAMPLES_OF_PART
    count = times * int(np.ceil(least / times))
    i = np.arange(count)
    plastic = 1.32471795724474602596  # Roberts' R2 sequence, time as the third dimension
    places = np.stack([(i / plastic) % 1.0, (i / plastic**2) % 1.0], axis=1)
    return places, i * times // count


def _union(boxes: Windows) -> Windows:
    seen = boxes[(boxes[:, 0] < boxes[:, 1]) & (boxes[:, 2] < boxes[:, 3])]
    if len(seen) == 0:
        return np.zeros(4, np.int64)
    low, high = seen.min(axis=0), seen.max(axis=0)
    return np.array([low[0], high[1], low[2], high[3]])
