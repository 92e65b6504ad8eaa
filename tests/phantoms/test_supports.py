"""The case's supports: closed surfaces that do not cut themselves, on any neck."""

import numpy as np
import pytest

from nav.errors import InputError
from phantoms.anatomy.crossing import crosses_itself
from phantoms.anatomy.parameters import AnatomyParameters, ArteryParameters
from phantoms.anatomy.standard import standard_anatomy
from phantoms.kit import supports
from phantoms.kit.layout import layout
from phantoms.kit.solid import solid_of

# Drawn at random. On the first grid a strut's thin end at C4 is slid through itself.
FOLDED = AnatomyParameters(
    c1_width=78.62, c1_canal_ap=33.16, c1_canal_width=27.87, c1_anterior_height=11.07,
    c1_posterior_height=10.92, c1_posterior_thickness=7.57, c1_groove_thickness=4.09,
    c1_foramen_width=6.31, c1_foramen_ap=7.4, c1_foramen_lateral=26.75, dens_ap=11.99,
    dens_width=9.82, dens_height=15.17, dens_gap=1.2, c2_body_ap=16.3, c2_lamina_height=13.28,
    c2_lamina_thickness=6.88, c2_canal_ap=19.59, c2_canal_width=23.45, c2_spinous_length=15.3,
    c2_tilt=15.0, c3_canal_ap=18.18, c3_canal_width=21.61, c3_width=53.68, c4_canal_ap=16.66,
    c4_canal_width=24.1, c4_width=57.28, body_height=14.23, lamina_gap_c2_c3=4.0,
    lamina_gap_c3_c4=4.5, lower_foramen=6.22, window_height=12.95, joint_gap=1.0,
    head_flexion=-4.9, c1_rotation=-2.4, cord_ap=(7.83, 7.66, 7.49, 7.33, 7.35),
    cord_width=(11.86, 12.09, 12.23, 12.66, 13.48), sac_ap=(18.25, 18.48, 16.96, 15.32, 14.97),
    sac_width=(22.01, 21.35, 20.97, 19.65, 19.84), dorsal_csf=5.91, epidural_gap=1.4,
    artery_wall_gap=0.5, artery_left=ArteryParameters(loop=4.3), artery_right=ArteryParameters(),
    neck_width=122.92, neck_ap=121.25,
)  # fmt: skip


@pytest.fixture(scope="module")
def folded():
    return standard_anatomy(FOLDED, "folded"), layout(FOLDED)


def test_supports_that_would_cut_themselves_are_laid_on_another_grid(folded):
    mesh = supports.supports_mesh(*folded)
    assert not crosses_itself(mesh)
    struts = solid_of(mesh)
    assert len(struts.decompose()) == 1
    assert np.array_equal(mesh.vertices, mesh.vertices.astype(np.float32))


def test_supports_that_cut_themselves_on_every_grid_are_refused(folded, monkeypatch):
    monkeypatch.setattr(supports, "SHIFTS", (0.0,))
    with pytest.raises(InputError, match="surface cuts itself"):
        supports.supports_mesh(*folded)
