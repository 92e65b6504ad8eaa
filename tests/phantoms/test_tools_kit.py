"""Needle carrier and test block: where the markers are, what fits into what, exact divots."""

from collections import Counter
from itertools import combinations

import numpy as np
import open3d as o3d
import pytest
from scipy.spatial.transform import RigidTransform

from calibration.needle.tip_check import calibrate_check
from calibration.printing.standard_tools import needle_apothem, standard_needle
from nav.registration.pointfile import load_points
from nav.registration.points import register_points
from phantoms.anatomy.mesh import edges
from phantoms.kit import needle_carrier
from phantoms.kit import tools_inserts as inserts
from phantoms.kit import tools_seat as seat
from phantoms.kit.block import (
    GROOVE_DEPTH,
    GROOVE_Y,
    PIVOT_CONE,
    PLATE,
    TOWER,
    block,
    block_divots,
    block_guides,
    write_block_points,
)
from phantoms.kit.label import ENGRAVED
from phantoms.kit.part import BED, LEAST_WALL
from phantoms.kit.solid import box, cylinder, placed, solid_of, turn_of_z, united
from phantoms.kit.tools_standards import BORE_CLEARANCE, GAUGES, LUER, NRFIT

OVERHANG = 50.0  # degrees from upright that print without support
NAMES = [
    "needle-carrier",
    "needle-nut",
    *(f"needle-bush-{gauge}g" for gauge in GAUGES),
    "needle-adaptor-luer",
    "needle-adaptor-nrfit",
    "block",
]
BRIDGE = 4.5  # mm^2, a small ceiling that a printer bridges: a slot's end, a letter's stroke


@pytest.fixture(scope="module")
def the_block():
    return block()


@pytest.fixture(scope="module")
def parts():
    return {part.name: part for part in needle_carrier.carrier_parts()}


@pytest.fixture
def part(name, parts, the_block):
    return the_block if name == "block" else parts[name]


@pytest.fixture(scope="module")
def in_use(parts):
    return {
        name: placed(solid_of(part.mesh), seat.tool_from_part(name)) for name, part in parts.items()
    }


@pytest.fixture(scope="module")
def block_solid(the_block):
    return solid_of(the_block.mesh)


def radii(solid, z):
    """Distances of a section's corners from the axis, contour by contour."""
    return [np.linalg.norm(c, axis=1) for c in solid.slice(z).to_polygons()]


def inner_radius(solid, z):
    """Of the largest rod about the axis that a section leaves room for."""
    closest = []
    for contour in solid.slice(z).to_polygons():
        start, way = contour, np.roll(contour, -1, axis=0) - contour
        share = np.clip(-(start * way).sum(1) / (way**2).sum(1), 0.0, 1.0)
        closest.append(np.linalg.norm(start + share[:, None] * way, axis=1).min())
    return min(closest)


@pytest.mark.parametrize("name", NAMES)
def test_a_part_is_one_closed_solid_that_stands_on_the_bed(name, part):
    t = part.mesh.triangles
    sides = Counter(map(tuple, np.concatenate([t[:, [0, 1]], t[:, [1, 2]], t[:, [2, 0]]])))
    assert set(sides.values()) == {1}
    assert all((b, a) in sides for a, b in sides)
    assert len(sides) == 2 * len(edges(part.mesh))
    assert len(solid_of(part.mesh).decompose()) == 1
    low, high = part.mesh.vertices.min(axis=0), part.mesh.vertices.max(axis=0)
    assert low[2] == 0.0
    assert (high - low <= BED).all()


@pytest.mark.parametrize("name", NAMES)
def test_a_part_prints_without_support(name, part):
    corners = part.mesh.vertices[part.mesh.triangles]
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    area = np.linalg.norm(across, axis=1)
    down = -across[:, 2] / np.maximum(area, 1e-12) > np.sin(np.radians(OVERHANG))
    off_bed = corners[:, :, 2].max(axis=1) > 0.01
    needing = down & off_bed & ~in_letters(name, corners.mean(axis=1))
    assert area[needing].sum() / 2 < BRIDGE
    assert area.min() > 1e-7


def in_letters(name, points):
    """Whether they lie as deep under a labelled face as letters do: what these leave is no wall."""
    deep = ENGRAVED + 1e-3
    faces = {"block": ((1, TOWER[0], 1), (2, TOWER[2], -1), (2, PLATE, -1))}
    faces["needle-carrier"] = ((2, seat.LENGTH, -1),)
    found = np.zeros(len(points), bool)
    for axis, face, inwards in faces.get(name, ()):
        depth = inwards * (points[:, axis] - face)
        found |= (depth > 1e-4) & (depth < deep)
    return found


