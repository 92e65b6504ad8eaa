"""Running what may crash or hang in a process of its own."""

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

PATIENCE = 20.0  # s that a process may take


def run(command: Sequence[str], patience: float = PATIENCE) -> tuple[int | None, str, str]:
    """Return exit code (None: took too long), output and errors of a process."""
    root = str(Path(__file__).resolve().parents[1])
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
