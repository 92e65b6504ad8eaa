"""The two steps of a needle's calibration: swung about a divot, then spun about its axis."""

from rich.console import Console

from calibration.live.guided_capture import GuidedCapture
from calibration.live.pivot_capture import PivotCapture
from calibration.live.spin_capture import SpinCapture
from nav.core.tracked_frame import TrackedFrame
from nav.text.catalogue import label
from nav.view.guided_window import Request
from nav.view.meter_bars import Meter

SPIN_FILE = "spin.csv"


class NeedleCapture(GuidedCapture):
    """Collects poses for the tip, then, if wanted, for the axis.

    Parameters
    ----------
    pivot : PivotCapture
        The first step.

    Attributes
    ----------
    spin : SpinCapture
        The second step.
    step : PivotCapture or SpinCapture
        The present one.
    """

    def __init__(self, pivot: PivotCapture) -> None:
        self.pivot, self.spin = pivot, SpinCapture(pivot.needle)
        self.step: PivotCapture | SpinCapture = pivot
        super().__init__()

    @property
    def collecting(self) -> bool:
        """Whether frames are taken."""
        return self.step.collecting

    @collecting.setter
    def collecting(self, collecting: bool) -> None:
        self.step.collecting = collecting

    @property
    def can_spin(self) -> bool:
        """Whether the axis can be measured now: it is not given, and the tip is known."""
        return self.pivot.files.spin is None and self.pivot.usable and not self.collecting

    @property
    def asks_for_spin(self) -> bool:
        """Whether only the axis lacks, which the needle's file has neither."""
        tip = self.pivot.needle.tip
        known = self.spin.usable or (tip is not None and tip.axis is not None)
        return self.can_spin and self.pivot.done and not known and self.step is self.pivot

    def change_step(self) -> None:
        """Go to the axis, or back to the tip; an axis that is not known is forgotten."""
        if self.step is self.spin:
            self.step = self.pivot
            if not self.spin.usable:
                self.spin.discard()
        elif self.pivot.found is not None:
            self.spin.towards = self.pivot.found.tip
            self.step = self.spin

    def toggle(self) -> None:
        """Begin to collect, or stop."""
        self.step.toggle()

    @property
    def usable(self) -> bool:
        """Whether the tip was estimated."""
        return self.pivot.usable

    @property
    def done(self) -> bool:
        """Whether there is enough for what is measured."""
        return self.pivot.done and (self.step is self.pivot or self.spin.done)

    @property
    def count(self) -> int:
        """Poses of the present step."""
        return self.step.count

    def take(self, frame: TrackedFrame) -> None:
        """Take a pose into account for the present step."""
        self.step.take(frame)

    def request(self) -> tuple[Request, str]:
        """Return what to do now."""
        if self.asks_for_spin:
            return Request("ready", label("spin_next")), label("spin_next_detail")
        return self.step.request()

    def bars(self) -> tuple[Meter, ...]:
        """Return the progress of the present step."""
        return self.step.bars()

    def save(self, console: Console) -> str:
        """Write the poses, and the needle's file from them."""
        if not self.spin.count:
            return self.pivot.save(console)
        path = self.pivot.folder / SPIN_FILE
        self.spin.write(path)
        return self.pivot.write(console, path)

    def close(self) -> None:
        """Finish the images."""
        self.pivot.close()
