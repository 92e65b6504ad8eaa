"""A row of the table of degraded pictures: what all trackers made of one kind of them."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from nav.core.frames import Array
from tests.bench.tracking.crew import OURS
from tests.bench.tracking.measure import ITSELF, Record

INSIDE = 7.815  # chi-square with three degrees of freedom: 95 %
FAR_SD, FAR_MM = 5.0, 1.0  # an error beyond both must come with a warning
COLUMNS = (
    "images", "frames", "tracked %", "warned %", "tip rms mm", "p95", "in 95 %", "e²/σ²",
    "worst without warning: sd", "mm", "beyond 5 sd, 1 mm", "OpenCV apriltag mm",
    "pupil-apriltags mm", "ms",
)  # fmt: skip


@dataclass(frozen=True)
class Summary:
    """Figures of one row.

    warned : share of the tracked frames with a warning. inside, square : share within the 95 %
    ellipsoid and mean squared Mahalanobis distance of those without. worst_sd : their largest
    distance, worst_mm : the largest error among them; far : how many were beyond both limits.
    others : rms by tracker, by the way from corners to poses that suits it best, and the share of
    frames in which it gave any.
    """

    name: str
    frames: int
    tracked: float
    warned: float
    rms: float
    p95: float
    inside: float
    square: float
    worst_sd: float
    worst_mm: float
    far: int
    seconds: float
    others: Mapping[str, tuple[float, float]]

    def cells(self) -> list[str]:
        """As the table has it."""
        some, unsaid = self.tracked > 0.0, np.isfinite(self.square)
        return [
            self.name,
            f"{self.frames}",
            f"{100 * self.tracked:.0f}",
            f"{100 * self.warned:.0f}" if some else "",
            *([f"{self.rms:.4f}", f"{self.p95:.4f}"] if some else ["", ""]),
            *([f"{100 * self.inside:.0f}", f"{self.square:.2f}"] if unsaid else ["", ""]),
            *([f"{self.worst_sd:.1f}", f"{self.worst_mm:.3f}"] if unsaid else ["", ""]),
            f"{self.far}",
            *(_other(self.others, family) for family in ("OpenCV", "pupil")),
            f"{1000 * self.seconds:.0f}",
        ]

    def figures(self) -> dict[str, Any]:
        """All as plain values."""
        return asdict(self)


def summary(name: str, records: Mapping[str, Record]) -> Summary:
    """Sum up what all trackers found in the frame sets of one row."""
    ours = records[OURS]
    errors = ours.tips[ITSELF]
    found = np.array([np.linalg.norm(e) for e in errors if e is not None])
    squares, warned = np.array(ours.squares), np.array(ours.warned, bool)
    plain = squares[~warned] if len(squares) else squares
    off = found[~warned] if len(squares) else found
    some, unsaid = len(found) > 0, len(plain) > 0
    return Summary(
        name,
        len(errors),
        len(found) / len(errors),
        float(warned.mean()) if some else np.nan,
        _rms(found),
        float(np.quantile(found, 0.95)) if some else np.nan,
        float(np.mean(plain < INSIDE)) if unsaid else np.nan,
        float(plain.mean()) if unsaid else np.nan,
        float(np.sqrt(plain.max())) if unsaid else np.nan,
        float(off.max()) if unsaid else np.nan,
        int(((plain > FAR_SD**2) & (off > FAR_MM)).sum()),
        float(np.median(ours.seconds)),
        {label: _best(record) for label, record in records.items() if label != OURS},
    )


def markdown(rows: Sequence[Summary]) -> list[str]:
    """Lines of the table as Markdown."""
    head = ["| " + " | ".join(COLUMNS) + " |", "|" + " --- |" * len(COLUMNS)]
    return head + ["| " + " | ".join(row.cells()) + " |" for row in rows]


def _best(record: Record) -> tuple[float, float]:
    """Rms of the way from corners to poses that suits a tracker best, mm, and its share."""
    ways = [_way(errors) for errors in record.tips.values()]
    return min(ways, key=lambda way: (-way[1], way[0]), default=(np.nan, 0.0))


def _way(errors: Sequence[Array | None]) -> tuple[float, float]:
    found = np.array([np.linalg.norm(e) for e in errors if e is not None])
    return _rms(found), len(found) / max(len(errors), 1)


def _rms(errors: Array) -> float:
    return float(np.sqrt(np.mean(errors**2))) if len(errors) else np.nan


def _other(others: Mapping[str, tuple[float, float]], family: str) -> str:
    for label, (rms, share) in others.items():
        if label.startswith(family):
            if not share:
                return "none found"
            return f"{rms:.3f}" if share > 0.995 else f"{rms:.3f} ({100 * share:.0f} %)"
    return ""
