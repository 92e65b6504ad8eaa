"""The Polaris protocol's bytes: known check sums, poses both ways, garbage."""

import struct
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nav.core.errors import Lost
from nav.core.frames import Pose, rigid
from nav.core.tracked_frame import TrackedFrame, TrackedTool
from nav.link.polaris_client_state import SAYS, PolarisClientState
from nav.link.polaris_replies import (
    DISABLED,
    MISSING,
    VALID,
    PortReport,
    Refusal,
    binary_poses,
    crc16,
    is_representable,
    text_poses,
    text_reply,
)

# what devices and their clients are known to send
KNOWN = {
    "OKAY": 0xA896,
    "RESET": 0xBE6F,
    "INIT:": 0xE3A5,
    "VER:0": 0x65EE,
    "GETINFO:Features.Firmware.Version": 0x0492,
}


@pytest.mark.parametrize(("text", "expected"), KNOWN.items())
def test_check_sums_are_those_that_devices_send(text, expected):
    assert crc16(text.encode()) == expected


def command(text):
    return f"{text}{crc16(text.encode()):04X}".encode()


def text_of(reply):
    assert reply.endswith(b"\r")
    body, told = reply[:-5], reply[-5:-1]
    assert int(told, 16) == crc16(body)
    return body.decode()


numbers = st.floats(-9999.0, 9999.0)
turns = st.tuples(*[st.floats(-1.8, 1.8)] * 3)
places = st.tuples(numbers, numbers, numbers)


def pose_of(turn, place, error):
    quaternion = rigid(turn, place).rotation.as_quat(canonical=True, scalar_first=True)
    return np.array([*quaternion, *place, error])


@dataclass
class Read:
    handle: int
    state: str
    pose: np.ndarray | None
    port_status: int
    frame: int


def read_text(reply):
    """Read a TX reply by the columns of the protocol."""
    body = text_of(reply)
    count, rest, found = int(body[:2], 16), body[2:], []
    for _ in range(count):
        line, rest = rest.split("\n", 1)
        handle, line = int(line[:2], 16), line[2:]
        for word in ("MISSING", "DISABLED"):
            if line.startswith(word):
                state, pose, line = word, None, line[len(word) :]
                break
        else:
            state, widths, at, pose = "OK", [6] * 4 + [7] * 3 + [6], 0, []
            for width, unit in zip(widths, [1e-4] * 4 + [1e-2] * 3 + [1e-4], strict=True):
                pose.append(int(line[at : at + width]) * unit)
                at += width
            pose, line = np.array(pose), line[at:]
        assert len(line) == 16
        found.append(Read(handle, state, pose, int(line[:8], 16), int(line[8:], 16)))
    assert rest == "0000"
    return found


def read_binary(reply):
    mark, size, told = struct.unpack_from("<2sHH", reply)
    assert mark == b"\xc4\xa5"
    assert told == crc16(reply[:4])
    assert len(reply) == size + 8
    assert struct.unpack("<H", reply[-2:])[0] == crc16(reply[:-2])
    body, found = reply[6:-2], []
    count, at = body[0], 1
    for _ in range(count):
        handle, state = body[at], body[at + 1]
        at, pose, status, frame = at + 2, None, 0, 0
        if state == VALID:
            pose = np.array(struct.unpack_from("<8f", body, at))
            at += 32
        if state != DISABLED:
            status, frame = struct.unpack_from("<II", body, at)
            at += 8
        words = {VALID: "OK", MISSING: "MISSING", DISABLED: "DISABLED"}
        found.append(Read(handle, words[state], pose, status, frame))
    assert body[at:] == b"\0\0"
    return found


@given(turns, places, st.floats(0.0, 9.9), st.integers(0, 0xFFFFFFFF))
def test_poses_come_back_to_the_last_digit_of_text_and_of_floats(turn, place, error, number):
    pose = pose_of(turn, place, error)
    reports = (
        PortReport(1, VALID, 0x31, number, pose),
        PortReport(2, MISSING, 0x31, number),
        PortReport(24, DISABLED, 0x01, number),
    )
    for read, atol, rtol in ((read_text(text_poses(reports)), 0.0051, 0.0),
                             (read_binary(binary_poses(reports)), 1e-9, 1.2e-7)):  # fmt: skip
        assert [(one.handle, one.state) for one in read] == [
            (1, "OK"), (2, "MISSING"), (24, "DISABLED")]  # fmt: skip
        assert read[0].pose == pytest.approx(pose, abs=atol, rel=rtol)
        assert read[0].frame == read[1].frame == number
    text = read_text(text_poses(reports))[0].pose
    assert text[:4] == pytest.approx(pose[:4], abs=0.51e-4)
    assert text[7] == pytest.approx(error, abs=0.51e-4)


def test_what_the_columns_cannot_hold_is_not_written():
    assert is_representable(pose_of([0, 0, 0], [9999.99, 0, 0], 9.9999))
    for place, error in (([10000.0, 0, 0], 0.1), ([0, 0, 0], 10.0), ([np.nan, 0, 0], 0.1)):
        assert not is_representable(np.array([1.0, 0, 0, 0, *place, error]))


# --- a client's state -----------------------------------------------------------------------


def frame(number=7):
    needle = TrackedTool(Pose(rigid([0.1, 0.2, 0.3], [1.0, 2.0, 1500.0]), np.eye(6) * 1e-4))
    far = TrackedTool(Pose(rigid([0, 0, 0], [20000.0, 0, 0])))
    return TrackedFrame(number, 0.0, {"needle": needle, "reference": Lost("not_found"), "far": far})


