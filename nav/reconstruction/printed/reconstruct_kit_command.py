"""`nav reconstruct --phantom`: from the scan of a printed kit to a case folder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from nav.core.errors import InputError
from nav.progress_bar import step_bar
from nav.reconstruction.case_files import usual_sigma
from nav.reconstruction.printed.kit import read_kit
from nav.reconstruction.printed.kit_case_files import surfaces_of, write_printed_case
from nav.reconstruction.printed.print_deviation import Deviation
from nav.reconstruction.printed.reconstruct import (
    STEPS,
    PrintedReconstruction,
    reconstruct_kit,
)
from nav.reconstruction.reading import describe, read_volume
from nav.reconstruction.reconstruct_command import check_output
from nav.reconstruction.reconstruction_text import sentence

SHARES = {"locate": 0.25, "parts": 0.3, "divots": 0.08, "structures": 0.25, "deviation": 0.02}
READ = 0.05
MOST_SCALE_SD = 0.25  # percent: less accurate scales are only in the file
WORDS = {
    "locate": "finding the kit",
    "parts": "measuring its parts",
    "divots": "divots",
    "structures": "bones, tubes, sac, gel",
    "deviation": "print against STL",
}


def reconstruct_phantom(
    source: Path, output: Path, kit: Path, series: str | None, name: str, console: Console
) -> Path:
    """Read a printed kit's scan, reconstruct it, write the case, and print a summary.

    Parameters
    ----------
    source : Path
        Scan, as `read_volume` takes it.
    output : Path
        Folder of the case.
    kit : Path
        kit.toml, or its folder.
    series : str or None
        Of a DICOM folder; None reads the best one.
    name : str
        Of the case.
    console : Console
        For progress and summary.

    Returns
    -------
    Path
        Of case.toml.

    Raises
    ------
    InputError
        Kit or scan cannot be read; the scan does not show this kit; the folder cannot be written.
    """
    check_output(output)
    with step_bar(console) as bar:
        task = bar.add_task("reading", total=1.0)
        printed = read_kit(kit)
        read = read_volume(source, series)
        begun = {s: READ + sum(list(SHARES.values())[:i]) for i, s in enumerate(STEPS)}

        def tell(step: str, share: float) -> None:
            at = begun[step] + share * SHARES[step]
            bar.update(task, completed=at, description=WORDS[step])

        try:
            found = reconstruct_kit(read, printed, tell)
        except InputError as error:
            raise InputError(f"{source}: {error}") from None
        bar.update(task, completed=0.95, description="drawing and writing")
        case = write_printed_case(found, output, name)
        bar.update(task, completed=1.0, description="done")
    say(console, found)
    console.print(f"written: {case}")
    return case


def say(console: Console, found: PrintedReconstruction) -> None:
    """Print what was read and measured, and what is missing or uncertain.

    Parameters
    ----------
    console : Console
        To print on.
    found : PrintedReconstruction
        Of the phantom.
    """
    for line in describe(found.read):
        console.print(line)
    console.print(
        f"kit {found.kit.name}: {100 * found.located.supported:.0f} % of its surface found"
    )
    table = Table("structure", "from", "sigma, mm", "largest")
    for surface in surfaces_of(found):
        row = (surface.name, surface.source, f"{usual_sigma(surface):.2f}")
        table.add_row(*row, f"{surface.sigma.max():.2f}")
    console.print(table)
    off = [d.off for d in found.divots]
    sigma = float(np.median([d.sigma for d in found.divots]))
    console.print(
        f"{len(off)} divots, sigma {sigma:.2f} mm; {np.mean(off):.2f} mm, at most {max(off):.2f} "
        "mm, from their designed positions"
    )
    console.print(deviation_table(found.rows))
    for remark in found.remarks:
        console.print(f"warning: {sentence(remark)}")


def deviation_table(rows: tuple[Deviation, ...]) -> Table:
    """Return the deviation of each part from its STL as a table.

    Parameters
    ----------
    rows : tuple of Deviation
        Of the parts and bones.

    Returns
    -------
    rich.table.Table
        One row per part or bone.
    """
    table = Table(
        "print", "mean, mm", "sd", "p95", "scan's sd", "scale by axis, %", "moved, mm", "turned"
    )
    for row in rows:
        scales = (row.scale_x, row.scale_y, row.scale_z)
        sds = (row.scale_sd_x, row.scale_sd_y, row.scale_sd_z)
        scale = ", ".join(
            f"{axis} {s:+.2f} ± {sd:.2f}"
            for axis, s, sd in zip("xyz", scales, sds, strict=True)
            if np.isfinite(s) and sd < MOST_SCALE_SD
        )
        table.add_row(
            row.name, f"{row.mean:+.2f}", f"{row.sd:.2f}", f"{row.p95:.2f}", f"{row.scan_sd:.2f}",
            scale, f"{row.moved:.2f}", f"{row.turned:.1f}°",
        )  # fmt: skip
    return table
