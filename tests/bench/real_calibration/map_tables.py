"""Tags found, chained and adjusted to a map, as tables."""

from collections.abc import Callable, Mapping

import numpy as np
from rich.console import Console
from rich.table import Table
from scipy.spatial.transform import RigidTransform

from nav.camera.rig import Camera
from tests.bench.real_calibration.board_tables import bar, table
from tests.bench.real_calibration.chessboards import BoardPictures
from tests.bench.real_calibration.leave_one_out import Calibrated, by_opencv, by_us, our_cameras
from tests.bench.real_calibration.loop_closure import Loop, chain, loops, ties_of
from tests.bench.real_calibration.single_poses import SinglePoses, single_poses
from tests.bench.real_calibration.tag_map import adjusted_map, predict_pictures, wrong_poses
from tests.bench.real_calibration.tag_views import (
    OURS,
    REFINEMENTS,
    Detection,
    RoomPictures,
    by_opencv_detector,
    by_tracking,
    chosen,
    seen_by_all,
)

Detections = Mapping[str, Detection]


def show_map(console: Console, boards: BoardPictures, room: RoomPictures) -> None:
    """Print detection, loop closure and prediction, for lenses and corners of ours and OpenCV's."""
    lenses = {
        "ours": our_cameras(by_us(boards, boards.ours), boards.board),
        "OpenCV": by_opencv(boards, boards.opencv),
    }
    closures = table(
        "lens", "corners", "ties", "loops", "shift, % of length: median", "p95", "worst",
        "shift, sides: median", "p95", "worst", "turn, degrees: median", "p95", "worst",
    )  # fmt: skip
    rounds = table("lens", "corners", "tags", "length, sides", "shift, sides", "%", "degrees")
    maps = table(
        "lens", "corners", "views", "left out", "rms, px", "held out: rms", "median picture",
        "pictures", *(f"on {name}" for name in (OURS, *REFINEMENTS)),
    )  # fmt: skip
    for lens, found in lenses.items():
        camera = _camera(found, boards)
        with bar(console, f"tags, lens {lens}", len(room.pictures)) as advance:
            detections = {OURS: by_tracking(room, camera, advance)}
        for name in REFINEMENTS:
            detections[name] = by_opencv_detector(room, camera, name)
        poses = {name: single_poses(own.views) for name, own in detections.items()}
        if lens == "ours":
            console.print("AprilTags in a room, one telephone, "
                          f"{len(room.pictures)} pictures", style="bold")  # fmt: skip
            console.print(_detections(room, detections))
        for name in detections:
            _add_closure(closures, rounds, (lens, name), poses[name])
        with bar(console, f"map, lens {lens}", len(room.pictures) * len(detections)) as advance:
            lines = _add_maps(maps, lens, camera, detections, poses, advance)
        for line in lines:
            console.print(line)
    console.print("loops before adjustment; those of one single picture are left out")
    console.print(closures)
    console.print("the longest loop, round the room")
    console.print(rounds)
    console.print(
        "maps adjusted to all pictures; each picture in turn predicted by the map of the others, "
        "px rms per axis:\nof all corners that were found; last, of those that all three found"
    )
    console.print(maps)


def _camera(found: Calibrated, boards: BoardPictures) -> Camera:
    lens = found.cameras[0]
    return Camera(
        "phone", boards.sizes[0], lens.matrix, np.ravel(lens.distortion), RigidTransform.identity()
    )


def _detections(room: RoomPictures, detections: Detections) -> Table:
    result = table("found by", "found", "missed", "extra", "with a pose", "called ambiguous")
    for name, own in detections.items():
        counts = [str(count) for count in own.counts(room)]
        alone = [str(own.tracked), str(own.ambiguous)] if name == OURS else ["", ""]
        result.add_row(name, *counts, *alone)
    return result


def _add_closure(
    closures: Table, rounds: Table, names: tuple[str, str], poses: SinglePoses
) -> None:
    ties = ties_of(poses.decided)
    found = [loop for loop in loops(ties, chain(ties)[1]) if not loop.alone]

    def spread(values: list[float], digits: int) -> list[str]:
        return [f"{value:.{digits}f}" for value in np.percentile(values, [50, 95, 100])]

    closures.add_row(
        *names, str(len(ties)), str(len(found)),
        *spread([100 * loop.share for loop in found], 1),
        *spread([loop.shift for loop in found], 2),
        *spread([float(np.degrees(loop.turn)) for loop in found], 1),
    )  # fmt: skip
    longest: Loop = max(found, key=lambda loop: loop.length)
    rounds.add_row(
        *names, str(len(longest.tags)), f"{longest.length:.1f}", f"{longest.shift:.2f}",
        f"{100 * longest.share:.1f}", f"{np.degrees(longest.turn):.1f}",
    )  # fmt: skip


def _add_maps(
    maps: Table,
    lens: str,
    camera: Camera,
    detections: Detections,
    poses: Mapping[str, SinglePoses],
    advance: Callable[[], None],
) -> list[str]:
    common = seen_by_all(detections.values())
    lines = []
    for name, own in detections.items():
        places, _ = chain(ties_of(poses[name].decided))
        found = adjusted_map(own.views, camera, places)
        judged = {other: chosen(d.views, common) for other, d in detections.items()}
        predicted = predict_pictures(found, own.views, camera, {"": own.views, **judged}, advance)
        maps.add_row(
            lens, name, str(found.views), str(found.left_out), f"{found.rms:.3f}",
            f"{predicted[''].rms:.3f}", f"{predicted[''].median:.3f}",
            str(predicted[""].pictures), *(f"{predicted[other].rms:.3f}" for other in detections),
        )  # fmt: skip
        said = poses[name]
        lines.append(
            f"lens {lens}, corners {name}: {len(said.poses)} single poses, {len(said.twofold)} of "
            f"them twofold; by agreement with other pictures {len(said.overturned)} have the "
            f"one that fits less well, {len(said.undecided)} stay undecided; "
            f"{wrong_poses(found, said)} are the other one by the adjusted map"
        )
    return lines
