"""Run what may crash or hang in a process of its own."""

import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import ModuleType

PATIENCE = 20.0  # s that a process may take
_starting = threading.Lock()


def run(command: Sequence[str], patience: float = PATIENCE) -> tuple[int | None, str, str]:
    """Run a command with this package importable, and return what it printed.

    Parameters
    ----------
    command : sequence of str
        Program and arguments.
    patience : float, optional
        Time limit, s.

    Returns
    -------
    code : int or None
        Exit code; None where it took too long, -1 where it could not be started.
    output : str
        Standard output.
    errors : str
        Standard error; empty where it took too long, the reason where it could not be started.
    """
    root = str(Path(__file__).resolve().parents[2])
    path = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH", "")]))
    environment = os.environ | {"PYTHONPATH": path}
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=patience,
            env=environment,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        out = error.stdout or b""
        return None, out.decode(errors="replace") if isinstance(out, bytes) else out, ""
    except OSError as error:
        return -1, "", str(error)
    return done.returncode, done.stdout, done.stderr


def start_process(process: BaseProcess, *given: object) -> None:
    """Start a spawned process that does not import the program's main module again.

    That import takes as long as loading the command line, and the process does not need it.

    Parameters
    ----------
    process : multiprocessing.process.BaseProcess
        Its target is a function of a module.
    *given : object
        Arguments of the target. Where one of them is of a class of the main module, that module is
        imported after all.
    """
    main = sys.modules["__main__"]
    if any(type(each).__module__ == "__main__" for each in given):
        process.start()
        return
    with _starting:
        sys.modules["__main__"] = ModuleType("__main__")
        try:
            process.start()
        finally:
            sys.modules["__main__"] = main
