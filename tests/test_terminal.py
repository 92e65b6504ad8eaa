"""What reaches the user's terminal: our lines, whatever they hold, and nothing of the libraries."""

import os
import subprocess
import sys

import pytest

from nav import cli
from nav.core.cache import owned_folder, user_cache
from nav.terminal import console, one_line

posix = pytest.mark.skipif(os.name != "posix", reason="as POSIX has it")
NOISY = """
import os, sys, warnings, threading
import numpy as np
from nav import cli
from nav.core.errors import InputError

@cli.app.command
def noisy(what: str):
    os.write(1, b"a library's own line")
    os.write(2, b"a library's own warning")
    print("to the error stream", file=sys.stderr)
    warnings.warn("careful")
    np.array([1.0]) / 0.0
    thread = threading.Thread(target=lambda: 1 / 0)
    thread.start()
    thread.join()
    cli.console().print("[/our] \\u00b1 line :camera:")
    if what == "refuse":
        raise InputError("x\\x1b[31m.toml: is\\nwrong")
    if what == "fail":
        raise ZeroDivisionError("a mistake")
    if what == "read":
        open("/nowhere/at/all")

cli.main()
"""


def run(what, cache, **more):
    environment = os.environ | {"XDG_CACHE_HOME": str(cache)} | more.pop("env", {})
    environment.pop("NAV_LOG", None)
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "check": False} | more
    return subprocess.run([sys.executable, "-c", NOISY, "noisy", what], env=environment, **options)


@posix
def test_only_our_own_lines_are_shown(tmp_path):
    done = run("quiet", tmp_path)
    assert done.returncode == 0
    assert done.stdout.decode() == "[/our] ± line :camera:\n"
    assert done.stderr == b""
    log = (tmp_path / "c1c2nav" / "log.txt").read_text()
    for part in ("own line", "own warning", "error stream", "careful", "divide", "ZeroDivision"):
        assert part in log


@posix
@pytest.mark.parametrize(
    ("what", "code", "said"),
    [
        ("refuse", 2, b"nav: x?[31m.toml: is wrong\n"),
        ("read", 2, b"nav: /nowhere/at/all: No such file or directory\n"),
        ("fail", 70, b"nav: unexpected error, please report it: ZeroDivisionError: a mistake\n"),
    ],
)
def test_an_error_is_one_line(tmp_path, what, code, said):
    done = run(what, tmp_path)
    assert done.returncode == code
    assert done.stderr.startswith(said)
    assert b"Traceback" not in done.stderr
    assert (what == "fail") == (b"log.txt" in done.stderr)


@posix
def test_an_ascii_terminal_gets_what_it_can_show(tmp_path):
    done = run("quiet", tmp_path, env={"PYTHONIOENCODING": "ascii"})
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout == b"[/our] ? line :camera:\n"


@posix
def test_a_reader_that_has_gone_is_no_error(tmp_path):
    there, here = os.pipe()
    os.close(there)
    done = run("quiet", tmp_path, stdout=here)
    os.close(here)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_full_output_is_one_line(tmp_path):
    with open("/dev/full", "wb") as full:
        done = run("quiet", tmp_path, stdout=full)
    assert done.returncode == 2
    why = b"cannot be written: No space left on device; apart from that the command was completed"
    assert done.stderr == b"nav: standard output: " + why + b"\n"


@posix
def test_closed_streams_are_no_error(tmp_path):
    for closed in (1, 2):
        done = run("quiet", tmp_path, preexec_fn=lambda number=closed: os.close(number))
        assert done.returncode == 0


def test_unexpected_errors_reach_who_calls_in_python(monkeypatch):
    def fails(*_):
        raise ZeroDivisionError

    monkeypatch.setattr(cli, "check_outputs", fails)
    with pytest.raises(ZeroDivisionError):
        cli.main(["phantom", "list"])


def test_names_are_printed_as_they_are(capsys):
    console().print("[bold]a[/R1] :smile:")
    assert capsys.readouterr().out == "[bold]a[/R1] :smile:\n"
    assert one_line("a\nb\x1b[0m\r\n\u202ec") == "a b?[0m ?c"


# the cache


def test_a_cache_is_found_without_a_home(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", "relative/is/ignored")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert user_cache() == tmp_path / ".cache" / "c1c2nav"

    def none():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr("pathlib.Path.home", none)
    assert user_cache().name.startswith("c1c2nav-")


@posix
def test_a_cache_of_somebody_else_is_not_used(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    folder = tmp_path / "c1c2nav" / "compiled"
    assert owned_folder(folder) == folder
    folder.chmod(0o777)
    assert owned_folder(folder) == folder
    assert folder.stat().st_mode & 0o022 == 0
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    assert owned_folder(folder) is None


def test_a_file_in_the_way_of_the_cache_is_no_error(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    (tmp_path / "c1c2nav").write_text("")
    assert owned_folder(user_cache()) is None


def test_lines_stay_whole_where_no_person_reads_them(capsys):
    line = "word " * 60 + "end"
    console().print(line)
    assert capsys.readouterr().out == line + "\n"


@pytest.mark.parametrize(
    ("level", "code", "said"),
    [
        (
            "verbose",
            2,
            "nav: NAV_LOG: expected one of DEBUG, INFO, WARNING, ERROR, CRITICAL, got VE",
        ),
        ("", 0, ""),
        ("info", 0, ""),
    ],
)
def test_a_log_level_is_taken_in_any_case_or_refused_in_one_line(tmp_path, level, code, said):
    environment = os.environ | {"XDG_CACHE_HOME": str(tmp_path), "NAV_LOG": level}
    command = [sys.executable, "-m", "nav.cli", "--version"]
    done = subprocess.run(command, env=environment, capture_output=True, check=False, text=True)
    assert done.returncode == code
    assert done.stderr.startswith(said)
    assert "Traceback" not in done.stderr
