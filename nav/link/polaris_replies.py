"""Replies of the Polaris protocol as bytes: check sums, errors, poses as text (TX) and binary (BX).

This emulates the protocol that programs speak with Polaris trackers; it is not such a tracker.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from nav.core.frames import Array

END = b"\r"
LENGTH_MARK = b"\xc4\xa5"  # of a binary reply
FARTHEST = 9999.99  # mm that the text form can hold
MOST_ERROR = 9.9999  # mm, likewise
OCCUPIED, INITIALISED, ENABLED = 0x01, 0x10, 0x20  # bits of a port's status
VALID, MISSING, DISABLED = 0x01, 0x02, 0x04  # of a handle in a binary reply
_WORDS = {MISSING: "MISSING", DISABLED: "DISABLED"}


def _crc_table() -> tuple[int, ...]:
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (0xA001 if value & 1 else 0)
        table.append(value)
    return tuple(table)


_TABLE = _crc_table()


class Refusal(IntEnum):
    """Numbers of the protocol's error replies, as far as they occur here."""

    INVALID_COMMAND = 0x01
    TOO_LONG = 0x02
    BAD_CRC = 0x04
    WRONG_PARAMETERS = 0x07
    INVALID_MODE = 0x09
    WRONG_STATE = 0x0C
    NO_TOOL = 0x0D
    NOT_INITIALISED = 0x0E
    SYSTEM_NOT_INITIALISED = 0x10
    OUT_OF_RANGE = 0x23
    HANDLE_NOT_ALLOCATED = 0x2B
    ALL_HANDLES_ALLOCATED = 0x2D
    NO_SUCH_PARAMETER = 0x34


@dataclass(frozen=True)
class PortReport:
    """What is reported of one port handle.

    Parameters
    ----------
    handle : int
        1 to 255.
    validity : int
        VALID, MISSING or DISABLED.
    port_status : int
        Bits OCCUPIED, INITIALISED and ENABLED.
    frame : int
        Number of the tracked frame.
    pose : ndarray, shape (8,), optional
        Quaternion (w, x, y, z), translation in mm, error in mm; for a valid one.
    """

    handle: int
    validity: int
    port_status: int
    frame: int
    pose: Array | None = None


def crc16(data: bytes) -> int:
    """Return the check sum of the protocol: polynomial x^16 + x^15 + x^2 + 1, least bit first.

    Parameters
    ----------
    data : bytes
        What it is of.

    Returns
    -------
    int
        0 to 65535.
    """
    crc = 0
    for byte in data:
        crc = crc >> 8 ^ _TABLE[(crc ^ byte) & 0xFF]
    return crc


def text_reply(text: str) -> bytes:
    """Return a reply in text with check sum and end.

    Parameters
    ----------
    text : str
        ASCII.

    Returns
    -------
    bytes
    """
    data = text.encode("ascii")
    return data + f"{crc16(data):04X}".encode("ascii") + END


def error_reply(refusal: Refusal) -> bytes:
    """Return the reply to a command that is not carried out.

    Parameters
    ----------
    refusal : Refusal
        Why.

    Returns
    -------
    bytes
    """
    return text_reply(f"ERROR{refusal:02X}")


def is_representable(pose: Array) -> bool:
    """Return whether a pose can be written without changing it by more than rounding.

    Parameters
    ----------
    pose : ndarray, shape (8,)
        As of `PortReport`.

    Returns
    -------
    bool
        False for what is not finite, too far away, or known too badly.
    """
    if not np.isfinite(pose).all():
        return False
    return bool(np.abs(pose[4:7]).max() <= FARTHEST and 0.0 <= pose[7] <= MOST_ERROR)


def text_poses(reports: tuple[PortReport, ...], strays: bool = False) -> bytes:
    """Return the reply to TX: rotations to 0.0001, positions to 0.01 mm.

    Parameters
    ----------
    reports : tuple of PortReport
        Of all handles.
    strays : bool
        Whether stray markers were asked for; there are none.

    Returns
    -------
    bytes
    """
    lines = [f"{len(reports):02X}"]
    for report in reports:
        words = _WORDS.get(report.validity)
        if words is None:
            assert report.pose is not None
            turned = np.rint(report.pose[:4] * 1e4).astype(int)
            placed = np.rint(report.pose[4:7] * 1e2).astype(int)
            words = "".join(f"{value:+06d}" for value in turned)
            words += "".join(f"{value:+07d}" for value in placed)
            words += f"{round(report.pose[7] * 1e4):+06d}"
        lines.append(f"{report.handle:02X}{words}{report.port_status:08X}{report.frame:08X}\n")
    return text_reply("".join(lines) + ("00" if strays else "") + "0000")


def binary_poses(reports: tuple[PortReport, ...], strays: bool = False) -> bytes:
    """Return the reply to BX: 32-bit floats.

    Parameters
    ----------
    reports : tuple of PortReport
        Of all handles.
    strays : bool
        Whether stray markers were asked for; there are none.

    Returns
    -------
    bytes
    """
    body = bytearray([len(reports)])
    for report in reports:
        body += bytes([report.handle, report.validity])
        if report.validity == DISABLED:
            continue
        if report.pose is not None:
            body += struct.pack("<8f", *report.pose)
        body += struct.pack("<II", report.port_status, report.frame)
    body += (b"\0" if strays else b"") + b"\0\0"
    header = LENGTH_MARK + struct.pack("<H", len(body))
    reply = header + struct.pack("<H", crc16(header)) + bytes(body)
    return reply + struct.pack("<H", crc16(reply))
