"""How far a bent needle's tip drifts, by gauge, bevel and depth; sources: docs/bending.md."""

from dataclasses import dataclass, replace

import numpy as np

from nav.core.errors import Lost
from nav.core.frames import Array
from nav.core.tracked_frame import Tip, TrackedFrame
from nav.model.case import Case
from nav.registration.registration_result import Registration
from nav.tracking.needle import NeedleKind
from nav.tracking.tool import Tool

# mm: outer diameter of needle tubing by gauge, nominal (ISO 9626 rounds these)
DIAMETER = {
    14: 2.108, 15: 1.829, 16: 1.651, 17: 1.473, 18: 1.270, 19: 1.067,
    20: 0.908, 21: 0.819, 22: 0.718, 23: 0.641, 24: 0.565, 25: 0.514,
}  # fmt: skip
# mm of drift per mm of depth. Bevels: 22 gauge, 8.89 and 7.64 mm in 80 (Rand 2016); pencil points
# of any gauge: the largest of 0.60 to 1.00 mm in 50 (Kopacz and Allen 1995)
RATE = {"cutting": 8.89 / 80.0, "tuohy": 7.64 / 80.0, "pencil": 1.00 / 50.0}
RATE_GAUGE = 22
# a cutting bevel is pushed away from its face, a Tuohy's curve leads it towards its opening
SIDE = {"cutting": -1.0, "tuohy": 1.0}
# mm: the deepest that was measured; deeper the path is taken as an arc
MEASURED_DEPTH = 80.0
# mm: where it is not known how deep the needle is
ASSUMED_DEPTH = 80.0
# one sd of the drift, as a share of it, where its direction is known (assumed)
SHARE = 0.6


@dataclass(frozen=True)
class Drift:
    """What bending does to a tip.

    Parameters
    ----------
    depth : float
        Of the tip in tissue along the shaft, mm.
    assumed : bool
        Whether that is only assumed.
    size : float
        How far the tip is expected to be off a straight needle's, mm.
    shift : ndarray, shape (3,)
        Mean displacement, model frame, mm; zeros where the direction is not known.
    covariance : ndarray, shape (3, 3)
        Across the shaft, model frame, mm^2; equal in all directions across where the direction is
        not known.
    """

    depth: float
    assumed: bool
    size: float
    shift: Array
    covariance: Array

    def bend(self, straight: Tip) -> Tip:
        """Return the tip of the bent needle; bending is a systematic error."""
        return replace(
            straight,
            position=straight.position + self.shift,
            systematic=straight.systematic + self.covariance,
        )


class Bending:
    """Bending of one needle in one case; a needle not described in its tool file stays straight.

    Parameters
    ----------
    needle : Tool
        The needle.
    case : Case
        Its skin gives the depth.
    reference : str
        Name of the reference body.
    """

    def __init__(self, needle: Tool, case: Case, reference: str) -> None:
        self.needle, self.case, self.reference = needle, case, reference

    def apply(
        self, straight: Tip | Lost, tracked: TrackedFrame, registration: Registration | None
    ) -> tuple[Tip | Lost, Drift | None]:
        """Bend the tip of a straight needle.

        Parameters
        ----------
        straight : Tip or Lost
            In the model frame.
        tracked : TrackedFrame
            The needle's pose, for the direction that the bevel faces.
        registration : Registration or None
            To the model frame, for the same.

        Returns
        -------
        tip : Tip or Lost
            In the model frame.
        drift : Drift or None
            By how much; None where the tip is lost or the needle stays straight.
        """
        kind = self.needle.needle
        if kind is None or isinstance(straight, Lost):
            return straight, None
        faces = self._bevel_in_model(kind, tracked, registration)
        drift = drift_at(kind, insertion_depth(self.case, straight), straight.heading, faces)
        return drift.bend(straight), drift

    def _bevel_in_model(
        self, kind: NeedleKind, tracked: TrackedFrame, registration: Registration | None
    ) -> Array | None:
        pose = tracked.pose(self.needle.name, relative_to=self.reference)
        if kind.bevel_direction is None or registration is None or isinstance(pose, Lost):
            return None
        rotation = registration.model_from_reference.transform.rotation * pose.transform.rotation
        return rotation.apply(kind.bevel_direction)


def drift_size(kind: NeedleKind, depth: float) -> float:
    """Return how far the tip is expected to drift.

    Parameters
    ----------
    kind : NeedleKind
        Gauge and bevel.
    depth : float
        In tissue, mm.

    Returns
    -------
    float
        In mm; linear in the depth to MEASURED_DEPTH, quadratic beyond.
    """
    rate = RATE[kind.bevel]
    if kind.bevel != "pencil":
        rate *= DIAMETER[RATE_GAUGE] / DIAMETER[kind.gauge]
    return rate * depth * max(1.0, depth / MEASURED_DEPTH)


def insertion_depth(case: Case, tip: Tip) -> float | None:
    """Return the distance from the tip back along its shaft to where that leaves the skin.

    Parameters
    ----------
    case : Case
        With skin, if the depth is to be known.
    tip : Tip
        Model frame.

    Returns
    -------
    float or None
        In mm; 0 outside; None where the case has no skin, or the shaft's direction is not known.
    """
    skins = case.of_role("skin")
    if not skins:
        return None
    within = [s.surface for s in skins if s.surface.distance(tip.position)[0] < 0]
    if not within:
        return 0.0
    if tip.heading is None:
        return None
    ways = [surface.first_hit(tip.position, -tip.heading) for surface in within]
    known = [way for way in ways if way is not None]
    return max(known, default=None)


def drift_at(
    kind: NeedleKind, depth: float | None, heading: Array | None, faces: Array | None
) -> Drift:
    """Return the drift of a needle at a depth.

    Parameters
    ----------
    kind : NeedleKind
        Gauge and bevel.
    depth : float or None
        In tissue, mm; None: not known.
    heading : ndarray, shape (3,), or None
        Unit vector from hub to tip.
    faces : ndarray, shape (3,), or None
        Unit vector that the bevel's opening faces, in the same frame.

    Returns
    -------
    Drift
        In that frame; without a mean shift where depth or direction is not known.
    """
    assumed = depth is None
    depth = ASSUMED_DEPTH if depth is None else depth
    size = drift_size(kind, depth)
    across = np.eye(3) if heading is None else np.eye(3) - np.outer(heading, heading)
    # a mean of a depth that is only assumed might lead away from what is near
    if assumed or heading is None or faces is None or kind.bevel not in SIDE:
        return Drift(depth, assumed, size, np.zeros(3), size**2 * across)
    way = across @ faces
    shift = SIDE[kind.bevel] * size * way / np.linalg.norm(way)
    return Drift(depth, assumed, size, shift, (SHARE * size) ** 2 * across)
