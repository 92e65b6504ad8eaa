"""plan.toml of an accuracy test: what was recorded where, with what, and what is allowed."""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from nav.core.files import FileModel, NotNegative, Number, Positive, PublicFile, load_toml

PLAN_FORMAT = "c1c2nav/accuracy-plan/1"
Place = Literal["CL", "BL", "TL", "LL", "RL"]
Test = Literal[
    "points", "single", "single-left", "single-right", "roll", "pitch", "yaw", "rest", "warm-up"
]
PLACES: dict[str, str] = {
    "CL": "centre",
    "BL": "bottom, at the far end",
    "TL": "top, at the far end",
    "LL": "left, at the far end",
    "RL": "right, at the far end",
}
SINGLE: dict[str, str] = {
    "single-left": "Extreme Left",
    "single-right": "Extreme Right",
    "single": "Normal",
}
ROTATIONS: dict[str, str] = {"roll": "Roll", "pitch": "Pitch", "yaw": "Yaw"}
DIVOT_SD = 0.15  # mm per axis: printed plastic that nobody measured (assumed)
EXPANSION = 68e-6  # per K, of PLA
Name = Annotated[str, Field(min_length=1, max_length=200)]


class RecordingTable(FileModel):
    """An entry [[recording]]: one poses.csv."""

    file: Name
    test: Test
    place: Place = "CL"
    divot: Name | None = None
    order: tuple[Name, ...] | None = None

    @model_validator(mode="after")
    def _divot(self) -> Self:
        needs = self.test in SINGLE or self.test in ROTATIONS
        if needs != (self.divot is not None):
            expected = "is missing" if needs else f"test {self.test!r} has none; remove it"
            raise ValueError(f"divot: {expected}")
        if self.order is not None and self.test != "points":
            raise ValueError(f"order: only test 'points' has one, not {self.test!r}")
        return self


class LimitsTable(FileModel):
    """The table [limits]: largest figures allowed, mm; what is left out is not judged."""

    single_point_bias: Positive | None = None
    single_point_max: Positive | None = None
    rotation_rms: Positive | None = None
    distance_rms: Positive | None = None
    distance_max: Positive | None = None
    registration_rms: Positive | None = None
    jitter_rms: Positive | None = None
    drift: Positive | None = None


class PlanFile(PublicFile):
    """The file plan.toml."""

    format: Literal["c1c2nav/accuracy-plan/1"]
    needle: Name
    reference: Name
    block: Name
    tracker: Name
    pointer: Name
    phantom: Name
    operator: Name
    started: datetime
    working_volume: Name = "not stated"
    temperature: Number
    temperature_change: NotNegative = 1.0
    expansion: NotNegative = EXPANSION
    divot_sd: Positive = DIVOT_SD
    remarks: Annotated[str, Field(max_length=2000)] = ""
    versions: dict[str, str] = Field(default_factory=dict)
    limits: LimitsTable = LimitsTable()
    recording: Annotated[tuple[RecordingTable, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _once(self) -> Self:
        seen: set[tuple[str, str]] = set()
        for entry in self.recording:
            if (entry.test, entry.place) in seen:
                raise ValueError(f"recording: {entry.test} at {entry.place} appears twice")
            seen.add((entry.test, entry.place))
        return self


def load_plan(path: Path) -> PlanFile:
    """Load a plan.toml.

    Parameters
    ----------
    path : Path
        The file. Files that it names are relative to its folder.

    Returns
    -------
    PlanFile

    Raises
    ------
    InputError
        What violates the format: file, field, what was expected.
    """
    return load_toml(path, PlanFile)
