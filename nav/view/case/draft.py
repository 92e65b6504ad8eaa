"""Corrections that are being made by hand, as a value; each action returns the next one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from nav.reconstruction.guidance import (
    NOTHING,
    PAINTED,
    ROLES,
    SEEDED,
    Point,
    ReconstructionGuidance,
    Seed,
    Stroke,
    with_seed,
)

# what the left button does in a slice: move the cross-hair, set a line, paint, place a seed
Tool = Literal["look", "line", "add", "erase", "seed"]
RADII = (0.5, 10.0)  # mm, of the brush
RADIUS = 2.0  # mm, at first
DENSE = 0.5  # of the radius: points of a stroke are that far apart
NEAR_SEED = 2.5  # mm, within which a seed is grabbed


@dataclass(frozen=True)
class Draft:
    """The guidance of a case's reconstruction while it is being changed.

    Parameters
    ----------
    guidance : ReconstructionGuidance
        With everything that was painted so far.
    structure : str
        That is painted, or placed by seeds.
    radius : float
        Of the brush, mm.
    past : tuple of ReconstructionGuidance
        What `undone` goes back to.
    held : Seed or None
        That the mouse moves.
    painting : bool
        Whether the last stroke goes on.
    """

    guidance: ReconstructionGuidance = NOTHING
    structure: str = "C2"
    radius: float = RADIUS
    past: tuple[ReconstructionGuidance, ...] = ()
    held: Seed | None = None
    painting: bool = False

    @property
    def can_paint(self) -> bool:
        """Whether the structure is one that is painted."""
        return self.structure in PAINTED

    @property
    def can_seed(self) -> bool:
        """Whether the structure takes seeds."""
        return self.structure in SEEDED

    @property
    def changed(self) -> bool:
        """Whether something was done that can be undone."""
        return bool(self.past)


def with_structure(draft: Draft, name: str) -> Draft:
    """Return the draft with another structure chosen.

    Parameters
    ----------
    draft : Draft
        Before.
    name : str
        Of the structure.

    Returns
    -------
    Draft
        After.
    """
    return replace(draft, structure=name, painting=False, held=None)


def with_radius(draft: Draft, radius: float) -> Draft:
    """Return the draft with another brush.

    Parameters
    ----------
    draft : Draft
        Before.
    radius : float
        mm; limited to RADII.

    Returns
    -------
    Draft
        After.
    """
    return replace(draft, radius=float(np.clip(radius, *RADII)))


def begun(draft: Draft, tool: Tool, point: ArrayLike) -> Draft:
    """Return the draft with a stroke begun, or a seed set or grabbed.

    Parameters
    ----------
    draft : Draft
        Before.
    tool : Tool
        What the left button does.
    point : array_like, shape (3,)
        Where, model frame, mm.

    Returns
    -------
    Draft
        After; unchanged where the tool does not apply to the structure.
    """
    place = _point(point)
    kept = (*draft.past, draft.guidance)
    if tool == "seed" and draft.can_seed:
        held = _seed_at(draft, place)
        guidance = with_seed(_without(draft.guidance, held), draft.structure, place)
        return replace(draft, guidance=guidance, past=kept, held=guidance.seeds[-1])
    if tool in ("add", "erase") and draft.can_paint:
        stroke = Stroke(draft.structure, tool == "erase", draft.radius, (place,))
        guidance = replace(draft.guidance, strokes=(*draft.guidance.strokes, stroke))
        return replace(draft, guidance=guidance, past=kept, painting=True)
    return draft


def dragged(draft: Draft, point: ArrayLike) -> Draft:
    """Return the draft with its stroke, or the seed that is held, moved on to a point.

    Parameters
    ----------
    draft : Draft
        Before.
    point : array_like, shape (3,)
        Where, model frame, mm.

    Returns
    -------
    Draft
        After.
    """
    place = _point(point)
    if draft.held is not None:
        moved = replace(draft.held, position=place)
        seeds = tuple(moved if seed is draft.held else seed for seed in draft.guidance.seeds)
        return replace(draft, guidance=replace(draft.guidance, seeds=seeds), held=moved)
    if not draft.painting or not draft.guidance.strokes:
        return draft
    *others, stroke = draft.guidance.strokes
    last = np.array(stroke.points[-1])
    if np.linalg.norm(np.array(place) - last) < DENSE * stroke.radius:
        return draft
    longer = replace(stroke, points=(*stroke.points, place))
    return replace(draft, guidance=replace(draft.guidance, strokes=(*others, longer)))


def released(draft: Draft) -> Draft:
    """Return the draft after the mouse button was released.

    Parameters
    ----------
    draft : Draft
        Before.

    Returns
    -------
    Draft
        After.
    """
    return replace(draft, painting=False, held=None)


def undone(draft: Draft) -> Draft:
    """Return the draft before the last stroke or seed.

    Parameters
    ----------
    draft : Draft
        Before.

    Returns
    -------
    Draft
        After; unchanged where there is nothing to undo.
    """
    if not draft.past:
        return draft
    *past, guidance = draft.past
    return replace(draft, guidance=guidance, past=tuple(past), painting=False, held=None)


def without_seeds(draft: Draft) -> Draft:
    """Return the draft without the seeds of its structure.

    Parameters
    ----------
    draft : Draft
        Before.

    Returns
    -------
    Draft
        After.
    """
    seeds = tuple(s for s in draft.guidance.seeds if s.name != draft.structure)
    if seeds == draft.guidance.seeds:
        return draft
    kept = (*draft.past, draft.guidance)
    return replace(draft, guidance=replace(draft.guidance, seeds=seeds), past=kept)


def shown_role(name: str) -> str:
    """Return the role whose colour a structure has.

    Parameters
    ----------
    name : str
        Of the structure.

    Returns
    -------
    str
        "other" where the name is not known.
    """
    return str(ROLES.get(name, "other"))


def _seed_at(draft: Draft, place: Point) -> Seed | None:
    own = [seed for seed in draft.guidance.seeds if seed.name == draft.structure]
    near = [seed for seed in own if np.linalg.norm(seed.point - np.array(place)) < NEAR_SEED]
    return near[-1] if near else None


def _without(guidance: ReconstructionGuidance, seed: Seed | None) -> ReconstructionGuidance:
    return replace(guidance, seeds=tuple(s for s in guidance.seeds if s is not seed))


def _point(point: ArrayLike) -> Point:
    x, y, z = (round(float(v), 4) for v in np.asarray(point, float))
    return x, y, z
