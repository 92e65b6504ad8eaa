"""A task that workers of the engine's test can import."""

import os
import signal
from pathlib import Path
from typing import Any


def task(number: int, folder: Path, dies: bool) -> dict[str, Any]:
    """Note that it ran; at its first run it may end its worker."""
    runs = folder / f"{number}.runs"
    count = len(runs.read_text()) if runs.exists() else 0
    runs.write_text("x" * (count + 1))
    if dies and count == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return {"number": number}
