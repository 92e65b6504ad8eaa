"""The simulated hand at the kit's divots: reached, seated, and seen by the cameras."""

from types import SimpleNamespace

import numpy as np
import pytest

from nav.live.messages import Stage
from nav.model.case import Plan
from phantoms.anatomy.parameters import AnatomyParameters
from phantoms.anatomy.standard_neck import Anatomy, AnatomyFiducial
from phantoms.demo.hand import BEVEL, TILT, Hand
from phantoms.kit.kit_layout import layout
from phantoms.twin.seating import bias, steepest
from phantoms.twin.simulated_tools import TUOHY_17G
from phantoms.twin.world import make_world

PLAN = Plan("left", np.array([58.0, 2.0, 0.0]), np.array([0.0, 2.0, 0.0]))
PLACED = layout(AnatomyParameters())
LABELS = [divot.label for divot in PLACED.divots]


def touched(label: str, hand: Hand) -> None:
    """Act until the key is pressed; fails if it never is."""
    state = SimpleNamespace(stage=Stage.REGISTER, next_fiducial=label)
    for _ in range(400):
        if hand.act(state) is not None:  # type: ignore[arg-type]
            return
    raise AssertionError(f"{label} was never touched")


@pytest.fixture(scope="module")
def world():
    divots = tuple(AnatomyFiducial(d.label, d.apex, d.use) for d in PLACED.divots)
    return make_world(Anatomy("kit", AnatomyParameters(), (), divots, ()), 0)


@pytest.fixture(scope="module")
def grips(world):
    """Where the hand holds the needle at each divot, in the kit's order, friction left out."""
    hand = Hand(world, PLAN, 0.0, np.random.default_rng(1), 1 / 30)
    held = {}
    for label in LABELS:
        touched(label, hand)
        held[label] = hand.grip
    return held


def test_the_axes_are_the_layouts(world):
    for divot in PLACED.divots:
        assert world.divot_axes[divot.label] == pytest.approx(np.array(divot.axis))


def test_a_divot_that_the_layout_does_not_know_looks_away_from_the_neck():
    other = AnatomyFiducial("R1", (70.0, PLACED.neck_middle, 10.0), "register")
    plain = Anatomy("other", AnatomyParameters(), (), (other,), ())
    assert make_world(plain, 0).divot_axes["R1"] == pytest.approx([1.0, 0.0, 0.0])


@pytest.mark.parametrize("label", LABELS)
def test_every_divot_is_reached_and_the_tip_gets_down(grips, world, label):
    divot = next(d for d in PLACED.divots if d.label == label)
    grip, axis = grips[label], np.array(divot.axis)
    tilt = np.arccos(np.clip(-grip.heading @ axis, -1, 1))
    assert tilt <= TILT + 1e-6
    assert np.degrees(tilt) <= steepest(BEVEL, TUOHY_17G)
    home = np.array(divot.apex) + bias(axis, grip.heading, BEVEL, TUOHY_17G)
    assert grip.tip == pytest.approx(home, abs=1e-9)


@pytest.mark.parametrize("label", LABELS)
def test_every_camera_looks_across_the_needle_at_every_divot(grips, world, label):
    """At least 28 degrees off its axis: then some of the carrier's faces are seen well."""
    grip = grips[label]
    for camera in world.rig.cameras:
        eye = world.rig_from_model.inv().apply(camera.camera_from_rig.inv().translation)
        look = (eye - grip.tip) / np.linalg.norm(eye - grip.tip)
        assert abs(grip.heading @ look) < np.cos(np.radians(28.0))


def test_friction_is_drawn_anew_for_every_touch(world):
    hand = Hand(world, PLAN, 0.2, np.random.default_rng(1), 1 / 30)
    off = []
    for label in ("R1", "R2", "R1"):
        touched(label, hand)
        off.append(hand.grip.tip - hand.divots[label])
    assert 0.01 < np.linalg.norm(off[0] - off[2]) < 1.0
