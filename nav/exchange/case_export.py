"""Export a case to files of other programs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from nav.core.errors import InputError
from nav.core.files import load_toml
from nav.core.outputs import written_together
from nav.exchange.case_segments import Segmentation, read_case_volume, segment_case
from nav.exchange.dicomseg import write_dicom
from nav.exchange.filenames import file_stems
from nav.exchange.markups import fiducials_json
from nav.exchange.meshes import WRITERS, threemf_bytes
from nav.exchange.segnrrd import write_seg_nrrd
from nav.model.case import Case, CaseFile, load_case
from nav.registration.markupsline import line_json

FORMATS = (*WRITERS, "3mf", "seg.nrrd", "dicom-seg", "mrk.json")
SEGMENTATION, DICOM_FOLDER, DICOM_SEG = "segmentation.seg.nrrd", "dicom", "segmentation.dcm"
FIDUCIALS = "fiducials.mrk.json"
SPACING = 0.5  # mm, of the grid of a case without a scan
SPACINGS = (0.1, 5.0)  # mm, accepted
Write = Callable[[Path], Any]
Tell = Callable[[str], None]


def export_case(
    path: Path,
    folder: Path,
    formats: Sequence[str],
    spacing: float = SPACING,
    report: Tell = lambda _: None,
) -> list[Path]:
    """Write a case in formats of other programs; all files appear together, or none.

    Parameters
    ----------
    path : Path
        case.toml, or its folder.
    folder : Path
        To write to.
    formats : sequence of str
        Of `FORMATS`.
    spacing : float
        Of a label map's voxels, for a case without a scan, mm.
    report : callable
        Called with a description of each step.

    Returns
    -------
    list of Path
        The files written.

    Raises
    ------
    InputError
        No such format, a case that cannot be read, a label map that would be too large, or a
        folder that cannot be written.
    """
    check_formats(formats, spacing)
    path = case_file(path)
    refuse_dicom_left(folder, formats)
    report("reading the case")
    case = load_case(path)
    files = _mesh_files(case, folder, formats)
    found: Segmentation | None = None
    if "seg.nrrd" in formats or "dicom-seg" in formats:
        report("reading the scan")
        volume = read_case_volume(path, load_toml(path, CaseFile))
        found = segment_case(case, volume, spacing, lambda name: report(f"voxels: {name}"))
    slices = []
    if found is not None and "dicom-seg" in formats:
        digits = max(4, len(str(found.grid.size[2])))
        slices = [
            folder / DICOM_FOLDER / f"CT{k + 1:0{digits}d}.dcm" for k in range(found.grid.size[2])
        ]
    outputs = [file for file, _ in files]
    if found is not None and "seg.nrrd" in formats:
        outputs.append(folder / SEGMENTATION)
    if slices:
        outputs += [*slices, folder / DICOM_FOLDER / DICOM_SEG]
    with written_together(*outputs) as beside:
        place = dict(zip(outputs, beside, strict=True))
        for file, write in files:
            report(f"writing {file.name}")
            write(place[file])
        if found is not None and "seg.nrrd" in formats:
            report(f"writing {SEGMENTATION}")
            write_seg_nrrd(place[folder / SEGMENTATION], found)
        if found is not None and slices:
            report("writing DICOM")
            seg = place[folder / DICOM_FOLDER / DICOM_SEG]
            write_dicom([place[s] for s in slices], seg, found)
    return outputs


def check_formats(formats: Sequence[str], spacing: float) -> None:
    """Refuse unsupported formats, no format at all, and a spacing outside of the accepted range.

    Parameters
    ----------
    formats : sequence of str
        As given on the command line; expected of `FORMATS`.
    spacing : float
        mm.

    Raises
    ------
    InputError
        One of these.
    """
    known = ", ".join(FORMATS)
    if not formats:
        raise InputError(f"--format: give one or several of {known}")
    unknown = [f for f in formats if f not in FORMATS]
    if unknown:
        raise InputError(f"--format: {unknown[0]!r:.40} is not supported; expected one of {known}")
    low, high = SPACINGS
    if not low <= spacing <= high:
        raise InputError(f"--spacing: expected {low:g} to {high:g} mm, got {spacing:g}")


def case_file(path: Path) -> Path:
    """Return the case.toml of a case that is given as a file or as its folder.

    Parameters
    ----------
    path : Path
        A case.toml, or its folder.

    Returns
    -------
    Path
        Of the file, which need not exist.
    """
    return path / "case.toml" if path.is_dir() else path


def refuse_dicom_left(folder: Path, formats: Sequence[str]) -> None:
    """Refuse to mix a DICOM series with files that another export has left in its folder.

    Parameters
    ----------
    folder : Path
        To write to.
    formats : sequence of str
        Nothing is checked without "dicom-seg".

    Raises
    ------
    InputError
        The folder for DICOM files is not empty.
    """
    place = folder / DICOM_FOLDER
    if "dicom-seg" in formats and place.is_dir() and any(place.iterdir()):
        raise InputError(
            f"{place}: is not empty, and two series in one folder would be mixed; "
            "give another --output, or move it away"
        )


def _mesh_files(case: Case, folder: Path, formats: Sequence[str]) -> list[tuple[Path, Write]]:
    """Return meshes and markups, each with what writes it."""
    files: list[tuple[Path, Write]] = []
    stems = file_stems([s.name for s in case.structures])
    for ending in (f for f in WRITERS if f in formats):
        for structure, stem in zip(case.structures, stems, strict=True):
            make = WRITERS[ending]
            files.append((folder / f"{stem}.{ending}", _writer(make, structure)))
    if "3mf" in formats:
        (stem,) = file_stems([case.name])
        files.append((folder / f"{stem}.3mf", _writer(threemf_bytes, case.name, case.structures)))
    if "mrk.json" in formats:
        if not case.fiducials and not case.plans:
            raise InputError("--format mrk.json: the case has neither fiducials nor plans")
        if case.fiducials:
            text = fiducials_json(case.fiducials)
            files.append((folder / FIDUCIALS, _writer(str.encode, text)))
        names = file_stems([f"plan {plan.name}" for plan in case.plans])
        for plan, stem in zip(case.plans, names, strict=True):
            text = line_json(plan.name, plan.entry, plan.target)
            files.append((folder / f"{stem}.mrk.json", _writer(str.encode, text)))
    return files


def _writer(make: Callable[..., bytes], *arguments: Any) -> Write:
    return lambda beside: beside.write_bytes(make(*arguments))
