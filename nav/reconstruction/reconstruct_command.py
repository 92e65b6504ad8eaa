"""`nav reconstruct`: from a scan to a case folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from nav.core.errors import InputError
from nav.core.filekinds import toml_kind
from nav.core.files import sha256
from nav.core.output_checks import refuse_folder, refuse_replacing
from nav.exchange.exchange_command import numbering_of
from nav.progress_bar import step_bar
from nav.reconstruction.case_files import CASE, usual_sigma, write_case
from nav.reconstruction.corrections_file import load_corrections
from nav.reconstruction.guidance import LABEL_SIGMA, NOTHING, ReconstructionGuidance, with_seed
from nav.reconstruction.guidance_files import (
    check_on_scan,
    read_box,
    read_guide_labels,
    read_seeds,
)
from nav.reconstruction.markers import FoundMarker
from nav.reconstruction.reading import describe, describe_problem, list_series, read_volume
from nav.reconstruction.reconstruction_pipeline import reconstruct
from nav.reconstruction.reconstruction_result import Reconstruction
from nav.reconstruction.reconstruction_text import sentence
from nav.reconstruction.step_names import SHARES, STEP_LABELS, share_done
from nav.reconstruction.volume import Volume
from nav.text.catalogue import label

MOST_LABEL_SIGMA = 5.0  # mm


@dataclass(frozen=True)
class GuideOptions:
    """Guidance on the command line; see `nav reconstruct --help`.

    Parameters
    ----------
    labels : Path, optional
        Label map.
    numbering : str, optional
        Meaning of its numbers.
    label_sigma : float
        One standard deviation of the labels' own error, mm.
    keep_labels : bool
        Whether surfaces of bones are made from the labels alone.
    seeds : tuple of Path
        Files of points.
    box : str, optional
        Two corners, or a file.
    corrections : Path, optional
        corrections.toml of an earlier reconstruction.
    """

    labels: Path | None = None
    numbering: str | None = None
    label_sigma: float = LABEL_SIGMA
    keep_labels: bool = False
    seeds: tuple[Path, ...] = ()
    box: str | None = None
    corrections: Path | None = None


def reconstruct_scan(
    source: Path,
    output: Path,
    series: str | None,
    name: str,
    console: Console,
    options: GuideOptions | None = None,
) -> Path:
    """Read a scan, reconstruct it, write the case, and print a summary.

    Parameters
    ----------
    source : Path
        Scan, as `read_volume` takes it.
    output : Path
        Folder of the case.
    series : str or None
        Of a DICOM folder; None reads the best one.
    name : str
        Of the case.
    console : Console
        For progress and summary.
    options : GuideOptions, optional
        Of the reconstruction.

    Returns
    -------
    Path
        Of case.toml.

    Raises
    ------
    InputError
        The scan cannot be read or does not show C1 and C2; the guidance cannot be read or is for
        another scan; the folder cannot be written.
    """
    options = options or GuideOptions()
    check_output(output)
    said = before_reading(options)
    with step_bar(console) as bar:
        task = bar.add_task("reading", total=1.0)
        read = read_volume(source, series)
        guidance, left_out = with_labels(said, options, read.volume)
        done = SHARES["read"]
        bar.update(task, completed=done, description=label("step_locate"))

        def tell(step: str, share: float) -> None:
            if step:
                done = share_done(step, share)
                bar.update(task, completed=done, description=label(STEP_LABELS[step]))

        try:
            # the steps' results are not needed any more, and take memory
            found = replace(reconstruct(read, tell, guidance), made={})
        except InputError as error:
            raise InputError(f"{source}: {error}") from None
        bar.update(task, completed=0.97, description="drawing and writing")
        case = write_case(found, output, name, _inputs(options))
        bar.update(task, completed=1.0, description="done")
    say(console, found)
    if left_out:
        console.print(f"labels left out: {', '.join(left_out)}", markup=False, highlight=False)
    console.print(f"written: {case}")
    return case


def before_reading(options: GuideOptions) -> ReconstructionGuidance:
    """Return the guidance, except for a label map, which is compared with the scan later.

    Parameters
    ----------
    options : GuideOptions
        Of the command line.

    Returns
    -------
    ReconstructionGuidance
        Seeds, box and corrections.

    Raises
    ------
    InputError
        A file cannot be read, or options contradict each other or are out of range.
    """
    if not 0.0 < options.label_sigma <= MOST_LABEL_SIGMA:
        raise InputError(
            f"--label-sigma: expected mm, above 0 and at most {MOST_LABEL_SIGMA:g}, "
            f"got {options.label_sigma:g}"
        )
    if options.labels is None and (options.keep_labels or options.numbering is not None):
        raise InputError("--keep-labels and --numbering need a label map: give --labels, too")
    said = NOTHING if options.corrections is None else load_corrections(options.corrections)
    for path in options.seeds:
        for seed in read_seeds(path):
            said = with_seed(said, seed.name, seed.position)
    if options.box is not None:
        said = replace(said, box=read_box(options.box))
    return said


def with_labels(
    said: ReconstructionGuidance, options: GuideOptions, volume: Volume
) -> tuple[ReconstructionGuidance, tuple[str, ...]]:
    """Return the guidance with the label map's structures, and the labels that are left out.

    Parameters
    ----------
    said : ReconstructionGuidance
        As `before_reading` returns it.
    options : GuideOptions
        Of the command line.
    volume : Volume
        The scan, HU.

    Returns
    -------
    guidance : ReconstructionGuidance
        With labels.
    left_out : tuple of str
        Names of labels that are not reconstructed.

    Raises
    ------
    InputError
        It is not a label map, or is not aligned with the scan.
    """
    if options.labels is None:
        if said.labels and options.corrections is not None:
            check_on_scan(options.corrections, [label.mask for label in said.labels], volume)
        return said, ()
    labels, left_out = read_guide_labels(
        options.labels, numbering_of(options.numbering), volume, options.label_sigma
    )
    own = {label.name for label in labels}
    kept = tuple(label for label in said.labels if label.name not in own)
    return replace(said, labels=(*kept, *labels), keep_labels=options.keep_labels), left_out


def _inputs(options: GuideOptions) -> list[tuple[str, str]]:
    """Return hashes of the files, under neutral names, since their own may be a patient's."""
    files = [("label map", options.labels), ("corrections", options.corrections)]
    files += [(f"seeds {k}", path) for k, path in enumerate(options.seeds, start=1)]
    if options.box is not None and Path(options.box).is_file():
        files.append(("box", Path(options.box)))
    return [(name, sha256(path)) for name, path in files if path is not None and path.is_file()]


