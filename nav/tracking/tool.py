"""TOOL.toml: a marker body, and the tip of a needle or pointer."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import numpy as np
from pydantic import Field, field_validator, model_validator

from nav.core.covariance import MOST_TIP_SD, CovarianceError, checked_covariance
from nav.core.errors import InputError
from nav.core.files import (
    FileModel,
    Matrix3,
    NotNegative,
    Number,
    PublicFile,
    Vector3,
    load_toml,
    write_toml,
)
from nav.core.frames import Array
from nav.tracking.marker_dictionaries import dictionary_names, marker_dictionary
from nav.tracking.needle import NeedleKind, NeedleTable, unit_vector
from nav.tracking.plausible_tool import check_square, check_tool

TOOL_FORMAT = "c1c2nav/tool/1"
# of the scale, relative, where nobody checked a print: printers at 100 % and paper are within
# 0.2 %, "fit to page" is off by 3 % or more
UNCHECKED_SCALE_SD = 0.005


class MarkerTable(FileModel):
    """An entry [[marker]] of TOOL.toml."""

    id: Annotated[int, Field(strict=True, ge=0)]
    corners: tuple[tuple[Number, ...], ...]

    @field_validator("corners")
    @classmethod
    def _square(cls, value: tuple[tuple[float, ...], ...]) -> tuple[tuple[float, ...], ...]:
        if len(value) != 4 or any(len(point) != 3 for point in value):
            lengths = {len(point) for point in value}
            what = f"{lengths.pop()} numbers" if len(lengths) == 1 else "unequal lengths"
            raise ValueError(f"expected 4 points of 3 numbers, got {len(value)} points of {what}")
        check_square(np.array(value))
        return value


class TipTable(FileModel):
    """The table [tip] of TOOL.toml."""

    position: Vector3
    axis: Vector3 | None = None
    covariance: Matrix3 | None = None
    calibration: dict[str, Any] | None = None

    @field_validator("axis")
    @classmethod
    def _unit(cls, value: Vector3 | None) -> Vector3 | None:
        return unit_vector(value)

    @field_validator("covariance")
    @classmethod
    def _covariance(cls, value: Any) -> Any:
        if value is None:
            return None
        try:
            return tuple(map(tuple, checked_covariance(value, [MOST_TIP_SD] * 3).tolist()))
        except CovarianceError as error:
            raise ValueError(f"not a covariance in mm^2: {error}") from None


class ToolFile(PublicFile):
    """The file TOOL.toml."""

    format: Literal["c1c2nav/tool/1"]
    name: Annotated[str, Field(min_length=1)]
    dictionary: str | None = None
    quiet: NotNegative | None = None
    scale_sd: NotNegative | None = None
    print: Annotated[str, Field(min_length=1)] | None = None
    marker: tuple[MarkerTable, ...] = ()
    tip: TipTable | None = None
    needle: NeedleTable | None = None

    @field_validator("dictionary")
    @classmethod
    def _known(cls, value: str | None) -> str | None:
        if value is not None and value not in dictionary_names():
            raise ValueError(
                f'unknown dictionary "{value}"; expected one of OpenCV\'s predefined, '
                "e.g. DICT_APRILTAG_36h11"
            )
        return value

    @field_validator("marker")
    @classmethod
    def _ids_once(cls, value: tuple[MarkerTable, ...]) -> tuple[MarkerTable, ...]:
        twice = [i for i, count in Counter(m.id for m in value).items() if count > 1]
        if twice:
            raise ValueError(f"id {twice[0]} appears twice; every marker needs an id of its own")
        return value

    @model_validator(mode="after")
    def _bevel_across(self) -> Self:
        if self.needle is not None:
            self.needle.check_across(None if self.tip is None else self.tip.axis)
        return self


@dataclass(frozen=True)
class Marker:
    """A printed square marker.

    Parameters
    ----------
    id : int
        In the tool's dictionary.
    corners : ndarray, shape (4, 3)
        Of the black square, top left first, clockwise seen from the front; tool frame, mm.
    """

    id: int
    corners: Array

    @cached_property
    def side(self) -> float:
        """Mean side length, mm."""
        sides = np.roll(self.corners, -1, axis=0) - self.corners
        return float(np.linalg.norm(sides, axis=1).mean())

    @cached_property
    def centre(self) -> Array:
        """Centre, (3,), tool frame, mm."""
        return self.corners.mean(axis=0)

    @cached_property
    def normal(self) -> Array:
        """Outward unit normal, (3,): towards a viewer in front."""
        c0, c1, _, c3 = self.corners
        normal = np.cross(c3 - c0, c1 - c0)
        return normal / np.linalg.norm(normal)


@dataclass(frozen=True)
class ToolTip:
    """The tip of a tool, in its frame.

    Parameters
    ----------
    position : ndarray, shape (3,)
        mm.
    axis : ndarray, shape (3,), or None
        Unit vector from hub to tip, if it is known.
    covariance : ndarray, shape (3, 3)
        Of the position, mm^2.
    """

    position: Array
    axis: Array | None
    covariance: Array


@dataclass(frozen=True)
class Tool:
    """A rigid set of markers, with a tip if it is a navigated needle or pointer.

    Parameters
    ----------
    name : str
        Unique among the tools that are tracked.
    dictionary : str
        OpenCV's name of the markers' dictionary.
    markers : tuple of Marker
        Where they are on the tool.
    tip : ToolTip, optional
        If it has been calibrated.
    quiet : float, optional
        Width of the white zone around each marker, cells.
    needle : NeedleKind, optional
        Gauge, bevel and length, for the bending of the needle.
    warnings : tuple of str
        What is unusual about its file, one line each.
    scale_sd : float, optional
        Standard deviation of the scale of the print, relative; None where it was never checked.
    print_name : str, optional
        Of the print: tools of one print share its scale.
    """

    name: str
    dictionary: str
    markers: tuple[Marker, ...]
    tip: ToolTip | None = None
    quiet: float | None = None
    needle: NeedleKind | None = None
    warnings: tuple[str, ...] = field(default=(), compare=False)
    scale_sd: float | None = None
    print_name: str | None = None

    @property
    def size_sd(self) -> float:
        """Standard deviation of the scale, relative: the file's, or that of an unchecked print."""
        return UNCHECKED_SCALE_SD if self.scale_sd is None else self.scale_sd

    @cached_property
    def by_id(self) -> dict[int, Marker]:
        """Marker of each id."""
        return {marker.id: marker for marker in self.markers}


