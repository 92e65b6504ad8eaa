"""Check that a rig is plausible for ordinary cameras: lenses, places, common view, units."""

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from nav.core.errors import InputError
from nav.core.frames import Array
from nav.core.plausibility import Limits

if TYPE_CHECKING:
    from nav.camera.rig import Camera

# degrees, across the longer side. Below 1 no lens for a metre's distance; 175 is beyond what a
# pinhole with distortion can model
FIELD_OF_VIEW = Limits(1.0, 8.0, 130.0, 175.0)
SQUARE_PIXELS = 0.03  # fx and fy: sensors have square pixels; more means that images are stretched
MOST_STRETCHED = 2.5  # beyond interlaced halves (2) no video is stretched
CENTRED = 0.1  # principal point off the middle, in picture sizes; webcams have up to 0.05
EDITED = 0.15  # ln of picture size: principal point off the middle by it in x and y, to one side
GRID = 25  # pixels per side at which a lens is tried
CORE = 0.5  # in half sizes: nearer to the middle a lens must be invertible
INVERTED_TO = 0.5  # px
BASELINE = Limits(5.0, 30.0, 3000.0, 20000.0)  # mm: housings are wider than 30; a room is smaller
FAR_AWAY = 50000.0  # mm, of any camera from the rig's origin
DISTANCES = np.geomspace(100.0, 4000.0, 12)  # mm, where cameras must have something in common
CONVERGING = 0.1  # mm per mm: less is parallel
LONGEST_DELAY = 1000.0  # ms: of one camera's images after another's
SLOWEST_READOUT = 200.0  # ms: no camera reads its rows more slowly
FASTEST_READOUT = 0.1  # ms: no rolling shutter is faster


def check_rig(cameras: Sequence["Camera"], where: str) -> tuple[str, ...]:
    """Check that all cameras of a rig are plausible, alone and together.

    Parameters
    ----------
    cameras : sequence of Camera
        As the file has them.
    where : str
        The file, for the sentences.

    Returns
    -------
    tuple of str
        Warnings for what is unusual, a sentence each.

    Raises
    ------
    InputError
        What is impossible, with what was likely meant.
    """
    found: list[str | None] = []
    for camera in cameras:
        place = f"{where}: camera {camera.name}"
        found += [*_size(camera, place), *_pixels(camera, place), *_lens(camera, place)]
        found += [_readout(camera, place), _delay(camera, place), _distance(camera, place)]
    for one, other in combinations(cameras, 2):
        found.append(_baseline(one, other, where))
    found += _common_views(cameras, where)
    return tuple(sentence for sentence in found if sentence)


def _size(camera: "Camera", place: str) -> list[str | None]:
    """Check the principal point: near the middle, unless size was edited or the image cropped."""
    centre = np.array([camera.matrix[0, 2], camera.matrix[1, 2]])
    size = np.array(camera.size, float)
    factor = 2.0 * (centre + 0.5) / size
    width, height = camera.size
    fact = f"{place}: matrix: the principal point ({centre[0]:.5g}, {centre[1]:.5g})"
    if (centre < -0.5).any():
        raise InputError(f"{fact} is outside the image; expected fx, fy, cx, cy in pixels")
    edited = np.log(np.maximum(factor, 1e-9))
    if edited.min() > EDITED or edited.max() < -EDITED:
        meant = f"{2 * centre[0] + 1:.0f} x {2 * centre[1] + 1:.0f}"
        raise InputError(
            f"{fact} is the middle of images of about {meant}, but size says {width} x {height}: "
            "was only size changed? Calibrate at the size you use; or, if it shows the same view, "
            f"multiply fx and cx by {1 / factor[0]:.3f}, fy and cy by {1 / factor[1]:.3f}"
        )
    if (centre > size - 0.5).any():
        raise InputError(
            f"{fact} is outside the image of {width} x {height}; expected fx, fy, cx, cy in "
            "pixels of that size"
        )
    off = np.abs(centre + 0.5 - size / 2.0) / size
    if off.max() > CENTRED:
        return [
            f"{fact} is far from the middle of {width} x {height}, which is unusual: is the "
            "image cropped, or size not that of the calibration?"
        ]
    return []


