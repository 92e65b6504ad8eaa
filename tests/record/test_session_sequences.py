"""Sessions as sequences of PLUS and Slicer and as transcripts: read back by others and by us."""

import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import RigidTransform

from nav.core.errors import InputError, Lost
from nav.core.files import sha256
from nav.record.recorded_poses import open_recorded_poses
from nav.record.session_export.transform_chain import frame_names
from nav.tracking.pose_source import StatedErrors
from nav.tracking.tool import Tool
from tests.live.test_session import NEEDLE
from tests.record.example_session import ExampleUse, example_use
from tests.record.pose_sessions import MOTIONS, PERIOD, frames_of, write_pose_session
from tests.record.test_session_tables import export

STATED = StatedErrors(0.2, 0.003)
NAMES = ("needle", "reference")
SLICERS_LINE = 1000  # bytes of its buffer for a line
SUFFIXES = (".igs.mha", ".seq.mha", ".seq.nrrd", ".xml")


@pytest.fixture(scope="module")
def example(tmp_path_factory) -> tuple[Path, ExampleUse]:
    return example_use(tmp_path_factory.mktemp("sessions"))


def as_slicer_reads(path: Path) -> dict[str, dict[str, np.ndarray]]:
    """Transforms by name and index value, as Slicer's linear transform sequences take them.

    Every field with "Transform" and without "Status" in its name is a pose; indices are times with
    three digits; a line that its buffer does not hold would be cut.
    """
    nrrd = path.suffix == ".nrrd"
    poses: dict[str, dict[int, np.ndarray]] = {}
    times: dict[int, str] = {}
    for line in path.read_bytes().split(b"\n"):
        assert len(line) < SLICERS_LINE
        text = line.decode()
        if nrrd and ("#" in text or text.startswith("NRRD")):
            continue
        name, found, value = text.partition(":" if nrrd else "=")
        if not found or name.strip() == "ElementDataFile":
            break
        match = re.fullmatch(r"Seq_Frame(\d+)_(.*)", name.strip())
        if match is None:
            continue
        value = value.removeprefix("=").strip()
        if "Transform" in match[2] and "Status" not in match[2]:
            matrix = np.array(value.split(), float).reshape(4, 4)
            poses.setdefault(match[2].removesuffix("Transform"), {})[int(match[1])] = matrix
        elif match[2] == "Timestamp":
            times[int(match[1])] = f"{float(value):.3f}"
    assert len(set(times.values())) == len(times)
    return {
        name: {times[number]: matrix for number, matrix in by_number.items()}
        for name, by_number in poses.items()
    }


def as_perk_tutor_reads(path: Path) -> tuple[dict[str, dict[str, np.ndarray]], dict[str, str]]:
    """Transforms by device and messages, by times with the six digits that Perk Tutor keeps."""
    root = ElementTree.parse(path).getroot()
    assert root.tag == "TransformRecorderLog"
    devices: dict[str, dict[str, np.ndarray]] = {}
    messages: dict[str, str] = {}
    for element in root:
        have = element.attrib  # what is missing would end Perk Tutor
        at = f"{float(have['TimeStampSec']) + 1e-9 * float(have['TimeStampNSec']):.6g}"
        if have["type"] == "message":
            assert have["message"]
            messages[at] = have["message"]
            continue
        matrix = np.array(have["transform"].split(), float).reshape(4, 4)
        devices.setdefault(have["DeviceName"], {})[at] = matrix
    return devices, messages


def transforms(path: Path) -> dict[str, dict[str, np.ndarray]]:
    return as_perk_tutor_reads(path)[0] if path.suffix == ".xml" else as_slicer_reads(path)


