"""case.toml: what is navigated, with named closed surfaces, fiducials and plans."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import ArrayLike
from pydantic import AfterValidator, Field, field_validator

from nav.core.errors import InputError
from nav.core.files import (
    FileModel,
    NotNegative,
    Number,
    PublicFile,
    TransformTable,
    Vector3,
    load_toml,
    sha256,
)
from nav.core.frames import Array
from nav.model.continuation import Continuation, ContinuationTable, continuation
from nav.model.plausible_case import check_case
from nav.model.surface import Surface, load_surface

CASE_FORMAT = "c1c2nav/case/1"
# of structures in files and lists: what must not be touched first
ROLE_ORDER = ("artery", "cord", "dura", "bone", "skin", "support", "other")
Role = Literal["bone", "cord", "dura", "artery", "skin", "support", "other"]
# mm: amber and red by default, when the 95 % lower bound is at or below
DEFAULT_LIMITS = {"artery": (5.0, 3.0), "cord": (2.0, 1.0)}
# remarks of a case whose surfaces were corrected: before it is planned again, and after that
PLANNED = "the surfaces were corrected after its plans were made: plan again"
OLDER_PLANS = "some plans are older than the corrected surfaces; use those that are listed first"
MOST_ENTRIES = 500  # a skull and spine with every vessel has some hundred structures


def _one_line(name: str) -> str:
    strange = next((c for c in name if not c.isprintable()), None)
    if strange is not None:
        raise ValueError(f"has the character U+{ord(strange):04X}, which cannot be shown")
    return name


LONGEST_NAME, LONGEST_PATH = 255, 1000  # bytes of a file's name, characters of its path
# names are shown: a line end or a terminal's code in them would forge what we say
Name = Annotated[str, Field(min_length=1), AfterValidator(_one_line)]


def _file_name(name: str) -> str:
    longest = max(len(part.encode()) for part in name.split("/"))
    if longest > LONGEST_NAME or len(name) > LONGEST_PATH:
        raise ValueError(f"is a file name of {len(name)} characters, which no file system has")
    return name


FileName = Annotated[Name, AfterValidator(_file_name)]


class StructureTable(FileModel):
    """An entry [[structure]] of case.toml."""

    name: Name
    role: Role
    mesh: FileName
    caution: NotNegative | None = None
    danger: NotNegative | None = None
    sigma: NotNegative
    continues: tuple[ContinuationTable, ...] = ()


class FiducialTable(FileModel):
    """An entry [[fiducial]] of case.toml."""

    label: Name
    position: Vector3
    use: Literal["register", "check"]
    sigma: NotNegative | None = None


class PlanTable(FileModel):
    """An entry [[plan]] of case.toml."""

    name: Name
    entry: Vector3
    target: Vector3


class ChainTable(FileModel):
    """The table [reconstruction.chain]: fitted bones, poses as model_from_bone, shape modes."""

    weights: tuple[Number, ...]
    pose: dict[str, TransformTable]


class ReconstructionTable(FileModel):
    """The table [reconstruction] of case.toml: how a scan became this case.

    Parameters
    ----------
    source : str
        Kind of the scan's file.
    volume : str, optional
        The scan, cropped, beside the case.
    spacing : tuple of three floats
        Of the scan, mm.
    findings : tuple of str
        What was odd about the scan.
    remarks : tuple of str
        What the surfaces lack.
    made_from : dict of str to str
        By structure.
    corrections, labels : str, optional
        Files beside the case: the user's guidance for the scan.
    chain : ChainTable, optional
        The fitted bones, from which steps can be run again.
    learnt : dict of str to dict of str to float
        What was learnt of grey values, for the same.
    """

    source: Name
    volume: FileName | None = None
    spacing: Vector3
    findings: tuple[Name, ...] = ()
    remarks: tuple[Name, ...] = ()
    made_from: dict[str, Name] = Field(default_factory=dict)
    corrections: FileName | None = None
    labels: FileName | None = None
    chain: ChainTable | None = None
    learnt: dict[str, dict[str, Number]] = Field(default_factory=dict)


class CaseFile(PublicFile):
    """The file case.toml."""

    format: Literal["c1c2nav/case/1"]
    name: Name
    structure: Annotated[tuple[StructureTable, ...], Field(min_length=1)]
    fiducial: tuple[FiducialTable, ...] = ()
    plan: tuple[PlanTable, ...] = ()
    reconstruction: ReconstructionTable | None = None

    @field_validator("structure", "fiducial", "plan")
    @classmethod
    def _names_once(cls, value: Any) -> Any:
        if len(value) > MOST_ENTRIES:
            raise ValueError(f"has {len(value)} entries; at most {MOST_ENTRIES} are read")
        names = Counter(getattr(entry, "name", getattr(entry, "label", "")) for entry in value)
        twice = [name for name, count in names.items() if count > 1]
        if twice:
            raise ValueError(f'"{twice[0]}" appears twice; each needs a name of its own')
        return value


@dataclass(frozen=True, eq=False)
class Structure:
    """A named closed surface that is navigated past.

    Parameters
    ----------
    name : str
        Unique in its case.
    role : str
        "bone", "artery", "cord", "dura", "skin" or "other".
    surface : Surface
        Closed, model frame, mm.
    caution, danger : float or None
        Distances from which the alarm is at that level, mm; None: no limit.
    sigma : float
        One standard deviation of the surface's own error, mm, where its mesh holds none.
    continuations : tuple of Continuation
        Ends beyond which it goes on unseen.
    """

    name: str
    role: str
    surface: Surface
    caution: float | None
    danger: float | None
    sigma: float
    continuations: tuple[Continuation, ...] = ()

    @property
    def has_limits(self) -> bool:
        """Whether it can raise an alarm."""
        return self.caution is not None or self.danger is not None

    def sigma_at(self, points: ArrayLike) -> Array:
        """Return one standard deviation of the surface's own error.

        Parameters
        ----------
        points : array_like, shape (..., 3)
            On the surface, model frame, mm.

        Returns
        -------
        ndarray, shape (...)
            In mm: as the mesh states it for the place, else `sigma`.
        """
        if self.surface.sigma is not None:
            return self.surface.sigma.at(points)
        return np.full(np.shape(points)[:-1], self.sigma)


@dataclass(frozen=True)
class Fiducial:
    """A point that can be touched with the tip.

    Parameters
    ----------
    label : str
        Its name on the phantom or in the scan.
    position : ndarray, shape (3,)
        Model frame, mm.
    use : str
        "register" or "check".
    sigma : float, optional
        One standard deviation of each of its coordinates, mm; None where it is not known.
    """

    label: str
    position: Array
    use: str
    sigma: float | None = None


@dataclass(frozen=True)
class Plan:
    """A planned straight trajectory.

    Parameters
    ----------
    name : str
        Unique in its case.
    entry, target : ndarray, shape (3,)
        Model frame, mm.
    """

    name: str
    entry: Array
    target: Array

    @cached_property
    def direction(self) -> Array:
        """Unit vector from entry to target."""
        way = self.target - self.entry
        return way / np.linalg.norm(way)


@dataclass(frozen=True)
class Case:
    """What is navigated: structures, fiducials and plans in the model frame (LPS, mm).

    Parameters
    ----------
    name : str
        For people.
    structures : tuple of Structure
        Closed surfaces with their roles and limits.
    fiducials : tuple of Fiducial
        Points to register and to check with.
    plans : tuple of Plan
        Planned trajectories; the first is the default.
    warnings : tuple of str
        What is unusual about its files, one line each.
    """

    name: str
    structures: tuple[Structure, ...]
    fiducials: tuple[Fiducial, ...] = ()
    plans: tuple[Plan, ...] = ()
    warnings: tuple[str, ...] = field(default=(), compare=False)

    @property
    def default_plan(self) -> Plan | None:
        """The first plan, if any."""
        return self.plans[0] if self.plans else None

    def of_role(self, role: str) -> tuple[Structure, ...]:
        """Return the structures of a role.

        Parameters
        ----------
        role : str
            See `Structure`.

        Returns
        -------
        tuple of Structure
            In the case's order.
        """
        return tuple(s for s in self.structures if s.role == role)

    def fiducials_for(self, use: str) -> tuple[Fiducial, ...]:
        """Return the fiducials of a use.

        Parameters
        ----------
        use : str
            "register" or "check".

        Returns
        -------
        tuple of Fiducial
            In the case's order.
        """
        return tuple(f for f in self.fiducials if f.use == use)


def load_case(path: Path, progress: Callable[[str], None] | None = None) -> Case:
    """Load a case from case.toml and its meshes.

    Parameters
    ----------
    path : Path
        case.toml.
    progress : callable, optional
        Called with each structure's name before it is loaded.

    Returns
    -------
    Case
        With warnings for what is unusual about it.

    Raises
    ------
    InputError
        What breaks the format, a mesh that is missing or open, limits the wrong way round,
        impossible sizes.
    """
    table = load_toml(path, CaseFile)
    structures = []
    for entry in table.structure:
        if progress is not None:
            progress(entry.name)
        structures.append(_structure(Path(path), entry))
    for plan in table.plan:
        if np.linalg.norm(np.subtract(plan.target, plan.entry)) < 1e-6:
            raise InputError(f"{path}: plan {plan.name}: entry and target are the same point")
    case = Case(
        table.name,
        tuple(structures),
        tuple(Fiducial(f.label, np.array(f.position), f.use, f.sigma) for f in table.fiducial),
        tuple(Plan(p.name, np.array(p.entry), np.array(p.target)) for p in table.plan),
    )
    scan_remarks = () if table.reconstruction is None else table.reconstruction.remarks
    return replace(
        case, warnings=(*_changed(table, Path(path)), *check_case(case, str(path)), *scan_remarks)
    )


def _changed(table: CaseFile, path: Path) -> list[str]:
    """Warn of meshes that are not those that a planned case was written with."""
    digests = {entry.file: entry.sha256.lower() for entry in table.input}
    return [
        f"{path}: structure {s.name}: its mesh was changed after the plans were made: plan again"
        for s in table.structure
        if s.mesh in digests and sha256(path.parent / s.mesh) != digests[s.mesh]
    ]


def _structure(path: Path, table: StructureTable) -> Structure:
    place = f"{path}: structure {table.name}"
    caution, danger = DEFAULT_LIMITS.get(table.role, (None, None))
    caution = table.caution if table.caution is not None else caution
    danger = table.danger if table.danger is not None else danger
    if caution is not None and danger is not None and danger > caution:
        raise InputError(f"{place}: danger: {danger} mm is beyond caution ({caution} mm)")
    surface = load_surface(path.parent / table.mesh, f"{place}: mesh")
    ends = tuple(continuation(end, place) for end in table.continues)
    return Structure(table.name, table.role, surface, caution, danger, table.sigma, ends)


def navigable(case: Case, path: Path) -> None:
    """Refuse a case without what the window's gauges need.

    Parameters
    ----------
    case : Case
        As loaded.
    path : Path
        Its file, with which the message begins.

    Raises
    ------
    InputError
        No structure of role artery, or none of role cord.
    """
    missing: Sequence[str] = [role for role in ("artery", "cord") if not case.of_role(role)]
    if missing:
        raise InputError(
            f'{path}: structure: none has role "{missing[0]}"; navigation needs artery and cord'
        )
