"""What counts as changed by a correction, which remarks are kept, and what is kept of runs."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import pyvista

from nav.model.case import PLANNED
from nav.reconstruction import comparison, correction
from nav.reconstruction.comparison import SIGMA_CHANGED, Correction, Moved, compare
from nav.reconstruction.correction import KEPT_RUNS, CaseRerun, _case_table
from nav.reconstruction.guidance import NOTHING, with_seed
from nav.reconstruction.reconstruction_result import ReconstructedSurface
from nav.view.case.proposal import Proposal


def ball(**changes):
    mesh = pyvista.Icosphere(radius=10.0, nsub=3)
    faces = mesh.faces.reshape(-1, 4)[:, 1:].astype(np.int32)
    points = np.asarray(mesh.points, float)
    found = ReconstructedSurface("C1", "bone", points, faces, np.full(len(points), 0.2), "greys")
    return replace(found, **changes)


def result(*surfaces):
    return SimpleNamespace(
        surfaces=surfaces, remarks=(), guidance=NOTHING, chain=None, learnt=None,
        surface=lambda name: next((s for s in surfaces if s.name == name), None),
    )  # fmt: skip


@pytest.fixture
def compared(monkeypatch):
    monkeypatch.setattr(comparison, "draw_overview", lambda found, path: path.write_bytes(b"PNG"))
    monkeypatch.setattr(comparison, "chain_table", lambda chain: {})
    monkeypatch.setattr(comparison, "learnt_table", lambda learnt: None)
    return lambda now: compare(result(ball()), result(now))


def permuted(surface):
    """The same surface, its vertices in another order."""
    order = np.random.default_rng(0).permutation(len(surface.vertices))
    triangles = np.argsort(order)[surface.triangles].astype(np.int32)
    return replace(
        surface, vertices=surface.vertices[order], sigma=surface.sigma[order], triangles=triangles
    )


@pytest.mark.parametrize("other", [lambda surface: surface, permuted])
def test_a_surface_that_is_surer_or_made_otherwise_has_changed(compared, other):
    sigma = ball().sigma
    assert compared(other(ball())).is_nothing
    assert compared(other(ball(sigma=sigma + 0.9 * SIGMA_CHANGED))).is_nothing
    one = sigma.copy()
    one[7] += 0.3
    surer = compared(other(ball(sigma=one)))
    assert surer.moved["C1"].sigma == pytest.approx(0.3)
    assert Proposal(surer).lines == ("C1: where it was, sigma changed by 0.30 mm at most",)
    made = compared(other(ball(source="label map")))
    assert [s.source for s in made.surfaces] == ["label map"]
    assert Proposal(made).lines == ("C1: where it was; now from label map",)


def test_old_remarks_about_what_was_made_anew_go():
    """They are not the same letter for letter: the scan of the case is a part of the whole one."""
    table = {
        "structure": [{"name": n, "mesh": f"{n}.ply", "role": "bone"} for n in ("C1", "C2", "C3")],
        "plan": [],
        "reconstruction": {
            "remarks": [
                "C2: 81 % of it are in the scan",
                "C1 and C2: fused or unresolved over 12 mm²",
                "C3: 90 % of it are in the scan",
                "vertebral artery left: not seen",
                "C20: is no neighbour",
                PLANNED,
            ]
        },
    }
    now = ("C2: 82 % of it are in the scan",)
    changed = Correction(
        NOTHING, (ball(name="C2"),), {"C2": Moved(0.1, 1.0, 0.0)}, (), now, (), {"C2": "greys"},
        {}, None, b"",
    )  # fmt: skip
    found = _case_table(table, changed, {"C2": "new.ply"})
    assert found["reconstruction"]["remarks"] == [
        *now,
        "C3: 90 % of it are in the scan",
        "vertebral artery left: not seen",
        "C20: is no neighbour",
        PLANNED,
    ]


def test_only_the_case_and_the_last_runs_are_kept(monkeypatch):
    seen = []

    def reconstruct(read, tell, guidance, known):
        seen.append(set(known))
        number = len(guidance.seeds_of("artery"))
        return SimpleNamespace(made={("own",): 0, ("run", number): number})

    monkeypatch.setattr(correction, "reconstruct", reconstruct)
    monkeypatch.setattr(correction, "compare", lambda before, after: after)
    rerun = object.__new__(CaseRerun)
    rerun.read, rerun.guidance, rerun.made, rerun.before, rerun._last = None, NOTHING, {}, None, ()
    said = NOTHING
    for _ in range(5):
        said = with_seed(said, "vertebral artery left", (0.0, 0.0, 0.0))
        rerun.run(said)
    last = {("run", number) for number in (4 - KEPT_RUNS + 1, 4)}
    assert seen[-1] == {("own",), ("run", 0), *last}
