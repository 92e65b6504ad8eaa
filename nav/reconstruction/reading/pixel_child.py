"""Decoder of compressed pixels in a separate process, which damaged data may terminate.

Run as `python -m nav.reconstruction.reading.pixel_child`. Each line of its input is a request in
JSON, a path and frame numbers; the answer is a line of JSON, followed by the frames' values.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pydicom  # noqa: F401 (its decoders)
from pydicom.pixels import iter_pixels

from nav.reconstruction.reading.dicom_elements import read_elements
from nav.reconstruction.reading.pixel_tags import PIXEL_TAGS
from nav.reconstruction.reading.quiet_readers import quiet_libraries


def main() -> None:
    """Answer requests until the input ends."""
    out = os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(nowhere, stream)
    with quiet_libraries():
        for line in sys.stdin:
            request = json.loads(line)
            _answer(out, Path(request["path"]), request["frames"])


def _answer(out: BinaryIO, path: Path, frames: list[int]) -> None:
    try:
        dataset = read_elements(path, PIXEL_TAGS, before_pixels=False, force=True)
        found: list[Any] = list(iter_pixels(dataset, raw=True, indices=frames))
        values = np.ascontiguousarray(found)
        head = {"dtype": values.dtype.str, "shape": values.shape}
    except NotImplementedError:
        head, values = {"kind": "no decoder"}, np.zeros(0)
    except Exception as error:  # decoders raise anything
        head, values = {"kind": type(error).__name__, "text": str(error)[:2000]}, np.zeros(0)
    out.write(json.dumps(head).encode() + b"\n")
    out.write(values.data)
    out.flush()


if __name__ == "__main__":
    main()
