"""kit.toml and the folder it is in: read back, whole or not at all, nothing of others' lost."""

import errno
import os
import shutil
import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from nav.core.errors import InputError
from nav.core.files import sha256, write_toml
from nav.core.frames import rigid
from phantoms.anatomy.mesh import signed_volume
from phantoms.anatomy.parameters import AnatomyParameters
from phantoms.kit.export_folder import replaced_folder
from phantoms.kit.export_kit import load_kit, write_kit_toml, write_parts
from phantoms.kit.part import Part
from phantoms.kit.part_export import read_stl
from phantoms.kit.solid import box, mesh_of

P = replace(AnatomyParameters(), c1_width=75.0, cord_ap=(8.0, 8.0, 8.0, 7.5, 7.5))
P = replace(P, artery_left=replace(P.artery_left, diameter=3.0, pica="low"))
STANDS = rigid([0.1, -0.2, 0.3], [4.0, 5.0, 6.0])


def brick(name, placed=None, count=1):
    mesh = mesh_of(box((0.0, 0.0, 0.0), (10.0, 20.0, 3.0)))
    return Part(name, f"The {name}", mesh, placed, "PLA", (0.9, 0.8, 0.7), "Flat.", count)


PARTS = (brick("bone", STANDS), brick("nut", None, 4))


def build(folder, name="neck", seed=7):
    with replaced_folder(folder) as beside:
        write_parts(beside, PARTS)
        write_kit_toml(beside / "kit.toml", name, "dry", P, PARTS, seed)


def build_half(folder):
    with replaced_folder(folder) as beside:
        (beside / "half").write_text("x")
        raise ZeroDivisionError


def contents(folder):
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*"))


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    folder = tmp_path_factory.mktemp("built") / "kit"
    build(folder)
    return folder


@pytest.fixture
def kit(built, tmp_path):
    return shutil.copytree(built, tmp_path / "kit")


def edited(kit, old, new):
    path = kit / "kit.toml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    return path


def test_kit_is_read_back(kit):
    found = load_kit(kit / "kit.toml")
    assert (found.name, found.kind, found.seed) == ("neck", "dry", 7)
    assert found.parameters == P
    assert [p.name for p in found.parts] == ["bone", "nut"]
    bone, nut = found.parts
    assert (bone.title, bone.material, bone.printing) == ("The bone", "PLA", "Flat.")
    assert (bone.count, nut.count) == (1, 4)
    assert bone.size == pytest.approx([10.0, 20.0, 3.0])
    assert bone.volume == pytest.approx(600.0)
    assert bone.colour == pytest.approx((0.9, 0.8, 0.7))
    assert bone.model_from_part.as_matrix() == pytest.approx(STANDS.as_matrix(), abs=1e-12)
    assert nut.model_from_part is None
    assert found.part("nut") is nut


def test_kit_names_files_that_are_there(kit):
    found = load_kit(kit / "kit.toml")
    for part in found.parts:
        assert part.sha256 == sha256(part.stl)
        assert part.three_mf.is_file()
        assert signed_volume(read_stl(part.stl)) == pytest.approx(part.volume)
    assert set(found.files) == {p for p in contents(kit) if "." in p}
    plates = tomllib.loads((kit / "kit.toml").read_text())["plates"]
    assert all((kit / plate).is_file() for plate in plates)
    assert len(plates) == 1


def test_part_knows_whether_its_file_was_changed(kit):
    bone = load_kit(kit / "kit.toml").part("bone")
    assert bone.unchanged
    bone.stl.write_bytes(bone.stl.read_bytes()[:-1] + b"x")
    assert not bone.unchanged
    bone.stl.unlink()
    assert not bone.unchanged