def client(newest=frame):
    state = PolarisClientState(("needle", "reference", "far"), newest)
    return state, lambda text: text_of(state.reply(command(text)))


def test_a_client_is_led_from_init_to_poses():
    state, ask = client()
    assert ask("INIT:") == "OKAY"
    assert SAYS in ask("VER:4")
    assert ask("PHSR:01") == "00"
    assert [ask("PHRQ:*********1****") for _ in range(3)] == ["01", "02", "03"]
    assert ask("PHSR:02") == "03" + "01001" + "02001" + "03001"
    for handle in ("01", "02", "03"):
        assert ask(f"PINIT:{handle}") == "OKAY"
    assert ask("PHSR:03") == "03" + "01011" + "02011" + "03011"
    assert ask("PENA:01D") == ask("PENA:02D") == ask("PENA:03D") == "OKAY"
    assert ask("PHSR:04")[:2] == "03"
    assert ask("TSTART:") == "OKAY"
    read = read_text(state.reply(command("TX:0801")))
    assert [(one.state, one.frame) for one in read] == [("OK", 7), ("MISSING", 7), ("MISSING", 7)]
    assert read[0].pose[4:7] == pytest.approx([1.0, 2.0, 1500.0])
    assert read[0].pose[7] == pytest.approx(np.sqrt(3e-4), abs=1e-4)
    assert ask("PDIS:02") == "OKAY"
    assert [one.state for one in read_binary(state.reply(command("BX:0801")))] == [
        "OK", "DISABLED", "MISSING"]  # fmt: skip
    assert ask("TX:1001").endswith("\n000000")  # no stray markers, system is well
    assert ask("TSTOP:") == "OKAY"
    assert ask("TX:0001") == "ERROR0C"


def test_nothing_current_means_every_tool_is_missing():
    state, ask = client(lambda: None)
    for text in ("INIT:", "PHRQ:*********1****", "PINIT:01", "PENA:01D", "TSTART:"):
        ask(text)
    assert [one.state for one in read_text(state.reply(command("TX:0001")))] == ["MISSING"]


def test_a_definition_can_name_its_tool():
    _, ask = client()
    ask("PHRQ:*********1****")
    named = b"c1c2nav:reference\n".ljust(64, b"\0").hex()
    assert ask(f"PVWR:010000{named}") == "OKAY"
    assert ask("PINIT:01") == "OKAY"
    assert ask("PHINF:010004") == f"{'reference':<20}"
    named = b"c1c2nav:drill".ljust(64, b"\0").hex()
    ask(f"PVWR:010000{named}")
    assert ask("PINIT:01") == f"ERROR{Refusal.NO_TOOL:02X}"


REFUSED = {
    "TSTART:": Refusal.SYSTEM_NOT_INITIALISED,
    "TX:0001": Refusal.WRONG_STATE,
    "PINIT:05": Refusal.HANDLE_NOT_ALLOCATED,
    "PHSR:07": Refusal.OUT_OF_RANGE,
    "PHSR:0": Refusal.WRONG_PARAMETERS,
    "PHF:zz": Refusal.WRONG_PARAMETERS,
    "PENA:01X": Refusal.INVALID_MODE,
    "PENA:01D": Refusal.NOT_INITIALISED,
    "PVWR:010000AB": Refusal.WRONG_PARAMETERS,
    "PVWR:01FFC0" + "00" * 64: Refusal.OUT_OF_RANGE,
    "GET:Device.Type": Refusal.NO_SUCH_PARAMETER,
    "BX2:--6d=tools": Refusal.INVALID_COMMAND,
    "LED:01AB": Refusal.INVALID_COMMAND,
    "": Refusal.INVALID_COMMAND,
}


@pytest.mark.parametrize(("text", "refusal"), REFUSED.items())
def test_what_is_not_supported_is_answered_by_an_error(text, refusal):
    _, ask = client()
    ask("PHRQ:*********1****")
    assert ask(text) == f"ERROR{refusal:02X}"


def test_options_out_of_range_handles_used_up_and_wrong_check_sums():
    state, ask = client()
    ask("INIT:")
    ask("TSTART:")
    for option in ("0000", "0800", "0003", "0005", "FFFF"):
        assert ask(f"TX:{option}") == f"ERROR{Refusal.OUT_OF_RANGE:02X}"
    for _ in range(24):
        ask("PHRQ:*********1****")
    assert ask("PHRQ:*********1****") == f"ERROR{Refusal.ALL_HANDLES_ALLOCATED:02X}"
    assert ask("PINIT:04") == f"ERROR{Refusal.NO_TOOL:02X}"  # there are three tools
    for wrong in (b"INIT:0000", b"INIT:", b"INIT:XXXX"):
        assert text_of(state.reply(wrong)) == f"ERROR{Refusal.BAD_CRC:02X}"
    assert text_of(state.reply(b"TSTOP ")) == "OKAY"  # a space: without check sum
    assert text_of(state.reply(b"x" * 3000)) == f"ERROR{Refusal.TOO_LONG:02X}"


@given(st.lists(st.binary(max_size=80) | st.sampled_from(
    [command(text) for text in (*REFUSED, "INIT:", "PHRQ:*********1****", "PINIT:01", "PENA:01D",
                                "TSTART:", "TX:0001", "BX:0801", "RESET:", "PHINF:01FFFF")]
), max_size=12))  # fmt: skip
def test_any_commands_are_answered_by_replies_that_hold_together(commands):
    state, _ = client()
    for one in commands:
        reply = state.reply(one)
        if reply.startswith(b"\xc4\xa5"):
            read_binary(reply)
        else:
            text_of(reply)
    assert text_reply("OKAY") == b"OKAYA896\r"
