"""A patient's CT has what the case has not: the neck's front, mastoids, medulla, C5, the skull."""

from dataclasses import replace
from functools import cache
from types import SimpleNamespace

import numpy as np
import pytest

from phantoms.anatomy.bone_poses import bone_poses
from phantoms.anatomy.mesh import Mesh, signed_volume
from phantoms.anatomy.parameters import AnatomyParameters
from phantoms.anatomy.skin_model import landmarks, skin_mesh
from phantoms.anatomy.standard_neck import standard_anatomy
from phantoms.anatomy.variants import preset
from phantoms.kit.gel import skin_on_base
from phantoms.kit.kit_layout import layout
from phantoms.twin.ct_section import distance
from phantoms.twin.ct_skin import neck_size, whole_skin
from phantoms.twin.scene_shapes import box
from phantoms.twin.simulated_ct import as_in_life, ct_volume

SPACING = (1.0, 0.5, 1.6)
CSF, CORD = (2.0, 20.0), (28.0, 38.0)  # HU
BODY = -500.0  # HU, above it is no air


def surface(name, role, mesh):
    return SimpleNamespace(name=name, role=role, vertices=mesh.vertices, triangles=mesh.triangles)


def wet_case(p=None):
    """As a wet kit's case: its skin is the gel's surface on the base."""
    anatomy = standard_anatomy(p)
    skin = skin_on_base(anatomy.parameters, layout(anatomy.parameters))
    return [s for s in anatomy.structures if s.role != "skin"] + [surface("skin", "skin", skin)]


@cache
def standard_case():
    return wet_case()


@cache
def standard_volume():
    return ct_volume(standard_case(), spacing=SPACING, noise=0.0)


def skin_of(structures):
    return next(s for s in structures if s.role == "skin")


@pytest.fixture(scope="module", params=["standard", "flexed", "rotated-left", "narrow-canal+male"])
def structures(request):
    if request.param == "standard":
        return standard_case()
    name = request.param.replace("+male", "")
    p = preset(name)
    if request.param.endswith("male"):
        p = replace(p, neck_width=138.0, neck_ap=132.0)
    return wet_case(p)


@pytest.fixture(scope="module")
def volume(structures):
    if structures is standard_case():
        return standard_volume()
    return ct_volume(structures, spacing=SPACING, noise=0.0)


def column(volume, k, x):
    """HU from front to back at x (mm) in slice k."""
    i = round((x - volume.origin[0]) / volume.spacing[0])
    return volume.values[k, :, i].astype(float)


def runs(values, wanted):
    """First and last index of each stretch within an interval that is 0.9 mm long or more."""
    inside = np.concatenate([[False], (values > wanted[0]) & (values < wanted[1]), [False]])
    edges = np.flatnonzero(np.diff(inside.astype(int))).reshape(-1, 2)
    return [(a, b - 1) for a, b in edges if (b - a) * SPACING[1] >= 0.9]


def cord_middle(structures, z):
    """x, y of the cord at its end that is nearer to z."""
    v = next(s for s in structures if s.role == "cord").vertices
    end = v[:, 2].max() if z > 0 else v[:, 2].min()
    return v[np.abs(v[:, 2] - end) < 0.1].mean(axis=0)[:2]


@pytest.mark.parametrize("k", [0, 4, -6, -1])
def test_cord_and_csf_go_on_to_both_ends_of_the_scan(structures, volume, k):
    z = volume.origin[2] + volume.spacing[2] * (k % len(volume.values))
    x, y = cord_middle(structures, z)
    found = []
    for aside in (-3.0, -1.5, 0.0, 1.5, 3.0):
        values = column(volume, k, x + aside)
        rows = volume.origin[1] + volume.spacing[1] * np.arange(len(values))
        near = np.where(np.abs(rows - y) < 26.0, values, np.nan)
        for first, last in runs(near, CORD):
            fluid = runs(near, CSF)
            before = any(b < first and first - b < 6 for _, b in fluid)
            behind = any(a > last and a - last < 6 for a, _ in fluid)
            found.append(before and behind)
    assert any(found)


def test_the_skull_goes_on_round_the_cistern_to_the_scans_end(structures, volume):
    """From the medulla, bone lies on all sides in the last slice."""
    x, y = cord_middle(structures, 50.0)
    top = volume.values[-1].astype(float)
    for angle in np.radians(np.arange(0, 360, 15)):
        way = np.arange(0.0, 55.0, 0.4)
        i = np.rint((x + way * np.cos(angle) - volume.origin[0]) / SPACING[0]).astype(int)
        j = np.rint((y + way * np.sin(angle) - volume.origin[1]) / SPACING[1]).astype(int)
        values = top[j, i]
        wall = int(np.argmax(values > 600.0))
        assert wall > 0
        # no fat and no muscle within
        assert values[:wall].min() > -20.0


