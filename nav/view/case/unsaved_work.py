"""Unsaved work is lost only by someone who was told so."""

from __future__ import annotations

from nav.core.notice import Notice
from nav.model.case import Plan
from nav.text.catalogue import sentence


class UnsavedWork:
    """Warns once of each state of the work that closing would lose."""

    def __init__(self) -> None:
        self._warned: tuple[object, ...] | None = None  # what was unsaved at the last warning

    def warning(self, unsaved: tuple[object, ...]) -> str | None:
        """Return what would be lost by closing now, unless that was said before.

        Parameters
        ----------
        unsaved : tuple
            What was painted or None, a proposal or None, and plans; the same objects as long as
            nothing more is done.

        Returns
        -------
        str or None
            For the user; None: close.
        """
        painted, proposal, *plans = unsaved
        works = [Notice("unsaved_painted")] * (painted is not None)
        works += [Notice("unsaved_surfaces")] * (proposal is not None)
        works += [
            Notice("unsaved_line", {"line": plan.name}) for plan in plans if isinstance(plan, Plan)
        ]
        if not works or (self._warned is not None and _same_objects(unsaved, self._warned)):
            return None
        self.accept(unsaved)
        return sentence(Notice("unsaved", {"works": tuple(works)}))

    def accept(self, unsaved: tuple[object, ...]) -> None:
        """Take it that losing this was agreed to.

        Parameters
        ----------
        unsaved : tuple
            As of `warning`.
        """
        self._warned = unsaved


def _same_objects(one: tuple[object, ...], other: tuple[object, ...]) -> bool:
    return len(one) == len(other) and all(a is b for a, b in zip(one, other, strict=True))
