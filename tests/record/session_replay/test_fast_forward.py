"""The state before any frame is the one that playing from the start leads to, bit for bit."""

import pytest

from nav.record.session.session_guidance import guidance_to_json
from nav.record.session_replay.fast_forward import session_before


def played(session, use, commands, start=0):
    """Play from a frame on; return what is shown after each."""
    shown = []
    for index in range(start, len(use.frames)):
        shown.append(guidance_to_json(session.step(use.frames[index])))
        for command in commands.get(index, ()):
            session.command(command)
    return shown


def same_but_for_number(one, other):
    return [{**a, "registration": None} for a in one] == [
        {**b, "registration": None} for b in other
    ]


@pytest.mark.parametrize("name", ["example", "twice"])
def test_a_jump_to_any_frame_goes_on_as_if_played_from_the_start(name, request, opened):
    setup, use = opened(request.getfixturevalue(name))
    whole = played(setup.new_session(), use, use.commands)
    assert {frame["stage"] for frame in whole} == {"register", "verify", "navigate"}
    for start in [*range(0, len(whole), 23), len(whole) - 1]:
        session = session_before(start, setup, use.commands, use.frames.__getitem__)
        rest = played(session, use, use.commands, start)
        assert same_but_for_number(rest, whole[start:]), start


def test_state_that_no_frame_shows_is_the_same_too(twice, opened):
    setup, use = opened(twice)
    session = setup.new_session()
    # before a touch, within it, after it; and everywhere else now and then
    near = {index + k for index in use.commands for k in (0, 4)}
    for index in range(len(use.frames)):
        if index not in near and index % 29:
            step(session, index, use)
            continue
        found = session_before(index, setup, use.commands, use.frames.__getitem__)
        for name in ("verified", "stage", "refuted", "doubts", "message"):
            assert getattr(found, name) == getattr(session, name), (index, name)
        assert [t.fiducial.label for t in found.touches] == [
            t.fiducial.label for t in session.touches
        ]
        assert found.pipeline.alarms.levels == session.pipeline.alarms.levels, index
        assert len(found.gathering or ()) == len(session.gathering or ())
        step(session, index, use)


def step(session, index, use):
    session.step(use.frames[index])
    for command in use.commands.get(index, ()):
        session.command(command)


def test_most_frames_need_not_be_taken_through_the_pipeline(twice, opened):
    setup, use = opened(twice)
    taken = []

    def frame(index):
        taken.append(index)
        return use.frames[index]

    last = len(use.frames) - 1
    session_before(last, setup, use.commands, frame)
    touched = 8 * sum(
        command.kind == "capture" for commands in use.commands.values() for command in commands
    )
    assert len(taken) <= touched + 1
    assert taken[-1] == last - 1
