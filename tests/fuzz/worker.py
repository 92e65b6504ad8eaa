"""A process that tries damaged files; it may crash, hang or eat memory, and is watched."""

import json
import os
import struct
import sys
import traceback
from contextlib import suppress
from mmap import mmap
from pathlib import Path

STATE = struct.Struct("<qqd")  # tries done, number of the present try, peak memory in bytes
MORE_MEMORY = 3 * 2**30  # bytes of addresses beyond those after loading


def main() -> None:
    """Read ``seed, reader, first, count`` lines, try, and answer faults as JSON lines."""
    folder, inputs, state_file = map(Path, sys.argv[1:])
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    log = os.open(os.devnull, os.O_WRONLY)
    os.dup2(log, 1)
    os.dup2(log, 2)

    import logging

    from tests.fuzz.trial import Bench, Fault

    logging.getLogger("nav").addHandler(logging.NullHandler())  # ours are for engineers
    bench = Bench(folder, inputs)
    _limit_memory()
    with state_file.open("r+b") as file, mmap(file.fileno(), STATE.size) as state:
        print("ready", file=answers, flush=True)
        done = 0
        for line in sys.stdin:
            seed, reader, first, count = json.loads(line)
            for number in range(first, first + count):
                state[:] = STATE.pack(done, number, _peak())
                try:
                    fault = bench.run(seed, reader, number)
                except Exception:  # in making or cleaning up the files, not in a reader
                    fault = Fault(reader, number, "crash", traceback.format_exc())
                done += 1
                state[:] = STATE.pack(done, number, _peak())
                if fault is not None:
                    print(json.dumps(vars(fault)), file=answers, flush=True)
            print("done", file=answers, flush=True)


def _peak() -> float:
    """Most memory since the start; what getrusage says counts the parent's, too."""
    with suppress(OSError, StopIteration, ValueError):
        lines = Path("/proc/self/status").read_text().splitlines()
        return 1024.0 * int(next(line for line in lines if line.startswith("VmHWM")).split()[1])
    return 0.0


def _limit_memory() -> None:
    with suppress(ImportError, OSError, ValueError):
        import resource

        pages = int(Path("/proc/self/statm").read_text().split()[0])
        limit = pages * resource.getpagesize() + MORE_MEMORY
        resource.setrlimit(resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))


if __name__ == "__main__":
    main()
