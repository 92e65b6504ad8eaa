"""Nothing lost, late or unknown becomes a number; what is shown is what was measured."""

import math
import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import RigidTransform

from nav.core.errors import Lost
from nav.core.frames import Pose
from nav.core.notice import Notice
from nav.core.tracked_frame import Tip, TrackedFrame, TrackedTool
from nav.guidance.alarms import AlarmState, Level
from nav.guidance.proximity import PlanDeviation, Proximity, StructureProximity
from nav.live.messages import Ended, Stage, Update
from nav.pipeline import NOT_REGISTERED, Guidance
from nav.view.live_state import display
from nav.view.pace import STALE_AFTER
from nav.view.words import MINUS
from tests.view.window_scripts import Script, lost_because, said, simple_case

CASE = simple_case()
NOW = 500.0
NAMES = {s.name: s.role for s in CASE.structures}

millimetres = st.floats(-20.0, 60.0)
maybe_broken = st.one_of(millimetres, st.sampled_from([math.nan, math.inf, -math.inf]))
reasons = st.sampled_from(["markers hidden", "too few markers", ""])
losses = st.one_of(st.none(), reasons.map(lost_because))


@st.composite
def structures(draw, numbers=millimetres):
    found = []
    for name, role in NAMES.items():
        distance = draw(numbers)
        bound = distance - draw(st.floats(0.0, 3.0)) if numbers is millimetres else draw(numbers)
        ahead = draw(st.one_of(st.none(), st.floats(0.0, 80.0)))
        found.append(StructureProximity(name, role, distance, np.zeros(3), 0.3, bound, ahead))
    return Proximity(tuple(found))


@st.composite
def guidances(draw, numbers=millimetres):
    """Guidance that need not make sense: levels, losses and numbers are drawn apart."""
    tools = {}
    for name in ("needle", "reference"):
        lost = draw(losses)
        doubtful = (Notice("geometry_doubtful", {"corners_px": 0.2}),)
        warnings = draw(st.sampled_from([(), doubtful]))
        seen = TrackedTool(Pose(RigidTransform.identity()), (1, 2), 0.1, {}, warnings)
        tools[name] = seen if lost is None else lost
    tip = Tip(np.zeros(3), np.array([1.0, 0.0, 0.0]), np.eye(3), np.eye(3))
    near = draw(st.one_of(structures(numbers), losses.filter(bool), st.just(NOT_REGISTERED)))
    plan = PlanDeviation("left lateral", draw(numbers), draw(numbers), draw(numbers), 0.1, 0.4)
    levels = {
        name: draw(st.sampled_from(list(Level)))
        for name, role in NAMES.items()
        if role in ("artery", "cord") and draw(st.integers(0, 9))
    }
    model = draw(st.sampled_from([tip, tip, tip, NOT_REGISTERED]))
    frame = TrackedFrame(1, NOW, tools, draw(st.sampled_from([{}, {"left": said("unplugged")}])))
    return Guidance(1, NOW, frame, tip, model, near, plan, AlarmState(levels))


def update_of(guidance, captured_at=NOW, **changes):
    base = Update(guidance, captured_at, captured_at, (), (), Stage.NAVIGATE, None, 60.0, 0.02)
    return replace(base, **changes)


def measured_texts(state):
    """All texts that would be a measurement of the tip."""
    texts = []
    for gauge in state.gauges.values():
        texts += [gauge.value, gauge.bound]
        texts += ["1"] if gauge.distance is not None or gauge.lower is not None else []
    texts += [line.text for line in state.ahead]
    target = state.target
    texts += [target.distance, target.off_axis, target.angle, target.spread]
    texts += [segment.text for segment in state.scene.segments]
    texts += ["1"] if state.scene.tip is not None or state.scene.heading is not None else []
    return texts


def shows_a_number(state):
    return any(re.search(r"\d", text) for text in measured_texts(state))


def levels_of(guidance, role):
    """What the alarms say of a role, and danger inside of a structure."""
    found = {s.name: s for s in guidance.proximity.structures if s.role == role}
    return [
        Level.DANGER if s.distance < 0 else guidance.alarms.levels.get(name, Level.UNKNOWN)
        for name, s in found.items()
    ]


@given(guidances(maybe_broken), st.floats(0.3001, 1e5), st.booleans())
def test_a_late_update_shows_no_number(guidance, late, alive):
    state = display(CASE, update_of(guidance, NOW - late), NOW, alive)
    assert not shows_a_number(state)
    assert not state.live
    assert state.banner is not None
    assert state.gauges["artery"].level is state.gauges["cord"].level is Level.UNKNOWN
    assert not state.delay
    assert not state.rate


