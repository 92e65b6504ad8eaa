"""Whatever a server sends: poses come back as they were sent, all else is lost with a reason."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nav.core.errors import Lost
from nav.core.frames import rigid
from nav.core.rigid_matrix import rigid_fault
from nav.core.tracked_frame import TrackedTool
from nav.link.igtl_content import Instrument, Position, Status, TrackingData, Transform
from nav.link.igtl_crc import crc64
from nav.link.igtl_messages import HEADER_SIZE, Message, decode_message
from nav.link.igtl_reports import MOST_NAMES, IgtlReports
from nav.text.catalogue import ENGLISH
from nav.tracking.pose_source import SILENCE, StatedErrors
from tests.link.plus_like_server import stamp

TOOLS = ("needle", "reference")
STATED = StatedErrors(0.2, 0.002)
NAMES = {"needle": "NeedleToTracker", "reference": "ReferenceToTracker"}


def received(message):
    """The message after a way through bytes."""
    return decode_message(message.encoded())


turns = st.tuples(*[st.floats(-1.8, 1.8)] * 3)
places = st.tuples(*[st.floats(-5000.0, 5000.0)] * 3)


@settings(max_examples=50, deadline=None)
@given(turns, places, turns, places, st.sampled_from(["transform", "tdata", "position"]))
def test_poses_come_back_as_they_were_sent(turn, place, other_turn, other_place, kind):
    poses = {"needle": rigid(turn, place), "reference": rigid(other_turn, other_place)}
    reports, at = IgtlReports(TOOLS, {}), stamp(1000.0)
    matrices = {NAMES[tool]: pose.as_matrix() for tool, pose in poses.items()}
    if kind == "tdata":
        content = TrackingData(tuple(Instrument(n, m) for n, m in matrices.items()))
        messages = [Message(content, "Tracker", at)]
    elif kind == "transform":
        messages = [Message(Transform(matrix), name, at) for name, matrix in matrices.items()]
    else:
        messages = [
            Message(Position(pose.translation, pose.rotation.as_quat()), NAMES[tool], at)
            for tool, pose in poses.items()
        ]
    early = [Message(m.content, m.device, stamp(999.0)) for m in messages]
    reports.take(received(early[0]), 49.0)  # which tool's a name is, is known when all were heard
    fresh = set()
    for message in [*early[1:], *messages]:
        fresh |= reports.take(received(message), 50.0)
    assert fresh == set(TOOLS)
    for tool, pose in poses.items():
        seen = reports.tool(tool, 50.0, STATED)
        assert isinstance(seen, TrackedTool)
        assert seen.rig_from_tool.transform.as_matrix() == pytest.approx(
            pose.as_matrix(), rel=1e-6, abs=1e-5
        )


odd = st.floats(width=32) | st.sampled_from([0.0, 1.0, -1.0, np.nan, np.inf, 1e30])
matrices = st.lists(odd, min_size=12, max_size=12).map(
    lambda numbers: np.vstack([np.reshape(numbers, (3, 4)), [0.0, 0.0, 0.0, 1.0]])
) | st.builds(lambda turn, place: rigid(turn, place).as_matrix(), turns, places)
names = st.sampled_from([*NAMES.values(), "NeedleToReference", "StylusToTracker", "", "needle"])
statuses = st.sampled_from(["OK", "ok", "MISSING", "", "OUT_OF_VIEW", "\x00\n", "x" * 300])
metadata = st.dictionaries(
    st.sampled_from(["TransformStatus", "status", "NeedleToTrackerStatus", "other"]), statuses
)
contents = (
    st.builds(Transform, matrices)
    | st.builds(
        lambda rows: TrackingData(tuple(Instrument(n, m) for n, m in rows)),
        st.lists(st.tuples(names, matrices), max_size=3),
    )
    | st.builds(Status, st.integers(0, 25), st.text(max_size=80).filter(lambda t: "\0" not in t))
    | st.builds(lambda v: Position(np.array(v[:3]), np.array(v[3:])), st.tuples(*[odd] * 7))
)
times = st.sampled_from([0, 1, stamp(5.0), stamp(2e9)]) | st.integers(0, 2**64 - 1)
messages = st.builds(Message, contents, names, times, metadata, st.sampled_from([1, 2]))


@settings(max_examples=80, deadline=None)
@given(st.lists(st.tuples(messages, st.floats(0.0, 1.0)), max_size=25))
def test_any_messages_are_taken_and_only_rigid_and_recent_poses_are_shown(sent):
    reports, now = IgtlReports(TOOLS, {}), 100.0
    for message, wait in sent:
        now += wait
        fresh = reports.take(received(message), now)
        assert fresh <= set(TOOLS)
        if reports.choice is None:
            continue
        for tool in TOOLS:
            seen = reports.tool(tool, now, STATED)
            if isinstance(seen, Lost):
                assert ENGLISH.sentence(seen)
                continue
            assert not rigid_fault(seen.rig_from_tool.transform.as_matrix())
            at = reports.time_of(tool)
            assert at is None or 0.0 <= now - at <= SILENCE
            assert at is None or seen.systematic.any()


def test_a_repeated_measurement_becomes_no_newer_even_by_a_clock_that_is_not_used():
    reports = IgtlReports(TOOLS, {})

    def send(seconds, arrival):
        for name in NAMES.values():
            reports.take(Message(Transform(np.eye(4)), name, stamp(seconds)), arrival)
        return reports.tool("needle", arrival, STATED)

    for k in range(60):  # a clock that jumps each second
        assert isinstance(send(1000.0 + k * 10.0, 50.0 + k), TrackedTool)
    assert not reports.clock.is_usable
    for age in np.arange(0.05, 3.0, 0.1):
        seen = send(1000.0 + 59 * 10.0, 109.0 + age)
        assert isinstance(seen, Lost) == (age > SILENCE)
    assert seen.code == "report_late"


def test_names_without_end_are_not_kept():
    reports = IgtlReports(TOOLS, {})
    for number in range(3 * MOST_NAMES):
        reports.take(Message(Transform(np.eye(4)), f"Tool{number}", stamp(1000.0 + number)), 1.0)
    assert len(reports.heard) == MOST_NAMES


def sent(reports, name, arrival, seconds=None, place=0.0, status="OK", **metadata):
    """Sends a pose that was measured at a time of the server's clock."""
    matrix = np.eye(4)
    matrix[0, 3] = place
    at = stamp(arrival + 1000.0 if seconds is None else seconds)
    told = {**metadata, **({} if status is None else {"TransformStatus": status})}
    return reports.take(received(Message(Transform(matrix), name, at, told)), arrival)


