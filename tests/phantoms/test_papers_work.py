"""What the guide has people do: in an order that can be done, with what the bill lists."""

import re
from types import SimpleNamespace

import numpy as np
import pytest
from manifold3d import CrossSection
from scipy.spatial.transform import RigidTransform, Rotation

from phantoms.anatomy.parameters import AnatomyParameters
from phantoms.kit.block import block
from phantoms.kit.fasteners import M3_HOLE
from phantoms.kit.gel import skin_on_base
from phantoms.kit.kit_case import phantom_case
from phantoms.kit.kit_layout import layout
from phantoms.kit.papers.amounts import amounts
from phantoms.kit.papers.bought import items
from phantoms.kit.papers.common_steps import phantom_steps
from phantoms.kit.papers.document import Table
from phantoms.kit.papers.needle_steps import last_steps, needle_steps
from phantoms.kit.papers.needles import needle_lengths
from phantoms.kit.papers.pieces import pieces
from phantoms.kit.papers.printed import printing
from phantoms.kit.papers.screws import CORD_MOULD_BOLTS, FLANGE_BOLTS, screws
from phantoms.kit.papers.step_scenes import walked
from phantoms.kit.papers.studio import scene_points
from phantoms.kit.papers.using import checking
from phantoms.kit.parts import kit_parts
from phantoms.kit.solid import placed, solid_of
from phantoms.kit.tools_standards import BORE_CLEARANCE, GAUGES

pytestmark = pytest.mark.slow  # minutes: `make test-slow`

# What a step has in hand, and the row of the bill that it is.
IN_HAND = {
    "petroleum jelly": "petroleum jelly",
    "hot glue": "hot glue",
    "drop of silicone": "silicone sealant",
    "blunt needle": "blunt needle",
    "cable tie": "thread or cable ties",
    "strip of tape": "adhesive tape",
    "Sand the core": "sandpaper",
    "spanner": "spanner",
    "Clamp the caudal tube": "hose clamp",
}


@pytest.fixture(scope="module")
def both():
    """Both kits of the standard neck, without pictures."""
    p = AnatomyParameters()
    return {kind: _kit(p, phantom_case(p, kind), kind) for kind in ("dry", "wet")}


@pytest.fixture
def wet(both):
    return both["wet"]


@pytest.fixture(params=("dry", "wet"))
def kit(request, both):
    return both[request.param]


def _kit(p, case, kind):
    where, wet = layout(p), kind == "wet"
    gel = skin_on_base(p, where) if wet else None
    parts = (*kit_parts(phantom_case(p, "wet"), where, kind), block())
    needs, lengths = amounts(case, [], gel), needle_lengths(case.plans)
    stages = (*phantom_steps(where, needs), *needle_steps(lengths), *last_steps(wet))
    return SimpleNamespace(
        layout=where,
        kind=kind,
        parts={part.name: part for part in parts},
        stages=stages,
        names=[stage.name for stage in stages],
        text=" ".join(line for stage in stages for line in stage.lines),
        pieces=pieces(parts, case, where, gel),
        bom={i.name: i for i in items(parts, needs, screws(where, wet), lengths)},
        lengths=lengths,
    )


def _in_model(part):
    return placed(solid_of(part.mesh), part.model_from_part)


def _lines(kit, name):
    return " ".join(kit.stages[kit.names.index(name)].lines)


def test_the_hose_is_led_through_a_seat_that_stands_there(wet):
    order = ["plugs", "arches", "bar", "reference", "water", "table"]
    assert [name for name in wet.names if name in order] == order
    assert "between the legs of the reference body's seat" in _lines(wet, "water")
    seat = _in_model(wet.parts["reference_seat"])
    hose = scene_points(wet.pieces["hose_cranial"][0])
    x, y = hose[:, 0].mean(), hose[:, 1].mean()
    middle = np.mean([seat.bounding_box()[2], seat.bounding_box()[5]])
    section = seat.slice(float(middle))
    ring = [np.asarray(polygon) for polygon in section.to_polygons()]
    low, high = ring[0].min(axis=0), ring[0].max(axis=0)
    assert len(ring) == 2, "a closed ring: nothing goes in from the side"
    assert (low < (x, y)).all()
    assert (high > (x, y)).all()
    room = CrossSection.circle(7.0, 48).translate((float(x), float(y)))  # mm, for a hose of 6 mm
    assert (section ^ room).is_empty()


