"""Poses of another tracker over OpenIGTLink: what it sends, what it says, and when it is silent."""

import itertools
import queue
import time

import numpy as np
import pytest

from nav.core.errors import Lost
from nav.core.frames import rigid
from nav.core.tracked_frame import TrackedTool
from nav.link.igtl_client import IgtlClient
from nav.link.igtl_content import OK, Position, Status
from nav.link.igtl_messages import Message, decode_message
from nav.link.igtl_poses import APART, IgtlPoses
from nav.link.network_address import NetworkAddress
from nav.text.catalogue import ENGLISH
from nav.tracking.pose_source import SILENCE, StatedErrors
from tests.link.plus_like_server import PlusLikeServer, stamp, tracking_data, transform

STATED = StatedErrors(0.2, 0.002)
TOOLS = ("needle", "reference")
NEEDLE = rigid([0.3, -0.2, 0.4], [12.5, -40.25, 1500.75])
REFERENCE = rigid([-0.1, 0.6, 0.2], [30.0, 20.0, 1600.0])
AWAY = rigid([0.1, 0.2, 0.3], [3e5, 0.0, 0.0]).as_matrix()
MIRRORED = np.diag([-1.0, 1.0, 1.0, 1.0])


def both(number):
    at = stamp()
    needle = rigid([0.0, 0.0, 0.0], [float(number % 100), 0.0, 0.0]) * NEEDLE
    return [
        transform("NeedleToTracker", needle, at=at),
        transform("ReferenceToTracker", REFERENCE, at=at),
    ]


def connect(server, given=None, port=None):
    address = NetworkAddress("127.0.0.1", port or server.port)
    return IgtlPoses(address, TOOLS, STATED, given)


def frames(source, seconds):
    """The frames of some time."""
    end, found = time.monotonic() + seconds, []
    for frame in source:
        found.append(frame)
        if time.monotonic() > end:
            return found
    return found


def first(source, wanted, seconds=60.0):
    """The first frame of which something holds."""
    end, last = time.monotonic() + seconds, None
    for last in source:
        if wanted(last):
            return last
        if time.monotonic() > end:
            break
    raise AssertionError(f"never came; last were {dict(last.tools)}")


def is_tracked(frame, *tools):
    return all(isinstance(frame.tools[name], TrackedTool) for name in tools or TOOLS)


def code(frame, tool="needle"):
    seen = frame.tools[tool]
    return seen.code if isinstance(seen, Lost) else ""


@pytest.fixture
def server():
    with PlusLikeServer(both) as made:
        yield made


@pytest.fixture
def source(server):
    made = connect(server)
    yield made
    made.close()


def undisturbed(proof, times=12):
    """What a proof returns: the first time that other programs leave it the time it needs."""
    for _ in range(times - 1):
        try:
            return proof()
        except AssertionError:
            time.sleep(0.5)
    return proof()


def is_told(frame, code):
    return any(notice.code == code for notice in frame.notices)


def is_young(frame):
    assert abs(time.monotonic() - frame.captured_at) < 0.3


def test_frames_hold_both_poses_of_one_instant(server, source):
    first(source, is_tracked)

    def every_one_that_is_sent():
        before = server.number
        found = [f for f in frames(source, 1.2) if is_tracked(f)]
        assert len(found) == pytest.approx(server.number - before, abs=4)
        ages = [time.monotonic() - frame.captured_at for frame in found[-3:]]
        assert min(ages) < 0.3
        return found

    seen = undisturbed(every_one_that_is_sent)
    for frame in seen:
        needle, reference = (frame.tools[name] for name in TOOLS)
        assert reference.rig_from_tool.transform.as_matrix() == pytest.approx(
            REFERENCE.as_matrix(), abs=1e-4
        )
        moved = needle.rig_from_tool.transform * NEEDLE.inv()
        assert moved.translation[1:] == pytest.approx([0.0, 0.0], abs=2e-3)
        assert needle.systematic[:3, :3].trace() > 3 * STATED.position_sd**2 * 0.99
    numbers = [frame.number for frame in seen]
    assert numbers == sorted(set(numbers))
    assert all(a.time <= b.time for a, b in itertools.pairwise(seen))
    codes = {notice.code for notice in seen[-1].notices}
    assert codes <= {"tracker_stream", "tracker_stream_timed"}
    assert codes


