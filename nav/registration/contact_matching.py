"""Which contact of a stylus was in which divot."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nav.core.errors import InputError
from nav.core.frames import Array
from nav.core.plausibility import UNITS
from nav.registration.correspondence import Indices, correspondences, rigid_misfits
from nav.registration.stylus_contacts import Contact, pooled_pivot
from nav.registration.tip_and_registration import contact_error

LARGEST_FRE = 4.0  # mm: with a tip from pivoting, which may be 2 mm off
MOST_COMPARED = 40  # assignments that fit best with the tip of the pivots alone
CLEAR = 3.0, 0.3  # the error of the second-best assignment is 3 times as large, and 0.3 mm larger
LEAST_MATCHED = 4
SAME_EXTENT = 0.2  # relative


@dataclass(frozen=True)
class Match:
    """Contacts with the divots that they were in.

    Parameters
    ----------
    contacts : tuple of int
        Indices of the contacts that are in divots, in the order of time.
    divots : tuple of int
        Index of the divot of each.
    """

    contacts: tuple[int, ...]
    divots: tuple[int, ...]


def match_contacts(contacts: Sequence[Contact], divots: Array, in_order: bool = True) -> Match:
    """Match contacts to divots by their mutual distances.

    As many contacts as divots in a known order are taken as they are. Otherwise every assignment is
    tried that is nearly rigid with the tip that the pivots give, and those that fit best are
    compared with a tip of their own: some divots may have been left out, or some contacts been
    elsewhere, not both.

    Parameters
    ----------
    contacts : sequence of Contact
        In the order of time.
    divots : ndarray, shape (m, 3)
        Model frame, mm.
    in_order : bool
        Whether the divots were touched in their order.

    Returns
    -------
    Match

    Raises
    ------
    InputError
        Fewer than four of them match, another unit, a mirror image, or a second assignment that
        fits nearly as well.
    """
    tip = pooled_pivot(contacts)
    places = np.array([contact.place(tip) for contact in contacts])
    if min(len(places), len(divots)) < LEAST_MATCHED:
        raise InputError(
            f"{len(places)} contacts were found, and there are {len(divots)} divots; at least "
            f"{LEAST_MATCHED} of both are needed"
        )
    _check_unit(places, divots)
    if in_order and len(places) == len(divots):
        numbers = tuple(range(len(places)))
        _check_fit(places, divots)
        return Match(numbers, numbers)
    more, fewer = (places, divots) if len(places) > len(divots) else (divots, places)
    count = len(fewer)
    found, complete = correspondences(more, fewer, np.ones(count), count * LARGEST_FRE**2)
    fitting = [each for each in found if not in_order or (np.diff(each.indices) > 0).all()]
    if not fitting:
        what = "in their order" if in_order else "in any order"
        raise InputError(
            f"{len(places)} contacts were found, which do not fit the {len(divots)} divots {what} "
            f"to {LARGEST_FRE:g} mm; pivot once in each divot, and nowhere else"
        )
    candidates = [_match(each.indices, more is divots) for each in fitting[:MOST_COMPARED]]
    errors = [
        contact_error([contacts[k] for k in each.contacts], divots[list(each.divots)])
        for each in candidates
    ]
    best, *others = np.argsort(errors)
    second = errors[others[0]] if others else np.inf
    if not complete or second < max(CLEAR[0] * errors[best], errors[best] + CLEAR[1]):
        raise InputError(
            f"it is not clear which divot is which: the best assignment is {errors[best]:.2f} mm "
            f"per axis off, another one {second:.2f} mm; pivot in all divots, in their order"
        )
    return candidates[best]


def _match(indices: Indices, of_divots: bool) -> Match:
    """Return a match from the divot of each contact, or from the contact of each divot."""
    order = np.argsort(indices)
    if of_divots:
        return Match(tuple(range(len(indices))), tuple(map(int, indices)))
    return Match(tuple(map(int, indices[order])), tuple(map(int, order)))  # by time


def _check_unit(places: Array, divots: Array) -> None:
    extents = [float(np.sqrt(points.var(axis=0).sum())) for points in (places, divots)]
    ratio = extents[0] / max(extents[1], 1e-9)
    likely = [name for name, by in UNITS.items() if abs(ratio / by - 1.0) < SAME_EXTENT]
    if likely:
        raise InputError(
            f"the divots are {extents[1]:.4g} mm (rms) from their middle, the contacts "
            f"{extents[0]:.4g} mm: are the divots in {likely[0]}? Write millimetres"
        )


def _check_fit(places: Array, divots: Array) -> None:
    """Refuse contacts in order that cannot be these divots."""
    proper, improper = rigid_misfits(divots[None], places[None], np.ones(len(places)))
    fre, mirrored = np.sqrt(np.array([proper[0], improper[0]]) / len(places))
    if fre <= LARGEST_FRE:
        return
    backwards = rigid_misfits(divots[::-1][None], places[None], np.ones(len(places)))[0][0]
    reverse = float(np.sqrt(backwards / len(places)))
    if reverse <= LARGEST_FRE and reverse < min(fre / 3.0, mirrored):
        raise InputError(
            f"the divots were touched in the reverse order ({reverse:.1f} mm FRE, {fre:.1f} mm as "
            "they are listed); list them in the order of touching, or allow any order"
        )
    if mirrored < fre / 3.0 and mirrored <= LARGEST_FRE:
        raise InputError(
            f"the divots are a mirror image of the contacts ({mirrored:.1f} mm FRE mirrored, "
            f"{fre:.1f} mm as they are); check the signs of their coordinates"
        )
    raise InputError(
        f"the contacts do not fit the divots in this order: FRE {fre:.1f} mm, at most "
        f"{LARGEST_FRE:g} mm is expected; were the divots touched in another order, or is this "
        "another phantom?"
    )
