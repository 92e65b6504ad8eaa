"""nav session report: honest, whole in one file, and the same each time."""

import re
from base64 import b64decode
from itertools import pairwise

import cv2
import numpy as np
import pytest
from mcap.opcode import Opcode

from nav import cli
from nav.core.filekinds import REPORT, SHEET, file_kind
from nav.record.session.session_format import PICTURES_FILE, SESSION_FILE
from nav.record.session.session_reader import open_session
from nav.record.session_tools.mcap_scan import scan_spans
from nav.record.session_tools.session_charts import nearest_by_role
from nav.record.session_tools.session_overview import overview
from nav.record.session_tools.session_page import alarm_limits, level_seconds
from nav.record.session_tools.session_story import read_story
from nav.record.session_tools.worst_moments import with_pictures, worst_moments
from tests.record.pose_sessions import frames_of, write_pose_session


def run(*arguments) -> int:
    with pytest.raises(SystemExit) as end:
        cli.main([str(one) for one in arguments])
    return int(end.value.code or 0)


def report(session, output) -> str:
    assert run("session", "report", session, "--output", output) == 0
    return output.read_text(encoding="utf-8")


def test_the_page_needs_nothing_from_elsewhere(sessions, tmp_path):
    page = report(sessions["pictured"], tmp_path / "report.html")
    links = re.findall(r"""(?:src|href)\s*=\s*["']([^"']*)""", page)
    assert links
    assert all(link.startswith("data:") for link in links)
    assert "http" not in re.sub(r'src="data:[^"]*"', "", page)
    assert "Research use only, not a medical device" in page
    assert file_kind(tmp_path / "report.html") == REPORT


def test_the_page_says_what_happened(sessions, tmp_path):
    page = report(sessions["ended"], tmp_path / "report.html")
    reader = open_session(sessions["ended"])
    story = read_story(reader)
    least = story.nearest("cord")
    bound = f"{least.bound[least.worst]:.1f} mm".replace("-", "−")
    for said in (bound, "Haut", "D1, D2, D3, D4", "check K1", "hidden from left", "0.00"):
        assert said in page, said
    assert "numpy" in page
    for key, digest in reader.about.items():
        if key.startswith("sha256:"):
            assert digest in page
    assert 'class="warning"' not in page


def test_a_cut_session_says_so_at_the_top(sessions, tmp_path):
    page = report(sessions["cut"], tmp_path / "report.html")
    assert page.index("The session is not complete") < page.index("<figure>")
    assert run("session", "repair", sessions["cut"]) == 0
    page = report(sessions["cut"], tmp_path / "repaired.html")
    assert page.index("has been repaired") < page.index("<figure>")


def test_what_a_repair_could_not_keep_is_said_at_the_top(sessions, tmp_path):
    path = sessions["ended"] / SESSION_FILE
    data = bytearray(path.read_bytes())
    hit = [span for span in scan_spans(bytes(data)) if span.opcode == Opcode.CHUNK][4]
    data[hit.start + 80] ^= 1
    path.write_bytes(data)
    page = report(sessions["ended"], tmp_path / "damaged.html")
    assert page.index("Damaged: ") < page.index("<figure>")
    assert run("session", "repair", sessions["ended"]) == 0
    assert overview(sessions["ended"]).state == "repaired"
    page = report(sessions["ended"], tmp_path / "repaired.html")
    assert page.index("It was repaired. Lost: ") < page.index("<figure>")


def test_a_gap_is_told_and_not_drawn_over(sessions, tmp_path):
    page = report(sessions["pictured"], tmp_path / "report.html")
    story = read_story(open_session(sessions["pictured"]))
    ((start, stop),) = story.gaps
    assert f"No frames from {start:.1f} to {stop:.1f} s" in page
    assert stop - start == pytest.approx(31 / 30, abs=1e-6)
    assert not ((story.times > start) & (story.times < stop)).any()


def test_time_without_frames_counts_for_no_level(sessions, tmp_path):
    """Whether it was danger is not known: what is known is a least time."""
    story = read_story(open_session(sessions["pictured"]))
    found, ((start, stop),) = level_seconds(story), story.gaps
    assert found["missing"] == pytest.approx(stop - start)
    assert sum(found.values()) == pytest.approx(story.times[-1] - story.times[0])
    page = report(sessions["pictured"], tmp_path / "report.html")
    assert f"unknown, without frames: {stop - start:.1f} s" in page
    assert "time in danger, at least" in page
    whole = level_seconds(read_story(open_session(sessions["ended"])))
    assert whole["missing"] == 0.0
    assert min(whole["clear"], whole["unknown"]) > 0.0
    page = report(sessions["ended"], tmp_path / "whole.html")
    assert "time in danger<" in page
    assert "without frames" not in page


