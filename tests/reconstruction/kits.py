"""Printed kits for tests: parts, case and kit.toml, without the papers that a build adds."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import ArrayLike
from scipy.spatial.transform import RigidTransform

from nav.cli import main
from nav.reconstruction.printed.kit import PrintedKit, read_kit
from phantoms.anatomy.anatomy_files import write_case
from phantoms.anatomy.standard_neck import standard_anatomy
from phantoms.kit.export_kit import write_kit_toml, write_parts
from phantoms.kit.kit_case import Kind, phantom_case
from phantoms.kit.kit_layout import layout
from phantoms.kit.parts import kit_parts
from phantoms.recipe import Recipe


def written_kit(folder: Path, recipe: Recipe, kind: Kind = "wet") -> PrintedKit:
    """Write a kit's parts, case and kit.toml, and read them."""
    write_case(phantom_case(recipe.parameters, kind, recipe.name), folder)
    anatomy = standard_anatomy(recipe.parameters, recipe.name)
    parts = kit_parts(anatomy, layout(recipe.parameters), kind)
    write_parts(folder, parts)
    write_kit_toml(folder / "kit.toml", recipe.name, kind, recipe.parameters, parts, recipe.seed)
    return read_kit(folder)


def write_touches(
    path: Path,
    apexes: dict[str, ArrayLike],
    reference_from_apexes: RigidTransform,
    noise: float,
    seed: int,
) -> None:
    """Write what nav register reads: divots touched with a tip whose errors are `noise`, mm."""
    rng = np.random.default_rng(seed)
    lines = ["label,x,y,z"]
    for label, apex in apexes.items():
        at = reference_from_apexes.apply(np.asarray(apex, float)) + rng.normal(0.0, noise, 3)
        lines.append(f"{label}," + ",".join(f"{x:.4f}" for x in at))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def exit_code(*arguments: object) -> int:
    """Call nav as the shell does."""
    with pytest.raises(SystemExit) as end:
        main([str(argument) for argument in arguments])
    return int(end.value.code or 0)
