"""Unsaved work is lost only by someone who was told so."""

from __future__ import annotations

from nav.model.case import Plan

UNSAVED = "not saved: {}; close again to lose it"


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
        words = ["what was painted or placed"] * (painted is not None)
        words += ["the surfaces that were run again"] * (proposal is not None)
        words += [f'the line "{plan.name}"' for plan in plans if isinstance(plan, Plan)]
        if not words or (self._warned is not None and _same_objects(unsaved, self._warned)):
            return None
        self.accept(unsaved)
        return UNSAVED.format(", ".join(words))

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
