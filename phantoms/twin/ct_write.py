"""Write volumes with correct directions: NIfTI and MetaImage, through VTK."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nav.core.errors import InputError
from nav.core.filekinds import VOLUME_SIGN
from nav.core.frames import Array
from nav.core.outputs import written_whole
from nav.reconstruction.reading.image_file import read_image_file
from nav.reconstruction.reading.nifti import read_nifti
from nav.reconstruction.reading.quiet_readers import without_output

SUFFIXES = (".nii", ".nii.gz", ".mha")


def write_volume(path: Path, values: NDArray[np.int16], origin: Array, spacing: Array) -> None:
    """Write a volume whose axes are LPS: x to the left, y to posterior, z to superior.

    NIfTI's coordinates are RAS: its matrix has x and y negated, the voxels stay in their order.
    MetaImage's are LPS, unchanged.

    Parameters
    ----------
    path : Path
        File to write; its suffix, one of `SUFFIXES`, selects the format.
    values : ndarray of int16, shape (z, y, x)
        HU.
    origin : ndarray, shape (3,)
        Centre of the first voxel, LPS, mm.
    spacing : ndarray, shape (3,)
        Of the voxels, x, y, z, mm.

    Raises
    ------
    InputError
        The suffix is unknown, or the file cannot be written.
    """
    path, suffix = Path(path), volume_suffix(path)
    with written_whole(path) as beside:
        # VTK chooses by the name's end
        named = beside.with_name(beside.name + suffix)
        try:
            _write(named, suffix, values, origin, spacing)
            if not _is_whole(named, suffix, values):
                raise InputError(f"{path}: cannot be written; is the disk full?")
            if suffix == ".mha":
                _sign(named)
            named.replace(beside)
        finally:
            named.unlink(missing_ok=True)


def volume_suffix(path: Path) -> str:
    """Return the suffix of a volume's file name.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    str
        One of `SUFFIXES`.

    Raises
    ------
    InputError
        It is none of them.
    """
    for suffix in SUFFIXES:
        if Path(path).name.lower().endswith(suffix):
            return suffix
    raise InputError(f"{path}: expected a name that ends in {', '.join(SUFFIXES)}")


def _write(
    path: Path, suffix: str, values: NDArray[np.int16], origin: Array, spacing: Array
) -> None:
    import pyvista  # heavy: only where volumes are written
    from vtkmodules.vtkCommonMath import vtkMatrix4x4
    from vtkmodules.vtkIOImage import vtkMetaImageWriter, vtkNIFTIImageWriter

    image = pyvista.ImageData(
        dimensions=values.shape[::-1], spacing=spacing.tolist(), origin=origin.tolist()
    )
    image.point_data["HU"] = np.ascontiguousarray(values).ravel()
    with pyvista.vtk_verbosity("off"), pyvista.VtkErrorCatcher(send_to_logging=False):
        writer: Any = vtkMetaImageWriter() if suffix == ".mha" else vtkNIFTIImageWriter()
        if suffix == ".mha":
            writer.SetCompression(True)
        else:
            matrix = vtkMatrix4x4()
            for axis, turn in enumerate((-1.0, -1.0, 1.0)):
                # the image's origin goes through it as well
                matrix.SetElement(axis, axis, turn)
            writer.SetQFormMatrix(matrix)
            writer.SetSFormMatrix(matrix)
            writer.SetDescription(VOLUME_SIGN.decode())
        writer.SetFileName(str(path))
        writer.SetInputData(image)
        with without_output(1, 2):
            writer.Write()


def _is_whole(path: Path, suffix: str, values: NDArray[np.int16]) -> bool:
    """Return whether a file holds all values: on a full disk VTK writes less without an error."""

    def ignore(share: float) -> None: ...

    try:
        if suffix == ".mha":
            return np.array_equal(read_image_file(path, "mha", ignore)[0], values)
        return np.array_equal(read_nifti(path, ignore)[0], values)
    except InputError:
        return False


def _sign(path: Path) -> None:
    """Put a comment that says who made it into a MetaImage's header."""
    first, rest = path.read_bytes().split(b"\n", 1)
    path.write_bytes(first + b"\nComment = " + VOLUME_SIGN + b"\n" + rest)
