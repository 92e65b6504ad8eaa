"""List the structures of a source before they are loaded: names, roles, and what loads them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from nav.assignments import split_assignment
from nav.core.errors import InputError
from nav.exchange.import_sources import Sources, values_by_structure
from nav.exchange.imported_shapes import load_model, surface_of_label
from nav.exchange.shared_words import names_in_case
from nav.exchange.structure_names import LEFT_OUT, guess_role
from nav.model.surface import Surface
from nav.reconstruction.label_surfaces import LEAST_PIECE, surface_from_label
from nav.reconstruction.labelmap import LabelMask, read_labels
from nav.reconstruction.labelnumbers import Numbering

ROLES = ("bone", "cord", "dura", "artery", "skin", "support", "other", LEFT_OUT)


@dataclass(frozen=True)
class Candidate:
    """A structure before it is loaded.

    Parameters
    ----------
    own : str
        Its name in the source.
    name : str
        Its name in the case.
    role : str or None
        None where it is not known.
    load : callable
        Returns its surface, or raises InputError.
    mask : LabelMask, optional
        Of a label map.
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

    Parameters
    ----------
    source : Path
        The file or folder.
    found : Sources
        What it holds.
    numbering : str or dict of int to str, optional
        Of the labels.
    roles : sequence of str
        NAME=ROLE: labels of these names are read even if they are not part of a neck.

    Returns
    -------
    kind : str or None
        Of the label map.
    masks : dict of str to LabelMask
        By name.
    skipped : tuple of str
        Names of labels that do not belong to a neck, or are empty.

    Raises
    ------
    InputError
        A label map cannot be read.
    """
    assigned = {split_assignment(word)[0] for word in roles}

    def wanted(name: str) -> bool:
        return name in assigned or guess_role(name).role != LEFT_OUT

    kind: str | None = None
    masks: dict[str, LabelMask] = {}
    skipped: list[str] = []
    for part in found.segmentations:
        labels = read_labels(part.path, numbering, wanted)
        kind = f"scene with {labels.kind}"
        skipped += [*labels.skipped, *map(_empty, labels.empty)]
        for own, mask in labels.masks.items():
            name, number = own, 2
            while name in masks:
                name, number = f"{own} ({number})", number + 1
            place = part.lps_from_file @ mask.model_from_voxel
            masks[name] = replace(mask, name=name, model_from_voxel=place)
    if not (found.models or found.segmentations or found.problems):
        labels = read_labels(source, numbering, wanted)
        return labels.kind, dict(labels.masks), (*labels.skipped, *map(_empty, labels.empty))
    return kind, masks, tuple(skipped)


def _empty(name: str) -> str:
    return f"{name} (empty)"


def candidates_of(
    found: Sources, masks: dict[str, LabelMask], is_ras: bool | None
) -> list[Candidate]:
    """Return every model and mask of a source, with the role that its name indicates.

    Parameters
    ----------
    found : Sources
        Models and their files.
    masks : dict of str to LabelMask
        By name.
    is_ras : bool or None
        Whether models are in RAS where their files do not say it.

    Returns
    -------
    list of Candidate
        Models, then masks.
    """
    made = []
    for model, name in zip(
        found.models, names_in_case([m.name for m in found.models]), strict=True
    ):
        guess = guess_role(name)
        made.append(
            Candidate(model.name, guess.name, guess.role, partial(load_model, model, is_ras))
        )
    for (own, mask), name in zip(masks.items(), names_in_case(list(masks)), strict=True):
        guess = guess_role(name)
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
    """Return the candidates whose role is known, and the names of those left out.

    Parameters
    ----------
    candidates : sequence of Candidate
        Of the source.
    roles : sequence of str
        NAME=ROLE, as given on the command line.
    problems : list of str
        Problems found are appended.

    Returns
    -------
    chosen : list of Candidate
        With their roles.
    left_out : list of str
        Names in the source.
    """
    names = {c.name: c.own for c in candidates} | {c.own: c.own for c in candidates}
    given, plain, wrong = values_by_structure(list(roles), "--role", names)
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
