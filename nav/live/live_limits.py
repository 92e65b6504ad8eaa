"""Limits of one set-up: alarm distances, FLE, largest error of check points."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from nav.core.errors import InputError
from nav.core.notice import Notice
from nav.live.session import CHECK_LIMIT
from nav.model.case import Case, Structure
from nav.model.plausible_case import LEAST_LIMIT, MOST_LIMIT
from nav.registration.assessment import FLE, check_fle

# mm, of a check point: touches scatter by more than the least, and beyond the most nothing guides
LEAST_CHECK_LIMIT, MOST_CHECK_LIMIT = 0.3, 10.0


class AlarmLimits(NamedTuple):
    """Distances from which the alarm is at that level, mm; None: the case's own."""

    caution: float | None = None
    danger: float | None = None

    def problems(self) -> list[str]:
        """Return what is wrong with them, a clause each that begins with the name of the limit."""
        found = [
            f"{name}: expected {LEAST_LIMIT:g} to {MOST_LIMIT:g} mm, got {value:g}"
            for name, value in self._asdict().items()
            if value is not None and not LEAST_LIMIT <= value <= MOST_LIMIT
        ]
        if not found and None not in self and self.danger > self.caution:  # type: ignore[operator]
            found.append(
                f"danger: {self.danger:g} mm is beyond caution ({self.caution:g} mm); red comes "
                "after amber"
            )
        return found


@dataclass(frozen=True)
class LiveLimits:
    """What a set-up has instead of the case's and the program's own limits.

    Parameters
    ----------
    by_role : mapping of str to AlarmLimits
        For all structures of a role.
    by_structure : mapping of str to AlarmLimits
        For one structure; they override those of its role.
    fle : float
        Fiducial localisation error, mm, one standard deviation per axis.
    check_limit : float
        A registration with a check point further off is not navigated with, mm.
    """

    by_role: Mapping[str, AlarmLimits] = field(default_factory=dict)
    by_structure: Mapping[str, AlarmLimits] = field(default_factory=dict)
    fle: float = FLE
    check_limit: float = CHECK_LIMIT

    def problems(self, case: Case | None = None) -> list[str]:
        """Return all that is wrong, a clause each: which limit, what, what was expected.

        Parameters
        ----------
        case : Case, optional
            With it, that they name what the case has, and that none is out of order there.

        Returns
        -------
        list of str
            Empty where all is well.
        """
        found = []
        for kind, limits in (("role", self.by_role), ("structure", self.by_structure)):
            for name, own in limits.items():
                found += [f"{kind} {name}: {problem}" for problem in own.problems()]
        try:
            check_fle(self.fle, "fle")
        except InputError as error:
            found.append(str(error))
        if not LEAST_CHECK_LIMIT <= self.check_limit <= MOST_CHECK_LIMIT:
            found.append(
                f"check_limit: expected {LEAST_CHECK_LIMIT:g} to {MOST_CHECK_LIMIT:g} mm, "
                f"got {self.check_limit:g}"
            )
        if case is not None and not found:
            found += self._problems_in(case)
        return found

    def _problems_in(self, case: Case) -> list[str]:
        roles = list(dict.fromkeys(s.role for s in case.structures))
        names = [s.name for s in case.structures]
        found = [
            f"role {role}: the case has no such structure; its roles are {', '.join(roles)}"
            for role in self.by_role
            if role not in roles
        ]
        found += [
            f"structure {name}: the case has no such structure; it has {', '.join(names)}"
            for name in self.by_structure
            if name not in names
        ]
        for structure in map(self._limited, case.structures):
            own = AlarmLimits(structure.caution, structure.danger)
            if self._of(structure) != AlarmLimits():
                found += [f"structure {structure.name}: {problem}" for problem in own.problems()]
        return found

    def apply(self, case: Case) -> Case:
        """Return the case with these limits.

        Parameters
        ----------
        case : Case
            With its own ones.

        Returns
        -------
        Case

        Raises
        ------
        InputError
            The first of `problems`.
        """
        for problem in self.problems(case):
            raise InputError(f"limits: {problem}")
        return replace(case, structures=tuple(map(self._limited, case.structures)))

    def notices(self, case: Case) -> tuple[Notice, ...]:
        """Return where these limits warn later, or accept more, than without them.

        Parameters
        ----------
        case : Case
            With its own limits.

        Returns
        -------
        tuple of Notice
        """
        found = []
        lowered = tuple(s.name for s in case.structures if _is_lower(self._limited(s), s))
        if lowered:
            found.append(Notice("limits_lowered", {"structures": lowered}))
        if self.check_limit > CHECK_LIMIT:
            facts = {"limit_mm": self.check_limit, "usual_mm": CHECK_LIMIT}
            found.append(Notice("check_limit_raised", facts))
        return tuple(found)

    def to_json(self) -> dict[str, Any]:
        """Return them as values that JSON has; `live_limits_from_json` reads them."""
        return {
            "by_role": {name: list(own) for name, own in self.by_role.items()},
            "by_structure": {name: list(own) for name, own in self.by_structure.items()},
            "fle": self.fle,
            "check_limit": self.check_limit,
        }

    def _of(self, structure: Structure) -> AlarmLimits:
        role = self.by_role.get(structure.role, AlarmLimits())
        own = self.by_structure.get(structure.name, AlarmLimits())
        return AlarmLimits(*(r if s is None else s for r, s in zip(role, own, strict=True)))

    def _limited(self, structure: Structure) -> Structure:
        caution, danger = self._of(structure)
        return replace(
            structure,
            caution=structure.caution if caution is None else caution,
            danger=structure.danger if danger is None else danger,
        )


def _is_lower(limited: Structure, structure: Structure) -> bool:
    pairs = ((limited.caution, structure.caution), (limited.danger, structure.danger))
    return any(new is not None and old is not None and new < old for new, old in pairs)


def live_limits_from_json(table: Mapping[str, Any]) -> LiveLimits:
    """Return the limits that `LiveLimits.to_json` wrote.

    Parameters
    ----------
    table : mapping
        As written.

    Returns
    -------
    LiveLimits
        Equal to those written.
    """
    return LiveLimits(
        {name: AlarmLimits(*own) for name, own in table["by_role"].items()},
        {name: AlarmLimits(*own) for name, own in table["by_structure"].items()},
        table["fle"],
        table["check_limit"],
    )