def test_a_client_shows_that_it_knows_metadata(server, source):
    first(source, is_tracked)
    message = decode_message(b"".join(server.received))
    assert (message.kind, message.version, message.content.code) == ("STATUS", 2, OK)


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (lambda: [transform("NeedleToTracker", NEEDLE, "MISSING")], "not_seen_by_tracker_status"),
        (lambda: [transform("NeedleToTracker", NEEDLE, "INVALID")], "not_seen_by_tracker_status"),
        (lambda: [transform("NeedleToTracker", NEEDLE, "UNKNOWN")], "not_seen_by_tracker_status"),
        (lambda: [], "report_late"),
        (lambda: [Message(Status(7, "hidden"), "needle").encoded()], "not_seen_by_tracker_status"),
        (lambda: [raw(np.diag([2.0, 2.0, 2.0, 1.0]))], "reported_scaled"),
        (lambda: [raw(MIRRORED)], "reported_mirrored"),
        (lambda: [raw(np.eye(4) + np.eye(4, k=1) * [[0.1], [0], [0], [0]])], "reported_sheared"),
        (lambda: [raw(np.full((4, 4), np.nan))], "reported_not_finite"),
        (lambda: [raw(AWAY)], "reported_far"),
    ],
)  # fmt: skip
def test_what_is_no_pose_is_lost_with_its_reason(server, source, sent, expected):
    first(source, is_tracked)
    server.frame = lambda _: [*sent(), transform("ReferenceToTracker", REFERENCE)]
    lost = first(source, lambda frame: code(frame) == expected)
    assert is_tracked(lost, "reference")
    assert ENGLISH.sentence(lost.tools["needle"])
    server.frame = both
    first(source, is_tracked)


def raw(matrix):
    from nav.link.igtl_content import Transform

    return Message(
        Transform(matrix), "NeedleToTracker", stamp(), {"TransformStatus": "OK"}
    ).encoded()


def test_silence_is_noticed_in_time_and_frames_go_on(server, source):

    def noticed_in_time():
        server.frame = both
        first(source, is_tracked)
        server.frame = lambda _: []
        lost = first(source, lambda frame: code(frame) == "report_late")
        assert 0.2 < lost.tools["needle"].facts["seconds"] < 0.5

    def frames_go_on():
        times = []
        for frame in frames(source, 0.8):
            assert not is_tracked(frame, "needle")
            times.append(time.monotonic())
        assert np.median(np.diff(times)) < 0.2
        assert len(times) >= 4

    undisturbed(noticed_in_time)
    undisturbed(frames_go_on)


def test_a_body_measured_long_before_the_needle_is_not_shown_beside_it(server, source):
    first(source, is_tracked)
    server.frame = lambda _: [
        transform("NeedleToTracker", NEEDLE),
        transform("ReferenceToTracker", REFERENCE, at=stamp(time.time() - 0.5 * (APART + SILENCE))),
    ]
    first(source, lambda frame: code(frame, "reference") == "report_late" and not code(frame))
    assert not any(is_tracked(frame) for frame in frames(source, 0.4))


def test_status_of_the_device_concerns_all_tools_and_hardware_failure_lasts(server, source):
    first(source, is_tracked)
    failed = Message(Status(18, "camera is hot", "HARDWARE"), "PlusServer").encoded()
    server.frame = lambda number: [failed, *both(number)]
    lost = first(source, lambda frame: code(frame) and code(frame, "reference"))
    assert "HARDWARE: camera is hot" in ENGLISH.sentence(lost.tools["needle"])
    server.frame = both
    assert not any(is_tracked(frame) for frame in frames(source, 0.4))
    server.frame = lambda number: [Message(Status(OK), "PlusServer").encoded(), *both(number)]
    first(source, is_tracked)


def test_the_connection_is_made_again_after_the_server_was_away(server, source):
    first(source, is_tracked)
    server.close()
    lost = first(source, lambda frame: code(frame) == "tracker_not_connected")
    assert str(server.port) in ENGLISH.sentence(lost.tools["needle"])
    time.sleep(0.5)
    with PlusLikeServer(both, port=server.port) as again:
        first(source, is_tracked)
        again.drop()
        first(source, lambda frame: code(frame) == "tracker_not_connected")
        first(source, is_tracked)


@pytest.mark.parametrize(
    "garbage",
    [b"HTTP/1.1 400 Bad Request\r\n\r\n" * 20, bytes(100), b"\xff" * 300,
     transform("NeedleToTracker", NEEDLE)[:-1] + b"\x00" + bytes(60),
     b"\0\1TRANSFORM\0\0\0" + bytes(28) + (2**40).to_bytes(8, "big") + bytes(8)],
    ids=["http", "zeros", "ones", "damaged", "huge"],
)  # fmt: skip
def test_garbage_ends_the_connection_and_is_told(server, source, garbage):
    server.frame = lambda _: [garbage]
    lost = first(source, lambda frame: code(frame) == "tracker_not_connected")
    assert ENGLISH.sentence(lost.tools["needle"])
    server.frame = both
    first(source, is_tracked)


def test_pieces_and_large_images_between_do_no_harm(server, source):
    image = Message(Text12("IMAGE", bytes(3_000_000)), "Image", stamp()).encoded()
    server.rate = 20.0
    server.frame = lambda number: [image, *both(number)]
    seen = first(source, is_tracked)
    assert seen.tools["reference"].rig_from_tool.transform.translation[2] == 1600.0


