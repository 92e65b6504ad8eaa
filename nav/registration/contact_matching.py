"""Which contact of a stylus was in which divot."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nav.core.errors import InputError
from nav.core.frames import Array
from nav.core.plausibility import UNITS
from nav.registration.correspondence import correspondences, rigid_misfits
from nav.registration.stylus_contacts import Contact, pooled_pivot

LARGEST_FRE = 4.0  # mm: with a tip from pivoting, which may be 2 mm off
CLEAR = 2.0, 1.0  # a second-best match has an FRE of twice as much and 1 mm more
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

    The contacts' places are those of the tip that their pivots give. As many contacts as divots in
    a known order are taken as they are. Otherwise every rigid assignment is tried: some divots may
    have been left out, or some contacts been elsewhere, not both.

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
    best = np.sqrt(fitting[0].misfit / count)
    second = np.sqrt(fitting[1].misfit / count) if len(fitting) > 1 else np.inf
    if not complete or second < CLEAR[0] * best + CLEAR[1]:
        raise InputError(
            f"it is not clear which divot is which: the best assignment has an FRE of {best:.1f} "
            f"mm, the next one {second:.1f} mm; pivot in all divots, in their order"
        )
    indices = fitting[0].indices
    if more is divots:
        return Match(tuple(range(count)), tuple(map(int, indices)))
    order = np.argsort(indices)  # by time
    return Match(tuple(map(int, indices[order])), tuple(map(int, order)))


def _check_unit(places: Array, divots: Array) -> None:
    extents = [float(np.linalg.norm(np.ptp(points, axis=0))) for points in (places, divots)]
    ratio = extents[0] / max(extents[1], 1e-9)
    likely = [name for name, by in UNITS.items() if abs(ratio / by - 1.0) < SAME_EXTENT]
    if likely:
        raise InputError(
            f"the divots span {extents[1]:.4g} mm, the contacts {extents[0]:.4g} mm: are the "
            f"divots in {likely[0]}? Write millimetres"
        )


def _check_fit(places: Array, divots: Array) -> None:
    """Refuse contacts in order that cannot be these divots."""
    proper, improper = rigid_misfits(divots[None], places[None], np.ones(len(places)))
    fre, mirrored = np.sqrt(np.array([proper[0], improper[0]]) / len(places))
    if fre <= LARGEST_FRE:
        return
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
