"""What a calibration estimates: lenses, poses and the board's bow, and their place in a vector."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from scipy.spatial.transform import Rotation

from calibration.cameras.lens_models import MODELS, Lens
from nav.core.frames import Array, orthonormal

INTRINSICS = 12
BOW_SD = 3.0  # mm: prior of a board's bow
DISTORTION_SD = np.array([2.0, 4.0, 0.05, 0.05, 8.0, 4.0, 8.0, 8.0])


@dataclass(frozen=True)
class Setup:
    """The quantities that are estimated.

    Attributes
    ----------
    lenses : tuple of Lens
        Of each camera.
    cameras : tuple of ndarray, shape (4, 4)
        camera_from_rig of each; the first is the rig's frame and stays fixed.
    boards : dict of int to ndarray, shape (4, 4)
        rig_from_board of every instant.
    bow : ndarray, shape (k,)
        Bow of the board, mm, see `shape`.
    """

    lenses: tuple[Lens, ...]
    cameras: tuple[Array, ...]
    boards: dict[int, Array]
    bow: Array = field(default_factory=lambda: np.zeros(0))


class Unknowns:
    """Indices of each unknown among all of them.

    Parameters
    ----------
    models : sequence of str
        Lens model of each camera.
    instants : sequence of int
        Instants with a board pose.
    bow : int
        Number of bow terms.
    """

    def __init__(self, models: Sequence[str], instants: Sequence[int], bow: int) -> None:
        self.free = [np.array([0, 1, 2, 3, *(4 + k for k in MODELS[m])]) for m in models]
        at = 0
        self.lens: list[slice] = []
        self.place: list[slice] = []
        for index, free in enumerate(self.free):
            self.lens.append(slice(at, at + len(free)))
            at += len(free)
            size = 6 if index else 0
            self.place.append(slice(at, at + size))
            at += size
        self.bow = slice(at, at + bow)
        at += bow
        self.board = {k: slice(at + 6 * n, at + 6 * n + 6) for n, k in enumerate(instants)}
        self.count = at + 6 * len(instants)


def prior_of(setup: Setup, unknowns: Unknowns) -> tuple[Array, Array]:
    """Return the prior of all unknowns; only bow and distortion have one.

    Parameters
    ----------
    setup : Setup
        The current estimate.
    unknowns : Unknowns
        Indices of the unknowns.

    Returns
    -------
    known : ndarray, shape (u,)
        Diagonal of the prior's information matrix.
    pull : ndarray, shape (u,)
        Right-hand side of the prior.
    """
    known, pull = np.zeros(unknowns.count), np.zeros(unknowns.count)
    known[unknowns.bow] = 1.0 / BOW_SD**2
    pull[unknowns.bow] = -setup.bow / BOW_SD**2
    for lens, free, at in zip(setup.lenses, unknowns.free, unknowns.lens, strict=True):
        which, places = free[4:] - 4, slice(at.start + 4, at.stop)
        known[places] = 1.0 / DISTORTION_SD[which] ** 2
        pull[places] = -lens.distortion[which] / DISTORTION_SD[which] ** 2
    return known, pull


def moved_setup(setup: Setup, change: Array, unknowns: Unknowns) -> Setup:
    """Apply a small change to a setup.

    Parameters
    ----------
    setup : Setup
        The current estimate.
    change : ndarray, shape (u,)
        Of all unknowns; poses as of `moved`.
    unknowns : Unknowns
        Indices of the unknowns.

    Returns
    -------
    Setup
        The changed setup.
    """
    lenses, cameras = [], []
    for index, lens in enumerate(setup.lenses):
        by = np.zeros(INTRINSICS)
        by[unknowns.free[index]] = change[unknowns.lens[index]]
        lenses.append(lens.moved(by))
        place = change[unknowns.place[index]]
        cameras.append(moved(setup.cameras[index], place) if index else setup.cameras[index])
    boards = {k: moved(b, change[unknowns.board[k]]) for k, b in setup.boards.items()}
    bow = setup.bow + change[unknowns.bow]
    return replace(setup, lenses=tuple(lenses), cameras=tuple(cameras), boards=boards, bow=bow)


def moved(pose: Array, motion: Array) -> Array:
    """Apply a small motion to a pose, in the frame that the pose maps to.

    Parameters
    ----------
    pose : ndarray, shape (4, 4)
        The pose, mm.
    motion : ndarray, shape (6,)
        Shift (mm) and rotation vector (rad).

    Returns
    -------
    ndarray, shape (4, 4)
        The moved pose, orthonormalised.
    """
    by = np.eye(4)
    by[:3, :3] = Rotation.from_rotvec(motion[3:]).as_matrix()
    by[:3, 3] = motion[:3]
    return orthonormal(by @ pose)
