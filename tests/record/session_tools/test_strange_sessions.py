"""Sessions whose checksums agree and whose content is not ours: told in one line, never a crash."""

import json
from contextlib import suppress
from dataclasses import replace
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mcap.writer import Writer
from rich.console import Console

from nav.core.errors import IncompleteInput, InputError
from nav.record.session.session_about import about_session
from nav.record.session.session_format import FRAME, SESSION_FILE, SessionEvent
from nav.record.session.session_reader import open_session
from nav.record.session.session_schemas import SCHEMAS
from nav.record.session_export.session_content import SessionContent
from nav.record.session_replay.recorded_use import read_use
from nav.record.session_tools.event_words import event_words
from nav.record.session_tools.session_check import check_session
from nav.record.session_tools.session_list import list_sessions
from nav.record.session_tools.session_repair import repair_session
from nav.record.session_tools.session_report import report_session
from nav.record.session_tools.session_show import show_session
from nav.record.session_totals import TOTALS
from tests.record.example_session import START
from tests.record.pose_sessions import CLOCK, frames_of, write_pose_session

values = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 2**70) | st.floats() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner),
    max_leaves=5,
)


def write(folder: Path, messages: list[tuple[str, object]], extra=None, ended: bool = True) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / SESSION_FILE).open("wb") as stream:
        writer = Writer(stream)
        writer.start("", "c1c2nav 0.2.0")
        about = about_session("poses", "odd", clock=START) | (extra or {})
        writer.add_metadata("c1c2nav", about)
        channels = {
            topic: writer.register_channel(
                topic, "json", writer.register_schema(name, "jsonschema", schema)
            )
            for topic, (name, schema) in SCHEMAS.items()
        }
        for number, (topic, message) in enumerate(messages):
            at = START.utc_ns + number * 10_000_000
            writer.add_message(channels[topic], at, json.dumps(message).encode(), at)
        if ended:
            writer.finish()
        else:
            writer.flush()


def tried(folder: Path) -> None:
    """Whatever is in a session, the tools end with a line at most, and leave it as it was."""
    quiet = Console(file=StringIO(), width=10_000)
    session = folder / "s"
    before = (session / SESSION_FILE).read_bytes()
    for work in (
        lambda: list_sessions(folder, "start", False, quiet),
        lambda: list_sessions(folder, "bound", True, quiet),
        lambda: show_session(session, quiet),
        lambda: check_session(session, None, quiet),
        lambda: report_session(session, folder / "r.html", None, quiet),
    ):
        with suppress(InputError, IncompleteInput):
            work()
    assert (session / SESSION_FILE).read_bytes() == before
    with suppress(InputError, IncompleteInput):
        repair_session(session, None, quiet)
    assert before in {file.read_bytes() for file in session.iterdir()}  # repaired beside it


@pytest.fixture(scope="module")
def good(recorded_once):
    """Messages that a session has, to be spoilt."""
    messages = open_session(recorded_once["ended"]).messages("/frame", "/guidance", "/event")
    return [(one.topic, json.loads(json.dumps(one.data))) for one in messages][60:90]


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(list(SCHEMAS)), values), max_size=4), st.booleans())
def test_messages_of_any_content(messages, ended):
    with TemporaryDirectory() as folder:
        write(Path(folder) / "s", messages, ended=ended)
        tried(Path(folder))


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_good_messages_with_something_else_in_them(good, drawn):
    messages = json.loads(json.dumps(good))
    table = messages[drawn.draw(st.integers(0, len(messages) - 1))][1]
    while True:
        key = drawn.draw(st.sampled_from(sorted(table)))
        inner = table[key]
        if isinstance(inner, list) and inner and isinstance(inner[0], dict):
            inner = inner[0]
        if not isinstance(inner, dict) or not inner or drawn.draw(st.booleans()):
            break
        table = inner
    table[key] = drawn.draw(values)
    with TemporaryDirectory() as folder:
        write(Path(folder) / "s", [tuple(one) for one in messages])
        tried(Path(folder))


@settings(max_examples=12, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(["code", "started_utc", "limits", "source", "sha256:rig.toml", "made_by"]),
        st.text(max_size=20),
        min_size=1,
    )
)
def test_heads_of_any_content(good, about):
    with TemporaryDirectory() as folder:
        write(Path(folder) / "s", [tuple(one) for one in good], about)
        tried(Path(folder))


