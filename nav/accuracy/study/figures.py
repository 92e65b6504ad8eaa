"""Figures of a design from its trials."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nav.accuracy.study.anatomy_places import ROLES
from nav.accuracy.study.designs import Design
from nav.accuracy.study.trials import COLUMNS


@dataclass(frozen=True)
class RoleFigures:
    """Figures at the structure of a role, mm.

    Parameters
    ----------
    tre : float
        Target registration error at its nearest point, rms.
    off : float
        Shown distance less the true one, rms: registration, tracking and bending.
    off95 : float
        What that exceeds, either way, in 5 % of the trials.
    bound : float
        By how much the shown bound is below the shown distance, mean.
    held : float
        Share of trials in which the true distance was at least the bound.
    """

    tre: float
    off: float
    off95: float
    bound: float
    held: float


@dataclass(frozen=True)
class DesignFigures:
    """Figures of a design.

    Parameters
    ----------
    name : str
        What differs from the others.
    design : Design
        Its values.
    said : str
        Why there are no figures; empty where there are.
    trials : int
        How many.
    tracking, tip, tip95, fre : float
        Rms of the tracked tip relative to the reference body; rms and 95 % quantile of the tip
        at the target, with registration and bending; rms FRE; mm.
    roles : dict of str to RoleFigures
        By role.
    """

    name: str
    design: Design
    said: str = ""
    trials: int = 0
    tracking: float = float("nan")
    tip: float = float("nan")
    tip95: float = float("nan")
    fre: float = float("nan")
    roles: dict[str, RoleFigures] = field(default_factory=dict)


def summarise(name: str, design: Design, blocks: Sequence[dict[str, Any]]) -> DesignFigures:
    """Put a design's blocks together.

    Parameters
    ----------
    name : str
        Of the design.
    design : Design
        Its values.
    blocks : sequence of dict
        As `run_block` returns them.

    Returns
    -------
    DesignFigures
    """
    said = next((block["said"] for block in blocks if block["said"]), "")
    if said:
        return DesignFigures(name, design, said)
    rows = np.concatenate([np.array(block["rows"], float) for block in blocks])
    of = dict(zip(COLUMNS, rows.T, strict=True))
    roles = {
        role: RoleFigures(
            _rms(of[f"tre_{role}"]),
            _rms(of[f"off_{role}"]),
            float(np.quantile(np.abs(of[f"off_{role}"]), 0.95)),
            float(of[f"bound_{role}"].mean()),
            float(of[f"held_{role}"].mean()),
        )
        for role in ROLES
        if of[f"bound_{role}"].any()
    }
    return DesignFigures(
        name,
        design,
        "",
        len(rows),
        _rms(of["tracking"]),
        _rms(of["tip"]),
        float(np.quantile(of["tip"], 0.95)),
        _rms(of["fre"]),
        roles,
    )


def _rms(values: np.ndarray) -> float:
    return float(np.sqrt(np.mean(values**2)))
