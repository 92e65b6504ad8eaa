"""Check how good live images are: edges, exposure, markers; now and then, in a thread."""

import logging
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from nav.core.errors import InputError
from nav.core.frames import Array
from nav.core.frameset import Frame, Picture
from nav.tracking.marker_dictionaries import dictionary_names, marker_dictionary

OVER, UNDER = 250, 5  # grey levels from which, and up to which, a pixel says nothing
SHARP, SOFT = 1.2, 2.0  # px: an edge's blur (sd) up to which markers are measured well, or at all
MOST_OVER = 0.05  # share of overexposed pixels: white paper is light grey in a good image
MOST_UNDER = 0.5  # of underexposed ones: dark surroundings do no harm
STEEPEST = 400  # pixels with the largest gradient, by which an edge's blur is judged
REACH = 13  # px across which an edge has its contrast
OWN_BLUR = 0.5  # px, sd, of the filter against noise
LEAST_CONTRAST = 40.0  # grey levels of an edge
DEFAULT_DICTIONARY = "DICT_APRILTAG_36h11"
WINDOW = 13  # px of the adaptive threshold: one is enough to count markers
DUTY = 0.35  # share of one processor that checking may take
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class PictureCheck:
    """What was seen in an image.

    Parameters
    ----------
    blur : float or None
        Of its sharpest edges, sd, px; None where there are none.
    over, under : float
        Shares of pixels that are white, and black.
    markers : tuple of int
        Distinct ids.
    corners : ndarray, shape (n, 4, 2)
        Of all markers, px.
    """

    blur: float | None
    over: float
    under: float
    markers: tuple[int, ...]
    corners: Array


def marker_detectors(dictionaries: Sequence[str]) -> list[cv2.aruco.ArucoDetector]:
    """Return a detector for each of some dictionaries.

    Parameters
    ----------
    dictionaries : sequence of str
        Names; AprilTag 36h11 where there are none.

    Returns
    -------
    list of cv2.aruco.ArucoDetector

    Raises
    ------
    InputError
        There is no dictionary of one name.
    """
    parameters = cv2.aruco.DetectorParameters()
    parameters.adaptiveThreshWinSizeMin = parameters.adaptiveThreshWinSizeMax = WINDOW
    detectors = []
    for name in dictionaries or (DEFAULT_DICTIONARY,):
        if name not in dictionary_names():
            raise InputError(
                f"--dictionary {name}: expected one of OpenCV's, as DICT_APRILTAG_36h11"
            )
        detectors.append(cv2.aruco.ArucoDetector(marker_dictionary(name), parameters))
    return detectors


def check_picture(
    image: Picture, detectors: Sequence[cv2.aruco.ArucoDetector] = ()
) -> PictureCheck:
    """Check one image.

    Parameters
    ----------
    image : ndarray, shape (height, width), uint8
        Grey levels.
    detectors : sequence of cv2.aruco.ArucoDetector
        Of the markers to count.

    Returns
    -------
    PictureCheck
    """
    sampled = image[::4, ::4]
    ids: set[int] = set()
    corners: list[Array] = []
    for detector in detectors:
        found, numbers, _ = detector.detectMarkers(image)
        if numbers is not None:
            ids |= {int(number) for number in np.ravel(numbers)}
            corners += [np.reshape(quad, (4, 2)).astype(float) for quad in found]
    return PictureCheck(
        edge_blur(image),
        float(np.mean(sampled >= OVER)),
        float(np.mean(sampled <= UNDER)),
        tuple(sorted(ids)),
        np.array(corners).reshape(-1, 4, 2),
    )


def edge_blur(image: Picture) -> float | None:
    """Measure how sharp an image's sharpest edges are.

    A step of contrast c, blurred by a Gaussian, has its steepest slope c / (sd sqrt(2 pi)).

    Parameters
    ----------
    image : ndarray, shape (height, width), uint8
        Grey levels.

    Returns
    -------
    float or None
        Standard deviation of the blur, px, the median over the steepest edges; the pixels' own
        width is in it. None where nothing has enough contrast.
    """
    smooth = cv2.GaussianBlur(image, (3, 3), OWN_BLUR)
    x = cv2.Sobel(smooth, cv2.CV_16S, 1, 0, ksize=1)
    y = cv2.Sobel(smooth, cv2.CV_16S, 0, 1, ksize=1)
    steep = np.hypot(x.astype(np.float32), y.astype(np.float32)) / 2.0
    count = min(STEEPEST, steep.size - 1)
    least = np.partition(steep.ravel(), -count)[-count]
    rows, columns = np.nonzero(steep >= max(float(least), 1.0))
    if not len(rows):
        return None
    kernel = np.ones((REACH, REACH), np.uint8)
    contrast = cv2.dilate(smooth, kernel).astype(np.float32) - cv2.erode(smooth, kernel)
    own = contrast[rows, columns]
    used = own >= LEAST_CONTRAST
    if used.sum() < STEEPEST // 20:
        return None
    slopes = steep[rows, columns][used]
    variance = float(np.median(own[used] / slopes)) ** 2 / (2.0 * np.pi)
    # the filter, and the difference over two pixels, are ours
    return float(np.sqrt(max(variance - OWN_BLUR**2 - 1.0 / 3.0, 0.0)))


class PictureChecker:
    """Checks the newest images in a thread, as often as its share of a processor allows.

    Parameters
    ----------
    detectors : sequence of cv2.aruco.ArucoDetector
        Of the markers to count.
    """

    def __init__(self, detectors: Sequence[cv2.aruco.ArucoDetector]) -> None:
        self._detectors = detectors
        self._given: Mapping[str, Frame] = {}
        self.checks: dict[str, PictureCheck] = {}
        self._wanted, self._stopped = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="check pictures", daemon=True)
        self._thread.start()

    def give(self, frames: Mapping[str, Frame]) -> None:
        """Offer newer images, by camera; those that are not looked at in time are skipped."""
        self._given = frames
        self._wanted.set()

    def close(self) -> None:
        """End the thread."""
        self._stopped.set()
        self._wanted.set()
        self._thread.join(timeout=5.0)

    def _run(self) -> None:
        while not self._stopped.is_set():
            self._wanted.wait()
            self._wanted.clear()
            began = time.monotonic()
            for name, frame in self._given.items():
                try:
                    self.checks[name] = check_picture(frame.image, self._detectors)
                except cv2.error:
                    log.exception("checking an image of %s failed", name)
            took = time.monotonic() - began
            self._stopped.wait(took * (1.0 / DUTY - 1.0))
