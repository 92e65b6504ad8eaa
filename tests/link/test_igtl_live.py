"""A whole use through the server: what other programs get of touching, registering, guiding."""

import json
import time
from typing import ClassVar

import numpy as np
import pytest
from scipy.spatial.transform import RigidTransform

from nav.link.igtl_content import CONNECTION_LOST, EXITING, NOT_READY, OK
from nav.link.igtl_messages import nanoseconds_of
from nav.link.igtl_observer import IgtlSetup
from nav.link.network_address import NetworkAddress
from nav.live.worker import run
from nav.tracking.tool import Tool
from tests.link.igtl_listener import Listener, take_time
from tests.live.test_other_tracker import (
    AWAY,
    NEEDLE,
    REFERENCE_FROM_MODEL,
    TRACKER_FROM_REFERENCE,
    UPRIGHT,
    Moment,
    Work,
)
from tests.synthetic import square_marker

BODY = Tool("reference", "DICT_4X4_50", (square_marker(2),))
NEAR = np.array([9.5, 1.0, 2.0])  # 4.5 mm from the artery's box
RAS = np.array([-1.0, -1.0, 1.0])
AFTER = (*[Moment(AWAY)] * 5, *[Moment()] * 20, *[Moment(NEAR)] * 5)


class Use(Work):
    tools: ClassVar = {"needle": NEEDLE, "reference": BODY}


def everything_sent(profile="slicer", **options):
    """All messages of a use, in order, as a client that reads everything gets them."""
    work = Use(AFTER)
    observer = IgtlSetup(NetworkAddress("127.0.0.1", 0), profile, **options).open(work)
    work.observers = (observer,)
    listener = Listener(observer.server.address)
    listener.until(lambda message: message.device == "c1c2nav")

    def pace(tracked, state):  # so that no instant is dropped
        take_time(observer.server, 0)
        return ()

    run(work, pace)
    observer.close()
    messages = listener.rest()
    listener.close()
    return work, messages


@pytest.fixture(scope="module")
def sent():
    return everything_sent()


def of(messages, device, kind="TRANSFORM"):
    return [m for m in messages if (m.kind, m.device) == (kind, device)]


def matrices(messages, device):
    return [m.content.matrix for m in of(messages, device)]


def ras(matrix):
    flip = np.diag([*RAS, 1.0])
    return flip @ matrix @ flip


def test_the_first_message_is_a_status_with_header_version_2(sent):
    first = sent[1][0]
    assert (first.kind, first.version, first.device) == ("STATUS", 2, "c1c2nav")
    assert first.content.code == OK
    assert "not a medical device" in first.content.text


def test_the_needle_in_the_model_is_in_ras_with_its_origin_at_the_tip(sent):
    found = matrices(sent[1], "NeedleToModel")
    assert found[-6][:3, 3] == pytest.approx(np.zeros(3))  # missing: no number is invented
    assert found[-7][:3, 3] == pytest.approx(AWAY * RAS, abs=1e-4)
    assert found[-1][:3, 3] == pytest.approx(NEAR * RAS, abs=1e-4)
    heading = REFERENCE_FROM_MODEL.inv().rotation * TRACKER_FROM_REFERENCE.inv().rotation * UPRIGHT
    towards_tip = heading.apply([0.0, 0.0, 1.0])  # of the tool: its axis
    assert found[-1][:3, 2] == pytest.approx(towards_tip * RAS, abs=1e-6)
    for matrix in found:
        assert RigidTransform.from_matrix(matrix).as_matrix() == pytest.approx(matrix, abs=1e-5)


def test_transforms_of_all_frames_fit_together(sent):
    messages = sent[1]
    needle, reference = (matrices(messages, f"{n}ToTracker") for n in ("Needle", "Reference"))
    (model_from_reference,) = matrices(messages, "ReferenceToModel")
    assert reference[0] == pytest.approx(ras(TRACKER_FROM_REFERENCE.as_matrix()), abs=1e-4)
    assert model_from_reference == pytest.approx(
        ras(REFERENCE_FROM_MODEL.inv().as_matrix()), abs=1e-4
    )
    in_reference, in_model = (matrices(messages, f"NeedleTo{n}") for n in ("Reference", "Model"))
    assert np.linalg.inv(reference[-1]) @ needle[-1] == pytest.approx(in_reference[-1], abs=1e-3)
    assert model_from_reference @ in_reference[-1] == pytest.approx(in_model[-1], abs=1e-3)


