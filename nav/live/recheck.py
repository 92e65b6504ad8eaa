"""Touch one divot again while navigating: does the registration still hold?"""

from dataclasses import dataclass

from nav.core.frames import Array
from nav.core.notice import Notice
from nav.live.touch import Touch
from nav.model.case import Case, Fiducial
from nav.registration.assessment import Assessment, CheckError, check_error
from nav.registration.assessment_notices import check_notice
from nav.registration.registration_result import Registration


@dataclass(frozen=True)
class FormerRegistration:
    """A registration that is used until a new one is good.

    Parameters
    ----------
    registration : Registration
        The registration.
    assessment : Assessment or None
        Of it.
    touches, checks : tuple
        What was touched for it, and to check it.
    to_check : tuple of Fiducial
        What was to be checked.
    """

    registration: Registration
    assessment: Assessment | None
    touches: tuple[Touch, ...]
    checks: tuple[tuple[Touch, CheckError], ...]
    to_check: tuple[Fiducial, ...]


class Recheck:
    """The divot that is touched again, and what the last touch of each has shown.

    Parameters
    ----------
    case : Case
        Its check points, or without any its other fiducials, are touched.
    near : ndarray, shape (3,), or None
        The nearest one to this is asked for first, model frame, mm.
    limit : float
        Mm; a divot further off is an alarm even where it was predicted.
    """

    def __init__(self, case: Case, near: Array | None, limit: float) -> None:
        choice = case.fiducials_for("check") or case.fiducials_for("register")
        if near is not None:
            choice = tuple(sorted(choice, key=lambda f: float(((f.position - near) ** 2).sum())))
        self.choice, self.limit = choice, limit
        self.fiducial: Fiducial | None = None
        self.shown: dict[str, CheckError] = {}

    def ask(self) -> bool:
        """Ask for the divot that failed, else the first; then for the next; False without any."""
        if not self.choice:
            return False
        failed = [
            f for f in self.choice if f.label in self.shown and self._fails(self.shown[f.label])
        ]
        if self.fiducial is None:
            self.fiducial = (*failed, *self.choice)[0]
        else:
            at = self.choice.index(self.fiducial)
            self.fiducial = self.choice[(at + 1) % len(self.choice)]
        return True

    def end(self) -> None:
        """Ask for none."""
        self.fiducial = None

    def take(self, touch: Touch, registration: Registration, fle: float) -> Notice:
        """Compare a touch with the registration, and ask for none any more.

        Parameters
        ----------
        touch : Touch
            Of the divot that was asked for.
        registration : Registration
            That is navigated with.
        fle : float
            Fiducial localisation error, mm, one standard deviation per axis.

        Returns
        -------
        Notice
            How far it is off, and how far was predicted.
        """
        error = check_error(touch.fiducial, touch.position, registration, touch.covariance, fle)
        self.fiducial, self.shown[error.label] = None, error
        code = "recheck_failed" if self._fails(error) else "recheck_passed"
        return Notice(code, {"check": check_notice(error)})

    @property
    def alarm(self) -> Notice | None:
        """That the registration is doubtful, until the divot is touched again and fits."""
        wrong = [error for error in self.shown.values() if self._fails(error)]
        if not wrong:
            return None
        worst = max(wrong, key=lambda error: error.distance)
        return Notice("registration_doubtful", {"check": check_notice(worst)})

    def _fails(self, error: CheckError) -> bool:
        return not error.passed or error.distance > self.limit
