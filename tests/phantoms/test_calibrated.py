"""From simulated pictures of things printed a little wrong to files that are right."""

import io
import re

import numpy as np
import pytest
from rich.console import Console

from nav.camera.rig import load_rig
from nav.tracking.tool import load_tool
from phantoms.demo import calibrated
from phantoms.demo.report import file_from_true
from phantoms.twin.default_rig import SMALL_SIZE, default_rig
from phantoms.twin.sensor import Optics
from phantoms.twin.simulated_boards import board_points
from phantoms.twin.simulated_tools import needle_tool

FEW = {"BOARDS": 6, "TURNS": 12, "TILTS": 10, "PIVOTS": 16, "SPINS": 10}


def test_rig_bodies_and_tip_are_right_though_all_was_made_a_little_wrong(tmp_path, monkeypatch):
    for name, count in FEW.items():
        monkeypatch.setattr(calibrated, name, count)
    tools, said = calibrated.true_tools(3), io.StringIO()
    optics = Optics(blur=1.0, noise=2.0, exposure=0.005)
    true_rig = default_rig(SMALL_SIZE)
    calibrated.calibrate_everything(
        tmp_path, true_rig, tools, optics, 3, Console(file=said, width=200)
    )
    rig = load_rig(tmp_path / "rig.toml")
    for camera, true in zip(rig.cameras, true_rig.cameras, strict=True):
        assert camera.matrix[0, 0] == pytest.approx(true.matrix[0, 0], rel=1e-3)
    for true in tools:
        found = load_tool(tmp_path / f"{true.name}.toml")
        aligned = file_from_true(found, true)
        off = [aligned.apply(true.by_id[m.id].corners) - m.corners for m in found.markers]
        assert np.sqrt(np.mean(np.square(off)) * 3) < 0.03
        if true.tip is not None:
            assert found.tip is not None
            assert found.tip.axis is not None
            at, axis = true.tip.position, true.tip.axis
            assert np.linalg.norm(aligned.apply(at) - found.tip.position) < 0.05
            assert np.degrees(np.arccos(aligned.rotation.apply(axis) @ found.tip.axis)) < 0.2
    by_file = file_from_true(needle_tool(), tools[0])
    designed, made = needle_tool().markers, tools[0].by_id
    off = [by_file.apply(made[m.id].corners) - m.corners for m in designed]
    assert np.sqrt(np.mean(np.square(off)) * 3) > 0.15  # it was made wrong
    bow = re.search(r"bowed by (\d\.\d+) mm", said.getvalue())
    assert bow is not None, said.getvalue()
    heights = board_points(calibrated.BOARD, calibrated.BOW)[:, 2]
    assert float(bow[1]) == pytest.approx(np.ptp(heights), rel=0.1)