@given(MOTIONS, st.sampled_from(SUFFIXES))
@settings(deadline=None, max_examples=60)
def test_any_motion_comes_back_and_a_lost_pose_is_no_number(tmp_path_factory, motion, suffix):
    folder = tmp_path_factory.mktemp("motion")
    session = write_pose_session(folder / "s", frames_of(motion))
    path = folder / f"t{suffix}"
    assert export(session, "--output", path) == 0
    found = transforms(path)
    count = {"NeedleToReference": 0, "ReferenceToTracker": 0}
    for number, (needle, reference) in enumerate(motion):
        at = f"{number * PERIOD:.6g}" if suffix == ".xml" else f"{number * PERIOD:.3f}"
        wanted = {"ReferenceToTracker": reference}
        both = needle is not None and reference is not None
        wanted["NeedleToReference"] = reference.inv() * needle if both else None
        for name, pose in wanted.items():
            matrix = found.get(name, {}).get(at)
            assert (matrix is None) == (pose is None)
            if matrix is not None:
                count[name] += 1
                assert matrix == pytest.approx(pose.as_matrix(), abs=1e-9)
    assert {name: len(by_time) for name, by_time in found.items()} == {
        name: number for name, number in count.items() if number
    }
    if not count["NeedleToReference"] and suffix == ".xml":
        return  # such a file does not know the needle
    ours = list(open_recorded_poses(path, NAMES, STATED))
    if suffix == ".xml":
        ours = [tracked for tracked in ours if tracked.tools["needle"]]
        assert len(ours) == count["NeedleToReference"]
        return
    assert len(ours) == len(motion)
    for tracked, (needle, reference) in zip(ours, motion, strict=True):
        pose = tracked.pose("needle", "reference")
        if needle is None or reference is None:
            facts = {"tool": "needle", "status": "MISSING"}
            assert tracked.tools["needle"] == Lost("not_seen_by_tracker_status", facts)
        else:
            relative = (reference.inv() * needle).as_matrix()
            assert pose.transform.as_matrix() == pytest.approx(relative, abs=1e-9)


@pytest.mark.parametrize("suffix", [".igs.mha", ".seq.nrrd"])
def test_itk_reads_the_header_and_finds_where_it_comes_from(tmp_path, example, suffix):
    session, use = example
    path = tmp_path / f"t{suffix}"
    assert export(session, "--output", path) == 0
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    reader.ReadImageInformation()
    said = {key: reader.GetMetaData(key) for key in reader.GetMetaDataKeys()}
    assert said["c1c2nav_source_sha256"] == sha256(session / "session.mcap")
    assert said["c1c2nav_made_by"].startswith("c1c2nav ")
    assert said["c1c2nav_units"] == "mm, s"
    pose = use.frames[0].pose("needle", "reference").transform.as_matrix()
    numbers = said["Seq_Frame0000_NeedleToReferenceTransform"].split()
    assert np.array(numbers, float).reshape(4, 4) == pytest.approx(pose, abs=1e-9)
    last = f"Seq_Frame{len(use.frames) - 1:04d}"
    assert said[f"{last}_FrameNumber"] == str(use.frames[-1].number)
    if suffix == ".seq.nrrd":  # one black voxel per frame
        image = sitk.ReadImage(str(path))
        assert image.GetNumberOfComponentsPerPixel() == len(use.frames)
    else:
        assert reader.GetSize() == (0, 0, len(use.frames))


