"""Compiled code is never older than the sources that it was made of."""

import shutil
import subprocess
import sys

import pytest

from nav.compiled import HERE, TOGETHER, compiled_before, config, sources_digest

SHOW = "import nav.tracking.fit, numba; print(numba.config.CACHE_DIR)"


@pytest.mark.parametrize("changed", TOGETHER)
def test_a_change_in_any_of_the_files_changes_the_digest(tmp_path, changed):
    folder = tmp_path / "nav"
    folder.mkdir()
    for name in TOGETHER:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(HERE / name, folder / name)
    before = sources_digest(folder)
    assert before == sources_digest()
    with (folder / changed).open("a") as file:
        file.write("# changed\n")
    assert sources_digest(folder) != before


def folder_used(environment, tmp_path):
    clean = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), **environment}
    done = subprocess.run(
        [sys.executable, "-c", SHOW], env=clean, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def test_the_folder_is_named_by_the_digest(tmp_path):
    used = folder_used({"XDG_CACHE_HOME": str(tmp_path / "cache")}, tmp_path)
    assert used.startswith(str(tmp_path / "cache"))
    assert sources_digest()[:16] in used


def test_a_folder_that_the_user_names_is_kept_to(tmp_path):
    named = str(tmp_path / "mine")
    assert folder_used({"NUMBA_CACHE_DIR": named}, tmp_path) == named


def test_a_first_run_is_known_as_one(tmp_path, monkeypatch):
    monkeypatch.setattr(config, "CACHE_DIR", str(tmp_path))
    assert not compiled_before()
    (tmp_path / "tracking").mkdir()
    (tmp_path / "tracking" / "passes.look-15.py311.nbi").touch()
    assert compiled_before()


def test_a_cache_that_cannot_be_written_is_no_error(tmp_path):
    in_the_way = tmp_path / "file"
    in_the_way.write_text("")
    used = folder_used({"XDG_CACHE_HOME": str(in_the_way)}, tmp_path)
    assert str(in_the_way) not in used
