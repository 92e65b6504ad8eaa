"""Cases in other units and with absurd limits are refused or said."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from nav.core.errors import InputError
from nav.model.case import Case, Fiducial, Plan, Structure
from nav.model.plausible_case import check_case
from nav.model.surface import Surface
from tests.solids import box


def case(factor: float = 1.0, points: float = 1.0) -> Case:
    """A neck of boxes, with meshes and points in a unit each."""
    sizes = {
        "artery": ([20.0, 0.0, 0.0], [24.0, 4.0, 30.0]),
        "cord": ([-5.0, -5.0, -20.0], [5.0, 5.0, 20.0]),
        "bone": ([-30.0, -30.0, -10.0], [30.0, 30.0, 10.0]),
    }
    structures = tuple(
        Structure(role, role, box(*(np.array(side) * factor for side in sides)), None, None, 0.3)
        for role, sides in sizes.items()
    )
    places = np.array([[60.0, 0, 0], [-60.0, 0, 0], [0, 60.0, 10.0], [0, -60.0, 0]]) * points
    fiducials = tuple(Fiducial(f"D{k}", place, "register") for k, place in enumerate(places))
    plan = Plan("left", np.array([60.0, 0, 0]) * points, np.array([10.0, 0, 0]) * points)
    return Case("neck", structures, fiducials, (plan,))


def with_first(**changed: Any) -> Case:
    given = case()
    return replace(
        given, structures=(replace(given.structures[0], **changed), *given.structures[1:])
    )


def test_a_usual_case_has_no_warnings():
    assert check_case(case(), "case.toml") == ()


@pytest.mark.parametrize(("factor", "unit"), [(1e-3, "metres"), (1e3, "micrometres")])
def test_meshes_in_another_unit_are_refused_by_its_name(factor, unit):
    with pytest.raises(InputError, match=f"case.toml: .* are these {unit}\\? Write millimetres"):
        check_case(case(factor, factor), "case.toml")


def test_one_mesh_in_another_unit_is_refused():
    tiny = box([0.02, 0.0, 0.0], [0.024, 0.004, 0.03])
    with pytest.raises(InputError, match=r"structure artery: mesh: reaches over 0.03.* metres"):
        check_case(with_first(surface=tiny), "case.toml")


def test_points_far_away_are_refused():
    with pytest.raises(
        InputError, match=r"D0: position: is .* mm from all structures: are these mi"
    ):
        check_case(case(1.0, 1e3), "case.toml")


def test_points_in_metres_are_said():
    (warning,) = check_case(case(1.0, 1e-3), "case.toml")
    assert "if these are metres, write millimetres" in warning


def test_points_beside_another_neck_are_said():
    far = replace(case(), fiducials=(Fiducial("D9", np.array([0.0, 0.0, 500.0]), "check"),))
    (warning,) = check_case(far, "case.toml")
    assert "fiducial D9: position: is 470 mm from all structures, which is unusual" in warning


def test_a_surface_that_is_not_known_is_refused():
    with pytest.raises(InputError, match="structure artery: sigma: 300 mm; expected"):
        check_case(with_first(sigma=300.0), "case.toml")


@pytest.mark.parametrize("caution", [0.005, 5000.0])
def test_an_alarm_that_is_never_or_always_on_is_said(caution):
    (warning,) = check_case(with_first(caution=caution), "case.toml")
    assert "structure artery: caution: " in warning


@pytest.mark.parametrize(
    ("offset", "hint"),
    [([0.0, -200.0, 0.0], "is its mesh in another frame?"), ([0.0, -300.0, 0.0], "is in RAS")],
)
def test_a_structure_far_from_all_others_is_said(offset, hint):
    """Meshes 150 mm from the origin, one of them turned about it."""
    whole = case()
    moved = [
        replace(
            s,
            surface=Surface(s.surface.vertices + np.array([0.0, 150.0, 0.0]), s.surface.triangles),
        )
        for s in whole.structures
    ]
    moved[0] = replace(
        moved[0],
        surface=Surface(moved[0].surface.vertices + np.array(offset), moved[0].surface.triangles),
    )
    (warning,) = check_case(replace(whole, structures=tuple(moved)), "case.toml")
    assert "structure artery: lies 1" in warning or "structure artery: lies 2" in warning
    assert hint in warning


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_sides_that_are_exchanged_are_said(sign):
    """As all meshes are in RAS that no file says."""
    sides = {"Left vertebral artery": sign, "right vertebral artery": -sign}
    added = tuple(
        Structure(
            name, "artery", box([25.0 * at - 2, 0, 0], [25.0 * at + 2, 4, 9]), None, None, 0.3
        )
        for name, at in sides.items()
    )
    whole = case()
    said = check_case(replace(whole, structures=(*whole.structures, *added)), "case.toml")
    assert len(said) == (0 if sign > 0 else 1)
    assert all("Left vertebral artery: lies to the right of its counterpart" in s for s in said)


def test_an_error_of_the_surface_in_metres_is_said():
    (warning,) = check_case(with_first(sigma=0.0003), "case.toml")
    assert "structure artery: sigma: 0.0003 mm is unusual" in warning
