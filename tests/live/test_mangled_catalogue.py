"""Nothing but the words changes with the catalogue: no code reads a sentence."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from nav.live.messages import Stage, Update
from nav.live.session import State
from nav.registration.registration_result import Registration
from nav.text.catalogue import ENGLISH, TEMPLATES
from nav.text.template import Parts, Plural, Template
from nav.view.live_display import DisplayState
from nav.view.live_state import display
from tests.live.test_session import CHECKS, KNOWN, POSITIONS, Work

NOW = 100.0
# what is done, and how far beside its place a fiducial is touched, mm
OFFSETS = st.sampled_from([0.0, 0.2, 4.0, 30.0])
ACTIONS = st.one_of(
    st.tuples(st.sampled_from(["undo", "skip", "capture", "lose", "wait"]), st.just(0.0)),
    st.tuples(st.just("touch"), OFFSETS),
    st.tuples(st.sampled_from(["left", "right", "nowhere"]), st.just(0.0)),
)
BEGIN = [("touch", 0.0)] * len(POSITIONS)
MANGLES = st.sampled_from(["", ": ", "INSIDE 3", "geometry doubtful: x", "repeat: ; , LOST lost"])


@contextmanager
def mangled(to: str) -> Iterator[None]:
    """Replace every sentence."""
    before = ENGLISH.templates
    ENGLISH.templates = {code: _mangled(template, to) for code, template in TEMPLATES.items()}
    try:
        yield
    finally:
        ENGLISH.templates = before


def _mangled(template: Template, to: str) -> Template:
    if isinstance(template, Parts):
        return Parts(to, template.headline)
    return Plural(to, to, template.by) if isinstance(template, Plural) else to


def run(actions, known: Registration | None) -> tuple[list[State], Work]:
    work = Work(registration=known)
    states = [work.now()]
    for action, off in actions:
        label = states[-1].next_fiducial
        if action == "touch" and label is not None:
            states.append(work.touch(label, np.array([0.0, 0.6, 0.8]) * off))
        elif action == "lose":
            work.ask("capture")
            states.append(work.step(None))
        elif action in ("left", "right", "nowhere"):
            work.ask("plan", action)
        elif action in ("undo", "skip", "capture"):
            work.ask(action)
        states.append(work.now())
    return states, work


def without_words(state: DisplayState) -> tuple:
    """Everything that the window decides, and no word of it."""
    gauges = [
        (g.role, g.level, g.distance, g.lower, g.caution, g.danger, g.full, g.why is None)
        for g in state.gauges.values()
    ]
    tip = None if state.scene.tip is None else tuple(state.scene.tip)
    segments = [(s.role, s.level, tuple(s.end)) for s in state.scene.segments]
    return (
        state.live,
        None if state.banner is None else state.banner.alarming,
        state.stage,
        gauges,
        [(line.role, line.text) for line in state.ahead],
        state.target.why is None,
        [(light.status, light.says_status) for light in state.lights],
        (tip, segments, state.scene.plan, state.scene.fiducials, state.scene.wanted),
        state.notices,
    )


def shown(states: list[State], work: Work) -> list[tuple]:
    updates = [
        Update(
            s.guidance, NOW, NOW, (), (), s.stage, s.prompt, 30.0, 0.02, work.session.doubts,
            next_fiducial=s.next_fiducial,
        )
        for s in states
    ]  # fmt: skip
    return [without_words(display(work.case, update, NOW, True)) for update in updates]


@settings(deadline=None, max_examples=60)
@given(
    st.lists(ACTIONS, max_size=6),
    st.booleans(),
    st.sampled_from([None, KNOWN]),
    MANGLES,
)
def test_session_pipeline_and_window_decide_alike_whatever_the_sentences(
    actions, begun, known, words
):
    actions = [*(BEGIN if begun and known is None else []), *actions]
    states, work = run(actions, known)
    expected = shown(states, work)
    with mangled(words):
        again, other = run(actions, known)
        found = shown(again, other)
    assert found == expected
    for one, two in zip(states, again, strict=True):
        assert (one.stage, one.next_fiducial) == (two.stage, two.next_fiducial)
        assert (one.prompt, one.message) == (two.prompt, two.message)
        assert one.guidance.alarms == two.guidance.alarms
        assert type(one.guidance.proximity) is type(two.guidance.proximity)
    assert (work.session.refuted, work.session.doubts) == (
        other.session.refuted,
        other.session.doubts,
    )


def test_such_a_run_reaches_navigation_and_refusal():
    """So that the test above compares more than the first prompt."""
    touched, work = run([*BEGIN, *[("touch", 0.0)] * len(CHECKS)], None)
    assert touched[-1].stage is Stage.NAVIGATE
    assert work.pipeline.registration is not None
    refuted, _ = run([*BEGIN, ("touch", 30.0)], None)
    assert refuted[-1].stage is Stage.VERIFY
    assert refuted[-1].prompt.code == "touch_check_again"
