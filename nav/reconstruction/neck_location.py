"""Location of the chain of bones in a scan, and which of them it holds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nav.core.errors import InputError
from nav.reconstruction.anchors import Anchors, anchors_of, nowhere
from nav.reconstruction.chain import Chain, Support, fit_chain, mean_chain, supports
from nav.reconstruction.clock import Clock
from nav.reconstruction.guidance import NOTHING, ReconstructionGuidance
from nav.reconstruction.prior import BONES, ShapePrior
from nav.reconstruction.sampling import as_field, coarser, smoothed
from nav.reconstruction.template_search import propose_places
from nav.reconstruction.volume import Volume

PLACES = 6  # proposals that are fitted
SURE = 0.93  # support of a fit, above which no other proposal is tried
COARSE, COARSE_BLUR = 1.0, 0.7  # mm, of the volume that proposals are fitted to
COARSE_REACHES = (8.0, 8.0, 8.0, 6.0, 6.0, 6.0, 5.0, 5.0, 4.0, 4.0)  # mm
FINE_REACHES = (4.0, 4.0, 3.0, 3.0, 3.0, 2.0, 2.0, 2.0)
NEEDED = ("C1", "C2")
FOUND = 0.8  # share of a bone's vertices in view with an edge: fewer means that it is absent
LEAST_VIEW = 0.25  # share of a bone in view, below which it is not reconstructed


@dataclass(frozen=True)
class LocatedNeck:
    """A fitted chain and how much of it the scan holds.

    Parameters
    ----------
    chain : Chain
        As fitted.
    supports : dict of str to Support
        By bone.
    """

    chain: Chain
    supports: dict[str, Support]

    def has(self, name: str) -> bool:
        """Return whether the scan holds enough of a bone.

        Parameters
        ----------
        name : str
            Of the bone.

        Returns
        -------
        bool
            True where enough of it is in view and has edges.
        """
        found = self.supports[name]
        return found.in_view >= LEAST_VIEW and found.matched >= FOUND

    @property
    def bones(self) -> tuple[str, ...]:
        """Return the bones that the scan holds."""
        return tuple(name for name in BONES if self.has(name))


def locate_neck(
    volume: Volume,
    prior: ShapePrior,
    clock: Clock | None = None,
    guidance: ReconstructionGuidance = NOTHING,
) -> LocatedNeck:
    """Find the chain of bones in a scan and fit it.

    Parameters
    ----------
    volume : Volume
        HU.
    prior : ShapePrior
        Of the bones.
    clock : Clock, optional
        Receives the steps.
    guidance : ReconstructionGuidance
        Its seeds, labels of bones and box limit where the bones may be.

    Returns
    -------
    LocatedNeck
        With at least C1 and C2.

    Raises
    ------
    InputError
        The scan does not show C1 and C2, or not where the guidance places them.
    """
    clock = clock or Clock()
    anchors = anchors_of(prior, guidance)
    clock.step("locate")
    places = propose_places(volume, PLACES, clock.share, anchors)
    if anchors is not None and not places:
        raise nowhere(anchors)
    clock.step("fit")
    coarse = as_field(smoothed(coarser(volume, COARSE), COARSE_BLUR))
    best: tuple[tuple[bool, float], Chain] | None = None
    for number, place in enumerate(places):
        chain = fit_chain(prior, coarse, mean_chain(prior, place.pose), COARSE_REACHES)
        score = _score(supports(prior, coarse, chain))
        agrees = anchors is None or anchors.agree(chain)
        if best is None or (agrees, score) > best[0]:
            best = ((agrees, score), chain)
        clock.share((number + 1) / (len(places) + 2))
        if agrees and score > SURE:
            break
    if best is None:
        raise InputError("the scan shows no bone; expected a CT of the neck with C1 and C2")
    field = as_field(volume)
    neck = neck_of(volume, prior, fit_chain(prior, field, best[1], FINE_REACHES))
    _refuse(neck, anchors)
    return neck


def neck_of(volume: Volume, prior: ShapePrior, chain: Chain) -> LocatedNeck:
    """Return how much of a chain that was fitted to a scan the scan holds.

    Parameters
    ----------
    volume : Volume
        HU.
    prior : ShapePrior
        Of the bones.
    chain : Chain
        As fitted.

    Returns
    -------
    LocatedNeck
        The chain with its supports.
    """
    return LocatedNeck(chain, supports(prior, as_field(volume), chain))


def _refuse(neck: LocatedNeck, anchors: Anchors | None) -> None:
    missing = [name for name in NEEDED if not neck.has(name)]
    if missing:
        where = " at the given places" if anchors is not None else ""
        raise InputError(_not_covered(neck, missing, where))
    problem = anchors.problem(neck.chain) if anchors is not None else ""
    if problem:
        raise InputError(problem)


def _score(found: dict[str, Support]) -> float:
    """Return how well a fit is supported: shares of edges found, of what is in view."""
    names = ("C1", "C2", "C3", "C4")
    return float(np.mean([found[n].matched * min(found[n].in_view, 1.0) for n in names]))


def _not_covered(neck: LocatedNeck, missing: list[str], where: str) -> str:
    shown = neck.bones
    what = f"only {', '.join(shown)} were found" if shown else "no vertebra of the neck was found"
    return (
        f"the scan does not show {' and '.join(missing)}{where}: {what}; "
        "expected a CT from the skull's base to C4"
    )
