"""Correction of a case: steps run again on its own scan, compared, and written beside it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import tomli_w
from scipy.spatial.transform import RigidTransform

from nav.core.errors import InputError
from nav.core.files import load_toml, plain_values, provenance, read_toml
from nav.core.outputs import written_together
from nav.model.case import DEFAULT_LIMITS, PLANNED, CaseFile, ChainTable, ReconstructionTable
from nav.reconstruction.bone_labels import Levels
from nav.reconstruction.case_files import (
    LABELS,
    PICTURE,
    mesh_file,
    ply_bytes,
    usual_sigma,
)
from nav.reconstruction.chain import Chain
from nav.reconstruction.clock import Tell
from nav.reconstruction.comparison import Correction, compare
from nav.reconstruction.corrections_file import corrections_table, load_corrections, write_labels
from nav.reconstruction.guidance import NOTHING, ReconstructionGuidance
from nav.reconstruction.neck_location import neck_of
from nav.reconstruction.prior import BONES, load_prior
from nav.reconstruction.reading import ReadResult, SeriesInfo
from nav.reconstruction.reading.axes import to_model_axes
from nav.reconstruction.reading.nifti import read_nifti
from nav.reconstruction.reconstruction_pipeline import reconstruct
from nav.reconstruction.reconstruction_result import Reconstruction
from nav.reconstruction.scan_model import ScanModel
from nav.reconstruction.step_reuse import Key, Made, levels_key, location_key, scan_key
from nav.reconstruction.volume import Volume

KEPT_RUNS = 2  # whose results are reused


class CaseRerun:
    """Runs steps of a case's reconstruction again.

    The results of the case's own steps and of the last runs are kept for the next one.

    Parameters
    ----------
    path : Path
        Of case.toml.

    Raises
    ------
    InputError
        The case has no scan or no fitted bones, or what it names cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self.read, chain = _scan_of(path)
        self.guidance = case_guidance(path)
        neck = neck_of(self.read.volume, load_prior(), chain)
        self.made: Made = {
            location_key(self.guidance): neck,
            **_learnt_of(path, self.guidance),
        }
        self.before: Reconstruction | None = None
        self._last: tuple[Made, ...] = ()  # results of the last runs, the newest last

    def prepare(self, tell: Tell | None = None) -> Reconstruction:
        """Run all steps as the case has them, to compare corrections with.

        Parameters
        ----------
        tell : callable, optional
            Called with the name of the step and the fraction of it that is done.

        Returns
        -------
        Reconstruction
            Without corrections other than the case's own.
        """
        if self.before is None:
            self.before = reconstruct(self.read, tell, self.guidance, self.made)
            self.made = self.before.made
        return self.before

    def run(self, guidance: ReconstructionGuidance, tell: Tell | None = None) -> Correction:
        """Run the steps that a guidance changes, and those that depend on them.

        Parameters
        ----------
        guidance : ReconstructionGuidance
            The whole guidance, not only what is new.
        tell : callable, optional
            Called with the name of the step and the fraction of it that is done.

        Returns
        -------
        Correction
            What has changed.

        Raises
        ------
        InputError
            The scan does not show what the guidance says.
        """
        before = self.prepare(tell)
        labels = guidance.labels or ()
        same = replace(guidance, labels=_same_objects(labels, self.guidance))
        known: dict[Key, Any] = {}
        for made in (*self._last, self.made):
            known.update(made)
        after = reconstruct(self.read, tell, same, known)
        self._last = (*self._last, after.made)[-KEPT_RUNS:]
        return compare(before, after)


def case_guidance(path: Path) -> ReconstructionGuidance:
    """Return the guidance with which a case was made.

    Parameters
    ----------
    path : Path
        Of case.toml.

    Returns
    -------
    ReconstructionGuidance
        NOTHING where the case names no corrections.

    Raises
    ------
    InputError
        The file that the case names cannot be read.
    """
    table = load_toml(path, CaseFile).reconstruction
    if table is None or table.corrections is None:
        return NOTHING
    return load_corrections(path.parent / table.corrections)


def save_correction(path: Path, correction: Correction) -> Path:
    """Write a correction into a case's folder: new meshes under new names, a new case.toml.

    The earlier case.toml is kept under a number, and all that it names is left unchanged.

    Parameters
    ----------
    path : Path
        Of case.toml.
    correction : Correction
        To be written.

    Returns
    -------
    Path
        Of the new corrections file.

    Raises
    ------
    InputError
        The folder cannot be written.
    """
    folder, table = path.parent, read_toml(path)
    names = [_mesh_name(folder, surface.name) for surface in correction.surfaces]
    said = _free(folder, "corrections", ".toml")
    labels = table.get("reconstruction", {}).get("labels")
    writes: list[tuple[Path, Callable[[Path], object]]] = [
        (folder / name, _bytes_writer(ply_bytes(surface)))
        for name, surface in zip(names, correction.surfaces, strict=True)
    ]
    if correction.guidance.labels and labels is None:
        labels = LABELS
        writes.append((folder / LABELS, lambda p: write_labels(p, correction.guidance.labels)))
    corrections = {**corrections_table(correction.guidance, labels), **provenance()}
    writes.append((folder / said, _text_writer(corrections)))
    writes.append((folder / PICTURE, _bytes_writer(correction.overview)))
    changed = _case_table(table, correction, dict(zip(correction.made_from, names, strict=True)))
    changed["reconstruction"]["corrections"] = said
    changed["reconstruction"]["labels"] = labels
    writes.append((path, _text_writer({**changed, **provenance()})))
    with written_together(*(target for target, _ in writes)) as beside:
        for temporary, (_, write) in zip(beside, writes, strict=True):
            write(temporary)
    return folder / said


