"""A replay equals its recording to the bit, or a table says what differs."""

import json
import tomllib
import weakref
from dataclasses import replace

import pytest
import tomli_w

from nav.cli import main
from nav.core.errors import InputError
from nav.live.messages import Command
from nav.record.session.session_about import about_session
from nav.record.session.session_format import GUIDANCE, frame_of_json
from nav.record.session.session_reader import open_session
from nav.record.session.session_writer import SessionWriter
from nav.record.session_replay.compare_replay import compare_replay
from nav.record.session_replay.recorded_use import read_use
from nav.record.session_replay.replay_setup import ReplayOptions
from nav.record.session_replay.replay_work import open_for_replay
from nav.record.session_replay.session_unpacking import unpack
from nav.registration.registration_result import load_registration_file
from tests.record.example_session import START, write_example_session
from tests.record.session_replay.recorded_work import Recording
from tests.solids import write_box


def compared(session, **given):
    return compare_replay(ReplayOptions(session, **given))[1]


def deviation(comparison, name):
    (found,) = (d for d in comparison.deviations if d.name == name)
    return found


@pytest.fixture
def files(example, tmp_path):
    """The example's files, unpacked to be changed."""
    reader = open_session(example)
    for name, data in reader.attachments.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(data)
    return tmp_path


def change(path, edit):
    table = tomllib.loads(path.read_text())
    edit(table)
    path.write_text(tomli_w.dumps(table))
    return path


@pytest.mark.parametrize("name", ["example", "twice"])
def test_the_same_program_replays_to_the_bit(name, request):
    comparison = compared(request.getfixturevalue(name))
    assert comparison.bit_equal
    assert comparison.equal
    assert comparison.first is None
    assert comparison.frames > 100
    assert len(comparison.registrations[0]) == len(comparison.registrations[1])
    assert [stage for _, stage in comparison.stages[1]][:3] == ["register", "verify", "navigate"]
    assert {"tip in model", "bound: cord", "pose needle"} <= {d.name for d in comparison.deviations}


def test_another_needle_is_found_and_told_where_it_begins(example, files, capsys):
    def longer(table):
        table["tip"]["position"][2] += 0.5

    needle = change(files / "tools" / "needle.toml", longer)
    with pytest.raises(SystemExit) as ended:
        main(["replay", str(example), "--compare", "--tool", str(needle),
              "--output", str(files / "out.json")])  # fmt: skip
    said = capsys.readouterr()
    assert ended.value.code == 1
    assert "the replay differs from the recording, first at frame 0" in said.err
    assert "in place of what was recorded: tool 1 needle.toml" in said.out
    table = json.loads((files / "out.json").read_text())
    assert (table["equal"], table["bit_equal"], table["first"]["frame"]) == (False, False, 0)
    tip = next(d for d in table["deviations"] if d["name"] == "tip in reference")
    assert tip["largest"] == pytest.approx(0.5, abs=1e-9)
    pose = next(d for d in table["deviations"] if d["name"] == "pose needle")
    assert pose["differing"] == 0


def test_an_equal_replay_has_exit_code_0_and_prints_json(example, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["replay", str(example), "--compare", "--json"])
    assert not ended.value.code
    table = json.loads(capsys.readouterr().out)
    assert table["bit_equal"] is True
    assert table["versions"]["recorded"] == table["versions"]["replayed"]


def test_a_smaller_cord_makes_alarms_missing_and_a_larger_one_new(example, files, opened):
    case = files / "case" / "case.toml"
    write_box(case.with_name("cord.ply"), [-5.0, -5.0, -20.0], [5.0, 5.0, 10.0])
    comparison = compared(example, case=case)
    assert not comparison.equal
    assert [(s.structure, s.level) for s in comparison.missing] == [
        ("cord", "caution"),
        ("cord", "danger"),
    ]
    assert comparison.added == ()
    assert deviation(comparison, "distance: cord").largest == pytest.approx(10.0, abs=1.0)
    assert deviation(comparison, "alarm level: cord").beyond > 0
    # near it before the needle is hidden for a while, which ends an alarm
    write_box(case.with_name("cord.ply"), [-5.0, -5.0, -20.0], [5.0, 5.0, 53.5])
    assert {s.level for s in compared(example, case=case).added} == {"caution", "danger"}


def test_another_registration_takes_the_place_of_all_touches(example, files):
    made = files / "registration-1.toml"

    def moved(table):
        table["model_from_reference"]["translation"][2] += 1.0

    same = compared(example, registration=made)
    navigating = next(i for i, stage in same.stages[0] if stage == "navigate")
    assert same.stages[1] == [(0, "navigate")]
    assert deviation(same, "tip in model").largest == pytest.approx(0.0, abs=1e-9)
    off = compared(example, registration=change(made, moved))
    assert deviation(off, "tip in model").largest == pytest.approx(1.0, abs=1e-9)
    assert off.registrations[1] == []
    assert navigating > 0


def test_a_case_with_other_fiducials_needs_a_registration(example, files):
    def fewer(table):
        table["fiducial"][-1]["label"] = "elsewhere"

    case = change(files / "case" / "case.toml", fewer)
    with pytest.raises(InputError, match="has other fiducials than the recorded case"):
        compared(example, case=case)
    assert compared(example, case=case, registration=files / "registration-1.toml").frames > 100