def test_arches_and_bar_are_tried_on_before_there_is_a_sac(wet):
    assert wet.names.index("trial") < wet.names.index("sleeve")
    before = dict(
        zip(wet.names, (there for _, there in walked(wet.stages, wet.pieces)), strict=True)
    )
    assert "bar" not in before["sleeve"]
    assert "bar" in before["water"]


def test_only_a_wet_kit_is_measured_before_it_is_poured(kit):
    chapter = " ".join(str(block) for block in checking(kit.layout, kit.kind == "wet"))
    trial = "Try arches and bar on, and measure"
    assert (trial in chapter) == (kit.kind == "wet")
    assert (trial in [stage.title for stage in kit.stages]) == (kit.kind == "wet")
    if kit.kind == "dry":
        assert "pour" not in kit.text + chapter


def test_tubes_are_cut_at_the_end_of_both_kits(kit):
    end = kit.stages[kit.names.index("tubes-end")]
    assert "Cut" in end.title
    assert "tube ends" in end.drops
    assert kit.names.index("tubes") < kit.names.index("tubes-end")
    if kit.kind == "wet":
        assert kit.names.index("open") < kit.names.index("tubes-end")


def test_as_many_screws_are_asked_for_as_there_are_holes(wet):
    for name in ("mould_left", "mould_right"):
        assert _flange_holes(_in_model(wet.parts[name]), name) == FLANGE_BOLTS
    assert f"{FLANGE_BOLTS} along the back's flange" in _lines(wet, "shells")
    assert f"{CORD_MOULD_BOLTS} screws **M3 x 30**" in _lines(wet, "cord-cast")
    assert f"{len(wet.layout.bolts['mould'])} from below" in _lines(wet, "shells")


def _flange_holes(shell, name):
    """Round holes of an M3 screw in the flange on the midline, seen from the side."""
    turn = RigidTransform.from_rotation(
        Rotation.from_matrix([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]])
    )
    section = placed(shell, turn).slice(2.5 if name == "mould_left" else -2.5)
    count = 0
    for polygon in section.to_polygons():
        size = np.ptp(np.asarray(polygon), axis=0)
        count += bool((abs(size - M3_HOLE) < 0.3).all())
    return count


def test_what_steps_have_in_hand_is_listed_and_nothing_else(kit):
    for words, item in IN_HAND.items():
        assert (words in kit.text) == (item in kit.bom), words
    assert {"countersink", "side cutters", "drills, turned by hand"} <= set(kit.bom)
    safety = {"gloves, goggles", "sharps box"} & set(kit.bom)
    assert bool(safety) == (kit.kind == "wet")


def test_drills_leave_a_needle_room_and_no_play(kit):
    sizes = [float(n) for n in re.findall(r"[\d.]+", kit.bom["drills, turned by hand"].size)]
    for diameter in GAUGES.values():
        nearest = min(sizes, key=lambda size: abs(size - diameter - BORE_CLEARANCE))
        assert 0.05 < nearest - diameter < 0.15


def test_the_block_has_a_place_and_screws_for_it(kit):
    assert kit.bom["table screw"].quantity == 2
    assert "4 mm" in kit.bom["table screw"].size
    assert "**block** to the same table" in _lines(kit, "table")


def test_a_needle_that_reaches_is_asked_for(kit):
    least = f"{np.ceil(kit.lengths.plain.least):.0f} mm"
    assert least in kit.bom["spinal needles"].size
    assert least in _lines(kit, "bush")
    assert f"{np.ceil(kit.lengths.winged.least):.0f} mm" in _lines(kit, "bush")
    assert _lines(kit, "bush").index("from the front") < _lines(kit, "bush").index("from behind")


def test_the_plug_goes_in_with_its_barb_to_the_front(wet):
    assert "turn that side **down**" in _lines(wet, "plugs")
    plug = _in_model(wet.parts["plug_cranial"])
    end = plug.bounding_box()[5]
    _, barb_low, _, barb_high = plug.slice(end - 5.0).bounds()
    _, body_low, _, body_high = plug.slice(end - 14.0).bounds()
    assert 3.0 < (body_low + body_high - barb_low - barb_high) / 2 < 5.5


def test_bridges_are_named_where_a_mould_is_printed(kit):
    shots = {name: SimpleNamespace(file="", width=1, height=1) for name in kit.parts}
    tables = [b for b in printing(tuple(kit.parts.values()), shots) if isinstance(b, Table)]
    named = any(row[0] == "bridges" for table in tables for row in table.rows)
    assert named == (kit.kind == "wet")
