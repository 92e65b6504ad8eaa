"""Webcams with their true size and rate."""

import json
import sys
from collections.abc import Callable, Sequence

from nav.camera.measure import Measured
from nav.camera.webcam import Device, list_devices, why_not_opened
from nav.core.childprocess import run
from nav.doctor.check import Check

SLOW = 15.0  # pictures per second
PATIENCE = 8.0  # s for opening and measuring one


def check_cameras(
    devices: Sequence[Device] | None = None,
    measure: Callable[[int], Measured | str | None] | None = None,
) -> list[Check]:
    """Check every webcam's true size and rate, one after the other.

    Parameters
    ----------
    devices : sequence of Device, optional
        By default those that the system knows.
    measure : callable, optional
        From a webcam's number to what it gives; None if it does not open; or what went wrong.

    Returns
    -------
    list of Check
        One for each webcam, or that there is none.
    """
    known = sys.platform.startswith("linux")
    if devices is None:
        devices = list_devices() if known else [Device(i, "webcam") for i in range(3)]
    measure = measure or measured
    checks = [c for d in devices if (c := _camera(d, measure(d.index), known))]
    advice = "plug one in for nav live; nav track and nav demo do without"
    return checks or [Check("cameras", "warn", "none found", advice)]


def _camera(device: Device, given: Measured | str | None, known: bool) -> Check | None:
    name = f"camera {device.index}"
    if given is None:
        why, _, advice = why_not_opened(device.index).partition("; ")
        return Check(name, "fail", f"{device.name}: {why}", advice) if known else None
    if isinstance(given, str):
        return Check(name, "fail", f"{device.name}: {given}", "plug it in again, at another port")
    if not given.rate:
        advice = "plug it in again, at a port of its own; is another program using it?"
        return Check(name, "fail", f"{device.name}: opens, but no image comes", advice)
    width, height = given.size
    text = f"{device.name}: {width} x {height}, {given.rate:.1f} per second"
    text += f", {given.coding}" if given.coding else ""
    text += ", recorded as it comes" if given.gives_jpeg else ", compressed when recorded"
    value = given.sharpness
    text += ", sharpness not adjustable" if value is None else f", sharpness {value:g}"
    if given.rate < SLOW:
        return Check(name, "warn", text, "more light, a shorter exposure or a USB port of its own")
    return Check(name, "ok", text)


def measured(index: int) -> Measured | str | None:
    """Measure a webcam in a process of its own.

    Parameters
    ----------
    index : int
        Its number.

    Returns
    -------
    Measured, str or None
        None if it does not open; a string says what went wrong.
    """
    code, out, _ = run([sys.executable, "-m", "nav.camera.measure", str(index)], PATIENCE)
    if code is None:
        return "its driver does not answer"
    try:
        found = json.loads(out)
    except ValueError:
        return f"its driver crashes (exit {code})"
    if found is None:
        return None
    size = tuple(found.pop("size"))
    return Measured(size, **found)