def test_a_case_that_has_changed_on_the_disk_is_told(example, files):
    case = files / "case" / "case.toml"
    (notice,) = open_for_replay(ReplayOptions(example, case=case)).setup.notices
    assert notice.code == "replay_same_case"
    (files / "case" / "cord.ply").write_bytes((files / "case" / "cord.ply").read_bytes() + b"\n")
    (notice,) = open_for_replay(ReplayOptions(example, case=case)).setup.notices
    assert (notice.code, notice.facts["files"]) == ("replay_other_case", ("cord.ply",))


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"pictures": True}, "was recorded without images; leave out --from pictures"),
        ({"rig": "rig.toml"}, "--rig: has no effect on poses that were recorded"),
        ({"tools": "tools/reference.toml"}, "reference has no effect on poses"),
    ],
)
def test_what_would_have_no_effect_is_refused(example, files, given, problem):
    named = {k: (files / v,) if k == "tools" else files / v if v is not True else v
             for k, v in given.items()}  # fmt: skip
    with pytest.raises(InputError, match=problem):
        compared(example, **named)


def test_a_damaged_attachment_is_refused(tmp_path):
    session = write_example_session(tmp_path, steps=1)
    reader = open_session(session)
    reader.attachments["case/case.toml"] += b" "
    other = tmp_path / "other"
    writer = SessionWriter(other, about_session("poses", clock=START), reader.attachments)
    writer.about["sha256:case/case.toml"] = "0" * 64
    writer.close()
    with pytest.raises(InputError, match="holds no tracked frame"):
        compared(other)
    with pytest.raises(InputError, match=r"the attached case/case.toml is damaged"):
        unpack(session, reader.attachments, reader.about, tmp_path / "out")
    with pytest.raises(InputError, match="which is no file name"):
        unpack(session, {"../case.toml": b""}, {}, tmp_path / "out")


@pytest.mark.parametrize("name", ["x" * 300, "a\0b", "a/b"])
def test_attachments_of_impossible_names_are_refused(tmp_path, name):
    with pytest.raises(InputError, match="cannot be used"):
        unpack(tmp_path, {"a": b"", name: b""}, {}, tmp_path / "out")


def test_a_session_without_a_case_has_nothing_to_navigate(tmp_path):
    writer = SessionWriter(tmp_path / "bare", about_session("cameras", clock=START))
    writer.close()
    with pytest.raises(InputError, match="recorded without a case"):
        compared(tmp_path / "bare")


def test_a_registration_given_at_the_start_is_checked_as_it_was(example, files, tmp_path, opened):
    """What was recorded with an earlier registration begins with its check."""
    setup, _ = opened(example)
    reader = open_session(example)
    known = {**reader.attachments, "registration.toml": reader.attachments["registration-1.toml"]}
    known = {name: data for name, data in known.items() if name != "registration-1.toml"}
    registration, _ = load_registration_file(files / "registration-1.toml")
    session = replace(setup, registration=registration).new_session()
    made = Recording(tmp_path, known, session, code="known")
    use = read_use(reader)
    held = next(i for i, e in use.events if e.kind == "verification") - 7
    for number, frame in enumerate([*use.frames[held : held + 8], *use.frames[-5:]]):
        frame = replace(frame, number=number, time=number / 30.0)
        made.frame(frame, session.step(frame))
        if number == 0:
            session.command(Command("capture"))
            made.command(Command("capture"))
    comparison = compared(made.close())
    assert comparison.bit_equal
    assert comparison.stages[1][0] == (0, "verify")


@pytest.mark.parametrize("option", ["--json", "--output"])
def test_options_of_the_table_need_it(example, tmp_path, option, capsys):
    given = [option] if option == "--json" else [option, str(tmp_path / "out.json")]
    with pytest.raises(SystemExit) as ended:
        main(["replay", str(example), *given])
    assert ended.value.code == 2
    assert f"{option} goes with --compare" in capsys.readouterr().err


def test_frames_are_forgotten_when_they_are_compared(example, monkeypatch):
    """A session of any length fits into memory."""
    read, alive = [], []

    def kept(table):
        frame = frame_of_json(table)
        read.append(weakref.ref(frame))
        return frame

    monkeypatch.setattr("nav.record.session_replay.recorded_use.frame_of_json", kept)
    _, comparison = compare_replay(
        ReplayOptions(example),
        lambda done, of: alive.append(sum(each() is not None for each in read)),
    )
    assert comparison.bit_equal
    assert len(read) == len(alive) == comparison.frames > 100
    assert max(alive) <= 3


def test_frames_whose_numbers_come_again_keep_what_was_shown(tmp_path, example, opened):
    """A tracker that was started anew counts from 0 again."""
    _, use = opened(example)
    writer = SessionWriter(tmp_path / "again", about_session("poses", clock=START))
    for index in (60, 61, 60, 61):
        writer.frame(use.frames[index])
        shown = {**use.guidance[index], "registration": writer.totals.frames}
        writer._add(GUIDANCE, shown, START.utc_ns)
    writer.event("command", "capture", {"argument": ""}, at=START.monotonic + 3)
    writer.close()
    again = read_use(open_session(tmp_path / "again"))
    assert [again.guidance[k]["registration"] for k in range(4)] == [1, 2, 3, 4]
    assert list(again.commands) == [3]


def test_an_equal_replay_of_a_cut_session_says_that_it_is_cut(tmp_path, capsys):
    session = write_example_session(tmp_path, steps=1, ended=False)
    with pytest.raises(SystemExit) as ended:
        main(["replay", str(session), "--compare"])
    assert not ended.value.code
    assert "of a recording that is not complete" in capsys.readouterr().out.splitlines()[-1]
