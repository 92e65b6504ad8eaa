"""One damaged file given to one reader, the same every time by its number."""

import shutil
import traceback
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nav.core.errors import InputError
from tests.fuzz.damage import mutated
from tests.fuzz.inputs import make_inputs
from tests.fuzz.listening import listening
from tests.fuzz.readers import READERS, SELF_CHECKS
from tests.fuzz.work import Reader


@dataclass(frozen=True)
class Fault:
    """What went wrong in a try: kind is traceback, crash, hang, memory or noise."""

    reader: str
    number: int
    kind: str
    text: str


def known(reader: str) -> Reader:
    """Return a reader by its name."""
    return READERS.get(reader) or SELF_CHECKS[reader]


class Bench:
    """A folder with right files, in which one at a time is damaged.

    folder : to work in; made. inputs : right files, made there if there are none.
    """

    def __init__(self, folder: Path, inputs: Path) -> None:
        self.folder, self.inputs = folder, inputs
        if not inputs.exists():
            inputs.mkdir(parents=True)
            make_inputs(inputs)
        shutil.copytree(inputs, folder, dirs_exist_ok=True)

    def damage(self, seed: int, reader: str, number: int) -> Path:
        """Put the damaged file of a try in its place."""
        files = known(reader).files
        rng = np.random.default_rng([seed, zlib.crc32(reader.encode()), number])
        name = files[int(rng.integers(len(files)))]
        path = self.folder / name
        path.write_bytes(mutated(rng, (self.inputs / name).read_bytes(), path.suffix))
        return path

    def mend(self, path: Path) -> None:
        """Put the right file back, and remove what was written."""
        shutil.copyfile(self.inputs / path.relative_to(self.folder), path)
        shutil.rmtree(self.folder / "out", ignore_errors=True)

    def run(self, seed: int, reader: str, number: int) -> Fault | None:
        """One try: None where the file was taken or refused in one line."""
        path = self.damage(seed, reader, number)
        known_one = known(reader)
        text = ""
        with listening() as heard:
            try:
                known_one.work(self.folder)
            except InputError as error:
                if len(str(error).splitlines()) > 1:
                    text = f"more than one line: {error!r}"
            except Exception:
                text = traceback.format_exc()
            finally:
                self.mend(path)
        if text:
            return Fault(reader, number, "traceback", text)
        if heard.text and not known_one.prints:
            return Fault(reader, number, "noise", heard.text)
        return None
