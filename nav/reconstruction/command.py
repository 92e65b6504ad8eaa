"""`nav reconstruct`: from a scan to a case folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from nav.errors import InputError
from nav.filekinds import toml_kind
from nav.outputs import refuse_folder, refuse_replacing
from nav.reconstruction.markers import FoundMarker
from nav.reconstruction.pipeline import STEPS, reconstruct
from nav.reconstruction.reading import describe, list_series, read_volume
from nav.reconstruction.result import Reconstruction
from nav.reconstruction.text import sentence
from nav.reconstruction.write import CASE, usual_sigma, write_case

SHARES = {
    "read": 0.08,
    "locate": 0.05,
    "fit": 0.12,
    "levels": 0.08,
    "arteries": 0.15,
    "labels": 0.08,
    "surfaces": 0.02,
    "refine": 0.25,
    "canal": 0.12,
    "skin": 0.05,
}


def reconstruct_scan(
    source: Path, output: Path, series: str | None, name: str, console: Console
) -> Path:
    """Read a scan, reconstruct it, write the case, and say what was found.

    Raises
    ------
    InputError
        The scan cannot be read or does not show C1 and C2; the folder cannot be written.
    """
    check_output(output)
    with progress(console) as bar:
        task = bar.add_task("reading", total=1.0)
        read = read_volume(source, series)
        done = SHARES["read"]
        bar.update(task, completed=done, description="locating the bones")
        begun = {step: sum(list(SHARES.values())[: i + 1]) for i, step in enumerate(STEPS)}

        def tell(step: str, share: float) -> None:
            if step:
                at = begun[step] + share * SHARES[step]
                bar.update(task, completed=at, description=WORDS[step])

        try:
            found = reconstruct(read, tell)
        except InputError as error:
            raise InputError(f"{source}: {error}") from None
        bar.update(task, completed=0.97, description="drawing and writing")
        case = write_case(found, output, name)
        bar.update(task, completed=1.0, description="done")
    say(console, found)
    console.print(f"written: {case}")
    return case


WORDS = {
    "locate": "locating the bones",
    "fit": "fitting the bones",
    "levels": "measuring grey values",
    "arteries": "following the arteries",
    "labels": "separating the bones",
    "surfaces": "surfaces",
    "refine": "refining surfaces",
    "canal": "cord and dura",
    "skin": "skin",
}


def show_series(source: Path, console: Console) -> None:
    """Print a table of a DICOM folder's series."""
    table = Table("series", "modality", "slices", "size", "spacing, mm", "kernel", "")
    for row in list_series(source):
        size = f"{row.size[0]} x {row.size[1]}"
        spacing = " x ".join(f"{s:.2f}" for s in row.spacing)
        table.add_row(
            row.name, row.modality, str(row.slices), size, spacing, row.kernel, row.problem or ""
        )
    console.print(table)


def say(console: Console, found: Reconstruction) -> None:
    """Print what was read, the surfaces with their sigma, and what is missing or unsure."""
    for line in describe(found.read):
        console.print(line)
    table = Table("structure", "from", "sigma, mm", "largest")
    for surface in found.surfaces:
        table.add_row(
            surface.name,
            surface.source,
            f"{usual_sigma(surface):.2f}",
            f"{surface.sigma.max():.2f}",
        )
    console.print(table)
    if found.markers:
        console.print(markers_line(found.markers))
    for remark in found.remarks:
        console.print(f"warning: {sentence(remark)}")


def markers_line(markers: Sequence[FoundMarker]) -> str:
    """Return what a user should know of the markers found."""
    checks = [m.label for m in markers if m.use == "check"]
    kept = f", of these {', '.join(checks)} to check with" if checks else ""
    diameter = float(np.median([m.diameter for m in markers]))
    largest = max(m.sigma for m in markers)
    return (
        f"{len(markers)} markers on the skin, balls of {diameter:.1f} mm: M1 to M{len(markers)}"
        f"{kept}; their middles are known to {largest:.2f} mm"
    )


def progress(console: Console) -> Progress:
    """Return a bar that names the step that is on."""
    return Progress(
        TextColumn("{task.description:<24}"),
        BarColumn(),
        TimeElapsedColumn(),
        console=console,
        transient=True,
    )


def check_output(output: Path) -> None:
    """Refuse, before the work, a folder that cannot hold the case.

    Raises
    ------
    InputError
        It cannot be made or written, or holds a case.toml that is no case of ours.
    """
    refuse_folder(output / CASE)
    if (output / CASE).exists():
        refuse_replacing(output / CASE, toml_kind("case"))
