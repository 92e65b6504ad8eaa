"""Damaged files: a bounded run of what `make fuzz` does at length."""

import logging
import os
import warnings
from collections import Counter

import numpy as np
import pytest

from tests.fuzz.damage import STRUCTURED, mutated
from tests.fuzz.pool import run_all
from tests.fuzz.readers import READERS, SELF_CHECKS
from tests.fuzz.trial import Bench, Fault
from tests.fuzz.work import Reader

EACH = 4  # tries of every reader; more would cost more than the other tests of reading
SEEDS = {
    ".nii": "labels/named.nii",
    ".gz": "labels/named.nii.gz",
    ".nrrd": "labels/named.seg.nrrd",
    ".mha": "scans/ct.mha",
    ".dcm": "series/0.dcm",
    ".mrml": "scene/neck.mrml",
    ".mrb": "neck.mrb",
    ".mcap": "session/session.mcap",
}
pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fuzz")
    return Bench(folder / "bench", folder / "inputs")


@pytest.mark.parametrize("reader", READERS)
def test_right_files_are_taken(bench, reader):
    READERS[reader].work(bench.folder)
    bench.mend(bench.folder / READERS[reader].files[0])


@pytest.mark.parametrize("reader", READERS)
def test_damaged_files_are_taken_or_refused_in_one_line(bench, reader):
    faults = [bench.run(1, reader, number) for number in range(EACH)]
    assert [fault.text for fault in faults if fault is not None] == []


@pytest.mark.parametrize("suffix", [*STRUCTURED, ".csv", ".png"])
def test_damage_is_the_same_every_time(bench, suffix):
    data = b'a = 1\nb = [2, "x"]\n' if suffix == ".toml" else b'{"a": [1, 2]}'
    if suffix in SEEDS:
        data = (bench.inputs / SEEDS[suffix]).read_bytes()
    made = [
        [mutated(np.random.default_rng(seed), data, suffix) for seed in range(40)] for _ in range(2)
    ]
    assert made[0] == made[1]
    assert len(set(made[0])) > 20


def test_what_a_library_prints_or_warns_is_heard(bench, monkeypatch):
    def work(folder):
        os.write(2, b"from below\n")
        warnings.warn("from numpy", RuntimeWarning, stacklevel=1)
        logging.getLogger("pydicom").warning("from a log")

    for prints, kind in ((False, "noise"), (True, None)):
        monkeypatch.setitem(SELF_CHECKS, "loud", Reader(("rig.toml",), work, prints))
        fault = bench.run(1, "loud", 0)
        assert (fault and fault.kind) == kind
        if fault is not None:
            assert "from below" in fault.text
            assert "from numpy" in fault.text


def test_crashes_and_tracebacks_are_noticed_and_the_work_goes_on():
    faults: list[Fault] = []
    counts: list[int] = []
    tasks = [(0, "rig", 0, 3), (0, "crash", 7, 1), (0, "traceback", 0, 2), (0, "rig", 3, 2)]
    run_all(iter(tasks), 1, faults.append, counts.append)
    assert Counter(fault.kind for fault in faults) == {"crash": 1, "traceback": 2}
    assert faults[0].number == 7
    assert sum(counts) == 8
