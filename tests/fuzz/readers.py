"""What reads files, and is given damaged ones: each reader with the work that relies on it."""

import contextlib
import io
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
from rich.console import Console

from calibration.board import load_board
from nav.camera.rig import load_rig
from nav.camera.source import open_source
from nav.core.errors import InputError, InputErrors
from nav.core.frameset import FrameSource
from nav.core.output_checks import refuse_replacing
from nav.core.tracked_frame import Tip
from nav.guidance.proximity import proximity
from nav.lab.lab_check import check_lab_file
from nav.lab.lab_file import read_lab
from nav.lab.lab_show import lab_entries, live_command
from nav.model.case import load_case, navigable
from nav.record.metaio_sequence import MetaIOSequence
from nav.record.pose_recording import PoseRecording
from nav.record.recorded_poses import open_recorded_poses
from nav.record.session.picture_codec import PictureError
from nav.record.session.session_pictures import PictureReader
from nav.record.session.session_reader import open_session
from nav.record.session_export.export_format import ExportOptions, export_format
from nav.record.session_export.session_content import SessionContent
from nav.record.session_replay.replay_setup import ReplayOptions
from nav.record.session_replay.replay_work import ReplayJob
from nav.record.session_tools.session_check import findings
from nav.record.session_tools.session_overview import overview
from nav.record.session_tools.session_repair import repair_session
from nav.record.session_tools.session_report import report_session
from nav.record.session_tools.session_show import show_session
from nav.registration.registration_result import load_registration
from nav.tracking.pose_source import StatedErrors
from nav.tracking.tool import check_tools, load_tool
from phantoms.kit.export_folder import refuse_foreign
from phantoms.kit.export_kit import load_kit
from phantoms.recipe import named_recipe
from tests.fuzz.inputs import MESHES
from tests.fuzz.scan_readers import SCAN_READERS
from tests.fuzz.work import Reader, command

POINTS = np.array([[0.0, 0.0, 0.0], [30.0, 10.0, -20.0], [0.0, 4.0, 0.0]])
AWAY = np.array([0.0, 0.0, 500.0])
TIP = Tip(np.array([1.0, 2.0, 3.0]), None, np.eye(3) * 0.01, np.eye(3) * 0.01)


def _rig(folder: Path) -> None:
    rig = load_rig(folder / "rig.toml")
    for camera in rig.cameras:
        camera.project(camera.camera_from_rig.inv().apply(POINTS + AWAY))
        camera.undistort(np.array([[0.0, 0.0], [100.0, 50.0]]))


def _tool(folder: Path) -> None:
    check_tools([load_tool(folder / "needle.toml"), load_tool(folder / "reference.toml")])


def _board(folder: Path) -> None:
    for name in ("charuco.toml", "charuco-close.toml", "chessboard.toml"):
        load_board(folder / name).scaled(0.998)


def _case(folder: Path) -> None:
    case = load_case(folder / "case.toml")
    proximity(case, TIP)
    navigable(case, folder / "case.toml")


def _registration(folder: Path) -> None:
    registration = load_registration(folder / "registration.toml")
    registration.apply(TIP)
    registration.predicted_tre(POINTS)


def _source(source: Path, rig: Path) -> None:
    opened: FrameSource = open_source(source, load_rig(rig))
    try:
        for _ in opened:
            pass
    finally:
        opened.close()


def _recorded_poses(folder: Path) -> None:
    for tracked in PoseRecording(folder / "poses.csv", ("needle",)):
        tracked.pose("needle", relative_to="needle")


def _metaio_sequence(folder: Path) -> None:
    stated = StatedErrors(0.2, 0.003)
    for tracked in MetaIOSequence(folder / "poses.igs.mha", ("stylus", "reference"), stated):
        tracked.pose("stylus", relative_to="reference")


def _poses_elsewhere(name: str) -> Callable[[Path], None]:
    def work(folder: Path) -> None:
        stated = StatedErrors(0.2, 0.003)
        for tracked in open_recorded_poses(folder / name, ("needle", "reference"), stated):
            tracked.pose("needle", relative_to="reference")

    return work


def _session(folder: Path) -> None:
    reader = open_session(folder / "session")
    for each_of in (reader.frames, reader.guidance, reader.events):
        for _ in each_of():
            pass


def _session_pictures(name: str) -> Callable[[Path], None]:
    def work(folder: Path) -> None:
        for picture in PictureReader(folder / name):
            with contextlib.suppress(PictureError):  # of one picture; the others are read
                picture.image()

    return work


def _exports(folder: Path) -> None:
    content = SessionContent(folder / "session")
    for name in ("t.csv", "t.xlsx", "t.igs.mha", "t.xml"):
        export_format(Path(name)).export(content, folder / "out" / name, ExportOptions())


def _session_tools(folder: Path) -> None:
    session, quiet = folder / "session", Console(file=io.StringIO())
    overview(session)
    works = (
        lambda path: show_session(path, quiet),
        lambda path: list(findings(path)),
        lambda path: report_session(path, folder / "out" / "session.html", None, quiet),
        lambda path: repair_session(path, folder / "out" / "repaired", quiet),
    )
    refused = []
    for work in works:
        try:
            work(session)
        except InputError as error:
            refused.append(error)
    if refused:
        raise refused[0]


