"""Random scans: within their ranges, and of every kind."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nav.core.errors import InputError
from phantoms.twin.scan_draw import WHOLE, draw_scan
from phantoms.twin.scan_kernel import paint_parts
from phantoms.twin.scan_parameters import JOINTS

MANY = 300


@given(st.integers(0, 10**9), st.booleans())
@settings(max_examples=200, deadline=None)
def test_every_scan_is_within_the_ranges(seed, hard):
    scan = draw_scan(seed, hard)
    assert draw_scan(seed, hard) == scan
    x, y, z = scan.spacing_mm
    assert x == y
    assert 0.3 <= x <= 1.25
    assert 0.5 <= z <= 1.25
    assert z <= scan.kernel.slice_mm
    assert 350.0 <= scan.bone.cortex_hu <= 1200.0
    assert scan.bone.trabecular_hu < scan.bone.cortex_hu + 100.0
    assert scan.bone.cortex_mm * (1.0 - scan.bone.cortex_variation) > 0.1
    assert 0.6 <= scan.kernel.slice_mm <= 2.0
    assert 0.97 <= scan.artefacts.scale <= 1.03
    assert abs(scan.artefacts.offset_hu) <= 10.0
    assert np.linalg.norm(scan.view.rotation_deg) <= 15.0
    assert set(dict(scan.joints_mm)) | set(scan.fused) == set(JOINTS)
    assert all(0.3 <= width <= 2.0 for _, width in scan.joints_mm)
    assert scan.contrast.phase == "none" or min(scan.contrast.artery_hu) >= 180.0
    assert scan.view.side_mm / x * paint_parts(scan.spacing_mm, scan.kernel)[0] <= 525


@given(st.integers(0, 10**9))
@settings(max_examples=60, deadline=None)
def test_a_standard_scan_has_all_four_vertebrae_and_both_arteries(seed):
    scan = draw_scan(seed)
    assert scan.spacing_mm == (0.5, 0.5, 0.6)
    assert scan.view.low_mm < WHOLE[0]
    assert scan.view.high_mm > WHOLE[1]
    assert scan.contrast.state == ("normal", "normal")
    assert scan.contrast.phase == "arterial"
    assert not scan.fused
    assert not scan.artefacts.metal


def test_the_hard_set_holds_every_difficulty():
    scans = [draw_scan(seed, True) for seed in range(MANY)]
    kinds = {
        "sharp": [s.kernel.name == "sharp" for s in scans],
        "thin cortex": [s.bone.cortex_mm < 0.5 for s in scans],
        "fused": [bool(s.fused) for s in scans],
        "narrow joint": [min(w for _, w in s.joints_mm) < 0.4 for s in scans],
        "osteophytes": [bool(s.osteophytes) for s in scans],
        "metal": [s.artefacts.metal > 0 for s in scans],
        "no contrast": [s.contrast.phase == "none" for s in scans],
        "occluded": ["occluded" in s.contrast.state for s in scans],
        "hypoplastic": ["hypoplastic" in s.contrast.state for s in scans],
        "plexus": [s.contrast.plexus_hu > 0 for s in scans],
        "calcified": [s.contrast.plaques > 0 for s in scans],
        "cut below": [s.view.low_mm > -48 for s in scans],
        "cut above": [s.view.high_mm < 25 for s in scans],
        "couch": [s.view.couch for s in scans],
    }
    for name, found in kinds.items():
        assert 0.05 < np.mean(found) < 0.95, name


def test_a_negative_seed_is_refused():
    with pytest.raises(InputError, match="--seed: expected 0 or more, got -1"):
        draw_scan(-1)