def seen_at(reports, now, tool="needle"):
    """Where a tool is, or the code of the reason why that is not known."""
    seen = reports.tool(tool, now, STATED)
    return seen.code if isinstance(seen, Lost) else seen.rig_from_tool.transform.translation[0]


@pytest.fixture
def reports():
    """Of a server that sends both tools."""
    made = IgtlReports(TOOLS, {})
    for name in NAMES.values():
        sent(made, name, 49.9, place=1.0)
    return made


def test_transform_status_counts_whatever_else_is_said_to_be_well(reports):
    for others in ({"ConnectionStatus": "OK"}, {"AStatus": "OK", "zstatus": "OK"}):
        sent(reports, NAMES["needle"], 50.0, status="MISSING", **others)
        assert seen_at(reports, 50.0) == "not_seen_by_tracker_status"
    sent(reports, NAMES["needle"], 50.1, status=None, DeviceStatus="OK", ToolStatus="OUT_OF_VIEW")
    assert seen_at(reports, 50.1) == "not_seen_by_tracker_status"
    sent(reports, NAMES["needle"], 50.2, StatusCode="0")
    assert seen_at(reports, 50.2) == 0.0


@pytest.mark.parametrize("order", [("OK", "MISSING"), ("MISSING", "OK")])
def test_statuses_that_contradict_each_other_are_not_ok(reports, order):
    """One key twice in a message, or in capitals and small letters."""
    told = dict(zip(("TransformStatus", "transformStatus"), order, strict=True))
    data = Message(Transform(np.eye(4)), NAMES["needle"], stamp(1050.0), told).encoded()
    for changed in (data, twice(data)):
        reports.take(decode_message(changed), 50.0)
        assert seen_at(reports, 50.0) == "not_seen_by_tracker_status"


def twice(data: bytes) -> bytes:
    """The message with one key in two notations as one with that key twice."""
    body = data[HEADER_SIZE:].replace(b"transformStatus", b"TransformStatus")
    head = data[: HEADER_SIZE - 8]
    return head + crc64(body).to_bytes(8, "big") + body


