"""model_from_reference and its error; registration.toml."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
from pydantic import field_validator, model_validator

from nav.core.covariance import MOST_REGISTRATION_SD, CovarianceError, checked_covariance
from nav.core.errors import InputError
from nav.core.files import (
    Matrix6,
    NotNegative,
    PublicFile,
    TransformTable,
    load_toml,
    transform_table,
    write_toml,
)
from nav.core.frames import Array, Pose, point_jacobian
from nav.core.plausibility import check_turn
from nav.core.tracked_frame import Tip
from nav.registration.record import calibration_table

FARTHEST = 5000.0  # mm: a model's origin (a scanner's, say) is not farther from a reference body
MOST_PLAUSIBLE_FRE = 10.0  # mm: with more, the points are not those fiducials
REGISTRATION_FORMAT = "c1c2nav/registration/1"


class RegistrationFile(PublicFile):
    """The file registration.toml."""

    format: Literal["c1c2nav/registration/1"]
    model_from_reference: TransformTable
    covariance: Matrix6
    method: Literal["points", "surface", "points+surface"]
    fre: NotNegative
    calibration: dict[str, Any] | None = None

    @model_validator(mode="after")
    def _calibration(self) -> Self:
        try:
            calibration_table(self.calibration, self.fre)
        except ValueError as error:
            raise ValueError(f"calibration: {error}") from None
        return self

    @field_validator("fre")
    @classmethod
    def _fre(cls, value: float) -> float:
        if value > MOST_PLAUSIBLE_FRE:
            raise ValueError(f"{value:g} mm is too large, at most {MOST_PLAUSIBLE_FRE:g} mm")
        return value

    @field_validator("covariance")
    @classmethod
    def _covariance(cls, value: Any) -> Any:
        try:
            checked = checked_covariance(value, np.repeat(MOST_REGISTRATION_SD, 3))
        except CovarianceError as error:
            raise ValueError(f"not a covariance in mm^2 and rad^2: {error}") from None
        return tuple(map(tuple, checked.tolist()))


@dataclass(frozen=True)
class Registration:
    """The rigid transform of reference coordinates to model coordinates.

    Parameters
    ----------
    model_from_reference : Pose
        With its 6 x 6 covariance (left perturbation, model frame).
    fre : float
        Fiducial registration error, rms, mm.
    residuals : ndarray, shape (n,)
        Distance of each mapped fiducial from its model point, mm.
    method : str
        How it was made.
    """

    model_from_reference: Pose
    fre: float
    residuals: Array
    method: str = "points"

    def apply(self, tip: Tip) -> Tip:
        """Map a tip from the reference frame to the model frame.

        Parameters
        ----------
        tip : Tip
            Reference frame.

        Returns
        -------
        Tip
            Model frame; the registration's error is added to the systematic ones.
        """
        position, registration_error = self.model_from_reference.apply(tip.position)
        rotation = self.model_from_reference.transform.rotation.as_matrix()
        heading = None if tip.heading is None else rotation @ tip.heading
        return Tip(
            position,
            heading,
            rotation @ tip.random @ rotation.T,
            rotation @ tip.systematic @ rotation.T + registration_error,
        )

    def predicted_tre(self, points: Array) -> Array:
        """Predict the target registration error from the covariance.

        For equal isotropic errors it is that of Fitzpatrick, West and Maurer [1]_.

        Parameters
        ----------
        points : ndarray, shape (n, 3)
            Targets, model frame, mm.

        Returns
        -------
        ndarray, shape (n,)
            rms, mm.

        References
        ----------
        .. [1] Fitzpatrick, West, Maurer, IEEE Trans Med Imaging 17(5), 1998.
        """
        jacobian = point_jacobian(points)
        spread = np.einsum(
            "nij,jk,nik->n", jacobian, self.model_from_reference.covariance, jacobian
        )
        return np.sqrt(spread)

    def predicted_tre_at(self, target: Array | None) -> float | None:
        """Predict the target registration error at one point.

        Parameters
        ----------
        target : ndarray, shape (3,), or None
            Model frame, mm.

        Returns
        -------
        float or None
            rms, mm; None without a target.
        """
        return None if target is None else float(self.predicted_tre(target[None])[0])


def load_registration(path: Path) -> Registration:
    """Load a registration from registration.toml.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    Registration
        model_from_reference with its covariance.

    Raises
    ------
    InputError
        What breaks the format: file, field, expected.
    """
    return load_registration_file(path)[0]


def load_registration_file(path: Path) -> tuple[Registration, RegistrationFile]:
    """Load a registration and everything else that its file says.

    Parameters
    ----------
    path : Path
        registration.toml.

    Returns
    -------
    registration : Registration
        Without residuals.
    record : RegistrationFile
        The content of the file.

    Raises
    ------
    InputError
        What breaks the format: file, field, expected.
    """
    table = load_toml(path, RegistrationFile)
    transform = table.model_from_reference
    unusual = check_turn(transform.rotation_vector, f"{path}: model_from_reference")
    if unusual:
        raise InputError(unusual)
    away = float(np.linalg.norm(transform.translation))
    if away > FARTHEST:
        raise InputError(
            f"{path}: model_from_reference: translation: {away:.4g} mm: are these micrometres? "
            "Write millimetres"
        )
    pose = Pose(table.model_from_reference.rigid(), np.array(table.covariance))
    return Registration(pose, table.fre, np.zeros(0), table.method), table


def write_registration(
    path: Path,
    registration: Registration,
    inputs: tuple[Path, ...] = (),
    calibration: Mapping[str, Any] | None = None,
) -> None:
    """Write a registration as registration.toml, whole or not at all.

    Parameters
    ----------
    path : Path
        File to write.
    registration : Registration
        What to write.
    inputs : tuple of Path
        Files that it was made from, for the provenance.
    calibration : mapping, optional
        Further entries of its [calibration] table.
    """
    write_toml(path, registration_table(registration, calibration), inputs)


def registration_table(
    registration: Registration, calibration: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Return a registration as registration.toml holds it.

    Parameters
    ----------
    registration : Registration
        What is to be written.
    calibration : mapping, optional
        Further entries of its [calibration] table.

    Returns
    -------
    dict
        For `nav.core.files.write_toml`, or `toml_text`.
    """
    return {
        "format": REGISTRATION_FORMAT,
        "model_from_reference": transform_table(registration.model_from_reference.transform),
        "covariance": registration.model_from_reference.covariance,
        "method": registration.method,
        "fre": registration.fre,
        "calibration": {"residuals": registration.residuals, **(calibration or {})},
    }