def _case_table(
    table: dict[str, Any], correction: Correction, meshes: Mapping[str, str]
) -> dict[str, Any]:
    structures = [s for s in table["structure"] if s["name"] not in correction.removed]
    known = {s["name"]: s for s in structures}
    for surface in correction.surfaces:
        entry = known.get(surface.name)
        if entry is None:
            entry = {"name": surface.name, "role": surface.role}
            if surface.role in DEFAULT_LIMITS:
                entry["caution"], entry["danger"] = DEFAULT_LIMITS[surface.role]
            structures.append(entry)
        entry["mesh"], entry["sigma"] = meshes[surface.name], usual_sigma(surface)
    made = dict(table["reconstruction"])
    anew = (*correction.made_from, *correction.removed)
    old = [
        line
        for line in made.get("remarks", [])
        if line not in correction.remarks_before and not _is_about(line, anew)
    ]
    planned = [PLANNED] if table.get("plan") and PLANNED not in old else []
    made["remarks"] = [*correction.remarks, *(r for r in old if r not in correction.remarks)]
    made["remarks"] += planned
    made["made_from"] = {
        name: source
        for name, source in {**made.get("made_from", {}), **correction.made_from}.items()
        if name not in correction.removed
    }
    made["chain"], made["learnt"] = dict(correction.chain), correction.learnt
    return {**table, "structure": structures, "reconstruction": made}


def _is_about(line: str, names: Sequence[str]) -> bool:
    """Return whether a remark is about one of these structures, which the new remarks are about.

    The figures of a remark may differ by a digit on the scan that was cropped, so that the same
    earlier remark is not found by its text.
    """
    about, colon, _ = line.partition(":")
    return bool(colon) and any(
        re.search(rf"(?<!\w){re.escape(name)}(?!\w)", about) for name in names
    )


def _mesh_name(folder: Path, name: str) -> str:
    stem = mesh_file(name).removesuffix(".ply")
    return _free(folder, f"{stem}-corrected", ".ply", always=True)


def _free(folder: Path, stem: str, ending: str, always: bool = False) -> str:
    """Return the first file name that is free: STEM, STEM-1 and so on."""
    if not always and not (folder / f"{stem}{ending}").exists():
        return f"{stem}{ending}"
    return next(
        f"{stem}-{n}{ending}" for n in count(1) if not (folder / f"{stem}-{n}{ending}").exists()
    )


def _bytes_writer(data: bytes) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(data)


def _text_writer(table: Mapping[str, Any]) -> Callable[[Path], object]:
    text = tomli_w.dumps(plain_values(table))
    return lambda path: path.write_text(text, encoding="utf-8")


def _same_objects(labels: tuple[Any, ...], own: ReconstructionGuidance) -> tuple[Any, ...]:
    """Return labels as the objects that were used before, so that results of steps are reused."""
    return tuple(own.label(label.name) or label for label in labels)


def why_not_correctable(table: ReconstructionTable | None) -> str:
    """Return why a case's steps cannot be run again.

    A printed phantom's case is not a reconstruction of a patient: its surfaces are the kit's, and
    the steps for patients would replace them by what looks like bone in its scan.

    Parameters
    ----------
    table : ReconstructionTable or None
        Of case.toml.

    Returns
    -------
    str
        Part of a sentence; empty where the steps can be run again.
    """
    if table is None or table.volume is None:
        return "has no scan, so that no step can be run again"
    if table.chain is None:
        return (
            "has no bones fitted to its scan ([reconstruction.chain]), so that no step can be run "
            "again; a printed phantom's case is not corrected by hand, and a patient's scan is "
            "to be reconstructed again"
        )
    return ""


def _scan_of(path: Path) -> tuple[ReadResult, Chain]:
    table = load_toml(path, CaseFile).reconstruction
    problem = why_not_correctable(table)
    if table is None or table.volume is None or table.chain is None:
        raise InputError(f"{path}: {problem}")
    file = path.parent / table.volume
    if not file.is_file():
        raise InputError(f"{file}: not found, so that no step can be run again")
    values, model_from_voxel, _ = read_nifti(file, lambda share: None)
    volume = to_model_axes(values, model_from_voxel)[0]
    return as_read(volume), _chain_of(path, table.chain)


def as_read(volume: Volume) -> ReadResult:
    """Return a volume as the result of reading it.

    Parameters
    ----------
    volume : Volume
        HU.

    Returns
    -------
    ReadResult
        Without findings.
    """
    nz, ny, nx = volume.values.shape
    x, y, z = volume.spacing.tolist()
    return ReadResult(volume, (), "nifti", SeriesInfo("1", "CT", nz, (nx, ny), (x, y, z), nz * z))


def _learnt_of(path: Path, guidance: ReconstructionGuidance) -> dict[Key, Any]:
    """Return what a case holds about its scan's grey values; the rest is learnt again."""
    table = load_toml(path, CaseFile).reconstruction
    found: dict[Key, Any] = {}
    for name, kind, key in (
        ("levels", Levels, levels_key(guidance)),
        ("scan", ScanModel, scan_key(guidance)),
    ):
        values = table.learnt.get(name, {}) if table is not None else {}
        if set(values) == {field.name for field in fields(kind)}:
            found[key] = kind(**values)
    return found


def _chain_of(path: Path, table: ChainTable) -> Chain:
    prior = load_prior()
    if set(table.pose) != set(BONES) or len(table.weights) != prior.count:
        raise InputError(
            f"{path}: reconstruction: chain: expected poses of {', '.join(BONES)} and "
            f"{prior.count} weights; reconstruct the scan again"
        )
    poses: dict[str, RigidTransform] = {name: entry.rigid() for name, entry in table.pose.items()}
    return Chain({name: poses[name] for name in BONES}, np.array(table.weights, float))
