"""Meshes from the cache are the same to the bit; a bad cache is negligible."""

import numpy as np
import pytest

from nav.core.errors import InputError
from phantoms import store
from phantoms.anatomy import standard_neck
from phantoms.anatomy.mesh import Mesh
from phantoms.anatomy.plans import AnatomyPlan

MESH = Mesh(np.array([[0.1, 0.2, 0.3], [1, 0, 0], [0, 1, 0.0]]), np.array([[0, 1, 2]], np.int32))


@pytest.fixture(autouse=True)
def folder(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "c1c2nav" / "phantoms"


def make(calls):
    calls.append(1)
    return {"a part": MESH}


def test_made_once_and_read_back_to_the_bit():
    calls = []
    first = store.stored_meshes("key", lambda: make(calls))
    second = store.stored_meshes("key", lambda: make(calls))
    assert len(calls) == 1
    for meshes in (first, second):
        assert meshes["a part"].vertices.tobytes() == MESH.vertices.tobytes()
        assert meshes["a part"].triangles.tobytes() == MESH.triangles.tobytes()
        assert meshes["a part"].triangles.dtype == np.int32


def test_another_key_is_made_anew():
    calls = []
    store.stored_meshes("one", lambda: make(calls))
    store.stored_meshes("other", lambda: make(calls))
    assert len(calls) == 2


def test_other_sources_are_made_anew(monkeypatch):
    calls = []
    store.stored_meshes("key", lambda: make(calls))
    monkeypatch.setattr(store, "_sources", lambda: "changed")
    store.stored_meshes("key", lambda: make(calls))
    assert len(calls) == 2


@pytest.mark.parametrize("content", [b"", b"not a zip", b"PK\x03\x04 cut short"])
def test_a_spoilt_entry_is_made_anew(folder, content):
    calls = []
    store.stored_meshes("key", lambda: make(calls))
    (entry,) = folder.glob("*.npz")
    entry.write_bytes(content)
    assert "a part" in store.stored_meshes("key", lambda: make(calls))
    assert len(calls) == 2


def test_a_cache_that_cannot_be_written_does_no_harm(folder):
    folder.parent.mkdir(parents=True)
    folder.write_text("a file where the folder should be")
    calls = []
    for _ in range(2):
        assert "a part" in store.stored_meshes("key", lambda: make(calls))
    assert len(calls) == 2


def test_only_the_newest_are_kept(folder, monkeypatch):
    monkeypatch.setattr(store, "KEPT", 3)
    for key in "abcde":
        store.stored_meshes(key, lambda: make([]))
    assert len(list(folder.iterdir())) == 3


def test_plans_come_back_to_the_bit():
    plans = (
        AnatomyPlan("left lateral", (1 / 3, 0.1, -2e-17), (0.0, np.nextafter(1.0, 2.0), 3.3)),
        AnatomyPlan("right lateral, ARTERY 2 mm", (-59.4, 1.7, 0.0), (0.0, 1.7, 0.0)),
    )
    calls = []

    def make():
        calls.append(1)
        return standard_neck._arrays_of_plans(plans)

    for _ in range(2):
        assert standard_neck._plans_of(store.stored_arrays("plans of a test", make)) == plans
    assert len(calls) == 1


def test_a_neck_that_cannot_be_is_refused_each_time_and_never_stored(monkeypatch, folder):

    def impossible(p):
        raise InputError("no room for the cord")

    monkeypatch.setattr(standard_neck, "check_possible", impossible)
    for _ in range(2):
        with pytest.raises(InputError, match="no room"):
            standard_neck.standard_anatomy()
    assert not list(folder.rglob("*.npz"))
