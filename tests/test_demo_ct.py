"""From a random neck's CT to the target, as `nav demo --ct` goes."""

import json
from pathlib import Path

import pytest

from nav.cli import main
from nav.model.case import load_case


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_goes_from_ct_to_target_and_says_what_was_true(tmp_path: Path) -> None:
    out = tmp_path / "demo"
    with pytest.raises(SystemExit) as ended:
        main(["demo", "--ct", "--headless", "--seed", "7", "--out", str(out)])
    assert ended.value.code in (None, 0)
    summary = json.loads((out / "summary.json").read_text())
    assert summary["tracked_fraction"] > 0.99
    assert summary["check_point_error_mm"] < 1.0
    near = summary["at_the_end_mm"]
    assert "cord" in near
    assert any("artery" in name for name in near)
    for name, at_end in near.items():
        assert at_end["bound"] < at_end["shown"], name
        assert abs(at_end["shown"] - at_end["true"]) < 1.5, name
    assert all(share > 0.9 for share in summary["bound_held_fraction"].values())
    case = load_case(out / "case" / "case.toml")
    assert case.default_plan is not None
    assert len(case.fiducials_for("register")) >= 6
    assert (out / "scan.nii.gz").exists()
    assert (out / "reconstruction" / "case.toml").exists()