@given(guidances(maybe_broken), st.floats(2.001, 1e5))
def test_a_simulation_that_is_silent_shows_no_number(guidance, late):
    state = display(CASE, update_of(guidance, NOW - late, simulated=True), NOW, True)
    assert not shows_a_number(state)
    assert state.banner is not None


@given(guidances(maybe_broken), st.floats(0.0, 1.9), st.floats(0.0, 0.3))
def test_simulated_time_is_not_age(guidance, late, stale_after):
    """Between two results simulated time stands still, however late the window looks."""
    update = update_of(guidance, NOW - late, simulated=True)
    fresh = display(CASE, update_of(guidance), NOW, True)
    state = display(CASE, update, NOW, True, stale_after=stale_after)
    assert measured_texts(state) == measured_texts(fresh)
    assert state.age == "simulated"


@given(guidances(maybe_broken), st.sampled_from(["", "camera unplugged"]))
def test_an_ended_process_shows_no_number(guidance, problem):
    why = said(problem) if problem else None
    state = display(CASE, update_of(guidance), NOW, True, Ended(why))
    assert not shows_a_number(state)
    assert problem in state.banner.text
    assert state.banner.alarming == bool(problem)


@given(guidances(maybe_broken))
def test_a_dead_process_shows_no_number(guidance):
    state = display(CASE, update_of(guidance), NOW, False)
    assert not shows_a_number(state)
    assert state.banner.alarming


@given(guidances(maybe_broken))
def test_a_lost_tool_shows_no_number_whatever_else_was_sent(guidance):
    lost = [t for t in ("needle", "reference") if isinstance(guidance.tracked.tools[t], Lost)]
    state = display(CASE, update_of(guidance), NOW, True)
    if lost:
        assert not shows_a_number(state)
        assert lost[0] in state.gauges["artery"].why.headline
        assert state.gauges["cord"].why == state.gauges["artery"].why
    for light in state.lights[:2]:
        assert (light.status == "lost") == (light.name in lost)


@settings(max_examples=300)
@given(guidances(maybe_broken))
def test_every_blank_says_why_and_is_unknown(guidance):
    state = display(CASE, update_of(guidance), NOW, True)
    for gauge in state.gauges.values():
        blank = not gauge.value
        assert blank == (gauge.why is not None)
        assert blank == (gauge.level is Level.UNKNOWN)
        assert blank == (gauge.distance is None)
        if blank:
            assert gauge.why.headline
    assert (not state.ahead) == (state.ahead_why is not None)
    assert (not state.target.distance) == (state.target.why is not None)


@settings(max_examples=300)
@given(guidances())
def test_the_level_shown_is_the_worst_that_the_alarms_say(guidance):
    state = display(CASE, update_of(guidance), NOW, True)
    for gauge in state.gauges.values():
        if gauge.why is not None:
            continue
        levels = levels_of(guidance, gauge.role)
        assert gauge.level is max(levels)
        # what is not known is not clear, nor only caution
        assert gauge.level is Level.DANGER or Level.UNKNOWN not in levels


@settings(max_examples=300)
@given(guidances())
def test_a_danger_is_shown_even_when_another_level_is_unknown(guidance):
    state = display(CASE, update_of(guidance), NOW, True)
    known = not any(isinstance(t, Lost) for t in guidance.tracked.tools.values())
    if known and guidance.model_tip and not isinstance(guidance.proximity, Lost):
        for gauge in state.gauges.values():
            if Level.DANGER in levels_of(guidance, gauge.role):
                assert gauge.level is Level.DANGER


@settings(max_examples=300)
@given(guidances())
def test_texts_agree_with_the_numbers_and_the_bound_is_never_rounded_up(guidance):
    state = display(CASE, update_of(guidance), NOW, True)
    for gauge in state.gauges.values():
        if gauge.why is not None:
            continue
        number = float(re.search(r"[\d.]+", gauge.value)[0])
        assert number == pytest.approx(abs(gauge.distance), abs=0.0501)
        assert ("INSIDE" in gauge.value) == (gauge.distance < 0)
        told = float(gauge.bound.split()[-1].replace(MINUS, "-"))
        lower = -told if gauge.distance < 0 else told
        assert lower <= gauge.lower + 1e-6
        assert lower == pytest.approx(gauge.lower, abs=0.1001)
        assert not re.search(rf"{MINUS}0\.0\b", gauge.value + gauge.bound)


