"""Findings of reading as sentences: the only place where facts become words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nav.reconstruction.reading.read_result import Finding, ReadResult, SeriesInfo

PROBLEMS = {
    "localiser": "a localiser, not slices",
    "colour": "colour images, not grey values",
    "encrypted": "its headers are encrypted: the slices' positions are hidden",
    "no_orientation": "no slice orientation (ImageOrientationPatient) in its headers",
    "orientation": "rows and columns are not perpendicular in its headers",
    "no_position": "slices without position (ImagePositionPatient)",
    "no_spacing": "no pixel spacing in its headers",
    "nonlinear": "grey values are mapped by a table, not to Hounsfield units",
    "other_quantity": "values are another quantity than Hounsfield units (RescaleType)",
    "projection": "projections (MIP), not slices",
    "single_slice": "a single slice",
    "one_place": "all slices at one position (bolus monitoring?)",
    "too_few": "only two slices; expected at least three",
}
REASONS = {
    "lossless": "not compressed with loss",
    "longest": "covers the longest part",
    "thinnest": "thinnest slices",
    "contrast": "with contrast",
    "original": "original slices, not reformatted ones",
    "finest": "finest pixels",
    "only": "the only suitable one",
    "first": "the first of several equally good ones",
}


def describe_problem(code: str) -> str:
    """Return why a series cannot be read as a CT volume, in words.

    Parameters
    ----------
    code : str
        `problem` of a `SeriesInfo`.

    Returns
    -------
    str
        Part of a sentence.
    """
    if code.startswith("not_ct:"):
        modality = code.partition(":")[2]
        return f"not a CT (modality {modality})"
    return PROBLEMS[code]


def describe_series(info: SeriesInfo) -> str:
    """Return one line about a series, without its name.

    Parameters
    ----------
    info : SeriesInfo
        The series.

    Returns
    -------
    str
        Modality, number and size of slices, spacing, extent, kernel, contrast.
    """
    across, along, step = info.spacing
    size = f"{info.size[0]} x {info.size[1]}"
    parts = [f"{info.modality or 'unknown kind'}, {_count(info.slices, 'slice')} of {size}"]
    if across > 0:
        parts.append(f"{across:.3g} x {along:.3g} x {step:.3g} mm")
    if info.extent > 0:
        parts.append(f"{info.extent:.0f} mm long")
    if info.kernel:
        parts.append(f"kernel {info.kernel}")
    if info.contrast:
        parts.append("with contrast")
    return ", ".join(parts)


def describe(result: ReadResult, with_files: bool = True) -> list[str]:
    """Return the lines that a user sees after a scan was read.

    Parameters
    ----------
    result : ReadResult
        Of the scan.
    with_files : bool
        Whether files are named, which often have the names of patients: not in what is written.

    Returns
    -------
    list of str
        The series, the volume, and one line per finding.
    """
    nz, ny, nx = result.volume.values.shape
    sx, sy, sz = result.volume.spacing
    name = f"series {result.series.name}: " if result.kind == "dicom" else ""
    return [
        name + describe_series(result.series),
        f"volume of {nx} x {ny} x {nz} voxels of {sx:.3f} x {sy:.3f} x {sz:.3f} mm",
        *(sentence(finding, with_files) for finding in result.findings),
    ]


def sentence(finding: Finding, with_files: bool = True) -> str:
    """Return a finding as one line.

    Parameters
    ----------
    finding : Finding
        About the scan.
    with_files : bool
        Whether files are named.

    Returns
    -------
    str
        Without a full stop.
    """
    f = finding.facts
    if finding.code == "series_chosen":
        return (
            f"series {f['name']} of {f['count']} taken: {REASONS[f['reason']]} "
            f"({f['suitable']} suitable); name another one to read it instead"
        )
    if finding.code == "missing_slices":
        return _missing(f)
    if finding.code == "other_files":
        return _other_files(f)
    words = {**f, **_words(f)}
    if "first" in f:
        words["first"] = f", first {f['first']}" if with_files else ""
    return SENTENCES[finding.code].format(**words)


SENTENCES: Mapping[str, str] = {
    "bits_reinterpreted": "{slices} with signed values declared as unsigned: read as signed",
    "clipped_values": "{count} voxels beyond 32767 HU: clipped",
    "coarse_values": "grey levels are {step:.3g} HU apart: edges are less certain",
    "damaged_files": "{files} left out: damaged{first}: {why}",
    "different_duplicates": "{slices} left out: others at the same position, with other values, "
    "were acquired earlier",
    "identical_duplicates": "{slices} left out: copies of others",
    "inverted_grey": "shown inverted (MONOCHROME1): values were taken as they are stored",
    "lateral_offsets": "slices lie up to {largest:.2f} mm off a straight line: each shifted to "
    "its position",
    "layout_corrected": "{slices} whose values are impossible with the declared sign or bits: read "
    "with those that fit",
    "localisers_left_out": "{images} of a localiser left out",
    "lossy": "compressed with loss ({how}), {count} of {of} slices: edges are less certain",
    "no_rescale": "no rescale slope and intercept in the headers: values taken as stored",
    "no_soft_tissue": "air, but no soft tissue at its Hounsfield units: a print, or grey values "
    "that are scaled otherwise (cone-beam CT?)",
    "not_finite": "{count} voxels that are not a number: set to air",
    "oblique": "slices are rotated by {degrees:.1f}° against the patient's axes: kept",
    "order_contradicts": "positions contradict the slices' numbers or SliceLocation in {slices}: "
    "positions were used",
    "orientation_contradicts": "AnatomicalOrientation {stated} contradicts TransformMatrix "
    "({used}), which was used: compare left and right",
    "orientation_varies": "slices are up to {degrees:.3f}° from parallel: taken as parallel",
    "other_slices": "{slices} of the same series left out: of another size or orientation",
    "outside_set_to_air": "{percent:.0f} % of the volume lies outside the slices: set to air",
    "qform_disagrees": "qform and sform disagree by up to {distance:.1f} mm: sform was used",
    "rescale_filled": "{count} of {of} slices have no rescale slope and intercept: those of the "
    "others were used",
    "rounded_positions": "positions are rounded to 0.1 mm: even steps of {step:.3f} mm fitted",
    "several_volumes": "{count} volumes in this series (phases, or parts far apart): {name} taken",
    "sheared": "axes are {degrees:.2f}° from perpendicular: resampled",
    "shifted_values": "values are HU {sign} {size}: corrected",
    "slices_apart": "slices {thickness:.3g} mm thick every {step:.3g} mm: the gaps between them "
    "are not measured",
    "tilt": "gantry tilt {degrees:.1f}°: resampled",
    "tilt_contradicts": "header says gantry tilt {stated:.1f}°, the slices' positions {found:.1f}"
    "°: positions were used",
    "unclear_values": "no air or soft tissue recognised in values from {low} to {high}: are these "
    "Hounsfield units?",
    "uneven_steps": "steps between slices from {least:.2f} to {most:.2f} mm: resampled to "
    "{step:.2f} mm",
    "unit_assumed": "no unit of length in the header: mm assumed",
    "unit_converted": "lengths are in {unit}: converted to mm",
}


def _words(facts: Mapping[str, Any]) -> dict[str, Any]:
    words: dict[str, Any] = {}
    if "count" in facts:
        for noun in ("slice", "file", "image"):
            words[f"{noun}s"] = _count(facts["count"], noun)
    if "share" in facts:
        words["percent"] = 100.0 * facts["share"]
    if "offset" in facts:
        words["sign"] = "+" if facts["offset"] > 0 else "-"
        words["size"] = abs(facts["offset"])
    return words


def _missing(f: Mapping[str, Any]) -> str:
    if "places" in f:
        return f"{_count(f['count'], 'slice')} missing at {f['places']} more places: interpolated"
    slices, place = _count(f["count"], "slice"), f"{f['axis']} = {f['place']:.1f} mm"
    return (
        f"{slices} missing after slice {f['after']} ({place}, {f['length']:.1f} mm not measured): "
        "interpolated"
    )


def _other_files(f: Mapping[str, Any]) -> str:
    parts = []
    if f["others"]:
        parts.append(f"{_count(f['others'], 'file')} that {_are(f['others'])} not DICOM")
    if f["without_pictures"]:
        parts.append(f"{_count(f['without_pictures'], 'DICOM file')} without images")
    return " and ".join(parts) + " left out"


def _are(count: int) -> str:
    return "is" if count == 1 else "are"


def _count(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
