"""`nav live`: a recording through the real tracking process into the real window."""

import csv
import os
import time
import tomllib
from typing import Any

import cv2
import numpy as np
import pytest

from nav.cli import main
from nav.core.errors import InputError
from nav.core.frames import rigid
from nav.core.tracked_frame import Tip
from nav.live.feed import ProcessFeed
from nav.live.messages import Command, Ready, Stage, Update
from nav.live.session import State
from nav.model.case import load_case
from nav.registration.assessment import FLE, assess_touches
from nav.registration.registration_result import load_registration, write_registration
from nav.registration.reuse import describe_registration
from nav.run_live import LiveJob, live_job
from nav.tracking.pose_source import StatedErrors
from nav.tracking.tip import tip_from_pose
from nav.view.live_app import run_window
from phantoms.anatomy.anatomy_files import write_case
from phantoms.kit.kit_case import phantom_case
from tests.live.looping import write_recording
from tests.said import each_said

TO_REFERENCE = rigid([0.4, -0.9, 1.3], [12.0, -35.0, 80.0])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A short simulated recording with its rig, tools and case."""
    out = tmp_path_factory.mktemp("live")
    write_recording(out / "recording", frames=15, seed=7)
    write_case(phantom_case(), out / "case")
    return out


def job_of(folder, **changes):
    recording = folder / "recording"
    tools = [recording / "needle.toml", recording / "reference.toml"]
    options = {
        "rig": recording / "rig.toml",
        "tools": tools,
        "case": folder / "case" / "case.toml",
        "cameras": (),
        "images": recording,
        "poses": None,
        "registration": None,
        "needle": "needle",
        "reference": "reference",
        "fps": None,
        "save": None,
    }
    return live_job(**options | changes)


def poses_job(folder, **changes):
    """Replay of the true poses of the recording."""
    truth = folder / "recording" / "truth.csv"
    return job_of(folder, **{"rig": None, "images": None, "poses": truth} | changes)


def test_recorded_poses_are_guided_by_without_rig_and_images(folder):
    job = poses_job(folder)
    _, needle = job.check()
    work = job.open()
    frames = list(work.source)
    assert len(frames) == 15
    with (folder / "recording" / "truth.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["tool"] == "needle"]
    for tracked, row in zip(frames, rows, strict=True):
        tip = tip_from_pose(tracked.pose("needle"), needle)
        assert tip.position == pytest.approx(
            [float(row[f"tip_{axis}"]) for axis in "xyz"], abs=1e-3
        )
    state = work.session.step(frames[-1])
    assert state.stage is Stage.REGISTER
    assert isinstance(state.guidance.reference_tip, Tip)
    assert work.recording is work.source
    work.source.close()


def test_recorded_poses_are_played_into_the_window_at_their_own_pace(folder):
    feed = ProcessFeed(poses_job(folder))
    assert isinstance(feed.first(180.0), Ready)
    feed.send(Command("play"))
    updates: list[Update] = []
    end = time.monotonic() + 180.0
    while time.monotonic() < end and (not updates or updates[-1].guidance.number < 14):
        message = feed.newest()
        if isinstance(message, Update):
            updates.append(message)
        time.sleep(0.01)
    feed.close()
    samples = [sample for update in updates for sample in update.samples]
    assert len(samples) == 15
    # 15 frames, 30 per second; a busy machine is later, never earlier
    assert samples[-1].at - samples[0].at > 14 / 30 - 0.05
    assert all(update.thumbnails == () for update in updates)


def test_a_registration_made_from_recorded_poses_records_them(folder, registered, tmp_path):
    save = tmp_path / "registration.toml"
    work = poses_job(folder, save=save).open()
    work.session.registration = load_registration(registered)
    work.finish()
    record = tomllib.loads(save.read_text())
    assert "truth.csv" in [entry["file"] for entry in record["input"]]


def test_a_recording_is_played_into_the_window(qtbot, folder, tmp_path):
    job = job_of(folder)
    case, needle = job.check()
    still = tmp_path / "still.png"
    code = run_window(case, ProcessFeed(job), needle, close_at_end=True, still=still)
    assert code == 0
    picture = cv2.imread(str(still))
    assert picture is not None
    assert picture.std() > 5


def test_a_job_is_sent_whole_to_another_process(folder):
    feed = ProcessFeed(job_of(folder))
    assert isinstance(feed.first(180.0), Ready)
    feed.send(Command("play"))
    end = time.monotonic() + 180.0
    while not isinstance(first := feed.newest(), Update) and time.monotonic() < end:
        time.sleep(0.01)
    feed.close()
    assert first.guidance.tracked.tools["needle"]
    assert {thumbnail.camera for thumbnail in first.thumbnails} == {"left", "right"}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"needle": "pointer"}, "no tool is called pointer"),
        ({"reference": "base"}, "no tool is called base"),
        ({"images": None}, "--camera NAME=NUMBER, --images SOURCE or --poses"),
        ({"images": None, "cameras": ("left=0",)}, "right"),
        ({"images": None, "cameras": ("left=0", "right=zero")}, "right=zero"),
        ({"rig": None}, "--rig is missing"),
        ({"stated": StatedErrors(0.1, 0.001)}, "--position-sd applies only with --poses"),
        ({"igtl_names": ("needle=A",)}, "--igtl-name applies only with --poses"),
        ({"images": None, "poses": True}, "--rig does not apply with --poses"),
        (
            {"images": None, "poses": True, "rig": None, "fps": 30.0},
            "--fps does not apply with --poses",
        ),
        ({"poses": True}, "--images SOURCE or --poses"),
        ({"cameras": ("left=0", "right=1")}, "--camera NAME=NUMBER, --images SOURCE or --poses"),
    ],
)
def test_options_that_do_not_fit_are_refused(folder, changes, said):
    if "poses" in changes:
        changes = changes | {"poses": folder / "recording" / "truth.csv"}
    with pytest.raises(InputError, match=said):
        job_of(folder, **changes).check()


def test_a_needle_without_a_tip_is_refused(folder, tmp_path):
    needle = folder / "recording" / "needle.toml"
    text = needle.read_text()
    blunt = tmp_path / "needle.toml"
    blunt.write_text(text[: text.index("[tip]")])
    job = job_of(folder)
    job = LiveJob(**{**vars(job), "tools": (blunt, job.tools[1])})
    with pytest.raises(InputError, match=r"needle\.toml: tip: is missing"):
        job.check()


@pytest.fixture(scope="module")
def registered(folder, tmp_path_factory):
    """A registration for that case, its file, and where its reference body is."""
    case_file, body = folder / "case" / "case.toml", folder / "recording" / "reference.toml"
    case = load_case(case_file)
    rng = np.random.default_rng(1)
    touched = {f.label: TO_REFERENCE.apply(f.position) for f in case.fiducials}
    touched = {label: at + rng.normal(0.0, FLE, 3) for label, at in touched.items()}
    target = case.default_plan.target
    found = assess_touches(case.fiducials, touched, target=target)
    path = tmp_path_factory.mktemp("registered") / "registration.toml"
    record = describe_registration(found, (case.name, case_file), ("reference", body), target)
    write_registration(path, found.registration, (case_file, body), record)
    return path


def test_a_registration_of_before_is_described_and_waits_for_its_check(folder, registered):
    job = job_of(folder, registration=registered)
    job.check()
    work = job.open()
    work.source.close()
    assert work.session.stage is Stage.VERIFY
    assert work.pipeline.registration is None
    assert any("FRE 0." in line and "verdict good" in line for line in each_said(work.notices))
    # nothing new to write
    assert work.session.registration is work.saved


def test_a_new_registration_that_was_not_verified_replaces_none(folder, registered, tmp_path):
    save = tmp_path / "registration.toml"
    work = poses_job(folder, registration=registered, save=save).open()
    work.session.verified = True
    work.session.command(Command("register"))
    assert work.session.stage is Stage.REGISTER
    work.session.registration = load_registration(registered)  # as after touching
    work.finish()
    work.source.close()
    assert work.session.registration is work.saved
    assert not save.exists()


@pytest.mark.parametrize("which", ["case", "reference"])
def test_a_registration_made_for_another_file_is_refused(folder, registered, tmp_path, which):
    job = job_of(folder, registration=registered)
    old = job.case if which == "case" else job.tools[1]
    other = old.with_name(f"other-{which}.toml")
    other.write_text(old.read_text() + "\n# edited\n")
    changed = {"case": other} if which == "case" else {"tools": (job.tools[0], other)}
    try:
        with pytest.raises(InputError, match=f"was made for another {which}"):
            LiveJob(**{**vars(job), **changed}).check()
    finally:
        other.unlink()


def test_a_registration_that_cannot_be_saved_does_not_end_navigation(folder, registered, tmp_path):
    save = tmp_path / "registration.toml"
    save.mkdir()
    work = job_of(folder, save=save).open()
    work.source.close()
    work.session.registration = load_registration(registered)
    navigating: Any = State(None, Stage.NAVIGATE, None, None)
    no_frames: Any = None
    assert list(work.listen(no_frames, navigating)) == []
    assert work.notices[0].code == "registration_not_saved"
    assert "is a folder" in work.notices[0].facts["problem"]
    save.rmdir()
    work.finish()
    assert load_registration(save).fre == pytest.approx(work.session.registration.fre)


def test_missing_options_are_one_line_and_exit_code_2(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["live", "--camera", "left=0"])
    assert ended.value.code == 2
    assert "--rig is missing" in capsys.readouterr().err


def test_the_twin_takes_no_files(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["live", "--twin", "--camera", "left=0"])
    assert ended.value.code == 2
    assert "--twin" in capsys.readouterr().err


@pytest.mark.skipif("not __import__('sys').platform.startswith('linux')", reason="X is asked for")
def test_no_display_is_said_before_anything_starts(folder, capsys, monkeypatch):
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    recording = folder / "recording"
    arguments = ["live", "--rig", recording / "rig.toml", "--images", recording]
    arguments += ["--tool", recording / "needle.toml", "--tool", recording / "reference.toml"]
    arguments += ["--case", folder / "case" / "case.toml"]
    with pytest.raises(SystemExit) as ended:
        main([str(argument) for argument in arguments])
    assert ended.value.code == 2
    assert "no display" in capsys.readouterr().err
    assert "DISPLAY" not in os.environ


def notices_of(work):
    """What is said once the cameras were compared."""
    frames = iter(work.source)
    for _ in range(4):
        present = next(frames)
        work.listen(present, work.session.step(present))
    work.swap.thread.join(timeout=60.0)
    last = next(frames)
    work.source.close()
    return (*work.notices, *last.notices)


def test_swapped_cameras_are_named(folder, tmp_path):
    recording = folder / "recording"
    swapped = tmp_path / "swapped"
    swapped.mkdir()
    (swapped / "left").symlink_to(recording / "right")
    (swapped / "right").symlink_to(recording / "left")
    work = job_of(folder, images=swapped).open()
    (notice,) = notices_of(work)
    assert notice.code == "cameras_swapped"
    assert {notice.facts[name] for name in ("one", "other")} == {"left", "right"}


def test_cameras_in_order_are_not_called_swapped(folder):
    work = job_of(folder).open()
    assert notices_of(work) == ()