def test_every_format_of_transforms_reaches_ras(tmp_path, example):
    session, use = example
    last = use.frames[-1].pose("needle", "reference").transform
    tip = use.states[-1].guidance.reference_tip.position
    in_model = use.work.session.pipeline.registration.model_from_reference.transform.apply(tip)
    in_ras = in_model * [-1.0, -1.0, 1.0]
    assert last.apply(NEEDLE.tip.position) == pytest.approx(tip, abs=1e-9)
    for suffix, ras in ((".seq.mha", "Ras"), (".seq.nrrd", "Ras"), (".xml", "RAS")):
        path = tmp_path / f"t{suffix}"
        assert export(session, "--output", path) == 0
        found = transforms(path)
        at = max(found["NeedleToReference"], key=float)
        chain = found[f"ReferenceTo{ras}"][at] @ found["NeedleToReference"][at]
        assert (chain @ [*NEEDLE.tip.position, 1.0])[:3] == pytest.approx(in_ras, abs=1e-6)
        # there is no registration before the fourth fiducial was touched
        assert 0 < len(found[f"ReferenceTo{ras}"]) < len(use.frames)
        assert "0.000" not in found[f"ReferenceTo{ras}"]
    tips = found["NeedleTipToRAS"]
    assert tips[at][:3, 3] == pytest.approx(in_ras, abs=1e-6)
    heading = use.states[-1].guidance.model_tip.heading * [-1.0, -1.0, 1.0]
    assert tips[at][:3, 2] == pytest.approx(heading, abs=1e-9)
    assert np.linalg.det(tips[at][:3, :3]) == pytest.approx(1.0)


def test_perk_tutor_gets_marks_and_what_happened_as_messages(tmp_path, example):
    session, _ = example
    assert export(session, "--output", tmp_path / "t.xml") == 0
    _, messages = as_perk_tutor_reads(tmp_path / "t.xml")
    assert "Haut" in messages.values()
    assert "registration 1 in use" in messages.values()
    head = (tmp_path / "t.xml").read_text().splitlines()[0]
    assert sha256(session / "session.mcap") in head


@pytest.mark.parametrize("text", ['a & b <c> "d"', "-->", "a\x00\x0bb", "zwei\nZeilen", "\ud800"])
def test_any_mark_makes_good_xml(tmp_path, text):
    motion = frames_of([(RigidTransform.identity(), RigidTransform.identity())])
    session = write_pose_session(tmp_path / "s", motion, [text])
    assert export(session, "--output", tmp_path / "t.xml") == 0
    _, messages = as_perk_tutor_reads(tmp_path / "t.xml")
    wanted = re.sub(r"[\x00\x0b\ud800]", "?", text)
    assert list(messages.values()) == [wanted]
    assert len(open_recorded_poses(tmp_path / "t.xml", NAMES, STATED)) == 1


def test_frames_whose_times_do_not_increase_are_left_out_and_told(tmp_path, capsys):
    same = RigidTransform.identity()
    twice = frames_of([(same, same)] * 3) * 2
    session = write_pose_session(tmp_path / "s", twice)
    assert export(session, "--output", tmp_path / "t.seq.mha") == 0
    said = capsys.readouterr().out
    assert "3 frames are left out: their times do not increase" in said
    assert "session of 6 frames" in said  # not that as many were written
    assert len(open_recorded_poses(tmp_path / "t.seq.mha", NAMES, STATED)) == 3


@pytest.mark.parametrize("suffix", [".seq.mha", ".seq.nrrd", ".xml"])
def test_a_folders_name_adds_no_line_to_a_header(tmp_path, suffix):
    same = RigidTransform.identity()
    session = write_pose_session(tmp_path / "s\nNDims = 2", frames_of([(same, same)]))
    assert export(session, "--output", tmp_path / f"t{suffix}") == 0
    assert b"\nNDims = 2" not in (tmp_path / f"t{suffix}").read_bytes()


@pytest.mark.parametrize(
    ("name", "plus"),
    [
        ("needle", "Needle"),
        ("needle-2", "Needle2"),
        ("vert ToC1", "VertToC1"),
        ("nadel_ä", "Nadel"),
    ],
)
def test_frames_have_names_that_plus_can_take_apart(name, plus):
    (found,) = frame_names([Tool(name, "", ())]).tools.values()
    assert found.casefold() == plus.casefold()
    assert "To" not in found
    assert found[0].isupper()


def test_two_tools_of_one_name_are_refused():
    with pytest.raises(InputError, match="tool needle_2: its frame would be called Needle2"):
        frame_names([Tool("needle-2", "", ()), Tool("needle_2", "", ())])
    with pytest.raises(InputError, match="called Tracker"):
        frame_names([Tool("tracker", "", ())])
