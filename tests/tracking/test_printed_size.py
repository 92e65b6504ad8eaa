"""Tools printed at another scale than their files say: found, said, or within the covariance."""

import io
from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from scipy.spatial.transform import RigidTransform

from nav.camera.rig import Rig
from nav.core.errors import InputError, Lost
from nav.core.frames import Pose
from nav.core.notice import Notice
from nav.core.tracked_frame import TrackedFrame, TrackedTool
from nav.record.pose_table import PosesWriter
from nav.tracking.plausible_tool import check_tool
from nav.tracking.tip import tip_in_reference
from nav.tracking.tool import UNCHECKED_SCALE_SD, Marker, Tool, load_tool, write_tool
from nav.tracking.tracker import Tracker
from phantoms.twin.sensor import Optics
from phantoms.twin.simulated_bodies import Placed
from phantoms.twin.simulated_tools import needle_body
from tests.said import codes, noticed
from tests.synthetic import Studio, needle_poses, rigid_transforms, vectors
from tests.tracking.expect import seen, squared, tip_of, tip_off

CLEAN = Optics(blur=0.8, noise=2.0, gradient=(0.02, -0.02))


def places(count: int, seed: int = 3) -> list[RigidTransform]:
    return list(needle_poses(count, np.random.default_rng(seed)))


def file_of(tool: Tool, scale: float, scale_sd: float | None) -> Tool:
    """The file of a tool whose print is larger than that by a factor; the tip is where it is."""
    markers = tuple(Marker(m.id, m.corners / scale) for m in tool.markers)
    return replace(tool, markers=markers, scale_sd=scale_sd)


def tracked(rig: Rig, tool: Tool, drawn: Tool, at: list[RigidTransform]) -> list[TrackedFrame]:
    """The tool by its file in pictures of what was printed, searched anew in each."""
    studio, found = Studio(rig, CLEAN, 8), []
    for place in at:
        with closing(Tracker(rig, [tool])) as tracker:
            found.append(tracker.track(studio.frames([Placed(needle_body(drawn), place)])))
    return found


@pytest.mark.parametrize("scale", [0.99, 1.005])
def test_with_one_camera_the_print_is_a_distance_and_within_the_covariance(
    one_camera, needle, scale
):
    at, by_file = places(4), file_of(needle, scale, None)
    (eye,) = (camera.camera_from_rig.inv().translation for camera in one_camera.cameras)
    for place, frame in zip(at, tracked(one_camera, by_file, needle, at), strict=True):
        found = seen(frame, "needle")
        off = found.rig_from_tool.transform.translation - place.translation
        towards = eye - place.translation
        assert off == pytest.approx((scale - 1) * towards / scale, abs=0.1)
        expected = UNCHECKED_SCALE_SD * towards
        assert found.size_error[:3] == pytest.approx(expected, rel=0.02, abs=0.01)
        assert found.size_error[3:] == pytest.approx(np.zeros(3), abs=1e-6)
        total = squared(tip_off(frame, by_file, place), tip_of(frame, by_file).covariance)
        assert np.sqrt(total) < 2.5 * max(1.0, abs(scale - 1) / UNCHECKED_SCALE_SD)
        assert found.warnings[0].code == "size_not_checked"


def test_a_checked_print_is_not_doubted_and_uncertain_as_its_file_says(one_camera, needle):
    by_file, at = replace(needle, scale_sd=0.0005), places(3)
    for place, frame in zip(at, tracked(one_camera, by_file, needle, at), strict=True):
        found = seen(frame, "needle")
        assert found.warnings == ()
        sd = np.sqrt(np.trace(found.systematic[:3, :3]))
        assert sd == pytest.approx(0.0005 * np.linalg.norm(place.translation), rel=0.05)
        assert found.tip_scale_sd == 0.0005


def test_two_cameras_need_no_ruler(rig, needle):
    at, by_file = places(4), replace(needle, scale_sd=None)
    exact = tracked(rig, replace(needle, scale_sd=0.0), needle, at)
    for frame, plain in zip(tracked(rig, by_file, needle, at), exact, strict=True):
        found = seen(frame, "needle")
        assert found.warnings == ()
        assert found.tip_scale_sd == 0.0
        assert np.sqrt(np.trace(tip_of(frame, by_file).systematic)) < 0.05
        assert not seen(plain, "needle").systematic.any()
        assert tip_of(frame, by_file).position == pytest.approx(tip_of(plain, needle).position)


@pytest.mark.parametrize("scale_sd", [None, 0.0005])
@pytest.mark.parametrize("scale", [0.99, 1.01])
def test_two_cameras_find_another_scale_and_say_so(rig, needle, scale, scale_sd):
    at, by_file = places(4), file_of(needle, scale, scale_sd)
    code = "printed_smaller" if scale < 1 else "printed_larger"
    for place, frame in zip(at, tracked(rig, by_file, needle, at), strict=True):
        found = seen(frame, "needle")
        (wrong,) = noticed(found.warnings, code)
        assert wrong.facts == {"tool": "needle", "percent": 1.0}
        off = tip_off(frame, by_file, place)
        assert np.linalg.norm(off) < 0.3
        assert squared(off, tip_of(frame, by_file).covariance) < 25.0


