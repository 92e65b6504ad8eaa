"""`nav phantom`, from the command line to the files."""

import errno
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from nav import cli
from nav.model.case import load_case
from nav.registration.pointfile import load_points
from nav.tracking.tool import load_tool
from phantoms.anatomy import anatomy_files
from phantoms.kit import build
from phantoms.kit.export_kit import load_kit
from phantoms.kit.kit_layout import layout
from phantoms.kit.part_export import read_stl


def nav(*arguments):
    """Exit code of the command."""
    try:
        cli.main(["phantom", *map(str, arguments)])
    except SystemExit as ended:
        return int(ended.code or 0)
    return 0


def refused(capsys, *arguments):
    """The one line that a command refuses with."""
    assert nav(*arguments) == 2
    text = capsys.readouterr()
    assert text.out.count("Traceback") == 0
    (line,) = text.err.strip().splitlines()
    return line


@pytest.fixture(scope="module")
def kit(tmp_path_factory):
    """A dry kit, its pictures small."""
    out = tmp_path_factory.mktemp("kits") / "kit"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(build, "write_papers", partial(build.write_papers, size=(160, 120)))
        assert nav("build", "--kind", "dry", "--out", out) == 0
    return out


def test_a_kit_is_complete(kit):
    written = load_kit(kit / "kit.toml")
    assert {path.relative_to(kit).as_posix() for path in kit.rglob("*") if path.is_file()} == set(
        written.files
    )
    for name in ("guide.html", "guide.pdf", "bom.csv", "needle.pdf", "reference.pdf"):
        assert name in written.files
    assert all(part.unchanged and part.three_mf.is_file() for part in written.parts)
    assert load_tool(kit / "needle.toml").name == "needle"
    assert load_tool(kit / "reference.toml").name == "reference"
    assert len(load_points(kit / "block.csv")) >= 12
    assert [p.name for p in kit.parent.iterdir()] == ["kit"]  # nothing half-made beside it


def test_divots_of_the_files_agree(kit):
    """Each fiducial of case.toml is the apex of a cone in a part's STL, to 0.01 mm."""
    case = load_case(kit / "case.toml")
    written = load_kit(kit / "kit.toml")
    assert len(case.fiducials) >= 14
    holders = {d.label: d.holder for d in layout(written.parameters).divots}
    for fiducial in case.fiducials:
        part = written.part(holders.get(fiducial.label, "column"))
        points = part.model_from_part.apply(read_stl(part.stl).vertices)
        assert np.linalg.norm(points - fiducial.position, axis=1).min() < 0.01, fiducial.label


def test_parts_lie_on_the_bed_and_fit_it(kit):
    for part in load_kit(kit / "kit.toml").parts:
        vertices = read_stl(part.stl).vertices
        assert vertices[:, 2].min() == pytest.approx(0.0, abs=1e-3), part.name
        assert np.all(np.ptp(vertices, axis=0) <= 200.0), part.name
        assert part.size == pytest.approx(np.ptp(vertices, axis=0), abs=1e-3)


def test_anatomy_alone_replaces_an_earlier_kit(tmp_path, kit, capsys):
    out = tmp_path / "case"
    for preset in ("standard", "low-pica:right"):
        assert nav("build", "--anatomy-only", "--preset", preset, "--out", out) == 0
    case = load_case(out / "case.toml")
    names = [s.name for s in case.structures]
    assert names[:7] == ["occiput", "C1", "C2", "C3", "C4", "cord", "dura"]
    assert {"vertebral artery left", "vertebral artery right", "PICA right", "skin"} <= set(names)
    assert len(list((out / "meshes").iterdir())) == len(names)
    assert {p.name for p in out.iterdir()} == {"case.toml", "meshes"}
    assert "low-pica right" in capsys.readouterr().out


