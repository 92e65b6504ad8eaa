"""Label maps of other programs: named masks with their place in the model frame."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nav.core.errors import InputError
from nav.reconstruction.labelnumbers import NUMBERINGS, Numbering
from nav.reconstruction.reading.nifti import read_nifti
from nav.reconstruction.reading.placement import refuse_absurd
from nav.reconstruction.reading.quiet_readers import quiet_libraries
from nav.reconstruction.reading.read import find_kind
from nav.reconstruction.volume import Array

Mask = NDArray[np.bool_]
MARGIN = 2  # empty voxels round a mask
MOST_LABELS = 500
EXTENSION_BYTES = 1 << 20  # of a NIfTI header with its extensions
LABEL_START, LABEL_END = re.compile(rb"<Label[ \t\r\n]"), b"</Label>"
KEY, NAME = re.compile(rb'Key="(\d{1,9})"'), re.compile(rb"<!\[CDATA\[(.*?)\]\]>", re.S)
LONGEST_LABEL, MOST_NAMED = 1024, 5000  # bytes; labels of a table
SUFFIXES = (".nii", ".nii.gz", ".nrrd")


@dataclass(frozen=True, eq=False)
class LabelMask:
    """One structure of a label map.

    Parameters
    ----------
    name : str
        In the label map.
    values : ndarray of bool, shape (nz, ny, nx)
        Cropped to the structure, with a margin.
    model_from_voxel : ndarray, shape (4, 4)
        Maps indices (x, y, z, 1) of voxel centres to the model frame (LPS), mm. May be rotated,
        mirrored or sheared.
    touches_border : bool
        Whether it reaches the border of its label map, where it may have been cut.
    """

    name: str
    values: Mask
    model_from_voxel: Array
    touches_border: bool = False

    @property
    def spacing(self) -> Array:
        """Return the steps along x, y and z, shape (3,), mm."""
        return np.asarray(np.linalg.norm(self.model_from_voxel[:3, :3], axis=0), float)

    @property
    def volume(self) -> float:
        """Return the volume of its voxels, mm^3."""
        voxel = abs(float(np.linalg.det(self.model_from_voxel[:3, :3])))
        return float(np.count_nonzero(self.values)) * voxel

    def centres(self) -> Array:
        """Return the centres of its voxels, shape (n, 3), model frame, mm."""
        index = np.argwhere(self.values)[:, ::-1].astype(float)
        return np.asarray(
            index @ self.model_from_voxel[:3, :3].T + self.model_from_voxel[:3, 3], float
        )


@dataclass(frozen=True)
class LabelMap:
    """Masks of a label map.

    Parameters
    ----------
    masks : mapping of str to LabelMask
        By name.
    kind : str
        Format of the file, for people.
    skipped : tuple of str
        Names that were not wanted.
    empty : tuple of str
        Names without a voxel.
    """

    masks: Mapping[str, LabelMask]
    kind: str
    skipped: tuple[str, ...] = ()
    empty: tuple[str, ...] = ()


def read_labels(
    path: Path,
    numbering: Numbering | None = None,
    wanted: Callable[[str], bool] = lambda _: True,
) -> LabelMap:
    """Read a label map: `.seg.nrrd`, NIfTI, DICOM SEG, or a folder of masks.

    Parameters
    ----------
    path : Path
        A file, or a folder: of DICOM with one SEG in it, or of one mask per structure (NIfTI or
        NRRD), named after it, as TotalSegmentator writes.
    numbering : mapping or str, optional
        Names by number, or "verse", "totalsegmentator": for files that do not name labels. Of its
        names, only those whose numbers occur are taken.
    wanted : callable, optional
        Whether a mask of this name is to be read; for a folder of many.

    Returns
    -------
    LabelMap
        Masks that are wanted and not empty.

    Raises
    ------
    InputError
        It is not a label map, is damaged, or does not say what its numbers mean.
    """
    path = Path(path)
    skipped: dict[str, None] = {}

    def chosen(name: str) -> bool:
        if not wanted(name):
            skipped[name] = None
            return False
        return True

    found, kind = _read(path, numbering, chosen)
    for mask in found.values():
        refuse_absurd(str(path), mask.spacing, mask.model_from_voxel[:3, 3])
    masks = {name: mask for name, mask in found.items() if mask.values.any()}
    if found and not masks:
        raise InputError(f"{path}: all labels of structures of the neck are empty")
    empty = tuple(name for name in found if name not in masks)
    return LabelMap(masks, kind, tuple(skipped), empty)


def _read(
    path: Path, numbering: Numbering | None, wanted: Callable[[str], bool]
) -> tuple[dict[str, LabelMask], str]:
    if path.is_dir():
        files = sorted(f for f in path.iterdir() if f.name.lower().endswith(SUFFIXES))
        if files:
            return _read_folder(files, wanted)
    kind = find_kind(path)
    with quiet_libraries():
        if kind == "dicom":
            from nav.reconstruction.labelmap_dicom import read_dicom_seg

            return _all(read_dicom_seg(path), wanted, path), "DICOM SEG"
        if kind == "nrrd":
            from nav.reconstruction.labelmap_nrrd import read_seg_nrrd

            values, matrix, names = read_seg_nrrd(path)
            if names is None:
                return _by_number(path, values[..., 0], matrix, numbering, wanted), "NRRD"
            found = (
                cut_mask(s.name, values[..., s.layer] == s.value, matrix)
                for s in names
                if wanted(s.name)
            )
            return _all(found, wanted, path), ".seg.nrrd"
        if kind == "nifti":
            counts, matrix, _ = read_nifti(path, lambda _: None)
            own = numbering if numbering is not None else names_in_nifti(path)
            return _by_number(path, counts, matrix, own, wanted), "NIfTI"
    raise InputError(f"{path}: is not a label map; expected .seg.nrrd, NIfTI or DICOM SEG")


def cut_mask(name: str, values: Mask, matrix: Array) -> LabelMask:
    """Return a mask cropped to the structure, with a margin.

    Parameters
    ----------
    name : str
        Of the structure.
    values : ndarray of bool, shape (nz, ny, nx)
        On the whole grid.
    matrix : ndarray, shape (4, 4)
        model_from_voxel of that grid, mm.

    Returns
    -------
    LabelMask
        With the matrix of the cropped grid.
    """
    first, last = [], []
    for axis in range(3):
        others = tuple(k for k in range(3) if k != axis)
        filled = np.flatnonzero(values.any(axis=others))
        first.append(int(filled[0]) if len(filled) else 0)
        last.append(int(filled[-1]) + 1 if len(filled) else 0)
    inner = values[tuple(slice(a, b) for a, b in zip(first, last, strict=True))]
    border = bool(len(inner)) and any(
        a == 0 or b == n for a, b, n in zip(first, last, values.shape, strict=True)
    )
    moved = matrix.copy()
    moved[:3, 3] += matrix[:3, :3] @ (np.array(first[::-1], float) - MARGIN)
    return LabelMask(name, np.pad(inner, MARGIN), moved, border)


def names_in_nifti(path: Path) -> dict[int, str] | None:
    """Return the names of labels in a NIfTI's header extension, as TotalSegmentator writes them.

    Parameters
    ----------
    path : Path
        Of the file, compressed or not.

    Returns
    -------
    dict of int to str, or None
        Names by number; None where the header has none.
    """
    with path.open("rb") as raw:
        packed = raw.read(2) == b"\x1f\x8b"
        raw.seek(0)
        head = raw.read(EXTENSION_BYTES)
    if packed:
        try:
            head = zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(head, EXTENSION_BYTES)
        except zlib.error:
            return None
    start = head.find(b"<LabelTable>")
    if start < 0:
        return None
    table = head[start : head.find(b"</LabelTable>", start)]
    found = dict(_labels_of(table))
    return {k: name for k, name in found.items() if k > 0 and name} or None


def _labels_of(table: bytes) -> Iterator[tuple[int, str]]:
    """Yield numbers and names of a table of labels."""
    for start in islice(LABEL_START.finditer(table), MOST_NAMED):
        label = table[start.end() : start.end() + LONGEST_LABEL].partition(LABEL_END)[0]
        head, closed, content = label.partition(b">")
        key, packed = KEY.search(head), NAME.search(content)
        if key and closed:
            name = packed[1] if packed else content.partition(b"<")[0]
            yield int(key[1]), name.decode("utf-8", "replace").strip()


def _by_number(
    path: Path,
    values: NDArray[Any],
    matrix: Array,
    numbering: Numbering | None,
    wanted: Callable[[str], bool],
) -> dict[str, LabelMask]:
    """Return the masks of a map of numbers."""
    numbers = [int(n) for n in np.unique(values) if n != 0]
    if not numbers:
        raise InputError(f"{path}: is empty: all its labels are 0")
    if len(numbers) > MOST_LABELS or numbers[0] < 0:
        raise InputError(
            f"{path}: has {len(numbers)} different values from {numbers[0]} to {numbers[-1]}: "
            "this is a scan, expected a label map"
        )
    names = NUMBERINGS[numbering] if isinstance(numbering, str) else numbering
    if names is None and len(numbers) == 1:
        names = {numbers[0]: mask_name(path)}
    if names is None:
        shown = ", ".join(map(str, numbers[:8])) + (", ..." if len(numbers) > 8 else "")
        raise InputError(
            f"{path}: does not say what its labels {shown} are; add --labels verse, "
            f'--labels totalsegmentator, or each: --labels "{numbers[0]}=C1"'
        )
    given = {n: names[n] for n in numbers if n in names}
    if not given:
        raise InputError(
            f"{path}: has the labels {', '.join(map(str, numbers[:8]))}, none of those named by "
            "--labels"
        )
    found = (
        cut_mask(name, values == number, matrix) for number, name in given.items() if wanted(name)
    )
    return _all(found, wanted, path, list(given.values()))


def _all(
    found: Iterable[LabelMask],
    wanted: Callable[[str], bool],
    path: Path,
    names: list[str] | None = None,
) -> dict[str, LabelMask]:
    """Return masks by name: those that are wanted."""
    masks: dict[str, LabelMask] = {}
    for mask in found:
        if not wanted(mask.name):
            continue
        name, number = mask.name, 2
        while name in masks:
            name, number = f"{mask.name} ({number})", number + 1
        masks[name] = mask
    if not masks:
        listed = f": {', '.join(names[:6])}" if names else ""
        raise InputError(f"{path}: has no label of a structure of the neck{listed}")
    return masks


def mask_name(path: Path) -> str:
    """Return the name of a mask's file without its extensions.

    Parameters
    ----------
    path : Path
        Of the file.

    Returns
    -------
    str
        Name of the structure.
    """
    name = path.name
    for ending in (".gz", ".nii", ".nrrd", ".seg"):
        if name.lower().endswith(ending):
            name = name[: -len(ending)]
    return name


def _read_folder(
    files: list[Path], wanted: Callable[[str], bool]
) -> tuple[dict[str, LabelMask], str]:
    masks: dict[str, LabelMask] = {}
    chosen = [f for f in files if wanted(mask_name(f))]
    if not chosen:
        raise InputError(
            f"{files[0].parent}: none of its {len(files)} masks is named like a structure of the "
            f"neck ({', '.join(mask_name(f) for f in files[:4])}, ...)"
        )
    for file in chosen:
        kind = find_kind(file)
        with quiet_libraries():
            if kind == "nifti":
                values, matrix, _ = read_nifti(file, lambda _: None)
            else:
                from nav.reconstruction.labelmap_nrrd import read_seg_nrrd

                layered, matrix, _ = read_seg_nrrd(file)
                values = layered[..., 0]
        numbers = [int(n) for n in np.unique(values) if n != 0]
        if len(numbers) > 1:
            raise InputError(
                f"{file}: has {len(numbers)} different labels; in a folder each file is one "
                "structure's mask: give this file alone, or move it away"
            )
        mask = cut_mask(mask_name(file), values == (numbers or [1])[0], matrix)
        masks[mask.name] = mask
    return masks, "folder of masks"
