"""Detection of a change of focus between images, from the focal length of each view.

Autofocus, a touched ring or a lens that warms up change the focal length by tenths of a per cent to
several per cent. One lens for all images then fits badly, and a spurious distortion is found. To
first order, each view's own focal length and its covariance follow from the equations at the fit,
with lens, bow and the board's pose free; a step or a drift in time is far more likely than any of
these by chance.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from calibration.cameras.bundle import Bundle, Fit, Sighting, inverse_of
from calibration.cameras.held_out import reduce_poses
from calibration.cameras.lens_models import Lens
from calibration.cameras.rig_setup import prior_of
from nav.core.frames import Array

LEAST_VIEWS = 6
CERTAIN = 16.0  # chi-square with one degree of freedom: four sd, as a dozen steps are tried
WORTH_SAYING = 0.0005  # of the focal length: 0.3 mm of 600 mm
STEPWISE = 10.0  # chi-square by which a step must explain more than a drift to be preferred


@dataclass(frozen=True)
class FocusChange:
    """A focal length that changed during the images.

    Attributes
    ----------
    share : float
        Relative growth from the first to the last view.
    after : int or None
        The last instant before a step; None for a drift.
    shares : ndarray, shape (views,)
        Relative deviation of each view; 0 for the last one.
    instants : tuple of int
        Instants of the views.
    """

    share: float
    after: int | None
    shares: Array
    instants: tuple[int, ...]

    def then(self, more: "FocusChange") -> "FocusChange":
        """Return this change combined with what was found after it was taken into account."""
        shares = (1.0 + self.shares) * (1.0 + more.shares) - 1.0
        return replace(self, share=-float(shares[0]), shares=shares)


def find_focus_change(
    bundle: Bundle, fit: Fit, inflation: float, known: FocusChange | None = None
) -> FocusChange | None:
    """Find how one camera's focal length changed from view to view.

    Parameters
    ----------
    bundle, fit : Bundle and Fit
        Of this camera alone.
    inflation : float
        See `HeldOut`.
    known : FocusChange, optional
        A change that is already taken into account, whose remainder is estimated.

    Returns
    -------
    FocusChange or None
        The change; None where it did not change significantly.
    """
    parts = {p.sighting.instant: p for p in bundle.linearised(fit)}
    instants = tuple(sorted(parts))
    if len(instants) < LEAST_VIEWS:
        return None
    lens = fit.setup.lenses[0]
    # fx and fy are the first two unknowns; by the logarithm of both
    columns = {k: (part.rows[:, :2] @ lens.pinhole[:2]).reshape(-1, 1) for k, part in parts.items()}
    reduced = reduce_poses(bundle, fit, columns)
    shared = fit.unknowns.bow.stop
    normal = np.diag(prior_of(fit.setup, fit.unknowns)[0][:shared])
    count = len(instants)
    own, cross, pull = np.zeros(count), np.zeros((shared, count)), np.zeros(count)
    for n, instant in enumerate(instants):
        rows, column = reduced[instant].rows[:, :shared], reduced[instant].rows[:, shared]
        normal += rows.T @ rows
        own[n], cross[:, n] = column @ column, rows.T @ column
        pull[n] = column @ reduced[instant].right
    information = np.diag(own) - cross.T @ inverse_of(normal) @ cross
    drift = np.linspace(-1.0, 0.0, count)
    steps = [np.where(np.arange(count) <= n, -1.0, 0.0) for n in range(1, count - 2)]
    patterns: dict[int | None, Array] = {
        None: drift,
        **{instants[n]: s for n, s in enumerate(steps, 1)},
    }
    if known is not None:
        patterns = {known.after: patterns[known.after]}
    explained = {k: _explained(p, information, pull) for k, p in patterns.items()}
    after = max(explained, key=lambda k: explained[k][0])
    if None in explained and explained[after][0] < explained[None][0] + STEPWISE * inflation:
        after = None
    chi, share = explained[after]
    if chi < CERTAIN * inflation or abs(share) < WORTH_SAYING:
        return None
    return FocusChange(share, after, share * patterns[after], instants)


def _explained(pattern: Array, information: Array, pull: Array) -> tuple[float, float]:
    """Return the decrease of chi-square if focal lengths follow a pattern, and its amplitude."""
    weight = float(pattern @ information @ pattern)
    if weight <= 0.0:
        return 0.0, 0.0
    size = float(pattern @ pull) / weight
    return size * float(pattern @ pull), size


def as_last_focused(
    sightings: Sequence[Sighting], lens: Lens, change: FocusChange
) -> list[Sighting]:
    """Convert one camera's sightings to the focus of the last one.

    A focal length scales the image about the principal point.

    Parameters
    ----------
    sightings : sequence of Sighting
        Of one camera.
    lens : Lens
        Its lens, focused as for the last.
    change : FocusChange
        How the focus changed.

    Returns
    -------
    list of Sighting
        With corrected pixels.
    """
    middle = lens.pinhole[2:]
    shares = dict(zip(change.instants, change.shares, strict=True))
    return [
        replace(s, pixels=middle + (s.pixels - middle) / (1.0 + shares.get(s.instant, 0.0)))
        for s in sightings
    ]
