"""Whether tip and registration from pivots in divots are good enough, in words."""

from collections.abc import Sequence

import numpy as np

from nav.registration.tip_and_registration import TipAndRegistration

REFUSED, DOUBTED = 1e-3, 0.01  # probabilities of the worst contact, and of pivot and places
LARGEST_CONTACT_SD, LARGE_CONTACT_SD = 1.0, 0.5  # mm per axis: divots hold a tip better
LARGEST_TIP_SD, LARGE_TIP_SD = 1.5, 0.6  # mm in the worst direction


def judge(
    found: TipAndRegistration, labels: Sequence[str], elsewhere: int, left: Sequence[str]
) -> str:
    """Return the verdict.

    Parameters
    ----------
    found : TipAndRegistration
        What was estimated.
    labels : sequence of str
        Of its contacts.
    elsewhere : int
        Contacts that were in no divot.
    left : sequence of str
        Divots without a contact.

    Returns
    -------
    str
        'good', 'usable: ' or 'repeat: ' and why.
    """
    worst_sd = float(np.sqrt(np.linalg.eigvalsh(found.tip_covariance)[-1]))
    doubts = []
    if found.left_out:
        probabilities = [each.probability for each in found.left_out]
        worst = int(np.argmin(probabilities))
        probability = probabilities[worst] * len(probabilities)
        finding = (
            f"the contact in {labels[worst]} is {found.left_out[worst].distance:.1f} mm off where "
            f"the others predict {found.left_out[worst].predicted:.1f} mm"
        )
        if probability < REFUSED:
            return f"repeat: {finding}; touch it again"
        if probability < DOUBTED:
            doubts.append(finding)
    if found.contact_sd > LARGEST_CONTACT_SD:
        return (
            f"repeat: the contacts are {found.contact_sd:.1f} mm per axis off the divots; are the "
            "divots in this order and these places?"
        )
    if worst_sd > LARGEST_TIP_SD:
        return (
            f"repeat: the tip is known to {worst_sd:.1f} mm only (1 sd); hold the stylus in other "
            "directions in some divots, and touch more of them"
        )
    if found.contact_sd > LARGE_CONTACT_SD:
        doubts.append(f"the contacts are {found.contact_sd:.1f} mm per axis off the divots")
    if worst_sd > LARGE_TIP_SD:
        doubts.append(
            f"the tip is known to {worst_sd:.1f} mm (1 sd); other directions of the stylus would "
            "help"
        )
    if found.pivot.probability < DOUBTED:
        doubts.append(
            f"the stylus pivots about a point {found.pivot.disagreement:.1f} mm from the tip that "
            "the divots' places give; the places decided"
        )
    if not found.left_out:
        doubts.append("too few contacts to leave one out; a wrong one may not be seen")
    if elsewhere:
        doubts.append(f"{elsewhere} more contacts were in no divot")
    if left:
        doubts.append(f"no contact in {', '.join(left)}")
    return f"usable: {'; '.join(doubts)}" if doubts else "good"
