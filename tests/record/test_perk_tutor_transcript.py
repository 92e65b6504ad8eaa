"""Transcripts of Perk Tutor: transforms and times as they were written, damage in one line."""

from xml.sax.saxutils import quoteattr

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nav.core.errors import InputError, Lost
from nav.record.perk_tutor_transcript import PerkTutorTranscript
from nav.record.recorded_poses import open_recorded_poses
from nav.tracking.pose_source import StatedErrors
from tests.reference_data import reference_data
from tests.synthetic import rigid_transforms

STATED = StatedErrors(0.2, 0.003)
TOOLS = ("stylus", "reference")


def entry(time: float, device: str, matrix) -> str:
    numbers = " ".join(repr(float(number)) for number in np.asarray(matrix).ravel())
    whole = int(time // 1)
    return (
        f'  <log TimeStampSec="{whole}" TimeStampNSec="{round((time - whole) * 1e9)}" '
        f'type="transform" DeviceName={quoteattr(device)} transform="{numbers} " />'
    )


def message(text: str) -> str:
    return f'  <log TimeStampSec="7" TimeStampNSec="5" type="message" message="{text}" />'


def written(folder, *entries: str, start="<TransformRecorderLog>", end="</TransformRecorderLog>"):
    path = folder / "transcript.xml"
    path.write_text("\n".join([start, *entries, end, ""]), encoding="utf-8")
    return path


def still(device: str = "StylusToReference") -> list[str]:
    return [entry(7.0 + 0.1 * k, device, np.eye(4)) for k in range(3)]


def problem(path, tools=TOOLS) -> str:
    with pytest.raises(InputError) as told:
        PerkTutorTranscript(path, tools, STATED)
    line = str(told.value)
    assert line.startswith(f"{path}: ")
    assert "\n" not in line
    return line.removeprefix(f"{path}: ")


@given(
    st.lists(st.tuples(rigid_transforms(), rigid_transforms()), min_size=1, max_size=6),
    st.randoms(use_true_random=False),
)
@settings(deadline=None, max_examples=40)
def test_poses_and_times_come_back_in_any_order_of_entries(tmp_path_factory, poses, order):
    entries = [
        line
        for k, (a, b) in enumerate(poses)
        for line in (
            entry(3.0 + 0.1 * k, "StylusToRAS", a.as_matrix()),
            entry(3.004 + 0.1 * k, "ReferenceToRAS", b.as_matrix()),
        )
    ]
    order.shuffle(entries)
    source = PerkTutorTranscript(written(tmp_path_factory.mktemp("xml"), *entries), TOOLS, STATED)
    assert len(source) == len(poses)
    for _ in range(2):  # again from the start
        for k, ((a, b), tracked) in enumerate(zip(poses, source, strict=True)):
            assert tracked.time == pytest.approx(3.0 + 0.1 * k, abs=1e-8)
            relative = tracked.pose("stylus", "reference").transform.as_matrix()
            assert relative == pytest.approx((b.inv() * a).as_matrix(), abs=1e-8)
            stylus = tracked.tools["stylus"]
            assert stylus.systematic == pytest.approx(
                STATED.covariance(stylus.rig_from_tool.transform)
            )


def test_the_tool_of_the_common_frame_is_its_origin(tmp_path):
    first, *_ = open_recorded_poses(written(tmp_path, *still()), TOOLS, STATED)
    reference = first.tools["reference"]
    assert reference.rig_from_tool.transform.as_matrix() == pytest.approx(np.eye(4))
    assert not reference.systematic.any()


def test_a_tool_without_a_sample_near_in_time_is_lost(tmp_path):
    entries = [*still("StylusToRAS"), *still("ReferenceToRAS")[:1]]
    first, second, third = PerkTutorTranscript(written(tmp_path, *entries), TOOLS, STATED)
    assert first.tools["reference"]
    assert second.tools["reference"] == Lost("not_reported", {"tool": "reference"})
    assert third.tools["stylus"]


@pytest.mark.parametrize("text", ["needle &amp; probe", "needle & probe", "a < b", 'the "dura"'])
def test_messages_may_be_escaped_or_not(tmp_path, text):
    path = written(tmp_path, message(text), *still())
    assert len(PerkTutorTranscript(path, TOOLS, STATED)) == 3


def test_entity_bombs_and_any_declaration_are_refused(tmp_path):
    bomb = (
        '<?xml version="1.0"?>\n<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">\n'
        '<!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>\n<TransformRecorderLog>'
    )
    assert "document type declaration" in problem(written(tmp_path, *still(), start=bomb))
    external = '<!DOCTYPE x SYSTEM "/etc/passwd">\n<TransformRecorderLog>'
    line = problem(written(tmp_path, *still(), start=external))
    assert line.startswith("line 1: has a document type declaration")


@pytest.mark.parametrize(
    ("matrix", "said"),
    [
        (np.diag([2.0, 2.0, 2.0, 1.0]), "scales"),
        (np.diag([-1.0, 1.0, 1.0, 1.0]), "mirrors"),
        (np.full((4, 4), np.nan), "finite number, got nan"),
        (np.eye(3), "16 numbers, got 9"),
    ],
)
def test_a_matrix_that_is_not_rigid_is_refused(tmp_path, matrix, said):
    line = problem(written(tmp_path, *still(), entry(8.0, "StylusToReference", matrix)))
    assert line.startswith("line 5: ")
    assert said in line


@given(st.floats(0.0, 1.0))
@settings(deadline=None, max_examples=40)
def test_a_transcript_that_was_cut_is_refused_wherever(tmp_path_factory, share):
    path = written(tmp_path_factory.mktemp("cut"), *still())
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * (len(whole) - 2))])
    problem(path)


def test_other_xml_and_missing_parts_are_named(tmp_path):
    assert "got <MRML>" in problem(written(tmp_path, start="<MRML>", end="</MRML>"))
    assert "has no transforms" in problem(written(tmp_path, message("start")))
    without = still()[0].replace('DeviceName="StylusToReference"', "")
    assert "line 2: DeviceName: is missing" in problem(written(tmp_path, without))
    timeless = still()[0].replace('TimeStampSec="7"', "")
    assert "line 2: TimeStampSec: expected a number" in problem(written(tmp_path, timeless))
    assert "it has StylusToReference" in problem(written(tmp_path, *still()), ("probe",))
    with pytest.raises(InputError, match="--position-sd and --rotation-sd-deg"):
        PerkTutorTranscript(written(tmp_path, *still()), TOOLS)


def test_a_real_transcript_of_perk_tutor_is_read():
    path = (
        reference_data("tracker", "perktutor") / "Lumbar" / "TransformBuffer_Lumbar_Anonymous.xml"
    )
    frames = list(PerkTutorTranscript(path, ("StylusTip", "Probe"), STATED))
    assert len(frames) == 485
    assert (frames[0].time, frames[-1].time) == pytest.approx((7.256, 55.087))
    assert all(frame.pose("StylusTip", "Probe") for frame in frames)
    stylus = frames[0].tools["StylusTip"].rig_from_tool.transform
    assert stylus.translation == pytest.approx([-200.297, 74.7858, -165.368])