def show_series(source: Path, console: Console) -> None:
    """Print a table of a DICOM folder's series.

    Parameters
    ----------
    source : Path
        Folder.
    console : Console
        To print on.
    """
    rows = list_series(source)
    has_patients = len({row.patient for row in rows if row.patient}) > 1
    columns = ("series", "modality", "slices", "size", "spacing, mm", "kernel", "")
    table = Table(*(("patient",) if has_patients else ()), *columns)
    for row in rows:
        size = f"{row.size[0]} x {row.size[1]}"
        spacing = " x ".join(f"{s:.2f}" for s in row.spacing)
        problem = "" if row.problem is None else describe_problem(row.problem)
        table.add_row(row.name, row.modality, str(row.slices), size, spacing, row.kernel, problem)
    console.print(table)


def say(console: Console, found: Reconstruction) -> None:
    """Print what was read, the surfaces with their sigma, and what is missing or uncertain.

    Parameters
    ----------
    console : Console
        To print on.
    found : Reconstruction
        Of the scan.
    """
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
    """Return a line about the markers that were found.

    Parameters
    ----------
    markers : sequence of FoundMarker
        At least one.

    Returns
    -------
    str
        Count, diameter, check points, and the largest sigma.
    """
    checks = [m.label for m in markers if m.use == "check"]
    kept = f", of these {', '.join(checks)} to check with" if checks else ""
    diameter = float(np.median([m.diameter for m in markers]))
    largest = max(m.sigma for m in markers)
    return (
        f"{len(markers)} markers on the skin, balls of {diameter:.1f} mm: M1 to M{len(markers)}"
        f"{kept}; their centres are known to {largest:.2f} mm"
    )


def check_output(output: Path) -> None:
    """Refuse, before the work, a folder that cannot hold the case.

    Parameters
    ----------
    output : Path
        Folder of the case.

    Raises
    ------
    InputError
        It cannot be created or written, or holds a case.toml that was not written by this program.
    """
    refuse_folder(output / CASE)
    if (output / CASE).exists():
        refuse_replacing(output / CASE, toml_kind("case"))
