"""Marker bodies and boards whose printed size nobody has checked, in the current folder."""

from collections import defaultdict
from contextlib import suppress
from pathlib import Path

from nav.camera.rig import load_rig
from nav.core.errors import InputError
from nav.core.filekinds import toml_kind
from nav.core.own_files import own_toml_files
from nav.doctor.check import Check
from nav.tracking.tool import Tool, load_tool

NAME = "prints"
UNVERIFIED = "unverified"  # as calibration writes it


def check_prints(folder: Path) -> list[Check]:
    """Check that the printed size of every marker body, and of a rig's board, is known.

    A body is known by its name: the kit's file of a body that was calibrated since does not count.

    Parameters
    ----------
    folder : Path
        Searched with the folders in it.

    Returns
    -------
    list of Check
        None where there is no marker body and no rig.
    """
    boards: list[Check] = []
    bodies: dict[str, list[tuple[Tool, Path]]] = defaultdict(list)
    for path, kind in own_toml_files(folder):
        if kind == toml_kind("tool"):
            with suppress(InputError):
                tool = load_tool(path)
                bodies[tool.name].append((tool, path.relative_to(folder)))
        elif kind == toml_kind("rig"):
            with suppress(InputError):
                boards += _board(path, path.relative_to(folder))
    unchecked = [
        f"{name} ({', '.join(str(path) for _, path in files)})"
        for name, files in bodies.items()
        if all(tool.scale_sd is None for tool, _ in files)
    ]
    if not bodies:
        return boards
    if not unchecked:
        return [Check(NAME, "ok", f"size known: {', '.join(bodies)}"), *boards]
    return [
        Check(
            NAME,
            "warn",
            f"size not checked: {', '.join(unchecked)}",
            "read the ruler on the sheet and write scale_sd = 0.0005 into the file, or calibrate "
            "the body with two cameras (docs/print.md)",
        ),
        *boards,
    ]


def _board(path: Path, shown: Path) -> list[Check]:
    """Return a warning where a rig was calibrated with a board that was not measured."""
    if all(_scale(camera.calibration) != UNVERIFIED for camera in load_rig(path).cameras):
        return []
    text = f"{shown}: calibrated with a board whose size was not measured"
    advice = "read the board's ruler, and give it to nav calibrate rig --ruler (docs/print.md)"
    return [Check("board", "warn", text, advice)]


def _scale(calibration: object) -> object:
    return calibration.get("scale") if isinstance(calibration, dict) else None
