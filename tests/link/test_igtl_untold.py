"""What the OpenIGTLink server does not tell: poses of long ago, and what is missing, as poses."""

import time

import numpy as np
import pytest

from nav.link.igtl_content import RawContent, Text, Transform
from nav.link.igtl_messages import Message
from nav.link.igtl_profiles import MISSING, SEEN
from nav.link.igtl_requests import CURRENT
from nav.link.igtl_server import IgtlServer
from tests.link.igtl_listener import Listener
from tests.link.test_igtl_server import ANYWHERE, Numbered, eventually, last, post


@pytest.fixture
def serve():
    servers = []

    def start(profile, version=2):
        servers.append(IgtlServer(ANYWHERE, profile, version=version))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


def test_a_pose_of_long_ago_is_no_answer(serve):
    """A recording that is paused, or cameras that hang, post nothing."""
    server = serve(Numbered())
    listener = Listener(server.address)
    eventually(lambda: server.clients == 1)
    post(server, 5)
    listener.until(lambda m: last(m, 5))
    server._answers.posted_at = np.inf  # however busy this computer is
    listener.ask("GET_TDATA")
    assert listener.until(lambda m: m.kind == "TDATA").timestamp == 5
    server._answers.posted_at = time.monotonic() - 2 * CURRENT
    listener.received.clear()
    for kind in ("GET_TRANS", "GET_STRING", "GET_TDATA", "GET_POSITION"):
        listener.ask(kind)
    listener.until(lambda m: m.kind == "POSITION")
    assert not any(m.content.encoded() for m in listener.received if m.kind != "STRING")
    assert [m.content for m in listener.received if m.kind == "STRING"] == [RawContent("STRING")]
    later = Listener(server.address)  # nor does who comes now get an alarm of long ago
    later.ask("GET_CAPABIL")
    later.until(lambda m: m.kind == "CAPABILITY")
    assert {m.kind for m in later.received} == {"STATUS", "CAPABILITY"}
    listener.ask("GET_STATUS", "Tool0")
    assert listener.until(lambda m: m.kind == "STATUS").content.text == "seen"


def test_a_client_of_version_1_does_not_get_a_registration_that_was_given_up(serve):
    class GivenUp(Numbered):
        def messages(self, instant):
            told = SEEN if instant.time_ns < 5 else MISSING
            yield Message(Transform(np.eye(4)), "Retained", instant.time_ns, told)
            yield Message(Text("said"), "Tool0", instant.time_ns)

    for version, later in ((1, []), (2, ["MISSING"])):
        server = serve(GivenUp(), version)
        first = Listener(server.address)
        eventually(lambda server=server: server.clients == 1)
        post(server, 4)
        post(server, 5)
        first.until(lambda m: last(m, 5))
        assert len(first.named("Retained")) == version
        second = Listener(server.address)
        second.ask("GET_CAPABIL")
        second.until(lambda m: m.kind == "CAPABILITY")
        assert [m.metadata["TransformStatus"] for m in second.named("Retained")] == later