class Text12:
    """Content of a type that is not read."""

    def __init__(self, kind, body):
        self.kind, self.body = kind, body

    def encoded(self):
        return self.body


def test_tdata_is_asked_for_where_there_are_no_transforms(server):
    poses = {"NeedleToTracker": NEEDLE, "ReferenceToTracker": REFERENCE}

    def when_asked(_):
        asked = any(b"STT_TDATA" in data for data in server.received)
        return [tracking_data(poses, {"NeedleToTracker": "OK"})] if asked else []

    server.frame = when_asked
    source = connect(server)
    try:
        first(source, is_tracked)
        server.frame = lambda _: [tracking_data(poses, {"NeedleToTracker": "MISSING"})]
        lost = first(source, lambda frame: code(frame) == "not_seen_by_tracker_status")
        assert is_tracked(lost, "reference")
    finally:
        source.close()


def test_tdata_does_not_cover_up_what_transform_says(server, source):
    at_same = {"NeedleToTracker": NEEDLE}
    server.frame = lambda _: [
        transform("NeedleToTracker", NEEDLE, "MISSING"),
        transform("ReferenceToTracker", REFERENCE),
        tracking_data(at_same),
    ]
    first(source, lambda frame: is_tracked(frame, "reference"))
    assert not any(is_tracked(frame, "needle") for frame in frames(source, 0.4))


def test_positions_and_header_version_1_are_read(server):
    turn = NEEDLE.rotation.as_quat()
    server.frame = lambda _: [
        Message(
            Position(NEEDLE.translation, turn), "NeedleToReference", stamp(), version=1
        ).encoded()
    ]
    source = connect(server)
    try:
        seen = first(source, is_tracked)
        assert seen.pose("needle", "reference").transform.as_matrix() == pytest.approx(
            NEEDLE.as_matrix(), abs=1e-4
        )
    finally:
        source.close()


def test_names_that_do_not_fit_are_told_and_can_be_given(server):
    server.frame = lambda _: [
        transform("StylusToTracker", NEEDLE), transform("PhantomToTracker", REFERENCE)
    ]  # fmt: skip
    source = connect(server)
    try:
        lost = first(source, lambda frame: code(frame) == "tracker_names_unknown")
        told = ENGLISH.sentence(lost.tools["needle"])
        assert "StylusToTracker" in told
        assert "--igtl-name needle=NAME" in told
    finally:
        source.close()
    source = connect(server, {"needle": "StylusToTracker", "reference": "Phantom"})
    try:
        first(source, is_tracked)
    finally:
        source.close()


def test_without_times_those_of_arrival_are_used_and_it_is_said(server):
    server.frame = lambda _: [
        transform("NeedleToTracker", NEEDLE, at=0), transform("ReferenceToTracker", REFERENCE, at=0)
    ]  # fmt: skip
    source = connect(server)
    try:
        assert first(source, lambda f: is_tracked(f) and is_told(f, "tracker_no_times"))
        undisturbed(lambda: is_young(first(source, is_tracked)))
    finally:
        source.close()


def test_a_clock_far_away_that_jumps_is_followed_and_told(server):
    ahead = [-1.2e9]

    def frame(_):
        at = stamp(time.time() + ahead[0])
        return [transform("NeedleToTracker", NEEDLE, at=at),
                transform("ReferenceToTracker", REFERENCE, at=at)]  # fmt: skip

    server.frame = frame
    source = connect(server)
    try:
        undisturbed(lambda: is_young(first(source, is_tracked)))
        ahead[0] += 3600.0
        assert first(source, lambda f: is_tracked(f) and is_told(f, "tracker_clock_jumped"))
        ahead[0] -= 7200.0
        assert first(source, lambda f: code(f) == "report_late")  # old, until it has lasted
        assert first(source, is_tracked)
    finally:
        source.close()


def test_a_slow_server_is_told(server):
    server.rate = 4.0
    source = connect(server)
    try:
        assert first(source, lambda f: any(n.code == "tracker_slow" for n in f.notices))
    finally:
        source.close()


def test_a_fault_while_reading_ends_the_connection_not_the_thread(server):
    faults, states = [ZeroDivisionError("once")], queue.Queue()

    def receive(message, arrival):
        if faults:
            raise faults.pop()
        states.put("received")

    address = NetworkAddress("127.0.0.1", server.port)
    client = IgtlClient(address, receive, lambda state: states.put(state.problem), lambda: True)
    told = [states.get(timeout=60.0) for _ in range(4)]
    client.close()
    assert told == ["", "ZeroDivisionError: once", "", "received"]


def test_no_server_is_a_reason_and_closing_ends_the_iteration():
    source = IgtlPoses(NetworkAddress("127.0.0.1", 9), TOOLS, STATED)
    first(source, lambda frame: code(frame) == "tracker_not_connected")
    source.close()
    assert list(source) == []
