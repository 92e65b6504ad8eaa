"""What the doctor says of a computer, well or not."""

import os
import sys
import tomllib
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from rich.console import Console

import nav.doctor
from nav.camera.measure import Measured, measure
from nav.camera.rig import Rig, write_rig
from nav.camera.webcam import Device
from nav.core.childprocess import run
from nav.doctor import Check, doctor, packages, print_doctor
from nav.doctor.cameras import check_cameras
from nav.doctor.computer import check_clock, check_computer, check_disk
from nav.doctor.libraries import (
    BINARIES,
    check_libraries,
    debian_package,
    find_binaries,
    library_advice,
)
from nav.doctor.packages import check_packages, check_python
from nav.doctor.prints import check_prints
from nav.doctor.screen import check_display, check_opengl
from nav.tracking.tool import write_tool
from phantoms.twin.simulated_tools import reference_tool

ROOT = Path(__file__).parents[1]
on_linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux only")


def one(checks: list[Check]) -> Check:
    (check,) = checks
    return check


def test_every_check_says_what_to_do_unless_all_is_well():
    told: list[Check] = []
    checks = doctor(told.append)
    assert checks == told
    names = [check.name for check in checks]
    assert names[:2] == ["python", "packages"]
    assert {"system libraries", "OpenGL", "display", "disk", "computer", "clock"} <= set(names)
    assert any(name.startswith("camera") for name in names)
    assert all(check.status in ("ok", "warn", "fail") and check.text for check in checks)
    assert all(check.advice for check in checks if check.status == "fail")


@pytest.mark.parametrize(
    ("statuses", "code", "verdict"),
    [
        (["ok", "ok"], 0, "ready\n"),
        (["ok", "warn"], 0, "ready, 1 warning\n"),
        (["warn", "fail", "warn"], 1, "not ready: 1 to fix, 2 warnings\n"),
    ],
)
def test_only_a_failure_makes_the_exit_code_1(monkeypatch, statuses, code, verdict):
    def shown(done):
        checks = [Check("thing", status, "text [of] it", "do this") for status in statuses]
        for check in checks:
            done(check)
        return checks

    monkeypatch.setattr(nav.doctor, "doctor", shown)
    with open(os.devnull, "w") as nowhere:
        console = Console(file=nowhere, record=True, width=80)
        assert print_doctor(console) == code
    text = console.export_text()
    assert text.endswith(verdict)
    assert "text [of] it" in text
    assert "→ do this" in text


# packages


def test_an_old_python_is_refused():
    assert one(check_python((3, 10))).status == "fail"
    assert one(check_python((3, 11))).status == "ok"


def test_this_environment_has_what_it_needs(monkeypatch):
    pyproject = ROOT / "pyproject.toml"
    needs = tomllib.loads(pyproject.read_text())["project"]["dependencies"]
    # an editable installation's own metadata may be older than the project
    monkeypatch.setattr(packages.metadata, "requires", lambda name: needs)
    checks = check_packages()
    assert [c.status for c in checks] == ["ok"]
    assert "numpy" in checks[0].text
    assert "pytest" not in checks[0].text  # only for developers


@pytest.mark.parametrize(
    ("needs", "text", "advice"),
    [
        ("numpy>=999.1", "is too old", "pip install 'numpy>=999.1'"),
        ("c1c2nav-no-such-thing>=1", "is missing", "pip install 'c1c2nav-no-such-thing>=1'"),
    ],
)
def test_old_and_missing_packages_are_named(monkeypatch, needs, text, advice):
    monkeypatch.setattr(packages.metadata, "requires", lambda name: [needs, 'x; extra == "dev"'])
    check = check_packages()[1]
    assert (check.name, check.status, check.advice) == (needs.split(">")[0], "fail", advice)
    assert text in check.text


def test_versions_are_compared_as_numbers():
    assert packages._numbers("9.10.0") > packages._numbers("9.9")
    assert packages._numbers("2.0.0") == packages._numbers("2")
    assert packages._numbers("5.0.0.93") >= packages._numbers("5.0")
    assert packages._numbers("2.1rc1") == (2, 1)


