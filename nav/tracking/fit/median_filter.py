"""In-camera median filters: recognised by what they do to a marker, and taken into account.

A median filter takes noise out and leaves straight edges where they are, but rounds off the corners
of cells, in all views alike, so that no disagreement shows what it does to the pose. But what it
does to a known marker is known: the same filter is applied to the image that the fit expects, and
the change that it makes there is taken from the camera's image before the next fit.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from nav.core.frameset import Picture
from nav.tracking.fit.accumulate_views import windows
from nav.tracking.fit.expected import expected_greys
from nav.tracking.fit.fit_result import FitResult
from nav.tracking.fit.kernel_arguments import (
    Appearance,
    CameraImage,
    MarkerPatterns,
    PlaneViews,
)
from nav.tracking.fit.marker_views import shifted
from nav.tracking.fit.quality import ENTIRE

SIZE = 3  # px, side of the filter: what cameras and drivers use
TEACHES = 0.85  # of the variance explained, from which a view contributes
# Share of the change by a filter that a fit without it leaves in the residuals, from which it is
# worth trying: the fit takes most for blur. Of 20 frame sets without a filter 0.01, with one 0.1
WORTH_TRYING = 0.03
BETTER = 0.02  # mean logarithm of the noise by which a fit must be better
# px, one sd, that a marker's corners are off beyond what noise explains: noise decides which pixel
# is the median, so that the filter does not quite do what it does to the expected image
ROUGH_MEDIAN = 0.003
OFTEN, MOST_WAIT = 4, 256  # times as long to the next estimate; frame sets at most


@dataclass(frozen=True)
class MedianFilter:
    """Whether one camera filters its images by the median of 3 x 3 pixels.

    Parameters
    ----------
    filters : bool
        Whether it does.
    looks : int
        How many frame sets said so, one after the other.
    """

    filters: bool = False
    looks: int = 0

    def learn(self, filters: bool) -> "MedianFilter":
        """Return what is known after one more frame set."""
        return MedianFilter(filters, self.looks + 1 if filters == self.filters else 1)

    @property
    def wait(self) -> int:
        """Frame sets until the next estimate."""
        return int(min(OFTEN**self.looks, MOST_WAIT))


NO_MEDIAN = MedianFilter()


def is_worth_trying(
    fit_result: FitResult, used: NDArray[np.bool_], picture: Picture, camera: int
) -> bool | None:
    """Return whether a camera's residuals look as if its image had been filtered.

    Parameters
    ----------
    fit_result : FitResult
        Of the tool as it was found, without a filter.
    used : ndarray, shape (n,), bool
        Views that contribute.
    picture : ndarray, shape (height, width), uint8
        The camera's image.
    camera : int
        Its index.

    Returns
    -------
    bool or None
        None where too little is seen.
    """
    own = np.flatnonzero(used & _teaching(fit_result, camera))
    seen, made = 0.0, 0.0
    for part, expected, inside in _expected_views(fit_result, own, picture):
        change = np.where(inside, _change(expected), 0.0)
        seen += float(((picture[part] - expected) * change).sum())
        made += float((change * change).sum())
    return seen > WORTH_TRYING * made if made > 0.0 else None


def explains_more(plain: FitResult, filtered: FitResult, camera: int) -> bool | None:
    """Return whether a camera's views leave less unexplained with a filter than without.

    Parameters
    ----------
    plain, filtered : FitResult
        Fits to the same views without and with it.
    camera : int
        Index of the camera.

    Returns
    -------
    bool or None
        None where too little is seen.
    """
    both = _teaching(plain, camera) & _teaching(filtered, camera)
    if not both.any():
        return None
    gain = np.log(plain.quality.noise[both]) - np.log(filtered.quality.noise[both])
    return bool(np.average(gain, weights=plain.quality.pixels[both]) > BETTER)


def _teaching(fit_result: FitResult, camera: int) -> NDArray[np.bool_]:
    quality = fit_result.quality
    whole = (quality.visible > ENTIRE) & (quality.explained > TEACHES)
    return np.asarray(whole & (fit_result.marker_views.camera == camera), bool)


def without_median(fit_result: FitResult, picture: Picture, camera: int) -> Picture:
    """Take what a median filter did to the markers from a camera's image.

    Parameters
    ----------
    fit_result : FitResult
        What the image is expected to show.
    picture : ndarray, shape (height, width), uint8
        The camera's image.
    camera : int
        Its index.

    Returns
    -------
    ndarray, shape (height, width), uint8
    """
    plain = picture.astype(np.float32)
    own = np.flatnonzero(fit_result.quality.good & (fit_result.marker_views.camera == camera))
    for part, expected, inside in _expected_views(fit_result, own, picture):
        plain[part] -= np.where(inside, _change(expected), 0.0)
    return np.clip(np.rint(plain), 0, 255).astype(np.uint8)


def _change(expected: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return what the filter changes in an image."""
    return cv2.medianBlur(expected, SIZE) - expected


def _expected_views(
    fit_result: FitResult, which: Sequence[int] | NDArray[np.int64], picture: Picture
) -> Iterator[tuple[tuple[slice, slice], NDArray[np.float32], NDArray[np.bool_]]]:
    """Yield of each view its part of the image and the grey levels that are expected there.

    Last where these are known, and around.
    """
    views, projection, look = fit_result.marker_views, fit_result.projection, fit_result.appearance
    cells = views.shape.count
    plane = shifted(projection.plane, look.offset, cells) if look.slack > 0.0 else projection.plane
    patterns = MarkerPatterns(
        np.ascontiguousarray(views.shape.changes[views.marker]),
        cells,
        np.ascontiguousarray(views.shape.zones[views.marker]),
    )
    window = windows(projection.corners, patterns.zones, cells, views.camera, views.sizes, 0.0)
    slopes = views.ray_slopes(projection.corners.mean(axis=1))
    count = len(views)
    appearance = Appearance(
        look.brightness, look.blur, look.blur, np.zeros(count, np.bool_), np.zeros(count),
        np.zeros((count, 0), np.int64),
    )  # fmt: skip
    around = np.ones((SIZE, SIZE), np.uint8)
    for k in which:
        model, response = views.cameras[views.camera[k]], fit_result.responses[views.camera[k]]
        image = CameraImage(picture, model.rays.grid, response.table, response.power)
        row = model.camera.readout / model.camera.size[1]
        drift = projection.flow @ fit_result.velocity * row
        row0, row1, column0, column1, _ = window[k]
        at = np.mgrid[row0:row1, column0:column1].reshape(2, -1).T
        expected, known = expected_greys(
            np.ascontiguousarray(at), np.zeros(len(at), np.bool_), image, (k, k + 1), patterns,
            PlaneViews(window, plane, slopes, drift), appearance,
        )  # fmt: skip
        shape = row1 - row0, column1 - column0
        inside = cv2.erode(known.reshape(shape).astype(np.uint8), around, borderValue=0) > 0
        part = slice(int(row0), int(row1)), slice(int(column0), int(column1))
        yield part, expected.reshape(shape).astype(np.float32), inside