def test_a_fresh_update_shows_everything():
    state = display(CASE, Script(CASE).update(NOW, (19.0, 7.5, 0.0)), NOW + 0.05, True)
    assert state.live
    assert state.banner is None
    assert state.gauges["artery"].name == "vertebral artery left"
    # sqrt(19^2 + 7.5^2) from the middle of a cord of radius 5
    assert float(state.gauges["cord"].value) == pytest.approx(15.43, abs=0.1)
    assert state.gauges["cord"].level is Level.CLEAR
    assert state.target.distance == "19.0 mm"
    assert state.delay == "21 ms"
    assert {s.role for s in state.scene.segments} == {"artery", "cord"}
    assert [light.status for light in state.lights] == ["seen", "seen"]


def test_the_first_thing_ahead_comes_first():
    state = display(CASE, Script(CASE).update(NOW, (40.0, 0.0, 0.0)), NOW, True)
    assert [line.role for line in state.ahead] == ["artery", "dura"]
    away = Script(CASE).update(NOW, (40.0, 0.0, 0.0), (1.0, 0.0, 0.0))
    state = display(CASE, away, NOW, True)
    assert state.ahead == ()
    assert state.ahead_why.headline == "nothing"


def test_inside_is_said_in_words_and_is_danger():
    state = display(CASE, Script(CASE).update(NOW, (0.0, 3.8, 0.0)), NOW, True)
    assert state.gauges["cord"].value == "INSIDE 1.2"
    assert state.gauges["cord"].level is Level.DANGER
    assert state.gauges["cord"].bound.startswith("up to")
    # the cord's far side is no new structure to be hit
    assert [line.name for line in state.ahead] == ["out of cord", "out of dura"]


def test_not_registered_says_so():
    state = display(CASE, Script(CASE).update(NOW, None), NOW, True)
    assert state.gauges["artery"].why.headline == "not registered"
    assert state.gauges["artery"].why.detail == "touch the fiducials first"


def test_age_at_the_limit():
    update = Script(CASE).update(NOW, (19.0, 7.5, 0.0))
    assert display(CASE, update, NOW + STALE_AFTER - 0.001, True).live
    state = display(CASE, update, NOW + 0.4, True)
    assert state.banner.text == "No data for 0.4 s"
    assert not display(CASE, replace(update, captured_at=math.nan), NOW, True).live
    assert not display(CASE, replace(update, captured_at=NOW + 2.0), NOW, True).live


def test_waiting_is_not_alarming():
    state = display(CASE, None, NOW, True)
    assert not state.live
    assert not state.banner.alarming


def test_needle_without_axis_has_no_ahead():
    state = display(CASE, Script(CASE).update(NOW, (19.0, 7.5, 0.0), None), NOW, True)
    assert state.ahead == ()
    assert "axis" in state.ahead_why.detail
    assert state.target.angle == ""
    assert state.gauges["cord"].value


def test_plan_stays_named_when_the_tip_is_lost():
    update = Script(CASE).update(NOW, None, lost={"needle": "hidden"})
    assert display(CASE, update, NOW, True).scene.plan == "left lateral"
    state = display(CASE, update, NOW, True, plan="right lateral")
    assert state.scene.plan == state.target.plan == "right lateral"


def test_the_fiducial_to_touch_is_marked_whatever_the_prompt_says():
    script = Script(CASE)
    prompt = "Touch D1 and D2, 3 of 8: hold still"

    def update(stage, label):
        return script.update(NOW, None, stage=stage, prompt=prompt, next_fiducial=label)

    state = display(CASE, update(Stage.REGISTER, "D3"), NOW, True)
    assert state.scene.wanted == "D3"
    assert state.scene.fiducials == ("D1", "D2", "D3", "D4", "D5")
    assert display(CASE, update(Stage.REGISTER, None), NOW, True).scene.wanted == ""
    state = display(CASE, update(Stage.NAVIGATE, None), NOW, True)
    assert state.scene.fiducials == ()


def test_lost_cameras_and_doubts_have_a_light():
    update = Script(CASE).update(
        NOW,
        (19.0, 7.5, 0.0),
        warnings={"needle": "geometry doubtful"},
        camera_lost={"right": "unplugged"},
    )
    lights = display(CASE, update, NOW, True).lights
    assert [(x.name, x.status, x.reason) for x in lights] == [
        ("needle", "doubtful", "geometry doubtful"),
        ("reference", "seen", ""),
        ("camera right", "lost", "unplugged"),
    ]


def test_beyond_the_target():
    state = display(CASE, Script(CASE).update(NOW, (-1.5, 7.5, 0.0)), NOW, True)
    assert state.target.distance == "1.5 mm beyond"
