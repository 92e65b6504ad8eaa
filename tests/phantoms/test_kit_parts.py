"""The kit's parts: printable, exact where it matters, and they go together."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import RigidTransform

from calibration.printing.standard_tools import reference_plates
from nav.core.errors import InputError
from phantoms.anatomy.mesh import Mesh, moved_mesh
from phantoms.anatomy.mesh_rays import Gauge
from phantoms.anatomy.skin_model import NECK_TOP
from phantoms.anatomy.standard_neck import standard_anatomy
from phantoms.kit.bone_divots import DEPTH, bone_divots
from phantoms.kit.column import WINDOW, WINDOW_FRONT, bones_of, column_solid
from phantoms.kit.core_removal import drawing_lean, drawn_undercut
from phantoms.kit.gel import skin_on_base
from phantoms.kit.kit_clearances import fits
from phantoms.kit.kit_layout import DIVOT_DEPTH, layout
from phantoms.kit.label import ENGRAVED
from phantoms.kit.loft import Upright
from phantoms.kit.mould import mould_solids
from phantoms.kit.needle_carrier import PAPER
from phantoms.kit.part import BED, LEAST_WALL
from phantoms.kit.parts import kit_parts
from phantoms.kit.sac_mould import SLEEVE, core_solid, structure_solid
from phantoms.kit.solid import box, cylinder, laid, mesh_of, region, solid_of, united
from phantoms.kit.supports import supports_mesh
from phantoms.kit.tubes import BORES, tubes
from phantoms.kit.walls import walls

pytestmark = pytest.mark.slow  # minutes: `make test-slow`

# Faces with engraved letters, z in the part's frame: between strokes stand thin ribs.
LETTERED = {
    "base": 8.0,
    "arch_cranial": ENGRAVED,  # printed on that face
    "arch_caudal": ENGRAVED,
    "bar": 10.0,
    "mould_cranial": 5.0,
    "mould_caudal": 5.0,
}
TILT = np.tan(np.radians(12.0))  # a needle may lean in a bone's divot
SHARED = ("base", "column", "bar", "arch_cranial", "arch_caudal", "reference_seat")


@pytest.fixture(scope="module")
def anatomy():
    return standard_anatomy()


@pytest.fixture(scope="module")
def placed(anatomy):
    return layout(anatomy.parameters)


@pytest.fixture(scope="module")
def dry(anatomy, placed):
    return {part.name: part for part in kit_parts(anatomy, placed, "dry")}


@pytest.fixture(scope="module")
def wet(anatomy, placed):
    return {part.name: part for part in kit_parts(anatomy, placed, "wet")}


@pytest.fixture(scope="module")
def every(dry, wet):
    return dry | wet


def in_model(part):
    return moved_mesh(part.mesh, part.model_from_part)


def test_both_kinds_share_base_bones_and_frame(dry, wet):
    assert set(SHARED) <= dry.keys() & wet.keys()
    assert {"cord", "seat_caudal", "seat_cranial"} <= dry.keys() - wet.keys()
    assert {"sac_core", "plug_cranial", "mould_left", "mould_lid"} <= wet.keys() - dry.keys()


def test_every_part_is_one_closed_solid_flat_on_the_bed(every):
    for part in every.values():
        solid = solid_of(part.mesh)
        assert len(solid.decompose()) == 1, part.name
        assert solid.volume() > 1000.0, part.name
        low, high = part.mesh.vertices.min(axis=0), part.mesh.vertices.max(axis=0)
        assert low[2] == pytest.approx(0.0, abs=1e-4), part.name
        assert np.all(high - low <= BED), part.name


def test_every_part_stands_on_a_face(every):
    for part in every.values():
        corners = part.mesh.vertices[part.mesh.triangles]
        flat = corners[(corners[:, :, 2] < 1e-3).all(axis=1)]
        cross = np.cross(flat[:, 1] - flat[:, 0], flat[:, 2] - flat[:, 0])
        assert np.linalg.norm(cross, axis=1).sum() / 2 > 70.0, part.name


def test_walls_are_thick_enough_to_print(every):
    for part in every.values():
        measured = walls(part.mesh)
        thin = measured.thickness < LEAST_WALL - 0.01
        if part.name in LETTERED:
            face = LETTERED[part.name]
            in_letters = np.abs(measured.points[:, 2] - face + ENGRAVED / 2) < ENGRAVED / 2 + 0.01
            thin &= ~in_letters
        # Along the groove of a former's steepest bend the rim is sharp.
        allowed = 5.0 if part.name.startswith("artery_former") else 0.5
        assert measured.area[thin].sum() < allowed, part.name


def test_thin_walls_are_found():
    sheet = Mesh(*_sheet(1.0))
    assert walls(sheet).thin(LEAST_WALL) == pytest.approx(2 * 20.0 * 20.0, rel=1e-3)
    assert walls(Mesh(*_sheet(1.3))).thin(LEAST_WALL) == 0.0


def _sheet(thickness):
    mesh = mesh_of(box((0, 0, 0), (20, 20, thickness)))
    return mesh.vertices, mesh.triangles


def check_divot(mesh, d, depth):
    """Its apex is a vertex, and the faces there make a hollow right-angled cone; its rim."""
    off = np.linalg.norm(mesh.vertices - d.apex, axis=1)
    apex = int(off.argmin())
    assert off[apex] < 0.005, d.label
    faces = mesh.triangles[(mesh.triangles == apex).any(axis=1)]
    a, b, c = (mesh.vertices[faces[:, k]] for k in range(3))
    normals = np.cross(b - a, c - a)
    normals /= np.linalg.norm(normals, axis=1)[:, None]
    assert normals @ d.axis == pytest.approx(np.sqrt(0.5), abs=0.003), d.label
    rim = (mesh.vertices[np.setdiff1d(faces, apex)] - d.apex) @ d.axis
    assert rim.min() > 0.5 * depth, d.label
    return rim


def test_every_divot_is_a_right_angled_cone_with_its_apex_where_the_layout_says(dry, placed):
    for d in placed.divots:
        rim = check_divot(in_model(dry[d.holder]), d, DIVOT_DEPTH)
        assert rim.max() == pytest.approx(DIVOT_DEPTH, abs=0.01), d.label


def test_bones_of_the_dry_kit_have_check_divots_that_a_needle_reaches(anatomy, dry, wet):
    divots = bone_divots(anatomy)
    assert [d.label for d in divots] == ["B1", "B2"]
    column = in_model(dry["column"])
    for d in divots:
        check_divot(column, d, DEPTH)
        way = cylinder(np.add(d.apex, np.multiply(110.0, d.axis)), d.apex, 110.0 * TILT, 0.0)
        for part in dry.values():
            if part.model_from_part is not None:
                assert (way ^ solid_of(in_model(part))).volume() < 0.5, (d.label, part.name)
    assert solid_of(dry["column"].mesh).volume() < solid_of(wet["column"].mesh).volume()


def test_the_paper_of_the_reference_body_lies_where_its_file_says(dry, placed):
    gauge = Gauge.of(in_model(dry["reference_seat"]))
    for centre, right, down in reference_plates():
        normal = np.cross(right, -down)
        spots = [centre + i * 19.0 * right + j * 19.0 * down for i in (-1, 1) for j in (-1, 1)]
        printed = placed.model_from_reference.apply(np.array(spots) - PAPER * normal)
        assert gauge.distance(printed) == pytest.approx(0.0, abs=0.01)


@pytest.mark.parametrize("kind", ["dry", "wet"])
def test_nothing_is_in_the_way(kind, request, anatomy, placed):
    assert fits(list(request.getfixturevalue(kind).values()), anatomy, placed) == ()


def test_what_is_in_the_way_is_found(dry, anatomy, placed):
    bar = dry["bar"]
    lower = RigidTransform.from_translation([0.0, -40.0, 0.0]) * bar.model_from_part
    moved = [replace(bar, model_from_part=lower) if p is bar else p for p in dry.values()]
    clashes = {(c.one, c.other) for c in fits(moved, anatomy, placed)}
    assert ("column", "bar") in clashes


def test_an_end_plate_that_lugs_trap_is_found(wet, anatomy, placed):
    """With a corner that reaches over a lug."""
    name = "mould_caudal"
    corner = box((50.0, placed.base_top, -67.0), (placed.lug[0] + 3.0, 0.0, -62.0))
    wide = united([solid_of(in_model(wet[name])), corner])
    mesh = moved_mesh(mesh_of(wide), wet[name].model_from_part.inv())
    trapped = [replace(p, mesh=mesh) if p.name == name else p for p in wet.values()]
    drawn = [c for c in fits(trapped, anatomy, placed) if c.stage == "drawing"]
    assert ("mould_caudal on its way", "base") in {(c.one, c.other) for c in drawn}


def test_end_plates_close_the_mould(anatomy, placed, wet):
    """All round the gel's ends but where core and tubes go through."""
    skin = Upright(structure_solid(anatomy, "skin"))
    for name, z in (("mould_cranial", skin.high), ("mould_caudal", skin.low)):
        plate = solid_of(in_model(wet[name]))
        middle = sum(np.reshape(plate.bounding_box(), (2, 3))[:, 2]) / 2
        end = skin.section(z).offset(1.5, circular_segments=64) - plate.slice(middle)
        above = region([(-100, placed.base_top), (100, placed.base_top), (100, 200), (-100, 200)])
        for hole in (end ^ above).decompose():
            left, front, right, _ = hole.bounds()
            assert max(abs(left), abs(right)) < 30.0, name  # the core's, a tube's
            assert front > placed.base_top + 20.0, name