def test_kit_s_files_are_the_same_twice_but_for_the_time(kit, tmp_path):
    build(tmp_path / "again")
    for name in load_kit(kit / "kit.toml").files:
        if name != "kit.toml":
            assert (kit / name).read_bytes() == (tmp_path / "again" / name).read_bytes()
    lines = [(f / "kit.toml").read_text().splitlines() for f in (kit, tmp_path / "again")]
    assert [a for a, b in zip(*lines, strict=True) if a != b and "made_at" not in a] == []


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('kind = "dry"', 'kind = "damp"', "kind: "),
        ("count = 4", "count = 0", "part nut: count: "),
        ("count = 4", "count = 4\ncopies = 4", "part nut: copies: unknown key"),
        ("c1_width = 75.0", "c1_width = 100.0", "parameters: c1_width: expected 60 to 84 mm"),
        ("c1_width = 75.0", "c1_wide = 75.0", "parameters: c1_wide: unknown key"),
        ("c1_width = 75.0", "", "parameters: c1_width: is missing"),
        ("diameter = 3.0", "", "parameters: artery_left.diameter: is missing"),
        ('pica = "low"', 'pica = "high"', "parameters: artery_left.pica: expected one of"),
        ("diameter = 3.0", "width = 3.0", "parameters: artery_left.width: unknown key"),
        ('format = "c1c2nav/kit/1"', 'format = "c1c2nav/kit/2"', "format: expected"),
        ("rotation_vector = [", "rotation = [", "part bone: model_from_part: "),
    ],
)
def test_kit_toml_that_breaks_the_format_is_refused(kit, old, new, says):
    path = edited(kit, old, new)
    with pytest.raises(InputError) as error:
        load_kit(path)
    assert str(error.value).startswith(f"{path}: {says}")
    assert "\n" not in str(error.value)


def test_kit_toml_comes_after_its_parts(tmp_path):
    with pytest.raises(InputError, match=r"bone.stl: no such file; a kit's parts are written"):
        write_kit_toml(tmp_path / "kit.toml", "neck", "dry", P, PARTS)
    assert list(tmp_path.iterdir()) == []


def test_folder_appears_whole_with_usual_rights(tmp_path):
    usual = tmp_path / "usual"
    usual.mkdir()
    with replaced_folder(tmp_path / "a" / "new") as beside:
        (beside / "file").write_text("x")
        assert not (tmp_path / "a" / "new").exists()
    assert contents(tmp_path / "a") == ["new", "new/file"]
    assert (tmp_path / "a" / "new").stat().st_mode == usual.stat().st_mode


def test_earlier_kit_and_empty_folder_are_replaced(kit, tmp_path):
    (kit / "stl" / ".DS_Store").write_bytes(b"left by a file manager")
    build(kit, "another")
    assert load_kit(kit / "kit.toml").name == "another"
    assert not (kit / "stl" / ".DS_Store").exists()
    assert load_kit(tmp_path / "kit.1" / "kit.toml").name == "neck"
    empty = tmp_path / "empty"
    empty.mkdir()
    build(empty)
    assert load_kit(empty / "kit.toml").name == "neck"
    assert contents(tmp_path)[0] == "empty"
    assert {p.name for p in tmp_path.iterdir()} == {"empty", "kit", "kit.1"}


def test_earlier_case_is_replaced(tmp_path):
    case = {
        "format": "c1c2nav/case/1",
        "name": "a",
        "structure": [{"name": "C1", "role": "bone", "mesh": "meshes/C1.ply", "sigma": 0.3}],
    }
    write_toml(tmp_path / "kit" / "case.toml", case)
    (tmp_path / "kit" / "meshes").mkdir()
    (tmp_path / "kit" / "meshes" / "C1.ply").write_text("ply")
    build(tmp_path / "kit")
    assert not (tmp_path / "kit" / "case.toml").exists()


@pytest.mark.parametrize("stranger", ["notes.txt", "stl/mine.stl", "case.toml", ".git/config"])
def test_folder_with_others_files_is_refused_and_left(kit, stranger):
    (kit / stranger).parent.mkdir(exist_ok=True)
    (kit / stranger).write_text("not ours")
    before = contents(kit)
    with pytest.raises(InputError) as error:
        build(kit, "another")
    assert str(error.value).startswith(f"{kit}: holds {stranger}, which no earlier run")
    assert contents(kit) == before
    assert load_kit(kit / "kit.toml").name == "neck"
    assert [p.name for p in kit.parent.iterdir()] == ["kit"]


