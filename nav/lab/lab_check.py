"""Check a whole set-up: its files, tools, cameras, limits and links, all at once."""

import errno
import os
import socket
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from nav.camera.rig import Rig, load_rig
from nav.camera.webcam import Device, list_devices
from nav.core.errors import InputError
from nav.core.filekinds import toml_kind
from nav.core.output_checks import (
    is_same_file,
    refuse_folder,
    refuse_replacing,
    refuse_special,
)
from nav.lab.lab_file import Lab, read_lab
from nav.link.network_address import NetworkAddress
from nav.model.case import Case, load_case, navigable
from nav.record.recorded_poses import stated_errors
from nav.registration.registration_result import load_registration_file
from nav.registration.reuse import check_use
from nav.text.catalogue import ENGLISH, languages
from nav.tracking.tool import Tool, check_tools, load_tool

T = TypeVar("T")
ASTM = {"igtl_version": 2, "igtl_tdata": False, "igtl_polydata": False}
PRIVILEGED = 1024  # ports below it are the system's


@dataclass
class LabFindings:
    """What a check of a set-up has found.

    Parameters
    ----------
    problems : list of str
        What keeps it from being used, a line each.
    remarks : list of str
        What the user should know, a line each.
    """

    problems: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)


def check_lab_file(path: Path, devices: Sequence[Device] | None = None) -> LabFindings:
    """Check a lab.toml as a whole.

    Parameters
    ----------
    path : Path
        lab.toml.
    devices : sequence of Device, optional
        Webcams that are connected; by default those that the system knows.

    Returns
    -------
    LabFindings

    Raises
    ------
    InputError
        It cannot be read at all.
    """
    read = read_lab(path)
    found = check_lab(read.lab, read.refused, devices)
    found.problems[:0] = read.problems
    return found


def check_lab(
    lab: Lab,
    refused: Collection[str] = (),
    devices: Sequence[Device] | None = None,
    replaced: Collection[str] = (),
) -> LabFindings:
    """Check a set-up with all files that it names.

    Parameters
    ----------
    lab : Lab
        The set-up.
    refused : collection of str
        Keys of lab.toml that break its format: that they are missing now is no problem of its own.
    devices : sequence of Device, optional
        Webcams that are connected; by default those that the system knows.
    replaced : collection of str
        Keys of lab.toml that are not used, since options replace them.

    Returns
    -------
    LabFindings
    """
    check = _Check(lab, refused, replaced)
    rig = check.rig()
    tools = check.tools()
    case = check.case()
    if not {"cameras", "tracker"} <= {*replaced} and "tracker" not in refused:
        check.source(rig, tools, list_devices() if devices is None else devices)
    check.registration(case, tools)
    check.limits(case)
    check.outputs()
    check.links()
    check.language()
    return check.found