def test_packages_that_fail_crash_or_hang_are_told_apart(tmp_path, monkeypatch):
    (tmp_path / "well.py").write_text("")
    (tmp_path / "torn.py").write_text(
        "raise ImportError('libusb-1.0.so.0: cannot open shared object file: No such file')"
    )
    (tmp_path / "crashing.py").write_text("import os\nos._exit(139)\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    found = dict(packages._imports(["well", "torn", "crashing", "absent", "json"]))
    assert found["well"] == found["json"] == ""
    assert found["crashing"] == "crashes on loading (exit 139)"
    assert "No module named 'absent'" in found["absent"]
    assert library_advice(found["torn"]) == "as root: apt-get install libusb-1.0-0"


# libraries


@on_linux
def test_the_binaries_to_look_at_exist():
    found = find_binaries()
    assert found.keys() == BINARIES.keys()
    assert all(found.values())
    assert one(check_libraries()).status == "ok"


@on_linux
def test_missing_libraries_are_named_with_their_packages(monkeypatch):
    out = (
        "a.so:\n\tlibusb-1.0.so.0 => not found\n\tlibm.so.6 => /lib/libm.so.6 (0x1)\n"
        "b.so:\n\tlibGL.so.1 => not found\n\tlibusb-1.0.so.0 => not found\n"
    )
    monkeypatch.setattr("nav.doctor.libraries.run", lambda command: (0, out, ""))
    check = one(check_libraries([Path("a.so"), Path("b.so")]))
    assert check.status == "fail"
    assert check.text == "missing: libGL.so.1, libusb-1.0.so.0"
    assert check.advice == "as root: apt-get install libgl1 libusb-1.0-0"


def test_debian_packages_are_those_that_the_set_up_installs():
    pairs = [line.split() for line in (ROOT / "scripts/libraries.txt").read_text().splitlines()]
    assert len(pairs) > 20
    wrong = {lib: debian_package(lib) for lib, package in pairs if debian_package(lib) != package}
    assert wrong == {}


# screen


def capabilities(version: str, renderer: str) -> str:
    text = f"OpenGL vendor string: V\nOpenGL renderer string:  {renderer}\n"
    return f"print({text + f'OpenGL version string:  {version}'!r})"


@pytest.mark.parametrize(
    ("code", "status", "text"),
    [
        (capabilities("4.6.0 NVIDIA 550", "RTX 4000"), "ok", "4.6.0 NVIDIA 550, RTX 4000"),
        (capabilities("4.5 Mesa", "llvmpipe (LLVM 15)"), "ok", "software, slow"),
        (capabilities("2.1 Mesa", "old card"), "fail", "older than 3.2"),
        ("raise SystemExit(11)", "fail", "does not work (exit 11)"),
        ("print('no string')", "fail", "does not work (exit 0)"),
    ],
)
def test_opengl_is_judged_by_who_draws(code, status, text):
    check = one(check_opengl(code))
    assert check.status == status
    assert text in check.text


@on_linux
def test_a_display_is_looked_for_where_the_window_would_open(monkeypatch):
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    assert one(check_display()).status == "warn"
    monkeypatch.setenv("DISPLAY", ":7")
    assert one(check_display("print('xcb', 1920, 1200)")).text == "1920 x 1200, xcb, DISPLAY=:7"
    assert one(check_display("print('xcb', 800, 600)")).status == "warn"
    failed = one(check_display("raise SystemExit(1)"))
    assert (failed.status, failed.text) == ("fail", "DISPLAY=:7: Qt cannot open it")


# cameras


class Webcam:
    """A made-up webcam whose pictures take `period` s; `clock` is its time."""

    def __init__(self, period: float, shape: tuple[int, ...] | None, opened: bool = True) -> None:
        self.period, self.shape, self.opened, self.now = period, shape, opened, 0.0

    def clock(self) -> float:
        return self.now

    def isOpened(self) -> bool:
        return self.opened

    def grab(self) -> bool:
        self.now += self.period
        return self.shape is not None

    def retrieve(self):
        return True, np.zeros(self.shape, np.uint8)

    def get(self, prop: int) -> float:
        return float(cv2.VideoWriter.fourcc(*"MJPG")) if prop == cv2.CAP_PROP_FOURCC else -1.0

    def set(self, prop: int, value: float) -> bool:
        return True

    def getBackendName(self) -> str:
        return "V4L2"

    def release(self) -> None:
        pass


def test_size_and_rate_are_measured_not_believed():
    webcam = Webcam(0.04, (720, 1280, 3))
    measured = measure(webcam, clock=webcam.clock)
    assert measured is not None
    assert (measured.size, measured.coding) == ((1280, 720), "MJPG")
    assert measured.rate == pytest.approx(25.0)
    silent = Webcam(0.04, None)
    assert measure(silent, clock=silent.clock) == Measured((0, 0), 0.0, "MJPG")
    assert measure(Webcam(0.04, None, opened=False)) is None


@pytest.mark.parametrize(
    ("measured", "status", "text"),
    [
        (
            Measured((1920, 1080), 30.0, "MJPG", gives_jpeg=True),
            "ok",
            "Cam: 1920 x 1080, 30.0 per second, MJPG, recorded as it comes, sharpness not "
            "adjustable",
        ),
        (
            Measured((1920, 1080), 30.0, "YUYV", 50.0),
            "ok",
            "Cam: 1920 x 1080, 30.0 per second, YUYV, compressed when recorded, sharpness 50",
        ),
        (
            Measured((1920, 1080), 5.0, "", 0.0),
            "warn",
            "Cam: 1920 x 1080, 5.0 per second, compressed when recorded, sharpness 0",
        ),
        (Measured((0, 0), 0.0, ""), "fail", "Cam: opens, but no image comes"),
        ("its driver does not answer", "fail", "Cam: its driver does not answer"),
    ],
)
def test_cameras_are_told_with_what_they_give(measured, status, text):
    check = one(check_cameras([Device(2, "Cam")], lambda index: measured))
    assert (check.name, check.status, check.text) == ("camera 2", status, text)


@on_linux
def test_a_camera_that_does_not_open_is_told_with_the_reason():
    check = one(check_cameras([Device(987, "Cam")], lambda index: None))
    assert check.status == "fail"
    assert "no such camera" in check.text
    assert "connected: " in check.advice


def test_no_camera_is_only_a_warning():
    assert one(check_cameras([], lambda index: None)).status == "warn"


@on_linux
def test_a_camera_is_measured_without_chatter():
    command = [sys.executable, "-m", "nav.camera.measure", "987"]
    assert run(command) == (0, "null\n", "")


def test_a_process_that_hangs_is_given_up():
    code, out, _ = run([sys.executable, "-c", "import time; time.sleep(600)"], 0.2)
    assert (code, out) == (None, "")


# computer


def test_little_room_is_told(tmp_path, monkeypatch):
    usage = type("Usage", (), {"free": 20e9})
    monkeypatch.setattr("nav.doctor.computer.shutil.disk_usage", lambda folder: usage)
    assert one(check_disk(tmp_path)).status == "ok"
    usage.free = 2e9
    assert one(check_disk(tmp_path)).status == "warn"
    usage.free = 1e8
    assert one(check_disk(tmp_path)).status == "fail"
    monkeypatch.setattr("nav.doctor.computer.os.access", lambda folder, mode: False)
    usage.free = 20e9
    assert one(check_disk(tmp_path)).status == "fail"


def test_a_small_computer_is_told():
    assert one(check_computer(2, 4.0e9)).status == "ok"
    assert one(check_computer(1, 8e9)).status == "warn"
    assert one(check_computer(4, 2e9)).status == "warn"
    assert one(check_computer()).text


def test_a_clock_that_was_never_set_is_told():
    assert one(check_clock()).status == "ok"
    assert one(check_clock(0.0)).status == "warn"


def test_prints_whose_size_nobody_checked_are_told(tmp_path):
    assert check_prints(tmp_path) == []
    (tmp_path / "kit").mkdir()
    for name in ("needle", "reference"):
        unchecked = replace(reference_tool(), name=name, scale_sd=None)
        write_tool(tmp_path / "kit" / f"{name}.toml", unchecked)
    check = one(check_prints(tmp_path))
    assert check.status == "warn"
    assert "needle (kit/needle.toml), reference (kit/reference.toml)" in check.text
    assert "scale_sd" in check.advice
    # the kit's file does not count once the body was calibrated
    write_tool(tmp_path / "needle.toml", replace(reference_tool(), name="needle", scale_sd=0.0005))
    assert "needle" not in one(check_prints(tmp_path)).text
    write_tool(tmp_path / "reference.toml", replace(reference_tool(), scale_sd=0.0005))
    assert one(check_prints(tmp_path)).status == "ok"
    (tmp_path / "broken.toml").write_text('format = "c1c2nav/tool/1"\n')
    assert one(check_prints(tmp_path)).status == "ok"


@pytest.mark.parametrize(("scale", "told"), [("unverified", 1), ("ruler 99.8 mm", 0), (None, 0)])
def test_a_board_that_was_not_measured_is_told(tmp_path, rig, scale, told):
    calibration = None if scale is None else {"scale": scale}
    cameras = tuple(replace(camera, calibration=calibration) for camera in rig.cameras)
    write_rig(tmp_path / "rig.toml", Rig(cameras))
    checks = check_prints(tmp_path)
    assert [check.name for check in checks] == ["board"] * told