def _replay(folder: Path) -> None:
    command("replay", "replayed", "--compare", "--json")(folder)
    work = ReplayJob(ReplayOptions(folder / "replayed")).open()
    try:
        for index in (0, len(work.use.frames) - 1):
            work.go_to(index)
            work.session.step(work.frames.frame(index))
        assert work.recording.timeline.notices is not None
    finally:
        work.source.close()


def _kit(folder: Path) -> None:
    load_kit(folder / "kit.toml")


def _lab(folder: Path) -> None:
    found = check_lab_file(folder / "lab.toml", ())
    lab = read_lab(folder / "lab.toml").lab
    list(lab_entries(lab.file))
    live_command(lab)
    if found.problems:
        assert all(len(line.splitlines()) == 1 for line in found.problems)
        raise InputErrors(found.problems)


def _outputs(folder: Path) -> None:
    for name in ("registration.toml", "poses.csv", "needle.toml"):
        with contextlib.suppress(InputError):
            refuse_replacing(folder / name, "rig file")
    refuse_foreign(folder / "kit")


def _register(points: str) -> Reader:
    words = ("register", "--case", "case.toml", "--points", points, "--output", "out/r.toml")
    return Reader((points,), command(*words))


NEEDLE = ("calibrate", "needle", "--poses", "poses.csv", "--output", "out/n.toml")
CHECK = ("calibrate", "check", "--touched", "touched.csv", "--divots", "case.toml", "--limit", "9")
STYLUS = ("register", "stylus", "--divots", "touched.csv", "--poses", "poses.igs.mha")
READERS: dict[str, Reader] = {
    "rig": Reader(("rig.toml",), _rig),
    "tool": Reader(("needle.toml", "reference.toml"), _tool),
    "board": Reader(("charuco.toml", "charuco-close.toml", "chessboard.toml"), _board),
    "case": Reader(("case.toml",), _case),
    "case, registered": Reader(("case.toml",), _register("touched.csv").work),
    "mesh": Reader(tuple(MESHES), _case),
    "points": _register("touched.csv"),
    "markups": _register("touched.mrk.json"),
    "fcsv": _register("touched.fcsv"),
    "points, checked": Reader(("touched.csv", "case.toml"), command(*CHECK, "--register")),
    "poses": Reader(("poses.csv",), command(*NEEDLE)),
    "poses and tool": Reader(
        ("poses.csv", "needle.toml"), command(*NEEDLE, "--tool", "needle.toml")
    ),
    "recorded poses": Reader(("poses.csv",), _recorded_poses),
    "MetaIO sequence": Reader(("poses.igs.mha",), _metaio_sequence),
    "NRRD sequence": Reader(("poses.seq.nrrd",), _poses_elsewhere("poses.seq.nrrd")),
    "transcript": Reader(("transcript.xml",), _poses_elsewhere("transcript.xml")),
    "session's poses": Reader(("session/session.mcap",), _poses_elsewhere("session")),
    "session": Reader(("session/session.mcap",), _session),
    "session's JPEGs": Reader(("jpegs/pictures.mcap",), _session_pictures("jpegs"), True),
    "session's lossless pictures": Reader(
        ("lossless/pictures.mcap",), _session_pictures("lossless")
    ),
    "session's exports": Reader(("session/session.mcap",), _exports),
    "replay": Reader(("replayed/session.mcap",), _replay),
    "session's tools": Reader(("session/session.mcap",), _session_tools),
    "stylus": Reader(("poses.igs.mha", "touched.csv"), command(*STYLUS, "--output", "out/r.toml")),
    "registration": Reader(("registration.toml",), _registration),
    "times": Reader(("seen/times.csv",), lambda f: _source(f / "seen", f / "rig.toml"), True),
    "pictures": Reader(
        tuple(f"seen/left/{name}" for name in ("0.png", "1.jpg", "2.tif")),
        lambda f: _source(f / "seen", f / "rig.toml"),
        prints=True,
    ),
    "mp4": Reader(("film/film.mp4",), lambda f: _source(f / "film/film.mp4", f / "one.toml"), True),
    "avi": Reader(("film/film.avi",), lambda f: _source(f / "film/film.avi", f / "one.toml"), True),
    "kit": Reader(("kit.toml",), _kit),
    "lab": Reader(("lab.toml",), _lab),
    "recipe": Reader(("recipe.toml",), lambda f: named_recipe(None, file=f / "recipe.toml")),
    "outputs": Reader(("registration.toml", "poses.csv", "kit/kit.toml"), _outputs),
    **SCAN_READERS,
}


def _crash(folder: Path) -> None:
    os.abort()


def _fail(folder: Path) -> None:
    raise ZeroDivisionError


# whether the runner notices; not among those that are run
SELF_CHECKS = {"crash": Reader(("rig.toml",), _crash), "traceback": Reader(("rig.toml",), _fail)}
