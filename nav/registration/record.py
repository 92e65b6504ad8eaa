"""The [calibration] table of registration.toml: how it was made."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from nav.core.files import NotNegative, Positive, Vector3

VERDICTS = ("good", "usable", "repeat")


class MadeFor(BaseModel):
    """A file that a registration belongs to."""

    model_config = ConfigDict(extra="allow", frozen=True)
    name: str
    file: str
    sha256: str


class CheckTable(BaseModel):
    """A check point that was touched after registering."""

    model_config = ConfigDict(extra="allow", frozen=True)
    label: str
    distance: NotNegative
    predicted: NotNegative


class CalibrationTable(BaseModel):
    """The table [calibration] of registration.toml: known keys are checked, others kept."""

    model_config = ConfigDict(extra="allow", frozen=True)
    verdict: str | None = None
    fle: Positive | None = None
    fiducials: tuple[str, ...] | None = None
    residuals: tuple[NotNegative, ...] | None = None
    expected_fre: Positive | None = None
    predicted_tre: NotNegative | None = None
    target: Vector3 | None = None
    case: MadeFor | None = None
    reference: MadeFor | None = None
    check: tuple[CheckTable, ...] = ()
    verified: bool | None = None


def calibration_table(data: Mapping[str, Any] | None, fre: float) -> CalibrationTable:
    """Check the [calibration] of a registration.toml.

    Parameters
    ----------
    data : mapping or None
        The table, if there is one.
    fre : float
        FRE of the file, mm.

    Returns
    -------
    CalibrationTable
        With defaults for keys that are missing.

    Raises
    ------
    ValueError
        A known key of another type, an unknown verdict, or residuals that do not match the FRE.
    """
    try:
        table = CalibrationTable.model_validate(data or {})
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        place = ": ".join(map(str, problem["loc"]))
        raise ValueError(f"{place}: {problem['msg'][:1].lower()}{problem['msg'][1:]}") from None
    if table.verdict is not None and not table.verdict.startswith(VERDICTS):
        raise ValueError(f"verdict: expected good, usable or repeat, got {table.verdict:.40}")
    if table.residuals:
        rms = float(np.sqrt(np.mean(np.square(table.residuals))))
        if abs(rms - fre) > 1e-2 + 1e-2 * fre:
            raise ValueError(
                f"residuals: their rms is {rms:.2f} mm, but fre is {fre:.2f}: the file was changed"
            )
    return table