def test_supports_stay_off_bones_arteries_canal_and_window(anatomy, placed):
    supports = supports_mesh(anatomy, placed)
    solid = solid_of(supports)
    for name, bone in bones_of(anatomy).items():
        # meshed anew: they may be a few tenths in the bone where they end, no more
        assert (solid ^ bone).volume() < 10.0, name
    least = {"artery": 0.5, "dura": 0.8}
    for s in anatomy.structures:
        if s.role in least:
            gap = Gauge.of(supports).gap(Gauge(s.vertices, s.triangles))
            assert gap > least[s.role], s.name
    _, y, z = supports.vertices.T
    assert not ((y > WINDOW_FRONT + 1e-3) & (np.abs(z) < WINDOW - 1e-3)).any()


def test_column_joins_all_bones_by_its_struts(anatomy, placed):
    column = column_solid(anatomy, placed)
    bones = bones_of(anatomy)
    assert len(column.decompose()) == 1
    assert len(bones) == 5
    struts = column.volume() - sum(bone.volume() for bone in bones.values())
    assert struts == pytest.approx(solid_of(supports_mesh(anatomy, placed)).volume(), rel=0.04)


def test_a_neck_too_thin_for_the_base_is_refused(anatomy, placed):
    with pytest.raises(InputError, match="base"):
        column_solid(anatomy, replace(placed, base_top=placed.base_top + 40.0))


