"""The study's tables: how often the true distance was at least the bound shown."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.table import Table

from nav.core.frames import Array
from tests.bench.puncture.passes import Shown

RESAMPLES = 2000
NEAR = 15.0  # mm: where a bound matters


def rows_of(neck: dict[str, Any]) -> list[list[Shown]]:
    """Return a neck's punctures, each a list of what was shown."""
    return [[Shown(*row) for row in p["rows"]] for p in neck["punctures"] if not p["said"]]


def coverage_table(necks: list[dict[str, Any]]) -> Table:
    """Share of true distances at or above the bound, by needle and structure."""
    table = Table(
        "needle", "structure", "n", "held at the target, %", "95 % interval", "on the whole way, %",
        "within 15 mm, %", "worst, mm", "shown less true: mean, sd", title="does the bound hold?",
    )  # fmt: skip
    found: dict[tuple[str, str], list[tuple[int, Array]]] = defaultdict(list)
    for k, neck in enumerate(necks):
        for rows in rows_of(neck):
            of: dict[tuple[str, str], list[tuple[float, ...]]] = defaultdict(list)
            for row in rows:
                whole = row.structure.endswith(" gauge") or row.role != "artery"
                name = row.structure if whole else "artery"
                of[row.variant, name].append((row.left, row.distance, row.bound, row.true))
            for key, values in of.items():
                found[key].append((k, np.array(values)))
    for (variant, name), measured in sorted(found.items()):
        table.add_row(variant, name, *_cells(measured))
    return table


def _cells(values: list[tuple[int, Array]]) -> list[str]:
    groups = np.concatenate([np.full(len(v), k) for k, v in values])
    left, distance, bound, true = np.concatenate([v for _, v in values]).T
    held, end, near = true >= bound, left < 1e-6, true < NEAR
    low, high = _interval(groups[end], held[end])
    off = (distance - true)[end]
    return [
        str(int(end.sum())),
        f"{100 * held[end].mean():.1f}",
        f"{100 * low:.1f} to {100 * high:.1f}",
        f"{100 * held.mean():.1f}",
        f"{100 * held[near].mean():.1f}" if near.any() else "",
        f"{(true - bound).min():.2f}",
        f"{off.mean():+.2f}, {off.std():.2f}",
    ]


def _interval(groups: NDArray[Any], held: NDArray[Any]) -> tuple[float, float]:
    """Return a 95 % interval of a share, necks resampled, as punctures of one neck are alike.

    Where all or none held, resampling says nothing: then the exact interval of that many necks.
    """
    names = np.unique(groups)
    if held.all() or not held.any():
        least = 0.025 ** (1.0 / len(names))
        return (float(least), 1.0) if held.all() else (0.0, float(1.0 - least))
    sums = np.array([[held[groups == g].sum(), (groups == g).sum()] for g in names])
    rng = np.random.default_rng(0)
    drawn = sums[rng.integers(len(names), size=(RESAMPLES, len(names)))].sum(axis=1)
    low, high = np.quantile(drawn[:, 0] / drawn[:, 1], (0.025, 0.975))
    return float(low), float(high)


def rendered_table(rendered: list[dict[str, Any]]) -> Table:
    """Of the punctures that were drawn and tracked in full."""
    table = Table(
        "neck", "calibrated", "frames", "tip rms, mm", "FRE, mm", "check, mm",
        "structure", "at the end: shown, bound, true, mm", "held on the way, %",
        title="rendered and tracked in full",
    )  # fmt: skip
    for run in rendered:
        if run["said"]:
            table.add_row(str(run["seed"]), "", "", "", "", "", run["said"], "", "")
            continue
        first = [
            str(run["seed"]),
            "yes" if run["calibrated"] else "no",
            str(run["frames"]),
            f"{run['tip_rms']:.3f}",
            f"{run['fre']:.2f}",
            f"{max(run['checks'].values(), default=float('nan')):.2f}",
        ]
        for name, rows in run["near"].items():
            values = np.array(rows)
            shown, bound, true = values[-1]
            held = 100 * (values[:, 2] >= values[:, 1]).mean()
            table.add_row(*first, name, f"{shown:.2f}, {bound:.2f}, {true:.2f}", f"{held:.0f}")
            first = [""] * 6
    return table


def lines(necks: list[dict[str, Any]]) -> list[str]:
    """Return what else a reader should know."""
    said = [f"neck {n['seed']}{' (hard)' if n['hard'] else ''}: {n['said']}" for n in necks]
    without = [line for line, n in zip(said, necks, strict=True) if n["said"]]
    done = [p for n in necks for p in n["punctures"] if not p["said"]]
    lost = [p for n in necks for p in n["punctures"] if p["said"]]
    out = [
        f"{len(done)} punctures of {len(necks) - len(without)} necks; {len(lost)} registrations "
        "given up",
        *without,
    ]
    if done:
        refused = sum(p["refused"] for p in done)
        tre = np.array([p["tre"] for p in done])
        fre = np.array([p["fre"] for p in done])
        out.append(
            f"registrations refused and repeated: {refused}; FRE {fre.mean():.2f} mm; true error "
            f"at the target {np.sqrt((tre**2).mean()):.2f} mm rms, largest {tre.max():.2f}"
        )
    return out