def test_folder_without_any_of_ours_is_refused(tmp_path):
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "kit.toml").write_text('format = "sewing/kit/1"\n')
    with pytest.raises(InputError, match=r"holds kit.toml, which no earlier run"):
        build(tmp_path / "home")


def test_file_is_no_folder(tmp_path):
    (tmp_path / "kit").write_text("x")
    with pytest.raises(InputError, match=r"kit: is a file, expected a folder"):
        build(tmp_path / "kit")
    with pytest.raises(InputError, match=r"deeper: cannot be written"):
        build(tmp_path / "kit" / "deeper")
    assert (tmp_path / "kit").read_text() == "x"


def test_mount_point_is_refused_before_the_work(tmp_path):
    with (
        pytest.raises(InputError, match=r"^/: is a mount point, never replaced; give a new folder"),
        replaced_folder(Path("/")),
    ):
        pytest.fail("began to write")


def test_link_to_a_folder_stays_a_link(kit, tmp_path):
    (tmp_path / "link").symlink_to(kit)
    build(tmp_path / "link", "another")
    assert (tmp_path / "link").is_symlink()
    assert load_kit(kit / "kit.toml").name == "another"


def test_link_in_a_circle_is_one_line(tmp_path):
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    with pytest.raises(InputError, match=r"a: cannot be written"):
        build(tmp_path / "a")


@pytest.mark.skipif(os.geteuid() == 0, reason="everything is writable for root")
def test_read_only_place_is_one_line(tmp_path):
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(InputError, match=r"kit: cannot be written: Permission denied"):
            build(tmp_path / "kit")
    finally:
        tmp_path.chmod(0o700)


@pytest.mark.parametrize("call", ["mkdir", "rename"])
def test_unwritable_place_is_one_line(kit, tmp_path, monkeypatch, call):
    def denied(*args, **kwargs):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    before = contents(tmp_path)
    monkeypatch.setattr(Path, call, denied)
    with pytest.raises(InputError) as error:
        build(kit, "another")
    monkeypatch.undo()
    assert str(error.value) == f"{kit}: cannot be written: Permission denied"
    assert contents(tmp_path) == before
    assert load_kit(kit / "kit.toml").name == "neck"


@pytest.mark.parametrize("after", range(4))
def test_full_disk_leaves_what_was_there(tmp_path, monkeypatch, after):
    folder = tmp_path / "deep" / "kit"
    left = iter([True] * after)
    write = Path.write_bytes

    def until_full(self, data):
        if not next(left, False):
            write(self, data[: len(data) // 2])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(self, data)

    monkeypatch.setattr(Path, "write_bytes", until_full)
    with pytest.raises(InputError) as error:
        build(folder)
    assert str(error.value).startswith(f"{folder}/")
    assert str(error.value).endswith("cannot be written: No space left on device")
    assert list(tmp_path.iterdir()) == []


def test_old_kit_survives_a_failure_and_the_last_rename(kit, monkeypatch):
    with pytest.raises(ZeroDivisionError):
        build_half(kit)
    renamed = Path.rename
    calls = []

    def second_fails(self, target):
        calls.append(target)
        if len(calls) == 2:
            raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))
        return renamed(self, target)

    monkeypatch.setattr(Path, "rename", second_fails)
    with pytest.raises(InputError, match="cannot be written"):
        build(kit, "another")
    assert len(calls) == 3
    assert load_kit(kit / "kit.toml").name == "neck"
    assert [p.name for p in kit.parent.iterdir()] == ["kit"]


def test_kit_moved_elsewhere_still_finds_its_files(kit, tmp_path):
    kit.rename(tmp_path / "moved")
    found = load_kit(tmp_path / "moved" / "kit.toml")
    assert all(part.unchanged for part in found.parts)
    assert np.ptp(read_stl(found.part("bone").stl).vertices, axis=0).tolist() == [10.0, 20.0, 3.0]