def _pixels(camera: "Camera", place: str) -> list[str | None]:
    fx, fy = np.diag(camera.matrix)[:2]
    fact = f"{place}: matrix: fx = {fx:.5g} and fy = {fy:.5g}"
    if not 1.0 / MOST_STRETCHED <= fx / fy <= MOST_STRETCHED:
        raise InputError(f"{fact} differ too much; expected nearly equal focal lengths, in pixels")
    if abs(fx / fy - 1.0) > SQUARE_PIXELS:
        return [f"{fact} differ by {abs(fx / fy - 1):.0%}, which is unusual: a stretched image?"]
    return []


def _lens(camera: "Camera", place: str) -> list[str | None]:
    """Check the field of view, and whether every pixel of the middle has one ray."""
    width, height = camera.size
    x, y = np.meshgrid(np.linspace(0, width - 1, GRID), np.linspace(0, height - 1, GRID))
    pixels = np.column_stack([x.ravel(), y.ravel()])
    with np.errstate(all="ignore"):
        ideal = camera.undistort(pixels)
        broken = np.logical_not(_invertible(camera, pixels, ideal))
    half = np.array([width, height]) / 2.0
    middle = np.linalg.norm((pixels + 0.5 - half) / half, axis=1) < CORE
    focal = float(np.diag(camera.matrix)[:2].mean())
    plain = math.degrees(2.0 * math.atan(max(camera.size) / 2.0 / focal))
    fact = f"{place}: matrix: a focal length of {focal:.5g} px for images of {width} x {height}"
    if not FIELD_OF_VIEW.least <= plain <= FIELD_OF_VIEW.most:
        raise InputError(
            f"{fact} is a field of view of {plain:.3g} degrees; expected fx and fy in pixels, "
            "not in millimetres"
        )
    if (broken & middle).any():
        raise InputError(
            f"{place}: distortion: pixels of the image's middle have no ray or several; expected "
            "OpenCV's order k1, k2, p1, p2, k3, ... as calibration gives it"
        )
    found: list[str | None] = []
    if broken.any():
        found.append(
            f"{place}: distortion: {broken.mean():.0%} of the image, towards its corners, has no "
            "ray or several: the calibration did not reach there; markers there are misjudged"
        )
    if not FIELD_OF_VIEW.low <= plain <= FIELD_OF_VIEW.high:
        found.append(f"{fact} is a field of view of {plain:.3g} degrees, which is unusual")
    return found


def _invertible(camera: "Camera", pixels: Array, ideal: Array) -> Array:
    """Return which pixels (n, 2) have a ray that projects back to them, on the proper branch."""
    rays = np.column_stack([ideal, np.ones(len(ideal))])
    finite = np.isfinite(ideal).all(axis=1)
    rays[np.logical_not(finite)] = (0.0, 0.0, 1.0)
    back = camera.project_rays(rays)
    good = finite & (np.linalg.norm(back - pixels, axis=1) < INVERTED_TO)
    step = 1e-4
    across = [(camera.project_rays(rays + step * axis) - back) / step for axis in np.eye(3)[:2]]
    determinant = across[0][:, 0] * across[1][:, 1] - across[0][:, 1] * across[1][:, 0]
    return np.asarray(good & (determinant > 0))


def _readout(camera: "Camera", place: str) -> str | None:
    readout = 1000.0 * camera.readout
    fact = f"{place}: readout_ms: {readout:g} ms"
    if abs(readout) > SLOWEST_READOUT:
        raise InputError(f"{fact} from the first row to the last: are these microseconds?")
    if 0.0 < abs(readout) < FASTEST_READOUT and not camera.readout_sd:
        return f"{fact} is unusual; if these are seconds, write milliseconds"
    return None


def _delay(camera: "Camera", place: str) -> str | None:
    delay = 1000.0 * camera.delay
    if abs(delay) > LONGEST_DELAY:
        raise InputError(f"{place}: delay_ms: {delay:g} ms: are these microseconds?")
    return None