class _Check:
    """The checks, each of which goes on where another one has failed."""

    def __init__(self, lab: Lab, refused: Collection[str], replaced: Collection[str]) -> None:
        self.lab, self.file = lab, lab.file
        self.refused, self.replaced, self.known = refused, replaced, {*refused, *replaced}
        self.found = LabFindings()

    def problem(self, key: str, text: str) -> None:
        if not self._passes_over(key):
            self.found.problems.append(f"{self.lab.path}: {key}: {text}")

    def remark(self, key: str, text: str) -> None:
        if not self._passes_over(key):
            self.found.remarks.append(f"{self.lab.path}: {key}: {text}")

    def _passes_over(self, key: str) -> bool:
        """Whether an entry, or the whole table that it is in, is not used or refused already."""
        return key in self.known or key.partition(":")[0] in self.replaced

    def attempt(self, key: str, call: Callable[[], T]) -> T | None:
        """Return what the call returns; None, and a problem noted, where it refuses."""
        try:
            return call()
        except InputError as error:
            self.problem(key, str(error))
        except OSError as error:  # a folder that may not be entered
            self.problem(key, f"{error.filename or ''}: {error.strerror or error}")
        return None

    def rig(self) -> Rig | None:
        path = self.lab.rig
        if "rig" in self.known or "tracker" in self.refused:
            return None
        if self.file.tracker is not None:
            if path is not None:
                self.problem("rig", "is not for another tracker; remove it, or [tracker]")
            return None
        if path is None:
            self.problem("rig", "is missing; expected the file of the cameras, rig.toml")
            return None
        rig = self.attempt("rig", lambda: load_rig(path))
        self.found.remarks += () if rig is None else rig.warnings
        return rig

    def tools(self) -> dict[str, Path]:
        """Return the file of each tool that can be read, by name."""
        if "tools" in self.known:
            return {}
        loaded: list[tuple[Tool, Path]] = []
        printed = self.file.tracker is None or "tracker" in self.known
        for path in self.lab.tools:
            tool = self.attempt("tools", lambda path=path: load_tool(path, printed))  # type: ignore[misc]
            if tool is not None:
                self.found.remarks += tool.warnings
                loaded.append((tool, path))
        names = [tool.name for tool, _ in loaded]
        if len(loaded) == len(self.lab.tools):
            self.attempt("tools", lambda: check_tools([tool for tool, _ in loaded]))
            self._roles(names)
        needle = next((t for t, _ in loaded if t.name == self.file.needle), None)
        if needle is not None and needle.tip is None:
            path = loaded[names.index(needle.name)][1]
            self.problem("tools", f"{path}: tip: is missing; calibrate the needle first")
        return {tool.name: path for tool, path in loaded}

    def _roles(self, names: Sequence[str]) -> None:
        for key, name in (("needle", self.file.needle), ("reference", self.file.reference)):
            if not names:
                self.problem("tools", "is missing; expected the files of needle and reference body")
                return
            if name not in names:
                self.problem(key, f"no tool is called {name}; the tools are {', '.join(names)}")
        if self.file.needle == self.file.reference:
            self.problem("needle", f"is the reference body, too: {self.file.needle}")

    def case(self) -> Case | None:
        path = self.lab.case
        if "case" in self.known:
            return None
        if path is None:
            self.problem("case", "is missing; expected what is navigated, a case.toml")
            return None
        case = self.attempt("case", lambda: load_case(path))
        if case is not None:
            self.found.remarks += case.warnings
            self.attempt("case", lambda: navigable(case, path))
        return case

    def source(self, rig: Rig | None, tools: Collection[str], devices: Sequence[Device]) -> None:
        """Check that there are cameras as the rig has them, or another tracker."""
        tracker, cameras = self.file.tracker, self.file.cameras
        if tracker is not None:
            if cameras:
                self.problem("cameras", "expected either cameras or [tracker], not both")
            sds = (tracker.position_sd, tracker.rotation_sd_deg)
            self.attempt("tracker", lambda: stated_errors(*sds))
            if sds == (None, None):
                self.problem(
                    "tracker", "position_sd and rotation_sd_deg are missing; state its errors"
                )
            self._tracker_names(tracker.names, tools)
            return
        names = () if rig is None else rig.names
        missing = [name for name in names if name not in cameras]
        if missing or not cameras:
            wanted = ", ".join(f"{name} = NUMBER" for name in names or ("left",))
            what = f"{', '.join(missing)} is missing" if cameras and missing else "is missing"
            self.problem("cameras", f"{what}; expected {wanted}; nav doctor lists the webcams")
        for name, number in cameras.items():
            self._camera(name, number, names, devices)

    def _tracker_names(self, names: Mapping[str, str], tools: Collection[str]) -> None:
        given = list(names.values())
        for tool, name in names.items():
            key = f"tracker: names: {tool}"
            if len(tools) == len(self.lab.tools) and tool not in tools:
                self.problem(key, f"no tool is called {tool}; the tools are {', '.join(tools)}")
            if given.count(name) > 1:
                self.problem(key, f"{name} is the name of several tools")

    def _camera(
        self, name: str, number: int, names: Sequence[str], devices: Sequence[Device]
    ) -> None:
        key = f"cameras: {name}"
        if names and name not in names:
            self.problem(key, f"the rig has no camera {name}; it has {', '.join(names)}")
        first = next(n for n, other in self.file.cameras.items() if other == number)
        if first != name:
            self.problem(key, f"webcam {number} is camera {first} already")
        there = [device.index for device in devices]
        if number not in there:
            connected = ", ".join(f"{d.index} ({d.name})" for d in devices) or "none"
            self.remark(key, f"webcam {number} is not connected now; connected: {connected}")

    def registration(self, case: Case | None, tools: dict[str, Path]) -> None:
        path = self.lab.located(self.file.registration)
        if path is None:
            if case is not None and not case.fiducials_for("register"):
                self.problem(
                    "case",
                    f'{self.lab.case}: fiducial: none has use "register"; add some or give a '
                    "registration",
                )
            return
        read = self.attempt("registration", lambda: load_registration_file(path))
        if read is None or case is None or self.lab.case is None:
            return
        registration, record = read
        plan = case.default_plan
        tre = registration.predicted_tre_at(None if plan is None else plan.target)
        given = (case.name, self.lab.case)
        name = self.file.reference
        body = (name, tools[name]) if name in tools else None
        lines = self.attempt("registration", lambda: check_use(path, record, tre, given, body))
        self.found.remarks += lines or ()

    def limits(self, case: Case | None) -> None:
        if "limits" in self.replaced:
            return
        problems = self.lab.limits.problems(case)
        self.found.problems += [f"{self.lab.path}: limits: {problem}" for problem in problems]
        if case is not None and not problems:
            self.found.remarks += map(ENGLISH.sentence, self.lab.limits.notices(case))

    def outputs(self) -> None:
        """Check that sessions and the registration can be written."""
        if self.file.recording.enabled and "recording" not in self.replaced:
            folder = self.lab.recording_folder
            if folder.exists() and not folder.is_dir():
                self.problem("recording: folder", f"{folder}: is not a folder")
            else:
                self.attempt("recording: folder", lambda: refuse_folder(folder / "session"))
        save, used = self.lab.located(self.file.save_registration), self.file.registration
        if save is None:
            return
        self.attempt("save_registration", lambda: _refuse_registration(save))
        for other in (self.lab.located(used), self.lab.rig, self.lab.case, *self.lab.tools):
            if other is not None and is_same_file(save, other):
                self.problem("save_registration", f"{save}: is read too; give another name")

    def links(self) -> None:
        if "links" in self.replaced:  # no port is tried for nothing
            return
        links = self.file.links
        if links.igtl_profile == "astm":
            for key, usual in ASTM.items():
                if getattr(links, key) != usual:
                    text = 'is not for igtl_profile = "astm", which is always the same'
                    self.problem(f"links: {key}", text)
        services = links.services
        ports = [address.port for address in services.values()]
        if len(set(ports)) < len(ports):
            self.problem("links: polaris", f"{ports[0]} is the port of igtl_server already")
        for key, address in services.items():
            self._service(f"links: {key}", address)

    def _service(self, key: str, address: NetworkAddress) -> None:
        if not address.is_loopback:
            self.remark(key, f"other computers can connect to {address}")
        if address.port < PRIVILEGED:
            self.remark(key, f"{address.port} is a port of the system; take {PRIVILEGED} or above")
            return
        why = _why_not_bound(address)
        if why == errno.EADDRINUSE:
            self.remark(key, f"{address.port} is in use by another program now")
        elif why is not None:
            self.remark(key, f"{address} cannot be listened on now: {os.strerror(why)}")

    def language(self) -> None:
        if self.file.language not in (None, *languages()):
            expected = ", ".join(languages())
            self.problem("language", f"expected one of {expected}, got {self.file.language}")


def _refuse_registration(path: Path) -> None:
    refuse_special(path)
    refuse_replacing(path, toml_kind("registration"))


def _why_not_bound(address: NetworkAddress) -> int | None:
    """Return the system's error number where an address cannot be listened on now."""
    try:
        with socket.socket(address.family, socket.SOCK_STREAM) as tried:
            if os.name == "posix":  # connections that ended a moment ago do not count
                tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            tried.bind((address.host, address.port))
    except socket.gaierror:
        return errno.EADDRNOTAVAIL
    except OSError as error:
        return error.errno
    return None
