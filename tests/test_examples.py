"""The examples run as they are, and draw."""

import runpy
from pathlib import Path

import cv2
import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"


def run(name, *arguments):
    return runpy.run_path(str(EXAMPLES / f"{name}.py"))["main"]([str(a) for a in arguments])


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("track_recording", ("--frames", 4), "4 tips, predicted error 0.0"),
        ("register_and_map_tre", (), "predicted TRE at the target 0."),
        ("random_neck", ("--seed", 7), "vertebral artery left: nearest"),
    ],
)
def test_an_example(tmp_path, capsys, name, options, said):
    run(name, *options, "--out", tmp_path / "x.png")
    assert said in capsys.readouterr().out
    picture = cv2.imread(str(tmp_path / "x.png"))
    assert picture.std() > 10.0
