"""A cluttered, still background: shapes, gradients, text, fine texture."""

import cv2
import numpy as np
from numpy.typing import NDArray

LETTERS = list("ABCDEFGHKLMNPRSTUVXYZabdeghknprstuvxyz0123456789+-/.:")
FONTS = (cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_DUPLEX, cv2.FONT_HERSHEY_COMPLEX)


def clutter(size: tuple[int, int], rng: np.random.Generator) -> NDArray[np.float32]:
    """Albedo of what is behind, (height, width), about 0.05 to 0.8."""
    width, height = size
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    angle = rng.uniform(0, 2 * np.pi)
    ramp = (np.cos(angle) * x + np.sin(angle) * y) / width
    picture = (0.3 + 0.12 * ramp).astype(np.float32)
    for _ in range(6):  # soft patches of light
        cu, cv, sd = rng.uniform(0, width), rng.uniform(0, height), rng.uniform(0.05, 0.25) * width
        bump = np.exp(-0.5 * ((x - cu) ** 2 + (y - cv) ** 2) / sd**2)
        picture += (rng.uniform(-0.12, 0.15) * bump).astype(np.float32)
    scale = width / 1920
    for _ in range(90):
        _shape(picture, scale, rng)
    for _ in range(45):
        _text(picture, scale, rng)
    fine = rng.standard_normal((height // 2 + 1, width // 2 + 1)).astype(np.float32)
    fine = cv2.resize(cv2.GaussianBlur(fine, (0, 0), 1.2), (width, height))
    picture += 0.03 * fine
    # lens and depth of field leave no edge of a background as sharp as drawn
    return np.clip(cv2.GaussianBlur(picture, (0, 0), 0.7), 0.03, 0.85)


def _shape(picture: NDArray[np.float32], scale: float, rng: np.random.Generator) -> None:
    height, width = picture.shape
    centre = rng.uniform([0, 0], [width, height])
    grey = float(rng.uniform(0.05, 0.75))
    size = scale * np.exp(rng.uniform(np.log(8), np.log(160), 2))
    angle = float(rng.uniform(0, 180))
    kind = rng.integers(4)
    if kind == 0:
        box = cv2.boxPoints(
            ((float(centre[0]), float(centre[1])), (float(size[0]), float(size[1])), angle)
        )
        cv2.fillConvexPoly(picture, np.rint(box * 16).astype(np.int32), grey, cv2.LINE_AA, 4)
    elif kind == 1:
        at, axes = (int(centre[0]), int(centre[1])), (int(size[0] / 2) + 1, int(size[1] / 2) + 1)
        cv2.ellipse(picture, at, axes, angle, 0, 360, grey, -1, cv2.LINE_AA)
    elif kind == 2:
        reach = 2 * size[0] * np.array([np.cos(np.radians(angle)), np.sin(np.radians(angle))])
        ends = np.rint(np.array([centre - reach, centre + reach])).astype(int)
        thick = int(rng.integers(1, 2 + int(8 * scale)))
        cv2.line(picture, ends[0].tolist(), ends[1].tolist(), grey, thick, cv2.LINE_AA)
    else:
        around = np.sort(rng.uniform(0, 2 * np.pi, int(rng.integers(3, 8))))
        points = centre + size[0] / 2 * np.stack([np.cos(around), np.sin(around)], axis=1)
        cv2.fillPoly(picture, [np.rint(points * 16).astype(np.int32)], grey, cv2.LINE_AA, 4)


def _text(picture: NDArray[np.float32], scale: float, rng: np.random.Generator) -> None:
    height, width = picture.shape
    word = "".join(rng.choice(LETTERS, int(rng.integers(3, 14))))
    at = (int(rng.uniform(-50, width)), int(rng.uniform(0, height)))
    font = FONTS[int(rng.integers(len(FONTS)))]
    size = scale * float(rng.uniform(0.4, 1.8))
    thick = 1 + int(size * rng.uniform(0.5, 2.0))
    mask = np.zeros(picture.shape, np.uint8)
    cv2.putText(mask, word, at, font, size, 255, thick, cv2.LINE_AA)
    picture += (float(rng.uniform(0.05, 0.7)) - picture) * (mask / np.float32(255))
