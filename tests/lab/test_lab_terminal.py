"""`nav lab init` at a real terminal: the question is shown, and the typed number is taken."""

import os
import select
import subprocess
import sys
import time
import tomllib

import pytest

from tests.lab.lab_folder import CASE, write_lab_folder

pty = pytest.importorskip("pty", reason="terminals of POSIX")
PATIENCE = 120.0  # s


def test_a_person_chooses_by_number(tmp_path):
    write_lab_folder(tmp_path).unlink()
    (tmp_path / "case" / "other.toml").write_text(CASE.replace('"boxes"', '"other"'))
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "nav.cli", "lab", "init"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(
        command, stdin=theirs, stdout=theirs, stderr=theirs, cwd=tmp_path, env=environment
    ) as process:
        os.close(theirs)
        said, answered, end = b"", False, time.monotonic() + PATIENCE
        while time.monotonic() < end:
            if not select.select([ours], [], [], 0.2)[0]:
                continue
            try:
                said += os.read(ours, 4096)
            except OSError:  # the program has closed its side
                break
            if b"1 to 2 [1]: " in said and not answered:
                os.write(ours, b"2\n")
                answered = True
        os.close(ours)
        assert process.wait(PATIENCE) == 0, said
    assert answered
    assert b"case: which one?" in said
    assert tomllib.loads((tmp_path / "lab.toml").read_text())["case"] == "case/other.toml"
