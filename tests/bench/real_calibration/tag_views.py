"""AprilTags in pictures of a room: as our tracking has them, and as OpenCV's detector does."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from calibration.tools.body_views import BodyView, views_of
from nav.camera.image_files import read_picture
from nav.camera.rig import Camera, Rig
from nav.core.errors import Lost
from nav.core.frames import Array
from nav.core.frameset import Frame, FrameSet, Picture
from nav.tracking.detect.marker_view import MarkerView
from nav.tracking.fit.corner_pose import AMBIGUOUS
from nav.tracking.marker_dictionaries import marker_dictionary
from nav.tracking.tool import Marker, Tool
from nav.tracking.tracker import Tracker
from tests.bench.tracking.conventions import convention

DICTIONARY = "DICT_APRILTAG_36h11"
TAGS = range(30)  # on the walls are 0 to 19; the others must not be found
SIDE = 20.0  # mm, as of a marker body; the true size is not known, and results are in sides
SQUARE = SIDE / 2 * np.array([[-1.0, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0]])
CLEAR = 0.1  # px, sd: corners of an unread square that are known no better are of chance
OPENCV_SD = 0.1  # px: OpenCV's corners come without covariance; all of them count alike
OURS, APRILTAG, SUBPIX = "ours", "OpenCV apriltag", "OpenCV subpix"
REFINEMENTS = {APRILTAG: cv2.aruco.CORNER_REFINE_APRILTAG, SUBPIX: cv2.aruco.CORNER_REFINE_SUBPIX}

Views = Mapping[tuple[int, int], MarkerView]


@dataclass(frozen=True)
class RoomPictures:
    """Pictures of a room with tags. truth : ids said to be in each."""

    names: tuple[str, ...]
    pictures: tuple[Picture, ...]
    truth: tuple[frozenset[int], ...]


@dataclass(frozen=True)
class Detection:
    """Tags found, by picture and id.

    tracked : of them, how many have a pose by themselves; ambiguous : how many tracking calls so.
    """

    views: Views
    tracked: int = 0
    ambiguous: int = 0

    def counts(self, room: RoomPictures) -> tuple[int, int, int]:
        """Return how many tags are found, missed, and found where none is said to be."""
        found = {(k, tag) for k, own in enumerate(room.truth) for tag in own}
        seen = set(self.views)
        return len(found & seen), len(found - seen), len(seen - found)


def room_pictures(folder: Path) -> RoomPictures:
    """Read the pictures and groundtruth.txt, which names more pictures than there are."""
    lines = (folder / "groundtruth.txt").read_text().split("\n")
    words = [line.split() for line in lines if line.strip()]
    truth = {name: frozenset(int(tag) for tag in tags) for name, *tags in words}
    names, pictures = [], []
    for file in sorted(folder.glob("*.JPG")):
        picture = read_picture(file)
        if isinstance(picture, Lost):
            raise ValueError(f"{file}: {picture.facts['why']}")
        names.append(file.name)
        pictures.append(picture)
    return RoomPictures(tuple(names), tuple(pictures), tuple(truth[name] for name in names))


def by_tracking(room: RoomPictures, camera: Camera, advance: Callable[[], None]) -> Detection:
    """Return the tags as our tracking has them, each of them a tool of one marker.

    Corners are those of the photometric fit, by each marker's own pixels, as for calibrating marker
    bodies. Where a single marker's pose is lost (it is ambiguous, or too vague), its corners still
    count if it was read, or is known well.
    """
    tools = [Tool(str(tag), DICTIONARY, (Marker(tag, SQUARE),)) for tag in TAGS]
    views: dict[tuple[int, int], MarkerView] = {}
    tracked = ambiguous = 0
    with closing(Tracker(Rig((camera,)), tools)) as tracker:
        for number, picture in enumerate(room.pictures):
            time = float(number)
            tracker.search()
            frame = Frame(camera.name, time, picture)
            result = tracker.track(FrameSet(number, time, {camera.name: frame}))
            for tool in tools:
                marker, pose = tool.markers[0], result.tools[tool.name]
                found = tracker.tool_states[tool.name].candidate
                seen = tracker.views[tool.name]
                own: list[BodyView] = []
                if not isinstance(pose, Lost) and found is not None:
                    own, tracked = views_of(found, number, tool)[0], tracked + 1
                elif pose == AMBIGUOUS:
                    ambiguous += 1
                if own:
                    view = MarkerView(camera, marker, own[0].corners, own[0].covariance, True)
                    views[number, marker.id] = view
                elif len(seen) == 1 and _believed(seen[0]):
                    views[number, marker.id] = seen[0]
            advance()
    return Detection(views, tracked, ambiguous)


def _believed(view: MarkerView) -> bool:
    sd = float(np.sqrt(np.trace(view.covariance) / 8))
    return view.refined and (view.decoded or sd < CLEAR)


def by_opencv_detector(room: RoomPictures, camera: Camera, refinement: str) -> Detection:
    """Return the tags as OpenCV's detector has them, its corners brought to our convention."""
    parameters = cv2.aruco.DetectorParameters()
    parameters.cornerRefinementMethod = REFINEMENTS[refinement]
    detector = cv2.aruco.ArucoDetector(marker_dictionary(DICTIONARY), parameters)
    usual = convention("opencv-apriltag" if refinement == APRILTAG else refinement)
    views: dict[tuple[int, int], MarkerView] = {}
    for number, picture in enumerate(room.pictures):
        corners, ids, _ = detector.detectMarkers(picture)
        for quad, tag in zip(corners, [] if ids is None else np.ravel(ids).tolist(), strict=True):
            pixels: Array = usual.ours(np.asarray(quad).reshape(4, 2))
            covariance = np.eye(8) * OPENCV_SD**2
            views[number, tag] = MarkerView(camera, Marker(tag, SQUARE), pixels, covariance, True)
    return Detection(views)


def seen_by_all(detections: Iterable[Detection]) -> list[tuple[int, int]]:
    """Return picture and id of the tags that all found."""
    return sorted(set.intersection(*(set(found.views) for found in detections)))


def chosen(views: Views, keys: Sequence[tuple[int, int]]) -> dict[tuple[int, int], MarkerView]:
    """Return some of the views."""
    return {key: views[key] for key in keys}
