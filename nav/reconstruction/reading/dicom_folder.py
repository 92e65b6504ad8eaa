"""Contents of a folder of DICOM files: the headers of all its slices, and what else is there."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from nav.core.errors import InputError
from nav.reconstruction.reading.headers import (
    Damaged,
    Directory,
    NotDicom,
    SliceHeader,
    read_headers,
)

MOST_FILES = 100_000
VOLUME_SUFFIXES = (".nii", ".nii.gz", ".nrrd", ".nhdr", ".mha", ".mhd")


@dataclass(frozen=True)
class FolderContents:
    """What a folder holds.

    Parameters
    ----------
    headers : tuple of SliceHeader
        Of all slices.
    others : int
        Number of files that are not DICOM.
    without_pictures : int
        Number of DICOM files without slices: reports, structures, directories.
    damaged : tuple of (Path, str)
        Files that begin like DICOM but cannot be read, and why.
    """

    headers: tuple[SliceHeader, ...]
    others: int
    without_pictures: int
    damaged: tuple[tuple[Path, str], ...]


def read_folder(folder: Path, advance: Callable[[float], None]) -> FolderContents:
    """Read the headers of all DICOM files in a folder and its sub-folders.

    Parameters
    ----------
    folder : Path
        Folder, or one file.
    advance : callable
        Called with the fraction that is done.

    Returns
    -------
    FolderContents
        Headers of all slices, and what else was found.

    Raises
    ------
    InputError
        A folder or file cannot be read, or it holds no DICOM slices.
    """
    paths = [folder] if folder.is_file() else _files(folder)
    headers: list[SliceHeader] = []
    damaged: list[tuple[Path, str]] = []
    others = without = 0
    for done, path in enumerate(paths):
        try:
            found = read_headers(path)
            headers += found
            without += not found
        except NotDicom:
            others += 1
        except Directory:
            without += 1
        except Damaged as error:
            damaged.append((path, str(error)))
        except OSError as error:
            raise InputError(f"{path}: cannot be read: {error.strerror or error}") from None
        advance((done + 1) / len(paths))
    contents = FolderContents(tuple(headers), others, without, tuple(damaged))
    if not headers:
        raise InputError(f"{folder}: {_nothing_found(contents, paths)}")
    return contents


def _files(folder: Path) -> list[Path]:
    def refuse(error: OSError) -> None:
        raise InputError(f"{error.filename}: cannot be read: {error.strerror}")

    found = []
    for parent, folders, names in os.walk(folder, onerror=refuse):
        folders.sort()
        found += [Path(parent, name) for name in sorted(names)]
        if len(found) > MOST_FILES:
            raise InputError(
                f"{folder}: has more than {MOST_FILES} files; give the folder of one study"
            )
    return [path for path in found if path.is_file()]


def _nothing_found(contents: FolderContents, paths: list[Path]) -> str:
    if contents.damaged:
        path, why = contents.damaged[0]
        return f"no DICOM slice can be read; {path.name}: {why}"
    if contents.without_pictures:
        return (
            f"has no DICOM slices, only {contents.without_pictures} DICOM files without images; "
            "expected a CT series"
        )
    volumes = [path for path in paths if path.name.lower().endswith(VOLUME_SUFFIXES)]
    if volumes:
        return f"has no DICOM files; to read {volumes[0].name}, give that file"
    if any(path.suffix.lower() in (".zip", ".7z", ".rar", ".tar", ".gz", ".xz") for path in paths):
        return "has no DICOM files, but a packed archive; unpack it first"
    return f"has no DICOM files among {len(paths)}; expected a folder with a CT series"