def load_tool(path: Path, printed: bool = True) -> Tool:
    """Load a tool from its TOML file.

    Parameters
    ----------
    path : Path
        TOOL.toml.
    printed : bool
        Whether it must have printed markers; another tracker's tools have none.

    Returns
    -------
    Tool
        With warnings for what is unusual about it.

    Raises
    ------
    InputError
        What breaks the format or is impossible, no markers, or an id that the dictionary does not
        have.
    """
    table = load_toml(path, ToolFile)
    if not (printed or table.marker):
        needle = None if table.needle is None else table.needle.kind()
        return Tool(table.name, table.dictionary or "", (), _tip(table.tip), needle=needle)
    if table.dictionary is None or not table.marker:
        raise InputError(f"{path}: has no markers; expected dictionary and at least one [[marker]]")
    size = marker_dictionary(table.dictionary).bytesList.shape[0]
    for marker in table.marker:
        if marker.id >= size:
            raise InputError(
                f"{path}: marker {marker.id}: {table.dictionary} has ids 0 to {size - 1} only"
            )
    tool = Tool(
        table.name,
        table.dictionary,
        tuple(Marker(m.id, np.array(m.corners)) for m in table.marker),
        _tip(table.tip),
        table.quiet,
        None if table.needle is None else table.needle.kind(),
        scale_sd=table.scale_sd,
        print_name=table.print,
    )
    return replace(tool, warnings=check_tool(tool, str(path)))


def _tip(table: TipTable | None) -> ToolTip | None:
    if table is None:
        return None
    axis = None if table.axis is None else np.array(table.axis) / np.linalg.norm(table.axis)
    covariance = np.zeros((3, 3)) if table.covariance is None else np.array(table.covariance)
    return ToolTip(np.array(table.position), axis, covariance)


def write_tool(path: Path, tool: Tool, calibration: dict[str, Any] | None = None) -> None:
    """Write a tool as TOOL.toml, whole or not at all.

    Parameters
    ----------
    path : Path
        File to write.
    tool : Tool
        The marker body, with its tip and needle if it has them.
    calibration : dict, optional
        How the tip was calibrated; written into [tip].
    """
    tip = None
    if tool.tip is not None:
        tip = {
            "position": tool.tip.position,
            "axis": tool.tip.axis,
            "covariance": tool.tip.covariance,
            "calibration": calibration,
        }
    markers = [{"id": marker.id, "corners": marker.corners} for marker in tool.markers]
    data = {
        "format": TOOL_FORMAT,
        "name": tool.name,
        "dictionary": tool.dictionary,
        "quiet": tool.quiet,
        "scale_sd": tool.scale_sd,
        "print": tool.print_name,
        "marker": markers,
        "tip": tip,
        "needle": None if tool.needle is None else vars(tool.needle),
    }
    write_toml(path, data)


def check_tools(tools: Sequence[Tool]) -> None:
    """Refuse tools that cannot be told apart.

    Parameters
    ----------
    tools : sequence of Tool
        Those that are tracked together.

    Raises
    ------
    InputError
        Two tools of one name, or a marker id that two tools share in one dictionary.
    """
    names = Counter(tool.name for tool in tools)
    for name, count in names.items():
        if count > 1:
            raise InputError(f"tools: name {name} is given {count} times; give each its own")
    owner: dict[tuple[str, int], str] = {}
    for tool in tools:
        for marker in tool.markers:
            other = owner.setdefault((tool.dictionary, marker.id), tool.name)
            if other != tool.name:
                raise InputError(
                    f"tools: marker id {marker.id} is on both {other} and {tool.name}; "
                    "give every tool ids of its own"
                )
