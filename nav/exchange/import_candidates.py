"""Structures of a source before they are loaded: their names, roles, and what loads them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from nav.errors import InputError
from nav.exchange.import_sources import Sources, split_assignments
from nav.exchange.imported_shapes import load_model, surface_of_label
from nav.exchange.structure_names import LEFT_OUT, guess_role
from nav.model.surface import Surface
from nav.reconstruction.label_surfaces import LEAST_PIECE, surface_from_label
from nav.reconstruction.labelmap import LabelMask, read_labels
from nav.reconstruction.labelnumbers import Numbering

ROLES = ("bone", "cord", "dura", "artery", "skin", "support", "other", LEFT_OUT)


@dataclass(frozen=True)
class Candidate:
    """A structure before it is loaded.

    own : its name in the source. name : in the case. role : None where it is not known. load :
    makes its surface, or raises InputError. mask : of a label map.
    """

    own: str
    name: str
    role: str | None
    load: Callable[[], Surface]
    mask: LabelMask | None = None


def read_masks(
    source: Path, found: Sources, numbering: Numbering | None, roles: Sequence[str]
) -> tuple[str | None, dict[str, LabelMask], tuple[str, ...]]:
    """Read the label maps of a scene, or the source itself if it has no models.

    Returns
    -------
    str or None
        Kind of the label map.
    dict
        Masks by name.
    tuple of str
        Names of labels that are nothing of a neck.

    Raises
    ------
    InputError
        A label map cannot be read.
    """
    told = {word.rpartition("=")[0].strip() for word in roles}

    def wanted(name: str) -> bool:
        return name in told or guess_role(name).role != LEFT_OUT

    kind: str | None = None
    masks: dict[str, LabelMask] = {}
    skipped: list[str] = []
    for part in found.segmentations:
        labels = read_labels(part.path, numbering, wanted)
        kind = f"scene with {labels.kind}"
        skipped += labels.skipped
        for own, mask in labels.masks.items():
            name, number = own, 2
            while name in masks:
                name, number = f"{own} ({number})", number + 1
            place = part.lps_from_file @ mask.model_from_voxel
            masks[name] = replace(mask, name=name, model_from_voxel=place)
    if not (found.models or found.segmentations or found.problems):
        labels = read_labels(source, numbering, wanted)
        return labels.kind, dict(labels.masks), labels.skipped
    return kind, masks, tuple(skipped)


def candidates_of(
    found: Sources, masks: dict[str, LabelMask], is_ras: bool | None
) -> list[Candidate]:
    """Return every model and mask of a source, with the role that its name tells."""
    made = []
    for model in found.models:
        guess = guess_role(model.name)
        made.append(
            Candidate(model.name, guess.name, guess.role, partial(load_model, model, is_ras))
        )
    for own, mask in masks.items():
        guess = guess_role(own)
        made.append(Candidate(own, guess.name, guess.role, partial(_load_mask, mask), mask))
    return made


def _load_mask(mask: LabelMask) -> Surface:
    surface = surface_from_label(mask)
    if surface is None:
        raise InputError(f"label {mask.name}: has no piece of more than {LEAST_PIECE:g} mm³")
    return surface_of_label(surface)


def with_roles(
    candidates: Sequence[Candidate], roles: Sequence[str], problems: list[str]
) -> tuple[list[Candidate], list[str]]:
    """Return candidates whose role is known, and the names of those left out.

    roles : NAME=ROLE. problems : is added to.
    """
    names = {c.name: c.own for c in candidates} | {c.own: c.own for c in candidates}
    given, plain, wrong = split_assignments(list(roles), "--role", names)
    problems += wrong
    problems += [f"--role {word}: expected NAME=ROLE" for word in plain]
    for own, word in given.items():
        if word not in ROLES:
            problems.append(f"--role {own}={word}: expected one of {', '.join(ROLES)}")
    chosen: list[Candidate] = []
    left_out: list[str] = []
    unsure: list[str] = []
    for candidate in candidates:
        role = given.get(candidate.own) or candidate.role or given.get("*")
        if role == LEFT_OUT:
            left_out.append(candidate.own)
        elif role is None or role not in ROLES:
            unsure.append(candidate.own)
        else:
            chosen.append(replace(candidate, role=role))
    if unsure:
        words = " ".join(f'--role "{own}=ROLE"' for own in unsure)
        problems.append(
            f"the role of {', '.join(unsure)} is not known: add {words} with ROLE one of "
            f'{", ".join(ROLES)} ("none" leaves it out; --role "*=none" leaves out all unknown)'
        )
    counts: dict[str, list[str]] = {}
    for candidate in chosen:
        counts.setdefault(candidate.name, []).append(candidate.own)
    for name, owns in counts.items():
        if len(owns) > 1:
            problems.append(
                f"{', '.join(owns)} would all be {name}; leave out or rename all but one: "
                f'--role "{owns[-1]}={LEFT_OUT}"'
            )
    return chosen, left_out
