"""A second CT simulator with its own physics: projections, photon counts and back projection.

It shares nothing with the other one except the surfaces. Each slice's outlines are projected
exactly; what is between attenuates at several energies; quanta are counted; water is corrected as
in a scanner; then filtered back projection. Edges, noise, streaks and dark bands follow from the
physics. It takes a minute or two, and serves to check what was made with the other one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import fft

from nav.core.compiled import njit
from nav.core.frames import Array
from phantoms.anatomy.mesh import Mesh
from phantoms.twin.ct_section import Closed
from phantoms.twin.scan_joints import vertex_normals
from phantoms.twin.simulated_ct import CtVolume

# At 50, 65, 80 and 100 keV: relative quanta (chosen, of a tube at 120 kV); attenuation of water and
# compact bone of 1.92 g/cm3, 1/mm, and of iodine, 1/mm for 1 mg/ml (after NIST's tables, rounded).
QUANTA = (0.26, 0.36, 0.25, 0.13)
WATER = (0.02269, 0.01995, 0.01837, 0.01707)
BONE = (0.0814, 0.0547, 0.0428, 0.0356)
IODINE = (1.22e-3, 6.12e-4, 3.51e-4, 1.94e-4)
# What each kind of structure lies in.
WITHIN = {
    **{"cord": "dura", "dura": "skin", "bone": "skin", "artery": "skin", "other": "skin"},
    "skin": "",
}
LONGEST = 400.0  # mm of water that the correction covers
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Materials:
    """Composition of the structures.

    Parameters
    ----------
    tissue, fat, csf, cord : float
        Density relative to water.
    fat_mm : float
        Thickness of the fat below the skin, mm.
    bone, marrow : float
        Share of compact bone in cortex and marrow; the rest is water.
    cortex_mm : float
        Thickness of the cortex, mm.
    iodine : float
        Concentration in arteries, mg/ml.
    """

    tissue: float = 1.05
    fat: float = 0.91
    fat_mm: float = 5.0
    csf: float = 1.005
    cord: float = 1.035
    bone: float = 0.45
    marrow: float = 0.12
    cortex_mm: float = 1.0
    iodine: float = 11.0


@dataclass(frozen=True)
class Geometry:
    """How the projections are taken.

    Parameters
    ----------
    side_mm : float
        Side of the square field of view, which must contain the body that is to be seen, mm.
    pixel_mm, slice_mm : float
        Size of the voxels, mm.
    detector_mm : float
        Pitch of the detector, over which it averages, mm.
    parts : int
        Parts of a slice, over which it averages.
    angles : int
        Projections over half a turn.
    quanta : float
        A detector's count without a body.
    cutoff : float
        Of the ramp filter's window, share of the detector's Nyquist frequency.
    """

    side_mm: float = 160.0
    pixel_mm: float = 0.5
    slice_mm: float = 0.6
    detector_mm: float = 0.5
    parts: int = 3
    angles: int = 400
    quanta: float = 2.5e5
    cutoff: float = 0.9


def projection_ct(
    structures: Sequence[Closed],
    low: float,
    high: float,
    centre: Array,
    materials: Materials | None = None,
    geometry: Geometry | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> CtVolume:
    """Simulate parallel-beam CT of closed surfaces.

    Parameters
    ----------
    structures : sequence of Closed
        Scan frame, mm.
    low, high : float
        Range of the slices, mm.
    centre : ndarray, shape (2,)
        x and y of the field of view's centre, mm.
    materials : Materials, optional
        Composition of the structures.
    geometry : Geometry, optional
        How the projections are taken.
    seed : int, optional
        Of the quanta.
    progress : callable, optional
        Called with the number of slices done and of all slices.

    Returns
    -------
    CtVolume
        CT numbers.
    """
    m, g = materials or Materials(), geometry or Geometry()
    rng = np.random.default_rng([seed, 8])
    centre = np.asarray(centre, float)
    parts = [part for s in structures if s.role in WITHIN for part in _parts(s, m)]
    theta = np.pi * np.arange(g.angles) / g.angles
    heights = np.arange(low + g.slice_mm / 2, high, g.slice_mm)
    reach = max(np.linalg.norm(s.vertices[:, :2] - centre, axis=1).max() for s in structures)
    count = 2 * int(np.ceil(max(reach, 0.75 * g.side_mm) / g.detector_mm)) + 4
    size = round(g.side_mm / g.pixel_mm)
    image = np.empty((len(heights), size, size), np.int16)
    for k, z in enumerate(heights):
        lines = np.zeros((3, g.angles, count))
        offsets = ((np.arange(g.parts) + 0.5) / g.parts - 0.5) * g.slice_mm
        for part in parts:
            for height in z + offsets:
                outline = _outline(part.corners, height + 1e-7)
                outline -= np.tile(centre, 2)
                chords = np.zeros((g.angles, count))
                _project(outline, theta, g.detector_mm, chords)
                for material, more in enumerate(part.fill):
                    lines[material] += more / g.parts * chords
        water = _counted(lines, g, rng)
        values = _projected_back(water, theta, g, size)
        image[k] = np.clip(np.rint(values), -1024, 3071)
        if progress is not None:
            progress(k + 1, len(heights))
    first = centre - 0.5 * (size - 1) * g.pixel_mm
    spacing = np.array([g.pixel_mm, g.pixel_mm, g.slice_mm])
    return CtVolume(image, np.append(first, heights[0]), spacing)


@dataclass(frozen=True)
class _Part:
    """A closed surface and its filling.

    Attributes
    ----------
    corners : ndarray, shape (m, 3, 3)
        Of its triangles, mm.
    fill : ndarray, shape (3,)
        Difference from the surroundings: water, compact bone (shares), iodine (mg/ml).
    """

    corners: Array
    fill: Array


def _parts(s: Closed, m: Materials) -> list[_Part]:
    fills = {
        "": (0.0, 0.0, 0.0),
        "skin": (m.tissue, 0.0, 0.0),
        "other": (0.0, 0.0, 0.0),  # air
        "dura": (m.csf, 0.0, 0.0),
        "cord": (m.cord, 0.0, 0.0),
        "bone": (1.0 - m.bone, m.bone, 0.0),
        "artery": (1.05, 0.0, m.iodine),
    }
    outside = np.array(fills[WITHIN[s.role]])
    vertices = np.asarray(s.vertices, float)
    found = [_Part(vertices[s.triangles], np.array(fills[s.role]) - outside)]
    normals = vertex_normals(Mesh(vertices, s.triangles))
    if s.role == "bone":
        # marrow: the surface moved inwards by the cortex
        inner = vertices - m.cortex_mm * normals
        more = m.marrow - m.bone
        found.append(_Part(inner[s.triangles], np.array([-more, more, 0.0])))
    if s.role == "skin":
        inner = vertices - m.fat_mm * normals
        fat = np.array([m.fat - m.tissue, 0.0, 0.0])
        found += [_Part(vertices[s.triangles], fat), _Part(inner[s.triangles], -fat)]
    return found


@njit(nogil=True, cache=True)
def _outline(corners, z):
    """Return where triangles cross a height: (n, 4) x, y from and to, the inside on the left."""
    found = np.empty((len(corners), 4))
    count = 0
    for i in range(len(corners)):
        up = down = -1
        points = np.empty((2, 2))
        for k in range(3):
            a, b = corners[i, k], corners[i, (k + 1) % 3]
            if (a[2] > z) == (b[2] > z):
                continue
            share = (z - a[2]) / (b[2] - a[2])
            # seen from outside triangles run counter-clockwise: the outline leaves one where its
            # edge rises
            which = 1 if b[2] > z else 0
            points[which, 0] = a[0] + share * (b[0] - a[0])
            points[which, 1] = a[1] + share * (b[1] - a[1])
            if which == 1:
                up = k
            else:
                down = k
        if up >= 0 and down >= 0:
            found[count, 0], found[count, 1] = points[0, 0], points[0, 1]
            found[count, 2], found[count, 3] = points[1, 0], points[1, 1]
            count += 1
    return found[:count].copy()


@njit(nogil=True, cache=True)
def _project(outline, theta, pitch, chords):
    """Add the chords (angles, detectors) of an outline, averaged over each detector."""
    detectors = chords.shape[1]
    for i in range(len(theta)):
        c, s = np.cos(theta[i]), np.sin(theta[i])
        for k in range(len(outline)):
            x0, y0, x1, y1 = outline[k, 0], outline[k, 1], outline[k, 2], outline[k, 3]
            s0, t0 = c * x0 + s * y0, c * y0 - s * x0
            s1, t1 = c * x1 + s * y1, c * y1 - s * x1
            if s0 == s1:
                continue
            sign = -1.0
            if s0 > s1:
                s0, t0, s1, t1, sign = s1, t1, s0, t0, 1.0
            slope = (t1 - t0) / (s1 - s0)
            first = int(np.floor(s0 / pitch + 0.5 * detectors))
            last = int(np.floor(s1 / pitch + 0.5 * detectors))
            for d in range(max(first, 0), min(last, detectors - 1) + 1):
                a = max(s0, (d - 0.5 * detectors) * pitch)
                b = min(s1, (d + 1 - 0.5 * detectors) * pitch)
                if b > a:
                    middle = t0 + slope * (0.5 * (a + b) - s0)
                    chords[i, d] += sign * middle * (b - a) / pitch


def _counted(lines: Array, g: Geometry, rng: np.random.Generator) -> Array:
    """Return the length of water (angles, detectors), mm, that explains the quanta counted."""
    came = np.zeros(lines.shape[1:])
    known = np.linspace(0.0, LONGEST, 2000)
    table = np.zeros(len(known))
    for quanta, water, bone, iodine in zip(QUANTA, WATER, BONE, IODINE, strict=True):
        came += quanta * np.exp(-(water * lines[0] + bone * lines[1] + iodine * lines[2]))
        table += quanta * np.exp(-water * known)
    counted = np.maximum(rng.poisson(g.quanta * came), 1.0) / g.quanta
    return np.interp(-np.log(counted), -np.log(table), known)


def _projected_back(water: Array, theta: Array, g: Geometry, size: int) -> Array:
    """Return HU (rows, columns) by filtered back projection."""
    detectors = water.shape[1]
    length = fft.next_fast_len(2 * detectors, real=True)
    at = np.minimum(np.arange(length), length - np.arange(length))
    # the ramp, sampled in space, so that its mean is right
    ramp = np.where(at % 2 == 1, -1.0 / (np.pi * np.maximum(at, 1) * g.detector_mm) ** 2, 0.0)
    ramp[0] = 0.25 / g.detector_mm**2
    f = fft.rfftfreq(length) / (0.5 * g.cutoff)
    window = np.where(f < 1.0, 0.5 + 0.5 * np.cos(np.pi * np.minimum(f, 1.0)), 0.0)
    spectrum = fft.rfft(water, length, axis=1) * (fft.rfft(ramp).real * window)
    filtered = fft.irfft(spectrum, length, axis=1)[:, :detectors] * g.detector_mm
    density = np.zeros((size, size))
    _smear(filtered, theta, g.detector_mm, g.pixel_mm, density)
    return 1000.0 * (density * np.pi / len(theta) - 1.0)


@njit(nogil=True, cache=True)
def _smear(filtered, theta, pitch, pixel, density):
    """Back-project, linearly interpolated between detectors."""
    detectors, size = filtered.shape[1], len(density)
    for i in range(len(theta)):
        c, s = np.cos(theta[i]) * pixel / pitch, np.sin(theta[i]) * pixel / pitch
        for row in range(size):
            at = (row - 0.5 * (size - 1)) * s - 0.5 * (size - 1) * c + 0.5 * (detectors - 1)
            for column in range(size):
                d = int(at)
                share = at - d
                if 0 <= d < detectors - 1:
                    density[row, column] += (
                        filtered[i, d] * (1.0 - share) + filtered[i, d + 1] * share
                    )
                at += c
