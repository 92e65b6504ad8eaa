"""Background threads."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")


def run_in_background(work: Callable[[], T]) -> Future[T]:
    """Run a function in a daemon thread, which never keeps the program from ending.

    Parameters
    ----------
    work : callable
        Function without arguments.

    Returns
    -------
    Future
        Of its result, or of the exception that it raised.
    """
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=run, name="background", daemon=True).start()
    return future
