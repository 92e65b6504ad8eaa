"""Sessions as bags of ROS 2, read back by the rosbags library and by the MCAP one."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from mcap.reader import make_reader
from rosbags.highlevel import AnyReader
from rosbags.rosbag2 import Reader
from rosbags.typesys import Stores, get_typestore
from scipy.spatial.transform import RigidTransform, Rotation

from nav.core.files import sha256
from nav.record.ros_messages import DEFINITIONS
from nav.record.session.session_about import about_session
from nav.record.session.session_pictures import PictureWriter
from nav.tracking.tool import write_tool
from tests.live.test_session import NEEDLE
from tests.record.example_session import ExampleUse, example_use
from tests.record.pose_sessions import CLOCK, MOTIONS, PERIOD, frames_of, write_pose_session
from tests.record.test_session_tables import export

STORE = get_typestore(Stores.ROS2_HUMBLE)


@pytest.fixture(scope="module")
def example(tmp_path_factory) -> tuple[Path, ExampleUse]:
    return example_use(tmp_path_factory.mktemp("sessions"))


def exported(session: Path, folder: Path, *more: str) -> Path:
    assert export(session, "--output", folder / "bag", "--format", "rosbag2", *more) == 0
    return folder / "bag"


def messages(bag: Path, topic: str) -> list:
    """Times and messages of a topic, by the definitions in the bag itself."""
    with AnyReader([bag]) as reader:
        wanted = [c for c in reader.connections if c.topic == topic]
        return [
            (at, reader.deserialize(raw, connection.msgtype))
            for connection, at, raw in (reader.messages(wanted) if wanted else ())
        ]


def as_transform(message) -> RigidTransform:
    place, turn = message.transform.translation, message.transform.rotation
    return RigidTransform.from_components(
        [1000.0 * place.x, 1000.0 * place.y, 1000.0 * place.z],
        Rotation.from_quat([turn.x, turn.y, turn.z, turn.w]),
    )


def test_the_definitions_are_those_of_ros():
    for kind, text in DEFINITIONS.items():
        assert text.rstrip() == STORE.generate_msgdef(kind, ros_version=2)[0].rstrip()


@given(MOTIONS)
@settings(deadline=None, max_examples=25)
def test_any_motion_comes_back_and_a_lost_tool_is_not_published(tmp_path_factory, motion):
    folder = tmp_path_factory.mktemp("motion")
    session = write_pose_session(folder / "s", frames_of(motion))
    found = {
        (message.child_frame_id, at): message
        for at, sent in messages(exported(session, folder), "/tf")
        for message in sent.transforms
    }
    wanted = {}
    for number, poses in enumerate(motion):
        at = CLOCK.ns(CLOCK.monotonic + number * PERIOD)
        wanted |= {(name, at): p for name, p in zip(("needle", "reference"), poses, strict=True)}
    wanted = {key: pose for key, pose in wanted.items() if pose is not None}
    assert found.keys() == wanted.keys()
    for key, pose in wanted.items():
        message = found[key]
        assert message.header.frame_id == "rig"
        stamp = message.header.stamp
        assert stamp.sec * 1_000_000_000 + stamp.nanosec == key[1]
        assert as_transform(message).as_matrix() == pytest.approx(pose.as_matrix(), abs=1e-9)


def test_the_tree_leads_from_the_model_to_the_tip(tmp_path, example):
    session, use = example
    last = messages(exported(session, tmp_path), "/tf")[-1][1]
    tree = {m.child_frame_id: (m.header.frame_id, as_transform(m)) for m in last.transforms}
    assert {child: parent for child, (parent, _) in tree.items()} == {
        "needle": "rig", "needle_tip": "needle", "reference": "rig", "model": "reference"
    }  # fmt: skip
    reference_from_tip = tree["reference"][1].inv() * tree["needle"][1] * tree["needle_tip"][1]
    in_model = (tree["model"][1].inv() * reference_from_tip).translation
    # without what is known of its bending
    pipeline = use.work.session.pipeline
    straight = pipeline.registration.apply(use.states[-1].guidance.reference_tip).position
    assert in_model == pytest.approx(straight, abs=1e-6)


def test_events_and_provenance_are_in_the_bag(tmp_path, example):
    session, _ = example
    bag = exported(session, tmp_path)
    events = [json.loads(message.data) for _, message in messages(bag, "/events")]
    assert (events[0]["kind"], events[-1]["kind"]) == ("started", "ended")
    assert {"kind": "mark", "code": "", "text": "Haut", "frame": 68, "facts": {"text": "Haut"}} in (
        events
    )
    with (bag / "bag_0.mcap").open("rb") as file:
        reader = make_reader(file)
        assert reader.get_header().profile == "ros2"
        (about,) = (m.metadata for m in reader.iter_metadata())
    assert about["source_sha256"] == sha256(session / "session.mcap")
    assert "LPS" in about["frames"]
    assert (bag / "metadata.yaml").read_text().startswith("# made_by: c1c2nav ")
    with Reader(bag) as whole:
        assert whole.message_count == len(list(whole.messages()))
        times = [at for _, at, _ in whole.messages()]
        assert (whole.start_time, whole.end_time - 1) == (min(times), max(times))


@pytest.mark.parametrize("lossless", [True, False])
def test_pictures_are_in_the_bag_with_all_their_bits(tmp_path, lossless):
    same = RigidTransform.identity()
    session = write_pose_session(tmp_path / "s", frames_of([(same, same)]))
    writer = PictureWriter(session, about_session("cameras", clock=CLOCK), ["left-1"], lossless)
    rng = np.random.default_rng(2)
    images = [rng.integers(0, 256, (30, 40), np.uint8) for _ in range(3)]
    stamps = [CLOCK.ns(CLOCK.monotonic + 0.1 * k) for k in range(3)]
    for at, image in zip(stamps, images, strict=True):
        writer.add("left-1", at, writer.encoded("left-1", at, image), at)
    writer.close()
    found = messages(exported(session, tmp_path), "/camera/left_1/compressed")
    assert [at for at, _ in found] == stamps
    for (at, message), image in zip(found, images, strict=True):
        assert message.header.frame_id == "left-1"
        assert message.header.stamp.nanosec == at % 1_000_000_000
        assert message.format == ("png" if lossless else "jpeg")
        decoded = cv2.imdecode(message.data, cv2.IMREAD_GRAYSCALE)
        if lossless:
            assert np.array_equal(decoded, image)
        else:
            jpeg = cv2.imencode(".jpg", image, (cv2.IMWRITE_JPEG_QUALITY, 95))[1]
            assert np.array_equal(message.data, jpeg)
    without = exported(session, tmp_path / "other", "--no-pictures")
    assert messages(without, "/camera/left_1/compressed") == []


def test_a_tool_named_as_a_frame_of_the_bag_is_refused(tmp_path, capsys):
    same = RigidTransform.identity()
    session = write_pose_session(tmp_path / "s", frames_of([(same, same)], ("rig", "reference")))
    assert export(session, "--output", tmp_path / "bag", "--format", "rosbag2") == 2
    assert "tool rig: a frame of the bag has that name" in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "bag").exists()


def test_a_tool_named_as_the_tip_of_another_is_refused(tmp_path, capsys):
    write_tool(tmp_path / "needle.toml", NEEDLE)
    known = {"tools/needle.toml": (tmp_path / "needle.toml").read_bytes()}
    same = RigidTransform.identity()
    frames = frames_of([(same, same)], ("needle", "needle_tip"))
    session = write_pose_session(tmp_path / "s", frames, attachments=known)
    assert export(session, "--output", tmp_path / "bag", "--format", "rosbag2") == 2
    assert "tool needle_tip: a frame of the bag has that name" in capsys.readouterr().err


def test_a_damaged_tool_file_is_named_and_the_poses_are_exported(tmp_path, capsys):
    write_tool(tmp_path / "needle.toml", NEEDLE)
    text = (tmp_path / "needle.toml").read_bytes().replace(b"DICT_4X4_50", b"DICT_NONE")
    same = RigidTransform.identity()
    session = write_pose_session(
        tmp_path / "s", frames_of([(same, same)]), attachments={"tools/needle.toml": text}
    )
    ((_, sent),) = messages(exported(session, tmp_path), "/tf")
    assert {m.child_frame_id for m in sent.transforms} == {"needle", "reference"}
    said = capsys.readouterr().out
    assert "warning: tools/needle.toml is not used: dictionary: " in said
