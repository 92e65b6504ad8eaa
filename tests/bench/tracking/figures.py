"""From records to the figures of the table."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from nav.core.frames import Array
from tests.bench.tracking.cases import Case
from tests.bench.tracking.crew import OURS
from tests.bench.tracking.measure import Record

CHI2_95 = 7.815  # 95 % point of chi-square with three degrees of freedom


@dataclass(frozen=True)
class Row:
    """One tracker, with one way of getting poses, in one case; None where there is no figure.

    frames : sets that it was shown. tracked : share of them with a pose. corners : found in a frame
    set. corner_* : px; rms is per axis, median and p95 of the distance. tip_* : mm. covered : share
    of tips inside the 95 % ellipsoid. mean_square : mean normalised squared error, 3 if honest.
    ms_* : of a frame set, the first left out; for others without the time from corners to pose.
    ratio : ms_median by that of detectMarkers. memory_mb : of the whole process so far. followed :
    share of frame sets without a search.
    """

    tracker: str
    way: str
    frames: int = 0
    tracked: float | None = None
    corners: float | None = None
    corner_rms: float | None = None
    corner_median: float | None = None
    corner_p95: float | None = None
    tip_rms: float | None = None
    tip_median: float | None = None
    tip_p95: float | None = None
    covered: float | None = None
    mean_square: float | None = None
    ms_median: float | None = None
    ms_p99: float | None = None
    ratio: float | None = None
    memory_mb: float | None = None
    followed: float | None = None
    missing: str = ""


def case_figures(
    case: Case, records: Mapping[str, Record], least: Sequence[float], yardstick: str
) -> dict[str, Any]:
    """All of a case, as JSON holds it.

    least : tip variances of the bound, mm^2. yardstick : the record that speeds are divided by.
    """
    base = _milliseconds(records[yardstick])
    rows = [
        asdict(row) for tracker, record in records.items() for row in _rows(tracker, record, base)
    ]
    return {
        "name": case.name,
        "factor": case.factor,
        "value": case.value,
        "frames": case.settings.frames,
        "settings": asdict(case.settings),
        "bound_rms": float(np.sqrt(np.mean(least))) if least else None,
        "rows": rows,
    }


def _rows(tracker: str, record: Record, base: Array) -> list[Row]:
    if record.missing:
        return [Row(tracker, "", missing=record.missing)]
    frames = len(record.seconds)
    shared: dict[str, Any] = {"frames": frames, "memory_mb": record.memory_mb}
    ms = _milliseconds(record)
    if len(ms):
        shared["ms_median"] = float(np.median(ms))
        shared["ms_p99"] = float(np.quantile(ms, 0.99))
        shared["ratio"] = float(np.median(ms) / np.median(base))
    if record.corners:
        off = np.linalg.norm(np.stack(record.corners), axis=-1).ravel()
        shared["corners"] = float(off.size / frames)
        shared["corner_rms"] = _rms(off) / 2**0.5
        shared["corner_median"] = float(np.median(off))
        shared["corner_p95"] = float(np.quantile(off, 0.95))
    if record.squares:
        shared["covered"] = float(np.mean(np.array(record.squares) < CHI2_95))
        shared["mean_square"] = float(np.mean(record.squares))
    if tracker == OURS:
        shared["followed"] = float(np.mean([mode == "follow" for mode in record.modes]))
    rows = []
    for way, errors in record.tips.items():
        found = np.array([np.linalg.norm(error) for error in errors if error is not None])
        tip: dict[str, Any] = {"tracked": len(found) / len(errors)}
        if len(found):
            tip["tip_rms"] = _rms(found)
            tip["tip_median"] = float(np.median(found))
            tip["tip_p95"] = float(np.quantile(found, 0.95))
        rows.append(Row(tracker, way, **shared, **tip))
    return rows


def _milliseconds(record: Record) -> Array:
    """Of frame sets but the first, which pays for what is made once."""
    return 1000.0 * np.array(record.seconds[1:])


def _rms(values: Array) -> float:
    return float(np.sqrt(np.mean(values**2)))
