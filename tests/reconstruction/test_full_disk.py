"""A volume that could not be written whole never looks like one."""

from contextlib import contextmanager

import numpy as np
import pytest

from nav.core.errors import InputError
from nav.core.outputs import written_whole
from nav.reconstruction import case_files
from nav.reconstruction.reading.nifti import read_nifti
from nav.reconstruction.volume import Volume
from phantoms.twin import ct_write

VALUES = np.random.default_rng(0).integers(-1000, 2000, (40, 60, 70)).astype(np.int16)
resource = pytest.importorskip("resource")
LIMIT = 100_000  # bytes


@contextmanager
def small_disk():
    """No file becomes larger than LIMIT, as if the disk were full then."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (LIMIT, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def write_case_volume(path):
    with written_whole(path) as beside:
        case_files.write_volume(beside, Volume(VALUES, np.eye(4)))


def write_twin_volume(path):
    ct_write.write_volume(path, VALUES, np.zeros(3), np.ones(3))


@pytest.mark.parametrize(
    ("write", "name"),
    [
        (write_case_volume, "volume.nii.gz"),
        (write_twin_volume, "scan.nii.gz"),
        (write_twin_volume, "scan.nii"),
        (write_twin_volume, "scan.mha"),
    ],
)
def test_a_volume_on_a_full_disk_is_refused_and_nothing_is_left(tmp_path, capfd, write, name):
    with small_disk(), pytest.raises(InputError, match="is the disk full"):
        write(tmp_path / name)
    assert not list(tmp_path.iterdir())
    assert capfd.readouterr().err == ""


def test_the_volume_of_a_case_is_read_back(tmp_path):
    write_case_volume(tmp_path / "volume.nii.gz")
    assert np.array_equal(read_nifti(tmp_path / "volume.nii.gz", lambda share: None)[0], VALUES)
