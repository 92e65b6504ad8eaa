"""[needle] of TOOL.toml: what decides how a needle bends."""

from dataclasses import dataclass
from typing import Annotated, Self

import numpy as np
from pydantic import Field, field_validator, model_validator

from nav.bevels import Bevel
from nav.core.files import FileModel, Vector3
from nav.core.frames import Array

# degrees between bevel_direction and the axis: a bevel is seen less well than the axis is known
ACROSS = (75.0, 105.0)


@dataclass(frozen=True)
class NeedleKind:
    """What determines how a needle bends.

    Parameters
    ----------
    gauge : int
        14 to 25.
    bevel : {"cutting", "tuohy", "pencil"}
        Shape of the point.
    bevel_direction : ndarray, shape (3,), optional
        Unit vector in the tool frame, to the side that the opening of the bevel faces; None where
        it is not known.
    """

    gauge: int
    bevel: Bevel
    bevel_direction: Array | None = None


class NeedleTable(FileModel):
    """The table [needle] of TOOL.toml."""

    gauge: Annotated[int, Field(strict=True, ge=14, le=25)]
    bevel: Bevel
    bevel_direction: Vector3 | None = None

    @field_validator("bevel_direction")
    @classmethod
    def _unit(cls, value: Vector3 | None) -> Vector3 | None:
        return unit_vector(value)

    @model_validator(mode="after")
    def _has_bevel(self) -> Self:
        if self.bevel == "pencil" and self.bevel_direction is not None:
            raise ValueError("a pencil point has no bevel; leave bevel_direction out")
        return self

    def check_across(self, axis: Vector3 | None) -> None:
        """Refuse a bevel that does not face across the axis (None: not known)."""
        if self.bevel_direction is None or axis is None:
            return
        cosine = np.clip(np.dot(self.bevel_direction, axis), -1.0, 1.0)
        angle = float(np.degrees(np.arccos(cosine)))
        if not ACROSS[0] <= angle <= ACROSS[1]:
            raise ValueError(
                f"needle: bevel_direction: expected across [tip].axis, got {angle:.0f} degrees "
                "to it"
            )

    def kind(self) -> NeedleKind:
        """Return the needle that the table describes."""
        if self.bevel_direction is None:
            return NeedleKind(self.gauge, self.bevel)
        faces = np.array(self.bevel_direction)
        return NeedleKind(self.gauge, self.bevel, faces / np.linalg.norm(faces))


def unit_vector(value: Vector3 | None) -> Vector3 | None:
    """Check, in a validator, that a vector has length 1 within 1 %.

    Parameters
    ----------
    value : tuple of three floats, or None
        The vector.

    Returns
    -------
    tuple of three floats, or None
        The same.

    Raises
    ------
    ValueError
        Another length.
    """
    if value is not None and abs(float(np.linalg.norm(value)) - 1.0) > 0.01:
        raise ValueError(f"expected a unit vector, got length {np.linalg.norm(value):.3f}")
    return value