@pytest.mark.parametrize("name", [n for n in NAMES if "bush" not in n])
def test_no_wall_is_too_thin_to_print(name, part):
    scene = o3d.t.geometry.RaycastingScene(nthreads=1)
    vertices, triangles = part.mesh.vertices, part.mesh.triangles
    scene.add_triangles(vertices.astype(np.float32), triangles.astype(np.uint32))
    corners = vertices[triangles]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    area = np.linalg.norm(normals, axis=1)
    used = area > 1e-3  # what is smaller has no direction to trust
    used &= ~in_letters(name, corners.mean(axis=1))
    normals = normals[used] / area[used, None]
    starts = corners[used].mean(axis=1) - 1e-3 * normals
    hits = scene.cast_rays(np.hstack([starts, -normals]).astype(np.float32))
    facing = np.einsum("ij,ij->i", hits["primitive_normals"].numpy(), normals) < -0.95
    assert hits["t_hit"].numpy()[facing].min() > LEAST_WALL - 0.01


def test_parts_are_the_same_to_the_bit(parts):
    for again in (needle_carrier.carrier(), inserts.bush(17), inserts.adaptor(LUER)):
        once = parts[again.name].mesh
        assert again.mesh.vertices.tobytes() == once.vertices.tobytes()
        assert again.mesh.triangles.tobytes() == once.triangles.tobytes()


@pytest.mark.parametrize("paper", [0.1, 0.25])
def test_faces_lie_under_the_markers_by_the_paper(paper):
    part = needle_carrier.carrier(paper)
    vertices = seat.tool_from_part(part.name).apply(part.mesh.vertices)
    for marker in standard_needle().markers:
        right, down = (
            (marker.corners[1] - marker.corners[0]),
            (marker.corners[3] - marker.corners[0]),
        )
        normal = np.cross(down, right) / 14.0**2
        assert (vertices @ normal).max() == pytest.approx(needle_apothem() - paper, abs=1e-4)
        face = vertices[np.isclose(vertices @ normal, needle_apothem() - paper, atol=1e-4)]
        quiet = marker.corners + 1.5 * (marker.corners - marker.centre) / 7.0
        for direction in (right / 14.0, down / 14.0):
            assert (face @ direction).min() <= (quiet @ direction).min() + paper
            assert (face @ direction).max() >= (quiet @ direction).max() - paper


def test_carrier_is_as_long_as_the_printed_strip(parts):
    prism = parts["needle-carrier"].mesh.vertices
    corner = (needle_apothem() - needle_carrier.PAPER) / np.cos(np.pi / 8)
    wide = np.linalg.norm(prism[:, :2], axis=1) > corner - 0.01
    assert np.ptp(prism[wide, 2]) == pytest.approx(seat.LENGTH - needle_carrier.FOOT, abs=1e-4)


def test_everything_goes_together_without_touching_where_it_should_not(parts, in_use):
    inserts = [n for n in parts if "bush" in n or "adaptor" in n]
    assert len(inserts) == len(GAUGES) + 2
    for name in inserts:
        for other in ("needle-carrier", "needle-nut"):
            assert (in_use[name] ^ in_use[other]).volume() == pytest.approx(0.0, abs=0.01)
    assert (in_use["needle-nut"] ^ in_use["needle-carrier"]).volume() == pytest.approx(0.0)


def test_nut_presses_the_insert_and_holds_on_its_thread(in_use):
    carrier, nut, bush = (in_use[f"needle-{n}"] for n in ("carrier", "nut", "bush-17g"))
    assert (nut.translate((0, 0, -0.05)) ^ bush).volume() > 1.0
    pulled = nut.translate((0, 0, needle_carrier.THREAD_PITCH / 2)) ^ carrier
    assert pulled.volume() > 20.0


def test_seat_centres_every_insert(parts, in_use):
    for name in parts:
        if "bush" in name or "adaptor" in name:
            lifted = in_use[name].translate((0.0, 0.0, -0.2))  # a little deeper: all round contact
            contact = (lifted ^ in_use["needle-carrier"]).bounding_box()
            assert contact[0] < -6.0 < 6.0 < contact[3]
            assert contact[1] < -6.0 < 6.0 < contact[4]


