"""From boards seen in images to calibrated cameras: the whole computation, on arrays."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from calibration.board import Board
from calibration.cameras.board_detection import Seen
from calibration.cameras.bundle import Fit, Sighting
from calibration.cameras.choose import Chosen, choose
from calibration.cameras.half_turn import AmbiguousHalfTurn, find_turned, half_turn
from calibration.cameras.initial_rig import lens_of, setup_of
from calibration.cameras.repeats import find_repeats
from calibration.cameras.rig_setup import Setup
from calibration.cameras.rig_verdict import (
    RECOMMENDED_PICTURES,
    RECOMMENDED_TILT,
    CameraVerdict,
    Evidence,
    judge_camera,
    volume_spread,
)
from calibration.cameras.shape import most_bowed
from nav.core.errors import InputError
from nav.core.frames import Array

LEAST_VIEWS = 3
LEAST_TILT = np.radians(5.0)
WORDS = ("good", "usable", "repeat")


@dataclass(frozen=True)
class Calibration:
    """Calibrated cameras.

    Attributes
    ----------
    chosen : Chosen
        The setup with the chosen models and views.
    verdicts : tuple of CameraVerdict
        Of every camera.
    rms : ndarray, shape (cameras,)
        Of the corners' residuals, px per axis.
    bow : float
        From the board's lowest to its highest place, mm; 0 where there is no evidence of any.
    flat_rms : ndarray, shape (cameras,), or None
        The rms if the board were taken for flat, px per axis.
    volume : float or None
        Expected rms error of points in the working volume, mm; None for a single camera.
    middle : ndarray, shape (3,)
        Centre of that volume, rig frame, mm.
    repeats : tuple of int
        Instants at which the board was where it had been before, which are not counted.
    """

    chosen: Chosen
    verdicts: tuple[CameraVerdict, ...]
    rms: Array
    bow: float
    flat_rms: Array | None
    volume: float | None
    middle: Array
    repeats: tuple[int, ...] = ()

    @property
    def fit(self) -> Fit:
        """The setup that was found."""
        return self.chosen.fit

    @property
    def word(self) -> str:
        """The worst verdict of all cameras: good, usable or repeat."""
        return max((v.word for v in self.verdicts), key=WORDS.index)


def calibrate_cameras(
    board: Board,
    seen: Mapping[tuple[int, int], Seen],
    sizes: Sequence[tuple[int, int]],
    names: Sequence[str],
    seed: int = 0,
) -> Calibration:
    """Calibrate the lenses and poses of cameras from a board seen in their images.

    Bundle adjustment [1]_ over lenses, poses, boards and the board's bow.

    Parameters
    ----------
    board : Board
        The board.
    seen : mapping of (int, int) to Seen
        Corners by camera and instant.
    sizes : sequence of (int, int)
        Width and height of each camera's images, px.
    names : sequence of str
        The cameras' names, for messages.
    seed : int, optional
        Of the random draws that propagate the errors to measurements.

    Returns
    -------
    Calibration
        The cameras, their uncertainties and verdicts.

    Raises
    ------
    InputError
        Too few views, all of them parallel, or cameras that never see the board together.

    References
    ----------
    .. [1] Triggs et al., Bundle adjustment: a modern synthesis, 2000.
    """
    repeats = find_repeats(seen)
    sightings = [
        Sighting(instant, camera, s.ids, s.pixels, s.covariance)
        for (camera, instant), s in sorted(seen.items())
        if instant not in repeats
    ]
    sightings, setup = _start(board, sightings, sizes, names)
    try:
        chosen = choose(board.points, board.size, sightings, setup, sizes)
    except np.linalg.LinAlgError:
        raise InputError(
            "the images do not determine the cameras' lenses; tilt the board more, and fill the "
            "images with it"
        ) from None
    fit, rng = chosen.fit, np.random.default_rng(seed)
    verdicts = []
    for camera, size in enumerate(sizes):
        own = [s for s in chosen.bundle.sightings if s.camera == camera]
        placed = fit.setup.cameras[camera]
        normals = np.array([(placed @ fit.setup.boards[s.instant])[:3, 2] for s in own])
        smear = np.median([smear_of(seen[camera, s.instant].blur) for s in own])
        changed = chosen.focus[camera]
        evidence = Evidence(
            [s.pixels for s in own], normals, float(smear), float(chosen.held_out.rms[camera]),
            chosen.rivals[camera], changed.share if changed else 0.0,
        )  # fmt: skip
        verdicts.append(judge_camera(fit, camera, size, evidence))
    middle = working_point(board, fit.setup)
    return Calibration(
        chosen,
        tuple(verdicts),
        _rms(chosen, fit),
        most_bowed(board.points, board.size, fit.setup.bow) if len(fit.setup.bow) else 0.0,
        None if chosen.flat is None else _rms(chosen, chosen.flat),
        volume_spread(fit, middle, rng) if len(sizes) > 1 else None,
        middle,
        tuple(sorted(repeats)),
    )


def scaled(found: Calibration, share: float) -> Calibration:
    """Multiply all lengths of a calibration by a factor; angles and pixels stay.

    Parameters
    ----------
    found : Calibration
        The calibration.
    share : float
        The factor.

    Returns
    -------
    Calibration
        The scaled calibration.

    Raises
    ------
    ValueError
        The factor is not above 0.
    """
    if not share > 0:
        raise ValueError(f"expected a share of more than 0, got {share}")
    fit = found.fit
    setup = fit.setup

    def longer(pose: Array) -> Array:
        result = pose.copy()
        result[:3, 3] *= share
        return result

    setup = replace(
        setup,
        cameras=tuple(longer(camera) for camera in setup.cameras),
        boards={instant: longer(board) for instant, board in setup.boards.items()},
        bow=setup.bow * share,
    )
    by = np.ones(fit.unknowns.count)  # mm by mm
    for place in (*fit.unknowns.place[1:], *fit.unknowns.board.values()):
        by[place.start : place.start + 3] = share
    by[fit.unknowns.bow] = share
    covariance = fit.covariance * np.outer(by, by)
    chosen = replace(found.chosen, fit=replace(fit, setup=setup, covariance=covariance))
    volume = None if found.volume is None else found.volume * share
    return replace(
        found, chosen=chosen, bow=found.bow * share, volume=volume, middle=found.middle * share
    )


def _start(
    board: Board,
    sightings: Sequence[Sighting],
    sizes: Sequence[tuple[int, int]],
    names: Sequence[str],
) -> tuple[list[Sighting], Setup]:
    """Return sightings with corners named from the same end of the board, and the initial setup."""
    lenses, boards = [], []
    for camera, name in enumerate(names):
        own = [s for s in sightings if s.camera == camera]
        if len(own) < LEAST_VIEWS:
            raise InputError(
                f"{name}: the board is seen in {len(own)} images only, in different places; "
                f"{LEAST_VIEWS} are the least, {RECOMMENDED_PICTURES} are good"
            )
        try:
            lens, poses = lens_of(board.points, own, sizes[camera])
        except np.linalg.LinAlgError:
            lens, poses = None, {}
        normals = np.array([pose[:3, 2] for pose in poses.values()])
        if lens is None or np.arccos(np.clip(normals @ normals.T, -1, 1)).max() < LEAST_TILT:
            raise InputError(
                f"{name}: all boards are about parallel, which does not determine the focal "
                f"length; tilt the board by about {RECOMMENDED_TILT} degrees in some images"
            )
        lenses.append(lens)
        boards.append(poses)
    try:
        turned = find_turned(board, boards)
    except AmbiguousHalfTurn:
        raise InputError(
            f"a chessboard of {board.columns} x {board.rows} squares looks the same after half a "
            "turn, and these images do not show which way round each camera saw it; move and "
            "tilt it more, or use a board of an even and an odd number of squares, or a ChArUco one"
        ) from None
    last = len(board.points) - 1
    sightings = [
        replace(s, ids=last - s.ids) if (s.camera, s.instant) in turned else s for s in sightings
    ]
    for camera, instant in turned:
        boards[camera][instant] = boards[camera][instant] @ half_turn(board)
    setup, loose = setup_of(lenses, boards)
    if loose:
        raise InputError(
            f"{names[loose[0]]}: sees the board at no instant at which {names[0]} or a camera "
            "connected to it does; file names must be equal for images of the same instant"
        )
    return sightings, setup


def working_point(board: Board, setup: Setup) -> Array:
    """Compute the mean position of the board's centre.

    Parameters
    ----------
    board : Board
        The board.
    setup : Setup
        The setup with all board poses.

    Returns
    -------
    ndarray, shape (3,)
        Rig frame, mm.
    """
    middle = np.array([*np.array(board.size) / 2, 0.0, 1.0])
    return np.asarray(np.mean([b @ middle for b in setup.boards.values()], axis=0)[:3], float)


def smear_of(blur: Array) -> float:
    """Compute the excess blur along the longer axis of a blur over its shorter one.

    Parameters
    ----------
    blur : ndarray, shape (3,)
        uu, uv, vv, px^2.

    Returns
    -------
    float
        Standard deviation, px.
    """
    values = np.linalg.eigvalsh([[blur[0], blur[1]], [blur[1], blur[2]]])
    return float(np.sqrt(max(values[1] - values[0], 0.0)))


def _rms(chosen: Chosen, fit: Fit) -> Array:
    """Return the rms of the corners' residuals (cameras,), px per axis."""
    bundle = chosen.bundle
    result = np.zeros(len(fit.setup.lenses))
    for camera in range(len(result)):
        squares = [
            (r**2).ravel() for r, k in zip(fit.residuals, bundle.of, strict=True) if k == camera
        ]
        result[camera] = np.sqrt(np.concatenate(squares).mean())
    return result
