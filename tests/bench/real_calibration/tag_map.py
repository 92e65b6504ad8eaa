"""A map of tags that suits all pictures best, and how well it predicts pictures left out.

Bundle adjustment is that of marker bodies (`calibration.tools`): a pose for each picture, a place
for each tag, all tags of one size. There tags are held near where a file has them; here nothing is
known of that, so that it begins anew from where they came to lie until nothing moves.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from calibration.tools.adjust import Free, adjust
from calibration.tools.body_views import BodyView
from calibration.tools.robust_bundle import Solved, sightings_of, solved
from calibration.tools.unknowns import Body, residuals_of
from nav.camera.rig import Camera, Rig
from nav.core.frames import Array
from nav.tracking.detect.marker_view import MarkerView
from nav.tracking.fit.initial_pose import find_start
from nav.tracking.tool import Marker
from tests.bench.real_calibration.single_poses import SinglePoses
from tests.bench.real_calibration.tag_views import SIDE, SQUARE, Views

MOST_ROUNDS, SETTLED = 40, 1e-3  # sides by which tags still move
ONLY_TAGS, ONLY_POSES = Free(scale=False), Free(markers=False, scale=False)


@dataclass(frozen=True)
class TagMap:
    """Tags where all pictures together have them.

    corners : (4, 3) of each tag, sides. spread : by how much residuals exceed the covariances.
    rms : px per axis, views used. left_out : of the views, how many do not fit.
    """

    corners: Mapping[int, Array]
    poses: Mapping[int, Array]
    spread: float
    rms: float
    views: int
    left_out: int


@dataclass(frozen=True)
class Predicted:
    """Pictures that had no part in the map: px per axis, rms of all their corners; median picture.

    Each is placed by its tags (two at least), which are in the map by other pictures.
    """

    rms: float
    median: float
    pictures: int
    views: int


def adjusted_map(views: Views, camera: Camera, places: Mapping[int, Array]) -> TagMap:
    """Adjust a map to all its pictures.

    places : map_from_tag (4, 4), sides, to begin with; tags without are left out.
    """
    square = np.column_stack([SQUARE / SIDE, np.ones(4)])
    corners = {tag: (square @ place.T)[:, :3] for tag, place in places.items()}
    return _adjusted(views, camera, corners, {})


def wrong_poses(found: TagMap, poses: SinglePoses) -> int:
    """Return how many views have one of two poses where the map says that it is the other."""
    count = 0
    for (picture, tag), other in poses.others.items():
        if picture not in found.poses or tag not in found.corners:
            continue
        c0, c1, _, c3 = found.corners[tag] @ found.poses[picture][:3, :3].T
        expected = np.column_stack([c1 - c0, c3 - c0, np.cross(c1 - c0, c3 - c0)])
        taken = poses.poses[picture, tag].matrix[:3, :3]
        count += np.linalg.norm(other.matrix[:3, :3] - expected) < np.linalg.norm(taken - expected)
    return int(count)


def predict_pictures(
    found: TagMap, views: Views, camera: Camera, judged: Mapping[str, Views],
    advance: Callable[[], None],
) -> dict[str, Predicted]:  # fmt: skip
    """Leave out each picture in turn, adjust the map to the others, and place it in the map.

    judged : corners by name on which the prediction is judged; tags that are not in the map of the
        others do not count.
    """
    squares: dict[str, list[Array]] = {name: [] for name in judged}
    for picture in sorted({k for k, _ in views}):
        others = {key: view for key, view in views.items() if key[0] != picture}
        seen = {tag for _, tag in others}
        corners = {tag: c for tag, c in found.corners.items() if tag in seen}
        without = _adjusted(others, camera, corners, found.poses)
        for name, theirs in judged.items():
            own = {k: v for k, v in theirs.items() if k[0] == picture and k[1] in without.corners}
            if len(own) > 1:
                squares[name].append(_placed(without, camera, own) ** 2)
        advance()
    return {
        name: Predicted(
            float(np.sqrt(np.concatenate(own).mean())),
            float(np.sqrt(np.median([one.mean() for one in own]))),
            len(own),
            sum(len(one) // 8 for one in own),
        )
        for name, own in squares.items()
    }


def _adjusted(
    views: Views, camera: Camera, corners: Mapping[int, Array], poses: Mapping[int, Array]
) -> TagMap:
    tags = sorted(corners)
    kept = [
        key for key in sorted(views)
        if key[1] in corners and sum(k[0] == key[0] and k[1] in corners for k in views) > 1
    ]  # fmt: skip
    pictures = sorted({picture for picture, _ in kept})
    starts = {
        k: poses[k] if k in poses else _start_pose([_in_map(views[key], corners) for key in kept
                                                   if key[0] == k])
        for k in pictures
    }  # fmt: skip
    body_views = [
        BodyView(k, camera.name, tag, views[k, tag].corners, views[k, tag].covariance, starts[k])
        for k, tag in kept
    ]
    sightings = sightings_of(body_views, Rig((camera,)), tags)
    body = _at_rest(np.array([starts[k] for k in pictures]), np.array([corners[t] for t in tags]))
    for _ in range(MOST_ROUNDS):
        result: Solved = solved(sightings, body, (camera,), ONLY_TAGS)
        moved = np.abs(result.adjusted.body.corners - body.nominal).max()
        body = _at_rest(result.adjusted.body.poses, result.adjusted.body.corners)
        if moved < SETTLED:
            break
    residuals = result.residuals[result.kept]
    return TagMap(
        dict(zip(tags, body.nominal, strict=True)),
        dict(zip(pictures, body.poses, strict=True)),
        float(result.spread[0]),
        float(np.sqrt((residuals**2).mean())),
        int(result.kept.sum()),
        int((~result.kept).sum()),
    )


def _start_pose(views: Sequence[MarkerView]) -> Array:
    """Return camera_from_map (4, 4), sides, of views of tags that are in the map."""
    start = find_start(views, None)
    if start is None:
        raise ValueError("tags do not fit together")
    return start.pose


def _in_map(view: MarkerView, corners: Mapping[int, Array]) -> MarkerView:
    return replace(view, marker=Marker(view.marker.id, corners[view.marker.id]))


def _at_rest(poses: Array, corners: Array) -> Body:
    """A body whose displacements count from where its tags are."""
    return Body(
        poses, corners, np.zeros((len(corners), 3)), np.tile(np.eye(3), (len(corners), 1, 1))
    )


def _placed(found: TagMap, camera: Camera, own: Views) -> Array:
    """(8 n,) px off the map of one picture's views, its pose fitted to them."""
    tags = sorted(found.corners)
    start = _start_pose([_in_map(view, found.corners) for view in own.values()])
    views = [
        BodyView(k, camera.name, tag, view.corners, view.covariance, start)
        for (k, tag), view in own.items()
    ]
    sightings = sightings_of(views, Rig((camera,)), tags).scaled(np.array([found.spread]))
    body = _at_rest(start[None], np.array([found.corners[tag] for tag in tags]))
    placed = adjust(sightings, body, (camera,), ONLY_POSES).body
    return residuals_of(sightings, placed, (camera,))[1].ravel()
