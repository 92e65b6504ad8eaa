"""Where a kit can hold a divot: each place proposed can be cut; the kit's own are near them."""

from dataclasses import replace

import numpy as np
import pytest

from nav import cli
from nav.registration.pointfile import load_points
from phantoms.anatomy.parameters import AnatomyParameters
from phantoms.kit.divot_places import divot_places
from phantoms.kit.frame import arch_solid, bar_solid
from phantoms.kit.kit_layout import DIVOT_DEPTH, layout
from phantoms.kit.solid import mesh_of
from tests.phantoms.test_kit_layout import STOUT, THIN
from tests.phantoms.test_kit_parts import check_divot

APART = 15.0  # mm


@pytest.fixture(params=[{}, THIN, STOUT], ids=["standard", "thin", "stout"])
def placed(request):
    return layout(replace(AnatomyParameters(), **request.param))


def spaced(places):
    """Some of them, each far enough from those before; the last ones too."""
    chosen = []
    for d in (places[-1], *places):
        if all(np.linalg.norm(np.subtract(d.apex, e.apex)) > APART for e in chosen):
            chosen.append(d)
    return tuple(replace(d, label=f"R{k}") for k, d in enumerate(chosen))


@pytest.mark.parametrize("holder", ["arch_cranial", "arch_caudal", "bar"])
def test_a_whole_divot_can_be_cut_at_every_place(placed, holder):
    divots = spaced([d for d in divot_places(placed) if d.holder == holder])
    assert len(divots) >= 5
    other = replace(placed, divots=divots)
    mesh = mesh_of(bar_solid(other) if holder == "bar" else arch_solid(other, holder))
    for d in divots:
        rim = check_divot(mesh, d, DIVOT_DEPTH)
        assert rim.max() == pytest.approx(DIVOT_DEPTH, abs=0.01), d.label


def test_the_kits_own_divots_are_near_places_proposed(placed):
    at = np.array([d.apex for d in divot_places(placed)])
    for d in placed.divots:
        assert np.linalg.norm(at - d.apex, axis=1).min() < 8.0, d.label


def test_places_are_different_and_have_names_of_their_own(placed):
    places = divot_places(placed)
    at = np.array([d.apex for d in places])
    gaps = np.linalg.norm(at[:, None] - at[None], axis=2)
    assert gaps[np.triu_indices(len(at), 1)].min() > 1.0
    assert len({d.label for d in places}) == len(places)


def test_the_command_writes_them_as_points(tmp_path, capsys):
    output = tmp_path / "places.csv"
    with pytest.raises(SystemExit) as ended:
        cli.main(["phantom", "divots", "--output", str(output)])
    assert not ended.value.code
    places = divot_places(layout(AnatomyParameters()))
    found = load_points(output)
    assert list(found) == [d.label for d in places]
    assert np.array(list(found.values())) == pytest.approx(np.array([d.apex for d in places]))
    assert "made_by" in (tmp_path / "places.toml").read_text()
    assert f"{len(places)} places" in capsys.readouterr().out