def test_a_session_without_distances_is_not_shown_as_without_danger(tmp_path):
    write_pose_session(tmp_path / "s", frames_of([(None, None)] * 5))
    page = report(tmp_path / "s", tmp_path / "report.html")
    tile = re.search(r'class="tile ([a-z]*)"><span>time in danger</span><b>([^<]*)</b>', page)
    assert tile is not None
    assert tile.groups() == ("", "no data")


def test_where_there_is_no_distance_there_is_no_number(sessions):
    story = read_story(open_session(sessions["ended"]))
    near, _ = nearest_by_role(story, "cord")
    lost = ~story.tracked["needle"]
    assert lost.any()
    assert np.isnan(near.bound[lost]).all()
    assert np.isnan(near.distance[lost]).all()
    assert np.isfinite(near.bound[-1])


def test_the_nearest_moments_are_the_least_bounds_and_apart(sessions):
    story = read_story(open_session(sessions["ended"]))
    moments = worst_moments(story, most=3)
    assert moments[0].bound == np.nanmin(story.structures[0].bound)
    assert [one.bound for one in moments] == sorted(one.bound for one in moments)
    times = sorted(one.seconds for one in moments)
    assert all(b - a >= 3.0 for a, b in pairwise(times))


@pytest.mark.parametrize("kind", ["pictured", "lossless"])
@pytest.mark.parametrize("cut", [False, True])
def test_the_moments_pictures_have_the_markers_drawn_in(sessions, kind, cut):
    folder = sessions[kind]
    if cut:
        path = folder / PICTURES_FILE
        path.write_bytes(path.read_bytes()[:-400])
    reader = open_session(folder)
    (moment, *_) = with_pictures(worst_moments(read_story(reader)), reader)
    assert [one.camera for one in moment.pictures] == ["left", "right"]
    left, right = (
        cv2.imdecode(np.frombuffer(one.jpeg, np.uint8), cv2.IMREAD_COLOR) for one in moment.pictures
    )

    def coloured(image):
        return np.ptp(image.astype(int), axis=2) > 60

    assert coloured(left).any()
    assert not coloured(right).any()  # no marker was used in it
    scale = left.shape[1] / 160  # the whole picture is shown
    rows, columns = np.nonzero(coloured(left)[60:])
    assert columns.min() == pytest.approx(40 * scale, abs=2.5 + scale)
    assert columns.max() == pytest.approx(72 * scale, abs=2.5 + scale)
    assert rows.max() + 60 == pytest.approx(62 * scale, abs=2.5 + scale)
    assert b64decode(moment.pictures[0].url.split(",")[1]) == moment.pictures[0].jpeg


def test_alarm_limits_are_the_cases_or_the_set_ups(sessions):
    reader = open_session(sessions["ended"])
    assert (alarm_limits(reader)["cord"].caution, alarm_limits(reader)["cord"].danger) == (2.0, 1.0)
    reader.about["limits"] = (
        '{"by_role": {"cord": [5.0, null]}, "by_structure": {"cord": [null, 1.5]},'
        ' "fle": 0.3, "check_limit": 2.0}'
    )
    assert (alarm_limits(reader)["cord"].caution, alarm_limits(reader)["cord"].danger) == (5.0, 1.5)


def test_the_same_session_gives_the_same_page_and_a_pdf_on_request(sessions, tmp_path):
    first = report(sessions["ended"], tmp_path / "one.html")
    done = run(
        "session", "report", sessions["ended"], "--output", tmp_path / "two.html",
        "--pdf", tmp_path / "two.pdf",
    )  # fmt: skip
    assert done == 0
    assert (tmp_path / "two.html").read_text(encoding="utf-8") == first
    assert file_kind(tmp_path / "two.pdf") == SHEET


def test_names_from_files_are_text_and_not_markup(sessions, tmp_path):
    parent = sessions["ended"].parent / "<b>&x"
    parent.mkdir()
    folder = sessions["ended"].rename(parent / "2026-01-01T00-00-00-<i>")
    page = report(folder, tmp_path / "report.html")
    assert "<i>" not in page
    assert "&lt;i&gt;" in page
