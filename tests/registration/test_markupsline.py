"""Lines of 3D Slicer's Markups: which end is the entry, and what is no line."""

import json

import numpy as np
import pytest

from nav.core.errors import InputError
from nav.registration.markupsline import SHORTEST, line_json, read_line

ENTRY, TARGET = np.array([62.25, 4.5, -3.0]), np.array([8.0, 11.125, 2.0])
CANAL = np.array([0.0, 12.0, 0.0])


def written(path, *labelled):
    """A line of these labels and positions."""
    document = json.loads(line_json("left 1", ENTRY, TARGET))
    example = document["markups"][0]["controlPoints"][0]
    document["markups"][0]["controlPoints"] = [
        example | {"id": str(k), "label": label, "position": list(map(float, at))}
        for k, (label, at) in enumerate(labelled)
    ]
    path.write_text(json.dumps(document))
    return path


def ends(plan):
    return plan.entry.tolist(), plan.target.tolist()


def test_a_line_is_read_as_it_was_written(tmp_path):
    path = tmp_path / "left 1.mrk.json"
    path.write_text(line_json("left 1", ENTRY, TARGET))
    plan = read_line(path, CANAL)
    assert plan.name == "left 1"
    assert ends(plan) == (ENTRY.tolist(), TARGET.tolist())


@pytest.mark.parametrize("labels", [("L-Target", "L-2"), ("L-1", "my ENTRY")])
def test_labels_tell_the_ends_even_against_the_place(tmp_path, labels):
    path = written(tmp_path / "l.json", (labels[0], ENTRY), (labels[1], TARGET))
    assert ends(read_line(path, CANAL)) == (TARGET.tolist(), ENTRY.tolist())


def test_without_labels_the_end_nearer_to_the_canal_is_the_target(tmp_path):
    for points in ((ENTRY, TARGET), (TARGET, ENTRY)):
        path = written(tmp_path / "l.json", *zip(("L-1", "L-2"), points, strict=True))
        assert ends(read_line(path, CANAL)) == (ENTRY.tolist(), TARGET.tolist())


def test_what_is_no_line_is_refused(tmp_path):
    path = written(tmp_path / "l.json", ("a", ENTRY), ("b", TARGET), ("c", CANAL))
    with pytest.raises(InputError, match=r"expected a line of 2 placed points .* got 3"):
        read_line(path, CANAL)
    short = [*ENTRY[:2], ENTRY[2] + SHORTEST - 0.1]
    path = written(tmp_path / "l.json", ("a", ENTRY), ("b", short))
    with pytest.raises(InputError, match="less than 5 mm apart"):
        read_line(path, CANAL)
