"""Write a scene as SOURCE: `python -m tests.bench.scenes.write --out DIR --kind clean`.

The folder holds a sub-folder of PNGs for each camera, rig.toml, needle.toml, reference.toml,
times.csv, and truth.csv: true rig_from_tool in the columns of poses.csv, at the mean of the
cameras' times; settings.toml says what was asked. It appears when it is complete.
"""

import argparse
import csv
import shutil
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, get_args

import cv2
from scipy.spatial.transform import RigidTransform

from nav.camera.rig import write_rig
from nav.core.errors import InputError
from nav.core.files import write_toml
from nav.tracking.tool import Tool, write_tool
from tests.bench.scenes.scene import Scene, Shot
from tests.bench.scenes.settings import KINDS, Settings, settings_of

TRUTH_COLUMNS = (
    *("frame", "time", "tool", "status", "tx", "ty", "tz", "qx", "qy", "qz", "qw"),
    *("tip_x", "tip_y", "tip_z", "tip_cxx", "tip_cxy", "tip_cxz", "tip_cyy", "tip_cyz", "tip_czz"),
    *("markers", "rms_px", "reason", *(f"p{i}{j}" for i in range(6) for j in range(i, 6))),
)


def write_scene(out: Path, settings: Settings) -> None:
    """Draw and write all frame sets; `out` must not exist or be an empty folder.

    Raises
    ------
    InputError
        `out` is there already or cannot be written.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError(f"{out}: is not an empty folder; give a new one")
    beside = out.with_name(out.name + ".part")
    try:
        shutil.rmtree(beside, ignore_errors=True)
        beside.mkdir(parents=True)
        _write(beside, Scene(settings))
        beside.replace(out)
    except OSError as error:
        raise InputError(f"{out}: cannot be written: {error.strerror or error}") from None
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _write(folder: Path, scene: Scene) -> None:
    for camera in scene.rig.cameras:
        (folder / camera.name).mkdir()
    write_rig(folder / "rig.toml", scene.rig)
    for name, model in scene.models.items():
        write_tool(folder / f"{name}.toml", model.tool)
    made = {key: value for key, value in asdict(scene.settings).items() if value is not None}
    write_toml(folder / "settings.toml", {"format": "c1c2nav/scene/1", "settings": made})
    with (
        (folder / "times.csv").open("w", newline="") as times_file,
        (folder / "truth.csv").open("w", newline="") as truth_file,
    ):
        times, truth = csv.writer(times_file), csv.writer(truth_file)
        times.writerow(("camera", "frame", "time"))
        truth.writerow(TRUTH_COLUMNS)
        for number in range(scene.settings.frames):
            shot = scene.shot(number)
            for name, picture in shot.pictures.items():
                path = folder / name / f"{number:06d}.png"
                if not cv2.imwrite(str(path), picture, [cv2.IMWRITE_PNG_COMPRESSION, 1]):
                    raise InputError(f"{path}: cannot be written; is the disk full?")
                times.writerow((name, number, f"{shot.times[name]:.9f}"))
            truth.writerows(truth_rows(shot, scene))


def truth_rows(shot: Shot, scene: Scene) -> Iterator[list[Any]]:
    """Rows of truth.csv for one frame set: no covariance, no residuals."""
    for name, pose in shot.poses.items():
        numbers = [*pose.translation, *pose.rotation.as_quat(canonical=True)]
        tip = _tip(pose, scene.models[name].tool)
        row = [shot.number, f"{shot.time:.9f}", name, "tracked"]
        row += [f"{number:.12g}" for number in numbers] + tip
        yield row + [""] * 3 + ["0"] * 21


def _tip(pose: RigidTransform, tool: Tool) -> list[str]:
    if tool.tip is None:
        return [""] * 9
    return [f"{number:.12g}" for number in pose.apply(tool.tip.position)] + ["0"] * 6


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns its exit code."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--kind", choices=list(KINDS), default="clean")
    for field in fields(Settings):
        if field.name != "kind":
            option = "--" + field.name.replace("_", "-")
            parser.add_argument(option, type=_number_or_text(field.type))
    options = vars(parser.parse_args(arguments))
    out, kind = options.pop("out"), options.pop("kind")
    try:
        settings = settings_of(kind, **options)
    except ValueError as error:
        parser.error(str(error))
    try:
        write_scene(out, settings)
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def _number_or_text(annotation: Any) -> Any:
    """float for `float | None`."""
    return next((a for a in get_args(annotation) if a is not type(None)), annotation)


if __name__ == "__main__":
    sys.exit(main())
