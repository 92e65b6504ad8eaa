"""Shared libraries of the system that the packages load but do not bring."""

import importlib.util
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from nav.core.childprocess import run
from nav.doctor.check import Check

# what loads system libraries: Qt's plugin is loaded only when a window opens
BINARIES = {
    "open3d": ("pybind*.so", "cpu/pybind*.so"),
    "vtkmodules": ("vtkRenderingOpenGL2*.so",),
    "PySide6": ("QtWidgets*.so", "Qt/plugins/platforms/libqxcb.so"),
    "cv2": ("cv2*.so",),
}
# Debian names a library's package after it (Policy 8.1), except these
PACKAGES = {
    "libharfbuzz.so.0": "libharfbuzz0b",
    "libz.so.1": "zlib1g",
    "libglib-2.0.so.0": "libglib2.0-0",
    "libgthread-2.0.so.0": "libglib2.0-0",
}


def check_libraries(binaries: Sequence[Path] | None = None) -> list[Check]:
    """Check the shared libraries of the system that Open3D, VTK, Qt and OpenCV load.

    Parameters
    ----------
    binaries : sequence of Path, optional
        What loads them; by default those of `find_binaries`.

    Returns
    -------
    list of Check
        One.
    """
    if not sys.platform.startswith("linux"):
        return [Check("system libraries", "ok", "come with the packages on this system")]
    files = (
        [f for found in find_binaries().values() for f in found] if binaries is None else binaries
    )
    code, out, _ = run(["ldd", *map(str, files)]) if files else (0, "", "")
    if code is None or (code != 0 and not out):
        return [Check("system libraries", "warn", "cannot be listed: ldd does not run")]
    missing = sorted(set(re.findall(r"^\s*(\S+) => not found", out, re.MULTILINE)))
    if not missing:
        return [Check("system libraries", "ok", f"all present ({len(files)} binaries checked)")]
    packages = " ".join(sorted({debian_package(library) for library in missing}))
    text = f"missing: {', '.join(missing)}"
    return [Check("system libraries", "fail", text, f"as root: apt-get install {packages}")]


def find_binaries() -> dict[str, list[Path]]:
    """Find the binaries that load libraries of the system.

    Returns
    -------
    dict of str to list of Path
        By package; packages that are not installed are left out.
    """
    files: dict[str, list[Path]] = {}
    for package, patterns in BINARIES.items():
        spec = importlib.util.find_spec(package)
        for place in (spec.submodule_search_locations or []) if spec else []:
            files[package] = [f for pattern in patterns for f in sorted(Path(place).glob(pattern))]
    return files


def debian_package(library: str) -> str:
    """Return the Debian package of a shared library, as libusb-1.0-0 of libusb-1.0.so.0.

    Parameters
    ----------
    library : str
        File name.

    Returns
    -------
    str
        By Debian's naming rule (Policy 8.1), except for those of PACKAGES.
    """
    if library in PACKAGES:
        return PACKAGES[library]
    stem, _, number = library.lower().replace("_", "-").partition(".so")
    number = number.lstrip(".").split(".")[0]
    return f"{stem}-{number}" if stem[-1:].isdigit() and number else stem + number


def library_advice(problem: str) -> str:
    """Return what to install for a loader's message that names a missing library.

    Parameters
    ----------
    problem : str
        The message.

    Returns
    -------
    str
        Empty if it names none.
    """
    library = re.search(r"(lib\S+\.so[.0-9]*): cannot open shared object", problem)
    return f"as root: apt-get install {debian_package(library[1])}" if library else ""
