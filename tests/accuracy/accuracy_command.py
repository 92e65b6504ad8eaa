"""The accuracy commands run as from the command line, and tables of touched points for them."""

from pathlib import Path

import numpy as np
import pytest

from nav.cli import main
from nav.core.frames import Array

PATTERN = {f"R{k}": p for k, p in enumerate(np.random.default_rng(3).uniform(-60, 60, (8, 3)))}


def run(*arguments: object) -> int:
    with pytest.raises(SystemExit) as end:
        main([str(a) for a in arguments])
    return int(end.value.code or 0)


def points(path: Path, given: dict[str, Array]) -> Path:
    rows = [f"{label},{x:.6f},{y:.6f},{z:.6f}" for label, (x, y, z) in given.items()]
    path.write_text("\n".join(["label,x,y,z", *rows]) + "\n")
    return path


def touched(path: Path, rng: np.random.Generator, sd: float) -> Path:
    return points(path, {k: p + rng.normal(0, sd, 3) for k, p in PATTERN.items()})
