"""The case's supports: one closed surface that does not cut itself, on any neck."""

import numpy as np
import pytest

from nav.core.errors import InputError
from phantoms.anatomy.crossing import crosses_itself
from phantoms.anatomy.parameters import AnatomyParameters
from phantoms.anatomy.standard_neck import standard_anatomy
from phantoms.kit import supports
from phantoms.kit.kit_layout import layout
from phantoms.kit.solid import solid_of

# mm, grids of which some slide a strut's thin end through itself
SPACINGS = (1.45, 1.5, 1.55, 1.6, 1.65, 1.7, 1.75)


@pytest.fixture(scope="module")
def neck():
    p = AnatomyParameters()
    return standard_anatomy(p), layout(p)


@pytest.fixture(scope="module")
def usual(neck):
    return solid_of(supports.supports_mesh(*neck)).volume()


@pytest.mark.parametrize("spacing", SPACINGS)
def test_supports_are_one_piece_that_does_not_cut_itself(neck, usual, monkeypatch, spacing):
    monkeypatch.setattr(supports, "SPACING", spacing)
    mesh = supports.supports_mesh(*neck)
    assert not crosses_itself(mesh)
    struts = solid_of(mesh)
    assert len(struts.decompose()) == 1
    assert struts.volume() == pytest.approx(usual, rel=0.01)
    assert np.array_equal(mesh.vertices, mesh.vertices.astype(np.float32))


def test_supports_that_cut_themselves_all_the_same_are_refused(neck, monkeypatch):
    monkeypatch.setattr(supports, "uncrossed", lambda rough, even: None)
    with pytest.raises(InputError, match=r"^supports: their surface cuts itself"):
        supports.supports_mesh(*neck)
