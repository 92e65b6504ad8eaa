"""Planned needles: between the laminae, and honest about arteries on their way."""

import numpy as np
import pytest

from nav.core.errors import InputError
from phantoms.anatomy.body_size import of_size
from phantoms.anatomy.draw import drawn
from phantoms.anatomy.mesh_rays import Gauge
from phantoms.anatomy.plans import NEAR_ARTERY, NEAR_CORD, NEEDLE_RADIUS, way
from phantoms.anatomy.standard_neck import Anatomy, standard_anatomy
from phantoms.anatomy.variants import preset
from phantoms.measure.neck_measures import Neck
from phantoms.measure.soft import needle_measures
from phantoms.recipe import named_recipe


def walls(anatomy: Anatomy, role: str) -> list[float]:
    """Of each plan: from a 17G needle's wall to the nearest structure of a role, mm."""
    gauges = [Gauge(s.vertices, s.triangles) for s in anatomy.structures if s.role == role]
    return [
        min(float(g.signed_distance(way(plan.entry, plan.target)).min()) for g in gauges)
        - NEEDLE_RADIUS
        for plan in anatomy.plans
    ]


def test_the_standard_neck_has_nothing_on_the_way():
    anatomy = standard_anatomy()
    assert [plan.name for plan in anatomy.plans] == ["left lateral C1-C2", "right lateral C1-C2"]
    assert min(walls(anatomy, "artery")) > 8.0
    assert min(walls(anatomy, "bone")) > 3.0


@pytest.mark.parametrize(
    "words", ["low-pica", "fenestrated", "intersegmental:right", "posterior-loop+rotated-left"]
)
def test_an_artery_near_the_needle_is_in_the_plans_name(words):
    anatomy = standard_anatomy(preset(words))
    near = [wall <= NEAR_ARTERY for wall in walls(anatomy, "artery")]
    assert any(near)
    assert ["ARTERY" in plan.name for plan in anatomy.plans] == near


def test_a_plan_that_alarms_by_itself_says_so():
    """A tight sac: on the plan, the axis's bound to the cord is below the window's limit."""
    anatomy = standard_anatomy(preset("narrow-canal"))
    assert [plan.name.partition(": ")[2][:4] for plan in anatomy.plans] == ["CORD", "CORD"]
    assert all(0.5 < wall <= NEAR_CORD for wall in walls(anatomy, "cord"))


def test_the_bones_of_a_random_neck_are_of_one_spine():
    """Widths of C3 and C4 go together, and C4 is the wider one, as in people."""
    rng = np.random.default_rng(0)
    widths = np.array([[(p := drawn(rng)).c3_width, p.c4_width] for _ in range(300)])
    assert np.corrcoef(widths.T)[0, 1] > 0.8
    assert np.mean(widths[:, 0] > widths[:, 1] + 2.0) < 0.03


def test_a_measured_neck_does_not_hide_its_dangerous_artery():
    """The limb that crosses the window counts, from the side that it is on."""
    anatomy = standard_anatomy(preset("intersegmental:right"))
    rows = {row.quantity: row.measured for row in needle_measures(Neck(anatomy))}
    assert rows["its wall to the artery"] == pytest.approx(min(walls(anatomy, "artery")), abs=0.01)
    assert rows["its wall to the artery"] < NEAR_ARTERY


@pytest.mark.parametrize("words", ["narrow-gap", "female+narrow-gap", "extended+narrow-gap"])
def test_a_needle_in_a_narrow_window_goes_midway_between_the_laminae(words):
    anatomy = standard_anatomy(preset(words))
    for plan in anatomy.plans:
        axis = way(plan.entry, plan.target)
        upper, lower = (
            float(Gauge(bone.vertices, bone.triangles).distance(axis).min())
            for bone in (anatomy.structure("C1"), anatomy.structure("C2"))
        )
        assert upper == pytest.approx(lower, abs=0.3)
        assert min(upper, lower) > NEEDLE_RADIUS + 0.5
        assert np.ptp(axis[:, 2]) == 0.0


@pytest.mark.parametrize("words", ["narrow-gap+male", "male+narrow-gap"])
def test_a_variants_number_holds_in_any_order(words):
    assert preset(words).window_height == 7.0


@pytest.mark.parametrize(
    "words", ["female+intersegmental:right+narrow-gap", "male+flexed", "flexed+ponticulus:both"]
)
def test_joined_variants_can_be(words):
    """Among them what documents and help give as examples."""
    assert standard_anatomy(preset(words)).plans


@pytest.mark.parametrize(
    "words",
    ["female+male", "female+female", "flexed+extended", "rotated-left+rotated-right",
     "intersegmental+fenestrated", "ponticulus:both+ponticulus-incomplete:right"],
)  # fmt: skip
def test_variants_that_contradict_each_other_are_refused(words):
    with pytest.raises(InputError, match=r"cannot be combined|appears twice"):
        preset(words)


def test_each_side_may_have_its_own_variant():
    p = preset("intersegmental:left+fenestrated:right")
    assert (p.artery_left.course, p.artery_right.course) == ("intersegmental", "fenestrated")


def test_a_tall_woman_is_tall_for_a_woman():
    tall = named_recipe("female+low-pica", stature=1750.0)
    assert tall.name == "female, low-pica, 1750 mm"
    assert tall.parameters.c1_width == of_size("female", 1750.0).c1_width
    assert tall.parameters.artery_left.pica == "low"
    with pytest.raises(InputError, match="leave one of them out"):
        named_recipe("female", sex="male")
