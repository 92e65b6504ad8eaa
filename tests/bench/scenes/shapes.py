"""What can be drawn: flat faces, printed or plain, and rods; a body is a rigid set of them."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial.transform import RigidTransform

Floats = NDArray[np.float64]

MOST_CUTS = 8


def _plain() -> NDArray[np.uint8]:
    return np.zeros((0, 0), np.uint8)


@dataclass(frozen=True)
class Face:
    """A flat face, seen from the side that `down x right` points to.

    origin, right, down : (3,), body frame, mm; the last two are unit vectors. low, high : (2,)
    extent along right and down, mm. albedo : of the paper or plain face. cuts : (n, 3), keeps
    what has a x + b y <= c. cells : (n, n), 1 white and 0 black, from the origin on in steps of
    `cell` mm; none: plain. ink : albedo of black.
    """

    origin: Floats
    right: Floats
    down: Floats
    low: tuple[float, float]
    high: tuple[float, float]
    albedo: float
    cuts: tuple[tuple[float, float, float], ...] = ()
    cells: NDArray[np.uint8] = field(default_factory=_plain)
    cell: float = 1.0
    ink: float = 0.0

    @property
    def outline(self) -> Floats:
        """Corners of the extent, (4, 3), body frame, mm."""
        (x0, y0), (x1, y1) = self.low, self.high
        flat = np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]])
        return self.origin + flat @ np.array([self.right, self.down])


@dataclass(frozen=True)
class Rod:
    """A round rod with round ends from `start` to `end`, (3,), body frame, mm.

    soft : it also takes light from what lies close behind it, as a finger does.
    """

    start: Floats
    end: Floats
    radius: float
    albedo: float
    soft: bool = False


@dataclass(frozen=True)
class Body:
    """Faces and rods that move as one."""

    faces: tuple[Face, ...] = ()
    rods: tuple[Rod, ...] = ()

    def moved(self, a_from_b: RigidTransform) -> "Body":
        """The same body in another frame."""
        turn = a_from_b.rotation.apply
        faces = tuple(
            Face(
                a_from_b.apply(f.origin),
                turn(f.right),
                turn(f.down),
                *(f.low, f.high, f.albedo, f.cuts, f.cells, f.cell, f.ink),
            )
            for f in self.faces
        )
        rods = tuple(
            Rod(a_from_b.apply(r.start), a_from_b.apply(r.end), r.radius, r.albedo, r.soft)
            for r in self.rods
        )
        return Body(faces, rods)


def label(
    corners: ArrayLike, cells: NDArray[np.uint8], quiet: float, paper: float, ink: float
) -> Face:
    """A printed marker with its white zone.

    corners : (4, 3), c0 to c3 of the black square, mm. cells : (n, n), border included.
    """
    c0, c1, _, c3 = np.asarray(corners, float)
    side = float(np.linalg.norm(c1 - c0))
    right, down = (c1 - c0) / side, (c3 - c0) / np.linalg.norm(c3 - c0)
    low, high = (-quiet, -quiet), (side + quiet, side + quiet)
    return Face(c0, right, down, low, high, paper, (), cells, side / len(cells), ink)


def panel(centre: ArrayLike, right: ArrayLike, down: ArrayLike, albedo: float) -> Face:
    """A plain rectangle with half sides `right` and `down`, (3,), mm."""
    x, y = np.asarray(right, float), np.asarray(down, float)
    a, b = float(np.linalg.norm(x)), float(np.linalg.norm(y))
    return Face(np.asarray(centre, float), x / a, y / b, (-a, -b), (a, b), albedo)


@dataclass(frozen=True)
class Packed:
    """Bodies as arrays for the compiled renderer; f faces, r rods.

    frames : (f, 3, 3) origin, right, down. extents : (f, 4) x0, y0, x1, y1.
    cut_counts : (f,). cuts : (f, MOST_CUTS, 3). looks : (f, 3) albedo, ink, cell mm.
    counts : (f,) cells per side. cells : (f, c, c). ends : (r, 2, 3). rods : (r, 3) radius, albedo,
    soft. *_body : index of the body.
    """

    face_body: NDArray[np.int64]
    frames: Floats
    extents: Floats
    cut_counts: NDArray[np.int64]
    cuts: Floats
    looks: Floats
    counts: NDArray[np.int64]
    cells: NDArray[np.uint8]
    rod_body: NDArray[np.int64]
    ends: Floats
    rods: Floats


def packed(bodies: list[Body]) -> Packed:
    """All bodies' faces and rods in a row."""
    faces = [(i, face) for i, body in enumerate(bodies) for face in body.faces]
    rods = [(i, rod) for i, body in enumerate(bodies) for rod in body.rods]
    most = max((len(face.cells) for _, face in faces), default=0)
    cells = np.zeros((len(faces), max(most, 1), max(most, 1)), np.uint8)
    cuts = np.zeros((len(faces), MOST_CUTS, 3))
    for n, (_, face) in enumerate(faces):
        count = len(face.cells)
        cells[n, :count, :count] = face.cells
        cuts[n, : len(face.cuts)] = np.reshape(face.cuts, (-1, 3))
    return Packed(
        np.array([i for i, _ in faces], np.int64),
        np.array([[f.origin, f.right, f.down] for _, f in faces]).reshape(-1, 3, 3),
        np.array([[*f.low, *f.high] for _, f in faces]).reshape(-1, 4),
        np.array([len(f.cuts) for _, f in faces], np.int64),
        cuts,
        np.array([[f.albedo, f.ink, f.cell] for _, f in faces]).reshape(-1, 3),
        np.array([len(f.cells) for _, f in faces], np.int64),
        cells,
        np.array([i for i, _ in rods], np.int64),
        np.array([[r.start, r.end] for _, r in rods]).reshape(-1, 2, 3),
        np.array([[r.radius, r.albedo, float(r.soft)] for _, r in rods]).reshape(-1, 3),
    )
