"""The dictionaries of square markers: OpenCV's predefined ones, and a table for a lab's own."""

from collections.abc import Callable, Mapping
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

# A dictionary of your own: a name, which files then give, and a function that makes it, such as
# "DICT_OWN_5X5": lambda: cv2.aruco.extendDictionary(30, 5). Tools, boards, printed sheets, the
# detector and the simulated cameras all take their patterns from here.
OWN_DICTIONARIES: Mapping[str, Callable[[], cv2.aruco.Dictionary]] = {}


def dictionary_names() -> tuple[str, ...]:
    """Return the names of all marker dictionaries.

    Returns
    -------
    tuple of str
        Sorted: OpenCV's predefined ones, and those of OWN_DICTIONARIES.
    """
    return tuple(sorted({n for n in dir(cv2.aruco) if n.startswith("DICT_")} | {*OWN_DICTIONARIES}))


def marker_dictionary(name: str) -> cv2.aruco.Dictionary:
    """Return a marker dictionary.

    Parameters
    ----------
    name : str
        One of `dictionary_names`, such as DICT_APRILTAG_36h11.

    Returns
    -------
    cv2.aruco.Dictionary
    """
    if name in OWN_DICTIONARIES:
        return _made(OWN_DICTIONARIES[name])
    return cv2.aruco.getPredefinedDictionary(getattr(cv2.aruco, name))


@cache
def _made(make: Callable[[], cv2.aruco.Dictionary]) -> cv2.aruco.Dictionary:
    return make()


def marker_pattern(dictionary: str, marker_id: int) -> NDArray[np.uint8]:
    """Return the cells of a marker, border included, as seen from the front.

    Parameters
    ----------
    dictionary : str
        One of `dictionary_names`.
    marker_id : int
        In the dictionary.

    Returns
    -------
    ndarray, shape (n, n), uint8
        1 white and 0 black.
    """
    words = marker_dictionary(dictionary)
    cells = words.markerSize + 2
    return (cv2.aruco.generateImageMarker(words, marker_id, cells) > 127).astype(np.uint8)
