"""Guide, --help, code and window ask for the same numbers of pictures and the same tilts."""

from pathlib import Path

import numpy as np
import pytest

from calibration.cameras import rig_verdict
from calibration.live.live_result import LIMITS
from nav.cli import main

GUIDE = Path(__file__).parents[2] / "docs" / "calibrate-cameras.md"


def rows() -> dict[str, list[str]]:
    """The guide's table of limits, by its first column."""
    lines = GUIDE.read_text().split("## Verdict")[1].split("What is worse")[0].splitlines()
    cells = [[c.strip() for c in line.strip("|").split("|")] for line in lines if "|" in line]
    return {row[0]: row[1:] for row in cells}


def test_the_guides_limits_are_the_codes():
    limits = {
        "images used": (rig_verdict.ENOUGH_VIEWS, rig_verdict.FEW_VIEWS, ""),
        "covered": (100 * rig_verdict.COVERED, 100 * rig_verdict.HARDLY_COVERED, " %"),
        "tilt, end to end": (
            np.degrees(rig_verdict.TILTED),
            np.degrees(rig_verdict.HARDLY_TILTED),
            "",
        ),
        "`direction_sd_px`": (rig_verdict.GOOD_PIXELS, rig_verdict.USABLE_PIXELS, ""),
        "`held_out_rms_px`": (rig_verdict.GOOD_HELD_OUT, rig_verdict.USABLE_HELD_OUT, ""),
        "change of the focal length": (
            100 * rig_verdict.GOOD_FOCUS,
            100 * rig_verdict.USABLE_FOCUS,
            " %",
        ),
        "smear of the usual image, sd": (rig_verdict.SMEARED, 2 * rig_verdict.SMEARED, " px"),
    }
    table = rows()
    for name, (good, usable, unit) in limits.items():
        assert float(table[name][0].split()[0]) == pytest.approx(good), name
        assert float(table[name][1].split()[0]) == pytest.approx(usable), name
        assert unit.strip() in table[name][1], name
    assert table["`direction_sd_beyond_px`"][0] == f"{rig_verdict.USABLE_PIXELS:g}"


def test_all_recommend_the_same(capsys):
    pictures, tilt = rig_verdict.RECOMMENDED_PICTURES, rig_verdict.RECOMMENDED_TILT
    guide = " ".join(GUIDE.read_text().split())
    assert f"{pictures} images of each are good" in guide
    assert f"tilted by about {tilt} degrees to all sides" in guide
    with pytest.raises(SystemExit):
        main(["calibrate", "camera", "--help"])
    told = " ".join(capsys.readouterr().out.replace("│", " ").split())
    assert f"Take {pictures} images" in told
    assert f"about {tilt} degrees in all directions" in told


def test_what_is_recommended_is_enough_for_good():
    assert rig_verdict.RECOMMENDED_PICTURES >= 2 * rig_verdict.ENOUGH_VIEWS
    assert np.radians(2 * rig_verdict.RECOMMENDED_TILT) > rig_verdict.TILTED
    assert LIMITS[1] == str(rig_verdict.ENOUGH_VIEWS)
