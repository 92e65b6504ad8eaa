"""Markers on the skin that a scan shows: beads whose centres a needle's tip touches later.

A marker is a flat holder glued to the skin. For the scan it holds a bead; for the puncture a cap
with a conical divot takes the bead's place, its apex where the bead's centre was, as the marker
caps of image-guided surgery do (Maurer and others 1997, doi 10.1109/42.611354).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from nav.core.frames import Array
from phantoms.anatomy.parameters import AnatomyParameters
from phantoms.anatomy.skin_model import outline, skin_middle
from phantoms.anatomy.standard_neck import AnatomyFiducial
from phantoms.twin.ct_section import Surface
from phantoms.twin.scan_parameters import ScanParameters

BEAD_DIAMETER = 5.0  # mm
BEAD_HU = 950.0  # PTFE, as in CT test phantoms
STANDS_OFF = 4.5  # mm from the skin to the bead's centre
# Angle around the neck's axis from left (0) over back (90) to right (180), and height, mm:
# chosen so that only the correct order of labels fits, and clear of the entries at z = 0.
PLACES = (
    (4.0, 22.0),
    (28.0, 31.0),
    (62.0, -6.0),
    (15.0, -40.0),
    (48.0, -47.0),
    (97.0, 24.0),
    (109.0, -36.0),
    (134.0, 6.0),
    (149.0, 33.0),
    (163.0, -44.0),
    (176.0, -21.0),
    (171.0, 15.0),
)
GLUED_SD = 2.0  # mm per axis, how far from its place somebody glues a marker
# mm: a scan made for navigation shows the whole neck's skin, with the markers
SIDE, BOTTOM, TOP = 190.0, -68.0, 46.0
LEAST_PIXEL = 0.4  # mm: so large a field of view has no smaller ones
SPHERE_RINGS, SPHERE_CORNERS = 24, 48


@dataclass(frozen=True)
class Marker:
    """A marker on the skin.

    Parameters
    ----------
    position : ndarray, shape (3,)
        Centre of the bead, which is the divot's apex, anatomy's frame, mm.
    axis : ndarray, shape (3,)
        Unit vector outwards from the skin.
    """

    position: Array
    axis: Array


def skin_markers(p: AnatomyParameters, seed: int) -> tuple[Marker, ...]:
    """Place twelve markers around a neck, at slightly different positions for every seed.

    Parameters
    ----------
    p : AnatomyParameters
        Size of the neck.
    seed : int
        Of the displacements.

    Returns
    -------
    tuple of Marker
        Anatomy's frame.
    """
    rng = np.random.default_rng([seed, 1997])
    middle = np.array([0.0, skin_middle(p)])
    markers = []
    for angle, height in PLACES:
        z = height + GLUED_SD * rng.standard_normal()
        turned = np.radians(angle) + GLUED_SD / 60.0 * rng.standard_normal()
        ring = outline(p, z, 256)
        way = np.array([np.cos(turned), np.sin(turned)])
        off = ring - middle
        at = int(np.argmax(off @ way / np.linalg.norm(off, axis=1)))
        along = ring[(at + 1) % len(ring)] - ring[at - 1]
        out = np.array([along[1], -along[0]])
        out *= np.sign(out @ off[at]) / np.linalg.norm(out)
        axis = np.array([*out, 0.0])
        markers.append(Marker(np.array([*ring[at], z]) + STANDS_OFF * axis, axis))
    return tuple(markers)


def whole_neck(scan: ScanParameters) -> ScanParameters:
    """Return a scan whose field of view contains the whole neck, with the markers on its skin.

    Parameters
    ----------
    scan : ScanParameters
        A scan.

    Returns
    -------
    ScanParameters
        With a larger field of view, and voxels no smaller than that allows.
    """
    view = replace(
        scan.view,
        side_mm=SIDE,
        low_mm=min(scan.view.low_mm, BOTTOM),
        high_mm=max(scan.view.high_mm, TOP),
        centre_mm=(0.0, -5.0),
    )
    x, y, z = scan.spacing_mm
    return replace(scan, view=view, spacing_mm=(max(x, LEAST_PIXEL), max(y, LEAST_PIXEL), z))


def touched(markers: Sequence[Marker], labels: Sequence[str]) -> tuple[AnatomyFiducial, ...]:
    """Return the markers as fiducials to be touched.

    Parameters
    ----------
    markers : sequence of Marker
        The markers.
    labels : sequence of str
        The labels that somebody gave them.

    Returns
    -------
    tuple of AnatomyFiducial
        In the frame of the markers.
    """
    return tuple(
        AnatomyFiducial(label, tuple(map(float, m.position)), "register")  # type: ignore[arg-type]
        for m, label in zip(markers, labels, strict=True)
    )


def beads(markers: Sequence[Marker]) -> tuple[Surface, ...]:
    """Build the beads as closed surfaces.

    Parameters
    ----------
    markers : sequence of Marker
        The markers.

    Returns
    -------
    tuple of Surface
        In the frame of the markers, mm.
    """
    return tuple(
        Surface(f"bead {k}", "other", *_sphere(m.position, BEAD_DIAMETER / 2.0))
        for k, m in enumerate(markers)
    )


def _sphere(middle: Array, radius: float) -> tuple[Array, NDArray[np.int32]]:
    import pyvista as pv

    # vertices slightly outside, so that the volume is the ball's
    ball = pv.Sphere(
        radius=radius,
        center=middle,
        theta_resolution=SPHERE_CORNERS,
        phi_resolution=SPHERE_RINGS,
    )
    vertices = np.asarray(ball.points, float)
    scale = (4.0 / 3.0 * np.pi * radius**3 / float(ball.volume)) ** (1.0 / 3.0)
    vertices = middle + scale * (vertices - middle)
    return vertices, ball.faces.reshape(-1, 4)[:, 1:].astype(np.int32)
