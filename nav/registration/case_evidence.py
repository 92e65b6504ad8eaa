"""Whether points touched on bone show that it is this case's bone, and not a similar one's.

Noise of touches is independent from point to point; where the bone has another shape, neighbouring
points are off in the same way. So besides the size of the residuals their pattern counts, and a
verdict needs points enough to have told bones apart.
"""

import numpy as np
from scipy.integrate import quad
from scipy.linalg import qr
from scipy.special import chdtrc, chdtri, chndtr

from nav.core.frames import Array
from nav.registration.goodness_of_fit import (
    FAR,
    OUTLIER,
    SurfaceFit,
    fisher,
    outlier_probability,
)

ASKED = 0.1  # probability of size and pattern of the residuals below which the case is asked for
MOST_OFF = 0.05  # of the points: more outliers may be another bone
# A shape that differs by less is not told apart by some dozens of touches, and moves arteries by
# some tenths of a millimetre; one that differs by so much may be missed so often.
DIFFERENCE, MISSED = 0.25, 0.2  # mm rms along the normal
LENGTH = 10.0  # mm: over which a difference in shape is much the same
STRETCH = 20.0  # mm from the middle at which a stretch of the whole bone counts as much as that
LEAST_SIZE = 0.5  # of the declared variance
MOST_ADVISED = 400  # points
MOST_POINTS = 500  # whose pattern is looked at: of more, every second, third ... counts


def case_probability(fit: SurfaceFit) -> float:
    """Return how probable residuals of such a size and pattern are on the right bone.

    Their chi-square, the number of outliers that are only a little off, and `shape_probability`,
    together by Fisher's rule [1]_.

    Parameters
    ----------
    fit : SurfaceFit
        A pose that was found.

    Returns
    -------
    float

    References
    ----------
    .. [1] Fisher, Statistical Methods for Research Workers, 4th ed., 1932, section 21.1.
    """
    parts = [float(chdtrc(fit.freedom, fit.chi2)), shape_probability(fit)]
    if fit.near_outliers:
        parts.append(outlier_probability(fit))
    return fisher(*parts)


def shape_probability(fit: SurfaceFit) -> float:
    """Return how probable residuals as alike among neighbours are, whatever their size.

    The share of the residuals that a smooth difference in shape explains: a stretch of the whole
    bone, and a displacement that changes over some millimetres. Rigid motions are no difference,
    and neither is the surface's own error, which is as smooth. The distribution of such a ratio of
    quadratic forms is exact [1]_.

    Parameters
    ----------
    fit : SurfaceFit
        A pose that was found.

    Returns
    -------
    float

    References
    ----------
    .. [1] Imhof, Biometrika 48(3/4), 1961.
    """
    scaled = fit.residuals / fit.sd
    near = np.flatnonzero(np.abs(scaled) <= FAR)
    near = near[:: -(-len(near) // MOST_POINTS)]
    residuals = np.clip(scaled[near], -OUTLIER, OUTLIER)
    alike = _alike(fit.places[near], fit.rows[near, :3])
    size = np.sqrt(np.diag(alike))
    share = np.sqrt(fit.surface_share[near])
    noise = np.diag(1.0 - share**2) + alike * np.outer(share / size, share / size)
    free = qr(fit.rows[near] / fit.sd[near, None])[0][:, 6:]  # no rigid motion
    residuals, alike, noise = free.T @ residuals, free.T @ alike @ free, free.T @ noise @ free
    # residuals that are smaller than declared have no pattern that matters
    total = max(float(residuals @ residuals), LEAST_SIZE * len(residuals))
    explained = residuals @ alike @ residuals / total
    root = np.linalg.cholesky(noise)
    centred = alike - explained * np.eye(len(residuals))
    return _positive_probability(np.linalg.eigvalsh(root.T @ centred @ root))


def _alike(places: Array, normals: Array) -> Array:
    """Return by how much two points are displaced alike, along their normals, (n, n)."""
    apart = places - places.mean(axis=0)
    stretch = np.stack(
        [
            (apart[:, a] * normals[:, b] + apart[:, b] * normals[:, a]) / STRETCH
            for a in range(3)
            for b in range(a, 3)
        ],
        axis=1,
    )
    squares = ((places[:, None] - places) ** 2).sum(axis=2)
    together = (normals @ normals.T) * np.exp(-squares / (2.0 * LENGTH**2))
    return np.asarray(stretch @ stretch.T + together, float)


def _positive_probability(weights: Array) -> float:
    """Return how probable a weighted sum of independent squared normal numbers is positive."""
    scaled = weights / np.abs(weights).max()

    def integrand(u: float) -> float:
        angle = 0.5 * np.arctan(scaled * u).sum()
        return float(np.sin(angle) * np.exp(-0.25 * np.log1p((scaled * u) ** 2).sum()) / u)

    area = quad(integrand, 0.0, np.inf, limit=200)[0]
    return float(np.clip(0.5 + area / np.pi, 1e-9, 1.0))


def missed_difference(fit: SurfaceFit, count: int | None = None) -> float:
    """Return how often such touches would pass on bone that differs by DIFFERENCE.

    Parameters
    ----------
    fit : SurfaceFit
        A pose that was found.
    count : int, optional
        With so many points of the same error; by default as many as are used.

    Returns
    -------
    float
    """
    freedom = max(1, (int(fit.used.sum()) if count is None else count) - 6)
    visible = DIFFERENCE**2 * float(np.mean(1.0 / fit.sd[fit.used] ** 2)) * freedom
    return float(chndtr(chdtri(freedom, ASKED), freedom, visible))


def doubt_case(
    fit: SurfaceFit, with_fiducials: bool = False, probability: float | None = None
) -> str | None:
    """Return why it may be another case's bone, for people; None where the points show that not.

    Parameters
    ----------
    fit : SurfaceFit
        A pose that was found.
    with_fiducials : bool
        Whether fiducials of the case agree with it: then few points are enough.
    probability : float, optional
        Its `case_probability`, where that is known.

    Returns
    -------
    str or None
    """
    probability = case_probability(fit) if probability is None else probability
    count, off = len(fit.used), int((~fit.used).sum())
    if probability < ASKED:
        return (
            "residuals of this size and pattern happen once in "
            f"{1.0 / max(probability, 1e-6):.0f} by chance: is it this case? Verify with check "
            "points; if your touches are worse, say so with --sigma"
        )
    if off > MOST_OFF * count:
        return (
            f"{off} of {count} points are off the bone: check what was touched, and that it is "
            "this case; verify with check points"
        )
    missed = missed_difference(fit)
    if with_fiducials or missed <= MISSED:
        return None
    needed = next(
        (n for n in range(count + 1, MOST_ADVISED) if missed_difference(fit, n) <= MISSED), None
    )
    more = f"touch {needed}, or verify" if needed else "verify"
    return (
        f"{count} such points would miss in {missed:.0%} that it is another case, whose bones "
        f"differ by {DIFFERENCE:g} mm; {more} with check points"
    )