@pytest.mark.parametrize(
    "sent_as", ["NeedleOfTheLeftHandToTrackerStatus", "NeedleOfTheLeftHandTStatus"]
)
def test_the_status_of_a_name_that_is_cut_off_counts(sent_as):
    name = "NeedleOfTheLeftHandToTracker"[:20]
    reports = IgtlReports(("NeedleOfTheLeftHand",), {"NeedleOfTheLeftHand": name})
    content = TrackingData((Instrument(name, np.eye(4)),))
    reports.take(received(Message(content, "all", stamp(1050.0), {sent_as: "MISSING"})), 50.0)
    assert seen_at(reports, 50.0, "NeedleOfTheLeftHand") == "not_seen_by_tracker_status"
    reports.take(received(Message(content, "all", stamp(1050.1), {sent_as: "OK"})), 50.1)
    assert seen_at(reports, 50.1, "NeedleOfTheLeftHand") == 0.0


@pytest.mark.parametrize("encoding", [3, 106, 0, 17, 1015, 65535])
def test_metadata_in_any_character_set_do_not_end_the_connection(reports, encoding):
    """PLUS calls all text ASCII; a key can be cut within a character."""
    told = {"TransformStatus": "OK", "Operator X": "M\u00fcller"}
    data = Message(Transform(np.eye(4)), NAMES["needle"], stamp(1050.0), told).encoded()
    for key, entry in ((b"Operator X", b"Operator \xc3"), (b"\x00\x0a\x00\x6a", None)):
        new = entry if entry is not None else b"\x00\x0a" + encoding.to_bytes(2, "big")
        assert data.count(key) == 1
        data = data.replace(key, new)
    body = data[HEADER_SIZE:]
    reports.take(
        decode_message(data[: HEADER_SIZE - 8] + crc64(body).to_bytes(8, "big") + body), 50.0
    )
    assert seen_at(reports, 50.0) == 0.0


def test_two_tools_of_one_name_are_not_taken_for_one(reports):
    for place in (0.0, 80.0, 0.0, 80.0):
        sent(reports, NAMES["needle"], 50.0, place=place)
    assert seen_at(reports, 50.0) == "reported_twice"
    sent(reports, NAMES["needle"], 50.02, place=3.0)
    assert seen_at(reports, 50.02) == 3.0
    twice = tuple(Instrument(NAMES["reference"], np.eye(4)) for _ in range(2))
    of_one = IgtlReports(TOOLS, {})
    once = (Instrument(NAMES["needle"], np.eye(4)), *twice)
    of_one.take(Message(TrackingData(once), "all"), 50.0)  # without a time
    assert seen_at(of_one, 50.0) == 0.0
    assert seen_at(of_one, 50.0, "reference") == "reported_twice"


@pytest.mark.parametrize("late", [0.0, 0.002, -0.002, -30.0])
@pytest.mark.parametrize("every", [2, 3])
def test_two_devices_that_send_one_name_in_turn_are_noticed(reports, late, every):
    """With stamps of their own, and not at the same rate; whichever of the two is shown."""
    heard = []
    for k in range(60):
        at, other = 50.0 + k / 60.0, k % every == 0
        place = 80.0 + 0.1 * k if other else 1.0 + 0.2 * k
        stated = at + 1000.0 + (late if other else 0.0)
        sent(reports, NAMES["needle"], at, stated, place)
        sent(reports, NAMES["reference"], at, place=1.0)
        heard.append(seen_at(reports, at))
    assert set(heard[20:]) == {"reported_twice"}
    assert seen_at(reports, 51.0, "reference") == 1.0
    for k in range(60):  # one of them was switched off
        sent(reports, NAMES["needle"], 51.5 + k / 60.0, place=5.0)
    assert seen_at(reports, 51.5 + 59 / 60.0) == 5.0


