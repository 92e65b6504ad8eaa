"""Readers of scans, label maps, cases of scans and of other programs, and of plans."""

import contextlib
from pathlib import Path

import numpy as np

from nav.core.errors import InputError
from nav.core.filekinds import file_kind
from nav.core.output_checks import refuse_replacing
from nav.core.tracked_frame import Tip
from nav.exchange.imported_shapes import load_model
from nav.exchange.slicer_scene import opened_scene
from nav.guidance.proximity import proximity
from nav.model.case import load_case
from nav.planning.errorfile import load_errors
from nav.planning.plan_files import check_output
from nav.reconstruction.labelmap import LabelMap, read_labels
from nav.reconstruction.reading import list_series, read_volume
from nav.registration.markupsline import read_line
from nav.registration.registration_result import load_registration_file
from nav.registration.reuse import check_use
from nav.view.case.loading import load_viewed_case
from phantoms.store import _read
from tests.fuzz.exchanged import ENDINGS, SHAPES
from tests.fuzz.scans import NAMES, SYNTAXES
from tests.fuzz.work import Reader, command, each

TIP = Tip(np.array([1.0, 2.0, 3.0]), None, np.eye(3) * 0.01, np.eye(3) * 0.01)
MODELS = tuple(
    f"models/{name.replace(' ', '_')}.{ending}"
    for name, ending in zip(SHAPES, ENDINGS, strict=True)
)
NECK_MESHES = tuple(f"neck/meshes/{name.replace(' ', '_')}.ply" for name in SHAPES)
IMPORT = ("case", "import")
MADE = ("--output", "out/case", "--sigma", "0.5")
NIFTI = ("scans/ct.nii", "scans/two.nii", "scans/ct.nii.gz")
NRRD = ("scans/ct.nrrd", "scans/packed.nrrd", "scans/apart.nhdr")
METAIMAGE = ("scans/ct.mha", "scans/packed.mha", "scans/apart.mhd")
NAMED = ("labels/named.nii", "labels/named.nii.gz")
SEGMENTS = ("labels/named.seg.nrrd", "labels/layers.seg.nrrd", "labels/plain.nrrd")
SEGMENTATION = "exported/dicom/segmentation.dcm"
KINDS = (
    *("scans/ct.nii.gz", "scans/ct.mha", "labels/named.seg.nrrd", "kit.3mf", "neck/meshes/C1.ply"),
    *("exported/dicom/CT0001.dcm", "planned/summary.json", "planned/plan.toml"),
)


def _series(folder: Path) -> None:
    with contextlib.suppress(InputError):
        list_series(folder / "series")
    read_volume(folder / "series")


def _labels(path: Path) -> LabelMap:
    return read_labels(path, {1: "C1", 2: "C2", 3: "cord"} if path.name == "plain.nrrd" else None)


def _segmentation(folder: Path) -> None:
    each(_labels, SEGMENTATION, "exported/dicom")(folder)


def _viewed(folder: Path) -> None:
    viewed = load_viewed_case(folder / "neck")
    proximity(viewed.case, TIP)
    _ = viewed.box, viewed.focus, viewed.unsure_shares, viewed.lacking


def _scene(folder: Path) -> None:
    with opened_scene(folder / "scene" / "neck.mrml") as found:
        for model in found.models:
            with contextlib.suppress(InputError):
                load_model(model, None)


def _plan(folder: Path) -> None:
    load_case(folder / "planned" / "case.toml")
    check_output(folder / "neck" / "case.toml", folder / "planned")


def _kinds(folder: Path) -> None:
    for name in KINDS:
        with contextlib.suppress(InputError):
            refuse_replacing(folder / name, "volume")
        file_kind(folder / name)


def _reuse(folder: Path) -> None:
    path = folder / "registration.toml"
    registration, record = load_registration_file(path)
    tre = float(registration.predicted_tre(np.zeros((1, 3)))[0])
    reference = ("reference", folder / "reference.toml")
    check_use(path, record, tre, ("fuzzed", folder / "case.toml"), reference)


SCAN_READERS: dict[str, Reader] = {
    "nifti": Reader(NIFTI, each(read_volume, *NIFTI)),
    "nrrd": Reader((*NRRD, "scans/apart.raw"), each(read_volume, *NRRD)),
    "metaimage": Reader((*METAIMAGE, "scans/apart.zraw"), each(read_volume, *METAIMAGE)),
    "dicom": Reader(tuple(f"series/{k}.dcm" for k in range(len(SYNTAXES))), _series),
    "dicom, enhanced": Reader(
        ("enhanced.dcm", "enhanced-packed.dcm"),
        each(read_volume, "enhanced.dcm", "enhanced-packed.dcm"),
    ),
    "labels, nifti": Reader(NAMED, each(_labels, *NAMED)),
    "labels, nrrd": Reader(SEGMENTS, each(_labels, *SEGMENTS)),
    "labels, dicom": Reader((SEGMENTATION,), _segmentation),
    "labels, masks": Reader(
        tuple(f"masks/{name}.nii.gz" for name in NAMES.values()), each(read_labels, "masks")
    ),
    "imported models": Reader(
        (*MODELS, "models/fiducials.mrk.json", "models/plan_left.mrk.json"),
        command(*IMPORT, "models", *MADE),
    ),
    "imported labels": Reader(
        ("labels/named.seg.nrrd",), command(*IMPORT, "labels/named.seg.nrrd", "--output", "out/c")
    ),
    "scene": Reader(("scene/neck.mrml",), command(*IMPORT, "scene/neck.mrml", *MADE)),
    "scene, models": Reader((*MODELS, "scene/neck.mrml"), _scene),
    "scene, packed": Reader(("neck.mrb",), command(*IMPORT, "neck.mrb", "--output", "out/case")),
    "case of a scan": Reader(
        ("neck/case.toml", "neck/case.toml", "neck/volume.nii.gz", *NECK_MESHES), _viewed
    ),
    "case, exported": Reader(
        ("neck/case.toml", "neck/volume.nii.gz"),
        command("case", "export", "neck", "--output", "out/e", "--format", "seg.nrrd"),
    ),
    "plan, errors": Reader(("errors.toml",), each(load_errors, "errors.toml")),
    "plan, line": Reader(
        ("line.mrk.json",), each(lambda p: read_line(p, np.zeros(3)), "line.mrk.json")
    ),
    "plan, saved": Reader(
        ("planned/case.toml", "planned/plan.toml", "planned/summary.json"), _plan
    ),
    "registration, used again": Reader(("registration.toml",), _reuse),
    "kinds of files": Reader(KINDS, _kinds),
    "stored meshes": Reader(("stored.npz",), lambda folder: _read(folder / "stored.npz")),
}
