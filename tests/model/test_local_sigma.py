"""A surface's own error that varies over it: read from the mesh, used in the bound."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nav.core.errors import InputError
from nav.core.tracked_frame import Tip
from nav.guidance.proximity import Z95, proximity
from nav.model.case import Case, Structure
from nav.model.local_sigma import LocalSigma
from nav.model.surface import Surface, load_surface
from tests.solids import cube


def ply(vertices, triangles, sigma) -> str:
    rows = [
        "ply",
        "format ascii 1.0",
        f"element vertex {len(vertices)}",
        *(f"property float {name}" for name in ("x", "y", "z", "sigma")),
        f"element face {len(triangles)}",
        "property list uchar int vertex_indices",
        "end_header",
        *(" ".join(map(str, [*v, s])) for v, s in zip(vertices, sigma, strict=True)),
        *(f"3 {a} {b} {c}" for a, b, c in triangles),
    ]
    return "\n".join(rows) + "\n"


def test_the_bound_uses_the_sigma_of_the_nearest_place(tmp_path):
    whole = cube()
    sigma = np.where(whole.vertices[:, 0] > whole.vertices[:, 0].mean(), 0.1, 0.9)
    path = tmp_path / "cube.ply"
    path.write_text(ply(whole.vertices, whole.triangles, sigma))
    surface = load_surface(path, "structure cube: mesh")
    case = Case("cube", (Structure("cube", "artery", surface, 5.0, 3.0, 0.5),))
    middle = (whole.vertices.min(axis=0) + whole.vertices.max(axis=0)) / 2
    half = (whole.vertices.max(axis=0) - whole.vertices.min(axis=0)) / 2
    for sign, expected in ((1.0, 0.1), (-1.0, 0.9)):
        place = middle + np.array([sign * (half[0] + 4.0), 0.0, 0.0])
        tip = Tip(place, None, np.zeros((3, 3)), np.zeros((3, 3)))
        (found,) = proximity(case, tip).structures
        assert found.sd == pytest.approx(expected, abs=1e-6)
        assert found.bound == pytest.approx(found.distance - Z95 * expected, abs=1e-5)


def test_without_a_property_the_structure_s_sigma_holds():
    structure = Structure("cube", "artery", cube(), 5.0, 3.0, 0.5)
    assert structure.sigma_at(np.zeros((4, 3))) == pytest.approx(0.5)


@pytest.mark.parametrize("value", ["-0.1", "nan", "300"])
def test_a_sigma_that_cannot_be_is_refused(tmp_path, value):
    whole = cube()
    sigma = [value, *["0.3"] * (len(whole.vertices) - 1)]
    path = tmp_path / "cube.ply"
    path.write_text(ply(whole.vertices, whole.triangles, sigma))
    with pytest.raises(InputError, match="sigma"):
        load_surface(path, "structure cube: mesh")


@given(st.integers(4, 60), st.integers(0, 10_000))
def test_between_vertices_it_lies_between_their_values(count, seed):
    rng = np.random.default_rng(seed)
    local = LocalSigma(rng.normal(0, 10, (count, 3)), rng.uniform(0.05, 2.0, count))
    asked = local.at(rng.normal(0, 10, (20, 3)))
    assert (asked >= local.values.min() - 1e-9).all()
    assert (asked <= local.values.max() + 1e-9).all()
    assert local.at(local.points) == pytest.approx(local.values, rel=1e-4)


def test_surface_keeps_none():
    assert Surface([[0, 0, 0]], [[0, 0, 0]]).sigma is None
