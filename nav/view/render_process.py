"""Render the anatomy in this process, or in one of its own that never blocks the window.

The window asks for a view and goes on; it takes rendered pictures when they arrive, first rough,
then fine. In the live window the rendering is done by a process of low priority, because a
processor that does the graphics card's work may be busy for seconds, and numbers must not stay on
the screen meanwhile.
"""

import logging
import multiprocessing
import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Protocol

from nav.core.childprocess import start_process
from nav.model.case import Case, Structure
from nav.model.surface import Surface
from nav.view.anatomy import Anatomy, Drawn
from nav.view.parallel_camera import View

NICENESS = 10  # about a tenth of the window's and tracking's share of a busy processor
# s of rest before a view is rendered finely, and between checks for a newer view meanwhile
REST, LOOK = 0.15, 0.02
RESTARTS = 2  # of a process that dies; more would not help
PATIENCE = 90.0  # s that a whole picture (of a still) is waited for
log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Wanted:
    """A picture that is requested.

    Parameters
    ----------
    view : View
        To render.
    width, height : int
        px.
    skin : bool
        Whether the skin is in it.
    hidden : frozenset of str
        Names of structures that are not in it.
    by_sigma : bool
        Surfaces have the colour of their standard deviation.
    """

    view: View
    width: int
    height: int
    skin: bool = False
    hidden: frozenset[str] = field(default_factory=frozenset)
    by_sigma: bool = False


class Drawing(Protocol):
    """Renders views of a case, the newest one that was requested."""

    @property
    def problem(self) -> str:
        """Why nothing is rendered any more, or empty."""
        ...

    def ask(self, wanted: Wanted) -> None:
        """Request another picture; never waits."""
        ...

    def newest(self) -> Drawn | None:
        """Return what was rendered since the last call, or None."""
        ...

    def finish(self) -> Drawn | None:
        """Wait for the fine picture of the last request; None if it was returned before."""
        ...

    def close(self) -> None:
        """Free what rendering needs."""
        ...


class OwnDrawing:
    """Renders in this process, at most one small piece per call.

    Parameters
    ----------
    case : Case
        Surfaces in the model frame, mm.
    clock : callable
        s.
    """

    problem = ""

    def __init__(self, case: Case, clock: Callable[[], float] = time.monotonic) -> None:
        self.anatomy = Anatomy(case)
        self.clock = clock
        self.wanted: Wanted | None = None
        self.asked_at = 0.0
        self.rough: Drawn | None = None
        self.strips: Iterator[Drawn | None] | None = None

    @property
    def busy(self) -> bool:
        """Whether something is left to render."""
        return self.wanted is not None

    @property
    def rests(self) -> bool:
        """Whether the fine picture is still to wait for the view to come to rest."""
        rough = self.rough is not None and self.strips is None
        return rough and self.clock() - self.asked_at < REST

    def ask(self, wanted: Wanted) -> None:
        """Request another picture; see Drawing."""
        self.wanted, self.asked_at = wanted, self.clock()
        self.rough = self.strips = None
        self.anatomy.show_without(wanted.hidden, wanted.skin)
        self.anatomy.colour_by_sigma(wanted.by_sigma)

    def newest(self) -> Drawn | None:
        """Render the next piece, and return what is ready; see Drawing."""
        return None if self.rests else self._piece()

    def finish(self) -> Drawn | None:
        """Render all that is left; see Drawing."""
        drawn = None
        while self.wanted is not None:
            drawn = self._piece() or drawn
        return drawn

    def close(self) -> None:
        """Free the graphics context."""
        self.anatomy.close()

    def _piece(self) -> Drawn | None:
        wanted = self.wanted
        if wanted is None:
            return None
        if self.rough is None:
            self.rough = self.anatomy.quick(wanted.view, wanted.width, wanted.height)
            return self.rough
        if self.strips is None:
            self.strips = self.anatomy.refine(self.rough, wanted.width, wanted.height)
        fine = next(self.strips)
        if fine is not None:
            self.wanted = self.rough = self.strips = None
        return fine


class ProcessDrawing:
    """Renders in a process of its own.

    A thread receives its pictures, so that the window never waits. A view is sent when the rough
    picture of the one before has come: a slow machine skips views.

    Parameters
    ----------
    case : Case
        Surfaces in the model frame, mm.
    """

    def __init__(self, case: Case) -> None:
        self.shapes = [
            (s.name, s.role, s.surface.vertices, s.surface.triangles, s.surface.sigma, s.sigma)
            for s in case.structures
        ]
        self.lock = threading.Condition()
        self.drawn: Drawn | None = None
        self.waiting: Wanted | None = None
        self.last: Wanted | None = None
        self.outstanding = self.fine = self.closed = False
        self.restarts = RESTARTS
        self._start()

    @property
    def problem(self) -> str:
        """Why nothing is rendered any more, or empty."""
        return "the 3D view cannot be drawn here" if self.restarts < 0 else ""

    def ask(self, wanted: Wanted) -> None:
        """Request another picture; see Drawing."""
        with self.lock:
            self.waiting = self.last = wanted
            self.fine = False
            self._send()

    def newest(self) -> Drawn | None:
        """Return what was rendered since the last call, or None; see Drawing."""
        with self.lock:
            drawn, self.drawn = self.drawn, None
        return drawn

    def finish(self) -> Drawn | None:
        """Wait for the fine picture of the last request; see Drawing."""
        with self.lock:
            if self.last is not None:
                self.lock.wait_for(lambda: self.fine or bool(self.problem), PATIENCE)
        return self.newest()

    def close(self) -> None:
        """End the process."""
        with self.lock:
            self.closed = True
        self.connection.close()
        self.process.kill()
        self.process.join(timeout=1.0)

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.process = context.Process(
            target=_draw_for, args=(self.shapes, theirs), name="drawing", daemon=True
        )
        start_process(self.process)
        theirs.close()
        threading.Thread(
            target=self._receive, args=(self.connection,), name="drawings", daemon=True
        ).start()

    def _send(self) -> None:
        """Send the view that waits, if the one before is rendered; the lock is held."""
        if self.waiting is None or self.outstanding or self.closed:
            return
        try:
            self.connection.send(self.waiting)
        except OSError:
            return  # the receiver starts it again
        self.waiting, self.outstanding = None, True

    def _receive(self, connection: Connection) -> None:
        while True:
            try:
                drawn, fine = connection.recv()
            except (EOFError, OSError):
                break
            with self.lock:
                if self.waiting is None or not fine:
                    self.drawn = drawn
                if not fine:
                    self.outstanding = False
                self.fine = fine and self.waiting is None and not self.outstanding
                self._send()
                self.lock.notify_all()
        with self.lock:
            if self.closed:
                return
            log.warning("the process that draws the 3D view has ended")
            self.restarts -= 1
            self.outstanding, self.waiting = False, self.last
            if self.restarts >= 0:
                self._start()
                self._send()
            self.lock.notify_all()


def _draw_for(shapes: list, connection: Connection) -> None:
    """Render what is requested until the window goes."""
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C belongs to the window's process
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    structures = tuple(
        Structure(name, role, Surface(vertices, triangles, local), None, None, sigma)
        for name, role, vertices, triangles, local, sigma in shapes
    )
    drawing = OwnDrawing(Case("", structures))
    try:
        while True:
            wait = None if not drawing.busy else LOOK if drawing.rests else 0.0
            if connection.poll(wait):
                drawing.ask(connection.recv())
                continue
            drawn = drawing.newest()
            if drawn is not None:
                connection.send((drawn, not drawing.busy))
    except (EOFError, OSError):
        return  # the window has gone
    finally:
        drawing.close()