def test_a_seed_gives_the_same_meshes(tmp_path):
    for name in ("a", "b"):
        assert nav("random", "--seed", 7, "--anatomy-only", "--out", tmp_path / name) == 0
    for mesh in (tmp_path / "a" / "meshes").iterdir():
        assert mesh.read_bytes() == (tmp_path / "b" / "meshes" / mesh.name).read_bytes()


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("--kind", "damp"), "--kind: expected dry or wet, got 'damp'"),
        (("--paper", "b7"), "paper"),
        (("--preset", "giraffe"), "'giraffe' is not known"),
        (("--set", "window_height=99"), "window_height: expected 6 to 17 mm, got 99.0"),
        (("--set", "sac_ap=19"), "sac_ap at C1: 19 is too large"),
        (("--sex", "none"), "sex: expected mean, female, male"),
        (("--parameters", "none.toml"), "none.toml: no such file"),
    ],
)
def test_what_cannot_be_is_one_line_and_leaves_nothing(arguments, reason, tmp_path, capsys):
    out = tmp_path / "kit"
    assert reason in refused(capsys, "build", *arguments, "--out", out)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_with_other_things_is_left_alone(tmp_path, capsys):
    (tmp_path / "thesis.txt").write_text("years of work")
    line = refused(capsys, "build", "--anatomy-only", "--out", tmp_path)
    assert "thesis.txt" in line
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_file_in_the_way_is_refused(tmp_path, capsys):
    (tmp_path / "kit").write_text("")
    assert "kit: is a file" in refused(capsys, "build", "--out", tmp_path / "kit")


def test_a_full_disk_is_one_line_and_the_earlier_kit_stays(tmp_path, capsys, monkeypatch):
    out = tmp_path / "kit"
    assert nav("build", "--anatomy-only", "--out", out) == 0
    before = (out / "case.toml").read_bytes()

    def full(structure):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(anatomy_files, "ply_bytes", full)
    capsys.readouterr()
    line = refused(capsys, "build", "--anatomy-only", "--preset", "low-pica:right", "--out", out)
    assert "No space left on device" in line
    assert (out / "case.toml").read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["kit"]


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("ct", "--seed", -1), "nav: --seed: expected 0 or more, got -1"),
        (("ct", "--look", "patiant"), "nav: --look: expected patient or print, got 'patiant'"),
        (("random", "--seed", 1.5), "nav: --seed: expected a whole number, got '1.5'"),
        (("measure", "--seed", 7, "--preset", "male"), "leave out --preset and --set"),
        (("measure", "--seed", 7, "--set", "window_height=9"), "leave out --preset and --set"),
    ],
)
def test_what_is_asked_for_wrongly_is_one_line(arguments, reason, tmp_path, capsys):
    command, *more = arguments
    files = {"ct": ["--case", tmp_path / "case.toml", "--out", tmp_path / "ct.nii"]}
    files |= {"random": ["--out", tmp_path / "kit"], "measure": []}
    assert reason in refused(capsys, command, *more, *files[command])
    assert list(tmp_path.iterdir()) == []


def test_help_says_where_to_begin_and_shows_examples(capsys):
    assert nav("--help") == 0
    assert "Begin with nav phantom build --output kit" in " ".join(capsys.readouterr().out.split())
    assert nav("build", "--help") == 0
    assert capsys.readouterr().out.count("Example: nav phantom build") == 3


def test_lists_teach(capsys):
    assert nav("list") == 0
    assert "intersegmental" in capsys.readouterr().out
    assert nav("parameters") == 0
    assert "window_height = 11.0" in capsys.readouterr().out
    assert nav("measure") == 0
    assert "canal AP" in capsys.readouterr().out


def test_ct_of_a_kit(tmp_path, kit, capsys, monkeypatch):
    from phantoms.twin import simulated_ct

    monkeypatch.setattr(
        simulated_ct.write_ct, "__defaults__", ("patient", (1.6, 1.6, 2.4), 15.0, 0)
    )
    out = tmp_path / "neck.nii"
    assert nav("ct", "--case", kit / "case.toml", "--out", out) == 0
    assert out.stat().st_size > 100_000
    line = refused(capsys, "ct", "--case", kit / "case.toml", "--out", Path("neck.txt"))
    assert "neck.txt" in line
