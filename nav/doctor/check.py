"""What a check says, and running what may crash or hang in a process of its own."""

import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Status = Literal["ok", "warn", "fail"]
PATIENCE = 20.0  # s that a process may take


@dataclass(frozen=True)
class Check:
    """One thing looked at: how it is and, if it is not well, what to do."""

    name: str
    status: Status
    text: str
    advice: str = ""


def run(command: Sequence[str], patience: float = PATIENCE) -> tuple[int | None, str, str]:
    """Exit code (None: took too long), output and errors of a process."""
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
