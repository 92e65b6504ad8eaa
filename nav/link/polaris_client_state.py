"""What one client of the Polaris service has set up, and the replies to its commands."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

import nav
from nav.core.tracked_frame import TrackedFrame, TrackedTool
from nav.link.polaris_replies import (
    DISABLED,
    ENABLED,
    INITIALISED,
    MISSING,
    OCCUPIED,
    VALID,
    PortReport,
    Refusal,
    binary_poses,
    crc16,
    error_reply,
    is_representable,
    text_poses,
    text_reply,
)

LONGEST_COMMAND = 1024  # bytes
MOST_HANDLES = 24  # that clients have room for
DEFINITION_SIZE = 1024  # bytes of a tool definition
CHUNK = 64  # bytes of it in one command
TRANSFORMS, NOT_NORMALLY_REPORTED, STRAYS = 0x0001, 0x0800, 0x1000
NAMED = re.compile(rb"c1c2nav:([A-Za-z0-9_.-]+)")  # in a definition: whose it is
SAYS = "c1c2nav: emulates the Polaris protocol, is not such a tracker"
WRITTEN = re.compile(r"[A-Z0-9]+")
Newest = Callable[[], TrackedFrame | None]


@dataclass
class _Port:
    tool: str | None
    definition: bytearray = field(default_factory=lambda: bytearray(DEFINITION_SIZE))
    status: int = OCCUPIED


class _Refused(Exception):
    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.name)
        self.refusal = refusal


class PolarisClientState:
    """Answer one client's commands.

    Port handles belong to the client that asked for them. The first handle stands for the first
    tool, the second for the second, unless the tool definition that is written to it contains
    ``c1c2nav:NAME``: then for that tool.

    Parameters
    ----------
    tools : sequence of str
        Names of the tools that can be had.
    newest : callable
        Returns the frame that is current now, or None where there is none.
    """

    def __init__(self, tools: Sequence[str], newest: Newest) -> None:
        self.tools, self.newest = tuple(tools), newest
        self.ports: dict[int, _Port] = {}
        self.initialised = self.tracking = False
        self.invalid = 0
        self._commands: Mapping[str, Callable[[str], bytes]] = {
            "INIT": self._init,
            "RESET": self._reset,
            "VER": self._version,
            "COMM": self._okay,
            "BEEP": lambda _: text_reply("1"),
            "GET": self._get,
            "GETINFO": self._get,
            "PHSR": self._search,
            "PHRQ": self._request,
            "PHF": self._free,
            "PVWR": self._write,
            "PINIT": self._initialise,
            "PENA": self._enable,
            "PDIS": self._disable,
            "PHINF": self._information,
            "TSTART": self._start,
            "TSTOP": self._stop,
            "TX": self._text,
            "BX": self._binary,
        }

    def reply(self, command: bytes) -> bytes:
        """Return the reply to a command.

        Parameters
        ----------
        command : bytes
            Without the carriage return; anything.

        Returns
        -------
        bytes
            To be sent as it is; an error reply for what is not supported.
        """
        try:
            name, parameters = self._parse(command)
            answer = self._commands[name](parameters)
        except _Refused as refused:
            unknown = refused.refusal in (Refusal.INVALID_COMMAND, Refusal.TOO_LONG)
            self.invalid += unknown
            return error_reply(refused.refusal)
        self.invalid = 0
        return answer

    def _parse(self, command: bytes) -> tuple[str, str]:
        if len(command) > LONGEST_COMMAND:
            raise _Refused(Refusal.TOO_LONG)
        try:
            text = command.decode("ascii")
        except UnicodeDecodeError:
            raise _Refused(Refusal.INVALID_COMMAND) from None
        match = WRITTEN.match(text)
        name = match[0] if match else ""
        if name not in self._commands:
            raise _Refused(Refusal.INVALID_COMMAND)
        rest = text[len(name) :]
        if rest.startswith(":"):  # with a check sum
            body, stated_crc = text[:-4], text[-4:]
            if len(body) <= len(name) or not re.fullmatch("[0-9A-Fa-f]{4}", stated_crc):
                raise _Refused(Refusal.BAD_CRC)
            if int(stated_crc, 16) != crc16(body.encode("ascii")):
                raise _Refused(Refusal.BAD_CRC)
            return name, body[len(name) + 1 :]
        if rest and not rest.startswith(" "):
            raise _Refused(Refusal.INVALID_COMMAND)
        return name, rest[1:]

    # --- the system -------------------------------------------------------------------------

    def _init(self, parameters: str) -> bytes:
        self.initialised, self.tracking = True, False
        return self._okay(parameters)

    def _reset(self, parameters: str) -> bytes:
        self.initialised = self.tracking = False
        self.ports.clear()
        return text_reply("RESET")

    def _okay(self, parameters: str) -> bytes:
        return text_reply("OKAY")

    def _version(self, parameters: str) -> bytes:
        _hexadecimal(parameters or "0", 1, 2)
        return text_reply(
            f"{SAYS}\nSerial Number: none\nFreeze Tag: c1c2nav {nav.__version__}\n"
            f"Freeze Date: none\n"
        )

    def _get(self, parameters: str) -> bytes:
        if parameters != "Features.Firmware.Version":
            raise _Refused(Refusal.NO_SUCH_PARAMETER)
        return text_reply(f"{parameters}=c1c2nav {nav.__version__}")

    def _start(self, parameters: str) -> bytes:
        if not self.initialised:
            raise _Refused(Refusal.SYSTEM_NOT_INITIALISED)
        self.tracking = True
        return self._okay(parameters)

    def _stop(self, parameters: str) -> bytes:
        self.tracking = False
        return self._okay(parameters)

    # --- port handles -----------------------------------------------------------------------

    def _search(self, parameters: str) -> bytes:
        kind = _hexadecimal(parameters or "00", 2)
        ready = INITIALISED | ENABLED
        wanted: dict[int, Callable[[int], bool]] = {
            0x00: lambda status: True,
            0x01: lambda status: False,  # to be freed: a printed tool is never unplugged
            0x02: lambda status: not status & ready,
            0x03: lambda status: status & ready == INITIALISED,
            0x04: lambda status: status & ready == ready,
        }
        if kind not in wanted:
            raise _Refused(Refusal.OUT_OF_RANGE)
        found = {h: port.status for h, port in self.ports.items() if wanted[kind](port.status)}
        listed = "".join(f"{handle:02X}{status:03X}" for handle, status in found.items())
        return text_reply(f"{len(found):02X}{listed}")

    def _request(self, parameters: str) -> bytes:
        free = [handle for handle in range(1, MOST_HANDLES + 1) if handle not in self.ports]
        if not free:
            raise _Refused(Refusal.ALL_HANDLES_ALLOCATED)
        handle = free[0]
        tool = self.tools[handle - 1] if handle <= len(self.tools) else None
        self.ports[handle] = _Port(tool)
        return text_reply(f"{handle:02X}")

    def _free(self, parameters: str) -> bytes:
        handle, _ = self._port(parameters)
        del self.ports[handle]
        return self._okay(parameters)

    def _write(self, parameters: str) -> bytes:
        _, port = self._port(parameters[:2])
        address, data = _hexadecimal(parameters[2:6], 4), parameters[6:]
        if len(data) != 2 * CHUNK or not re.fullmatch("[0-9A-Fa-f]+", data):
            raise _Refused(Refusal.WRONG_PARAMETERS)
        if address + CHUNK > DEFINITION_SIZE:
            raise _Refused(Refusal.OUT_OF_RANGE)
        port.definition[address : address + CHUNK] = bytes.fromhex(data)
        return self._okay(parameters)

    def _initialise(self, parameters: str) -> bytes:
        _, port = self._port(parameters)
        named = NAMED.search(bytes(port.definition))
        if named:
            port.tool = named[1].decode("ascii")
        if port.tool not in self.tools:
            raise _Refused(Refusal.NO_TOOL)
        port.status |= INITIALISED
        return self._okay(parameters)

    def _enable(self, parameters: str) -> bytes:
        _, port = self._port(parameters[:2])
        if parameters[2:] not in ("S", "D", "B"):
            raise _Refused(Refusal.INVALID_MODE)
        if not port.status & INITIALISED:
            raise _Refused(Refusal.NOT_INITIALISED)
        port.status |= ENABLED
        return self._okay(parameters)

    def _disable(self, parameters: str) -> bytes:
        _, port = self._port(parameters)
        port.status &= ~ENABLED
        return self._okay(parameters)

    def _information(self, parameters: str) -> bytes:
        handle = _hexadecimal(parameters[:2], 2)
        kind = _hexadecimal(parameters[2:] or "0001", 4)
        port = self.ports.get(handle)
        if port is None:
            return text_reply("UNOCCUPIED")
        name = _printable(port.tool or "", 20)
        parts = {
            0x0001: f"02000000{'c1c2nav':<12}001{handle:08X}{port.status:02X}",
            0x0004: name,
            0x0020: "00000000000000",
        }
        if not kind or kind & ~sum(parts):
            raise _Refused(Refusal.OUT_OF_RANGE)
        return text_reply("".join(part for bit, part in parts.items() if kind & bit))

    def _port(self, parameters: str) -> tuple[int, _Port]:
        handle = _hexadecimal(parameters, 2)
        if handle not in self.ports:
            raise _Refused(Refusal.HANDLE_NOT_ALLOCATED)
        return handle, self.ports[handle]

    # --- poses ------------------------------------------------------------------------------

    def _text(self, parameters: str) -> bytes:
        return text_poses(*self._reports(parameters))

    def _binary(self, parameters: str) -> bytes:
        return binary_poses(*self._reports(parameters))

    def _reports(self, parameters: str) -> tuple[tuple[PortReport, ...], bool]:
        options = _hexadecimal(parameters or "0001", 4)
        if not self.tracking:
            raise _Refused(Refusal.WRONG_STATE)
        known = TRANSFORMS | NOT_NORMALLY_REPORTED | STRAYS
        if not options & TRANSFORMS or options & ~known:
            raise _Refused(Refusal.OUT_OF_RANGE)
        frame = self.newest()
        reports = tuple(_report(handle, port, frame) for handle, port in self.ports.items())
        return reports, bool(options & STRAYS)


def _report(handle: int, port: _Port, frame: TrackedFrame | None) -> PortReport:
    number = 0 if frame is None else frame.number & 0xFFFFFFFF
    if not port.status & ENABLED:
        return PortReport(handle, DISABLED, port.status, number)
    seen = None if frame is None else frame.tools.get(port.tool or "")
    if isinstance(seen, TrackedTool):
        pose = _pose(seen)
        if is_representable(pose):
            return PortReport(handle, VALID, port.status, number, pose)
    return PortReport(handle, MISSING, port.status, number)


def _pose(seen: TrackedTool) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    transform = seen.rig_from_tool.transform
    quaternion = transform.rotation.as_quat(canonical=True, scalar_first=True)
    variance = np.trace((seen.rig_from_tool.covariance + seen.systematic)[:3, :3])
    return np.array([*quaternion, *transform.translation, np.sqrt(variance)])


def _hexadecimal(text: str, *lengths: int) -> int:
    if len(text) not in lengths or not re.fullmatch("[0-9A-Fa-f]+", text):
        raise _Refused(Refusal.WRONG_PARAMETERS)
    return int(text, 16)


def _printable(text: str, width: int) -> str:
    return "".join(c if " " <= c <= "~" else "?" for c in text)[:width].ljust(width)
