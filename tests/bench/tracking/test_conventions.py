"""Other trackers' corners, once converted, are where the corners are: no half pixel, no turn."""

import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import RigidTransform

from nav.tracking.tool import Tool
from phantoms.twin.sensor import Optics
from phantoms.twin.simulated_bodies import Placed
from phantoms.twin.simulated_tools import needle_body
from tests.bench.tracking.crew import PEERS_PYTHON, SURGERY, Peer
from tests.synthetic import (
    DICTIONARY,
    Studio,
    marker_body,
    needle_poses,
    small_rig,
    square_marker,
    tilted,
)

OPTICS = Optics(blur=0.8, noise=1.0, gradient=(0.0, 0.0))
TAGS = 12
OWN = Path(sys.executable)
# px: most that the mean over all corners may be off; OpenCV's scatter by half a pixel each
LOOSE, TIGHT = 0.2, 0.03
PEERS = [
    *((f"opencv-{how}", OWN, LOOSE) for how in ("none", "subpix", "contour")),
    ("opencv-apriltag", OWN, TIGHT),
    *((f"opencv-{how}", PEERS_PYTHON, LOOSE) for how in ("none", "subpix", "contour")),
    ("opencv-apriltag", PEERS_PYTHON, TIGHT),
    ("pupil-apriltags", PEERS_PYTHON, TIGHT),
    ("pupil-apriltags-decimated", PEERS_PYTHON, TIGHT),
]


def started(name: str, python: Path) -> Peer:
    if not python.exists():
        pytest.skip(".venv-peers is not there: make bench-tracking makes it")
    peer = Peer(name, python, name)
    if peer.missing:
        peer.close()
        pytest.skip(f"{name} is {peer.missing}")
    return peer


@pytest.fixture(scope="module")
def tags():
    """Large tags, each alone in a picture: (frame set, tool, true corners)."""
    rig = small_rig(1)
    camera = rig.cameras[0]
    studio, rng = Studio(rig, OPTICS, 1), np.random.default_rng(0)
    made = []
    for number in range(TAGS):
        marker = square_marker(number, side=rng.uniform(28.0, 36.0))
        at = [*rng.uniform(-10, 10, 2), rng.uniform(580, 620)]
        pose = RigidTransform.from_components(at, tilted(rng, 0.5))
        frames = studio.frames([Placed(marker_body(marker, quiet=6.0), pose)])
        tool = Tool("tag", DICTIONARY, (marker,), quiet=6.0)
        made.append((frames, tool, camera.project(pose.apply(marker.corners))))
    return rig, made


@pytest.mark.parametrize(("name", "python", "most"), PEERS)
def test_converted_corners_have_our_places_and_order(tags, name, python, most):
    rig, made = tags
    errors = []
    peer = started(name, python)
    try:
        for frames, tool, true in made:
            assert peer.setup(rig, [tool], tool) == ""
            found = peer.look(frames, tool).corners["left"][tool.markers[0].id]
            distances = np.linalg.norm(found[:, None] - true, axis=-1)
            assert distances.argmin(axis=1).tolist() == [0, 1, 2, 3]
            errors.append(found - true)
    finally:
        peer.close()
    assert np.concatenate(errors).mean(axis=0) == pytest.approx([0.0, 0.0], abs=most)


def test_a_dictionary_that_a_peer_does_not_know_is_said(needle):
    peer = started("pupil-apriltags", PEERS_PYTHON)
    try:
        tool = Tool("tag", "DICT_4X4_50", needle.markers)
        assert peer.setup(small_rig(1), [tool], tool) == "does not know DICT_4X4_50"
    finally:
        peer.close()


def test_poses_of_others_are_of_the_same_tool_frame(needle):
    """Unrefined corners lie half a pixel inside: so much farther the tool seems, but not turned."""
    rig = small_rig(1)
    studio = Studio(rig, OPTICS, 1)
    peer = started(SURGERY, PEERS_PYTHON)
    try:
        assert peer.setup(rig, [needle], needle) == ""
        for pose in needle_poses(3, np.random.default_rng(2), wander=1.0):
            look = peer.look(studio.frames([Placed(needle_body(needle), pose)]), needle)
            assert look.camera_poses is not None
            rig_from_tool = rig.cameras[0].camera_from_rig.inv().as_matrix()
            rig_from_tool = rig_from_tool @ look.camera_poses["left"]
            assert rig_from_tool[:3, 3] == pytest.approx(pose.translation, abs=20.0)
            turn = pose.rotation.as_matrix().T @ rig_from_tool[:3, :3]
            assert np.degrees(np.arccos((np.trace(turn) - 1) / 2)) < 5.0
    finally:
        peer.close()
