"""Functions of the public Python interface that combine others; see `nav`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from nav.core.covariance import CovarianceError, checked_covariance
from nav.core.errors import InputError, Lost
from nav.core.frameset import FrameSet
from nav.core.tracked_frame import Tip
from nav.guidance.proximity import Proximity
from nav.guidance.proximity import proximity as proximity_of_tip
from nav.model.case import Case

if TYPE_CHECKING:
    from nav.camera.rig import Rig
    from nav.reconstruction.guidance import ReconstructionGuidance
    from nav.reconstruction.reconstruction_result import Reconstruction

MOST_TIP_SD = 100.0  # mm: a tip that is known no better is not known


@dataclass(frozen=True)
class CalibratedCameras:
    """A rig with the verdict on it.

    Parameters
    ----------
    rig : Rig
        The cameras; `write_rig` of `nav.camera.rig` writes it.
    verdict : str
        "good", "usable" or "repeat".
    advice : tuple of str
        What to improve, one line each.
    rms : ndarray, shape (cameras,)
        Of the board's corners about the fit, px per axis.
    """

    rig: Rig
    verdict: str
    advice: tuple[str, ...]
    rms: np.ndarray


def proximity(
    case: Case,
    tip_position: ArrayLike,
    tip_covariance: ArrayLike | None = None,
    heading: ArrayLike | None = None,
) -> Proximity:
    """Return the distance of a tip to every structure of a case, with its 95 % lower bound.

    Parameters
    ----------
    case : Case
        Its structures have errors of their own, which are part of the bound.
    tip_position : array_like, shape (3,)
        Model frame, mm.
    tip_covariance : array_like, shape (3, 3), optional
        Of the tip, model frame, mm^2. None: the tip is known exactly.
    heading : array_like, shape (3,), optional
        From hub to tip, model frame; for what lies ahead of the tip.

    Returns
    -------
    Proximity
        Of each structure: signed distance, nearest point, standard deviation, bound; mm.

    Raises
    ------
    InputError
        Values that are not finite, of another shape, or no covariance.
    """
    position = _vector(tip_position, "tip_position")
    covariance = np.zeros((3, 3))
    if tip_covariance is not None:
        if np.shape(tip_covariance) != (3, 3):
            raise InputError(
                f"tip_covariance: not a covariance: expected shape (3, 3), got "
                f"{np.shape(tip_covariance)}"
            )
        try:
            covariance = checked_covariance(tip_covariance, np.full(3, MOST_TIP_SD))
        except CovarianceError as error:
            raise InputError(f"tip_covariance: not a covariance in mm^2: {error}") from None
    along = None
    if heading is not None:
        along = _vector(heading, "heading")
        length = float(np.linalg.norm(along))
        if not length > 0.0:
            raise InputError("heading: expected a direction, got zeros")
        along = along / length
    found = proximity_of_tip(case, Tip(position, along, covariance, np.zeros((3, 3))))
    assert not isinstance(found, Lost)
    return found


def _vector(values: ArrayLike, name: str) -> np.ndarray:
    vector = np.asarray(values, float)
    if vector.shape != (3,) or not np.isfinite(vector).all():
        raise InputError(f"{name}: expected 3 finite numbers, got {values!r:.60}")
    return vector


def read_images(folder: str | Path, rig: Rig) -> Iterator[FrameSet]:
    """Yield the frame sets of a recording.

    Parameters
    ----------
    folder : str or Path
        A sub-folder of images, or a video, for each camera, named like it.
    rig : Rig
        The cameras that took them.

    Yields
    ------
    FrameSet
        In the order of their times.

    Raises
    ------
    InputError
        Nothing to read, or images of another size than the rig's.
    """
    from nav.camera.source import open_source

    source = open_source(Path(folder), rig)
    try:
        yield from source
    finally:
        source.close()


def calibrate_cameras(
    images: str | Path | Mapping[str, str | Path], board: str | Path
) -> CalibratedCameras:
    """Calibrate the cameras of a rig from images of a board.

    Parameters
    ----------
    images : str, Path or mapping
        A folder with a sub-folder of images for each camera; or such a folder by camera name.
        Images of one instant have the same file name.
    board : str or Path
        board.toml of the printed board.

    Returns
    -------
    CalibratedCameras
        The rig with the verdict on it.

    Raises
    ------
    InputError
        Too few images, or the board is not seen in them.
    """
    from rich.console import Console

    from calibration.board import load_board
    from calibration.cameras.gather import camera_folders, gather
    from calibration.cameras.rig_calibration import calibrate_gathered, scale_by_ruler

    if isinstance(images, Mapping):
        folders = {name: Path(folder) for name, folder in images.items()}
    else:
        folders = dict(camera_folders(Path(images)))
    target = load_board(Path(board))
    gathered = gather(folders, target, Console(quiet=True))
    result = calibrate_gathered(gathered, target, scale_by_ruler(None))
    return CalibratedCameras(
        result.rig,
        result.found.word,
        tuple(line for verdict in result.found.verdicts for line in verdict.advice),
        result.found.rms,
    )


def reconstruct(
    source: str | Path,
    series: str | None = None,
    guidance: ReconstructionGuidance | None = None,
    progress: Callable[[str, float], None] | None = None,
) -> Reconstruction:
    """Reconstruct the upper cervical spine of a CT scan.

    Parameters
    ----------
    source : str or Path
        A folder of DICOM files, or a NIfTI, NRRD or MetaImage file.
    series : str, optional
        Which series of a folder; else the one that suits best.
    guidance : nav.reconstruction.guidance.ReconstructionGuidance, optional
        Seeds, a box or labels that replace steps.
    progress : callable, optional
        Called with the step's name and the share of it that is done.

    Returns
    -------
    Reconstruction
        Surfaces with a standard deviation at each vertex, the cropped scan, remarks.

    Raises
    ------
    InputError
        It cannot be read, is no CT, or does not show C1 and C2.
    """
    from nav.reconstruction.guidance import NOTHING
    from nav.reconstruction.reading import read_volume
    from nav.reconstruction.reconstruction_pipeline import reconstruct as run

    read = read_volume(Path(source), series)
    return run(read, progress, guidance or NOTHING)


def build_phantom(
    output: str | Path,
    preset: str | None = None,
    seed: int | None = None,
    kind: str = "wet",
    anatomy_only: bool = False,
    paper: str = "a4",
) -> Path:
    """Build a phantom, or its case alone, in a folder.

    Parameters
    ----------
    output : str or Path
        The folder. An earlier phantom in it is replaced; anything else is refused.
    preset : str, optional
        Sex and variants, as `nav phantom list` shows them; the standard neck if there is neither
        preset nor seed.
    seed : int, optional
        Draw a random neck instead.
    kind : {"wet", "dry"}
        Filled with gel, or bones alone.
    anatomy_only : bool
        Write the case without parts, sheets and guide.
    paper : str
        Of the sheets.

    Returns
    -------
    Path
        case.toml.

    Raises
    ------
    InputError
        Unknown names, both preset and seed, or a folder that cannot be written.
    """
    from rich.console import Console

    from phantoms.kit.build import build_phantom as build
    from phantoms.recipe import named_recipe, random_recipe

    if seed is not None and preset is not None:
        raise InputError("build_phantom: give a preset or a seed, not both")
    recipe = (
        named_recipe(preset, None, None, (), None) if seed is None else random_recipe(int(seed))
    )
    build(recipe, kind, Path(output), paper, anatomy_only, Console(quiet=True))
    return Path(output) / "case.toml"


def simulate_recording(
    output: str | Path, frames: int = 60, seed: int = 0, plain: bool = False
) -> Path:
    """Write a simulated recording of a needle in a moving hand, with its truth.

    Parameters
    ----------
    output : str or Path
        A new or empty folder: images by camera, rig.toml, needle.toml, reference.toml, times.csv,
        truth.csv.
    frames : int
        Number of frame sets.
    seed : int
        Of motion and noise.
    plain : bool
        An even grey background instead of the phantom; faster.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    InputError
        The folder is not empty, or cannot be written.
    """
    from rich.console import Console

    from phantoms.twin.images import ImageSettings, write_images

    write_images(
        Path(output), ImageSettings(frames=frames, seed=seed, plain=plain), Console(quiet=True)
    )
    return Path(output)
