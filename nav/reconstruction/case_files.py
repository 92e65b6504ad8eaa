"""A reconstruction as a case folder: case.toml, meshes with sigma, the cropped scan, an image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import tomli_w
from numpy.typing import NDArray

from nav.core.errors import InputError
from nav.core.files import plain_values, provenance
from nav.core.outputs import written_together
from nav.model.case import CASE_FORMAT, DEFAULT_LIMITS, ROLE_ORDER
from nav.model.mesh_bytes import binary_ply
from nav.reconstruction.chain import Chain
from nav.reconstruction.corrections_file import corrections_table, write_labels
from nav.reconstruction.guidance import GuideLabel
from nav.reconstruction.open_ends import open_ends
from nav.reconstruction.prior import load_prior
from nav.reconstruction.reading import ReadResult, describe
from nav.reconstruction.reading.nifti import read_nifti
from nav.reconstruction.reading.quiet_readers import without_output
from nav.reconstruction.reconstruction_pictures import draw_overview
from nav.reconstruction.reconstruction_result import (
    Learnt,
    ReconstructedSurface,
    Reconstruction,
    Remark,
)
from nav.reconstruction.reconstruction_text import sentence
from nav.reconstruction.surfaces import CAP_SIGMA, without_face
from nav.reconstruction.volume import Volume

CASE, VOLUME, PICTURE = "case.toml", "volume.nii.gz", "overview.png"
CORRECTIONS, LABELS = "corrections.toml", "labels.seg.nrrd"
LEAST_SIGMA, SIGMA_DIGITS = 0.02, 3  # mm
VOLUME_NOTE = "c1c2nav cropped scan, HU"


def write_case(
    found: Reconstruction, folder: Path, name: str, inputs: Sequence[tuple[str, str]] = ()
) -> Path:
    """Write a case folder; all files appear together, or none.

    Parameters
    ----------
    found : Reconstruction
        To be written.
    folder : Path
        Of the case; created where it does not exist.
    name : str
        Of the case; names from the scan itself are not written.
    inputs : sequence of (str, str)
        Further inputs, by a neutral name, and their SHA-256.

    Returns
    -------
    Path
        Of case.toml.

    Raises
    ------
    InputError
        The folder cannot be written, or holds other files of these names.
    """
    surfaces = sorted(found.surfaces, key=lambda s: ROLE_ORDER.index(s.role))
    names = [mesh_file(s.name) for s in surfaces]
    said = [CORRECTIONS] if found.guidance else []
    said += [LABELS] if found.guidance.labels else []
    files = [folder / n for n in (*names, *said, VOLUME, PICTURE, CASE)]
    with written_together(*files) as beside:
        for temporary, surface in zip(beside, surfaces, strict=False):
            temporary.write_bytes(ply_bytes(surface))
        for temporary, file in zip(beside[len(names) :], said, strict=False):
            if file == LABELS:
                write_labels(temporary, _shown_labels(found))
            else:
                temporary.write_text(_toml(corrections_table(found.guidance, LABELS)))
        write_volume(beside[-3], found.volume)
        draw_overview(found, beside[-2])
        table = case_table(found, name)
        if inputs:
            table["input"] = [{"file": file, "sha256": digest} for file, digest in inputs]
        beside[-1].write_text(_toml(table), encoding="utf-8")
    return folder / CASE


def _shown_labels(found: Reconstruction) -> list[GuideLabel]:
    """Return the labels as a case may hold them: without the skin of the face."""
    prior = load_prior()
    return [
        without_face(label, prior, found.chain) if label.role == "skin" else label
        for label in found.guidance.labels
    ]


def _toml(table: dict[str, Any]) -> str:
    return tomli_w.dumps(plain_values({**table, **provenance()}))


def case_table(found: Reconstruction, name: str) -> dict[str, Any]:
    """Return the contents of case.toml, except for its provenance.

    Parameters
    ----------
    found : Reconstruction
        To be written.
    name : str
        Of the case.

    Returns
    -------
    dict
        Tables of the file.
    """
    surfaces = sorted(found.surfaces, key=lambda s: ROLE_ORDER.index(s.role))
    structures = []
    for surface in surfaces:
        table: dict[str, Any] = {
            "name": surface.name,
            "role": surface.role,
            "mesh": mesh_file(surface.name),
            "sigma": usual_sigma(surface),
        }
        if surface.role in DEFAULT_LIMITS:
            table["caution"], table["danger"] = DEFAULT_LIMITS[surface.role]
        ends = open_ends(surface, surfaces)
        if ends:
            table["continues"] = [
                {
                    "point": np.round(end.point, 3).tolist(),
                    "direction": np.round(end.direction, 6).tolist(),
                    "radius": round(end.radius, 3),
                }
                for end in ends
            ]
        structures.append(table)
    return {
        "format": CASE_FORMAT,
        "name": name,
        "structure": structures,
        "fiducial": [
            {
                "label": m.label,
                "position": np.round(m.position, 3).tolist(),
                "use": m.use,
                "sigma": round(m.sigma, SIGMA_DIGITS),
            }
            for m in found.markers
        ],
        "reconstruction": {
            **origin_table(found.read, found.remarks, surfaces),
            "corrections": CORRECTIONS if found.guidance else None,
            "labels": LABELS if found.guidance.labels else None,
            "chain": chain_table(found.chain),
            "learnt": learnt_table(found.learnt),
        },
    }


def origin_table(
    read: ReadResult, remarks: Sequence[Remark], surfaces: Sequence[ReconstructedSurface]
) -> dict[str, Any]:
    """Return what a case holds about the scan that it was made from.

    Parameters
    ----------
    read : ReadResult
        The scan as read.
    remarks : sequence of Remark
        What is missing or uncertain.
    surfaces : sequence of ReconstructedSurface
        In the order of the case.

    Returns
    -------
    dict
        Of the table [reconstruction].
    """
    return {
        "source": read.kind,
        "volume": VOLUME,
        "spacing": [round(float(s), 4) for s in read.series.spacing],
        "findings": describe(read, with_files=False),
        "remarks": [sentence(remark) for remark in remarks],
        "made_from": {s.name: s.source for s in surfaces},
    }


def learnt_table(learnt: Learnt | None) -> dict[str, Any] | None:
    """Return what was learnt from a scan's grey values as a case holds it.

    Parameters
    ----------
    learnt : Learnt or None
        Of the scan.

    Returns
    -------
    dict or None
        Tables `levels` and `scan`; None for None.
    """
    if learnt is None:
        return None
    return {
        name: {key: float(value) for key, value in asdict(part).items()}
        for name, part in (("levels", learnt.levels), ("scan", learnt.scan))
    }


def chain_table(chain: Chain) -> dict[str, Any]:
    """Return the fitted bones as a case holds them.

    Parameters
    ----------
    chain : Chain
        As fitted.

    Returns
    -------
    dict
        Mode weights, and by bone rotation vector (rad) and translation (mm) of model_from_bone.
    """
    return {
        "weights": [float(w) for w in chain.weights],
        "pose": {
            name: {
                "rotation_vector": [float(v) for v in pose.rotation.as_rotvec()],
                "translation": [float(v) for v in pose.translation],
            }
            for name, pose in chain.poses.items()
        },
    }


def usual_sigma(surface: ReconstructedSurface) -> float:
    """Return the rms of a surface's sigma, except where the scan's border closes it.

    Parameters
    ----------
    surface : ReconstructedSurface
        With sigma at each vertex.

    Returns
    -------
    float
        mm, rounded, at least LEAST_SIGMA.
    """
    own = surface.sigma[surface.sigma < CAP_SIGMA]
    rms = float(np.sqrt((own**2).mean())) if len(own) else CAP_SIGMA
    return round(max(rms, LEAST_SIGMA), SIGMA_DIGITS)


def mesh_file(name: str) -> str:
    """Return the path of a structure's mesh, relative to the case.

    Parameters
    ----------
    name : str
        Of the structure.

    Returns
    -------
    str
        With forward slashes.
    """
    return f"meshes/{name.replace(' ', '_')}.ply"


def ply_bytes(surface: ReconstructedSurface) -> bytes:
    """Return a binary PLY with the property sigma at each vertex.

    Parameters
    ----------
    surface : ReconstructedSurface
        Model frame, mm.

    Returns
    -------
    bytes
        Of the file; lengths in mm.
    """
    sigma = np.maximum(surface.sigma, LEAST_SIGMA)
    return binary_ply(surface.vertices, surface.triangles, [("sigma", sigma)])


def write_volume(path: Path, volume: Volume) -> None:
    """Write a volume as compressed NIfTI.

    SimpleITK chooses the format by the end of the file name, so a temporary name is used.

    Parameters
    ----------
    path : Path
        Of the file, with any ending.
    volume : Volume
        HU.

    Raises
    ------
    InputError
        It cannot be written.
    """
    import SimpleITK as sitk

    values = _whole(volume.values)
    image = sitk.GetImageFromArray(values)
    steps = volume.model_from_voxel[:3, :3]
    image.SetSpacing(volume.spacing.tolist())
    image.SetDirection((steps / volume.spacing).ravel().tolist())
    image.SetOrigin(volume.origin.tolist())
    image.SetMetaData("ITK_FileNotes", VOLUME_NOTE)
    named = path.with_name(path.name + VOLUME[VOLUME.index(".") :])
    try:
        try:
            with without_output(2):
                sitk.WriteImage(image, str(named), useCompression=True)
            # on a full disk the library writes less without an error
            is_whole = np.array_equal(read_nifti(named, lambda share: None)[0], values)
        except (RuntimeError, InputError):
            is_whole = False
        if not is_whole:
            raise InputError(f"{path.parent}: {VOLUME} cannot be written; is the disk full?")
        named.replace(path)
    finally:
        named.unlink(missing_ok=True)


def _whole(values: NDArray[Any]) -> NDArray[np.int16]:
    return np.clip(np.rint(values), -1024, 32767).astype(np.int16)