@pytest.mark.parametrize("late", [0.0, 0.002])
@pytest.mark.parametrize(("rate", "slow"), [(60.0, 1.0), (60.0, 0.3), (30.0, 2.0), (10.0, 0.7)])
def test_a_second_device_that_seldom_sends_the_name_is_noticed(reports, rate, slow, late):
    """While the first one moves."""

    def told(begin, both):
        heard, due = [], begin
        for k in range(round(15 * rate)):
            at = begin + k / rate
            sent(reports, NAMES["needle"], at, place=10.0 * np.sin(3.0 * at))
            heard.append(seen_at(reports, at))
            if both and at >= due:
                due += 1.0 / slow
                sent(reports, NAMES["needle"], at + 0.3 / rate, at + 1000.0 + late, 200.0 + k)
        return heard

    heard = told(50.0, both=True)
    noticed = heard.index("reported_twice")
    assert noticed <= 2.5 / slow * rate
    assert set(heard[noticed:]) == {"reported_twice"}
    assert "reported_twice" not in told(50.0 + 15.0 + 10.0, both=False)


@pytest.mark.parametrize("rate", [10.0, 30.0, 100.0])
@pytest.mark.parametrize(("size", "frequency"), [(15.0, 5.0), (100.0, 1.5), (5.0, 10.0)])
def test_a_hand_that_shakes_is_one_device(reports, rate, size, frequency):
    for k in range(int(3 * rate)):
        at = 50.0 + k / rate
        place = size * np.sin(2.0 * np.pi * frequency * k / rate)
        sent(reports, NAMES["needle"], at, place=float(place))
        assert seen_at(reports, at) == pytest.approx(place, abs=1e-4)


def test_one_that_is_also_reported_missing_at_the_same_time_stays_lost(reports):
    for status in ("OK", "MISSING", "OK"):
        sent(reports, NAMES["needle"], 50.0, status=status)
    assert seen_at(reports, 50.0) == "not_seen_by_tracker_status"


def test_an_older_pose_does_not_replace_a_newer_one(reports):
    sent(reports, NAMES["needle"], 50.0, place=5.0)
    assert not sent(reports, NAMES["needle"], 50.01, seconds=1049.95, place=4.0)
    assert seen_at(reports, 50.01) == 5.0
    assert sent(reports, NAMES["needle"], 50.02, place=6.0)
    assert seen_at(reports, 50.02) == 6.0


def test_times_of_other_transforms_say_nothing_of_the_clock():
    """Such as a registration of an hour ago, which is sent to each new client."""
    reports = IgtlReports(TOOLS, {})
    sent(reports, "ReferenceToModel", 50.0, seconds=1000.0)
    for at in np.arange(50.0, 52.0, 0.1):
        for name in NAMES.values():
            sent(reports, name, at, place=at)
        sent(reports, "ReferenceToModel", at, seconds=1000.0)
        sent(reports, "ProbeToTracker", at, seconds=9000.0)
        assert seen_at(reports, at) == pytest.approx(at, abs=1e-5)
    assert not reports.clock.jumps


def test_hardware_that_failed_is_well_again_when_it_says_so_itself(reports):
    reports.take(Message(Status(18, "hot"), "Camera"), 50.0)
    for other in ("Needle", "Stylus", "Server"):
        reports.take(Message(Status(1), other), 50.0)
    sent(reports, NAMES["needle"], 50.0)
    assert seen_at(reports, 50.0) == "not_seen_by_tracker_status"
    reports.take(Message(Status(1), "Camera"), 50.0)
    assert seen_at(reports, 50.0) == 0.0


def test_without_the_reference_body_no_pose_relative_to_it_is_known():
    reports = IgtlReports(TOOLS, {})
    sent(reports, "NeedleToReference", 50.0)
    assert seen_at(reports, 50.0) == 0.0
    reports.take(Message(Status(7, "hidden"), "Reference"), 50.0)
    assert seen_at(reports, 50.0) == "not_seen_by_tracker_status"


def test_names_cut_within_a_character_are_read_and_differ():
    """A sender that cuts bytes does not look at what they are."""
    data = Message(Transform(np.eye(4)), "Needle of the leftX").encoded()
    cut = [data.replace(b"leftX", b"left" + end) for end in (b"\xc3", b"\xc5")]
    found = [decode_message(one) for one in cut]
    assert found[0].device != found[1].device
    assert [message.encoded() for message in found] == cut
    told = Message(Status(7, "X", "X"), "Needle").content.encoded().replace(b"X", b"\xe4")
    assert Status.decode(told).code == 7
    reports = IgtlReports(("Needle of the left",), {})
    reports.take(found[0], 50.0)
    assert ENGLISH.sentence(
        Lost("tracker_names_unknown", {"tool": "a", "server": "b", "names": reports.heard})
    )
