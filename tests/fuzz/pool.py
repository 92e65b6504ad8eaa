"""Workers that are watched: crashes, hangs and memory are faults, and work goes on."""

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Empty, Queue

from tests.fuzz.trial import Fault
from tests.fuzz.worker import STATE

HANG = 10.0  # s of processor time in one try
WAITING = 30.0  # s in one try without being ready to run: a device or a pipe is waited for
MEMORY = 2 * 2**30  # bytes
BATCH = 50  # tries asked for at once
LOOK = 0.1  # s
ROOT = Path(__file__).parents[2]

Task = tuple[int, str, int, int]  # seed, reader, first number, count


class Worker:
    """One process with its folder."""

    def __init__(self, folder: Path, inputs: Path) -> None:
        self.folder, self.inputs = folder, inputs
        self.state_file = folder.with_suffix(".state")
        self.start()

    def start(self) -> None:
        """Start the process, or start it anew."""
        self.state_file.write_bytes(STATE.pack(0, -1, 0.0))
        environment = os.environ | {"PYTHONPATH": str(ROOT), "OPENCV_LOG_LEVEL": "OFF"}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.fuzz.worker", self.folder, self.inputs, self.state_file],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment, cwd=ROOT,
        )  # fmt: skip
        self.answers: Queue[str] = Queue()
        threading.Thread(target=self._listen, args=(self.process, self.answers)).start()
        if self.answers.get() != "ready":
            raise RuntimeError("a worker did not start")

    @staticmethod
    def _listen(process: subprocess.Popen[str], answers: Queue[str]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            answers.put(line.rstrip("\n"))
        process.wait()
        answers.put("gone")

    def state(self) -> tuple[int, int, float]:
        """Tries done, number of the present one, peak memory."""
        return STATE.unpack(self.state_file.read_bytes())

    def processor_seconds(self) -> float:
        """Time that the process has used, s; of the clock where the system does not say."""
        try:
            fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
            return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        except (OSError, ValueError, AttributeError):
            return time.monotonic()

    def is_waiting(self) -> bool:
        """Whether neither it nor a process that it started is ready to run.

        A busy computer alone is no hang.
        """
        among = [self.process.pid]
        for pid in among:
            try:
                threads = list(Path(f"/proc/{pid}/task").iterdir())
                for thread in threads:
                    if (thread / "stat").read_text().rpartition(")")[2].split()[0] == "R":
                        return False
                    among += map(int, (thread / "children").read_text().split())
            except OSError:  # it has ended, or the system does not say
                continue
        return True

    def stop(self) -> None:
        """End the process."""
        self.process.kill()
        self.process.wait()

    def run(self, task: Task, found: Callable[[Fault], None]) -> None:
        """Do a task; where the process is lost, it goes on after the try that did it."""
        seed, reader, first, count = task
        while count > 0:
            present = self._batch((seed, reader, first, count), found)
            if present is None:
                return
            count -= present + 1 - first
            first = present + 1
            self.stop()
            self.start()

    def _batch(self, task: Task, found: Callable[[Fault], None]) -> int | None:
        """None when it is done; else the number of the try that the process was lost in."""
        _, reader, _, _ = task
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(task) + "\n")
        self.process.stdin.flush()
        done, looks, used = -1, 0, 0.0
        while True:
            try:
                answer = self.answers.get(timeout=LOOK)
            except Empty:
                answer = ""
            now, number, peak = self.state()
            if answer == "done":
                if peak > MEMORY:
                    found(Fault(reader, number, "memory", f"{peak / 2**30:.1f} GB in its batch"))
                    self.stop()
                    self.start()
                return None
            if answer == "gone":
                text = f"the process ended with {self.process.returncode}"
                found(Fault(reader, number, "crash", text))
                return number
            if answer:
                found(Fault(**json.loads(answer)))
                continue
            if now != done:
                done, looks, used = now, 0, self.processor_seconds()
            looks += self.is_waiting()
            busy, waited = self.processor_seconds() - used, LOOK * looks
            if busy > HANG or waited > WAITING:
                found(Fault(reader, number, "hang", f"{busy:.0f} s busy, {waited:.0f} s waiting"))
                return number
            if peak > MEMORY:
                found(Fault(reader, number, "memory", f"{peak / 2**30:.1f} GB"))
                return number


def run_all(
    tasks: Iterator[Task], workers: int, found: Callable[[Fault], None],
    done: Callable[[int], None],
) -> None:  # fmt: skip
    """Do all tasks in as many processes; `found` hears faults, `done` counts of tries."""
    lock = threading.Lock()

    def told(fault: Fault) -> None:
        with lock:
            found(fault)

    def work(worker: Worker) -> None:
        try:
            while True:
                with lock:
                    task = next(tasks, None)
                if task is None:
                    return
                worker.run(task, told)
                with lock:
                    done(task[3])
        finally:
            worker.stop()

    with tempfile.TemporaryDirectory(prefix="c1c2nav-fuzz-") as folder:
        inputs = Path(folder) / "inputs"
        crew = [Worker(Path(folder) / "0", inputs)]  # the first makes the inputs
        crew += [Worker(Path(folder) / str(k), inputs) for k in range(1, workers)]
        with ThreadPoolExecutor(len(crew)) as threads:
            for ended in [threads.submit(work, worker) for worker in crew]:
                ended.result()
