"""DICOM series of balls at known places, with whatever a scanner may do to a series."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import gdcm  # type: ignore[import-untyped]
import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRBigEndian, ExplicitVRLittleEndian, generate_uid
from scipy.spatial.transform import Rotation
from scipy.special import erfc

Array = NDArray[np.float64]

AIR, TISSUE, BONE = -1000.0, 45.0, 1000.0  # HU
BODY = 30.0  # mm, half of the edge of a cube of tissue
CT_CLASS = "1.2.840.10008.5.1.4.1.1.2"
ENHANCED_CT_CLASS = "1.2.840.10008.5.1.4.1.1.2.1"
SECRETS = ("GEHEIM^NAME", "PAT-4711", "19470811", "20260102", "1.2.826.0.1.3680043.8.498.9")


@dataclass(frozen=True)
class Scene:
    """Balls of bone in tissue in air. centres : (n, 3), LPS, mm. spread : of the blur, sd, mm."""

    centres: Array
    radius: float = 5.0
    spread: float = 0.6
    body: Array | None = None  # centre of the cube of tissue
    half: float = BODY  # of its edge, mm

    def hounsfield(self, points: Array) -> Array:
        """HU at points (..., 3)."""
        middle = self.centres.mean(axis=0) if self.body is None else self.body
        depth = np.abs(points - middle).max(axis=-1) - self.half
        values = AIR + (TISSUE - AIR) * _inside(depth, self.spread)
        for centre in self.centres:
            depth = np.linalg.norm(points - centre, axis=-1) - self.radius
            values += (BONE - TISSUE) * _inside(depth, self.spread)
        return values


def _inside(depth: Array, spread: float) -> Array:
    return np.asarray(0.5 * erfc(depth / (np.sqrt(2.0) * spread)))


@dataclass(frozen=True)
class Series:
    """Where slices lie. axes : (3, 3), columns along rows, down columns, normal. positions : (n, 3)
    of first pixels, LPS, mm. pixel : between columns, between rows, mm."""

    axes: Array
    positions: Array
    rows: int = 96
    columns: int = 100
    pixel: tuple[float, float] = (0.7, 0.8)
    thickness: float | None = 1.0

    def points(self, k: int) -> Array:
        """Centres (rows, columns, 3) of a slice's pixels, mm."""
        i, j = np.arange(self.columns) * self.pixel[0], np.arange(self.rows) * self.pixel[1]
        return np.asarray(
            self.positions[k]
            + i[None, :, None] * self.axes[:, 0]
            + j[:, None, None] * self.axes[:, 1]
        )


def make_series(
    heights: ArrayLike, tilt: float = 0.0, turned: Rotation | None = None, **fields: object
) -> Series:
    """A series around the origin.

    heights : (n,) of the slices along their normal. tilt : rad, of the gantry about the patient's
    left: slices lean, the table moves along z. turned : of the whole scan.
    """
    heights = np.asarray(heights, float)
    series = Series(np.eye(3), np.zeros((len(heights), 3)))
    series = replace(series, **fields)  # type: ignore[arg-type]
    lean = Rotation.from_rotvec([tilt, 0.0, 0.0]).as_matrix()
    middle = 0.5 * (heights[0] + heights[-1])
    half = 0.5 * np.array(
        [(series.columns - 1) * series.pixel[0], (series.rows - 1) * series.pixel[1], 0.0]
    )
    table = np.array([0.0, 0.0, 1.0]) / np.cos(tilt)  # per mm along the normal
    positions = (heights - middle)[:, None] * table - lean @ half
    whole = (turned or Rotation.identity()).as_matrix()
    return replace(series, axes=whole @ lean, positions=positions @ whole.T)


def scene_for(series: Series, seed: int = 0, balls: int = 4) -> Scene:
    """Balls well within a series."""
    random = np.random.default_rng(seed)
    points = [series.points(k) for k in (0, len(series.positions) - 1)]
    middle = 0.25 * sum(p[0, 0] + p[-1, -1] for p in points)
    reach = 0.5 * float(np.ptp(series.positions @ series.axes[:, 2])) - 8.0
    places: list[Array] = []
    while len(places) < balls:
        place = series.axes @ random.uniform((-18, -18, -reach), (18, 18, reach))
        if all(np.linalg.norm(place - other) > 15.0 for other in places):
            places.append(place)
    return Scene(middle + np.array(places), body=middle)


Change = Callable[[Dataset, int], None]


def write_series(
    folder: Path,
    series: Series,
    scene: Scene,
    *,
    number: int = 3,
    slope: float = 1.0,
    intercept: float = -1024.0,
    bits: int = 16,
    signed: bool = False,
    syntax: UID = ExplicitVRLittleEndian,
    seed: int = 0,
    first: int = 1,
    change: Change | None = None,
    series_uid: str | None = None,
) -> list[Path]:
    """Write one file a slice, in random order of names.

    bits : stored, of 16. change : what is done to each dataset before it is written, with the
    slice's number. first : instance number of the first slice.
    """
    folder.mkdir(parents=True, exist_ok=True)
    uid = series_uid or generate_uid(prefix=f"{SECRETS[4]}.")
    names = np.random.default_rng(seed).permutation(len(series.positions))
    paths = []
    for k in range(len(series.positions)):
        dataset = _dataset(series, k + first, number, uid)
        dataset.ImagePositionPatient = [f"{x:.9g}"[:16] for x in series.positions[k]]
        dataset.ImageOrientationPatient = [f"{x:.12f}"[:16] for x in series.axes[:, :2].T.ravel()]
        dataset.PixelSpacing = [series.pixel[1], series.pixel[0]]
        if series.thickness is not None:
            dataset.SliceThickness = series.thickness
        dataset.RescaleSlope, dataset.RescaleIntercept = slope, intercept
        stored = stored_values(scene.hounsfield(series.points(k)), slope, intercept, bits, signed)
        dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, bits, bits - 1
        dataset.PixelRepresentation = int(signed)
        set_pixels(dataset, stored)
        if change is not None:
            change(dataset, k)
        paths.append(folder / f"IM{names[k]:04d}_{number}_{first}")
        save(dataset, paths[-1], syntax)
    return paths