def _distance(camera: "Camera", place: str) -> str | None:
    away = float(np.linalg.norm(camera.translation))
    if away > FAR_AWAY:
        unit = " micrometres" if away < 1000 * FAR_AWAY else " nanometres"
        raise InputError(
            f"{place}: camera_from_rig: {away:.4g} mm from the rig's origin: are these{unit}? "
            "Write millimetres"
        )
    return None


def _centre(camera: "Camera") -> Array:
    return np.asarray(-camera.rotation.T @ camera.translation)


def _baseline(one: "Camera", other: "Camera", where: str) -> str | None:
    apart = float(np.linalg.norm(_centre(one) - _centre(other)))
    fact = f"{where}: cameras {one.name} and {other.name} are {apart:.3g} mm apart"
    if apart < 1e-6:
        raise InputError(
            f"{where}: cameras {one.name} and {other.name} are at the same place; expected "
            "camera_from_rig of a calibrated rig"
        )
    return BASELINE.judge(apart, fact, "calibrate the rig again")


def _common_views(cameras: Sequence["Camera"], where: str) -> list[str | None]:
    """Check that each camera shares a view with another at some working distance."""
    if len(cameras) < 2:
        return []
    for camera in cameras:
        others = [other for other in cameras if other is not camera]
        if any(_share_view(camera, other) for other in others):
            continue
        names = ", ".join(other.name for other in others)
        upside = any(_share_view(_inverted(camera), _inverted(o)) for o in others)
        hint = (
            "is camera_from_rig the inverse (rig_from_camera)?"
            if upside
            else "expected x right, y down, z forward for every camera"
        )
        raise InputError(
            f"{where}: camera {camera.name} sees nothing that {names} sees, from "
            f"{DISTANCES[0]:g} to {DISTANCES[-1]:g} mm away: {hint}"
        )
    return [_diverging(a, b, where) for a, b in combinations(cameras, 2)]


def _diverging(one: "Camera", other: "Camera", where: str) -> str | None:
    """Warn of cameras that look away from each other, but not with their transforms inverted."""
    if _convergence(one, other) < 0 < _convergence(_inverted(one), _inverted(other)):
        return (
            f"{where}: cameras {one.name} and {other.name} look away from each other; if "
            "camera_from_rig is the inverse (rig_from_camera), invert it"
        )
    return None


def _convergence(one: "Camera", other: "Camera") -> float:
    """Return how the distance of two optical axes shrinks: mm per mm, negative where it grows."""
    between = _centre(other) - _centre(one)
    length = np.linalg.norm(between)
    axes = one.rotation[2] - other.rotation[2]
    closing = float(axes @ between / length) if length else 0.0
    return closing if abs(closing) > CONVERGING else 0.0


def _share_view(one: "Camera", other: "Camera") -> bool:
    """Return whether some point in one camera's image is in the other's too, both ways."""
    return _sees_what(one, other) or _sees_what(other, one)


def _sees_what(one: "Camera", other: "Camera") -> bool:
    width, height = one.size
    x, y = np.meshgrid(np.linspace(0.05, 0.95, 7), np.linspace(0.05, 0.95, 7))
    focal, centre = np.diag(one.matrix)[:2], one.matrix[:2, 2]
    rays = (np.column_stack([x.ravel() * width, y.ravel() * height]) - centre) / focal
    points = np.concatenate([d * np.column_stack([rays, np.ones(len(rays))]) for d in DISTANCES])
    in_rig = (points - one.translation) @ one.rotation
    seen = other.from_rig(in_rig)
    seen = seen[seen[:, 2] > DISTANCES[0] / 2.0]
    if not len(seen):
        return False
    pixels = seen[:, :2] / seen[:, 2:] * np.diag(other.matrix)[:2] + other.matrix[:2, 2]
    inside = (pixels > 0) & (pixels < np.array(other.size))
    return bool(inside.all(axis=1).any())


def _inverted(camera: "Camera") -> "Camera":
    return replace(camera, camera_from_rig=camera.camera_from_rig.inv())
