"""Pivot calibration on published readings of two trackers, against the published answers."""

from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import RigidTransform

from calibration.needle.pivot import pivot_calibration
from nav.core.frames import Array
from nav.registration.points import closed_form
from tests.reference_data import reference_data

ROUNDING = 0.01  # mm: of all numbers in the files


@pytest.fixture(scope="module")
def cis():
    return reference_data("cis")


def read(path: Path) -> tuple[list[str], Array]:
    first, *lines = path.read_text().splitlines()
    rows = [[float(n) for n in line.replace(",", " ").split()] for line in lines if line.strip()]
    return [part.strip() for part in first.split(",")], np.array(rows)


def post(folder: Path, name: str, row: int) -> Array:
    return read(folder / f"pa1-debug-{name}-output1.txt")[1][row]


def pivot(poses: list[RigidTransform]) -> Array:
    rotations = np.array([pose.rotation.as_matrix() for pose in poses])
    return pivot_calibration(rotations, np.array([pose.translation for pose in poses])).pivot


@pytest.mark.parametrize("name", "abc")
def test_the_electromagnetic_probes_post_is_found(cis, name):
    counts, rows = read(cis / f"pa1-debug-{name}-empivot.txt")
    frames = rows.reshape(int(counts[1]), int(counts[0]), 3)
    probe = frames[0] - frames[0].mean(axis=0)
    found = pivot([closed_form(frame, probe) for frame in frames])
    assert found == pytest.approx(post(cis, name, 0), abs=ROUNDING)


@pytest.mark.parametrize("name", "abc")
def test_the_optical_probes_post_is_found(cis, name):
    (base_count, probe_count, frame_count, *_), rows = read(cis / f"pa1-debug-{name}-optpivot.txt")
    on_base = int(base_count)
    frames = rows.reshape(int(frame_count), on_base + int(probe_count), 3)
    base = read(cis / f"pa1-debug-{name}-calbody.txt")[1][:on_base]
    probe = frames[0, on_base:] - frames[0, on_base:].mean(axis=0)
    base_from_probe = [
        closed_form(frame[:on_base], base).inv() * closed_form(frame[on_base:], probe)
        for frame in frames
    ]
    assert pivot(base_from_probe) == pytest.approx(post(cis, name, 1), abs=ROUNDING)
