"""Compiled code is never older than the sources that it was made of."""

import os
import shutil
import subprocess
import sys

import pytest

from nav.core.codecache import CheckedCacheFile
from nav.core.compiled import HERE, compiled_before, config, sources_digest

SHOW = "import nav.tracking.fit.view_solver, numba; print(numba.config.CACHE_DIR)"


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    """A copy of the packages' sources."""
    root = tmp_path_factory.mktemp("sources")
    for package in ("nav", "calibration", "phantoms"):
        shutil.copytree(
            HERE.parent / package, root / package, ignore=lambda _, names: [
                name for name in names if "." in name and not name.endswith(".py")
            ],
        )  # fmt: skip
    return root


@pytest.mark.parametrize(
    "changed",
    [
        "nav/tracking/fit/pixel_moments.py",  # functions compiled into others
        "nav/tracking/fit/pattern.py",
        "nav/camera/ray_grid.py",
        "nav/tracking/fit/sharpening.py",  # a constant, UNKNOWN
        "calibration/cameras/patch.py",
        "phantoms/twin/raster.py",
    ],
)
def test_a_change_in_what_is_compiled_changes_the_digest(sources, changed):
    before = sources_digest(sources)
    assert before == sources_digest()
    text = (sources / changed).read_text()
    (sources / changed).write_text(text + "# changed\n")
    assert sources_digest(sources) != before
    (sources / changed).write_text(text)


def test_what_is_not_compiled_does_not_count(sources):
    before = sources_digest(sources)
    path = sources / "nav" / "view" / "live_window.py"
    path.write_text(path.read_text() + "# changed\n")
    assert sources_digest(sources) == before


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
    (tmp_path / "tracking" / "accumulate_views.accumulate_views-15.py311.nbi").touch()
    assert compiled_before()


def test_a_cache_that_cannot_be_written_is_no_error(tmp_path):
    in_the_way = tmp_path / "file"
    in_the_way.write_text("")
    used = folder_used({"XDG_CACHE_HOME": str(in_the_way)}, tmp_path)
    assert str(in_the_way) not in used
    assert str(HERE) not in used
    assert not os.path.exists(used)  # of that process alone


CODE = """
import sys
sys.path.insert(0, sys.argv[1])
import small
print(small.twice(21), sum(small.twice.stats.cache_hits.values()))
"""
SMALL = "from nav.core.compiled import njit\n\n@njit(cache=True)\ndef twice(x):\n    return 2 * x\n"


def twice(tmp_path, cache):
    """What a compiled function gives, and how often it came from the cache."""
    (tmp_path / "small.py").write_text(SMALL)
    os.utime(tmp_path / "small.py", (1e9, 1e9))
    environment = {k: v for k, v in os.environ.items() if k != "NUMBA_CACHE_DIR"}
    environment |= {"XDG_CACHE_HOME": str(cache), "PYTHONPATH": str(HERE.parent)}
    command = [sys.executable, "-c", CODE, str(tmp_path)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.strip()


def test_a_second_copy_of_the_sources_compiles_nothing_anew(tmp_path):
    """What one copy compiled serves another elsewhere, until its sources differ."""
    for copy in ("one", "other"):
        shutil.copytree(HERE / "core", tmp_path / copy / "nav" / "core")
        shutil.copy(HERE / "__init__.py", tmp_path / copy / "nav")
        (tmp_path / copy / "nav" / "small.py").write_text(SMALL)
    environment = {k: v for k, v in os.environ.items() if k != "NUMBA_CACHE_DIR"}
    environment["XDG_CACHE_HOME"] = str(tmp_path / "cache")

    def hits(copy):
        command = [sys.executable, "-c", CODE.replace("small", "nav.small"), str(tmp_path / copy)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    assert hits("one") == "42 0"
    assert hits("other") == "42 1"
    assert not list((tmp_path / "one").rglob("*.nbi"))
    (tmp_path / "other" / "nav" / "small.py").write_text(SMALL.replace("2 * x", "3 * x"))
    assert hits("other") == "63 0"
    assert hits("one") == "42 1"


def cached(cache, suffix):
    (path,) = [p for p in cache.rglob(f"small.twice*{suffix}") if p.suffix == suffix]
    return path


def test_damaged_code_is_compiled_again(tmp_path):
    cache = tmp_path / "cache"
    assert twice(tmp_path, cache) == "42 0"
    assert twice(tmp_path, cache) == "42 1"
    for suffix in (".nbi", ".nbc"):
        path = cached(cache, suffix)
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 4  # as a disk may do; Numba would load and run it
        path.write_bytes(data)
        assert twice(tmp_path, cache) == "42 0"
    assert twice(tmp_path, cache) == "42 1"


def test_what_a_cache_file_may_be_instead_is_no_error(tmp_path):
    folder = tmp_path / "code"
    folder.mkdir()
    file = CheckedCacheFile(str(folder), "f", "stamp")
    file.save("key", [1, 2])
    assert file.load("key") == [1, 2]
    for path in (folder / "f.nbi", next(folder.glob("f.*.nbc"))):
        for content in (b"", b"\x80\x05", path.read_bytes()[:-3], b"c" * 100):
            path.write_bytes(content)
            assert file.load("key") is None
            file.save("key", [1, 2])
            assert file.load("key") == [1, 2]
    (folder / "g.nbi").mkdir()  # nothing can be written there
    CheckedCacheFile(str(folder), "g", "stamp").save("key", [1, 2])


def test_processes_that_compile_one_function_for_two_types_never_get_the_others_code(tmp_path):
    """Each reads the index before the other has written its own: both begin with an empty one."""
    one, two, later = (CheckedCacheFile(str(tmp_path), "f", "stamp") for _ in range(3))
    one.save("float64", "code for float64")
    before = later._load_index()
    two._load_index = dict
    two.save("uint8", "code for uint8")
    assert later.load("uint8") == "code for uint8"
    assert later.load("float64") in (None, "code for float64")
    later._load_index = lambda: before  # read before the other wrote
    assert later.load("float64") == "code for float64"
