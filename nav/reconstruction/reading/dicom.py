"""A CT series from a folder of DICOM files as a regular volume."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nav.core.errors import InputError
from nav.reconstruction.reading.assembly import GridFacts, assemble
from nav.reconstruction.reading.bit_layout import corrected_layout
from nav.reconstruction.reading.choice import choose
from nav.reconstruction.reading.dicom_folder import FolderContents, read_folder
from nav.reconstruction.reading.headers import SliceHeader
from nav.reconstruction.reading.hounsfield import check_values
from nav.reconstruction.reading.pixels import PixelFacts, decode_stack
from nav.reconstruction.reading.quiet_readers import quiet_libraries
from nav.reconstruction.reading.read_result import Finding, ReadResult, SeriesInfo
from nav.reconstruction.reading.regular import AIR, refuse_huge
from nav.reconstruction.reading.rescale import refuse_contradicting_scales, with_common_scale
from nav.reconstruction.reading.slice_order import order_findings
from nav.reconstruction.reading.stacks import Stack, build_stacks

Progress = Callable[[str, float], None]

TILT_DIFFERS = math.radians(1.0)  # between header and slices
VISIBLE = 0.02  # mm at the edge of the image
COARSE = 4.0  # HU per grey level


def list_series(source: Path, progress: Progress | None = None) -> tuple[SeriesInfo, ...]:
    """List the series in a folder of DICOM files, suitable or not.

    Parameters
    ----------
    source : Path
        Folder; its sub-folders are searched, too.
    progress : callable, optional
        Called with the name of the current task and the fraction that is done.

    Returns
    -------
    tuple of SeriesInfo
        By series number; a series with several volumes has one row for each.

    Raises
    ------
    InputError
        The folder cannot be read, or it holds no DICOM slices.
    """
    with quiet_libraries():
        contents = read_folder(Path(source), _advance(progress, "reading headers"))
        return tuple(stack.info for stack in build_stacks(contents.headers))


def read_dicom(source: Path, series: str | None, progress: Progress | None) -> ReadResult:
    """Read one CT series of a folder, or a multi-frame file; see `read_volume`.

    Parameters
    ----------
    source : Path
        Folder of DICOM files, or one file.
    series : str or None
        Name of the series in the table of `list_series`; None reads the best one.
    progress : callable or None
        Called with the name of the current task and the fraction that is done.

    Returns
    -------
    ReadResult
        The volume in HU and the findings.

    Raises
    ------
    InputError
        No suitable CT series, damaged files, or values that are not Hounsfield units.
    """
    contents = read_folder(source, _advance(progress, "reading headers"))
    stacks = build_stacks(contents.headers)
    if source.is_file() and len(contents.headers) == 1 and stacks[0].problem == "single_slice":
        raise InputError(f"{source}: is a single slice; give the folder with its series")
    stack, chosen = choose(stacks, source, series)
    what = f"{source}: series {stack.name}"
    first = stack.slices[0]
    refuse_huge(len(stack.slices) * first.rows * first.columns, what, 2)
    slices, scaling = with_common_scale(stack.slices, what)
    values, pixels = _decode(slices, _advance(progress, "decoding slices"))
    refuse_contradicting_scales(values, stack.slices, what)
    check = check_values(values, known_ct=True)
    findings = [f for f in (chosen,) if f is not None]
    findings += _folder_findings(contents) + _stack_findings(stack)
    findings += scaling + _pixel_findings(slices, pixels)
    if check.verdict == "inverted":
        raise InputError(
            f"{what}: values from {check.low} to {check.high} are inverted, air is brightest: not "
            "Hounsfield units; export the original CT slices"
        )
    if check.verdict in ("picture", "labels"):
        raise InputError(
            f"{what}: values lie from {check.low} to {check.high}: an "
            "image of few grey levels, not Hounsfield units; export the original CT slices"
        )
    if check.verdict == "shifted":
        np.clip(values, -32768 + max(check.offset, 0), 32767 + min(check.offset, 0), out=values)
        values -= np.int16(check.offset)
        findings.append(Finding("shifted_values", {"offset": check.offset}))
    elif check.verdict == "unclear":
        findings.append(Finding("unclear_values", {"low": check.low, "high": check.high}))
    elif not check.has_tissue:
        findings.append(Finding("no_soft_tissue"))
    np.maximum(values, AIR, out=values)  # nothing is less dense: lower values are padding
    if stack.placement is None:
        raise AssertionError("a stack without problem has a placement")
    assembled = assemble(
        values, stack.placement, what,
        [s.thickness for s in stack.slices], _advance(progress, "resampling"),
    )  # fmt: skip
    findings += assembled.findings + _tilt_findings(stack, assembled.facts)
    findings += order_findings(stack.slices, stack.placement.heights)
    return ReadResult(assembled.volume, tuple(findings), "dicom", stack.info, assembled.unmeasured)


def _advance(progress: Progress | None, what: str) -> Callable[[float], None]:
    def advance(share: float) -> None:
        if progress is not None:
            progress(what, share)

    return advance


def _folder_findings(contents: FolderContents) -> list[Finding]:
    found = []
    if contents.others or contents.without_pictures:
        facts = {"others": contents.others, "without_pictures": contents.without_pictures}
        found.append(Finding("other_files", facts))
    if contents.damaged:
        path, why = contents.damaged[0]
        named = {"count": len(contents.damaged), "first": path.name, "why": why}
        found.append(Finding("damaged_files", named))
    return found


def _stack_findings(stack: Stack) -> list[Finding]:
    found = []
    first = stack.slices[0]
    if stack.volumes > 1:
        found.append(Finding("several_volumes", {"count": stack.volumes, "name": stack.name}))
    if stack.localisers:
        found.append(Finding("localisers_left_out", {"count": stack.localisers}))
    if stack.others:
        found.append(Finding("other_slices", {"count": stack.others}))
    if stack.identical:
        found.append(Finding("identical_duplicates", {"count": stack.identical}))
    if stack.different:
        found.append(Finding("different_duplicates", {"count": stack.different}))
    if first.spacing is not None:
        reach = 0.5 * max(first.rows * first.spacing[0], first.columns * first.spacing[1])
        if stack.orientation_spread * reach > VISIBLE:
            degrees = math.degrees(stack.orientation_spread)
            found.append(Finding("orientation_varies", {"degrees": degrees}))
    return found


def _decode(
    slices: Sequence[SliceHeader], advance: Callable[[float], None]
) -> tuple[NDArray[np.int16], PixelFacts]:
    """Decode slices, by another layout of their bits where the declared one is impossible."""
    values, pixels = decode_stack(slices, advance)
    corrected = corrected_layout(
        slices, values, lambda part: decode_stack(part, lambda share: None)[0]
    )
    if corrected is None:
        return values, pixels
    del values
    values, pixels = decode_stack(corrected, advance)
    return values, replace(pixels, reinterpreted=0, relaid=len(corrected))


def _pixel_findings(slices: Sequence[SliceHeader], pixels: PixelFacts) -> list[Finding]:
    found = []
    lossy = [s for s in slices if s.lossy]
    if lossy:
        facts = {"count": len(lossy), "of": len(slices), "how": lossy[0].lossy}
        found.append(Finding("lossy", facts))
    slope = max(abs(s.slope) for s in slices)
    if slope >= COARSE:
        found.append(Finding("coarse_values", {"step": slope}))
    if any(s.photometric == "MONOCHROME1" for s in slices):
        found.append(Finding("inverted_grey"))
    if pixels.relaid:
        found.append(Finding("layout_corrected", {"count": pixels.relaid}))
    if pixels.reinterpreted:
        found.append(Finding("bits_reinterpreted", {"count": pixels.reinterpreted}))
    if pixels.clipped:
        found.append(Finding("clipped_values", {"count": pixels.clipped}))
    return found


def _tilt_findings(stack: Stack, facts: GridFacts) -> list[Finding]:
    """Report a gantry tilt in the header that the slices' positions contradict."""
    stated = math.radians(abs(stack.slices[0].tilt or 0.0))
    if stated > TILT_DIFFERS and abs(stated - facts.tilt) > TILT_DIFFERS:
        degrees = {"stated": math.degrees(stated), "found": math.degrees(facts.tilt)}
        return [Finding("tilt_contradicts", degrees)]
    return []