def test_the_front_is_round(structures, volume):
    for k in range(4, len(volume.values) - 4, 8):
        body = volume.values[k] > BODY
        front = int(np.flatnonzero(body.any(axis=1))[0])
        row = np.flatnonzero(body[front + 1])
        assert np.ptp(row) * SPACING[0] < 32.0
        # no step: the neck widens by little from row to row once it is 60 wide
        wide = np.array([np.ptp(np.flatnonzero(r)) for r in body[front + 1 : front + 30]])
        assert np.max(np.diff(wide * SPACING[0])[wide[1:] * SPACING[0] > 60.0]) < 9.0


def test_in_the_kits_materials_it_stays_as_it_is_poured():
    volume = ct_volume(standard_case(), "print", spacing=SPACING, noise=0.0)
    k = round((0.0 - volume.origin[2]) / volume.spacing[2])
    body = volume.values[k] > BODY
    front = int(np.flatnonzero(body.any(axis=1))[0])
    assert np.ptp(np.flatnonzero(body[front + 1])) * SPACING[0] > 50.0
    assert volume.values[0].max() == -1000  # air around
    assert volume.values[-1].max() == -1000


def test_the_meshes_of_the_case_stay_where_they_are(structures):
    whole = {s.name: s for s in as_in_life(structures, skin_of(structures))}
    for s in structures:
        if s.role in ("skin", "support"):
            continue
        off = np.linalg.norm(whole[s.name].vertices - s.vertices, axis=1)
        if s.name == "occiput":
            # only its flat top goes on
            low = s.vertices[:, 2] < s.vertices[:, 2].max() - 15.0
            assert off[low].max() == 0.0
        else:
            assert off.max() == 0.0


def test_what_is_added_is_closed_and_faces_outwards(structures):
    own = {s.name for s in structures}
    added = [s for s in as_in_life(structures, skin_of(structures)) if s.name not in own]
    assert {"medulla", "cisterna magna", "C5", "mastoid left"} <= {s.name for s in added}
    for s in added:
        assert signed_volume(Mesh(s.vertices, s.triangles)) > 50.0


@pytest.mark.parametrize("lost", [{"occiput"}, {"cord"}, {"dura"}, {"C3"}, {"cord", "dura", "C4"}])
def test_a_case_without_some_of_it_is_drawn_too(lost):
    held = [s for s in standard_case() if s.name not in lost]
    volume = ct_volume(held, spacing=(2.0, 2.0, 3.0), noise=0.0)
    assert volume.values.max() > 500
    whole = {s.name for s in as_in_life(held, skin_of(held))}
    assert not lost & whole
    assert ("medulla" in whole) == (not lost & {"cord", "dura"})
    assert ("C5" in whole) == (not lost & {"C3", "C4", "dura"})


def test_c5_lies_off_the_sac_and_off_c4(structures):
    whole = as_in_life(structures, skin_of(structures))
    named = {s.name: s for s in whole}
    for other in ("C4", "dura", "dura going on"):
        v = named[other].vertices
        assert distance(named["C5"], v[v[:, 2] > -62.0]).min() > -0.7


def test_bone_lies_under_the_mastoids_knobs():
    anatomy = standard_anatomy()
    tips = landmarks(anatomy.parameters, bone_poses(anatomy.parameters))
    volume = standard_volume()
    for side in ("left", "right"):
        at = tips[f"mastoid tip {side}"]
        k = round((at[2] + 14.0 - volume.origin[2]) / volume.spacing[2])
        j = round((at[1] - volume.origin[1]) / volume.spacing[1])
        row = volume.values[k, j].astype(float)
        x = volume.origin[0] + volume.spacing[0] * np.arange(len(row))
        skin = np.abs(x[(row > BODY) & (np.sign(x) == np.sign(at[0]))]).max()
        bone = np.abs(x[(row > 600.0) & (np.sign(x) == np.sign(at[0]))]).max()
        assert 4.0 < skin - bone < 10.0


# the skin's size


@pytest.mark.parametrize(("width", "ap"), [(120.0, 115.0), (96.0, 91.0), (149.0, 144.0)])
def test_a_necks_size_is_read_from_its_skin(width, ap):
    p = replace(AnatomyParameters(), neck_width=width, neck_ap=ap)
    for mesh in (skin_on_base(p, layout(p)), skin_mesh(p)):
        found = neck_size(surface("skin", "skin", mesh))
        assert found is not None
        assert (found.neck_width, found.neck_ap) == pytest.approx((width, ap), abs=0.1)


def test_the_whole_skin_is_the_anatomys():
    p = AnatomyParameters()
    whole, own = whole_skin(p), skin_mesh(p)
    assert whole.vertices.min(axis=0) == pytest.approx(own.vertices.min(axis=0), abs=0.1)
    assert whole.vertices.max(axis=0) == pytest.approx(own.vertices.max(axis=0), abs=0.1)


def test_another_skin_is_left_alone():
    vertices, triangles = box((-40, -40, -62), (40, 40, 46))
    other = SimpleNamespace(
        name="skin", role="skin", vertices=np.asarray(vertices), triangles=triangles
    )
    assert neck_size(other) is None
    assert as_in_life([other], other) == [other]