@pytest.mark.parametrize(("scale", "doubted"), [(1.0, False), (0.98, True)])
def test_what_two_cameras_saw_of_the_size_is_known_when_one_is_left(rig, needle, scale, doubted):
    by_file, place = file_of(needle, scale, None), places(1)[0]
    studio = Studio(rig, CLEAN, 8)
    shown = [Placed(needle_body(needle), place)]
    with closing(Tracker(rig, [by_file])) as tracker:
        tracker.track(studio.frames(shown))
        found = seen(
            tracker.track(
                studio.frames(shown, {"right": Notice("camera_absent", {"camera": "right"})})
            ),
            "needle",
        )
    sd = np.linalg.norm(found.size_error[:3]) / np.linalg.norm(place.translation)
    if doubted:
        assert sd == pytest.approx(0.02, rel=0.25)
        (other,) = noticed(found.warnings, "size_seen_otherwise")
        assert other.facts["cameras"] == ("left",)
    else:
        assert sd < 0.001
        assert "size_not_checked" not in codes(found.warnings)


def at_distance(pose: RigidTransform, sd: float, print_name: str | None) -> TrackedTool:
    """A tool that one camera at the rig's origin sees."""
    by_size = np.r_[-sd * pose.translation, np.zeros(3)]
    random = np.diag([1e-4] * 3 + [1e-8] * 3)
    systematic_covariance = np.outer(by_size, by_size)
    return TrackedTool(
        Pose(pose, random),
        (1,),
        0.02,
        {},
        (),
        systematic_covariance,
        ("left",),
        by_size,
        sd,
        print_name,
    )


@given(rigid_transforms(300.0), rigid_transforms(300.0), vectors(100.0))
def test_tools_of_one_print_share_its_scale(needle_pose, reference_pose, tip):
    for one in (True, False):
        names = ("sheet", "sheet") if one else ("sheet", "other")
        tools = {
            "needle": at_distance(needle_pose, 0.01, names[0]),
            "reference": at_distance(reference_pose, 0.01, names[1]),
        }
        pose = TrackedFrame(0, 0.0, tools).systematic_pose("needle", "reference")
        assert not isinstance(pose, Lost)
        turn = reference_pose.rotation.inv().as_matrix()
        apart = needle_pose.translation - reference_pose.translation
        if one:
            expected = 1e-4 * np.outer(apart, apart)
        else:
            expected = 1e-4 * sum(
                np.outer(p.translation, p.translation) for p in (needle_pose, reference_pose)
            )
        found = pose.apply(tip)[1]
        # a shift by the scale shifts every point alike
        assert found == pytest.approx(turn @ expected @ turn.T, abs=1e-6)
        assert np.linalg.eigvalsh(pose.covariance).min() > -1e-9


def test_the_tips_own_place_depends_on_the_print_too(needle):
    """A tip calibrated with one camera is off along the shaft by the same share."""
    sd = 0.01
    far = RigidTransform.from_translation([0.0, 0.0, 600.0])
    beside = RigidTransform.from_translation([-100.0, 0.0, 600.0])
    tools = {
        "needle": at_distance(far, sd, "a"),
        "reference": at_distance(beside, sd, "a"),
    }
    frame = TrackedFrame(0, 0.0, tools)
    tip = tip_in_reference(frame, needle, "reference")
    assert not isinstance(tip, Lost)
    position = needle.tip.position
    apart = np.array([100.0, 0.0, 0.0])
    expected = sd**2 * (np.outer(apart, apart) + np.outer(position, position))
    assert tip.systematic == pytest.approx(expected)
    table = io.StringIO()
    PosesWriter(table, [needle], "reference").write(frame)
    header, row = (line.split(",") for line in table.getvalue().splitlines())
    columns = dict(zip(header, row, strict=True))
    upper = [(i, j) for i in range(3) for j in range(i, 3)]
    for (i, j), name in zip(upper, ("xx", "xy", "xz", "yy", "yz", "zz"), strict=True):
        assert float(columns[f"tip_s{name}"]) == pytest.approx(expected[i, j], rel=1e-4)


def test_the_file_keeps_how_well_the_size_is_known(tmp_path, needle):
    path = tmp_path / "needle.toml"
    for scale_sd, name in ((None, None), (0.0, "a"), (0.0005, "sheet of Monday")):
        write_tool(path, replace(needle, scale_sd=scale_sd, print_name=name))
        read = load_tool(path)
        assert (read.scale_sd, read.print_name) == (scale_sd, name)
        assert read.size_sd == (UNCHECKED_SCALE_SD if scale_sd is None else scale_sd)
        assert read.warnings == ()


@pytest.mark.parametrize("line", ['scale_sd = "0.1 %"', "scale_sd = -0.001", 'print = ""'])
def test_what_is_no_share_is_refused(tmp_path, needle, line):
    path = tmp_path / "needle.toml"
    write_tool(path, replace(needle, scale_sd=None))
    text = path.read_text()
    path.write_text(text.replace("quiet =", f"{line}\nquiet =", 1))
    with pytest.raises(InputError, match=line.split()[0]):
        load_tool(path)


def test_percent_are_recognised(needle):
    (said,) = check_tool(replace(needle, scale_sd=0.05), "needle.toml")
    assert said == (
        "needle.toml: scale_sd: 0.05 of the size is 5 %; is it in percent? Write 0.0005 for 0.05 %"
    )
    with pytest.raises(InputError, match=r"scale_sd: 0\.3 of the size is 30 %"):
        check_tool(replace(needle, scale_sd=0.3), "needle.toml")