def test_key_stops_an_insert_from_turning(in_use):
    turned = in_use["needle-bush-17g"].rotate((0.0, 0.0, 6.0))
    assert (turned ^ in_use["needle-carrier"]).volume() > 0.5


@pytest.mark.parametrize("gauge", GAUGES)
def test_bush_lets_its_needle_slide_and_no_thicker_one(gauge, in_use):
    bush = in_use[f"needle-bush-{gauge}g"]
    room = inner_radius(bush, seat.HUB_FACE + 3.0)
    assert room == pytest.approx((GAUGES[gauge] + BORE_CLEARANCE) / 2, abs=1e-4)
    shaft = cylinder((0, 0, -20.0), (0, 0, 100.0), GAUGES[gauge] / 2)
    assert (shaft ^ bush).volume() == 0.0


@pytest.mark.parametrize("gauge", GAUGES)
def test_bush_is_split_into_three_fingers_joined_behind(gauge, in_use):
    bush = in_use[f"needle-bush-{gauge}g"]
    assert len(bush.slice(seat.SEAT_FRONT - 1.0).decompose()) == 3
    assert len(bush.slice(seat.HUB_FACE + 3.0).decompose()) == 1


@pytest.mark.parametrize(
    ("cone", "taper", "tip"), [(LUER, 0.06, (3.925, 4.027)), (NRFIT, 0.05, (3.1, 3.3))]
)
def test_male_cone_is_the_standard_s(cone, taper, tip, in_use):
    """Luer by ISO 594-1, as ISO 80369-7; of NRFit only the taper is known to be ISO 80369-6's."""
    solid = in_use[f"needle-adaptor-{cone.name.lower()}"]
    end = solid.bounding_box()[5]
    near, far = (2 * max(r.max() for r in radii(solid, end - z)) for z in (0.01, 7.49))
    assert tip[0] < near < tip[1]
    assert (far - near) / 7.48 == pytest.approx(taper, abs=1e-4)
    assert end - inserts.SHOULDER >= 7.5
    assert near / 2 - inner_radius(solid, end - 0.01) >= LEAST_WALL - 0.01


@pytest.mark.parametrize(("cone", "mouth"), [(LUER, (4.270, 4.315)), (NRFIT, (3.4, 3.5))])
def test_female_cone_takes_the_male_one(cone, mouth, in_use):
    solid = in_use[f"needle-adaptor-{cone.name.lower()}"]
    back = solid.bounding_box()[2]
    first, last = (2 * inner_radius(solid, back + z) for z in (0.01, 8.0))
    assert mouth[0] < first < mouth[1]
    assert (first - last) / 7.99 == pytest.approx(cone.taper, abs=1e-4)
    assert 3.0 < cone.engaged < 7.5


@pytest.mark.parametrize("name", ["luer", "nrfit"])
def test_fluid_runs_through_an_adaptor(name, in_use):
    adaptor = in_use[f"needle-adaptor-{name}"]
    wire = cylinder((0, 0, -30.0), (0, 0, 80.0), 0.35)
    assert (wire ^ adaptor).volume() == 0.0


def test_hub_stands_open_behind_the_bush(in_use):
    carrier = in_use["needle-carrier"]
    hub = cylinder((0, 0, -40.0), (0, 0, seat.HUB_FACE), 4.2)
    assert (hub ^ carrier).volume() == 0.0
    wings = cylinder((0, 0, -40.0), (0, 0, -3.0), 12.9)
    assert (wings ^ carrier).volume() == 0.0
    assert seat.free_shaft(90.0) > 60.0  # skin to dura is 52 mm


def test_lock_syringe_reaches_an_adaptor_in_the_pocket(in_use):
    # a lock collar is a tube of 11 mm outside and 7 mm inside; the barrel behind it 14 mm wide
    back = seat.TAIL_BACK
    collar = cylinder((0, 0, back - 2.0), (0, 0, back + 7.0), 5.5)
    collar -= cylinder((0, 0, back - 3.0), (0, 0, back + 8.0), 3.5)
    barrel = cylinder((0, 0, back - 40.0), (0, 0, back - 2.0), 7.0)
    for name in ("needle-carrier", "needle-adaptor-luer"):
        assert (united([collar, barrel]) ^ in_use[name]).volume() == pytest.approx(0.0)