@settings(max_examples=25, deadline=None)
@given(st.dictionaries(st.sampled_from(["frames", "least", "events", "first"]), values))
def test_totals_of_any_content(changed):
    with TemporaryDirectory() as folder:
        (Path(folder) / "s").mkdir()
        with (Path(folder) / "s" / SESSION_FILE).open("wb") as stream:
            writer = Writer(stream)
            writer.start("", "c1c2nav 0.2.0")
            writer.add_metadata("c1c2nav", about_session("poses", "odd", clock=START))
            totals = {"frames": 3, "complete": 1, "tracked": {}, "least": {}, "events": {},
                      "pictures": {}, "first": 1, "last": 5} | changed  # fmt: skip
            writer.add_metadata(TOTALS, {name: json.dumps(one) for name, one in totals.items()})
            writer.finish()
        quiet = Console(file=StringIO(), width=10_000)
        list_sessions(Path(folder), "bound", False, quiet)
        list_sessions(Path(folder), "start", True, quiet)


def test_nothing_from_a_session_controls_the_terminal(tmp_path):
    mark = {"kind": "mark", "code": "", "facts": {"text": "\x1b[2Jgone\nnext"}, "number": None}
    write(tmp_path / "s", [("/event", mark)], {"code": "\x1b]0;title\x07"})
    text = StringIO()
    quiet = Console(file=text, width=10_000)
    list_sessions(tmp_path, "start", False, quiet)
    show_session(tmp_path / "s", quiet)
    assert "gone" in text.getvalue()
    assert "\x1b" not in text.getvalue()
    assert "\x07" not in text.getvalue()


def test_what_looks_like_markup_is_text(tmp_path):
    mark = {"kind": "mark", "code": "", "facts": {"text": "[/x] [bold]skin"}, "number": None}
    event = {"kind": "recorder", "code": "[/y]", "facts": {}, "number": None}
    write(tmp_path / "s", [("/event", mark), ("/event", event)], {"code": "[red]"})
    text = StringIO()
    quiet = Console(file=text, width=10_000)
    list_sessions(tmp_path, "start", False, quiet)
    show_session(tmp_path / "s", quiet)
    with suppress(IncompleteInput):
        check_session(tmp_path / "s", None, quiet)
    for said in ("[/x] [bold]skin", "[/y]", "[red]"):
        assert said in text.getvalue()


@pytest.mark.parametrize("times", [[2.0, 1.0, 0.5], [1.0, 1.0, 1.0]])
def test_times_that_do_not_go_on_give_no_rate(tmp_path, times):
    frames = frames_of([(None, None)] * 3)
    frames = [
        replace(frame, captured_at=CLOCK.monotonic + at)
        for frame, at in zip(frames, times, strict=True)
    ]
    session = write_pose_session(tmp_path / "s", frames)
    text = StringIO()
    quiet = Console(file=text, width=10_000)
    show_session(session, quiet)
    assert "3 frames\n" in text.getvalue()
    report_session(session, tmp_path / "r.html", None, quiet)
    assert "per second" not in (tmp_path / "r.html").read_text()


@pytest.mark.parametrize(
    ("kind", "code", "facts"),
    [
        ("verification", "touched", {"limit_mm": []}),
        ("registration", "made", {"labels": 1.5}),
        ("alarm", "level_danger", {"structure": "cord", "bound_mm": "x"}),
    ],
)
def test_events_that_were_changed_are_told_as_they_are(kind, code, facts):
    assert code.split("_")[-1] in event_words(SessionEvent(kind, code, facts))


@pytest.mark.parametrize("field", ["number", "time", "captured_at"])
@pytest.mark.parametrize("value", [{"$float": "inf"}, 10**400], ids=["infinite", "huge"])
def test_numbers_too_large_for_any_frame(good, field, value):
    messages = json.loads(json.dumps(good))
    frame = next(table for topic, table in messages if topic == FRAME)
    frame[field] = value
    with TemporaryDirectory() as folder:
        write(Path(folder) / "s", [tuple(one) for one in messages])
        tried(Path(folder))
        for work in (
            lambda: read_use(open_session(Path(folder) / "s")),
            lambda: list(SessionContent(Path(folder) / "s").frames()),
        ):
            with suppress(InputError):
                work()
