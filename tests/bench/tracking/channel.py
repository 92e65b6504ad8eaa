"""A process that answers lines of JSON with lines of JSON."""

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from nav.core.frameset import Picture


class Channel:
    """Starts a process, in a folder, and talks with it.

    Raises
    ------
    ConnectionError
        The process has ended instead of answering (also from `ask`).
    """

    def __init__(self, command: Sequence[str], folder: Path | None = None) -> None:
        self.command = " ".join(command)
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=folder
        )
        self.greeting = self._answer()

    def ask(self, message: dict[str, Any], pictures: Sequence[Picture] = ()) -> dict[str, Any]:
        """The answer to a message and the pictures (height, width) that follow it."""
        assert self.process.stdin is not None
        if pictures:
            message = {**message, "shapes": [picture.shape for picture in pictures]}
        self.process.stdin.write(json.dumps(message).encode() + b"\n")
        for picture in pictures:
            self.process.stdin.write(picture.tobytes())
        self.process.stdin.flush()
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise ConnectionError(f"{self.command}: ended with {self.process.wait()}")
        return dict(json.loads(line))

    def close(self) -> None:
        """End the process: it stops when its input does."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
