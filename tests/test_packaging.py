"""What set-up promises: exact versions, no addresses, one line when something is missing."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from importlib.metadata import entry_points
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[1]
LOCK = (ROOT / "requirements.lock").read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def locked_versions() -> dict[str, Version]:
    entries = re.findall(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", LOCK, re.MULTILINE)
    return {canonicalize_name(name): Version(version) for name, version in entries}


def test_lock_holds_only_versions_markers_and_hashes():
    line = re.compile(
        r"[A-Za-z0-9._-]+==[0-9][A-Za-z0-9.+!]*( ; [^/\\]+)? \\"
        r"|    --hash=sha256:[0-9a-f]{64}( \\)?"
    )
    odd = [text for text in LOCK.splitlines() if not line.fullmatch(text)]
    assert odd == []


def test_every_locked_package_has_a_hash():
    starts = [i for i, text in enumerate(LOCK.splitlines()) if "==" in text]
    lines = LOCK.splitlines()
    assert starts
    assert all(lines[i + 1].startswith("    --hash=sha256:") for i in starts)


def test_lock_satisfies_everything_the_project_asks_for():
    project = PROJECT["project"]
    wanted = [
        *project["dependencies"],
        *project["optional-dependencies"]["dev"],
        *PROJECT["build-system"]["requires"],
    ]
    locked = locked_versions()
    for requirement in map(Requirement, wanted):
        version = locked.get(canonicalize_name(requirement.name))
        assert version is not None, f"{requirement.name} is not locked: run make lock"
        assert version in requirement.specifier, f"{requirement} but {version} is locked"


def test_no_dependency_brings_a_second_qt():
    locked = locked_versions()
    second = {"pyqt5", "pyqt6", "pyside2", "opencv-python", "opencv-contrib-python"}
    assert second.isdisjoint(locked)


def test_the_command_is_there_to_call():
    [script] = entry_points(group="console_scripts", name="nav")
    assert script.value == PROJECT["project"]["scripts"]["nav"]
    assert callable(script.load())


needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="the check is Linux's")


class Bench:
    """The set-up scripts beside stand-ins for apt-get, id and sudo, whose calls are noted."""

    def __init__(self, folder: Path) -> None:
        self.scripts = Path(shutil.copytree(ROOT / "scripts", folder / "scripts"))
        self.libraries = self.scripts / "libraries.txt"
        self.libraries.write_text("libc.so.6 libc6\n")
        self.commands = folder / "bin"
        self.commands.mkdir()
        self.calls = folder / "calls"
        self.calls.touch()
        self.stand_in("apt-get", 'echo "$@" >>"$CALLS"')
        self.stand_in("sudo", "exit 1")
        self.stand_in("id", "echo 1000")

    def stand_in(self, name: str, body: str) -> None:
        command = self.commands / name
        command.write_text(f"#!/bin/sh\n{body}\n")
        command.chmod(0o755)

    def check(self) -> subprocess.CompletedProcess[str]:
        path = f"{self.commands}{os.pathsep}{os.environ['PATH']}"
        return subprocess.run(
            ["sh", self.scripts / "system.sh"],
            env={**os.environ, "PATH": path, "PYTHON": sys.executable, "CALLS": str(self.calls)},
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


@needs_linux
def test_nothing_missing_says_nothing_and_installs_nothing(bench: Bench):
    done = bench.check()
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert bench.calls.read_text() == ""


@needs_linux
def test_without_rights_one_line_names_exactly_what_is_missing(bench: Bench):
    bench.libraries.write_text(
        "libc.so.6 libc6\nlibmissing-a.so.1 libmissing-a1\nlibmissing-b.so.2 libmissing-b2\n"
    )
    done = bench.check()
    assert done.returncode != 0
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert done.stderr.endswith("--no-install-recommends libmissing-a1 libmissing-b2\n")
    assert bench.calls.read_text() == ""


@needs_linux
@pytest.mark.parametrize("right", ["id", "sudo"])
def test_with_rights_installs_exactly_what_is_missing(bench: Bench, right: str):
    bench.libraries.write_text("libc.so.6 libc6\nlibmissing-a.so.1 libmissing-a1\n")
    bench.stand_in(right, {"id": "echo 0", "sudo": 'shift; "$@"'}[right])
    done = bench.check()
    install = bench.calls.read_text().splitlines()[-1]
    assert install.endswith("install -y --no-install-recommends libmissing-a1")
    # the stand-in installed nothing: that must not pass for success
    assert done.returncode != 0
    assert "libmissing-a.so.1" in done.stderr


@needs_linux
def test_no_python_new_enough_is_one_line(bench: Bench):
    bench.stand_in("python-of-old", "exit 1")
    done = subprocess.run(
        ["sh", bench.scripts / "find-python.sh"],
        env={**os.environ, "PYTHON": str(bench.commands / "python-of-old")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert done.stderr.count("\n") == 1
    assert "3.11" in done.stderr
