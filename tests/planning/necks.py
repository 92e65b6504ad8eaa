"""Generated necks as cases, and what is known of a path by brute force."""

from functools import cache

import numpy as np

from nav.core.frames import Array
from nav.model.case import DEFAULT_LIMITS, Case, Structure
from nav.model.surface import Surface
from phantoms.anatomy.anatomy_files import SIGMA
from phantoms.anatomy.standard_neck import standard_anatomy
from phantoms.anatomy.variants import preset
from phantoms.recipe import random_recipe

NO_LIMITS = (None, None)
FINE = 0.02  # mm along a shaft: a distance is met to half of that at most


@cache
def neck(text: str = "standard") -> Case:
    """A neck by its preset's text, or "random SEED"; plans of its own are left out."""
    if text.startswith("random "):
        parameters = random_recipe(int(text.split()[1])).parameters
    else:
        parameters = preset(text)
    anatomy = standard_anatomy(parameters, text)
    return Case(
        text,
        tuple(
            Structure(
                s.name,
                s.role,
                Surface(s.vertices, s.triangles),
                DEFAULT_LIMITS.get(s.role, NO_LIMITS)[0],
                DEFAULT_LIMITS.get(s.role, NO_LIMITS)[1],
                SIGMA[s.role],
            )
            for s in anatomy.structures
        ),
    )


def without(case: Case, *names: str) -> Case:
    """A case that lacks structures."""
    return Case(case.name, tuple(s for s in case.structures if s.name not in names))


def brute_force_distance(surface: Surface, start: Array, end: Array) -> float:
    """Least distance of an axis to a surface, from points along it, mm."""
    length = float(np.linalg.norm(end - start))
    steps = np.arange(0.0, length + FINE, FINE)[:, None] / length
    points = start + np.minimum(steps, 1.0) * (end - start)
    coarse = surface.distances(points[:: int(1.0 / FINE)])[0]
    near = np.repeat(coarse < coarse.min() + 1.1, int(1.0 / FINE))[: len(points)]
    return float(surface.distances(points[near])[0].min())
