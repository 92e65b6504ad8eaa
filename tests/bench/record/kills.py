"""kill -9 at random moments, and files cut at every record's border and at random bytes.

How much of a session is lost? Each victim is a process that records a simulated hand at 30 results
per second; it tells when it hands a result to the recorder, and is killed without warning.
"""

import os
import signal
import struct
import tempfile
import time
from dataclasses import dataclass
from dataclasses import replace as replaced
from pathlib import Path

import numpy as np

from nav.core.errors import InputError
from nav.record.session.mcap_records import McapRecords
from nav.record.session.session_about import about_session
from nav.record.session.session_format import SESSION_FILE
from nav.record.session.session_reader import open_session
from nav.record.session.session_recorder import SessionRecorder
from nav.record.session.session_writer import SessionWriter
from tests.live.test_session import Work

RATE = 30.0  # results per second
HANDED = struct.Struct("<Id")  # number of a result, and when it was handed over
EARLIEST, LATEST = 0.05, 1.5  # s after the session began


@dataclass(frozen=True)
class Loss:
    """What one kill or cut has cost.

    Parameters
    ----------
    seconds : float
        From the first result that is missing to the kill; 0 where none is.
    results : int
        How many are missing.
    damaged : bool
        Whether anything that was written is damaged, out of order or not as it was.
    """

    seconds: float
    results: int
    damaged: bool


def kill_one(folder: Path, after: float) -> Loss:
    """Record in a process, kill it, and compare what is there with what was handed over.

    Parameters
    ----------
    folder : Path
        Of the session; must not exist.
    after : float
        When to kill it, s after it began.

    Returns
    -------
    Loss
    """
    reads, writes = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reads)
        _record(folder, writes)
    os.close(writes)
    os.read(reads, HANDED.size)  # the session has begun
    time.sleep(after)
    os.kill(child, signal.SIGKILL)
    killed = time.monotonic()
    os.waitpid(child, 0)
    told = b""
    while block := os.read(reads, 1 << 16):
        told += block
    os.close(reads)
    usable = len(told) // HANDED.size * HANDED.size
    handed = dict(HANDED.iter_unpack(told[:usable]))
    return _compare(folder, handed, killed)


def _compare(folder: Path, handed: dict[int, float], killed: float) -> Loss:
    reader = open_session(folder)
    there = [(frame.number, frame.captured_at) for frame in reader.frames()]
    numbers = [number for number, _ in there]
    wrong = numbers != list(range(len(numbers))) or bool(reader.damage)
    wrong |= any(number in handed and handed[number] != at for number, at in there)
    missing = [at for number, at in handed.items() if number >= len(numbers)]
    return Loss(killed - min(missing, default=killed), len(missing), wrong)


def _record(folder: Path, told: int) -> None:
    """Record until killed; the first message says that the session has begun."""
    work = Work()
    recorder = SessionRecorder(work.session, SessionWriter(folder, about_session("poses")))
    os.write(told, HANDED.pack(0, 0.0))
    began, number = time.monotonic(), 0
    while True:
        work.hand.at = np.array([0.0, 0.0, 50.0 - 0.01 * number])
        tracked = replaced(work.hand.track(number), captured_at=time.monotonic())
        state = work.session.step(tracked)
        os.write(told, HANDED.pack(number, tracked.captured_at))
        recorder.frame(tracked, state)
        number += 1
        time.sleep(max(0.0, began + number / RATE - time.monotonic()))


def kill_many(count: int, seed: int = 0) -> list[Loss]:
    """Kill so many recordings, each at a random moment.

    Parameters
    ----------
    count : int
        How many.
    seed : int
        Of the moments.

    Returns
    -------
    list of Loss
    """
    moments = np.random.default_rng(seed).uniform(EARLIEST, LATEST, count)
    with tempfile.TemporaryDirectory(prefix="c1c2nav-kills-") as name:
        return [kill_one(Path(name) / str(k), float(at)) for k, at in enumerate(moments)]


def cut_everywhere(folder: Path, random: int, seed: int = 0) -> list[Loss]:
    """Cut a finished session at every record's border and at random bytes.

    Parameters
    ----------
    folder : Path
        Of a finished session.
    random : int
        How many random bytes.
    seed : int
        Of the places.

    Returns
    -------
    list of Loss
        Against what a program that was killed at that byte had handed over: all results up to the
        last one of the block that is cut.
    """
    content = (folder / SESSION_FILE).read_bytes()
    reader = open_session(folder)
    frames = list(reader.frames())
    borders, blocks = _places(folder)
    rng = np.random.default_rng(seed)
    cuts = sorted({*borders, *rng.integers(blocks[0][0], len(content), random).tolist()})
    losses = []
    with tempfile.TemporaryDirectory(prefix="c1c2nav-cuts-") as name:
        for cut in cuts:
            if cut < blocks[0][0]:
                continue  # in the files that are carried along: no result was there yet
            (Path(name) / SESSION_FILE).write_bytes(content[:cut])
            losses.append(_cut_loss(Path(name), frames, cut, blocks))
    return losses


def _places(folder: Path) -> tuple[list[int], list[tuple[int, int]]]:
    """Borders of records; and of each block its end, and the results up to its last one."""
    borders: list[int] = []
    blocks: list[tuple[int, int]] = []
    results = 0
    frames = 1  # the channel's id
    for placed in McapRecords(folder / SESSION_FILE):
        borders += [placed.start, placed.end]
        results += getattr(placed.record, "channel_id", None) == frames
        if blocks and blocks[-1][0] == placed.end:
            blocks.pop()
        if hasattr(placed.record, "channel_id"):
            blocks.append((placed.end, results))
    return sorted(set(borders)), blocks


def _cut_loss(folder: Path, frames: list, cut: int, blocks: list[tuple[int, int]]) -> Loss:
    try:
        reader = open_session(folder)
    except InputError:
        return Loss(float("inf"), len(frames), True)
    found, whole = reader.counts["/frame"], sum(end <= cut for end, _ in blocks)
    handed = blocks[min(whole, len(blocks) - 1)][1]  # the block that is cut was all handed over
    missing = frames[found:handed]
    seconds = missing[-1].captured_at - missing[0].captured_at if missing else 0.0
    wrong = found != (blocks[whole - 1][1] if whole else 0) or bool(reader.damage)
    return Loss(seconds, len(missing), wrong)
