"""What the window of a guided calibration of tools shows and does, whatever is calibrated."""

from abc import ABC, abstractmethod

from rich.console import Console

from nav.core.notice import Notice
from nav.core.tracked_frame import TrackedFrame
from nav.text.catalogue import label, sentence
from nav.view.guided_window import Request
from nav.view.meter_bars import FULL, Meter


class GuidedCapture(ABC):
    """Collects what a calibration needs, and says what lacks. Poses come in a thread.

    Attributes
    ----------
    collecting : bool
        Whether frames are taken.
    """

    def __init__(self) -> None:
        self.collecting = False

    def toggle(self) -> None:
        """Begin to collect, or stop; what was collected stays."""
        self.collecting = not self.collecting

    @property
    @abstractmethod
    def usable(self) -> bool:
        """Whether a calibration can be tried."""

    @property
    @abstractmethod
    def done(self) -> bool:
        """Whether there is enough for a good one."""

    @property
    @abstractmethod
    def count(self) -> int:
        """What was collected so far; the window flashes when it grows by one."""

    @abstractmethod
    def take(self, frame: TrackedFrame) -> None:
        """Take a tracked frame into account."""

    @abstractmethod
    def request(self) -> tuple[Request, str]:
        """Return what to do now, and the line below it."""

    @abstractmethod
    def bars(self) -> tuple[Meter, ...]:
        """Return the progress."""

    @abstractmethod
    def save(self, console: Console) -> str:
        """Calibrate with all that was collected, and write the files.

        Parameters
        ----------
        console : Console
            Where the result is printed.

        Returns
        -------
        str
            The verdict; 'good' where nothing is to be improved.

        Raises
        ------
        InputError
            It does not give a reliable result, or a file cannot be written.
        """

    def close(self) -> None:
        """Collect no more, and end what runs."""
        self.collecting = False


def idle_request(
    capture: GuidedCapture, detail: str, paused: str, ready: str, ready_detail: str
) -> tuple[Request, str]:
    """Return what to do while nothing is collected.

    Parameters
    ----------
    capture : GuidedCapture
        What is collected.
    detail : str
        The line below, once there is something.
    paused, ready : str
        What to do where there is something, and where there is nothing.
    ready_detail : str
        The line below `ready`.

    Returns
    -------
    tuple of Request and str
        As of `GuidedCapture.request`.
    """
    if capture.done:
        return Request("done", label("capture_finish")), detail
    if capture.count:
        return Request("paused", paused), detail
    return Request("ready", ready), ready_detail


def goal_bar(name: str, have: float, wanted: float, few: float) -> Meter:
    """Return a bar of how many there are of how many.

    Parameters
    ----------
    name : str
        Code of what is counted.
    have, wanted : float
        How many there are, and should be.
    few : float
        From which on there are at least some.

    Returns
    -------
    Meter
    """
    value = sentence(Notice("bar_of", {"have": round(have), "wanted": round(wanted)}))
    status = "seen" if have >= wanted else "doubtful" if have >= few else "unknown"
    return Meter(label(name), value, min(have / wanted, FULL), status)
