"""Ways of parts and tools: what must be drawn off can be, what must be screwed can be reached."""

import numpy as np
import pytest

from phantoms.anatomy.variants import preset
from phantoms.kit.base import base_solid
from phantoms.kit.fasteners import hole
from phantoms.kit.frame import arch_solid
from phantoms.kit.kit_case import phantom_case
from phantoms.kit.kit_layout import layout
from phantoms.kit.mould import mould_solids

HEAD, DRIVER = 10.0, 200.0  # mm, a 5 mm screw's head and the way from above


@pytest.mark.parametrize("words", ["female", "male"])
def test_end_plates_are_drawn_off_along_the_neck(words):
    """Past the base's lugs, over the whole length of what is on them."""
    anatomy = phantom_case(preset(words))
    placed = layout(anatomy.parameters)
    base, moulds = base_solid(placed), mould_solids(anatomy, placed)
    for name, way in (("mould_cranial", 1.0), ("mould_caudal", -1.0)):
        for moved in np.linspace(0.0, 80.0, 41):
            overlap = moulds[name].translate((0.0, 0.0, way * moved)) ^ base
            assert overlap.volume() < 0.5, f"{name} moved by {moved:.0f} mm"


@pytest.mark.parametrize("words", ["standard", "female", "male"])
def test_every_table_hole_is_reached_from_above(words):
    """When the arches are on too."""
    placed = layout(preset(words))
    base, arches = base_solid(placed), [arch_solid(placed, name) for name in placed.arches]
    for x, z in placed.table_holes:
        head = hole((x, placed.base_top + 0.1, z), (x, placed.base_top + DRIVER, z), HEAD)
        assert (head ^ base).volume() < 0.01
        assert max((head ^ arch).volume() for arch in arches) < 0.01
