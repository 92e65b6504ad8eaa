"""Reuse of what earlier runs of a reconstruction's steps made.

A step's key consists of its name, the part of the guidance on which it depends, and the steps
before it. So a later run reuses the results that have not changed.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from nav.reconstruction.clock import Clock
from nav.reconstruction.guidance import ReconstructionGuidance

Key = tuple[Hashable, ...]
Made = Mapping[Key, Any]
T = TypeVar("T")


class Stages:
    """Runs steps, or reuses what an earlier run made with the same key.

    Parameters
    ----------
    clock : Clock
        Receives the steps.
    before : mapping
        `made` of an earlier run on the same scan.
    """

    def __init__(self, clock: Clock, before: Made) -> None:
        self.clock, self.before = clock, before
        self.made: dict[Key, Any] = {}

    def known(self, key: Key) -> Any:
        """Return what an earlier run made.

        Parameters
        ----------
        key : tuple
            Of the step.

        Returns
        -------
        object
            None where it did not.
        """
        return self.made.get(key, self.before.get(key))

    def run(self, key: Key, step: str, work: Callable[[], T]) -> T:
        """Return the result of a step, computed only where it is not known.

        Parameters
        ----------
        key : tuple
            Of the step.
        step : str
            Name for the clock.
        work : callable
            Computes the result.

        Returns
        -------
        object
            What `work` returns, now or in an earlier run.
        """
        if key in self.made:
            known: T = self.made[key]
            return known
        if key in self.before:
            found: T = self.before[key]
        else:
            self.clock.step(step)
            found = work()
        self.made[key] = found
        return found


def location_key(guidance: ReconstructionGuidance) -> Key:
    """Return the key of the bones' location: what it depends on.

    Parameters
    ----------
    guidance : ReconstructionGuidance
        Of the reconstruction.

    Returns
    -------
    tuple
        Hashable.
    """
    return ("location", guidance.seeds_of("bone"), guidance.box, guidance.labels_of("bone"))


def levels_key(guidance: ReconstructionGuidance) -> Key:
    """Return the key of the usual grey values: what they depend on.

    Parameters
    ----------
    guidance : ReconstructionGuidance
        Of the reconstruction.

    Returns
    -------
    tuple
        Hashable.
    """
    return ("levels", location_key(guidance))


def arteries_key(guidance: ReconstructionGuidance) -> Key:
    """Return the key of the arteries: what they depend on.

    Parameters
    ----------
    guidance : ReconstructionGuidance
        Of the reconstruction.

    Returns
    -------
    tuple
        Hashable.
    """
    said = (guidance.seeds_of("artery"), guidance.labels_of("artery"))
    return ("arteries", location_key(guidance), *said)


def bones_key(guidance: ReconstructionGuidance) -> Key:
    """Return the key of the bones' voxels: what they depend on.

    Parameters
    ----------
    guidance : ReconstructionGuidance
        Of the reconstruction.

    Returns
    -------
    tuple
        Hashable.
    """
    return ("bones", arteries_key(guidance), guidance.strokes_of("bone", "artery"))


def plain_guidance(guidance: ReconstructionGuidance) -> ReconstructionGuidance:
    """Return the part of a guidance that locates bones.

    The scan model is learnt with that alone, so that seeds of arteries and strokes change bones
    only where they touch them.

    Parameters
    ----------
    guidance : ReconstructionGuidance
        Of the reconstruction.

    Returns
    -------
    ReconstructionGuidance
        Without strokes, and without seeds and labels of other structures.
    """
    return replace(
        guidance,
        seeds=guidance.seeds_of("bone"),
        labels=guidance.labels_of("bone"),
        strokes=(),
    )


def scan_key(guidance: ReconstructionGuidance) -> Key:
    """Return the key of the scan model: what it depends on.

    Parameters
    ----------
    guidance : ReconstructionGuidance
        Of the reconstruction.

    Returns
    -------
    tuple
        Hashable.
    """
    return ("scan", bones_key(plain_guidance(guidance)))