def test_the_gel_rests_flat_on_the_base_and_fills_the_mould(anatomy, placed, wet):
    gel = skin_on_base(anatomy.parameters, placed)
    assert gel.vertices[:, 1].min() == pytest.approx(placed.base_top, abs=1e-4)
    gauge = Gauge.of(gel)
    left = solid_of(in_model(wet["mould_left"]))
    # the case's gel is meshed in rings: as much as 0.02 mm all over
    assert (left ^ solid_of(gel)).volume() < 0.02 * 17_000
    on_skin = np.array([[x, y, z] for z in (-50.0, -20.0, 10.0, 35.0) for x, y in [(200.0, 0.0)]])
    inner = Gauge.of(in_model(wet["mould_left"]))
    for start in on_skin:
        to_gel = gauge.reach(start, (-1, 0, 0))
        outside = inner.reach(start, (-1, 0, 0))
        wall = inner.reach(start - (outside + 1e-3, 0, 0), (-1, 0, 0))
        assert outside + wall == pytest.approx(to_gel, abs=0.1)
        assert wall > 2.4


def test_the_core_can_be_drawn_past_bones_and_gel(anatomy, wet):
    core = solid_of(in_model(wet["sac_core"])).trim_by_plane((0, 0, -1), -NECK_TOP)
    bones = united(bones_of(anatomy).values())
    lean = drawing_lean(core, bones)
    for t in np.arange(0.0, 110.0, 7.0):
        held = (core.translate((0.0, lean * t, t)) ^ bones).volume()
        assert held < 3.0, f"{t:g} mm on the way"
    assert drawn_undercut(anatomy) < 3.0


def test_the_core_is_the_sac_less_its_sleeve(anatomy, wet):
    core = Gauge.of(in_model(wet["sac_core"]))
    dura = anatomy.structure("dura").vertices
    behind = dura[(dura[:, 1] > -4.0) & (np.abs(dura[:, 2]) < 10.0)]
    assert core.signed_distance(behind) == pytest.approx(SLEEVE, abs=0.05)
    ends = dura[np.abs(dura[:, 2]) < 25.0]
    assert core.signed_distance(ends).min() > 0.1


def test_the_dry_cord_is_the_cord(anatomy, dry):
    rod = Gauge.of(in_model(dry["cord"]))
    cord = anatomy.structure("cord").vertices
    assert rod.distance(cord[np.abs(cord[:, 2]) < 20.0]).max() < 0.01


def test_water_gets_through_the_plugs(wet):
    for end in ("cranial", "caudal"):
        assert solid_of(wet[f"plug_{end}"].mesh).genus() == 1


def test_tubes_can_be_bought(anatomy):
    for tube in tubes(anatomy):
        assert BORES[tube.outer] == tube.inner
        assert tube.length > 130.0


def test_same_parameters_same_bits(anatomy, placed, wet):
    again = {"sac_core": core_solid(anatomy), "column": column_solid(anatomy, placed)}
    again["mould_left"] = mould_solids(anatomy, placed)["mould_left"]
    for name, solid in again.items():
        part = wet[name]
        mesh, model_from_part = laid(solid, part.model_from_part.inv().rotation)
        assert np.array_equal(mesh.vertices, part.mesh.vertices), name
        assert np.array_equal(mesh.triangles, part.mesh.triangles), name
        assert np.array_equal(model_from_part.as_matrix(), part.model_from_part.as_matrix()), name
