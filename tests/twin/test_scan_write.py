"""`nav phantom scan`: a folder with a scan and its truth."""

import tomllib
from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk

from nav.cli import main
from nav.model.case import load_case
from phantoms.twin import scan_write
from phantoms.twin.scan_draw import draw_scan
from phantoms.twin.scan_parameters import Artefacts, Kernel


@pytest.fixture(autouse=True)
def coarse(monkeypatch):
    """Large voxels of a blunt kernel, painted in few parts: quickly made."""
    monkeypatch.setattr("phantoms.twin.scan_kernel.FINEST", 1.1)

    def drawn(seed, hard=False):
        scan = draw_scan(seed, hard)
        quiet = Artefacts(0.0, 0.0, 0, 0.0, 0.0)
        kernel = Kernel("soft", 1.0, 0.0, 2.0)
        return replace(scan, spacing_mm=(2.0, 2.0, 2.5), artefacts=quiet, kernel=kernel)

    monkeypatch.setattr(scan_write, "draw_scan", drawn)


def refused(capsys, *arguments):
    with pytest.raises(SystemExit) as end:
        main(["phantom", "scan", *arguments])
    assert end.value.code == 2
    error = capsys.readouterr().err.strip()
    assert "Traceback" not in error
    return error


def run(*arguments):
    with pytest.raises(SystemExit) as end:
        main(["phantom", "scan", *arguments])
    assert not end.value.code


def test_a_volume_with_its_case_and_truth(tmp_path):
    out = tmp_path / "scan"
    run("--seed", "4", "--preset", "standard", "--out", str(out))
    image = sitk.ReadImage(str(out / "scan.nii.gz"))
    case = load_case(out / "case.toml")
    truth = tomllib.loads((out / "truth.toml").read_text())
    assert truth["format"] == "c1c2nav/scan-truth/1"
    assert {s["name"] for s in truth["structure"]} == {s.name for s in case.structures}
    values = sitk.GetArrayFromImage(image)
    bone = next(s for s in case.structures if s.name == "C2").surface
    # the surfaces lie in the volume's own frame, as another reader has it
    middle = bone.vertices.mean(axis=0)
    at = image.TransformPhysicalPointToIndex(middle.tolist())
    assert values[at[::-1]] > -300
    dens = bone.vertices[bone.vertices[:, 2].argmax()] - (0.0, 0.0, 4.0)
    at = image.TransformPhysicalPointToIndex(dens.tolist())
    assert values[at[::-1]] > 150
    widths = {j["name"]: j["width_mm"] for j in truth["joint"]}
    for name, width in draw_scan(4).joints_mm:
        assert widths[name] == pytest.approx(width, abs=0.02)
    assert {s["in_view"] for s in truth["structure"] if s["name"] in ("C1", "C2", "C3")} == {
        "whole"
    }


def test_a_dicom_series_and_a_metaimage(tmp_path, monkeypatch):
    """A few slices of one scan, turned as they come: however they are stored, they are the same."""
    coarse = scan_write.draw_scan

    def narrow(seed, hard=False):
        scan = coarse(seed, hard)
        view = replace(scan.view, low_mm=-12.0, high_mm=8.0, side_mm=90.0)
        return replace(scan, view=view)

    monkeypatch.setattr(scan_write, "draw_scan", narrow)
    run("--seed", "4", "--preset", "standard", "--format", "dicom", "--out", str(tmp_path / "d"))
    run("--seed", "4", "--preset", "standard", "--format", "mha", "--out", str(tmp_path / "m"))
    names = sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(tmp_path / "d" / "dicom"))
    series = sitk.ReadImage(names)
    volume = sitk.ReadImage(str(tmp_path / "m" / "scan.mha"))
    assert np.array_equal(sitk.GetArrayFromImage(series), sitk.GetArrayFromImage(volume))
    np.testing.assert_allclose(series.GetOrigin(), volume.GetOrigin(), atol=1e-4)
    np.testing.assert_allclose(series.GetSpacing(), volume.GetSpacing(), atol=1e-6)


def test_what_is_wrong_is_said_in_a_line(tmp_path, capsys):
    out = str(tmp_path / "s")
    line = refused(capsys, "--seed", "-3", "--preset", "standard", "--out", out)
    assert "--seed: expected 0 or more, got -3" in line
    line = refused(capsys, "--seed", "1", "--preset", "standard", "--format", "tif", "--out", out)
    assert "--format: expected nifti, mha or dicom" in line
    line = refused(
        capsys, "--seed", "1", "--preset", "standard", "--gantry-tilt", "9", "--out", out
    )
    assert "add --format dicom" in line
    line = refused(
        capsys, *("--seed", "1", "--preset", "standard", "--format", "dicom"),
        *("--gantry-tilt", "45", "--out", out),
    )  # fmt: skip
    assert "--gantry-tilt: expected -30 to 30, got 45" in line
    assert not (tmp_path / "s").exists()


def test_a_folder_that_holds_something_else_is_left_alone(tmp_path, capsys):
    (tmp_path / "notes.txt").write_text("mine")
    line = refused(capsys, "--seed", "1", "--preset", "standard", "--out", str(tmp_path))
    assert "notes.txt" in line
    assert sorted(p.name for p in tmp_path.iterdir()) == ["notes.txt"]