def stored_values(
    hounsfield: Array, slope: float, intercept: float, bits: int, signed: bool
) -> NDArray[np.int32]:
    """Values as a scanner stores them."""
    low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
    return np.clip(np.rint((hounsfield - intercept) / slope), low, high).astype(np.int32)


def set_pixels(dataset: Dataset, stored: NDArray[np.int32]) -> None:
    """Put values into a dataset as 16 bits."""
    dataset.Rows, dataset.Columns = stored.shape[-2:]
    dataset.PixelData = (stored & 0xFFFF).astype("<u2").tobytes()
    dataset["PixelData"].VR = "OW"


def _dataset(series: Series, instance: int, number: int, series_uid: str) -> Dataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = UID(CT_CLASS)
    meta.MediaStorageSOPInstanceUID = generate_uid()
    dataset = Dataset()
    dataset.file_meta, dataset.preamble = meta, b"\0" * 128
    dataset.SOPClassUID, dataset.SOPInstanceUID = CT_CLASS, meta.MediaStorageSOPInstanceUID
    dataset.SeriesInstanceUID = series_uid
    dataset.PatientName, dataset.PatientID, dataset.PatientBirthDate = SECRETS[:3]
    dataset.StudyDate = dataset.SeriesDate = dataset.AcquisitionDate = SECRETS[3]
    dataset.SeriesDescription = f"neck {SECRETS[0]}"
    dataset.Modality, dataset.ImageType = "CT", ["ORIGINAL", "PRIMARY", "AXIAL"]
    dataset.SeriesNumber, dataset.InstanceNumber = number, instance
    dataset.KVP, dataset.ConvolutionKernel = 120, "B30f"
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    return dataset


def save(dataset: Dataset, path: Path, syntax: UID = ExplicitVRLittleEndian) -> None:
    """Write a dataset in any lossless syntax."""
    compressed = syntax.is_encapsulated
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian if compressed else syntax
    if syntax == ExplicitVRBigEndian:
        dataset.PixelData = np.frombuffer(dataset.PixelData, "<u2").astype(">u2").tobytes()
    dataset.save_as(
        path,
        implicit_vr=syntax.is_implicit_VR if not compressed else False,
        little_endian=syntax.is_little_endian,
    )
    if compressed:
        transcode(path, syntax)


def transcode(path: Path, syntax: UID) -> None:
    """Compress a file in place with GDCM."""
    reader = gdcm.ImageReader()
    reader.SetFileName(str(path))
    assert reader.Read(), path
    changed = gdcm.ImageChangeTransferSyntax()
    changed.SetTransferSyntax(gdcm.TransferSyntax(gdcm.TransferSyntax.GetTSType(str(syntax))))
    changed.SetInput(reader.GetImage())
    assert changed.Change(), syntax
    writer = gdcm.ImageWriter()
    writer.SetFile(reader.GetFile())
    writer.SetImage(changed.GetOutput())
    writer.SetFileName(str(path))
    assert writer.Write(), path


def write_enhanced(path: Path, series: Series, scene: Scene, order: Sequence[int]) -> None:
    """Write one enhanced multi-frame file, its frames in the order given."""
    dataset = _dataset(series, 1, 3, generate_uid())
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = UID(ENHANCED_CT_CLASS)
    dataset.NumberOfFrames = len(order)
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 16, 15
    dataset.PixelRepresentation = 0
    del dataset.ConvolutionKernel, dataset.KVP
    shared, frames, stored = Dataset(), [], []
    shared.PlaneOrientationSequence = [_of(ImageOrientationPatient=[
        f"{x:.12f}"[:16] for x in series.axes[:, :2].T.ravel()
    ])]  # fmt: skip
    shared.PixelMeasuresSequence = [
        _of(PixelSpacing=[series.pixel[1], series.pixel[0]], SliceThickness=series.thickness)
    ]
    dataset.SharedFunctionalGroupsSequence = [shared]
    for n, k in enumerate(order):
        frame = Dataset()
        frame.PlanePositionSequence = [
            _of(ImagePositionPatient=[f"{x:.9g}"[:16] for x in series.positions[k]])
        ]
        intercept = -1024.0 if n % 2 else -1000.0  # each frame its own
        frame.PixelValueTransformationSequence = [
            _of(RescaleSlope=1.0, RescaleIntercept=intercept, RescaleType="HU")
        ]
        frames.append(frame)
        stored.append(stored_values(scene.hounsfield(series.points(k)), 1.0, intercept, 16, False))
    dataset.PerFrameFunctionalGroupsSequence = frames
    set_pixels(dataset, np.array(stored))
    save(dataset, path)


def _of(**elements: object) -> Dataset:
    dataset = Dataset()
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    return dataset