def test_every_divot_s_apex_is_a_vertex_and_its_cone_is_right(the_block, block_solid):
    vertices = the_block.mesh.vertices
    for found in block_divots():
        assert (vertices == found.apex).all(axis=1).any()
        inside = [found.apex + s * found.axis for s in (-0.05, 0.05)]
        speck = [box(p - np.full(3, 1e-3), p + np.full(3, 1e-3)) for p in inside]
        assert (speck[0] ^ block_solid).volume() == pytest.approx(speck[0].volume())
        assert (speck[1] ^ block_solid).volume() == 0.0
        high = found.depth
        cone = cylinder(found.apex + high * found.axis, found.apex, high, 0.0)
        assert (cone ^ block_solid).volume() == pytest.approx(0.0, abs=1e-3)


def test_divots_are_many_well_spread_and_at_several_heights():
    divots = block_divots()
    apexes = np.array([d.apex for d in divots])
    assert len({d.label for d in divots}) == len(divots) >= 15
    assert len(np.unique(apexes[:, 2].round(1))) >= 5
    assert all(2.0 <= d.depth <= 2.5 for d in divots[1:])
    assert divots[0].label == "P"
    assert np.ptp(apexes, axis=0) == pytest.approx([100.0, 81.0, 35.0])
    # registered with a divot's error of 0.25 mm per axis, the block is known that well everywhere
    registered = register_points(apexes, apexes, fle=0.25)
    corners = np.array([(x, y, z) for x in (-56, 56) for y in (-56, 56) for z in (0, 45)], float)
    assert registered.predicted_tre(corners).max() < 0.25 * np.sqrt(3.0)
    distances = [np.linalg.norm(a - b) for a, b in combinations(apexes, 2)]
    assert max(distances) > 100.0
    assert min(distances) > 10.0


def test_needle_swings_by_the_promised_cone_about_the_pivot(block_solid):
    pivot = block_divots()[0]
    tip = seat.tip_beyond_centre(90.0)
    # a 14G shaft beyond its bevel, the nut, the carrier by its corners; z from the tip to the hub
    needle = united(
        [
            cylinder((0, 0, 4.5), (0, 0, tip), GAUGES[14] / 2),
            cylinder((0, 0, tip - seat.NUT_FRONT), (0, 0, tip), seat.NUT_RADIUS),
            cylinder((0, 0, tip - 18.0), (0, 0, tip + 18.0), 22.3),
        ]
    )
    tilt = np.radians(PIVOT_CONE / 2)
    for turn in np.radians(np.arange(0.0, 360.0, 15.0)):
        axis = [np.sin(tilt) * np.cos(turn), np.sin(tilt) * np.sin(turn), np.cos(tilt)]
        put = RigidTransform.from_components(pivot.apex, turn_of_z(axis))
        assert (placed(needle, put) ^ block_solid).volume() == 0.0


def test_a_guide_holds_each_gauge_in_its_direction(block_solid):
    top = TOWER[2]
    assert [g.gauge for g in block_guides()] == list(GAUGES)
    for guide in block_guides():
        shaft = cylinder(
            (guide.x, guide.y, -5.0), (guide.x, guide.y, 80.0), GAUGES[guide.gauge] / 2
        )
        assert (shaft ^ block_solid).volume() == 0.0
        thick = guide.diameter / 2 + 0.05
        for z in (2.0, top - 4.0):  # both lands are narrow
            disk = cylinder((guide.x, guide.y, z), (guide.x, guide.y, z + 0.5), thick)
            assert (disk ^ block_solid).volume() > 0.0
        # by at most so much may the shaft lean between the lands
        assert np.degrees(np.arctan(BORE_CLEARANCE / (top - 4.0))) < 0.2


def test_groove_runs_along_x_for_any_gauge(block_solid):
    y, top, deep = GROOVE_Y, TOWER[2], GROOVE_DEPTH
    for diameter in GAUGES.values():
        high = top - deep + diameter / 2 * np.sqrt(2.0)
        rod = cylinder((-70.0, y, high), (70.0, y, high), diameter / 2)
        assert (rod ^ block_solid).volume() == pytest.approx(0.0, abs=1e-6)
        sunk = rod.translate((0.0, 0.0, -0.05))
        assert (sunk ^ block_solid).volume() > 0.0
    assert top - deep > 22.3  # the carrier hangs free beside the block


def test_points_file_is_what_the_check_reads(tmp_path, capsys):
    from rich.console import Console

    path = tmp_path / "block.csv"
    write_block_points(path)
    points = load_points(path)
    assert list(points) == [d.label for d in block_divots()]
    for divot in block_divots():
        assert (points[divot.label] == divot.apex).all()
    assert calibrate_check(path, path, 0.01, Console(), register=True)