def test_a_lost_needle_is_missing_once_and_then_not_told_of(sent):
    work, messages = sent
    for name in ("NeedleToModel", "NeedleToReference", "NeedleToTracker"):
        states = [m.metadata["TransformStatus"] for m in of(messages, name)]
        assert states.count("MISSING") == 1
        assert states[states.index("MISSING") :] == ["MISSING", *["OK"] * 5]
    assert len(of(messages, "ReferenceToTracker")) == len(work.states)


def test_a_status_gives_the_reason_of_a_loss_and_the_end_of_it(sent):
    told = [(m.content.code, m.content.error_name) for m in of(sent[1], "Needle", "STATUS")]
    assert [code for code, _ in told] == [OK, CONNECTION_LOST, OK]
    lost = of(sent[1], "Needle", "STATUS")[1].content
    assert lost.error_name
    assert lost.text[0].isalpha()


def test_a_status_says_when_there_is_a_registration(sent):
    told = [(m.content.code, m.content.error_name) for m in of(sent[1], "Model", "STATUS")]
    assert told == [(NOT_READY, "not_registered"), (OK, "OK")]


def test_alarms_and_distances_are_strings(sent):
    alarms = [m.content.text for m in of(sent[1], "Alarm", "STRING")]
    assert alarms == ["no data: artery", "clear", "no data: artery", "caution: artery"]
    told = [json.loads(m.content.text) for m in of(sent[1], "Distances", "STRING")]
    assert told[0] == {"lost": "not_registered"}
    artery = told[-1]["structures"][0]
    assert artery["name"] == "artery"
    assert artery["distance_mm"] == pytest.approx(4.5, abs=1e-3)
    assert artery["bound_mm"] == pytest.approx(4.5 - 1.645 * artery["sd_mm"], abs=2e-3)


def test_the_header_holds_the_time_of_measurement(sent):
    messages = sent[1]
    epoch = time.time_ns() - time.monotonic_ns()
    for message in of(messages, "ReferenceToTracker"):
        at = nanoseconds_of(message.timestamp) - epoch
        assert abs(at - time.monotonic_ns()) < 60e9
    times = [nanoseconds_of(m.timestamp) for m in of(messages, "ReferenceToTracker")]
    assert times == sorted(times)


def test_names_fit_and_the_last_message_says_that_it_is_over(sent):
    messages = sent[1]
    assert {m.device for m in messages} == {
        "c1c2nav", "Needle", "Reference", "Model", "Alarm", "Distances", "NeedleToModel",
        "NeedleToReference", "NeedleToTracker", "ReferenceToTracker", "ReferenceToModel",
    }  # fmt: skip
    assert (messages[-1].device, messages[-1].content.code) == ("c1c2nav", EXITING)


def test_header_version_1_has_the_same_transforms_without_status():
    _, messages = everything_sent(version=1)
    assert {m.version for m in messages} == {1}
    assert not any(m.metadata for m in messages)
    places = [matrix[:3, 3] for matrix in matrices(messages, "NeedleToModel")]
    assert places[-6:] == pytest.approx(np.array([AWAY, *[NEAR] * 5]) * RAS, abs=1e-4)
    for message in messages:  # what is missing has no status here: it would look like a pose
        if message.kind == "TRANSFORM":
            assert not np.array_equal(message.content.matrix, np.eye(4))


def test_the_profile_astm_streams_three_transforms_with_their_status():
    work, messages = everything_sent("astm")
    names = ["PointerToTracker", "PhantomToTracker", "PointerToPhantom"]
    transforms = [m for m in messages if m.kind == "TRANSFORM"]
    assert [m.device for m in transforms] == names * len(work.states)  # nothing else, in order
    lost = len(AFTER) - 10
    for name in names:
        states = [m.metadata["TransformStatus"] for m in of(transforms, name)]
        expected = ["OK"] * len(states)
        if name != "PhantomToTracker":
            expected[-lost - 5 : -5] = ["MISSING"] * lost
        assert states == expected
    phantom = TRACKER_FROM_REFERENCE.as_matrix()
    assert matrices(messages, "PhantomToTracker")[0] == pytest.approx(phantom, abs=1e-3)
    tip = REFERENCE_FROM_MODEL.apply(NEAR)
    assert matrices(messages, "PointerToPhantom")[-1][:3, 3] == pytest.approx(tip, abs=1e-3)
    pointer = matrices(messages, "PointerToTracker")[-1]
    assert pointer[:3, 3] == pytest.approx(TRACKER_FROM_REFERENCE.apply(tip), abs=1e-3)
    assert pointer[:3, 2] == pytest.approx(UPRIGHT.apply([0.0, 0.0, 1.0]), abs=1e-6)
