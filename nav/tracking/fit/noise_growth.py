"""How much less pixels say where their errors are not independent, as a sensor's are.

A fit's covariance counts pixels as if each had an error of its own, as large as any other's. Where
images were smoothed, compressed or enlarged, neighbours share their errors, and errors gather at
edges, which is where a marker's place is read. What the fit's errors are then is seen from the
residuals r and derivatives J themselves: the sum over pixels that are near each other of
J_p r_p r_q J_q' takes the place of noise^2 J' J (White 1980, Conley 1999). Its ratio to what
independent residuals would give, of all eight numbers of a marker's plane, is the growth of the
covariance. Pixels nearby count more, by Bartlett's window, so that it is never negative.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nav.core.compiled import njit
from nav.core.frames import Array
from nav.core.frameset import Picture
from nav.tracking.fit.accumulate_views import windows
from nav.tracking.fit.expected import lay_pixel
from nav.tracking.fit.fit_result import FitResult
from nav.tracking.fit.kernel_arguments import (
    CameraImage,
    MarkerPattern,
    PixelSelection,
    PlaneView,
)
from nav.tracking.fit.marker_views import shifted
from nav.tracking.fit.pattern import ROWS, SX, SY
from nav.tracking.fit.photometry import RIM_LEAST, RIM_MOST, split_blur
from nav.tracking.fit.pixel_moments import (
    ALONG_X,
    ALONG_Y,
    AT_BLUR,
    BLOCK,
    COLUMNS,
    GEOMETRY,
    SEEN,
    compare,
    derive,
    draw,
    pixel_buffers,
)
from nav.tracking.fit.quality import CAP, ENTIRE
from nav.tracking.fit.sharpening import UNKNOWN
from nav.tracking.fit.view_solver import HUBER, LEAST_NOISE

REACH = 3  # px: pixels further apart than this are assumed independent
TEACHES = 0.85  # of the variance explained, from which a view contributes
LEAST_PIXELS = 200  # of a view that does
ROUND = 1e-9  # share of the largest eigenvalue below which a plane is not held
KEEP = 0.9  # of what was learnt, per estimate
MOST_GROWTH = 16.0
OFTEN, SELDOM = 2, 4  # times as long to the next estimate: where errors are shared, and are not
MOST_WAIT = 256  # frame sets from one estimate to the next
DIFFERENT = 0.1  # relative change of the growth that is worth fitting again


@dataclass
class NoiseGrowth:
    """Growth of covariances by the errors that one camera's pixels share.

    Parameters
    ----------
    observed, independent : float
        Sums over its views, as they are and as independent errors would make them.
    looks : int
        How many frame sets contributed.
    """

    observed: float = 0.0
    independent: float = 0.0
    looks: int = 0

    @property
    def factor(self) -> float:
        """Growth of covariances, at least 1."""
        if not self.independent > 0.0:
            return 1.0
        return float(min(max(self.observed / self.independent, 1.0), MOST_GROWTH))

    def learn(self, observed: float, independent: float) -> bool:
        """Add the sums of one frame set; return whether the growth has changed."""
        before = self.factor
        if independent > 0.0:
            self.observed, self.independent = (
                KEEP * self.observed + observed, KEEP * self.independent + independent,
            )  # fmt: skip
            self.looks += 1
        return abs(self.factor / before - 1.0) > DIFFERENT

    @property
    def wait(self) -> int:
        """Frame sets until the next estimate; the first are soon if there is anything to learn."""
        base = SELDOM if self.factor == 1.0 else OFTEN
        return int(min(base**self.looks, MOST_WAIT))


def noise_growth(
    fit_result: FitResult,
    used: NDArray[np.bool_],
    pictures: Sequence[Picture],
    plain: Sequence[bool],
    camera: int,
) -> tuple[float, float]:
    """Compare the errors of a camera's pixels with independent ones.

    Parameters
    ----------
    fit_result : FitResult
        Of the tool as it was found.
    used : ndarray, shape (n,), bool
        Views that contribute.
    pictures : sequence of ndarray
        Image of each camera, as it was fitted.
    plain : sequence of bool
        Whether each image is as the camera gave it, not with its sharpening undone.
    camera : int
        Which of them.

    Returns
    -------
    observed : float
        Sum over the views of the trace of J' R J by that of its expectation.
    independent : float
        What it would be if the errors were independent. Both are zero where no view is good enough.

    References
    ----------
    White, Econometrica 48(4), 1980.
    Conley, Journal of Econometrics 92(1), 1999.
    """
    marker_views = fit_result.marker_views
    entire = (fit_result.quality.visible > ENTIRE) & (fit_result.quality.explained > TEACHES)
    own = np.flatnonzero(used & entire & (marker_views.camera == camera))
    camera_model, response = marker_views.cameras[camera], fit_result.responses[camera]
    count = marker_views.shape.count
    image = CameraImage(
        pictures[camera], camera_model.rays.grid, response.table, response.power,
        -1.0 if plain[camera] else UNKNOWN,
    )  # fmt: skip
    plane = fit_result.projection.plane
    if fit_result.appearance.slack > 0.0:
        plane = shifted(plane, fit_result.appearance.offset, count)
    slopes = marker_views.ray_slopes(fit_result.projection.corners.mean(axis=1))
    zones = np.ascontiguousarray(marker_views.shape.zones[marker_views.marker])
    changes = np.ascontiguousarray(marker_views.shape.changes[marker_views.marker])
    window = windows(
        fit_result.projection.corners, zones, count, marker_views.camera, marker_views.sizes, 0.0
    )
    drift = (
        fit_result.projection.flow
        @ fit_result.velocity
        * (camera_model.camera.readout / camera_model.camera.size[1])
    )
    total = np.zeros(2)
    for k in own:
        cut = HUBER * CAP * max(fit_result.quality.noise[k], LEAST_NOISE)
        rows = _pixel_rows(
            image, MarkerPattern(changes[k], count, zones[k]),
            PlaneView(window[k], plane[k], slopes[k], drift[k]), fit_result.appearance.blur[k],
            fit_result.appearance.brightness[k], cut,
        )  # fmt: skip
        whitened = _whitened(rows, float(fit_result.appearance.brightness[k, 0]))
        if whitened is not None:
            height, width = window[k, 1] - window[k, 0], window[k, 3] - window[k, 2]
            total += _windowed(*whitened, height, width, REACH)
    return float(total[0]), float(total[1])


def _whitened(rows: Array, gain: float) -> tuple[Array, Array] | None:
    """Whiten a view's derivatives and residuals; return None if there are too few.

    Derivatives by the plane (p, 8), what the view alone has eliminated, so that their products sum
    to one, and residuals (p,) of the view's own best fit, by their sd.
    """
    jacobian, residual = rows[:, :COLUMNS].copy(), rows[:, COLUMNS]
    count = int((rows != 0.0).any(axis=1).sum())
    if count < LEAST_PIXELS:
        return None
    jacobian[:, :GEOMETRY] *= gain
    jacobian[:, AT_BLUR:] *= gain
    normal = jacobian.T @ jacobian
    normal[np.diag_indices(COLUMNS)] += ROUND * np.trace(normal) / COLUMNS
    others = slice(GEOMETRY, COLUMNS)
    follow = np.linalg.solve(normal[others, others], normal[others, :GEOMETRY])
    plane = jacobian[:, :GEOMETRY] - jacobian[:, others] @ follow
    values, vectors = np.linalg.eigh(plane.T @ plane)
    if not values[0] > ROUND * values[-1]:
        return None
    residual = residual - jacobian @ np.linalg.solve(normal, jacobian.T @ residual)
    sd = np.sqrt(residual @ residual / max(count - COLUMNS, 1))
    if not sd > 0.0:
        return None
    return np.ascontiguousarray(plane @ (vectors / np.sqrt(values))), residual / sd


@njit(nogil=True, cache=True)
def _pixel_rows(camera, marker, view, blur, brightness, cut):
    """Compute derivatives and residual (p, COLUMNS + 1) of a window's pixels; zeros where not used.

    Parameters are those of `accumulate`, and the cut.
    """
    window, n, zone = view.window, marker.cells, marker.zone
    width = window[3] - window[2]
    result = np.zeros(((window[1] - window[0]) * width, COLUMNS + 1))
    buffers, which = pixel_buffers(), np.empty(ROWS, np.int64)
    sheet, parts = buffers.sheet, split_blur(blur)
    beside, odd = np.zeros(0, np.bool_), np.zeros((n + 2) ** 2, np.int64)
    selection = PixelSelection(cut, beside, odd)
    count = 0
    for p in range(len(result) + 1):
        if p < len(result):
            u, v = window[2] + p % width, window[0] + p // width
            x, y = lay_pixel(sheet, count, camera.grid, u, v, view, n, parts)
            sx, sy = sheet[SX + count], sheet[SY + count]
            rim_x = min(max(zone / sx - 0.5, RIM_LEAST), RIM_MOST) * sx
            rim_y = min(max(zone / sy - 0.5, RIM_LEAST), RIM_MOST) * sy
            rim_x += 0.5 * abs(sheet[ALONG_X + count])
            rim_y += 0.5 * abs(sheet[ALONG_Y + count])
            if x < -zone + rim_x or x > n + zone - rim_x:
                continue
            if y < -zone + rim_y or y > n + zone - rim_y:
                continue
            sheet[SEEN + count] = float(camera.image[v, u])
            which[count] = p
            count += 1
        if count == ROWS or (p == len(result) and count > 0):
            draw(sheet, count, camera, marker, parts.nodes, brightness)
            compare(buffers, count, n, brightness, camera.unknown, selection)
            derive(sheet, count, n / 2.0, brightness)
            for i in range(count):
                for a in range(COLUMNS + 1):
                    result[which[i], a] = sheet[BLOCK + a * ROWS + i]
            count = 0
    return result


@njit(nogil=True, cache=True)
def _windowed(jacobian, residual, height, width, reach):
    """Sum r_p r_q J_p . J_q over near pixels; return it and its expectation if independent."""
    result = np.zeros(2)
    for v in range(height):
        for u in range(width):
            p = v * width + u
            for dy in range(min(reach, height - 1 - v) + 1):
                least = -min(reach, u) if dy > 0 else 0
                for dx in range(least, min(reach, width - 1 - u) + 1):
                    q = p + dy * width + dx
                    both = 0.0
                    for a in range(GEOMETRY):
                        both += jacobian[p, a] * jacobian[q, a]
                    weight = 1.0 if p == q else 2.0
                    weight *= (1.0 - abs(dx) / (reach + 1.0)) * (1.0 - dy / (reach + 1.0))
                    result[0] += weight * residual[p] * residual[q] * both
                    # residuals of a fit are slightly correlated
                    result[1] += weight * ((both if p == q else 0.0) - both * both)
    return result
