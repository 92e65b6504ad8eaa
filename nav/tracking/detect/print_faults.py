"""What is wrong with markers that are in view but cannot be used: how they were printed or filed.

Sheets of another program may have each marker half turned on its place (OpenCV 4 and 5 draw
AprilTags so to each other), a border of two cells, white on black, or another dictionary; a webcam
may deliver mirrored images; a tool's file may have corners in another order. Searching costs
about a dozen detections in a whole image: it is for a tool that stays lost, not for every frame.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import Literal

import cv2
import numpy as np

from nav.camera.rig import Camera
from nav.core.frames import Array
from nav.core.frameset import Picture
from nav.tracking.marker_dictionaries import marker_dictionary
from nav.tracking.tool import Tool

Kind = Literal[
    "half turned", "quarter turned", "counter-clockwise", "misplaced", "mirrored", "inverted",
    "wide border", "other dictionary",
]  # fmt: skip
# the largest of each family holds the others' markers
FAMILIES = (
    "DICT_4X4_1000", "DICT_5X5_1000", "DICT_6X6_1000", "DICT_7X7_1000", "DICT_ARUCO_ORIGINAL",
    "DICT_ARUCO_MIP_36h12", "DICT_APRILTAG_16h5", "DICT_APRILTAG_25h9", "DICT_APRILTAG_36h10",
    "DICT_APRILTAG_36h11",
)  # fmt: skip
CHANCY = ("DICT_4X4", "DICT_APRILTAG_16h5", "DICT_ARUCO_ORIGINAL")  # read in noise now and then
LIKELY, LIKELY_CHANCY = 2, 4  # markers that are not read by chance
FITS = 0.08  # of a marker's side, rms: corners that lie as the hypothesis says
CLEARLY = 2.0  # by how much another hypothesis must fit better

HALF_TURN_HINT = (
    "OpenCV 4 and OpenCV 5 draw AprilTags half turned to each other: print the sheet with `nav "
    "print`, or begin each marker's corners in the file with its third"
)


@dataclass(frozen=True)
class PrintFault:
    """Markers in view that cannot be used as they are.

    Parameters
    ----------
    kind : str
        What is wrong.
    ids : tuple of int
        Of the markers, in the dictionary by which they were read.
    dictionary : str
        OpenCV's name of that dictionary.
    """

    kind: Kind
    ids: tuple[int, ...]
    dictionary: str


def find_print_fault(image: Picture, tool: Tool, camera: Camera | None = None) -> PrintFault | None:
    """Find out why a tool's markers in an image cannot be used.

    Parameters
    ----------
    image : ndarray, shape (height, width), uint8
        Grey levels.
    tool : Tool
        As its file has it.
    camera : Camera, optional
        To check whether markers that are read lie as the file says; without it that is not checked.

    Returns
    -------
    PrintFault or None
        None where no reason is found: also where the markers are read and lie as the file says, or
        where none are in view.
    """
    wanted = set(tool.by_id)
    read = only(read_markers(image, tool.dictionary), wanted)
    if read:
        return None if camera is None else _read_but_useless(image, read, tool, camera)
    least = min(len(wanted), LIKELY_CHANCY if is_chancy(tool.dictionary) else LIKELY)
    for kind, look in DISGUISES.items():
        markers = only(look(image, tool.dictionary), wanted)
        if len(markers) >= least:
            return PrintFault(kind, tuple(sorted(markers)), tool.dictionary)
    other = read_any_dictionary(image, but=tool.dictionary)
    if other is None:
        return None
    name, markers = other
    return PrintFault("other dictionary", tuple(sorted(markers)), name)


def describe_print_fault(fault: PrintFault, tool: Tool, camera: str) -> str:
    """Return a line for the person at the bench: what was found, expected, and what to do.

    Parameters
    ----------
    fault : PrintFault
        What is wrong.
    tool : Tool
        Whose markers are meant.
    camera : str
        Name of the camera.

    Returns
    -------
    str
    """
    who = marker_list(fault.ids)
    seen = f"{who} of {tool.name} seen by {camera}"
    where = f"{who} {'is' if len(fault.ids) == 1 else 'are'} seen by {camera}"
    if fault.kind == "half turned":
        return (
            f"{where}, each half turned on its place against {tool.name}'s file; {HALF_TURN_HINT}"
        )
    return {
        "quarter turned": f"{where}, each a quarter turned on its place against {tool.name}'s file;"
        " begin its corners with the marker's own top left",
        "counter-clockwise": f"{where}, but their corners in {tool.name}'s file run"
        " counter-clockwise; expected top left, top right, bottom right, bottom left, as seen from"
        " the front",
        "misplaced": f"{where}, but do not lie as {tool.name}'s file says; is it this tool's file?",
        "mirrored": f"{seen}, but mirrored: turn off mirroring (flip) in the camera's settings",
        "inverted": f"{seen}, but white on black; print black markers on white",
        "wide border": f"{seen}, but with a border of two cells; print with a border of one",
        "other dictionary": f"{camera} sees {who} of {fault.dictionary}, but {tool.name}'s file has"
        f" {tool.dictionary}",
    }[fault.kind]


def marker_list(ids: Collection[int]) -> str:
    """Return ids for people: marker 4; markers 4, 6; markers 40 to 43.

    Parameters
    ----------
    ids : collection of int
        At least one.

    Returns
    -------
    str
        At most six ids, or a range.
    """
    each = sorted(set(ids))
    if len(each) == 1:
        return f"marker {each[0]}"
    if len(each) > 2 and each[-1] - each[0] == len(each) - 1:
        return f"markers {each[0]} to {each[-1]}"
    shown = ", ".join(str(k) for k in each[:6])
    return f"markers {shown}{' and others' if len(each) > 6 else ''}"


def read_markers(image: Picture, dictionary: str, border: int = 1) -> dict[int, Array]:
    """Read the markers of a dictionary in an image.

    Parameters
    ----------
    image : ndarray, shape (height, width), uint8
        Grey levels.
    dictionary : str
        OpenCV's name.
    border : int
        Cells of black around the code.

    Returns
    -------
    dict of int to ndarray, shape (4, 2)
        Corners, px, in the marker's own order, of each id that was read once.
    """
    return _read(image, marker_dictionary(dictionary), border)


def read_mirrored(image: Picture, dictionary: str) -> dict[int, Array]:
    """Read the markers of a mirrored image.

    Parameters
    ----------
    image : ndarray, shape (height, width), uint8
        Grey levels.
    dictionary : str
        OpenCV's name.

    Returns
    -------
    dict of int to ndarray, shape (4, 2)
        Corners, px, in the image as it is.
    """
    markers = read_markers(np.ascontiguousarray(image[:, ::-1]), dictionary)
    width = image.shape[1]
    return {k: corners * [-1.0, 1.0] + [width - 1.0, 0.0] for k, corners in markers.items()}


def read_inverted(image: Picture, dictionary: str) -> dict[int, Array]:
    """Read markers printed white on black.

    Parameters
    ----------
    image : ndarray, shape (height, width), uint8
        Grey levels.
    dictionary : str
        OpenCV's name.

    Returns
    -------
    dict of int to ndarray, shape (4, 2)
        As `read_markers`.
    """
    return read_markers(np.asarray(255 - image, np.uint8), dictionary)


def read_wide_border(image: Picture, dictionary: str) -> dict[int, Array]:
    """Read markers printed with a border of two cells.

    Parameters
    ----------
    image : ndarray, shape (height, width), uint8
        Grey levels.
    dictionary : str
        OpenCV's name.

    Returns
    -------
    dict of int to ndarray, shape (4, 2)
        As `read_markers`.
    """
    return read_markers(image, dictionary, border=2)


DISGUISES: Mapping[Kind, Callable[[Picture, str], dict[int, Array]]] = {
    "inverted": read_inverted,
    "mirrored": read_mirrored,
    "wide border": read_wide_border,
}


def read_any_dictionary(image: Picture, but: str) -> tuple[str, dict[int, Array]] | None:
    """Find the dictionary of which most markers are read in an image.

    Parameters
    ----------
    image : ndarray, shape (height, width), uint8
        Grey levels.
    but : str
        A dictionary that is not meant, nor one of its family.

    Returns
    -------
    (str, dict) or None
        Its name, and the markers as `read_markers` returns them; None where too few are read.
    """
    best: tuple[str, dict[int, Array]] | None = None
    for name in FAMILIES:
        if _family(name) == _family(but):
            continue
        markers = read_markers(image, name)
        least = LIKELY_CHANCY if is_chancy(name) else LIKELY
        if len(markers) >= least and (best is None or len(markers) > len(best[1])):
            best = name, markers
    if best is None:
        return None
    return smallest_holding(best[0], best[1]), best[1]


def smallest_holding(name: str, ids: Collection[int]) -> str:
    """Return the smallest dictionary of a family that has some ids.

    Parameters
    ----------
    name : str
        The largest of the family.
    ids : collection of int
        At least one.

    Returns
    -------
    str
        OpenCV's name.
    """
    if not name.endswith("_1000"):
        return name
    size = next(size for size in (50, 100, 250, 1000) if max(ids) < size)
    return f"{name.removesuffix('1000')}{size}"


def is_chancy(dictionary: str) -> bool:
    """Return whether a dictionary's markers are so simple that some are read where none are.

    Parameters
    ----------
    dictionary : str
        OpenCV's name.

    Returns
    -------
    bool
    """
    return dictionary.startswith(CHANCY)


def only(markers: Mapping[int, Array], ids: Collection[int]) -> dict[int, Array]:
    """Select markers by id.

    Parameters
    ----------
    markers : mapping of int to ndarray
        Corners by id.
    ids : collection of int
        Which are wanted.

    Returns
    -------
    dict of int to ndarray
    """
    return {k: corners for k, corners in markers.items() if k in ids}


def _read(image: Picture, words: cv2.aruco.Dictionary, border: int) -> dict[int, Array]:
    parameters = cv2.aruco.DetectorParameters()
    parameters.markerBorderBits = border
    corners, ids, _ = cv2.aruco.ArucoDetector(words, parameters).detectMarkers(image)
    read = [] if ids is None else [int(k) for k in np.ravel(ids)]
    quads = [np.asarray(quad, float).reshape(4, 2) for quad in corners]
    return {k: quad for k, quad in zip(read, quads, strict=True) if read.count(k) == 1}


def _family(name: str) -> str:
    return name.rsplit("_", 1)[0] if name.startswith("DICT_") and name[5].isdigit() else name


def _read_but_useless(
    image: Picture, read: Mapping[int, Array], tool: Tool, camera: Camera
) -> PrintFault | None:
    fault = _misplaced(read, tool, camera)
    if fault is None or fault.kind != "misplaced":
        return fault
    # a wide border's inner cell may be taken for all of it, and the marker read in there
    wide = only(read_wide_border(image, tool.dictionary), set(tool.by_id))
    if len(wide) >= LIKELY and _misplaced(wide, tool, camera) is None:
        return replace(fault, kind="wide border")
    return fault


def _misplaced(markers: Mapping[int, Array], tool: Tool, camera: Camera) -> PrintFault | None:
    """Return how markers that are read lie against the file."""
    ids = tuple(sorted(markers))
    if len(ids) < 2:
        return None  # a single marker may lie in any direction
    pixels = np.array([markers[k] for k in ids])
    rays = _ideal(pixels.reshape(-1, 2), camera)
    side = float(np.linalg.norm(pixels - np.roll(pixels, 1, axis=1), axis=2).mean())
    focal = float(camera.matrix[0, 0])
    filed = np.array([tool.by_id[k].corners for k in ids])
    mirrored = filed[:, [1, 0, 3, 2]]
    suppositions: list[tuple[Kind | None, Array]] = [
        (None, filed),
        ("half turned", np.roll(filed, 2, axis=1)),
        ("quarter turned", np.roll(filed, 1, axis=1)),
        ("quarter turned", np.roll(filed, 3, axis=1)),
        *(("counter-clockwise", np.roll(mirrored, turn, axis=1)) for turn in range(4)),
    ]  # fmt: skip
    rms = [_rms(corners, rays) * focal / side for _, corners in suppositions]
    if rms[0] < FITS:
        return None
    best = int(np.argmin(rms))
    kind = suppositions[best][0]
    if kind is not None and rms[best] < min(FITS, rms[0] / CLEARLY):
        return PrintFault(kind, ids, tool.dictionary)
    return PrintFault("misplaced", ids, tool.dictionary)


def _ideal(pixels: Array, camera: Camera) -> Array:
    given = np.ascontiguousarray(pixels.reshape(-1, 1, 2))
    rays = cv2.undistortPoints(given, camera.matrix, np.asarray(camera.distortion, float))
    return np.asarray(rays, float).reshape(-1, 2)


def _rms(corners: Array, rays: Array) -> float:
    """Return the rms of the directions of corners (n, 4, 3), rays (4 n, 2), in the best pose."""
    points = np.ascontiguousarray(corners.reshape(-1, 3))
    try:
        _, turns, shifts, _ = cv2.solvePnPGeneric(
            points, rays, np.eye(3), None, flags=cv2.SOLVEPNP_SQPNP
        )
    except cv2.error:
        return np.inf
    best = np.inf
    for turn, shift in zip(turns, shifts, strict=True):
        turn, shift = cv2.solvePnPRefineLM(points, rays, np.eye(3), None, turn, shift)
        placed = points @ cv2.Rodrigues(turn)[0].T + np.ravel(shift)
        if placed[:, 2].min() > 0:
            residual = placed[:, :2] / placed[:, 2:] - rays
            best = min(best, float(np.sqrt((residual**2).sum(axis=1).mean())))
    return best
